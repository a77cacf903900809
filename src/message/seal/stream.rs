//! Age files whose length nobody knows before their end: what is written goes into the seal chunk by chunk, and
//! what is read comes out of it so.
//!
//! Plain age files without padding, as in `file`; backups are made of them. Every chunk is verified before it is
//! given out, but only the end of the file says that it is whole: until then nothing may be done with it that
//! cannot be undone.

use std::fmt;
use std::io::{self, BufReader, Read, Write};

use zeroize::Zeroizing;

use super::header::Header;
use super::passphrase;
use super::payload::{CHUNK_BYTES, ChunkOpener, ChunkSealer, SEALED_CHUNK_BYTES, fill};
use super::{FileKey, OpenError, Opener, Recipient, SealError, Stanza, file};
use crate::entropy::Entropy;

/// Seals everything that is written to it. What is not ended by `finish` is no file that anybody opens.
pub struct Sealing<W> {
    sink: W,
    sealer: ChunkSealer,
    /// Plain text of the chunk that is being filled.
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    /// Begins a file for these recipients.
    pub fn to_recipients(
        sink: W,
        recipients: &[Recipient],
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        let key = FileKey::generate(entropy)?;
        Self::begin(sink, &file::wrap(&key, recipients, entropy)?, &key, entropy)
    }

    /// Begins a file that a passphrase opens, at the cost of a new key file.
    pub fn under_passphrase(sink: W, words: &str, entropy: &dyn Entropy) -> Result<Self, SealError> {
        let key = FileKey::generate(entropy)?;
        let stanza = passphrase::wrap(&key, words, crate::limits::WORK_FACTOR, entropy)?;
        Self::begin(sink, &[stanza], &key, entropy)
    }

    fn begin(
        mut sink: W,
        stanzas: &[Stanza],
        key: &FileKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        let (beginning, sealer) = file::begin(stanzas, key, entropy)?;
        sink.write_all(&beginning)?;
        Ok(Self { sink, sealer, chunk: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_BYTES)) })
    }

    /// Seals the last chunk and gives the sink back.
    pub fn finish(mut self) -> Result<W, SealError> {
        self.seal(true)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn seal(&mut self, last: bool) -> Result<(), SealError> {
        self.sealer.seal_chunk(&mut self.chunk, last)?;
        self.sink.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is sealed only when more comes: it may be the last one.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.seal(false).map_err(io::Error::other)?;
        }
        let room = CHUNK_BYTES.saturating_sub(self.chunk.len()).min(bytes.len());
        self.chunk.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> fmt::Debug for Sealing<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealing")
    }
}

/// Opens what is read from a sealed file. An error of its `Read` that is about the seal carries an `OpenError`.
pub struct Opening<R> {
    source: BufReader<R>,
    opener: ChunkOpener,
    /// The sealed chunk read ahead, of which so many bytes are there.
    ahead: Vec<u8>,
    length: usize,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    until: usize,
    ended: bool,
}

impl<R: Read> Opening<R> {
    /// Reads the header and finds the key by one of `openers`.
    pub fn begin(source: R, openers: &[&dyn Opener]) -> Result<Self, OpenError> {
        let mut source = BufReader::new(source);
        let key = file::unlock(&Header::read(&mut source)?, openers)?;
        let opener = ChunkOpener::begin(&key, &mut source)?;
        let mut ahead = vec![0; SEALED_CHUNK_BYTES];
        let length = fill(&mut source, &mut ahead)?;
        let plain = Zeroizing::new(vec![0; SEALED_CHUNK_BYTES]);
        Ok(Self { source, opener, ahead, length, plain, at: 0, until: 0, ended: false })
    }

    fn advance(&mut self) -> Result<(), OpenError> {
        let length = self.length;
        let chunk = self.plain.get_mut(..length).unwrap_or_default();
        chunk.copy_from_slice(self.ahead.get(..length).unwrap_or_default());
        // Only what follows tells whether a full chunk is the last one.
        self.length = if length == SEALED_CHUNK_BYTES { fill(&mut self.source, &mut self.ahead)? } else { 0 };
        self.ended = self.length == 0;
        self.until = self.opener.open_next(chunk, self.ended)?.len();
        self.at = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.until {
            if self.ended {
                return Ok(0);
            }
            self.advance().map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        }
        let count = into.len().min(self.until.saturating_sub(self.at));
        let plain = self.plain.get(self.at..self.at.saturating_add(count)).unwrap_or_default();
        into.get_mut(..count).unwrap_or_default().copy_from_slice(plain);
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}

impl<R> fmt::Debug for Opening<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::message::seal::{PassphraseKey, ReadingKey, decrypt};

    fn sealed(plain: &[u8], key: &ReadingKey) -> Vec<u8> {
        let mut sealing = Sealing::to_recipients(Vec::new(), &[key.recipient()], &SystemEntropy).unwrap();
        for piece in plain.chunks(7_001) {
            sealing.write_all(piece).unwrap();
        }
        sealing.finish().unwrap()
    }

    fn opened(bytes: &[u8], key: &ReadingKey) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Opening::begin(bytes, &[key]).map_err(io::Error::other)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_was_written_in_pieces_is_one_file_that_opens_as_every_other() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let plain: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let bytes = sealed(&plain, &key);
            assert_eq!(*decrypt(&bytes, &[&key]).unwrap(), plain, "{size}");
            assert_eq!(opened(&bytes, &key).unwrap(), plain, "{size}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_or_altered_does_not_come_to_its_end() {
        let key = ReadingKey::generate(&SystemEntropy).unwrap();
        let bytes = sealed(&vec![7; 2 * CHUNK_BYTES], &key);
        let boundary = bytes.len() - SEALED_CHUNK_BYTES;
        for cut in [10, bytes.len() - 1, boundary, boundary + 1] {
            assert!(opened(&bytes[..cut], &key).is_err(), "{cut}");
        }
        let mut altered = bytes.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(opened(&altered, &key).is_err());
        assert!(opened(&[bytes.as_slice(), &[0]].concat(), &key).is_err());
    }

    #[test]
    fn a_passphrase_seals_too_and_only_the_right_one_opens() {
        let mut sealing = Sealing::under_passphrase(Vec::new(), "tulip harbour", &SystemEntropy).unwrap();
        sealing.write_all(b"plain").unwrap();
        let bytes = sealing.finish().unwrap();
        assert_eq!(*decrypt(&bytes, &[&PassphraseKey::new("tulip harbour")]).unwrap(), b"plain");
        let refused = Opening::begin(&bytes[..], &[&PassphraseKey::new("tulip harbor")]).unwrap_err();
        assert_eq!(refused.reason(), "SEAL_NOT_FOR_US");
    }
}
