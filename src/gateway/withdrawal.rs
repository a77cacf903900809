//! Withdrawal by the own desk: uses up the number of a message that was signed and is not to be delivered.
//!
//! A signed header with a number may turn up at the peer whatever this gateway says of it, so the number is never
//! free again. Header and signature enter; they are taken into custody without parts, with two leaves, sent and
//! withdrawn, in one commit; the receipt of the second leaves. The peer is shown the withdrawal and answers for the
//! number by a signed rejection.

use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::store::record::{DESK, Decision, Direction, LeafPlace, SentState, Surrender, Withdrawal};
use crate::gateway::submission::{consignment, custody_place};
use crate::message::envelope::Envelope;
use crate::message::leaf::{Leaf, LeafKind, LeafMessage, WITHDRAWN_BY_DESK};
use crate::message::receipt::Receipt;
use crate::message::refusal::{Reason, Refusal};
use crate::trust::name::Ministry;

impl Gateway {
    /// Takes a message of the own desk into custody as withdrawn, or withdraws it where it is in custody already.
    pub async fn withdraw_unsent(&self, bytes: &[u8]) -> Result<Receipt, Declined> {
        let envelope = Envelope::parse_without_parts(bytes)?;
        let recipient = envelope.header().position().recipient.clone();
        if envelope.header().address().sender != self.config.ministry {
            let detail = "the sender is not the ministry of this gateway";
            return Err(Refusal::new(Reason::NotTheSender, detail).into());
        }
        self.require_authentic(&envelope, &recipient).await?;
        let now = self.clock.now();
        let about = LeafMessage::of(&envelope);
        let sent = Leaf::about(LeafKind::Sent, about, "", now);
        let permit = self.permit_soon(&recipient).await?;
        let consignment = consignment(permit.origin(), &recipient, &envelope, &sent);
        let leaf = Leaf::about(LeafKind::Withdrawn, about, WITHDRAWN_BY_DESK, now).bytes();
        let entry = permit.entry(leaf);
        let decision =
            Decision { time: now, operator: DESK, reason: WITHDRAWN_BY_DESK.to_owned(), act: None };
        let place = match self.store.surrender(consignment, entry, decision).await? {
            Surrender::Withdrawn(Withdrawal::Done { place, .. }) => {
                self.tallies.settled(&recipient, SentState::Withdrawn);
                place
            }
            Surrender::Withdrawn(_) => self.place_of(&envelope).await?,
            Surrender::NotTaken(custody) => custody_place(custody)?,
        };
        drop(permit);
        tracing::info!(message = %envelope.id(), "the own desk withdrew a message");
        let receipt = self.receipt(&place).await?;
        self.wake(&recipient);
        Ok(receipt)
    }

    /// What is held was verified before. Of others the registry's signature must hold now, or have held when the
    /// message was released: a certificate that ended meanwhile must not leave a number open for ever.
    async fn require_authentic(&self, envelope: &Envelope, recipient: &Ministry) -> Result<(), Declined> {
        let held = self.store.held(Direction::Out, envelope.id().digest()).await?;
        if held.is_some_and(|held| held.signature == envelope.signature()) {
            return Ok(());
        }
        let accreditation = self.accreditation()?;
        if !accreditation.is_peer(recipient) {
            let detail = "the recipient is not accredited at this gateway";
            return Err(Refusal::new(Reason::UnknownChannel, detail).into());
        }
        let anchors = accreditation.signing_anchors(&self.config.ministry)?;
        let released = envelope.header().position().release_time;
        let verified = envelope.verify(anchors, self.clock.now());
        Ok(verified.or_else(|refusal| envelope.verify(anchors, released).map_err(|_| refusal))?)
    }

    /// The leaf that tells where a message stands that was withdrawn before, or that the peer has answered for.
    async fn place_of(&self, envelope: &Envelope) -> Result<LeafPlace, Declined> {
        let [sent] = self.store.sent(vec![envelope.id().digest()]).await?.try_into().unwrap_or([None]);
        let sent = sent.ok_or_else(|| Fault::Damaged("a message in custody is gone".to_owned()))?;
        Ok(match sent.state {
            SentState::Withdrawn => sent.withdrawn_at.unwrap_or(sent.place),
            _ => sent.place,
        })
    }
}
