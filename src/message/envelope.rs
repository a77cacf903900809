//! The envelope: header, the registry's signature and the sealed parts that travel inline.
//!
//! Which parts are inline is not chosen but follows from their sizes, so an envelope has exactly one
//! encoding. Parsing checks everything that can be checked without trust; `verify` adds the signature.

use std::time::Duration;

use crate::canonical;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::message::header::{Header, Part};
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::proto::message::v1 as wire;
use crate::time::Timestamp;
use crate::trust::anchor::Anchors;
use crate::trust::chain::ChainRefusal;
use crate::trust::name::Name;
use crate::trust::signature::{self, SignatureRefusal};
use prost::Message as _;

/// Fields of the record.
const HEADER_FIELD: u32 = 1;
const SIGNATURE_FIELD: u32 = 2;
const PARTS_FIELD: u32 = 3;

/// One copy of a message as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    header: Header,
    signature: Vec<u8>,
    parts: Vec<Vec<u8>>,
}

impl Envelope {
    /// Joins a signed header and its sealed parts; `parts` holds one entry per part of the header, empty
    /// where the part travels beside the envelope.
    pub fn compose(header: Header, signature: Vec<u8>, parts: Vec<Vec<u8>>) -> Result<Self, Refusal> {
        check_signature(&signature)?;
        if parts.len() != header.parts().len() {
            return Err(mismatch("the envelope does not hold one entry for each part of its header"));
        }
        for ((part, content), inline) in header.parts().iter().zip(&parts).zip(inline_parts(header.parts())) {
            check_part(part, content, inline)?;
        }
        Ok(Self { header, signature, parts })
    }

    /// Parses exact envelope bytes and checks every inline part against its digest.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record = decode(bytes)?;
        Self::compose(Header::parse(&record.header)?, record.signature, record.parts)
    }

    /// A message that its sender withdrew before it was taken: header and signature, and no part at all.
    pub fn without_parts(header: Header, signature: Vec<u8>) -> Result<Self, Refusal> {
        check_signature(&signature)?;
        Ok(Self { header, signature, parts: Vec::new() })
    }

    /// Parses the exact bytes of a message without any part.
    pub fn parse_without_parts(bytes: &[u8]) -> Result<Self, Refusal> {
        let record = decode(bytes)?;
        if record.parts.is_empty() {
            Self::without_parts(Header::parse(&record.header)?, record.signature)
        } else {
            Err(mismatch("a withdrawn message carries a sealed part"))
        }
    }

    /// Parses exact bytes as they are held: of a whole envelope, or of a message whose number alone was used up.
    pub fn parse_held(bytes: &[u8]) -> Result<Self, Refusal> {
        let record = decode(bytes)?;
        match record.parts.is_empty() {
            true => Self::without_parts(Header::parse(&record.header)?, record.signature),
            false => Self::compose(Header::parse(&record.header)?, record.signature, record.parts),
        }
    }

    /// The exact bytes.
    pub fn encode(&self) -> Vec<u8> {
        wire::Envelope {
            header: self.header.bytes().to_vec(),
            signature: self.signature.clone(),
            parts: self.parts.clone(),
        }
        .encode_to_vec()
    }

    /// Header, signature and parts, as they are.
    pub fn into_pieces(self) -> (Header, Vec<u8>, Vec<Vec<u8>>) {
        (self.header, self.signature, self.parts)
    }

    /// Verifies that the sender's registry signed the header, judged at `at`.
    pub fn verify(&self, anchors: &Anchors, at: Timestamp) -> Result<(), Refusal> {
        verify_header(&self.header, &self.signature, anchors, at)
    }

    /// When the header of an own message was signed, by what its registry says: at its release, or as long after it as the
    /// act was owed before it could go. Nothing is verified; whoever has it from somebody else asks a log.
    pub fn sealed_at(&self) -> Timestamp {
        let released = self.header.position().release_time;
        signature::claimed_time(&self.signature).map_or(released, |claimed| claimed.max(released))
    }

    /// Whether the sender's registry signed the header with a certificate that was good once, and has ended or
    /// was revoked at `at`: the signature is authentic, and comes too late.
    pub fn is_signer_ended(&self, anchors: &Anchors, at: Timestamp) -> bool {
        let (mut earlier, mut has_ended) = (at, false);
        // An end, a revocation and a list that was due, of the certificate and of the authority above it.
        for _ in 0..6 {
            let refused = match signature::verify(self.header.bytes(), &self.signature, anchors, earlier) {
                Ok(_) => break,
                Err(SignatureRefusal::Chain(refused)) => refused,
                Err(_) => return false,
            };
            (earlier, has_ended) = match refused {
                ChainRefusal::Expired(end) => (end, true),
                ChainRefusal::Revoked(from) => (from.before(Duration::from_secs(1)), true),
                // A list that is late says nothing of the certificate.
                ChainRefusal::StaleRevocationList(due) => (due, has_ended),
                _ => return false,
            };
        }
        has_ended && self.verify(anchors, earlier).is_ok()
    }

    /// The message id.
    pub fn id(&self) -> MessageId {
        self.header.id()
    }

    /// SHA-256 of the envelope without its parts: what the log commits to beside the id.
    pub fn digest(&self) -> Digest {
        signed_header_digest(self.header.bytes(), &self.signature)
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The registry's signature over the header.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The sealed parts, empty where they travel beside the envelope.
    pub fn parts(&self) -> &[Vec<u8>] {
        &self.parts
    }
}

