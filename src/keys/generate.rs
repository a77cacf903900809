//! New keys. What leaves is a key in memory; `file` writes it.

use super::private_key::{PrivateKey, PrivateKeyRefusal};
use crate::entropy::{Entropy, NoEntropy};
use crate::message::seal::ReadingKey;

/// A new P-256 key: for signatures over records, and for TLS. Its randomness comes from the operating
/// system.
pub fn signing_key() -> Result<PrivateKey, PrivateKeyRefusal> {
    PrivateKey::new_signing()
}

/// A new Ed25519 key: for checkpoints and cosignatures of logs.
pub fn log_key(entropy: &dyn Entropy) -> Result<PrivateKey, PrivateKeyRefusal> {
    PrivateKey::new_log(entropy)
}

/// A new reading key: opens what peers seal to the ministry.
pub fn reading_key(entropy: &dyn Entropy) -> Result<ReadingKey, NoEntropy> {
    ReadingKey::generate(entropy)
}
