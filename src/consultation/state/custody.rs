//! Who holds a person, whether he lives, and where the places lie that statements name by what they are.

use crate::consultation::act::ActKind;
use crate::consultation::acts::custody::CaseRegistration;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{Origin, RegionCode};
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::told::{Told, told};
use crate::consultation::state::{opening, saying};
use crate::consultation::words::{PartyRole, PersonStatus};
use crate::trust::name::Ministry;

/// The case of a person.
#[derive(Clone, Copy)]
pub struct Case<'h> {
    /// The registration that counts: the last one of the Power that registered him first.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h CaseRegistration,
}

/// The case of a person; none where no registration stands.
pub fn case<'h>(past: &Past<'h>, person: &PersonRef) -> Option<Case<'h>> {
    let standing = || {
        let registrations = saying!(past.of_person(person), CaseRegistration);
        registrations.filter(|(one, _)| one.stands())
    };
    let (first, _) = standing().next()?;
    let last = standing().filter(|(one, _)| one.sender == first.sender).max_by_key(|(one, _)| one.number);
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

/// The Power of the consultation whose State a destination is for a person; none where that State takes no part.
pub fn power_at<'h>(past: &Past<'h>, person: &PersonRef, destination: &Destination) -> Option<&'h Ministry> {
    let places = Places::of(past, person);
    let is_there = |power: &Ministry| {
        let code = region(power).map(Destination::NamedState);
        code.is_some_and(|code| places.compare(&code, destination) == Likeness::Same)
    };
    opening::powers_of(past).into_iter().find(|power| is_there(power))
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

/// Whether a notice of death was a mistake: whoever holds the person registered his case anew, and an observer has spoken
/// to him or had him examined, and both knew the notice.
fn is_refuted(past: &Past<'_>, person: &PersonRef, notice: &Registered) -> bool {
    let is_held = case(past, person).is_some_and(|case| case.registered.knew(notice));
    let saw_him = |one: &Registered| {
        let kind = one.act_kind();
        matches!(kind, Some(ActKind::ExpressionOfWill | ActKind::MedicalFinding))
            && one.stands()
            && one.knew(notice)
            && opening::is_observer(past, &one.sender)
    };
    is_held && past.of_person(person).any(saw_him)
}

/// Whether it is told in passing that a person died, in a report, a list or a notice to a Bureau: until his case was
/// registered anew by who knew of it.
pub fn is_said_to_be_dead(past: &Past<'_>, person: &PersonRef) -> bool {
    let registered = case(past, person).map(|case| case.registered);
    let lives = |one: &Registered| registered.is_some_and(|case| case.knew(one));
    told(past, person, Told::Dead).iter().any(|one| !lives(one.registered))
}

/// Where a person comes from and who holds him, as far as his case says.
#[derive(Clone, Default)]
pub struct Places {
    origin: Option<RegionCode>,
    detaining: Option<RegionCode>,
}

/// How two destinations compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// They are one place.
    Same,
    /// They are two places.
    Other,
    /// It cannot be told: one is named by what it is, and the case does not say where that lies.
    Unknown,
}

opaque!(Case<'_>, Places);

impl Places {
    /// The places of a person.
    pub fn of(past: &Past<'_>, person: &PersonRef) -> Self {
        let Some(case) = case(past, person) else { return Self::default() };
        let origin = match &case.act.power_of_origin {
            Origin::State(code) => Some(code.clone()),
            Origin::Undetermined => None,
        };
        Self { origin, detaining: region(&case.registered.sender) }
    }

    /// Whether two destinations are one place for this person.
    pub fn compare(&self, one: &Destination, other: &Destination) -> Likeness {
        let (one, other) = (self.resolve(one), self.resolve(other));
        match (&one, &other) {
            _ if one == other => Likeness::Same,
            (Destination::NamedState(_), Destination::NamedState(_)) => Likeness::Other,
            _ if is_open(&one) || is_open(&other) => Likeness::Other,
            _ => Likeness::Unknown,
        }
    }

    /// A destination by the code of its State, as far as the case says where it lies.
    pub fn resolve(&self, destination: &Destination) -> Destination {
        let code = match destination {
            Destination::PowerOfOrigin => self.origin.as_ref(),
            Destination::RemainInDetainingState => self.detaining.as_ref(),
            _ => None,
        };
        code.map_or_else(|| destination.clone(), |code| Destination::NamedState(code.clone()))
    }
}

/// Whether a destination names no place.
pub const fn is_open(destination: &Destination) -> bool {
    matches!(destination, Destination::AnyStateExceptRefused | Destination::Undecided)
}

/// The State of a ministry, where its code is that of a State.
pub fn region(ministry: &Ministry) -> Option<RegionCode> {
    RegionCode::parse(ministry.as_str()).ok()
}

#[cfg(test)]
#[path = "custody_tests.rs"]
mod tests;
