//! Crashes: whatever the disk holds when the process dies, what was acknowledged is there, and the rest is
//! there whole or not at all.

use std::path::Path;

use crate::gateway::store::fixture::{Line, NOW, ORIGIN, bounds, entry, fresh, open, peer, taken};
use crate::gateway::store::record::{Direction, Expiry, Settlement};
use crate::gateway::store::{Store, StoreFault};

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
