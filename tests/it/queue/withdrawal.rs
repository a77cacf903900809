//! Withdrawal: the content goes nowhere, the number is used up, and what the peer took wins.

use std::collections::BTreeSet;

use chancery::desk::register::{SentEntry, SentState};
use chancery::gateway::frame::Delivery;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::message::terms::Precedence;

use super::{asks, short, submitted, waiting};
use crate::support::answers::{mailbox, relay, signed, unsigned};
use crate::support::craft::Craft;
use crate::support::search::{Needle, forms_of, found_below};
use crate::support::{Stage, eventually, forms, ministry, proofs};

/// Pieces of a sealed part in every form in which they could be kept; short, because pages of a database cut it.
fn pieces(envelope: &[u8]) -> Vec<Needle> {
    let part = Envelope::parse(envelope).unwrap().parts()[0].clone();
    let piece = |place: usize| forms_of(&format!("byte {place}"), &part[place..place + 64]);
    (1_000..part.len() - 64).step_by(2_000).flat_map(piece).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_message_never_reaches_the_peer_and_the_numbers_have_no_gap() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut copies = Vec::new();
    for _ in 0..3 {
        let [copy] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
        copies.push(copy);
    }
    let id = copies[1].id.to_string();
    let done = asks(&stage, "XA", &format!("queue cancel {} --yes", &id[..12])).await.report();
    assert_eq!((done["state"].as_str(), done["unreceipted"].as_u64()), (Some("withdrawn"), Some(0)));
    assert_eq!(done["leaf"]["log"], "mfa.xa.example/chancery/xb/2026");
    // The desk has the proof at once, from its own gateway's log.
    let mine = stage.settled("XA", &copies[1]).await;
    assert_eq!((mine.state, mine.reason.as_str()), (SentState::Withdrawn, "WITHDRAWN_BY_OPERATOR"));
    let own = Receipt::parse(&mine.delivery_receipt).unwrap();
    assert_eq!(
        (own.leaf().kind, own.proof().index),
        (LeafKind::Withdrawn, done["leaf"]["index"].as_u64().unwrap())
    );

    stage.house_mut("XB").start().await.unwrap();
    asks(&stage, "XA", "queue retry --all XB").await.report();
    for (copy, state) in copies.iter().zip([SentState::Delivered, SentState::Withdrawn, SentState::Delivered])
    {
        assert_eq!(stage.settled("XA", copy).await.state, state);
    }
    eventually("the peer answers for every number", || async { waiting(&stage).await.is_empty() }).await;
    let ids: Vec<String> = mailbox(&stage).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, [copies[0].id.to_string(), copies[2].id.to_string()]);
    // Now the peer's own word: refused as withdrawn, in its log, cosigned by us.
    let desk = stage.house("XA").desk().unwrap();
    eventually("the desk has the peer's rejection", || async {
        stage.settled("XA", &copies[1]).await;
        let sent = desk.register().sent().unwrap().remove(1);
        Receipt::parse(&sent.delivery_receipt).unwrap().leaf().kind == LeafKind::Rejected
    })
    .await;
    let sent = desk.register().sent().unwrap().remove(1);
    assert_eq!((sent.state, sent.reason.as_str()), (SentState::Withdrawn, "WITHDRAWN"));
    proofs::check_receipt(&stage, &sent.delivery_receipt, &sent.envelope, LeafKind::Rejected, "XB", "XA");
    proofs::logs_agree(&stage).await;

    let home = stage.house("XB").homes().gateway.directory().to_owned();
    let at_the_peer = |copy: &SentEntry| found_below(&home, &pieces(&copy.envelope));
    assert!(!at_the_peer(&copies[0]).is_empty(), "the search finds what is there");
    assert_eq!(at_the_peer(&copies[1]), BTreeSet::new());
    let [next] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!((next.sequence, stage.settled("XA", &next).await.state), (4, SentState::Delivered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_peer_had_taken_is_delivered_although_it_was_withdrawn() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let sent = submitted(&stage, &[b"one"]).await;
    asks(&stage, "XA", &format!("queue hold {}", short(&sent[0]))).await.report();
    stage.house_mut("XB").start().await.unwrap();
    // It was handed over, and the answer was lost.
    assert_eq!(signed(&relay(&stage, &[&sent[0]]).await[0]).0, LeafKind::Received);
    asks(&stage, "XA", &format!("queue cancel {} --yes", short(&sent[0]))).await.report();
    eventually("the peer's receipt wins", || async {
        let shown = asks(&stage, "XA", &format!("queue show {}", short(&sent[0]))).await.report();
        shown["sent_state"] == "delivered"
    })
    .await;
    assert_eq!(mailbox(&stage).await, [(1, sent[0].id().to_string())]);
    let again = asks(&stage, "XA", &format!("queue cancel {} --yes", short(&sent[0]))).await;
    assert_eq!(again.refusal(), (6, "ANSWERED".to_owned()));
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flash_message_is_withdrawn_by_force_alone_and_an_alarm_tells_of_it() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut craft = Craft::new(&stage, "XA", "XB");
    craft.address.precedence = Precedence::Flash;
    let flash = craft.signed(&stage);
    stage.gateway("XA").submit(&flash.encode()).await.unwrap();
    let cancel = format!("queue cancel {} --yes", short(&flash));
    let asked = asks(&stage, "XA", &cancel).await;
    assert_eq!(asked.refusal(), (6, "URGENT".to_owned()));
    let error: serde_json::Value = serde_json::from_str(asked.talk.lines().last().unwrap()).unwrap();
    assert!(error["hint"].as_str().unwrap().ends_with(" --force"), "{error}");
    assert_eq!(error["message"], "it has precedence FLASH, which is withdrawn only by force");
    assert_eq!(waiting(&stage).await, [(1, "queued".to_owned())]);
    assert_eq!(asks(&stage, "XA", "alarm list").await.reports().len(), 0);

    let done = asks(&stage, "XA", &format!("{cancel} --force")).await.report();
    assert_eq!(done["state"], "withdrawn");
    let alarms = asks(&stage, "XA", "alarm list").await.reports();
    assert_eq!((alarms.len(), alarms[0]["code"].as_str()), (1, Some("URGENT_WITHDRAWN")));
    let told = alarms[0]["detail"].as_str().unwrap();
    assert!(told.ends_with("of precedence FLASH"), "the word for it, not a number: {told}");
    let again = asks(&stage, "XA", &cancel).await;
    assert_eq!(again.refusal(), (6, "WITHDRAWN".to_owned()));
}

async fn deliver(stage: &Stage, envelope: Vec<u8>, withdrawn: bool) -> chancery::gateway::frame::Answer {
    let delivery = Delivery { envelope, withdrawn };
    let outcomes = stage.gateway("XB").receive(&ministry("XA"), vec![delivery]).await.unwrap();
    outcomes.into_iter().next().unwrap().answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_delivery_is_believed_only_with_its_signature_and_without_any_part() {
    let stage = Stage::pair().await;
    let craft = Craft::new(&stage, "XA", "XB");
    let whole = craft.signed(&stage);
    let bare = |envelope: &Envelope, signature: Vec<u8>| {
        Envelope::without_parts(envelope.header().clone(), signature).unwrap().encode()
    };
    let before = proofs::trace(&stage, "XB").await;
    // With its parts, with nobody's signature, out of order, or bare and not withdrawn.
    let refused = deliver(&stage, whole.encode(), true).await;
    assert_eq!(unsigned(&refused), "PART_MISMATCH");
    let forged = deliver(&stage, bare(&whole, b"nobody's".to_vec()), true).await;
    assert_eq!(unsigned(&forged), "SIGNATURE_INVALID");
    let early = craft.after(&whole).signed(&stage);
    let gap = deliver(&stage, bare(&early, early.signature().to_vec()), true).await;
    assert_eq!(unsigned(&gap), "CHN_04");
    let not_withdrawn = deliver(&stage, bare(&whole, whole.signature().to_vec()), false).await;
    assert_eq!(unsigned(&not_withdrawn), "PART_MISMATCH");
    assert_eq!(proofs::trace(&stage, "XB").await, before);

    let first = deliver(&stage, bare(&whole, whole.signature().to_vec()), true).await;
    let (kind, reason, index, _) = signed(&first);
    assert_eq!((kind, reason.as_str()), (LeafKind::Rejected, "WITHDRAWN"));
    // Once refused it never becomes a delivery, however it comes again.
    for again in [
        deliver(&stage, whole.encode(), false).await,
        deliver(&stage, bare(&whole, whole.signature().to_vec()), true).await,
    ] {
        assert_eq!((signed(&again).0, signed(&again).2), (LeafKind::Rejected, index));
    }
    assert!(mailbox(&stage).await.is_empty());
    let next = deliver(&stage, early.encode(), false).await;
    assert_eq!(signed(&next).0, LeafKind::Received);
}
