//! The history of the keys of a home: one line for each step of a rotation, only ever added to.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::keys::error::KeyError;
use crate::keys::secret_file;
use crate::time::Timestamp;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// Of which key, as lists name it.
    pub key: String,
    /// What was done.
    pub deed: Deed,
    /// Id of the next key.
    pub id: String,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// The next key was made.
    Begun,
    /// It was put in use.
    Completed,
    /// It was given up.
    Abandoned,
}

impl Deed {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    time: i64,
    key: String,
    deed: Deed,
    id: String,
}

/// Everything that was done with the keys of a home, oldest first. A line that a crash has cut is left out.
pub fn read(home: &Path) -> Result<Vec<Entry>, KeyError> {
    let bytes = match secret_file::read_public(&place(home), HISTORY_BYTES_MAX) {
        Err(KeyError::NotFound(_)) => return Ok(Vec::new()),
        read => read?,
    };
    let entry = |line: &[u8]| {
        let Line { time, key, deed, id } = serde_json::from_slice(line).ok()?;
        Some(Entry { time: Timestamp::from_seconds(time), key, deed, id })
    };
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(entry).collect())
}

/// Adds a line, durably. A step that goes on where it was cut short is the same step.
pub(super) fn append(home: &Path, entry: &Entry) -> Result<(), KeyError> {
    let last = read(home)?.into_iter().rfind(|one| one.key == entry.key);
    if last.is_some_and(|last| last.deed == entry.deed && last.id == entry.id) {
        return Ok(());
    }
    let path = place(home);
    let failed = |cause| KeyError::io(&path, cause);
    let Entry { time, key, deed, id } = entry.clone();
    let line = serde_json::to_string(&Line { time: time.seconds(), key, deed, id });
    let line = line.map_err(|_| KeyError::malformed(&path, "a history of keys"))?;
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    // A line that was cut short must not swallow this one.
    file.write_all(format!("\n{line}\n").as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    secret_file::sync_directory(secret_file::directory_of(&path))
}

fn place(home: &Path) -> PathBuf {
    home.join("keys/history.jsonl")
}

/// About 30,000 rotations.
const HISTORY_BYTES_MAX: usize = 4 * 1024 * 1024;
