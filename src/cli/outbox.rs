//! `outbox`: list what went out.

use super::context::Context;
use super::error::CliError;

/// List what went out
#[derive(Debug, clap::Args)]
pub struct Outbox {}

impl Outbox {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("outbox"))
    }
}
