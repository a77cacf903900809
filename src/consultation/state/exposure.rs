//! Incidents of publicity: who was exposed, what came of the demand, and whether the Detaining Power assessed the
//! danger since (PUB; GC III Art. 13).

use crate::consultation::acts::protection::{ProtectionAssessment, PublicityNotice, TakedownConfirmation};
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::{commitments, custody, saying};
use crate::consultation::words::{ProtectionFinding, TakedownResult};
use crate::time::Timestamp;

/// One incident that exposed a person.
#[derive(Clone, Copy)]
pub struct Incident<'h> {
    /// The notice.
    pub notice: &'h Registered,
    /// What it says.
    pub act: &'h PublicityNotice,
    /// Whether no assessment of the person by the Detaining Power knew of it yet.
    pub open: bool,
    /// The last confirmation of what came of it.
    pub answer: Option<&'h TakedownConfirmation>,
}

opaque!(Incident<'_>);

impl Incident<'_> {
    /// Locators of which nothing final was confirmed.
    pub fn pending(&self) -> usize {
        let settled = |id| {
            let result = self.answer.and_then(|answer| answer.results.find(id));
            result.is_some_and(|result| result.result != TakedownResult::RequestedPending)
        };
        self.act.locators.iter().filter(|locator| !settled(&locator.locator_id)).count()
    }
}

/// Every incident of a person, in the order of the acts.
pub fn incidents<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Incident<'h>> {
    let notices = saying!(past.of_person(person), PublicityNotice);
    let incident = |(notice, act): (&'h Registered, &'h PublicityNotice)| {
        let thread = Thread::Incident(act.incident_id.clone());
        let answers = saying!(past.of_thread(&thread), TakedownConfirmation);
        let answers = answers.filter(|(one, _)| one.knew(notice));
        Incident {
            notice,
            act,
            open: assessed(past, person, notice).next().is_none(),
            answer: answers.map(|(_, answer)| answer).next_back(),
        }
    };
    notices.map(incident).collect()
}

/// Whether an incident stood against sending a person to this destination at an instant, by what was released until
/// then: nobody who may had found since that he has nothing to fear there. Where no destination is known, any
/// assessment will do.
pub fn was_open(past: &Past<'_>, person: &PersonRef, destination: Option<Spoken<'_>>, at: Timestamp) -> bool {
    let then = past.until(at);
    let places = Places::of(&then, person);
    let clears = |one: &Registered, act: &ProtectionAssessment| {
        destination.is_none_or(|place| {
            act.finding == ProtectionFinding::NoSubstantialGrounds
                && act.onward_return_considered.0
                && places.compare(Spoken::by(&act.destination, one), place) == Likeness::Same
        })
    };
    saying!(then.of_person(person), PublicityNotice)
        .any(|(notice, _)| !assessed(&then, person, notice).any(|(one, act)| clears(one, act)))
}

/// Assessments of the Detaining Power that knew of an incident.
fn assessed<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    notice: &Registered,
) -> impl Iterator<Item = (&'h Registered, &'h ProtectionAssessment)> {
    let assessments = saying!(past.of_person(person), ProtectionAssessment);
    assessments.filter(move |(one, _)| {
        commitments::permits(past, one) && one.knew(notice) && custody::detains(past, person, &one.sender)
    })
}

/// The incidents of a person that nobody assessed since.
pub fn open<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Incident<'h>> {
    incidents(past, person).into_iter().filter(|incident| incident.open).collect()
}
