//! CON: whether the consultation stands open, who takes part and as what, what the act rests on, and to whom it goes.

use std::collections::BTreeSet;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::opening::{ConsultationClosure, ConsultationProposal};
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::judgement::Judgement;
use crate::consultation::rules::{Findings, Rule, exchange as lists};
use crate::consultation::state::opening::{self, Opening};
use crate::consultation::state::reached::Stage;
use crate::consultation::state::stage;
use crate::consultation::state::{custody, exchange};
use crate::consultation::words::{ClosureKind, PartyRole, Reply};
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;

pub(super) fn judge(judgement: &Judgement<'_>, findings: &mut Findings) {
    let Some(past) = judgement.past else { return };
    open(judgement, past, findings);
    cases(judgement, past, findings);
    let proposed = opening::consultation(past, judgement.release_time()).map(|one| one.act);
    let own = match judgement.act {
        Act::ConsultationProposal(act) => Some(act),
        _ => None,
    };
    let proposal = own.or(proposed);
    if let Some(proposal) = proposal {
        party(judgement, past, proposal, findings);
        role(judgement, past, findings);
        basis(judgement, past, findings);
    }
    addressees(judgement, past, proposal, findings);
}

/// CON-01. Positions and correspondence need no open consultation, protective acts and facts neither.
fn open(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    if let Act::ConsultationProposal(act) = judgement.act
        && !opening::is_between_powers(act)
    {
        let message = "a consultation is between two Powers at least";
        findings.add(Rule::Con01, "act.parties", message, "name every Power that is to be consulted");
        return;
    }
    let state = opening::state(past, judgement.release_time());
    let needs_open = judgement.act.act_kind().specification().needs_open;
    let message = match (judgement.act, state) {
        (Act::ConsultationProposal(_), Opening::Open | Opening::Adjourned | Opening::Concluded) => {
            "the consultation was opened already"
        }
        (Act::ConsultationReply(_), Opening::Unknown) => "nobody proposed the consultation",
        (Act::ConsultationReply(_), Opening::Lapsed) => "the proposal lapsed before this answer",
        (Act::ConsultationReply(_), Opening::Concluded) => "the consultation is concluded",
        (Act::ConsultationClosure(act), Opening::Open) if act.kind == ClosureKind::Resumed => {
            "a consultation that goes on is not resumed"
        }
        (Act::ConsultationClosure(act), Opening::Open | Opening::Adjourned) => {
            return under_way(judgement, past, act, findings);
        }
        (Act::ConsultationClosure(_), _) => "there is no open consultation to close",
        (_, Opening::Open) => return,
        (act, Opening::Adjourned) if passes_in_a_pause(act) => return,
        _ if needs_open => "the consultation is not open",
        _ => return,
    };
    findings.add(Rule::Con01, "address.consultation", message, Rule::Con01.cure());
}

/// Whether an act is said while a Power has adjourned the consultation: what tells of a person, and what takes back. A
/// pause keeps Powers from making anything new with each other. It keeps nobody from asking a prisoner or from writing
/// down what he says, from registering who he is, or from ending what was made: all that can stop a departure, so
/// that none is stopped by the pause itself.
fn passes_in_a_pause(act: &Act) -> bool {
    match act {
        Act::ExpressionOfWill(_) | Act::CaseRegistration(_) | Act::AgreementTermination(_) => true,
        Act::HandoverConfirmation(act) => act.reply != Reply::Accept,
        _ => false,
    }
}

/// CON-01 of a closure: a consultation does not end while somebody is agreed on and not handed over.
fn under_way(judgement: &Judgement<'_>, past: &Past<'_>, act: &ConsultationClosure, findings: &mut Findings) {
    if !matches!(act.kind, ClosureKind::Concluded | ClosureKind::WithoutResult) {
        return;
    }
    let (at, charter) = (judgement.release_time(), judgement.charter);
    let reached = |person: &PersonRef| stage::stage(past, person, at, charter).reached;
    let count =
        past.persons().filter(|person| (Stage::Agreed..=Stage::Cleared).contains(&reached(person))).count();
    if count > 0 {
        let message = format!("{count} cases are agreed on and not carried out");
        let hint = "carry the handovers out, or terminate the agreements first";
        findings.add(Rule::Con01, "act.kind", message, hint);
    }
}