/// Verifies a registry's signature over a header, judged at `at`.
pub fn verify_header(header: &Header, p7s: &[u8], anchors: &Anchors, at: Timestamp) -> Result<(), Refusal> {
    let signed = signature::verify(header.bytes(), p7s, anchors, at)
        .map_err(|cause| Refusal::new(Reason::SignatureInvalid, cause.to_string()))?;
    let registry = Name::Registry { ministry: header.address().sender.clone() };
    if *signed.name() == registry {
        Ok(())
    } else {
        Err(Refusal::new(Reason::SignerNotRegistry, "the signer is not the registry of the sender"))
    }
}

/// SHA-256 of `Envelope` with only its header and signature.
pub fn signed_header_digest(header: &[u8], signature: &[u8]) -> Digest {
    let pieces = [(HEADER_FIELD, header), (SIGNATURE_FIELD, signature)];
    let heads = pieces.map(|(field, content)| canonical::field_head(field, content));
    let mut hasher = Hasher::new();
    for ((_, content), head) in pieces.iter().zip(&heads).filter(|((_, content), _)| !content.is_empty()) {
        hasher.update(head);
        hasher.update(content);
    }
    hasher.finish()
}

/// Decodes an envelope without copying its parts once more to compare them.
fn decode(bytes: &[u8]) -> Result<wire::Envelope, Refusal> {
    let is_encoding = |record: &wire::Envelope| {
        let signed = [(HEADER_FIELD, &record.header), (SIGNATURE_FIELD, &record.signature)];
        let signed = signed.into_iter().filter(|(_, content)| !content.is_empty());
        let mut pieces = signed.chain(record.parts.iter().map(|part| (PARTS_FIELD, part)));
        let rest = pieces.try_fold(bytes, |rest, (field, content)| {
            rest.strip_prefix(canonical::field_head(field, content).as_slice())?
                .strip_prefix(content.as_slice())
        });
        rest.is_some_and(<[u8]>::is_empty)
    };
    Ok(canonical::decode_comparing(bytes, limits::ENVELOPE_BYTES_MAX, is_encoding)?)
}

/// SHA-256 over the digests of all parts, in order.
pub fn parts_digest(parts: &[Part]) -> Digest {
    let digests: Vec<&[u8]> = parts.iter().map(|part| part.digest.as_bytes().as_slice()).collect();
    Digest::of_parts(&digests)
}

/// Tells for each part whether it travels inside the envelope: in order, as long as the sum of the inline
/// parts stays within `INLINE_PARTS_BYTES_MAX`.
pub fn inline_parts(parts: &[Part]) -> Vec<bool> {
    let mut left = limits::INLINE_PARTS_BYTES_MAX;
    let mut place = |part: &Part| match left.checked_sub(part.size) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    parts.iter().map(&mut place).collect()
}

fn check_signature(signature: &[u8]) -> Result<(), Refusal> {
    match signature.len() {
        0 => Err(Refusal::new(Reason::SignatureInvalid, "the header is not signed")),
        1..=limits::SIGNATURE_BYTES_MAX => Ok(()),
        _ => Err(Refusal::new(Reason::TooLarge, "the signature is over its bound")),
    }
}

fn check_part(part: &Part, content: &[u8], inline: bool) -> Result<(), Refusal> {
    let fits = match (inline, content) {
        (false, []) => true,
        (true, content) => content.len() as u64 == part.size && Digest::of(content) == part.digest,
        (false, _) => false,
    };
    if fits { Ok(()) } else { Err(mismatch("a sealed part is not the one its header names")) }
}

fn mismatch(detail: &str) -> Refusal {
    Refusal::new(Reason::PartMismatch, detail)
}

#[cfg(test)]
mod bounds;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces() -> impl Strategy<Value = wire::Envelope> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        (bytes(), bytes(), proptest::collection::vec(bytes(), 0..4))
            .prop_map(|(header, signature, parts)| wire::Envelope { header, signature, parts })
    }

    proptest! {
        /// Comparing piece by piece says what encoding again would say.
        #[test]
        fn an_envelope_is_canonical_exactly_where_encoding_it_again_gives_the_same_bytes(
            record in pieces(),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut bytes = record.encode_to_vec();
            prop_assert_eq!(decode(&bytes).unwrap(), record);
            for (place, value) in flips.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            let whole = canonical::decode::<wire::Envelope>(&bytes, limits::ENVELOPE_BYTES_MAX);
            prop_assert_eq!(decode(&bytes).ok(), whole.ok());
        }

        #[test]
        fn the_digest_is_that_of_the_envelope_without_its_parts(record in pieces()) {
            let bare = wire::Envelope { parts: Vec::new(), ..record.clone() };
            let digest = signed_header_digest(&record.header, &record.signature);
            prop_assert_eq!(digest, Digest::of(&bare.encode_to_vec()));
        }
    }
}
