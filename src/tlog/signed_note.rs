//! C2SP signed-note: a text with signature lines (c2sp.org/signed-note).

use std::fmt;

/// Signs note texts with one named Ed25519 key (port).
pub trait NoteSigner: Send + Sync + fmt::Debug {
    /// Name of the key: a log origin or a cosigner name.
    fn name(&self) -> &str;
    /// The 32 bytes of the Ed25519 public key.
    fn public_key(&self) -> [u8; 32];
    /// Signs `message` with Ed25519; 64 bytes.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}
