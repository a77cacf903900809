//! The release of a draft: every signature it lists is there and holds now, the past it rests on is the present one,
//! and the rules are asked again. Then it goes the way of every message.

use super::{DraftFile, DraftRefusal};
use crate::consultation::act::{Act, ActKind};
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::authorities;
use crate::desk::compose::{Composition, Origin, is_numbered};
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::Entry;
use crate::desk::register::{DraftEntry, ReceivedEntry};
use crate::limits;
use crate::message::dispatch::Basis;
use crate::message::seal::Opener;
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;
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
        if let Some(number) = entry.formal_number
            && self.register.is_formal_number_borne(entry.year, number)?
        {
            return Err(DraftRefusal::NumberTaken(entry.year, number).into());
        }
        if let Some(until) = draft.valid_until().filter(|until| *until <= now) {
            return Err(DraftRefusal::Expired(until).into());
        }
        self.require_present_basis(trust, keys, &draft, &entry)?;
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
        let numbered = is_numbered(draft.address(), rule);
        let bears = entry.formal_number.map(|number| (entry.year, number));
        Ok(Composition::of_signed(draft, numbered, valid_until, findings, |draft| {
            Origin::Draft(draft, bears)
        }))
    }

    /// Refuses a draft of which a later act, of whichever Power, says something: about one of its persons, or anything
    /// where either of them names nobody. What cannot be read may say anything.
    fn require_present_basis(
        &self,
        trust: &Trust,
        keys: &Keys,
        draft: &DraftFile,
        entry: &DraftEntry,
    ) -> Result<(), DeskError> {
        if draft.dispatch().act_class == ActClass::Protective {
            return Ok(());
        }
        let consultation = &draft.address().consultation;
        // One more than is opened tells whether there are more.
        let most = limits::DRAFT_LATER_ACTS_MAX.saturating_add(1);
        // What waits for other acts is not registered yet: a draft that is based anew could not rest on it either. Only
        // what protects somebody counts at once.
        let rule = self.rule_of(trust, draft)?;
        let present = self.basis(trust, keys, draft.address(), rule)?;
        let is_known = |ministry: &Ministry, number: u64| {
            present.iter().any(|basis| basis.ministry == *ministry && number <= basis.act_number)
        };
        let mut later = Vec::new();
        for Basis { ministry, act_number } in &draft.dispatch().basis {
            if *ministry == self.config.ministry {
                let sent = self.register.sent_acts_after(consultation, *act_number, most)?;
                later.extend(
                    sent.into_iter().map(|act| (is_known(ministry, act.act_number), Entry::Sent(act))),
                );
            } else {
                let received =
                    self.register.received_acts_after(consultation, ministry, *act_number, most)?;
                let received = received
                    .into_iter()
                    .map(|act| (is_known(ministry, act.act_number), Entry::Received(act)));
                later.extend(received);
            }
        }
        let unnumbered = self.unnumbered_since(trust, draft, entry)?;
        later.extend(unnumbered.into_iter().map(|act| (true, Entry::Received(act))));
        if too_many(later.len()) {
            return Err(DraftRefusal::StaleBasis(format!("{} acts", later.len())).into());
        }
        for (is_known, entry) in later {
            if self.touches(trust, &keys.reading()?, draft, (is_known, &entry)) {
                let reference = entry.reference(&self.config.ministry);
                return Err(DraftRefusal::StaleBasis(reference).into());
            }
        }
        Ok(())
    }

    /// Acts of others that did not go to all Powers, and so stand in no basis, received since a draft was composed.
    pub(super) fn unnumbered_since(
        &self,
        trust: &Trust,
        draft: &DraftFile,
        entry: &DraftEntry,
    ) -> Result<Vec<ReceivedEntry>, DeskError> {
        let consultation = &draft.address().consultation;
        let most = limits::DRAFT_LATER_ACTS_MAX.saturating_add(1);
        let mut since = Vec::new();
        for party in &self.rule_of(trust, draft)?.parties {
            since.extend(self.register.unnumbered_acts_after(
                consultation,
                party,
                entry.received_row,
                most,
            )?);
        }
        Ok(since)
    }

    fn touches(
        &self,
        trust: &Trust,
        key: &dyn Opener,
        draft: &DraftFile,
        (is_known, later): (bool, &Entry),
    ) -> bool {
        let Ok(opened) = self.unseal_unjudged(trust, key, later) else { return is_known };
        if !is_known && opened.dispatch.dispatch().act_class != ActClass::Protective {
            return false;
        }
        opened.act().is_none_or(|act| concerns(draft.act(), act))
    }
}

/// Whether so many later acts are not worth opening: what rests on so old a past is composed anew.
fn too_many(later: usize) -> bool {
    later > limits::DRAFT_LATER_ACTS_MAX
}

/// Whether a later act says something of what a draft is about: of one of its persons, or of the whole where either
/// names nobody. That a registry took something in charge or never heard of it, or that an act was countersigned,
/// changes nothing.
fn concerns(draft: &Act, later: &Act) -> bool {
    use ActKind::{Countersignature, NonAcknowledgement, RegistryReceipt};
    if matches!(later.act_kind(), Countersignature | NonAcknowledgement | RegistryReceipt) {
        return false;
    }
    let (ours, theirs) = (draft.persons(), later.persons());
    let decides = matches!(later.class(), ActClass::Normative | ActClass::Protective);
    ours.is_empty() || (theirs.is_empty() && decides) || theirs.iter().any(|person| ours.contains(person))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::reference::ConsultationId;
    use crate::desk::form::draft::IdsOnly;
    use crate::desk::form::parse::parse;
    use crate::desk::form::template::example;
    use crate::entropy::SystemEntropy;

    /// An act as its form is explained, about another person where one is named.
    fn act(kind: ActKind, person: &str) -> Act {
        let form = example(kind);
        let known = parse(&form, &IdsOnly).unwrap().act;
        let consultation = ConsultationId::mint(&SystemEntropy).unwrap();
        let named = known.clone().complete(consultation).persons();
        let form = named.first().map_or(form.clone(), |first| form.replace(&first.text(), person));
        parse(&form, &IdsOnly).unwrap().act.complete(consultation)
    }

    const ONE: &str = "P-7QK4-M2XD-9WTV";
    const OTHER: &str = "P-3HN8-ZC6V-5JF2";

    #[test]
    fn an_act_about_another_person_leaves_a_draft_as_it_is() {
        let draft = act(ActKind::TransferRequest, ONE);
        assert!(concerns(&draft, &act(ActKind::HoldNotice, ONE)));
        assert!(!concerns(&draft, &act(ActKind::HoldNotice, OTHER)));
    }

    #[test]
    fn what_names_nobody_concerns_everybody_where_it_decides_something() {
        let draft = act(ActKind::TransferRequest, ONE);
        assert!(concerns(&draft, &act(ActKind::ConsultationClosure, ONE)));
        assert!(!concerns(&draft, &act(ActKind::Correspondence, ONE)));
        let of_nobody = act(ActKind::PositionStatement, ONE);
        assert!(concerns(&of_nobody, &act(ActKind::HoldNotice, OTHER)));
        assert!(concerns(&of_nobody, &act(ActKind::Correspondence, OTHER)));
        assert!(!concerns(&of_nobody, &act(ActKind::RegistryReceipt, OTHER)));
    }

    #[test]
    fn so_many_later_acts_are_opened() {
        assert!(!too_many(limits::DRAFT_LATER_ACTS_MAX));
        assert!(too_many(limits::DRAFT_LATER_ACTS_MAX + 1));
    }
}
