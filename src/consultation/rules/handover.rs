//! HND: arrangement, confirmation and report of a handover. What only counts at departure (HND-03, HND-08, MED-01) is
//! asked by `state::departure`; reports are never refused, and what is wrong with them is said (HND-05, HND-06).

use std::collections::BTreeMap;

use crate::consultation::act::Act;
use crate::consultation::acts::handover::{
    HandoverArrangement, HandoverConfirmation, HandoverLine, HandoverReport,
};
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule, passage};
use crate::consultation::state::commitments::{self, Agreement};
use crate::consultation::state::{appointment, departure, opening, promised, reports, saying, told, will};
use crate::consultation::words::{EntryIntoForce, HandoverOutcome, ObserverScope, Reply};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What brings an agreement into force that waits for notifications: they have no act in this release.
pub(super) const NOTIFICATIONS: &str =
    "once both have notified, agree anew under the same id, with the date on which it enters into force";

/// What is to be done about a report of a refusal, a death or the like that was a mistake.
const CORRECTED_OF_ITS_TIME: &str = "raise it with the other Power at once; where a report of another time was a mistake, \
     its sender reports of that same time what was so, and then the handover again";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    if let Act::HandoverArrangement(act) = judgement.act {
        notice(judgement, act, findings);
    }
    let Some(past) = judgement.past else { return };
    match judgement.act {
        Act::HandoverArrangement(act) => {
            own_id(judgement, past, act, findings);
            under_way(past, act, findings);
            arrange(judgement, past, act, findings);
        }
        Act::HandoverConfirmation(act) if act.reply == Reply::Accept => {
            confirm(judgement, past, act, findings)
        }
        Act::HandoverReport(act) => report(judgement, past, act, findings),
        _ => {}
    }
}

/// HND-04 and HND-10.
fn notice(judgement: &Judgement<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    if act.window_end_time <= judgement.release_time() {
        let message = "the window has passed";
        findings.add(Rule::Hnd04, "act.window_end_time", message, "set a window that is still to come");
    }
    if act.window_start_time < act.person_notice_time.after(judgement.charter.notice) {
        let message = "too little time lies between the notice to the person and the window";
        findings.add(Rule::Hnd04, "act.person_notice_time", message, Rule::Hnd04.cure());
    }
    if act.routine_documents.is_empty() {
        let message = "no list of effects or accounts goes with the persons";
        findings.add(Rule::Hnd10, "act.routine_documents", message, Rule::Hnd10.cure());
    }
}

/// HND-01: whoever left on what was arranged under this id before goes by no arrangement any more.
fn under_way(past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    let thread = Thread::Arrangement(act.arrangement_id.clone());
    let gives = saying!(past.of_thread(&thread), GoNoGo).any(|(_, word)| word.go.0);
    let is_over = saying!(past.of_thread(&thread), HandoverReport).next().is_some();
    if gives && !is_over {
        let message = "a GO was given under this id: who is on the road goes by no arrangement any more";
        let hint =
            "where somebody has left, arrange under another id, or wait until the handover is reported";
        findings.warn(Rule::Hnd01, "act.arrangement_id", message, hint);
    }
}

fn arrange(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    observers(past, act, findings);
    let Some(agreed) = commitments::agreement(past, &act.agreement_id) else {
        let message = "no agreement under this id is concluded";
        findings.add(Rule::Hnd01, "act.agreement_id", message, Rule::Hnd01.cure());
        return;
    };
    if agreed.enters_into_force().is_none_or(|entry| act.window_start_time < entry) {
        let message = "the agreement is not in force when the window opens";
        let hint = match agreed.terms().entry_into_force {
            EntryIntoForce::OnDomesticNotifications => NOTIFICATIONS,
            _ => "wait until it is in force",
        };
        findings.add(Rule::Hnd01, "act.agreement_id", message, hint);
    }
    // Shortly before it is concluded he may be told of it; whoever was told long before was told of something else.
    if act.person_notice_time.after(judgement.charter.notice.saturating_mul(2)) < agreed.concluded() {
        let message = "the person was told long before this was agreed";
        let hint = "tell the person what was agreed, and let the window open when he has had his time";
        findings.add(Rule::Hnd04, "act.person_notice_time", message, hint);
    }
    if !agreed.is_party(&judgement.address.sender) {
        let message = "the sender is no party to the agreement";
        findings.add(Rule::Con03, "address.sender", message, Rule::Con03.cure());
    }
    persons(judgement, past, act, &agreed, findings);
}

