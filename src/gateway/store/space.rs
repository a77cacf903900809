//! Room on the disk: how much is free, what is kept in reserve, and who may still write.
//!
//! Three lines are drawn. Above the floor everything is taken. Below it nothing new is taken into custody, while
//! what was taken before is still settled, proven and acknowledged. Where even that would not fit, the ballast, a
//! file that only takes up room, is given away; and where that does not help, a group of jobs is refused before
//! it touches the disk. A write that fails all the same stops the store, as every failed write does.
//!
//! What is in the write-ahead log will need as much room again in the database, so it counts as used.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::record::{Quota, SpaceUse};
use super::{StoreFault, blobs};
use crate::limits;

/// Name of the ballast in the store's directory.
const BALLAST: &str = "ballast";

/// Room that a commit is given beyond what it is thought to write: files grow in steps.
const MARGIN_BYTES: u64 = 1024 * 1024;

/// How much a store may take, and what it keeps free. An operator configures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Size of the file that is given away when the disk is full.
    pub ballast: u64,
    /// Free bytes below which nothing new is taken.
    pub floor: u64,
    /// What may wait in the mailbox of one peer until the desk acknowledges it.
    pub mailbox: Quota,
    /// Sealed parts of one source that no message refers to yet.
    pub uploads: Quota,
    /// Leaves of one peer's logs beyond two for each message between us.
    pub mirror: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            ballast: limits::BALLAST_BYTES,
            floor: limits::SPACE_FLOOR_BYTES,
            mailbox: Quota { count: limits::MAILBOX_MESSAGES_MAX, bytes: limits::MAILBOX_BYTES_MAX },
            uploads: Quota { count: limits::UPLOADS_MAX, bytes: limits::UPLOAD_BYTES_MAX },
            mirror: limits::MIRROR_LEAVES_MAX,
        }
    }
}

/// The room of one store, shared by all who write.
#[derive(Debug)]
pub(super) struct Space {
    directory: PathBuf,
    bounds: Bounds,
    /// Free bytes when last looked.
    free: AtomicU64,
    /// Bytes in the write-ahead log that the database does not have yet, about.
    backlog: AtomicU64,
    ballast: AtomicBool,
    /// What a test says is free; 0 for the truth.
    #[cfg(test)]
    pretended: AtomicU64,
}

impl Space {
    /// Looks how much room there is, and lays in the ballast where it is missing and there is room for it.
    pub(super) fn open(directory: &Path, bounds: Bounds) -> Result<Self, StoreFault> {
        let ballast = directory.join(BALLAST);
        let held = fs::metadata(&ballast).is_ok_and(|found| found.len() == bounds.ballast);
        if !held {
            // One of another size was left by another configuration, or by a gateway that was lost in the making.
            remove(&ballast)?;
        }
        let space = Self {
            directory: directory.to_owned(),
            bounds,
            free: AtomicU64::new(0),
            backlog: AtomicU64::new(0),
            ballast: AtomicBool::new(held && bounds.ballast > 0),
            #[cfg(test)]
            pretended: AtomicU64::new(0),
        };
        if space.look() < MARGIN_BYTES {
            // Even opening the database needs a little.
            space.release();
            space.look();
        }
        space.restore();
        Ok(space)
    }

    /// The room of a store that is only looked at.
    pub(super) fn untouched(directory: &Path, bounds: Bounds) -> Self {
        Self {
            directory: directory.to_owned(),
            bounds,
            free: AtomicU64::new(0),
            backlog: AtomicU64::new(0),
            ballast: AtomicBool::new(false),
            #[cfg(test)]
            pretended: AtomicU64::new(0),
        }
    }

    /// The bounds in force.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Looks how much is free. A file system that does not say so is taken for full.
    pub(super) fn look(&self) -> u64 {
        let free = statvfs(&self.directory).map_or(0, |seen| seen.f_bavail.saturating_mul(seen.f_frsize));
        #[cfg(test)]
        let free = match self.pretended.load(Ordering::SeqCst) {
            0 => free,
            pretended => pretended,
        };
        self.free.store(free, Ordering::SeqCst);
        free
    }

    /// Whether something new of so many bytes may be taken, as far as was seen when last looked.
    pub(super) fn admits(&self, bytes: u64) -> bool {
        self.usable().saturating_sub(bytes) >= self.bounds.floor.max(1)
    }

    /// Whether a group of jobs that writes so many bytes fits. Gives the ballast away where it must.
    pub(super) fn fits(&self, bytes: u64) -> bool {
        let needed = bytes.saturating_add(MARGIN_BYTES);
        self.look() >= needed || (self.release() && self.look() >= needed)
    }

