//! Crashes: whatever the disk holds when the process dies, what was acknowledged is there, and the rest is
//! there whole or not at all.

use std::path::Path;

use crate::gateway::store::fixture::{
    Line, NOW, ORIGIN, bounds, entry, fresh, inline, later, open, peer, taken,
};
use crate::gateway::store::record::{
    Alarm, Consignment, Decision, Direction, Expiry, LogEntry, RESTORED_ALARM, Settlement,
};
use crate::gateway::store::{Store, StoreFault};
use crate::trust::name::Ministry;

/// Copies what a crash leaves: the database as it is and the first `wal_bytes` of its write-ahead log.
fn crash_image(from: &Path, to: &Path, wal_bytes: usize) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::copy(from.join("gateway.db"), to.join("gateway.db")).unwrap();
    let wal = std::fs::read(from.join("gateway.db-wal")).unwrap();
    std::fs::write(to.join("gateway.db-wal"), &wal[..wal_bytes.min(wal.len())]).unwrap();
}

async fn out_position(store: &Store) -> u64 {
    store.position(Direction::Out, "ch-1".to_owned(), peer()).await.unwrap().sequence
}

#[tokio::test]
async fn an_image_taken_at_any_moment_holds_all_that_was_acknowledged_before_it() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    for round in 1..=6_u64 {
        let message = line.next();
        taken(store.take_custody(message.clone()).await.unwrap());
        taken(store.receive(message.clone()).await.unwrap());
        if round % 2 == 0 {
            let receipt = b"receipt".to_vec();
            store.settle(message.message_id, Settlement::Delivered, receipt, message.now).await.unwrap();
        } else {
            let expiry =
                store.expire(message.message_id, "CHN_06".to_owned(), entry("expired"), NOW).await.unwrap();
            assert!(matches!(expiry, Expiry::Done(_)));
        }
        // Copied while the store is open: nothing was closed, nothing was flushed for the occasion.
        let image = directory.path().join(format!("image-{round}"));
        crash_image(directory.path(), &image, usize::MAX);
        let survivor = open(&image);
        assert_eq!(out_position(&survivor).await, round);
        assert_eq!(survivor.waiting().await.unwrap(), round);
        assert_eq!(survivor.queues().await.unwrap()[0].queued, round.div_ceil(2));
        let leaves = survivor.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size;
        assert_eq!(leaves, 2 * round + round.div_ceil(2));
        assert_eq!(survivor.verify().await.unwrap().damages, Vec::<String>::new());
    }
}

/// The log of what is done to the gateway, where its own desks have their acts written too.
const ACTS: &str = "mfa.xa.example/chancery/administration/2026";

fn own() -> Ministry {
    Ministry::parse("XA").unwrap()
}

/// Takes the next message into custody, and then writes what stands beside messages, in this order: an act, the number
/// of a stick, and that the message is on it.
async fn take_and_pack(store: &Store, line: &mut Line, number: u64) -> Consignment {
    let message = line.next();
    taken(store.take_custody(message.clone()).await.unwrap());
    let leaf = format!("act {number}").into_bytes();
    store.append_leaf(LogEntry { origin: ACTS.to_owned(), peer: own(), leaf }).await.unwrap();
    assert_eq!(store.next_pack(peer(), NOW).await.unwrap(), number);
    let decision = Decision { time: later(number), operator: 7, reason: String::new(), act: None };
    store.note_packed(vec![message.message_id], decision).await.unwrap();
    message
}

/// How many of these messages, from the first on, are noted to be on a stick.
async fn packed(store: &Store, messages: &[Consignment]) -> usize {
    let mut packed = 0;
    for message in messages {
        let entry = store.queue_entry(message.message_id).await.unwrap();
        packed += usize::from(entry.is_some_and(|entry| entry.packed.is_some()));
    }
    packed
}

/// What a desk is given back: the headers of its messages, which are as many as their sequence says.
async fn given_back(store: &Store) -> Vec<Vec<u8>> {
    let given = store.submitted_after("ch-1".to_owned(), peer(), 0, 100).await.unwrap();
    let lines = store.lines_sent(0, 10).await.unwrap();
    assert_eq!(lines.first().map_or(0, |line| line.sequence), given.len() as u64);
    assert_eq!(lines.first().and_then(|line| line.message_id), given.last().map(|last| last.sent.message_id));
    given.into_iter().map(|one| one.signed.header).collect()
}

