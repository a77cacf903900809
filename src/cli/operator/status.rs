//! The gateway on one screen, as its operator service tells it.

use super::queue::{self, Alarm, instant};
use crate::digest::Digest;
use crate::keys::expiry::Nearness;
use crate::proto::gateway::v1 as wire;
use crate::time::Timestamp;

/// The gateway on one screen.
#[derive(Debug)]
pub(in crate::cli) struct GatewayStatus {
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) version: String,
    pub(in crate::cli) started: Timestamp,
    pub(in crate::cli) policy: u64,
    pub(in crate::cli) peers: Vec<PeerStatus>,
    pub(in crate::cli) mailbox_waiting: u64,
    pub(in crate::cli) alarms: Vec<Alarm>,
    pub(in crate::cli) relay: String,
    pub(in crate::cli) mailbox: String,
    pub(in crate::cli) metrics: Option<String>,
    pub(in crate::cli) store: StoreRoom,
    pub(in crate::cli) lifetimes: Vec<Lifetime>,
    pub(in crate::cli) logs: Vec<LogSize>,
    /// Why peers do not believe the transport certificate in the home, a reason code first.
    pub(in crate::cli) certificate_flaw: Option<String>,
    /// Of when the backup is out of which it was restored, until nothing is awaited for that any more.
    pub(in crate::cli) restored: Option<Timestamp>,
    /// Whether its own desk has not come since.
    pub(in crate::cli) awaits_desk: bool,
}

/// A certificate or bundle, and when it ends.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Lifetime {
    pub(in crate::cli) what: String,
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) ends: Timestamp,
    pub(in crate::cli) nearness: Nearness,
}

/// How far a log of a pair has come.
#[derive(Debug, Clone)]
pub(in crate::cli) struct LogSize {
    pub(in crate::cli) origin: String,
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) mirror: bool,
    pub(in crate::cli) size: u64,
    pub(in crate::cli) root: String,
    pub(in crate::cli) cosigned: u64,
    pub(in crate::cli) cosigner: Option<String>,
    pub(in crate::cli) cosign_time: Option<Timestamp>,
}

/// Room on the disk, and what one peer may take of it.
#[derive(Debug, Default)]
pub(in crate::cli) struct StoreRoom {
    pub(in crate::cli) free: u64,
    pub(in crate::cli) floor: u64,
    pub(in crate::cli) ballast: u64,
    pub(in crate::cli) accepting: bool,
    pub(in crate::cli) mailbox_max: Amount,
    pub(in crate::cli) uploads_max: Amount,
}

/// How many, and how many bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::cli) struct Amount {
    pub(in crate::cli) count: u64,
    pub(in crate::cli) bytes: u64,
}

/// One peer.
#[derive(Debug)]
pub(in crate::cli) struct PeerStatus {
    pub(in crate::cli) ministry: String,
    pub(in crate::cli) display_name: String,
    pub(in crate::cli) connected: bool,
    pub(in crate::cli) takes_nothing_since: Option<Timestamp>,
    pub(in crate::cli) queued: u64,
    pub(in crate::cli) held: u64,
    pub(in crate::cli) oldest: Option<Timestamp>,
    pub(in crate::cli) next_attempt: Option<Timestamp>,
    pub(in crate::cli) last_receipt: Option<Timestamp>,
    pub(in crate::cli) last_failure: String,
    pub(in crate::cli) clock_skew: i64,
    pub(in crate::cli) waiting: Amount,
    pub(in crate::cli) uploads: Amount,
    pub(in crate::cli) standing: String,
    pub(in crate::cli) bundle: u64,
    pub(in crate::cli) announced: Option<u64>,
    pub(in crate::cli) pause: Option<Paused>,
    pub(in crate::cli) transfers: Vec<PartTransfer>,
}

/// Since when and why an operator lets nothing be exchanged with a peer.
#[derive(Debug)]
pub(in crate::cli) struct Paused {
    pub(in crate::cli) since: Timestamp,
    pub(in crate::cli) reason: String,
    pub(in crate::cli) force: bool,
}

/// A large sealed part on its way to a peer.
#[derive(Debug)]
pub(in crate::cli) struct PartTransfer {
    pub(in crate::cli) digest: String,
    pub(in crate::cli) size: u64,
    pub(in crate::cli) done: u64,
    pub(in crate::cli) moving: bool,
    pub(in crate::cli) failures: u32,
    pub(in crate::cli) reason: String,
}

