//! A desk whose register was put back to an older one, and what its officers are told of it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use super::{Ministries, Said, text_of, wait};
use crate::support::{forms, ministry};

/// What `doctor` says of the register: how bad, and the next command.
fn doctor(both: &Ministries) -> (String, String) {
    let report = both.types("XA", ["doctor", "--json"]).json();
    let checks = report["checks"].as_array().unwrap();
    let register = checks.iter().find(|check| check["subject"] == "register").unwrap();
    (text_of(register, "level").to_owned(), register["next"].as_str().unwrap_or_default().to_owned())
}

fn status(both: &Ministries) -> Value {
    both.types("XA", ["status", "--json"]).json()
}

/// A copy of XA's register as it is now.
fn copied(both: &Ministries) -> PathBuf {
    let older = both.directory.join("older.db");
    let connection = Connection::open(both.desk("XA").join("register.db")).unwrap();
    connection.execute("VACUUM INTO ?1", [older.to_str().unwrap()]).unwrap();
    older
}

/// Puts it in the place of XA's register.
fn put_back(both: &Ministries, older: &Path) {
    let register = both.desk("XA").join("register.db");
    for ending in ["-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{ending}", register.display()));
    }
    fs::copy(older, register).unwrap();
}

#[test]
fn status_and_doctor_tell_of_a_register_that_is_behind_and_the_first_command_makes_it_whole() {
    let both = Ministries::found("restored");
    both.delivers("XA", &forms::memorandum("XB", "new", "One."), &[]);
    assert_eq!(status(&both)["register"]["returned"], 0);
    assert_eq!(doctor(&both).0, "ok");
    let older = copied(&both);
    both.delivers("XA", &forms::memorandum("XB", "new", "Two."), &[]);
    status(&both);
    put_back(&both, &older);

    let (level, next) = doctor(&both);
    assert!(level == "warn" && next.ends_with(" status"), "{level} {next}");
    let seen = both.types("XA", ["status"]);
    assert!(seen.data.contains("was restored from an older backup: 1 messages"), "{seen:?}");
    let again = status(&both);
    assert_eq!((&again["register"]["returned"], &again["policy_behind"]), (&Value::from(0), &Value::Null));
    assert_eq!(doctor(&both).0, "ok");
    let listed = both.types("XA", ["outbox", "--json"]);
    assert_eq!(listed.data.lines().count(), 2, "{listed:?}");
}

#[test]
fn doctor_tells_of_a_register_that_does_not_open_and_what_a_later_release_wrote_is_not_called_damaged() {
    let both = Ministries::found("later");
    let register = both.desk("XA").join("register.db");
    let connection = Connection::open(&register).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = both.types("XA", ["inbox", "--json"]);
    assert_eq!(text_of(&refused.error(), "code"), "register-newer", "{refused:?}");
    assert_eq!(doctor(&both), ("fail".to_owned(), "chancery --version".to_owned()));
    for ending in ["", "-wal", "-shm"] {
        let _not_there = fs::remove_file(format!("{}{ending}", register.display()));
    }
    fs::write(&register, [7; 9_000]).unwrap();
    assert_eq!(both.types("XA", ["inbox"]).code, 1);
    assert_eq!(doctor(&both), ("fail".to_owned(), "chancery backup restore --help".to_owned()));
}

#[test]
fn a_draft_composed_before_what_was_sent_came_back_is_not_released_under_a_number_of_that() {
    let mut both = Ministries::found("numbers");
    both.delivers("XA", &forms::memorandum("XB", "new", "Before."), &[]);
    let older = copied(&both);
    both.delivers("XA", &forms::note("XB", "new"), &[]);
    put_back(&both, &older);
    wait(both.world.house_mut(&ministry("XA")).unwrap().stop()).unwrap();
    let form = both.directory.join("note.toml");
    fs::write(&form, forms::note("XB", "new")).unwrap();
    let draft = both.directory.join("note.draft");
    let (form, draft) = (form.to_str().unwrap(), draft.to_str().unwrap());
    let good = |said: Said| assert_eq!(said.code, 0, "{said:?}");
    good(both.types("XA", ["draft", "compose", form, "--clear-by", "legal-01"]));
    wait(both.world.house_mut(&ministry("XA")).unwrap().start()).unwrap();
    good(both.types("XA", ["status"]));
    good(both.types("XA", ["draft", "clear", draft, "--office", "legal-01", "--yes"]));
    for office in ["releasing-01", "seal"] {
        good(both.types("XA", ["draft", "sign", draft, "--office", office, "--yes"]));
    }
    let refused = both.types("XA", ["draft", "release", draft, "--yes", "--json"]);
    assert_eq!((refused.code, text_of(&refused.error(), "reason")), (6, "NUMBER_TAKEN"), "{refused:?}");
    let sent = both.types("XA", ["outbox", "--json"]);
    assert_eq!(sent.data.lines().count(), 2, "what came back, and nothing else: {sent:?}");
    // Composed anew it has a number of its own.
    good(both.types("XA", ["send", form, "--yes", "--wait=30s"]));
}
