//! Documents between a ministry that nobody can dial and one that can be dialled: both ways, over what the former
//! has opened.

use chancery::desk::register::SentState;
use chancery::message::terms::Level;

use super::{MIB, bearing, beside_of, document, ferried, same, saved};
use crate::support::answers::mailbox;
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// How many parts from XB to XA have begun to move.
async fn moving(stage: &Stage) -> usize {
    let status = stage.gateway("XB").status().await.unwrap();
    let peer = status.peers.into_iter().find(|peer| peer.ministry == ministry("XA")).unwrap();
    peer.transfers.iter().filter(|transfer| transfer.moving && transfer.done > 0).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_go_both_ways_though_one_side_cannot_be_dialled_and_go_on_where_they_were_cut() {
    let (stage, ferries) = ferried(&["XA", "XB"]).await;
    let between = &ferries[1].0;
    let out = document(&stage, "out.bin", 20 * MIB + 10);
    let back = document(&stage, "back.bin", 20 * MIB + 5000);
    let before = between.carried();
    let cutting = {
        let ferry = between.clone();
        tokio::spawn(async move {
            for bytes in [12 * MIB, 9 * MIB + 12_345] {
                let breaks = ferry.breaks();
                ferry.sink_after(bytes);
                eventually("the connections broke", || async { ferry.breaks() > breaks }).await;
            }
        })
    };
    let (sent, returned) = tokio::join!(
        async { stage.send("XA", &bearing("XB", "ROUTINE", &["out.bin"])).await.remove(0) },
        async { stage.send("XB", &bearing("XA", "ROUTINE", &["back.bin"])).await.remove(0) },
    );
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    assert_eq!(stage.settled("XB", &returned).await.state, SentState::Delivered);
    cutting.await.unwrap();
    let size = beside_of(&sent)[0].size + beside_of(&returned)[0].size;
    super::assert_resumed("both ways through one door", between, before, size);
    assert!(same(&saved(&stage, "XB", "at-xb").await.unwrap()[1], &out));
    assert!(same(&saved(&stage, "XA", "at-xa").await.unwrap()[1], &back));
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_for_a_ministry_nobody_can_dial_survives_the_loss_of_either_gateway() {
    let (mut stage, ferries) = ferried(&["XA", "XB"]).await;
    let between = &ferries[1].0;
    let plain = document(&stage, "back.bin", 20 * MIB + 77);
    between.allow(7 * MIB);
    let before = between.carried();
    let [sent] = stage.send("XB", &bearing("XA", "ROUTINE", &["back.bin"])).await.try_into().unwrap();
    eventually("a part of it is there", || async { between.carried() - before >= 7 * MIB }).await;
    stage.house_mut("XA").lose().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    eventually("more of it is there", || async { between.carried() - before >= 14 * MIB }).await;
    stage.house_mut("XB").lose().await.unwrap();
    between.allow(u64::MAX);
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.settled("XB", &sent).await.state, SentState::Delivered);
    let (carried, size) = (between.carried() - before, beside_of(&sent)[0].size);
    assert!(carried < 2 * size, "{carried} bytes for {size}");
    assert!(same(&saved(&stage, "XA", "saved").await.unwrap()[1], &plain));
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_documents_for_a_ministry_nobody_can_dial_stand_still_messages_go_both_ways() {
    let (stage, ferries) = ferried(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    let between = &ferries[1].0;
    // No connection passes more than this, and each of the documents is longer.
    between.allow(2 * MIB);
    let mut large = Vec::new();
    for number in 1..=4_u64 {
        document(&stage, &format!("scan-{number}.bin"), 3 * MIB + 10 * number);
    }
    for names in [["scan-1.bin", "scan-2.bin"], ["scan-3.bin", "scan-4.bin"]] {
        large.extend(stage.send("XB", &bearing("XA", "ROUTINE", &names)).await);
    }
    eventually("two are on their way", || async { moving(&stage).await == 2 }).await;
    for number in 0..5 {
        for (from, to) in [("XA", "XB"), ("XB", "XA")] {
            let form = forms::memorandum(&format!("{to}\", \"XC"), "new", &format!("Number {number}."));
            for copy in stage.send(from, &form).await {
                assert_eq!(stage.settled(from, &copy).await.state, SentState::Delivered);
            }
        }
    }
    assert_eq!(mailbox(&stage).await.len(), 5);
    assert_eq!(moving(&stage).await, 2, "the documents were still on their way");
    // What is urgent takes the place of one of them.
    document(&stage, "urgent.bin", 3 * MIB + 999);
    let urgent = stage.send("XB", &bearing("XA\", \"XC", "IMMEDIATE", &["urgent.bin"])).await;
    let part = beside_of(&urgent[0])[0].digest;
    eventually("the urgent one moves", || async {
        let status = stage.gateway("XB").status().await.unwrap();
        let peer = status.peers.into_iter().find(|peer| peer.ministry == ministry("XA")).unwrap();
        peer.transfers.first().is_some_and(|first| first.digest == part && first.moving && first.done > 0)
    })
    .await;
    between.allow(u64::MAX);
    for copy in urgent.iter().chain(&large) {
        assert_eq!(stage.settled("XB", copy).await.state, SentState::Delivered);
    }
    assert_eq!(stage.gateway("XB").status().await.unwrap().alarms.len(), 0);
    proofs::logs_agree(&stage).await;
}
