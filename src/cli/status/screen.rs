//! The gateway on one screen, for people.

use indicatif::HumanBytes;

use crate::cli::operator::status::{Amount, GatewayStatus, Lifetime, LogSize, PeerStatus, StoreRoom};
use crate::cli::table::Table;
use crate::cli::{alarm, queue_report};
use crate::keys::expiry::{Nearness, days_left};
use crate::time::Timestamp;

/// All of it, as it is at `now`.
pub(super) fn screen(seen: &GatewayStatus, now: Timestamp) -> String {
    let mut text = format!(
        "gateway of {}, chancery {}, running since {}\n\
         relay        {}\n\
         mailbox      {}, {} waiting for the desk\n\
         certificate  {}\n\
         metrics      {}\n\
         policy       {}\n\
         store        {}\n",
        seen.ministry,
        seen.version,
        seen.started,
        seen.relay,
        seen.mailbox,
        seen.mailbox_waiting,
        ends(seen, now),
        seen.metrics.as_deref().unwrap_or("read by `status --format prometheus` only"),
        if seen.policy == 0 { "none yet".to_owned() } else { seen.policy.to_string() },
        room(&seen.store),
    );
    text.push_str(&restored(seen));
    text.push_str(&if seen.peers.is_empty() { "no peers\n".to_owned() } else { peers(seen, now) });
    text.push_str(&heads(&seen.logs));
    text.push_str(&announced(seen));
    text.push_str(&transfers(seen));
    text.push_str(&match seen.alarms.as_slice() {
        [] => "no alarms\n".to_owned(),
        alarms => alarm::table(alarms).render(),
    });
    text
}

/// Until when the transport certificate is good, and what else ends soon.
fn ends(seen: &GatewayStatus, now: Timestamp) -> String {
    let one = |life: &Lifetime| format!("until {} ({} days)", life.ends, days_left(life.ends, now));
    let mut text = seen.transport().map_or_else(nothing, one);
    if let Some(flaw) = &seen.certificate_flaw {
        text = format!("NOT BELIEVED: {flaw}\n             {text}");
    }
    for life in seen.lifetimes.iter().filter(|life| life.what != "transport" && life.nearness > Nearness::Far)
    {
        text.push_str(&format!("\n             {} of {} {}", life.what, life.ministry, one(life)));
    }
    text
}

/// What a gateway that came out of a backup waits for.
fn restored(seen: &GatewayStatus) -> String {
    let Some(made) = seen.restored else { return String::new() };
    let awaits = match seen.awaits_desk {
        true => "the own desk is awaited: any command of it, such as `outbox`",
        false => "its desk has come; `peer resume` lets each peer in",
    };
    format!("restored     from a backup of {made}, and exchanges nothing: {awaits}\n")
}

fn peers(seen: &GatewayStatus, now: Timestamp) -> String {
    let mut table = Table::new([
        "PEER",
        "STATE",
        "QUEUED",
        "HELD",
        "OLDEST",
        "NEXT",
        "IN MAILBOX",
        "LAST RECEIPT",
        "LOGS OURS / THEIRS",
        "CLOCK",
        "LAST FAILURE",
    ]);
    for peer in &seen.peers {
        table.row([
            &peer.ministry,
            &state(peer, now),
            &peer.queued.to_string(),
            &peer.held.to_string(),
            &peer.oldest.map_or_else(nothing, |at| queue_report::since(at, now)),
            &peer.next_attempt.map_or_else(nothing, |at| queue_report::until(at, now)),
            &share(peer.waiting, seen.store.mailbox_max),
            &peer.last_receipt.map_or_else(nothing, |at| at.to_string()),
            &logs(seen, peer),
            &format!("{:+} s", peer.clock_skew),
            if peer.last_failure.is_empty() { "-" } else { &peer.last_failure },
        ]);
    }
    table.render()
}