impl GatewayStatus {
    /// The transport certificate of the gateway.
    pub(in crate::cli) fn transport(&self) -> Option<&Lifetime> {
        self.lifetimes.iter().find(|life| life.what == "transport")
    }
}

/// The screen, as the wire brings it.
pub(super) fn seen(seen: wire::GetStatusResponse) -> GatewayStatus {
    GatewayStatus {
        ministry: seen.ministry,
        version: seen.version,
        started: Timestamp::from_seconds(seen.start_time),
        policy: seen.policy_sequence,
        peers: seen.peers.into_iter().map(peer).collect(),
        mailbox_waiting: seen.mailbox_waiting,
        alarms: seen.alarms.into_iter().map(queue::alarm).collect(),
        relay: seen.relay_address,
        mailbox: seen.mailbox_address,
        metrics: Some(seen.metrics_address).filter(|address| !address.is_empty()),
        store: room(&seen.store.unwrap_or_default()),
        lifetimes: seen.lifetimes.into_iter().map(lifetime).collect(),
        logs: seen.logs.into_iter().map(log).collect(),
        certificate_flaw: Some(seen.certificate_flaw).filter(|flaw| !flaw.is_empty()),
        restored: instant(seen.restored_time),
        awaits_desk: seen.awaits_desk,
    }
}

fn lifetime(seen: wire::Lifetime) -> Lifetime {
    let wire::Lifetime { what, ministry, end_time, nearness } = seen;
    // A word of a later release: something is near.
    let nearness = Nearness::parse(&nearness).unwrap_or(Nearness::Month);
    Lifetime { what, ministry, ends: Timestamp::from_seconds(end_time), nearness }
}

fn log(seen: wire::LogSize) -> LogSize {
    let root = Digest::from_slice(&seen.root).map(|root| root.hex()).unwrap_or_default();
    LogSize {
        origin: seen.origin,
        ministry: seen.ministry,
        mirror: seen.mirror,
        size: seen.size,
        root,
        cosigned: seen.cosigned_size,
        cosigner: Some(seen.cosigner).filter(|cosigner| !cosigner.is_empty()),
        cosign_time: instant(seen.cosign_time),
    }
}

fn peer(seen: wire::PeerStatus) -> PeerStatus {
    PeerStatus {
        ministry: seen.ministry,
        display_name: seen.display_name,
        connected: seen.connected,
        takes_nothing_since: instant(seen.takes_nothing_since),
        queued: seen.queued,
        held: seen.held,
        oldest: instant(seen.oldest_time),
        next_attempt: instant(seen.next_attempt_time),
        last_receipt: instant(seen.last_receipt_time),
        last_failure: seen.last_failure,
        clock_skew: seen.clock_skew,
        transfers: seen.transfers.into_iter().map(transfer).collect(),
        waiting: Amount { count: seen.mailbox_messages, bytes: seen.mailbox_bytes },
        uploads: Amount { count: seen.uploads, bytes: seen.upload_bytes },
        standing: seen.standing,
        bundle: seen.bundle_sequence,
        announced: Some(seen.announced_sequence).filter(|sequence| *sequence > 0),
        pause: instant(seen.paused_since).map(|since| Paused {
            since,
            reason: seen.paused_reason,
            force: seen.paused_by_force,
        }),
    }
}

fn room(seen: &wire::StoreRoom) -> StoreRoom {
    StoreRoom {
        free: seen.free_bytes,
        floor: seen.floor_bytes,
        ballast: seen.ballast_bytes,
        accepting: seen.accepting,
        mailbox_max: Amount { count: seen.mailbox_messages_max, bytes: seen.mailbox_bytes_max },
        uploads_max: Amount { count: seen.uploads_max, bytes: seen.upload_bytes_max },
    }
}

fn transfer(moving: wire::PartTransfer) -> PartTransfer {
    let digest = Digest::from_slice(&moving.digest).map(|digest| digest.hex()).unwrap_or_default();
    let wire::PartTransfer { size, done, moving, failures, reason, .. } = moving;
    PartTransfer { digest, size, done, moving, failures, reason }
}
