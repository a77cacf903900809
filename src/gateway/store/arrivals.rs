//! `Arrivals`: parts that are on their way in, each in a file of the side that sends it, so that a transfer
//! that was cut goes on where it was durable.
//!
//! An unfinished part is named by its digest in the folder of its sender. It is hashed on the way, synced at
//! every multiple of `PART_SYNC_BYTES` before anything is written beyond, and gets its place on the shelves
//! only when all of it is there, hashed right and synced. A later transfer of the same part by the same side
//! takes over from the earlier one, which may be a connection that nobody knows to be dead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StoreFault;
use super::blobs::{Blobs, is_old, make_directory, no_space, sync_directory};
use crate::digest::{Digest, Hasher};
use crate::limits::{ORPHAN_AGE_MAX, PART_SYNC_BYTES, PIECE_BYTES_MAX};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Folder of unfinished parts within the folder of parts.
pub(super) const FOLDER: &str = "arriving";

/// How much of a part is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartProgress {
    /// Bytes that are durable from its beginning on.
    pub offset: u64,
    /// True where all of it is, under its true digest.
    pub complete: bool,
}

/// The transfers under way.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<BTreeMap<(Ministry, Digest), Arc<Turn>>>);

/// One transfer's right to write its part, which it loses to a later one.
#[derive(Debug)]
struct Turn {
    lost: Mutex<bool>,
    /// Bytes that were promised room and are not written yet.
    left: AtomicU64,
}

/// A part on its way into the folder. Dropped before `finish`, it leaves what can be continued.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    key: (Ministry, Digest),
    turn: Arc<Turn>,
    size: u64,
    written: u64,
    hasher: Hasher,
    file: File,
}

impl Blobs {
    /// How much of a part `owner` need not send again. What is promised is durable.
    pub fn progress(&self, owner: &Ministry, digest: &Digest, size: u64) -> Result<PartProgress, StoreFault> {
        self.require_running()?;
        if self.held(digest)? == Some(size) {
            return Ok(PartProgress { offset: size, complete: true });
        }
        let file = match File::options().write(true).open(self.arriving(owner, digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(PartProgress { offset: 0, complete: false });
            }
            Err(error) => return Err(error.into()),
        };
        let offset = file.metadata()?.len();
        self.synced(file.sync_data())?;
        // More than the part is long: it was declared otherwise before, and begins anew.
        Ok(PartProgress { offset: if offset > size { 0 } else { offset }, complete: false })
    }

    /// Begins to take the part with this digest and size from `owner`, from `offset` on, of which the first
    /// bytes are here, if there is room for so many bytes as `admits` is asked for: its own and those that were
    /// promised to others. Bytes beyond the offset are written anew.
    pub fn put(
        &self,
        owner: &Ministry,
        digest: Digest,
        size: u64,
        offset: u64,
        transfers: usize,
        admits: impl FnOnce(u64) -> bool,
    ) -> Result<BlobWriter, StoreFault> {
        self.require_running()?;
        if self.held(&digest)?.is_some_and(|held| held != size) || offset > size {
            return Err(StoreFault::PartMismatch);
        }
        let key = (owner.clone(), digest);
        let turn = self.take_turn(&key, transfers, size - offset, admits)?;
        match self.begin(&key, offset) {
            Ok((file, hasher)) => {
                Ok(BlobWriter { blobs: self.clone(), key, turn, size, written: offset, hasher, file })
            }
            Err(fault) => {
                self.end_turn(&key, &turn);
                Err(fault)
            }
        }
    }