/// HND-01: an id means one handover: not that of another Power, and none that was reported already.
fn own_id(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    let thread = Thread::Arrangement(act.arrangement_id.clone());
    let mut arranged = saying!(past.of_thread(&thread), HandoverArrangement);
    let is_of_another = arranged.any(|(one, _)| one.stands() && one.sender != judgement.address.sender);
    let mut reported = saying!(past.of_thread(&thread), HandoverReport);
    let is_reported = reported.any(|(one, _)| !opening::is_observer(past, &one.sender));
    let message = match (is_of_another, is_reported) {
        (true, _) => "an arrangement of another Power bears this id",
        (false, true) => "a handover under this id was reported already",
        (false, false) => return,
    };
    findings.add(Rule::Hnd01, "act.arrangement_id", message, "arrange it under an id of its own");
}

/// HND-01 and HND-02 of each person, and all that stands against moving him.
fn persons(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    act: &HandoverArrangement,
    agreed: &Agreement<'_>,
    findings: &mut Findings,
) {
    for (index, person) in act.persons.iter().enumerate() {
        let field = format!("act.persons[{index}]");
        findings.about(person, |findings| one(judgement, past, act, agreed, person, &field, findings));
    }
}

fn one(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    act: &HandoverArrangement,
    agreed: &Agreement<'_>,
    person: &PersonRef,
    field: &str,
    findings: &mut Findings,
) {
    let Some(line) = agreed.line(person) else {
        let message = "the agreement does not list the person";
        findings.add(Rule::Hnd02, field, message, Rule::Hnd02.cure());
        return;
    };
    if line.tranche.is_some() && line.tranche != act.tranche {
        let message = "the person belongs to another tranche";
        findings.add(Rule::Hnd02, field, message, Rule::Hnd02.cure());
    }
    if agreed.is_ended(past, person, judgement.release_time()) {
        let message = "the agreement was terminated for the person";
        findings.add(Rule::Hnd01, field, message, Rule::Hnd01.cure());
    }
    passage::judge(judgement, past, agreed.terms(), line, Some(agreed.note), field, findings);
    let (at, charter, own) = (judgement.release_time(), judgement.charter, Some(&act.agreement_id));
    let destination = agreed.destination(line);
    if promised::other_commitment(past, person, destination, own, at, charter).is_some() {
        let message = "another agreement sends the person elsewhere";
        findings.add(Rule::Exc06, field, message, Rule::Exc06.cure());
    } else if judgement.is_promised_elsewhere(past, person, destination) {
        let message = "an agreement of another consultation sends the person elsewhere";
        findings.add(Rule::Exc06, field, message, Rule::Exc06.cure());
    }
}

