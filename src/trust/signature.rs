//! Detached signatures over exact bytes: CMS SignedData, CAdES-B-B profile, DER only.

use std::fmt;

/// The key device or file could not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key could not sign: {0}")]
pub struct SigningFault(pub String);

/// A signing key with its certificates (port): keys in files, later in an HSM.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Certificate of the key, DER.
    fn certificate(&self) -> &[u8];
    /// Certificates between it and the root, DER, leaf side first, without the root.
    fn intermediates(&self) -> &[Vec<u8>];
    /// Signs `message` with ECDSA P-256 and SHA-256; the result is the ASN.1 DER form.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault>;
}
