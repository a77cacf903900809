//! Padding inside the seal: `length (u64, big-endian) | bytes | zeros`, so that sizes tell little.
//!
//! The padded size is at least 16 KiB and otherwise a size of Padmé (Nikitin et al., "Reducing Metadata
//! Leakage from Encrypted Files and Communication with PURBs", section 4): at most one part in sixteen is
//! added, and of the length only its magnitude shows.

use std::io::{self, Read};
use std::ops::Range;

use super::OpenError;
use crate::digest::{Digest, Hasher};
use crate::limits::{DOCUMENT_BYTES_MAX, PADDED_BYTES_MIN};

/// Bytes of the length before the plaintext.
pub(super) const PREFIX_BYTES: usize = 8;

/// Padded size of `length` bytes of plaintext, its length prefix included.
pub fn padded_size(length: u64) -> u64 {
    padme(length.saturating_add(PREFIX_BYTES as u64)).max(PADDED_BYTES_MIN)
}

/// Rounds up so that only the leading bits of a size remain, as many as its exponent has digits.
fn padme(size: u64) -> u64 {
    let Some(exponent) = size.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return size;
    };
    let kept_bits = exponent.ilog2().saturating_add(1);
    let mask = 1_u64.checked_shl(exponent.saturating_sub(kept_bits)).unwrap_or(1).saturating_sub(1);
    size.saturating_add(mask) & !mask
}

/// The padded form of a plaintext of known length, as a source of exactly `padded_size` bytes.
pub(super) struct Padded<R> {
    prefix: [u8; PREFIX_BYTES],
    prefix_rest: usize,
    plain: R,
    plain_rest: u64,
    hasher: Option<Hasher>,
}

impl<R: Read> Padded<R> {
    /// Pads the `length` bytes that `plain` gives.
    pub(super) fn new(plain: R, length: u64) -> Self {
        Self {
            prefix: length.to_be_bytes(),
            prefix_rest: PREFIX_BYTES,
            plain,
            plain_rest: length,
            hasher: None,
        }
    }

    /// Hashes the plaintext while it passes.
    pub(super) fn hashing(plain: R, length: u64) -> Self {
        Self { hasher: Some(Hasher::new()), ..Self::new(plain, length) }
    }

    /// The digest of the plaintext, or `None` where the source goes on beyond the announced length.
    pub(super) fn finish(mut self) -> io::Result<Option<Digest>> {
        let beyond = io::copy(&mut self.plain.by_ref().take(1), &mut io::sink())?;
        Ok(self.hasher.filter(|_| beyond == 0).map(Hasher::finish))
    }
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.prefix_rest > 0 {
            let begin = PREFIX_BYTES.saturating_sub(self.prefix_rest);
            let count = self.prefix.get(begin..).unwrap_or_default().read(buffer)?;
            self.prefix_rest = self.prefix_rest.saturating_sub(count);
            return Ok(count);
        }
        if self.plain_rest == 0 {
            buffer.fill(0);
            return Ok(buffer.len());
        }
        let room = usize::try_from(self.plain_rest).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..room).unwrap_or_default();
        let count = self.plain.read(room)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(room.get(..count).unwrap_or_default());
        }
        self.plain_rest = self.plain_rest.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Takes the padding off, chunk by chunk, and believes none of it.
#[derive(Debug, Default)]
pub(super) struct Unpadding {
    length: Option<u64>,
    seen: u64,
}

impl Unpadding {
    /// The part of the next chunk that is plaintext.
    pub(super) fn accept(&mut self, chunk: &[u8]) -> Result<Range<usize>, OpenError> {
        let (length, prefix) = match self.length {
            Some(length) => (length, 0),
            None => (self.begin(chunk)?, PREFIX_BYTES),
        };
        let rest_of_chunk = (chunk.len() as u64).saturating_sub(prefix as u64);
        // How much plaintext was before this chunk; the prefix is not plaintext.
        let before = self.seen.saturating_sub(if prefix == 0 { PREFIX_BYTES as u64 } else { 0 });
        let count = length.saturating_sub(before).min(rest_of_chunk);
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        if self.seen > padded_size(length) {
            return Err(OpenError::Padding("it is longer than its length asks for"));
        }
        let end = prefix.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
        if chunk.get(end..).is_none_or(|zeros| zeros.iter().any(|byte| *byte != 0)) {
            return Err(OpenError::Padding("it does not consist of zeros"));
        }
        Ok(prefix..end)
    }