/// CON-02. What registries say, credentials and charters concern the channel, not one consultation.
fn party(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    proposal: &ConsultationProposal,
    findings: &mut Findings,
) {
    let sender = &judgement.address.sender;
    let of_channel = matches!(judgement.act.act_kind().specification().group, "Channel" | "Registry");
    let takes_part = proposal.parties.find(sender).is_some() || opening::was_invited(past, sender);
    if !of_channel && !takes_part {
        let message = "the sender is no party to the consultation";
        findings.add(Rule::Con02, "address.sender", message, Rule::Con02.cure());
    }
}

/// CON-03: first the role that the catalogue names, then what the act itself says of who is who.
fn role(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    let specification = judgement.act.act_kind().specification();
    // What observers may not send is for ROL-06 to say, and said once.
    if judgement.sender_observes() {
        return;
    }
    let roles = opening::roles(past, &judgement.address.sender);
    let has_role =
        specification.senders.is_empty() || specification.senders.iter().any(|role| roles.contains(role));
    let message =
        if has_role { out_of_place(judgement, past) } else { Some("the sender has not the role for it") };
    if let Some(message) = message {
        let registers = matches!(judgement.act, Act::CaseRegistration(_)) && has_role;
        let hint = if registers { NEW_REFERENCE } else { Rule::Con03.cure() };
        findings.add(Rule::Con03, "address.sender", message, hint);
    }
}

/// What cures a registration of a person whom another Power registered or named: a reference belongs to who gave it,
/// also after the person came to another Power.
const NEW_REFERENCE: &str = "have the Power send it that holds the person; where you hold him yourself, give him a new reference \
                             with `chancery person mint`, and register that";

/// Why this sender cannot say this, though its role could.
fn out_of_place(judgement: &Judgement<'_>, past: &Past<'_>) -> Option<&'static str> {
    let sender = &judgement.address.sender;
    let holds = |person: &PersonRef| custody::holder(past, person).is_none_or(|holder| holder == sender);
    let answers_itself = |answered| past.find(answered).is_some_and(|one| one.sender == *sender);
    match judgement.act {
        Act::CaseRegistration(act) if !holds(&act.person) => Some("another Power holds the person"),
        Act::CaseRegistration(act) if was_named_by_another(past, &act.person, sender) => {
            Some("another Power that detains spoke of the person first")
        }
        Act::ExpressionOfWill(act) if !holds(&act.person) => Some("another Power holds the person"),
        Act::TransferResponse(act) => match past.find(act.request).and_then(|one| one.act.as_ref()) {
            Some(Act::TransferRequest(request)) if !request.persons.iter().all(holds) => {
                Some("another Power holds a person of the request")
            }
            _ => None,
        },
        Act::AgreementReply(act) if answers_itself(act.proposing_message) => {
            Some("the sender answers itself")
        }
        Act::AgreementReply(act) => match past.find(act.proposing_message).and_then(|one| one.act.as_ref()) {
            Some(Act::AgreementNote(note)) if note.terms.required_parties.find(sender).is_none() => {
                Some("the sender is no party to what is proposed")
            }
            _ => None,
        },
        Act::HandoverConfirmation(act) if answers_itself(act.arrangement) => {
            Some("the sender answers itself")
        }
        Act::ExchangeProposal(act)
            if ![&act.terms.proposing_party, &act.terms.receiving_party].contains(&sender) =>
        {
            Some("the sender is no party to the exchange")
        }
        Act::ProposalResponse(act) => {
            let live =
                exchange::live(past, &act.proposal_id).filter(|live| live.digest() == act.terms_sha256);
            live.filter(|live| live.registered.sender == *sender).map(|_| "the sender answers itself")
        }
        _ => None,
    }
}

