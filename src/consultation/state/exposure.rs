//! Incidents of publicity: who was exposed, what came of the demand, and whether anybody assessed the danger since
//! (PUB; GC III Art. 13).

use crate::consultation::act::ActKind;
use crate::consultation::acts::protection::{PublicityNotice, TakedownConfirmation};
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::saying;
use crate::consultation::words::TakedownResult;

/// One incident that exposed a person.
#[derive(Clone, Copy)]
pub struct Incident<'h> {
    /// The notice.
    pub notice: &'h Registered,
    /// What it says.
    pub act: &'h PublicityNotice,
    /// Whether no assessment of the person knew of it yet.
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
        let mut assessments =
            past.of_person(person).filter(|one| one.act_kind() == Some(ActKind::ProtectionAssessment));
        let thread = Thread::Incident(act.incident_id.clone());
        let answers = saying!(past.of_thread(&thread), TakedownConfirmation);
        let answers = answers.filter(|(one, _)| one.knew(notice));
        Incident {
            notice,
            act,
            open: !assessments.any(|one| one.stands() && one.knew(notice)),
            answer: answers.map(|(_, answer)| answer).next_back(),
        }
    };
    notices.map(incident).collect()
}

/// The incidents of a person that nobody assessed since.
pub fn open<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Incident<'h>> {
    incidents(past, person).into_iter().filter(|incident| incident.open).collect()
}
