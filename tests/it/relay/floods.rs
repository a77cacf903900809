//! What an accredited peer may say without end, and what it may not: frames that no window counts.

use std::time::{Duration, Instant};

use chancery::gateway::frame::{Frame as Plain, Relay, Window};
use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::time::Clock;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::support::bot::{Bot, Dialled};
use crate::support::{PATIENCE, Stage, caller, ministry, proofs};

/// A stream to XB that XA's true certificate opened, with the gateway of XA stopped and everything cosigned.
async fn as_xa() -> (Stage, Dialled) {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    stage.house_mut("XA").stop().await.unwrap();
    let client = caller::relay(&stage, caller::gateway_identity(&stage, "XA"), "XB").await;
    let dialled = Dialled::open(Bot::new(&stage, "XA", "XB"), client).await.unwrap();
    (stage, dialled)
}

/// What the stream ends with when this is said so often.
async fn end_of(dialled: &mut Dialled, frame: Frame, times: usize) -> Status {
    for _ in 0..times {
        dialled.send(frame.clone()).await;
    }
    let end = async {
        loop {
            if let Err(status) = dialled.next().await {
                return status;
            }
        }
    };
    timeout(PATIENCE, end).await.expect("the stream goes on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_shown_again_without_end_ends_the_stream() {
    let (stage, mut dialled) = as_xa().await;
    let logs = stage.gateway("XB").logs().await.unwrap();
    let shown = logs.into_iter().find(|log| log.mirror).and_then(|log| log.checkpoint).unwrap();
    let update = wire::LogUpdate { first_index: shown.size, leaves: Vec::new(), checkpoint: shown.text };
    // Once for what it has, and then for nothing new.
    let end = end_of(&mut dialled, Frame::LogUpdate(update), limits::LOGS_SHOWN_AGAIN_MAX + 2).await;
    assert_eq!((end.code(), end.message()), (Code::InvalidArgument, "the same log was shown too often"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cosignatures_without_end_end_the_stream() {
    let (stage, mut dialled) = as_xa().await;
    let logs = stage.gateway("XB").logs().await.unwrap();
    let own = logs.into_iter().find(|log| !log.mirror).and_then(|log| log.cosigned).unwrap();
    let shown = wire::LogUpdate { checkpoint: own.text, ..wire::LogUpdate::default() };
    let cosignature = Bot::new(&stage, "XA", "XB").cosign(&shown);
    // One for each time that leaves were sent, and a few besides.
    let end = end_of(&mut dialled, cosignature, limits::HELLO_CHECKPOINTS_MAX + 10).await;
    let expected = (Code::InvalidArgument, "there are more cosignatures than leaves");
    assert_eq!((end.code(), end.message()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_changes_its_window_again_and_again_is_read_at_a_pace() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    let ((outgoing, _unread), (frames, incoming)) = (mpsc::channel(64), mpsc::channel(1));
    let time = Clock::now(&Bot::new(&stage, "XA", "XB").clock);
    let (logs, mirrors) = (Vec::new(), Vec::new());
    let hello = chancery::gateway::frame::Hello {
        ministry: ministry("XA"),
        time,
        logs,
        mirrors,
        window: Window::FULL,
        frames: 0,
    };
    frames.send(Ok(Plain::Hello(hello))).await.unwrap();
    let (gateway, peer) = (stage.gateway("XB").clone(), ministry("XA"));
    let session = tokio::spawn(async move { gateway.converse(&peer, Relay { outgoing, incoming }).await });
    let begun = Instant::now();
    let mut read = 0_u64;
    let pushing = async {
        while frames.send(Ok(Plain::Window(Window { envelopes: 1, bytes: read }))).await.is_ok() {
            read += 1;
        }
    };
    assert!(timeout(Duration::from_millis(1500), pushing).await.is_err(), "no reason to end the stream");
    let most = limits::WINDOWS_BURST + (begun.elapsed().as_secs() + 1) * limits::WINDOWS_PER_SECOND + 2;
    assert!((limits::WINDOWS_BURST / 2..=most).contains(&read), "{read} were read");
    drop(frames);
    timeout(PATIENCE, session).await.unwrap().unwrap().unwrap_err();
}
