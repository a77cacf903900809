//! The relay between two gateways: sessions over whichever stream there is, windows, and peers that keep to
//! neither turn nor bound.

mod defects;
mod floods;
mod mirrors;
mod peers;
mod poison;
mod silence;
mod wake;
mod windows;

use chancery::gateway::frame::Window;
use chancery::gateway::store::record::SentState;
use chancery::message::envelope::Envelope;

use crate::documents::aside;
use crate::support::craft::Craft;
use crate::support::ferry::Ferry;
use crate::support::{Stage, eventually, proofs};

/// A row of messages on one channel, in order.
fn row(stage: &Stage, from: &str, to: &str, count: usize) -> Vec<Envelope> {
    let mut envelopes = vec![Craft::new(stage, from, to).signed(stage)];
    while envelopes.len() < count {
        let last = envelopes.last().unwrap();
        let sealed = vec![7; envelopes.len() * 100];
        envelopes.push(Craft::new(stage, from, to).after(last).saying(&sealed).signed(stage));
    }
    envelopes
}

async fn submit(stage: &Stage, from: &str, envelopes: &[Envelope]) {
    for envelope in envelopes {
        stage.gateway(from).submit(&envelope.encode()).await.unwrap();
    }
}

/// Waits until all are delivered, and demands that the other side has them in order and once.
async fn arrived(stage: &Stage, from: &str, to: &str, envelopes: &[Envelope]) {
    let ids: Vec<_> = envelopes.iter().map(Envelope::id).collect();
    eventually(&format!("{to} has answered all of {from}"), || async {
        let reports = stage.gateway(from).sent_reports(ids.clone()).await.unwrap();
        reports.iter().all(|report| report.state == Some(SentState::Delivered))
    })
    .await;
    let (items, more) = stage.gateway(to).list_received(0, 64).await.unwrap();
    assert!(!more);
    let received: Vec<_> = items.iter().map(|item| Envelope::parse(&item.envelope).unwrap().id()).collect();
    assert_eq!(received, ids);
}

/// Both ways at once between a ministry that cannot be dialled and one that can.
async fn both_ways_with_one_door(shut: usize) {
    let stage = Stage::changed(&["XA", "XB"], |plans| {
        // Nobody listens there.
        plans[shut].relay_seen = plans[shut].relay.replace(":7101", ":7199");
    })
    .await;
    let (out, back) = (row(&stage, "XA", "XB", 20), row(&stage, "XB", "XA", 20));
    tokio::join!(submit(&stage, "XA", &out), submit(&stage, "XB", &back));
    arrived(&stage, "XA", "XB", &out).await;
    arrived(&stage, "XB", "XA", &back).await;
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_flow_both_ways_over_the_stream_that_the_peer_opened() {
    both_ways_with_one_door(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_flow_both_ways_over_the_stream_that_we_opened() {
    both_ways_with_one_door(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_dial_each_other_at_the_same_moment_exchange_everything_once() {
    let mut stage = Stage::apart(&["XA", "XB"], |plans| {
        for plan in plans {
            plan.relay_seen = aside(&plan.relay);
        }
    });
    let mut ferries = Vec::new();
    for code in ["XA", "XB"] {
        let plan = stage.house(code).plan();
        ferries.push(Ferry::between(&plan.relay_seen, &plan.relay).await);
    }
    stage.join().await;
    for _ in 0..3 {
        // The first words of both handshakes pass, and nothing after them until both have been said.
        let before: Vec<u64> = ferries.iter().map(Ferry::carried).collect();
        ferries.iter().for_each(|ferry| ferry.allow(1));
        ferries.iter().for_each(Ferry::sink);
        eventually("both have dialled", || async {
            ferries.iter().zip(&before).all(|(ferry, before)| ferry.carried() > *before)
        })
        .await;
        ferries.iter().for_each(|ferry| ferry.allow(u64::MAX));
    }
    let (out, back) = (row(&stage, "XA", "XB", 40), row(&stage, "XB", "XA", 40));
    tokio::join!(submit(&stage, "XA", &out), submit(&stage, "XB", &back));
    tokio::join!(arrived(&stage, "XA", "XB", &out), arrived(&stage, "XB", "XA", &back));
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_one_message_both_ways_slow_the_exchange_and_never_stop_it() {
    let mut stage = Stage::pair().await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
        stage.house_mut(code).start().await.unwrap();
        stage.gateway(code).take_at_most(Window { envelopes: 1, bytes: 1 });
    }
    let (out, back) = (row(&stage, "XA", "XB", 40), row(&stage, "XB", "XA", 40));
    tokio::join!(submit(&stage, "XA", &out), submit(&stage, "XB", &back));
    tokio::join!(arrived(&stage, "XA", "XB", &out), arrived(&stage, "XB", "XA", &back));
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_shut_holds_messages_back_and_one_that_opens_again_lets_them_go() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XA").stop().await.unwrap();
    stage.gateway("XB").take_at_most(Window { envelopes: 0, bytes: 0 });
    stage.house_mut("XA").start().await.unwrap();
    let out = row(&stage, "XA", "XB", 3);
    submit(&stage, "XA", &out).await;
    // The session works: leaves go over it.
    proofs::logs_agree(&stage).await;
    assert_eq!(stage.gateway("XB").list_received(0, 64).await.unwrap().0.len(), 0);
    stage.gateway("XB").take_at_most(Window::FULL);
    arrived(&stage, "XA", "XB", &out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_session_left_unanswered_another_carries_on_in_order() {
    let mut stage = Stage::pair().await;
    let out = row(&stage, "XA", "XB", 40);
    let (first, rest) = out.split_at(20);
    submit(&stage, "XA", first).await;
    stage.house_mut("XB").lose().await.unwrap();
    submit(&stage, "XA", rest).await;
    stage.house_mut("XB").start().await.unwrap();
    arrived(&stage, "XA", "XB", &out).await;
    proofs::logs_agree(&stage).await;
}
