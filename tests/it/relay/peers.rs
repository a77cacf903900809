//! Peers with true keys that keep to neither turn nor bound: their stream ends, and nothing else is changed.

use chancery::digest::Digest;
use chancery::gateway::frame::{Frame as Plain, Relay};
use chancery::limits;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use tokio::sync::mpsc;

use crate::support::bot::{Bot, Dialled, deliveries, outcomes};
use crate::support::craft::Craft;
use crate::support::{PATIENCE, Stage, caller, ministry, proofs};

/// A stream to XB that XA's true certificate opened, with the gateway of XA stopped.
async fn as_xa(stage: &mut Stage) -> Dialled {
    stage.house_mut("XA").stop().await.unwrap();
    let client = caller::relay(stage, caller::gateway_identity(stage, "XA"), "XB").await;
    Dialled::open(Bot::new(stage, "XA", "XB"), client).await.unwrap()
}

/// XB ends the stream on these frames, and nothing is changed by them; a message passes afterwards.
async fn ends_the_stream(frames: impl Fn(&Stage) -> Vec<Frame>) {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    let mut relay = as_xa(&mut stage).await;
    let before = proofs::trace(&stage, "XB").await;
    for frame in frames(&stage) {
        relay.send(frame).await;
    }
    let ended = loop {
        match relay.next().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    drop(relay);
    stage.house_mut("XA").start().await.unwrap();
    let [sent] = stage.send("XA", &crate::support::forms::note("XB", "new")).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hello_ends_the_stream() {
    ends_the_stream(|stage| vec![Frame::Hello(Bot::new(stage, "XA", "XB").hello(&[]))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_what_was_never_handed_over_end_the_stream() {
    ends_the_stream(|_| vec![outcomes(vec![])]).await;
    ends_the_stream(|_| vec![outcomes(vec![wire::Outcome::default()])]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_its_bound_ends_the_stream() {
    ends_the_stream(|_| vec![deliveries(vec![vec![0]; limits::BATCH_ENVELOPES_MAX + 1])]).await;
    ends_the_stream(|_| vec![deliveries(vec![vec![0; limits::BATCH_BYTES_MAX / 2 + 1]; 2])]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_leaves_that_are_refused_is_not_taken_and_without_them_it_is() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage).encode();
    let mut relay = as_xa(&mut stage).await;
    let before = proofs::trace(&stage, "XB").await;
    // A leaf far behind those that XB has.
    let mut liar = Bot::new(&stage, "XA", "XB");
    let leaf = Leaf::about_record(LeafKind::Bundle, Digest::of(b"bundle"), Clock::now(&liar.clock));
    liar.leaves = vec![leaf.bytes(); 40];
    relay.send(liar.update(39)).await;
    relay.send(deliveries(vec![envelope.clone()])).await;
    while let Ok(said) = relay.next().await {
        assert!(!matches!(said, None | Some(Frame::Outcomes(_))), "{said:?}");
    }
    drop(relay);
    // What was queued for the store is done when its gateway has stopped.
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let mut relay = Dialled::open(Bot::new(&stage, "XA", "XB"), client).await.unwrap();
    let answers = relay.deliver(vec![envelope]).await.unwrap();
    assert!(answers.len() == 1 && !answers[0].receipt.is_empty(), "{answers:?}");
}

/// The next cosignature: which size, and the line.
async fn cosigned(relay: &mut Dialled) -> (u64, String) {
    let said = tokio::time::timeout(PATIENCE, relay.next()).await.expect("nothing was cosigned");
    match said.unwrap() {
        Some(Frame::Cosignature(wire::Cosignature { size, line, .. })) => (size, line),
        other => panic!("no cosignature but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_size_there_is_one_cosignature_however_often_and_late_it_is_asked_for() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    stage.house_mut("XB").start().await.unwrap();
    stage.accredit("XB", "XA").await;
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let mut relay = Dialled::greet(Bot::new(&stage, "XA", "XB"), client).await.unwrap();
    let mut log = Bot::new(&stage, "XA", "XB");
    let leaf =
        |number: u8| Leaf::about_record(LeafKind::Bundle, Digest::of(&[number]), Clock::now(&log.clock));
    log.leaves = (0..3).map(|number| leaf(number).bytes()).collect();
    relay.send(log.update(0)).await;
    let newest = cosigned(&mut relay).await;
    let first = |size: usize| {
        let (leaves, checkpoint) = (log.leaves[..size].to_vec(), log.checkpoint(size));
        Frame::LogUpdate(wire::LogUpdate { first_index: 0, leaves, checkpoint })
    };
    let (mut lines, mut later) = (Vec::new(), 0);
    for size in [1, 2, 3] {
        for _ in 0..3 {
            later += 60;
            stage.clock_of("XB").skew(later);
            relay.send(first(size)).await;
            lines.push(cosigned(&mut relay).await);
        }
    }
    let sizes: Vec<u64> = lines.iter().map(|(size, _)| *size).collect();
    assert_eq!(sizes, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
    assert!(lines.chunks(3).all(|of_one| of_one.iter().all(|line| *line == of_one[0])), "{lines:?}");
    assert_eq!(lines[8], newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_nothing_and_sends_on_is_cut_off_at_its_window() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    // A stream whose other end never takes a frame.
    let ((outgoing, _unread), (frames, incoming)) = (mpsc::channel(1), mpsc::channel(8));
    let bot = Bot::new(&stage, "XA", "XB");
    let hello = Plain::Hello(chancery::gateway::frame::Hello {
        ministry: ministry("XA"),
        time: Clock::now(&bot.clock),
        logs: vec![],
        mirrors: vec![],
        window: chancery::gateway::frame::Window::FULL,
        frames: 0,
    });
    frames.send(Ok(hello)).await.unwrap();
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage).encode();
    let pushing = async {
        let mut pushed = 0;
        let batch = vec![chancery::gateway::frame::Delivery::of(envelope.clone()); 64];
        while frames.send(Ok(Plain::Deliveries(batch.clone()))).await.is_ok() {
            pushed += 64;
        }
        pushed
    };
    let gateway = stage.gateway("XB").clone();
    let peer = ministry("XA");
    let (ended, pushed) =
        tokio::join!(async { gateway.converse(&peer, Relay { outgoing, incoming }).await }, pushing);
    let ended = ended.unwrap_err().to_string();
    assert!(ended.contains("more than its window"), "{ended}");
    assert!(pushed <= limits::WINDOW_ENVELOPES as usize + 64 * 16, "{pushed} were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_a_hello_is_ended() {
    let stage = Stage::pair().await;
    let ((outgoing, _unread), (_silent, incoming)) = (mpsc::channel(1), mpsc::channel(8));
    let ended = stage.gateway("XB").converse(&ministry("XA"), Relay { outgoing, incoming }).await;
    let ended = ended.unwrap_err().to_string();
    assert!(ended.contains("says nothing"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_history_again_is_answered_with_what_is_held_and_changes_nothing() {
    let mut stage = Stage::pair().await;
    let out = super::row(&stage, "XA", "XB", 30);
    super::submit(&stage, "XA", &out).await;
    super::arrived(&stage, "XA", "XB", &out).await;
    proofs::logs_agree(&stage).await;
    let mut relay = as_xa(&mut stage).await;
    let before = proofs::trace(&stage, "XB").await;
    for _ in 0..5 {
        let all = out.iter().map(|envelope| envelope.encode()).collect();
        let answers = relay.deliver(all).await.unwrap();
        assert!(answers.len() == 30 && answers.iter().all(|answer| !answer.receipt.is_empty()));
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}
