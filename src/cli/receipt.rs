//! `receipt`: show the peer's receipt.

use super::context::Context;
use super::error::CliError;

/// Show the peer's receipt
#[derive(Debug, clap::Args)]
pub struct Receipt {}

impl Receipt {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("receipt"))
    }
}
