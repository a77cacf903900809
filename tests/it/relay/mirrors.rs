//! A peer whose log grows without messages.

use chancery::desk::register::SentState;
use chancery::digest::Digest;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::time::Clock;
use chancery::tlog::verifier_key::KeyName;
use tonic::Code;

use super::windows::configure;
use crate::support::bot::{Bot, Dialled};
use crate::support::{Stage, caller, eventually, forms, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_signs_leaves_about_nothing_meets_its_quota_and_others_go_on() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    configure(&stage, "XB", "mirror_leaves = 40\n");
    stage.house_mut("XB").start().await.unwrap();
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let mut dialled = Dialled::open(Bot::new(&stage, "XA", "XB"), client).await.unwrap();
    // A log of another year, of which nothing is mirrored yet.
    let domain = stage.house("XA").plan().founding.domain.clone();
    dialled.bot.origin = KeyName::parse(&domain.log_origin(&ministry("XB"), 2030)).unwrap();
    let nothing = |index: u64| {
        let record = Digest::of(&index.to_be_bytes());
        Leaf::about_record(LeafKind::Policy, record, stage.clock.now()).bytes()
    };
    dialled.bot.leaves = (0..30).map(nothing).collect();
    dialled.send(dialled.bot.update(0)).await;
    eventually("thirty of them are mirrored", || async {
        let logs = stage.gateway("XB").logs().await.unwrap();
        logs.iter().any(|log| log.mirror && log.size == 30)
    })
    .await;
    dialled.bot.leaves.extend((30..60).map(nothing));
    dialled.send(dialled.bot.update(30)).await;
    let ended = loop {
        if let Err(status) = dialled.next().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::InvalidArgument, "{ended:?}");
    eventually("the alarm names the peer", || async {
        let alarms = stage.gateway("XB").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "MIRROR_QUOTA" && alarm.ministry == ministry("XA"))
    })
    .await;
    let logs = stage.gateway("XB").logs().await.unwrap();
    assert!(logs.iter().any(|log| log.mirror && log.size == 30), "what was taken stays: {logs:?}");
    let form = forms::memorandum("XB", "new", "Others go on.");
    let [sent] = stage.send("XC", &form).await.try_into().unwrap();
    assert_eq!(stage.settled("XC", &sent).await.state, SentState::Delivered);
}
