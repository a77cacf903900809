//! What the own desk gives back to a gateway that was restored from an older copy: the knowledge of the time since that
//! no peer has, or that must be here before any peer comes.
//!
//! Heads of our own logs enter, under our own signature, ids of messages that the desk withdrew, and leaves with the
//! receipts that prove them. While the desk has shown more of a log than is held, nothing is signed for that pair; its
//! leaves go back to the places where they stood, byte for byte, and one that says that a message was withdrawn ends
//! that message as it did then. Two histories of one log freeze the pair. What must never happen: anything goes back
//! that we have not signed, or to another place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::CopyEntry;
use crate::gateway::greeting::Finding;
use crate::gateway::store::record::{
    DESK, Decision, DecisionKind, Holding, LeafPlace, LostLeaf, LostPiece, OwnLog, Restored, Shown,
};
use crate::limits;
use crate::message::leaf::{LeafKind, WITHDRAWN_BY_DESK};
use crate::message::receipt::Receipt;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::trust::name::Ministry;

/// What a desk says that it knows.
#[derive(Debug, Clone, Default)]
pub struct HandedBack {
    /// Signed checkpoints of our own logs.
    pub heads: Vec<String>,
    /// Messages that are not to be delivered any more.
    pub withdrawn: Vec<Digest>,
    /// Receipts of leaves of our own logs, each with the envelope where it says that a message was received.
    pub leaves: Vec<(Vec<u8>, Vec<u8>)>,
    /// Sequence of the last policy that the desk knows.
    pub policy: u64,
    /// Whether it has no more to say.
    pub complete: bool,
}

impl Gateway {
    /// Whether the own desk is asked for what it knows: after a restore, and while leaves of ours are lacking.
    pub async fn asks_desk(&self) -> Result<bool, Fault> {
        if self.awaits_desk() {
            return Ok(true);
        }
        for peer in self.unsound() {
            if self.known_lost(&peer).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what the own desk knows; all of it is durable when it answers. Answers how far our own logs go now.
    pub async fn take_handed_back(&self, given: HandedBack) -> Result<Vec<OwnLog>, Declined> {
        for head in &given.heads {
            self.hear_head(head).await?;
        }
        for message in given.withdrawn {
            self.withhold(message).await?;
        }
        // What stands behind a leaf that only the peer can give waits for it, and holds up no other log.
        let mut waiting = BTreeSet::new();
        for (receipt, envelope) in given.leaves {
            let waits = self.put_leaf_back(&receipt, envelope, &waiting).await?;
            waiting.extend(waits);
        }
        if given.complete {
            self.desk_has_come(given.policy).await?;
        }
        let own = self.config.ministry.clone();
        let mut logs = self.store.own_logs(None).await?;
        logs.retain(|log| log.peer != own);
        let older = logs.len().saturating_sub(limits::LOGS_MAX);
        Ok(logs.split_off(older))
    }

    /// Compares one head with what is held. One that we did not sign says nothing.
    async fn hear_head(&self, text: &str) -> Result<(), Declined> {
        let Some((peer, claim, note)) = self.signed_by_us(text) else { return Ok(()) };
        let origin = claim.origin.to_string();
        match self.judge_claim(&claim).await? {
            Finding::Agrees => {}
            Finding::More => {
                self.learn(&peer, &BTreeMap::from([(origin.clone(), claim.head())])).await?;
                let size = claim.size;
                let detail = format!(
                    "the own desk holds receipts under {size} leaves of {origin}, more than the store"
                );
                self.roll_back(&peer, &detail).await?;
            }
            Finding::Contradicts => {
                let frozen = self.freeze(&peer, true, &claim, note).await?;
                tracing::error!(%peer, %frozen, "the own desk shows another history of our log");
            }
        }
        Ok(())
    }

    /// A checkpoint of a log of ours about somebody, if our log key signed it.
    fn signed_by_us(&self, text: &str) -> Option<(Ministry, Checkpoint, Note)> {
        let claimed = Checkpoint::parse(Note::parse(text).ok()?.text()).ok()?;
        let peer = self.peer_of(claimed.origin.as_str())?;
        let (claim, note) = self.own_checkpoint(&peer, text)?;
        Some((peer, claim, note))
    }

    /// Does not carry a message that its desk has withdrawn, although nothing may be signed about it yet.
    async fn withhold(&self, message: Digest) -> Result<(), Fault> {
        let (time, reason) = (self.clock.now(), WITHDRAWN_BY_DESK.to_owned());
        if self.is_withheld(message).await? {
            return Ok(());
        }
        let decision = Decision { time, operator: DESK, reason, act: None };
        if let Holding::Done { behind } = self.store.hold(message, true, decision).await? {
            tracing::warn!(%message, behind, "the own desk has withdrawn a message: it is held until that is signed");
        }
        Ok(())
    }

    /// Whether a message is held because its own desk has withdrawn it.
    pub(super) async fn is_withheld(&self, message: Digest) -> Result<bool, Fault> {
        let Some(entry) = self.store.queue_entry(message).await?.filter(|entry| entry.held) else {
            return Ok(false);
        };
        let decisions = self.store.decisions(entry.message_id).await?;
        let by_desk = |one: &crate::gateway::store::record::KeptDecision| {
            one.kind == DecisionKind::Held && one.decision.operator == DESK
        };
        Ok(decisions.iter().any(by_desk))
    }

    /// Puts one leaf back to its place, unless its log is among those that wait. Answers that log where another leaf
    /// must come before it, or it cannot go back so.
    async fn put_leaf_back(
        &self,
        receipt: &[u8],
        envelope: Vec<u8>,
        waiting: &BTreeSet<String>,
    ) -> Result<Option<String>, Declined> {
        let receipt = Receipt::parse(receipt)?;
        let Some((peer, claim, _)) = self.signed_by_us(&receipt.proof().checkpoint.to_string()) else {
            return Ok(None);
        };
        receipt.verify_under(&claim)?;
        let (origin, index) = (claim.origin.to_string(), receipt.proof().index);
        let place = LeafPlace { origin: origin.clone(), index };
        if waiting.contains(&origin) || self.store.leaf(place.clone()).await?.is_some() {
            return Ok(None);
        }
        let Some(permit) = self.permit_to_restore(&peer, &place).await? else { return Ok(Some(origin)) };
        let is_received = receipt.leaf().kind == LeafKind::Received;
        let entry = CopyEntry {
            leaf: receipt.leaf_bytes().to_vec(),
            envelope: Some(envelope).filter(|bytes| is_received && !bytes.is_empty()),
        };
        let about = match self.matter(&peer, &origin, &entry) {
            Ok(about) if about.is_whole() => about,
            _ => return Ok(Some(origin)),
        };
        let piece = LostPiece {
            origin: origin.clone(),
            peer: peer.clone(),
            first_index: index,
            leaves: vec![LostLeaf { bytes: entry.leaf, about }],
            shown: Shown::ByReceipts,
            cosigned: None,
        };
        let restored = self.store.restore(piece).await?;
        drop(permit);
        match restored {
            Restored::Done { size, unseen } => {
                self.gate(&peer).unseen.store(unseen > 0, Ordering::SeqCst);
                tracing::warn!(%origin, size, "the own desk has given a leaf back");
                self.sound_if_whole(&peer).await?;
                Ok(None)
            }
            // Somebody else has brought it in the meantime.
            Restored::Misplaced { have } => Ok((have <= index).then_some(origin)),
            Restored::Gap(_) | Restored::RootMismatch => Ok(Some(origin)),
        }
    }
}
