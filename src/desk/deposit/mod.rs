//! Deposits: documents that clients uploaded, at rest until a draft takes them up and leaves. On the disk stands
//! ciphertext only, under a name that says nothing.
//!
//! ```text
//! deposit  length of the sealed key (2 bytes, big-endian), sealed key, records
//! record   nonce (12 bytes), up to 64 KiB of the document under ChaCha20-Poly1305 with the record's number, tag
//! ```
//! Each deposit has a key of its own, which is sealed to the reading key of the desk; a draft that names the deposit
//! carries that key in its own sealed text. Plain bytes enter and leave, piece by piece; only the last record may be
//! shorter, and it is written anew, under a new nonce, until it is full. Whoever names a deposit says which document it
//! is, and whoever reads it to its end fails where it is another. What must never happen: that plain text reaches the
//! disk, or that bytes leave which were not put there under this key at this place.

mod writer;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::digest::{Digest, Hasher};
use crate::message::seal::{self, Opener};

pub(super) use writer::DepositWriter;

/// Bytes of the document in a record.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that a record has besides: nonce and tag.
const FRAME_BYTES: usize = NONCE_LEN + TAG_BYTES;
const RECORD_BYTES: usize = CHUNK_BYTES + FRAME_BYTES;
const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// A document at rest, and the key that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Deposit {
    path: PathBuf,
    key: Zeroizing<[u8; KEY_BYTES]>,
    /// The digest of the whole document, where it is known.
    digest: Option<Digest>,
}

impl Deposit {
    /// The deposit of a file, opened with a reading key of the desk. `InvalidData` where it is none of this desk.
    pub(super) fn open(path: &Path, reading: &dyn Opener) -> io::Result<Self> {
        let (sealed, _) = sealed_key(&mut File::open(path)?)?;
        let openers: [&dyn Opener; 1] = [reading];
        let opened = seal::open(&sealed, &openers).map_err(|_| altered())?;
        let key = <[u8; KEY_BYTES]>::try_from(opened.as_slice()).map_err(|_| altered())?;
        Ok(Self { path: path.to_owned(), key: Zeroizing::new(key), digest: None })
    }

    /// The same, which must hold the document of this digest.
    pub(super) fn of(self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self }
    }

    /// The deposit that a draft names, by the text of its key.
    pub(super) fn of_draft(path: PathBuf, key: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(key.as_bytes()).ok()?);
        Some(Self { path, key: Zeroizing::new(bytes.as_slice().try_into().ok()?), digest: None })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of its key, for drafts that are sealed themselves.
    pub(super) fn key_text(&self) -> String {
        BASE64.encode(self.key.as_slice())
    }

    /// The document, from its beginning. Reading fails where what lies there is not what was put there.
    pub(super) fn reader(&self) -> io::Result<DepositReader> {
        let mut file = File::open(&self.path)?;
        sealed_key(&mut file)?;
        Ok(DepositReader {
            file,
            cipher: Cipher::new(&self.key)?,
            number: 0,
            chunk: Zeroizing::default(),
            read: 0,
            expected: self.digest.map(|digest| (digest, Hasher::new())),
        })
    }
}

/// How many bytes of its document a file holds, as its length says.
pub(super) fn held(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (_, beginning) = sealed_key(&mut file)?;
    Ok(plain_length(file.metadata()?.len().saturating_sub(beginning)))
}

/// Bytes of the document in so many bytes of records. A last record that is cut holds nothing.
fn plain_length(records: u64) -> u64 {
    let (whole, rest) = (records / RECORD_BYTES as u64, records % RECORD_BYTES as u64);
    whole.saturating_mul(CHUNK_BYTES as u64).saturating_add(rest.saturating_sub(FRAME_BYTES as u64))
}

/// The sealed key at the beginning of a file, and where the records begin.
fn sealed_key(file: &mut File) -> io::Result<(Vec<u8>, u64)> {
    let mut length = [0; 2];
    file.read_exact(&mut length)?;
    let mut sealed = vec![0; usize::from(u16::from_be_bytes(length))];
    file.read_exact(&mut sealed)?;
    let beginning = (sealed.len() as u64).saturating_add(length.len() as u64);
    Ok((sealed, beginning))
}

/// Seals and opens records.
struct Cipher(LessSafeKey);

impl Cipher {
    fn new(key: &[u8; KEY_BYTES]) -> io::Result<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| altered())?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// The record of a chunk at its place.
    fn seal(&self, number: u64, chunk: &[u8], nonce: [u8; NONCE_LEN]) -> io::Result<Vec<u8>> {
        let mut record = Vec::with_capacity(chunk.len().saturating_add(FRAME_BYTES));
        record.extend_from_slice(&nonce);
        record.extend_from_slice(chunk);
        let body = record.get_mut(NONCE_LEN..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(number.to_be_bytes()), body);
        record.extend_from_slice(tag.map_err(|_| altered())?.as_ref());
        Ok(record)
    }

    /// The chunk of a record at its place.
    fn open(&self, number: u64, record: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let (nonce, body) = record.split_at_checked(NONCE_LEN).ok_or_else(altered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| altered())?;
        let mut chunk = Zeroizing::new(body.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(number.to_be_bytes()), chunk.as_mut_slice());
        let length = opened.map_err(|_| altered())?.len();
        chunk.truncate(length);
        Ok(chunk)
    }
}

/// Reads a document at rest.
pub(super) struct DepositReader {
    file: File,
    cipher: Cipher,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
    read: usize,
    /// What it must come to, and what it comes to so far.
    expected: Option<(Digest, Hasher)>,
}

impl DepositReader {
    /// The next chunk; an empty one at the end.
    fn next_chunk(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut record = Vec::with_capacity(RECORD_BYTES);
        (&mut self.file).take(RECORD_BYTES as u64).read_to_end(&mut record)?;
        if record.is_empty() {
            return Ok(Zeroizing::default());
        }
        let chunk = self.cipher.open(self.number, &record)?;
        self.number = self.number.saturating_add(1);
        Ok(chunk)
    }
}

impl Read for DepositReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.chunk.len() {
            self.chunk = self.next_chunk()?;
            self.read = 0;
            match &mut self.expected {
                Some((_, hasher)) if !self.chunk.is_empty() => hasher.update(&self.chunk),
                Some((digest, hasher)) if hasher.clone().finish() != *digest => return Err(altered()),
                _ => {}
            }
        }
        let mut rest = self.chunk.get(self.read..).unwrap_or_default();
        let count = rest.read(into)?;
        self.read = self.read.saturating_add(count);
        Ok(count)
    }
}

fn altered() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "an uploaded document was altered at rest, or is another desk's",
    )
}

crate::consultation::opaque!(Deposit);
