//! Recipient type `X25519`: classical, for interoperability with older age programs and for test vectors.
//! Sealed parts never use it: recorded today, it is read when quantum computers exist.

use std::fmt;

use data_encoding::BASE64_NOPAD;
use ring::aead::{Aad, Nonce};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::file_key::{cipher, derive};
use super::stanza::decode_exact;
use super::{FileKey, InvalidKey, Opener, Recipient, SealError, Stanza, text};
use crate::entropy::{Entropy, NoEntropy};

/// First argument of the stanza.
pub(super) const KIND: &str = "X25519";
const RECIPIENT_PREFIX: &str = "age";
const SECRET_PREFIX: &str = "AGE-SECRET-KEY-";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

/// A classical secret. Only `secret_text` reveals it.
#[derive(Clone)]
pub struct X25519Key(StaticSecret);

impl X25519Key {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        secret(entropy).map(Self)
    }

    /// Parses `AGE-SECRET-KEY-1...`.
    pub fn parse(secret: &str) -> Result<Self, InvalidKey> {
        let bytes = text::decode(SECRET_PREFIX, secret)?;
        Ok(Self(StaticSecret::from(*bytes)))
    }

    /// The text form of the secret, as other age programs read it.
    pub fn secret_text(&self) -> Zeroizing<String> {
        text::encode_secret(SECRET_PREFIX, self.0.as_bytes()).unwrap_or_default()
    }

    /// The recipient others seal to.
    pub fn recipient(&self) -> Recipient {
        PublicKey(self.public()).into()
    }

    fn public(&self) -> [u8; 32] {
        x25519_dalek::PublicKey::from(&self.0).to_bytes()
    }
}

impl fmt::Debug for X25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("X25519Key")
    }
}

impl Opener for X25519Key {
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        if stanza.kind != KIND {
            return None;
        }
        let share = share(stanza).ok()?;
        let key = wrap_key(&self.0, &share, &share, &self.public())?;
        unwrap_with(&key, &stanza.body)
    }
}

/// The public half, inside a `Recipient`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey([u8; 32]);

impl PublicKey {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidKey> {
        let bytes = *text::decode(RECIPIENT_PREFIX, text)?;
        if is_low_order(&bytes) {
            return Err(InvalidKey("its curve point has low order"));
        }
        Ok(Self(bytes))
    }

    pub(super) fn text(&self) -> Option<String> {
        text::encode(RECIPIENT_PREFIX, &self.0)
    }

    pub(super) fn wrap(&self, key: &FileKey, entropy: &dyn Entropy) -> Result<Stanza, SealError> {
        let ephemeral = secret(entropy)?;
        let share = x25519_dalek::PublicKey::from(&ephemeral).to_bytes();
        let wrap_key = wrap_key(&ephemeral, &self.0, &share, &self.0).ok_or(SealError::Cipher)?;
        let body = wrap_with(&wrap_key, key).ok_or(SealError::Cipher)?;
        Ok(Stanza { kind: KIND.to_owned(), arguments: vec![BASE64_NOPAD.encode(&share)], body })
    }
}

/// The ephemeral share of an X25519 stanza whose form is right.
pub(super) fn share(stanza: &Stanza) -> Result<[u8; 32], &'static str> {
    let [argument] = stanza.arguments.as_slice() else {
        return Err("an X25519 stanza has two arguments");
    };
    if stanza.body.len() != 32 {
        return Err("a wrapped file key has 32 bytes");
    }
    decode_exact(argument).ok_or("an X25519 share has 32 bytes")
}

/// Whether `point` gives everybody the same shared secret. A clamped scalar is a multiple of the cofactor,
/// so that any of them takes exactly the points of low order to zero.
pub(super) fn is_low_order(point: &[u8; 32]) -> bool {
    let any = StaticSecret::from([9; 32]);
    !any.diffie_hellman(&(*point).into()).was_contributory()
}

/// Encrypts a file key under a wrap key that is used once, hence the fixed nonce.
pub(super) fn wrap_with(wrap_key: &[u8; 32], key: &FileKey) -> Option<Vec<u8>> {
    let mut body = Zeroizing::new(*key.as_bytes());
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let tag = cipher(wrap_key)?.seal_in_place_separate_tag(nonce, Aad::empty(), body.as_mut_slice()).ok()?;
    Some([body.as_slice(), tag.as_ref()].concat())
}

/// Decrypts a file key; `None` where it was wrapped under another key.
pub(super) fn unwrap_with(wrap_key: &[u8; 32], body: &[u8]) -> Option<Zeroizing<[u8; 16]>> {
    let mut body = Zeroizing::new(<[u8; 32]>::try_from(body).ok()?);
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let opened = cipher(wrap_key)?.open_in_place(nonce, Aad::empty(), body.as_mut_slice()).ok()?;
    <[u8; 16]>::try_from(&*opened).ok().map(Zeroizing::new)
}

fn wrap_key(
    own: &StaticSecret,
    theirs: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Option<Zeroizing<[u8; 32]>> {
    let shared = own.diffie_hellman(&(*theirs).into());
    if !shared.was_contributory() {
        return None;
    }
    derive(shared.as_bytes(), &[share.as_slice(), recipient].concat(), INFO)
}

fn secret(entropy: &dyn Entropy) -> Result<StaticSecret, NoEntropy> {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut_slice())?;
    Ok(StaticSecret::from(*bytes))
}

/// Zero, one, minus one, the two points of order eight (RFC 7748, section 6.1) and a non-canonical zero.
#[cfg(test)]
pub(super) fn low_order_points() -> Vec<[u8; 32]> {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap();
    let mut one = [0; 32];
    one[0] = 1;
    vec![
        [0; 32],
        one,
        hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn texts_are_those_of_the_specification() {
        let text = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let key = X25519Key::parse(text).unwrap();
        assert_eq!(key.secret_text().as_str(), text);
        let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert_eq!(key.recipient().to_string(), recipient);
        assert_eq!(Recipient::parse(recipient).unwrap(), key.recipient());
        assert!(!key.recipient().is_post_quantum());
        assert_eq!(format!("{key:?} {:?}", key.recipient()), "X25519Key Recipient(age1zvkyg2lqzraa2lnj...)");
    }

    #[test]
    fn low_order_points_and_no_others_are_refused() {
        for point in low_order_points() {
            assert!(is_low_order(&point));
            assert!(PublicKey::parse(&text::encode(RECIPIENT_PREFIX, &point).unwrap()).is_err());
        }
        for _ in 0..32 {
            assert!(!is_low_order(&X25519Key::generate(&SystemEntropy).unwrap().public()));
        }
    }

    #[test]
    fn a_file_key_is_unwrapped_by_its_recipient_alone() {
        let key = X25519Key::generate(&SystemEntropy).unwrap();
        let file_key = FileKey::generate(&SystemEntropy).unwrap();
        let stanza = key.recipient().wrap(&file_key, &SystemEntropy).unwrap();
        assert_eq!(key.unwrap(&stanza).as_deref(), Some(file_key.as_bytes()));
        assert_eq!(X25519Key::generate(&SystemEntropy).unwrap().unwrap(&stanza), None);
    }
}
