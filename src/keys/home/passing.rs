//! Folders that stand only while somebody works in them.
//!
//! A folder to work in leaves, closed to others and locked, and is gone when it is dropped. Whoever is killed leaves
//! his behind; the next to work at that place removes it first. It must never happen that a folder is removed in which
//! somebody works: he holds its lock, and whoever removes it does so under the same lock.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder to work in.
#[derive(Debug)]
pub struct Passing {
    folder: TempDir,
    /// Where the file system knows locks. Given up after the folder is gone.
    _at_work: Option<File>,
}

impl Passing {
    /// A new folder in `around`, whose name begins with `prefix`.
    pub fn make(around: &Path, prefix: &str) -> io::Result<Self> {
        for _ in 0..MADE_AT_MOST {
            let folder = tempfile::Builder::new()
                .prefix(prefix)
                .permissions(Permissions::from_mode(super::OWNER_ONLY))
                .tempdir_in(around)?;
            let at_work = File::open(folder.path()).map(|opened| (opened.try_lock(), opened));
            match at_work {
                // Whoever sweeps was faster than the lock.
                Ok((Err(TryLockError::WouldBlock), _)) => {}
                Ok((Ok(()), _)) if fs::symlink_metadata(folder.path()).is_err() => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok((Ok(()), locked)) => return Ok(Self { folder, _at_work: Some(locked) }),
                // Nobody can lock here, and so nobody sweeps.
                Ok((Err(TryLockError::Error(_)), _)) => return Ok(Self { folder, _at_work: None }),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("each new folder was taken for one that was left behind"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// How often a folder is made, where somebody sweeps at the same moment.
const MADE_AT_MOST: usize = 16;

/// Removes the folders in `around` whose names begin with `prefix` and in which nobody works any more. Answers which.
/// What is somebody else's, or cannot be removed, stays.
pub fn sweep(around: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(around) else { return Vec::new() };
    let named = |entry: &DirEntry| name_begins(&entry.file_name(), prefix);
    let mut removed = Vec::new();
    for entry in entries.flatten().filter(|entry| named(entry) && is_own_folder(entry)) {
        let Ok(folder) = File::open(entry.path()) else { continue };
        if folder.try_lock().is_ok() && fs::remove_dir_all(entry.path()).is_ok() {
            removed.push(entry.path());
        }
    }
    removed
}

fn name_begins(name: &OsStr, prefix: &str) -> bool {
    name.to_string_lossy().starts_with(prefix)
}

/// In a folder that everybody writes to, such as that of temporary files, others may have such names too.
fn is_own_folder(entry: &DirEntry) -> bool {
    let own = rustix::process::geteuid();
    // Not followed: a link is no folder.
    entry.metadata().is_ok_and(|about| about.is_dir() && (own.is_root() || about.uid() == own.as_raw()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_was_left_behind_is_swept_and_a_folder_in_which_somebody_works_stays() {
        let around = tempfile::tempdir().unwrap();
        let left = around.path().join(".work-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("gateway.db"), "headers").unwrap();
        let other = around.path().join("work-of-others");
        fs::create_dir(&other).unwrap();
        let elsewhere = around.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, around.path().join(".work-link")).unwrap();

        let passing = Passing::make(around.path(), ".work-").unwrap();
        assert_eq!(sweep(around.path(), ".work-"), std::slice::from_ref(&left));
        assert!(passing.path().is_dir() && other.is_dir() && elsewhere.is_dir() && !left.exists());
        let mode = fs::metadata(passing.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let path = passing.path().to_owned();
        drop(passing);
        assert!(!path.exists());
    }

    #[test]
    fn whoever_makes_a_folder_while_others_sweep_gets_one_that_stays() {
        let around = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        let works = || {
            let Ok(passing) = Passing::make(around.path(), ".work-") else { return false };
            let file = passing.path().join("register.db");
            fs::write(&file, "a register").is_ok() && file.is_file()
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    sweep(around.path(), ".work-");
                }
            });
            let all = (0..200).all(|_| works());
            done.store(true, Ordering::Relaxed);
            assert!(all);
        });
    }
}
