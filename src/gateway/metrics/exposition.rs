//! Writes a page of metrics: pure, from what the gateway shows its operator and from its tallies.
//!
//! Names follow the conventions of Prometheus: the prefix of the program, base units (seconds, bytes), `_total` for
//! counts. Times are Unix seconds; what never happened has no sample rather than a zero.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::tallies::Tallies;
use crate::gateway::standing::Standing;
use crate::gateway::status::{LogSize, PeerStatus, Status};
use crate::keys::expiry::{Lifetime, Nearness};
use crate::time::Timestamp;

/// What all names begin with.
const PREFIX: &str = "chancery_gateway";

/// Labels of one sample.
type Labels = Vec<(&'static str, String)>;

/// One page.
pub(super) fn page(status: &Status, tallies: &Tallies) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    of_itself(&mut registry, status);
    of_store(&mut registry, status);
    of_peers(&mut registry, &status.peers);
    of_logs(&mut registry, &status.logs);
    of_alarms(&mut registry, status);
    tallies.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn of_itself(registry: &mut Registry, status: &Status) {
    let labels: Labels =
        vec![("ministry", status.ministry.to_string()), ("version", env!("CARGO_PKG_VERSION").to_owned())];
    registry.register("build", "Whose gateway this is, and its release", Info::new(labels));
    let started = ConstGauge::new(status.started.seconds());
    registry.register("start_time_seconds", "When it started", started);
    let policy = ConstGauge::new(number(status.policy));
    registry.register("policy_sequence", "Number of the channel policy in force, 0 before the first", policy);
    let believed = ConstGauge::new(i64::from(status.certificate_flaw.is_none()));
    let help = "1 while the own bundle in force vouches for its certificate: without, no peer believes it";
    registry.register("certificate_believed", help, believed);
    of_ends(registry, &status.lifetimes);
    let waiting = ConstGauge::new(number(status.mailbox_waiting));
    registry.register("mailbox_messages", "Messages that the desk has not acknowledged", waiting);
}

/// When something ends, and from when on that is told as near: rules compare with the clock, and know no spans of their
/// own.
fn of_ends(registry: &mut Registry, lifetimes: &[Lifetime]) {
    let labels = |life: &Lifetime| -> Labels {
        vec![("what", life.what.word().to_owned()), ("ministry", life.ministry.to_string())]
    };
    let ends = of_each(lifetimes, |life| Some((labels(life), life.ends.seconds())));
    let help = "When a certificate, or a trust bundle, of the gateway or of a peer ends";
    registry.register("end_timestamp_seconds", help, ends);
    let stages = lifetimes.iter().flat_map(|life| Nearness::STAGES.map(|stage| (life, stage)));
    let stages = of_each(stages, |(life, stage)| {
        let mut labels = labels(life);
        labels.push(("stage", stage.word().to_owned()));
        Some((labels, life.reaches(stage).seconds()))
    });
    let help =
        "From when on it is within a month, a week or a day of its end, or in its last third if that is less";
    registry.register("end_stage_timestamp_seconds", help, stages);
}

fn of_store(registry: &mut Registry, status: &Status) {
    let (space, writer, [mailbox, uploads]) = (&status.space, &status.writer, &status.quotas);
    let gauges = [
        ("store_free_bytes", "Free bytes of the disk", space.free),
        ("store_floor_bytes", "Free bytes below which nothing new is taken", space.floor),
        ("store_ballast_bytes", "Bytes of ballast held, 0 where it was given away", space.ballast),
        ("store_accepting", "1 while new messages are taken", u64::from(space.admits)),
        ("store_waiting_changes", "Changes that wait for the store's writer", writer.waiting),
        ("quota_mailbox_messages", "Messages of one peer that may wait for the desk", mailbox.count),
        ("quota_mailbox_bytes", "Bytes of one peer that may wait for the desk", mailbox.bytes),
        ("quota_upload_parts", "Sealed parts of one peer without a message that are kept", uploads.count),
        ("quota_upload_bytes", "Bytes of them that are kept", uploads.bytes),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(number(value)));
    }
    let counters = [
        ("store_commits", "Transactions committed, each with one sync of the disk", writer.commits),
        ("store_changes", "Changes made in them", writer.jobs),
        ("store_checkpoints", "Times the write-ahead log was moved into the database", writer.checkpoints),
    ];
    for (name, help, value) in counters {
        registry.register(name, help, ConstCounter::new(value));
    }
}

