//! The one thread that writes. It drains what waits, runs the jobs in one transaction so that each can be undone
//! alone, commits once, and only then answers all of them: the sync of the disk is paid per group, not per job.
//!
//! The first commit or write that fails stops it for good. A sync that is tried again can report success
//! for pages that were lost, so nothing that comes later could be believed. For the same reason it moves the
//! write-ahead log into the database itself: SQLite would do that unasked, but would not tell of a failure.
//!
//! A job that panics has met a defect of ours, not of the disk. What it changed is undone as that of a job which
//! fails is, by its savepoint or with its group; it alone is answered `Panicked`, loudly, and the others of its group
//! are committed. To stop instead would lose nothing either, but one message that meets the defect again at every
//! attempt would end the gateway each time it comes. A panic anywhere else in the thread stops the store.
//!
//! A disk that is nearly full is no failed write: before each group it looks whether there is room, and a group
//! that does not fit is answered `NoSpace` before it touches the disk.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::oneshot;

use super::job::{Commit, Job, Pace, Task, Verdict};
use super::mark::{Mark, Marks};
use super::ownership::Ownership;
use super::space::Space;
use super::{StoreFault, WriterCounts, wal};
use crate::limits::{
    CHECKPOINT_BYTES, COMMIT_BYTES_MAX, COMMIT_JOBS_MAX, COMMIT_PATIENCE, COMMIT_QUEUE_BYTES_MAX,
    COMMIT_QUEUE_MAX, WAL_BYTES_MAX,
};

/// What a commit adds to the write-ahead log beside its payload, about: a page for each index it touches.
const COMMIT_OVERHEAD_BYTES: usize = 128 * 1024;

/// Jobs that nobody waits for: with so many of them a group waits no longer.
const PATIENT_JOBS_MAX: usize = 8;

/// The writing thread, seen from its callers.
pub(super) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    commits: AtomicU64,
    jobs: AtomicU64,
    checkpoints: AtomicU64,
    waiting: AtomicU64,
    waiting_bytes: AtomicUsize,
    marks: Marks,
    #[cfg(test)]
    fail_next_commit: AtomicBool,
    #[cfg(test)]
    fail_next_checkpoint: AtomicBool,
}

