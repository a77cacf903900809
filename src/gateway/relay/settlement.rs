//! Settlement: verifies a peer's answers and makes them durable.
//!
//! A batch and its outcomes enter, in the order in which they were handed over. A receipt counts if it is about
//! the very message, proven by the mirror of the peer's log, and then carries our cosignature. An unsigned refusal
//! settles nothing: the message is tried again later.

use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::session::{Answered, Session};
use crate::gateway::Gateway;
use crate::gateway::clerk;
use crate::gateway::error::Fault;
use crate::gateway::frame::Answer;
use crate::gateway::store::record::{
    AttemptEnd, OutboxItem, REFUSED_ALARM, SentState, Settlement, SignedHeader,
};
use crate::message::envelope::{parts_digest, signed_header_digest};
use crate::message::header::Header;
use crate::message::leaf::{LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::refusal::Reason;
use crate::trust::name::Ministry;

impl Session<'_> {
    /// Settles everything that was answered, until no more comes.
    pub(super) async fn settle_all(
        &self,
        mut answered: mpsc::UnboundedReceiver<Answered>,
    ) -> Result<(), Fault> {
        while let Some((batch, outcomes)) = answered.recv().await {
            let (mut receipts, mut refusals) = (Vec::new(), Vec::new());
            for (item, outcome) in batch.items.iter().zip(outcomes) {
                match outcome.answer {
                    Answer::Receipt(bytes) => receipts.push((item, bytes)),
                    Answer::Unsigned { reason, detail } => refusals.push((item, reason, detail)),
                }
            }
            self.settle(receipts).await?;
            if refusals.is_empty() {
                self.link.is_well();
            }
            for (item, reason, detail) in refusals {
                self.note_refusal(item, reason, &detail).await?;
            }
            self.flight.landed();
        }
        Ok(())
    }

    /// Settles the receipts of a batch, up to the first that proves nothing.
    async fn settle(&self, receipts: Vec<(&OutboxItem, Vec<u8>)>) -> Result<(), Fault> {
        let (mut settlements, mut unproven) = (Vec::with_capacity(receipts.len()), None);
        for (item, bytes) in receipts {
            // One after the other: the first verifies and cosigns their checkpoint for all of them.
            match self.gateway.verify_answer(self.peer, item, &bytes).await {
                Ok((settlement, receipt)) => settlements.push((item, settlement, receipt)),
                Err(fault) => {
                    unproven = Some(fault);
                    break;
                }
            }
        }
        // Polled in order, so the store's writer sees them in order and commits them together.
        let settling = settlements.into_iter().map(|(item, settlement, receipt)| async move {
            self.gateway.settle(self.peer, item, settlement, receipt).await?;
            self.link.answered(&item.message_id);
            Ok(())
        });
        join_all(settling).await.into_iter().collect::<Result<Vec<()>, Fault>>()?;
        unproven.map_or(Ok(()), Err)
    }

    /// An unsigned refusal holds its channel up until somebody mends the cause: somebody must know. What was on
    /// its way behind it could only be refused too, and is no failure of its own.
    async fn note_refusal(&self, item: &OutboxItem, reason: String, detail: &str) -> Result<(), Fault> {
        self.link.answered(&item.message_id);
        if !self.flight.refuse(&item.channel) {
            return Ok(());
        }
        let peer = self.peer;
        tracing::warn!(peer = %peer, message = %item.message_id, %reason, %detail, "refused, will retry");
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
    /// Verifies one signed answer: what it settles, and the receipt with our cosignature.
    async fn verify_answer(
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
        Ok((settlement, self.countersign(peer, receipt).await?))
    }

    /// Makes a verified answer durable.
    async fn settle(
        &self,
        peer: &Ministry,
        item: &OutboxItem,
        settlement: Settlement,
        receipt: Receipt,
    ) -> Result<(), Fault> {
        let state = match &settlement {
            Settlement::Delivered => SentState::Delivered,
            Settlement::Rejected(_) if item.expired => SentState::Expired,
            Settlement::Rejected(_) if item.withdrawn => SentState::Withdrawn,
            Settlement::Rejected(_) => SentState::Rejected,
        };
        self.store.settle(item.message_id, settlement, receipt.encode(), self.clock.now()).await?;
        self.freight.release(peer, item);
        self.tell_settled(item.message_id, state);
        Ok(())
    }

    fn check_about(&self, peer: &Ministry, receipt: &Receipt, item: &OutboxItem) -> Result<(), Fault> {
        let about = commitments(&item.signed)?;
        let proven = receipt.leaf().message == Some(about);
        let text = receipt.proof().checkpoint.to_string();
        let (checkpoint, _) = self.open_receipt_checkpoint(peer, &text)?;
        let held = receipt.verify_under(&checkpoint).is_ok();
        if proven && held { Ok(()) } else { Err(Fault::Link("the peer's receipt proves nothing".to_owned())) }
    }
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
