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
        let fits = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidChannel) }
    }

    /// The default channel between ministries: derived from the sorted fingerprints of their roots, so that
    /// all sides arrive at the same identifier without asking each other.
    pub fn between(fingerprints: &[Digest]) -> Self {
        let mut sorted = fingerprints.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut parts: Vec<&[u8]> = vec![b"chancery/channel/v1"];
        parts.extend(sorted.iter().map(|fingerprint| fingerprint.as_bytes().as_slice()));
        let digits: String = Digest::of_parts(&parts).hex().chars().take(16).collect();
        Self(format!("ch-{digits}"))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_sixteen_lower_case_digits() {
        let text = "ch-0123456789abcdef";
        assert_eq!(ChannelId::parse(text).unwrap().to_string(), text);
        for text in [
            "",
            "ch-",
            "0123456789abcdef",
            "ch-0123456789abcde",
            "ch-0123456789ABCDEF",
            "CH-0123456789abcdef",
        ] {
            assert_eq!(ChannelId::parse(text), Err(InvalidChannel), "{text}");
        }
    }

    #[test]
    fn all_sides_derive_the_same_default_channel() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|root| Digest::of(root));
        let channel = ChannelId::between(&[a, b, c]);
        assert_eq!(channel, ChannelId::between(&[c, a, b, a]));
        assert_eq!(ChannelId::parse(channel.as_str()), Ok(channel.clone()));
        assert_ne!(channel, ChannelId::between(&[a, b]));
    }
}
