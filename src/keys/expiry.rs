//! What ends by itself: certificates and bundles, how near their end is, and how their operators are told.
//!
//! Certificates and bundles enter, with the instant; lifetimes leave, and one log line at each stage. Gateways, desks,
//! their pages of metrics and the command line come here, so that all of them call the same thing near: the pages tell
//! when each stage begins, and whoever watches them compares with his clock. Whether something has ended is not decided
//! here: the verifiers do that.

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::certificate_validity;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::bundle::BundleContent;
use crate::trust::name::Ministry;

/// What has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiring {
    /// The certificate with which a desk comes to its own gateway.
    Access,
    /// The trust bundle of a ministry.
    Bundle,
    /// The certificate of a client of a desk's service.
    Client,
    /// The certificate of the authority that certifies a desk's service and its clients.
    ClientAuthority,
    /// The root certificate that clients of a desk's service pin.
    ClientRoot,
    /// The certificate of the own desk-access authority.
    DeskAccess,
    /// The certificate of an office.
    Office,
    /// The certificate of a registry.
    Registry,
    /// The root certificate of a ministry.
    Root,
    /// The certificate that a desk's service shows its clients.
    Service,
    /// The transport certificate of a gateway.
    Transport,
}

impl Expiring {
    /// The word for reports, labels and log lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Bundle => "bundle",
            Self::Client => "client",
            Self::ClientAuthority => "client-authority",
            Self::ClientRoot => "client-root",
            Self::DeskAccess => "desk-access",
            Self::Office => "office",
            Self::Registry => "registry",
            Self::Root => "root",
            Self::Service => "service",
            Self::Transport => "transport",
        }
    }
}

/// How near an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// More than a month away, or not in the last third of the whole time.
    Far,
    /// Within 30 days, or in the last third of the whole time where that is less.
    Month,
    /// Within 7 days.
    Week,
    /// Within a day.
    Day,
    /// It has ended.
    Ended,
}

impl Nearness {
    /// The stages before an end at which people are told, in their order.
    pub const STAGES: [Self; 3] = [Self::Month, Self::Week, Self::Day];

    /// Every one, in their order.
    const ALL: [Self; 5] = [Self::Far, Self::Month, Self::Week, Self::Day, Self::Ended];

    /// How near an end is at `now`.
    pub fn of(begins: Timestamp, ends: Timestamp, now: Timestamp) -> Self {
        if now > ends {
            return Self::Ended;
        }
        let reached = Self::STAGES.into_iter().filter(|stage| stage.since(begins, ends) <= now);
        reached.max().unwrap_or(Self::Far)
    }

    /// From when on what lives from `begins` to `ends` is so near its end. What lives for a short time is not called
    /// near from its beginning on.
    pub fn since(self, begins: Timestamp, ends: Timestamp) -> Timestamp {
        let span = match self {
            Self::Far => return begins,
            Self::Month => limits::EXPIRY_MONTH,
            Self::Week => limits::EXPIRY_WEEK,
            Self::Day => limits::EXPIRY_DAY,
            Self::Ended => return ends,
        };
        let whole = ends.seconds().saturating_sub(begins.seconds());
        Timestamp::from_seconds(ends.seconds().saturating_sub(seconds(span).min(whole / 3)))
    }

    /// Whether somebody has to act today.
    pub fn is_pressing(self) -> bool {
        self >= Self::Day
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The word for reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Far => "far",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Ended => "ended",
        }
    }
}

