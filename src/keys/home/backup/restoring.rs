//! The way back: a backup becomes a home where none is, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::reading::read;
use super::{BackupError, Desks, GATEWAY_RESTORED_NOTE, Manifest, RESTORED_NOTE, is_inside};
use crate::keys::home::desk::DeskHome;
use crate::keys::home::enrolment::HomeKind;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::home::{found_as, make_directory};
use crate::keys::secret_file;
use crate::message::seal::Opener;

/// What is done with a home that is whole and not in its place yet; of a gateway, what was said of its desks.
pub type Settle<'a> = dyn FnMut(&Path, &Manifest) -> Result<Option<Desks>, BackupError> + 'a;

/// Restores a backup as `home`, which must not exist yet or be empty. Everything is durable when it answers; where
/// it fails, nothing is there. `expected` is the ministry that it must be of, where that was said; what `settle`
/// decides stands from the first moment on.
pub fn restore(
    source: impl Read,
    openers: &[&dyn Opener],
    home: &Path,
    expected: Option<&str>,
    settle: &mut Settle<'_>,
) -> Result<Manifest, BackupError> {
    let mut restored = None;
    found_as(home, |passing| {
        let manifest = read(source, openers, &mut |path, _, bytes| match path.starts_with("run/") {
            true => Err(BackupError::Malformed("it holds what belongs to one run of a host")),
            false => lay(passing, path, bytes),
        })?;
        if let Some(expected) = expected.filter(|expected| *expected != manifest.about.ministry) {
            let found = manifest.about.ministry.clone();
            return Err(BackupError::OtherMinistry { found, expected: expected.to_owned() });
        }
        for database in &manifest.about.databases {
            examine_database(passing, &database.path)?;
        }
        for folder in &manifest.about.folders {
            if !is_inside(folder) {
                return Err(BackupError::Malformed("it names a folder outside the home"));
            }
            make_directory(&passing.join(folder))?;
        }
        let last = match manifest.about.kind {
            HomeKind::Desk => DeskHome::CONFIG,
            HomeKind::Gateway => GatewayHome::CONFIG,
        };
        if !passing.join(last).is_file() {
            return Err(BackupError::Malformed("it does not hold the configuration of what it is of"));
        }
        let settled = settle(passing, &manifest)?;
        let time = &manifest.about.time;
        let (place, note) = match (manifest.about.kind, settled) {
            (HomeKind::Gateway, Some(desks)) => (GATEWAY_RESTORED_NOTE, format!("{time}\n{desks}\n")),
            // A desk that was revoked since would be let in.
            (HomeKind::Gateway, None) => return Err(BackupError::DesksUnsaid),
            (HomeKind::Desk, _) => (RESTORED_NOTE, time.clone()),
        };
        lay(passing, place, &mut note.as_bytes())?;
        sync_all(passing)?;
        restored = Some(manifest);
        Ok(last)
    })?;
    restored.ok_or(BackupError::Malformed("it was not read"))
}

/// Writes one file of a backup below `root`, closed to others, and syncs it.
pub fn lay(root: &Path, path: &str, bytes: &mut dyn Read) -> Result<(), BackupError> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        make_directory(folder)?;
    }
    let cannot = |error| BackupError::io(&path, error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(cannot)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = match bytes.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(BackupError::of_source(error)),
        };
        file.write_all(piece.get(..count).unwrap_or_default()).map_err(cannot)?;
    }
    file.sync_all().map_err(cannot)
}

/// Makes the names in a tree of directories durable.
fn sync_all(directory: &Path) -> Result<(), BackupError> {
    let cannot = |error| BackupError::io(directory, error);
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_dir() {
            sync_all(&path)?;
        }
    }
    Ok(secret_file::sync_directory(directory)?)
}

/// Lets SQLite look whether the copy of a database is whole. Nothing is changed.
pub fn examine_database(root: &Path, path: &str) -> Result<(), BackupError> {
    let wrong = |detail: String| BackupError::Database { path: path.to_owned(), detail };
    let place = root.join(path);
    File::open(&place).map_err(|error| BackupError::io(&place, error))?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Immutable: a copy has no write-ahead log, and none is to be made beside it.
    let name = place.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags);
    let said = connection.and_then(|connection| {
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
    });
    match said {
        Ok(said) if said == "ok" => Ok(()),
        Ok(said) => Err(wrong(said)),
        Err(error) => Err(wrong(error.to_string())),
    }
}
