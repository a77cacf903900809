//! Plain age v1 files, without padding: key files, test vectors and other programs' files.
//!
//! Sealed parts are made and read by `part`, which adds padding and narrower rules.

use std::io::{BufReader, Read, Write};

use zeroize::Zeroizing;

use super::header::Header;
use super::payload::{ChunkOpener, ChunkSealer, NONCE_BYTES, payload_size};
use super::{FileKey, OpenError, Opener, Recipient, SealError, Stanza, passphrase, stanza};
use crate::entropy::{Entropy, random};
use crate::limits::{DOCUMENT_BYTES_MAX, RECIPIENTS_MAX};

/// Encrypts `plain` as it is: its length shows.
pub fn encrypt(plain: &[u8], recipients: &[Recipient], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
    let key = FileKey::generate(entropy)?;
    encrypt_to(&wrap(&key, recipients, entropy)?, &key, plain, entropy)
}

/// Decrypts a whole file.
pub fn decrypt(mut bytes: &[u8], openers: &[&dyn Opener]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let header = Header::read(&mut bytes)?;
    let key = unlock(&header, openers)?;
    ChunkOpener::begin(&key, &mut bytes)?.open_all(bytes, |chunk| Ok(0..chunk.len()))
}

/// To whom a file is sealed, as anybody sees who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedFor {
    /// Whoever knows a passphrase.
    Passphrase,
    /// So many recipients.
    Recipients(usize),
}

/// To whom a file is sealed. Nothing vouches for it before the file is opened.
pub fn sealed_for(source: impl Read) -> Result<SealedFor, OpenError> {
    let header = Header::read(&mut BufReader::new(source))?;
    let under_words = header.stanzas().iter().any(|stanza| stanza.kind == passphrase::KIND);
    Ok(if under_words { SealedFor::Passphrase } else { SealedFor::Recipients(header.stanzas().len()) })
}

/// Decrypts a file of any length in constant memory and returns the length of its plaintext.
///
/// Every chunk is verified before it reaches `sink`, but only `Ok` says that the plaintext is whole: until
/// then callers must not act on what `sink` received.
pub fn decrypt_stream(
    source: impl Read,
    openers: &[&dyn Opener],
    mut sink: impl Write,
) -> Result<u64, OpenError> {
    let mut source = BufReader::new(source);
    let header = Header::read(&mut source)?;
    let key = unlock(&header, openers)?;
    let mut size = 0_u64;
    ChunkOpener::begin(&key, &mut source)?.open_stream(&mut source, |chunk| {
        size = size.saturating_add(chunk.len() as u64);
        Ok(sink.write_all(chunk)?)
    })?;
    Ok(size)
}

/// Encrypts `plain` under a key that `stanzas` wrap already.
pub(super) fn encrypt_to(
    stanzas: &[Stanza],
    key: &FileKey,
    mut plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    let size = plain.len() as u64;
    if size > DOCUMENT_BYTES_MAX {
        return Err(SealError::TooLarge(size));
    }
    let (mut out, sealer) = begin(stanzas, key, entropy)?;
    out.reserve_exact(usize::try_from(payload_size(size)).map_err(|_| SealError::TooLarge(size))?);
    sealer.seal_all(&mut plain, size, &mut out)?;
    Ok(out)
}

/// The header and nonce of a new file, and what seals the chunks that follow.
pub(super) fn begin(
    stanzas: &[Stanza],
    key: &FileKey,
    entropy: &dyn Entropy,
) -> Result<(Vec<u8>, ChunkSealer), SealError> {
    let nonce = random::<NONCE_BYTES>(entropy)?;
    let mut out = Header::write(stanzas, key)?;
    out.extend_from_slice(&nonce);
    let sealer = ChunkSealer::new(key, &nonce).ok_or(SealError::Cipher)?;
    Ok((out, sealer))
}

/// Wraps a file key for every recipient, once the set of them is allowed.
pub(super) fn wrap(
    key: &FileKey,
    recipients: &[Recipient],
    entropy: &dyn Entropy,
) -> Result<Vec<Stanza>, SealError> {
    let hybrid = recipients.iter().filter(|recipient| recipient.is_post_quantum()).count();
    match recipients.len() {
        0 => Err(SealError::NoRecipients),
        count if count > RECIPIENTS_MAX => Err(SealError::TooManyRecipients(count)),
        count if hybrid != 0 && hybrid != count => Err(SealError::MixedRecipients),
        _ => recipients.iter().map(|recipient| recipient.wrap(key, entropy)).collect(),
    }
}

/// The file key that one of `openers` finds in `header`, which it proves to be unaltered.
pub(super) fn unlock(header: &Header, openers: &[&dyn Opener]) -> Result<FileKey, OpenError> {
    let key = stanza::unwrap(header.stanzas(), openers)?;
    header.verify(&key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::message::seal::{ReadingKey, X25519Key};

    #[test]
    fn classical_and_hybrid_recipients_are_not_mixed() {
        let classical = X25519Key::generate(&SystemEntropy).unwrap().recipient();
        let hybrid = ReadingKey::generate(&SystemEntropy).unwrap().recipient();
        for recipients in [[classical.clone(), hybrid.clone()], [hybrid, classical]] {
            let refused = encrypt(b"plain", &recipients, &SystemEntropy).unwrap_err();
            assert_eq!(refused.reason(), "SEAL_MIXED_RECIPIENTS");
        }
    }

    #[test]
    fn no_recipients_and_too_many_are_refused() {
        assert_eq!(encrypt(b"", &[], &SystemEntropy).unwrap_err().reason(), "SEAL_NO_RECIPIENTS");
        let crowd = vec![X25519Key::generate(&SystemEntropy).unwrap().recipient(); RECIPIENTS_MAX + 1];
        let refused = encrypt(b"", &crowd, &SystemEntropy).unwrap_err();
        assert_eq!(refused.reason(), "SEAL_TOO_MANY_RECIPIENTS");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_small_file_is_refused_and_releases_nothing() {
        let key = X25519Key::generate(&SystemEntropy).unwrap();
        let bytes = encrypt(b"plain", &[key.recipient()], &SystemEntropy).unwrap();
        let refused = |bytes: &[u8], what: &str| {
            assert!(decrypt(bytes, &[&key]).is_err(), "{what}");
            let mut out = Vec::new();
            assert!(decrypt_stream(bytes, &[&key], &mut out).is_err() && out.is_empty(), "{what}");
        };
        let mut altered = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&altered, &format!("bit {bit}"));
            altered[bit / 8] = bytes[bit / 8];
        }
        for length in 0..bytes.len() {
            refused(&bytes[..length], &format!("{length} bytes"));
        }
        assert_eq!(decrypt(&altered, &[&key]).unwrap().as_slice(), b"plain");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn any_plaintext_is_read_by_every_recipient(
            plain in prop::collection::vec(any::<u8>(), 0..140_000),
            count in 1..4usize,
        ) {
            let keys: Vec<_> = (0..count).map(|_| X25519Key::generate(&SystemEntropy).unwrap()).collect();
            let recipients: Vec<_> = keys.iter().map(X25519Key::recipient).collect();
            let bytes = encrypt(&plain, &recipients, &SystemEntropy).unwrap();
            for key in &keys {
                prop_assert_eq!(&*decrypt(&bytes, &[key]).unwrap(), &plain);
                let mut out = Vec::new();
                prop_assert_eq!(decrypt_stream(&bytes[..], &[key], &mut out).unwrap(), plain.len() as u64);
                prop_assert_eq!(&out, &plain);
            }
        }
    }
}
