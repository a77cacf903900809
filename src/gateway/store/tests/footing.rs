//! What shares a commit stands or falls with what was queued before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::Digest;
use crate::gateway::store::fixture::{
    Line, NOW, ORIGIN, PEER_ORIGIN, entry, first_leaf, fresh, ground, peer, taken,
};
use crate::gateway::store::job::{Pace, Verdict};
use crate::gateway::store::record::{
    Answered, Checkpoint, Custody, Direction, Extension, Footing, Ground, LogProgress, MirrorUpdate,
    SentState, Settlement,
};
use crate::gateway::store::{Purpose, Store, StoreFault};

async fn size(store: &Store, origin: &str) -> u64 {
    store.log_head(origin.to_owned()).await.unwrap().map_or(0, |head| head.size)
}

#[tokio::test]
async fn leaves_their_cosignature_and_what_stands_on_them_take_one_commit() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let (sent, received) = (line.next(), Line::on("ch-2").next());
    taken(store.take_custody(sent.clone()).await.unwrap());
    let before = store.counts().commits;
    let footing = Footing::default();
    let answer =
        Answered { message_id: sent.message_id, settlement: Settlement::Delivered, receipt: b"r".to_vec() };
    // All are queued before the writer is given time to take any: it may still begin with the first alone.
    let mirrored = store.extend_mirror(first_leaf(None, &footing));
    let placed = store.admit_all(store.prepare(vec![(Purpose::Deliver, received)]).unwrap(), footing);
    let settled = store.settle_all(vec![answer], vec![ground()], NOW);
    let (mirrored, placed, settled) = tokio::join!(mirrored, placed, settled);
    assert_eq!(mirrored.unwrap().cosigned.as_deref(), Some("cosigned"));
    assert_eq!(settled.unwrap(), Some(vec![Some(SentState::Delivered)]));
    assert!(store.counts().commits - before <= 2);
    let placed = placed.unwrap();
    let [Custody::Taken(place)] = placed.custodies.as_slice() else { panic!("{placed:?}") };
    let proven = placed.proven.get(ORIGIN).unwrap();
    let head = store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap();
    assert_eq!((proven.size, proven.root), (head.size, head.root));
    let [(index, _, path)] = proven.leaves.as_slice() else { panic!("{proven:?}") };
    assert_eq!(*index, place.index);
    assert_eq!(Some(path.clone()), store.inclusion(place.clone(), head.size).await.unwrap());
}

#[tokio::test]
async fn nothing_is_placed_behind_leaves_that_were_refused() {
    let other_root = first_leaf(Some(Digest::of(b"another root")), &Footing::default());
    let gap = MirrorUpdate { first_index: 1, ..first_leaf(None, &Footing::default()) };
    for (update, expected) in [(other_root, Extension::RootMismatch), (gap, Extension::Gap { have: 0 })] {
        let (_directory, store) = fresh();
        let footing = Footing::default();
        let refused = store.extend_mirror(MirrorUpdate { footing: footing.clone(), ..update });
        let message = Line::on("ch-1").next();
        let behind = store.prepare(vec![(Purpose::Deliver, message.clone())]).unwrap();
        let placed = store.admit_all(behind, footing);
        let (refused, placed) = tokio::join!(refused, placed);
        let refused = refused.unwrap();
        assert_eq!((refused.extension, refused.cosigned), (expected, None));
        assert!(matches!(placed, Err(StoreFault::Unfounded)), "{placed:?}");
        assert_eq!(store.held(Direction::In, message.message_id).await.unwrap(), None);
        assert_eq!((size(&store, ORIGIN).await, size(&store, PEER_ORIGIN).await), (0, 0));
        let elsewhere = store.prepare(vec![(Purpose::Deliver, message)]).unwrap();
        let placed = store.admit_all(elsewhere, Footing::default()).await.unwrap();
        assert!(matches!(placed.custodies.as_slice(), [Custody::Taken(_)]), "{placed:?}");
    }
}

