//! Reading a backup: a sealed file enters, its files leave one after the other, and the manifest when all of them
//! were what it says.

use std::collections::BTreeSet;
use std::io::{self, Read};

use tar::{Archive, Entry as TarEntry, EntryType};

use super::{BackupError, Entry, MANIFEST, Manifest, SCHEMA, is_inside};
use crate::digest::Hasher;
use crate::message::seal::{Opener, Opening};

/// What is done with each file: its path in the home, its length and its bytes.
pub type Take<'a> = dyn FnMut(&str, u64, &mut dyn Read) -> Result<(), BackupError> + 'a;

/// Reads a whole backup. What `take` was given is to be believed only when this answers.
pub fn read(
    source: impl Read,
    openers: &[&dyn Opener],
    take: &mut Take<'_>,
) -> Result<Manifest, BackupError> {
    let mut archive = Archive::new(Opening::begin(source, openers)?);
    let (mut entries, mut seen, mut manifest) = (Vec::new(), BTreeSet::new(), None);
    for entry in archive.entries().map_err(BackupError::of_source)? {
        let mut entry = entry.map_err(BackupError::of_source)?;
        let (path, size) = named(&entry)?;
        if manifest.is_some() {
            return Err(BackupError::Malformed("something follows its manifest"));
        }
        if path == MANIFEST {
            manifest = Some(parsed(&mut entry, size)?);
            continue;
        }
        if !seen.insert(path.clone()) {
            return Err(BackupError::Malformed("it holds a file twice"));
        }
        let mut hashing = Hashing { source: &mut entry, hasher: Hasher::new() };
        take(&path, size, &mut hashing)?;
        io::copy(&mut hashing, &mut io::sink()).map_err(BackupError::of_source)?;
        entries.push(Entry { path, size, sha256: hashing.hasher.finish().hex() });
    }
    // Only its end tells that the sealed file is whole.
    let mut rest = [0; 4096];
    let mut opening = archive.into_inner();
    loop {
        match opening.read(&mut rest).map_err(BackupError::of_source)? {
            0 => break,
            count if rest.iter().take(count).all(|byte| *byte == 0) => {}
            _ => return Err(BackupError::Malformed("something follows its end")),
        }
    }
    let manifest: Manifest = manifest.ok_or(BackupError::Malformed("it has no manifest"))?;
    agree(&manifest, &entries)?;
    Ok(manifest)
}

/// Path and length of a regular file that belongs into the home.
fn named<R: Read>(entry: &TarEntry<'_, R>) -> Result<(String, u64), BackupError> {
    let path = String::from_utf8(entry.path_bytes().into_owned());
    match path {
        Ok(path) if entry.header().entry_type() == EntryType::Regular && is_inside(&path) => {
            Ok((path, entry.size()))
        }
        _ => Err(BackupError::Malformed("it holds something else than files of a home")),
    }
}

fn parsed(entry: &mut impl Read, size: u64) -> Result<Manifest, BackupError> {
    if size > MANIFEST_BYTES_MAX {
        return Err(BackupError::Malformed("its manifest is too large"));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(BackupError::of_source)?;
    let wrong = |_| BackupError::Malformed("its manifest cannot be read");
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(wrong)?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => serde_json::from_value(value).map_err(wrong),
        Some(other) if other.starts_with("chancery.backup/") => {
            Err(BackupError::LaterRelease(other.to_owned()))
        }
        _ => Err(BackupError::Malformed("its manifest is not that of a backup")),
    }
}

fn agree(manifest: &Manifest, found: &[Entry]) -> Result<(), BackupError> {
    for (said, found) in manifest.entries.iter().zip(found) {
        if said != found {
            return Err(BackupError::Damaged(found.path.clone()));
        }
    }
    if manifest.entries.len() != found.len() {
        return Err(BackupError::Malformed("its manifest names other files than it holds"));
    }
    Ok(())
}

/// Hashes what is read through it.
struct Hashing<'a, R> {
    source: &'a mut R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.hasher.update(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// About two million files.
const MANIFEST_BYTES_MAX: u64 = 512 * 1024 * 1024;
