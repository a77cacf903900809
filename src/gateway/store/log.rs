//! Logs: leaves, heads, checkpoints and proofs, for our own logs and for mirrors alike.
//!
//! Leaves and checkpoints enter; leaves, roots and proofs leave, for any size that the log has reached. A signed
//! checkpoint never gives way to one of a smaller size, and the first one with a cosignature of each size stays:
//! evidence names it.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, stored, stored_len};
use super::job::{Pace, Verdict};
use super::record::{Checkpoint, CheckpointKept, FoundLeaf, Ground, LeafPlace, LogEntry, LogHead, LogLeaf};
use super::tree::{self, LogTree};
use super::{Store, StoreFault, about};
use crate::digest::Digest;
use crate::tlog::proof;

impl Store {
    /// Appends a leaf that concerns no message to our own log. Durable on return.
    pub async fn append_leaf(&self, entry: LogEntry) -> Result<LeafPlace, StoreFault> {
        self.write(entry.leaf.len(), move |connection| {
            let leaf = LogLeaf { bytes: entry.leaf, message_id: None };
            let (_, place) = tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?;
            Ok(Verdict::Keep(place))
        })
        .await
    }

    /// Size, root and checkpoints of a log; `None` where there is no such log.
    pub async fn log_head(&self, origin: String) -> Result<Option<LogHead>, StoreFault> {
        self.read(move |connection| {
            let tree = LogTree::find(connection, &origin)?;
            tree.map(|tree| head(connection, tree)).transpose()
        })
        .await
    }

    /// All logs with their heads, by origin.
    pub async fn list_logs(&self) -> Result<Vec<LogHead>, StoreFault> {
        self.read(heads).await
    }

    /// Root of the tree over the first `size` leaves; `None` where the log has fewer or does not exist. With
    /// it a checkpoint of any earlier size is compared with what is held.
    pub async fn root_at(&self, origin: String, size: u64) -> Result<Option<Digest>, StoreFault> {
        self.read(move |connection| {
            let tree = LogTree::find(connection, &origin)?.filter(|tree| size <= tree.size);
            tree.map(|tree| tree.root(size)).transpose()
        })
        .await
    }

