//! The bounds that the store has where nobody sets others: what is exactly at one is taken, what is beyond it is
//! refused or left for later, and nothing of it stays.

use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::digest::Digest;
use crate::gateway::store::custody::Purpose;
use crate::gateway::store::fixture::{Line, NOW, fresh, later, peer, refused, taken};
use crate::gateway::store::job::Verdict;
use crate::gateway::store::record::{
    Amount, Announced, Custody, Decision, Extension, Footing, FoundMessage, LogLeaf, MirrorUpdate,
    QueueFilter, QueuePlace, Release, Retried, Retry,
};
use crate::gateway::store::{Bounds, Store};
use crate::limits::{
    BALLAST_BYTES, COMMIT_BYTES_MAX, COMMIT_JOBS_MAX, COMMIT_QUEUE_MAX, DECISIONS_KEPT, ID_PREFIX_DIGITS_MIN,
    MAILBOX_BYTES_MAX, MAILBOX_MESSAGES_MAX, MIRROR_LEAVES_MAX, MIRROR_LOGS_MAX, PART_TRANSFERS_MAX,
    QUEUE_PAGE_MAX, RETRY_MESSAGES_MAX, SEALED_PART_BYTES_MAX, SPACE_FLOOR_BYTES, STATUS_ALARMS_MAX,
    UPLOAD_BYTES_MAX,
};

use crate::tlog::merkle::leaf_hash;

const GIB: u64 = 1024 * 1024 * 1024;

/// A store as a gateway has it whose configuration says nothing of room.
fn usual() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Bounds::default(), NOW).unwrap();
    store.inner.space.pretend(1000 * GIB);
    (directory, store)
}

async fn sql(store: &Store, sql: String) {
    store
        .write(0, move |connection| {
            connection.execute_batch(&sql).unwrap();
            Ok(Verdict::Keep(()))
        })
        .await
        .unwrap();
}

async fn waiting(store: &Store) -> Amount {
    store.holdings(vec![peer()]).await.unwrap()[0].mailbox
}

#[tokio::test]
async fn room_is_kept_below_which_nothing_new_is_taken() {
    let (directory, store) = usual();
    let ballast = std::fs::metadata(directory.path().join("ballast")).unwrap();
    assert_eq!(ballast.len(), BALLAST_BYTES);
    let message = Line::on("ch-1").next();
    store.inner.space.pretend(SPACE_FLOOR_BYTES - 1);
    assert_eq!(store.take_custody(message.clone()).await.unwrap(), Custody::NoSpace);
    store.inner.space.pretend(SPACE_FLOOR_BYTES + GIB);
    taken(store.take_custody(message).await.unwrap());
}

#[tokio::test]
async fn a_mailbox_holds_so_many_messages_of_a_peer() {
    let (_directory, store) = usual();
    let mut line = Line::on("ch-1");
    taken(store.receive(line.next()).await.unwrap());
    sql(&store, format!("UPDATE mailbox SET peer_count = {}", MAILBOX_MESSAGES_MAX - 1)).await;
    taken(store.receive(line.next()).await.unwrap());
    assert_eq!(waiting(&store).await.count, MAILBOX_MESSAGES_MAX);
    assert_eq!(store.receive(line.next()).await.unwrap(), Custody::QuotaReached);
    assert_eq!(waiting(&store).await.count, MAILBOX_MESSAGES_MAX);
}

#[tokio::test]
async fn a_mailbox_holds_so_many_bytes_of_a_peer() {
    let (_directory, store) = usual();
    let mut line = Line::on("ch-1");
    taken(store.receive(line.next()).await.unwrap());
    let second = line.next();
    let set = async |bytes: u64| sql(&store, format!("UPDATE mailbox SET peer_bytes = {bytes}")).await;
    set(MAILBOX_BYTES_MAX - second.whole_bytes() + 1).await;
    assert_eq!(store.receive(second.clone()).await.unwrap(), Custody::QuotaReached);
    set(MAILBOX_BYTES_MAX - second.whole_bytes()).await;
    taken(store.receive(second).await.unwrap());
    assert_eq!(waiting(&store).await.bytes, MAILBOX_BYTES_MAX);
}

#[tokio::test]
async fn parts_without_a_message_have_so_many_bytes_in_sum() {
    let (_directory, store) = usual();
    let announce =
        |name: &'static str, size: u64| store.announce_part(peer(), Digest::of(name.as_bytes()), size, NOW);
    let mut left = UPLOAD_BYTES_MAX;
    for name in ["one", "two", "three", "four", "five", "six"] {
        assert_eq!(announce(name, SEALED_PART_BYTES_MAX).await.unwrap(), Announced::Welcome);
        left -= SEALED_PART_BYTES_MAX;
    }
    assert_eq!(announce("last", left + 1).await.unwrap(), Announced::QuotaReached);
    assert_eq!(announce("last", left).await.unwrap(), Announced::Welcome);
    assert_eq!(announce("tiny", 1).await.unwrap(), Announced::QuotaReached);
    assert_eq!(store.holdings(vec![peer()]).await.unwrap()[0].uploads.bytes, UPLOAD_BYTES_MAX);
}

