//! `send`: sign, seal and hand over.

use super::context::Context;
use super::error::CliError;

/// Sign, seal and hand over
#[derive(Debug, clap::Args)]
pub struct Send {}

impl Send {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("send"))
    }
}
