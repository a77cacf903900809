//! Homes founded once for the whole run and copied for every test: deriving keys from passphrases takes most
//! of the time that founding takes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use chancery::entropy::SystemEntropy;
use chancery::keys::ministry::Founding;
use chancery::rehearsal::founding::{Homes, Plan};
use chancery::time::{Clock, SystemClock, Timestamp};
use chancery::trust::name::Domain;

use super::{ministry, passphrase};

/// When every ministry was founded, and when every test begins.
pub fn founded() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
}

pub fn founding(code: &str) -> Founding {
    Founding {
        ministry: ministry(code),
        display_name: format!("Ministry of Foreign Affairs of {code}"),
        domain: Domain::parse(&format!("mfa.{}.example", code.to_lowercase())).unwrap(),
    }
}

/// When ministries were founded whose gateways are processes of their own, which ask the system for the time.
pub fn today() -> Timestamp {
    static TODAY: OnceLock<Timestamp> = OnceLock::new();
    *TODAY.get_or_init(|| SystemClock.now())
}

/// Founds a ministry in `directory` at an instant, or copies what was founded in this run before.
pub fn pour(code: &str, at: Timestamp, directory: &Path) -> Homes {
    for (path, piece) in cast(code, at).iter() {
        let path = directory.join(path);
        match piece {
            Piece::Folder(mode) => {
                fs::create_dir_all(&path).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
            }
            Piece::File(mode, bytes) => {
                let mut file =
                    OpenOptions::new().write(true).create_new(true).mode(*mode).open(&path).unwrap();
                file.write_all(bytes).unwrap();
            }
        }
    }
    Homes::below(directory)
}

enum Piece {
    Folder(u32),
    File(u32, Vec<u8>),
}

/// A ministry by its code, as it is founded at an instant.
type Mould = (String, Timestamp);

/// Paths in the order in which they can be made.
type Cast = Arc<Vec<(PathBuf, Piece)>>;

fn cast(code: &str, at: Timestamp) -> Cast {
    static CASTS: Mutex<BTreeMap<Mould, Arc<OnceLock<Cast>>>> = Mutex::new(BTreeMap::new());
    // The map is not held while a ministry is founded, so that two can be founded at once.
    let place = CASTS.lock().unwrap().entry((code.to_owned(), at)).or_default().clone();
    place.get_or_init(|| Arc::new(found(code, at))).clone()
}

fn found(code: &str, at: Timestamp) -> Vec<(PathBuf, Piece)> {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan::new(founding(code), "127.0.0.1:1", "127.0.0.1:2").unwrap();
    Homes::found(directory.path(), &plan, &passphrase(), at, &SystemEntropy).unwrap();
    let mut pieces = Vec::new();
    gather(directory.path(), Path::new(""), &mut pieces);
    pieces
}

fn gather(root: &Path, inner: &Path, pieces: &mut Vec<(PathBuf, Piece)>) {
    let path = root.join(inner);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    if path.is_file() {
        pieces.push((inner.to_owned(), Piece::File(mode, fs::read(&path).unwrap())));
        return;
    }
    pieces.push((inner.to_owned(), Piece::Folder(mode)));
    for entry in fs::read_dir(&path).unwrap() {
        gather(root, &inner.join(entry.unwrap().file_name()), pieces);
    }
}