#[tokio::test]
async fn one_side_hands_over_so_many_parts_at_once() {
    let (_directory, store) = fresh();
    let begin =
        async |number: usize| store.put_part(&peer(), Digest::of(number.to_string().as_bytes()), 10, 0).await;
    let mut under_way = Vec::new();
    for number in 0..PART_TRANSFERS_MAX {
        under_way.push(begin(number).await.unwrap());
    }
    assert_eq!(begin(PART_TRANSFERS_MAX).await.unwrap_err().reason(), "PART_BUSY");
    under_way.pop();
    begin(PART_TRANSFERS_MAX).await.unwrap();
}

/// Queues jobs of this weight behind one that holds the writer; how many of them were refused, and in how many
/// commits the others were written.
async fn queued(store: &Store, jobs: usize, weight: usize) -> (usize, u64) {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let first = store.clone();
    let holding = tokio::spawn(async move {
        let work = move |_: &rusqlite::Connection| {
            entered.send(()).unwrap();
            let _ = held.recv();
            Ok(Verdict::Keep(()))
        };
        first.write(0, work).await.unwrap();
    });
    inside.await.unwrap();
    let (before, mut waiting, mut refused) = (store.counts().commits, JoinSet::new(), 0);
    for _ in 0..jobs {
        // Asked once, each is in the queue or refused.
        let mut job = Box::pin({
            let store = store.clone();
            async move { store.write(weight, |_| Ok(Verdict::Keep(()))).await }
        });
        match std::future::poll_fn(|cx| std::task::Poll::Ready(job.as_mut().poll(cx))).await {
            std::task::Poll::Ready(ended) => {
                assert_eq!(ended.unwrap_err().reason(), "STORE_BUSY");
                refused += 1;
            }
            std::task::Poll::Pending => drop(waiting.spawn(job)),
        }
    }
    drop(release);
    holding.await.unwrap();
    assert!(waiting.join_all().await.into_iter().all(|written| written.is_ok()));
    // The job that held the writer had a commit of its own.
    (refused, store.counts().commits - before - 1)
}

#[tokio::test]
async fn so_many_jobs_wait_and_so_many_share_a_commit() {
    let (_directory, store) = fresh();
    assert_eq!(queued(&store, COMMIT_JOBS_MAX, 0).await, (0, 1));
    assert_eq!(queued(&store, COMMIT_JOBS_MAX + 1, 0).await, (0, 2));
    let commits = COMMIT_QUEUE_MAX.div_ceil(COMMIT_JOBS_MAX) as u64;
    assert_eq!(queued(&store, COMMIT_QUEUE_MAX, 0).await, (0, commits));
    assert_eq!(queued(&store, COMMIT_QUEUE_MAX + 3, 0).await, (3, commits));
}

#[tokio::test]
async fn a_commit_takes_so_many_bytes_and_one_job_over() {
    let (_directory, store) = fresh();
    assert_eq!(queued(&store, 2, COMMIT_BYTES_MAX - 1).await, (0, 1));
    assert_eq!(queued(&store, 2, COMMIT_BYTES_MAX).await, (0, 2));
}

/// Sends so many messages on one channel.
async fn sent(store: &Store, count: usize) -> Vec<Digest> {
    let (mut line, mut ids) = (Line::on("ch-1"), Vec::new());
    while ids.len() < count {
        let batch: Vec<_> = (0..256.min(count - ids.len())).map(|_| (Purpose::Send, line.next())).collect();
        ids.extend(batch.iter().map(|(_, message)| message.message_id));
        let prepared = store.prepare(batch).unwrap();
        let admitted = store.admit_all(prepared, Footing::default()).await.unwrap();
        assert!(admitted.custodies.iter().all(|custody| matches!(custody, Custody::Taken(_))));
    }
    ids
}

#[tokio::test]
async fn a_page_of_the_queue_is_never_longer_whatever_is_asked_for() {
    let (_directory, store) = fresh();
    sent(&store, QUEUE_PAGE_MAX + 1).await;
    let page = async |after, limit| store.queue_page(QueueFilter::default(), after, limit).await.unwrap();
    let first = page(QueuePlace::default(), usize::MAX).await;
    assert_eq!(first.entries.len(), QUEUE_PAGE_MAX);
    let second = page(first.next.unwrap(), QUEUE_PAGE_MAX).await;
    assert_eq!((second.entries.len(), second.next), (1, None));
}

