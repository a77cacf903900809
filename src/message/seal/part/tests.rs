//! Sealed parts are opened by those they are for, whole and unaltered, or not at all.

use proptest::prelude::*;

use super::*;
use crate::entropy::SystemEntropy;
use crate::message::seal::{ReadingKey, X25519Key, encrypt};

fn key() -> ReadingKey {
    ReadingKey::generate(&SystemEntropy).unwrap()
}

fn sealed(plain: &[u8], keys: &[&ReadingKey]) -> Sealed {
    let recipients: Vec<_> = keys.iter().map(|key| key.recipient()).collect();
    seal(plain, &recipients, &SystemEntropy).unwrap()
}

fn streamed(bytes: &[u8], unlock_with: Unlock<'_>) -> (Vec<u8>, Result<Opened, OpenError>) {
    let mut out = Vec::new();
    let opened = open_stream(bytes, unlock_with, &mut out);
    (out, opened)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_is_sealed_is_opened_in_every_way(
        plain in prop::collection::vec(any::<u8>(), 0..200_000),
        count in 1..4usize,
    ) {
        let keys: Vec<_> = (0..count).map(|_| key()).collect();
        let part = sealed(&plain, &keys.iter().collect::<Vec<_>>());
        prop_assert_eq!(part.bytes.len() as u64, sealed_size(plain.len() as u64, count));
        for key in &keys {
            prop_assert_eq!(&*open(&part.bytes, &[key]).unwrap(), &plain);
            prop_assert_eq!(file_key(&part.bytes, &[key]).unwrap().hex(), part.file_key.hex());
        }
        prop_assert_eq!(&*open_with_file_key(&part.bytes, &part.file_key).unwrap(), &plain);
        let expected = Opened { plain_digest: Digest::of(&plain), plain_size: plain.len() as u64 };
        for unlock_with in [Unlock::Openers(&[&keys[count - 1]]), Unlock::FileKey(&part.file_key)] {
            let (out, opened) = streamed(&part.bytes, unlock_with);
            prop_assert_eq!(opened.unwrap(), expected);
            prop_assert_eq!(&out, &plain);
        }
    }

    #[test]
    fn a_stream_is_sealed_as_it_says(plain in prop::collection::vec(any::<u8>(), 0..200_000)) {
        let key = key();
        let mut bytes = Vec::new();
        let size = plain.len() as u64;
        let part = seal_stream(&plain[..], size, &mut bytes, &[key.recipient()], &SystemEntropy).unwrap();
        prop_assert_eq!(part.sealed_digest, Digest::of(&bytes));
        prop_assert_eq!(part.sealed_size, bytes.len() as u64);
        prop_assert_eq!(part.sealed_size, sealed_size(size, 1));
        prop_assert_eq!(part.plain_digest, Digest::of(&plain));
        prop_assert_eq!(&*open(&bytes, &[&key]).unwrap(), &plain);
        prop_assert_eq!(&*open_with_file_key(&bytes, &part.file_key).unwrap(), &plain);
    }
}

#[test]
fn a_flipped_bit_in_any_place_is_refused_and_nothing_is_released() {
    let key = key();
    let part = sealed(b"Name, first name, place of capture", &[&key]);
    let mut altered = part.bytes.clone();
    let (header, payload) = (0..part.bytes.len() - 16_416, part.bytes.len() - 16_416..part.bytes.len());
    for place in header {
        altered[place] ^= 1 << (place % 8);
        if place % 4 == 0 {
            let (out, opened) = streamed(&altered, Unlock::Openers(&[&key]));
            assert!(opened.is_err() && out.is_empty(), "byte {place}");
        }
        assert!(open_with_file_key(&altered, &part.file_key).is_err(), "byte {place}");
        altered[place] = part.bytes[place];
    }
    // One tag covers the whole chunk: the nonce and both ends are tried bit by bit, of the rest every fifth byte.
    for place in payload.clone() {
        let at_an_end = place < payload.start + 64 || place >= payload.end - 64;
        for bit in (0..8).filter(|bit| at_an_end || place % 40 == *bit * 5) {
            altered[place] ^= 1 << bit;
            assert!(open_with_file_key(&altered, &part.file_key).is_err(), "byte {place}");
            altered[place] = part.bytes[place];
        }
    }
    assert_eq!(altered, part.bytes);
}

#[test]
fn a_part_cut_or_prolonged_anywhere_is_refused_and_nothing_is_released() {
    let key = key();
    let part = sealed(b"Name, first name, place of capture", &[&key]);
    for length in (0..2048).chain((2048..part.bytes.len()).step_by(5)).chain([part.bytes.len() - 1]) {
        assert!(open_with_file_key(&part.bytes[..length], &part.file_key).is_err(), "{length} bytes");
        if length % 16 == 0 || length == part.bytes.len() - 1 {
            let (out, opened) = streamed(&part.bytes[..length], Unlock::FileKey(&part.file_key));
            assert!(opened.is_err() && out.is_empty(), "{length} bytes");
        }
    }
    for more in [1, 16, 17, 70_000] {
        let mut longer = part.bytes.clone();
        longer.resize(part.bytes.len() + more, 0);
        assert_eq!(open(&longer, &[&key]).unwrap_err().reason(), "SEAL_ALTERED");
        let (out, opened) = streamed(&longer, Unlock::Openers(&[&key]));
        assert_eq!(opened.unwrap_err().reason(), "SEAL_ALTERED");
        assert!(out.is_empty());
    }
}

