//! Silence: what this registry signs about an urgent message of its own that nobody acknowledged in time.
//!
//! A consultation enters; for every FLASH or IMMEDIATE of this desk whose time is over a non-acknowledgement leaves, to
//! the ministry that is silent, once for each message and addressee however often it is looked at: that it was signed is
//! registered in the transaction that registers it. It is never about what a registry sent by itself, so that two silent ones
//! do not write to each other for ever.

use crate::consultation::act::Act;
use crate::consultation::acts::registry::NonAcknowledgement;
use crate::consultation::reference::ConsultationId;
use crate::consultation::state::acknowledgement::{self, Unacknowledged};
use crate::consultation::words::Urgency;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::Folded;
use crate::desk::compose::Origin;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Draft, Reference, Referenced};
use crate::desk::keys::Keys;
use crate::desk::register::{SentEntry, SentState};
use crate::desk::unpaid::Unpaid;
use crate::message::envelope::Envelope;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Precedence};

/// The kind of answer under which the register keeps what was signed.
const KIND: &str = "non-acknowledgement";

impl Desk {
    /// Signs and sends what is due in a consultation. Returns how many were sent; what could not be goes to `unpaid`.
    pub(in crate::desk) async fn declare_silence(
        &self,
        trust: &Trust,
        keys: &Keys,
        folded: &Folded,
        unpaid: &mut Unpaid,
    ) -> Result<usize, DeskError> {
        let (own, now) = (&self.config.ministry, self.clock.now().minute());
        let all = acknowledgement::unacknowledged(folded.book.history(), folded.book.charter());
        let owed = all
            .into_iter()
            .filter(|one| one.act.sender == *own && one.signed.is_none() && one.is_alarming(now));
        unpaid.pay_each(owed, |one| self.declare_one(trust, keys, folded, one)).await
    }

    async fn declare_one(
        &self,
        trust: &Trust,
        keys: &Keys,
        folded: &Folded,
        one: Unacknowledged<'_>,
    ) -> Result<bool, DeskError> {
        let Some(copy) = self.copy_to(folded, &one)? else { return Ok(false) };
        self.declare(trust, keys, &copy, &one).await
    }

    /// The copy that went to the silent ministry; none where it never left, was refused, or was answered so before.
    fn copy_to(&self, folded: &Folded, one: &Unacknowledged<'_>) -> Result<Option<SentEntry>, DeskError> {
        let digest = one.act.reference.dispatch_digest();
        let copies = self.register.sent_in(&folded.consultation)?.into_iter();
        let mut copies =
            copies.filter(|copy| copy.dispatch_digest == digest && copy.recipient == *one.addressee);
        let Some(copy) = copies.next() else { return Ok(None) };
        let is_out = matches!(copy.state, SentState::Queued | SentState::Delivered | SentState::Expired);
        let is_new = self.register.answer_to(&copy.id, KIND)?.is_none();
        Ok((is_out && is_new).then_some(copy))
    }

    async fn declare(
        &self,
        trust: &Trust,
        keys: &Keys,
        copy: &SentEntry,
        one: &Unacknowledged<'_>,
    ) -> Result<bool, DeskError> {
        let precedence = match one.act.precedence {
            Precedence::Flash => Urgency::Flash,
            Precedence::Immediate => Urgency::Immediate,
            Precedence::Priority | Precedence::Routine => return Ok(false),
        };
        let act = Act::NonAcknowledgement(NonAcknowledgement {
            message_id: copy.id,
            dispatch_digest: copy.dispatch_digest,
            precedence,
            due_time: one.due,
            addressee: one.addressee.clone(),
        });
        let draft = about(copy, act)?;
        let mut composition = self.compose(trust, keys, &draft, std::path::Path::new("."), None)?;
        composition.origin = Origin::Answer(copy.id, KIND);
        match self.send(trust, keys, composition).await {
            // Another process of this desk was faster.
            Err(DeskError::AnsweredBefore(_)) => Ok(false),
            sent => sent.map(|_| true),
        }
    }
}

/// A service message to the recipient of a copy, at its level, on its channel.
fn about(copy: &SentEntry, act: Act) -> Result<Draft, DeskError> {
    let envelope = Envelope::parse(&copy.envelope)?;
    let address = envelope.header().address();
    let consultation = ConsultationId::parse(&address.consultation)
        .map_err(|fault| DeskError::Draft(format!("the consultation: {fault}")))?;
    let addressee = Addressee { ministry: copy.recipient.clone(), kind: AddresseeKind::Action };
    let message = Referenced {
        message_id: copy.id,
        dispatch_digest: Some(copy.dispatch_digest),
        known: true,
        consultation: Some(consultation),
    };
    Ok(Draft {
        channel: Some(address.channel.clone()),
        level: address.level,
        in_reply_to: Some(Reference { text: copy.id.to_string(), message }),
        ..Draft::service_message(vec![addressee], consultation, act)
    })
}
