//! Sealing: age v1 files (c2sp.org/age) to the post-quantum hybrid recipient, padded.

use std::fmt;

use zeroize::Zeroizing;

/// Opens file keys with a long-lived reading key (port): keys in files.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Tries to unwrap the file key from one recipient stanza; `None` where the stanza is not for this key.
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>>;
}

/// One recipient stanza of an age header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Recipient type, such as `mlkem768x25519`.
    pub kind: String,
    /// Further arguments of the stanza line.
    pub arguments: Vec<String>,
    /// Decoded body.
    pub body: Vec<u8>,
}
