//! What the ministry's monitoring reads of a desk that serves: calls and how they ended, whether it keeps up with its
//! gateway, and what it owes.
//!
//! Counts of the guard and of the keeper enter, a page in the OpenMetrics text format leaves by a listener of its own
//! (`transport/metrics`). Labels are names of calls, codes of gRPC and reasons of the guard: never a client, a message,
//! a consultation, a rule or a person.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use tonic::Code;

use super::Service;
use crate::desk::expiry::Ending;
use crate::desk::gauges::Page;
use crate::time::Timestamp;
use crate::transport::metrics::Measured;
use crate::trust::name::Ministry;

/// Counts since the service started. A clone counts with the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies {
    answered: Family<OfAnswer, Counter>,
    refused: Family<OfRefusal, Counter>,
    under_way: Family<OfCall, Gauge>,
    /// Unix seconds, once the gateway was reached.
    kept_up: Arc<OnceLock<Gauge>>,
    rounds_failed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    call: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAnswer {
    call: &'static str,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRefusal {
    call: &'static str,
    reason: String,
}

/// A call that is under way until this is gone.
#[derive(Debug)]
pub(super) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Tallies {
    /// A call was let through to its service.
    pub(super) fn begun(&self, call: &'static str) -> UnderWay {
        let gauge = self.under_way.get_or_create(&OfCall { call }).clone();
        gauge.inc();
        UnderWay(gauge)
    }

    /// A call was answered, or its stream opened.
    pub(super) fn answered(&self, call: &'static str, code: Code) {
        self.answered.get_or_create(&OfAnswer { call, code: format!("{code:?}") }).inc();
    }

    /// A call was refused before it reached its service, for one of the guard's reasons.
    pub(super) fn refused(&self, call: &'static str, reason: String) {
        self.refused.get_or_create(&OfRefusal { call, reason }).inc();
    }

    /// The desk is up with its gateway.
    pub(super) fn kept_up(&self, now: Timestamp) {
        self.kept_up.get_or_init(Gauge::default).set(now.seconds());
    }

    /// The desk could not keep up with its gateway.
    pub(super) fn round_failed(&self) {
        self.rounds_failed.inc();
    }
}

/// What stands, beside what was counted.
struct Standing<'a> {
    ministry: &'a Ministry,
    started: Timestamp,
    last_event: u64,
    owed: usize,
    endings: &'a [Ending],
}

/// One page.
fn page(standing: &Standing<'_>, tallies: &Tallies) -> Result<String, fmt::Error> {
    let mut page = Page::begin(standing.owed, standing.endings);
    let registry = page.registry();
    let labels =
        [("ministry", standing.ministry.to_string()), ("version", env!("CARGO_PKG_VERSION").to_owned())];
    registry.register("build", "Whose desk this is, and its release", Info::new(labels.to_vec()));
    let started = ConstGauge::new(standing.started.seconds());
    registry.register("start_time_seconds", "When the service started", started);
    let events = ConstCounter::new(standing.last_event);
    registry.register("events", "Events told to watchers since the desk was founded", events);
    let Tallies { answered, refused, under_way, kept_up, rounds_failed } = tallies.clone();
    registry.register("calls_answered", "Calls answered, and streams opened, by their code", answered);
    registry.register("calls_refused", "Calls refused before they reached the service", refused);
    registry.register("calls_under_way", "Calls under way, watchers and uploads included", under_way);
    if let Some(kept_up) = kept_up.get() {
        let help = "When the desk was last up with its gateway";
        registry.register("gateway_reached_timestamp_seconds", help, kept_up.clone());
    }
    let help = "Looks at the gateway that failed, since the service started";
    registry.register("gateway_looks_failed", help, rounds_failed);
    page.text()
}

impl Measured for Service {
    async fn page(self: Arc<Self>) -> Option<String> {
        let written = tokio::task::spawn_blocking(move || {
            let endings = self.trust().map(|trust| self.desk.endings(&trust)).unwrap_or_default();
            let standing = Standing {
                ministry: &self.desk.config.ministry,
                started: self.started,
                last_event: self.desk.register.last_event().map_err(|cause| cause.to_string())?,
                owed: self.desk.register.owed().map_err(|cause| cause.to_string())?.len(),
                endings: &endings,
            };
            page(&standing, &self.tallies).map_err(|cause| cause.to_string())
        });
        let written = written.await.unwrap_or_else(|cause| Err(cause.to_string()));
        written.inspect_err(|cause| tracing::error!(%cause, "a page of metrics could not be written")).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keys::expiry::{Expiring, Lifetime};

    fn full_page() -> String {
        let tallies = Tallies::default();
        let at = Timestamp::from_seconds(1_795_000_000);
        tallies.answered("CreateDraft", Code::Ok);
        tallies.answered("CreateDraft", Code::FailedPrecondition);
        tallies.refused("ReleaseDraft", "WRONG_ROLE".to_owned());
        tallies.kept_up(at);
        tallies.round_failed();
        let _watching = tallies.begun("WatchEvents");
        drop(tallies.begun("CreateDraft"));
        let ministry = Ministry::parse("XA").unwrap();
        let lifetime = Lifetime { what: Expiring::Access, ministry: ministry.clone(), begins: at, ends: at };
        let endings = [Ending { lifetime, label: None, disbelieved: None }];
        let standing =
            Standing { ministry: &ministry, started: at, last_event: 7, owed: 2, endings: &endings };
        page(&standing, &tallies).unwrap()
    }

    #[test]
    fn a_page_shows_calls_and_their_ends_and_whether_the_gateway_is_reached() {
        let page = full_page();
        for line in [
            "chancery_desk_build_info{ministry=\"XA\",version=\"0.1.0\"} 1",
            "chancery_desk_start_time_seconds 1795000000",
            "chancery_desk_events_total 7",
            "chancery_desk_owed_acts 2",
            "chancery_desk_end_timestamp_seconds{what=\"access\",ministry=\"XA\"} 1795000000",
            "chancery_desk_calls_answered_total{call=\"CreateDraft\",code=\"Ok\"} 1",
            "chancery_desk_calls_answered_total{call=\"CreateDraft\",code=\"FailedPrecondition\"} 1",
            "chancery_desk_calls_refused_total{call=\"ReleaseDraft\",reason=\"WRONG_ROLE\"} 1",
            "chancery_desk_calls_under_way{call=\"WatchEvents\"} 1",
            "chancery_desk_calls_under_way{call=\"CreateDraft\"} 0",
            "chancery_desk_gateway_reached_timestamp_seconds 1795000000",
            "chancery_desk_gateway_looks_failed_total 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
    }

    #[test]
    fn a_desk_that_never_reached_its_gateway_says_no_time() {
        let ministry = Ministry::parse("XA").unwrap();
        let started = Timestamp::from_seconds(1);
        let standing = Standing { ministry: &ministry, started, last_event: 0, owed: 0, endings: &[] };
        let page = super::page(&standing, &Tallies::default()).unwrap();
        assert!(!page.contains("gateway_reached"), "{page}");
    }

    /// Names of metrics in a text.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("chancery_desk_")).collect()
    }

    #[test]
    fn every_metric_of_a_desk_that_the_alerts_and_its_dashboard_name_exists() {
        let page = full_page();
        let exist = names(&page);
        for text in [
            include_str!("../../../etc/prometheus/alerts.yml"),
            include_str!("../../../etc/grafana/desk.json"),
        ] {
            let named = names(text);
            assert!(!named.is_empty());
            named.iter().for_each(|name| assert!(exist.contains(name), "{name} is on no page"));
        }
    }
}
