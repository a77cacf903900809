//! The writer: groups share a commit, a full queue refuses, a failed write stops everything.

use std::sync::mpsc;

use tokio::task::JoinSet;

use crate::gateway::store::fixture::{Line, NOW, ORIGIN, bounds, entry, fresh, inline, open, peer, taken};
use crate::gateway::store::job::Verdict;
use crate::gateway::store::record::{Custody, Direction, Settlement};
use crate::gateway::store::{Store, StoreFault};
use crate::limits::{CHECKPOINT_BYTES, COMMIT_QUEUE_BYTES_MAX};

/// Holds the writer inside a job until the returned sender is used or dropped.
async fn hold_writer(store: &Store) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let (release, held) = mpsc::channel::<()>();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let store = store.clone();
    let job = tokio::spawn(async move {
        let work = move |_: &rusqlite::Connection| {
            entered.send(()).unwrap();
            let _ = held.recv();
            Ok(Verdict::Keep(()))
        };
        store.write(0, work).await.unwrap();
    });
    inside.await.unwrap();
    (release, job)
}

async fn until_waiting(store: &Store, jobs: u64) {
    while store.counts().waiting < jobs {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn waiting_submissions_share_one_commit_and_each_gets_its_own_answer() {
    let (_directory, store) = fresh();
    let (release, job) = hold_writer(&store).await;
    let before = store.counts();
    let mut submissions = JoinSet::new();
    let mut line = Line::on("ch-1");
    let mut queued = 0;
    for index in 0..64 {
        let message = line.next();
        // Every fourth is offered twice, as by a caller that has lost patience.
        for _ in 0..=usize::from(index % 4 == 0) {
            let (worker, message) = (store.clone(), message.clone());
            submissions.spawn(async move { worker.take_custody(message).await.unwrap() });
            queued += 1;
            until_waiting(&store, queued).await;
        }
    }
    drop(release);
    job.await.unwrap();
    let answers = submissions.join_all().await;
    let taken = answers.iter().filter(|answer| matches!(answer, Custody::Taken(_))).count();
    assert_eq!((answers.len(), taken), (80, 64));
    let after = store.counts();
    assert_eq!(after.jobs - before.jobs, 81);
    assert_eq!(after.commits - before.commits, 2, "the held job's commit and one for all the others");
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 64);
}

#[tokio::test]
async fn a_job_that_fails_in_a_group_takes_nothing_with_it() {
    let (_directory, store) = fresh();
    let (release, job) = hold_writer(&store).await;
    let mut jobs = JoinSet::new();
    for index in 0..3_u64 {
        let worker = store.clone();
        let mut leaf = entry(&format!("leaf {index}"));
        if index == 1 {
            leaf.peer = crate::trust::name::Ministry::parse("XC").unwrap();
        }
        jobs.spawn(async move { worker.append_leaf(leaf).await.is_ok() });
        until_waiting(&store, index + 1).await;
    }
    drop(release);
    job.await.unwrap();
    assert_eq!(jobs.join_all().await.into_iter().filter(|done| *done).count(), 2);
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn more_bytes_than_may_wait_are_refused_and_taken_later() {
    let (_directory, store) = fresh();
    let (release, job) = hold_writer(&store).await;
    let heavy = store.clone();
    let first = tokio::spawn(async move {
        heavy.write(COMMIT_QUEUE_BYTES_MAX, |_| Ok(Verdict::Keep(()))).await.unwrap();
    });
    until_waiting(&store, 1).await;
    let message = Line::on("ch-1").next();
    let refused = store.take_custody(message.clone()).await.unwrap_err();
    assert_eq!(refused.reason(), "STORE_BUSY");
    drop(release);
    job.await.unwrap();
    first.await.unwrap();
    assert_eq!(store.counts().waiting, 0);
    taken(store.take_custody(message).await.unwrap());
}

/// Every verb, reading or writing, answers `Stopped`.
async fn assert_stopped(store: &Store) {
    let message = Line::on("ch-9").next();
    let id = message.message_id;
    let stopped = |fault: StoreFault| assert_eq!(fault.reason(), "STORE_STOPPED");
    assert!(store.is_stopped());
    stopped(store.take_custody(message.clone()).await.unwrap_err());
    stopped(store.receive(message).await.unwrap_err());
    stopped(store.append_leaf(entry("leaf")).await.unwrap_err());
    stopped(store.settle(id, Settlement::Delivered, vec![], NOW).await.unwrap_err());
    stopped(store.acknowledge(1).await.unwrap_err());
    stopped(store.put_part(&peer(), id, 1, 0).await.unwrap_err());
    stopped(store.due(peer(), NOW, 1, Default::default()).await.unwrap_err());
    stopped(store.received_after(0, 1).await.unwrap_err());
    stopped(store.log_head(ORIGIN.to_owned()).await.unwrap_err());
    stopped(store.position(Direction::Out, "ch-1".to_owned(), peer()).await.unwrap_err());
    stopped(store.verify().await.unwrap_err());
}

#[tokio::test]
async fn a_failed_commit_is_never_acknowledged_and_stops_every_verb_until_the_store_is_opened_again() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    taken(store.take_custody(line.next()).await.unwrap());
    store.inner.writer.fail_next_commit();
    let second = line.next();
    let fault = store.take_custody(second.clone()).await.unwrap_err();
    assert_eq!(fault.reason(), "STORE_STOPPED");
    assert_stopped(&store).await;
    assert_eq!(store.counts().jobs, 1);
    drop(store);

    let store = open(directory.path());
    let position = store.position(Direction::Out, "ch-1".to_owned(), peer()).await.unwrap();
    assert_eq!(position.sequence, 1, "what was not acknowledged was not kept either");
    taken(store.take_custody(second).await.unwrap());
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn a_full_disk_stops_the_store_and_loses_nothing_that_was_acknowledged() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    taken(store.take_custody(line.next()).await.unwrap());
    let full = |connection: &rusqlite::Connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let limit = format!("PRAGMA max_page_count = {}", pages + 8);
        connection.query_row(&limit, [], |row| row.get::<_, i64>(0))?;
        Ok(Verdict::Keep(()))
    };
    store.write(0, full).await.unwrap();
    let mut acknowledged = 1;
    let fault = loop {
        let mut message = line.next();
        message.parts = vec![inline(&format!("{acknowledged}").repeat(20_000))];
        match store.take_custody(message).await {
            Ok(custody) => acknowledged = taken(custody).index + 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.reason(), "STORE_STOPPED");
    assert_stopped(&store).await;
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, acknowledged);
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}

