//! `status`: the gateway on one screen, and in its exit code.

use indicatif::HumanBytes;
use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::operator::queue::Alarm;
use super::operator::{Amount, GatewayStatus, Operator, PartTransfer, PeerStatus, StoreRoom};
use super::table::Table;
use super::{alarm, desk_status, queue_report, shell_word};
use crate::time::Timestamp;

/// Show the state of the gateway: exit code 0 if all is well, 1 on an alarm that nobody has acknowledged, 5 if
/// messages wait for an absent peer
///
/// In the home of a desk: what needs a person there. Exit code 1 while an urgent message (FLASH, IMMEDIATE) is
/// unacknowledged beyond its time, on the side that sent it and on the side that has it; 5 if the own gateway is away.
#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    /// Asks the gateway in this home; in the home of a desk, the desk.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let home = context.named_home();
        if home.is_some_and(|home| home.join(crate::desk::config::Config::FILE).is_file()) {
            return desk_status::run(context).await;
        }
        let seen = Operator::ask(context, async |mut operator| operator.status().await).await?;
        let now = context.clock.now();
        context.output.data(&report(&seen), || screen(&seen, now))?;
        if days_left(&seen, now) < RENEWAL_DAYS {
            context.output.note("the certificate is to be renewed, or every connection ends with it");
            let home = shell_word(&context.gateway_home().to_string_lossy());
            context.output.next(&format!("chancery desk enrol --ministry-home ROOT --renew {home}"));
        }
        verdict(context, &seen)
    }
}

/// What the exit code tells.
fn verdict(context: &Context, seen: &GatewayStatus) -> Result<(), CliError> {
    let unseen: Vec<&Alarm> = seen.alarms.iter().filter(|alarm| alarm.acknowledged.is_none()).collect();
    if let Some(alarm) = unseen.first() {
        let message = match unseen.len() {
            1 => format!("1 alarm needs a person, about {}", alarm.ministry),
            count => format!("{count} alarms need a person, the first about {}", alarm.ministry),
        };
        let error = CliError::failed("alarm", message).reason(alarm.code.clone());
        let words = format!("alarm ack {} --ministry {}", alarm.code, alarm.ministry);
        return Err(error.hint(context.command(&words)));
    }
    let takes_none = |peer: &PeerStatus| !peer.connected || peer.takes_nothing_since.is_some();
    let waits = |peer: &&PeerStatus| takes_none(peer) && peer.queued > peer.held;
    let Some(peer) = seen.peers.iter().find(waits) else { return Ok(()) };
    let what = match peer.queued {
        1 => format!("1 message waits for {}", peer.ministry),
        count => format!("{count} messages wait for {}", peer.ministry),
    };
    let error = match peer.takes_nothing_since.filter(|_| peer.connected) {
        Some(since) => {
            let message = format!("{what}, which takes nothing since {since}");
            CliError::new(Kind::TryLater, "peer-takes-nothing", message)
                .cause(
                    "it has no room, or its desk has not fetched what waits there; its operator knows which",
                )
                .hint(context.command(&format!("queue list --ministry {}", peer.ministry)))
        }
        None => CliError::new(Kind::TryLater, "peer-away", format!("{what}, which is away"))
            .cause(&peer.last_failure)
            .hint(context.command(&format!("peer ping {}", peer.ministry))),
    };
    Err(error)
}

