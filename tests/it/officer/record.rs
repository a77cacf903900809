//! What is done to a desk stands in its record before it is done, and its gateway vouches for every entry.

use std::fs;

use chancery::gateway::administration::ActRange;
use chancery::message::administration::{Actor, AdministrativeLeaf};
use serde_json::Value;

use super::{Ministries, Said, text_of, wait};
use crate::support::ministry;

/// Entries as the desk shows them, oldest first.
fn shown(both: &Ministries, code: &str) -> Vec<Value> {
    let said = both.types(code, ["log", "tail", "--administration", "--json", "-n", "256"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn words(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| text_of(entry, "what")).collect()
}

/// Leaves of the gateway that are about its desk.
fn of_the_desk(both: &Ministries, code: &str) -> Vec<AdministrativeLeaf> {
    let gateway = both.world.house(&ministry(code)).unwrap().gateway().unwrap();
    let page = wait(gateway.acts(None, ActRange::Newest(256))).unwrap();
    let leaves = page.leaves.iter().map(|leaf| AdministrativeLeaf::parse(leaf).unwrap());
    leaves.filter(|leaf| leaf.act.who == Actor::Desk).collect()
}

fn verified(both: &Ministries) -> Said {
    both.types("XA", ["log", "verify", "--json"])
}

#[test]
fn acts_of_a_desk_are_recorded_before_they_are_done_and_vouched_for_by_its_gateway() {
    let mut both = Ministries::found("record");
    let home = both.desk("XA");
    assert_eq!(both.types("XA", ["inbox"]).code, 0);
    let before = shown(&both, "XA").len();
    let vouched = of_the_desk(&both, "XA");
    assert_eq!(vouched.len(), before, "the gateway was told of all of them");

    let peer = both.types("XA", ["peer", "show", "XB", "--announced", "--json"]);
    assert_eq!((peer.code, peer.json()["announced"].as_array().map(Vec::len)), (0, Some(0)), "{peer:?}");

    // With the gateway away an act is recorded all the same, and told later.
    wait(both.world.house_mut(&ministry("XA")).unwrap().stop()).unwrap();
    let added = both.types("XA", ["key", "new", "treaty-02:conclude", "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    let suspended = both.types("XA", ["desk", "suspend", "nobody", "--json"]);
    assert_ne!(suspended.code, 0, "there is no such client, and that somebody tried stays: {suspended:?}");
    let entries = shown(&both, "XA");
    assert_eq!(words(&entries)[before..], ["OFFICE_ADDED", "CLIENT_SUSPENDED"]);
    let office = &entries[before];
    assert_eq!(office["place"], "keys/offices/treaty-02");
    assert!(text_of(office, "who").starts_with("uid:"), "{office}");
    assert_eq!(office["gateway"], Value::Null, "nobody could be told");

    wait(both.world.house_mut(&ministry("XA")).unwrap().start()).unwrap();
    let settings = home.join("desk.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n# by hand\n")).unwrap();
    assert_eq!(both.types("XA", ["inbox"]).code, 0);
    let entries = shown(&both, "XA");
    assert_eq!(words(&entries)[before..], ["OFFICE_ADDED", "CLIENT_SUSPENDED", "SETTINGS_CHANGED"]);
    let vouched = of_the_desk(&both, "XA");
    assert_eq!(vouched.len(), entries.len(), "each is told once");
    for (entry, leaf) in entries.iter().zip(&vouched) {
        assert_eq!(leaf.act.concerns.unwrap().hex(), text_of(entry, "root"));
        assert_eq!(leaf.act.verb.word(), text_of(entry, "what"));
        assert!(entry["gateway"]["log"].as_str().unwrap().contains("/administration/"), "{entry}");
    }
    let good = verified(&both);
    assert_eq!((good.code, good.json()["vouched"].as_u64()), (0, Some(entries.len() as u64)), "{good:?}");
    // No label stands anywhere in it: what an entry is about is a digest.
    let record = home.join("administration.log");
    let lines = fs::read_to_string(&record).unwrap();
    for line in lines.lines() {
        let bytes = data_encoding::BASE64.decode(line.as_bytes()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("treaty"));
    }

    // An entry that somebody takes out is missed, by the desk itself and without its gateway.
    let kept: Vec<&str> = lines.lines().enumerate().filter(|(at, _)| *at != before).map(|(_, l)| l).collect();
    fs::write(&record, format!("{}\n", kept.join("\n"))).unwrap();
    let cut = verified(&both);
    assert_eq!((cut.code, text_of(&cut.error(), "reason")), (3, "RECORD_DAMAGED"), "{cut:?}");
    let doctor = both.types("XA", ["doctor", "--json"]);
    let checks = doctor.json();
    let of_the_record = |check: &&Value| check["subject"] == "record";
    let check = checks["checks"].as_array().unwrap().iter().find(of_the_record).unwrap();
    assert_eq!((doctor.code, check["level"].as_str()), (1, Some("fail")), "{doctor:?}");
    let noted = both.types("XA", ["inbox"]);
    assert_eq!(noted.code, 0, "an officer reads on: {noted:?}");
    assert!(noted.talk.contains("administrative record"), "{noted:?}");
    fs::write(&record, lines).unwrap();
    assert_eq!(verified(&both).code, 0);
}
