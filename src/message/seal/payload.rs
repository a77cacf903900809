//! The payload of an age file: STREAM chunks of 64 KiB under ChaCha20-Poly1305.
//!
//! A chunk's nonce is its number and whether it is the last, so that none can be moved, dropped or added.
//! Chunks are sealed and opened in place. Only whole verified chunks leave; that the last one has come is
//! known only when `open_all` or `open_stream` has returned.

use std::io::{Read, Write};
use std::ops::Range;

use ring::aead::{Aad, LessSafeKey, MAX_TAG_LEN, Nonce, Tag};
use zeroize::Zeroizing;

use super::{FileKey, OpenError, SealError};

/// Plaintext bytes of a chunk.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub(super) const TAG_BYTES: usize = MAX_TAG_LEN;
/// Bytes before the first chunk.
pub(super) const NONCE_BYTES: usize = 16;
/// Bytes of a full sealed chunk.
pub(super) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// Size of the payload of `plain_size` bytes, nonce included.
pub(super) const fn payload_size(plain_size: u64) -> u64 {
    let chunks = plain_size.div_ceil(CHUNK_BYTES as u64);
    // An empty plaintext has one empty chunk.
    let chunks = if chunks == 0 { 1 } else { chunks };
    NONCE_BYTES as u64 + plain_size + chunks * TAG_BYTES as u64
}

/// Seals the chunks of one file, in their order.
pub(super) struct ChunkSealer(Chunks);

impl ChunkSealer {
    /// For the payload that follows `nonce`.
    pub(super) fn new(key: &FileKey, nonce: &[u8; NONCE_BYTES]) -> Option<Self> {
        Chunks::new(key, nonce).map(Self)
    }

    /// Seals the `plain_size` bytes of `source`, appended to `out`, which should have the capacity for them.
    pub(super) fn seal_all(
        mut self,
        source: &mut impl Read,
        plain_size: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let mut rest = plain_size;
        loop {
            rest = self.seal_next(source, rest, out)?;
            if rest == 0 {
                return Ok(());
            }
        }
    }

    /// Seals the `plain_size` bytes of `source` into `sink`, one chunk in memory at a time.
    pub(super) fn seal_stream(
        mut self,
        source: &mut impl Read,
        plain_size: u64,
        sink: &mut impl Write,
    ) -> Result<(), SealError> {
        let mut chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES));
        let mut rest = plain_size;
        loop {
            chunk.clear();
            rest = self.seal_next(source, rest, &mut chunk)?;
            sink.write_all(&chunk)?;
            if rest == 0 {
                return Ok(());
            }
        }
    }

    /// Appends the next sealed chunk to `out`; returns how many of `rest` plaintext bytes are still to come.
    fn seal_next(&mut self, source: &mut impl Read, rest: u64, out: &mut Vec<u8>) -> Result<u64, SealError> {
        let length = usize::try_from(rest).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let rest = rest.saturating_sub(length as u64);
        let begin = out.len();
        out.resize(begin.saturating_add(length), 0);
        let chunk = out.get_mut(begin..).unwrap_or_default();
        source.read_exact(chunk)?;
        let tag = self.tag(chunk, rest == 0)?;
        out.extend_from_slice(tag.as_ref());
        Ok(rest)
    }

    /// Seals one chunk, of at most `CHUNK_BYTES`, in its place.
    pub(super) fn seal_chunk(&mut self, chunk: &mut Vec<u8>, last: bool) -> Result<(), SealError> {
        let tag = self.tag(chunk, last)?;
        chunk.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn tag(&mut self, chunk: &mut [u8], last: bool) -> Result<Tag, SealError> {
        let nonce = self.0.nonce(last).ok_or(SealError::Cipher)?;
        let tag = self.0.key.seal_in_place_separate_tag(nonce, Aad::empty(), chunk);
        tag.map_err(|_| SealError::Cipher)
    }
}

/// Opens the chunks of one file, in their order.
pub(super) struct ChunkOpener(Chunks);

