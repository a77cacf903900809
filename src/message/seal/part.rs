//! Sealed parts: padded age files to hybrid recipients only. What the rest of the system seals and opens.
//!
//! The size of a sealed part follows from the length of its plaintext and the number of its recipients, so
//! that a header can be signed over sizes that are right.

use std::io::{self, BufReader, Read, Write};

use zeroize::Zeroizing;

use super::header::{FRAME_BYTES, Header};
use super::padding::{Padded, Unpadding, padded_size};
use super::payload::{ChunkOpener, payload_size};
use super::{FileKey, OpenError, Opener, Recipient, SealError, file, hybrid};
use crate::digest::{Digest, Hasher};
use crate::entropy::Entropy;
use crate::limits::{DOCUMENT_BYTES_MAX, RECIPIENTS_MAX};

/// A part sealed in memory.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The sealed part, as it travels and as it is hashed.
    pub bytes: Vec<u8>,
    /// Its key, kept by the sender to disclose this part alone, if ever.
    pub file_key: FileKey,
}

/// A part sealed as a stream.
#[derive(Debug, Clone)]
pub struct SealedStream {
    /// SHA-256 of the sealed bytes.
    pub sealed_digest: Digest,
    /// Number of sealed bytes.
    pub sealed_size: u64,
    /// SHA-256 of the plaintext, for the dispatch; never shown to a gateway.
    pub plain_digest: Digest,
    /// Its key, kept by the sender to disclose this part alone, if ever.
    pub file_key: FileKey,
}

/// What a stream held once it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// SHA-256 of the plaintext.
    pub plain_digest: Digest,
    /// Number of plaintext bytes.
    pub plain_size: u64,
}

/// With what a part is opened.
#[derive(Debug, Clone, Copy)]
pub enum Unlock<'a> {
    /// Reading keys, each of which is tried.
    Openers(&'a [&'a dyn Opener]),
    /// The disclosed key of this very part.
    FileKey(&'a FileKey),
}

/// Size of the sealed part of `plain_size` bytes for so many recipients. Sizes that cannot be sealed give a
/// size that cannot be accepted.
pub fn sealed_size(plain_size: u64, recipients: usize) -> u64 {
    let stanzas = (recipients as u64).saturating_mul(hybrid::STANZA_BYTES as u64);
    let plain_size = plain_size.min(DOCUMENT_BYTES_MAX.saturating_add(1));
    stanzas.saturating_add(FRAME_BYTES as u64).saturating_add(payload_size(padded_size(plain_size)))
}

/// Seals `plain` to all of `recipients`, padded.
pub fn seal(plain: &[u8], recipients: &[Recipient], entropy: &dyn Entropy) -> Result<Sealed, SealError> {
    let size = plain.len() as u64;
    let (file_key, mut bytes, sealer) = begin(size, recipients, entropy)?;
    let whole =
        usize::try_from(sealed_size(size, recipients.len())).map_err(|_| SealError::TooLarge(size))?;
    bytes.reserve_exact(whole.saturating_sub(bytes.len()));
    sealer.seal_all(&mut Padded::new(plain, size), padded_size(size), &mut bytes)?;
    Ok(Sealed { bytes, file_key })
}

/// Seals the `plain_size` bytes that `source` gives into `sink`, padded, in constant memory.
///
/// Fails with `WrongLength` where `source` ends early or goes on. After a failure `sink` has received
/// something that is no sealed part and is to be thrown away.
pub fn seal_stream(
    source: impl Read,
    plain_size: u64,
    sink: impl Write,
    recipients: &[Recipient],
    entropy: &dyn Entropy,
) -> Result<SealedStream, SealError> {
    let (file_key, beginning, sealer) = begin(plain_size, recipients, entropy)?;
    let wrong_length = || SealError::WrongLength { announced: plain_size };
    let mut sink = Digesting { sink, hasher: Hasher::new(), size: 0 };
    sink.write_all(&beginning)?;
    let mut padded = Padded::hashing(source, plain_size);
    sealer.seal_stream(&mut padded, padded_size(plain_size), &mut sink).map_err(|error| match error {
        SealError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => wrong_length(),
        error => error,
    })?;
    sink.flush()?;
    Ok(SealedStream {
        plain_digest: padded.finish()?.ok_or_else(wrong_length)?,
        sealed_digest: sink.hasher.finish(),
        sealed_size: sink.size,
        file_key,
    })
}

