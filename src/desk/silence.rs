//! Silence: what this registry signs about an urgent message of its own that nobody acknowledged in time.
//!
//! A consultation enters; for every FLASH or IMMEDIATE of this desk whose time is over a non-acknowledgement leaves,
//! to the ministry that is silent, once for each message and addressee however often it is looked at: that it was
//! signed is registered in the transaction that registers it; one whose own copy was given up or came too late is
//! signed anew. It is never about what a registry sent by itself, so that two silent ones do not write to each other
//! for ever. What must never happen: that somebody is called silent about what this desk had not sent. The time of an
//! addressee runs from when the own gateway took the copy into custody, however long the act was owed before.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::registry::NonAcknowledgement;
use crate::consultation::reference::ConsultationId;
use crate::consultation::state::acknowledgement::{self, Unacknowledged};
use crate::consultation::words::Urgency;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::{Answered, Folded};
use crate::desk::compose::Origin;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Draft, Reference, Referenced};
use crate::desk::keys::Keys;
use crate::desk::reference::register_number;
use crate::desk::register::{SentEntry, SentState};
use crate::desk::unpaid::Unpaid;
use crate::digest::Digest;
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::header::Addressee;
use crate::message::terms::{AddresseeKind, Precedence};
use crate::time::Timestamp;

/// The kind of answer under which the register keeps what was signed.
const KIND: &str = "non-acknowledgement";

/// How far an act of this desk has come on its way to an addressee who has not acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nothing of it is in the custody of the own gateway: nobody is late but this ministry.
    Owed,
    /// It has gone, and its addressee has until then.
    Until(Timestamp),
}

impl Desk {
    /// How far an act of this desk has come.
    pub fn way_of(&self, folded: &Folded, one: &Unacknowledged<'_>) -> Result<Way, DeskError> {
        let digest = one.act.reference.dispatch_digest();
        let act = (one.act.number, &digest);
        let newest = self.register.newest_of(&folded.consultation, act, one.addressee)?;
        let is_owed = match newest.as_ref().map(|copy| copy.state) {
            Some(SentState::Released) => true,
            Some(SentState::Queued | SentState::Delivered) => false,
            // Its copy ended, and it goes anew; or none was made yet.
            Some(_) | None => self.register.owed_of(&digest, one.addressee)?.is_some(),
        };
        Ok(match newest {
            _ if is_owed => Way::Owed,
            Some(copy) => Way::Until(self.due(folded, one, &copy)),
            None => Way::Until(one.due),
        })
    }

    /// Until when the addressee of this copy has to acknowledge its act.
    fn due(&self, folded: &Folded, one: &Unacknowledged<'_>, copy: &SentEntry) -> Timestamp {
        let latest = self.clock.now().after(limits::CLOCK_SKEW_MAX);
        // A gateway that says it took the copy in days to come ends no alarm.
        match copy.taken().filter(|taken| *taken <= latest) {
            Some(taken) => one.due_from(taken, folded.book.charter()),
            None => one.due,
        }
    }

    /// Signs and sends what is due in a consultation. What was sent goes to `sent`, and what could not be to `unpaid`.
    pub(in crate::desk) async fn declare_silence(
        &self,
        trust: &Trust,
        keys: &Keys,
        folded: &Folded,
        (unpaid, sent): (&mut Unpaid, &mut Vec<Answered>),
    ) -> Result<(), DeskError> {
        let (own, now) = (&self.config.ministry, self.clock.now().minute());
        let all = acknowledgement::unacknowledged(folded.book.history(), folded.book.charter());
        let owed = all
            .into_iter()
            .filter(|one| one.act.sender == *own && one.signed.is_none() && one.is_alarming(now));
        unpaid.pay_each(owed, sent, |one| self.declare_one(trust, keys, folded, one)).await
    }

    async fn declare_one(
        &self,
        trust: &Trust,
        keys: &Keys,
        folded: &Folded,
        one: Unacknowledged<'_>,
    ) -> Result<Option<Answered>, DeskError> {
        let Some(copy) = self.copy_to(folded, &one)? else { return Ok(None) };
        let one = Unacknowledged { due: self.due(folded, &one, &copy), ..one };
        if !one.is_overdue(self.clock.now().minute()) {
            return Ok(None);
        }
        self.declare(trust, keys, &copy, &one).await
    }