fn report(seen: &GatewayStatus) -> Value {
    json!({
        "schema": "chancery.status/1",
        "ministry": seen.ministry,
        "version": seen.version,
        "started": seen.started.to_string(),
        "relay": seen.relay,
        "mailbox": seen.mailbox,
        "policy": seen.policy,
        "mailbox_waiting": seen.mailbox_waiting,
        "certificate_until": seen.certificate_end.to_string(),
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

/// With fewer days left a certificate is to be renewed: a third of its life.
const RENEWAL_DAYS: i64 = 10;

/// Whole days until the certificate ends.
fn days_left(seen: &GatewayStatus, now: Timestamp) -> i64 {
    seen.certificate_end.seconds().saturating_sub(now.seconds()).div_euclid(24 * 3600)
}

fn screen(seen: &GatewayStatus, now: Timestamp) -> String {
    let days = days_left(seen, now);
    let mut text = format!(
        "gateway of {}, chancery {}, running since {}\n\
         relay        {}\n\
         mailbox      {}, {} waiting for the desk\n\
         certificate  until {} ({days} days)\n\
         policy       {}\n\
         store        {}\n",
        seen.ministry,
        seen.version,
        seen.started,
        seen.relay,
        seen.mailbox,
        seen.mailbox_waiting,
        seen.certificate_end,
        if seen.policy == 0 { "none yet".to_owned() } else { seen.policy.to_string() },
        room(&seen.store),
    );
    if seen.peers.is_empty() {
        text.push_str("no peers\n");
    } else {
        let mut table = Table::new([
            "PEER",
            "STATE",
            "QUEUED",
            "HELD",
            "OLDEST",
            "NEXT",
            "IN MAILBOX",
            "LAST RECEIPT",
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
                &format!("{:+} s", peer.clock_skew),
                if peer.last_failure.is_empty() { "-" } else { &peer.last_failure },
            ]);
        }
        text.push_str(&table.render());
    }
    let moving = || seen.peers.iter().flat_map(|peer| peer.transfers.iter().map(move |part| (peer, part)));
    if moving().next().is_some() {
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
        text.push_str(&table.render());
    }
    if seen.alarms.is_empty() {
        text.push_str("no alarms\n");
    } else {
        text.push_str(&alarm::table(&seen.alarms).render());
    }
    text
}

/// How a peer stands.
fn state(peer: &PeerStatus, now: Timestamp) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::context::GlobalOptions;
    use super::super::environment::Environment;
    use super::super::output::tests::kept_streams;
    use super::*;

    #[test]
    fn days_of_a_certificate_are_whole_ones() {
        let mut seen = status(true, 0, false);
        let now = Timestamp::from_seconds(1_795_000_000);
        for (seconds, days) in [(0, 0), (86_399, 0), (86_400, 1), (864_000, RENEWAL_DAYS), (-1, -1)] {
            seen.certificate_end = Timestamp::from_seconds(now.seconds() + seconds);
            assert_eq!(days_left(&seen, now), days);
        }
        assert!(screen(&seen, now).contains("(-1 days)"));
    }

    fn status(connected: bool, queued: u64, alarm: bool) -> GatewayStatus {
        let at = Timestamp::from_seconds(1_795_000_000);
        let peer = PeerStatus {
            ministry: "XB".to_owned(),
            display_name: "Ministry of XB".to_owned(),
            connected,
            takes_nothing_since: None,
            queued,
            held: 0,
            oldest: Some(at),
            next_attempt: None,
            last_receipt: None,
            last_failure: "connection refused".to_owned(),
            clock_skew: -2,
            waiting: Amount { count: 50, bytes: 3 },
            uploads: Amount::default(),
            standing: "sound".to_owned(),
            transfers: vec![PartTransfer {
                digest: "ab".repeat(32),
                size: 2_000_000,
                done: 1_000_000,
                moving: true,
                failures: 0,
                reason: String::new(),
            }],
        };
        let raised = Alarm {
            code: "CHN_04_EQUIVOCATION".to_owned(),
            time: at,
            ministry: "XB".to_owned(),
            detail: "two messages with one number".to_owned(),
            first_time: at,
            first_detail: "two messages with one number".to_owned(),
            count: 2,
            acknowledged: None,
            cleared: None,
        };
        GatewayStatus {
            ministry: "XA".to_owned(),
            version: "0.1.0".to_owned(),
            started: at,
            policy: 1,
            peers: vec![peer],
            mailbox_waiting: 0,
            certificate_end: at,
            alarms: if alarm { vec![raised] } else { Vec::new() },
            relay: "127.0.0.1:1".to_owned(),
            mailbox: "127.0.0.1:2".to_owned(),
            store: StoreRoom {
                free: 3 * MIB,
                floor: 256 * MIB,
                mailbox_max: Amount { count: 100, bytes: MIB },
                ..StoreRoom::default()
            },
        }
    }

    #[test]
    fn the_exit_code_tells_the_state() {
        let context = context();
        let verdict = |seen: &GatewayStatus| verdict(&context, seen);
        let kind =
            |connected, queued, alarm| verdict(&status(connected, queued, alarm)).err().map(|e| e.kind());
        assert_eq!(kind(true, 3, false), None);
        assert_eq!(kind(false, 0, false), None);
        assert_eq!(kind(false, 3, false), Some(Kind::TryLater));
        assert_eq!(kind(false, 3, true), Some(Kind::Failed));
        // What somebody has seen, and what an operator holds, is as it should be.
        let mut seen = status(false, 3, true);
        seen.alarms[0].acknowledged = Some((Timestamp::from_seconds(1), 1000));
        assert_eq!(verdict(&seen).unwrap_err().kind(), Kind::TryLater);
        seen.peers[0].held = 3;
        assert_eq!(verdict(&seen), Ok(()));
    }

    fn context() -> Context {
        let options = GlobalOptions { home: Some("xa/gateway".into()), ..GlobalOptions::default() };
        Context::new(options, Environment::default(), kept_streams().0, String::new())
    }

    #[test]
    fn a_peer_that_is_there_and_takes_nothing_is_told_apart_and_since_when() {
        let mut seen = status(true, 1, false);
        seen.peers[0].takes_nothing_since = Some(Timestamp::from_seconds(1_795_000_000));
        let error = verdict(&context(), &seen).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::TryLater, "peer-takes-nothing"));
        assert!(error.message().contains("1 message waits for XB, which takes nothing since 2026-11-18T"));
        assert_eq!(error.hint_command(), Some("chancery --home xa/gateway queue list --ministry XB"));
        let text = screen(&seen, Timestamp::from_seconds(1_795_000_300));
        assert!(text.contains("takes nothing (5 min)"), "{text}");
        assert_eq!(report(&seen)["peers"][0]["takes_nothing_since"], "2026-11-18T11:06:40Z");
        seen.peers[0].queued = 0;
        assert_eq!(verdict(&context(), &seen), Ok(()));
    }

    #[test]
    fn the_screen_is_no_longer_than_a_screen() {
        let text = screen(&status(false, 3, true), Timestamp::from_seconds(1_795_000_000));
        assert!(text.lines().count() < 24 && text.contains("CHN_04_EQUIVOCATION"), "{text}");
        assert!(text.contains("3 MiB free, floor 256 MiB: nothing new is taken"), "{text}");
        assert!(text.contains("50 (50% of quota)"), "{text}");
    }
}
