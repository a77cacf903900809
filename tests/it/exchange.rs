//! The whole journey: from one desk through two gateways to the other desk, and proven on both sides.

use std::fs;

use chancery::consultation::act::Act;
use chancery::consultation::withholding::Withheld;
use chancery::desk::reference::Entry;
use chancery::desk::register::{SentEntry, SentState};
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::terms::Level;

use crate::support::{Stage, forms, ministry, proofs};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_delivered_receipted_read_and_acknowledged() {
    let stage = Stage::pair().await;
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!((sent.state, sent.sequence, sent.act_number), (SentState::Queued, 1, 1));
    let sent = stage.settled("XA", &sent).await;
    assert_eq!(sent.state, SentState::Delivered);

    assert_eq!(stage.house("XB").fetch().await.unwrap(), 1);
    let opened = stage.house("XB").read("@last").unwrap();
    assert!(opened.findings.is_empty(), "{:?}", opened.findings);
    assert_eq!(opened.signatures.len(), 3);
    assert!(matches!(opened.act(), Some(Act::Correspondence(_))));

    let receipt = forms::registry_receipt(&opened, "XB-R-0001");
    let [answer] = stage.send("XB", &receipt).await.try_into().unwrap();
    assert_eq!(stage.settled("XB", &answer).await.state, SentState::Delivered);
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 1);
    let answer = stage.house("XA").read("@last").unwrap();
    match answer.act() {
        Some(Act::RegistryReceipt(receipt)) => assert_eq!(receipt.message_id, sent.id),
        _ => panic!("not a registry receipt"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_prove_a_delivery_with_cosigned_receipts() {
    let stage = Stage::pair().await;
    let [sent] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    let sent = stage.settled("XA", &sent).await;
    proofs::logs_agree(&stage).await;
    // The sender's: the peer's log took it, and we hold that log; our own log sent it, and the peer holds it.
    let delivery = &sent.delivery_receipt;
    proofs::check_receipt(&stage, delivery, &sent.envelope, LeafKind::Received, "XB", "XA");
    let [submission, _] = stage.gateway("XA").prove(&sent.id).await.unwrap().try_into().unwrap();
    let submission = submission.encode();
    proofs::check_receipt(&stage, &submission, &sent.envelope, LeafKind::Sent, "XA", "XB");
    // The receiver's: what its desk fetches is proven by its own log, cosigned by the sender.
    stage.house("XB").fetch().await.unwrap();
    let received = stage.house("XB").desk().unwrap().register().received().unwrap().pop().unwrap();
    assert_eq!(received.envelope, sent.envelope);
    proofs::check_receipt(&stage, &received.receipt, &received.envelope, LeafKind::Received, "XB", "XA");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_directions_are_numbered_without_gaps() {
    let stage = Stage::pair().await;
    let [first] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    let consultation = first.consultation.clone();
    let mut sent = vec![first];
    for _ in 0..2 {
        sent.extend(stage.send("XA", &forms::note("XB", &consultation)).await);
        sent.extend(stage.send("XB", &forms::note("XA", &consultation)).await);
    }
    for code in ["XA", "XB"] {
        let desk = stage.house(code).desk().unwrap();
        let mut before = None;
        for (number, entry) in (1..).zip(desk.register().sent().unwrap()) {
            let settled = stage.settled(code, &entry).await;
            assert_eq!((settled.state, entry.sequence), (SentState::Delivered, number));
            assert_eq!(entry.act_number, number);
            let position = Envelope::parse(&entry.envelope).unwrap().header().position().clone();
            assert_eq!(position.previous, before);
            before = Some(entry.id);
            let (trust, keys) = (desk.trust().unwrap(), stage.house(code).keys());
            let opened = desk.unseal(&trust, keys, &Entry::Sent(entry)).unwrap();
            let formal = format!("{code}-2026-{number:04}");
            assert_eq!(opened.dispatch.dispatch().formal_number, formal);
        }
    }
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 3);
    assert_eq!(stage.house("XA").fetch().await.unwrap(), 2);
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_small_and_large_arrive_whole() {
    let stage = Stage::pair().await;
    let pdf = b"%PDF-1.7 an annex".to_vec();
    let film: Vec<u8> =
        (0..3 * 1024 * 1024_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(stage.folder().join("annex.pdf"), &pdf).unwrap();
    fs::write(stage.folder().join("scan.bin"), &film).unwrap();
    let tables = r#"
[[document]]
id = "annex"
path = "annex.pdf"
title = "Annex"
class = "LEGAL_BASIS"
language = "ko"

[[document]]
id = "scan"
path = "scan.bin"
title = "Scan"
class = "EVIDENCE"
language = "und"
media_type = "application/octet-stream"
"#;
    let form = forms::note_with("XB", "new", "", tables);
    let [sent] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    let envelope = Envelope::parse(&sent.envelope).unwrap();
    assert_eq!(envelope.parts().len(), 5);
    assert!(envelope.parts()[4].is_empty(), "a large document travels beside its envelope");

    let house = stage.house("XB");
    house.fetch().await.unwrap();
    let opened = house.read("@last").unwrap();
    let folder = stage.folder().join("saved");
    let desk = house.desk().unwrap();
    let saved = desk
        .save_documents(house.keys(), &opened, &mut None, (&folder, &Withheld::nothing()), false)
        .await
        .unwrap();
    let names: Vec<_> = saved.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["ko.txt", "en.txt", "annex.pdf", "scan.bin"]);
    assert!(fs::read_to_string(&saved[0]).unwrap().contains("경의를 표하며"));
    assert_eq!(fs::read(&saved[2]).unwrap(), pdf);
    assert!(fs::read(&saved[3]).unwrap() == film);

    // The sender reads its own message again with its archive key.
    let house = stage.house("XA");
    let opened = house.read(&forms::reference(&sent.id)).unwrap();
    let folder = stage.folder().join("own");
    let desk = house.desk().unwrap();
    let saved = desk
        .save_documents(house.keys(), &opened, &mut None, (&folder, &Withheld::nothing()), false)
        .await
        .unwrap();
    assert!(fs::read(&saved[3]).unwrap() == film);
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_two_ministries_is_two_copies_in_two_logs() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    let form = forms::note("XB\", \"XC", "new");
    let [to_b, to_c]: [SentEntry; 2] = stage.send("XA", &form).await.try_into().unwrap();
    assert_ne!(to_b.id, to_c.id);
    assert_eq!(to_b.dispatch_digest, to_c.dispatch_digest);
    assert_eq!([to_b.sequence, to_c.sequence, to_b.act_number, to_c.act_number], [1, 1, 1, 1]);
    for copy in [&to_b, &to_c] {
        assert_eq!(stage.settled("XA", copy).await.state, SentState::Delivered);
    }
    // One more for XB alone: XC sees neither a gap nor that it was sent.
    let [alone] = stage.send("XA", &forms::note("XB", "new")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &alone).await.state, SentState::Delivered);
    let again: [SentEntry; 2] = stage.send("XA", &form).await.try_into().unwrap();
    assert_eq!([again[0].sequence, again[1].sequence], [2, 2]);
    stage.settled("XA", &again[1]).await;
    proofs::logs_agree(&stage).await;
    for (reader, theirs, other, expected) in [("XB", &to_b, &to_c, 3), ("XC", &to_c, &to_b, 2)] {
        let house = stage.house(reader);
        assert_eq!(house.fetch().await.unwrap(), expected);
        let opened = house.read(&forms::reference(&theirs.id)).unwrap();
        assert!(opened.findings.is_empty(), "{:?}", opened.findings);
        assert!(house.gateway().unwrap().prove(&other.id).await.unwrap().is_empty());
        let logs = house.gateway().unwrap().logs().await.unwrap();
        let foreign = format!("/chancery/{}/", if reader == "XB" { "xc" } else { "xb" });
        assert!(logs.iter().all(|log| !log.origin.contains("mfa.xa") || !log.origin.contains(&foreign)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_gateway_that_is_down_is_delivered_in_order_when_it_returns() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let mut sent = Vec::new();
    for number in 0..5 {
        let form = forms::memorandum("XB", "new", &format!("Number {number}."));
        sent.extend(stage.send("XA", &form).await);
    }
    let status = stage.gateway("XA").status().await.unwrap();
    assert_eq!((status.peers[0].queued, status.peers[0].connected), (5, false));
    // The own gateway goes and comes as well: the outbox outlives it.
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    for entry in &sent {
        assert_eq!(stage.settled("XA", entry).await.state, SentState::Delivered);
    }
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 5);
    let received = stage.house("XB").desk().unwrap().register().received().unwrap();
    let order: Vec<_> = received.iter().map(|entry| entry.id).collect();
    assert_eq!(order, sent.iter().map(|entry| entry.id).collect::<Vec<_>>());
    proofs::logs_agree(&stage).await;
}
