//! Who may enter where, and for whom he may speak.

use chancery::proto::gateway::v1 as wire;
use tonic::Code;

use crate::support::answers::mailbox;
use crate::support::bot::{Bot, Dialled, deliveries};
use crate::support::caller::{self, ShutOut};
use crate::support::craft::Craft;
use crate::support::{Stage, proofs};

/// A stream to XB that XA's true certificate opened, with the gateway of XA stopped.
async fn as_xa(stage: &mut Stage) -> Dialled {
    stage.house_mut("XA").stop().await.unwrap();
    let client = caller::relay(stage, caller::gateway_identity(stage, "XA"), "XB").await;
    Dialled::open(Bot::new(stage, "XA", "XB"), client).await.unwrap()
}

fn reason(outcomes: &[wire::Outcome]) -> &str {
    assert!(outcomes.len() == 1 && outcomes[0].receipt.is_empty(), "{outcomes:?}");
    &outcomes[0].reason
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_delivers_what_another_ministry_sent() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    proofs::logs_agree(&stage).await;
    let before = proofs::trace(&stage, "XB").await;
    let mut relay = as_xa(&mut stage).await;
    // Signed by its true sender, and carried by somebody else.
    let stolen = Craft::new(&stage, "XC", "XB").signed(&stage);
    assert_eq!(reason(&relay.deliver(vec![stolen.encode()]).await.unwrap()), "CHN_03");
    // In another's name, under the own signature.
    let forged = Craft::new(&stage, "XC", "XB")
        .signed_by(&stage, stage.house("XA").keys().registry().unwrap().as_ref());
    assert_eq!(reason(&relay.deliver(vec![forged.encode()]).await.unwrap()), "CHN_03");
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    // The stream goes on: the ministry's own message passes.
    let own = Craft::new(&stage, "XA", "XB").signed(&stage);
    let [outcome] = relay.deliver(vec![own.encode()]).await.unwrap().try_into().unwrap();
    assert!(!outcome.receipt.is_empty(), "{}", outcome.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_opened_in_another_ministrys_name_is_ended() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let opened = Dialled::open(Bot::new(&stage, "XC", "XB"), client).await;
    assert!(opened.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_for_another_ministry_is_refused() {
    let mut stage = Stage::of(&["XA", "XB", "XC"]).await;
    let mut relay = as_xa(&mut stage).await;
    let before = proofs::trace(&stage, "XB").await;
    let misled = Craft::new(&stage, "XA", "XC").signed(&stage);
    assert_eq!(reason(&relay.deliver(vec![misled.encode()]).await.unwrap()), "NOT_THE_RECIPIENT");
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_before_the_hello_end_the_stream_and_deliver_nothing() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    let mut client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage).encode();
    let frames = tokio_stream::once(wire::RelayFrame { frame: Some(deliveries(vec![envelope])) });
    let mut answer = client.relay(frames).await.unwrap().into_inner();
    assert!(answer.message().await.is_err());
    assert!(mailbox(&stage).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_cannot_enter_at_the_relay() {
    let stage = Stage::pair().await;
    for desk in ["XA", "XB"] {
        let identity = caller::desk_identity(&stage, desk);
        assert_eq!(caller::knock_at_relay(&stage, identity, "XB").await, Err(ShutOut::Door), "{desk}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_own_desk_enters_at_the_mailbox() {
    let stage = Stage::pair().await;
    let mailbox = stage.house("XB").plan().mailbox.clone();
    let own = caller::desk_identity(&stage, "XB");
    assert_eq!(caller::knock_at_mailbox(&stage, own, "XB", &mailbox).await, Ok(()));
    let strangers = [
        ("the desk of a peer", caller::desk_identity(&stage, "XA")),
        ("the gateway of a peer", caller::gateway_identity(&stage, "XA")),
        ("the own gateway", caller::gateway_identity(&stage, "XB")),
    ];
    for (who, identity) in strangers {
        let answer = caller::knock_at_mailbox(&stage, identity, "XB", &mailbox).await;
        assert_eq!(answer, Err(ShutOut::Door), "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_is_not_served_at_the_relay() {
    let stage = Stage::pair().await;
    let relay = stage.house("XB").plan().relay.clone();
    let peer = caller::gateway_identity(&stage, "XA");
    let answer = caller::knock_at_mailbox(&stage, peer, "XB", &relay).await;
    assert_eq!(answer, Err(ShutOut::Call(Code::PermissionDenied, "NOT_A_DESK".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ministry_that_is_not_accredited_is_shut_out() {
    let mut stage = Stage::apart(&["XA", "XB", "XC"], |_| {});
    for code in ["XA", "XB"] {
        stage.house_mut(code).start().await.unwrap();
    }
    // Before the first accreditation, and after that of another.
    let knock = |code| caller::knock_at_relay(&stage, caller::gateway_identity(&stage, code), "XB");
    assert_eq!(knock("XA").await, Err(ShutOut::Door));
    stage.accredit("XB", "XA").await;
    assert_eq!(knock("XC").await, Err(ShutOut::Door));
    assert_ne!(knock("XA").await, Err(ShutOut::Door));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_dials_nobody_but_the_ministry_it_means() {
    // XC sits where XA expects XB: with its own certificate, which XA even believes, for XC.
    let stage = Stage::changed(&["XA", "XB", "XC"], |plans| {
        plans[1].relay_seen = plans[2].relay.clone();
    })
    .await;
    let ping = stage.gateway("XA").ping(&crate::support::ministry("XB")).await;
    assert!(ping.is_err(), "{ping:?}");
    assert!(stage.gateway("XA").ping(&crate::support::ministry("XC")).await.is_ok());
}
