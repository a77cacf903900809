//! Sticks in other words: what no signature covers changes nothing and accuses nobody.

use std::ffi::OsStr;
use std::fs;

use chancery::digest::Digest;
use chancery::message::courier::{Packing, Record, Unpacking};
use chancery::message::envelope::Envelope;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::{Delivery, RelayFrame};
use chancery::time::Clock;
use prost::Message as _;

use super::{count, only, packs, sends, stick, text, types, unpacks};
use crate::support::{Stage, proofs};

/// A stick in other words, its digest redone: large parts are dropped, and `change` has seen every frame.
fn altered(stick: &[u8], change: impl Fn(&mut Frame)) -> Vec<u8> {
    packed_anew(stick, |frame| {
        change(frame);
        true
    })
}

/// The same without some of its frames.
fn without(stick: &[u8], is_cut: impl Fn(&Frame) -> bool) -> Vec<u8> {
    packed_anew(stick, |frame| !is_cut(frame))
}

/// The same with those frames that stay.
fn packed_anew(stick: &[u8], stays: impl Fn(&mut Frame) -> bool) -> Vec<u8> {
    let mut unpacking = Unpacking::default();
    unpacking.add(stick);
    let Some(Record::Opening(opening)) = unpacking.next_record().unwrap() else { panic!("no opening") };
    let (mut packing, mut bytes) = Packing::begin(&opening);
    while let Some(record) = unpacking.next_record().unwrap() {
        if let Record::Frame(frame) = record {
            let mut frame = RelayFrame::decode(frame.as_slice()).unwrap();
            if frame.frame.as_mut().is_none_or(&stays) {
                bytes.extend(packing.frame(&frame.encode_to_vec()));
            }
        }
    }
    unpacking.finish().unwrap();
    bytes.extend(packing.end());
    bytes
}