    /// Leaves from index `from` on, at most `limit`; none where the log does not exist.
    pub async fn leaves(&self, origin: String, from: u64, limit: usize) -> Result<Vec<LogLeaf>, StoreFault> {
        self.read(move |connection| {
            let Some(tree) = LogTree::find(connection, &origin)? else { return Ok(Vec::new()) };
            let sql = "SELECT bytes, message_id FROM leaf WHERE log = ?1 AND leaf_index >= ?2
                       ORDER BY leaf_index LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![tree.key, stored(from), stored_len(limit)], |row| {
                Ok(LogLeaf { bytes: row.get(0)?, message_id: columns::digest_or_none(row, 1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One leaf; `None` where it does not exist.
    pub async fn leaf(&self, place: LeafPlace) -> Result<Option<LogLeaf>, StoreFault> {
        self.read(move |connection| match LogTree::find(connection, &place.origin)? {
            Some(tree) => tree.leaf(place.index),
            None => Ok(None),
        })
        .await
    }

    /// Where leaves that concern a message stand: our own logs first, then mirrors.
    pub async fn find_leaf(&self, message_id: Digest) -> Result<Vec<FoundLeaf>, StoreFault> {
        self.read(move |connection| about::find(connection, &message_id)).await
    }

    /// Inclusion path of a leaf in the tree of the first `size` leaves; `None` where leaf or size is beyond
    /// the log, or the log does not exist.
    pub async fn inclusion(&self, place: LeafPlace, size: u64) -> Result<Option<Vec<Digest>>, StoreFault> {
        self.read(move |connection| {
            let tree = LogTree::find(connection, &place.origin)?;
            let Some(tree) = tree.filter(|tree| place.index < size && size <= tree.size) else {
                return Ok(None);
            };
            let path = proof::prove_inclusion(place.index, size, &tree);
            path.ok_or_else(|| tree.damaged()).map(Some)
        })
        .await
    }

    /// Consistency path from the tree of `old` leaves to the tree of `new` leaves; `None` where the sizes
    /// are not in order, are beyond the log, or the log does not exist.
    pub async fn consistency(
        &self,
        origin: String,
        old: u64,
        new: u64,
    ) -> Result<Option<Vec<Digest>>, StoreFault> {
        self.read(move |connection| {
            let tree = LogTree::find(connection, &origin)?;
            let Some(tree) = tree.filter(|tree| old <= new && new <= tree.size) else { return Ok(None) };
            proof::prove_consistency(old, new, &tree).ok_or_else(|| tree.damaged()).map(Some)
        })
        .await
    }

    /// Keeps the newest signed checkpoint; never one of a smaller size than the one kept. Durable on return.
    pub async fn save_checkpoint(
        &self,
        origin: String,
        checkpoint: Checkpoint,
    ) -> Result<CheckpointKept, StoreFault> {
        self.write(checkpoint.text.len(), move |connection| keep_signed(connection, &origin, &checkpoint))
            .await
    }

    /// The earliest kept checkpoint with a cosignature that covers a leaf: since then the leaf is proven.
    pub async fn earliest_cosigned(&self, place: LeafPlace) -> Result<Option<Checkpoint>, StoreFault> {
        self.read(move |connection| earliest_cosigned(connection, &place)).await
    }

    /// The same with those after it, smallest first, at most so many.
    pub async fn cosigned_over(&self, place: LeafPlace, most: usize) -> Result<Vec<Checkpoint>, StoreFault> {
        self.read(move |connection| cosigned_over(connection, &place.origin, place.index, most)).await
    }

    /// All kept checkpoints of a log with a cosignature, smallest first.
    pub async fn cosigned_checkpoints(&self, origin: String) -> Result<Vec<Checkpoint>, StoreFault> {
        self.read(move |connection| {
            let Some(tree) = LogTree::find(connection, &origin)? else { return Ok(Vec::new()) };
            let sql = "SELECT size, text FROM cosigned_checkpoint WHERE log = ?1 ORDER BY size";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([tree.key], |row| {
                Ok(Checkpoint { size: columns::count(row, 0)?, text: row.get(1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps a checkpoint with a cosignature, whichever size it has; the first one of each size stays, unless the
    /// new one only adds lines to it. Answers the text that is kept now, durable on return, so that our own
    /// cosignature may be given away only after it; none where the log does not reach that size.
    pub async fn save_cosigned(
        &self,
        origin: String,
        checkpoint: Checkpoint,
    ) -> Result<Option<String>, StoreFault> {
        self.write(checkpoint.text.len(), move |connection| {
            keep_cosigned(connection, &origin, &checkpoint).map(Verdict::Keep)
        })
        .await
    }

    /// The same for the cosignature of a peer, for which nobody waits: it shares the commit of something else
    /// where anything comes within a moment.
    pub fn save_cosigned_soon(
        &self,
        origin: String,
        checkpoint: Checkpoint,
    ) -> impl Future<Output = Result<Option<String>, StoreFault>> + Send + use<> {
        self.queue(Pace::Patient, checkpoint.text.len(), move |connection| {
            keep_cosigned(connection, &origin, &checkpoint).map(Verdict::Keep)
        })
    }
}

fn earliest_cosigned(connection: &Connection, place: &LeafPlace) -> Result<Option<Checkpoint>, StoreFault> {
    Ok(cosigned_over(connection, &place.origin, place.index, 1)?.pop())
}

/// Kept checkpoints of a log with a cosignature of sizes above one, smallest first, at most so many.
pub(super) fn cosigned_over(
    connection: &Connection,
    origin: &str,
    size: u64,
    most: usize,
) -> Result<Vec<Checkpoint>, StoreFault> {
    let sql = "SELECT cosigned_checkpoint.size, text FROM cosigned_checkpoint
               JOIN log ON log.key = cosigned_checkpoint.log
               WHERE log.origin = ?1 AND cosigned_checkpoint.size > ?2
               ORDER BY cosigned_checkpoint.size LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![origin, stored(size), stored_len(most)];
    let rows = statement
        .query_map(values, |row| Ok(Checkpoint { size: columns::count(row, 0)?, text: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Heads of all logs, in the order of their origins.
pub(super) fn heads(connection: &Connection) -> Result<Vec<LogHead>, StoreFault> {
    let mut heads = Vec::new();
    for origin in origins(connection)? {
        if let Some(tree) = LogTree::find(connection, &origin)? {
            heads.push(head(connection, tree)?);
        }
    }
    Ok(heads)
}

/// Origins of all logs, in order.
pub(super) fn origins(connection: &Connection) -> Result<Vec<String>, StoreFault> {
    let mut statement = connection.prepare_cached("SELECT origin FROM log ORDER BY origin")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn head(connection: &Connection, tree: LogTree<'_>) -> Result<LogHead, StoreFault> {
    let sql = "SELECT checkpoint_size, checkpoint, cosigned_size, cosigned FROM log WHERE key = ?1";
    let (checkpoint, cosigned) = connection.prepare_cached(sql)?.query_row([tree.key], |row| {
        let signed = Checkpoint { size: columns::count(row, 0)?, text: row.get(1)? };
        let cosigned = Checkpoint { size: columns::count(row, 2)?, text: row.get(3)? };
        Ok((signed, cosigned))
    })?;
    let present = |checkpoint: Checkpoint| (!checkpoint.text.is_empty()).then_some(checkpoint);
    let root = tree.root(tree.size)?;
    let LogTree { origin, peer, mirror, size, .. } = tree;
    Ok(LogHead {
        origin,
        peer,
        mirror,
        size,
        root,
        checkpoint: present(checkpoint),
        cosigned: present(cosigned),
    })
}

/// Keeps a cosigned checkpoint within a transaction; answers the text of that size that is kept now.
pub(super) fn keep_cosigned(
    connection: &Connection,
    origin: &str,
    checkpoint: &Checkpoint,
) -> Result<Option<String>, StoreFault> {
    let Checkpoint { size, text } = checkpoint;
    let Some(tree) = LogTree::find(connection, origin)?.filter(|tree| *size <= tree.size) else {
        return Ok(None);
    };
    let text = match cosigned_at(connection, origin, *size)? {
        Some(kept) if !text.starts_with(&kept.text) => kept.text,
        Some(_) | None => text.clone(),
    };
    let sql = "INSERT INTO cosigned_checkpoint (log, size, text) VALUES (?1, ?2, ?3)
               ON CONFLICT (log, size) DO UPDATE SET text = excluded.text";
    connection.prepare_cached(sql)?.execute(params![tree.key, stored(*size), text])?;
    // The newest is moved forward only. Of our own log the peer may cosign one size again, under its next key.
    let newest = if tree.mirror { &text } else { &checkpoint.text };
    let sql = "UPDATE log SET cosigned_size = ?2, cosigned = ?3 WHERE key = ?1 AND cosigned_size <= ?2";
    connection.prepare_cached(sql)?.execute(params![tree.key, stored(*size), newest])?;
    Ok(Some(text))
}

/// The cosigned checkpoint of exactly this size, where one is kept.
pub(super) fn cosigned_at(
    connection: &Connection,
    origin: &str,
    size: u64,
) -> Result<Option<Checkpoint>, StoreFault> {
    let sql = "SELECT cosigned_checkpoint.size, text FROM cosigned_checkpoint
               JOIN log ON log.key = cosigned_checkpoint.log
               WHERE log.origin = ?1 AND cosigned_checkpoint.size = ?2";
    let found = connection.prepare_cached(sql)?.query_row(params![origin, stored(size)], |row| {
        Ok(Checkpoint { size: columns::count(row, 0)?, text: row.get(1)? })
    });
    Ok(found.optional()?)
}

/// Whether settlements may stand on a checkpoint: the mirror leads to it, and it is kept with that cosignature.
pub(super) fn stands(connection: &Connection, ground: &Ground) -> Result<bool, StoreFault> {
    let Some(tree) = LogTree::find(connection, &ground.origin)?.filter(|tree| ground.size <= tree.size)
    else {
        return Ok(false);
    };
    let kept = cosigned_at(connection, &ground.origin, ground.size)?;
    Ok(kept.is_some_and(|kept| kept.text == ground.cosigned) && tree.root(ground.size)? == ground.root)
}

fn keep_signed(
    connection: &Connection,
    origin: &str,
    checkpoint: &Checkpoint,
) -> Result<Verdict<CheckpointKept>, StoreFault> {
    let Some(tree) = LogTree::find(connection, origin)? else {
        return Ok(Verdict::Undo(CheckpointKept::UnknownLog));
    };
    if checkpoint.size > tree.size {
        return Ok(Verdict::Undo(CheckpointKept::BeyondLog { size: tree.size }));
    }
    let sql = "SELECT checkpoint_size FROM log WHERE key = ?1";
    let kept = connection.prepare_cached(sql)?.query_row([tree.key], |row| columns::count(row, 0))?;
    if checkpoint.size < kept {
        return Ok(Verdict::Undo(CheckpointKept::Older { kept }));
    }
    let sql = "UPDATE log SET checkpoint_size = ?2, checkpoint = ?3 WHERE key = ?1";
    let values = params![tree.key, stored(checkpoint.size), checkpoint.text];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(Verdict::Keep(CheckpointKept::Kept))
}
