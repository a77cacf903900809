//! Mirrors of peers' logs: extended by exactly the leaves that lead to the root of the peer's checkpoint.

use rusqlite::{Connection, params};

use super::columns::stored;
use super::record::{Extension, LogLeaf, MirrorUpdate};
use super::tree::LogTree;
use super::writer::Verdict;
use super::{Store, StoreFault};

impl Store {
    /// Extends the mirror of a peer's log, all or nothing, durable on return. Leaves that are held already
    /// may be among them and must be the same. `RootMismatch` on a verified checkpoint is a sign of a fork:
    /// the caller keeps the checkpoint as proof.
    pub async fn extend_mirror(&self, update: MirrorUpdate) -> Result<Extension, StoreFault> {
        let weight = update.leaves.iter().map(|leaf| leaf.bytes.len()).sum();
        self.write(weight, move |connection| extend(connection, &update)).await
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
    if covered <= have {
        return Ok(Verdict::Undo(Extension::AlreadyHeld { size: have }));
    }
    let sql = "UPDATE log SET size = ?2, checkpoint_size = ?2, checkpoint = ?3 WHERE key = ?1";
    connection.prepare_cached(sql)?.execute(params![tree.key, stored(covered), update.checkpoint])?;
    Ok(Verdict::Keep(Extension::Extended { size: covered }))
}

fn holds(tree: &LogTree<'_>, index: u64, leaf: &LogLeaf) -> Result<bool, StoreFault> {
    Ok(tree.leaf(index)?.is_some_and(|held| held.bytes == leaf.bytes))
}
