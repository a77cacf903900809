//! What lies in a home, copied while others work there: files as they are, databases by SQLite's own backup.
//!
//! Databases are copied first, so that every file to which a copy refers was there before; a file that was there
//! then and is gone before it was copied is told, and nothing is believed to be whole.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::{BackupError, Database, Piece, is_inside};
use crate::keys::secret_file::PASSING_PREFIX;
use crate::limits::PIECE_BYTES_MAX;

/// Where pieces go.
pub type Give<'a> = dyn FnMut(Piece) -> Result<(), BackupError> + 'a;

/// The files of a home, listed at one moment.
#[derive(Debug, Default)]
pub struct Tree {
    home: PathBuf,
    skip: Vec<String>,
    databases: Vec<String>,
    files: Vec<String>,
    /// Folders that are copied.
    pub folders: Vec<String>,
    /// What is no file, or is not copied.
    pub left_out: Vec<String>,
}

impl Tree {
    /// Lists everything below `home` but for the folders of `skip`, locks, and what is unfinished.
    pub fn list(home: &Path, skip: &[&str]) -> Result<Self, BackupError> {
        let skip = skip.iter().map(|path| (*path).to_owned()).collect();
        Self::listed(home, skip)
    }

    fn listed(home: &Path, skip: Vec<String>) -> Result<Self, BackupError> {
        let mut tree = Self { home: home.to_owned(), skip, ..Self::default() };
        tree.look(home, "")?;
        tree.files.sort();
        tree.databases.sort();
        Ok(tree)
    }

    fn look(&mut self, folder: &Path, prefix: &str) -> Result<(), BackupError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(BackupError::io(folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| BackupError::io(folder, error))?;
            let kind = entry.file_type().map_err(|error| BackupError::io(&entry.path(), error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if is_passing(&name) || self.skip.contains(&path) {
                continue;
            }
            if kind.is_dir() && is_inside(&path) {
                self.folders.push(path.clone());
                self.look(&entry.path(), &format!("{path}/"))?;
            } else if !kind.is_file() || !is_inside(&path) || entry.file_name().to_str().is_none() {
                self.left_out.push(path);
            } else if name.ends_with(".db") {
                self.databases.push(path);
            } else {
                self.files.push(path);
            }
        }
        Ok(())
    }

    /// Gives everything that was listed; answers what the databases are.
    pub fn give(&mut self, give: &mut Give<'_>) -> Result<Vec<Database>, BackupError> {
        let mut databases = Vec::new();
        for path in &self.databases {
            let source = open(&self.home.join(path)).and_then(|connection| {
                let scratch = scratch(&self.home)?;
                copy_database(&connection, &scratch.path().join("copy"))
            });
            let (file, version) = match source {
                Ok(copied) => copied,
                // It is made anew from the register where it is missing.
                Err(_) if path == REBUILT => {
                    self.left_out.push(path.clone());
                    continue;
                }
                Err(BackupError::Database { detail, .. }) => {
                    return Err(BackupError::Database { path: path.clone(), detail });
                }
                Err(other) => return Err(other),
            };
            give_file(path, file, give)?;
            databases.push(Database { path: path.clone(), version });
        }
        // What a copy refers to is there by now, or was removed in between.
        let now = Self::listed(&self.home, self.skip.clone())?;
        if let Some(gone) = self.files.iter().find(|path| now.files.binary_search(path).is_err()) {
            return Err(BackupError::Moved(gone.clone()));
        }
        for path in &now.files {
            let place = self.home.join(path);
            let file = File::open(&place).map_err(|error| match error.kind() {
                ErrorKind::NotFound => BackupError::Moved(path.clone()),
                _ => BackupError::io(&place, error),
            })?;
            give_file(path, file, give)?;
        }
        Ok(databases)
    }
}

/// Names that stand for nothing to keep: locks, unfinished files, and what SQLite keeps beside a database.
fn is_passing(name: &str) -> bool {
    name.starts_with(PASSING_PREFIX)
        || [".lock", ".db-wal", ".db-shm", ".db-journal", ".sock"].iter().any(|end| name.ends_with(end))
}

/// Gives one file, as long as it is now.
fn give_file(path: &str, mut file: File, give: &mut Give<'_>) -> Result<(), BackupError> {
    let cannot = |error| BackupError::io(Path::new(path), error);
    let size = file.metadata().map_err(cannot)?.len();
    give(Piece::File { path: path.to_owned(), size })?;
    let mut left = size;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE_BYTES_MAX).min(PIECE_BYTES_MAX);
        let mut piece = vec![0; length];
        file.read_exact(&mut piece).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => BackupError::Moved(path.to_owned()),
            _ => cannot(error),
        })?;
        give(Piece::Bytes(piece))?;
        left = left.saturating_sub(length as u64);
    }
    Ok(())
}

/// A closed folder in the home, which goes when it is dropped. A copy has its name only while it is made.
fn scratch(home: &Path) -> Result<TempDir, BackupError> {
    let made = tempfile::Builder::new().prefix(PASSING_PREFIX).tempdir_in(home);
    made.map_err(|error| BackupError::io(home, error))
}

fn open(path: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
    let prepared =
        connection.busy_timeout(PATIENCE).and_then(|()| connection.pragma_update(None, "query_only", true));
    prepared.map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Copies what `connection` sees in one snapshot to a new file, which is opened again before it loses its name with
/// the folder that it is in. Answers the copy and the version of its tables.
pub fn copy_database(connection: &Connection, to: &Path) -> Result<(File, i64), BackupError> {
    let version = copied(connection, to).map_err(|error| failed(&error))?;
    Ok((File::open(to).map_err(|error| BackupError::io(to, error))?, version))
}

fn copied(connection: &Connection, to: &Path) -> rusqlite::Result<i64> {
    // A snapshot begins with its first read, and whoever holds one already keeps it.
    let snapshot = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open(to)?;
    // Nobody relies on the copy before it is in the backup.
    target.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(connection, &mut target)?;
    while !matches!(backup.step(PAGES_AT_ONCE)?, StepResult::Done) {}
    drop(backup);
    drop(snapshot);
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn failed(error: &rusqlite::Error) -> BackupError {
    BackupError::Database { path: String::new(), detail: error.to_string() }
}

/// What a desk makes anew from its register.
const REBUILT: &str = "casebook.db";

/// How long another process may hold a database.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages between two looks at whether somebody else holds the database, 8 MiB.
const PAGES_AT_ONCE: i32 = 1024;
