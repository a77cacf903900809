//! Custody: once, in order, whole, and proof of whoever uses a number twice.

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, ORIGIN, beside, fresh, open, peer, taken};
use crate::gateway::store::record::{
    Custody, Direction, EQUIVOCATION_ALARM, LeafPlace, Position, SignedHeader,
};

#[tokio::test]
async fn custody_writes_leaf_number_and_queue_and_survives_a_restart() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let first = line.next();
    let place = taken(store.take_custody(first.clone()).await.unwrap());
    assert_eq!(place, LeafPlace { origin: ORIGIN.to_owned(), index: 0 });
    let second = taken(store.take_custody(line.next()).await.unwrap());
    assert_eq!(second.index, 1);
    drop(store);

    let store = open(directory.path());
    let position = store.position(Direction::Out, "ch-1".to_owned(), peer()).await.unwrap();
    assert_eq!(position, Position { sequence: 2, message_id: line.last });
    let leaf = store.leaf(place).await.unwrap().unwrap();
    assert_eq!((leaf.bytes, leaf.message_id), (first.leaf, Some(first.message_id)));
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
    assert_eq!(store.queues().await.unwrap()[0].queued, 2);
}

#[tokio::test]
async fn the_same_id_again_gets_the_first_place_even_under_another_signature() {
    let (_directory, store) = fresh();
    let message = Line::on("ch-1").next();
    let place = taken(store.take_custody(message.clone()).await.unwrap());
    let mut again = message.clone();
    again.signature = b"another valid signature".to_vec();
    again.leaf = b"another leaf".to_vec();
    let answer = store.take_custody(again).await.unwrap();
    assert_eq!(answer, Custody::AlreadyHeld { place, rejected: None });
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 1);
    // The other direction has sequences and messages of its own.
    taken(store.receive(message).await.unwrap());
}

#[tokio::test]
async fn a_gap_a_wrong_predecessor_and_number_zero_are_out_of_sequence_and_change_nothing() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let first = line.next();
    taken(store.receive(first.clone()).await.unwrap());
    let expected = Custody::OutOfSequence { last_sequence: 1, last_id: Some(first.message_id) };

    let mut ahead = line.clone();
    ahead.next();
    assert_eq!(store.receive(ahead.next()).await.unwrap(), expected);
    let mut astray = line.peek("astray");
    astray.previous = Some(Digest::of(b"unknown"));
    assert_eq!(store.receive(astray).await.unwrap(), expected);
    let mut rootless = line.peek("rootless");
    rootless.previous = None;
    assert_eq!(store.reject(rootless, "CHN_06".to_owned()).await.unwrap(), expected);
    let mut zero = line.peek("zero");
    zero.sequence = 0;
    assert_eq!(store.receive(zero).await.unwrap(), expected);
    let mut last = line.peek("last");
    last.sequence = u64::MAX;
    assert_eq!(store.receive(last).await.unwrap(), expected);

    let mut other = Line::on("ch-2");
    other.next();
    let empty = Custody::OutOfSequence { last_sequence: 0, last_id: None };
    assert_eq!(store.receive(other.next()).await.unwrap(), empty);
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 1);
    taken(store.receive(line.next()).await.unwrap());
}

#[tokio::test]
async fn another_message_for_a_used_number_is_kept_as_proof_alarmed_once_and_changes_nothing_else() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let other = line.peek("other");
    let third = line.peek("third");
    let held = line.next();
    taken(store.receive(held.clone()).await.unwrap());
    taken(store.receive(line.next()).await.unwrap());

    let expected = Custody::Equivocation { held: held.message_id };
    assert_eq!(store.receive(other.clone()).await.unwrap(), expected);
    assert_eq!(store.receive(third).await.unwrap(), expected);
    assert_eq!(store.reject(other.clone(), "CHN_06".to_owned()).await.unwrap(), expected);
    drop(store);

    let store = open(directory.path());
    let proofs = store.equivocations().await.unwrap();
    assert_eq!(proofs.len(), 1, "the first other message is the proof");
    assert_eq!((proofs[0].direction, proofs[0].sequence), (Direction::In, 1));
    assert_eq!(proofs[0].held, SignedHeader { header: held.header, signature: held.signature });
    assert_eq!(proofs[0].offered, SignedHeader { header: other.header, signature: other.signature });
    let alarms = store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].code.as_str(), &alarms[0].ministry), (EQUIVOCATION_ALARM, &peer()));
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
    assert_eq!(store.received_after(0, 10).await.unwrap().len(), 2);
    let position = store.position(Direction::In, "ch-1".to_owned(), peer()).await.unwrap();
    assert_eq!(position.sequence, 2);
}

#[tokio::test]
async fn a_rejected_message_uses_its_number_but_never_comes_into_the_mailbox() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let mut rejected = line.next();
    rejected.parts = vec![beside(b"never came")];
    let place = taken(store.reject(rejected.clone(), "CHN_06".to_owned()).await.unwrap());
    taken(store.receive(line.next()).await.unwrap());
    let answer = store.receive(rejected).await.unwrap();
    assert_eq!(answer, Custody::AlreadyHeld { place, rejected: Some("CHN_06".to_owned()) });
    let mailbox = store.received_after(0, 10).await.unwrap();
    assert_eq!(mailbox.len(), 1);
    assert_eq!(mailbox[0].cursor, 1, "the cursor has no gaps");
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
}

#[tokio::test]
async fn a_leaf_too_long_or_in_a_log_of_another_peer_is_a_misuse() {
    let (_directory, store) = fresh();
    let mut long = Line::on("ch-1").next();
    long.leaf = vec![0; crate::limits::LEAF_BYTES_MAX + 1];
    assert_eq!(store.take_custody(long).await.unwrap_err().reason(), "STORE_MISUSE");
    taken(store.take_custody(Line::on("ch-1").next()).await.unwrap());
    let mut stray = Line::on("ch-2").next();
    stray.peer = crate::trust::name::Ministry::parse("XC").unwrap();
    assert_eq!(store.take_custody(stray).await.unwrap_err().reason(), "STORE_MISUSE");
    assert!(!store.is_stopped(), "a caller's mistake does not stop the store");
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 1);
}
