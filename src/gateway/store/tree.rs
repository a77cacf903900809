//! A log within a transaction: its row, its leaves and the hashes of its complete subtrees. Appending here
//! is the only way in which a log grows, so size, leaves and nodes always agree.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, blob, prefix, stored};
use super::record::{LeafPlace, LogEntry, LogLeaf};
use super::{StoreFault, about};
use crate::digest::Digest;
use crate::limits::LEAF_BYTES_MAX;
use crate::tlog::merkle::{self, NodeReader};
use crate::tlog::proof;
use crate::trust::name::Ministry;

/// Nodes of a tree that are remembered; what reads more of them reads all of them once.
const NODES_REMEMBERED_MAX: usize = 8192;

/// A leaf with its index, its exact bytes and its path.
pub(super) type ProvenLeaf = (u64, Vec<u8>, Vec<Digest>);

/// A log as it stands in this transaction.
pub(super) struct LogTree<'c> {
    connection: &'c Connection,
    /// Nodes that were read or written: neighbouring leaves share most of theirs.
    nodes: RefCell<BTreeMap<(u8, u64), Digest>>,
    pub(super) key: i64,
    pub(super) origin: String,
    pub(super) peer: Ministry,
    pub(super) mirror: bool,
    pub(super) size: u64,
}

/// Appends one leaf to our own log of `origin`, which begins with it where it is new; answers the key of the
/// log and the place of the leaf. At a leaf about a message the caller points its row.
pub(super) fn append_own(
    connection: &Connection,
    origin: &str,
    peer: &Ministry,
    leaf: &LogLeaf,
) -> Result<(i64, LeafPlace), StoreFault> {
    let mut logs = OwnLogs::of(connection);
    let appended = logs.append(origin, peer, leaf)?;
    logs.save_sizes()?;
    Ok(appended)
}

/// Appends an act to the log of the own administration, in the commit of its effect.
pub(super) fn append_act(connection: &Connection, act: Option<&LogEntry>) -> Result<(), StoreFault> {
    let Some(LogEntry { origin, peer, leaf }) = act else { return Ok(()) };
    let leaf = LogLeaf { bytes: leaf.clone(), message_id: None };
    append_own(connection, origin, peer, &leaf)?;
    Ok(())
}

/// Own logs that grow in one job: each is looked up once, and its size is kept once, at the end.
pub(super) struct OwnLogs<'c> {
    connection: &'c Connection,
    grown: BTreeMap<String, LogTree<'c>>,
}

impl<'c> OwnLogs<'c> {
    /// None has grown yet.
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self { connection, grown: BTreeMap::new() }
    }

    /// Appends one leaf to the own log of `origin`, which begins with it where it is new; answers the key of the log
    /// and the place of the leaf. Sizes are kept by `save_sizes`. At a leaf about a message the caller points its row.
    pub(super) fn append(
        &mut self,
        origin: &str,
        peer: &Ministry,
        leaf: &LogLeaf,
    ) -> Result<(i64, LeafPlace), StoreFault> {
        if !self.grown.contains_key(origin) {
            let tree = LogTree::open(self.connection, origin, peer, false)?;
            self.grown.insert(origin.to_owned(), tree);
        }
        let tree = self.grown.get_mut(origin).filter(|tree| tree.peer == *peer);
        let tree = tree.ok_or(StoreFault::Misuse("the origin is that of another log"))?;
        let index = tree.append_pointed(leaf)?;
        Ok((tree.key, LeafPlace { origin: origin.to_owned(), index }))
    }

    /// Keeps the sizes after appending.
    pub(super) fn save_sizes(&self) -> Result<(), StoreFault> {
        self.grown.values().try_for_each(LogTree::save_size)
    }

    /// The log of this origin, where there is one.
    pub(super) fn tree(&mut self, origin: &str) -> Result<Option<&LogTree<'c>>, StoreFault> {
        if !self.grown.contains_key(origin)
            && let Some(tree) = LogTree::find(self.connection, origin)?
        {
            self.grown.insert(origin.to_owned(), tree);
        }
        Ok(self.grown.get(origin))
    }
}

impl<'c> LogTree<'c> {
    /// The log of this origin, where there is one.
    pub(super) fn find(connection: &'c Connection, origin: &str) -> Result<Option<Self>, StoreFault> {
        let sql = "SELECT key, peer, mirror, size FROM log WHERE origin = ?1";
        let found = connection
            .prepare_cached(sql)?
            .query_row([origin], |row| {
                Ok(Self {
                    connection,
                    nodes: RefCell::default(),
                    key: row.get(0)?,
                    origin: origin.to_owned(),
                    peer: columns::ministry(row, 1)?,
                    mirror: row.get(2)?,
                    size: columns::count(row, 3)?,
                })
            })
            .optional()?;
        Ok(found)
    }

