//! A peer that is believed no more: refused while something is unfinished, gone at once, and what was said stays proven.

use std::fs;

use chancery::gateway::administration::ActRange;
use chancery::message::administration::{AdministrativeLeaf, AdministrativeVerb};
use tempfile::TempDir;

use super::{Ministries, text_of, wait};
use crate::support::{eventually, forms, ministry};

#[test]
fn a_peer_is_removed_by_consent_what_was_exchanged_stays_proven_and_it_comes_back_by_its_fingerprint_alone() {
    let mut both = Ministries::found("dismissal");
    let folder = TempDir::new().unwrap();
    let sent = both.delivers("XA", &forms::memorandum("XB", "new", "One."), &[]);
    both.delivers("XB", &forms::memorandum("XA", "new", "Two."), &[]);
    assert_eq!(both.types("XA", ["inbox"]).code, 0);

    let unknown = both.types("XA", ["peer", "remove", "XC", "--yes", "--json"]);
    assert_eq!((unknown.code, text_of(&unknown.error(), "reason")), (7, "NOT_ACCREDITED"), "{unknown:?}");
    let unasked = both.types("XA", ["peer", "remove", "XB", "--json"]);
    assert_eq!(unasked.code, 4, "nobody consented: {unasked:?}");

    // While a message waits, it is refused as well.
    wait(both.world.house_mut(&ministry("XB")).unwrap().stop()).unwrap();
    let path = folder.path().join("form.toml");
    fs::write(&path, forms::memorandum("XB", "new", "Three.")).unwrap();
    let path = path.to_str().unwrap().to_owned();
    assert_eq!(both.types("XA", ["send", &path, "--yes", "--wait=500ms"]).code, 5);
    let waits = both.types("XA", ["peer", "remove", "XB", "--json"]);
    assert_eq!((waits.code, text_of(&waits.error(), "reason")), (6, "MESSAGES_WAIT"), "{waits:?}");
    assert!(text_of(&waits.error(), "hint").ends_with("peer remove XB --json --yes"), "{waits:?}");
    assert_eq!(both.types("XA", ["peer", "list", "--json"]).data.lines().count(), 1);

    let removed = both.types("XA", ["peer", "remove", "XB", "--yes", "--json"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert_eq!(removed.json()["channels"].as_array().unwrap().len(), 1);
    assert_eq!(both.types("XA", ["peer", "list", "--json"]).data, "");
    assert_eq!(both.types("XA", ["channel", "list", "--json"]).data, "");
    wait(both.world.house_mut(&ministry("XB")).unwrap().start()).unwrap();
    let gateway = both.world.house(&ministry("XA")).unwrap().gateway().unwrap().clone();
    assert!(wait(gateway.status()).unwrap().peers.is_empty());
    let page = wait(gateway.acts(None, ActRange::Newest(1))).unwrap();
    let act = AdministrativeLeaf::parse(&page.leaves[0]).unwrap().act;
    assert_eq!((act.verb, act.ministry), (AdministrativeVerb::PeerRemoved, Some(ministry("XB"))));
    wait(eventually("the other side is told", || async {
        let status = both.world.house(&ministry("XB")).unwrap().gateway().unwrap().status().await.unwrap();
        status.peers[0].last_failure.contains("refused") || !status.peers[0].connected
    }));

    // Nothing more is sent, and what was exchanged is read and proven as before.
    let refused = both.types("XA", ["send", &path, "--yes", "--json"]);
    assert_ne!(refused.code, 0, "{refused:?}");
    let read = both.types("XA", ["read", "@last", "--json"]);
    assert_eq!(read.code, 0, "{read:?}");
    let receipt = both.types("XA", ["receipt", text_of(&sent, "ref"), "--json"]);
    assert_eq!(receipt.code, 0, "{receipt:?}");
    let zip = folder.path().join("one.zip");
    let export = both.types("XA", ["export", text_of(&sent, "ref"), "-o", zip.to_str().unwrap()]);
    assert_eq!(export.code, 0, "{export:?}");
    let again = both.types("XA", ["peer", "remove", "XB", "--yes", "--json"]);
    assert_eq!((again.code, text_of(&again.error(), "reason")), (7, "NOT_ACCREDITED"));

    let bundle = both.trust().join("XB.bundle");
    let bundle = bundle.to_str().unwrap();
    let blind = both.types("XA", ["peer", "add", bundle, "--json"]);
    assert_eq!((blind.code, text_of(&blind.error(), "code")), (4, "fingerprint-needed"), "{blind:?}");
    let fingerprint = both.world.bundle(&ministry("XB")).unwrap().bundle().fingerprint().digest().hex();
    let added = both.types("XA", ["peer", "add", bundle, "--fingerprint", &fingerprint, "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    let sent = both.types("XA", ["send", &path, "--yes", "--json", "--wait=30s"]);
    assert_eq!((sent.code, sent.json()["state"].as_str()), (0, Some("delivered")), "{sent:?}");
}