/// Whether another Power that detains spoke of a person before this one did: who holds him gives him his reference, and
/// nobody else can know it before. Only what a Detaining Power alone may say tells of that, an examination and its own
/// list: hearsay, assurances and lists of others speak of prisoners of others. Whoever spoke of him without knowledge
/// of the other has spoken of him first as well.
fn was_named_by_another(past: &Past<'_>, person: &PersonRef, sender: &Ministry) -> bool {
    let tells = |one: &Registered| {
        one.stands()
            && opening::roles(past, &one.sender).contains(&PartyRole::DetainingPower)
            && speaks_of_its_own(one, person)
    };
    let (own, others): (Vec<&Registered>, Vec<&Registered>) =
        past.of_person(person).partition(|one| one.sender == *sender);
    let others: Vec<&Registered> = others.into_iter().filter(|one| tells(one)).collect();
    let is_first = |one: &Registered| !others.iter().any(|other| one.knew(other));
    !others.is_empty() && !own.into_iter().any(is_first)
}

/// Whether whoever sent this spoke of a person as of one in its hands.
fn speaks_of_its_own(one: &Registered, person: &PersonRef) -> bool {
    match &one.act {
        Some(Act::MedicalFinding(_)) => true,
        Some(Act::ExchangeProposal(act)) => lists::filled_by(&one.sender, &act.terms)
            .is_some_and(|(_, lines)| lines.iter().any(|line| line.person == *person)),
        Some(act) => matches!(act.act_kind().specification().senders, [PartyRole::DetainingPower]),
        None => false,
    }
}

/// CON-04: what an act answers must be known to it. That no past is missing is for the receiver to wait for, and that
/// none was overtaken for the release to look at. Whose acts it knows besides is asked of nobody: what somebody said
/// who takes no part cannot be unheard, and who has heard more judges no worse. Were it asked, one letter of a stranger
/// on the channel would end the consultation for ever.
fn basis(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    let (field, answered, kind) = match judgement.act {
        Act::TransferResponse(act) => ("act.request", act.request, ActKind::TransferRequest),
        Act::ObserverReply(act) => ("act.invitation", act.invitation, ActKind::ObserverInvitation),
        _ => return,
    };
    if past.find(answered).and_then(|one| one.act_kind()) != Some(kind) {
        let message = "what it answers is not in the past that it declares";
        findings.add(Rule::Con04, field, message, Rule::Con04.cure());
    }
}

/// CON-05: statements and requests are about persons whose case exists.
fn cases(judgement: &Judgement<'_>, past: &Past<'_>, findings: &mut Findings) {
    let mut unknown = |field: String, person: &PersonRef| {
        if custody::case(past, person).is_none() {
            let message = "no case of the person is registered";
            findings.about(person, |findings| findings.add(Rule::Con05, field, message, Rule::Con05.cure()));
        }
    };
    match judgement.act {
        Act::ExpressionOfWill(act) => unknown("act.person".to_owned(), &act.person),
        Act::TransferRequest(act) => {
            for (index, person) in act.persons.iter().enumerate() {
                unknown(format!("act.persons[{index}]"), person);
            }
        }
        _ => {}
    }
}