#[test]
fn a_stranger_opens_nothing_and_a_key_of_another_part_neither() {
    let (ours, strangers) = (key(), key());
    let part = sealed(b"plain", &[&ours]);
    assert_eq!(open(&part.bytes, &[&strangers]).unwrap_err().reason(), "SEAL_NOT_FOR_US");
    assert_eq!(open(&part.bytes, &[]).unwrap_err().reason(), "SEAL_NOT_FOR_US");
    assert_eq!(open(&part.bytes, &[&strangers, &ours]).unwrap().as_slice(), b"plain");
    let other = sealed(b"plain", &[&ours]);
    let refused = open_with_file_key(&part.bytes, &other.file_key).unwrap_err();
    assert_eq!(refused.reason(), "SEAL_ALTERED");
}

#[test]
fn texts_of_all_short_lengths_look_alike() {
    let key = key();
    let sizes: Vec<_> =
        [0, 1, 100, 16_376].iter().map(|length| sealed(&vec![1; *length], &[&key]).bytes.len()).collect();
    assert!(sizes.iter().all(|size| *size == sizes[0]));
    assert_eq!(sizes[0] as u64, sealed_size(0, 1));
}

#[test]
fn classical_recipients_take_no_sealed_parts() {
    let classical = X25519Key::generate(&SystemEntropy).unwrap();
    let hybrid = key().recipient();
    let refused = seal(b"plain", &[classical.recipient()], &SystemEntropy).unwrap_err();
    assert_eq!(refused.reason(), "SEAL_CLASSICAL_RECIPIENT");
    let refused = seal(b"plain", &[hybrid, classical.recipient()], &SystemEntropy).unwrap_err();
    assert_eq!(refused.reason(), "SEAL_MIXED_RECIPIENTS");
    assert_eq!(seal(b"plain", &[], &SystemEntropy).unwrap_err().reason(), "SEAL_NO_RECIPIENTS");
    let foreign = encrypt(&[0; 16_384], &[classical.recipient()], &SystemEntropy).unwrap();
    assert_eq!(open(&foreign, &[&classical]).unwrap_err().reason(), "SEAL_MALFORMED");
}

#[test]
fn a_source_that_is_not_as_long_as_announced_is_refused() {
    let recipients = [key().recipient()];
    for announced in [4, 6, 100_000, 0] {
        let refused =
            seal_stream(&b"plain"[..], announced, io::sink(), &recipients, &SystemEntropy).unwrap_err();
        assert_eq!(refused.reason(), "SEAL_WRONG_LENGTH", "{announced}");
    }
    let huge = DOCUMENT_BYTES_MAX + 1;
    let refused = seal_stream(io::repeat(1), huge, io::sink(), &recipients, &SystemEntropy).unwrap_err();
    assert_eq!(refused.reason(), "SEAL_TOO_LARGE");
}

/// Bytes that are authentic but were padded by somebody else.
fn padded_otherwise(padded: &[u8]) -> (ReadingKey, Vec<u8>) {
    let key = key();
    let bytes = encrypt(padded, &[key.recipient()], &SystemEntropy).unwrap();
    (key, bytes)
}

#[test]
fn other_paddings_are_refused_by_their_reason() {
    let padded = |length: u64, size: usize| {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.resize(size, 0);
        bytes
    };
    let mut not_zero = padded(5, 16_384);
    not_zero[16_383] = 1;
    for (bytes, reason) in [
        (padded(5, 16_383), "SEAL_PADDING"),
        (padded(5, 16_385), "SEAL_PADDING"),
        (padded(5, 70_000), "SEAL_PADDING"),
        (padded(16_377, 16_384), "SEAL_PADDING"),
        (padded(200_000, 16_384), "SEAL_PADDING"),
        (vec![0; 7], "SEAL_PADDING"),
        (Vec::new(), "SEAL_PADDING"),
        (not_zero, "SEAL_PADDING"),
        (padded(DOCUMENT_BYTES_MAX + 1, 16_384), "SEAL_TOO_LARGE"),
        (padded(u64::MAX, 16_384), "SEAL_TOO_LARGE"),
    ] {
        let (key, sealed) = padded_otherwise(&bytes);
        assert_eq!(open(&sealed, &[&key]).unwrap_err().reason(), reason);
        assert_eq!(streamed(&sealed, Unlock::Openers(&[&key])).1.unwrap_err().reason(), reason);
    }
    let (key, right) = padded_otherwise(&padded(5, 16_384));
    assert_eq!(open(&right, &[&key]).unwrap().as_slice(), [0; 5]);
}
