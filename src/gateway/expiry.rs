//! What ends by itself: certificates and bundles, and how long before their end people are told.
//!
//! Files of the home and bundles in force enter; what ends and when leaves, for the operator's screen, for metrics
//! and as one log line at each stage. Whether something has ended is not decided here: the verifiers do that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::gateway::credentials::certificate;
use crate::gateway::error::Fault;
use crate::keys::file::certificate_validity;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiring {
    /// The trust bundle of a ministry.
    Bundle,
    /// The certificate of the own desk-access authority.
    DeskAccess,
    /// The root certificate of a ministry.
    Root,
    /// The transport certificate of this gateway.
    Transport,
}

impl Expiring {
    /// The word for reports, labels and log lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::DeskAccess => "desk-access",
            Self::Root => "root",
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
    /// How near its end is at `now`. What lives for a short time is not called near its end from its beginning on.
    pub fn nearness(&self, now: Timestamp) -> Nearness {
        let left = self.ends.seconds().saturating_sub(now.seconds());
        let whole = self.ends.seconds().saturating_sub(self.begins.seconds());
        let within = |span: Duration| left <= seconds(span).min(whole / 3);
        match () {
            () if left < 0 => Nearness::Ended,
            () if within(limits::EXPIRY_DAY) => Nearness::Day,
            () if within(limits::EXPIRY_WEEK) => Nearness::Week,
            () if within(limits::EXPIRY_MONTH) => Nearness::Month,
            () => Nearness::Far,
        }
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

impl Gateway {
    /// Everything of this gateway and of its peers that ends by itself, the nearest end first.
    pub fn lifetimes(&self) -> Result<Vec<Lifetime>, Fault> {
        let own = &self.config.ministry;
        let (begins, ends) = self.credentials.validity();
        let mut found = vec![Lifetime { what: Expiring::Transport, ministry: own.clone(), begins, ends }];
        found.extend(of_certificate(Expiring::DeskAccess, own, &certificate(&self.config.desk_access())?));
        found.extend(of_certificate(Expiring::Root, own, &certificate(&self.config.root())?));
        let in_force = self.trust.load_full();
        for in_force in in_force.iter() {
            found.push(of_bundle(in_force.own().bundle().content()));
            for bundle in in_force.peers().values() {
                let content = bundle.bundle().content();
                found.push(of_bundle(content));
                found.extend(of_certificate(Expiring::Root, &content.ministry, &content.root));
            }
        }
        found.sort_by_key(|lifetime| (lifetime.ends, lifetime.what.word()));
        Ok(found)
    }

    /// Says once at each stage that an end comes nearer, until `stop` is cancelled.
    pub(super) async fn warn_of_ends(self: Arc<Self>, stop: CancellationToken) {
        let mut said = BTreeMap::new();
        while !stop.is_cancelled() {
            match self.lifetimes() {
                Ok(lifetimes) => news(&lifetimes, self.clock.now(), &mut said).into_iter().for_each(say),
                Err(fault) => tracing::warn!(%fault, "it could not be seen what ends soon"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(limits::EXPIRY_LOOK_PAUSE) => {}
            }
        }
    }
}

fn of_certificate(what: Expiring, ministry: &Ministry, certificate: &[u8]) -> Option<Lifetime> {
    let (begins, ends) = certificate_validity(certificate)?;
    Some(Lifetime { what, ministry: ministry.clone(), begins, ends })
}

fn of_bundle(content: &crate::trust::bundle::BundleContent) -> Lifetime {
    let (begins, ends) = (content.valid_from, content.valid_until);
    Lifetime { what: Expiring::Bundle, ministry: content.ministry.clone(), begins, ends }
}

/// What was told of what, so that nothing is told twice.
type Said = BTreeMap<(Ministry, &'static str, Timestamp), Nearness>;

/// What has come nearer to its end than was said of it.
fn news(lifetimes: &[Lifetime], now: Timestamp, said: &mut Said) -> Vec<(Lifetime, Nearness)> {
    let mut news = Vec::new();
    for lifetime in lifetimes {
        let nearness = lifetime.nearness(now);
        let key = (lifetime.ministry.clone(), lifetime.what.word(), lifetime.ends);
        let before = said.insert(key, nearness);
        if nearness > Nearness::Far && before.is_none_or(|before| before < nearness) {
            news.push((lifetime.clone(), nearness));
        }
    }
    news
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
    fn each_stage_is_told_once_and_what_was_renewed_is_told_anew() {
        let mut said = Said::new();
        let told = |days_left: i64, of: &Lifetime, said: &mut Said| {
            let now = Timestamp::from_seconds(of.ends.seconds() - days_left * DAY);
            news(std::slice::from_ref(of), now, said)
                .into_iter()
                .map(|(_, nearness)| nearness)
                .collect::<Vec<_>>()
        };
        let first = lifetime(365);
        assert_eq!(told(40, &first, &mut said), []);
        assert_eq!(told(30, &first, &mut said), [Nearness::Month]);
        assert_eq!(told(20, &first, &mut said), []);
        assert_eq!(told(7, &first, &mut said), [Nearness::Week]);
        let renewed = lifetime(730);
        assert_eq!(told(40, &renewed, &mut said), []);
        assert_eq!(told(1, &renewed, &mut said), [Nearness::Day]);
    }
}