/// Whole days until something ends; less than 0 once it has.
pub fn days_left(ends: Timestamp, now: Timestamp) -> i64 {
    ends.seconds().saturating_sub(now.seconds()).div_euclid(24 * 3600)
}

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifetime {
    /// What it is.
    pub what: Expiring,
    /// Whose it is.
    pub ministry: Ministry,
    /// When it began.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl Lifetime {
    /// That of a certificate, DER; none where it cannot be read.
    pub fn of_certificate(what: Expiring, ministry: &Ministry, certificate: &[u8]) -> Option<Self> {
        let (begins, ends) = certificate_validity(certificate)?;
        Some(Self { what, ministry: ministry.clone(), begins, ends })
    }

    /// That of a trust bundle.
    pub fn of_bundle(content: &BundleContent) -> Self {
        let (begins, ends) = (content.valid_from, content.valid_until);
        Self { what: Expiring::Bundle, ministry: content.ministry.clone(), begins, ends }
    }

    /// How near its end is at `now`.
    pub fn nearness(&self, now: Timestamp) -> Nearness {
        Nearness::of(self.begins, self.ends, now)
    }

    /// When a stage begins.
    pub fn reaches(&self, stage: Nearness) -> Timestamp {
        stage.since(self.begins, self.ends)
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

/// What was told of what, so that nothing is told twice. It names what ends and whose it is, never a person.
#[derive(Debug, Default)]
pub struct Telling {
    said: BTreeMap<(Ministry, &'static str, Timestamp), Nearness>,
    since: Option<Timestamp>,
}

impl Telling {
    /// Logs once at each stage what has come nearer to its end.
    pub fn tell(&mut self, lifetimes: &[Lifetime], now: Timestamp) {
        self.news(lifetimes, now).into_iter().for_each(say);
    }

    /// The same, and everything that is near its end once a day anew.
    pub fn tell_daily(&mut self, lifetimes: &[Lifetime], now: Timestamp) {
        self.daily_news(lifetimes, now).into_iter().for_each(say);
    }

    fn daily_news(&mut self, lifetimes: &[Lifetime], now: Timestamp) -> Vec<(Lifetime, Nearness)> {
        if self.since.is_none_or(|since| since <= now.before(limits::EXPIRY_TOLD_AGAIN)) {
            self.since = Some(now);
            self.said.clear();
        }
        self.news(lifetimes, now)
    }

    /// What has come nearer to its end than was said of it.
    fn news(&mut self, lifetimes: &[Lifetime], now: Timestamp) -> Vec<(Lifetime, Nearness)> {
        let mut news = Vec::new();
        for lifetime in lifetimes {
            let nearness = lifetime.nearness(now);
            let key = (lifetime.ministry.clone(), lifetime.what.word(), lifetime.ends);
            let before = self.said.insert(key, nearness);
            if nearness > Nearness::Far && before.is_none_or(|before| before < nearness) {
                news.push((lifetime.clone(), nearness));
            }
        }
        news
    }
}

fn say((lifetime, nearness): (Lifetime, Nearness)) {
    let (what, of, ends) = (lifetime.what.word(), &lifetime.ministry, lifetime.ends);
    match nearness {
        Nearness::Ended => tracing::error!(what, %of, %ends, "it has ended: renew it now"),
        Nearness::Day => tracing::error!(what, %of, %ends, "it ends within a day"),
        Nearness::Week => tracing::warn!(what, %of, %ends, "it ends within a week"),
        _ => tracing::warn!(what, %of, %ends, "it ends soon"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn lifetime(days: i64) -> Lifetime {
        Lifetime {
            what: Expiring::Transport,
            ministry: Ministry::parse("XA").unwrap(),
            begins: Timestamp::from_seconds(0),
            ends: Timestamp::from_seconds(days * DAY),
        }
    }

    #[test]
    fn an_end_is_told_30_and_7_days_and_one_day_ahead_and_what_lives_for_a_month_in_its_last_third() {
        let left = |whole: i64, seconds: i64| {
            let lifetime = lifetime(whole);
            lifetime.nearness(Timestamp::from_seconds(lifetime.ends.seconds() - seconds))
        };
        let month = i64::try_from(limits::EXPIRY_MONTH.as_secs()).unwrap();
        assert_eq!((left(365, month + 1), left(365, month)), (Nearness::Far, Nearness::Month));
        let week = i64::try_from(limits::EXPIRY_WEEK.as_secs()).unwrap();
        assert_eq!((left(365, week + 1), left(365, week)), (Nearness::Month, Nearness::Week));
        let day = i64::try_from(limits::EXPIRY_DAY.as_secs()).unwrap();
        assert_eq!((left(365, day + 1), left(365, day)), (Nearness::Week, Nearness::Day));
        assert_eq!((left(365, 0), left(365, -1)), (Nearness::Day, Nearness::Ended));
        assert_eq!((left(30, 10 * DAY + 1), left(30, 10 * DAY)), (Nearness::Far, Nearness::Month));
    }

    #[test]
    fn what_lives_for_five_days_is_far_from_its_end_with_four_left_and_each_stage_begins_when_it_is_told() {
        let short = lifetime(5);
        assert_eq!(short.nearness(before(&short, 4)), Nearness::Far);
        assert_eq!(short.nearness(before(&short, 1)), Nearness::Day);
        for (days, stage) in
            [5, 30, 365].into_iter().flat_map(|days| Nearness::STAGES.map(|stage| (days, stage)))
        {
            let of = lifetime(days);
            let begun = of.reaches(stage);
            assert!(of.nearness(begun) >= stage, "{days} {stage:?}");
            assert!(of.nearness(begun.before(Duration::from_secs(1))) < stage, "{days} {stage:?}");
        }
    }

    #[test]
    fn every_nearness_is_read_back_by_its_word_and_the_last_two_press() {
        for one in Nearness::ALL {
            assert_eq!(Nearness::parse(one.word()), Some(one));
            assert_eq!(one.is_pressing(), matches!(one, Nearness::Day | Nearness::Ended));
        }
        assert_eq!(Nearness::parse("near"), None);
    }

    #[test]
    fn days_that_are_left_are_whole_ones() {
        let now = Timestamp::from_seconds(1_795_000_000);
        for (seconds, days) in [(0, 0), (86_399, 0), (86_400, 1), (864_000, 10), (-1, -1)] {
            assert_eq!(days_left(Timestamp::from_seconds(now.seconds() + seconds), now), days);
        }
    }

    /// `days_left` days before the end.
    fn before(of: &Lifetime, days_left: i64) -> Timestamp {
        Timestamp::from_seconds(of.ends.seconds() - days_left * DAY)
    }

    fn stages(news: Vec<(Lifetime, Nearness)>) -> Vec<Nearness> {
        news.into_iter().map(|(_, nearness)| nearness).collect()
    }

    #[test]
    fn each_stage_is_told_once_and_what_was_renewed_is_told_anew() {
        let mut telling = Telling::default();
        let told = |days_left: i64, of: &Lifetime, telling: &mut Telling| {
            stages(telling.news(std::slice::from_ref(of), before(of, days_left)))
        };
        let first = lifetime(365);
        assert_eq!(told(40, &first, &mut telling), []);
        assert_eq!(told(30, &first, &mut telling), [Nearness::Month]);
        assert_eq!(told(20, &first, &mut telling), []);
        assert_eq!(told(7, &first, &mut telling), [Nearness::Week]);
        let renewed = lifetime(730);
        assert_eq!(told(40, &renewed, &mut telling), []);
        assert_eq!(told(1, &renewed, &mut telling), [Nearness::Day]);
    }

    #[test]
    fn what_is_near_is_told_at_the_start_at_each_stage_and_once_a_day() {
        let (mut telling, of) = (Telling::default(), lifetime(365));
        let mut told = |at: Timestamp| stages(telling.daily_news(std::slice::from_ref(&of), at));
        assert_eq!(told(before(&of, 20)), [Nearness::Month], "at the start");
        let again = before(&of, 20).after(limits::EXPIRY_TOLD_AGAIN);
        assert_eq!(told(again.before(Duration::from_secs(1))), [], "not twice a day");
        assert_eq!(told(again), [Nearness::Month], "a day later");
        assert_eq!(told(before(&of, 7)), [Nearness::Week]);
        assert_eq!(told(before(&of, 7).after(Duration::from_secs(3600))), []);
        assert_eq!(told(before(&of, 1)), [Nearness::Day]);
        assert_eq!(told(before(&of, -1)), [Nearness::Ended]);
    }
}
