//! `status --format nagios`: one line as the plugins of Nagios write it, and their exit codes.
//!
//! 0 is OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; behind the bar stand numbers with their thresholds. A gateway that does
//! not answer is CRITICAL: nothing is carried while it is away. Source: the guidelines of the Monitoring Plugins.

use std::fmt;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::operator::status::{GatewayStatus, PeerStatus};
use crate::keys::expiry::{Nearness, days_left};
use crate::time::Timestamp;

/// What monitoring makes of a state; its number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Severity {
    Ok = 0,
    Warning = 1,
    Critical = 2,
}

impl Severity {
    /// What an end is that is so near.
    pub(in crate::cli) fn of_end(nearness: Nearness) -> Self {
        match nearness {
            Nearness::Far => Self::Ok,
            near if near.is_pressing() => Self::Critical,
            _ => Self::Warning,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        })
    }
}

/// Prints the line and ends with its code.
pub(super) fn tell(context: &Context, seen: Result<GatewayStatus, CliError>) -> Result<(), CliError> {
    let (severity, line) = match seen {
        Ok(seen) => line(&seen, context.clock.now()),
        Err(error) => (Severity::Critical, format!("CHANCERY CRITICAL - {}", error.message())),
    };
    end(context, severity, line)
}

/// Prints a line and ends with the code of its severity.
pub(in crate::cli) fn end(context: &Context, severity: Severity, line: String) -> Result<(), CliError> {
    context.output.data(&serde_json::Value::Null, || line)?;
    match severity {
        Severity::Ok => Ok(()),
        _ => Err(CliError::told(severity as u8)),
    }
}

/// What is said of a gateway: the worst first, then numbers.
pub(super) fn line(seen: &GatewayStatus, now: Timestamp) -> (Severity, String) {
    worded(findings(seen, now), &numbers(seen, now))
}

/// A line of these findings, the worst first, and of numbers.
pub(in crate::cli) fn worded(mut findings: Vec<(Severity, String)>, numbers: &str) -> (Severity, String) {
    findings.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let severity = findings.first().map_or(Severity::Ok, |(severity, _)| *severity);
    let said: Vec<&str> = findings.iter().map(|(_, said)| said.as_str()).collect();
    let said = if said.is_empty() { "all is well".to_owned() } else { said.join("; ") };
    // A bar would begin the numbers.
    let said = said.replace('|', "/");
    (severity, format!("CHANCERY {severity} - {said} | {numbers}"))
}

fn findings(seen: &GatewayStatus, now: Timestamp) -> Vec<(Severity, String)> {
    let mut found = Vec::new();
    for alarm in seen.alarms.iter().filter(|alarm| alarm.acknowledged.is_none()) {
        found.push((Severity::Critical, format!("alarm {} about {}", alarm.code, alarm.ministry)));
    }
    if let Some(made) = seen.restored {
        let said = format!("restored from a backup of {made}, and exchanges nothing yet");
        found.push((Severity::Critical, said));
    }
    if let Some(flaw) = &seen.certificate_flaw {
        found.push((Severity::Critical, format!("the certificate of this gateway is not believed: {flaw}")));
    }
    for life in seen.lifetimes.iter().filter(|life| life.nearness > Nearness::Far) {
        let severity = Severity::of_end(life.nearness);
        let days = days_left(life.ends, now);
        found.push((severity, format!("{} of {} ends in {days} days", life.what, life.ministry)));
    }
    if !seen.store.accepting {
        found.push((Severity::Critical, "nothing new is taken: the disk is short of room".to_owned()));
    }
    let of_peers: Vec<_> = seen.peers.iter().filter_map(of_peer).collect();
    if of_peers.is_empty() {
        found.extend(exchanges_with_nobody(seen));
    }
    found.extend(of_peers);
    found
}

fn of_peer(peer: &PeerStatus) -> Option<(Severity, String)> {
    let name = &peer.ministry;
    match peer.standing.as_str() {
        "sound" => {}
        "frozen" => return Some((Severity::Critical, format!("{name} is frozen"))),
        standing => return Some((Severity::Warning, format!("{name} is {standing}"))),
    }
    if peer.pause.is_some() {
        return None;
    }
    let waiting = peer.queued.saturating_sub(peer.held);
    let why = match (peer.connected, peer.takes_nothing_since) {
        (false, _) => "is away",
        (true, Some(_)) => "takes nothing",
        (true, None) => return None,
    };
    (waiting > 0).then(|| (Severity::Warning, format!("{waiting} waiting for {name}, which {why}")))
}

/// A gateway that exchanges with nobody is not well, although nothing waits and somebody may have wanted it so.
fn exchanges_with_nobody(seen: &GatewayStatus) -> Option<(Severity, String)> {
    if seen.peers.is_empty() || seen.peers.iter().any(|peer| peer.connected && peer.pause.is_none()) {
        return None;
    }
    let why = seen.peers.iter().map(|peer| match &peer.pause {
        Some(pause) => format!("{} is paused since {}", peer.ministry, pause.since),
        None => format!("{} is away", peer.ministry),
    });
    Some((Severity::Warning, format!("no peer is connected: {}", why.collect::<Vec<_>>().join(", "))))
}

fn numbers(seen: &GatewayStatus, now: Timestamp) -> String {
    let sum = |of: fn(&PeerStatus) -> u64| seen.peers.iter().map(of).sum::<u64>();
    let connected = seen.peers.iter().filter(|peer| peer.connected).count();
    let mut numbers = format!(
        "peers={} connected={connected} queued={} held={} mailbox={} alarms={} free={}B;;{}:",
        seen.peers.len(),
        sum(|peer| peer.queued),
        sum(|peer| peer.held),
        seen.mailbox_waiting,
        seen.alarms.len(),
        seen.store.free,
        seen.store.floor,
    );
    if let Some(life) = seen.transport() {
        numbers.push_str(&format!(" certificate_days={}", days_left(life.ends, now)));
    }
    numbers
}
