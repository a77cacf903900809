//! Who holds a person, whether he lives, and which Power a destination is of.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::custody::CaseRegistration;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::{Places, Spoken};
use crate::consultation::state::told::{Telling, Told, told, told_until};
use crate::consultation::state::{appointment, commitments, opening, saying};
use crate::consultation::words::{ObserverScope, PartyRole, PersonStatus};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The case of a person.
#[derive(Clone, Copy)]
pub struct Case<'h> {
    /// The registration that counts: the last one of the Power that registered him first.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h CaseRegistration,
}

opaque!(Case<'_>);

/// The registrations of a person that stand, in the order of the acts. One that no number counts is none: nobody could
/// declare to have known it.
pub fn registrations<'h>(
    past: &Past<'h>,
    person: &PersonRef,
) -> impl Iterator<Item = (&'h Registered, &'h CaseRegistration)> + use<'h> {
    saying!(past.of_person(person), CaseRegistration).filter(|(one, _)| one.stands() && one.number > 0)
}

/// The case of a person; none where no registration stands.
pub fn case<'h>(past: &Past<'h>, person: &PersonRef) -> Option<Case<'h>> {
    let (first, _) = registrations(past, person).next()?;
    let own = registrations(past, person).filter(|(one, _)| one.sender == first.sender);
    let last = own.max_by_key(|(one, _)| one.number);
    last.map(|(registered, act)| Case { registered, act })
}

/// The Power that holds a person: whoever registered his case.
pub fn holder<'h>(past: &Past<'h>, person: &PersonRef) -> Option<&'h Ministry> {
    case(past, person).map(|case| &case.registered.sender)
}

/// Whether this ministry is the Detaining Power of a person; while no case exists, every party with that role is.
pub fn detains(past: &Past<'_>, person: &PersonRef, ministry: &Ministry) -> bool {
    match holder(past, person) {
        Some(holder) => holder == ministry,
        None => opening::roles(past, ministry).contains(&PartyRole::DetainingPower),
    }
}

/// Whether this ministry is the Detaining Power of a person, or registered him as one that holds him: of two that did
/// without knowledge of each other one does, and what the other one stopped stays all the same.
pub fn says_it_detains(past: &Past<'_>, person: &PersonRef, ministry: &Ministry) -> bool {
    let registered = || registrations(past, person).any(|(one, _)| one.sender == *ministry);
    detains(past, person, ministry) || registered()
}

/// The same, until whoever holds him by his case registered it anew and knew of that: then his word stands against it,
/// and a hold of the other one lapses like that of any Power.
pub fn says_it_detains_still(past: &Past<'_>, person: &PersonRef, ministry: &Ministry) -> bool {
    let unanswered = |one: &Registered| one.sender == *ministry && !is_held_since(past, person, one);
    detains(past, person, ministry) || registrations(past, person).any(|(one, _)| unanswered(one))
}

/// The Powers of the consultation whose State a destination may be, by these places of the person; none where that
/// State takes no part.
pub fn powers_at<'h>(past: &Past<'h>, places: &Places<'_>, destination: Spoken<'_>) -> Vec<&'h Ministry> {
    let is_there = |power: &&Ministry| {
        let code = region(power).map(Destination::NamedState);
        code.is_some_and(|code| places.compare(Spoken::now(&code), destination).is_same_by_a_case())
    };
    opening::powers_of(past).into_iter().filter(is_there).collect()
}

/// Whether the registration that counts was taken back, or corrected in what it says: nobody knows then what holds.
pub fn is_case_taken_back(past: &Past<'_>, person: &PersonRef) -> bool {
    case(past, person).is_some_and(|case| commitments::is_taken_back(past, case.registered))
}

/// Whether his case says that a person is a civilian, or released (EXC-05).
pub fn is_no_prisoner(past: &Past<'_>, person: &PersonRef) -> bool {
    let status = case(past, person).map(|case| case.act.status);
    matches!(status, Some(PersonStatus::Civilian | PersonStatus::Released))
}

/// Whether a person was said to be dead. Nobody has to prove it before it stops, and no single Power takes it back.
pub fn is_dead(past: &Past<'_>, person: &PersonRef) -> bool {
    let is_notice = |one: &Registered| one.act_kind() == Some(ActKind::DeathNotice);
    past.of_person(person).any(|one| is_notice(one) && !is_refuted(past, person, one))
}

/// Whether a notice of death was a mistake: whoever holds the person registered his case anew, and an observer who may
/// see him has spoken to him or had him examined since, and both knew the notice.
pub fn is_refuted(past: &Past<'_>, person: &PersonRef, notice: &Registered) -> bool {
    let is_held = is_held_since(past, person, notice);
    let saw_him = |one: &Registered| {
        let (saw, scope) = match &one.act {
            Some(Act::ExpressionOfWill(act)) => (act.declaration_time, ObserverScope::PrivateInterviews),
            Some(Act::MedicalFinding(act)) => (act.examination_time, ObserverScope::Medical),
            _ => return false,
        };
        let seen = saw.min(one.released);
        saw > notice.released
            && commitments::permits(past, one)
            && one.knew(notice)
            && may_see(past, person, &one.sender, scope, seen)
    };
    is_held && past.of_person(person).any(saw_him)
}

/// Whether whoever holds a person registered his case anew, knowing of this, and did not take that back.
fn is_held_since(past: &Past<'_>, person: &PersonRef, notice: &Registered) -> bool {
    case(past, person)
        .is_some_and(|case| case.registered.knew(notice) && commitments::permits(past, case.registered))
}

/// Whether an observer may see a person so: delegates of the ICRC and of a Protecting Power may (GC III Art. 126), and
/// whoever was invited for just that, for him and for that time. Who was let in to watch a handover has not seen him
/// elsewhere.
fn may_see(
    past: &Past<'_>,
    person: &PersonRef,
    ministry: &Ministry,
    scope: ObserverScope,
    at: Timestamp,
) -> bool {
    let visits = |role: &PartyRole| matches!(role, PartyRole::Icrc | PartyRole::ProtectingPower);
    opening::is_observer(past, ministry)
        && (opening::roles(past, ministry).iter().any(visits)
            || appointment::is_appointed(past, ministry, scope, person, at))
}

/// Whether it is told in passing that a person died, in a report, a list or a notice to a Bureau: until his case was
/// registered anew by who knew of it.
pub fn is_said_to_be_dead(past: &Past<'_>, person: &PersonRef) -> bool {
    is_unanswered(past, person, &told(past, person, Told::Dead))
}

/// The same at an instant, by the case as it was then.
pub fn was_said_to_be_dead(past: &Past<'_>, person: &PersonRef, at: Timestamp) -> bool {
    is_unanswered(&past.until(at), person, &told_until(past, person, Told::Dead, at))
}

fn is_unanswered(past: &Past<'_>, person: &PersonRef, deaths: &[Telling<'_>]) -> bool {
    deaths.iter().any(|one| !is_held_since(past, person, one.registered))
}

/// The State of a ministry, where its code is that of a State.
pub fn region(ministry: &Ministry) -> Option<RegionCode> {
    RegionCode::parse(ministry.as_str()).ok()
}

#[cfg(test)]
#[path = "custody_tests.rs"]
mod tests;
