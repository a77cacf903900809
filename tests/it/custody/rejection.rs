//! What may not pass: refused unsigned by the own gateway, rejected by a signed leaf at the receiver.

use std::time::Duration;

use chancery::desk::error::DeskError;
use chancery::desk::register::SentState;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::message::terms::Level;
use chancery::rehearsal::RehearsalFault;
use chancery::time::Clock;
use chancery::trust::policy::{ChannelId, ChannelRule};

use crate::support::answers::{mailbox, refused, relay, signed, unsigned};
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// Messages that may not pass, each with its reason and whether the receiver signs a rejection.
fn barred(stage: &Stage) -> Vec<(Craft, &'static str, bool)> {
    let good = Craft::new(stage, "XA", "XB");
    let now = stage.clock.now().minute();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let spoiled = |spoil: &dyn Fn(&mut Craft)| {
        let mut craft = good.clone();
        spoil(&mut craft);
        craft
    };
    vec![
        (spoiled(&|craft| craft.address.level = Level::Secret), "CLS_01", true),
        (spoiled(&|craft| craft.address.releasable_to = vec![ministry("XA")]), "CLS_02", true),
        (
            spoiled(&|craft| {
                craft.position.release_time = now.before(hours(48));
                craft.position.valid_until = now.before(hours(24));
            }),
            "CHN_06",
            true,
        ),
        (
            spoiled(&|craft| craft.address.channel = ChannelId::parse("ch-0123456789abcdef").unwrap()),
            "CHN_01",
            true,
        ),
        (
            spoiled(&|craft| {
                craft.position.release_time = now.after(hours(1));
                craft.position.valid_until = now.after(hours(2));
            }),
            "CHN_08",
            false,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_pass_is_refused_unsigned_at_the_own_gateway() {
    let stage = Stage::pair().await;
    let before = proofs::trace(&stage, "XA").await;
    for (craft, reason, _) in barred(&stage) {
        assert_eq!(refused(&stage, &craft.signed(&stage).encode()).await, reason);
    }
    assert_eq!(proofs::trace(&stage, "XA").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_pass_is_rejected_by_a_signed_leaf_that_uses_up_its_number() {
    let stage = Stage::pair().await;
    let good = Craft::new(&stage, "XA", "XB");
    let mut last: Option<Envelope> = None;
    for (craft, reason, is_final) in barred(&stage) {
        let on_channel = craft.address.channel == good.address.channel;
        let craft = match &last {
            Some(last) if on_channel => craft.after(last),
            _ => craft,
        };
        let envelope = craft.signed(&stage);
        let before = proofs::trace(&stage, "XB").await;
        let [answer] = relay(&stage, &[&envelope]).await.try_into().unwrap();
        if !is_final {
            assert_eq!(unsigned(&answer), reason);
            assert_eq!(proofs::trace(&stage, "XB").await, before);
            continue;
        }
        let (kind, why, index, leaf) = signed(&answer);
        assert_eq!((kind, why.as_str()), (LeafKind::Rejected, reason));
        // The rejection is given again, and never turns into a delivery.
        let [again] = relay(&stage, &[&envelope]).await.try_into().unwrap();
        assert_eq!((signed(&again).2, signed(&again).3), (index, leaf));
        if on_channel {
            last = Some(envelope);
        }
    }
    assert!(mailbox(&stage).await.is_empty());
    let next = good.after(&last.unwrap()).signed(&stage);
    assert_eq!(signed(&relay(&stage, &[&next]).await[0]).0, LeafKind::Received);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dated_in_the_future_passes_when_its_time_has_come() {
    let stage = Stage::pair().await;
    let (craft, reason, _) = barred(&stage).pop().unwrap();
    let envelope = craft.signed(&stage);
    assert_eq!(unsigned(&relay(&stage, &[&envelope]).await[0]), reason);
    stage.clock.forward(Duration::from_secs(56 * 60));
    assert_eq!(signed(&relay(&stage, &[&envelope]).await[0]).0, LeafKind::Received);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_message_is_evidence_on_both_sides_and_the_next_one_passes() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let form = forms::note_with("XB", "new", "valid_until = 2026-11-22T11:00:00Z", "");
    let [late] = stage.send("XA", &form).await.try_into().unwrap();
    let [next] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    stage.clock.forward(Duration::from_secs(2 * 3600));
    // A gateway looks for what has expired when it starts, and then now and then.
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let expired = stage.settled("XA", &late).await;
    assert_eq!(expired.state, SentState::Expired);
    let own = Receipt::parse(&expired.delivery_receipt).unwrap();
    assert_eq!((own.leaf().kind, own.leaf().reason.as_str()), (LeafKind::Expired, "CHN_06"));
    assert_eq!(stage.house("XA").desk().unwrap().register().sent().unwrap()[1].state, SentState::Queued);
    // It is carried all the same: the peer answers for its number, and the next one passes.
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.settled("XA", &next).await.state, SentState::Delivered);
    let late = stage.house("XA").desk().unwrap().register().sent().unwrap().remove(0);
    assert_eq!(late.state, SentState::Expired);
    proofs::check_receipt(&stage, &late.delivery_receipt, &late.envelope, LeafKind::Rejected, "XB", "XA");
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 1);
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_reaches_the_desk_that_sent() {
    let stage = Stage::pair().await;
    // The two sides have agreed on different ceilings: only the receiver's refuses.
    let parties = ["XA", "XB"].map(ministry);
    let channel = stage.world.channel(&parties).unwrap();
    let rule = ChannelRule { parties: parties.iter().cloned().collect(), ceiling: 4, suspended: false };
    let house = stage.house("XA");
    house.desk().unwrap().charter(house.keys(), channel, rule).await.unwrap();
    let secret = forms::note("XB", "new").replace("RESTRICTED", "SECRET");
    let [sent] = stage.send("XA", &secret).await.try_into().unwrap();
    let sent = stage.settled("XA", &sent).await;
    assert_eq!((sent.state, sent.reason.as_str()), (SentState::Rejected, "CLS_01"));
    proofs::check_receipt(&stage, &sent.delivery_receipt, &sent.envelope, LeafKind::Rejected, "XB", "XA");
    let [next] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!((next.sequence, stage.settled("XA", &next).await.state), (2, SentState::Delivered));
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_channel_holds_messages_until_it_is_resumed() {
    let stage = Stage::pair().await;
    let parties = ["XA", "XB"].map(ministry);
    // Suspended at the receiver alone: the sender's gateway takes it and keeps trying.
    let channel = stage.world.channel(&parties).unwrap();
    let rule = |suspended| ChannelRule { parties: parties.iter().cloned().collect(), ceiling: 3, suspended };
    let house = stage.house("XB");
    house.desk().unwrap().charter(house.keys(), channel.clone(), rule(true)).await.unwrap();
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    eventually("the refusal is noted", || async {
        let reports = stage.gateway("XA").sent_reports(vec![sent.id]).await.unwrap();
        reports[0].reason == "CHN_02" && reports[0].attempts > 0
    })
    .await;
    house.desk().unwrap().charter(house.keys(), channel, rule(false)).await.unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    // Suspended on both sides: the own gateway does not take it in the first place.
    stage.world.charter(&parties, Level::Confidential, true).await.unwrap();
    match stage.house("XA").send(&forms::note("XB", "new"), stage.folder()).await {
        Err(RehearsalFault::Desk(DeskError::Forbidden(findings))) => {
            assert_eq!(findings[0].reason(), "CHN_02");
        }
        other => panic!("{other:?}"),
    }
    let craft = Craft::new(&stage, "XA", "XB");
    let next = craft.at(2, Some(sent.id)).signed(&stage);
    assert_eq!(refused(&stage, &next.encode()).await, "CHN_02");
}
