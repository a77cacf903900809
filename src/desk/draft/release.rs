//! The release of a draft: every signature it lists is there and holds now, the past it rests on is the present one, and
//! the rules are asked again. Then it goes the way of every message.

use super::{DraftFile, DraftRefusal};
use crate::consultation::act::ActKind;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::compose::{Composition, Origin, is_numbered};
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::Entry;
use crate::limits;
use crate::message::dispatch::Basis;
use crate::message::seal::Opener;
use crate::message::terms::ActClass;
use crate::trust::signature::Signature;

impl Desk {
    /// A draft ready for `send`; refused where a signature is missing or does not hold, where it was released or
    /// cancelled, or where a later act touched what it says.
    pub fn ready(&self, trust: &Trust, keys: &Keys, draft: DraftFile) -> Result<Composition, DeskError> {
        let entry = self.open_entry(&draft)?;
        let standing = self.standing(trust, &draft)?;
        if !standing.is_complete() {
            return Err(DraftRefusal::Unsigned(standing.missing()).into());
        }
        let now = self.clock.now();
        if entry.formal_number.is_some() && entry.year != now.year() {
            return Err(DraftRefusal::YearOver(entry.year).into());
        }
        if let Some(until) = draft.valid_until().filter(|until| *until <= now) {
            return Err(DraftRefusal::Expired(until).into());
        }
        self.require_present_basis(trust, keys, &draft)?;
        let rule = self.rule_of(trust, &draft)?;
        // The number was reserved for it: it follows on the one before, whatever was numbered since.
        let before = entry.formal_number.map(|number| number.saturating_sub(1));
        let before = before.filter(|number| *number > 0);
        let what = (draft.address(), draft.dispatch(), draft.act());
        let signatures: Vec<Signature> =
            standing.steps.iter().filter_map(|step| step.signed.clone()).collect();
        let facts = authorities::of_signed(&draft.dispatch().authentications, &signatures);
        let findings = self.judge_own(trust, keys, what, draft.sources(), &facts, before)?;
        let valid_until = draft.valid_until().unwrap_or_else(|| now.after(limits::VALIDITY_DEFAULT));
        Ok(Composition {
            address: draft.address().clone(),
            dispatch: draft.dispatch().clone(),
            act: draft.act().clone(),
            sources: draft.sources().to_vec(),
            offices: vec![None; draft.dispatch().authentications.len()],
            numbered: is_numbered(draft.address(), rule),
            valid_until,
            findings,
            origin: Origin::Draft(Box::new(draft), entry.formal_number.map(|number| (entry.year, number))),
        })
    }

    /// Refuses a draft of which a later act, of whichever Power, says something: about one of its persons, or anything
    /// where either of them names nobody. What cannot be read may say anything.
    fn require_present_basis(&self, trust: &Trust, keys: &Keys, draft: &DraftFile) -> Result<(), DeskError> {
        if draft.dispatch().act_class == ActClass::Protective {
            return Ok(());
        }
        let consultation = &draft.address().consultation;
        // One more than is opened tells whether there are more.
        let most = limits::DRAFT_LATER_ACTS_MAX.saturating_add(1);
        let mut later = Vec::new();
        for Basis { ministry, act_number } in &draft.dispatch().basis {
            if *ministry == self.config.ministry {
                let sent = self.register.sent_acts_after(consultation, *act_number, most)?;
                later.extend(sent.into_iter().map(Entry::Sent));
            } else {
                let received =
                    self.register.received_acts_after(consultation, ministry, *act_number, most)?;
                later.extend(received.into_iter().map(Entry::Received));
            }
        }
        if later.len() > limits::DRAFT_LATER_ACTS_MAX {
            return Err(DraftRefusal::StaleBasis(format!("{} acts", later.len())).into());
        }
        for entry in later {
            if self.touches(trust, keys.reading()?, draft, &entry) {
                let reference = entry.reference(&self.config.ministry);
                return Err(DraftRefusal::StaleBasis(reference).into());
            }
        }
        Ok(())
    }

    fn touches(&self, trust: &Trust, key: &dyn Opener, draft: &DraftFile, later: &Entry) -> bool {
        let Ok(opened) = self.unseal_unjudged(trust, key, later) else { return true };
        let Some(act) = opened.act() else { return true };
        if act.act_kind() == ActKind::RegistryReceipt {
            return false;
        }
        let (ours, theirs) = (draft.act().persons(), act.persons());
        let decides = matches!(act.class(), ActClass::Normative | ActClass::Protective);
        ours.is_empty() || (theirs.is_empty() && decides) || theirs.iter().any(|person| ours.contains(person))
    }
}
