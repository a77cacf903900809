//! `key csr|certify|export|list`: certificate requests, certificates and keys.

use super::context::Context;
use super::error::CliError;

/// Certificate requests, certificates and keys
#[derive(Debug, clap::Args)]
pub struct Key {}

impl Key {
    /// Not built yet.
    pub async fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::not_built("key"))
    }
}