/// What a gauge of peers shows of one of them; nothing where there is nothing to show.
type OfPeer = fn(&PeerStatus) -> Option<i64>;

/// Every gauge that each peer has one of.
const OF_PEER: &[(&str, &str, OfPeer)] = &[
    ("peer_connected", "1 while a relay session lives", |peer| Some(peer.connected.into())),
    ("peer_queued_messages", "Messages it has not answered for", |peer| Some(number(peer.queued))),
    ("peer_held_messages", "Messages of those that an operator holds", |peer| Some(number(peer.held))),
    (
        "peer_oldest_timestamp_seconds",
        "When the message that has waited longest came",
        |peer| at(peer.oldest),
    ),
    ("peer_next_attempt_timestamp_seconds", "When the next attempt is due", |peer| at(peer.next_attempt)),
    ("peer_last_receipt_timestamp_seconds", "When its last receipt was kept", |peer| at(peer.last_receipt)),
    ("peer_takes_nothing_since_timestamp_seconds", "Since when it takes nothing, though connected", |peer| {
        at(peer.shut_since)
    }),
    ("peer_paused_since_timestamp_seconds", "Since when an operator has it paused", |peer| {
        at(peer.pause.as_ref().map(|pause| pause.time))
    }),
    ("peer_clock_skew_seconds", "Difference of its clock to ours", |peer| Some(peer.clock_skew)),
    ("peer_mailbox_messages", "Its messages that wait for the desk", |peer| Some(number(peer.mailbox.count))),
    ("peer_mailbox_bytes", "Bytes of them", |peer| Some(number(peer.mailbox.bytes))),
    ("peer_upload_parts", "Its sealed parts that no message names yet", |peer| {
        Some(number(peer.uploads.count))
    }),
    ("peer_upload_bytes", "Bytes of them", |peer| Some(number(peer.uploads.bytes))),
    ("peer_parts_under_way", "Large sealed parts on their way to it", |peer| {
        i64::try_from(peer.transfers.len()).ok()
    }),
];

fn of_peers(registry: &mut Registry, peers: &[PeerStatus]) {
    for (name, help, value) in OF_PEER {
        registry.register(*name, *help, of_each(peers, |peer| Some((named(peer), value(peer)?))));
    }
    let standings = peers.iter().flat_map(|peer| Standing::ALL.map(|standing| (peer, standing)));
    let standings = of_each(standings, |(peer, standing)| {
        let mut labels = named(peer);
        labels.push(("standing", standing.word().to_owned()));
        Some((labels, (peer.standing == standing).into()))
    });
    registry.register(
        "peer_standing",
        "1 for the standing of the pair: only a sound one is signed for",
        standings,
    );
}

fn of_logs(registry: &mut Registry, logs: &[LogSize]) {
    let labels = |log: &LogSize| -> Labels {
        let kept_by = if log.mirror { "peer" } else { "own" };
        vec![("origin", log.origin.clone()), ("peer", log.peer.to_string()), ("kept_by", kept_by.to_owned())]
    };
    let size = of_each(logs, |log| Some((labels(log), number(log.size))));
    registry.register("log_leaves", "Leaves of a log of a pair", size);
    let cosigned = of_each(logs, |log| Some((labels(log), number(log.cosigned))));
    registry.register("log_cosigned_leaves", "Leaves of it that the other side has cosigned", cosigned);
}

