//! Our store with one flaw each, as somebody might build it in.

use std::path::Path;
use std::sync::Mutex;

use super::port::{Answer, Batch, Port, Sqlite};
use crate::digest::Digest;
use crate::gateway::store::fixture::entry;
use crate::gateway::store::job::Verdict;
use crate::gateway::store::record::{
    Answered, Custody, Direction, Expiry, Footing, Ground, LeafPlace, MirrorUpdate, Mirrored, OutboxItem,
    Position, Received, SentMessage,
};
use crate::time::Timestamp;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    AnswersBeforeTheCommit,
    ForgetsTheDeduplicationKey,
    LosesTheOutboxRow,
    ForgetsASettlement,
    ReusesANumber,
    AnswersAnotherLeaf,
    ReordersAChannel,
    ForgetsAnExpiry,
    MovesTheCursorBack,
    RefersToAMissingPart,
    KeepsHalfABatch,
    KeepsHalfOfTheAnswers,
    UndoesItsNeighboursToo,
    PlacesBehindLostFooting,
    SettlesWithoutAGround,
}

/// A store with a flaw.
pub(super) struct Broken {
    inner: Sqlite,
    flaw: Flaw,
    /// What was answered and not yet committed.
    promised: Mutex<Batch>,
}

impl Broken {
    pub(super) fn with(flaw: Flaw) -> Self {
        Self { inner: Sqlite::fresh(), flaw, promised: Mutex::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    /// Commits what was promised, as a flush after a while would.
    async fn flush(&self) -> Answer<()> {
        let promised = std::mem::take(&mut *self.promised.lock().unwrap());
        self.inner.admit(promised, Footing::default()).await?;
        Ok(())
    }

    /// Answers for a batch that is not committed yet.
    async fn promise(&self, batch: Batch) -> Answer<Vec<Custody>> {
        self.flush().await?;
        let first = self.inner.leaves().await?.len() as u64;
        let places = (first..).zip(&batch).map(|(index, (_, message))| {
            let origin = message.origin.clone();
            Custody::Taken(LeafPlace { origin, index })
        });
        let custodies = places.collect();
        *self.promised.lock().unwrap() = batch;
        Ok(custodies)
    }

    /// What a flawed store leaves of a batch that was answered with a fault, and of others in its group.
    async fn half_undone(&self, mut batch: Batch) -> Answer<()> {
        if self.has(Flaw::KeepsHalfABatch) {
            batch.truncate(batch.len().div_ceil(2));
            self.inner.admit(batch, Footing::default()).await?;
        }
        if self.has(Flaw::UndoesItsNeighboursToo) {
            let sql = "DELETE FROM outgoing WHERE message = (SELECT max(message) FROM outgoing)";
            let undo = move |connection: &rusqlite::Connection| {
                connection.execute(sql, [])?;
                Ok(Verdict::Keep(()))
            };
            self.inner.store.write(0, undo).await?;
        }
        Ok(())
    }

    async fn another_leaf(&self) -> Answer<Custody> {
        Ok(Custody::Taken(self.inner.store.append_leaf(entry("another leaf")).await?))
    }

    /// What a flawed store makes of the answer of a good one.
    async fn twist(&self, custody: Custody) -> Answer<Custody> {
        match custody {
            Custody::AlreadyHeld { .. } if self.has(Flaw::ForgetsTheDeduplicationKey) => {
                self.another_leaf().await
            }
            Custody::Equivocation { .. } | Custody::OutOfSequence { .. } if self.has(Flaw::ReusesANumber) => {
                self.another_leaf().await
            }
            Custody::Taken(place) if self.has(Flaw::AnswersAnotherLeaf) => {
                Ok(Custody::Taken(LeafPlace { index: place.index.saturating_sub(1), ..place }))
            }
            other => Ok(other),
        }
    }
}

impl Port for Broken {
    async fn admit(&self, mut batch: Batch, mut footing: Footing) -> Answer<Vec<Custody>> {
        if self.has(Flaw::AnswersBeforeTheCommit) {
            return self.promise(batch).await;
        }
        if self.has(Flaw::RefersToAMissingPart) {
            batch.iter_mut().for_each(|(_, message)| message.parts.retain(|part| part.content.is_some()));
        }
        if self.has(Flaw::PlacesBehindLostFooting) {
            footing = Footing::default();
        }
        match self.inner.admit(batch.clone(), footing).await {
            Ok(custodies) => {
                let mut twisted = Vec::new();
                for custody in custodies {
                    twisted.push(self.twist(custody).await?);
                }
                Ok(twisted)
            }
            Err(fault) => {
                self.half_undone(batch).await?;
                Err(fault)
            }
        }
    }

    async fn due(&self, now: Timestamp) -> Answer<Vec<OutboxItem>> {
        self.flush().await?;
        let mut due = self.inner.due(now).await?;
        if self.has(Flaw::ReordersAChannel) {
            due.sort_by_key(|item| std::cmp::Reverse(item.precedence));
        }
        Ok(due)
    }

    async fn settle(&self, mut answers: Vec<Answered>, mut grounds: Vec<Ground>) -> Answer<bool> {
        self.flush().await?;
        if self.has(Flaw::SettlesWithoutAGround) {
            grounds.clear();
        }
        let settled = self.inner.settle(answers.clone(), grounds).await?;
        if !settled && self.has(Flaw::KeepsHalfOfTheAnswers) {
            answers.truncate(answers.len().div_ceil(2));
            self.inner.settle(answers, Vec::new()).await?;
        }
        Ok(settled)
    }

    async fn mirror(&self, update: MirrorUpdate) -> Answer<Mirrored> {
        self.inner.mirror(update).await
    }

    async fn defer(&self, message: Digest, next: Timestamp) -> Answer<()> {
        self.flush().await?;
        self.inner.defer(message, next).await
    }

    async fn expire(&self, message: Digest, leaf: &str) -> Answer<Expiry> {
        self.flush().await?;
        self.inner.expire(message, leaf).await
    }

    async fn sent(&self, message: Digest) -> Answer<Option<SentMessage>> {
        self.flush().await?;
        self.inner.sent(message).await
    }

    async fn received_after(&self, cursor: u64) -> Answer<Vec<Received>> {
        self.flush().await?;
        self.inner.received_after(cursor).await
    }

    async fn acknowledge(&self, cursor: u64) -> Answer<u64> {
        self.flush().await?;
        let acknowledged = self.inner.acknowledge(cursor).await?;
        Ok(if self.has(Flaw::MovesTheCursorBack) { cursor.min(acknowledged) } else { acknowledged })
    }

    async fn position(&self, direction: Direction, channel: &str) -> Answer<Position> {
        self.flush().await?;
        self.inner.position(direction, channel).await
    }

    async fn leaves(&self) -> Answer<Vec<Vec<u8>>> {
        self.flush().await?;
        self.inner.leaves().await
    }

    async fn put_part(&self, bytes: &[u8]) -> Answer<()> {
        self.inner.put_part(bytes).await
    }

    fn crash(self) -> Self {
        let flaw = self.flaw;
        let inner = self.inner.crash_with(|place| harm(place, flaw));
        Self { inner, flaw, promised: Mutex::default() }
    }
}

/// What is missing on the disk, because it was never written there.
fn harm(place: &Path, flaw: Flaw) {
    let sql = match flaw {
        Flaw::LosesTheOutboxRow => {
            "DELETE FROM outgoing WHERE message = (SELECT max(message) FROM outgoing WHERE unanswered = 1)"
        }
        Flaw::ForgetsASettlement => {
            "UPDATE outgoing SET unanswered = 1, state = 1, receipt = NULL WHERE unanswered = 0"
        }
        Flaw::ForgetsAnExpiry => {
            "UPDATE outgoing SET state = 1, expiry_log = NULL, expiry_index = NULL WHERE state = 4"
        }
        _ => return,
    };
    rusqlite::Connection::open(place.join("gateway.db")).unwrap().execute(sql, []).unwrap();
}
