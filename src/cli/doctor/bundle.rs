//! What a supporter asks for, as one JSON object that can be read before it is given away.
//!
//! Configuration, findings, metrics and the sizes and modes of files. Never the content of a key, a message, a
//! register or a casebook, and no file name beyond the first level of those.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::finding::Finding;
use crate::cli::error::CliError;
use crate::desk::config::Config as DeskConfig;
use crate::keys::home::gateway::GatewayHome;
use crate::time::Timestamp;

/// Everything.
pub(super) fn of(
    home: &Path,
    is_desk: bool,
    findings: &[Finding],
    metrics: Option<&str>,
    now: Timestamp,
) -> Result<Value, CliError> {
    let config = if is_desk { home.join(DeskConfig::FILE) } else { GatewayHome::at(home).config() };
    Ok(json!({
        "schema": "chancery.support/1",
        "at": now.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "kind": if is_desk { "desk" } else { "gateway" },
        "configuration": fs::read_to_string(config).ok(),
        "checks": findings.iter().map(Finding::report).collect::<Vec<_>>(),
        "metrics": metrics,
        "files": listed(home),
    }))
}

/// Folders and files of a home to the second level, with sizes and modes.
fn listed(home: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    for (folder, name) in entries(home) {
        found.push(entry(&folder, &name));
        if folder.is_dir() {
            for (file, inner) in entries(&folder) {
                found.push(entry(&file, &format!("{name}/{inner}")));
            }
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))
        .collect();
    found.sort();
    found
}

fn entry(path: &Path, name: &str) -> Value {
    let Ok(seen) = fs::symlink_metadata(path) else { return json!({ "name": name }) };
    json!({
        "name": name,
        "bytes": seen.len(),
        "mode": format!("{:o}", seen.permissions().mode() & 0o7777),
        "folder": seen.is_dir(),
    })
}
