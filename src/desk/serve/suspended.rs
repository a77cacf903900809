//! Users of this machine who are suspended: as clients with certificates are in their book, which they do not stand in.
//!
//! Names enter; whether one is suspended leaves, as the file says at this very moment, so that it counts at the next
//! call. A file that cannot be read lets nobody in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::keys::secret_file;
use crate::trust::name::Label;

/// The suspended users of the socket of one desk.
#[derive(Debug, Clone)]
pub struct SuspendedUsers {
    path: PathBuf,
}

impl SuspendedUsers {
    /// Those of this desk.
    pub fn of(config: &Config) -> Self {
        Self { path: config.suspended_users() }
    }

    /// Their names.
    pub fn names(&self) -> Result<BTreeSet<Label>, DeskError> {
        let text = match fs::read_to_string(&self.path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
            text => text.map_err(DeskError::file(&self.path))?,
        };
        let named = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let damaged = |_| DeskError::file(&self.path)(ErrorKind::InvalidData.into());
        named.map(|line| Label::parse(line).map_err(damaged)).collect()
    }

    /// Whether this one is.
    pub fn is_suspended(&self, label: &Label) -> bool {
        self.names().map_or_else(
            |cause| {
                tracing::error!(%cause, "who is suspended cannot be read: no user of this machine is let in");
                true
            },
            |names| names.contains(label),
        )
    }

    /// Suspends one, or lets him act again.
    pub fn set(&self, label: &Label, suspended: bool) -> Result<(), DeskError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
        }
        let lock = self.path.with_extension("lock");
        let held = File::create(&lock).map_err(DeskError::file(&lock))?;
        held.lock().map_err(DeskError::file(&lock))?;
        let mut names = self.names()?;
        match suspended {
            true => names.insert(label.clone()),
            false => names.remove(label),
        };
        let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
        let text =
            format!("# Users of the socket who are suspended. `chancery desk suspend` writes it.\n{lines}");
        Ok(secret_file::replace(&self.path, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_suspended_until_that_is_lifted_and_by_a_file_that_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let users = SuspendedUsers { path: folder.path().join("service/suspended") };
        let (one, other) = (Label::parse("casework").unwrap(), Label::parse("head").unwrap());
        assert!(!users.is_suspended(&one));
        users.set(&one, true).unwrap();
        users.set(&one, true).unwrap();
        assert!(users.is_suspended(&one) && !users.is_suspended(&other));
        users.set(&one, false).unwrap();
        assert!(!users.is_suspended(&one));
        fs::write(&users.path, "no name of anybody\n").unwrap();
        assert!(users.is_suspended(&one) && users.is_suspended(&other));
    }
}