impl Writer {
    /// Starts the thread on `connection`; `ownership` ends with the thread.
    pub(super) fn start(
        mut connection: Connection,
        ownership: Ownership,
        space: Arc<Space>,
    ) -> Result<Self, StoreFault> {
        let (queue, jobs) = sync_channel(COMMIT_QUEUE_MAX);
        let state = Arc::new(State::default());
        state.marks.follow(&mut connection)?;
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            // Whatever ends the thread, nobody may take its silence for health.
            let ending = Ending(shared);
            serve(&connection, &jobs, &ending.0, &space);
            drop(connection);
            drop(ownership);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), state })
    }

    /// A writer that writes nothing: it holds `connection` and `ownership` until it is dropped, and answers every
    /// job `Stopped`.
    pub(super) fn idle(connection: Connection, ownership: Ownership) -> Result<Self, StoreFault> {
        let (queue, jobs) = sync_channel::<Job>(1);
        let thread = std::thread::Builder::new().name("store-witness".to_owned()).spawn(move || {
            while jobs.recv().is_ok() {}
            drop(connection);
            drop(ownership);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), state: Arc::default() })
    }

    /// Queues `work` and waits until its group is durable.
    pub(super) async fn submit<T, W>(&self, weight: usize, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        self.queue(weight, work)?.await.unwrap_or(Err(StoreFault::Stopped))
    }

    /// Queues `work`; its answer comes when its group is durable.
    pub(super) fn queue<T, W>(
        &self,
        weight: usize,
        work: W,
    ) -> Result<oneshot::Receiver<Result<T, StoreFault>>, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        let mut work = Some(work);
        let once = move |connection: &Connection| match work.take() {
            Some(work) => work(connection),
            None => Err(StoreFault::Misuse("a job that may run once was run again")),
        };
        self.enqueue_task(Pace::Once, weight, once)
    }

    /// The same for work that may be run again in another transaction. A group of such jobs needs no savepoint for
    /// each, which would copy every page that the job touches.
    pub(super) fn queue_again<T, W>(
        &self,
        pace: Pace,
        weight: usize,
        work: W,
    ) -> Result<oneshot::Receiver<Result<T, StoreFault>>, StoreFault>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        self.enqueue_task(pace, weight, work)
    }

    fn enqueue_task<T, W>(
        &self,
        pace: Pace,
        weight: usize,
        work: W,
    ) -> Result<oneshot::Receiver<Result<T, StoreFault>>, StoreFault>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let work = Box::new(Task::new(work, pace, sender));
        self.enqueue(Job { weight, patient: pace == Pace::Patient, work })?;
        Ok(answer)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state.stopped.load(Ordering::SeqCst)
    }

    pub(super) fn counts(&self) -> WriterCounts {
        WriterCounts {
            commits: self.state.commits.load(Ordering::SeqCst),
            jobs: self.state.jobs.load(Ordering::SeqCst),
            checkpoints: self.state.checkpoints.load(Ordering::SeqCst),
            waiting: self.state.waiting.load(Ordering::SeqCst),
        }
    }

    /// Writes a mark from now on after every commit.
    pub(super) fn keep_mark(&self, mark: Mark) {
        self.state.marks.keep(mark);
    }

    /// What the writer knows of marks.
    pub(super) fn marks(&self) -> Marks {
        self.state.marks.clone()
    }

    /// Makes the next commit fail, as a disk would.
    #[cfg(test)]
    pub(super) fn fail_next_commit(&self) {
        self.state.fail_next_commit.store(true, Ordering::SeqCst);
    }

    /// Makes the next checkpoint fail, as a disk would.
    #[cfg(test)]
    pub(super) fn fail_next_checkpoint(&self) {
        self.state.fail_next_checkpoint.store(true, Ordering::SeqCst);
    }

    fn enqueue(&self, job: Job) -> Result<(), StoreFault> {
        if self.is_stopped() {
            return Err(StoreFault::Stopped);
        }
        let weight = job.weight;
        let before = self.state.waiting_bytes.fetch_add(weight, Ordering::SeqCst);
        self.state.waiting.fetch_add(1, Ordering::SeqCst);
        let refused = if before.saturating_add(weight) > COMMIT_QUEUE_BYTES_MAX && before > 0 {
            Some(StoreFault::Busy)
        } else {
            let queue = self.queue.as_ref().ok_or(StoreFault::Stopped)?;
            queue.try_send(job).err().map(|error| match error {
                TrySendError::Full(_) => StoreFault::Busy,
                TrySendError::Disconnected(_) => StoreFault::Stopped,
            })
        };
        refused.map_or(Ok(()), |fault| {
            self.state.left(weight);
            Err(fault)
        })
    }
}

impl Drop for Writer {
    /// Waits until what was queued is committed and the database is closed.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl State {
    fn left(&self, weight: usize) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.waiting_bytes.fetch_sub(weight, Ordering::SeqCst);
    }
}

/// Says that the writer has stopped when its thread ends, even by a panic.
struct Ending(Arc<State>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }
}

/// Serves groups until every caller is gone or a write fails. Jobs still queued then are dropped, which
/// their callers see as `Stopped`.
fn serve(connection: &Connection, jobs: &Receiver<Job>, state: &State, space: &Space) {
    // What a process that was lost has left in the write-ahead log counts too: else it grows with every crash.
    let mut written = space.backlog();
    while let Ok(first) = jobs.recv() {
        let (group, weight) = gather(first, jobs, state);
        let bytes = (weight.saturating_mul(2).saturating_add(COMMIT_OVERHEAD_BYTES)) as u64;
        if !space.fits(bytes) {
            group.into_iter().for_each(|job| job.work.answer(Commit::Refused));
            continue;
        }
        let mut group = group;
        let result = commit_group(connection, &mut group, state);
        // Before any answer: what was answered must be known to have been signed.
        let result = result.and_then(|()| state.marks.note(connection));
        let commit = if result.is_ok() { Commit::Durable } else { Commit::Failed };
        if let Commit::Durable = commit {
            state.commits.fetch_add(1, Ordering::SeqCst);
            state.jobs.fetch_add(group.len() as u64, Ordering::SeqCst);
        } else {
            state.stopped.store(true, Ordering::SeqCst);
        }
        group.into_iter().for_each(|job| job.work.answer(commit));
        written = written.saturating_add(bytes);
        space.note_backlog(space.backlog().saturating_add(bytes));
        let result = result.and_then(|()| {
            if written < checkpoint_bytes(space) {
                return Ok(());
            }
            written = 0;
            checkpoint(connection, state, space)
        });
        if let Err(fault) = result {
            return stop(connection, state, space, &fault);
        }
    }
    if let Err(fault) = checkpoint(connection, state, space) {
        stop(connection, state, space, &fault);
    }
}

