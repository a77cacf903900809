//! A message that makes the receiving gateway fail: refused for good after some tries, and nothing else suffers.

use std::sync::Arc;

use chancery::gateway::ScrutinyAt;
use chancery::gateway::store::record::SentState;
use chancery::message::leaf::LeafKind;

use super::{row, submit};
use crate::support::{Stage, eventually, proofs};

async fn is_refused_for_good(point: ScrutinyAt) {
    let stage = Stage::pair().await;
    let out = row(&stage, "XA", "XB", 3);
    let poison = out[1].id();
    stage.gateway("XB").scrutinise(Arc::new(move |id, at| {
        assert!(*id != poison || at != point, "a defect that this message meets");
    }));
    submit(&stage, "XA", &out).await;
    let ids: Vec<_> = out.iter().map(chancery::message::envelope::Envelope::id).collect();
    eventually("every number is answered", || async {
        let reports = stage.gateway("XA").sent_reports(ids.clone()).await.unwrap();
        let states: Vec<_> = reports.iter().map(|report| report.state.unwrap()).collect();
        states == [SentState::Delivered, SentState::Rejected, SentState::Delivered]
    })
    .await;
    let report = stage.gateway("XA").sent_reports(vec![poison]).await.unwrap().remove(0);
    assert_eq!((report.reason.as_str(), report.attempts), ("QUARANTINED", 2));
    let (receipt, envelope) = (&report.delivery_receipt, out[1].encode());
    proofs::check_receipt(&stage, receipt, &envelope, LeafKind::Rejected, "XB", "XA");
    let alarms = stage.gateway("XB").status().await.unwrap().alarms;
    assert!(alarms.iter().any(|alarm| alarm.code == "QUARANTINED"), "{alarms:?}");
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_makes_judging_panic_is_refused_for_good_and_the_others_pass() {
    is_refused_for_good(ScrutinyAt::Judging).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_makes_placing_panic_is_refused_for_good_and_the_others_pass() {
    is_refused_for_good(ScrutinyAt::Placing).await;
}
