//! Sticks of another day: what they hold was true once, and says nothing of the present.

use std::fs;

use chancery::desk::register::SentState;
use chancery::gateway::standing::Standing;
use chancery::message::terms::Level;

use super::{log_size, only, packs, sends, unpacks};
use crate::support::bot::{Bot, Dialled};
use crate::support::{Stage, caller, eventually, forms, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn an_old_stick_makes_no_restored_gateway_sign_again() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    // XB packs while it knows little of XA; later XA goes on by wire, and is then rolled back.
    let old = packs(&stage, "XB", "XA", "old", &[]);
    assert_eq!(old["number"], 1);
    stage.house_mut("XA").stop().await.unwrap();
    let data = crate::archive::data(&stage, "XA");
    let kept = stage.folder().join("kept");
    crate::archive::copy(&data, &kept);
    stage.house_mut("XA").start().await.unwrap();
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(&data).unwrap();
    crate::archive::copy(&kept, &data);
    fs::remove_file(stage.house("XA").homes().gateway.directory().join("run/mark")).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let before = stage.gateway("XA").standing(&ministry("XB"));
    unpacks(&stage, "XA", "old");
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), before, "an old hello vouches for nothing");
    let size = log_size(&stage).await;
    // The desk may register it; the gateway signs nothing for it.
    let _unsigned = stage.house("XA").send(&forms::memorandum("XB", "new", "Two."), stage.folder()).await;
    assert_eq!(log_size(&stage).await, size);
    // A new one shows what is lost.
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    packs(&stage, "XB", "XA", "new", &[]);
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    unpacks(&stage, "XA", "new");
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().any(|alarm| alarm.code == "ROLLED_BACK"), "{alarms:?}");
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    proofs::logs_agree(&stage).await;
}

/// A gateway whose store nobody vouches for, and a peer that has lost what it had cosigned of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_on_a_stick_makes_no_pair_sound_and_one_on_the_wire_does() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    packs(&stage, "XB", "XA", "b1", &[]);
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_file(stage.house("XA").homes().gateway.directory().join("run/mark")).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let dial = async || caller::relay(&stage, caller::gateway_identity(&stage, "XB"), "XA").await;
    let forgetful = Dialled::greet(Bot::new(&stage, "XB", "XA"), dial().await).await.unwrap();
    eventually("what the peer has lost is told", || async {
        let alarms = stage.gateway("XA").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "PEER_ROLLED_BACK")
    })
    .await;
    drop(forgetful);
    assert_eq!(unpacks(&stage, "XA", "b1").json()["refusals"], 0);
    let standing = || stage.gateway("XA").standing(&ministry("XB"));
    assert_eq!(standing(), Standing::Unconfirmed, "what it held once it may have lost since");
    let _mirrors_again = Dialled::open(Bot::new(&stage, "XB", "XA"), dial().await).await.unwrap();
    stage.sound("XA", "XB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_stick_with_a_bundle_that_has_its_successor_is_taken_without_a_word() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    packs(&stage, "XB", "XA", "b1", &[]);
    let next = stage.house("XB").issue_bundle().unwrap();
    let fingerprint = *next.bundle().fingerprint().digest();
    let house = stage.house("XA");
    house.desk().unwrap().accredit(house.keys(), next, &fingerprint, Level::Confidential).await.unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    let told = unpacks(&stage, "XA", "b1").json();
    assert_eq!(told["refusals"], 0, "{told}");
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_noted_to_be_on_a_stick_is_noted_after_the_gateway_was_lost() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    let packed = packs(&stage, "XA", "XB", "a1", &["--new"]);
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let next = packs(&stage, "XA", "XB", "a2", &["--new"]);
    let told = |stick: &serde_json::Value| (stick["number"].as_u64(), stick["messages"].as_u64());
    assert_eq!((told(&packed), told(&next)), ((Some(1), Some(1)), (Some(2), Some(0))));
    // Nothing is lost by it: a stick without --new holds what waits, whatever was packed.
    assert_eq!(told(&packs(&stage, "XA", "XB", "a3", &[])), (Some(3), Some(1)));
}
