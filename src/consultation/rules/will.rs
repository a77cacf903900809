//! WIL: whether a statement of will qualifies. What a qualifying one is worth later is judged with the guards of an
//! agreement (`passage`); one that does not qualify can still stop.
//!
//! For whom somebody was there is free text (`affiliation`). The code of a ministry or State in it is believed against
//! whoever wrote it: who comes for a party to the matter is not neutral by saying so.

use std::collections::BTreeSet;

use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::will::{Attendee, ExpressionOfWill, WillIndication};
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::sides::{self, names};
use crate::consultation::state::will::frightens;
use crate::consultation::state::{custody, opening};
use crate::consultation::words::{AttendeeFunction, Capacity, FreedomFinding, InformationGiven, PartyRole};
use crate::limits;
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;

/// What cures an interview that was not free. The draft does not go, so what was found has to be told in an act that
/// does.
const TELL: &str = "say so at once by a will-indication with indicated = UNDECIDED, or a hold-notice: that stops everybody; \
                    then take the statement again in private, after the time for reflection";

/// What cures a statement by which somebody sat whose affiliation reads like that of the Power of origin. What is
/// untrue is not to be told of a prisoner to mend a paper.
const TELL_OF_ORIGIN: &str = "where he came for it, say so at once by a will-indication with indicated = UNDECIDED, or a \
                              hold-notice: that stops everybody; and take the statement again in private, after the time \
                              for reflection. Where he did not, tell no such thing: take the statement again with nobody \
                              there of a party that is the Power of origin";

/// The same of somebody who cannot decide.
const TELL_OF_CAPACITY: &str = "say so at once by a will-indication with indicated = UNDECIDED, or a hold-notice: this route is not for him";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    conveyed(judgement, findings);
    if let Act::WillIndication(hearsay) = judgement.act {
        return says_something(hearsay, findings);
    }
    let Act::ExpressionOfWill(statement) = judgement.act else { return };
    let sides = Sides::of(judgement, statement);
    witnesses(judgement, statement, &sides, findings);
    information(statement, findings);
    freedom(judgement, statement, &sides, findings);
    rights(statement, findings);
    capacity(statement, findings);
}

/// The codes of those who are no neutrals towards a person, by the past that the act declares.
struct Sides {
    /// Of his Power of origin.
    origin: BTreeSet<String>,
    /// Powers that detain or are to receive, and the States that he accepts; with any State those of all Powers here.
    interested: BTreeSet<String>,
}

impl Sides {
    fn of(judgement: &Judgement<'_>, statement: &ExpressionOfWill) -> Self {
        let mut sides = Self { origin: BTreeSet::new(), interested: BTreeSet::new() };
        let Some(past) = judgement.past else { return sides };
        sides.origin = sides::origin(past, &statement.person);
        let registrations = custody::registrations(past, &statement.person);
        sides.interested.extend(registrations.map(|(registered, _)| registered.sender.to_string()));
        for power in opening::powers_of(past) {
            let roles = opening::roles(past, power);
            let has_a_side =
                |role: &PartyRole| matches!(role, PartyRole::DetainingPower | PartyRole::ReceivingPower);
            if roles.iter().any(has_a_side) || accepts_any(statement, power) {
                sides.interested.insert(power.to_string());
            }
        }
        let accepted = statement.acceptable.iter().filter_map(|place| match place {
            Destination::NamedState(code) => Some(code.as_str().to_owned()),
            _ => None,
        });
        sides.interested.extend(accepted);
        sides
    }

    /// Whether somebody came for the Power of origin.
    fn is_of_origin(&self, attendee: &Attendee) -> bool {
        self.origin.iter().any(|code| names(attendee.affiliation.as_str(), code))
    }

    /// The code of a side in what is said of whom somebody came for.
    fn named_by(&self, attendee: &Attendee) -> Option<&str> {
        let mut codes = self.origin.iter().chain(&self.interested);
        codes.find(|code| names(attendee.affiliation.as_str(), code)).map(String::as_str)
    }

    /// Whether somebody is neutral, as was said of him: not where he came for a side.
    fn is_neutral(&self, attendee: &Attendee) -> bool {
        attendee.neutral.0 && self.named_by(attendee).is_none()
    }
}

/// Whether a statement accepts any State, and that of this Power with them.
fn accepts_any(statement: &ExpressionOfWill, power: &Ministry) -> bool {
    let is_its = |place: &Destination| place.named().is_some_and(|code| code.as_str() == power.as_str());
    statement.acceptable.iter().any(|place| *place == Destination::AnyStateExceptRefused)
        && !statement.refused.iter().any(is_its)
}

/// WIL-02. No charter can do without a neutral witness, and one who did not sign with the person counts for none.
fn witnesses(
    judgement: &Judgement<'_>,
    statement: &ExpressionOfWill,
    sides: &Sides,
    findings: &mut Findings,
) {
    let witnesses = statement.attendees.iter().filter(|one| one.function == AttendeeFunction::Witness);
    let count = u32::try_from(witnesses.clone().count()).unwrap_or(u32::MAX);
    let neutral = u32::try_from(witnesses.filter(|one| sides.is_neutral(one) && one.co_signed.0).count())
        .unwrap_or(u32::MAX);
    let (needed, neutral_needed) = (judgement.charter.witnesses, judgement.charter.neutral_witnesses.max(1));
    let mut add = |message: String| findings.add(Rule::Wil02, "act.attendees", message, Rule::Wil02.cure());
    if count < needed {
        add(format!("{count} of {needed} witnesses were present"));
    }
    if neutral < neutral_needed {
        add(format!(
            "{neutral} of {neutral_needed} neutral witnesses were present and signed with the person"
        ));
    }
    let mut interpreters =
        statement.attendees.iter().filter(|one| one.function == AttendeeFunction::Interpreter).peekable();
    if interpreters.peek().is_none() {
        add("no interpreter was present".to_owned());
    }
    let partial = interpreters.any(|one| !sides.is_neutral(one));
    if partial {
        add("an interpreter was not neutral".to_owned());
    }
    if partial || neutral < neutral_needed {
        disbelieved(statement, sides, findings);
    }
}

