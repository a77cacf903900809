//! One process owns the directory: SQLite alone would let two gateways write the same logs in turn.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::StoreFault;

/// How often a lock that somebody holds is tried, and the pause between: two seconds in all, because a child
/// that has not begun its own program holds it too, and a busy machine is slow to let it begin.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// The lock on a directory; it ends with the process or when this is dropped.
#[derive(Debug)]
pub(super) struct Ownership {
    _lock: File,
}

impl Ownership {
    /// Makes `directory` where it is missing and locks it.
    pub(super) fn take(directory: &Path) -> Result<Self, StoreFault> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join("gateway.lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        // A process that is just ending, or a child that has not begun its own program yet, may still hold it.
        for _ in 0..ATTEMPTS {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { _lock: lock }),
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(PAUSE),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Err(StoreFault::InUse(directory.to_owned()))
    }
}