fn of_alarms(registry: &mut Registry, status: &Status) {
    let alarms = of_each(&status.alarms, |alarm| {
        let seen = if alarm.acknowledged.is_some() { "yes" } else { "no" };
        let labels = vec![
            ("code", alarm.code.clone()),
            ("peer", alarm.ministry.to_string()),
            ("acknowledged", seen.to_owned()),
        ];
        Some((labels, 1))
    });
    registry.register("alarm", "1 for each alarm that stands or that nobody has acknowledged", alarms);
}

/// A gauge with a sample for each of these that has one.
fn of_each<One>(
    all: impl IntoIterator<Item = One>,
    sample: impl Fn(One) -> Option<(Labels, i64)>,
) -> Family<Labels, Gauge> {
    let family = Family::<Labels, Gauge>::default();
    for (labels, value) in all.into_iter().filter_map(sample) {
        family.get_or_create(&labels).set(value);
    }
    family
}

fn named(peer: &PeerStatus) -> Labels {
    vec![("peer", peer.ministry.to_string())]
}

fn at(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::seconds)
}

/// A gauge holds no more than this many of anything.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::digest::Digest;
    use crate::gateway::store::WriterCounts;
    use crate::gateway::store::record::{Amount, Pause, Quota, RaisedAlarm, SentState, SpaceUse};
    use crate::keys::expiry::Expiring;
    use crate::trust::name::Ministry;

    fn ministry(code: &str) -> Ministry {
        Ministry::parse(code).unwrap()
    }

    /// A gateway that has one of everything.
    fn full() -> Status {
        let at = Timestamp::from_seconds(1_795_000_000);
        let peer = PeerStatus {
            ministry: ministry("XB"),
            display_name: "Ministry of XB".to_owned(),
            connected: true,
            shut_since: Some(at),
            queued: 3,
            held: 1,
            oldest: Some(at),
            next_attempt: Some(at),
            last_receipt: Some(at),
            last_failure: String::new(),
            clock_skew: -2,
            mailbox: Amount { count: 5, bytes: 6 },
            uploads: Amount { count: 7, bytes: 8 },
            standing: Standing::Sound,
            bundle: 1,
            announced: None,
            transfers: Vec::new(),
            pause: Some(Pause {
                peer: ministry("XB"),
                time: at,
                operator: 1000,
                reason: String::new(),
                force: false,
            }),
        };
        let alarm = RaisedAlarm {
            code: "CHN_04_EQUIVOCATION".to_owned(),
            ministry: ministry("XB"),
            first_detail: String::new(),
            detail: String::new(),
            first_time: at,
            time: at,
            count: 2,
            acknowledged: None,
            cleared: None,
        };
        Status {
            certificate_flaw: None,
            from_backup: None,
            ministry: ministry("XA"),
            started: at,
            policy: 4,
            peers: vec![peer],
            mailbox_waiting: 9,
            lifetimes: vec![Lifetime {
                what: Expiring::Transport,
                ministry: ministry("XA"),
                begins: Timestamp::from_seconds(at.seconds() - 5 * 24 * 3600),
                ends: at,
            }],
            alarms: vec![alarm],
            writer: WriterCounts { commits: 10, jobs: 11, checkpoints: 12, waiting: 13 },
            space: SpaceUse {
                free: 14,
                backlog: 0,
                floor: 15,
                ballast: 16,
                ballast_wanted: 16,
                admits: true,
            },
            quotas: [Quota { count: 17, bytes: 18 }, Quota { count: 19, bytes: 20 }],
            logs: vec![LogSize {
                origin: "log.mfa.xa.example/xb/2026".to_owned(),
                peer: ministry("XB"),
                mirror: false,
                size: 21,
                root: Digest::of(b"root"),
                cosigned: 20,
                cosigner: Some(ministry("XB")),
                cosign_time: Some(at),
            }],
        }
    }

    fn full_page() -> String {
        let tallies = Tallies::default();
        tallies.taken(&ministry("XB"));
        tallies.received(&ministry("XB"), false);
        for state in [
            SentState::Delivered,
            SentState::Expired,
            SentState::Queued,
            SentState::Rejected,
            SentState::Withdrawn,
        ] {
            tallies.settled(&ministry("XB"), state);
        }
        tallies.attempt_failed(&ministry("XB"));
        tallies.call_refused("Submit", "NOT_A_DESK");
        page(&full(), &tallies).unwrap()
    }

    #[test]
    fn a_page_shows_what_stands_and_what_was_counted() {
        let page = full_page();
        for line in [
            "chancery_gateway_build_info{ministry=\"XA\",version=\"0.1.0\"} 1",
            "chancery_gateway_peer_queued_messages{peer=\"XB\"} 3",
            "chancery_gateway_peer_clock_skew_seconds{peer=\"XB\"} -2",
            "chancery_gateway_peer_standing{peer=\"XB\",standing=\"sound\"} 1",
            "chancery_gateway_peer_standing{peer=\"XB\",standing=\"frozen\"} 0",
            "chancery_gateway_alarm{code=\"CHN_04_EQUIVOCATION\",peer=\"XB\",acknowledged=\"no\"} 1",
            "chancery_gateway_store_commits_total 10",
            "chancery_gateway_certificate_believed 1",
            "chancery_gateway_end_timestamp_seconds{what=\"transport\",ministry=\"XA\"} 1795000000",
            "chancery_gateway_end_stage_timestamp_seconds{what=\"transport\",ministry=\"XA\",stage=\"month\"} 1794856000",
            "chancery_gateway_end_stage_timestamp_seconds{what=\"transport\",ministry=\"XA\",stage=\"week\"} 1794856000",
            "chancery_gateway_end_stage_timestamp_seconds{what=\"transport\",ministry=\"XA\",stage=\"day\"} 1794913600",
            "chancery_gateway_messages_taken_total{peer=\"XB\"} 1",
            "chancery_gateway_messages_received_total{peer=\"XB\",outcome=\"rejected\"} 1",
            "chancery_gateway_messages_settled_total{peer=\"XB\",outcome=\"delivered\"} 1",
            "chancery_gateway_calls_refused_total{call=\"Submit\",reason=\"NOT_A_DESK\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
        let revoked = Status { certificate_flaw: Some("CERTIFICATE_REVOKED: then".to_owned()), ..full() };
        let page = super::page(&revoked, &Tallies::default()).unwrap();
        assert!(page.contains("\nchancery_gateway_certificate_believed 0\n"), "{page}");
        let mut silent = full();
        (silent.peers[0].oldest, silent.peers[0].last_receipt) = (None, None);
        let page = super::page(&silent, &Tallies::default()).unwrap();
        assert!(
            !page.contains("oldest_timestamp_seconds{") && !page.contains("last_receipt_timestamp_seconds{")
        );
    }

    #[test]
    fn what_is_still_queued_is_not_settled() {
        let page = full_page();
        assert!(page.contains("outcome=\"withdrawn\"") && !page.contains("outcome=\"queued\""));
    }

    /// Names of metrics in a text.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("chancery_gateway_")).collect()
    }

    #[test]
    fn every_metric_that_the_alerts_and_the_dashboard_name_exists() {
        let (page, mut named) = (full_page(), 0);
        let exist = names(&page);
        for text in [
            include_str!("../../../etc/prometheus/alerts.yml"),
            include_str!("../../../etc/grafana/gateway.json"),
        ] {
            for name in names(text) {
                assert!(exist.contains(name), "{name} is on no page");
                named += 1;
            }
        }
        assert!(named > 20, "only {named} names were found");
    }

    /// When an end is near is decided in one place, for people and for every monitor.
    #[test]
    fn the_rules_for_ends_compare_with_the_clock_and_count_no_days() {
        let rules = include_str!("../../../etc/prometheus/alerts.yml");
        assert!(!rules.contains("_end_timestamp_seconds"), "a span of its own would be another rule");
        for stage in Nearness::STAGES {
            let asked = format!("_end_stage_timestamp_seconds{{stage=\"{}\"}} <= time()", stage.word());
            assert_eq!(rules.matches(&asked).count(), 2, "one for gateways and one for desks: {asked}");
        }
    }
}
