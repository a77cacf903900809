//! Files that hold secrets: closed to others, written whole or not at all, never overwritten by accident.
//!
//! A new file is written under a passing name in the same directory, synced, renamed without replacing
//! anything, and the directory is synced. What a crash leaves behind has a name that nothing opens.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::error::KeyError;

/// How names of unfinished files begin.
pub(super) const PASSING_PREFIX: &str = ".unfinished-";

/// Writes a new file, mode 0600; refuses if anything stands there already.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let passing = write_passing(path, bytes)?;
    passing.persist_noclobber(path).map_err(|failure| KeyError::io(path, failure.error))?;
    sync_directory(directory_of(path))
}

/// Writes a file, mode 0600, in place of the one that stands there: readers see the old or the new one,
/// whole.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let passing = write_passing(path, bytes)?;
    passing.persist(path).map_err(|failure| KeyError::io(path, failure.error))?;
    sync_directory(directory_of(path))
}

/// Reads a secret of moderate size; refuses a file that others than its owner may read or write.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let file = File::open(path).map_err(|error| KeyError::io(path, error))?;
    let mode = file.metadata().map_err(|error| KeyError::io(path, error))?.permissions().mode();
    if mode & OTHERS != 0 {
        let command = format!("chmod 600 {}", shell_word(path));
        return Err(KeyError::OpenToOthers { path: path.to_owned(), command });
    }
    // The room is taken at once, because a vector that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 1));
    read_bounded(path, file, SECRET_BYTES_MAX, &mut bytes)?;
    Ok(bytes)
}

/// Reads a file that is no secret, of at most `bytes_max` bytes.
pub fn read_public(path: &Path, bytes_max: usize) -> Result<Vec<u8>, KeyError> {
    let file = File::open(path).map_err(|error| KeyError::io(path, error))?;
    let mut bytes = Vec::new();
    read_bounded(path, file, bytes_max, &mut bytes)?;
    Ok(bytes)
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), KeyError> {
    let synced = File::open(directory).and_then(|handle| handle.sync_all());
    synced.map_err(|error| KeyError::io(directory, error))
}

/// The directory in which a file stands.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_passing(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, KeyError> {
    let directory = directory_of(path);
    // Asked for first, so that a missing directory is named instead of the passing file.
    fs::metadata(directory).map_err(|error| KeyError::io(directory, error))?;
    let mut passing = tempfile::Builder::new()
        .prefix(PASSING_PREFIX)
        .permissions(Permissions::from_mode(OWNER_ONLY))
        .tempfile_in(directory)
        .map_err(|error| KeyError::io(path, error))?;
    let written = passing.write_all(bytes).and_then(|()| passing.as_file().sync_all());
    written.map_err(|error| KeyError::io(path, error))?;
    Ok(passing)
}

fn read_bounded(path: &Path, file: File, bytes_max: usize, bytes: &mut Vec<u8>) -> Result<(), KeyError> {
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(bytes).map_err(|error| KeyError::io(path, error))?;
    if bytes.len() > bytes_max {
        return Err(KeyError::malformed(path, "of a plausible size"));
    }
    Ok(())
}

/// A path as one word of a shell command.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'+' | b'@');
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with('-') {
        return text;
    }
    format!("-- '{}'", text.replace('\'', r"'\''"))
}

/// Keys, passphrases and age files with one key are far smaller.
const SECRET_BYTES_MAX: usize = 64 * 1024;

const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_belongs_to_its_owner_alone_and_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.key");
        create(&path, b"first").unwrap();
        assert_eq!(mode_of(&path), 0o600);
        assert!(matches!(create(&path, b"second"), Err(KeyError::AlreadyExists(at)) if at == path));
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"first");
        replace(&path, b"third").unwrap();
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"third");
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no passing file stays");
    }

    #[test]
    fn a_link_to_nowhere_is_not_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.key");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert_eq!(create(&path, b"secret").unwrap_err().reason(), "KEY_ALREADY_EXISTS");
        assert!(!directory.path().join("elsewhere").exists());
    }

    #[test]
    fn a_secret_open_to_others_is_refused_with_the_command_that_closes_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("it's a key");
        create(&path, b"secret").unwrap();
        for mode in [0o640, 0o620, 0o604, 0o602, 0o601, 0o644] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let Err(KeyError::OpenToOthers { command, .. }) = read_secret(&path) else {
                panic!("mode {mode:o} was accepted");
            };
            let ran = std::process::Command::new("sh").arg("-c").arg(&command).status().unwrap();
            assert!(ran.success(), "{command}");
            assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(read_secret(&path).is_ok());
    }

    #[test]
    fn a_plain_path_needs_no_quotes_in_the_command() {
        assert_eq!(shell_word(Path::new("/var/lib/chancery/tls.key")), "/var/lib/chancery/tls.key");
        assert_eq!(shell_word(Path::new("-f")), "-- '-f'");
    }

    #[test]
    fn a_file_too_large_for_a_secret_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        create(&path, &vec![0; SECRET_BYTES_MAX]).unwrap();
        assert!(read_secret(&path).is_ok());
        replace(&path, &vec![0; SECRET_BYTES_MAX + 1]).unwrap();
        assert_eq!(read_secret(&path).unwrap_err().reason(), "KEY_FILE_MALFORMED");
    }

    #[test]
    fn what_a_crash_leaves_behind_is_not_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.key");
        let unfinished = write_passing(&path, b"half a sec").unwrap().keep().unwrap().1;
        assert!(unfinished.exists());
        assert!(matches!(read_secret(&path), Err(KeyError::NotFound(at)) if at == path));
        create(&path, b"secret").unwrap();
        assert_eq!(read_secret(&path).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let refusal = create(&missing.join("a.key"), b"secret");
        assert!(matches!(refusal, Err(KeyError::NotFound(at)) if at == missing));
    }
}