#[tokio::test]
async fn so_many_messages_are_tried_at_once_and_the_others_when_their_turn_comes() {
    let (_directory, store) = fresh();
    let ids = sent(&store, RETRY_MESSAGES_MAX + 1).await;
    store.note_attempt(ids.clone(), refused("CHN_02", later(500))).await.unwrap();
    let last = *ids.last().unwrap();
    let most = RETRY_MESSAGES_MAX as u64;
    assert_eq!(store.retry(Retry::Message(last), later(2), None).await.unwrap(), Retried::Done(most));
    let entry = async |id| store.queue_entry(id).await.unwrap().unwrap().next_attempt;
    assert_eq!((entry(ids[0]).await, entry(last).await), (later(2), later(500)));
    let due = store.due(peer(), later(2), 10, BTreeMap::new()).await.unwrap();
    assert_eq!(due.first().map(|item| item.sequence), Some(1));
}

#[tokio::test]
async fn the_beginning_of_an_id_has_a_few_digits_at_least() {
    let (_directory, store) = fresh();
    let id = sent(&store, 1).await[0];
    let found = async |digits: usize| store.find_message(id.hex()[..digits].to_owned()).await.unwrap();
    assert!(matches!(found(ID_PREFIX_DIGITS_MIN).await, FoundMessage::One(one, _) if one == id));
    assert_eq!(found(ID_PREFIX_DIGITS_MIN - 1).await, FoundMessage::None);
}

#[tokio::test]
async fn the_first_and_the_last_decisions_about_a_message_are_kept() {
    let (_directory, store) = fresh();
    let ids = sent(&store, 1).await;
    let by = |number: u32| Decision {
        time: later(number.into()),
        operator: 1000,
        reason: String::new(),
        act: None,
    };
    let turns = 3 * DECISIONS_KEPT;
    for number in 1..=turns {
        match number % 2 {
            1 => drop(store.hold(ids[0], false, by(number)).await.unwrap()),
            _ => assert!(matches!(store.release(ids[0], by(number)).await.unwrap(), Release::Done)),
        }
    }
    let kept = store.decisions(ids[0]).await.unwrap();
    let times: Vec<_> = kept.iter().map(|kept| kept.decision.time).collect();
    let expected = (1..=DECISIONS_KEPT).chain(turns - DECISIONS_KEPT + 1..=turns);
    assert_eq!(times, expected.map(|number| later(number.into())).collect::<Vec<_>>());
}

#[tokio::test]
async fn so_many_alarms_are_shown_the_newest_first() {
    let (_directory, store) = fresh();
    let rows = format!(
        "WITH RECURSIVE turn (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM turn WHERE number < {})
         INSERT INTO alarm (code, ministry, first_detail, detail, first_time, time, count)
         SELECT 'CODE_' || number, 'XB', '', '', {now}, {now} + number, 1 FROM turn",
        STATUS_ALARMS_MAX + 1,
        now = NOW.seconds(),
    );
    sql(&store, rows).await;
    for alarms in [store.alarms().await.unwrap(), store.all_alarms().await.unwrap()] {
        assert_eq!(alarms.len(), STATUS_ALARMS_MAX);
        assert_eq!(alarms[0].code, format!("CODE_{}", STATUS_ALARMS_MAX + 1));
        assert!(alarms.iter().all(|alarm| alarm.code != "CODE_1"));
    }
}

/// Shows the first leaf of a log of the peer.
async fn mirrored(store: &Store, origin: &str) -> Extension {
    let leaf = LogLeaf { bytes: b"leaf".to_vec(), message_id: None };
    let root = leaf_hash(&leaf.bytes);
    let update = MirrorUpdate {
        origin: origin.to_owned(),
        peer: peer(),
        first_index: 0,
        leaves: vec![leaf],
        root,
        checkpoint: "checkpoint 1".to_owned(),
        cosigned: None,
        footing: Footing::default(),
    };
    store.extend_mirror(update).await.unwrap().extension
}

#[tokio::test]
async fn a_peer_is_mirrored_up_to_so_many_leaves_that_no_message_accounts_for() {
    let (_directory, store) = usual();
    assert_eq!(mirrored(&store, "log 1").await, Extension::Extended { size: 1 });
    sql(&store, format!("UPDATE log SET size = {}", MIRROR_LEAVES_MAX - 1)).await;
    assert_eq!(mirrored(&store, "log 2").await, Extension::Extended { size: 1 });
    assert_eq!(mirrored(&store, "log 3").await, Extension::OverQuota);
}

#[tokio::test]
async fn a_peer_is_mirrored_up_to_so_many_logs() {
    let (_directory, store) = usual();
    for number in 1..=MIRROR_LOGS_MAX {
        assert_eq!(mirrored(&store, &format!("log {number}")).await, Extension::Extended { size: 1 });
    }
    assert_eq!(mirrored(&store, "one more").await, Extension::OverQuota);
    assert_eq!(store.list_logs().await.unwrap().len() as u64, MIRROR_LOGS_MAX);
}
