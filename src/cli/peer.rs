//! `peer card|inspect|add|list|show|ping`: accredit other ministries and reach them.

use super::context::Context;
use super::error::CliError;

/// Accredit other ministries and reach them
#[derive(Debug, clap::Args)]
pub struct Peer {}

impl Peer {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("peer"))
    }
}
