//! Messages that an operator had withdrawn before a rollback took them.

use chancery::desk::register::SentState;

use super::{continues, delivered, forget, keep, memo, own_log, put_back, whole};
use crate::support::{Stage, eventually, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_a_restored_gateway_forgot_is_brought_again_by_its_desk() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    proofs::logs_agree(&stage).await;
    stage.house_mut("XB").stop().await.unwrap();
    let two = memo(&stage, "XA", "XB", "Two.").await;
    assert_eq!(two.state, SentState::Queued);
    let kept = keep(&mut stage, "XA").await;
    stage.gateway("XA").withdraw(two.id.digest(), false, 1000).await.unwrap();
    assert_eq!(stage.settled("XA", &two).await.state, SentState::Withdrawn);

    // The copy has the message in its queue. The peer was away all the time and has seen nothing of what is lost.
    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.gateway("XA").confirm(&ministry("XB"), 0).await.unwrap();
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.refresh_sent(&desk.trust().unwrap(), &mut mailbox).await.unwrap();
    drop(mailbox);
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(delivered(&stage, "XA", "XB", "Three.").await.sequence, 3);
    assert_eq!(
        stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(),
        2,
        "the withdrawn one never came"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_in_the_lost_tail_does_not_hold_up_what_is_sent_afterwards() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    proofs::logs_agree(&stage).await;
    let kept = keep(&mut stage, "XA").await;
    stage.house_mut("XB").stop().await.unwrap();
    let two = memo(&stage, "XA", "XB", "Two.").await;
    assert_eq!(two.state, SentState::Queued);
    stage.gateway("XA").withdraw(two.id.digest(), false, 1000).await.unwrap();
    assert_eq!(stage.settled("XA", &two).await.state, SentState::Withdrawn);
    stage.house_mut("XB").start().await.unwrap();
    eventually("the peer answers for the number", || async {
        stage.gateway("XA").status().await.unwrap().peers[0].queued == 0
    })
    .await;
    proofs::logs_agree(&stage).await;
    let before = own_log(&stage, "XA").await;

    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    assert_eq!(delivered(&stage, "XA", "XB", "Three.").await.sequence, 3);
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 2);
    whole(&stage, &["XA", "XB"]).await;
    continues(&stage, "XA", &before).await;
}
