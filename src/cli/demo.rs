//! `demo`: two ministries on this machine.

use super::context::Context;
use super::error::CliError;

/// Two ministries on this machine
#[derive(Debug, clap::Args)]
pub struct Demo {}

impl Demo {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("demo"))
    }
}
