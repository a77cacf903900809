//! `verify`: check an evidence file, offline.

use super::context::Context;
use super::error::CliError;

/// Check an evidence file, offline
#[derive(Debug, clap::Args)]
pub struct Verify {}

impl Verify {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("verify"))
    }
}
