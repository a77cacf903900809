//! Settlement: verifies a peer's answers and makes them durable.
//!
//! A batch and its outcomes enter, in the order in which they were handed over. A receipt counts if it is about
//! the very message, proven by the mirror of the peer's log, and then carries our cosignature. An unsigned refusal
//! settles nothing: the message is tried again later.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::flight::Batch;
use super::session::{Answered, Session};
use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::beliefs::Countersigned;
use crate::gateway::clerk;
use crate::gateway::error::Fault;
use crate::gateway::frame::Answer;
use crate::gateway::store::record::{
    Answered as Kept, AttemptEnd, OutboxItem, REFUSED_ALARM, Settlement, SignedHeader,
};
use crate::limits;
use crate::message::envelope::{parts_digest, signed_header_digest};
use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::message::leaf::{LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::refusal::Reason;
use crate::tlog::signed_note::Note;
use crate::trust::name::Ministry;

/// An answer that proves what it says.
struct Proven {
    batch: Arc<Batch>,
    /// Which message of the batch.
    place: usize,
    settlement: Settlement,
    receipt: Receipt,
}

/// An unsigned refusal of a message of a batch.
struct Refused {
    place: usize,
    reason: String,
}

/// What a group of batches was answered.
#[derive(Default)]
struct Sorted {
    proven: Vec<Proven>,
    /// Of each batch in order.
    refused: Vec<(Arc<Batch>, Vec<Refused>)>,
    /// The first answer that proves nothing; nothing behind it counts.
    unproven: Option<Fault>,
}

impl Session<'_> {
    /// Settles everything that was answered, until no more comes. What waits at one time is settled in one commit.
    pub(super) async fn settle_all(&self, mut answered: mpsc::Receiver<Answered>) -> Result<(), Fault> {
        while let Some(first) = answered.recv().await {
            let mut group = vec![first];
            group.extend(std::iter::from_fn(|| answered.try_recv().ok()));
            let Sorted { proven, refused, unproven } = self.sort(group).await?;
            self.settle(proven).await?;
            for (batch, refused) in refused {
                if refused.is_empty() {
                    self.link.is_well();
                }
                for Refused { place, reason } in refused {
                    let item = batch.items.get(place).ok_or_else(no_answer)?;
                    self.note_refusal(item, reason).await?;
                }
                self.flight.landed();
            }
            if self.link.is_cleared() {
                self.gateway.attention.notify_one();
            }
            unproven.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Verifies answers as far as that needs no store: a few here, many beside the threads that serve streams.
    async fn sort(&self, group: Vec<Answered>) -> Result<Sorted, Fault> {
        let (gateway, peer) = (self.gateway.clone(), self.peer.clone());
        let count: usize = group.iter().map(|(batch, _)| batch.items.len()).sum();
        let sorting = move || sort(&gateway, &peer, group);
        if count <= limits::ANSWERS_VERIFIED_HERE_MAX {
            return Ok(sorting());
        }
        spawn_blocking(sorting).await.map_err(|cause| Fault::Link(cause.to_string()))
    }

    /// Makes proven answers durable, under our cosignature on their checkpoints. A checkpoint that is just on its
    /// way into the mirror becomes durable with them; where it is none that is kept so, the long way tells why.
    #[tracing::instrument(name = "relay.settle", skip_all, fields(peer = %self.peer, count = proven.len()))]
    async fn settle(&self, mut proven: Vec<Proven>) -> Result<(), Fault> {
        if proven.is_empty() {
            return Ok(());
        }
        let mut unfounded = None;
        let known = self.gateway.known_grounds(self.peer, &proven)?;
        let settled = match &known {
            Some(known) => {
                let grounds = known.values().map(|known| known.ground.clone()).collect();
                let notes = known.iter().map(|(text, known)| (text.as_str(), &known.note)).collect();
                self.gateway
                    .store
                    .settle_all(answers(&proven, &notes)?, grounds, self.gateway.clock.now())
                    .await?
            }
            None => None,
        };
        let states = if let Some(states) = settled {
            states
        } else {
            self.gateway.store.barrier().await?;
            let mut compared = BTreeMap::new();
            for (place, one) in proven.iter().enumerate() {
                let text = one.receipt.proof().checkpoint.to_string();
                if compared.contains_key(&text) {
                    continue;
                }
                match self.gateway.cosigned_in_mirror(self.peer, &text).await {
                    Ok(cosigned) => compared.insert(text, cosigned),
                    Err(fault) => {
                        unfounded = Some((place, fault));
                        break;
                    }
                };
            }
            // What came before the first that stands on nothing counts.
            proven.truncate(unfounded.as_ref().map_or(proven.len(), |(place, _)| *place));
            let notes = compared.iter().map(|(text, note)| (text.as_str(), note)).collect();
            let answers = answers(&proven, &notes)?;
            let now = self.gateway.clock.now();
            self.gateway.store.settle_all(answers, Vec::new(), now).await?.unwrap_or_default()
        };
        for (Proven { batch, place, .. }, state) in proven.iter().zip(states) {
            let item = batch.items.get(*place).ok_or_else(no_answer)?;
            self.gateway.freight.release(self.peer, item);
            // It may have been read and carried before it was kept in memory.
            drop(self.gateway.store.take_fresh(&item.message_id));
            // What is kept is told: it may have expired or been withdrawn since it was handed over.
            if let Some(state) = state {
                self.gateway.tell_settled(self.peer, item.message_id, state);
            }
            self.link.answered(&item.message_id);
        }
        unfounded.map_or(Ok(()), |(_, fault)| Err(fault))
    }

    /// An unsigned refusal holds its channel up until somebody mends the cause: somebody must know. What was on
    /// its way behind it could only be refused too, and is no failure of its own.
    async fn note_refusal(&self, item: &OutboxItem, reason: String) -> Result<(), Fault> {
        self.link.answered(&item.message_id);
        if !self.flight.refuse(&item.channel) {
            return Ok(());
        }
        let peer = self.peer;
        self.gateway.tallies.attempt_failed(peer);
        if let Some(unsaid) = self.link.refusals.next() {
            tracing::warn!(peer = %peer, message = %item.message_id, %reason, unsaid, "refused, will retry");
        }
        if reason == Reason::PartMissing.word() {
            self.gateway.freight.doubt(peer, item);
        }
        if !clerk::passing(&reason) {
            self.gateway.alarm_about(peer, REFUSED_ALARM, clerk::refused_detail(&reason)).await?;
        }
        let attempted = [(item.message_id, item.attempts)];
        self.gateway.note_failed(&attempted, &AttemptEnd::Refused(reason)).await
    }
}

impl Gateway {
    /// Verifies one signed answer.
    fn verify_answer(
        &self,
        peer: &Ministry,
        item: &OutboxItem,
        receipt: &[u8],
    ) -> Result<(Settlement, Receipt), Fault> {
        let receipt = Receipt::parse(receipt).map_err(|cause| Fault::Link(cause.to_string()))?;
        self.check_about(peer, &receipt, item)?;
        let settlement = match receipt.leaf().kind {
            LeafKind::Received => Settlement::Delivered,
            LeafKind::Rejected => Settlement::Rejected(receipt.leaf().reason.clone()),
            _ => return Err(Fault::Link("the peer's receipt is no answer to a delivery".to_owned())),
        };
        Ok((settlement, receipt))
    }

    fn check_about(&self, peer: &Ministry, receipt: &Receipt, item: &OutboxItem) -> Result<(), Fault> {
        let about = about(item)?;
        let proven = receipt.leaf().message == Some(about);
        let text = receipt.proof().checkpoint.to_string();
        let (checkpoint, _) = self.open_receipt_checkpoint(peer, &text)?;
        let held = receipt.verify_under(&checkpoint).is_ok();
        if proven && held { Ok(()) } else { Err(Fault::Link("the peer's receipt proves nothing".to_owned())) }
    }

    /// The checkpoints of all these answers with our cosignatures, by their texts, if all of them were cosigned a
    /// moment ago.
    fn known_grounds(
        &self,
        peer: &Ministry,
        proven: &[Proven],
    ) -> Result<Option<BTreeMap<String, Countersigned>>, Fault> {
        let accreditation = self.accreditation()?;
        let mut known = BTreeMap::new();
        for one in proven {
            let text = one.receipt.proof().checkpoint.to_string();
            if known.contains_key(&text) {
                continue;
            }
            match self.beliefs.countersigned(peer, &text, &accreditation) {
                Some(countersigned) => known.insert(text, countersigned),
                None => return Ok(None),
            };
        }
        Ok(Some(known))
    }
}

/// Tells proven answers from refusals, in the order of the batches, up to the first that proves nothing.
fn sort(gateway: &Gateway, peer: &Ministry, group: Vec<Answered>) -> Sorted {
    let mut sorted = Sorted::default();
    for (batch, outcomes) in group {
        let mut refused = Vec::new();
        for (place, (item, outcome)) in batch.items.iter().zip(outcomes).enumerate() {
            let receipt = match outcome.answer {
                Answer::Receipt(receipt) => receipt,
                // What else it says goes nowhere: those are its words, not ours.
                Answer::Unsigned { reason, .. } => {
                    refused.push(Refused { place, reason });
                    continue;
                }
            };
            match gateway.verify_answer(peer, item, &receipt) {
                Ok((settlement, receipt)) => {
                    sorted.proven.push(Proven { batch: batch.clone(), place, settlement, receipt });
                }
                Err(fault) => {
                    sorted.unproven = Some(fault);
                    return sorted;
                }
            }
        }
        sorted.refused.push((batch, refused));
    }
    sorted
}

/// What is to be kept of answers: their receipts under the cosigned checkpoints.
fn answers(proven: &[Proven], notes: &BTreeMap<&str, &Note>) -> Result<Vec<Kept>, Fault> {
    let answer = |one: &Proven| {
        let item = one.batch.items.get(one.place).ok_or_else(no_answer)?;
        let mut proof = one.receipt.proof().clone();
        let text = proof.checkpoint.to_string();
        proof.checkpoint = notes.get(text.as_str()).map(|note| (*note).clone()).ok_or_else(no_answer)?;
        let receipt = Receipt::compose(one.receipt.leaf_bytes().to_vec(), proof);
        let receipt = receipt.map_err(|cause| Fault::Damaged(cause.to_string()))?.encode();
        Ok(Kept { message_id: item.message_id, settlement: one.settlement.clone(), receipt })
    };
    proven.iter().map(answer).collect()
}

fn no_answer() -> Fault {
    Fault::Damaged("an answer without its message".to_owned())
}

/// What a leaf about a message on its way commits to. Of a withdrawn one the parts are not known here.
fn about(item: &OutboxItem) -> Result<LeafMessage, Fault> {
    if item.withdrawn {
        return commitments(&item.signed);
    }
    let parts: Vec<&[u8]> = item.parts.iter().map(|part| part.digest.as_bytes().as_slice()).collect();
    Ok(LeafMessage {
        id: MessageId::from(item.message_id),
        envelope: signed_header_digest(&item.signed.header, &item.signed.signature),
        parts: Digest::of_parts(&parts),
    })
}

/// What a leaf about a message commits to.
pub(in crate::gateway) fn commitments(signed: &SignedHeader) -> Result<LeafMessage, Fault> {
    let header = Header::parse(&signed.header).map_err(|cause| Fault::Damaged(cause.to_string()))?;
    Ok(LeafMessage {
        id: header.id(),
        envelope: signed_header_digest(&signed.header, &signed.signature),
        parts: parts_digest(header.parts()),
    })
}
