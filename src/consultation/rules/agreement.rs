//! AGR: exchange of notes. A note is judged on everyone it lists, a reply on the note and on everyone again.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::agreement::{
    AgreementLine, AgreementNote, AgreementReply, AgreementTermination, AgreementTerms,
};
use crate::consultation::acts::values::ActRef;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule, exchange, handover, passage};
use crate::consultation::state::offers::{self, Offer};
use crate::consultation::state::places::{Places, Spoken};
use crate::consultation::state::{commitments, custody, medical, opening, promised, protection, will};
use crate::consultation::words::{EntryIntoForce, MedicalDecision, PartyRole, Route};

/// What takes a GO back.
const NO_GO: &str = "say NO GO: a go-no-go with go = false stops at once";

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    match judgement.act {
        Act::AgreementNote(note) => propose(judgement, note, findings),
        Act::AgreementReply(reply) => {
            if let Some(past) = judgement.past {
                conclude(judgement, past, reply, findings);
            }
        }
        Act::AgreementTermination(act) => {
            if let Some(past) = judgement.past {
                terminate(judgement, past, act, findings);
            }
        }
        Act::Corrigendum(act) => {
            let corrected = judgement.past.and_then(|past| past.find(act.corrects));
            let concluded = |act: &Act| matches!(act, Act::AgreementNote(_) | Act::AgreementReply(_));
            if corrected.and_then(|one| one.act.as_ref()).is_some_and(concluded) {
                let message = "a corrigendum does not change what was agreed";
                findings.add(Rule::Agr07, "act.corrects", message, Rule::Agr07.cure());
            } else if corrected.is_some_and(|one| one.act_kind() == Some(ActKind::GoNoGo)) {
                let message = "a corrigendum of a GO makes none of it, and is no NO GO";
                findings.warn(Rule::Hnd08, "act.corrects", message, NO_GO);
            } else if let Some(one) = corrected.filter(|one| is_undone(judgement, one)) {
                let message = "a corrigendum of this field takes the act back, and says nothing in its place";
                findings.warn(Rule::Agr01, "act.corrects", message, instead(judgement, one));
            }
        }
        Act::NoteWithdrawal(act) => {
            let named = judgement.past.and_then(|past| past.find(act.withdraws).map(|one| (past, one)));
            if let Some((past, one)) = named {
                take_back(judgement, past, one, findings);
            }
        }
        _ => {}
    }
}

/// AGR-01: a note-withdrawal is for a note that awaits its answer, and for assurances. It goes all the same, because
/// what it names permits nothing any more (`commitments::is_taken_back`); who sends it is told which act says so to
/// all.
fn take_back(judgement: &Judgement<'_>, past: &Past<'_>, named: &Registered, findings: &mut Findings) {
    let is_own = named.sender == judgement.address.sender;
    let hint = match named.act_kind() {
        Some(ActKind::AgreementNote) if is_own && is_concluded(past, named) => {
            "terminate the agreement by an agreement-termination"
        }
        Some(ActKind::AgreementNote | ActKind::Assurances) if is_own => return,
        _ => instead(judgement, named),
    };
    let message =
        "this is not taken back by a note-withdrawal: it awaits no answer, or is of another ministry";
    findings.warn(Rule::Agr01, "act.withdraws", message, hint);
}

/// Whether this act takes back another one that may free somebody.
fn is_undone(judgement: &Judgement<'_>, named: &Registered) -> bool {
    commitments::undone(judgement.act) == Some(named.reference)
        && named.act_kind().is_some_and(commitments::frees)
}

