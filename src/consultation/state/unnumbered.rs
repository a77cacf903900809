//! What went to some Powers only and may stop somebody who is to leave (HND-08).
//!
//! No number counts such an act, so a desk that lacks it cannot notice: whoever has it names it in its GO. It is left
//! out only where by the states themselves it stops him no more, at the desk that has it; or where its sender has said
//! the same to all, so that it stops him everywhere. That the sender said anything else of him to all hides nothing.
//!
//! States change within the hour of a GO, by acts that its sender does not know yet. So where an act speaks of other
//! places than the one he goes to, that is read off its words alone: what a place is called in his case may change.

use std::collections::BTreeSet;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::protection::Assurances;
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{Marks, Registered};
use crate::consultation::retelling;
use crate::consultation::state::commitments::{self, Arrangement};
use crate::consultation::state::exposure;
use crate::consultation::state::judicial::{self, JudicialStanding};
use crate::consultation::state::medical::{self, FitnessStanding};
use crate::consultation::state::places::{Places, Spoken, is_open};
use crate::consultation::state::protection::{ProtectionStanding, protection};
use crate::consultation::state::told::{self, Told};
use crate::consultation::state::{custody, go, guard, holds, opening, saying, will};
use crate::consultation::words::{HandoverOutcome, MedicalDecision, MedicalFindingKind, ProtectionFinding};
use crate::time::Timestamp;

/// One arrangement as a desk knows it when it is asked for its GO.
pub(super) struct Departing<'p, 'h> {
    past: &'p Past<'h>,
    id: &'p EntryId,
    arranged: Option<Arrangement<'h>>,
    at: Timestamp,
    charter: &'p Charter,
}

impl<'p, 'h> Departing<'p, 'h> {
    /// The arrangement of this id at an instant.
    pub(super) fn under(past: &'p Past<'h>, id: &'p EntryId, at: Timestamp, charter: &'p Charter) -> Self {
        Self { past, id, arranged: commitments::arrangement(past, id), at, charter }
    }

