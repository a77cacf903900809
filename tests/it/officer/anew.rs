//! A withdrawal that is taken out of the queue of the own gateway: the desk notices it by itself, and whatever an officer asks
//! for names the copy in which the act goes on.

use std::time::Instant;

use chancery::message::id::MessageId;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Ministries, Said, text_of, wait};
use crate::support::{PATIENCE, forms, ministry};

const PERSON: &str = "P-7QK4-M2XD-9WTV";

fn good(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// What was told on stderr under this schema.
fn told(said: &Said, schema: &str) -> Option<Value> {
    let mut lines = said.talk.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|one| one["schema"] == schema)
}

/// The operator of XB's gateway takes a message out of the queue.
fn cancels(both: &Ministries, message: &str) {
    let house = both.world.house(&ministry("XB")).unwrap();
    let id = MessageId::parse(message).unwrap();
    wait(house.gateway().unwrap().withdraw(id.digest(), true, 0)).unwrap();
}

/// Looks at the screen of XB until this holds of what it says.
fn looks(both: &Ministries, what: &str, holds: impl Fn(&Said) -> bool) -> Said {
    let begun = Instant::now();
    loop {
        let said = both.types("XB", ["status", "--json"]);
        if holds(&said) {
            return said;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {said:?}");
    }
}

#[test]
fn status_notices_a_withdrawal_that_was_taken_out_of_the_queue_and_names_lead_to_the_copy_that_lives() {
    let mut both = Ministries::found("anew");
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About a person."), &[]);
    let consultation = text_of(&begun, "consultation").to_owned();
    good(both.types("XB", ["inbox"]));
    wait(both.world.house_mut(&ministry("XA")).unwrap().stop()).unwrap();
    let withdraw = ["withdraw", PERSON, "--consultation", &consultation, "--yes", "--json"];
    let sent = good(both.types("XB", withdraw)).json();
    let (dead, dead_id) = (text_of(&sent, "ref").to_owned(), text_of(&sent, "message_id").to_owned());

    // Nobody types `outbox`.
    cancels(&both, &dead_id);
    let seen = looks(&both, "it went anew", |said| told(said, "chancery.paid/1").is_some());
    let paid = told(&seen, "chancery.paid/1").unwrap();
    assert_eq!((text_of(&paid, "reason"), text_of(&paid, "to")), ("COPY_WITHDRAWN", "XA"), "{paid}");
    let (living, digest) = (text_of(&paid, "ref").to_owned(), text_of(&paid, "owed_ref").to_owned());
    assert_ne!(living, dead, "{paid}");
    assert_eq!((seen.code, &seen.json()["owed"]), (0, &json!([])), "{seen:?}");
    names_follow(&both, (&dead, &dead_id), (&living, &digest));

    // The next copy waits, and the screen says so until it has gone.
    cancels(&both, text_of(&paid, "message_id"));
    let seen = looks(&both, "it is owed", |said| said.code == 1);
    let shown = seen.json();
    let owed = &shown["owed"][0];
    assert_eq!(
        (text_of(owed, "reason"), text_of(owed, "ref")),
        ("COPY_WITHDRAWN", digest.as_str()),
        "{seen:?}"
    );
    let due = shown["due"].as_array().unwrap();
    let of_it: Vec<&str> = due.iter().map(|one| text_of(one, "ref")).collect();
    assert!(!of_it.contains(&dead.as_str()) && !of_it.contains(&living.as_str()), "{due:?}");
    assert!(of_it.contains(&digest.as_str()), "{due:?}");
}

/// What names the act gives the copy that lives; what names the one that ended gives that, and leads on.
fn names_follow(both: &Ministries, (dead, dead_id): (&str, &str), (living, digest): (&str, &str)) {
    for typed in [vec!["receipt", digest, "--submission"], vec!["read", digest]] {
        let said = good(both.types("XB", typed.iter().copied().chain(["--json"])));
        assert_eq!(text_of(&said.json(), "ref"), living, "{typed:?}: {said:?}");
        let anew = told(&said, "chancery.went-anew/1").unwrap_or_else(|| panic!("{typed:?}: {said:?}"));
        assert_eq!((text_of(&anew, "newest"), anew["copies"].as_u64()), (living, Some(2)), "{anew}");
    }
    let folder = TempDir::new().unwrap();
    let zip = folder.path().join("early.zip");
    let early = both.types("XB", ["export", digest, "-o", zip.to_str().unwrap()]);
    assert!(
        early.code == 5
            && early.talk.contains(&format!("went anew: of 2 copies for XA this is the newest, {living}")),
        "{early:?}"
    );
    for named in [dead, dead_id] {
        let said = good(both.types("XB", ["receipt", named]));
        assert!(said.data.contains(dead) && said.data.contains("WITHDRAWN"), "{said:?}");
        let lead = format!("{dead} ended (withdrawn), and its act went anew to XA as {living}");
        assert!(said.talk.contains(&lead), "{said:?}");
        assert!(said.talk.contains(&format!(" receipt {living}\n")), "{said:?}");
    }
    let due = good(both.types("XB", ["consultation", "deadlines", "--json"])).data;
    assert!(due.contains(&format!("\"{living}\"")) && !due.contains(&format!("\"{dead}\"")), "{due}");
    let again = ["withdraw", PERSON, "--dry-run", "--json"];
    let before = told(&good(both.types("XB", again)), "chancery.withdrawn-before/1").unwrap();
    assert_eq!(text_of(&before, "ref"), living, "{before}");
}
