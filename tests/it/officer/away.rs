//! A gateway that is away, and a peer that refuses.

use std::collections::BTreeSet;
use std::fs;

use chancery::message::terms::Level;
use chancery::trust::policy::ChannelRule;
use serde_json::Value;
use tempfile::TempDir;

use super::{Ministries, text_of, wait};
use crate::support::{forms, ministry};

#[test]
fn an_officer_can_go_on_while_gateways_are_away_and_learns_what_became_of_everything() {
    let mut both = Ministries::found("away");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("form.toml");
    fs::write(&path, forms::memorandum("XB", "new", "Later.")).unwrap();
    let path = path.to_str().unwrap().to_owned();
    let send = ["send", &path, "--yes", "--json", "--wait=500ms"];

    // A gateway signs nothing before it has heard from the peer once.
    assert_eq!(both.types("XA", ["send", &path, "--yes", "--wait=30s"]).code, 0);
    wait(both.world.house_mut(&ministry("XB")).unwrap().stop()).unwrap();
    let waiting = both.types("XA", send);
    assert_eq!((waiting.code, waiting.error()["code"].as_str()), (5, Some("no-receipt-yet")), "{waiting:?}");
    let look = format!("{} outbox --with XB", both.typed_by("XA"));
    assert_eq!(text_of(&waiting.error(), "hint"), look);
    let sent = waiting.json();
    let reference = text_of(&sent, "ref");
    assert_eq!((text_of(&sent, "state"), &sent["receipt"]), ("queued", &Value::Null));
    let early = both.types("XA", ["receipt", reference, "--json"]);
    assert_eq!((early.code, early.error()["code"].as_str()), (5, Some("no-receipt-yet")), "{early:?}");
    let zip = folder.path().join("early.zip");
    let early = both.types("XA", ["export", reference, "-o", zip.to_str().unwrap(), "--json"]);
    assert_eq!((early.code, early.error()["code"].as_str()), (5, Some("not-yet-proven")), "{early:?}");
    assert!(!zip.exists());

    wait(both.world.house_mut(&ministry("XA")).unwrap().stop()).unwrap();
    let away = both.types("XA", send);
    assert_eq!((away.code, away.error()["code"].as_str()), (5, Some("gateway-away")), "{away:?}");
    assert!(away.error()["causes"].to_string().contains("nothing was signed or registered"), "{away:?}");
    let listed = both.types("XA", ["outbox"]);
    assert_eq!((listed.code, listed.data.lines().count()), (0, 3), "nothing was registered: {listed:?}");
    assert!(listed.talk.contains("the gateway is away"), "{listed:?}");
    let inbox = both.types("XA", ["inbox", "--json"]);
    assert_eq!((inbox.code, text_of(&inbox.error(), "code")), (5, "gateway-away"), "{inbox:?}");
    let status = both.types("XA", ["status", "--json"]);
    assert_eq!((status.code, text_of(&status.error(), "code")), (5, "gateway-away"), "{status:?}");
    assert_eq!(text_of(&status.error(), "hint"), "chancery --home GATEWAY doctor", "nothing else helps");

    for code in ["XA", "XB"] {
        wait(both.world.house_mut(&ministry(code)).unwrap().start()).unwrap();
    }
    let again = both.types("XA", ["send", &path, "--yes", "--json", "--wait=30s"]);
    assert_eq!((again.code, again.json()["state"].as_str()), (0, Some("delivered")), "{again:?}");
    let listed = both.types("XA", ["outbox", "--json"]);
    let states: Vec<Value> = listed
        .data
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone())
        .collect();
    assert_eq!(states, ["delivered"; 3]);

    refuses(&both, &path);
    hears_nothing(&mut both, &path);
}

/// The gateway of XA cannot know whether its store is the newest, and XB is away.
fn hears_nothing(both: &mut Ministries, path: &str) {
    for code in ["XA", "XB"] {
        wait(both.world.house_mut(&ministry(code)).unwrap().stop()).unwrap();
    }
    fs::remove_file(both.directory.join("xa/gateway/run/mark")).unwrap();
    wait(both.world.house_mut(&ministry("XA")).unwrap().start()).unwrap();
    let early = both.types("XA", ["send", path, "--yes", "--json", "--wait=500ms"]);
    assert_eq!((early.code, early.error()["code"].as_str()), (5, Some("not-handed-over")), "{early:?}");
    assert_eq!(early.error()["reason"], "AWAITING_HELLO");
    // Its number was told before anything was handed over.
    let mut told = early.talk.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = told.find(|one| one["schema"] != "chancery.sent-before/1").unwrap();
    assert_eq!(first["schema"], "chancery.registered/1", "{early:?}");
    assert_eq!(first["ref"], early.json()["ref"]);
    assert!(text_of(&early.error(), "message").contains("before it has heard from XB"), "{early:?}");
}

