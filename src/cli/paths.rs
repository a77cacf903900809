//! What is said of a path that is missing, taken or closed to us: the error, and the command that shows what is there.
//!
//! A path and what the system answered enter, words leave. Nothing is read, written or made here.

use std::io::ErrorKind;
use std::path::Path;

use super::error::{CliError, Kind};
use super::shell_word;

/// Something stands where a new file or folder was to be made, and stays.
pub(super) fn in_the_way(path: &Path) -> CliError {
    let error = CliError::new(Kind::NotFound, "exists", format!("{} is there already", path.display()));
    let word = shown(path);
    error.hint(format!("mv {word} {}", shell_word(&format!("{}.former", path.display()))))
}

/// A file that was named and cannot be read, with the command that shows what is there instead.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    let kind = if error.kind() == ErrorKind::NotFound { Kind::NotFound } else { Kind::Failed };
    let said = CliError::new(kind, "unreadable", format!("cannot read {}", path.display())).because(error);
    match kind {
        Kind::NotFound => said.hint(look_around(path)),
        _ => said.hint(format!("ls -ld {}", shown(path))),
    }
}

/// A file or folder that cannot be written, with the command that shows whether its place may be written to.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    let said = CliError::failed("unwritable", format!("cannot write {}", path.display())).because(error);
    match error.kind() {
        ErrorKind::StorageFull => said.hint("df -h ."),
        _ => said.hint(look_around(path)),
    }
}

/// Shows the nearest folder above `path` that is there, with who may do what.
pub(super) fn look_around(path: &Path) -> String {
    let mut above = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    match above.find(|folder| folder.is_dir()) {
        Some(folder) => format!("ls -la {}", shown(folder)),
        None => "ls -la".to_owned(),
    }
}

/// A path as it is typed in a command.
pub(super) fn shown(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}
