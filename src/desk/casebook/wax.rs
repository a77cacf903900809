//! What the casebook writes: sealed to the desk's own reading key, and bound to it.
//!
//! A seal hides, but anybody who has the public half could make one. So what is written is bound by a code that only
//! the secret half gives: whoever can write to the disk of the desk, but cannot open its keys, can destroy its
//! casebook and nothing else. What is destroyed is made anew from the archive.

use std::sync::Arc;

use ring::hmac;
use zeroize::Zeroizing;

use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::message::seal::{self, Opener, ReadingKey, Recipient};

/// What the code is derived for, and for nothing else.
const PURPOSE: &[u8] = b"chancery/casebook/v1";

/// Seals and binds with the reading key in use, and opens and believes with every one of the desk.
pub(super) struct Wax {
    keys: Arc<ReadingKeys>,
    recipient: Recipient,
    binding: hmac::Key,
}

impl Wax {
    /// Of the reading keys of the desk.
    pub(super) fn of(keys: Arc<ReadingKeys>) -> Self {
        let (recipient, binding) = (keys.newest().recipient(), binding(keys.newest()));
        Self { keys, recipient, binding }
    }

    /// Seals some plain bytes.
    pub(super) fn seal(&self, plain: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, DeskError> {
        let sealed = seal::seal(plain, std::slice::from_ref(&self.recipient), entropy);
        let unsealable = |cause| DeskError::Draft(format!("the casebook could not be sealed: {cause}"));
        Ok(sealed.map_err(unsealable)?.bytes)
    }

    /// Opens what it sealed; nothing where another key did, or the bytes are not whole.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let openers: [&dyn Opener; 1] = [&self.keys];
        seal::open(sealed, &openers).ok()
    }

    /// The code over some digests, in this order.
    pub(super) fn bind(&self, contents: &Digest) -> Vec<u8> {
        hmac::sign(&self.binding, contents.as_bytes()).as_ref().to_vec()
    }

    /// Whether a code was given by a key of the desk.
    pub(super) fn is_bound(&self, contents: &Digest, code: &[u8]) -> bool {
        let binds = |binding: &hmac::Key| hmac::verify(binding, contents.as_bytes(), code).is_ok();
        binds(&self.binding) || self.keys.others().iter().any(|key| binds(&binding(key)))
    }
}

fn binding(key: &ReadingKey) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, key.secret_text().as_bytes());
    let derived = hmac::sign(&secret, PURPOSE);
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

crate::consultation::opaque!(Wax);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn another_key_neither_opens_nor_binds() {
        let (key, other) =
            (ReadingKey::generate(&SystemEntropy).unwrap(), ReadingKey::generate(&SystemEntropy).unwrap());
        let wax = |key: ReadingKey| Wax::of(Arc::new(key.into()));
        let (wax, strange) = (wax(key), wax(other));
        let sealed = wax.seal(b"P-7QK4-M2XD-9WTV", &SystemEntropy).unwrap();
        assert_eq!(wax.open(&sealed).unwrap().as_slice(), b"P-7QK4-M2XD-9WTV");
        assert!(strange.open(&sealed).is_none());
        assert!(wax.open(&sealed[..sealed.len() - 1]).is_none());
        let contents = Digest::of(&sealed);
        assert!(wax.is_bound(&contents, &wax.bind(&contents)));
        assert!(!wax.is_bound(&contents, &strange.bind(&contents)));
        assert!(!wax.is_bound(&Digest::of(b"another"), &wax.bind(&contents)));
        assert_eq!(format!("{wax:?}"), "Wax");
    }
}