/// HND-09: observers are parties that observe, neutral Powers, or invited to watch a handover by consent of all.
fn observers(past: &Past<'_>, act: &HandoverArrangement, findings: &mut Findings) {
    for (index, ministry) in act.observers.iter().enumerate() {
        let party = !opening::roles(past, ministry).is_empty();
        let (scope, at) = (ObserverScope::Handover, act.window_start_time);
        let is_for = |person| appointment::is_appointed(past, ministry, scope, person, at);
        if !party && !act.persons.iter().all(is_for) {
            let field = format!("act.observers[{index}]");
            let message =
                format!("{ministry} is not appointed to observe the handover of these persons then");
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

/// HND-05, 06 and 10: what is said of a report, which is registered all the same.
fn report(judgement: &Judgement<'_>, past: &Past<'_>, act: &HandoverReport, findings: &mut Findings) {
    let handed_over = |line: &HandoverLine| line.outcome == HandoverOutcome::HandedOver;
    if act.effects_inventory_sha256.is_none() && act.lines.iter().any(handed_over) {
        let message = "no inventory of effects goes with persons who were handed over";
        findings.add(Rule::Hnd10, "act.effects_inventory_sha256", message, Rule::Hnd10.cure());
    }
    let others = reports_of_others(judgement, past, act);
    for (index, line) in act.lines.iter().enumerate() {
        let field = format!("act.lines[{index}]");
        if others.iter().any(|other| !matches(act, other, line, judgement.charter)) {
            let message = "another Power reported otherwise";
            findings.add(Rule::Hnd05, field.clone(), message, Rule::Hnd05.cure());
        }
        if handed_over(line) {
            handed_over_all_the_same(judgement, past, act, line, &field, findings);
        }
    }
    if reports::is_dated_ahead(act, judgement.release_time()) {
        let message = "it tells of what had not happened when it was released";
        findings.add(Rule::Hnd05, "act.handover_time", message, Rule::Hnd05.cure());
    }
}

/// HND-06, and what nobody did before the person left (HND-03, HND-08, HND-09, MED-01): said, and nothing more.
fn handed_over_all_the_same(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    act: &HandoverReport,
    line: &HandoverLine,
    field: &str,
    findings: &mut Findings,
) {
    let (id, charter) = (&act.arrangement_id, judgement.charter);
    let at = reports::happened(act, judgement.release_time());
    let against = reports::irregularities(past, &line.person, id, at, charter);
    if !against.is_empty() {
        let words: Vec<&str> = against.iter().map(|facet| facet.word()).collect();
        let message = format!("it stood against the handover: {}", words.join(", "));
        let cure = match is_told_of_another_time(past, act, line, at) {
            true => CORRECTED_OF_ITS_TIME,
            false => Rule::Hnd06.cure(),
        };
        findings.add(Rule::Hnd06, field, message, cure);
    }
    for stop in departure::omitted(past, &line.person, id, at, charter) {
        findings.warn(stop.rule, field, stop.because, Rule::Hnd06.cure());
    }
    if !line.final_question_put.0 {
        let message = "nobody asked the person at the last moment";
        findings.warn(Rule::Hnd03, format!("{field}.final_question_put"), message, Rule::Hnd06.cure());
    }
}

/// Whether a report under this id tells of another time what stands against this handover: that the person refused,
/// died, cannot travel or is kept.
fn is_told_of_another_time(
    past: &Past<'_>,
    act: &HandoverReport,
    line: &HandoverLine,
    at: Timestamp,
) -> bool {
    use HandoverOutcome::{Deceased, DeclinedByPerson, HeldByAuthority, Unfit};
    let thread = Thread::Arrangement(act.arrangement_id.clone());
    saying!(past.of_thread(&thread), HandoverReport).any(|(one, other)| {
        let outcome = other.lines.find(&line.person).map(|line| line.outcome);
        let stops = matches!(outcome, Some(Deceased | DeclinedByPerson | HeldByAuthority | Unfit));
        stops && !told::is_one_attempt(will::said(one, Some(other.handover_time)), at)
    })
}

/// The last report of every other Power about this handover.
fn reports_of_others<'h>(
    judgement: &Judgement<'_>,
    past: &Past<'h>,
    act: &HandoverReport,
) -> Vec<&'h HandoverReport> {
    let mut last: BTreeMap<&Ministry, (u64, &HandoverReport)> = BTreeMap::new();
    let all = saying!(past.of_thread(&Thread::Arrangement(act.arrangement_id.clone())), HandoverReport);
    for (one, report) in all {
        let other = one.sender != judgement.address.sender && !opening::is_observer(past, &one.sender);
        if other && last.get(&one.sender).is_none_or(|(number, _)| *number <= one.number) {
            last.insert(&one.sender, (one.number, report));
        }
    }
    last.into_values().map(|(_, report)| report).collect()
}

fn matches(one: &HandoverReport, other: &HandoverReport, line: &HandoverLine, charter: &Charter) -> bool {
    let apart = one.handover_time.seconds().abs_diff(other.handover_time.seconds());
    other.lines.find(&line.person).map(|line| line.outcome) == Some(line.outcome)
        && apart <= charter.report_tolerance.as_secs()
        && one.place_code == other.place_code
        && one.effects_inventory_sha256 == other.effects_inventory_sha256
        && one.documents_sha256 == other.documents_sha256
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "handover_ids_tests.rs"]
mod ids_tests;

#[cfg(test)]
#[path = "handover_departing_tests.rs"]
mod departing_tests;
