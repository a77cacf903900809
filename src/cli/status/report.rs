//! The gateway on one screen, for scripts: `chancery.status/1`.

use serde_json::{Value, json};

use crate::cli::alarm;
use crate::cli::operator::status::{Amount, GatewayStatus, Lifetime, LogSize, PartTransfer, PeerStatus};

/// All of it, as one object.
pub(super) fn report(seen: &GatewayStatus) -> Value {
    json!({
        "schema": "chancery.status/1",
        "ministry": seen.ministry,
        "version": seen.version,
        "started": seen.started.to_string(),
        "relay": seen.relay,
        "mailbox": seen.mailbox,
        "policy": seen.policy,
        "mailbox_waiting": seen.mailbox_waiting,
        "metrics": seen.metrics,
        "certificate_flaw": seen.certificate_flaw,
        "restored": seen.restored.map(|made| made.to_string()),
        "awaits_desk": seen.awaits_desk,
        "certificate_until": seen.transport().map(|life| life.ends.to_string()),
        "lifetimes": seen.lifetimes.iter().map(lifetime_report).collect::<Vec<_>>(),
        "logs": seen.logs.iter().map(log_report).collect::<Vec<_>>(),
        "peers": seen.peers.iter().map(peer_report).collect::<Vec<_>>(),
        "alarms": seen.alarms.iter().map(alarm::report).collect::<Vec<_>>(),
        "store": {
            "free_bytes": seen.store.free,
            "floor_bytes": seen.store.floor,
            "ballast_bytes": seen.store.ballast,
            "accepting": seen.store.accepting,
            "mailbox_max": amount_report(seen.store.mailbox_max),
            "uploads_max": amount_report(seen.store.uploads_max),
        },
    })
}

fn amount_report(amount: Amount) -> Value {
    json!({ "count": amount.count, "bytes": amount.bytes })
}

fn peer_report(peer: &PeerStatus) -> Value {
    json!({
        "ministry": peer.ministry,
        "display_name": peer.display_name,
        "connected": peer.connected,
        "takes_nothing_since": peer.takes_nothing_since.map(|at| at.to_string()),
        "queued": peer.queued,
        "held": peer.held,
        "oldest": peer.oldest.map(|at| at.to_string()),
        "next_attempt": peer.next_attempt.map(|at| at.to_string()),
        "last_receipt": peer.last_receipt.map(|at| at.to_string()),
        "last_failure": peer.last_failure,
        "clock_skew": peer.clock_skew,
        "mailbox": amount_report(peer.waiting),
        "uploads": amount_report(peer.uploads),
        "standing": peer.standing,
        "bundle": peer.bundle,
        "announced": peer.announced,
        "paused": peer.pause.as_ref().map(|pause| json!({
            "since": pause.since.to_string(),
            "reason": (!pause.reason.is_empty()).then_some(&pause.reason),
            "force": pause.force,
        })),
        "transfers": peer.transfers.iter().map(transfer_report).collect::<Vec<_>>(),
    })
}

fn transfer_report(part: &PartTransfer) -> Value {
    json!({
        "part": part.digest,
        "size": part.size,
        "done": part.done,
        "moving": part.moving,
        "failures": part.failures,
        "reason": part.reason,
    })
}

fn lifetime_report(life: &Lifetime) -> Value {
    json!({
        "what": life.what,
        "ministry": life.ministry,
        "until": life.ends.to_string(),
        "nearness": life.nearness.word(),
    })
}

fn log_report(log: &LogSize) -> Value {
    json!({
        "origin": log.origin,
        "ministry": log.ministry,
        "mirror": log.mirror,
        "size": log.size,
        "root": log.root,
        "cosigned": log.cosigned,
        "cosigned_by": log.cosigner.as_ref().map(|cosigner| json!({
            "ministry": cosigner,
            "size": log.cosigned,
            "time": log.cosign_time.map(|at| at.to_string()),
        })),
    })
}
