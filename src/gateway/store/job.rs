//! A job of the writer: a piece of work within a transaction, and whom it answers when that is decided.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::StoreFault;

/// What a job decides about its own changes.
pub(super) enum Verdict<T> {
    /// They become durable with the answer.
    Keep(T),
    /// They are undone; the answer still waits for the commit, because it may speak of other jobs' changes.
    Undo(T),
}

impl<T> Verdict<T> {
    /// The same verdict with another answer.
    pub(super) fn map<U>(self, answer: impl FnOnce(T) -> U) -> Verdict<U> {
        match self {
            Self::Keep(value) => Verdict::Keep(answer(value)),
            Self::Undo(value) => Verdict::Undo(answer(value)),
        }
    }
}

/// How a job may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Once, in a savepoint of its own.
    Once,
    /// Again where its group must be given up; somebody waits for it.
    Soon,
    /// The same, and nobody waits for it: it shares the commit of a job that comes a little later.
    Patient,
}

/// A job in the writer's queue.
pub(super) struct Job {
    /// About how many bytes it writes.
    pub(super) weight: usize,
    /// Nobody waits for it: it may wait for another job's commit.
    pub(super) patient: bool,
    pub(super) work: Box<dyn Work>,
}

/// What a job does and whom it answers.
pub(super) trait Work: Send {
    /// Runs within the transaction. What it answers is kept until that is decided.
    fn run(&mut self, connection: &Connection) -> Ran;

    /// Whether it may run once more in another transaction, where this one is given up.
    fn may_run_again(&self) -> bool;

    /// Answers its caller. One that went away needs no answer; its job is durable all the same.
    fn answer(self: Box<Self>, commit: Commit);
}

/// A job that has run within the transaction and has not been answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ran {
    /// Whether its changes stay.
    pub(super) keep: bool,
    /// Whether the disk or the database can no longer be relied on.
    pub(super) stop: bool,
}

/// A job of one piece of work.
pub(super) struct Task<T, W> {
    work: W,
    again: bool,
    result: Option<Result<Verdict<T>, StoreFault>>,
    sender: oneshot::Sender<Result<T, StoreFault>>,
}

impl<T, W> Task<T, W> {
    /// Work with its place for an answer.
    pub(super) fn new(work: W, pace: Pace, sender: oneshot::Sender<Result<T, StoreFault>>) -> Self {
        Self { work, again: pace != Pace::Once, result: None, sender }
    }
}

impl<T, W> Work for Task<T, W>
where
    T: Send + 'static,
    W: FnMut(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
{
    fn run(&mut self, connection: &Connection) -> Ran {
        let result = behind_a_wall(|| (self.work)(connection));
        let keep = matches!(result, Ok(Verdict::Keep(_)));
        let stop = matches!(&result, Err(fault) if fault.stops_the_writer());
        self.result = Some(result);
        Ran { keep, stop }
    }

    fn may_run_again(&self) -> bool {
        self.again
    }

    fn answer(self: Box<Self>, commit: Commit) {
        let Self { result, sender, .. } = *self;
        let answer = match (commit, result) {
            (Commit::Refused, _) => Err(StoreFault::NoSpace),
            (Commit::Failed, _) | (_, None) => Err(StoreFault::Stopped),
            (Commit::Durable, Some(Ok(Verdict::Keep(value) | Verdict::Undo(value)))) => Ok(value),
            (Commit::Durable, Some(Err(fault))) => Err(fault),
        };
        let _gone = sender.send(answer);
    }
}

/// Runs a job; one that panics is answered as one that failed, and undone like it.
fn behind_a_wall<T>(work: impl FnOnce() -> Result<T, StoreFault>) -> Result<T, StoreFault> {
    // What it works on is undone with its savepoint or its whole group, and statements are reset when dropped.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("a job of the store met a defect of ours and was undone");
        Err(StoreFault::Panicked)
    })
}

/// What became of the transaction.
#[derive(Clone, Copy)]
pub(super) enum Commit {
    Durable,
    Failed,
    /// There was none: there is no room for the group.
    Refused,
}