/// What says to everybody that an act of one's own counts no more.
fn instead(judgement: &Judgement<'_>, named: &Registered) -> &'static str {
    match named.act_kind() {
        _ if named.sender != judgement.address.sender => "ask the ministry that sent it",
        Some(ActKind::GoNoGo) => NO_GO,
        Some(ActKind::HandoverArrangement) => {
            "arrange it anew, under another id where somebody is on the road; a hold-notice stops persons at once"
        }
        Some(ActKind::HandoverConfirmation) => "answer the arrangement once more, with DECLINE",
        Some(ActKind::ExpressionOfWill) => {
            "send a will-withdrawal where he thinks otherwise, and ask him again"
        }
        Some(ActKind::MedicalFinding) => "send what was found instead, UNFIT where he cannot travel",
        Some(ActKind::ProtectionAssessment) => {
            "assess the destination anew: NEEDS_MORE or SUBSTANTIAL_GROUNDS"
        }
        Some(ActKind::Assurances) => "send assurances that state all that you assure now",
        Some(ActKind::CaseRegistration) => "register the case anew",
        _ => "send the act that says otherwise",
    }
}

fn is_concluded(past: &Past<'_>, note: &Registered) -> bool {
    let Some(Act::AgreementNote(act)) = &note.act else { return false };
    let agreement = commitments::agreement(past, &act.terms.agreement_id);
    agreement.is_some_and(|agreement| agreement.note.reference == note.reference)
}

fn propose(judgement: &Judgement<'_>, note: &AgreementNote, findings: &mut Findings) {
    let terms: &AgreementTerms = &note.terms;
    if note.open_until_time < judgement.release_time() {
        let message = "the proposal is released after the time for an answer";
        findings.add(Rule::Agr04, "act.open_until_time", message, "leave time for an answer");
    }
    if !terms.no_less_favourable_than_convention.0 {
        let field = "act.terms.no_less_favourable_than_convention";
        let message = "it would leave persons worse off than the Convention does";
        findings.add(Rule::Agr05, field, message, Rule::Agr05.cure());
    }
    if terms.entry_into_force == EntryIntoForce::OnDomesticNotifications {
        let message =
            "this release carries no notifications: until it is agreed anew, nobody can be handed over";
        findings.warn(Rule::Hnd01, "act.terms.entry_into_force", message, handover::NOTIFICATIONS);
    }
    let Some(past) = judgement.past else { return };
    required_parties(judgement, past, terms, findings);
    amendment(past, note, findings);
    for (index, line) in terms.lines.iter().enumerate() {
        let field = format!("act.terms.lines[{index}]");
        findings.about(&line.person, |findings| {
            let stopped_by = passage::judge(judgement, past, terms, line, None, &field, findings);
            pinned(judgement, past, terms, line, &stopped_by, &field, findings);
            promised_twice(judgement, past, terms, line, None, &field, findings);
        });
    }
}

/// AGR-06: whose consent the route needs (GC III Arts 109(2), 111), those who hold the persons, and those who are to
/// receive them (Art. 12(2)), as far as they take part in the consultation.
fn required_parties(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    findings: &mut Findings,
) {
    let field = "act.terms.required_parties";
    let parties = &terms.required_parties;
    let mut add = |message: String| findings.add(Rule::Agr06, field, message, Rule::Agr06.cure());
    if parties.find(&judgement.address.sender).is_none() {
        add("the proposing ministry is not among them".to_owned());
    }
    for party in parties {
        let roles = opening::roles(past, party);
        if roles.is_empty() || opening::observes(&roles) {
            add(format!("{party} is no Power of the consultation"));
        }
    }
    let roles: &[PartyRole] = match terms.route {
        Route::NeutralInternment => {
            &[PartyRole::DetainingPower, PartyRole::NeutralPower, PartyRole::PowerOfOrigin]
        }
        Route::NeutralAccommodation => &[PartyRole::DetainingPower, PartyRole::NeutralPower],
        _ => &[],
    };
    if parties.len() < roles.len() {
        add(format!("{} of {} parties are named", parties.len(), roles.len()));
    }
    for role in roles {
        if !parties.iter().any(|party| opening::roles(past, party).contains(role)) {
            add(format!("no {role} is among them"));
        }
    }
    let holders = terms.lines.iter().filter_map(|line| custody::holder(past, &line.person));
    if holders.into_iter().any(|holder| parties.find(holder).is_none()) {
        add("a Power that holds a person is not among them".to_owned());
    }
    let there = |line: &AgreementLine| {
        let places = Places::of(past, &line.person);
        custody::powers_at(past, &places, Spoken::now(&line.destination))
    };
    let mut receivers = terms.lines.iter().flat_map(there);
    if let Some(receiver) = receivers.find(|receiver| parties.find(receiver).is_none()) {
        add(format!("{receiver}, which is to receive a person, is not among them"));
    }
}

/// AGR-07: whoever amends an agreement asks those who made it.
fn amendment(past: &Past<'_>, note: &AgreementNote, findings: &mut Findings) {
    let Some(agreed) = commitments::agreement(past, &note.terms.agreement_id) else { return };
    if agreed.terms().required_parties != note.terms.required_parties {
        let message = "an agreement under this id has other parties";
        findings.add(Rule::Agr07, "act.terms.agreement_id", message, Rule::Agr07.cure());
    }
}

/// AGR-03: where nothing else stands against a line, the records it names are those that carry it.
fn pinned(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    stopped_by: &[Rule],
    field: &str,
    findings: &mut Findings,
) {
    let (at, charter) = (judgement.release_time(), judgement.charter);
    let stopped = |group: &str| stopped_by.iter().any(|rule| rule.group() == group);
    let unwilling = stopped("WIL") || stopped_by.contains(&Rule::Med03);
    let (person, destination) = (&line.person, Spoken::now(&line.destination));
    let mut add = |name: &str, message: &str| {
        findings.add(Rule::Agr03, format!("{field}.{name}"), message, Rule::Agr03.cure());
    };
    let statement = will::towards(past, person, destination, at, charter).statement;
    if !unwilling && statement.is_some_and(|one| one.registered.reference != line.will_act) {
        add("will_act", "it is not the statement that counts");
    }
    let assessment = protection::protection(past, person, destination, at, charter).assessment;
    if !stopped("PRO") && assessment.is_some_and(|one| one.reference != line.protection_act) {
        add("protection_act", "it is not the assessment that counts");
    }
    let needed = decision(terms.route);
    let found = line.medical_act.is_some_and(|act| is_finding(past, act, person, needed));
    if !stopped("MED") && !found && (needed.is_some() || line.medical_act.is_some()) {
        add("medical_act", "it is no finding that carries this route for the person");
    }
}

/// The medical decision that a route rests on.
const fn decision(route: Route) -> Option<MedicalDecision> {
    match route {
        Route::DirectMedicalRepatriation => Some(MedicalDecision::Repatriate),
        Route::NeutralAccommodation => Some(MedicalDecision::AccommodateInNeutral),
        _ => None,
    }
}

fn is_finding(past: &Past<'_>, act: ActRef, person: &PersonRef, needed: Option<MedicalDecision>) -> bool {
    match past.find(act).map(|one| (one.stands(), one.act.as_ref())) {
        Some((true, Some(Act::MedicalFinding(finding)))) => {
            finding.person == *person
                && needed.is_none_or(|needed| finding.decision == needed)
                && medical::is_well_composed(finding)
        }
        _ => false,
    }
}

/// EXC-06: by what is agreed, by what the sender itself offered and others may still accept, and elsewhere.
fn promised_twice(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    line: &AgreementLine,
    note: Option<&Registered>,
    field: &str,
    findings: &mut Findings,
) {
    let (except, destination) = (Some(&terms.agreement_id), Spoken::in_note(&line.destination, note));
    let (at, charter) = (judgement.release_time(), judgement.charter);
    if promised::other_commitment(past, &line.person, destination, except, at, charter).is_some() {
        let message = "another agreement sends the person elsewhere";
        findings.add(Rule::Exc06, field, message, Rule::Exc06.cure());
    } else if is_offered_elsewhere(judgement, past, terms, &line.person, destination) {
        let message = "the sender itself offers the person elsewhere";
        findings.add(Rule::Exc06, field, message, exchange::OFFER_FIRST);
    } else if judgement.is_promised_elsewhere(past, &line.person, destination) {
        let message = "an agreement of another consultation sends the person elsewhere";
        findings.add(Rule::Exc06, field, message, Rule::Exc06.cure());
    }
}

fn is_offered_elsewhere(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    terms: &AgreementTerms,
    person: &PersonRef,
    destination: Spoken<'_>,
) -> bool {
    let (sender, at) = (&judgement.address.sender, judgement.release_time());
    let own = Offer::Agreement(terms);
    offers::is_offered_elsewhere(past, person, destination, sender, own, at)
}

fn conclude(judgement: &Judgement<'_>, past: &Past<'_>, reply: &AgreementReply, findings: &mut Findings) {
    let at = judgement.release_time();
    let note = past.find(reply.proposing_message).filter(|one| one.stands());
    let note = note.filter(|one| !commitments::is_withdrawn(past, one.reference, &one.sender));
    let Some((registered, Act::AgreementNote(note))) = note.and_then(|one| Some((one, one.act.as_ref()?)))
    else {
        let message = "it answers no proposal that stands";
        findings.add(Rule::Agr01, "act.proposing_message", message, Rule::Agr01.cure());
        return;
    };
    let terms: &AgreementTerms = &note.terms;
    if reply.terms.bytes() != note.terms.bytes() {
        findings.add(Rule::Agr02, "act.terms", "the terms are not those of the proposal", Rule::Agr02.cure());
    }
    if reply.authentic_text_sha256 != terms.authentic_text_sha256 {
        let message = "the authentic texts are not those of the proposal";
        findings.add(Rule::Agr08, "act.authentic_text_sha256", message, Rule::Agr08.cure());
    }
    if at > note.open_until_time {
        let message = "the proposal was no longer open";
        findings.add(Rule::Agr04, "act.proposing_message", message, Rule::Agr04.cure());
    }
    // What others agreed under this id since is not made anew without them.
    amendment(past, note, findings);
    exchange::settles(past, terms, Some(registered), findings);
    for (index, line) in terms.lines.iter().enumerate() {
        let field = format!("act.terms.lines[{index}]");
        findings.about(&line.person, |findings| {
            passage::judge(judgement, past, terms, line, Some(registered), &field, findings);
            promised_twice(judgement, past, terms, line, Some(registered), &field, findings);
            let known = [Some(line.will_act), Some(line.protection_act), line.medical_act];
            if known.into_iter().flatten().any(|act| past.find(act).is_none()) {
                let message = "a record that the line rests on is not in the past that the reply declares";
                findings.add(Rule::Agr03, field, message, Rule::Agr03.cure());
            }
        });
    }
}

fn terminate(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    act: &AgreementTermination,
    findings: &mut Findings,
) {
    match commitments::agreement(past, &act.agreement_id) {
        None => {
            let message = "no agreement under this id is concluded";
            findings.add(Rule::Agr01, "act.agreement_id", message, Rule::Agr01.cure());
        }
        Some(agreed) if !agreed.is_party(&judgement.address.sender) => {
            let message = "the sender is no party to the agreement";
            findings.add(Rule::Con03, "address.sender", message, Rule::Con03.cure());
        }
        Some(_) => {}
    }
}

#[cfg(test)]
#[path = "agreement_tests.rs"]
mod tests;
