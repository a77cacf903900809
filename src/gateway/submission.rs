//! Submission: takes custody of a message from the own desk.
//!
//! An envelope enters; a receipt leaves, and only after one durable commit of envelope, leaf, outbox row and
//! deduplication key. What is refused changes nothing.

use crate::gateway::Gateway;
use crate::gateway::admission;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::store::record::{Consignment, Custody, Direction, LeafPlace, Part};
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage};
use crate::message::receipt::Receipt;
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

impl Gateway {
    /// Takes one envelope of the own desk into custody. The same message again gets its receipt again.
    pub async fn submit(&self, bytes: &[u8]) -> Result<Receipt, Declined> {
        let envelope = Envelope::parse(bytes)?;
        let recipient = envelope.header().position().recipient.clone();
        let now = self.clock.now();
        if envelope.header().address().sender != self.config.ministry {
            return Err(refuse(Reason::NotTheSender, "the sender is not the ministry of this gateway"));
        }
        let held = self.store.held(Direction::Out, envelope.id().digest()).await?;
        // What is held was verified and judged when it was taken. Its desk must get its receipt whatever has
        // changed since, or it would take the number for unused.
        if held.as_ref().is_none_or(|held| held.signature != envelope.signature()) {
            let accreditation = self.accreditation()?;
            envelope.verify(accreditation.signing_anchors(&self.config.ministry)?, now)?;
        }
        if held.is_none() {
            let accreditation = self.accreditation()?;
            if !accreditation.is_peer(&recipient) {
                return Err(refuse(
                    Reason::UnknownChannel,
                    "the recipient is not accredited at this gateway",
                ));
            }
            admission::judge(envelope.header(), accreditation.policy(), now)?;
        }
        let leaf = Leaf::about(LeafKind::Sent, LeafMessage::of(&envelope), "", now);
        let consignment = self.consignment(&envelope, &recipient, &leaf).await?;
        let custody = self.store.take_custody(consignment).await?;
        let receipt = self.receipt(&custody_place(custody)?).await?;
        self.wake(&recipient);
        Ok(receipt)
    }

    /// What the store is to take custody of.
    pub(super) async fn consignment(
        &self,
        envelope: &Envelope,
        peer: &Ministry,
        leaf: &Leaf,
    ) -> Result<Consignment, Fault> {
        let position = envelope.header().position();
        let parts = envelope.header().parts().iter().zip(envelope.parts());
        Ok(Consignment {
            message_id: envelope.id().digest(),
            channel: envelope.header().address().channel.to_string(),
            peer: peer.clone(),
            sequence: position.sequence,
            previous: position.previous.map(|id| id.digest()),
            header: envelope.header().bytes().to_vec(),
            signature: envelope.signature().to_vec(),
            envelope_digest: envelope.digest(),
            parts: parts
                .map(|(part, content)| Part {
                    digest: part.digest,
                    size: part.size,
                    content: (!content.is_empty()).then(|| content.clone()),
                })
                .collect(),
            precedence: u8::try_from(envelope.header().address().precedence.number()).unwrap_or(0),
            valid_until: position.valid_until,
            leaf: leaf.bytes(),
            origin: self.open_log(peer).await?,
            now: leaf.time,
        })
    }
}

/// The leaf of a message that is now, or was already, in custody.
pub(super) fn custody_place(custody: Custody) -> Result<LeafPlace, Refusal> {
    match custody {
        Custody::Taken(place) | Custody::AlreadyHeld { place, .. } => Ok(place),
        Custody::AwaitsEarlier => Err(Refusal::new(
            Reason::CatchingUp,
            "earlier messages to this peer were lost here: the desk must hand them over again first",
        )),
        Custody::Equivocation { held } => Err(Refusal::new(
            Reason::Equivocation,
            format!("the sequence number is used by message {held}; both are kept as proof"),
        )),
        Custody::OutOfSequence { last_sequence, .. } => Err(Refusal::new(
            Reason::OutOfSequence,
            format!("the last sequence number here is {last_sequence}; the message does not follow it"),
        )),
        Custody::PartMissing(digest) => {
            Err(Refusal::new(Reason::PartMissing, format!("sealed part {digest} was not handed over before")))
        }
    }
}

fn refuse(reason: Reason, detail: &str) -> Declined {
    Declined::Refused(Refusal::new(reason, detail))
}
