//! Exported archives and the verdict of the program that checks them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::process::operator;
use crate::tools;

/// What `docs/check_archive.py` found.
#[derive(Debug)]
pub struct Verdict {
    pub good: bool,
    report: Value,
}

impl Verdict {
    /// How many of something were checked.
    pub fn checked(&self, what: &str) -> u64 {
        self.report["checked"][what].as_u64().unwrap_or(0)
    }

    /// The codes of all faults, each once, in order.
    pub fn codes(&self) -> Vec<String> {
        let faults = self.report["faults"].as_array().unwrap();
        let mut codes: Vec<String> =
            faults.iter().map(|fault| fault["code"].as_str().unwrap().to_owned()).collect();
        codes.sort();
        codes.dedup();
        codes
    }

    /// Everything in one line.
    pub fn summary(&self) -> String {
        self.report["checked"].to_string()
    }
}

/// Lets the gateway in `home` export its archive.
pub fn export(home: &Path, directory: &Path) -> PathBuf {
    let report = operator(home, &["log", "export", &directory.to_string_lossy()]);
    assert_eq!(report["schema"], "chancery.archive/1");
    directory.to_owned()
}

/// Checks archives, without a word of ours in between; nothing where Python or its package is missing.
pub fn check(archives: &[&Path], options: &[&str], histories: &[&Path]) -> Option<Verdict> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check_archive.py");
    let mut command = Command::new(python());
    command.arg(script).arg("--json").args(options).args(archives);
    for history in histories {
        command.arg("--history").arg(history);
    }
    let output = tools::run(&mut command, "checking archives by another program")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("No module named 'cryptography'") {
        eprintln!("SKIPPED checking archives by another program: the Python package cryptography not found");
        return None;
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let good = report["good"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!good)), "{said}");
    Some(Verdict { good, report })
}

/// The interpreter of the tests where tests/prepare has made one.
pub fn python() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv/bin/python3");
    if own.exists() { own } else { PathBuf::from("python3") }
}
