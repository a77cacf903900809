//! `check`: check a form without sending it.

use super::context::Context;
use super::error::CliError;

/// Check a form without sending it
#[derive(Debug, clap::Args)]
pub struct Check {}

impl Check {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("check"))
    }
}