    /// The copy that went to the silent ministry; none where it never left, was refused, or was answered so before.
    fn copy_to(&self, folded: &Folded, one: &Unacknowledged<'_>) -> Result<Option<SentEntry>, DeskError> {
        let digest = one.act.reference.dispatch_digest();
        let copies = self.register.sent_in(&folded.consultation)?;
        let is_it = |copy: &&SentEntry| copy.dispatch_digest == digest && copy.recipient == *one.addressee;
        // The newest: one before it may have ended, and was owed anew.
        let Some(copy) = copies.iter().rfind(is_it) else { return Ok(None) };
        let is_out = matches!(copy.state, SentState::Queued | SentState::Delivered | SentState::Expired);
        let is_new = match self.register.answer_to(&copy.id, KIND)? {
            None => true,
            Some(said) if is_lost(&copies, &said) => {
                // It never left this ministry, and will not: it is said again.
                self.register.forget_answer(&copy.id, KIND, &said)?;
                true
            }
            Some(_) => false,
        };
        Ok((is_out && is_new).then(|| copy.clone()))
    }

    async fn declare(
        &self,
        trust: &Trust,
        keys: &Keys,
        copy: &SentEntry,
        one: &Unacknowledged<'_>,
    ) -> Result<Option<Answered>, DeskError> {
        let precedence = match one.act.precedence {
            Precedence::Flash => Urgency::Flash,
            Precedence::Immediate => Urgency::Immediate,
            Precedence::Priority | Precedence::Routine => return Ok(None),
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
            Err(DeskError::AnsweredBefore(_)) => Ok(None),
            sent => {
                let own = &self.config.ministry;
                let about = register_number(own, &copy.recipient, copy.release_time, copy.sequence);
                Ok(Answered::of(ActKind::NonAcknowledgement, &sent?, own, about))
            }
        }
    }
}

/// Whether no copy of this dispatch is on its way or has come to anybody, because this ministry gave it up or it was too
/// late. One that the other side refused is not lost: it would be refused again.
fn is_lost(copies: &[SentEntry], dispatch: &Digest) -> bool {
    let mut of_it = copies.iter().filter(|copy| copy.dispatch_digest == *dispatch).peekable();
    let is_known = of_it.peek().is_some();
    is_known && of_it.all(|copy| matches!(copy.state, SentState::Withdrawn | SentState::Expired))
}

/// A service message to the recipient of a copy, at its level, on its channel.
fn about(copy: &SentEntry, act: Act) -> Result<Draft, DeskError> {
    let envelope = Envelope::parse_held(&copy.envelope)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::id::MessageId;
    use crate::trust::name::Ministry;

    fn copy(words: &str, state: SentState) -> SentEntry {
        SentEntry {
            id: MessageId::of_header(words.as_bytes()),
            channel: "ch".to_owned(),
            recipient: Ministry::parse("XB").unwrap(),
            consultation: "C-7QK4-M2XD-9WTV".to_owned(),
            sequence: 1,
            act_number: 0,
            release_time: Timestamp::from_seconds(1_795_345_200),
            dispatch_digest: Digest::of(words.as_bytes()),
            envelope: Vec::new(),
            has_parts_beside: false,
            state,
            reason: String::new(),
            submission_receipt: Vec::new(),
            delivery_receipt: Vec::new(),
        }
    }

    #[test]
    fn an_answer_is_lost_where_this_ministry_gave_it_up_and_not_where_it_is_out_or_was_refused() {
        for (state, lost) in [
            (SentState::Released, false),
            (SentState::Queued, false),
            (SentState::Delivered, false),
            (SentState::Rejected, false),
            (SentState::Void, false),
            (SentState::Expired, true),
            (SentState::Withdrawn, true),
        ] {
            let copies = [copy("another", SentState::Delivered), copy("said", state)];
            assert_eq!(is_lost(&copies, &Digest::of(b"said")), lost, "{state:?}");
        }
        assert!(!is_lost(&[], &Digest::of(b"said")), "nothing is known of it");
    }
}
