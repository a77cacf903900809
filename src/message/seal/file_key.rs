//! `FileKey`: the key of one age file. Disclosing it discloses that file and nothing else.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, NoEntropy};

/// Sixteen random bytes from which the keys of one file are derived; wiped when dropped.
///
/// The header's MAC commits to it: no second file key opens the same sealed bytes, so that a disclosed key
/// binds the plaintext to the digest of the sealed part.
#[derive(Clone)]
pub struct FileKey(Zeroizing<[u8; 16]>);

/// A text that is not a file key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a file key: 32 lower-case hexadecimal digits are expected")]
pub struct InvalidFileKey;

impl FileKey {
    /// A new random key, for one file only.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; 16]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Wraps bytes that are a file key already.
    pub const fn from_bytes(bytes: Zeroizing<[u8; 16]>) -> Self {
        Self(bytes)
    }

    /// Parses 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidFileKey> {
        let decoded = Zeroizing::new(HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidFileKey)?);
        let bytes = <[u8; 16]>::try_from(decoded.as_slice()).map_err(|_| InvalidFileKey)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The sixteen bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// 32 lower-case hexadecimal digits, for disclosure in an evidence file.
    pub fn hex(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(self.0.as_slice()))
    }

    /// The key of the header's MAC.
    pub(super) fn header_key(&self) -> Option<hmac::Key> {
        derive(self.as_bytes(), b"", b"header").map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    /// The key of the payload that follows `nonce`.
    pub(super) fn payload_key(&self, nonce: &[u8; 16]) -> Option<LessSafeKey> {
        cipher(&*derive(self.as_bytes(), nonce, b"payload")?)
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey")
    }
}

/// HKDF-SHA-256 with 32 bytes of output; `None` cannot happen, for 32 bytes are always available.
pub(super) fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    pseudorandom.expand(&[info], hkdf::HKDF_SHA256).ok()?.fill(key.as_mut_slice()).ok()?;
    Some(key)
}

/// ChaCha20-Poly1305 under `key`.
pub(super) fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn the_disclosed_form_is_read_back() {
        let key = FileKey::generate(&SystemEntropy).unwrap();
        assert_eq!(FileKey::parse(&key.hex()).unwrap().as_bytes(), key.as_bytes());
        assert_eq!(key.hex().len(), 32);
    }

    #[test]
    fn other_texts_are_refused_and_debug_tells_nothing() {
        for text in ["", "00", "0G", &"A0".repeat(16), &"00".repeat(17)] {
            assert_eq!(FileKey::parse(text).err(), Some(InvalidFileKey));
        }
        assert_eq!(format!("{:?}", FileKey::parse(&"a0".repeat(16)).unwrap()), "FileKey");
    }
}
