//! `status`: how our gateway is.

use super::context::Context;
use super::error::CliError;

/// How our gateway is
#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("status"))
    }
}