    /// The length of the plaintext, once everything was accepted.
    pub(super) fn finish(&self) -> Result<u64, OpenError> {
        match self.length {
            Some(length) if self.seen == padded_size(length) => Ok(length),
            _ => Err(OpenError::Padding("it is shorter than its length asks for")),
        }
    }

    fn begin(&mut self, chunk: &[u8]) -> Result<u64, OpenError> {
        let prefix = chunk.first_chunk().ok_or(OpenError::Padding("it has no length"))?;
        let length = u64::from_be_bytes(*prefix);
        if length > DOCUMENT_BYTES_MAX {
            return Err(OpenError::TooLarge("its content is longer than any document"));
        }
        self.length = Some(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn padded(plain: &[u8]) -> Vec<u8> {
        let mut out = vec![0; usize::try_from(padded_size(plain.len() as u64)).unwrap()];
        Padded::new(plain, plain.len() as u64).read_exact(&mut out).unwrap();
        out
    }

    fn unpadded(bytes: &[u8], chunk_size: usize) -> Result<Vec<u8>, OpenError> {
        let mut unpadding = Unpadding::default();
        let mut out = Vec::new();
        for chunk in bytes.chunks(chunk_size) {
            out.extend_from_slice(&chunk[unpadding.accept(chunk)?]);
        }
        assert_eq!(unpadding.finish()?, out.len() as u64);
        Ok(out)
    }

    #[test]
    fn sizes_are_those_of_the_format() {
        for (length, size) in [
            (0, 16_384),
            (16_376, 16_384),
            (16_377, 17_408),
            (100_000, 100_352),
            (1_000_000, 1_015_808),
            (DOCUMENT_BYTES_MAX, DOCUMENT_BYTES_MAX + 64 * 1024 * 1024),
        ] {
            assert_eq!(padded_size(length), size, "{length}");
        }
        assert_eq!(padme(1000), 1024);
        assert_eq!(padme(4100), 4352);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn padding_adds_at_most_a_sixteenth(length in PADDED_BYTES_MIN..=DOCUMENT_BYTES_MAX) {
            let size = padded_size(length);
            prop_assert!(size >= length + 8);
            prop_assert!(size - length - 8 <= (length + 8) / 16);
            prop_assert_eq!(padme(size), size);
        }

        #[test]
        fn what_is_padded_is_unpadded(
            plain in prop::collection::vec(any::<u8>(), 0..40_000),
            chunk_size in 8..70_000usize,
        ) {
            prop_assert_eq!(unpadded(&padded(&plain), chunk_size).unwrap(), plain);
        }

        #[test]
        fn a_wrong_size_is_refused(
            plain in prop::collection::vec(any::<u8>(), 0..20_000),
            more in 1..600usize,
        ) {
            let mut bytes = padded(&plain);
            let size = bytes.len();
            bytes.truncate(size - more);
            prop_assert_eq!(unpadded(&bytes, 4096).unwrap_err().reason(), "SEAL_PADDING");
            bytes.resize(size + more, 0);
            // Cutting may have taken plaintext; only the size matters here.
            prop_assert_eq!(unpadded(&bytes, 4096).unwrap_err().reason(), "SEAL_PADDING");
        }
    }

    #[test]
    fn padding_that_is_not_zero_is_refused() {
        let bytes = padded(b"plain");
        for place in [13, 14, 5000, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[place] = 1;
            assert_eq!(unpadded(&altered, 1024).unwrap_err().reason(), "SEAL_PADDING");
        }
    }

    #[test]
    fn a_length_beyond_any_document_is_refused_at_the_first_chunk() {
        let mut bytes = padded(b"plain");
        bytes[..8].copy_from_slice(&(DOCUMENT_BYTES_MAX + 1).to_be_bytes());
        assert_eq!(unpadded(&bytes, 1024).unwrap_err().reason(), "SEAL_TOO_LARGE");
        bytes[..8].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(unpadded(&bytes, 1024).unwrap_err().reason(), "SEAL_TOO_LARGE");
        assert_eq!(unpadded(&bytes[..7], 1024).unwrap_err().reason(), "SEAL_PADDING");
        assert_eq!(unpadded(&[], 1024).unwrap_err().reason(), "SEAL_PADDING");
    }
}
