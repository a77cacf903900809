//! Years, owed leaves, forks, the mark and the number of the mailbox.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, entry, fresh, open, peer, taken};
use crate::gateway::store::job::Verdict;
use crate::gateway::store::mark::Mark;
use crate::gateway::store::record::{
    Alarm, ForkRecord, LogEntry, LogLeaf, OwedKind, OwnLog, Record, RecordKind, RecordsKept,
};
use crate::gateway::store::tree;

const NEXT: &str = "mfa.xa.example/chancery/xb/2027";

#[tokio::test]
async fn a_year_opens_only_over_the_checkpoint_that_closed_the_one_before() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    taken(store.take_custody(line.next()).await.unwrap());
    let opening = || LogEntry { origin: NEXT.to_owned(), ..entry("opened") };
    assert!(!store.open_year(opening(), ORIGIN.to_owned(), 0).await.unwrap(), "a leaf has overtaken it");
    assert!(store.open_year(opening(), ORIGIN.to_owned(), 1).await.unwrap());
    assert!(!store.open_year(opening(), ORIGIN.to_owned(), 1).await.unwrap(), "it is open already");
    let log = |origin: &str| OwnLog { peer: peer(), origin: origin.to_owned(), size: 1 };
    assert_eq!(store.own_logs(Some(peer())).await.unwrap(), [log(ORIGIN), log(NEXT)]);
}

#[tokio::test]
async fn a_leaf_that_is_owed_is_paid_once_also_after_a_restart() {
    let (directory, store) = fresh();
    let digest = Digest::of(b"bundle");
    let record =
        Record { kind: RecordKind::Bundle, ministry: peer(), sequence: 1, bytes: b"bundle".to_vec() };
    let owed = vec![(peer(), digest)];
    let kept = store.save_records_owing(vec![record.clone()], owed.clone(), vec![]).await.unwrap();
    assert!(matches!(kept, RecordsKept::Kept(_)));
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.owed(peer()).await.unwrap(), [(digest, OwedKind::Bundle)]);
    for _ in 0..2 {
        store.pay(digest, entry("about the bundle")).await.unwrap();
    }
    assert_eq!(store.owed(peer()).await.unwrap(), []);
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 1);
    assert_eq!(store.save_records_owing(vec![record], owed, vec![]).await.unwrap(), RecordsKept::AlreadyHeld);
    assert_eq!(store.owed(peer()).await.unwrap(), []);
}

#[tokio::test]
async fn the_first_proof_of_a_fork_and_its_alarm_survive_a_restart() {
    let (directory, store) = fresh();
    let fork = |proof: &str| ForkRecord {
        origin: ORIGIN.to_owned(),
        key: [7; 32],
        peer: peer(),
        own: true,
        proof: proof.to_owned(),
        alarm: Alarm {
            code: "OWN_LOG_FORK".to_owned(),
            ministry: peer(),
            detail: "two roots".to_owned(),
            time: NOW,
        },
    };
    store.keep_fork(fork("first")).await.unwrap();
    store.keep_fork(fork("second")).await.unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.forks().await.unwrap(), [(peer(), true, [7; 32], "first".to_owned())]);
    assert_eq!(store.alarms().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_mark_knows_every_leaf_that_was_answered_and_outlives_an_older_copy_of_the_store() {
    let (directory, store) = fresh();
    let path = directory.path().join("mark");
    let mut line = Line::on("ch-1");
    taken(store.take_custody(line.next()).await.unwrap());
    store.keep_mark(Mark::begin(&path, "boot", &BTreeMap::new(), &BTreeMap::new()).unwrap());
    taken(store.take_custody(line.next()).await.unwrap());
    assert_eq!(Mark::read(&path, "boot").unwrap(), BTreeMap::new(), "nobody has confirmed the pair");
    store.confirm(peer()).await.unwrap();
    for size in 3..6 {
        taken(store.take_custody(line.next()).await.unwrap());
        let noted = Mark::read(&path, "boot").unwrap();
        assert_eq!(noted, BTreeMap::from([(ORIGIN.to_owned(), size)]));
    }
    // A log of a new year, and a change that is undone.
    let opening = LogEntry { origin: NEXT.to_owned(), ..entry("opened") };
    assert!(store.open_year(opening.clone(), ORIGIN.to_owned(), 5).await.unwrap());
    assert!(!store.open_year(opening, ORIGIN.to_owned(), 5).await.unwrap());
    let noted = Mark::read(&path, "boot").unwrap();
    assert_eq!(noted, BTreeMap::from([(ORIGIN.to_owned(), 5), (NEXT.to_owned(), 1)]));
}

#[tokio::test]
async fn a_new_mailbox_number_begins_with_nothing_acknowledged() {
    let (directory, store) = fresh();
    taken(store.receive(Line::on("ch-1").next()).await.unwrap());
    store.acknowledge(1).await.unwrap();
    assert_eq!((store.epoch().await.unwrap(), store.waiting().await.unwrap()), (0, 0));
    store.renew_epoch(u64::MAX).await.unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!((store.epoch().await.unwrap(), store.waiting().await.unwrap()), (u64::MAX >> 1, 1));
}

#[tokio::test]
async fn the_mark_vouches_for_nothing_that_was_not_committed() {
    for fails in [true, false] {
        let (directory, store) = fresh();
        let path = directory.path().join("mark");
        store.keep_mark(Mark::begin(&path, "boot", &BTreeMap::new(), &BTreeMap::new()).unwrap());
        if fails {
            store.inner.writer.fail_next_commit();
        }
        let marks = store.inner.writer.marks();
        // A leaf and the confirmation of its pair in one transaction.
        let both = store.write(0, move |connection| {
            let leaf = LogLeaf { bytes: b"leaf".to_vec(), message_id: None };
            tree::append_own(connection, ORIGIN, &peer(), &leaf)?;
            marks.confirm(&peer());
            Ok(Verdict::Keep(()))
        });
        assert_eq!(both.await.is_err(), fails);
        let expected = if fails { BTreeMap::new() } else { BTreeMap::from([(ORIGIN.to_owned(), 1)]) };
        assert_eq!(Mark::read(&path, "boot").unwrap(), expected);
    }
}
