//! Recipient type `mlkem768x25519`: X-Wing (ML-KEM-768 with X25519) in HPKE base mode.
//!
//! Whoever wants to open a file must break both the lattice and the curve. Recipients and secrets have the
//! text forms `age1pq1...` and `AGE-SECRET-KEY-PQ-1...` of the C2SP specification.

use std::convert::Infallible;
use std::fmt;

use data_encoding::BASE64_NOPAD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use super::stanza::decode_exact;
use super::{FileKey, InvalidKey, Opener, Recipient, SealError, Stanza, text, x25519};
use crate::entropy::{Entropy, NoEntropy};

/// First argument of the stanza.
pub(super) const KIND: &str = "mlkem768x25519";
/// Beginning of every hybrid recipient's text. A classical one may begin with `age1pq`, but data never
/// contains the separator `1`.
pub(super) const RECIPIENT_BEGINNING: &str = "age1pq1";
const RECIPIENT_PREFIX: &str = "age1pq";
const SECRET_PREFIX: &str = "AGE-SECRET-KEY-PQ-";
const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
const PUBLIC_BYTES: usize = 1216;
const ENCAPSULATED_BYTES: usize = 1120;
/// Bytes of base64 in which a stanza carries its encapsulated key.
const ENCAPSULATED_TEXT_BYTES: usize = (ENCAPSULATED_BYTES * 8).div_ceil(6);
/// Bytes of a whole stanza: its line (arrow, kind, encapsulated key) and its body of 43 characters.
pub(super) const STANZA_BYTES: usize = 3 + KIND.len() + 1 + ENCAPSULATED_TEXT_BYTES + 1 + 43 + 1;

/// The secret that opens what others sealed to us. Only `secret_text` reveals it.
#[derive(Clone)]
pub struct ReadingKey(<XWing as Kem>::PrivateKey);

impl ReadingKey {
    /// A new reading key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut_slice())?;
        Self::from_seed(&seed).map_err(|_| NoEntropy)
    }

    /// Parses `AGE-SECRET-KEY-PQ-1...`.
    pub fn parse(secret: &str) -> Result<Self, InvalidKey> {
        Self::from_seed(&*text::decode(SECRET_PREFIX, secret)?)
    }

    /// The text form of the secret, as other age programs read it. Handle with care: who reads it reads all
    /// that was ever sealed to this key.
    pub fn secret_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(<[u8; 32]>::from(self.0.to_bytes()));
        text::encode_secret(SECRET_PREFIX, seed.as_slice()).unwrap_or_default()
    }

    /// The recipient others seal to.
    pub fn recipient(&self) -> Recipient {
        PublicKey(XWing::sk_to_pk(&self.0)).into()
    }

    fn from_seed(seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        <XWing as Kem>::PrivateKey::from_bytes(seed)
            .map(Self)
            .map_err(|_| InvalidKey("the secret is invalid"))
    }
}

impl fmt::Debug for ReadingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadingKey")
    }
}

impl Opener for ReadingKey {
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        if stanza.kind != KIND {
            return None;
        }
        let encapsulated = encapsulated(stanza).ok()?;
        let key = <XWing as Kem>::EncappedKey::from_bytes(&encapsulated.0).ok()?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &key,
            INFO,
            &stanza.body,
            b"",
        );
        let opened = Zeroizing::new(opened.ok()?);
        opened.as_slice().try_into().ok().map(Zeroizing::new)
    }
}

/// The public half, inside a `Recipient`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey(<XWing as Kem>::PublicKey);

impl PublicKey {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidKey> {
        let bytes = text::decode::<PUBLIC_BYTES>(RECIPIENT_PREFIX, text)?;
        if bytes.last_chunk().is_none_or(x25519::is_low_order) {
            return Err(InvalidKey("its curve point has low order"));
        }
        let key = <XWing as Kem>::PublicKey::from_bytes(bytes.as_slice());
        key.map(Self).map_err(|_| InvalidKey("it is no ML-KEM-768 key"))
    }

    pub(super) fn text(&self) -> Option<String> {
        text::encode(RECIPIENT_PREFIX, &self.0.to_bytes())
    }

    pub(super) fn wrap(&self, key: &FileKey, entropy: &dyn Entropy) -> Result<Stanza, SealError> {
        let mut drawn = Drawn::draw(entropy)?;
        let (encapsulated, body) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.0,
            INFO,
            key.as_bytes(),
            b"",
            &mut drawn,
        )
        .map_err(|_| SealError::Cipher)?;
        if drawn.exhausted {
            return Err(SealError::Cipher);
        }
        let argument = BASE64_NOPAD.encode(&encapsulated.to_bytes());
        Ok(Stanza { kind: KIND.to_owned(), arguments: vec![argument], body })
    }
}

