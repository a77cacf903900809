//! The desk for monitoring: one line as plugins of Nagios write it, and a page as Prometheus reads it.
//!
//! Numbers and what ends enter; a line with its severity, or a page, leaves. Neither names a person, a consultation or
//! a message; labels of metrics name no office and no client either.

use std::fmt;

use super::ends;
use crate::cli::status::monitoring::{Severity, worded};
use crate::desk::expiry::Ending;
use crate::desk::gauges::Page;
use crate::keys::expiry::{Nearness, days_left};
use crate::time::Timestamp;

/// What monitoring is told of a desk.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// Whether the own gateway was there.
    pub(super) gateway: bool,
    /// Messages that nobody has read.
    pub(super) unread: usize,
    /// Messages that the gateway has not taken.
    pub(super) waiting: usize,
    /// Protective acts that some Power has not been sent, once for each Power.
    pub(super) owed: usize,
    /// Urgent messages that were not acknowledged in time.
    pub(super) alarms: usize,
    /// What ends, the nearest end first.
    pub(super) endings: &'a [Ending],
    /// When.
    pub(super) now: Timestamp,
}

/// What is said of a desk: the worst first, then numbers.
pub(super) fn line(seen: &Seen<'_>) -> (Severity, String) {
    let mut found = Vec::new();
    if seen.owed > 0 {
        found.push((Severity::Critical, format!("protective acts owed: {}", seen.owed)));
    }
    if seen.alarms > 0 {
        let said = format!("urgent messages not acknowledged in time: {}", seen.alarms);
        found.push((Severity::Critical, said));
    }
    for one in seen.endings {
        if let Some(refusal) = &one.disbelieved {
            let (life, reason) = (&one.lifetime, refusal.reason());
            let said = format!("{} of {} is not believed: {reason}", ends::name(one), life.ministry);
            found.push((Severity::Critical, said));
        }
        let nearness = one.lifetime.nearness(seen.now);
        if nearness == Nearness::Far {
            continue;
        }
        let severity = Severity::of_end(nearness);
        let (life, days) = (&one.lifetime, days_left(one.lifetime.ends, seen.now));
        found.push((severity, format!("{} of {} ends in {days} days", ends::name(one), life.ministry)));
    }
    if !seen.gateway {
        found.push((Severity::Warning, "the own gateway is away".to_owned()));
    }
    worded(found, &numbers(seen))
}

fn numbers(seen: &Seen<'_>) -> String {
    let Seen { unread, waiting, owed, alarms, .. } = seen;
    let mut numbers = format!("unread={unread} not_handed_over={waiting} owed={owed} alarms={alarms}");
    if let Some(first) = seen.endings.first() {
        numbers.push_str(&format!(" certificate_days={}", days_left(first.lifetime.ends, seen.now)));
    }
    numbers
}

