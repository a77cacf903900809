//! A home goes into a backup and comes back, and nothing else does.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::passphrase::Passphrase;
use crate::message::seal::{ReadingKey, Sealing, decrypt};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn about(databases: Vec<Database>) -> About {
    About {
        kind: HomeKind::Desk,
        ministry: "XA".to_owned(),
        version: "0".to_owned(),
        time: NOW.to_string(),
        logs: Vec::new(),
        databases,
        folders: vec!["trust/peers".to_owned()],
        left_out: Vec::new(),
    }
}

/// A desk's home with a register that is open and has not been moved out of its write-ahead log.
fn home(folder: &Path) -> Connection {
    let home = folder.join("desk");
    fs::create_dir_all(home.join("keys/offices")).unwrap();
    fs::create_dir_all(home.join("trust/peers")).unwrap();
    fs::write(home.join("desk.toml"), "ministry = \"XA\"\n").unwrap();
    fs::write(home.join("keys/offices/legal.key"), vec![7; 1_000]).unwrap();
    fs::write(home.join("release.lock"), "").unwrap();
    fs::write(home.join(".unfinished-1"), "half").unwrap();
    let register = Connection::open(home.join("register.db")).unwrap();
    register.pragma_update(None, "journal_mode", "WAL").unwrap();
    register
        .execute_batch("PRAGMA user_version = 6; CREATE TABLE t (a); INSERT INTO t VALUES ('kept')")
        .unwrap();
    register
}

fn backed_up(home: &Path, lock: Lock<'_>) -> (Vec<u8>, Manifest) {
    let mut writing = Writing::begin(Vec::new(), lock, NOW, &SystemEntropy).unwrap();
    let mut tree = Tree::list(home, &[]).unwrap();
    assert!(tree.folders.contains(&"trust/peers".to_owned()) && !tree.folders.contains(&".".to_owned()));
    let databases = tree.give(&mut |piece| writing.take(piece)).unwrap();
    let (bytes, manifest, _) = writing.finish(about(databases)).unwrap();
    (bytes, manifest)
}

/// Nothing is settled before it is a home.
fn as_it_is(_home: &Path, _manifest: &Manifest) -> Result<Option<Desks>, BackupError> {
    Ok(None)
}

#[test]
fn a_home_comes_back_as_it_was_with_what_sqlite_had_committed() {
    let folder = tempfile::tempdir().unwrap();
    let register = home(folder.path());
    let key = ReadingKey::generate(&SystemEntropy).unwrap();
    let (bytes, manifest) = backed_up(&folder.path().join("desk"), Lock::Recipients(&[key.recipient()]));
    let names: Vec<&str> = manifest.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(names, ["register.db", "desk.toml", "keys/offices/legal.key"]);
    assert_eq!(manifest.about.databases[0].version, 6);
    drop(register);
    let back = folder.path().join("back");
    let again = restore(&bytes[..], &[&key], &back, Some("XA"), &mut as_it_is).unwrap();
    assert_eq!(again, manifest);
    assert_eq!(fs::read(back.join("keys/offices/legal.key")).unwrap(), vec![7; 1_000]);
    assert!(back.join("trust/peers").is_dir(), "an empty folder comes back");
    let kept: String = Connection::open(back.join("register.db"))
        .unwrap()
        .query_row("SELECT a FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, "kept");
    // Whoever has age and tar alone finds the same.
    let plain = decrypt(&bytes, &[&key]).unwrap();
    let mut archive = tar::Archive::new(plain.as_slice());
    let found: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(found, ["register.db", "desk.toml", "keys/offices/legal.key", MANIFEST]);
}

#[test]
fn only_an_empty_place_becomes_a_home_and_a_refusal_leaves_it_empty() {
    let folder = tempfile::tempdir().unwrap();
    let _register = home(folder.path());
    let passphrase = Passphrase::new("tulip harbour").unwrap();
    let opener = crate::message::seal::PassphraseKey::new("tulip harbour");
    let (bytes, _) = backed_up(&folder.path().join("desk"), Lock::Passphrase(&passphrase));
    let reason = |home: &Path, bytes: &[u8], expected| {
        restore(bytes, &[&opener], home, expected, &mut as_it_is).unwrap_err().reason()
    };
    assert_eq!(reason(&folder.path().join("desk"), &bytes, None), "HOME_ALREADY_EXISTS");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(reason(&empty, &bytes, Some("XB")), "BACKUP_OTHER_MINISTRY");
    assert_eq!(reason(&empty, &bytes[..bytes.len() - 1], None), "SEAL_ALTERED");
    assert_eq!(reason(&empty, &bytes[..bytes.len() / 2], None), "SEAL_ALTERED");
    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    assert_eq!(reason(&empty, &altered, None), "SEAL_ALTERED");
    let other = ReadingKey::generate(&SystemEntropy).unwrap();
    let refused = restore(&bytes[..], &[&other], &empty, None, &mut as_it_is).unwrap_err();
    assert_eq!(refused.reason(), "SEAL_NOT_FOR_US");
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "nothing was left behind");
    restore(&bytes[..], &[&opener], &empty, Some("XA"), &mut as_it_is).unwrap();
    assert!(empty.join("desk.toml").is_file());
}

