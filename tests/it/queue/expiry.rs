//! Expiry: signed evidence for everything whose time has passed, whether or not the peer can be reached.

use std::time::Duration;

use chancery::gateway::store::record::SentState;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::message::terms::Precedence;

use super::asks;
use crate::support::craft::Craft;
use crate::support::{Stage, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_queue_expires_at_once_with_evidence_and_an_alarm_for_the_urgent() {
    let count = if std::env::var_os("CHANCERY_LONG").is_some() { 5_000 } else { 600 };
    eprintln!("{count} messages expire at once");
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut craft = Craft::new(&stage, "XA", "XB");
    let mut ids = Vec::new();
    for number in 1..=count {
        craft.address.precedence = if number == 7 { Precedence::Immediate } else { Precedence::Routine };
        let envelope = craft.signed(&stage);
        stage.gateway("XA").submit(&envelope.encode()).await.unwrap();
        ids.push(envelope.id());
        craft = craft.after(&envelope);
    }
    // The clock jumps two days ahead, and the gateway starts anew: it looks before anything else.
    stage.clock.forward(Duration::from_secs(2 * 24 * 3600));
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    eventually("everything has expired", || async {
        asks(&stage, "XA", "queue list --state queued -n 1").await.reports().is_empty()
    })
    .await;
    for some in ids.chunks(64) {
        for report in stage.gateway("XA").sent_reports(some.to_vec()).await.unwrap() {
            assert_eq!(report.state, Some(SentState::Expired));
            let receipt = Receipt::parse(&report.delivery_receipt).unwrap();
            assert_eq!((receipt.leaf().kind, receipt.leaf().reason.as_str()), (LeafKind::Expired, "CHN_06"));
        }
    }
    let alarms = asks(&stage, "XA", "alarm list").await.reports();
    let urgent: Vec<_> = alarms.iter().filter(|alarm| alarm["code"] == "URGENT_EXPIRED").collect();
    assert_eq!((urgent.len(), urgent[0]["count"].as_u64()), (1, Some(1)));
    assert_eq!(stage.gateway("XA").status().await.unwrap().peers[0].queued, count as u64);

    // A clock that is turned back again undoes nothing: the leaves stand.
    stage.clock.back(Duration::from_secs(2 * 24 * 3600));
    stage.house_mut("XB").start().await.unwrap();
    asks(&stage, "XA", "queue retry --all XB").await.report();
    eventually("the peer answers for every number", || async {
        stage.gateway("XA").status().await.unwrap().peers[0].queued == 0
    })
    .await;
    // The peer took them by its own clock: its receipt outweighs the expiry.
    let [first] = stage.gateway("XA").sent_reports(vec![ids[0]]).await.unwrap().try_into().unwrap();
    assert_eq!(first.state, Some(SentState::Delivered));
    let alarms = asks(&stage, "XA", "alarm list").await.reports();
    assert!(
        alarms.iter().all(|alarm| alarm["code"] != "URGENT_EXPIRED"),
        "it ends with the receipt: {alarms:?}"
    );
}
