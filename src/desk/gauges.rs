//! The page of metrics of a desk, as far as it is the same whoever writes it: the service for its listener, and `status`.
//!
//! What is owed and what ends enter; a page in the OpenMetrics text format leaves, with what its writer adds. No label
//! names an office, a client, a message, a consultation or a person.

use std::collections::BTreeSet;
use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::desk::expiry::Ending;

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

    /// What ends: of each kind the nearest end, so that no label names an office or a client.
    fn ends(&mut self, endings: &[Ending]) {
        let (family, mut known) = (Family::<Vec<(&'static str, String)>, Gauge>::default(), BTreeSet::new());
        for life in endings.iter().map(|one| &one.lifetime) {
            let (what, ministry) = (life.what.word(), life.ministry.to_string());
            if known.insert((what, ministry.clone())) {
                let labels = vec![("what", what.to_owned()), ("ministry", ministry)];
                family.get_or_create(&labels).set(life.ends.seconds());
            }
        }
        let help = "When a certificate of the desk ends, or a trust bundle: of several of a kind the first";
        self.0.register("end_timestamp_seconds", help, family);
    }
}