#[tokio::test]
async fn nothing_is_settled_on_a_ground_that_is_not_kept_as_it_says() {
    let (_directory, store) = fresh();
    let message = Line::on("ch-1").next();
    taken(store.take_custody(message.clone()).await.unwrap());
    let settle = async |ground: Ground| {
        let message_id = message.message_id;
        let answer = Answered { message_id, settlement: Settlement::Delivered, receipt: b"receipt".to_vec() };
        store.settle_all(vec![answer], vec![ground], NOW).await.unwrap().is_some()
    };
    let state = async || store.sent(vec![message.message_id]).await.unwrap().remove(0).unwrap().state;
    assert!(!settle(ground()).await, "nothing is mirrored yet");
    store.extend_mirror(first_leaf(None, &Footing::default())).await.unwrap();
    assert!(!settle(Ground { root: Digest::of(b"another"), ..ground() }).await);
    assert!(!settle(Ground { size: 2, ..ground() }).await);
    assert!(!settle(Ground { cosigned: "another line".to_owned(), ..ground() }).await);
    assert!(!settle(Ground { origin: ORIGIN.to_owned(), ..ground() }).await);
    assert_eq!(state().await, SentState::Queued);
    assert!(settle(ground()).await);
    assert_eq!(state().await, SentState::Delivered);
}

#[tokio::test]
async fn the_cosignature_that_was_kept_first_stays_the_only_one_of_its_size() {
    let (_directory, store) = fresh();
    let footing = Footing::default();
    store.extend_mirror(first_leaf(None, &footing)).await.unwrap();
    let again = MirrorUpdate { cosigned: Some("later line".to_owned()), ..first_leaf(None, &footing) };
    let again = store.extend_mirror(again).await.unwrap();
    assert_eq!(again.extension, Extension::AlreadyHeld { size: 1 });
    assert_eq!(again.cosigned.as_deref(), Some("cosigned"));
}

/// A log of ours grows by one leaf.
fn grow(connection: &rusqlite::Connection) {
    let sql = "INSERT INTO log (origin, peer, mirror, size, checkpoint_size, checkpoint, cosigned_size, cosigned)
               VALUES ('counted', 'XB', 0, 1, 0, '', 0, '') ON CONFLICT (origin) DO UPDATE SET size = size + 1";
    connection.execute(sql, []).unwrap();
}

#[tokio::test]
async fn a_job_that_undoes_its_changes_leaves_those_of_its_group_as_they_are() {
    let (_directory, store) = fresh();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let keep = move |connection: &rusqlite::Connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        grow(connection);
        Ok(Verdict::Keep(()))
    };
    let undo = |connection: &rusqlite::Connection| {
        grow(connection);
        Ok(Verdict::Undo("undone"))
    };
    let fail = |connection: &rusqlite::Connection| {
        grow(connection);
        Err::<Verdict<()>, _>(StoreFault::Damaged("this one only".to_owned()))
    };
    // A group is made while the writer is busy with another.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let busy = store.queue(Pace::Soon, 0, move |_: &rusqlite::Connection| {
        let _released = held.recv();
        Ok(Verdict::Keep(()))
    });
    let (first, second) = (store.queue(Pace::Soon, 0, keep.clone()), store.queue(Pace::Soon, 0, undo));
    let (third, last) = (store.queue(Pace::Soon, 0, fail), store.queue(Pace::Soon, 0, keep));
    drop(release);
    let (busy, first, second, third, last) = tokio::join!(busy, first, second, third, last);
    busy.unwrap();
    first.unwrap();
    last.unwrap();
    assert_eq!(second.unwrap(), "undone");
    assert!(matches!(third, Err(StoreFault::Damaged(_))), "{third:?}");
    assert_eq!(size_of_counted(&store).await, 2);
    assert!(runs.load(Ordering::SeqCst) >= 3, "the group was run again");
}

