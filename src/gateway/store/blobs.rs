//! `Blobs`: sealed parts that do not fit into an envelope, one file each, named by digest.
//!
//! A part is written in the folder of those that arrive (`arrivals`), hashed on the way, synced, and only then
//! given its place on a shelf; the shelf is synced before the part counts as held. What carries a digest as its
//! name therefore was complete. Where a scrub or a reader finds that it is not any more, it is set aside, so that
//! it does not count as held and is sent again. A sync that fails stops the whole store, as in the writer.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::UNIX_EPOCH;

use super::StoreFault;
use super::arrivals::{self, Arrivals};
use crate::digest::{Digest, Hasher};
use crate::limits::{ORPHAN_AGE_MAX, PIECE_BYTES_MAX};
use crate::time::Timestamp;

/// Beginning of the names of unfinished files of earlier releases, and of files on their way out.
const GOING: [&str; 2] = ["unfinished-", "swept-"];

/// Ending of files that were found damaged.
const DAMAGED: &str = ".damaged";

/// The directory of large parts. Its functions block.
#[derive(Debug, Clone)]
pub struct Blobs {
    directory: PathBuf,
    stopped: Arc<AtomicBool>,
    transfers: Arc<Arrivals>,
    /// Held for reading while a part gets its place.
    shelving: Arc<RwLock<()>>,
    /// Only looked at: nothing is moved.
    is_witness: bool,
}

impl Blobs {
    /// Opens the directory, which is made where it is missing, and makes what an earlier process renamed
    /// durable before anybody relies on it.
    pub fn open(directory: &Path) -> Result<Self, StoreFault> {
        make_directory(&directory.join(arrivals::FOLDER))?;
        let blobs = Self { is_witness: false, ..Self::at(directory) };
        blobs.shorten_arriving()?;
        for shelf in blobs.shelves()? {
            sync_directory(&shelf)?;
        }
        sync_directory(directory)?;
        Ok(blobs)
    }

    /// The directory as it is, to look at.
    pub fn at(directory: &Path) -> Self {
        let directory = directory.to_owned();
        let (stopped, transfers, shelving) = (Arc::default(), Arc::default(), Arc::default());
        Self { directory, stopped, transfers, shelving, is_witness: true }
    }

