//! How far one session has come in each of our logs of the pair, and the sending of what is new.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::session::Session;
use super::waiting::hand_on;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Hello, LogUpdate};
use crate::gateway::store::record::{LogProgress, NewLeaves};
use crate::limits;

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
            self.intake.expect_cosignature();
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
        loop {
            let present = self.gateway.present_log(self.peer);
            let mut sent: Vec<LogProgress> = updates.0.iter().map(progress).collect();
            if !updates.0.contains_key(&present) {
                sent.push(LogProgress { origin: present.clone(), next: 0, cosigned_before: 0 });
            }
            let most = limits::LOG_UPDATE_LEAVES_MAX;
            let news = self.gateway.store.log_news(self.peer.clone(), sent, most).await?;
            // A new year's log is opened by the first leaf that needs it, and a clock may have been turned back.
            let open = news.newest.filter(|newest| *newest > present).unwrap_or(present);
            let unknown = !updates.0.contains_key(&open);
            updates.0.entry(open).or_insert(Progress { next: 0, mirrored: 0, cosigned_before: 0 });
            let mut is_done = !unknown;
            for NewLeaves { origin, first_index, leaves, root } in news.leaves {
                is_done &= leaves.len() < most;
                let end = first_index.saturating_add(leaves.len() as u64);
                let checkpoint = self.gateway.sign_checkpoint(&origin, end, root)?;
                if let Some(at) = updates.0.get_mut(&origin) {
                    at.next = end;
                    self.intake.expect_cosignature();
                    hand_on(outgoing, Frame::LogUpdate(LogUpdate { first_index, leaves, checkpoint }))
                        .await?;
                }
            }
            if is_done {
                return Ok(());
            }
        }
    }
}

fn progress((origin, at): (&String, &Progress)) -> LogProgress {
    let Progress { next, cosigned_before, .. } = *at;
    LogProgress { origin: origin.clone(), next, cosigned_before }
}
