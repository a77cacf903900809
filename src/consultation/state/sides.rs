//! Sides: who sat by a statement of will for the Power of origin (WIL-05), by the code that an affiliation names.
//!
//! Where a person comes from may be registered only after he spoke. Who came for that State frightened him all the
//! same, so a statement is looked at again by the case as it is.

use std::collections::BTreeSet;

use crate::consultation::acts::values::Origin;
use crate::consultation::acts::will::ExpressionOfWill;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::state::{custody, opening};
use crate::consultation::words::PartyRole;
use crate::trust::name::Ministry;

/// The codes of a person's Power of origin: as any registration of his case names it, and every party with that role
/// but one that registered him: of two Powers that exchange their men each holds some, and is the origin of the
/// others'.
pub fn origin(past: &Past<'_>, person: &PersonRef) -> BTreeSet<String> {
    let registered =
        |power: &Ministry| custody::registrations(past, person).any(|(one, _)| one.sender == *power);
    let in_role = |power: &&Ministry| {
        opening::roles(past, power).contains(&PartyRole::PowerOfOrigin) && !registered(power)
    };
    let mut codes: BTreeSet<String> =
        opening::powers_of(past).into_iter().filter(in_role).map(ToString::to_string).collect();
    let named = custody::registrations(past, person).filter_map(|(_, case)| match &case.power_of_origin {
        Origin::State(code) => Some(code.as_str().to_owned()),
        Origin::Undetermined => None,
    });
    codes.extend(named);
    codes
}

/// Whether somebody sat by a statement who came for one of these.
pub fn were_there(codes: &BTreeSet<String>, statement: &ExpressionOfWill) -> bool {
    let came_for = |affiliation: &str| codes.iter().any(|code| names(affiliation, code));
    statement.attendees.iter().any(|attendee| came_for(attendee.affiliation.as_str()))
}

/// Whether an affiliation is this code, in whatever case, or has it as a word of its own.
pub fn names(affiliation: &str, code: &str) -> bool {
    let mut words = affiliation.split(|letter: char| !letter.is_alphanumeric());
    affiliation.trim().eq_ignore_ascii_case(code) || words.any(|word| word == code)
}
