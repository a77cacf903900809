//! `MessageId`: SHA-256 of the exact header bytes. The header commits to every sealed part; the signature is
//! left out on purpose, because ECDSA signatures are malleable and a second valid one must stay a duplicate.

use std::fmt;

use crate::digest::{Digest, InvalidDigest};

/// Identity of one copy of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Digest);

impl MessageId {
    /// The id of the message with these exact header bytes.
    pub fn of_header(header: &[u8]) -> Self {
        Self(Digest::of(header))
    }

    /// Takes exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        Digest::from_slice(bytes).map(Self)
    }

    /// Parses 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        Digest::parse(text).map(Self)
    }

    /// As a digest.
    pub fn digest(&self) -> Digest {
        self.0
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl From<Digest> for MessageId {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
