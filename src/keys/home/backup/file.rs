//! A file that appears under its name only when it is whole and durable, and never in the place of another.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

use super::BackupError;
use crate::keys::error::KeyError;
use crate::keys::secret_file::{PASSING_PREFIX, directory_of, sync_directory};

/// A new file, closed to others, under a passing name beside its place.
#[derive(Debug)]
pub struct NewFile(NamedTempFile);

impl NewFile {
    /// Begins a file that is to stand at `path`, where nothing may stand yet.
    pub fn beside(path: &Path) -> Result<Self, BackupError> {
        if path.symlink_metadata().is_ok() {
            return Err(KeyError::AlreadyExists(path.to_owned()).into());
        }
        let made = tempfile::Builder::new()
            .prefix(PASSING_PREFIX)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(directory_of(path));
        made.map(Self).map_err(|error| BackupError::io(path, error))
    }

    /// Makes it durable and gives it its name.
    pub fn keep(self, path: &Path) -> Result<(), BackupError> {
        self.0.as_file().sync_all().map_err(|error| BackupError::io(path, error))?;
        self.0.persist_noclobber(path).map_err(|failure| KeyError::io(path, failure.error))?;
        Ok(sync_directory(directory_of(path))?)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_file_mut().flush()
    }
}
