//! `chancery version`: what this is.

use serde_json::json;

use super::context::Context;
use super::error::CliError;

/// Print the version
#[derive(Debug, clap::Args)]
pub struct Version {}

impl Version {
    /// Prints the version and the formats it speaks.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let version = env!("CARGO_PKG_VERSION");
        let report = json!({ "schema": "chancery.version/1", "name": "chancery", "version": version });
        context.output.data(&report, || format!("chancery {version}"))
    }
}