/// The encapsulated key of a stanza: an ML-KEM ciphertext, then an X25519 share.
pub(super) struct Encapsulated([u8; ENCAPSULATED_BYTES]);

impl Encapsulated {
    /// The X25519 share. The KEM itself accepts shares of low order, so its callers must look.
    pub(super) fn share(&self) -> [u8; 32] {
        self.0.last_chunk().copied().unwrap_or_default()
    }
}

/// The encapsulated key of a hybrid stanza whose form is right.
pub(super) fn encapsulated(stanza: &Stanza) -> Result<Encapsulated, &'static str> {
    let [argument] = stanza.arguments.as_slice() else {
        return Err("a hybrid stanza has two arguments");
    };
    let bytes = decode_exact(argument).ok_or("an encapsulated key has 1120 bytes")?;
    if stanza.body.len() != 32 {
        return Err("a wrapped file key has 32 bytes");
    }
    Ok(Encapsulated(bytes))
}

/// Random bytes drawn beforehand, for `hpke` wants a source that cannot fail and ours can.
struct Drawn {
    bytes: Zeroizing<[u8; 64]>,
    taken: usize,
    exhausted: bool,
}

impl Drawn {
    fn draw(entropy: &dyn Entropy) -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; 64]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self { bytes, taken: 0, exhausted: false })
    }
}

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Infallible> {
        let end = self.taken.saturating_add(wanted.len());
        match self.bytes.get(self.taken..end) {
            Some(bytes) => wanted.copy_from_slice(bytes),
            // The caller looks at this flag and throws the result away.
            None => self.exhausted = true,
        }
        self.taken = end;
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn texts_of_a_new_key_are_read_back() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let again = ReadingKey::parse(&key.secret_text()).unwrap();
        assert_eq!(again.recipient(), key.recipient());
        assert!(key.secret_text().starts_with("AGE-SECRET-KEY-PQ-1"));
        let recipient = key.recipient().to_string();
        assert!(recipient.starts_with("age1pq1"));
        assert_eq!(recipient.len(), 1959);
        assert_eq!(Recipient::parse(&recipient).unwrap(), key.recipient());
        assert!(key.recipient().is_post_quantum());
        assert_eq!(format!("{key:?}"), "ReadingKey");
    }

    #[test]
    fn a_file_key_is_unwrapped_by_its_recipient_alone() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let other = ReadingKey::generate(&SystemEntropy).unwrap();
        let file_key = FileKey::generate(&SystemEntropy).unwrap();
        let stanza = key.recipient().wrap(&file_key, &SystemEntropy).unwrap();
        assert_eq!(key.unwrap(&stanza).as_deref(), Some(file_key.as_bytes()));
        assert_eq!(other.unwrap(&stanza), None);
    }

    #[test]
    fn a_low_order_share_is_refused() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let file_key = FileKey::generate(&SystemEntropy).unwrap();
        let mut stanza = key.recipient().wrap(&file_key, &SystemEntropy).unwrap();
        for point in x25519::low_order_points() {
            let mut bytes = encapsulated(&stanza).ok().unwrap().0;
            bytes[ENCAPSULATED_BYTES - 32..].copy_from_slice(&point);
            stanza.arguments = vec![BASE64_NOPAD.encode(&bytes)];
            let refused = super::super::stanza::unwrap(&[stanza.clone()], &[&key]).unwrap_err();
            assert_eq!(refused.reason(), "SEAL_MALFORMED");
        }
    }

    #[test]
    fn a_recipient_with_a_low_order_point_is_refused() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap().recipient().to_string();
        let mut bytes = text::decode::<PUBLIC_BYTES>(RECIPIENT_PREFIX, &key).unwrap();
        bytes[PUBLIC_BYTES - 32..].fill(0);
        let text = text::encode(RECIPIENT_PREFIX, bytes.as_slice()).unwrap();
        assert_eq!(Recipient::parse(&text).unwrap_err().reason(), "SEAL_KEY_INVALID");
    }

    #[test]
    fn an_empty_source_of_randomness_seals_nothing() {
        #[derive(Debug)]
        struct Dry;
        impl Entropy for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), NoEntropy> {
                Err(NoEntropy)
            }
        }
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let file_key = FileKey::generate(&SystemEntropy).unwrap();
        assert_eq!(key.recipient().wrap(&file_key, &Dry).unwrap_err().reason(), "SEAL_NO_ENTROPY");
        assert!(ReadingKey::generate(&Dry).is_err());
    }
}