/// The head of each log, and who has vouched for how much of it; the whole roots stand in `log head` and in JSON.
fn heads(logs: &[LogSize]) -> String {
    if logs.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["LOG", "KEPT", "ENTRIES", "ROOT", "COSIGNED"]);
    for log in logs {
        let kept = if log.mirror { "mirror" } else { "own" };
        let at = |time: Timestamp| format!(" at {time}");
        let cosigned = match &log.cosigner {
            Some(by) => format!("{} by {by}{}", log.cosigned, log.cosign_time.map(at).unwrap_or_default()),
            None => nothing(),
        };
        let root = log.root.get(..12).unwrap_or(&log.root);
        table.row([&log.origin, kept, &log.size.to_string(), root, &cosigned]);
    }
    table.render()
}

/// Bundles that peers announced and that nobody has accredited.
fn announced(seen: &GatewayStatus) -> String {
    let newer = seen.peers.iter().filter_map(|peer| {
        let announced = peer.announced?;
        let PeerStatus { ministry, bundle, .. } = peer;
        Some(format!("{ministry} announced bundle {announced}, not accredited yet (bundle {bundle} is)\n"))
    });
    newer.collect()
}

/// Large sealed parts on their way.
fn transfers(seen: &GatewayStatus) -> String {
    let moving = || seen.peers.iter().flat_map(|peer| peer.transfers.iter().map(move |part| (peer, part)));
    if moving().next().is_none() {
        return String::new();
    }
    let mut table = Table::new(["PART", "TO", "DONE", "STATE"]);
    for (peer, part) in moving() {
        let done = format!("{} of {}", HumanBytes(part.done), HumanBytes(part.size));
        let state = match (part.moving, part.failures) {
            (true, _) => "on its way".to_owned(),
            (false, 0) => "waits".to_owned(),
            (false, failures) => {
                format!("failed {}: {}", queue_report::counted(failures.into(), "time"), part.reason)
            }
        };
        let name = part.digest.get(..12).unwrap_or(&part.digest);
        table.row([name, &peer.ministry, &done, &state]);
    }
    table.render()
}

/// Why a peer is paused that nobody has let in since its gateway was restored from a backup.
pub(super) const RESTORED: &str = "RESTORED";

/// How a peer stands.
fn state(peer: &PeerStatus, now: Timestamp) -> String {
    if peer.pause.as_ref().is_some_and(|pause| pause.reason == RESTORED) {
        return "restored".to_owned();
    }
    if let Some(pause) = peer.pause.as_ref().filter(|_| peer.standing == "sound") {
        return format!("paused ({})", queue_report::since(pause.since, now));
    }
    match peer.takes_nothing_since {
        _ if peer.standing != "sound" => peer.standing.clone(),
        _ if !peer.connected => "away".to_owned(),
        Some(since) => format!("takes nothing ({})", queue_report::since(since, now)),
        None => "connected".to_owned(),
    }
}

fn nothing() -> String {
    "-".to_owned()
}

/// The room of the store in one line.
fn room(store: &StoreRoom) -> String {
    let free = format!("{} MiB free, floor {} MiB", store.free / MIB, store.floor / MIB);
    match (store.accepting, store.ballast) {
        (false, _) => format!("{free}: nothing new is taken until there is more room"),
        (true, 0) => format!("{free}, without ballast"),
        (true, _) => free,
    }
}

/// How much of its quota a peer uses.
fn share(used: Amount, most: Amount) -> String {
    let percent = |used: u64, most: u64| used.saturating_mul(100).checked_div(most).unwrap_or(0);
    let percent = percent(used.count, most.count).max(percent(used.bytes, most.bytes));
    if used.count == 0 { "0".to_owned() } else { format!("{} ({percent}% of quota)", used.count) }
}

const MIB: u64 = 1024 * 1024;

/// How far our log of the pair and the mirror of the peer's have come, each with what the other side has not cosigned.
fn logs(seen: &GatewayStatus, peer: &PeerStatus) -> String {
    let of =
        |mirror: bool| seen.logs.iter().find(|log| log.ministry == peer.ministry && log.mirror == mirror);
    let one = |log: &LogSize| match log.size.saturating_sub(log.cosigned) {
        0 => log.size.to_string(),
        open => format!("{} ({open} not cosigned)", log.size),
    };
    let one = |mirror| of(mirror).map_or_else(nothing, one);
    format!("{} / {}", one(false), one(true))
}
