//! The vault: what the service writes about drafts, sealed to the desk's own reading key, and requests as codes that
//! only that key gives.
//!
//! Plain texts enter and sealed ones leave, and the other way round. Nobody who can read the register learns from it
//! what a client asked for, not even by guessing.

use ring::hmac;
use zeroize::Zeroizing;

use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::entropy::Entropy;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, Opener, ReadingKey};

/// What codes are derived for, and for nothing else.
const PURPOSE: &[u8] = b"chancery/desk-service/v1";

/// Seals the text of a draft.
pub(super) fn seal(keys: &ReadingKeys, text: &str, entropy: &dyn Entropy) -> Result<Vec<u8>, DeskError> {
    let sealed = seal::seal(text.as_bytes(), &[keys.newest().recipient()], entropy);
    let unsealable = |cause| DeskError::Draft(format!("the draft could not be sealed: {cause}"));
    Ok(sealed.map_err(unsealable)?.bytes)
}

/// Opens what it sealed, under whichever key of the desk.
pub(super) fn open(keys: &ReadingKeys, sealed: &[u8]) -> Result<Zeroizing<String>, DeskError> {
    let openers: [&dyn Opener; 1] = [keys];
    let broken = |detail: String| Refusal::new(Reason::SealBroken, detail);
    let plain = seal::open(sealed, &openers).map_err(|cause| broken(cause.to_string()))?;
    let text =
        std::str::from_utf8(&plain).map_err(|_| broken("a draft that is held is no text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The code over a request, as it is given at present.
pub(super) fn fingerprint(keys: &ReadingKeys, method: &str, request: &[u8]) -> Vec<u8> {
    fingerprint_of(keys.newest(), method, request)
}

/// Whether a code over a request was given by a key of the desk.
pub(super) fn is_fingerprint(keys: &ReadingKeys, code: &[u8], method: &str, request: &[u8]) -> bool {
    keys.all().any(|key| fingerprint_of(key, method, request) == code)
}

/// The code that one key gives.
pub(super) fn fingerprint_of(key: &ReadingKey, method: &str, request: &[u8]) -> Vec<u8> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, key.secret_text().as_bytes());
    let derived = hmac::sign(&secret, PURPOSE);
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()));
    context.update(method.as_bytes());
    context.update(&[0]);
    context.update(request);
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn another_key_opens_nothing_and_gives_other_codes() {
        let fresh = || ReadingKeys::from(ReadingKey::generate(&SystemEntropy).unwrap());
        let (key, other) = (fresh(), fresh());
        let sealed = seal(&key, "a draft", &SystemEntropy).unwrap();
        assert_eq!(open(&key, &sealed).unwrap().as_str(), "a draft");
        assert!(open(&other, &sealed).is_err());
        let code = fingerprint(&key, "CreateDraft", b"request");
        assert_eq!(code, fingerprint(&key, "CreateDraft", b"request"));
        assert_ne!(code, fingerprint(&other, "CreateDraft", b"request"));
        assert_ne!(code, fingerprint(&key, "CreateDraftr", b"equest"));
        assert!(is_fingerprint(&key, &code, "CreateDraft", b"request"));
        assert!(!is_fingerprint(&other, &code, "CreateDraft", b"request"));
    }
}