    /// Gives the ballast away; false where it is gone already.
    pub(super) fn release(&self) -> bool {
        if !self.ballast.swap(false, Ordering::SeqCst) {
            return false;
        }
        match remove(&self.directory.join(BALLAST)) {
            Ok(()) => tracing::warn!("the disk is full: the ballast of the store was given away"),
            Err(error) => tracing::error!(%error, "the ballast of the store could not be given away"),
        }
        true
    }

    /// Lays the ballast in where it is missing, once there is room for it and for the floor. Where that fails
    /// the store goes on without.
    pub(super) fn restore(&self) {
        let Bounds { ballast, floor, .. } = self.bounds;
        let room = self.usable() >= floor.saturating_add(ballast.saturating_mul(2));
        if ballast == 0 || !room || self.ballast.load(Ordering::SeqCst) {
            return;
        }
        let path = self.directory.join(BALLAST);
        match lay_in(&path, ballast) {
            Ok(()) => self.ballast.store(true, Ordering::SeqCst),
            Err(error) => {
                tracing::warn!(%error, "the ballast of the store could not be laid in");
                // What there is of it would only take up room; the next opening removes it otherwise.
                let _ = remove(&path);
            }
        }
    }

    /// Makes the disk look as if it had so much free; 0 ends that.
    #[cfg(test)]
    pub(super) fn pretend(&self, free: u64) {
        self.pretended.store(free, Ordering::SeqCst);
    }

    /// Notes how much of the write-ahead log the database does not have.
    pub(super) fn note_backlog(&self, bytes: u64) {
        self.backlog.store(bytes, Ordering::SeqCst);
    }

    /// Bytes in the write-ahead log that the database does not have, about.
    pub(super) fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::SeqCst)
    }

    /// How it stands, as last seen.
    pub(super) fn seen(&self) -> SpaceUse {
        SpaceUse {
            free: self.free.load(Ordering::SeqCst),
            backlog: self.backlog(),
            floor: self.bounds.floor,
            ballast: if self.ballast.load(Ordering::SeqCst) { self.bounds.ballast } else { 0 },
            ballast_wanted: self.bounds.ballast,
            admits: self.admits(0),
        }
    }

    fn usable(&self) -> u64 {
        self.free.load(Ordering::SeqCst).saturating_sub(self.backlog())
    }
}

/// Makes a file that really takes up its room, and makes that durable.
fn lay_in(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    if fallocate(&file, FallocateFlags::empty(), 0, bytes).is_err() {
        let piece = vec![0; limits::PIECE_BYTES_MAX];
        let mut left = bytes;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            file.write_all(piece.get(..length).unwrap_or_default())?;
            left = left.saturating_sub(length as u64);
        }
    }
    file.sync_all()?;
    path.parent().map_or(Ok(()), blobs::sync_directory)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a failure says that the disk is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(ballast: u64, floor: u64) -> Bounds {
        Bounds { ballast, floor, ..Bounds::default() }
    }

    #[test]
    fn the_ballast_takes_up_its_room_and_gives_it_back_once() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let space = Space::open(directory.path(), bounds(3 << 20, 1)).unwrap();
        let held = fs::metadata(directory.path().join(BALLAST)).unwrap();
        assert!(held.len() == 3 << 20 && held.blocks() * 512 >= 3 << 20, "a hole takes up nothing");
        assert_eq!((space.seen().ballast, space.seen().admits), (3 << 20, true));
        assert!(space.release());
        assert!(!space.release(), "there is only one");
        assert!(!directory.path().join(BALLAST).exists());
        space.restore();
        assert!(directory.path().join(BALLAST).exists());
    }

    #[test]
    fn below_the_floor_nothing_new_is_admitted_and_what_is_needed_still_fits() {
        let directory = tempfile::tempdir().unwrap();
        let space = Space::open(directory.path(), bounds(1 << 20, u64::MAX)).unwrap();
        assert!(!space.admits(0));
        assert!(space.fits(1));
        assert!(!directory.path().join(BALLAST).exists(), "there was no room for it and for the floor");
    }

    #[test]
    fn what_the_write_ahead_log_holds_counts_as_used() {
        let directory = tempfile::tempdir().unwrap();
        let space = Space::open(directory.path(), bounds(0, 1)).unwrap();
        assert!(space.admits(0));
        space.note_backlog(u64::MAX);
        assert!(!space.admits(0));
    }

    #[test]
    fn a_ballast_of_another_size_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(BALLAST), b"half made").unwrap();
        Space::open(directory.path(), bounds(1 << 20, 1)).unwrap();
        assert_eq!(fs::metadata(directory.path().join(BALLAST)).unwrap().len(), 1 << 20);
    }
}
