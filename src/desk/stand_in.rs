//! Standing in: a letter under the number of an act that reached nobody.
//!
//! Numbers of acts are not given twice, so an act that was given up leaves a gap wherever a later one of the same
//! ministry arrives. Nobody there can tell whether a withdrawal stood under it, and nobody departs. Its sender alone
//! can know that no Power has it: every copy was rejected, and the signed answer of each recipient is here. Then a
//! letter to the same Powers takes the number and says so. A letter changes no state, so no verdict hangs on when it
//! comes.
//!
//! So it is with a number that was left out, because this register was restored from an older backup and could not know
//! what bore it: once everything that the gateway holds is back here, it is certain that no act bears it.
//!
//! A protective act is never given up, whatever its recipients answered: its number is its own, and they are owed it
//! anew.
//!
//! What must never happen: that a number is given to a second act while any Power may have the first.

use std::collections::BTreeSet;

use super::numbering::ActNumber;
use crate::consultation::act::Act;
use crate::consultation::acts::correspondence::Correspondence;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::ConsultationId;
use crate::consultation::rules;
use crate::consultation::text::ShortText;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::compose::Composition;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{Draft, DraftText, TextSource};
use crate::desk::keys::Keys;
use crate::desk::register::{Marks, SentEntry};
use crate::message::envelope::Envelope;
use crate::message::leaf::LeafKind;
use crate::message::terms::{DocumentStanding, Form};

impl Desk {
    /// The letter that stands in for the act of this number in a consultation, composed, with the draft it was composed
    /// from.
    pub fn stand_in(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &ConsultationId,
        number: u64,
    ) -> Result<(Draft, Composition), DeskError> {
        let copies = self.require_given_up(trust, &consultation.text(), number)?;
        if let Some(copy) = copies.first()
            && self.is_protective(trust, keys, copy)?
        {
            return Err(DeskError::Protective(copy.id));
        }
        // Those who wait for a number that was left out are those to whom what came after it went.
        let later = self.register.sent_acts_after(&consultation.text(), number, 1)?;
        let first = copies.first().or(later.first()).ok_or(DeskError::NoSuchAct(number))?;
        let address = Envelope::parse_held(&first.envelope)?.header().address().clone();
        let draft = |fault: crate::consultation::fault::Fault| DeskError::Draft(fault.message().to_owned());
        let words = match copies.is_empty() {
            false => format!(
                "The act that bore the number {number} in this consultation was given up before it reached any Power. It \
                 has no effect. This letter takes its number, so that nobody waits for it."
            ),
            true => format!(
                "The number {number} of this consultation was left out, and no act bears it. This letter takes it, so that \
                 nobody waits for it."
            ),
        };
        let text = DraftText {
            document_id: EntryId::parse("en").map_err(draft)?,
            language: "en".to_owned(),
            standing: DocumentStanding::Official,
            title: ShortText::new("Memorandum").map_err(draft)?,
            source: TextSource::Inline(words),
            translation_of: None,
        };
        let subject = ShortText::new(format!("Act {number}, given up")).map_err(draft)?;
        let letter = Correspondence { subject, opening_formula: None, closing_formula: None, demarche: None };
        let draft = Draft {
            channel: Some(address.channel),
            level: address.level,
            form: Form::Memorandum,
            texts: vec![text],
            ..Draft::service_message(address.addressees, *consultation, Act::Correspondence(letter))
        };
        let composition = self.compose(trust, keys, &draft, std::path::Path::new("."), None)?;
        Ok((draft, composition))
    }

    /// Sends a letter that stands in for the act of this number, once it is certain again that nobody has that act.
    pub async fn send_stand_in(
        &self,
        trust: &Trust,
        keys: &Keys,
        composition: Composition,
        number: u64,
    ) -> Result<Vec<SentEntry>, DeskError> {
        if rules::forbids(&composition.findings) {
            return Err(DeskError::Forbidden(composition.findings));
        }
        let number = ActNumber::InPlaceOf(number);
        self.release(trust, keys, (composition, number, Marks::default()), |_| {}).await
    }

    /// The copies of everything that bore this number, all of which their recipients rejected by signed answers.
    pub(super) fn require_given_up(
        &self,
        trust: &Trust,
        consultation: &str,
        number: u64,
    ) -> Result<Vec<SentEntry>, DeskError> {
        let mut copies = self.register.sent_in(consultation)?;
        copies.retain(|copy| copy.act_number == number && number > 0);
        if copies.is_empty() {
            self.require_left_out(consultation, number)?;
        }
        // What somebody is owed goes to him later.
        let mut owed = self.register.owed()?.into_iter();
        if let Some(owed) = owed.find(|owed| owed.consultation == consultation && owed.act_number == number) {
            return Err(DeskError::NotGivenUp { number, recipient: owed.recipient, state: "owed" });
        }
        for copy in &copies {
            let envelope = Envelope::parse_held(&copy.envelope)?;
            if self.prove_as(trust, &envelope, &copy.delivery_receipt, &[LeafKind::Rejected]).is_err() {
                let (recipient, state) = (copy.recipient.clone(), copy.state.word());
                return Err(DeskError::NotGivenUp { number, recipient, state });
            }
        }
        Ok(copies)
    }

    /// A number that no act bears: later ones were given, and this register lacks nothing of what this desk sent.
    fn require_left_out(&self, consultation: &str, number: u64) -> Result<(), DeskError> {
        if number == 0 || self.register.sent_acts_after(consultation, number, 1)?.is_empty() {
            return Err(DeskError::NoSuchAct(number));
        }
        let channels: BTreeSet<String> =
            self.register.sent_in(consultation)?.into_iter().map(|copy| copy.channel).collect();
        for channel in channels {
            if let Some((recipient, lost)) = self.register.lost_on(&channel)?.pop() {
                let held = self.register.used_through(&channel, &recipient)?;
                let sent = held.saturating_sub(lost);
                return Err(DeskError::RegisterBehind { recipient, held, sent });
            }
        }
        Ok(())
    }
}
