//! `StoreFault`: why the store did not do what was asked. Facts about messages (duplicates, gaps, missing
//! parts) are answers of the verbs, not faults.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The store could not do what was asked. Nothing was changed, except where `Stopped` says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// More jobs wait than the writer takes.
    #[error("too many jobs wait for the store: try again later")]
    Busy,
    /// What is kept does not fit together.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// SQLite refused.
    #[error("the database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("a file of the store failed: {0}")]
    File(#[from] std::io::Error),
    /// The file is a database of something else.
    #[error("{0} is not the database of a gateway")]
    Foreign(PathBuf),
    /// Another process has the store open.
    #[error("the store in {0} is in use by another process")]
    InUse(PathBuf),
    /// The caller asked for something that cannot be: a programming mistake, not a peer's.
    #[error("the store was asked for something impossible: {0}")]
    Misuse(&'static str),
    /// There is no store where one was looked for.
    #[error("there is no {0}")]
    Missing(PathBuf),
    /// The disk has no room for anything new.
    #[error("the disk has too little room: nothing new is taken until there is more")]
    NoSpace,
    /// What was asked met a defect of ours and was undone.
    #[error("the store met a defect of this gateway and undid what was asked: report it")]
    Panicked,
    /// Another transfer writes the part, or too many are under way.
    #[error("another transfer has taken over, or too many are under way: try again later")]
    PartBusy,
    /// A large part is not what was declared.
    #[error("bytes, size and digest of the part disagree")]
    PartMismatch,
    /// A transfer is to begin beyond what is here of its part.
    #[error("the part is not here up to that offset: ask again how much is")]
    PartOffset,
    /// A side has left as much here as it may before messages refer to it.
    #[error("as many parts and bytes as may wait for their messages are here already")]
    Quota,
    /// A commit or a write failed earlier. Whether the jobs that waited then are durable is not known;
    /// their callers must ask again after a restart.
    #[error("the store stopped after a failed write: restart the gateway when the disk is well again")]
    Stopped,
    /// Leaves that the peer sent before were refused: what comes behind them is not taken.
    #[error("leaves of the peer's log were refused, and nothing behind them is taken")]
    Unfounded,
    /// A newer release wrote the database.
    #[error("the database has version {found}, and this release knows {known}")]
    TooNew {
        /// Version of the database.
        found: i64,
        /// Newest version that this release knows.
        known: i64,
    },
}

impl StoreFault {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "STORE_BUSY",
            Self::Damaged(_) => "STORE_DAMAGED",
            Self::Database(_) => "STORE_DATABASE",
            Self::File(_) => "STORE_FILE",
            Self::Foreign(_) => "STORE_FOREIGN",
            Self::InUse(_) => "STORE_IN_USE",
            Self::Misuse(_) => "STORE_MISUSE",
            Self::Missing(_) => "STORE_MISSING",
            Self::NoSpace => "NO_SPACE",
            Self::Panicked => "STORE_PANICKED",
            Self::PartBusy => "PART_BUSY",
            Self::PartMismatch => "PART_MISMATCH",
            Self::PartOffset => "PART_OFFSET",
            Self::Quota => "QUOTA",
            Self::Stopped => "STORE_STOPPED",
            Self::TooNew { .. } => "STORE_TOO_NEW",
            Self::Unfounded => "STORE_UNFOUNDED",
        }
    }

    /// True where the disk has no room left.
    pub(super) fn is_full_disk(&self) -> bool {
        match self {
            Self::File(error) => super::space::is_full(error),
            Self::Database(rusqlite::Error::SqliteFailure(failure, _)) => failure.code == ErrorCode::DiskFull,
            _ => false,
        }
    }

    /// True where the disk or the database can no longer be relied on: a write that is tried again after
    /// such a fault may seem to succeed without being durable.
    pub(super) fn stops_the_writer(&self) -> bool {
        match self {
            Self::File(_) | Self::Stopped => true,
            Self::Database(rusqlite::Error::SqliteFailure(failure, _)) => {
                failure.code != ErrorCode::ConstraintViolation
            }
            _ => false,
        }
    }
}