impl ChunkOpener {
    /// Reads the nonce and stands before the first chunk.
    pub(super) fn begin(key: &FileKey, source: &mut impl Read) -> Result<Self, OpenError> {
        let mut nonce = [0; NONCE_BYTES];
        if fill(source, &mut nonce)? < NONCE_BYTES {
            return Err(OpenError::Malformed("the payload has no nonce"));
        }
        Chunks::new(key, &nonce).map(Self).ok_or(OpenError::PayloadAltered)
    }

    /// Opens all of `sealed`. `keep` sees every verified chunk and says which part of it is kept.
    pub(super) fn open_all(
        mut self,
        sealed: &[u8],
        mut keep: impl FnMut(&[u8]) -> Result<Range<usize>, OpenError>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        // The capacity suffices, so that no outgrown buffer is left behind with plaintext in it.
        let mut out = Zeroizing::new(Vec::with_capacity(sealed.len()));
        let mut chunks = sealed.chunks(SEALED_CHUNK_BYTES).peekable();
        let mut next = Some(chunks.next().unwrap_or_default());
        while let Some(chunk) = next {
            next = chunks.next();
            let begin = out.len();
            out.extend_from_slice(chunk);
            let opened = self.open_next(out.get_mut(begin..).unwrap_or_default(), next.is_none())?;
            let kept = keep(opened)?;
            out.truncate(begin.saturating_add(kept.end));
            // Only a chunk with a length prefix moves; all others stay where they were opened.
            if kept.start > 0 {
                out.drain(begin..begin.saturating_add(kept.start));
            }
        }
        Ok(out)
    }

    /// Opens `source` to its end, one chunk in memory beside the one read ahead. `take` sees every chunk as
    /// soon as it is verified.
    pub(super) fn open_stream(
        mut self,
        source: &mut impl Read,
        mut take: impl FnMut(&[u8]) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let mut current = Zeroizing::new(vec![0; SEALED_CHUNK_BYTES]);
        let mut ahead = Zeroizing::new(vec![0; SEALED_CHUNK_BYTES]);
        let mut length = fill(source, &mut current)?;
        loop {
            // Only what follows tells whether a full chunk is the last one.
            let following = if length == SEALED_CHUNK_BYTES { fill(source, &mut ahead)? } else { 0 };
            let last = following == 0;
            take(self.open_next(current.get_mut(..length).unwrap_or_default(), last)?)?;
            if last {
                return Ok(());
            }
            std::mem::swap(&mut current, &mut ahead);
            length = following;
        }
    }

    /// Opens the next chunk in its place.
    pub(super) fn open_next<'a>(&mut self, chunk: &'a mut [u8], last: bool) -> Result<&'a [u8], OpenError> {
        let first = self.0.number == 0;
        let nonce = self.0.nonce(last).ok_or(OpenError::PayloadAltered)?;
        let opened = self.0.key.open_in_place(nonce, Aad::empty(), chunk);
        let opened = opened.map_err(|_| OpenError::PayloadAltered)?;
        // An empty last chunk after others would be a second form of the same file.
        if opened.is_empty() && !first {
            return Err(OpenError::PayloadAltered);
        }
        Ok(opened)
    }
}

/// The payload key and the number of the next chunk.
struct Chunks {
    key: LessSafeKey,
    number: u64,
}

impl Chunks {
    fn new(key: &FileKey, nonce: &[u8; NONCE_BYTES]) -> Option<Self> {
        Some(Self { key: key.payload_key(nonce)?, number: 0 })
    }

    /// Eleven bytes of chunk number, big-endian, and one that marks the last chunk.
    fn nonce(&mut self, last: bool) -> Option<Nonce> {
        let [a, b, c, d, e, f, g, h] = self.number.to_be_bytes();
        self.number = self.number.checked_add(1)?;
        Some(Nonce::assume_unique_for_key([0, 0, 0, a, b, c, d, e, f, g, h, u8::from(last)]))
    }
}