/// WIL-02: who was said to be neutral, and counts for a side by a code that may only say where his office is.
fn disbelieved(statement: &ExpressionOfWill, sides: &Sides, findings: &mut Findings) {
    for (index, attendee) in statement.attendees.iter().enumerate().filter(|(_, one)| one.neutral.0) {
        if let Some(code) = sides.named_by(attendee) {
            let message = format!("{code} in the affiliation is the code of a side, so this is no neutral");
            findings.add(Rule::Wil02, format!("act.attendees[{index}].affiliation"), message, NO_SIDE);
        }
    }
}

/// What cures an affiliation that reads like that of a side.
const NO_SIDE: &str = "of a witness who came for no side name the body alone, as in \"ICRC delegation\", without the code \
                       of a State of this matter; of one who did take the statement again before a neutral one";

/// WIL-04.
fn information(statement: &ExpressionOfWill, findings: &mut Findings) {
    let given = |item: &&InformationGiven| statement.information_given.iter().any(|one| one == *item);
    let missing: Vec<&str> =
        InformationGiven::ALL.iter().filter(|item| !given(item)).map(|item| item.word()).collect();
    if !missing.is_empty() {
        let message = format!("not explained: {}", missing.join(", "));
        findings.add(Rule::Wil04, "act.information_given", message, Rule::Wil04.cure());
    }
}

/// WIL-05: time to think, nobody to fear, no pressure.
fn freedom(judgement: &Judgement<'_>, statement: &ExpressionOfWill, sides: &Sides, findings: &mut Findings) {
    let hint = Rule::Wil05.cure();
    if statement.declaration_time < statement.information_time.after(judgement.charter.cooling_off) {
        let message = "too little time lies between explanation and statement";
        findings.add(Rule::Wil05, "act.declaration_time", message, hint);
    }
    // Dated ahead, a statement would have its time to think on paper alone.
    if statement.declaration_time > judgement.release_time().after(limits::CLOCK_SKEW_MAX) {
        let message = "the statement is dated after it was released";
        findings.add(Rule::Wil05, "act.declaration_time", message, hint);
    }
    for (index, attendee) in statement.attendees.iter().enumerate() {
        if frightens(attendee.function) {
            let message = format!("{} was present", attendee.function);
            findings.add(Rule::Wil05, format!("act.attendees[{index}]"), message, TELL);
        } else if sides.is_of_origin(attendee) {
            let message = "somebody who came for the Power of origin was present";
            findings.add(Rule::Wil05, format!("act.attendees[{index}].affiliation"), message, TELL_OF_ORIGIN);
        }
    }
    if statement.freedom != FreedomFinding::NoIndicationOfPressure {
        findings.add(Rule::Wil05, "act.freedom", "he did not speak freely beyond doubt", TELL);
    }
}

/// WIL-08: what is relayed is hearsay of the Power that is not connected, whatever act it is put into.
fn conveyed(judgement: &Judgement<'_>, findings: &mut Findings) {
    let (dispatch, class) = (judgement.dispatch, judgement.act.class());
    if dispatch.relayed_on_behalf_of.is_some() && matches!(class, ActClass::Factual | ActClass::Normative) {
        let message =
            "it is relayed, and so hearsay: it permits and concludes nothing, and stops whom it stops";
        let hint = "where it is your own finding or your own word, send it without relayed_on_behalf_of";
        findings.warn(Rule::Wil08, "dispatch.relayed_on_behalf_of", message, hint);
    }
}

/// WIL-12: hearsay stops by where he is said to want to go, or not to. Of what names neither nobody can tell.
fn says_something(hearsay: &WillIndication, findings: &mut Findings) {
    if hearsay.indicated.is_none() && hearsay.refused.is_empty() {
        let message = "it names no place that he wants or refuses: it stops nobody";
        let hint = "state indicated (UNDECIDED where he doubts) or refused";
        findings.warn(Rule::Wil12, "act.indicated", message, hint);
    }
}

/// WIL-06.
fn rights(statement: &ExpressionOfWill, findings: &mut Findings) {
    if !statement.no_waiver_of_rights.0 {
        let message = "the statement renounces a right";
        findings.add(Rule::Wil06, "act.no_waiver_of_rights", message, Rule::Wil06.cure());
    }
    if !statement.copy_given_to_person.0 {
        let message = "the person has no copy of it";
        findings.add(Rule::Wil06, "act.copy_given_to_person", message, Rule::Wil06.cure());
    }
}

/// WIL-09.
fn capacity(statement: &ExpressionOfWill, findings: &mut Findings) {
    if matches!(statement.capacity, Capacity::Lacking | Capacity::Minor) {
        let message = "the person could not decide this by himself";
        findings.add(Rule::Wil09, "act.capacity", message, TELL_OF_CAPACITY);
    }
}

#[cfg(test)]
#[path = "will_tests.rs"]
mod tests;
