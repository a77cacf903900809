//! `desk enrol`: enrol desks at the gateway.

use super::context::Context;
use super::error::CliError;

/// Enrol desks at the gateway
#[derive(Debug, clap::Args)]
pub struct Desk {}

impl Desk {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("desk"))
    }
}