/// Bytes written after which the write-ahead log is moved: fewer where there is little room, because what it
/// holds is needed once more in the database.
fn checkpoint_bytes(space: &Space) -> u64 {
    (CHECKPOINT_BYTES as u64).min(space.seen().free / 4)
}

/// Leaves the disk as it is: the next process finds the write-ahead log and everything acknowledged in it.
fn stop(connection: &Connection, state: &State, space: &Space, fault: &StoreFault) {
    state.stopped.store(true, Ordering::SeqCst);
    tracing::error!(%fault, "the store stopped: nothing is accepted until a restart");
    if fault.is_full_disk() {
        // The next process needs room to begin.
        space.release();
    }
    leave_the_log(connection, true);
}

/// Whether the connection ends without moving the write-ahead log.
fn leave_the_log(connection: &Connection, leave: bool) {
    // Where even this fails there is nothing left to do but to end.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave);
}

/// Moves what is in the write-ahead log into the database, as far as readers allow, and syncs it. Where there
/// is not enough room for that it stays where it is: it is durable there.
fn checkpoint(connection: &Connection, state: &State, space: &Space) -> Result<(), StoreFault> {
    #[cfg(test)]
    if state.fail_next_checkpoint.load(Ordering::SeqCst) {
        return Err(StoreFault::File(std::io::Error::other("injected")));
    }
    if space.look() < space.backlog() {
        leave_the_log(connection, true);
        return Ok(());
    }
    leave_the_log(connection, false);
    space.note_backlog(wal::move_into_database(connection, WAL_BYTES_MAX)?);
    state.checkpoints.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// Takes what waits now, with its weight; nobody is made to wait for more. Where nobody waits at all, a little time
/// is given to others to come.
fn gather(first: Job, jobs: &Receiver<Job>, state: &State) -> (Vec<Job>, usize) {
    state.left(first.weight);
    let mut weight = first.weight;
    let mut patient = first.patient;
    let mut group = vec![first];
    while group.len() < COMMIT_JOBS_MAX && weight < COMMIT_BYTES_MAX {
        let next = if patient { jobs.recv_timeout(COMMIT_PATIENCE).ok() } else { jobs.try_recv().ok() };
        let Some(job) = next else { break };
        patient &= job.patient && group.len() < PATIENT_JOBS_MAX;
        state.left(job.weight);
        weight = weight.saturating_add(job.weight);
        group.push(job);
    }
    (group, weight)
}

fn commit_group(connection: &Connection, group: &mut [Job], state: &State) -> Result<(), StoreFault> {
    let _within = tracing::info_span!("store.commit", jobs = group.len()).entered();
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let result = run_group(connection, group).and_then(|()| commit(connection, state));
    if result.is_err() && !connection.is_autocommit() {
        // The transaction must not stay open; that it failed is reported already.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}

fn run_group(connection: &Connection, group: &mut [Job]) -> Result<(), StoreFault> {
    if group.iter().all(|job| job.work.may_run_again()) {
        if run_bare(connection, group)? {
            return Ok(());
        }
        // One of them must be undone alone, which takes savepoints: all of them once more from the beginning.
        connection.prepare_cached("ROLLBACK")?.execute([])?;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    }
    for job in group {
        connection.prepare_cached("SAVEPOINT job")?.execute([])?;
        let ran = job.work.run(connection);
        if ran.stop {
            return Err(StoreFault::Stopped);
        }
        if !ran.keep {
            connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        connection.prepare_cached("RELEASE job")?.execute([])?;
    }
    Ok(())
}

/// Runs jobs without savepoints; false where one has changed something that is to be undone.
fn run_bare(connection: &Connection, group: &mut [Job]) -> Result<bool, StoreFault> {
    for job in group {
        let before = connection.total_changes();
        let ran = job.work.run(connection);
        if ran.stop {
            return Err(StoreFault::Stopped);
        }
        if !ran.keep && connection.total_changes() != before {
            return Ok(false);
        }
    }
    Ok(true)
}

fn commit(connection: &Connection, state: &State) -> Result<(), StoreFault> {
    #[cfg(test)]
    if state.fail_next_commit.load(Ordering::SeqCst) {
        return Err(StoreFault::File(std::io::Error::other("injected")));
    }
    #[cfg(not(test))]
    let _ = state;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