    /// Whether an act to some Powers only may stop one of these persons, as far as this desk can tell.
    pub(super) fn may_stop<'q>(
        &self,
        one: &Registered,
        mut persons: impl Iterator<Item = &'q PersonRef>,
    ) -> bool {
        let again = |later: &'h Registered| {
            let again = later.stands() && later.kind == one.kind && retelling::says_again(later, one);
            again && self.means_as_much(later, one)
        };
        !self.past.of_sender(&one.sender).any(again)
            && one.act.as_ref().is_some_and(|act| persons.any(|person| self.stops(one, act, person)))
    }

    /// Whether an act to some Powers only may take back what permits these persons to leave: until its sender has said
    /// so to all. What it leaves of that only a desk can tell that has both, so it is named whatever its effect is
    /// here.
    pub(super) fn may_take_back(&self, one: &Registered, listed: &BTreeSet<PersonRef>) -> bool {
        let Some(act) = &one.act else { return false };
        if let Act::Assurances(said) = act {
            return concerns(act, listed) && !self.is_assured_anew(one, said);
        }
        let Some(undone) = commitments::undone(act) else { return false };
        let takes = match self.past.find(undone) {
            Some(found) => found.sender == one.sender && found.number > 0 && self.still_frees(found, listed),
            // Where all is here that its sender had said to all, it takes back none of that.
            None => {
                let said = one.basis.number(&one.sender);
                !self.past.holds_all(&Marks::new([(one.sender.clone(), said)]))
            }
        };
        let again = |later: &Registered| match act {
            // What a corrigendum found of a statement stops by itself: that it counts no more says less.
            Act::Corrigendum(_) => retelling::says_again(later, one),
            _ => {
                let is_it = later.act.as_ref().and_then(commitments::undone) == Some(undone);
                is_it && later.number > 0 && later.sender == one.sender
            }
        };
        takes && !self.past.of_thread(&Thread::Answer(undone)).any(again)
    }

    /// Whether this departure of these persons may rest on an act. A GO rests on no other arrangement, and nothing
    /// rests on what its sender said anew.
    fn still_frees(&self, found: &Registered, listed: &BTreeSet<PersonRef>) -> bool {
        let Some(act) = &found.act else { return false };
        let under = |reference: ActRef| {
            self.arranged.as_ref().is_none_or(|arranged| arranged.registered.reference == reference)
        };
        match act {
            Act::GoNoGo(act) => act.go.0 && act.arrangement_id == *self.id && !self.has_another_word(found),
            Act::HandoverArrangement(act) => act.arrangement_id == *self.id && under(found.reference),
            Act::HandoverConfirmation(act) => act.arrangement_id == *self.id && under(act.arrangement),
            Act::HoldRelease(act) => {
                let hold = self.past.find(act.hold_message).and_then(|hold| hold.act.as_ref());
                hold.is_none_or(|hold| concerns(hold, listed))
            }
            _ => commitments::frees(act.act_kind()) && concerns(act, listed),
        }
    }

    /// Whether the last word of a ministry is another one than this GO, and everybody has it.
    fn has_another_word(&self, found: &Registered) -> bool {
        let last =
            self.arranged.as_ref().and_then(|arranged| go::last_word(self.past, arranged, &found.sender));
        last.is_some_and(|(last, _)| last.number > 0 && last.reference != found.reference)
    }

    /// Whether whoever assured something before some Powers only stated all that it assures to all since: that counts
    /// everywhere.
    fn is_assured_anew(&self, one: &Registered, said: &Assurances) -> bool {
        let covers = |act: &Assurances| {
            let is_named = |person: &PersonRef| act.persons.iter().any(|other| other == person);
            act.persons.is_empty() || (!said.persons.is_empty() && said.persons.iter().all(is_named))
        };
        saying!(self.past.of_kind(ActKind::Assurances), Assurances).any(|(later, act)| {
            let is_own = later.sender == one.sender && later.number > 0;
            is_own && later.stands() && later.released > one.released && covers(act)
        })
    }

    fn stops(&self, one: &Registered, act: &Act, person: &PersonRef) -> bool {
        let (past, at, charter) = (self.past, self.at, self.charter);
        match act {
            Act::WillIndication(_) | Act::WillWithdrawal(_) => self.is_against(one, act, person),
            Act::ExpressionOfWill(_) => self.is_against(one, act, person) || self.counts(one, person),
            Act::HandoverReport(report) => {
                let declined = report
                    .lines
                    .find(person)
                    .is_some_and(|line| line.outcome == HandoverOutcome::DeclinedByPerson);
                let of_it = report.arrangement_id == *self.id && !opening::is_observer(past, &one.sender);
                of_it || (declined && self.is_against(one, act, person)) || self.tells(one, person)
            }
            Act::ListVerification(_) => self.is_against(one, act, person) || self.tells(one, person),
            Act::InformationBureauNotice(_) => self.tells(one, person),
            Act::ProtectionAssessment(found) => {
                let there = Spoken::by(&found.destination, one);
                let bars = || protection(past, person, there, at, charter).standing;
                match found.finding {
                    ProtectionFinding::NoSubstantialGrounds => false,
                    ProtectionFinding::NeedsMore => custody::detains(past, person, &one.sender),
                    ProtectionFinding::SubstantialGrounds => {
                        !self.leads_elsewhere(person, &found.destination) && bars() == ProtectionStanding::Bar
                    }
                }
            }
            Act::MedicalFinding(found) if found.kind == MedicalFindingKind::FitnessToTravel => {
                let standing = || medical::fitness(past, person, at, charter).standing;
                found.decision == MedicalDecision::Unfit && standing() == FitnessStanding::Unfit
            }
            Act::MedicalFinding(_) => self.is_not_eligible(person),
            Act::JudicialStatus(status) => {
                let keeps = judicial::standing(status) != JudicialStanding::Free;
                keeps && judicial::judicial(past, person).standing != JudicialStanding::Free
            }
            Act::HoldNotice(_) => {
                let active = holds::active(past, person, at, charter);
                active.iter().any(|hold| hold.registered.reference == one.reference)
            }
            Act::PublicityNotice(_) => {
                let incidents = exposure::incidents(past, person);
                let mut own = incidents.iter().filter(|one_of| one_of.notice.reference == one.reference);
                own.any(|incident| self.is_unassessed(incident.notice, person))
            }
            Act::DeathNotice(_) => !custody::is_refuted(past, person, one),
            _ => false,
        }
    }

    /// Whether it tells in passing what still stops him: that he died, cannot travel or is kept.
    fn tells(&self, one: &Registered, person: &PersonRef) -> bool {
        let (past, at, charter) = (self.past, self.at, self.charter);
        let tells = |what: Told| told::tells(past, person, what, one);
        let unfit = || medical::fitness(past, person, at, charter).standing == FitnessStanding::Unfit;
        let kept = || judicial::judicial(past, person).standing != JudicialStanding::Free;
        (tells(Told::Dead) && custody::is_said_to_be_dead(past, person))
            || (tells(Told::Unfit) && unfit())
            || (tells(Told::Kept) && kept())
    }

    /// Whether somebody who said NO GO to some Powers only has not given his GO since, knowing of it.
    pub(super) fn is_refused_by(&self, one: &Registered) -> bool {
        let Some(Act::GoNoGo(act)) = &one.act else { return false };
        let answered =
            || self.arranged.as_ref().is_some_and(|arranged| go::is_answered(self.past, arranged, one));
        let again = |later: &'h Registered| later.stands() && retelling::says_again(later, one);
        !act.go.0
            && act.arrangement_id == *self.id
            && !answered()
            && !self.past.of_sender(&one.sender).any(again)
    }

    /// Whether the words for a place in an act that is said again mean all that they meant in the first one: where the
    /// case was registered anew between them, they may not.
    fn means_as_much(&self, later: &Registered, one: &Registered) -> bool {
        let words: Vec<&Destination> = later.act.as_ref().map(words_for_places).unwrap_or_default();
        let persons = one.act.as_ref().map(Act::persons).unwrap_or_default();
        persons.iter().all(|person| {
            let places = Places::of(self.past, person);
            let covers = |word: &Destination| {
                let now = places.all(Spoken::by(word, later));
                places.all(Spoken::by(word, one)).iter().all(|place| now.contains(place))
            };
            words.iter().all(|word| covers(word))
        })
    }

    /// Whether no statement that counts has overcome what speaks against his way.
    fn is_against(&self, one: &Registered, act: &Act, person: &PersonRef) -> bool {
        let (past, at, charter) = (self.past, self.at, self.charter);
        let has = |will: &will::Will<'_>| will.against.iter().any(|other| other.reference == one.reference);
        let there = self.destination(person);
        let on_his_way = there.is_some_and(|place| has(&will::towards(past, person, place, at, charter)));
        on_his_way
            || (has(&will::will(past, person, at, charter)) && !there.is_some_and(|there| spares(act, there)))
    }

    /// Whether a statement that stands and has no number is the last word of somebody: it may refuse, and who accepts
    /// another place does not go to this one.
    fn counts(&self, one: &Registered, person: &PersonRef) -> bool {
        let overtaken = || {
            self.past.of_person(person).any(|later| {
                matches!(later.act, Some(Act::ExpressionOfWill(_))) && later.stands() && later.knew(one)
            })
        };
        one.stands() && !overtaken()
    }

    fn is_unassessed(&self, notice: &Registered, person: &PersonRef) -> bool {
        let there = self.destination(person);
        let assessed =
            there.and_then(|there| protection(self.past, person, there, self.at, self.charter).assessment);
        assessed.is_none_or(|assessment| !assessment.knew(notice))
    }

    fn is_not_eligible(&self, person: &PersonRef) -> bool {
        let Some(arranged) = &self.arranged else { return true };
        let needed = guard::finding_needed(arranged.agreement.terms().route);
        needed.is_some_and(|needed| !medical::is_eligible(self.past, person, needed))
    }

    /// Where a person is to go, as far as it is arranged here.
    fn destination(&self, person: &PersonRef) -> Option<Spoken<'h>> {
        let agreement = &self.arranged.as_ref()?.agreement;
        Some(agreement.destination(agreement.line(person)?))
    }

    /// Whether a place is another State than the one he goes to, in so many words.
    fn leads_elsewhere(&self, person: &PersonRef, place: &Destination) -> bool {
        self.destination(person).is_some_and(|there| are_two(place, there))
    }
}

