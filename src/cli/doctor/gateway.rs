//! Judges what a running gateway says of itself, and whether its peers answer.

use std::path::Path;

use super::finding::Finding;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::operator::status::{GatewayStatus, PeerStatus};
use crate::cli::operator::{Operator, Ping, of_peer};
use crate::cli::shell_word;
use crate::cli::status::believed_again;
use crate::keys::expiry::{Nearness, days_left};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A peer whose clock is so many seconds off is told of; beyond five minutes messages are refused (CHN_08).
const SKEW_SECONDS_MAX: u64 = 60;

const MIB: u64 = 1024 * 1024;

/// A peer and what came of connecting to it.
pub(super) type Pinged = (String, Result<Ping, CliError>);

/// Connects to every peer, one after the other.
pub(super) async fn ping_all(operator: &mut Operator, seen: &GatewayStatus) -> Vec<Pinged> {
    let mut pings = Vec::with_capacity(seen.peers.len());
    for peer in &seen.peers {
        let Ok(ministry) = Ministry::parse(&peer.ministry) else { continue };
        pings.push((peer.ministry.clone(), operator.ping(&ministry).await));
    }
    pings
}

/// No gateway answers here.
pub(super) fn away(home: &Path, error: &CliError) -> Finding {
    let word = shell_word(&home.to_string_lossy());
    let next =
        error.hint_command().map_or_else(|| format!("chancery-gateway check --home {word}"), str::to_owned);
    Finding::fail("gateway", error.message(), next)
}

/// Everything that is said.
pub(super) fn look(
    context: &Context,
    seen: &GatewayStatus,
    pings: &[Pinged],
    now: Timestamp,
) -> Vec<Finding> {
    let mut found = vec![Finding::ok("gateway", format!("{} runs since {}", seen.version, seen.started))];
    found.extend(restored(context, seen));
    found.push(store(seen));
    found.push(alarms(context, seen));
    found.extend(seen.certificate_flaw.as_deref().map(|flaw| certificate(context, flaw)));
    found.extend(seen.lifetimes.iter().filter(|life| life.nearness > Nearness::Far).map(|life| {
        let days = days_left(life.ends, now);
        let said = format!("{} of {} until {} ({days} days)", life.what, life.ministry, life.ends);
        Finding::of_end(life.nearness, "end", said, "chancery help trust")
    }));
    found.push(match seen.mailbox_waiting {
        0 => Finding::ok("mailbox", "nothing waits for the desk"),
        waiting => {
            Finding::warn("mailbox", format!("{waiting} waiting for the desk"), "chancery --home DESK inbox")
        }
    });
    if seen.peers.is_empty() {
        found.push(Finding::warn("peers", "none is accredited", "chancery --home DESK peer add BUNDLE"));
    }
    for peer in &seen.peers {
        found.push(standing(context, peer));
        found.extend(queue(context, peer));
    }
    found.extend(pings.iter().map(|(peer, ping)| pinged(context, peer, ping)));
    found
}

/// What is awaited since this gateway came out of a backup.
fn restored(context: &Context, seen: &GatewayStatus) -> Option<Finding> {
    let said = format!("restored from a backup of {}, and exchanges nothing: ", seen.restored?);
    let closed = seen.peers.iter().find(|peer| is_closed(peer));
    Some(match (seen.awaits_desk, closed) {
        (false, Some(peer)) => Finding::fail(
            "restored",
            said + "its desk has come, and peers are let in one by one",
            context.command(&format!("peer resume {}", peer.ministry)),
        ),
        _ => Finding::fail("restored", said + "the own desk is awaited", "chancery --home DESK outbox"),
    })
}

/// Whether nobody has let a peer in since the restore.
fn is_closed(peer: &PeerStatus) -> bool {
    peer.pause.as_ref().is_some_and(|pause| pause.reason == "RESTORED")
}

fn store(seen: &GatewayStatus) -> Finding {
    let store = &seen.store;
    let said = format!("{} MiB free, floor {} MiB", store.free / MIB, store.floor / MIB);
    let next = "df -h";
    match (store.accepting, store.ballast) {
        (false, _) => Finding::fail("store", format!("{said}: nothing new is taken"), next),
        (true, 0) => Finding::warn("store", format!("{said}: the ballast was given away"), next),
        (true, _) if store.free < 4 * store.floor => Finding::warn("store", said, next),
        (true, _) => Finding::ok("store", said),
    }
}

