//! Reception: takes custody of messages from a peer and answers with receipts.
//!
//! A batch of envelopes enters; one outcome for each leaves, after everything that is answered with a receipt
//! is durable. A message whose position is in order but which may not pass is rejected by a signed leaf that
//! uses up its number; anything else that is wrong gets an unsigned refusal and changes nothing.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::session::{Judging, Session};
use super::waiting::Answers;
use crate::gateway::Gateway;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::{Answer, Delivery, Outcome};
use crate::gateway::standing::Permit;
use crate::gateway::store::Purpose;
use crate::gateway::store::record::{Consignment, Direction, LeafPlace, SignedHeader};
use crate::gateway::submission::{consignment, custody_place};
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What was found of one delivery: an envelope that may be taken or must be rejected for good, or why neither.
pub(super) struct Judged {
    id: Option<MessageId>,
    found: Result<Admissible, Declined>,
}

struct Admissible {
    envelope: Envelope,
    rejection: Option<Refusal>,
}

impl Session<'_> {
    /// Places and answers batch after batch, in the order in which they came.
    pub(super) async fn place_all(&self, mut judging: mpsc::UnboundedReceiver<Judging>) -> Result<(), Fault> {
        while let Some((batch, judged)) = judging.recv().await {
            let judged = judged.await.map_err(|cause| Fault::Link(cause.to_string()))??;
            let outcomes = self.gateway.place_all(self.peer, judged).await?;
            self.waiting.answers(Answers { outcomes, batch });
        }
        Ok(())
    }
}

