//! What the operator's screen is made of, on the wire.

use crate::gateway::freight::Transfer;
use crate::gateway::run::Addresses;
use crate::gateway::serve::queue;
use crate::gateway::status::{LogSize, PeerStatus, Status};
use crate::gateway::store::WriterCounts;
use crate::gateway::store::record::{Quota, SpaceUse};
use crate::keys::expiry::{Expiring, Lifetime};
use crate::proto::gateway::v1 as wire;
use crate::time::Timestamp;

/// The whole screen, as it is at `now`.
pub(super) fn screen(seen: Status, addresses: Addresses, now: Timestamp) -> wire::GetStatusResponse {
    let transport = seen.lifetimes.iter().find(|life| life.what == Expiring::Transport);
    wire::GetStatusResponse {
        ministry: seen.ministry.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start_time: seen.started.seconds(),
        policy_sequence: seen.policy,
        certificate_end_time: transport.map_or(0, |life| life.ends.seconds()),
        peers: seen.peers.into_iter().map(peer).collect(),
        mailbox_waiting: seen.mailbox_waiting,
        alarms: seen.alarms.into_iter().map(queue::alarm).collect(),
        relay_address: addresses.relay,
        mailbox_address: addresses.mailbox,
        metrics_address: addresses.metrics.unwrap_or_default(),
        writer: Some(writer(seen.writer)),
        store: Some(room(&seen.space, &seen.quotas)),
        lifetimes: seen.lifetimes.iter().map(|life| lifetime(life, now)).collect(),
        logs: seen.logs.into_iter().map(log).collect(),
        certificate_flaw: seen.certificate_flaw.unwrap_or_default(),
        restored_time: seen.from_backup.map_or(0, |state| state.made.seconds()),
        awaits_desk: seen.from_backup.is_some_and(|state| state.awaits_desk),
    }
}

fn lifetime(life: &Lifetime, now: Timestamp) -> wire::Lifetime {
    wire::Lifetime {
        what: life.what.word().to_owned(),
        ministry: life.ministry.to_string(),
        end_time: life.ends.seconds(),
        nearness: life.nearness(now).word().to_owned(),
    }
}

fn log(log: LogSize) -> wire::LogSize {
    wire::LogSize {
        origin: log.origin,
        ministry: log.peer.to_string(),
        mirror: log.mirror,
        size: log.size,
        cosigned_size: log.cosigned,
        root: log.root.as_bytes().to_vec(),
        cosigner: log.cosigner.map(|cosigner| cosigner.to_string()).unwrap_or_default(),
        cosign_time: log.cosign_time.map_or(0, Timestamp::seconds),
    }
}

fn peer(seen: PeerStatus) -> wire::PeerStatus {
    wire::PeerStatus {
        ministry: seen.ministry.to_string(),
        display_name: seen.display_name,
        connected: seen.connected,
        takes_nothing_since: seen.shut_since.map_or(0, Timestamp::seconds),
        queued: seen.queued,
        held: seen.held,
        oldest_time: seen.oldest.map_or(0, Timestamp::seconds),
        next_attempt_time: seen.next_attempt.map_or(0, Timestamp::seconds),
        last_receipt_time: seen.last_receipt.map_or(0, Timestamp::seconds),
        last_failure: seen.last_failure,
        clock_skew: seen.clock_skew,
        transfers: seen.transfers.into_iter().map(transfer).collect(),
        mailbox_messages: seen.mailbox.count,
        mailbox_bytes: seen.mailbox.bytes,
        uploads: seen.uploads.count,
        upload_bytes: seen.uploads.bytes,
        standing: seen.standing.word().to_owned(),
        bundle_sequence: seen.bundle,
        announced_sequence: seen.announced.unwrap_or(0),
        paused_since: seen.pause.as_ref().map_or(0, |pause| pause.time.seconds()),
        paused_by_force: seen.pause.as_ref().is_some_and(|pause| pause.force),
        paused_reason: seen.pause.map(|pause| pause.reason).unwrap_or_default(),
    }
}

fn room(seen: &SpaceUse, [mailbox, uploads]: &[Quota; 2]) -> wire::StoreRoom {
    wire::StoreRoom {
        free_bytes: seen.free,
        floor_bytes: seen.floor,
        ballast_bytes: seen.ballast,
        accepting: seen.admits,
        mailbox_messages_max: mailbox.count,
        mailbox_bytes_max: mailbox.bytes,
        uploads_max: uploads.count,
        upload_bytes_max: uploads.bytes,
    }
}

fn transfer(moving: Transfer) -> wire::PartTransfer {
    wire::PartTransfer {
        digest: moving.digest.as_bytes().to_vec(),
        size: moving.size,
        done: moving.done,
        moving: moving.moving,
        failures: moving.failures,
        reason: moving.reason,
    }
}

fn writer(counts: WriterCounts) -> wire::WriterCounts {
    let WriterCounts { commits, jobs, checkpoints, waiting } = counts;
    wire::WriterCounts { commits, jobs, checkpoints, waiting }
}
