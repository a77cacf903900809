//! Switches that a crash has cut in two, and keys that no bundle names.

use std::fs;

use chancery::desk::register::SentState;
use chancery::entropy::SystemEntropy;
use chancery::keys::ministry::{Application, MinistryHome};
use chancery::keys::rotation::{Phase, Rotatable, Rotation};
use chancery::message::terms::Level;
use chancery::time::Clock;

use crate::support::{Stage, forms, passphrase, proofs};

/// Certifies the next key of a home of XA.
fn certified(stage: &Stage, rotation: &Rotation) -> String {
    let Rotatable::Certified(requested) = rotation.key() else { panic!("{rotation:?}") };
    let homes = stage.house("XA").homes();
    let home =
        if requested.stem == "keys/transport" { homes.gateway.directory() } else { homes.desk.directory() };
    let application = Application {
        request: fs::read_to_string(requested.place(home, "csr.next")).unwrap(),
        name: requested.name.clone(),
        authorities: requested.authorities.clone(),
        valid_for: requested.validity(),
    };
    let root = MinistryHome::open(&homes.root, &passphrase()).unwrap();
    let chain = root.certify(&application, stage.clock.now(), &SystemEntropy).unwrap();
    // The first step of a switch, and no other: so a crash leaves it.
    fs::write(requested.place(home, "pem"), &chain).unwrap();
    chain
}

async fn delivers(stage: &Stage, words: &str) {
    for (from, to) in [("XA", "XB"), ("XB", "XA")] {
        let [sent] = stage.send(from, &forms::memorandum(to, "new", words)).await.try_into().unwrap();
        assert_eq!(stage.settled(from, &sent).await.state, SentState::Delivered, "{from}: {words}");
        stage.house(to).fetch().await.unwrap();
        stage.house(to).read(&sent.id.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_and_desk_work_on_where_a_crash_has_left_the_certificate_of_the_next_key_beside_both_keys() {
    let mut stage = Stage::pair().await;
    let homes = stage.house("XA").homes().clone();
    let keys = [
        (homes.gateway.directory(), "transport"),
        (homes.desk.directory(), "registry"),
        (homes.desk.directory(), "offices/seal"),
        (homes.desk.directory(), "access"),
    ];
    let now = stage.clock.now();
    let rotations = keys.map(|(home, key)| Rotation::of(home, key).unwrap());
    for rotation in &rotations {
        rotation.begin(Some(&passphrase()), now, &SystemEntropy).unwrap();
        certified(&stage, rotation);
        assert_eq!(rotation.phase().unwrap(), Phase::Switching);
    }
    stage.gateway("XA").reload().unwrap();
    delivers(&stage, "reloaded in the midst").await;
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    delivers(&stage, "started in the midst").await;
    for rotation in &rotations {
        rotation.complete(now).unwrap();
        assert_eq!(rotation.phase().unwrap(), Phase::Steady);
    }
    stage.gateway("XA").reload().unwrap();
    delivers(&stage, "gone on with").await;
    proofs::logs_agree(&stage).await;
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_takes_up_no_log_key_that_its_bundle_does_not_name_and_does_when_it_names_it() {
    let stage = Stage::pair().await;
    let (house, now) = (stage.house("XA"), stage.clock.now());
    for key in ["log", "cosigner"] {
        let rotation = Rotation::of(house.homes().gateway.directory(), key).unwrap();
        rotation.begin(None, now, &SystemEntropy).unwrap();
        // Nobody was asked, and nothing was announced.
        rotation.complete(now).unwrap();
    }
    let refused = stage.gateway("XA").reload().unwrap_err().to_string();
    assert!(refused.contains("does not name"), "{refused}");
    delivers(&stage, "under the former keys").await;
    let next = house.issue_bundle().unwrap();
    let fingerprint = *next.bundle().fingerprint().digest();
    // While the peer knows only the next keys, nothing of ours is believed there, and nothing is lost.
    let peer = stage.house("XB");
    peer.desk().unwrap().accredit(peer.keys(), next, &fingerprint, Level::Confidential).await.unwrap();
    let [waits] = stage.send("XA", &forms::memorandum("XB", "new", "in between")).await.try_into().unwrap();
    stage.accredit("XA", "XB").await;
    assert_eq!(stage.settled("XA", &waits).await.state, SentState::Delivered);
    delivers(&stage, "under the next keys").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_with_a_key_that_its_bundle_does_not_name_says_so_until_one_names_it() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    let rotation = Rotation::of(stage.house("XA").homes().gateway.directory(), "log").unwrap();
    rotation.begin(None, stage.clock.now(), &SystemEntropy).unwrap();
    rotation.complete(stage.clock.now()).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().any(|alarm| alarm.code == "KEY_NOT_ANNOUNCED"), "{alarms:?}");
    let next = stage.house("XA").issue_bundle().unwrap();
    let (peer, fingerprint) = (stage.house("XB"), *next.bundle().fingerprint().digest());
    peer.desk().unwrap().accredit(peer.keys(), next, &fingerprint, Level::Confidential).await.unwrap();
    stage.accredit("XA", "XB").await;
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().all(|alarm| alarm.code != "KEY_NOT_ANNOUNCED"), "{alarms:?}");
    delivers(&stage, "under the key that is announced").await;
}
