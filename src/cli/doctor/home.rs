//! Looks at the files of a home: whether they are there, who else may read them, and when certificates end.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

use super::finding::Finding;
use crate::cli::operator::DIR_OF_EITHER;
use crate::cli::{placeholders, shell_word};
use crate::desk::config::Config as DeskConfig;
use crate::keys::expiry::{Nearness, days_left};
use crate::keys::file::{certificate_validity, certified_key, open_plain, read_certificates};
use crate::keys::home::gateway::GatewayHome;
use crate::keys::request::CertificateRequest;
use crate::keys::rotation::next_of;
use crate::keys::secret_file::read_public;
use crate::limits;
use crate::time::Timestamp;

/// Everything that can be seen without asking anybody; `again` looks at another home.
pub(super) fn look(home: &Path, is_desk: bool, now: Timestamp, again: &str) -> Vec<Finding> {
    let file = if is_desk { home.join(DeskConfig::FILE) } else { GatewayHome::at(home).config() };
    let mut found = vec![configuration(home, &file, is_desk, again)];
    if !file.is_file() {
        return found;
    }
    found.push(secrets(home));
    found.extend(certificates(home, now));
    found
}

fn configuration(home: &Path, file: &Path, is_desk: bool, again: &str) -> Finding {
    let shown = file.display().to_string();
    if !file.is_file() {
        // It is most likely on another host, or named otherwise: nobody is led to found another one.
        let stands_for = placeholders::meaning(&home.to_string_lossy());
        let why = stands_for.map_or_else(|| DIR_OF_EITHER.to_owned(), str::to_owned);
        return Finding::fail("home", format!("{shown} is not there: {why}"), again);
    }
    if !is_desk {
        // The daemon itself judges it best.
        return Finding::ok("home", shown);
    }
    match DeskConfig::load(home) {
        Ok(_) => Finding::ok("home", shown),
        Err(error) => Finding::fail("home", error.to_string(), format!("edit {shown}")),
    }
}

/// Nobody else may read a key.
fn secrets(home: &Path) -> Finding {
    let mut keys = Vec::new();
    for folder in ["keys", "clients"] {
        collect_keys(&home.join(folder), &mut keys);
    }
    let open =
        keys.iter().find(|path| fs::metadata(path).is_ok_and(|seen| seen.permissions().mode() & 0o077 != 0));
    if let Some(path) = open {
        let command = format!("chmod 600 {}", shell_word(&path.to_string_lossy()));
        return Finding::fail("keys", format!("others may read {}", path.display()), command);
    }
    let own = rustix::process::getuid().as_raw();
    if let Some(path) = keys.iter().find(|path| fs::metadata(path).is_ok_and(|seen| seen.uid() != own)) {
        let command = format!("chown --recursive {own} {}", shell_word(&home.to_string_lossy()));
        return Finding::fail("keys", format!("{} belongs to another user", path.display()), command);
    }
    match keys.len() {
        0 => {
            let command = format!("ls -l {}", shell_word(&home.to_string_lossy()));
            Finding::fail("keys", "there are none in this home", command)
        }
        count => Finding::ok("keys", format!("{count}, closed to others")),
    }
}

/// Files of private keys: those beside which a certificate or a request may lie.
fn collect_keys(folder: &Path, keys: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect_keys(&path, keys);
        } else if is_secret(&path) {
            keys.push(path);
        }
    }
    keys.sort();
}

/// By its name, the passing one of a key that comes next included.
fn is_secret(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".next").unwrap_or(&name);
    name.ends_with(".key") || name.ends_with(".age")
}

/// Every certificate of the home, the nearest end first.
fn certificates(home: &Path, now: Timestamp) -> Vec<Finding> {
    let mut chains = Vec::new();
    for folder in ["keys", "keys/offices", "trust", "clients"] {
        let Ok(entries) = fs::read_dir(home.join(folder)) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        chains.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "pem")));
    }
    let mut found: Vec<(Timestamp, Finding)> =
        chains.iter().map(|path| certificate(home, path, now)).collect();
    found.sort_by_key(|(ends, _)| *ends);
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether a certificate is neither for the key beside it nor for the next one that a rotation left there. The public half
/// of a key that opens with a passphrase only is in the request that was made with it, which lies beside it as well.
fn is_for_another_key(path: &Path, chain: &[CertificateDer<'_>]) -> bool {
    let certified = chain.first().and_then(|leaf| certified_key(leaf));
    let beside = |extension: &str| {
        let file = path.with_extension(extension);
        [next_of(&file), file]
    };
    let plain = |key: &PathBuf| open_plain(key).ok().map(|key| key.public_key().to_vec());
    let mut kept: Vec<Vec<u8>> = beside("key").iter().filter_map(plain).collect();
    if kept.is_empty() {
        kept = beside("csr").iter().filter_map(|request| requested_key(request)).collect();
    }
    !kept.is_empty() && !kept.iter().any(|public| certified.as_ref() == Some(public))
}

/// The public key that a request was made for, if it is there.
fn requested_key(path: &Path) -> Option<Vec<u8>> {
    let pem = read_public(path, limits::CHAIN_BYTES_MAX).ok()?;
    let request = CertificateRequest::parse(std::str::from_utf8(&pem).ok()?).ok()?;
    Some(request.public_key().to_vec())
}

fn certificate(home: &Path, path: &Path, now: Timestamp) -> (Timestamp, Finding) {
    let read = read_certificates(path).ok();
    let Some((begins, ends)) = read.as_ref().and_then(|chain| certificate_validity(chain.first()?)) else {
        let said = format!("{} is no certificate", path.display());
        let next = format!("ls -l {}", shell_word(&path.to_string_lossy()));
        return (Timestamp::from_seconds(0), Finding::fail("certificate", said, next));
    };
    let days = days_left(ends, now);
    let name = path.strip_prefix(home).unwrap_or(path).display();
    let said = format!("{name} until {ends} ({days} days)");
    let renew =
        format!("chancery desk enrol --ministry-home ROOT --renew {}", shell_word(&home.to_string_lossy()));
    if is_for_another_key(path, read.as_deref().unwrap_or_default()) {
        let said = format!("{name} is not for the key beside it");
        return (ends, Finding::fail("certificate", said, renew));
    }
    (ends, Finding::of_end(Nearness::of(begins, ends, now), "certificate", said, renew))
}