/// XB lowers its ceiling, and rejects what XA still may send.
fn refuses(both: &Ministries, path: &str) {
    let parties = ["XA", "XB"].map(ministry);
    let channel = both.world.channel(&parties).unwrap();
    let house = both.world.house(&parties[1]).unwrap();
    let rule = ChannelRule {
        parties: BTreeSet::from(parties.clone()),
        ceiling: u32::try_from(Level::Unclassified.number()).unwrap(),
        suspended: false,
    };
    wait(house.desk().unwrap().charter(house.keys(), channel, rule)).unwrap();
    let rejected = both.types("XA", ["send", path, "--yes", "--json", "--wait=30s"]);
    assert_eq!((rejected.code, rejected.error()["reason"].as_str()), (6, Some("CLS_01")), "{rejected:?}");
    let sent = rejected.json();
    assert_eq!((text_of(&sent, "state"), text_of(&sent, "reason")), ("rejected", "CLS_01"));
    assert_eq!(sent["receipt"]["kind"], "REJECTED");
    let folder = TempDir::new().unwrap();
    let zip = folder.path().join("rejected.zip");
    let zip = zip.to_str().unwrap();
    let exported = both.types("XA", ["export", text_of(&sent, "ref"), "-o", zip]);
    assert_eq!(exported.code, 0, "a rejection is evidence too: {exported:?}");
}

const PERSON: &str = "P-7QK4-M2XD-9WTV";

#[test]
fn a_withdrawal_that_waits_for_the_own_gateway_has_a_reference_at_once_and_is_counted_and_listed() {
    let mut both = Ministries::found("owing");
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About a person."), &[]);
    let consultation = text_of(&begun, "consultation").to_owned();
    assert_eq!(both.types("XB", ["inbox"]).code, 0);
    wait(both.world.house_mut(&ministry("XB")).unwrap().stop()).unwrap();

    let sent = both.types("XB", ["withdraw", PERSON, "--consultation", &consultation, "--yes"]);
    assert!(sent.code == 5 && sent.talk.contains("error[owed]"), "{sent:?}");
    let line = sent.data.lines().find_map(|line| line.strip_prefix("registered ")).unwrap_or_default();
    let reference = line.split(' ').next().unwrap().to_owned();
    assert_eq!((reference.len(), line.contains("for XA")), (12, true), "{sent:?}");
    assert!(!sent.talk.contains(" countersign "), "it would end with 5 until the act has gone: {sent:?}");
    assert!(sent.talk.contains("when it has gone, another office countersigns it"), "{sent:?}");

    let status = both.types("XB", ["status", "--json"]);
    let seen = status.json();
    assert_eq!((status.code, seen["not_handed_over"].as_u64()), (1, Some(1)), "{status:?}");
    assert_eq!(text_of(&seen["owed"][0], "ref"), reference);
    let due = seen["due"].as_array().unwrap().iter().map(|due| text_of(due, "ref"));
    assert!(due.clone().any(|due| due == reference), "what is to be countersigned bears it too: {seen}");
    let shown = both.types("XB", ["status"]);
    assert!(shown.data.contains(&reference), "{shown:?}");
    assert!(!shown.talk.contains(" countersign "), "{shown:?}");
    assert!(shown.talk.contains(" inbox --unread\n"), "{shown:?}");
    let listed = both.types("XB", ["outbox", "--with", "XA"]);
    assert!(listed.code == 5 && listed.data.contains(&reference), "{listed:?}");
    assert!(listed.data.contains("owed (GATEWAY_AWAY)"), "{listed:?}");
    let read = both.types("XB", ["read", &reference]);
    assert!(read.code == 5 && read.data.contains("will-withdrawal"), "{read:?}");
    assert!(read.data.contains(&consultation) && read.data.contains("owed to        XA"), "{read:?}");
    assert!(read.talk.contains("nobody has it yet, and there is no receipt"), "{read:?}");
    knows_what_is_owed(&both, &reference, &consultation);
    is_due_from_whoever_owes_it(&both, &reference);
    says_once_that_the_gateway_is_away(&both, &reference);
    let unknown = both.types("XB", ["read", "0123456789ab", "--json"]);
    assert_eq!((unknown.code, text_of(&unknown.error(), "code")), (7, "no-message"), "{unknown:?}");

    // With the gateway it goes, has its number, and is still found by what was told at first.
    wait(both.world.house_mut(&ministry("XB")).unwrap().start()).unwrap();
    let behind = both.types("XB", ["countersign", &reference, "--yes", "--json", "--wait=30s"]);
    assert_eq!(behind.code, 0, "{behind:?}");
    let told: Vec<Value> = behind.talk.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let paid =
        told.iter().find(|one| one["schema"] == "chancery.paid/1").unwrap_or_else(|| panic!("{behind:?}"));
    assert_eq!((text_of(paid, "owed_ref"), text_of(paid, "to")), (reference.as_str(), "XA"));
    assert_eq!((text_of(paid, "kind"), paid["act_number"].is_u64()), ("will-withdrawal", true), "{paid}");
    assert!(text_of(paid, "ref").starts_with("XB-XA-"), "{paid}");
    let read = both.types("XB", ["read", &reference, "--json"]);
    assert!(read.code == 0 && text_of(&read.json(), "ref").starts_with("XB-XA-"), "{read:?}");
    assert_eq!(both.types("XB", ["outbox", "--with", "XA"]).code, 0);
    assert_eq!(both.types("XB", ["status", "--json"]).json()["not_handed_over"], 0);
}

