//! What is told of a person in passing and stops him: that he died, cannot travel, or is kept by an authority.
//!
//! A report of a handover, a verification of a list and a notice to an Information Bureau have another purpose, and are
//! believed all the same: to stop, a rumour is enough, and none of them need stand. Whoever said it takes it back by
//! another report of the same handover, or another verification, that says otherwise of the person. A report under the
//! same id of another time tells of another attempt, and takes nothing back. What ends it besides is for each state to
//! say: a later certificate, a later status, the case registered anew.

use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::will;
use crate::consultation::words::{BureauEvent, HandoverOutcome, LineResult};
use crate::time::Timestamp;

/// How far apart one Power may date two reports of one attempt to hand somebody over: it reads both off its own clock.
const ONE_ATTEMPT: Duration = Duration::from_secs(15 * 60);

/// What is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// He died.
    Dead,
    /// He cannot travel.
    Unfit,
    /// An authority keeps him.
    Kept,
}

/// An act that tells it.
#[derive(Clone, Copy)]
pub struct Telling<'h> {
    /// The act.
    pub registered: &'h Registered,
    /// When that was so, by the act.
    pub said: Timestamp,
}

opaque!(Told, Telling<'_>);

/// The acts that tell this of a person and that nobody took back, in their order.
pub fn told<'h>(past: &Past<'h>, person: &PersonRef, what: Told) -> Vec<Telling<'h>> {
    standing(past, person, what, None)
}

/// The same by what was released until an instant. Another report of the same handover counts whenever it came.
pub fn told_until<'h>(past: &Past<'h>, person: &PersonRef, what: Told, at: Timestamp) -> Vec<Telling<'h>> {
    standing(past, person, what, Some(at))
}

/// Whether what two reports of one sender tell of may be the same attempt to hand somebody over, by the times they
/// bear.
pub fn is_one_attempt(one: Timestamp, other: Timestamp) -> bool {
    one <= other.after(ONE_ATTEMPT) && other <= one.after(ONE_ATTEMPT)
}

/// Whether this act tells it of a person, and nobody took that back.
pub fn tells(past: &Past<'_>, person: &PersonRef, what: Told, act: &Registered) -> bool {
    told(past, person, what).iter().any(|one| one.registered.reference == act.reference)
}

fn standing<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    what: Told,
    until: Option<Timestamp>,
) -> Vec<Telling<'h>> {
    let words: Vec<Word<'h>> = past.of_person(person).filter_map(|one| word(one, person)).collect();
    let in_time = |word: &Word<'_>| until.is_none_or(|at| word.telling.registered.released <= at);
    let is_taken_back = |one: &Word<'_>| {
        let mut others = words.iter().filter(|other| in_time(other) || other.about.is_a_handover());
        others.any(|other| other.told != Some(what) && other.takes_back(one))
    };
    let telling = words.iter().filter(|word| word.told == Some(what) && in_time(word));
    telling.filter(|word| !is_taken_back(word)).map(|word| word.telling).collect()
}

/// What one act says of the person.
struct Word<'h> {
    telling: Telling<'h>,
    about: About<'h>,
    told: Option<Told>,
}

/// What an act speaks of.
#[derive(Clone, Copy)]
enum About<'h> {
    Handover(&'h EntryId),
    Lists,
    Bureau,
}

impl About<'_> {
    const fn is_a_handover(self) -> bool {
        matches!(self, Self::Handover(_))
    }
}

impl Word<'_> {
    /// Whether this is what the sender of another word says of the same matter since.
    fn takes_back(&self, one: &Word<'_>) -> bool {
        let (own, other) = (self.telling.registered, one.telling.registered);
        let of_the_same = match (self.about, one.about) {
            (About::Handover(here), About::Handover(there)) => {
                here == there && is_one_attempt(self.telling.said, one.telling.said)
            }
            (About::Lists, About::Lists) => true,
            _ => false,
        };
        of_the_same && own.sender == other.sender && own.stands() && own.knew(other)
    }
}

fn word<'h>(registered: &'h Registered, person: &PersonRef) -> Option<Word<'h>> {
    let (said, about, told) = match registered.act.as_ref()? {
        Act::HandoverReport(act) => {
            let told = match act.lines.find(person)?.outcome {
                HandoverOutcome::Deceased => Some(Told::Dead),
                HandoverOutcome::Unfit => Some(Told::Unfit),
                HandoverOutcome::HeldByAuthority => Some(Told::Kept),
                _ => None,
            };
            (will::said(registered, Some(act.handover_time)), About::Handover(&act.arrangement_id), told)
        }
        Act::ListVerification(act) => {
            let told = match act.findings.find(person)?.result {
                LineResult::Deceased => Some(Told::Dead),
                LineResult::Unfit => Some(Told::Unfit),
                LineResult::JudicialHold => Some(Told::Kept),
                _ => None,
            };
            (registered.released, About::Lists, told)
        }
        Act::InformationBureauNotice(act) => {
            let told = (act.event == BureauEvent::Death).then_some(Told::Dead);
            (registered.released, About::Bureau, told)
        }
        _ => return None,
    };
    Some(Word { telling: Telling { registered, said }, about, told })
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
