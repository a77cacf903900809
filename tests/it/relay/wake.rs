//! What is urgent waits for the end of no pause.

use std::time::Duration;

use chancery::desk::register::SentState;
use chancery::gateway::store::record::Retry;
use chancery::message::terms::Level;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;

use crate::support::bot::{Bot, Honest, Play, Playing, outcomes};
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// Refuses everything without a signature.
struct Refusing;

impl Play for Refusing {
    fn deliveries(&mut self, _: &mut Bot, envelopes: Vec<Vec<u8>>) -> Vec<Frame> {
        let refusal = wire::Outcome { reason: "CHN_02".to_owned(), ..wire::Outcome::default() };
        vec![outcomes(vec![refusal; envelopes.len()])]
    }
}

/// XA with a message for XB that was refused and is not tried again for longer than a test waits.
async fn pausing() -> (Stage, Playing, chancery::desk::register::SentEntry) {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", Refusing).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    let clock = stage.clock_of("XA").clone();
    let now = chancery::time::Clock::now(&clock);
    let attempts = async || stage.gateway("XA").sent_reports(vec![sent.id]).await.unwrap().remove(0).attempts;
    eventually("the next attempt is far away", || async {
        let next = stage.gateway("XA").status().await.unwrap().peers[0].next_attempt;
        if next.is_some_and(|next| next > now.after(Duration::from_secs(35))) {
            return true;
        }
        // A clock that runs ahead notes a refusal, and is then set right.
        let before = attempts().await;
        clock.skew(40);
        stage.gateway("XA").retry_now(Retry::Peer(ministry("XB")), 0).await.unwrap();
        eventually("it was refused once more", async || attempts().await > before).await;
        clock.skew(0);
        false
    })
    .await;
    playing.play(Honest);
    (stage, playing, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_message_is_tried_now_with_what_stands_before_it_whatever_pause_is_under_way() {
    let (stage, _playing, first) = pausing().await;
    let form = forms::memorandum("XB", "new", "At once.").replace("ROUTINE", "IMMEDIATE");
    let [urgent] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &urgent).await.state, SentState::Delivered);
    assert_eq!(stage.settled("XA", &first).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_wants_it_tried_waits_for_no_pause_either() {
    let (stage, _playing, first) = pausing().await;
    stage.gateway("XA").retry_now(Retry::Peer(ministry("XB")), 0).await.unwrap();
    assert_eq!(stage.settled("XA", &first).await.state, SentState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_quiet_channel_a_peer_learns_at_once_that_its_next_bundle_is_accredited() {
    let stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    let next = stage.house("XA").issue_bundle().unwrap();
    let fingerprint = *next.bundle().fingerprint().digest();
    let of_xb = async || {
        let logs = proofs::own_logs(&stage, &ministry("XB")).await;
        logs.into_iter().find(|log| log.peer == ministry("XA")).unwrap()
    };
    let before = of_xb().await.size;
    let peer = stage.house("XB");
    peer.desk().unwrap().accredit(peer.keys(), next, &fingerprint, Level::Confidential).await.unwrap();
    // Nobody sends anything: the leaf that says so goes by itself.
    let own = of_xb().await;
    assert_eq!(own.size, before + 1);
    eventually("the mirror of XB's log has the leaf", || async {
        let logs = stage.gateway("XA").logs().await.unwrap();
        logs.iter().any(|log| log.mirror && log.origin == own.origin && log.size == own.size)
    })
    .await;
}
