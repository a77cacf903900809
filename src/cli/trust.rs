//! `trust sign`: sign our trust bundle.

use super::context::Context;
use super::error::CliError;

/// Sign our trust bundle
#[derive(Debug, clap::Args)]
pub struct Trust {}

impl Trust {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("trust"))
    }
}
