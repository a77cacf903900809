//! `log head|prove|verify`: prove and verify what was archived.

use super::context::Context;
use super::error::CliError;

/// Prove and verify what was archived
#[derive(Debug, clap::Args)]
pub struct Log {}

impl Log {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("log"))
    }
}