/// One page.
pub(super) fn page(seen: &Seen<'_>) -> Result<String, fmt::Error> {
    let mut page = Page::begin(seen.owed, seen.endings);
    for (name, help, value) in [
        ("gateway_connected", "1 while the own gateway is there", usize::from(seen.gateway)),
        ("unread_messages", "Messages that nobody has read", seen.unread),
        ("waiting_messages", "Messages that the own gateway has not taken", seen.waiting),
        ("unacknowledged_messages", "Urgent messages not acknowledged in time", seen.alarms),
    ] {
        page.gauge(name, help, value);
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::expiry::{Expiring, Lifetime};
    use crate::trust::chain::ChainRefusal;
    use crate::trust::name::Ministry;

    const DAY: i64 = 24 * 3600;
    const NOW: i64 = 1_795_000_000;

    fn ending(what: Expiring, label: Option<&str>, code: &str, days: i64) -> Ending {
        let lifetime = Lifetime {
            what,
            ministry: Ministry::parse(code).unwrap(),
            begins: Timestamp::from_seconds(NOW - 300 * DAY),
            ends: Timestamp::from_seconds(NOW + days * DAY),
        };
        Ending { lifetime, label: label.map(str::to_owned), disbelieved: None }
    }

    fn seen(endings: &[Ending]) -> Seen<'_> {
        let now = Timestamp::from_seconds(NOW);
        Seen { gateway: true, unread: 2, waiting: 0, owed: 0, alarms: 0, endings, now }
    }

    #[test]
    fn a_certificate_of_a_desk_is_warned_about_30_and_7_days_and_one_day_ahead() {
        for (days, severity) in [
            (31, Severity::Ok),
            (30, Severity::Warning),
            (7, Severity::Warning),
            (1, Severity::Critical),
            (-1, Severity::Critical),
        ] {
            let endings = [ending(Expiring::Office, Some("seal"), "XA", days)];
            let (found, line) = line(&seen(&endings));
            assert_eq!(found, severity, "{line}");
            let named = line.contains(&format!("office seal of XA ends in {days} days"));
            assert_eq!(named, severity != Severity::Ok, "{line}");
            assert!(line.ends_with(&format!(" alarms=0 certificate_days={days}")), "{line}");
            let text = ends::table(&endings, &Ministry::parse("XA").unwrap(), seen(&endings).now);
            let mark = if days < 0 { "ENDED  office seal" } else { "RENEW  office seal" };
            assert_eq!(text.contains(mark), severity != Severity::Ok, "{text}");
            assert!(text.contains("office seal") && text.ends_with(&format!("  {days}\n")), "{text}");
        }
    }

    #[test]
    fn every_form_tells_of_an_office_whose_certificate_is_revoked() {
        let mut endings = [ending(Expiring::Office, Some("legal-01"), "XA", 300)];
        assert!(page(&seen(&endings)).unwrap().contains("\nchancery_desk_disbelieved_certificates 0\n"));
        endings[0].disbelieved = Some(ChainRefusal::Revoked(Timestamp::from_seconds(NOW)));
        let (severity, line) = line(&seen(&endings));
        assert_eq!(severity, Severity::Critical, "{line}");
        assert!(line.contains("office legal-01 of XA is not believed: CERTIFICATE_REVOKED"), "{line}");
        let text = ends::table(&endings, &Ministry::parse("XA").unwrap(), seen(&endings).now);
        assert!(text.contains("REVOKED  office legal-01") && text.ends_with("  -\n"), "{text}");
        let report = ends::report(&endings[0], seen(&endings).now);
        assert_eq!(report["disbelieved"], "CERTIFICATE_REVOKED");
        assert!(page(&seen(&endings)).unwrap().contains("\nchancery_desk_disbelieved_certificates 1\n"));
    }

    #[test]
    fn the_worst_is_said_first_and_nothing_said_is_well() {
        let endings = [ending(Expiring::Registry, None, "XA", 300)];
        let (severity, said) = line(&seen(&endings));
        assert_eq!(
            (severity, said.as_str()),
            (
                Severity::Ok,
                "CHANCERY OK - all is well | unread=2 not_handed_over=0 owed=0 alarms=0 certificate_days=300"
            )
        );
        let away = Seen { gateway: false, ..seen(&endings) };
        assert_eq!(line(&away).0, Severity::Warning);
        let (severity, said) = line(&Seen { owed: 1, alarms: 2, ..away });
        assert_eq!(severity, Severity::Critical);
        assert!(said.starts_with("CHANCERY CRITICAL - protective acts owed: 1; urgent messages"), "{said}");
        assert!(said.contains("; the own gateway is away | "), "{said}");
    }

    #[test]
    fn a_peers_bundle_stands_on_the_screen_when_it_is_near_its_end_only() {
        let own = Ministry::parse("XA").unwrap();
        let shown = |days| {
            let endings = [ending(Expiring::Bundle, None, "XB", days)];
            ends::table(&endings, &own, Timestamp::from_seconds(NOW)).contains("bundle")
        };
        assert_eq!((shown(31), shown(30)), (false, true));
    }

    #[test]
    fn metrics_tell_the_first_end_of_each_kind_and_name_no_office() {
        let endings = [
            ending(Expiring::Office, Some("seal"), "XA", 3),
            ending(Expiring::Bundle, None, "XB", 5),
            ending(Expiring::Office, Some("legal-01"), "XA", 9),
        ];
        let page = page(&seen(&endings)).unwrap();
        let at = |what: &str, of: &str, days: i64| {
            let ends = NOW + days * DAY;
            format!("chancery_desk_end_timestamp_seconds{{what=\"{what}\",ministry=\"{of}\"}} {ends}")
        };
        let stage = |word: &str, days: i64| {
            let labels = format!("what=\"office\",ministry=\"XA\",stage=\"{word}\"");
            format!("chancery_desk_end_stage_timestamp_seconds{{{labels}}} {}", NOW + days * DAY)
        };
        for line in [
            at("office", "XA", 3),
            at("bundle", "XB", 5),
            stage("month", 3 - 30),
            stage("week", 3 - 7),
            stage("day", 3 - 1),
            "chancery_desk_unread_messages 2".to_owned(),
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        assert!(!page.contains("seal") && !page.contains("legal") && page.ends_with("# EOF\n"), "{page}");
        assert_eq!(page.matches("_end_timestamp_seconds{what=\"office\"").count(), 1);
    }
}