    /// Removes unfinished parts that are not `announced` and that nothing was written to for `ORPHAN_AGE_MAX` at
    /// `now`. Answers how many.
    pub(super) fn sweep_arriving(
        &self,
        now: Timestamp,
        announced: &BTreeSet<Digest>,
    ) -> Result<u64, StoreFault> {
        let mut removed = 0;
        for owner in self.owners()? {
            for (name, path) in entries(&self.folder_of(&owner))? {
                let wanted = Digest::parse(&name).map_or(true, |digest| announced.contains(&digest));
                if !wanted && is_old(&path, now.before(ORPHAN_AGE_MAX))? {
                    remove(&path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// After a start only what was certainly synced counts: bytes up to the last multiple of
    /// `PART_SYNC_BYTES` that something was written beyond.
    pub(super) fn shorten_arriving(&self) -> Result<(), StoreFault> {
        for owner in self.owners()? {
            for (name, path) in entries(&self.folder_of(&owner))? {
                if Digest::parse(&name).is_ok() {
                    let file = File::options().write(true).open(path)?;
                    let length = file.metadata()?.len();
                    file.set_len(certainly_synced(length))?;
                    self.synced(file.sync_all())?;
                }
            }
        }
        Ok(())
    }

    /// Bytes that were promised room to the transfers under way and are not written yet, but for those of the part
    /// that `owner` sends itself.
    pub(super) fn promised(&self, owner: &Ministry, digest: &Digest) -> u64 {
        promised(&self.arrivals(), owner, digest)
    }

    /// Bytes of a part that stand in its unfinished file.
    pub(super) fn begun(&self, owner: &Ministry, digest: &Digest) -> u64 {
        fs::metadata(self.arriving(owner, digest)).map_or(0, |found| found.len())
    }

    /// Makes the transfer the newest of its part, where the side may begin one and there is room for what is left.
    fn take_turn(
        &self,
        key: &(Ministry, Digest),
        transfers: usize,
        left: u64,
        admits: impl FnOnce(u64) -> bool,
    ) -> Result<Arc<Turn>, StoreFault> {
        let mut arrivals = self.arrivals();
        let others = arrivals.keys().filter(|(owner, digest)| *owner == key.0 && *digest != key.1).count();
        if others >= transfers {
            return Err(StoreFault::PartBusy);
        }
        if !admits(left.saturating_add(promised(&arrivals, &key.0, &key.1))) {
            return Err(StoreFault::NoSpace);
        }
        let turn = Arc::new(Turn { lost: Mutex::new(false), left: AtomicU64::new(left) });
        if let Some(older) = arrivals.insert(key.clone(), turn.clone()) {
            // Waits for what the earlier one is just writing.
            *older.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        Ok(turn)
    }

    /// Opens the unfinished file at `offset`, and hashes what stands before it.
    fn begin(&self, (owner, digest): &(Ministry, Digest), offset: u64) -> Result<(File, Hasher), StoreFault> {
        let folder = self.folder_of(owner);
        if !folder.is_dir() {
            make_directory(&folder).map_err(no_space)?;
            self.synced(sync_directory(&self.directory().join(FOLDER)))?;
        }
        let path = self.arriving(owner, digest);
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() < offset {
            return Err(StoreFault::PartOffset);
        }
        file.set_len(offset)?;
        let mut hasher = Hasher::new();
        let mut piece = vec![0; PIECE_BYTES_MAX];
        let mut left = offset;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let Some(bytes) = piece.get_mut(..wanted) else { break };
            file.read_exact(bytes)?;
            hasher.update(bytes);
            left = left.saturating_sub(wanted as u64);
        }
        file.seek(SeekFrom::Start(offset))?;
        Ok((file, hasher))
    }

    fn end_turn(&self, key: &(Ministry, Digest), turn: &Arc<Turn>) {
        let mut arrivals = self.arrivals();
        if arrivals.get(key).is_some_and(|present| Arc::ptr_eq(present, turn)) {
            arrivals.remove(key);
        }
    }

    fn owners(&self) -> io::Result<Vec<Ministry>> {
        let folders = entries(&self.directory().join(FOLDER))?;
        Ok(folders.into_iter().filter_map(|(name, _)| Ministry::parse(&name).ok()).collect())
    }

    fn folder_of(&self, owner: &Ministry) -> PathBuf {
        self.directory().join(FOLDER).join(owner.as_str())
    }

    fn arriving(&self, owner: &Ministry, digest: &Digest) -> PathBuf {
        self.folder_of(owner).join(digest.hex())
    }

    fn arrivals(&self) -> MutexGuard<'_, BTreeMap<(Ministry, Digest), Arc<Turn>>> {
        self.transfers().0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobWriter {
    /// Takes the next bytes; more than were declared are refused at once, and what came is removed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFault> {
        let turn = self.turn.clone();
        let _writing = turn.hold()?;
        if self.written.saturating_add(bytes.len() as u64) > self.size {
            remove(&self.blobs.arriving(&self.key.0, &self.key.1))?;
            return Err(StoreFault::PartMismatch);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let until_sync = PART_SYNC_BYTES - self.written % PART_SYNC_BYTES;
            let length = usize::try_from(until_sync).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(length);
            self.blobs.written(self.file.write_all(now))?;
            self.hasher.update(now);
            self.written = self.written.saturating_add(length as u64);
            turn.left.store(self.size.saturating_sub(self.written), Ordering::SeqCst);
            if self.written.is_multiple_of(PART_SYNC_BYTES) {
                self.blobs.synced(self.file.sync_data())?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Gives the part its place, durable on return, where size and digest are those declared. One that is as long
    /// as it should be and not itself is removed; a shorter one stays to be continued, because a call that was
    /// dropped looks like one that ended.
    pub fn finish(self) -> Result<(), StoreFault> {
        let (owner, digest) = &self.key;
        let turn = self.turn.clone();
        let _writing = turn.hold()?;
        let path = self.blobs.arriving(owner, digest);
        if self.written != self.size {
            return Err(StoreFault::PartMismatch);
        }
        if self.hasher.clone().finish() != *digest {
            remove(&path)?;
            return Err(StoreFault::PartMismatch);
        }
        if self.blobs.held(digest)? == Some(self.size) {
            return remove(&path);
        }
        self.blobs.synced(self.file.sync_all())?;
        self.blobs.shelve(&path, digest)
    }
}

fn promised(under_way: &BTreeMap<(Ministry, Digest), Arc<Turn>>, owner: &Ministry, digest: &Digest) -> u64 {
    let others = under_way.iter().filter(|(key, _)| key.0 != *owner || key.1 != *digest);
    others.map(|(_, turn)| turn.left.load(Ordering::SeqCst)).fold(0, u64::saturating_add)
}

impl Turn {
    /// Nobody else writes the part while the answer is held.
    fn hold(&self) -> Result<MutexGuard<'_, bool>, StoreFault> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if *lost { Err(StoreFault::PartBusy) } else { Ok(lost) }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        self.blobs.end_turn(&self.key, &self.turn);
    }
}

/// The last multiple of `PART_SYNC_BYTES` that something stands beyond.
fn certainly_synced(length: u64) -> u64 {
    let last = length.saturating_sub(1);
    last - last % PART_SYNC_BYTES
}

/// Names and paths in a folder; none where it is not there.
fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    listed
        .map(|entry| entry.map(|one| (one.file_name().to_string_lossy().into_owned(), one.path())))
        .collect()
}

fn remove(path: &Path) -> Result<(), StoreFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_cannot_be_written_stops_the_store() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(directory.path()).unwrap();
        let owner = Ministry::parse("XB").unwrap();
        let mut writer = blobs.put(&owner, Digest::of(b"part"), 4, 0, 1, |_| true).unwrap();
        // A file that is open for reading only refuses every write.
        writer.file = File::open(blobs.arriving(&owner, &Digest::of(b"part"))).unwrap();
        assert_eq!(writer.write(b"part").unwrap_err().reason(), "STORE_STOPPED");
        assert!(blobs.is_stopped());
        let again = blobs.put(&owner, Digest::of(b"other"), 4, 0, 1, |_| true).unwrap_err();
        assert_eq!(again.reason(), "STORE_STOPPED");
    }
}
