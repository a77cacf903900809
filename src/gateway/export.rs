//! The export: everything of the archive that others can check, in one pass, for the operator.
//!
//! Accredited records, own logs and mirrors with their cosigned checkpoints, signed headers and the peers'
//! receipts leave; no sealed part does, and nothing changes. The sizes of all logs are taken first and in one
//! snapshot: what comes in while the export runs is left out of it, so that it agrees with itself.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{ArchivedMessage, Checkpoint, LogHead, Record};
use crate::limits;

/// One piece of the export, in the order in which they come: records; logs, each with its leaves and its
/// cosigned checkpoints behind it; messages in the order of custody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Archived {
    Record(Record),
    /// A log and a checkpoint over all its leaves that follow.
    Log(LogHead, Checkpoint),
    Leaves(Vec<Vec<u8>>),
    Cosigned(Checkpoint),
    Message(ArchivedMessage),
}

/// Whoever asked has gone: there is no more to do, and nothing is wrong.
struct Gone;

impl Gateway {
    /// Gives the whole archive to `sink`, until its end or until nobody takes it any more.
    pub(super) async fn export(&self, sink: &mpsc::Sender<Result<Archived, Fault>>) {
        if let Err(fault) = self.hand_out(sink).await {
            // Whoever asked may be gone, too.
            let _gone = sink.send(Err(fault)).await;
        }
    }

    async fn hand_out(&self, sink: &mpsc::Sender<Result<Archived, Fault>>) -> Result<(), Fault> {
        let mut logs = Vec::new();
        for head in self.store.list_logs().await? {
            logs.extend(self.covered(head)?);
        }
        for record in self.store.records().await? {
            if give(sink, Archived::Record(record)).await.is_err() {
                return Ok(());
            }
        }
        let mut sizes = BTreeMap::new();
        for (head, checkpoint) in logs {
            sizes.insert(head.origin.clone(), checkpoint.size);
            if let Err(Gone) = self.hand_out_log(sink, head, checkpoint).await? {
                return Ok(());
            }
        }
        let mut after = 0;
        loop {
            let page = self.store.archived_after(after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.key;
            for message in page {
                let size = sizes.get(&message.place.origin).copied().unwrap_or(0);
                if message.place.index < size && give(sink, Archived::Message(message)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    /// A log with the checkpoint that covers it: an own log under a signature made now, a mirror under the
    /// keeper's. None for a mirror that has none yet.
    fn covered(&self, head: LogHead) -> Result<Option<(LogHead, Checkpoint)>, Fault> {
        if head.mirror {
            let kept = head.checkpoint.clone();
            return Ok(kept.map(|checkpoint| (head, checkpoint)));
        }
        let text = match &head.cosigned {
            Some(cosigned) if cosigned.size == head.size => cosigned.text.clone(),
            _ => self.sign_checkpoint(&head.origin, head.size, head.root)?,
        };
        let checkpoint = Checkpoint { size: head.size, text };
        Ok(Some((head, checkpoint)))
    }

    async fn hand_out_log(
        &self,
        sink: &mpsc::Sender<Result<Archived, Fault>>,
        head: LogHead,
        checkpoint: Checkpoint,
    ) -> Result<Result<(), Gone>, Fault> {
        let (origin, size) = (head.origin.clone(), checkpoint.size);
        if give(sink, Archived::Log(head, checkpoint)).await.is_err() {
            return Ok(Err(Gone));
        }
        let mut next = 0;
        while next < size {
            let wanted =
                usize::try_from(size - next).unwrap_or(usize::MAX).min(limits::LOG_UPDATE_LEAVES_MAX);
            let leaves = self.store.leaves(origin.clone(), next, wanted).await?;
            if leaves.is_empty() {
                return Err(Fault::Damaged(format!("leaf {next} of {origin}")));
            }
            next = next.saturating_add(leaves.len() as u64);
            let leaves = leaves.into_iter().map(|leaf| leaf.bytes).collect();
            if give(sink, Archived::Leaves(leaves)).await.is_err() {
                return Ok(Err(Gone));
            }
        }
        let mut after = 0;
        loop {
            let page = self.store.cosigned_after(origin.clone(), after).await?;
            let Some(last) = page.last() else { return Ok(Ok(())) };
            after = last.size;
            for cosigned in page.into_iter().filter(|cosigned| cosigned.size <= size) {
                if give(sink, Archived::Cosigned(cosigned)).await.is_err() {
                    return Ok(Err(Gone));
                }
            }
        }
    }
}

async fn give(sink: &mpsc::Sender<Result<Archived, Fault>>, piece: Archived) -> Result<(), Gone> {
    sink.send(Ok(piece)).await.map_err(|_| Gone)
}