#[tokio::test]
async fn what_a_desk_is_given_back_and_what_was_noted_for_it_is_there_after_a_crash_at_any_moment() {
    let (directory, store) = fresh();
    let (mut line, mut messages) = (Line::on("ch-1"), Vec::new());
    for round in 1..=4_u64 {
        messages.push(take_and_pack(&store, &mut line, round).await);
        let (code, detail) = (RESTORED_ALARM.to_owned(), round.to_string());
        store.raise_alarm(Alarm { code, ministry: own(), detail, time: later(round) }).await.unwrap();
        let image = directory.path().join(format!("image-{round}"));
        crash_image(directory.path(), &image, usize::MAX);
        let survivor = open(&image);
        let headers: Vec<_> = messages.iter().map(|message| message.header.clone()).collect();
        assert_eq!(given_back(&survivor).await, headers);
        let acts = survivor.leaves(ACTS.to_owned(), 0, 100).await.unwrap();
        assert_eq!(acts.last().unwrap().bytes, format!("act {round}").into_bytes());
        assert_eq!((acts.len(), packed(&survivor, &messages).await), (messages.len(), messages.len()));
        assert_eq!(
            survivor.next_pack(peer(), NOW).await.unwrap(),
            round + 1,
            "no number of a stick comes twice"
        );
        let alarms = survivor.alarms().await.unwrap();
        let told = alarms.iter().find(|alarm| alarm.code == RESTORED_ALARM).unwrap();
        assert_eq!((told.count, &told.detail), (round, &round.to_string()));
        assert_eq!(survivor.verify().await.unwrap().damages, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_write_ahead_log_torn_anywhere_leaves_acts_and_sticks_only_behind_what_they_follow() {
    let (directory, store) = fresh();
    let (mut line, mut messages) = (Line::on("ch-1"), Vec::new());
    for number in 1..=3 {
        messages.push(take_and_pack(&store, &mut line, number).await);
    }
    let length = std::fs::metadata(directory.path().join("gateway.db-wal")).unwrap().len() as usize;
    for (image, bytes) in (0..length).step_by(length / 40 + 13).chain([length]).enumerate() {
        let image = directory.path().join(format!("torn-{image}"));
        crash_image(directory.path(), &image, bytes);
        let survivor = open(&image);
        let given = given_back(&survivor).await.len();
        let acts = survivor.leaves(ACTS.to_owned(), 0, 100).await.unwrap().len();
        let packed = packed(&survivor, &messages).await;
        assert!(packed <= acts && acts <= given && given <= packed + 1, "{given} {acts} {packed} of {bytes}");
        assert!(survivor.next_pack(peer(), NOW).await.unwrap() > packed as u64);
        assert_eq!(survivor.verify().await.unwrap().damages, Vec::<String>::new());
        std::fs::remove_dir_all(&image).unwrap();
    }
}

const MIB: u64 = 1024 * 1024;

/// Takes custody of some messages that fill more than two MiB of the write-ahead log.
async fn fill(store: &Store, line: &mut Line) {
    for number in 0..20 {
        let mut message = line.next();
        message.parts = vec![inline(&number.to_string().repeat(128 * 1024))];
        taken(store.take_custody(message).await.unwrap());
    }
}

/// Leaves what a crash would and opens that.
fn survivor(directory: &Path) -> Store {
    let image = directory.join("image");
    crash_image(directory, &image, usize::MAX);
    let left = std::fs::metadata(image.join("gateway.db-wal")).unwrap().len();
    assert!(left > 2 * MIB, "{left}");
    open(&image)
}

#[tokio::test]
async fn a_write_ahead_log_that_a_crash_has_left_is_moved_and_does_not_grow_with_every_crash() {
    let (directory, store) = fresh();
    fill(&store, &mut Line::on("ch-1")).await;
    let survivor = survivor(directory.path());
    assert!(survivor.inner.space.backlog() > 2 * MIB);
    survivor.inner.space.pretend(8 * MIB);
    // The checkpoint follows the answer; the next answer follows the checkpoint.
    for seconds in 1..=2 {
        let (code, detail) = ("STORE_SPACE".to_owned(), seconds.to_string());
        let alarm = Alarm { code, ministry: peer(), detail, time: later(seconds) };
        survivor.raise_alarm(alarm).await.unwrap();
    }
    assert_eq!(survivor.counts().checkpoints, 1);
    assert!(survivor.inner.space.backlog() < MIB);
}

#[tokio::test]
async fn what_the_write_ahead_log_held_before_it_was_moved_takes_no_room_after_a_crash() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    fill(&store, &mut line).await;
    let database = rusqlite::Connection::open(directory.path().join("gateway.db")).unwrap();
    database.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    // It begins anew in a file that stays as long as it was.
    taken(store.take_custody(line.next()).await.unwrap());
    let survivor = survivor(directory.path());
    let backlog = survivor.inner.space.backlog();
    assert!((1..MIB).contains(&backlog), "{backlog}");
}

#[tokio::test]
async fn a_write_ahead_log_torn_anywhere_leaves_whole_messages_only_and_the_store_goes_on() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let mut messages = Vec::new();
    for _ in 0..5 {
        messages.push(line.next());
        taken(store.take_custody(messages.last().unwrap().clone()).await.unwrap());
    }
    let length = std::fs::metadata(directory.path().join("gateway.db-wal")).unwrap().len() as usize;
    let mut reached = 0;
    // A stride that meets frame headers, page bodies and frame ends in turn.
    for (image, bytes) in (0..length).step_by(length / 60 + 13).chain([length]).enumerate() {
        let image = directory.path().join(format!("torn-{image}"));
        crash_image(directory.path(), &image, bytes);
        let survivor = open(&image);
        let position = out_position(&survivor).await;
        assert!(position >= reached, "a longer log holds no less");
        reached = position;
        let size = survivor.log_head(ORIGIN.to_owned()).await.unwrap().map_or(0, |head| head.size);
        assert_eq!(size, position);
        assert_eq!(survivor.verify().await.unwrap().damages, Vec::<String>::new());
        for message in &messages[position as usize..] {
            taken(survivor.take_custody(message.clone()).await.unwrap());
        }
        std::fs::remove_dir_all(&image).unwrap();
    }
    assert_eq!(reached, 5, "the whole log holds every acknowledged message");
}

#[tokio::test]
async fn answers_of_callers_that_went_away_are_durable_all_the_same() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let first = line.next();
    {
        let custody = store.take_custody(first.clone());
        tokio::pin!(custody);
        // Polled once, so that the job is queued, and then forgotten.
        let _ = futures_util::poll!(&mut custody);
    }
    taken(store.take_custody(line.next()).await.unwrap());
    drop(store);
    let store = open(directory.path());
    assert_eq!(out_position(&store).await, 2);
}

#[test]
fn a_damaged_file_is_refused_at_opening() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("gateway.db"), vec![7; 8192]).unwrap();
    let fault = Store::open(directory.path(), bounds(), NOW).unwrap_err();
    assert!(matches!(fault, StoreFault::Database(_)), "{fault}");
}