/// Whether an act names somebody of these, or nobody.
fn concerns(act: &Act, listed: &BTreeSet<PersonRef>) -> bool {
    let persons = act.persons();
    persons.is_empty() || persons.iter().any(|person| listed.contains(person))
}

/// Whether an act speaks in so many words of other places than this one, or for this one.
fn spares(act: &Act, there: Spoken<'_>) -> bool {
    let is_it = |place: &Destination| there.named().is_some_and(|there| place.named() == Some(there));
    match act {
        Act::WillWithdrawal(act) => {
            !act.withdrawn_for.is_empty() && act.withdrawn_for.iter().all(|place| are_two(place, there))
        }
        Act::WillIndication(act) => act.refused.is_empty() && act.indicated.as_ref().is_some_and(is_it),
        Act::ExpressionOfWill(act) => {
            let undecided = act.acceptable.iter().any(|place| *place == Destination::Undecided);
            act.refused.is_empty() && !undecided && act.acceptable.iter().any(is_it)
        }
        _ => false,
    }
}

/// The places that an act stops by, and names by a word that the case explains.
fn words_for_places(act: &Act) -> Vec<&Destination> {
    let mut places: Vec<&Destination> = match act {
        Act::WillWithdrawal(act) => act.withdrawn_for.iter().collect(),
        Act::WillIndication(act) => act.indicated.iter().collect(),
        Act::ExpressionOfWill(act) => act.acceptable.iter().chain(&act.refused).collect(),
        Act::ProtectionAssessment(act) => vec![&act.destination],
        _ => Vec::new(),
    };
    places.retain(|place| place.named().is_none() && !is_open(place));
    places
}

fn are_two(one: &Destination, other: Spoken<'_>) -> bool {
    matches!((one.named(), other.named()), (Some(one), Some(other)) if one != other)
}

#[cfg(test)]
#[path = "unnumbered_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "unnumbered_undone_tests.rs"]
mod undone_tests;

#[cfg(test)]
#[path = "unnumbered_answered_tests.rs"]
mod answered_tests;
