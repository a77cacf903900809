//! The mailbox and records.

use crate::gateway::store::fixture::{Line, NOW, ORIGIN, entry, fresh, inline, open, peer, taken};
use crate::gateway::store::record::{Record, RecordKind, RecordsKept};
use crate::limits::BATCH_BYTES_MAX;
use crate::trust::name::Ministry;

#[tokio::test]
async fn the_mailbox_gives_exact_bytes_in_order_of_custody() {
    let (_directory, store) = fresh();
    let (mut a, mut b) = (Line::on("ch-a"), Line::on("ch-b"));
    let messages = [a.next(), b.next(), a.next()];
    for message in &messages {
        taken(store.receive(message.clone()).await.unwrap());
    }
    let received = store.received_after(0, 10).await.unwrap();
    assert_eq!(received.iter().map(|one| one.cursor).collect::<Vec<_>>(), [1, 2, 3]);
    for (one, message) in received.iter().zip(&messages) {
        assert_eq!(one.message_id, message.message_id);
        assert_eq!((&one.signed.header, &one.signed.signature), (&message.header, &message.signature));
        assert_eq!(one.parts, message.parts);
        assert_eq!((&one.peer, one.custody_time, one.place.index), (&peer(), NOW, one.cursor - 1));
    }
    assert_eq!(store.received_after(1, 1).await.unwrap(), received[1..2]);
    assert_eq!(store.received_after(3, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_of_the_mailbox_is_bounded_in_bytes_but_never_empty() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-a");
    for index in 0..2 {
        let mut message = line.next();
        message.parts = vec![inline(&format!("{index}").repeat(BATCH_BYTES_MAX + 1))];
        taken(store.receive(message).await.unwrap());
    }
    assert_eq!(store.received_after(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_acknowledgement_never_moves_back_nor_beyond_the_newest_message() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-a");
    for _ in 0..3 {
        taken(store.receive(line.next()).await.unwrap());
    }
    assert_eq!(store.waiting().await.unwrap(), 3);
    assert_eq!(store.acknowledge(2).await.unwrap(), 2);
    assert_eq!(store.acknowledge(1).await.unwrap(), 2);
    assert_eq!(store.waiting().await.unwrap(), 1);
    assert_eq!(store.acknowledge(u64::MAX).await.unwrap(), 3);
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.waiting().await.unwrap(), 0);
    taken(store.receive(line.next()).await.unwrap());
    assert_eq!(store.waiting().await.unwrap(), 1);
}

fn record(kind: RecordKind, code: &str, sequence: u64, bytes: &str) -> Record {
    Record { kind, ministry: Ministry::parse(code).unwrap(), sequence, bytes: bytes.as_bytes().to_vec() }
}

#[tokio::test]
async fn records_and_their_leaves_are_kept_together_and_once() {
    let (_directory, store) = fresh();
    let bundle = RecordKind::Bundle;
    let first = vec![record(bundle, "XA", 1, "own"), record(RecordKind::Policy, "XA", 1, "policy")];
    let leaves = vec![entry("bundle"), entry("policy")];
    let kept = store.save_records(first.clone(), leaves.clone()).await.unwrap();
    let RecordsKept::Kept(places) = kept else { panic!("{kept:?}") };
    assert_eq!(places.iter().map(|place| place.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(store.save_records(first, leaves.clone()).await.unwrap(), RecordsKept::AlreadyHeld);

    let second = vec![record(bundle, "XB", 2, "peer"), record(bundle, "XB", 1, "old")];
    assert_eq!(store.save_records(second, vec![]).await.unwrap(), RecordsKept::Kept(vec![]));
    let conflicting = vec![record(bundle, "XC", 1, "new"), record(bundle, "XA", 1, "another")];
    let conflict = store.save_records(conflicting, leaves).await.unwrap();
    let xa = Ministry::parse("XA").unwrap();
    let expected = RecordsKept::Conflict { kind: bundle, ministry: xa.clone(), sequence: 1 };
    assert_eq!(conflict, expected);

    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
    let latest = store.latest_records(bundle).await.unwrap();
    assert_eq!(latest, [record(bundle, "XA", 1, "own"), record(bundle, "XB", 2, "peer")]);
    assert_eq!(store.latest_record(bundle, peer()).await.unwrap(), Some(record(bundle, "XB", 2, "peer")));
    let policy = store.latest_record(RecordKind::Policy, xa).await.unwrap();
    assert_eq!(policy, Some(record(RecordKind::Policy, "XA", 1, "policy")));
    assert_eq!(store.latest_record(RecordKind::Policy, peer()).await.unwrap(), None);
}
