//! The forms of a status, and what its exit code tells.

use super::monitoring::Severity;
use super::report::report;
use super::screen::screen;
use super::*;
use crate::cli::context::GlobalOptions;
use crate::cli::environment::Environment;
use crate::cli::operator::status::{Amount, Lifetime, LogSize, PartTransfer, Paused, StoreRoom};
use crate::cli::output::tests::kept_streams;
use crate::keys::expiry::{Nearness, days_left};
use crate::time::Timestamp;
use serde_json::json;

#[test]
fn days_of_a_certificate_are_whole_ones() {
    let mut seen = status(true, 0, false);
    let now = Timestamp::from_seconds(1_795_000_000);
    for (seconds, days) in [(0, 0), (86_399, 0), (86_400, 1), (864_000, 10), (-1, -1)] {
        let ends = Timestamp::from_seconds(now.seconds() + seconds);
        assert_eq!(days_left(ends, now), days);
        seen.lifetimes[0].ends = ends;
        assert!(screen(&seen, now).contains(&format!("({days} days)")));
    }
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
        bundle: 6,
        announced: None,
        pause: None,
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
        alarms: if alarm { vec![raised] } else { Vec::new() },
        relay: "127.0.0.1:1".to_owned(),
        mailbox: "127.0.0.1:2".to_owned(),
        metrics: None,
        lifetimes: vec![Lifetime {
            what: "transport".to_owned(),
            ministry: "XA".to_owned(),
            ends: at,
            nearness: Nearness::Far,
        }],
        logs: vec![LogSize {
            origin: "log.mfa.xa.example/xb/2026".to_owned(),
            ministry: "XB".to_owned(),
            mirror: false,
            size: 12,
            root: "3f".repeat(32),
            cosigned: 9,
            cosigner: Some("XB".to_owned()),
            cosign_time: Some(at),
        }],
        certificate_flaw: None,
        restored: None,
        awaits_desk: false,
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
    let kind = |connected, queued, alarm| verdict(&status(connected, queued, alarm)).err().map(|e| e.kind());
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
fn a_peer_that_an_operator_has_paused_is_no_failure_and_is_told_apart_from_one_that_is_away() {
    let mut seen = status(false, 3, false);
    let since = Timestamp::from_seconds(1_795_000_000);
    seen.peers[0].pause = Some(Paused { since, reason: "TICKET-7".to_owned(), force: false });
    assert_eq!(verdict(&context(), &seen), Ok(()));
    let text = screen(&seen, Timestamp::from_seconds(1_795_000_300));
    assert!(text.contains("paused (5 min)"), "{text}");
    let peer = &report(&seen)["peers"][0];
    assert_eq!(peer["paused"]["since"], "2026-11-18T11:06:40Z");
    assert_eq!((&peer["paused"]["reason"], &peer["paused"]["force"]), (&json!("TICKET-7"), &json!(false)));
}

#[test]
fn an_alarm_leads_to_the_remedy_of_its_cause_and_to_its_acknowledgement_at_last() {
    let mut seen = status(true, 0, true);
    seen.alarms[0].code = "REFUSED_BY_PEER".to_owned();
    let error = verdict(&context(), &seen).unwrap_err();
    assert_eq!(error.hint_command(), Some("chancery --home xa/gateway queue list --ministry XB"));
    let seen_by = "once that is done: chancery --home xa/gateway alarm ack REFUSED_BY_PEER --ministry XB";
    assert_eq!(error.causes().last().map(String::as_str), Some(seen_by));

    let page = include_str!("../../../docs/operations.md");
    let table = page.split("\n## Alarms\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut count = 0;
    for code in rows {
        seen.alarms[0].code = code.to_owned();
        // There registries speak to each other, somebody decides anew, or nothing is to be done.
        let nothing_to_type = ["CHN_04_EQUIVOCATION", "PAUSE_ENDED", "PEER_ROLLED_BACK"].contains(&code);
        assert_eq!(alarm::remedy(&context(), &seen.alarms[0]).is_none(), nothing_to_type, "{code}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn the_screen_is_no_longer_than_a_screen() {
    let text = screen(&status(false, 3, true), Timestamp::from_seconds(1_795_000_000));
    assert!(text.lines().count() < 24 && text.contains("CHN_04_EQUIVOCATION"), "{text}");
    assert!(text.contains("3 MiB free, floor 256 MiB: nothing new is taken"), "{text}");
    assert!(text.contains("50 (50% of quota)"), "{text}");
}

#[test]
fn the_screen_says_how_far_logs_have_come_what_is_not_cosigned_and_what_ends_soon() {
    let mut seen = status(true, 0, false);
    let now = Timestamp::from_seconds(1_795_000_000);
    assert!(screen(&seen, now).contains("12 (3 not cosigned) / -"));
    let head = "log.mfa.xa.example/xb/2026  own   12       3f3f3f3f3f3f  9 by XB at 2026-11-18T11:06:40Z\n";
    assert!(screen(&seen, now).contains(head), "{}", screen(&seen, now));
    let told = report(&seen)["logs"][0].clone();
    assert_eq!((&told["root"], &told["cosigned_by"]["ministry"]), (&json!("3f".repeat(32)), &json!("XB")));
    assert_eq!(told["cosigned_by"]["time"], "2026-11-18T11:06:40Z");
    (seen.logs[0].cosigner, seen.logs[0].cosigned) = (None, 0);
    assert!(
        screen(&seen, now).contains("3f3f3f3f3f3f  -\n") && report(&seen)["logs"][0]["cosigned_by"].is_null()
    );
    let ends = Timestamp::from_seconds(now.seconds() + 6 * 24 * 3600);
    let (what, ministry) = ("bundle".to_owned(), "XB".to_owned());
    seen.lifetimes.push(Lifetime { what, ministry, ends, nearness: Nearness::Week });
    assert!(screen(&seen, now).contains("bundle of XB until 2026-11-24"), "{}", screen(&seen, now));
    assert_eq!(report(&seen)["lifetimes"][1]["nearness"], "week");
}

#[test]
fn monitoring_gets_one_line_with_the_worst_first_and_the_severity_of_its_plugins() {
    let now = Timestamp::from_seconds(1_795_000_000);
    let told = |seen: &GatewayStatus| monitoring::line(seen, now);
    let mut seen = status(true, 0, false);
    seen.store.accepting = true;
    let (severity, line) = told(&seen);
    assert_eq!(severity, Severity::Ok);
    assert_eq!(
        line,
        "CHANCERY OK - all is well | peers=1 connected=1 queued=0 held=0 mailbox=0 alarms=0 free=3145728B;;268435456: \
         certificate_days=0"
    );
    seen.certificate_flaw = Some("CERTIFICATE_REVOKED: revoked from then on".to_owned());
    let (severity, line) = told(&seen);
    assert!(severity == Severity::Critical && line.contains("believed: CERTIFICATE_REVOKED"), "{line}");
    assert_eq!(report(&seen)["certificate_flaw"], "CERTIFICATE_REVOKED: revoked from then on");
    assert!(
        screen(&seen, now).contains("certificate  NOT BELIEVED: CERTIFICATE_REVOKED"),
        "{}",
        screen(&seen, now)
    );
    let error = verdict(&context(), &seen).unwrap_err();
    assert_eq!((error.kind(), error.reason_code()), (Kind::Failed, Some("CERTIFICATE_REVOKED")));
    assert!(error.hint_command().unwrap().ends_with("key rotate transport"), "{error:?}");
    seen.certificate_flaw = Some("CERTIFICATE_NAME: it names another".to_owned());
    let error = verdict(&context(), &seen).unwrap_err();
    assert!(error.hint_command().unwrap().contains("desk enrol --ministry-home ROOT --renew"), "{error:?}");
    seen.certificate_flaw = None;
    seen.lifetimes[0].nearness = Nearness::Week;
    assert_eq!(told(&seen).0, Severity::Warning);
    seen.peers[0].standing = "frozen".to_owned();
    let (severity, line) = told(&seen);
    assert_eq!(severity, Severity::Critical);
    assert!(
        line.starts_with("CHANCERY CRITICAL - XB is frozen; transport of XA ends in 0 days | "),
        "{line}"
    );
    let mut seen = status(false, 3, true);
    seen.store.accepting = true;
    let (severity, line) = told(&seen);
    assert!(
        severity == Severity::Critical
            && line.contains("alarm CHN_04_EQUIVOCATION about XB; 3 waiting for XB, which is away")
    );
    seen.alarms[0].acknowledged = Some((now, 1000));
    assert_eq!(told(&seen).0, Severity::Warning);
    seen.peers[0].held = 3;
    let (severity, line) = told(&seen);
    assert_eq!(severity, Severity::Warning, "nothing waits, and the only peer is away");
    assert!(line.contains(" - no peer is connected: XB is away | "), "{line}");
    seen.peers[0].connected = true;
    assert_eq!(told(&seen).0, Severity::Ok);
    seen.peers[0].pause = Some(Paused { since: now, reason: String::new(), force: false });
    let (severity, line) = told(&seen);
    assert!(severity == Severity::Warning && line.contains("XB is paused since 2026-11-18T"), "{line}");
    seen.peers.push(status(true, 0, false).peers.remove(0));
    assert_eq!(told(&seen).0, Severity::Ok, "another peer is there");
    seen.store.accepting = false;
    assert_eq!(told(&seen).0, Severity::Critical);
}

const MIB: u64 = 1024 * 1024;
