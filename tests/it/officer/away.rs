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
    let listed = both.types("XA", ["outbox"]);
    assert_eq!((listed.code, listed.data.lines().count()), (0, 3), "nothing was registered: {listed:?}");
    assert!(listed.talk.contains("the gateway is away"), "{listed:?}");
    assert_eq!(both.types("XA", ["inbox"]).code, 0);
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
    let first: Value = serde_json::from_str(early.talk.lines().next().unwrap()).unwrap();
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
