//! Verbs over many messages at once: one look and one job of the writer for a whole batch, so that what a
//! message costs is its own work and not the way to a thread and back.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::custody::{self, Premises, Purpose};
use super::job::{Pace, Verdict};
use super::record::{Consignment, Custody, Direction, Footing, ProvenLeaves, SignedHeader};
use super::tree::{LogTree, OwnLogs};
use super::{Store, StoreFault, message};
use crate::digest::Digest;
use crate::limits::LEAF_BYTES_MAX;

/// Messages that are ready to be queued for the writer, in their order.
#[derive(Debug)]
pub struct Prepared {
    messages: Vec<(Purpose, Consignment)>,
    premises: Premises,
}

/// What became of messages that were admitted together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admitted {
    /// Of each message, in order.
    pub custodies: Vec<Custody>,
    /// Of every log with leaves of messages that are held now: these leaves, proven under its head right behind them.
    pub proven: BTreeMap<String, ProvenLeaves>,
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
    pub fn prepare(&self, messages: Vec<(Purpose, Consignment)>) -> Result<Prepared, StoreFault> {
        if messages.iter().any(|(_, message)| message.leaf.len() > LEAF_BYTES_MAX) {
            return Err(StoreFault::Misuse("a leaf longer than a log takes"));
        }
        Ok(Prepared { messages, premises: self.premises() })
    }

    /// Does with each of the messages what is purposed, in their order and in one commit: its parts, its leaf, its
    /// number and its place are kept together. Callers pass only verified messages. They are in the
    /// writer's queue when this returns: what is queued later comes later. Each gets its own answer, as if it
    /// had come alone; a fault is one for all of them, and none is in custody then.
    /// Nothing is done, and `Unfounded` is answered, where the footing is lost by then.
    pub fn admit_all(
        &self,
        prepared: Prepared,
        footing: Footing,
    ) -> impl Future<Output = Result<Admitted, StoreFault>> + Send + use<> {
        let (weight, count) =
            (prepared.messages.iter().map(|(_, message)| message.weight()).sum(), prepared.messages.len());
        let queued = self.queue(Pace::Soon, weight, move |connection| {
            if footing.is_lost() {
                return Err(StoreFault::Unfounded);
            }
            admit_all(connection, &prepared).map(Verdict::Keep)
        });
        async move {
            match queued.await {
                // There was no room even to look whether any of them is held.
                Err(StoreFault::NoSpace) => {
                    Ok(Admitted { custodies: vec![Custody::NoSpace; count], ..Admitted::default() })
                }
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
            let mut leaves = Vec::with_capacity(indices.len());
            for index in indices {
                let Some(proven) = tree.prove(index)? else { return Ok(None) };
                leaves.push(proven);
            }
            Ok(Some(ProvenLeaves { size, root, leaves }))
        })
        .await
    }
}

/// Decides about each message before it changes anything for it: a savepoint for each would copy every page that it
/// touches.
fn admit_all(connection: &Connection, prepared: &Prepared) -> Result<Admitted, StoreFault> {
    let Prepared { messages, premises } = prepared;
    let mut logs = OwnLogs::of(connection);
    let mut custodies = Vec::with_capacity(messages.len());
    for (purpose, message) in messages {
        let before = connection.total_changes();
        let custody = match custody::admit_into(&mut logs, connection, purpose, message, premises)? {
            Verdict::Keep(custody) => custody,
            Verdict::Undo(custody) if connection.total_changes() == before => custody,
            Verdict::Undo(_) => return Err(StoreFault::Misuse("a refused message has changed something")),
        };
        custodies.push(custody);
    }
    logs.save_sizes()?;
    let proven = prove(&mut logs, &custodies)?;
    Ok(Admitted { custodies, proven })
}

/// Proves the leaves of all messages that are held now.
fn prove(
    logs: &mut OwnLogs<'_>,
    custodies: &[Custody],
) -> Result<BTreeMap<String, ProvenLeaves>, StoreFault> {
    let mut proven: BTreeMap<String, ProvenLeaves> = BTreeMap::new();
    for custody in custodies {
        let (Custody::Taken(place) | Custody::AlreadyHeld { place, .. }) = custody else { continue };
        let Some(tree) = logs.tree(&place.origin)? else { continue };
        let Some(leaf) = tree.prove(place.index)? else { continue };
        match proven.get_mut(&place.origin) {
            Some(known) => known.leaves.push(leaf),
            None => {
                let head = ProvenLeaves { size: tree.size, root: tree.root(tree.size)?, leaves: vec![leaf] };
                proven.insert(place.origin.clone(), head);
            }
        }
    }
    Ok(proven)
}
