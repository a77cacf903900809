//! Backups of a home: one sealed file that holds all that a gateway or a desk keeps, and the way back.
//!
//! Pieces of a home enter (`tree` finds and copies them, a running gateway hands out its store) and one age file
//! leaves: a tar archive (ustar) whose last entry, `manifest.json`, names every other with size and SHA-256, so that
//! `age -d` and `tar` alone bring it back in thirty years. Databases are copies that SQLite itself made. The way
//! back ends in an empty place or nowhere. What must never happen: a file that is said to be done and is not
//! durable; an entry that leads out of the home; anything read from a backup that is believed before the seal, the
//! manifest and every digest have been found in order. What a host saw signed (`run/mark`) is never part of one: a
//! restored gateway must find out from its peers where its logs had come to.

mod error;
mod file;
mod note;
mod reading;
mod restoring;
mod tree;
mod writing;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use error::BackupError;
pub use file::NewFile;
pub use note::{Desks, RestoredNote, bring_desk_list};
pub use reading::{Take, read};
pub use restoring::{Settle, examine_database, lay, restore};
pub use tree::{Give, Tree, copy_database};
pub use writing::{Lock, Writing};

use super::enrolment::HomeKind;

/// Schema of the manifest. Later releases may only add a new one, and this one is read for good.
pub const SCHEMA: &str = "chancery.backup/1";

/// Name of the last entry.
pub const MANIFEST: &str = "manifest.json";

/// Folders of a gateway's home that its own files are not copied from: its store hands itself out, and what this run
/// of the host knows is of this run alone.
pub const BESIDE_GATEWAY: [&str; 2] = ["data", "run"];

/// Where the database of a gateway is in its home.
pub const GATEWAY_DATABASE: &str = "data/gateway.db";

/// What restoring leaves in the home of a desk, for its first command to tell of.
pub const RESTORED_NOTE: &str = "run/restored";

/// What restoring leaves in the home of a gateway, for its first start: beside the store, because `run/` may not
/// outlive the run of the host.
pub const GATEWAY_RESTORED_NOTE: &str = "data/restored";

/// A piece of a home on its way into a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some of the bytes of the file that was begun last.
    Bytes(Vec<u8>),
    /// A file begins.
    File {
        /// Its path in the home, parts joined by `/`.
        path: String,
        /// Its length in bytes.
        size: u64,
    },
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `SCHEMA`.
    pub schema: String,
    /// What was copied.
    #[serde(flatten)]
    pub about: About,
    /// Every file, in the order of the archive.
    pub entries: Vec<Entry>,
}

/// What was copied, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Whether it is of a gateway or a desk.
    pub kind: HomeKind,
    /// Code of the ministry.
    pub ministry: String,
    /// Release of the software that made it.
    pub version: String,
    /// When, as RFC 3339.
    pub time: String,
    /// How far the logs of a gateway had come.
    pub logs: Vec<LogMark>,
    /// The databases, with the version of their tables.
    pub databases: Vec<Database>,
    /// Folders of the home, so that an empty one comes back too.
    pub folders: Vec<String>,
    /// Paths that are not in it: links, files that are no files, parts that were lost already, and what can be made
    /// anew.
    pub left_out: Vec<String>,
}

/// How far a log had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMark {
    /// Its origin.
    pub origin: String,
    /// Whether it is the mirror of a peer's.
    pub mirror: bool,
    /// Number of leaves.
    pub size: u64,
    /// Root over them, hexadecimal.
    pub root: String,
}

/// A database in the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its path in the home.
    pub path: String,
    /// Version of its tables (`user_version`).
    pub version: i64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its path in the home.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// Whether `path` leads to a file below the home and nowhere else.
fn is_inside(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']);
    path.len() <= PATH_BYTES_MAX && path.split('/').all(part)
}

/// What fits into the name of an entry of ustar, which a path may have to be divided for.
const PATH_BYTES_MAX: usize = 200;
