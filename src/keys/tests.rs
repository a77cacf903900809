//! What the tests of this room share: the openssl command, by which others read what this room writes.

use std::path::Path;
use std::process::{Command, Output};

/// The standard output of `openssl`, run in `directory`; `None`, said on standard error, where there is no
/// openssl. Panics with what openssl said if it fails.
pub(super) fn openssl(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = attempt(directory, arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `openssl` accepts.
pub(super) fn openssl_accepts(directory: &Path, arguments: &[&str]) -> Option<bool> {
    Some(attempt(directory, arguments)?.status.success())
}

#[allow(clippy::print_stderr, reason = "a test that cannot run says so")]
fn attempt(directory: &Path, arguments: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(arguments).current_dir(directory).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED openssl {}: openssl not found", arguments.first().unwrap_or(&""));
            None
        }
        Err(error) => panic!("openssl: {error}"),
    }
}
