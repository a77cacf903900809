//! `Recipient`: whom a file is sealed to, in age's text form.

use std::fmt;
use std::str::FromStr;

use super::{FileKey, InvalidKey, SealError, Stanza, hybrid, x25519};
use crate::entropy::Entropy;

/// A public key files are sealed to: `age1pq1...` (post-quantum hybrid) or `age1...` (classical X25519).
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Hybrid(Box<hybrid::PublicKey>),
    X25519(x25519::PublicKey),
}

impl Recipient {
    /// Parses the one text form of a recipient.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        if text.starts_with(hybrid::RECIPIENT_BEGINNING) {
            hybrid::PublicKey::parse(text).map(Self::from)
        } else {
            x25519::PublicKey::parse(text).map(Self::from)
        }
    }

    /// Whether files sealed to it withstand a quantum computer; only such recipients take sealed parts.
    pub fn is_post_quantum(&self) -> bool {
        matches!(self.0, Kind::Hybrid(_))
    }

    pub(super) fn wrap(&self, key: &FileKey, entropy: &dyn Entropy) -> Result<Stanza, SealError> {
        match &self.0 {
            Kind::Hybrid(public) => public.wrap(key, entropy),
            Kind::X25519(public) => public.wrap(key, entropy),
        }
    }
}

impl From<hybrid::PublicKey> for Recipient {
    fn from(public: hybrid::PublicKey) -> Self {
        Self(Kind::Hybrid(Box::new(public)))
    }
}

impl From<x25519::PublicKey> for Recipient {
    fn from(public: x25519::PublicKey) -> Self {
        Self(Kind::X25519(public))
    }
}

impl FromStr for Recipient {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::parse(text)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.0 {
            Kind::Hybrid(public) => public.text(),
            Kind::X25519(public) => public.text(),
        };
        f.write_str(&text.ok_or(fmt::Error)?)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        write!(f, "Recipient({}...)", text.get(..20).unwrap_or_default())
    }
}