/// Opens a sealed part with one of `openers`.
pub fn open(bytes: &[u8], openers: &[&dyn Opener]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open_all(bytes, Unlock::Openers(openers))
}

/// Opens a sealed part with its disclosed key, which opens this part and no other.
pub fn open_with_file_key(bytes: &[u8], key: &FileKey) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open_all(bytes, Unlock::FileKey(key))
}

/// The key of a sealed part, for disclosure. Only the header is read and verified.
pub fn file_key(mut bytes: &[u8], openers: &[&dyn Opener]) -> Result<FileKey, OpenError> {
    unlock(&read_header(&mut bytes)?, Unlock::Openers(openers))
}

/// Opens the sealed part that `source` gives into `sink`, in constant memory.
///
/// Every chunk is verified before it reaches `sink`, but only `Ok` says that the plaintext is whole and its
/// padding right: **callers must release nothing of it before** (write to a temporary file, then rename).
pub fn open_stream(
    source: impl Read,
    unlock_with: Unlock<'_>,
    mut sink: impl Write,
) -> Result<Opened, OpenError> {
    let mut source = BufReader::new(source);
    let key = unlock(&read_header(&mut source)?, unlock_with)?;
    let mut unpadding = Unpadding::default();
    let mut hasher = Hasher::new();
    ChunkOpener::begin(&key, &mut source)?.open_stream(&mut source, |chunk| {
        let plain = chunk.get(unpadding.accept(chunk)?).unwrap_or_default();
        hasher.update(plain);
        Ok(sink.write_all(plain)?)
    })?;
    let plain_size = unpadding.finish()?;
    sink.flush()?;
    Ok(Opened { plain_digest: hasher.finish(), plain_size })
}

fn open_all(mut bytes: &[u8], unlock_with: Unlock<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    if bytes.len() as u64 > sealed_size(DOCUMENT_BYTES_MAX, RECIPIENTS_MAX) {
        return Err(OpenError::TooLarge("it is longer than any sealed part"));
    }
    let key = unlock(&read_header(&mut bytes)?, unlock_with)?;
    let mut unpadding = Unpadding::default();
    let plain = ChunkOpener::begin(&key, &mut bytes)?.open_all(bytes, |chunk| unpadding.accept(chunk))?;
    unpadding.finish()?;
    Ok(plain)
}

/// Checks sizes and recipients and makes the beginning of a new part.
fn begin(
    plain_size: u64,
    recipients: &[Recipient],
    entropy: &dyn Entropy,
) -> Result<(FileKey, Vec<u8>, super::payload::ChunkSealer), SealError> {
    if plain_size > DOCUMENT_BYTES_MAX {
        return Err(SealError::TooLarge(plain_size));
    }
    let key = FileKey::generate(entropy)?;
    let classical = recipients.iter().filter(|recipient| !recipient.is_post_quantum()).count();
    if classical != 0 && classical == recipients.len() {
        return Err(SealError::ClassicalRecipient);
    }
    let stanzas = file::wrap(&key, recipients, entropy)?;
    let (beginning, sealer) = file::begin(&stanzas, &key, entropy)?;
    Ok((key, beginning, sealer))
}

/// Reads the header of a part. A stanza of another kind would let it be read by means of less strength, or
/// carry bytes that no size accounts for.
fn read_header(source: &mut impl io::BufRead) -> Result<Header, OpenError> {
    let header = Header::read(source)?;
    if header.stanzas().iter().any(|stanza| stanza.kind != hybrid::KIND) {
        return Err(OpenError::Malformed("a sealed part has hybrid recipients only"));
    }
    Ok(header)
}

fn unlock(header: &Header, unlock_with: Unlock<'_>) -> Result<FileKey, OpenError> {
    match unlock_with {
        Unlock::Openers(openers) => file::unlock(header, openers),
        Unlock::FileKey(key) => header.verify(key).map(|()| key.clone()),
    }
}

/// Hashes and counts what it passes on.
struct Digesting<W> {
    sink: W,
    hasher: Hasher,
    size: u64,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or(bytes));
        self.size = self.size.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests;