/// What is owed is due from this ministry: nobody is to acknowledge what he was not sent.
fn is_due_from_whoever_owes_it(both: &Ministries, reference: &str) {
    let listed = both.types("XB", ["consultation", "deadlines", "--json"]);
    assert_eq!((listed.code, text_of(&listed.error(), "code")), (1, "owed"), "{listed:?}");
    let due: Vec<Value> = listed.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let urgent: Vec<&Value> = due.iter().filter(|one| one["alarming"] == true).collect();
    let [owed] = urgent.as_slice() else { panic!("{listed:?}") };
    assert_eq!((text_of(owed, "ref"), &owed["who"]), (reference, &serde_json::json!(["XB"])), "{owed}");
    assert_eq!((text_of(owed, "owed_to"), text_of(owed, "person")), ("XA", PERSON), "{owed}");
    assert!(text_of(owed, "what").ends_with("will-withdrawal to XA: the own gateway is away"), "{owed}");
    let shown = both.types("XB", ["consultation", "deadlines"]);
    let row = shown.data.lines().find(|line| line.contains(reference) && line.contains("ALARM"));
    assert!(row.is_some_and(|row| row.contains("XB")), "{shown:?}");
    for typed in [&["consultation", "deadlines"][..], &["status"]] {
        let shown = both.types("XB", typed.iter().copied());
        assert!(!shown.data.contains("acknowledge"), "{typed:?}: {shown:?}");
    }
    let list = both.types("XB", ["consultation", "list", "--json"]);
    assert_eq!(text_of(&list.json()["next_due"], "owed_to"), "XA", "{list:?}");
}

/// `countersign` asks the gateway for what came, and for what is owed.
fn says_once_that_the_gateway_is_away(both: &Ministries, reference: &str) {
    let said = both.types("XB", ["countersign", reference, "--yes"]);
    assert_eq!((said.code, said.talk.matches("the gateway is away").count()), (5, 1), "{said:?}");
}

