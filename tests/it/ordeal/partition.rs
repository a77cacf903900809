//! Seven days without a road between two ministries: desks go on writing, and when the road is there again
//! everything arrives, once and in order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chancery::gateway::store::record::SentState;
use chancery::message::id::MessageId;
use serde_json::Value;

use super::archive::{check, export};
use super::chance::Chance;
use super::traffic::{Lane, Reader, Traffic, submit};
use super::{long, wish};
use crate::support::{Stage, eventually, ministry, proofs};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn after_seven_days_apart_everything_arrives_once_and_in_order() {
    let queued = wish("CHANCERY_QUEUED").unwrap_or(if long() { 4_000 } else { 500 });
    let mut chance = Chance::draw("seven days apart");
    let mut stage = Stage::pair().await;
    let place = tempfile::tempdir().unwrap();

    // Each side is alone: what it is given stays with it.
    stage.house_mut("XB").stop().await.unwrap();
    let (from_xa, mut events) = write(&stage, "XA", "XB", queued / 2, chance.fork()).await;
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    let (from_xb, further) = write(&stage, "XB", "XA", queued / 2, chance.fork()).await;
    events.extend(further);
    for _ in 0..7 {
        stage.clock.forward(DAY);
    }
    for (side, ids) in [("XB", &from_xb)] {
        assert!(states(&stage, side, ids).await.iter().all(|state| *state == Some(SentState::Queued)));
    }

    stage.house_mut("XA").start().await.unwrap();
    for (side, ids) in [("XA", &from_xa), ("XB", &from_xb)] {
        eventually(&format!("everything of {side} is delivered"), || async {
            states(&stage, side, ids).await.iter().all(|state| *state == Some(SentState::Delivered))
        })
        .await;
    }
    proofs::logs_agree(&stage).await;
    for side in ["XA", "XB"] {
        assert_eq!(stage.gateway(side).status().await.unwrap().alarms, []);
    }

    let traffic = Traffic::new(stage, &place.path().join("history.jsonl"));
    events.iter().for_each(|event| traffic.history.write(event));
    traffic.fetching_ends.store(true, Ordering::Relaxed);
    let mut archives = Vec::new();
    for side in ["XA", "XB"] {
        Reader::new(side, "main").fetch(traffic.clone()).await;
        let (home, to) =
            (traffic.stage.house(side).homes().gateway.directory().to_owned(), place.path().join(side));
        archives.push(tokio::task::spawn_blocking(move || export(&home, &to)).await.unwrap());
    }
    traffic.history.end();
    let history = place.path().join("history.jsonl");
    let archives: Vec<_> = archives.iter().map(|archive| archive.as_path()).collect();
    let Some(verdict) = check(&archives, &["--drained"], &[&history]) else { return };
    assert!(verdict.good, "{verdict:?}");
    assert_eq!(["accepted", "delivered", "fetched"].map(|what| verdict.checked(what)), [queued / 2 * 2; 3]);
}

/// Hands messages to the own gateway; their ids, and what the desk was told.
async fn write(
    stage: &Stage,
    from: &str,
    to: &str,
    messages: u64,
    chance: Chance,
) -> (Vec<MessageId>, Vec<Value>) {
    let channel = stage.world.channel(&["XA", "XB"].map(ministry)).unwrap();
    let mut lane = Lane::new(from, to, &channel, chance);
    let house = stage.house(from);
    let mut mailbox = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
    let (mut ids, mut events) = (Vec::new(), Vec::new());
    for _ in 0..messages {
        let (envelope, document) = lane.compose(stage);
        let receipt = submit(&mut mailbox, &envelope, document.as_deref()).await.unwrap();
        ids.push(envelope.id());
        events.push(lane.accepted(&envelope, &receipt));
    }
    (ids, events)
}

async fn states(stage: &Stage, side: &str, ids: &[MessageId]) -> Vec<Option<SentState>> {
    let reports = stage.gateway(side).sent_reports(ids.to_vec()).await.unwrap();
    reports.into_iter().map(|report| report.state).collect()
}
