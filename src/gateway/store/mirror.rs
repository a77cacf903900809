//! Mirrors of peers' logs: extended by exactly the leaves that lead to the root of the peer's checkpoint, which is
//! kept with our cosignature in the same commit.

use rusqlite::{Connection, params};

use super::columns::stored;
use super::job::{Pace, Verdict};
use super::log;
use super::record::{Checkpoint, Extension, LogLeaf, MirrorUpdate, Mirrored};
use super::tree::LogTree;
use super::{Store, StoreFault};

impl Store {
    /// Extends the mirror of a peer's log, all or nothing, and keeps our cosignature with it; queued for the
    /// writer when this returns, durable when it answers. Leaves that are held already may be among them and must
    /// be the same. Nobody waits for leaves: they share the commit of what comes behind them. `RootMismatch` on a verified checkpoint is a sign of a fork: the caller keeps the checkpoint
    /// as proof.
    pub fn extend_mirror(
        &self,
        update: MirrorUpdate,
    ) -> impl Future<Output = Result<Mirrored, StoreFault>> + Send + use<> {
        let leaves: usize = update.leaves.iter().map(|leaf| leaf.bytes.len()).sum();
        let weight = leaves + update.cosigned.as_ref().map_or(0, String::len);
        self.queue(Pace::Patient, weight, move |connection| {
            let extended = extend(connection, &update)?;
            let cosigned = match &extended {
                Verdict::Keep(_) => cosign_once(connection, &update)?,
                Verdict::Undo(refused) => {
                    if let Extension::Gap { .. } | Extension::RootMismatch = refused {
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

fn extend(connection: &Connection, update: &MirrorUpdate) -> Result<Verdict<Extension>, StoreFault> {
    let mut tree = LogTree::open(connection, &update.origin, &update.peer, true)?;
    let have = tree.size;
    if update.first_index > have {
        return Ok(Verdict::Undo(Extension::Gap { have }));
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

fn holds(tree: &LogTree<'_>, index: u64, leaf: &LogLeaf) -> Result<bool, StoreFault> {
    Ok(tree.leaf(index)?.is_some_and(|held| held.bytes == leaf.bytes))
}
