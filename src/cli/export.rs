//! `export`: write an evidence file.

use super::context::Context;
use super::error::CliError;

/// Write an evidence file
#[derive(Debug, clap::Args)]
pub struct Export {}

impl Export {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("export"))
    }
}
