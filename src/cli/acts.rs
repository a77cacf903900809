//! `acts`: the kinds of act, their fields, and which may answer which.

use super::context::Context;
use super::error::CliError;

/// The kinds of act, their fields, and which may answer which
#[derive(Debug, clap::Args)]
pub struct Acts {}

impl Acts {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("acts"))
    }
}
