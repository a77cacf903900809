//! Writing a backup: pieces enter, a sealed archive leaves, with constant memory but for one line for each file.

use std::fmt;
use std::io::{self, Write};

use tar::{EntryType, Header};

use super::{About, BackupError, Entry, MANIFEST, Manifest, Piece, SCHEMA, is_inside};
use crate::digest::{Digest, Hasher};
use crate::entropy::Entropy;
use crate::keys::passphrase::Passphrase;
use crate::message::seal::{Recipient, SealError, Sealing};
use crate::time::Timestamp;

/// To whom a backup is sealed.
#[derive(Debug, Clone, Copy)]
pub enum Lock<'a> {
    /// Whoever knows the passphrase.
    Passphrase(&'a Passphrase),
    /// Whoever holds one of these recipients' keys; all of them withstand a quantum computer.
    Recipients(&'a [Recipient]),
}

/// A backup that is being written. Dropped before `finish`, it is no file that anybody opens.
pub struct Writing<W: Write> {
    sealing: Sealing<Digesting<W>>,
    time: Timestamp,
    entries: Vec<Entry>,
    open: Option<Open>,
}

/// The file whose bytes come now.
struct Open {
    path: String,
    size: u64,
    left: u64,
    hasher: Hasher,
}

impl<W: Write> Writing<W> {
    /// Begins a backup of this instant.
    pub fn begin(
        sink: W,
        lock: Lock<'_>,
        time: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, BackupError> {
        let sink = Digesting { sink, hasher: Hasher::new() };
        let sealing = match lock {
            Lock::Passphrase(passphrase) => Sealing::under_passphrase(sink, passphrase.expose(), entropy)?,
            Lock::Recipients(recipients) if !recipients.iter().all(Recipient::is_post_quantum) => {
                return Err(SealError::ClassicalRecipient.into());
            }
            Lock::Recipients(recipients) => Sealing::to_recipients(sink, recipients, entropy)?,
        };
        Ok(Self { sealing, time, entries: Vec::new(), open: None })
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: Piece) -> Result<(), BackupError> {
        match piece {
            Piece::File { path, size } => self.begin_file(path, size),
            Piece::Bytes(bytes) => self.add(&bytes),
        }
    }

    fn begin_file(&mut self, path: String, size: u64) -> Result<(), BackupError> {
        self.end_file()?;
        if !is_inside(&path) || path == MANIFEST {
            return Err(BackupError::Malformed("a path in the home does not fit into an archive"));
        }
        let header = self.header(&path, size)?;
        self.put(&header)?;
        self.open = Some(Open { path, size, left: size, hasher: Hasher::new() });
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let Some(open) = &mut self.open else { return Err(BackupError::Malformed("bytes of no file")) };
        let left = open.left.checked_sub(bytes.len() as u64);
        open.left = left.ok_or_else(|| BackupError::Moved(open.path.clone()))?;
        open.hasher.update(bytes);
        self.put(bytes)
    }

    fn end_file(&mut self) -> Result<(), BackupError> {
        let Some(Open { path, size, left, hasher }) = self.open.take() else { return Ok(()) };
        if left != 0 {
            return Err(BackupError::Moved(path));
        }
        self.pad(size)?;
        self.entries.push(Entry { path, size, sha256: hasher.finish().hex() });
        Ok(())
    }

    /// Writes the manifest and seals the end. What leaves is the sink, which is not synced yet, the manifest, and
    /// the SHA-256 of all that was written.
    pub fn finish(mut self, about: About) -> Result<(W, Manifest, Digest), BackupError> {
        self.end_file()?;
        let entries = std::mem::take(&mut self.entries);
        let manifest = Manifest { schema: SCHEMA.to_owned(), about, entries };
        let text = serde_json::to_vec(&manifest);
        let text = text.map_err(|_| BackupError::Malformed("the manifest cannot be written"))?;
        let header = self.header(MANIFEST, text.len() as u64)?;
        self.put(&header)?;
        self.put(&text)?;
        self.pad(text.len() as u64)?;
        self.put(&[0; 2 * BLOCK])?;
        let Digesting { sink, hasher } = self.sealing.finish()?;
        Ok((sink, manifest, hasher.finish()))
    }

    fn header(&self, path: &str, size: u64) -> Result<[u8; BLOCK], BackupError> {
        let mut header = Header::new_ustar();
        let unfit = |_| BackupError::Malformed("a path in the home does not fit into an archive");
        header.set_path(path).map_err(unfit)?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.time.seconds()).unwrap_or(0));
        header.set_size(size);
        header.set_cksum();
        Ok(*header.as_bytes())
    }

    fn pad(&mut self, size: u64) -> Result<(), BackupError> {
        let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        if over == 0 {
            return Ok(());
        }
        let zeros = [0; BLOCK];
        self.put(zeros.get(over..).unwrap_or_default())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.sealing.write_all(bytes).map_err(|error| SealError::Io(error).into())
    }
}

impl<W: Write> fmt::Debug for Writing<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// Hashes what it passes on.
struct Digesting<W> {
    sink: W,
    hasher: Hasher,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or(bytes));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// What an archive is made of.
const BLOCK: usize = 512;