impl Gateway {
    /// Takes a batch of a peer's deliveries into custody, in order. The outcomes share one checkpoint.
    pub async fn receive(
        self: &Arc<Self>,
        peer: &Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Outcome>, Fault> {
        let judged = self.clone().judge_all(peer.clone(), deliveries).await?;
        self.place_all(peer, judged).await
    }

    /// Judges a batch: what needs the store first, then the signatures, off the threads that serve streams.
    pub(super) async fn judge_all(
        self: Arc<Self>,
        peer: Ministry,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Judged>, Fault> {
        let accreditation = self.accreditation()?;
        let own = self.config.ministry.clone();
        let sender = peer.clone();
        let reading = move || -> Vec<Opened> {
            deliveries.iter().map(|delivery| open(&sender, &own, delivery)).collect()
        };
        let opened = aside(reading).await?;
        let ids = opened.iter().flatten().map(|(envelope, _)| envelope.id().digest()).collect();
        let mut held = self.store.held_all(Direction::In, ids).await?.into_iter();
        let now = self.clock.now();
        let judging = move || {
            let judge = |opened: Opened| match opened {
                Ok(offered) => judge(&peer, offered, held.next().flatten(), &accreditation, now),
                Err((id, refusal)) => Judged { id, found: Err(refusal.into()) },
            };
            opened.into_iter().map(judge).collect()
        };
        aside(judging).await
    }

    /// Places what was judged, in order and in one commit, and answers it, by one permit for all of it. All receipts of a batch stand under one
    /// checkpoint of each log, which the peer is about to cosign.
    async fn place_all(&self, peer: &Ministry, judged: Vec<Judged>) -> Result<Vec<Outcome>, Fault> {
        let (mut answers, mut messages) =
            (Vec::with_capacity(judged.len()), Vec::with_capacity(judged.len()));
        let permit = match self.permit(peer).await {
            Ok(permit) => Ok(permit),
            Err(Declined::Refused(refusal)) => Err(refusal),
            Err(Declined::Failed(fault)) => return Err(fault),
        };
        for Judged { id, found } in judged {
            match (found, &permit) {
                (Ok(admissible), Ok(permit)) => {
                    messages.push(self.consign(peer, admissible, permit));
                    answers.push((id, None));
                }
                (Ok(_), Err(refusal)) => answers.push((id, Some(refusal.clone()))),
                (Err(Declined::Refused(refusal)), _) => answers.push((id, Some(refusal))),
                (Err(Declined::Failed(fault)), _) => return Err(fault),
            }
        }
        let custodies = self.store.admit_all(self.store.prepare(messages).await?).await?;
        drop(permit);
        let placed: Vec<Result<LeafPlace, Refusal>> = custodies.into_iter().map(custody_place).collect();
        let places: Vec<LeafPlace> = placed.iter().flatten().cloned().collect();
        let mut receipts = self.receipts(&places).await?.into_iter();
        let mut placed = placed.into_iter();
        let mut outcomes = Vec::with_capacity(answers.len());
        for (message_id, refusal) in answers {
            let missing = || Fault::Damaged("a message of the batch has no answer".to_owned());
            let refusal = match refusal {
                Some(refusal) => Some(refusal),
                None => placed.next().ok_or_else(missing)?.err(),
            };
            let answer = match refusal {
                Some(refusal) => Answer::Unsigned {
                    reason: refusal.reason().word().to_owned(),
                    detail: refusal.detail().to_owned(),
                },
                None => Answer::Receipt(receipts.next().ok_or_else(missing)?.encode()),
            };
            outcomes.push(Outcome { message_id, answer });
        }
        Ok(outcomes)
    }

    /// What the store is to do with an envelope.
    fn consign(&self, peer: &Ministry, admissible: Admissible, permit: &Permit) -> (Purpose, Consignment) {
        let Admissible { envelope, rejection } = admissible;
        let (kind, reason) = match &rejection {
            None => (LeafKind::Received, ""),
            Some(refusal) => (LeafKind::Rejected, refusal.reason().word()),
        };
        let leaf = Leaf::about(kind, LeafMessage::of(&envelope), reason, self.clock.now());
        let purpose = if rejection.is_none() { Purpose::Deliver } else { Purpose::Reject(reason.to_owned()) };
        (purpose, consignment(permit.origin(), peer, &envelope, &leaf))
    }
}

/// Does what takes the processor off the threads that serve streams.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    spawn_blocking(work).await.map_err(|cause| Fault::Link(cause.to_string()))
}

/// An envelope, and whether its sender withdrew it.
type Opened = Result<(Envelope, bool), (Option<MessageId>, Refusal)>;

/// Reads one envelope: it must be the peer's own, and for us.
fn open(peer: &Ministry, own: &Ministry, delivery: &Delivery) -> Opened {
    let Delivery { envelope: bytes, withdrawn } = delivery;
    let parsed = if *withdrawn { Envelope::parse_without_parts(bytes) } else { Envelope::parse(bytes) };
    let envelope = parsed.map_err(|refusal| (None, refusal))?;
    let refused = |reason, detail: &str| Err((Some(envelope.id()), Refusal::new(reason, detail)));
    if envelope.header().address().sender != *peer {
        return refused(Reason::NotTheSender, "the sender is not the ministry this connection names");
    }
    if envelope.header().position().recipient != *own {
        return refused(Reason::NotTheRecipient, "this copy is for another ministry");
    }
    Ok((envelope, *withdrawn))
}

/// Judges one envelope against what is held of it and what is in force. What is held was verified and judged
/// when it was taken, and gets its receipt whatever has changed.
fn judge(
    peer: &Ministry,
    (envelope, withdrawn): (Envelope, bool),
    held: Option<SignedHeader>,
    accreditation: &Accreditation,
    now: Timestamp,
) -> Judged {
    let id = Some(envelope.id());
    let declined = |declined| Judged { id, found: Err(declined) };
    if held.as_ref().is_none_or(|held| held.signature != envelope.signature()) {
        let anchors = match accreditation.signing_anchors(peer) {
            Ok(anchors) => anchors,
            Err(fault) => return declined(fault.into()),
        };
        if let Err(refusal) = envelope.verify(anchors, now) {
            return declined(refusal.into());
        }
    }
    let verdict = match held {
        Some(_) => Ok(()),
        // Nothing is admitted: its number is to be used up.
        None if withdrawn => Err(Refusal::new(Reason::Withdrawn, "the sender withdrew it")),
        None => admission::judge(envelope.header(), accreditation.policy(), now),
    };
    match verdict {
        Err(refusal) if !refusal.is_final() => declined(refusal.into()),
        verdict => Judged { id, found: Ok(Admissible { envelope, rejection: verdict.err() }) },
    }
}
