//! Reception: takes custody of messages from a peer and answers with receipts.
//!
//! A batch of envelopes enters; one outcome for each leaves, after everything that is answered with a receipt
//! is durable. A message whose position is in order but which may not pass is rejected by a signed leaf that
//! uses up its number; anything else that is wrong gets an unsigned refusal and changes nothing.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::gateway::Gateway;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::frame::{Answer, Delivery, Outcome};
use crate::gateway::store::record::{Checkpoint, Custody, Direction, LeafPlace};
use crate::gateway::submission::custody_place;
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

/// An envelope that may be taken into custody or must be rejected for good.
struct Judged {
    envelope: Envelope,
    rejection: Option<Refusal>,
}

impl Gateway {
    /// Takes a batch of a peer's envelopes into custody, in order. The outcomes share one checkpoint.
    pub async fn receive(&self, peer: &Ministry, deliveries: Vec<Delivery>) -> Result<Vec<Outcome>, Fault> {
        let accreditation = self.accreditation()?;
        let judging = deliveries.iter().map(|one| self.judge(peer, one, &accreditation));
        let judged = join_all(judging).await;
        // Polled in order, so the store's writer sees them in order and commits them together.
        let places = join_all(judged.into_iter().map(|judged| self.place(peer, judged))).await;
        let mut checkpoints = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(places.len());
        for (message_id, place) in places {
            outcomes.push(Outcome { message_id, answer: self.answer(place, &mut checkpoints).await? });
        }
        Ok(outcomes)
    }

    async fn judge(
        &self,
        peer: &Ministry,
        delivery: &Delivery,
        accreditation: &Accreditation,
    ) -> Result<Judged, (Option<MessageId>, Declined)> {
        let Delivery { envelope: bytes, withdrawn } = delivery;
        let parsed = if *withdrawn { Envelope::parse_without_parts(bytes) } else { Envelope::parse(bytes) };
        let envelope = parsed.map_err(|refusal| (None, refusal.into()))?;
        let id = Some(envelope.id());
        let refused = |reason, detail: &str| (id, Declined::Refused(Refusal::new(reason, detail)));
        if envelope.header().address().sender != *peer {
            return Err(refused(
                Reason::NotTheSender,
                "the sender is not the ministry this connection names",
            ));
        }
        if envelope.header().position().recipient != self.config.ministry {
            return Err(refused(Reason::NotTheRecipient, "this copy is for another ministry"));
        }
        let now = self.clock.now();
        let held = self.store.held(Direction::In, envelope.id().digest()).await;
        let held = held.map_err(|fault| (id, fault.into()))?;
        // What is held was verified and judged when it was taken, and gets its receipt whatever has changed.
        if held.as_ref().is_none_or(|held| held.signature != envelope.signature()) {
            let anchors = accreditation.signing_anchors(peer).map_err(|fault| (id, fault.into()))?;
            envelope.verify(anchors, now).map_err(|refusal| (id, refusal.into()))?;
        }
        let verdict = match held {
            Some(_) => Ok(()),
            // Nothing is admitted: its number is to be used up.
            None if *withdrawn => Err(Refusal::new(Reason::Withdrawn, "the sender withdrew it")),
            None => admission::judge(envelope.header(), accreditation.policy(), now),
        };
        match verdict {
            Ok(()) => Ok(Judged { envelope, rejection: None }),
            Err(refusal) if refusal.is_final() => Ok(Judged { envelope, rejection: Some(refusal) }),
            Err(refusal) => Err((id, refusal.into())),
        }
    }

    async fn place(
        &self,
        peer: &Ministry,
        judged: Result<Judged, (Option<MessageId>, Declined)>,
    ) -> (Option<MessageId>, Result<LeafPlace, Declined>) {
        match judged {
            Ok(Judged { envelope, rejection }) => {
                let custody = self.consign(peer, &envelope, rejection).await;
                let place = custody.map_err(Declined::from).and_then(|custody| Ok(custody_place(custody)?));
                (Some(envelope.id()), place)
            }
            Err((id, declined)) => (id, Err(declined)),
        }
    }

    async fn consign(
        &self,
        peer: &Ministry,
        envelope: &Envelope,
        rejection: Option<Refusal>,
    ) -> Result<Custody, Fault> {
        let now = self.clock.now();
        let message = LeafMessage::of(envelope);
        match rejection {
            None => {
                let leaf = Leaf::about(LeafKind::Received, message, "", now);
                Ok(self.store.receive(self.consignment(envelope, peer, &leaf).await?).await?)
            }
            Some(refusal) => {
                let reason = refusal.reason().word();
                let leaf = Leaf::about(LeafKind::Rejected, message, reason, now);
                let consignment = self.consignment(envelope, peer, &leaf).await?;
                Ok(self.store.reject(consignment, reason.to_owned()).await?)
            }
        }
    }

    /// The answer for one message. All receipts of a batch stand under one checkpoint of each log, which the
    /// peer is about to cosign.
    async fn answer(
        &self,
        place: Result<LeafPlace, Declined>,
        checkpoints: &mut BTreeMap<String, Checkpoint>,
    ) -> Result<Answer, Fault> {
        let place = match place {
            Ok(place) => place,
            Err(Declined::Failed(fault)) => return Err(fault),
            Err(Declined::Refused(refusal)) => {
                let reason = refusal.reason().word().to_owned();
                return Ok(Answer::Unsigned { reason, detail: refusal.detail().to_owned() });
            }
        };
        let checkpoint = match checkpoints.get(&place.origin) {
            Some(checkpoint) => checkpoint.clone(),
            None => {
                let checkpoint = self.checkpoint(&place.origin).await?;
                checkpoints.insert(place.origin.clone(), checkpoint.clone());
                checkpoint
            }
        };
        Ok(Answer::Receipt(self.receipt_under(&place, &checkpoint).await?.encode()))
    }
}
