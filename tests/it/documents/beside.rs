//! Several documents at once, and the messages that go on beside them.

use chancery::desk::register::SentState;
use chancery::message::terms::Level;

use super::{MIB, bearing, beside_of, document, ferried};
use crate::support::answers::mailbox;
use crate::support::{eventually, forms, ministry};

#[tokio::test(flavor = "multi_thread")]
async fn while_four_documents_stand_still_messages_on_another_channel_arrive() {
    let (stage, ferries) = ferried(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    let between = &ferries[1].0;
    let mut large = Vec::new();
    // No connection passes more than this, and each of the documents is longer.
    between.allow(2 * MIB);
    for number in 1..=4_u64 {
        let name = format!("scan-{number}.bin");
        document(&stage, &name, 3 * MIB + number);
        large.extend(stage.send("XA", &bearing("XB", "ROUTINE", &[&name])).await);
    }
    let moving = || async {
        let status = stage.gateway("XA").status().await.unwrap();
        let peer = status.peers.into_iter().find(|peer| peer.ministry == ministry("XB")).unwrap();
        peer.transfers.iter().filter(|transfer| transfer.moving && transfer.done > 0).count()
    };
    eventually("documents are on their way", || async { moving().await > 0 }).await;
    // Small ones on the channel of three, whose copies to XB take the same way.
    for number in 0..5 {
        let form = forms::memorandum("XB\", \"XC", "new", &format!("Number {number}."));
        for copy in stage.send("XA", &form).await {
            assert_eq!(stage.settled("XA", &copy).await.state, SentState::Delivered);
        }
    }
    assert_eq!(mailbox(&stage).await.len(), 5, "the small ones, and none of the large");
    assert!(moving().await > 0, "the documents were still on their way");
    between.allow(u64::MAX);
    for copy in &large {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    let arrived: Vec<String> = mailbox(&stage).await.into_iter().skip(5).map(|(_, id)| id).collect();
    assert_eq!(arrived, large.iter().map(|copy| copy.id.to_string()).collect::<Vec<_>>(), "in their order");
    crate::support::proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_takes_the_place_of_a_document_that_moves() {
    let (stage, ferries) = ferried(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    let between = &ferries[1].0;
    between.allow(2 * MIB);
    let mut routine = Vec::new();
    for number in 1..=3_u64 {
        document(&stage, &format!("scan-{number}.bin"), 3 * MIB + number);
    }
    routine.extend(stage.send("XA", &bearing("XB", "ROUTINE", &["scan-1.bin", "scan-2.bin"])).await);
    let transfers = || async {
        let status = stage.gateway("XA").status().await.unwrap();
        status.peers.into_iter().find(|peer| peer.ministry == ministry("XB")).unwrap().transfers
    };
    eventually("both places are taken", || async {
        transfers().await.iter().filter(|transfer| transfer.moving).count() == 2
    })
    .await;
    let urgent = stage.send("XA", &bearing("XB\", \"XC", "IMMEDIATE", &["scan-3.bin"])).await;
    let part = beside_of(&urgent[0])[0].digest;
    eventually("the urgent one moves", || async {
        transfers().await.first().is_some_and(|first| first.digest == part && first.moving)
    })
    .await;
    assert_eq!(transfers().await.iter().filter(|transfer| transfer.moving).count(), 2);
    between.allow(u64::MAX);
    for copy in urgent.iter().chain(&routine) {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
}