/// Header and signature are genuine; the parts are gone, and the mark is set.
fn mark_withdrawn(frame: &mut Frame) {
    let Frame::Deliveries(deliveries) = frame else { return };
    for delivery in &mut deliveries.deliveries {
        let whole = Envelope::parse(&delivery.envelope).unwrap();
        let bare = Envelope::without_parts(whole.header().clone(), whole.signature().to_vec()).unwrap();
        *delivery = Delivery { envelope: bare.encode(), withdrawn: true };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_withdraws_only_what_the_log_of_its_sender_withdrew() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    packs(&stage, "XA", "XB", "a1", &[]);
    let stolen = altered(&text(&stick(&stage, "a1")), mark_withdrawn);
    fs::write(stick(&stage, "stolen"), stolen).unwrap();
    only(&mut stage, "XB", "XA").await;
    let said = unpacks(&stage, "XB", "stolen");
    let told = said.told();
    assert_eq!((said.code, told["refusals"].as_u64()), (6, Some(1)), "{said:?}");
    assert_eq!((told["taken"].as_u64(), told["rejected"].as_u64()), (Some(0), Some(0)), "{told}");
    assert_eq!(told["refused"][0]["reason"], "COURIER_UNPROVEN", "{told}");
    // Its number is free for the genuine one.
    assert_eq!(unpacks(&stage, "XB", "a1").json()["taken"], 1);
    assert_eq!(count(&stage, "XB").await, 1);

    // What was withdrawn by a leaf is believed.
    only(&mut stage, "XA", "XB").await;
    let sent = sends(&stage, "XA", "XB", "Two.").await;
    let id = sent.id.to_string();
    types(&stage, "XA", &["cancel", &id[..12], "--yes"].map(OsStr::new)).json();
    packs(&stage, "XA", "XB", "a2", &[]);
    only(&mut stage, "XB", "XA").await;
    let told = unpacks(&stage, "XB", "a2").json();
    assert_eq!((told["held"].as_u64(), told["rejected"].as_u64()), (Some(1), Some(1)), "{told}");
    assert_eq!(count(&stage, "XB").await, 1);
}

/// Whoever carries a stick can take messages out of it and make the digest anew; the log on it tells of them.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_cut_out_of_a_stick_are_missed() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    sends(&stage, "XA", "XB", "Two.").await;
    packs(&stage, "XA", "XB", "a1", &[]);
    let is_message = |frame: &Frame| matches!(frame, Frame::Deliveries(_));
    fs::write(stick(&stage, "cut"), without(&text(&stick(&stage, "a1")), is_message)).unwrap();
    only(&mut stage, "XB", "XA").await;
    let said = unpacks(&stage, "XB", "cut");
    let told = said.told();
    assert_eq!((said.code, told["absent"].as_u64()), (6, Some(2)), "{said:?}");
    assert!(said.talk.contains("COURIER_ABSENT"), "{said:?}");
    assert!(said.hint().starts_with("chancery --home GATEWAY queue pack "), "{said:?}");
    // Its number is free for the whole one.
    let whole = unpacks(&stage, "XB", "a1").json();
    assert_eq!((whole["taken"].as_u64(), whole["absent"].as_u64()), (Some(2), Some(0)), "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_that_does_not_hold_keeps_no_message_off_a_stick() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    let packed = packs(&stage, "XA", "XB", "a1", &[]);
    let by_nobody = |frame: &mut Frame| {
        if let Frame::Cosignature(cosignature) = frame {
            cosignature.line = "no line at all".to_owned();
        }
    };
    let other = altered(&text(&stick(&stage, "a1")), by_nobody);
    assert_ne!(other, text(&stick(&stage, "a1")), "there is a cosignature to spoil: {packed}");
    fs::write(stick(&stage, "other"), other).unwrap();
    only(&mut stage, "XB", "XA").await;
    let said = unpacks(&stage, "XB", "other");
    let told = said.told();
    assert_eq!((said.code, told["refused"][0]["reason"].as_str()), (6, Some("COURIER_UNPROVEN")), "{said:?}");
    assert_eq!(told["taken"], 1, "{told}");
    assert_eq!(count(&stage, "XB").await, 1);
}

/// What is changed of a frame.
type Change<'a> = &'a dyn Fn(&mut Frame);

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_on_a_stick_accuses_nobody() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XB", "XA").await;
    sends(&stage, "XB", "XA", "One.").await;
    packs(&stage, "XB", "XA", "b1", &[]);
    only(&mut stage, "XA", "XB").await;
    let claims = |frame: &mut Frame| {
        if let Frame::Hello(hello) = frame {
            // The mirror of another size, under the signature of the true one.
            for mirror in &mut hello.mirrors {
                let (origin, rest) = mirror.split_once('\n').unwrap();
                let (_, rest) = rest.split_once('\n').unwrap();
                *mirror = format!("{origin}\n1000000\n{rest}");
            }
        }
    };
    let announces = |frame: &mut Frame| {
        if let Frame::Announcement(announcement) = frame {
            announcement.bundle = b"no bundle".to_vec();
        }
    };
    let tells = |frame: &mut Frame| {
        if let Frame::LogUpdate(update) = frame {
            let last = update.leaves.last_mut().unwrap();
            let message = |what: &[u8]| {
                let digest = Digest::of(what);
                Leaf::about_record(LeafKind::Bundle, digest, stage.clock.now())
            };
            *last = message(b"another").bytes();
        }
    };
    let changes: [(&str, Change<'_>, i32); 3] =
        [("tells", &tells, 6), ("announces", &announces, 6), ("claims", &claims, 0)];
    let packed = text(&stick(&stage, "b1"));
    for (name, change, code) in changes {
        let other = altered(&packed, change);
        assert_ne!(other, packed, "{name}");
        fs::write(stick(&stage, name), other).unwrap();
        let said = unpacks(&stage, "XA", name);
        assert_eq!(said.code, code, "{name}: {said:?}");
        assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, [], "{name}");
    }
    assert_eq!(unpacks(&stage, "XA", "b1").json()["refusals"], 0);
    assert_eq!(count(&stage, "XA").await, 1);
}
