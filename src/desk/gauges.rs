//! The page of metrics of a desk, as far as it is the same whoever writes it: the service for its listener, and
//! `status`.
//!
//! What is owed and what ends enter; a page in the OpenMetrics text format leaves, with what its writer adds. No label
//! names an office, a client, a message, a consultation or a person.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::desk::expiry::Ending;
use crate::keys::expiry::Nearness;
use crate::time::Timestamp;

/// What all names of metrics begin with.
const PREFIX: &str = "chancery_desk";

/// A page that is being written.
#[derive(Debug)]
pub struct Page(Registry);

impl Page {
    /// Begins with what every page of a desk tells.
    pub fn begin(owed: usize, endings: &[Ending]) -> Self {
        let mut page = Self(Registry::with_prefix(PREFIX));
        page.gauge("owed_acts", "Protective acts that some Power has not been sent", owed);
        let disbelieved = endings.iter().filter(|one| one.disbelieved.is_some()).count();
        let help = "Certificates of offices and of the registry that the own bundle does not vouch for, as revoked ones";
        page.gauge("disbelieved_certificates", help, disbelieved);
        page.ends(endings);
        page
    }

    /// Adds a number as it stands.
    pub fn gauge(&mut self, name: &str, help: &str, value: usize) {
        self.0.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }

    /// Where other metrics are added.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.0
    }

    /// The whole page.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }

    /// What ends, and from when on that is told as near: of each kind what comes first, so that no label names an
    /// office or a client. Rules compare with the clock, and know no spans of their own.
    fn ends(&mut self, endings: &[Ending]) {
        let (mut ends, mut stages) = (First::default(), First::default());
        for life in endings.iter().map(|one| &one.lifetime) {
            let labels = vec![("what", life.what.word().to_owned()), ("ministry", life.ministry.to_string())];
            for stage in Nearness::STAGES {
                let mut labels = labels.clone();
                labels.push(("stage", stage.word().to_owned()));
                keep_first(&mut stages, labels, life.reaches(stage));
            }
            keep_first(&mut ends, labels, life.ends);
        }
        let help = "When a certificate of the desk ends, or a trust bundle: of several of a kind the first";
        self.0.register("end_timestamp_seconds", help, family(ends));
        let help = "From when on it is within a month, a week or a day of its end, or in its last third if that is less";
        self.0.register("end_stage_timestamp_seconds", help, family(stages));
    }
}

/// Labels of one sample.
type Labels = Vec<(&'static str, String)>;

/// What comes first under the same labels.
type First = BTreeMap<Labels, Timestamp>;

fn keep_first(first: &mut First, labels: Labels, at: Timestamp) {
    let kept = first.entry(labels).or_insert(at);
    *kept = (*kept).min(at);
}

fn family(first: First) -> Family<Labels, Gauge> {
    let family = Family::<Labels, Gauge>::default();
    for (labels, at) in first {
        family.get_or_create(&labels).set(at.seconds());
    }
    family
}