    /// The log of this origin, made where it is new. An origin never changes its peer, and never turns from
    /// a mirror into a log of ours.
    pub(super) fn open(
        connection: &'c Connection,
        origin: &str,
        peer: &Ministry,
        mirror: bool,
    ) -> Result<Self, StoreFault> {
        if let Some(tree) = Self::find(connection, origin)? {
            let same = tree.peer == *peer && tree.mirror == mirror;
            return same.then_some(tree).ok_or(StoreFault::Misuse("the origin is that of another log"));
        }
        let sql = "INSERT INTO log (origin, peer, mirror, size, checkpoint_size, checkpoint, cosigned_size,
                   cosigned) VALUES (?1, ?2, ?3, 0, 0, '', 0, '')";
        let key = connection.prepare_cached(sql)?.insert(params![origin, peer.as_str(), mirror])?;
        let (nodes, origin) = (RefCell::default(), origin.to_owned());
        Ok(Self { connection, nodes, key, origin, peer: peer.clone(), mirror, size: 0 })
    }

    /// Appends one leaf and the nodes it completes; answers its index. The new size is kept by `save_size`. A leaf
    /// about a message is found by it from now on.
    pub(super) fn append(&mut self, leaf: &LogLeaf) -> Result<u64, StoreFault> {
        let found = match &leaf.message_id {
            Some(id) => about::attach(self.connection, id, self.key, self.size)?,
            None => true,
        };
        self.insert(leaf, !found)
    }

    /// The same for a leaf at which the caller points the row of its message, or that row's state, in the same
    /// transaction.
    fn append_pointed(&mut self, leaf: &LogLeaf) -> Result<u64, StoreFault> {
        self.insert(leaf, false)
    }

    fn insert(&mut self, leaf: &LogLeaf, loose: bool) -> Result<u64, StoreFault> {
        if leaf.bytes.len() > LEAF_BYTES_MAX {
            return Err(StoreFault::Misuse("a leaf longer than a log takes"));
        }
        let index = self.size;
        let nodes = merkle::append(index, merkle::leaf_hash(&leaf.bytes), self);
        let nodes = nodes.ok_or_else(|| self.damaged())?;
        let sql = "INSERT INTO node (log, level, node_index, hash) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for node in &nodes {
            let values = params![self.key, node.level, stored(node.index), node.hash.as_bytes()];
            statement.execute(values)?;
            self.remember(node.level, node.index, node.hash);
        }
        let sql = "INSERT INTO leaf (log, leaf_index, message_prefix, message_id, bytes, loose)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let id = leaf.message_id.as_ref();
        let values = params![self.key, stored(index), id.map_or(0, prefix), blob(id), leaf.bytes, loose];
        self.connection.prepare_cached(sql)?.execute(values)?;
        self.size += 1;
        Ok(index)
    }

    /// Keeps the size after appending.
    pub(super) fn save_size(&self) -> Result<(), StoreFault> {
        let sql = "UPDATE log SET size = ?2 WHERE key = ?1";
        self.connection.prepare_cached(sql)?.execute(params![self.key, stored(self.size)])?;
        Ok(())
    }

    /// The exact bytes of a leaf.
    pub(super) fn leaf(&self, index: u64) -> Result<Option<LogLeaf>, StoreFault> {
        let sql = "SELECT bytes, message_id FROM leaf WHERE log = ?1 AND leaf_index = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let leaf = statement.query_row(params![self.key, stored(index)], |row| {
            Ok(LogLeaf { bytes: row.get(0)?, message_id: columns::digest_or_none(row, 1)? })
        });
        Ok(leaf.optional()?)
    }

    /// A leaf with its path in the tree as it stands; none where there is no such leaf.
    pub(super) fn prove(&self, index: u64) -> Result<Option<ProvenLeaf>, StoreFault> {
        let Some(leaf) = self.leaf(index)? else { return Ok(None) };
        let path = proof::prove_inclusion(index, self.size, self);
        Ok(Some((index, leaf.bytes, path.ok_or_else(|| self.damaged())?)))
    }

    fn remember(&self, level: u8, index: u64, node: Digest) {
        let mut nodes = self.nodes.borrow_mut();
        if nodes.len() < NODES_REMEMBERED_MAX {
            nodes.insert((level, index), node);
        }
    }

    /// Root of the tree over the first `size` leaves.
    pub(super) fn root(&self, size: u64) -> Result<Digest, StoreFault> {
        merkle::root(size, self).ok_or_else(|| self.damaged())
    }

    /// The fault of a log whose nodes are not all there.
    pub(super) fn damaged(&self) -> StoreFault {
        StoreFault::Damaged(format!("a node of the log {} is missing or unreadable", self.origin))
    }
}

impl NodeReader for LogTree<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        if let Some(known) = self.nodes.borrow().get(&(level, index)) {
            return Some(*known);
        }
        let sql = "SELECT hash FROM node WHERE log = ?1 AND level = ?2 AND node_index = ?3";
        let mut statement = self.connection.prepare_cached(sql).ok()?;
        let values = params![self.key, level, stored(index)];
        let node = statement.query_row(values, |row| columns::digest(row, 0)).ok()?;
        self.remember(level, index, node);
        Some(node)
    }
}
