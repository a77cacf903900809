//! Looks at desks as a check asks, and at the end at every case.

use std::collections::BTreeSet;

use super::account::{Arrived, Final, Looked, codes};
use super::facets;
use super::ground::Ground;
use super::stage::Stage;
use crate::consultation::acts::values::EntryId;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::Rule;
use crate::consultation::state::departure::clear_to_depart;
use crate::rehearsal::script::{Check, Expected};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What a check sees.
pub(super) fn look(stage: &Stage<'_, impl Ground>, check: &Check, now: Timestamp) -> Vec<Looked> {
    let mut looked = Vec::new();
    for at in &check.at {
        let Some(casebook) = stage.ground.casebook(at) else { continue };
        for (name, expected) in &check.facets {
            let actual = facets::of(name, casebook, check, now);
            looked.push(compared(at, (*name).to_owned(), expected.clone(), actual));
        }
        if let (Some(person), Some(arrangement)) = (check.person, &check.arrangement) {
            let stops = departure(stage, at, &person, arrangement, now);
            if let Some(expected) = &check.depart {
                looked.push(compared(at, "departure".to_owned(), cleared(expected), cleared(&stops)));
            }
            if !check.depart_with.is_empty() {
                let mut one = compared(
                    at,
                    "departure, among others".to_owned(),
                    codes(&check.depart_with),
                    cleared(&stops),
                );
                one.holds = check.depart_with.iter().all(|rule| stops.contains(rule));
                looked.push(one);
            }
        }
        looked.extend(verdict(stage, check, at));
    }
    if check.agree {
        looked.push(agreement(stage, check, now));
    }
    looked
}

fn compared(at: &Ministry, what: String, expected: String, actual: String) -> Looked {
    let holds = expected == actual;
    Looked { at: Some(at.clone()), what, expected, actual, holds }
}

/// What stands against departure at one desk, each rule once.
fn departure(
    stage: &Stage<'_, impl Ground>,
    at: &Ministry,
    person: &PersonRef,
    arrangement: &str,
    now: Timestamp,
) -> Vec<Rule> {
    let Some(casebook) = stage.ground.casebook(at) else { return Vec::new() };
    let Ok(arrangement) = EntryId::parse(arrangement) else { return Vec::new() };
    let found = clear_to_depart(&casebook.everything(), person, &arrangement, now, casebook.charter());
    let rules: BTreeSet<Rule> = found.iter().map(|stop| stop.rule).collect();
    rules.into_iter().collect()
}

fn cleared(rules: &[Rule]) -> String {
    if rules.is_empty() { "clear".to_owned() } else { codes(rules) }
}

fn verdict(stage: &Stage<'_, impl Ground>, check: &Check, at: &Ministry) -> Option<Looked> {
    let (label, expected) = check.verdict.as_ref()?;
    let actual = stage.verdicts.get(&(label.clone(), at.clone()));
    let holds = match (expected, actual) {
        (Expected::Rules(expected), Some(Arrived::Registered(actual))) => expected == actual,
        (Expected::Waits, Some(Arrived::Waits(_)))
        | (Expected::Absent, None)
        | (Expected::Equivocation, Some(Arrived::Equivocation)) => true,
        _ => false,
    };
    let expected = expected.to_string();
    let actual = actual.map_or_else(|| "absent".to_owned(), ToString::to_string);
    Some(Looked { at: Some(at.clone()), what: format!("verdict on {label}"), expected, actual, holds })
}

/// Whether all these desks see the same: the same acts with the same verdicts, and every case in the same state.
fn agreement(stage: &Stage<'_, impl Ground>, check: &Check, now: Timestamp) -> Looked {
    let mut differing = Vec::new();
    let desks: Vec<_> = check.at.iter().filter_map(|at| Some((at, stage.ground.casebook(at)?))).collect();
    for (first, second) in desks.iter().zip(desks.iter().skip(1)) {
        let ((one, first), (other, second)) = (*first, *second);
        for act in first.everything().acts() {
            let there = second.everything().find(act.reference);
            let numbered = act.number > 0;
            if there.is_some_and(|there| there.verdict != act.verdict) || (there.is_none() && numbered) {
                let label = stage.spoken.iter().find(|spoken| spoken.reference == act.reference);
                let label = label.map_or("an act", |spoken| spoken.label.as_str());
                differing.push(format!("{one} and {other} about {label}"));
            }
        }
        for (name, person) in persons(stage) {
            let of = |casebook| facets::all_of_person(casebook, &person, now);
            if of(first) != of(second) {
                differing.push(format!("{one} and {other} about {name}"));
            }
        }
    }
    let holds = differing.is_empty();
    let actual =
        if holds { "they agree".to_owned() } else { format!("they differ: {}", differing.join(", ")) };
    let what = "the desks".to_owned();
    Looked { at: None, what, expected: "they agree".to_owned(), actual, holds }
}

/// Every person of the script, as the script calls him.
fn persons(stage: &Stage<'_, impl Ground>) -> Vec<(String, PersonRef)> {
    stage.script.persons.iter().map(|(name, person)| (name.clone(), *person)).collect()
}

/// How everything stands at the end, desk by desk; cases that a desk does not know are left out.
pub(super) fn finals(stage: &Stage<'_, impl Ground>, now: Timestamp) -> Vec<Final> {
    let mut finals = Vec::new();
    for party in &stage.script.parties {
        let at = &party.ministry;
        let Some(casebook) = stage.ground.casebook(at) else { continue };
        let states = facets::of_consultation(casebook, now);
        finals.push(Final { at: at.clone(), person: None, states });
        for (name, person) in persons(stage) {
            let mut states = facets::all_of_person(casebook, &person, now);
            if let Some(stops) = facets::held_by(casebook, &person, now) {
                let stage = states.iter_mut().filter(|(name, _)| *name == "stage");
                stage.for_each(|(_, state)| *state = format!("{state} by {stops}"));
            }
            if states.iter().any(|(name, state)| *name == "stage" && state != "UNKNOWN") {
                finals.push(Final { at: at.clone(), person: Some(name), states });
            }
        }
    }
    finals
}
