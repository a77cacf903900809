//! What a ministry's monitoring reads: names, units and numbers, and nothing that a header does not say either.
//!
//! The status of the gateway and its tallies enter, a page in the OpenMetrics text format leaves, by a listener of its
//! own (`transport/metrics`) and by the operator's socket. Labels are codes of ministries, of alarms and of outcomes:
//! never a message, a channel, a consultation or a person. Nothing is decided by a number that is shown here.
//!
//! | file | does |
//! |---|---|
//! | `tallies` | counts what happens |
//! | `exposition` | writes what stands and what was counted |

mod exposition;
mod tallies;

use std::sync::Arc;

pub use tallies::Tallies;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::transport::metrics::Measured;

impl Gateway {
    /// A page of everything that is measured, now.
    pub async fn metrics(&self) -> Result<String, Fault> {
        exposition::page(&self.status().await?, &self.tallies)
            .map_err(|_| Fault::Damaged("a page of metrics".to_owned()))
    }
}

impl Measured for Gateway {
    async fn page(self: Arc<Self>) -> Option<String> {
        let written = self.metrics().await;
        written.inspect_err(|fault| tracing::error!(%fault, "a page of metrics could not be written")).ok()
    }
}
