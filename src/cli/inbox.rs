//! `inbox`: list what came in.

use super::context::Context;
use super::error::CliError;

/// List what came in
#[derive(Debug, clap::Args)]
pub struct Inbox {}

impl Inbox {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("inbox"))
    }
}
