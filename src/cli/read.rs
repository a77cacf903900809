//! `read`: verify, open and show a message.

use super::context::Context;
use super::error::CliError;

/// Verify, open and show a message
#[derive(Debug, clap::Args)]
pub struct Read {}

impl Read {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("read"))
    }
}
