//! The archive: the own logs, one per peer and year, and the receipts they give.
//!
//! Leaves enter through the store, in the same commit as what they are about; checkpoints and proofs leave.
//! A checkpoint is signed only over durable leaves, and never a second one of the same size with another
//! root, because the store only appends. Leaves are for whoever holds a permit (`standing`).

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::LogUpdate;
use crate::gateway::store::record::{Checkpoint as KeptCheckpoint, LeafPlace, LogHead, ProvenLeaves};
use crate::limits;
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::verifier_key::KeyName;

impl Gateway {
    /// The newest checkpoint of an own log. It is not kept: its leaves are durable and Ed25519 is
    /// deterministic, so the same size always gives the same text.
    pub(super) async fn checkpoint(&self, origin: &str) -> Result<KeptCheckpoint, Fault> {
        let head = self.head(origin).await?;
        let text = self.sign_checkpoint(origin, head.size, head.root)?;
        Ok(KeptCheckpoint { size: head.size, text })
    }

    /// Signs the checkpoint of an own log at a size.
    pub(super) fn sign_checkpoint(&self, origin: &str, size: u64, root: Digest) -> Result<String, Fault> {
        let key = self.log_key();
        let by = key.public_key();
        if let Some(text) = self.beliefs.signed_with(origin, size, &root, by) {
            return Ok(text);
        }
        let text = Checkpoint { origin: key_name(origin)?, size, root }.sign(key.as_ref());
        self.beliefs.note_signed(origin, size, root, by, &text);
        Ok(text)
    }

    /// The receipt of a leaf of an own log, under the earliest checkpoint that the peer has cosigned where there
    /// is one: the instant at which signatures are judged must not move with later traffic.
    pub(super) async fn receipt(&self, place: &LeafPlace) -> Result<Receipt, Fault> {
        let checkpoint = match self.store.earliest_cosigned(place.clone()).await? {
            Some(cosigned) => cosigned,
            None => self.checkpoint(&place.origin).await?,
        };
        self.receipt_under(place, &checkpoint).await
    }

    /// The receipts of leaves of own logs, in the order of their places: those of one log under one checkpoint, its
    /// newest. For leaves that were just written, of which nobody can have cosigned anything.
    pub(super) async fn receipts(&self, places: &[LeafPlace]) -> Result<Vec<Receipt>, Fault> {
        let mut indices: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for place in places {
            indices.entry(&place.origin).or_default().push(place.index);
        }
        let mut proven = BTreeMap::new();
        for (origin, indices) in indices {
            let damaged = || Fault::Damaged(format!("leaves of {origin}"));
            let leaves = self.store.prove_all(origin.to_owned(), indices).await?.ok_or_else(damaged)?;
            proven.insert(origin.to_owned(), leaves);
        }
        self.receipts_of(places, proven)
    }

    /// The same for leaves that were proven in the commit that wrote them.
    pub(super) fn receipts_of(
        &self,
        places: &[LeafPlace],
        proven: BTreeMap<String, ProvenLeaves>,
    ) -> Result<Vec<Receipt>, Fault> {
        let mut known = BTreeMap::new();
        for (origin, ProvenLeaves { size, root, leaves }) in proven {
            let text = self.sign_checkpoint(&origin, size, root)?;
            let checkpoint = Note::parse(&text).map_err(|cause| Fault::Damaged(cause.to_string()))?;
            for (index, leaf, path) in leaves {
                let proof = TlogProof { extra: Vec::new(), index, path, checkpoint: checkpoint.clone() };
                known.insert(LeafPlace { origin: origin.clone(), index }, (leaf, proof));
            }
        }
        let receipt = |place: &LeafPlace| {
            let missing = || Fault::Damaged(format!("leaf {} of {}", place.index, place.origin));
            let (leaf, proof) = known.get(place).cloned().ok_or_else(missing)?;
            Receipt::compose(leaf, proof).map_err(|cause| Fault::Damaged(cause.to_string()))
        };
        places.iter().map(receipt).collect()
    }

    /// The receipt of a leaf under a given checkpoint, of an own log or of a mirror.
    pub(super) async fn receipt_under(
        &self,
        place: &LeafPlace,
        checkpoint: &KeptCheckpoint,
    ) -> Result<Receipt, Fault> {
        let damaged = || Fault::Damaged(format!("leaf {} of {}", place.index, place.origin));
        let leaf = self.store.leaf(place.clone()).await?.ok_or_else(damaged)?;
        let path = self.store.inclusion(place.clone(), checkpoint.size).await?;
        let note = Note::parse(&checkpoint.text).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        let proof = TlogProof {
            extra: Vec::new(),
            index: place.index,
            path: path.ok_or_else(damaged)?,
            checkpoint: note,
        };
        Receipt::compose(leaf.bytes, proof).map_err(|cause| Fault::Damaged(cause.to_string()))
    }

    /// The next piece of bounded size of an own log, from `first_index` on; none at its end.
    pub(super) async fn next_update(
        &self,
        origin: &str,
        first_index: u64,
    ) -> Result<Option<LogUpdate>, Fault> {
        let Some(head) = self.store.log_head(origin.to_owned()).await? else { return Ok(None) };
        if first_index >= head.size {
            return Ok(None);
        }
        let leaves = self.store.leaves(origin.to_owned(), first_index, limits::LOG_UPDATE_LEAVES_MAX).await?;
        if leaves.is_empty() {
            return Err(Fault::Damaged(format!("leaf {first_index} of {origin}")));
        }
        let end = first_index.saturating_add(leaves.len() as u64);
        let checkpoint = self.checkpoint_at(origin, end).await?;
        let leaves = leaves.into_iter().map(|leaf| leaf.bytes).collect();
        Ok(Some(LogUpdate { first_index, leaves, checkpoint }))
    }

    /// The checkpoint of an own log at an earlier size.
    pub(super) async fn checkpoint_at(&self, origin: &str, size: u64) -> Result<String, Fault> {
        let root = self.store.root_at(origin.to_owned(), size).await?;
        let root = root.ok_or_else(|| Fault::Damaged(format!("tree of {origin} at size {size}")))?;
        self.sign_checkpoint(origin, size, root)
    }

    async fn head(&self, origin: &str) -> Result<LogHead, Fault> {
        let head = self.store.log_head(origin.to_owned()).await?;
        head.ok_or_else(|| Fault::Damaged(format!("there is no log {origin}")))
    }
}

pub(super) fn key_name(name: &str) -> Result<KeyName, Fault> {
    KeyName::parse(name).map_err(|cause| Fault::Damaged(format!("{name}: {cause}")))
}
