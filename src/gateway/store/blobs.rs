//! `Blobs`: sealed parts that do not fit into an envelope, one file each, named by digest.
//!
//! A part is written to a temporary file in the directory where it will stay, hashed on the way, synced,
//! and only then given its name; the directory is synced before the part counts as held. What carries a
//! digest as its name therefore is complete. A sync that fails stops the whole store, as in the writer.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use tempfile::NamedTempFile;

use super::StoreFault;
use crate::digest::{Digest, Hasher};
use crate::limits::{ORPHAN_AGE_MAX, PIECE_BYTES_MAX};
use crate::time::Timestamp;

/// Beginning of the names of unfinished files.
const UNFINISHED: &str = "unfinished-";

/// The directory of large parts. Its functions block.
#[derive(Debug, Clone)]
pub struct Blobs {
    directory: PathBuf,
    stopped: Arc<AtomicBool>,
}

/// A part on its way into the directory. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    digest: Digest,
    size: u64,
    written: u64,
    hasher: Hasher,
    /// `None` where the part is held already: its bytes are then checked and not written again.
    file: Option<NamedTempFile>,
}

impl Blobs {
    /// Opens the directory, which is made where it is missing, and makes what an earlier process renamed
    /// durable before anybody relies on it.
    pub fn open(directory: &Path) -> Result<Self, StoreFault> {
        make_directory(directory)?;
        let blobs = Self { directory: directory.to_owned(), stopped: Arc::default() };
        for shelf in blobs.shelves()? {
            sync_directory(&shelf)?;
        }
        sync_directory(directory)?;
        Ok(blobs)
    }

    /// The directory as it is, to look at.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), stopped: Arc::default() }
    }

    /// Begins to take the part with this digest and size.
    pub fn put(&self, digest: Digest, size: u64) -> Result<BlobWriter, StoreFault> {
        if self.is_stopped() {
            return Err(StoreFault::Stopped);
        }
        let file = if self.held(&digest)? == Some(size) { None } else { Some(self.unfinished(&digest)?) };
        Ok(BlobWriter { blobs: self.clone(), digest, size, written: 0, hasher: Hasher::new(), file })
    }

    /// Size of the part, where it is held.
    pub fn held(&self, digest: &Digest) -> Result<Option<u64>, StoreFault> {
        match fs::metadata(self.path(digest)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// At most `limit` bytes of the part from `offset` on, never more than `PIECE_BYTES_MAX`; empty at its
    /// end, `None` where it is not held.
    pub fn read_at(&self, digest: &Digest, offset: u64, limit: usize) -> Result<Option<Vec<u8>>, StoreFault> {
        let Some(file) = self.file(digest)? else { return Ok(None) };
        let left = usize::try_from(file.metadata()?.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut piece = vec![0; limit.min(PIECE_BYTES_MAX).min(left)];
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(filled as u64))? {
                0 => break,
                read => filled += read,
            }
        }
        piece.truncate(filled);
        Ok(Some(piece))
    }

    /// Hashes the part as it is on the disk; `None` where it is not held.
    pub fn rehash(&self, digest: &Digest) -> Result<Option<Digest>, StoreFault> {
        let Some(mut file) = self.file(digest)? else { return Ok(None) };
        let mut hasher = Hasher::new();
        let mut piece = vec![0; PIECE_BYTES_MAX];
        loop {
            let read = file.read(&mut piece)?;
            match piece.get(..read) {
                Some([]) | None => return Ok(Some(hasher.finish())),
                Some(bytes) => hasher.update(bytes),
            }
        }
    }

    /// Removes unfinished files, and parts older than `ORPHAN_AGE_MAX` at `now` that `is_kept` denies.
    /// Answers how many were removed. Only for a store that is being opened.
    pub fn sweep<K>(&self, now: Timestamp, is_kept: K) -> Result<u64, StoreFault>
    where
        K: Fn(&Digest) -> Result<bool, StoreFault>,
    {
        let mut removed = 0;
        for shelf in self.shelves()? {
            for entry in fs::read_dir(shelf)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let orphaned = match Digest::parse(&name) {
                    Ok(digest) => is_old(&entry.metadata()?, now)? && !is_kept(&digest)?,
                    // Whatever else lies there was put there by somebody else and is not ours to remove.
                    Err(_) => name.starts_with(UNFINISHED),
                };
                if orphaned {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes a part that nobody refers to; false where there is none, or it cannot be removed.
    pub fn remove(&self, digest: &Digest) -> bool {
        match fs::remove_file(self.path(digest)) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::warn!(%error, %digest, "a part that no message refers to could not be removed");
                false
            }
        }
    }

    /// True once a sync has failed.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn shelves(&self) -> io::Result<Vec<PathBuf>> {
        let mut shelves = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                shelves.push(entry.path());
            }
        }
        Ok(shelves)
    }

    fn unfinished(&self, digest: &Digest) -> Result<NamedTempFile, StoreFault> {
        let shelf = self.shelf(digest);
        if !shelf.is_dir() {
            make_directory(&shelf).map_err(no_space)?;
            self.synced(sync_directory(&self.directory))?;
        }
        tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(shelf).map_err(no_space)
    }

    fn file(&self, digest: &Digest) -> Result<Option<File>, StoreFault> {
        match File::open(self.path(digest)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One of 256 directories, by the first byte of the digest.
    fn shelf(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex().chars().take(2).collect::<String>())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.shelf(digest).join(digest.hex())
    }

    fn synced<T>(&self, result: io::Result<T>) -> Result<T, StoreFault> {
        result.map_err(|error| {
            self.stopped.store(true, Ordering::SeqCst);
            tracing::error!(%error, "the store stopped: a part could not be synced");
            StoreFault::Stopped
        })
    }
}

impl BlobWriter {
    /// Takes the next bytes; more than were declared are refused at once.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFault> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.size {
            return Err(StoreFault::PartMismatch);
        }
        self.hasher.update(bytes);
        if let Some(file) = &mut self.file {
            file.write_all(bytes).map_err(no_space)?;
        }
        Ok(())
    }

    /// Gives the part its name, durable on return, where size and digest are those declared; otherwise it is
    /// removed.
    pub fn finish(self) -> Result<(), StoreFault> {
        if self.written != self.size || self.hasher.finish() != self.digest {
            return Err(StoreFault::PartMismatch);
        }
        let Some(file) = self.file else { return Ok(()) };
        self.blobs.synced(file.as_file().sync_all())?;
        file.persist(self.blobs.path(&self.digest)).map_err(|failed| no_space(failed.error))?;
        self.blobs.synced(sync_directory(&self.blobs.shelf(&self.digest)))
    }
}

/// A disk that is full is no fault of the part: it may be sent again when there is room.
fn no_space(error: io::Error) -> StoreFault {
    if super::space::is_full(&error) { StoreFault::NoSpace } else { StoreFault::File(error) }
}

/// Makes names in `directory` durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn is_old(metadata: &fs::Metadata, now: Timestamp) -> Result<bool, StoreFault> {
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_seconds(seconds) < now.before(ORPHAN_AGE_MAX))
}
