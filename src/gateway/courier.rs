//! The courier: carries due messages to one peer and brings its receipts back.
//!
//! One courier per accredited peer. It dials, exchanges hellos, brings the peer's mirror of our log up to
//! date and then hands over batches in order. A message is delivered when the peer's receipt is verified
//! against the mirror of its log, countersigned and durable. Every failure is noted and tried again later,
//! with the same bytes; nothing is ever given up silently.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::digest::Digest;
use crate::entropy::random;
use crate::gateway::Gateway;
use crate::gateway::clerk;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Answer, Delivery, Frame, Hello, Outcome, Relay};
use crate::gateway::schedule;
use crate::gateway::store::record::{
    AttemptEnd, FailedAttempt, OutboxItem, REFUSED_ALARM, SentState, Settlement, SignedHeader,
};
use crate::limits;
use crate::message::envelope::{Envelope, parts_digest, signed_header_digest};
use crate::message::header::Header;
use crate::message::leaf::{LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::trust::name::Ministry;

/// How the courier reaches a peer's gateway (port): gRPC over mutual TLS, or a channel in tests.
#[async_trait]
pub trait PeerLink: Send + Sync {
    /// Opens the relay stream to a peer, trying its endpoints in order, each for no longer than
    /// `CONNECT_DEADLINE`.
    async fn open(&self, peer: &Ministry) -> Result<Relay, Fault>;
    /// Hands over one sealed part that is too large for its envelope. Returns when the peer holds it.
    async fn put_part(&self, peer: &Ministry, digest: &Digest, size: u64) -> Result<(), Fault>;
}

impl Gateway {
    /// Carries messages to `peer` until `stop` is cancelled.
    pub(super) async fn courier(self: Arc<Self>, peer: Ministry, stop: CancellationToken) {
        let mut failures = 0_u32;
        let retry = self.retry_of(&peer);
        while !stop.is_cancelled() {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.carry(&peer, &mut failures) => ended,
            };
            if let Err(fault) = ended {
                tracing::info!(peer = %peer, %fault, "the relay to the peer ended");
                self.note_link(&peer, |link| {
                    link.connected = false;
                    link.last_failure = fault.to_string();
                });
            }
            failures = failures.saturating_add(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.pause(failures)) => {}
                // An operator asks for it now.
                () = retry.notified() => {}
            }
        }
    }

    /// Connects once and carries until the connection fails.
    async fn carry(&self, peer: &Ministry, failures: &mut u32) -> Result<(), Fault> {
        let (wake, retry) = (self.wake_of(peer), self.retry_of(peer));
        let mut relay = self.link.open(peer).await?;
        let (ours, theirs) = self.greet(peer, &mut relay).await?;
        let mut sent = self.begin_updates(peer, &relay, &theirs).await?;
        self.synchronise(peer, &mut relay, [&ours, &theirs], &mut sent).await?;
        self.note_link(peer, |link| {
            link.connected = true;
            link.last_failure.clear();
        });
        loop {
            self.send_updates(peer, &relay, &mut sent).await?;
            let now = self.clock.now();
            let due = self.store.due(peer.clone(), now, limits::BATCH_ENVELOPES_MAX, BTreeMap::new()).await?;
            if !due.is_empty() {
                self.deliver(peer, &mut relay, due).await?;
                *failures = 0;
                continue;
            }
            // Only a peer that has settled what there was is well: one that answers wrongly is asked ever later.
            *failures = 0;
            tokio::select! {
                () = wake.notified() => {}
                () = retry.notified() => {}
                () = tokio::time::sleep(self.until_due(peer).await?) => {}
                frame = relay.receive() => self.attend(peer, &relay, frame?).await?,
            }
        }
    }

    /// Exchanges hellos, ours and theirs. What the peer says of its mirror only tells where to begin sending.
    async fn greet(&self, peer: &Ministry, relay: &mut Relay) -> Result<(Hello, Hello), Fault> {
        let ours = self.hello(peer).await?;
        relay.send(Frame::Hello(ours.clone())).await?;
        let first = timeout(limits::OUTCOME_DEADLINE, relay.receive()).await;
        match first.map_err(|_| Fault::Link("the peer says nothing".to_owned()))?? {
            Frame::Hello(hello) if hello.ministry == *peer => {
                self.compare(peer, &ours, &hello).await?;
                Ok((ours, hello))
            }
            _ => Err(Fault::Link("the peer did not answer with its hello".to_owned())),
        }
    }

    /// Hands over one batch and settles its outcomes.
    async fn deliver(&self, peer: &Ministry, relay: &mut Relay, due: Vec<OutboxItem>) -> Result<(), Fault> {
        let batch = within_bounds(due)?;
        for (item, _) in &batch {
            for part in item.parts.iter().filter(|part| part.content.is_none()) {
                self.link.put_part(peer, &part.digest, part.size).await?;
            }
        }
        let deliveries =
            batch.iter().map(|(item, bytes)| Delivery { envelope: bytes.clone(), withdrawn: item.withdrawn });
        relay.send(Frame::Deliveries(deliveries.collect())).await?;
        let deadline = Instant::now() + limits::OUTCOME_DEADLINE;
        let outcomes = loop {
            let frame = tokio::time::timeout_at(deadline, relay.receive())
                .await
                .map_err(|_| Fault::Link("the peer did not answer a batch in time".to_owned()))??;
            match frame {
                Frame::Outcomes(outcomes) => break outcomes,
                other => self.attend(peer, relay, other).await?,
            }
        };
        if outcomes.len() != batch.len() {
            return Err(Fault::Link("the peer did not answer every envelope".to_owned()));
        }
        for ((item, _), outcome) in batch.iter().zip(outcomes) {
            self.settle(peer, item, outcome).await?;
        }
        Ok(())
    }

    /// Verifies one answer and makes it durable.
    async fn settle(&self, peer: &Ministry, item: &OutboxItem, outcome: Outcome) -> Result<(), Fault> {
        let receipt = match outcome.answer {
            Answer::Receipt(bytes) => {
                Receipt::parse(&bytes).map_err(|cause| Fault::Link(cause.to_string()))?
            }
            Answer::Unsigned { reason, detail } => {
                tracing::warn!(peer = %peer, message = %item.message_id, %reason, %detail, "refused, will retry");
                self.alarm_refused(peer, &reason).await?;
                let (now, pause) = (self.clock.now(), self.pause(item.attempts.saturating_add(1)));
                let attempt = FailedAttempt {
                    time: now,
                    next_attempt: now.after(pause),
                    end: AttemptEnd::Refused(reason),
                };
                self.store.note_attempt(vec![item.message_id], attempt).await?;
                return Ok(());
            }
        };
        self.check_about(peer, &receipt, item)?;
        let settlement = match receipt.leaf().kind {
            LeafKind::Received => Settlement::Delivered,
            LeafKind::Rejected => Settlement::Rejected(receipt.leaf().reason.clone()),
            _ => return Err(Fault::Link("the peer's receipt is no answer to a delivery".to_owned())),
        };
        let state = match &settlement {
            Settlement::Delivered => SentState::Delivered,
            Settlement::Rejected(_) if item.expired => SentState::Expired,
            Settlement::Rejected(_) if item.withdrawn => SentState::Withdrawn,
            Settlement::Rejected(_) => SentState::Rejected,
        };
        let countersigned = self.countersign(peer, receipt).await?;
        self.store.settle(item.message_id, settlement, countersigned.encode(), self.clock.now()).await?;
        self.tell_settled(item.message_id, state);
        Ok(())
    }

    fn check_about(&self, peer: &Ministry, receipt: &Receipt, item: &OutboxItem) -> Result<(), Fault> {
        let about = commitments(&item.signed)?;
        let proven = receipt.leaf().message == Some(about);
        let (checkpoint, _) = self.open_checkpoint(peer, &receipt.proof().checkpoint.to_string())?;
        let keys = self.accreditation()?.log_keys(peer)?;
        let held = keys.iter().any(|key| receipt.verify(&checkpoint.origin, key).is_ok());
        if proven && held { Ok(()) } else { Err(Fault::Link("the peer's receipt proves nothing".to_owned())) }
    }

    /// An unsigned refusal holds its channel up until somebody mends the cause: somebody must know.
    async fn alarm_refused(&self, peer: &Ministry, reason: &str) -> Result<(), Fault> {
        self.alarm_about(peer, REFUSED_ALARM, clerk::refused_detail(reason)).await
    }

    /// Time until the next message to the peer is due.
    async fn until_due(&self, peer: &Ministry) -> Result<Duration, Fault> {
        let next = self.store.next_due_time(peer.clone()).await?;
        Ok(schedule::wait(next, self.clock.now()))
    }

    /// A pause after so many failures in a row, drawn anew each time.
    fn pause(&self, failures: u32) -> Duration {
        let draw = random::<4>(self.entropy.as_ref()).map_or(u32::MAX, u32::from_le_bytes);
        schedule::pause(failures, draw)
    }
}

