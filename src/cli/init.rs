//! `init ministry|desk|gateway`: found a ministry, a gateway or a desk.

use super::context::Context;
use super::error::CliError;

/// Found a ministry, a gateway or a desk
#[derive(Debug, clap::Args)]
pub struct Init {}

impl Init {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("init"))
    }
}