/// CON-06: an act that some Powers do not have could not be judged alike. A fact goes to all parties of the
/// consultation that every Power accepted, as its sender declared to know it, now or in earlier acts: that is the same
/// at every desk, and nobody un-knows it to hide from whom a fact was kept, or by a proposal of his own. And it bears a
/// number, without which nobody could declare to have known it; before release that is whether it goes to all whom
/// numbers count here. Of an act of the Powers without a number that is said, and it goes. What takes back or corrects
/// an act goes to all who have that act, and counts all the same where it came. A countersignature goes to those who
/// have what it countersigns.
fn addressees(
    judgement: &Judgement<'_>,
    past: &Past<'_>,
    proposal: Option<&ConsultationProposal>,
    findings: &mut Findings,
) {
    let address = judgement.address;
    let class = judgement.act.class();
    let undoes = undoes_what_all_have(judgement.act, past);
    let is_letter = class == ActClass::Correspondence && !undoes;
    if !judgement.act.act_kind().specification().to_all_powers || is_letter {
        return;
    }
    let is_fact = class == ActClass::Factual && !matches!(judgement.act, Act::Countersignature(_));
    let accepted = if is_fact { accepted(judgement, past) } else { None };
    let named = accepted.or(proposal).into_iter().flat_map(|proposal| proposal.parties.iter());
    let mut parties: BTreeSet<&Ministry> = named.map(|one| &one.ministry).collect();
    if is_fact && judgement.position.is_none() {
        parties.extend(&judgement.charter.parties);
    }
    let reached = |ministry: &Ministry| {
        *ministry == address.sender || address.addressees.iter().any(|one| one.ministry == *ministry)
    };
    let is_counted = match judgement.position {
        Some(position) => position.act_number > 0,
        None => judgement.charter.parties.iter().all(reached),
    };
    // It goes all the same: a statement of will stops whom it stops, whatever it permits.
    if class == ActClass::Normative && !is_counted {
        findings.warn(Rule::Con06, "address.addressees", UNCOUNTED, SAY_IT_TO_THE_CHANNEL);
    }
    let mut add = |message: String| match judgement.act {
        Act::Countersignature(_) => {
            findings.warn(Rule::Con06, "address.addressees", message, Rule::Con06.cure());
        }
        _ => {
            let hint = if undoes { SEND_IT_TO_ALL } else { Rule::Con06.cure() };
            findings.add(Rule::Con06, "address.addressees", message, hint);
        }
    };
    let missed: Vec<&Ministry> = parties.into_iter().filter(|party| !reached(party)).collect();
    let all = missed.is_empty();
    missed.into_iter().for_each(|party| add(format!("{party} is a party and no addressee")));
    let position = judgement.position;
    if is_fact && all && accepted.is_some() && position.is_some_and(|position| position.act_number == 0) {
        add("it bears no number, so that nobody can declare to have known it".to_owned());
    }
    let unaccepted = "it declares no consultation that all Powers accepted, which says to whom it goes";
    match position {
        _ if !is_fact || accepted.is_some() => {}
        Some(_) => add(unaccepted.to_owned()),
        None => findings.warn(Rule::Con06, "address.consultation", unaccepted, SAY_IT_AGAIN),
    }
}

/// Whether an act takes back or corrects what went to all Powers: whoever rests on that has to know it. What is said of
/// a letter goes to whoever has the letter.
fn undoes_what_all_have(act: &Act, past: &Past<'_>) -> bool {
    let undone = match act {
        Act::NoteWithdrawal(act) => act.withdraws,
        Act::Corrigendum(act) => act.corrects,
        _ => return false,
    };
    let goes_to_all = |kind: ActKind| kind.specification().to_all_powers;
    past.find(undone).is_some_and(|one| one.act_kind().is_none_or(goes_to_all))
}

/// What cures an act that takes back before some Powers only. Where it came it counts all the same.
const SEND_IT_TO_ALL: &str = "address every party of the consultation; a hold-notice stops persons at once, and goes to whomever it can";

/// What becomes of an act of the Powers that misses a ministry of the channel, whether or not that takes part.
const UNCOUNTED: &str =
    "it bears no number, so that nobody can declare to have known it: nothing rests on it";

/// What cures it.
const SAY_IT_TO_THE_CHANNEL: &str =
    "address every ministry of the channel, those that take no part for information";

/// What a fact is good for that is said too early: no fact is kept back, and none that some Powers may lack permits
/// anything.
const SAY_IT_AGAIN: &str =
    "it goes, and stops whom it stops; for what it is to permit, say it again once every Power has accepted";

/// The proposal that every Power accepted, as far as its sender has declared to know that.
fn accepted<'p>(judgement: &Judgement<'p>, past: &Past<'p>) -> Option<&'p ConsultationProposal> {
    let within = |past: &Past<'p>| {
        let consultation = opening::consultation(past, judgement.release_time());
        consultation.filter(|one| one.awaited.is_empty()).map(|one| one.act)
    };
    within(past).or_else(|| within(&past.recalled_by(&judgement.address.sender)))
}

#[cfg(test)]
#[path = "consultation_tests.rs"]
mod tests;
