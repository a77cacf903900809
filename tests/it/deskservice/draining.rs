//! A gateway that stops while the desk service of its ministry listens to it: it lets the desk go, which says so and
//! comes back by itself.

use chancery::desk::error::DeskError;
use chancery::limits;
use chancery::proto::desk::v1 as wire;
use chancery::trust::role::Role;

use super::bureau::{Bureau, release};
use super::{cleared, next, pair, watch};
use crate::support::forms;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_lets_those_go_that_listen_to_it_and_they_come_back() {
    let mut stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut head = xa.client("head", &[Role::Release, Role::Register]).await;
    let mut seen = watch(&mut head, "").await;
    let draft = cleared(&xa, "first").await;

    let house = stage.house("XA");
    let mut mailbox = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
    let mut told = mailbox.settlements().await.unwrap();
    let mut handed_over = mailbox.submissions().await.unwrap();
    stage.house_mut("XA").stop().await.expect("what is attached was cut off");
    let end = loop {
        match told.next().await {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    let reason = |end: DeskError| match end {
        DeskError::GatewayBusy { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(end), "DRAINING");
    assert_eq!(reason(handed_over.answers().await.unwrap_err()), "DRAINING");

    stage.house_mut("XA").start().await.unwrap();
    let sent = head.release_draft(release("r", &draft.name)).await.unwrap().into_inner();
    assert_eq!(next(&mut seen, wire::EventKind::MessageDelivered).await.subject, sent.messages[0].name);
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_whose_gateway_was_started_anew_hears_at_once_what_comes() {
    let mut stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut registry = xa.client("registry", &[Role::Observe]).await;
    let mut seen = watch(&mut registry, "").await;
    next(&mut seen, wire::EventKind::Opened).await;
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XB", "XA").await;

    // Nobody asks the desk for anything that would wake it. The first may wait until it looks by itself; from then on it
    // would not look for a whole pause, and is told.
    let memorandum = |words: &str| forms::memorandum("XA", "new", words);
    let [first] = stage.send("XB", &memorandum("Let us talk.")).await.try_into().unwrap();
    let received = next(&mut seen, wire::EventKind::MessageReceived).await;
    assert_eq!(received.subject, format!("messages/{}", first.id));
    let [second] = stage.send("XB", &memorandum("Let us talk soon.")).await.try_into().unwrap();
    let heard = next(&mut seen, wire::EventKind::MessageReceived);
    let heard = tokio::time::timeout(limits::SERVICE_FETCH_PAUSE / 2, heard).await;
    let heard = heard.expect("the desk only looks every half minute");
    assert_eq!(heard.subject, format!("messages/{}", second.id));
    xa.close().await;
}
