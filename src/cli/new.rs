//! `new`: write the form of an act.

use super::context::Context;
use super::error::CliError;

/// Write the form of an act
#[derive(Debug, clap::Args)]
pub struct New {}

impl New {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("new"))
    }
}
