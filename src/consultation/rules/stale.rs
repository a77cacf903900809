//! CON-04 at release: whether the past that a draft declares is still all there is to know about what it touches.
//!
//! The past that the draft declares and everything the desk holds enter; what was registered since and concerns the
//! same persons, agreement or arrangement leaves as findings. Whoever finds any re-bases the draft and has it cleared
//! again; a protective act waits for nothing.

use std::collections::BTreeSet;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::agreement::AgreementTerms;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{Marks, Registered};
use crate::consultation::rules::{Finding, Findings, Rule};
use crate::consultation::state::commitments;
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;

/// What stands against releasing a draft of `sender` because its basis went stale; empty for protective acts.
pub fn stale(act: &Act, sender: &Ministry, declared: &Marks, everything: &Past<'_>) -> Vec<Finding> {
    let mut findings = Findings::against(ActClass::Normative);
    if act.class() == ActClass::Protective {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for one in bearing_on(&touched(act, everything), everything) {
        let unknown = one.sender != *sender && one.number > 0 && !declared.covers(&one.sender, one.number);
        if unknown && seen.insert((one.sender.clone(), one.number)) {
            let message = format!("{} of {} came since and concerns the same persons", one.kind, one.sender);
            findings.add(Rule::Con04, "dispatch.basis", message, Rule::Con04.cure());
        }
    }
    findings.sorted()
}

/// Acts that bear on any of these persons: they name one, or concern everyone. What cannot be read may concern anybody.
fn bearing_on<'h>(persons: &[PersonRef], past: &Past<'h>) -> Vec<&'h Registered> {
    if persons.is_empty() {
        return Vec::new();
    }
    let of_all = [ActKind::AgreementTermination, ActKind::Assurances, ActKind::ConsultationClosure];
    let named = persons.iter().flat_map(|person| past.of_person(person));
    let general = of_all.into_iter().flat_map(|kind| past.general(kind));
    named.chain(general).chain(past.not_understood()).collect()
}

/// The persons an act touches, those of the acts it rests on included.
fn touched(act: &Act, past: &Past<'_>) -> Vec<PersonRef> {
    let mut persons = act.persons();
    let mut lines = |terms: &AgreementTerms| persons.extend(terms.lines.iter().map(|line| line.person));
    match act {
        Act::AgreementReply(_) => {
            if let Some(Act::AgreementNote(note)) = answered(past, act) {
                lines(&note.terms);
            }
        }
        Act::AgreementTermination(act) => {
            if let Some(agreed) = commitments::agreement(past, &act.agreement_id) {
                lines(agreed.terms());
            }
        }
        Act::HandoverConfirmation(_) | Act::TransferResponse(_) | Act::HoldRelease(_) => {
            persons.extend(answered(past, act).map(Act::persons).unwrap_or_default());
        }
        Act::GoNoGo(act) => {
            if let Some(arranged) = commitments::arrangement(past, &act.arrangement_id) {
                persons.extend(arranged.act.persons.iter().copied());
            }
        }
        _ => {}
    }
    persons.sort_unstable();
    persons.dedup();
    persons
}

fn answered<'h>(past: &Past<'h>, act: &Act) -> Option<&'h Act> {
    act.answered().and_then(|(_, reference)| past.find(reference)).and_then(|one| one.act.as_ref())
}

#[cfg(test)]
#[path = "stale_tests.rs"]
mod tests;
