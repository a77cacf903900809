//! The vault: what the service writes about drafts, sealed to the desk's own reading key, and requests as codes that only
//! that key gives.
//!
//! Plain texts enter and sealed ones leave, and the other way round. Nobody who can read the register learns from it what
//! a client asked for, not even by guessing.

use ring::hmac;
use zeroize::Zeroizing;

use crate::desk::error::DeskError;
use crate::entropy::Entropy;
use crate::message::refusal::{Reason, Refusal};
use crate::message::seal::{self, Opener, ReadingKey};

/// What codes are derived for, and for nothing else.
const PURPOSE: &[u8] = b"chancery/desk-service/v1";

/// Seals the text of a draft.
pub(super) fn seal(key: &ReadingKey, text: &str, entropy: &dyn Entropy) -> Result<Vec<u8>, DeskError> {
    let sealed = seal::seal(text.as_bytes(), &[key.recipient()], entropy);
    let unsealable = |cause| DeskError::Draft(format!("the draft could not be sealed: {cause}"));
    Ok(sealed.map_err(unsealable)?.bytes)
}

/// Opens what it sealed.
pub(super) fn open(key: &ReadingKey, sealed: &[u8]) -> Result<Zeroizing<String>, DeskError> {
    let openers: [&dyn Opener; 1] = [key];
    let broken = |detail: String| Refusal::new(Reason::SealBroken, detail);
    let plain = seal::open(sealed, &openers).map_err(|cause| broken(cause.to_string()))?;
    let text =
        std::str::from_utf8(&plain).map_err(|_| broken("a draft that is held is no text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The code over a request.
pub(super) fn fingerprint(key: &ReadingKey, method: &str, request: &[u8]) -> Vec<u8> {
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
        let (key, other) =
            (ReadingKey::generate(&SystemEntropy).unwrap(), ReadingKey::generate(&SystemEntropy).unwrap());
        let sealed = seal(&key, "a draft", &SystemEntropy).unwrap();
        assert_eq!(open(&key, &sealed).unwrap().as_str(), "a draft");
        assert!(open(&other, &sealed).is_err());
        let code = fingerprint(&key, "CreateDraft", b"request");
        assert_eq!(code, fingerprint(&key, "CreateDraft", b"request"));
        assert_ne!(code, fingerprint(&other, "CreateDraft", b"request"));
        assert_ne!(code, fingerprint(&key, "CreateDraftr", b"equest"));
    }
}
