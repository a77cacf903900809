//! What a ministry's monitoring reads: names, units and numbers, and nothing that a header does not say either.
//!
//! The status of the gateway and its tallies enter, a page in the OpenMetrics text format leaves, by its own
//! listener (`listener`) and by the operator's socket. Labels are codes of ministries, of alarms and of outcomes:
//! never a message, a channel, a consultation or a person. Nothing is decided by a number that is shown here.
//!
//! | file | does |
//! |---|---|
//! | `tallies` | counts what happens |
//! | `exposition` | writes what stands and what was counted |
//! | `listener` | serves the page over HTTP |

mod exposition;
mod listener;
mod tallies;

pub use listener::MetricsListener;
pub use tallies::Tallies;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;

/// The media type of a page.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Gateway {
    /// A page of everything that is measured, now.
    pub async fn metrics(&self) -> Result<String, Fault> {
        exposition::page(&self.status().await?, &self.tallies)
            .map_err(|_| Fault::Damaged("a page of metrics".to_owned()))
    }
}