    /// Size of the part, where it is held. One that is just given its place is waited for: it is held when its shelf
    /// is synced, and not where that failed.
    pub fn held(&self, digest: &Digest) -> Result<Option<u64>, StoreFault> {
        drop(self.shelving.write().unwrap_or_else(PoisonError::into_inner));
        self.require_running()?;
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
        Ok(Some(read_from(&file, offset, limit.min(PIECE_BYTES_MAX).min(left))?))
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

    /// Sets a part aside whose bytes are not those of its digest: it is not held any more, and the next transfer
    /// brings it again.
    pub fn set_aside(&self, digest: &Digest) -> Result<(), StoreFault> {
        if self.is_witness {
            return Ok(());
        }
        let path = self.path(digest);
        match fs::rename(&path, damaged(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
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

    /// Parts on the shelves that are older than `ORPHAN_AGE_MAX` at `now`: those that no message refers to are
    /// orphans.
    pub fn old(&self, now: Timestamp) -> Result<Vec<Digest>, StoreFault> {
        let mut old = Vec::new();
        for shelf in self.shelves()? {
            for entry in fs::read_dir(shelf)? {
                let entry = entry?;
                if let Ok(digest) = Digest::parse(&entry.file_name().to_string_lossy())
                    && is_old(&entry.path(), now.before(ORPHAN_AGE_MAX))?
                {
                    old.push(digest);
                }
            }
        }
        Ok(old)
    }

    /// Takes an orphan off its shelf, quickly: from now on it is not held. Its bytes go with `clear`.
    pub fn discard(&self, digest: &Digest) -> Result<(), StoreFault> {
        let path = self.path(digest);
        match fs::rename(&path, path.with_file_name(format!("swept-{digest}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes what was discarded, and unfinished parts that are old at `now` and not `announced`. Whatever else
    /// lies there was put there by somebody else and is not ours to remove. Answers how many parts were removed.
    pub fn clear(&self, now: Timestamp, announced: &BTreeSet<Digest>) -> Result<u64, StoreFault> {
        let mut removed = self.sweep_arriving(now, announced)?;
        for shelf in self.shelves()? {
            for entry in fs::read_dir(shelf)? {
                let entry = entry?;
                let name = entry.file_name();
                if GOING.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Gives a finished and synced file its place, durable on return.
    pub(super) fn shelve(&self, finished: &Path, digest: &Digest) -> Result<(), StoreFault> {
        // Many at once; but nobody looks meanwhile.
        let _shelving = self.shelving.read().unwrap_or_else(PoisonError::into_inner);
        let shelf = self.shelf(digest);
        if !shelf.is_dir() {
            make_directory(&shelf)?;
            self.synced(sync_directory(&self.directory))?;
        }
        let path = self.path(digest);
        fs::rename(finished, &path)?;
        self.synced(sync_directory(&shelf))?;
        // The true bytes are here again.
        match fs::remove_file(damaged(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
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
            if entry.file_type()?.is_dir() && entry.file_name() != arrivals::FOLDER {
                shelves.push(entry.path());
            }
        }
        Ok(shelves)
    }

    /// The part opened for reading, where it is held.
    pub(super) fn file(&self, digest: &Digest) -> Result<Option<File>, StoreFault> {
        match File::open(self.path(digest)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn require_running(&self) -> Result<(), StoreFault> {
        if self.is_stopped() { Err(StoreFault::Stopped) } else { Ok(()) }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn transfers(&self) -> &Arrivals {
        &self.transfers
    }

    /// One of 256 directories, by the first byte of the digest.
    fn shelf(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex().chars().take(2).collect::<String>())
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.shelf(digest).join(digest.hex())
    }

    /// A write that fails for another reason than a full disk leaves bytes of which nobody knows anything.
    pub(super) fn written(&self, result: io::Result<()>) -> Result<(), StoreFault> {
        result.map_err(no_space).map_err(|fault| match fault {
            StoreFault::File(error) => {
                self.stopped.store(true, Ordering::SeqCst);
                tracing::error!(%error, "the store stopped: a part could not be written");
                StoreFault::Stopped
            }
            other => other,
        })
    }

    pub(super) fn synced<T>(&self, result: io::Result<T>) -> Result<T, StoreFault> {
        result.map_err(|error| {
            self.stopped.store(true, Ordering::SeqCst);
            tracing::error!(%error, "the store stopped: a part could not be synced");
            StoreFault::Stopped
        })
    }
}

/// A disk that is full is no fault of the part: it may be sent again when there is room.
pub(super) fn no_space(error: io::Error) -> StoreFault {
    if super::space::is_full(&error) { StoreFault::NoSpace } else { StoreFault::File(error) }
}

/// Makes names in `directory` durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// Whether nothing was written to a file since `before`.
pub(super) fn is_old(path: &Path, before: Timestamp) -> io::Result<bool> {
    let since = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_seconds(seconds) < before)
}

fn damaged(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(DAMAGED);
    name.into()
}

/// So many bytes of a file from `offset` on; fewer at its end alone.
pub(super) fn read_from(file: &File, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; count];
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_part_that_is_being_given_its_place_is_not_called_held_before_its_shelf_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(directory.path()).unwrap();
        let digest = Digest::of(b"part");
        make_directory(&blobs.shelf(&digest)).unwrap();
        let shelving = blobs.shelving.read().unwrap();
        // Renamed, and not synced yet.
        fs::write(blobs.path(&digest), b"part").unwrap();
        let (sender, answer) = channel();
        let asked = blobs.clone();
        let asking = std::thread::spawn(move || sender.send(asked.held(&digest).unwrap()).unwrap());
        assert!(answer.recv_timeout(Duration::from_millis(100)).is_err());
        drop(shelving);
        assert_eq!(answer.recv().unwrap(), Some(4));
        asking.join().unwrap();
    }
}
