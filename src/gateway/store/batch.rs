//! Verbs over many messages at once: one look and one job of the writer for a whole batch, so that what a
//! message costs is its own work and not the way to a thread and back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rusqlite::Connection;

use super::custody::{self, Premises, Purpose};
use super::record::{Consignment, Custody, Direction, ProvenLeaves, SignedHeader};
use super::tree::LogTree;
use super::writer::Verdict;
use super::{Store, StoreFault, message};
use crate::digest::Digest;
use crate::limits::LEAF_BYTES_MAX;
use crate::tlog::merkle::NodeReader;
use crate::tlog::proof;

/// Messages that are ready to be queued for the writer, in their order.
#[derive(Debug)]
pub struct Prepared {
    messages: Vec<(Purpose, Consignment)>,
    premises: Premises,
}

impl Store {
    /// Header and signature under which each of these messages is held, taken or rejected.
    pub async fn held_all(
        &self,
        direction: Direction,
        messages: Vec<Digest>,
    ) -> Result<Vec<Option<SignedHeader>>, StoreFault> {
        self.read(move |connection| {
            let held = |id| {
                let held = message::find(connection, direction, id)?;
                held.map(|held| message::signed(connection, held.key).map(|(_, signed)| signed)).transpose()
            };
            messages.iter().map(held).collect()
        })
        .await
    }

    /// Looks at messages before the writer takes them into custody.
    pub async fn prepare(&self, messages: Vec<(Purpose, Consignment)>) -> Result<Prepared, StoreFault> {
        if messages.iter().any(|(_, message)| message.leaf.len() > LEAF_BYTES_MAX) {
            return Err(StoreFault::Misuse("a leaf longer than a log takes"));
        }
        Ok(Prepared { messages, premises: self.premises() })
    }

    /// Does with each of the messages what is purposed, in their order and in one commit. They are in the
    /// writer's queue when this returns: what is queued later comes later. Each gets its own answer, as if it
    /// had come alone; a fault is one for all of them, and none is in custody then.
    pub fn admit_all(
        &self,
        prepared: Prepared,
    ) -> impl Future<Output = Result<Vec<Custody>, StoreFault>> + Send + use<> {
        let (weight, count) =
            (prepared.messages.iter().map(|(_, message)| message.weight()).sum(), prepared.messages.len());
        let queued = self.queue(weight, move |connection| {
            let Prepared { messages, premises } = prepared;
            let mut answers = Vec::with_capacity(messages.len());
            for (purpose, message) in &messages {
                answers.push(alone(connection, || custody::admit(connection, purpose, message, &premises))?);
            }
            Ok(Verdict::Keep(answers))
        });
        async move {
            match queued.await {
                // There was no room even to look whether any of them is held.
                Err(StoreFault::NoSpace) => Ok(vec![Custody::NoSpace; count]),
                answered => answered,
            }
        }
    }

    /// The head of a log with the proof of some of its leaves under that head, all of one snapshot; none where
    /// the log or one of the leaves does not exist.
    pub async fn prove_all(
        &self,
        origin: String,
        indices: Vec<u64>,
    ) -> Result<Option<ProvenLeaves>, StoreFault> {
        self.read(move |connection| {
            let Some(tree) = LogTree::find(connection, &origin)? else { return Ok(None) };
            let (size, root) = (tree.size, tree.root(tree.size)?);
            let nodes = Remembered { tree: &tree, nodes: RefCell::default() };
            let mut leaves = Vec::with_capacity(indices.len());
            for index in indices {
                let Some(leaf) = tree.leaf(index)? else { return Ok(None) };
                let path = proof::prove_inclusion(index, size, &nodes);
                leaves.push((index, leaf.bytes, path.ok_or_else(|| tree.damaged())?));
            }
            Ok(Some(ProvenLeaves { size, root, leaves }))
        })
        .await
    }
}

/// Runs one of several pieces of work of a job so that what it undoes is undone alone.
fn alone<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<Verdict<T>, StoreFault>,
) -> Result<T, StoreFault> {
    connection.prepare_cached("SAVEPOINT one")?.execute([])?;
    let answer = match work()? {
        Verdict::Keep(answer) => answer,
        Verdict::Undo(answer) => {
            connection.prepare_cached("ROLLBACK TO one")?.execute([])?;
            answer
        }
    };
    connection.prepare_cached("RELEASE one")?.execute([])?;
    Ok(answer)
}

/// The nodes of a log, each read once: the paths of neighbouring leaves share most of theirs.
struct Remembered<'a> {
    tree: &'a LogTree<'a>,
    nodes: RefCell<BTreeMap<(u8, u64), Digest>>,
}

impl NodeReader for Remembered<'_> {
    fn node(&self, level: u8, index: u64) -> Option<Digest> {
        if let Some(known) = self.nodes.borrow().get(&(level, index)) {
            return Some(*known);
        }
        let node = self.tree.node(level, index)?;
        self.nodes.borrow_mut().insert((level, index), node);
        Some(node)
    }
}