async fn size_of_counted(store: &Store) -> i64 {
    let sql = "SELECT size FROM log WHERE origin = 'counted'";
    store.read(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
}

#[tokio::test]
async fn what_nobody_waits_for_shares_the_commit_of_what_comes_next() {
    let (_directory, store) = fresh();
    store.append_leaf(entry("leaf")).await.unwrap();
    let before = store.counts().commits;
    let checkpoint = Checkpoint { size: 1, text: "cosigned".to_owned() };
    let kept = store.save_cosigned_soon(ORIGIN.to_owned(), checkpoint.clone());
    let appended = store.append_leaf(entry("another"));
    let (kept, appended) = tokio::join!(kept, appended);
    assert_eq!((kept.unwrap(), appended.unwrap().index), (Some(checkpoint.text), 1));
    assert_eq!(store.counts().commits - before, 1);
    // Alone it is kept all the same.
    let checkpoint = Checkpoint { size: 2, text: "cosigned again".to_owned() };
    store.save_cosigned_soon(ORIGIN.to_owned(), checkpoint.clone()).await.unwrap();
    let head = store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap();
    assert_eq!(head.cosigned, Some(checkpoint));
}

#[tokio::test]
async fn what_is_kept_in_memory_is_not_read_and_everything_else_is() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let (first, second) = (line.next(), line.next());
    for message in [&first, &second] {
        taken(store.take_custody(message.clone()).await.unwrap());
    }
    store.keep_fresh(first.message_id, b"the exact envelope".to_vec());
    let due = store.due(peer(), NOW, 9, Default::default()).await.unwrap();
    let [one, two] = due.as_slice() else { panic!("{due:?}") };
    assert!(one.lacks_contents() && !two.lacks_contents());
    let digests = |parts: &[crate::gateway::store::record::Part]| {
        parts.iter().map(|part| (part.digest, part.size)).collect::<Vec<_>>()
    };
    assert_eq!(digests(&one.parts), digests(&first.parts));
    assert_eq!(two.parts, second.parts);
    assert_eq!(store.take_fresh(&first.message_id).as_deref(), Some(b"the exact envelope".as_slice()));
    let due = store.due(peer(), NOW, 9, Default::default()).await.unwrap();
    assert_eq!(due.first().unwrap().parts, first.parts);
}

#[tokio::test]
async fn news_of_a_log_are_the_leaves_that_were_not_sent_with_the_root_behind_them() {
    let (_directory, store) = fresh();
    for index in 0..5 {
        store.append_leaf(entry(&format!("leaf {index}"))).await.unwrap();
    }
    let progress =
        |next, cosigned_before| vec![LogProgress { origin: ORIGIN.to_owned(), next, cosigned_before }];
    let news = store.log_news(peer(), progress(1, 0), 3).await.unwrap();
    assert_eq!(news.newest.as_deref(), Some(ORIGIN));
    let [leaves] = news.leaves.as_slice() else { panic!("{news:?}") };
    assert_eq!((leaves.first_index, leaves.leaves.len()), (1, 3));
    assert_eq!(leaves.leaves.first().unwrap(), b"leaf 1");
    assert_eq!(Some(leaves.root), store.root_at(ORIGIN.to_owned(), 4).await.unwrap());
    assert_eq!(store.log_news(peer(), progress(5, 0), 3).await.unwrap().leaves, []);
    // What was cosigned since sending began, another session has sent.
    let checkpoint = Checkpoint { size: 4, text: "cosigned".to_owned() };
    store.save_cosigned(ORIGIN.to_owned(), checkpoint).await.unwrap();
    let first = async |before| {
        let news = store.log_news(peer(), progress(1, before), 9).await.unwrap();
        news.leaves.first().map(|leaves| leaves.first_index)
    };
    assert_eq!((first(0).await, first(4).await), (Some(4), Some(1)));
    assert_eq!(store.log_news(peer(), Vec::new(), 9).await.unwrap().leaves, []);
}
