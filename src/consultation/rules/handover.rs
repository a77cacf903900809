//! HND: arrangement, confirmation and report of a handover. What only counts at departure (HND-03, HND-08, MED-01) is
//! asked by `state::departure`; reports are never refused, and what is wrong with them is said (HND-05, HND-06).

use crate::consultation::act::Act;
use crate::consultation::acts::handover::{HandoverArrangement, HandoverConfirmation};
use crate::consultation::history::Past;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule, observer, passage};
use crate::consultation::state::commitments::{self, Agreement};
use crate::consultation::state::opening;
use crate::consultation::words::{ObserverScope, Reply};

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    if let Act::HandoverArrangement(act) = judgement.act {
        notice(judgement, act, findings);
    }
    let Some(past) = judgement.past else { return };
    match judgement.act {
        Act::HandoverArrangement(act) => arrange(judgement, past, act, findings),
        Act::HandoverConfirmation(act) if act.reply == Reply::Accept => {
            confirm(judgement, past, act, findings)
        }
        _ => {}
    }
}

/// HND-04 and HND-10.
fn notice(judgement: &Judgement<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    if act.window_start_time < act.person_notice_time.after(judgement.charter.notice) {
        let message = "too little time lies between the notice to the person and the window";
        findings.add(Rule::Hnd04, "act.person_notice_time", message, Rule::Hnd04.cure());
    }
    if act.routine_documents.is_empty() {
        let message = "no list of effects or accounts goes with the persons";
        findings.add(Rule::Hnd10, "act.routine_documents", message, Rule::Hnd10.cure());
    }
}

fn arrange(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    observers(judgement, past, act, findings);
    let Some(agreed) = commitments::agreement(past, &act.agreement_id) else {
        let message = "no agreement under this id is concluded";
        findings.add(Rule::Hnd01, "act.agreement_id", message, Rule::Hnd01.cure());
        return;
    };
    if agreed.enters_into_force().is_none_or(|entry| act.window_start_time < entry) {
        let message = "the agreement is not in force when the window opens";
        findings.add(Rule::Hnd01, "act.agreement_id", message, "wait until it is in force");
    }
    if !agreed.is_party(&judgement.address.sender) {
        let message = "the sender is no party to the agreement";
        findings.add(Rule::Con03, "address.sender", message, Rule::Con03.cure());
    }
    persons(judgement, past, act, &agreed, findings);
}

/// HND-01 and HND-02 of each person, and all that stands against moving him.
fn persons(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    act: &HandoverArrangement,
    agreed: &Agreement<'_>,
    findings: &mut Findings,
) {
    let at = judgement.release_time();
    for (index, person) in act.persons.iter().enumerate() {
        let field = format!("act.persons[{index}]");
        let Some(line) = agreed.line(person) else {
            let message = "the agreement does not list the person";
            findings.add(Rule::Hnd02, field, message, Rule::Hnd02.cure());
            continue;
        };
        if line.tranche.is_some() && line.tranche != act.tranche {
            let message = "the person belongs to another tranche";
            findings.add(Rule::Hnd02, field.clone(), message, Rule::Hnd02.cure());
        }
        if agreed.is_ended(past, person, at) {
            let message = "the agreement was terminated for the person";
            findings.add(Rule::Hnd01, field.clone(), message, Rule::Hnd01.cure());
        }
        passage::judge(judgement, past, agreed.terms(), line, &field, findings);
    }
}

/// HND-09: observers are parties that observe, neutral Powers, or invited to watch a handover by consent of all.
fn observers(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    for (index, ministry) in act.observers.iter().enumerate() {
        let party = !opening::roles(past, ministry).is_empty();
        let appointed =
            || observer::is_appointed(past, ministry, ObserverScope::Handover, judgement.release_time());
        if !party && !appointed() {
            let field = format!("act.observers[{index}]");
            let message = format!("{ministry} is not appointed to observe a handover");
            findings.add(Rule::Hnd09, field, message, Rule::Hnd09.cure());
        }
    }
}

fn confirm(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverConfirmation, findings: &mut Findings) {
    let arranged = past.find(act.arrangement).filter(|one| one.stands());
    let arrangement = match arranged.and_then(|one| one.act.as_ref()) {
        Some(Act::HandoverArrangement(arrangement)) if arrangement.arrangement_id == act.arrangement_id => {
            arrangement
        }
        _ => {
            let message = "it answers no arrangement that stands";
            findings.add(Rule::Hnd01, "act.arrangement", message, Rule::Hnd01.cure());
            return;
        }
    };
    if act.persons_sha256 != arrangement.persons_sha256 {
        let message = "the digest is not that of the list of the arrangement";
        findings.add(Rule::Hnd02, "act.persons_sha256", message, Rule::Hnd02.cure());
    }
    let Some(agreed) = commitments::agreement(past, &arrangement.agreement_id) else {
        let message = "no agreement under the id of the arrangement is concluded";
        findings.add(Rule::Hnd01, "act.arrangement", message, Rule::Hnd01.cure());
        return;
    };
    if !agreed.is_party(&judgement.address.sender) {
        let message = "the sender is no party to the agreement";
        findings.add(Rule::Con03, "address.sender", message, Rule::Con03.cure());
    }
    persons(judgement, past, arrangement, &agreed, findings);
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