/// What the own ministry's bundle does not vouch for no peer believes, and no desk of its own.
fn certificate(context: &Context, flaw: &str) -> Finding {
    let next = believed_again(context, flaw);
    Finding::fail("certificate", format!("keys/transport.pem is not believed by anybody: {flaw}"), next)
}

fn alarms(context: &Context, seen: &GatewayStatus) -> Finding {
    let mut unseen = seen.alarms.iter().filter(|alarm| alarm.acknowledged.is_none());
    match (unseen.next(), unseen.count()) {
        (None, _) => Finding::ok("alarms", "none that nobody has acknowledged"),
        (Some(first), others) => {
            let more = and_more(others);
            let said = format!("{} about {}{more}: {}", first.code, first.ministry, first.detail);
            Finding::fail("alarms", said, context.command("alarm list"))
        }
    }
}

/// What is said of others beside the first.
fn and_more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(", and {others} more") }
}

fn standing(context: &Context, peer: &PeerStatus) -> Finding {
    let (name, subject) = (&peer.ministry, format!("peer {}", peer.ministry));
    if is_closed(peer) {
        let said = "restored: it is not let in before an operator has decided anew what was decided since";
        return Finding::warn(subject, said, context.command(&format!("peer resume {name}")));
    }
    if let Some(pause) = peer.pause.as_ref().filter(|_| peer.standing == "sound") {
        let why = if pause.reason.is_empty() { String::new() } else { format!(" ({})", pause.reason) };
        let flash = if pause.force { "; even FLASH waits" } else { "" };
        let said = format!("paused by an operator since {}{why}{flash}", pause.since);
        return Finding::warn(subject, said, context.command(&format!("peer resume {name}")));
    }
    match peer.standing.as_str() {
        "sound" if peer.connected => Finding::ok(subject, "connected; its log is where it was left"),
        "sound" => Finding::warn(subject, "away", context.command(&format!("peer ping {name}"))),
        "frozen" => {
            let next = context.command(&format!("log fork {name} -o {}.fork", name.to_lowercase()));
            Finding::fail(subject, "frozen: a log has forked, and nothing is signed", next)
        }
        "unconfirmed" => {
            let said = "unconfirmed: nothing is signed before it has spoken";
            Finding::warn(subject, said, context.command(&format!("peer ping {name}")))
        }
        other => Finding::warn(subject, other, context.command("status")),
    }
}

fn queue(context: &Context, peer: &PeerStatus) -> Option<Finding> {
    let waiting = peer.queued.saturating_sub(peer.held);
    let stuck = peer.pause.is_none() && (!peer.connected || peer.takes_nothing_since.is_some());
    (waiting > 0 && stuck).then(|| {
        let said = format!("{waiting} waiting for {}: {}", peer.ministry, peer.last_failure);
        Finding::warn("queue", said, context.command(&format!("queue list --ministry {}", peer.ministry)))
    })
}

fn pinged(context: &Context, peer: &str, ping: &Result<Ping, CliError>) -> Finding {
    let subject = format!("ping {peer}");
    match ping {
        Ok(ping) if ping.clock_skew.unsigned_abs() > SKEW_SECONDS_MAX => {
            let said = format!(
                "its clock and ours are {} s apart; beyond 300 messages are refused",
                ping.clock_skew
            );
            Finding::warn(subject, said, "timedatectl")
        }
        Ok(ping) => {
            let said = format!("{} ms, clock {:+} s", ping.round_trip_micros / 1000, ping.clock_skew);
            Finding::ok(subject, said)
        }
        Err(error) => {
            let error = of_peer(context, peer, error.clone());
            // Where and as whom it is called is what was accredited; the ping itself was tried just now.
            let known = format!("chancery --home DESK peer show {peer}");
            Finding::fail(subject, error.message(), error.hint_command().unwrap_or(&known))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_alarm_no_others_are_told() {
        assert_eq!([0, 2].map(and_more), ["", ", and 2 more"]);
    }
}