/// What a leaf about a message commits to.
pub(super) fn commitments(signed: &SignedHeader) -> Result<LeafMessage, Fault> {
    let header = Header::parse(&signed.header).map_err(|cause| Fault::Damaged(cause.to_string()))?;
    Ok(LeafMessage {
        id: header.id(),
        envelope: signed_header_digest(&signed.header, &signed.signature),
        parts: parts_digest(header.parts()),
    })
}

/// The longest prefix of the due messages that fits into one frame, each with its envelope bytes.
fn within_bounds(due: Vec<OutboxItem>) -> Result<Vec<(OutboxItem, Vec<u8>)>, Fault> {
    let mut batch = Vec::new();
    let mut bytes = 0_usize;
    for item in due {
        let envelope = envelope_bytes(&item)?;
        bytes = bytes.saturating_add(envelope.len());
        if !batch.is_empty() && bytes > limits::BATCH_BYTES_MAX {
            break;
        }
        batch.push((item, envelope));
    }
    Ok(batch)
}

/// The exact envelope that was taken into custody; of a withdrawn message its header and signature.
pub(super) fn envelope_bytes(item: &OutboxItem) -> Result<Vec<u8>, Fault> {
    let damaged = |cause: crate::message::refusal::Refusal| Fault::Damaged(cause.to_string());
    let header = Header::parse(&item.signed.header).map_err(damaged)?;
    if item.withdrawn {
        let bare = Envelope::without_parts(header, item.signed.signature.clone()).map_err(damaged)?;
        return Ok(bare.encode());
    }
    let parts = item.parts.iter().map(|part| part.content.clone().unwrap_or_default()).collect();
    Ok(Envelope::compose(header, item.signed.signature.clone(), parts).map_err(damaged)?.encode())
}
