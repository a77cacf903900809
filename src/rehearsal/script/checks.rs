//! What is looked at in a rehearsal, and what steps and checks expect.

use std::collections::BTreeMap;

use toml_edit::Item;

use super::heading::flag;
use super::moves::of_script;
use super::{Check, Expected, SCRIPT_STEP_UNKNOWN, SCRIPT_STRANGER, SCRIPT_VALUE, Script, What};
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::Rule;
use crate::consultation::suggest::nearest;
use crate::desk::form::reader::{Fields, Report, Wrong, string};
use crate::rehearsal::play::facets;
use crate::trust::name::Ministry;

/// Reads a check.
pub(super) fn read(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Check {
    let mistakes = report.errors.len();
    let at = match fields.table().get("at").and_then(Item::as_str) {
        Some(_) => fields
            .optional(report, "at", |item| of_script(script, string(item)?))
            .map(|one| vec![one])
            .unwrap_or_default(),
        None => fields.each(report, "at", |text| of_script(script, text)),
    };
    let everybody = || script.parties.iter().map(|party| party.ministry.clone()).collect();
    let at = if at.is_empty() { everybody() } else { at };
    let person = fields.optional(report, "person", |item| person(script, string(item)?));
    let destination = fields.optional(report, "destination", |item| facets::destination_word(string(item)?));
    let arrangement = fields.optional(report, "arrangement", |item| Ok(string(item)?.to_owned()));
    let mut facets = BTreeMap::new();
    for (name, of_person, parse) in facets::ALL {
        let Some(value) = fields.optional(report, name, |item| parse(string(item)?)) else { continue };
        facets.insert(*name, value);
        if *of_person && person.is_none() && !fields.has("person") {
            let hint = "person = \"P1\", as [persons] calls him";
            let wrong = Wrong::new(SCRIPT_VALUE, "it is not said whose case is meant", hint);
            report.add(fields.span_of(name), &fields.path(name), wrong);
        }
    }
    if facets.contains_key("protection") && !fields.has("destination") {
        let hint = "destination = \"XA\", ORIGIN or REMAIN: protection is towards a place";
        let wrong = Wrong::new(SCRIPT_VALUE, "it is not said towards which destination", hint);
        report.add(fields.span_of("protection"), &fields.path("protection"), wrong);
    }
    let depart = fields.optional(report, "depart", departure);
    let depart_with = fields.optional(report, "depart_with", rules).unwrap_or_default();
    if (depart.is_some() || !depart_with.is_empty()) && (!fields.has("person") || arrangement.is_none()) {
        let hint = "state person and arrangement: who is to depart, and by which arrangement_id";
        let wrong = Wrong::new(SCRIPT_VALUE, "it is not said who is to depart by which arrangement", hint);
        let name = if depart.is_some() { "depart" } else { "depart_with" };
        report.add(fields.span_of(name), &fields.path(name), wrong);
    }
    let verdict = verdict(script, fields, report);
    let agree = fields.optional(report, "agree", flag).unwrap_or(false);
    let departs = depart.is_some() || !depart_with.is_empty();
    let names_a_step = fields.has("step") || fields.has("verdict");
    if facets.is_empty() && !departs && !names_a_step && !agree && report.errors.len() == mistakes {
        let names: Vec<&str> = facets::ALL.iter().map(|(name, ..)| *name).collect();
        let hint = format!("look at one or more of: {}, depart, verdict, agree", names.join(", "));
        report.add(
            fields.span(),
            &fields.path("stage"),
            Wrong::new(SCRIPT_VALUE, "nothing is looked at", hint),
        );
    }
    Check { at, person, destination, arrangement, facets, depart, depart_with, verdict, agree }
}

/// `verdict = "WIL_02"` with `step = "label"`.
fn verdict(script: &Script, fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<(String, Expected)> {
    let step = fields.optional(report, "step", |item| earlier_step(script, string(item)?));
    let verdict = fields.optional(report, "verdict", expected);
    if step.is_some() != verdict.is_some() && (fields.has("step") != fields.has("verdict")) {
        let hint = "step = \"label\" says of which step, verdict = \"ok\" or rules what is expected";
        let wrong = Wrong::new(SCRIPT_VALUE, "step and verdict belong together", hint);
        report.add(fields.span(), &fields.path("verdict"), wrong);
    }
    step.zip(verdict)
}

/// What is expected at the receivers: one thing at all, or by receiver.
pub(super) fn expected_at(
    script: &Script,
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<Option<Ministry>, Expected> {
    let mut all = BTreeMap::new();
    let table = fields.table().get("expect_at").and_then(Item::as_table_like);
    let Some(table) = table else {
        if let Some(one) = fields.optional(report, "expect_at", expected) {
            all.insert(None, one);
        }
        return all;
    };
    fields.optional(report, "expect_at", |_| Ok(()));
    for (code, item) in table.iter() {
        let path = format!("{}.{code}", fields.path("expect_at"));
        match of_script(script, code).and_then(|ministry| Ok((ministry, expected(item)?))) {
            Ok((ministry, one)) => {
                all.insert(Some(ministry), one);
            }
            Err(wrong) => report.add(item.span(), &path, wrong),
        }
    }
    all
}

/// "waits", "absent", "equivocation", "ok", or rules.
fn expected(item: &Item) -> Result<Expected, Wrong> {
    match item.as_str() {
        Some("waits") => Ok(Expected::Waits),
        Some("absent") => Ok(Expected::Absent),
        Some("equivocation") => Ok(Expected::Equivocation),
        _ => rules(item).map(Expected::Rules),
    }
}

/// "clear", or what stands against departure.
fn departure(item: &Item) -> Result<Vec<Rule>, Wrong> {
    if item.as_str() == Some("clear") { Ok(Vec::new()) } else { rules(item) }
}

/// Rules by their codes, in one text or in a list; "ok" and an empty list mean that nothing stands against it.
pub(super) fn rules(item: &Item) -> Result<Vec<Rule>, Wrong> {
    let words: Vec<&str> = match item.as_array() {
        Some(list) => {
            let words = list.iter().map(|word| word.as_str().ok_or_else(|| Wrong::of_type("a rule")));
            words.collect::<Result<_, _>>()?
        }
        None => string(item)?.split([' ', ',']).filter(|word| !word.is_empty()).collect(),
    };
    if words.as_slice() == ["ok"] {
        return Ok(Vec::new());
    }
    let mut rules = words.into_iter().map(rule).collect::<Result<Vec<Rule>, Wrong>>()?;
    rules.sort_unstable();
    rules.dedup();
    Ok(rules)
}

fn rule(word: &str) -> Result<Rule, Wrong> {
    let plain = word.replace('-', "_");
    Rule::from_word(&plain).ok_or_else(|| {
        let hint = match nearest(&plain, Rule::ALL.iter().map(|rule| rule.word())) {
            Some(known) => format!("did you mean {known}?"),
            None => "write ok, or codes such as WIL_02".to_owned(),
        };
        Wrong::new(SCRIPT_VALUE, "no such rule", hint)
    })
}

/// The label of a step that stands before.
pub(super) fn earlier_step(script: &Script, text: &str) -> Result<String, Wrong> {
    let says = script.moves.iter().filter(|one| matches!(one.what, What::Say(_)));
    let labels: Vec<&str> = says.map(|one| one.label.as_str()).collect();
    if labels.contains(&text) || script.faulty.iter().any(|label| label == text) {
        return Ok(text.to_owned());
    }
    let hint = match nearest(text, labels.iter().copied()) {
        Some(known) => format!("did you mean {known}?"),
        None => "give the step a label = \"...\", and let it stand before this one".to_owned(),
    };
    Err(Wrong::new(SCRIPT_STEP_UNKNOWN, "no earlier step has this label", hint))
}

/// A person as the script calls him, or his reference.
pub(super) fn person(script: &Script, text: &str) -> Result<PersonRef, Wrong> {
    if let Some(person) = script.persons.get(text) {
        return Ok(*person);
    }
    PersonRef::parse(text).map_err(|_| {
        let names: Vec<&str> = script.persons.keys().map(String::as_str).collect();
        let hint = match names.as_slice() {
            [] => "introduce him: [persons] with P1 = \"new\"".to_owned(),
            names => format!("persons here: {}", names.join(", ")),
        };
        Wrong::new(SCRIPT_STRANGER, "the script introduces no such person", hint)
    })
}
