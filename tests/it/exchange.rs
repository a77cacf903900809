//! The whole journey: from one desk through two gateways to the other desk, and proven on both sides.

use chancery::consultation::act::Act;
use chancery::desk::register::SentState;

use crate::support::{Stage, forms};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_delivered_receipted_read_and_acknowledged() {
    let stage = Stage::pair().await;
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!((sent.state, sent.sequence, sent.act_number), (SentState::Queued, 1, 1));
    let sent = stage.settled("XA", &sent).await;
    assert_eq!(sent.state, SentState::Delivered);

    assert_eq!(stage.house("XB").fetch().await.unwrap(), 1);
    let opened = stage.house("XB").read("@last").unwrap();
    assert!(opened.findings.is_empty(), "{:?}", opened.findings);
    assert_eq!(opened.signatures.len(), 2);
    assert!(matches!(&opened.act, Some(Act::Correspondence(_))));

    let receipt = forms::registry_receipt(&opened, "XB-R-0001");
    let [answer] = stage.send("XB", &receipt).await.try_into().unwrap();
    assert_eq!(stage.settled("XB", &answer).await.state, SentState::Delivered);
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    let answer = stage.house("XA").read("@last").unwrap();
    match &answer.act {
        Some(Act::RegistryReceipt(receipt)) => assert_eq!(receipt.message_id, sent.id),
        _ => panic!("not a registry receipt"),
    }
}
