//! `BackupError`: why nothing was backed up, verified or restored.

use std::io;
use std::path::{Path, PathBuf};

use crate::keys::error::KeyError;
use crate::keys::ministry::HomeError;
use crate::message::seal::{OpenError, SealError};

/// A backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file does not have the bytes that the manifest names.
    #[error("{0} in the backup is not the file that was copied: the backup is damaged")]
    Damaged(String),
    /// A database could not be copied, or the copy is not in order.
    #[error("the database {path}: {detail}")]
    Database {
        /// The database.
        path: String,
        /// What SQLite says of it.
        detail: String,
    },
    /// The list of desks that was brought cannot be used.
    #[error("the list of desks that was brought cannot be used: {0}")]
    DeskList(String),
    /// Nobody has said which desks are let in no more.
    #[error(
        "this is the backup of a gateway, and a desk that was revoked after it would be let in again: bring the newest list \
         of the root, or say that none was revoked"
    )]
    DesksUnsaid,
    /// The place where it is to be restored, or what is to be believed there, cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A later release made it.
    #[error("the backup is of a later release ({0}); restore it with that release")]
    LaterRelease(String),
    /// It opens, but is no backup in the one form that there is.
    #[error("this is no whole backup: {0}")]
    Malformed(&'static str),
    /// Something was removed or cut short while it was copied.
    #[error("{0} changed while it was copied; nothing was written: try again")]
    Moved(String),
    /// Nothing that could be backed up.
    #[error("{} is neither the home of a gateway nor of a desk", .0.display())]
    NoHome(PathBuf),
    /// It does not open with what was given, or was altered or cut short.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is of another ministry than was asked for.
    #[error("the backup is of {found}, not of {expected}")]
    OtherMinistry {
        /// Whose it is.
        found: String,
        /// Whose it was to be.
        expected: String,
    },
    /// It could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl BackupError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "BACKUP_DAMAGED",
            Self::Database { .. } => "BACKUP_DATABASE",
            Self::DeskList(_) => "BACKUP_DESK_LIST",
            Self::DesksUnsaid => "BACKUP_DESKS_UNSAID",
            Self::Home(HomeError::AlreadyExists(_)) => "HOME_ALREADY_EXISTS",
            Self::Home(_) => "BACKUP_PLACE",
            Self::Io { .. } => "BACKUP_IO",
            Self::LaterRelease(_) => "BACKUP_LATER_RELEASE",
            Self::Malformed(_) => "BACKUP_MALFORMED",
            Self::Moved(_) => "BACKUP_MOVED",
            Self::NoHome(_) => "BACKUP_NO_HOME",
            Self::Open(cause) => cause.reason(),
            Self::OtherMinistry { .. } => "BACKUP_OTHER_MINISTRY",
            Self::Seal(cause) => cause.reason(),
        }
    }

    /// What the operating system said about `path`.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// What was wrong with the sealed file that is being read.
    pub(super) fn of_source(error: io::Error) -> Self {
        let kind = error.kind();
        let cause = match error.into_inner() {
            Some(inner) => match inner.downcast::<Self>() {
                Ok(own) => return *own,
                Err(other) => other.downcast::<OpenError>(),
            },
            None => return Self::of_kind(kind),
        };
        cause.map_or_else(|_| Self::of_kind(kind), |cause| Self::Open(*cause))
    }

    fn of_kind(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::UnexpectedEof => Self::Malformed("it ends too early"),
            _ => Self::Malformed("it is no archive"),
        }
    }
}

impl From<KeyError> for BackupError {
    fn from(error: KeyError) -> Self {
        Self::Home(error.into())
    }
}
