//! A desk that was restored from a backup older than its reading key: what it had sent since opens no more.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use super::{Ministries, Said, text_of};
use crate::support::forms;

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// The next bundle of XA is in force at its desk and its gateway.
fn announces(both: &Ministries, name: &str) {
    let place = |what: &str| both.directory.join("xa").join(what).to_string_lossy().into_owned();
    let file = both.directory.join(name).to_string_lossy().into_owned();
    let [root, gateway, desk] = ["root", "gateway", "desk"].map(place);
    let homes = ["--ministry-home", &root, "--gateway", &gateway, "--desk", &desk];
    good(both.types("XA", [&["trust", "sign"], &homes[..], &["-o", &file]].concat()));
    good(both.types("XA", ["trust", "install", &file]));
}

/// Puts the register and the reading key of XA back to what they were; what is made from them is made anew.
fn restores(both: &Ministries, older: &Path, key: &[(PathBuf, Vec<u8>)]) {
    let desk = both.desk("XA");
    for database in ["register.db", "casebook.db"] {
        for ending in ["", "-wal", "-shm"] {
            let _not_there = fs::remove_file(desk.join(format!("{database}{ending}")));
        }
    }
    fs::copy(older, desk.join("register.db")).unwrap();
    fs::remove_dir_all(desk.join("keys/retired")).unwrap();
    for (path, bytes) in key {
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn what_opens_with_no_key_of_a_restored_desk_is_given_up_by_name_and_the_desk_goes_on() {
    let both = Ministries::found("lost");
    both.delivers("XA", &forms::memorandum("XB", "new", "One."), &[]);
    let (register, older) = (both.desk("XA").join("register.db"), both.directory.join("older.db"));
    let connection = Connection::open(&register).unwrap();
    connection.execute("VACUUM INTO ?1", [older.to_str().unwrap()]).unwrap();
    drop(connection);
    let kept = ["keys/reading.age", "keys/reading.recipient"].map(|name| {
        let path = both.desk("XA").join(name);
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    });
    let begun = good(both.types("XA", ["key", "rotate", "reading"]));
    assert!(begun.talk.contains(" backup create -o BACKUP"), "before it is announced: {begun:?}");
    announces(&both, "both.bundle");
    good(both.types("XA", ["key", "rotate", "reading", "--complete"]));
    announces(&both, "newest.bundle");
    let two = both.delivers("XA", &forms::memorandum("XB", "new", "Two."), &[]);
    let consultation = text_of(&two, "consultation").to_owned();
    restores(&both, &older, &kept);

    let checks = both.types("XA", ["doctor", "--json"]).json();
    let checks = checks["checks"].as_array().unwrap();
    let reading = checks.iter().find(|check| check["subject"] == "reading").unwrap();
    assert_eq!(text_of(reading, "level"), "fail");
    let behind = both.types("XA", ["status", "--json"]);
    let error = behind.error();
    assert_eq!((behind.code, text_of(&error, "code")), (1, "register-behind"), "{behind:?}");
    assert!(text_of(&error, "hint").ends_with(" outbox forgo XB"), "{error}");
    assert!(error["causes"].to_string().contains("SEAL_NOT_FOR_US"), "{error}");
    asks_before_it_gives_up(&both);
    let forgone = good(both.types("XA", ["outbox", "forgo", "XB", "--yes", "--json"])).json();
    assert_eq!(forgone["copies"], 1, "{forgone}");
    says_what_was_given_up(&both, text_of(&two, "ref"));
    assert_eq!(forgone["consultations"], Value::from(vec![consultation.clone()]), "{forgone}");

    // A key that its peers know again, and messages travel.
    good(both.types("XA", ["key", "rotate", "reading"]));
    announces(&both, "again.bundle");
    both.delivers("XA", &forms::memorandum("XB", "new", "Three."), &[]);
    let shown = both.types("XA", ["consultation", "show", &consultation]);
    assert!(format!("{}{}", shown.data, shown.talk).contains("do not open"), "{shown:?}");
    let record = good(both.types("XA", ["log", "tail", "--administration"]));
    assert!(record.data.contains("LOSSES_GIVEN_UP"), "{record:?}");
    let nothing = both.types("XA", ["outbox", "forgo", "XB", "--yes", "--json"]);
    assert_eq!((nothing.code, text_of(&nothing.error(), "code")), (7, "not-lacking"), "{nothing:?}");
}

/// `outbox` leads to it, and whoever cannot be asked is told what `--yes` would consent to.
fn asks_before_it_gives_up(both: &Ministries) {
    let listed = both.types("XA", ["outbox"]);
    assert!(listed.talk.contains(" outbox forgo XB\n"), "{listed:?}");
    let unasked = both.types("XA", ["outbox", "forgo", "XB", "--json"]);
    let error = unasked.error();
    assert_eq!((unasked.code, text_of(&error, "code")), (4, "consent-needed"), "{unasked:?}");
    let causes = error["causes"].to_string();
    assert!(causes.contains("1 message that this desk had sent to XB will never be read here"), "{error}");
    assert!(text_of(&error, "hint").ends_with(" outbox forgo XB --json --yes"), "{error}");
    let slip = both.types("XA", ["outbox", "forgo", "XZ", "--yes", "--json"]);
    assert_eq!((slip.code, text_of(&slip.error(), "code")), (4, "not-accredited"), "{slip:?}");
    assert!(text_of(&slip.error(), "hint").ends_with(" peer list"), "{slip:?}");
}

/// What was given up is no message that is proven bad.
fn says_what_was_given_up(both: &Ministries, reference: &str) {
    let record = good(both.types("XA", ["log", "tail", "--administration", "--json"])).data;
    let mut entries = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let decided = entries.find(|entry| entry["what"] == "LOSSES_GIVEN_UP").unwrap();
    let read = both.types("XA", ["read", reference, "--json"]);
    let error = read.error();
    assert_eq!((read.code, text_of(&error, "code"), text_of(&error, "reason")), (6, "given-up", "GIVEN_UP"));
    let said =
        format!("{reference} was given up on {}: it is sealed to a reading key", text_of(&decided, "time"));
    assert!(text_of(&error, "message").starts_with(&said), "{error}");
    assert!(text_of(&error, "hint").ends_with(" log tail --administration -n 256"), "{error}");
}