/// Reads until `buffer` is full or `source` ends; returns how much was read.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, OpenError> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes around every boundary of chunks.
    const SIZES: [usize; 7] =
        [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1];

    fn key() -> FileKey {
        FileKey::parse(&"17".repeat(16)).unwrap()
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut out = vec![3; NONCE_BYTES];
        let sealer = ChunkSealer::new(&key(), &[3; NONCE_BYTES]).unwrap();
        sealer.seal_all(&mut &plain[..], plain.len() as u64, &mut out).unwrap();
        out
    }

    fn opened(mut sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let opener = ChunkOpener::begin(&key(), &mut sealed)?;
        let all = opener.open_all(sealed, |chunk| Ok(0..chunk.len()))?;
        Ok(all.to_vec())
    }

    fn streamed(mut sealed: &[u8]) -> (Vec<u8>, Result<(), OpenError>) {
        let mut out = Vec::new();
        let end = ChunkOpener::begin(&key(), &mut sealed).and_then(|opener| {
            // A source that gives little at a time must make no difference.
            let mut source = Drops(sealed);
            opener.open_stream(&mut source, |chunk| {
                out.extend_from_slice(chunk);
                Ok(())
            })
        });
        (out, end)
    }

    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let room = buffer.len().min(1000);
            self.0.read(&mut buffer[..room])
        }
    }

    #[test]
    fn every_boundary_of_chunks_is_opened_both_ways() {
        for size in SIZES {
            let plain: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let bytes = sealed(&plain);
            assert_eq!(bytes.len() as u64, payload_size(size as u64));
            assert_eq!(opened(&bytes).unwrap(), plain);
            let (out, end) = streamed(&bytes);
            end.unwrap();
            assert_eq!(out, plain);
            let mut again = vec![3; NONCE_BYTES];
            let sealer = ChunkSealer::new(&key(), &[3; NONCE_BYTES]).unwrap();
            sealer.seal_stream(&mut plain.as_slice(), size as u64, &mut again).unwrap();
            assert_eq!(again, bytes);
        }
    }

    #[test]
    fn a_payload_cut_at_a_boundary_of_chunks_or_prolonged_is_refused() {
        for size in SIZES {
            let bytes = sealed(&vec![1; size]);
            let cuts =
                [NONCE_BYTES, NONCE_BYTES + SEALED_CHUNK_BYTES, bytes.len() - 1, bytes.len() - TAG_BYTES];
            for cut in cuts.into_iter().filter(|cut| *cut < bytes.len()) {
                assert_eq!(opened(&bytes[..cut]).unwrap_err().reason(), "SEAL_ALTERED");
                assert_eq!(streamed(&bytes[..cut]).1.unwrap_err().reason(), "SEAL_ALTERED");
            }
            let prolonged = [bytes.as_slice(), &[0]].concat();
            assert_eq!(opened(&prolonged).unwrap_err().reason(), "SEAL_ALTERED");
            assert_eq!(streamed(&prolonged).1.unwrap_err().reason(), "SEAL_ALTERED");
        }
    }

    #[test]
    fn exchanged_chunks_release_nothing() {
        let mut bytes =
            sealed(&(0..3 * CHUNK_BYTES).map(|index| (index / CHUNK_BYTES) as u8).collect::<Vec<_>>());
        let (first, second) = bytes[NONCE_BYTES..].split_at_mut(SEALED_CHUNK_BYTES);
        first.swap_with_slice(&mut second[..SEALED_CHUNK_BYTES]);
        let (out, end) = streamed(&bytes);
        assert_eq!(end.unwrap_err().reason(), "SEAL_ALTERED");
        assert!(out.is_empty());
        assert_eq!(opened(&bytes).unwrap_err().reason(), "SEAL_ALTERED");
    }

    #[test]
    fn an_empty_last_chunk_after_others_is_refused() {
        let mut bytes = vec![3; NONCE_BYTES];
        let mut sealer = ChunkSealer::new(&key(), &[3; NONCE_BYTES]).unwrap();
        let plain = vec![1; CHUNK_BYTES];
        // One byte more is announced than follows, so that the full chunk is not marked as the last.
        sealer.seal_next(&mut plain.as_slice(), CHUNK_BYTES as u64 + 1, &mut bytes).unwrap();
        sealer.seal_next(&mut &b""[..], 0, &mut bytes).unwrap();
        assert_eq!(opened(&bytes).unwrap_err().reason(), "SEAL_ALTERED");
        assert_eq!(streamed(&bytes).1.unwrap_err().reason(), "SEAL_ALTERED");
    }
}
