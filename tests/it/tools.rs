//! Tools of others that tests are judged by: found on PATH or under `tests/node_modules`, or the test says
//! that it was skipped.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `command`; `None` after a line about the skipped test where the tool is not installed.
pub fn run(command: &mut Command, what: &str) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("SKIPPED {what}: {} not found", command.get_program().display());
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// Runs `command`, which must succeed if it is installed, and returns what it printed.
pub fn succeed(command: &mut Command, what: &str) -> Option<String> {
    let output = run(command, what)?;
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("tools print UTF-8"))
}

/// Runs `tests/interop/<script>`, which needs the npm package `package`.
pub fn node_script(script: &str, package: &str, arguments: &[&str]) -> Option<String> {
    if !node_modules().join(package).is_dir() {
        eprintln!("SKIPPED {script}: npm package {package} not found");
        return None;
    }
    let script_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
    succeed(Command::new("node").arg(script_path).args(arguments), script)
}

/// Where `npm install` put the packages of the tests.
pub fn node_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node_modules")
}