#[tokio::test]
async fn the_write_ahead_log_is_moved_into_the_database_as_it_grows_and_at_the_end() {
    let (directory, store) = fresh();
    for index in 0..3 {
        assert_eq!(store.counts().checkpoints, index);
        store.write(CHECKPOINT_BYTES / 2, |_| Ok(Verdict::Keep(()))).await.unwrap();
        // The checkpoint follows the answer; the next answer follows the checkpoint.
        store.append_leaf(entry(&format!("leaf {index}"))).await.unwrap();
    }
    drop(store);
    assert!(!directory.path().join("gateway.db-wal").exists());
    let store = open(directory.path());
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 3);
}

#[tokio::test]
async fn a_checkpoint_that_fails_stops_the_store_and_loses_nothing() {
    let (directory, store) = fresh();
    let place = store.append_leaf(entry("leaf")).await.unwrap();
    store.inner.writer.fail_next_checkpoint();
    store.write(CHECKPOINT_BYTES, |_| Ok(Verdict::Keep(()))).await.unwrap();
    let fault = store.append_leaf(entry("later")).await.unwrap_err();
    assert_eq!(fault.reason(), "STORE_STOPPED");
    drop(store);
    assert!(directory.path().join("gateway.db-wal").exists(), "the log is left for the next process");
    assert!(open(directory.path()).leaf(place).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_channels_at_once_stay_gapless_each() {
    let (_directory, store) = fresh();
    let mut lines = JoinSet::new();
    for channel in 0..8 {
        let store = store.clone();
        lines.spawn(async move {
            let mut line = Line::on(&format!("ch-{channel}"));
            for _ in 0..25 {
                taken(store.take_custody(line.next()).await.unwrap());
            }
        });
    }
    lines.join_all().await;
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 200);
    assert_eq!(store.queues().await.unwrap()[0].queued, 200);
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.messages, whole.damages), (200, vec![]));
}

#[tokio::test]
async fn a_job_that_panics_is_undone_and_said_and_what_others_were_answered_for_is_kept() {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    taken(store.take_custody(line.next()).await.unwrap());
    let panics = |connection: &rusqlite::Connection| -> Result<Verdict<()>, StoreFault> {
        connection.execute_batch("DELETE FROM outgoing; UPDATE log SET size = 99;").unwrap();
        let mut statement = connection.prepare_cached("SELECT key FROM message").unwrap();
        let mut rows = statement.query([]).unwrap();
        assert!(rows.next().unwrap().is_none(), "a mistake of ours, in the middle of a statement");
        Ok(Verdict::Keep(()))
    };
    // In the company of others, before and behind.
    let (mut company, mut alone) = (tokio::task::JoinSet::new(), Vec::new());
    for channel in 2..10 {
        let other = store.clone();
        company.spawn(async move {
            let mut line = Line::on(&format!("ch-{channel}"));
            for _ in 0..5 {
                taken(other.take_custody(line.next()).await.unwrap());
            }
        });
        alone.push(store.write(0, panics).await.unwrap_err().reason());
    }
    company.join_all().await;
    assert_eq!(alone, ["STORE_PANICKED"; 8]);
    assert!(!store.is_stopped());
    taken(store.take_custody(line.next()).await.unwrap());
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 42);
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.queues().await.unwrap()[0].queued, 42);
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.messages, whole.damages), (42, vec![]));
}

#[tokio::test]
async fn only_one_process_owns_the_store_and_the_last_handle_gives_it_back() {
    let (directory, store) = fresh();
    let clone = store.clone();
    drop(store);
    let fault = Store::open(directory.path(), bounds(), NOW).unwrap_err();
    assert_eq!(fault.reason(), "STORE_IN_USE");
    assert!(fault.to_string().contains(&directory.path().display().to_string()));
    drop(clone);
    open(directory.path());
}
