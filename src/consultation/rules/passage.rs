//! What stands against moving the persons of an agreement, as findings: the guards that note, reply, arrangement and
//! confirmation share (`state::guard`), and beside them what explains or only reminds.

use crate::consultation::act::Act;
use crate::consultation::acts::agreement::{AgreementLine, AgreementTerms};
use crate::consultation::history::Past;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule};
use crate::consultation::state::places::{Places, Spoken};
use crate::consultation::state::will::{self, Will};
use crate::consultation::state::{guard, holds, saying};
use crate::consultation::words::{MedicalFindingKind, Route};

/// Judges moving the person of a line as these terms say, of a note that is here or of one that is judged itself. Tells
/// which rules stood against it.
pub(super) fn judge(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    note: Option<&Registered>,
    field: &str,
    findings: &mut Findings,
) -> Vec<Rule> {
    let (at, charter) = (judgement.release_time(), judgement.charter);
    let mut rules = Vec::new();
    for stop in guard::stops(past, terms, line, note, at, charter) {
        findings.add(stop.rule, field, stop.because, stop.rule.cure());
        rules.push(stop.rule);
    }
    let destination = Spoken::in_note(&line.destination, note);
    let will = will::towards(past, &line.person, destination, at, charter);
    let places = Places::of(past, &line.person);
    let names = |statement: &will::Statement<'_>| {
        let named = statement.act.acceptable.iter().chain(&statement.act.refused);
        named.into_iter().any(|place| statement.likens(place, destination, &places).is_same_by_a_case())
    };
    let is_silent = will.statement.is_some_and(|statement| !names(&statement));
    explain_will(is_silent, &will, &rules, field, findings);
    let still_a_soldier = |statement: will::Statement<'_>| !statement.act.civilian_status_declared;
    if terms.route == Route::ReleaseAndSettlement && will.statement.is_some_and(still_a_soldier) {
        let message = "he has not declared that he is a civilian now";
        findings.add(Rule::Wil13, field, message, Rule::Wil13.cure());
    }
    remind(judgement, past, terms, line, field, findings);
    rules
}

/// WIL-11 and WIL-12: why a will does not carry, where that is easily overlooked.
fn explain_will(is_silent: bool, will: &Will<'_>, stopped_by: &[Rule], field: &str, findings: &mut Findings) {
    if is_silent && stopped_by.contains(&Rule::Wil03) {
        let message = "the statement says nothing of this destination";
        findings.add(Rule::Wil11, field, message, Rule::Wil11.cure());
    }
    let hearsay = |act: &Act| matches!(act, Act::WillIndication(_) | Act::ExpressionOfWill(_));
    let by_hearsay = will.against.iter().any(|one| one.act.as_ref().is_some_and(hearsay));
    if by_hearsay && stopped_by.contains(&Rule::Wil07) {
        let message = "hearsay, or a statement that does not qualify, says that he refuses";
        findings.add(Rule::Wil12, field, message, Rule::Wil12.cure());
    }
}

/// HLD-03 and MED-04: what is permitted, and deserves a second look.
fn remind(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    field: &str,
    findings: &mut Findings,
) {
    let at = judgement.release_time();
    let all = holds::holds(past, &line.person, judgement.charter);
    if all.iter().any(|hold| hold.lifted_by.is_none() && !hold.is_active(at)) {
        findings.add(Rule::Hld03, field, "a hold of another Power lapsed", Rule::Hld03.cure());
    }
    let medical = matches!(terms.route, Route::DirectMedicalRepatriation | Route::NeutralAccommodation);
    let manifest = || {
        let mut found = saying!(past.of_person(&line.person), MedicalFinding);
        found.any(|(one, act)| {
            Some(one.reference) == line.medical_act && act.kind == MedicalFindingKind::Manifest
        })
    };
    if medical && manifest() {
        let message = "no commission saw the person: the finding is one of a manifest case";
        findings.add(Rule::Med04, field, message, Rule::Med04.cure());
    }
}

#[cfg(test)]
#[path = "passage_tests.rs"]
pub(in crate::consultation::rules) mod tests;
