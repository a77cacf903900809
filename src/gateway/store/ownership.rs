//! One process owns the directory: SQLite alone would let two gateways write the same logs in turn.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::StoreFault;

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
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreFault::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}