/// A sealed archive of these files under this manifest, as a forger who knows the recipient makes one.
fn forged(key: &ReadingKey, files: &[(&str, &[u8])], manifest: &[u8], kind: tar::EntryType) -> Vec<u8> {
    let sealing = Sealing::to_recipients(Vec::new(), &[key.recipient()], &SystemEntropy).unwrap();
    let mut builder = tar::Builder::new(sealing);
    for (path, bytes) in files.iter().chain([&(MANIFEST, manifest)]) {
        let mut header = tar::Header::new_gnu();
        let name = header.as_gnu_mut().unwrap();
        name.name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_entry_type(if *path == MANIFEST { tar::EntryType::Regular } else { kind });
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn an_archive_that_leads_elsewhere_or_says_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = ReadingKey::generate(&SystemEntropy).unwrap();
    let manifest = |schema: &str, entries: Vec<Entry>| {
        serde_json::to_vec(&Manifest { schema: schema.to_owned(), about: about(vec![]), entries }).unwrap()
    };
    let file = tar::EntryType::Regular;
    let refused = |bytes: Vec<u8>| {
        let place = folder.path().join("place");
        let reason = restore(&bytes[..], &[&key], &place, None, &mut as_it_is).unwrap_err().reason();
        assert!(!place.exists(), "{reason}");
        reason
    };
    let none = manifest(SCHEMA, vec![]);
    for path in ["../desk.toml", "/etc/desk.toml", "a/../../b", "./a", "a//b"] {
        assert_eq!(refused(forged(&key, &[(path, b"x")], &none, file)), "BACKUP_MALFORMED", "{path}");
    }
    let mark = forged(&key, &[("run/mark", b"x")], &none, file);
    let refusal =
        restore(&mark[..], &[&key], &folder.path().join("marked"), None, &mut as_it_is).unwrap_err();
    assert!(refusal.to_string().contains("one run of a host"), "{refusal}");
    let outside = About { folders: vec!["../elsewhere".to_owned()], ..about(vec![]) };
    let outside = Manifest { schema: SCHEMA.to_owned(), about: outside, entries: vec![] };
    let outside = forged(&key, &[], &serde_json::to_vec(&outside).unwrap(), file);
    assert_eq!(refused(outside), "BACKUP_MALFORMED");
    assert!(!folder.path().join("elsewhere").exists());
    let link = forged(&key, &[("desk.toml", b"")], &none, tar::EntryType::Symlink);
    assert_eq!(refused(link), "BACKUP_MALFORMED");
    assert_eq!(refused(forged(&key, &[("a", b"x"), ("a", b"x")], &none, file)), "BACKUP_MALFORMED");
    assert_eq!(refused(forged(&key, &[("a", b"x")], &none, file)), "BACKUP_MALFORMED", "not named");
    let wrong = Entry { path: "a".to_owned(), size: 1, sha256: "0".repeat(64) };
    assert_eq!(refused(forged(&key, &[("a", b"x")], &manifest(SCHEMA, vec![wrong]), file)), "BACKUP_DAMAGED");
    let later = manifest("chancery.backup/2", vec![]);
    assert_eq!(refused(forged(&key, &[], &later, file)), "BACKUP_LATER_RELEASE");
    assert_eq!(refused(forged(&key, &[], b"{}", file)), "BACKUP_MALFORMED");
}

#[test]
fn a_damaged_database_is_found_and_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let register = home(folder.path());
    register.execute_batch("CREATE INDEX i ON t (a); PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(register);
    let path = folder.path().join("desk/register.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() - 4096;
    bytes[middle..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert_eq!(
        examine_database(&folder.path().join("desk"), "register.db").unwrap_err().reason(),
        "BACKUP_DATABASE"
    );
}

#[test]
fn a_file_that_shrinks_or_goes_while_it_is_copied_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let _register = home(folder.path());
    let home = folder.path().join("desk");
    let mut tree = Tree::list(&home, &[]).unwrap();
    fs::remove_file(home.join("keys/offices/legal.key")).unwrap();
    assert_eq!(tree.give(&mut |_| Ok(())).unwrap_err().reason(), "BACKUP_MOVED");
    let key = ReadingKey::generate(&SystemEntropy).unwrap();
    let mut writing =
        Writing::begin(Vec::new(), Lock::Recipients(&[key.recipient()]), NOW, &SystemEntropy).unwrap();
    writing.take(Piece::File { path: "a".to_owned(), size: 3 }).unwrap();
    writing.take(Piece::Bytes(b"ab".to_vec())).unwrap();
    assert_eq!(writing.finish(about(vec![])).unwrap_err().reason(), "BACKUP_MOVED");
}

#[test]
fn an_existing_file_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xa.backup");
    let early = NewFile::beside(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    assert!(NewFile::beside(&path).is_err() && early.keep(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
