//! Channels: which ministries consult with each other under which charter.

use std::fmt;

use crate::digest::Digest;

/// Identifier of a channel: `ch-` and 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(String);

/// A text that is not a channel identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a channel: \"ch-\" and 16 lower-case hexadecimal digits are expected")]
pub struct InvalidChannel;

impl ChannelId {
    /// Parses the identifier.
    pub fn parse(text: &str) -> Result<Self, InvalidChannel> {
        let digits = text.strip_prefix("ch-").ok_or(InvalidChannel)?;
        let fits =
            digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidChannel) }
    }

    /// The default channel between ministries: derived from the sorted fingerprints of their roots, so that
    /// all sides arrive at the same identifier without asking each other.
    pub fn between(fingerprints: &[Digest]) -> Self {
        let mut sorted = fingerprints.to_vec();
        sorted.sort_unstable();
        let parts: Vec<&[u8]> = sorted.iter().map(|fingerprint| fingerprint.as_bytes().as_slice()).collect();
        let hex: String = Digest::of_parts(&parts).hex().chars().take(16).collect();
        Self(format!("ch-{hex}"))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
