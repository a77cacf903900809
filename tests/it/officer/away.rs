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
    let look = format!("chancery --home {} outbox --with XB", both.desk("XA").display());
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
    assert!(sent.talk.contains(&format!(" countersign {reference}\n")), "{sent:?}");

    let status = both.types("XB", ["status", "--json"]);
    let seen = status.json();
    assert_eq!((status.code, seen["not_handed_over"].as_u64()), (1, Some(1)), "{status:?}");
    assert_eq!(text_of(&seen["owed"][0], "ref"), reference);
    let due = seen["due"].as_array().unwrap().iter().map(|due| text_of(due, "ref"));
    assert!(due.clone().any(|due| due == reference), "what is to be countersigned bears it too: {seen}");
    let shown = both.types("XB", ["status"]);
    assert!(shown.data.contains(&reference), "{shown:?}");
    assert!(shown.talk.contains(&format!(" countersign {reference}\n")), "{shown:?}");
    assert!(shown.talk.contains(" inbox --unread\n"), "{shown:?}");
    let listed = both.types("XB", ["outbox", "--with", "XA"]);
    assert!(listed.code == 5 && listed.data.contains(&reference), "{listed:?}");
    assert!(listed.data.contains("owed (GATEWAY_AWAY)"), "{listed:?}");
    let read = both.types("XB", ["read", &reference]);
    assert!(read.code == 0 && read.data.contains("will-withdrawal"), "{read:?}");
    assert!(read.data.contains(&consultation) && read.data.contains("owed to        XA"), "{read:?}");
    let early = both.types("XB", ["countersign", &reference, "--yes", "--json"]);
    assert_eq!((early.code, text_of(&early.error(), "code")), (5, "owed"), "{early:?}");
    let unknown = both.types("XB", ["read", "0123456789ab", "--json"]);
    assert_eq!((unknown.code, text_of(&unknown.error(), "code")), (7, "no-message"), "{unknown:?}");

    // With the gateway it goes, has its number, and is still found by what was told at first.
    wait(both.world.house_mut(&ministry("XB")).unwrap().start()).unwrap();
    let behind = both.types("XB", ["countersign", &reference, "--yes", "--json", "--wait=30s"]);
    assert_eq!(behind.code, 0, "{behind:?}");
    let read = both.types("XB", ["read", &reference, "--json"]);
    assert!(read.code == 0 && text_of(&read.json(), "ref").starts_with("XB-XA-"), "{read:?}");
    assert_eq!(both.types("XB", ["outbox", "--with", "XA"]).code, 0);
    assert_eq!(both.types("XB", ["status", "--json"]).json()["not_handed_over"], 0);
}
