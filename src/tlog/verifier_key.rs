//! Names and public keys of logs and cosigners, the "vkey" of C2SP signed-note (c2sp.org/signed-note).
//!
//! A ministry has one log key and signs with it under the origin name of each of its logs. The key id
//! depends on the name, so the key is announced once and re-derived for every origin
//! (`VerifierKey::with_name`).

use std::fmt;

use data_encoding::HEXLOWER;

use crate::digest::Digest;
use crate::limits::KEY_NAME_BYTES_MAX;

use super::base64;

/// A text that is not a key name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key name: 1 to 255 bytes without space, plus sign or control character are expected")]
pub struct InvalidKeyName;

impl InvalidKeyName {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        "KEY_NAME_INVALID"
    }
}

/// Name of a log (its origin) or of a cosigner: a URL without scheme, as `mfa.xa.example/chancery/xb/2026`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Takes a name that can stand in a signature line.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyName> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if text.is_empty() || text.len() > KEY_NAME_BYTES_MAX || text.contains(forbidden) {
            return Err(InvalidKeyName);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs. A note may carry lines of other kinds; they are kept and never verified here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Ed25519 over the note's text (0x01): the kind of log keys.
    Log,
    /// Ed25519 over a time and the checkpoint (0x04): the kind of cosigners.
    Cosigner,
}

impl KeyKind {
    /// The signature type byte of the specification.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Cosigner => 0x04,
        }
    }

    const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Log),
            0x04 => Some(Self::Cosigner),
            _ => None,
        }
    }
}

/// First four bytes of the hash over name, kind and public key. An index, not a protection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Wraps the four bytes.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is no usable verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVerifierKey {
    /// Not `<name>+<key id>+<base64>` in its one spelling.
    #[error("not a verifier key: <name>+<8 hexadecimal digits>+<base64> is expected")]
    Malformed,
    /// The key id was computed from another name or key.
    #[error("the key id in the verifier key does not belong to its name and key")]
    KeyId,
    /// A signature type that is not verified here.
    #[error("verifier keys of type {0:#04x} are not supported")]
    Unsupported(u8),
}

impl InvalidVerifierKey {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "VERIFIER_KEY_MALFORMED",
            Self::KeyId => "VERIFIER_KEY_ID",
            Self::Unsupported(_) => "VERIFIER_KEY_UNSUPPORTED",
        }
    }
}

/// The public key of a log or cosigner with its name and kind. Prints as a vkey.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifierKey {
    /// Log origin or cosigner name.
    pub name: KeyName,
    /// What it signs.
    pub kind: KeyKind,
    /// The Ed25519 public key.
    pub public_key: [u8; 32],
}

impl VerifierKey {
    /// Reads a vkey.
    pub fn parse(text: &str) -> Result<Self, InvalidVerifierKey> {
        let malformed = InvalidVerifierKey::Malformed;
        let (name, rest) = text.split_once('+').ok_or(malformed)?;
        let (id, material) = rest.split_once('+').ok_or(malformed)?;
        let name = KeyName::parse(name).map_err(|_| malformed)?;
        let id: [u8; 4] =
            HEXLOWER.decode(id.as_bytes()).ok().and_then(|id| id.try_into().ok()).ok_or(malformed)?;
        let material = base64::decode(material).ok_or(malformed)?;
        let (byte, public_key) = material.split_first().ok_or(malformed)?;
        let kind = KeyKind::of_byte(*byte).ok_or(InvalidVerifierKey::Unsupported(*byte))?;
        let key = Self { name, kind, public_key: public_key.try_into().map_err(|_| malformed)? };
        if key.id() == KeyId(id) { Ok(key) } else { Err(InvalidVerifierKey::KeyId) }
    }

    /// The same key under another name, hence with another key id.
    pub fn with_name(&self, name: KeyName) -> Self {
        Self { name, ..*self }
    }

    /// Its key id.
    pub fn id(&self) -> KeyId {
        key_id(&self.name, self.kind, &self.public_key)
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &self.public_key);
        key.verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![self.kind.byte()];
        material.extend_from_slice(&self.public_key);
        write!(f, "{}+{}+{}", self.name, self.id(), base64::encode(&material))
    }
}

/// Key id of a public key under a name.
pub(super) fn key_id(name: &KeyName, kind: KeyKind, public_key: &[u8; 32]) -> KeyId {
    let digest = Digest::of_parts(&[name.as_str().as_bytes(), b"\n", &[kind.byte()], public_key]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    KeyId([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From the signed-note specification.
    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_key_of_the_specification_reads_and_prints() {
        let key = VerifierKey::parse(EXAMPLE).unwrap();
        assert_eq!((key.name.as_str(), key.kind), ("example.com/foo", KeyKind::Log));
        assert_eq!(key.to_string(), EXAMPLE);
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_key_is_refused() {
        for place in 0..EXAMPLE.len() {
            assert!(VerifierKey::parse(&EXAMPLE[..place]).is_err());
            for bit in 0..8 {
                let mut bytes = EXAMPLE.as_bytes().to_vec();
                bytes[place] ^= 1 << bit;
                if let Ok(text) = String::from_utf8(bytes) {
                    assert!(VerifierKey::parse(&text).is_err(), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_post_quantum_key_is_told_apart_from_a_malformed_one() {
        let text = format!("example.com/foo+00000000+{}", base64::encode(&[&[6u8][..], &[0; 1312]].concat()));
        assert_eq!(VerifierKey::parse(&text), Err(InvalidVerifierKey::Unsupported(6)));
        let short = format!("example.com/foo+00000000+{}", base64::encode(&[1; 32]));
        assert_eq!(VerifierKey::parse(&short), Err(InvalidVerifierKey::Malformed));
    }

    #[test]
    fn names_that_could_break_a_signature_line_are_refused() {
        let long = "a".repeat(KEY_NAME_BYTES_MAX + 1);
        for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{2028}b", "a\u{7f}", "a\u{85}", long.as_str()]
        {
            assert_eq!(KeyName::parse(name), Err(InvalidKeyName), "{name:?}");
        }
        assert!(KeyName::parse("외교부.example/chancery").is_ok());
        assert!(KeyName::parse(&long[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn a_key_reads_back_as_it_was_printed(
            name in "[a-z0-9./-]{1,40}",
            other in "[a-z]{1,9}",
            public_key: [u8; 32],
        ) {
            for kind in [KeyKind::Log, KeyKind::Cosigner] {
                let key = VerifierKey { name: KeyName::parse(&name).unwrap(), kind, public_key };
                prop_assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key.clone()));
                let renamed = key.with_name(KeyName::parse(&other).unwrap());
                prop_assert_eq!(renamed.id() == key.id(), name == other);
            }
        }

        #[test]
        fn no_text_has_two_spellings(text in "[a-b]{1,2}\\+[0-9a-fA-F]{7,9}\\+[A-Za-z0-9+/=]{40,48}") {
            if let Ok(key) = VerifierKey::parse(&text) {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
