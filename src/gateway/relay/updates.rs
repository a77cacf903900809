//! How far one session has come in each of our logs of the pair, and the sending of what is new.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::session::Session;
use super::waiting::hand_on;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello, LogUpdate};

/// Where sending stands in each log, by origin.
#[derive(Debug, Default)]
pub(super) struct Updates(BTreeMap<String, Progress>);

#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The next leaf to send.
    next: u64,
    /// What the peer says it holds, as far as our own signature proves it; zero where we hold less.
    mirrored: u64,
    /// What it had cosigned when the session began: it may have lost some of that since.
    cosigned_before: u64,
}

impl Session<'_> {
    /// Where sending begins: where the peer's mirror of each log ends, and at the beginning of those of which
    /// it holds nothing. Of a log of which it holds more than we do nothing is shown or sent: what was lost here
    /// is asked for, and when it is back sending goes on behind it.
    pub(super) async fn begin_updates(&self, theirs: &Hello) -> Result<Updates, Fault> {
        let mut mirrored = self.gateway.mirrored_by(self.peer, theirs);
        let mut updates = BTreeMap::new();
        for log in self.gateway.store.list_logs().await? {
            if log.mirror || log.peer != *self.peer {
                continue;
            }
            let cosigned_before = log.cosigned.map_or(0, |cosigned| cosigned.size);
            let next = mirrored.remove(&log.origin).unwrap_or(0);
            let shown = if next > log.size { 0 } else { next };
            updates.insert(log.origin, Progress { next, mirrored: shown, cosigned_before });
        }
        for (origin, next) in mirrored {
            updates.insert(origin, Progress { next, mirrored: 0, cosigned_before: 0 });
        }
        Ok(Updates(updates))
    }

    /// Shows our checkpoint of today for what the peer mirrors: a fork would show as two of one size.
    pub(super) async fn show_mirrored(
        &self,
        outgoing: &mpsc::Sender<Frame>,
        updates: &Updates,
    ) -> Result<(), Fault> {
        for (origin, Progress { mirrored, .. }) in updates.0.iter().filter(|(_, at)| at.mirrored > 0) {
            let checkpoint = self.gateway.checkpoint_at(origin, *mirrored).await?;
            let shown = LogUpdate { first_index: *mirrored, leaves: Vec::new(), checkpoint };
            hand_on(outgoing, Frame::LogUpdate(shown)).await?;
        }
        Ok(())
    }

    /// Sends the leaves of our logs of the pair that this session has not sent yet.
    pub(super) async fn send_updates(
        &self,
        outgoing: &mpsc::Sender<Frame>,
        updates: &mut Updates,
    ) -> Result<(), Fault> {
        // A new year's log is opened by the first leaf that needs it.
        let present = self.gateway.open_log(self.peer).await?;
        updates.0.entry(present).or_insert(Progress { next: 0, mirrored: 0, cosigned_before: 0 });
        for (origin, at) in &mut updates.0 {
            // Another session may have carried leaves in the meantime.
            let head = self.gateway.store.log_head(origin.clone()).await?;
            let cosigned = head.and_then(|head| head.cosigned).map_or(0, |cosigned| cosigned.size);
            if cosigned > at.cosigned_before {
                at.next = at.next.max(cosigned);
            }
            while let Some(update) = self.gateway.next_update(origin, at.next).await? {
                at.next = update.first_index.saturating_add(update.leaves.len() as u64);
                hand_on(outgoing, Frame::LogUpdate(update)).await?;
            }
        }
        Ok(())
    }
}