/// Every command that takes a reference knows an act that is owed: since when, to whom, why, and what comes next.
fn knows_what_is_owed(both: &Ministries, reference: &str, consultation: &str) {
    let folder = TempDir::new().unwrap();
    let zip = folder.path().join("early.zip").to_str().unwrap().to_owned();
    let look = format!("{} outbox --with XA", both.typed_by("XB"));
    for typed in [
        vec!["receipt", reference],
        vec!["receipt", reference, "--submission"],
        vec!["export", reference, "-o", &zip],
        vec!["outbox", "void", reference, "--yes"],
        vec!["countersign", reference, "--yes"],
        vec!["new", "correspondence", "--reply-to", reference],
        vec!["read", reference],
    ] {
        let said = both.types("XB", typed.iter().copied().chain(["--json"]));
        assert_eq!((said.code, text_of(&said.error(), "code")), (5, "owed"), "{typed:?}: {said:?}");
        let error = said.error();
        let message = text_of(&error, "message");
        assert!(
            message.starts_with(&format!("{reference} is signed, and owed since ")),
            "{typed:?}: {error}"
        );
        assert!(
            message.contains(" to XA: ") && message.contains("there is no receipt"),
            "{typed:?}: {error}"
        );
        assert!(error["causes"].to_string().contains("XA: the own gateway is away"), "{typed:?}: {error}");
        assert_eq!(text_of(&error, "hint"), look, "{typed:?}: {error}");
    }
    let doctor = both.types("XB", ["doctor", "--json"]);
    let checks = doctor.json()["checks"].as_array().cloned().unwrap_or_default();
    let owed: Vec<&Value> = checks.iter().filter(|check| check["subject"] == "owed").collect();
    let [owed] = owed.as_slice() else { panic!("{doctor:?}") };
    assert_eq!((text_of(owed, "level"), text_of(owed, "next")), ("fail", look.as_str()), "{doctor:?}");
    assert!(text_of(owed, "said").starts_with(&format!("{reference} to XA since ")), "{doctor:?}");
    assert!(doctor.data.contains("by the proofs kept here"), "the gateway was not asked: {doctor:?}");
    let given_up = both.types("XB", ["outbox", "void", reference, "--yes"]);
    assert!(given_up.talk.contains("there is no copy of it to give up"), "{given_up:?}");
    assert!(!std::path::Path::new(&zip).exists());
    let whole = both.types("XB", ["export", consultation, "-o", &zip]);
    assert!(whole.talk.contains(&format!("left out: {reference} for XA, owed since ")), "{whole:?}");

    // Whoever types it again is led to what lets it go, and to no receipt that cannot be there.
    let again = ["withdraw", PERSON, "--consultation", consultation, "--dry-run"];
    let said = both.types("XB", again);
    assert!(said.code == 0 && said.talk.contains(&format!("next: {look}\n")), "{said:?}");
    assert!(!said.talk.contains(" receipt "), "{said:?}");
    let said = both.types("XB", again.into_iter().chain(["--json"]));
    let before: Value = serde_json::from_str(said.talk.lines().next().unwrap()).unwrap();
    assert_eq!(
        (text_of(&before, "ref"), &before["owed_to"]),
        (reference, &serde_json::json!(["XA"])),
        "{said:?}"
    );
}

#[test]
fn an_owed_act_that_goes_by_itself_is_told_with_its_number_and_a_wait_for_nobody_is_none() {
    let mut both = Ministries::found("gone");
    let begun = both.delivers("XA", &forms::memorandum("XB", "new", "About a person."), &[]);
    let consultation = text_of(&begun, "consultation").to_owned();
    assert_eq!(both.types("XB", ["inbox"]).code, 0);
    wait(both.world.house_mut(&ministry("XB")).unwrap().stop()).unwrap();
    let sent = both.types("XB", ["withdraw", PERSON, "--consultation", &consultation, "--yes", "--wait=30s"]);
    assert!(sent.code == 5 && sent.talk.contains("error[owed]"), "{sent:?}");
    assert!(sent.talk.contains("no receipt is waited for"), "{sent:?}");
    assert!(!sent.talk.contains("waiting up to"), "{sent:?}");
    let line = sent.data.lines().find_map(|line| line.strip_prefix("registered ")).unwrap_or_default();
    let reference = line.split(' ').next().unwrap().to_owned();

    wait(both.world.house_mut(&ministry("XB")).unwrap().start()).unwrap();
    let looked = both.types("XB", ["inbox"]);
    assert_eq!(looked.code, 0, "{looked:?}");
    let told =
        looked.talk.lines().find(|line| line.contains(&reference)).unwrap_or_else(|| panic!("{looked:?}"));
    assert!(told.contains("owed to XA, ") && told.contains(" as XB-XA-"), "{told}");
    assert!(told.contains(&format!(", act 1 of {consultation}")), "{told}");
    assert!(!looked.talk.contains("of its own"), "{looked:?}");
    let receipt = both.types("XB", ["receipt", &reference, "--submission", "--json"]);
    assert!(receipt.code == 0 && text_of(&receipt.json(), "ref").starts_with("XB-XA-"), "{receipt:?}");
}
