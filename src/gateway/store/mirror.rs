//! Mirrors of peers' logs: extended by exactly the leaves that lead to the root of the peer's checkpoint, which is
//! kept with our cosignature in the same commit.

use rusqlite::{Connection, params};

use super::columns::{self, Code as _, stored};
use super::job::{Pace, Verdict};
use super::log;
use super::record::{Checkpoint, Direction, Extension, LogLeaf, MirrorUpdate, Mirrored};
use super::tree::LogTree;
use super::{Store, StoreFault};
use crate::limits::MIRROR_LOGS_MAX;
use crate::trust::name::Ministry;

impl Store {
    /// Extends the mirror of a peer's log, all or nothing, and keeps our cosignature with it; queued for the
    /// writer when this returns, durable when it answers. Leaves that are held already may be among them and must
    /// be the same. Nobody waits for leaves: they share the commit of what comes behind them. `RootMismatch` on a
    /// verified checkpoint is a sign of a fork: the caller keeps the checkpoint as proof.
    pub fn extend_mirror(
        &self,
        update: MirrorUpdate,
    ) -> impl Future<Output = Result<Mirrored, StoreFault>> + Send + use<> {
        let leaves: usize = update.leaves.iter().map(|leaf| leaf.bytes.len()).sum();
        let most = self.inner.space.bounds().mirror;
        let weight = leaves + update.cosigned.as_ref().map_or(0, String::len);
        self.queue(Pace::Patient, weight, move |connection| {
            let extended = extend(connection, &update, most)?;
            let cosigned = match &extended {
                Verdict::Keep(_) => cosign_once(connection, &update)?,
                Verdict::Undo(refused) => {
                    if let Extension::Gap { .. } | Extension::RootMismatch | Extension::OverQuota = refused {
                        update.footing.lose();
                    }
                    None
                }
            };
            Ok(extended.map(|extension| Mirrored { extension, cosigned }))
        })
    }
}

/// Keeps our cosignature on the checkpoint of an update unless there is one of that size; answers what is kept.
fn cosign_once(connection: &Connection, update: &MirrorUpdate) -> Result<Option<String>, StoreFault> {
    let size = update.first_index.saturating_add(update.leaves.len() as u64);
    let kept = log::cosigned_at(connection, &update.origin, size)?.map(|kept| kept.text);
    match (kept, &update.cosigned) {
        (None, Some(text)) => {
            let checkpoint = Checkpoint { size, text: text.clone() };
            log::keep_cosigned(connection, &update.origin, &checkpoint)
        }
        (kept, _) => Ok(kept),
    }
}

fn extend(
    connection: &Connection,
    update: &MirrorUpdate,
    most: u64,
) -> Result<Verdict<Extension>, StoreFault> {
    let mut tree = LogTree::open(connection, &update.origin, &update.peer, true)?;
    let have = tree.size;
    if update.first_index > have {
        return Ok(Verdict::Undo(Extension::Gap { have }));
    }
    let grown = update.first_index.saturating_add(update.leaves.len() as u64).saturating_sub(have);
    if grown > 0 && is_over_quota(connection, &update.peer, grown, most)? {
        return Ok(Verdict::Undo(Extension::OverQuota));
    }
    for (index, leaf) in (update.first_index..).zip(&update.leaves) {
        if index < have {
            if !holds(&tree, index, leaf)? {
                return Ok(Verdict::Undo(Extension::RootMismatch));
            }
        } else {
            tree.append(leaf)?;
        }
    }
    let covered = update.first_index.saturating_add(update.leaves.len() as u64);
    if tree.root(covered)? != update.root {
        return Ok(Verdict::Undo(Extension::RootMismatch));
    }
    if covered == 0 {
        return Ok(Verdict::Undo(Extension::AlreadyHeld { size: have }));
    }
    if covered <= have {
        // Nothing was appended; a cosignature may still be added.
        return Ok(Verdict::Keep(Extension::AlreadyHeld { size: have }));
    }
    let sql = "UPDATE log SET size = ?2, checkpoint_size = ?2, checkpoint = ?3 WHERE key = ?1";
    connection.prepare_cached(sql)?.execute(params![tree.key, stored(covered), update.checkpoint])?;
    Ok(Verdict::Keep(Extension::Extended { size: covered }))
}

/// Whether a peer's logs would hold more leaves than its messages and ours to it account for, and `most` besides. A
/// message has one leaf or two on either side: it was taken, and it expired, was withdrawn or refused.
fn is_over_quota(
    connection: &Connection,
    peer: &Ministry,
    grown: u64,
    most: u64,
) -> Result<bool, StoreFault> {
    let sql = "SELECT count(*), ifnull(sum(size), 0) FROM log WHERE mirror = 1 AND peer = ?1";
    let (logs, leaves): (u64, u64) = connection
        .prepare_cached(sql)?
        .query_row([peer.as_str()], |row| Ok((columns::count(row, 0)?, columns::count(row, 1)?)))?;
    let leaves = leaves.saturating_add(grown);
    if logs > MIRROR_LOGS_MAX || leaves <= most {
        return Ok(logs > MIRROR_LOGS_MAX);
    }
    let sql = "SELECT ifnull(sum(sequence), 0) FROM pair WHERE direction IN (?1, ?2) AND peer = ?3";
    let values = params![Direction::In.code(), Direction::Out.code(), peer.as_str()];
    let messages = connection.prepare_cached(sql)?.query_row(values, |row| columns::count(row, 0))?;
    Ok(leaves.saturating_sub(messages.saturating_mul(2)) > most)
}

fn holds(tree: &LogTree<'_>, index: u64, leaf: &LogLeaf) -> Result<bool, StoreFault> {
    Ok(tree.leaf(index)?.is_some_and(|held| held.bytes == leaf.bytes))
}
