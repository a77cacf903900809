//! What follows from other acts where an author leaves it out: which act is answered, identical terms, the records
//! that a line of an agreement relies on, digests and counts. The papers of a step are written in `derived/papers`.

use super::Paper;
use super::spoken::{Circumstances, Spoken};
use super::usual::{lacks, named, supply};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::{ActRef, EntryId, persons_digest};
use crate::consultation::charter::Charter;
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::PersonRef;
use crate::consultation::state::departure;
use crate::digest::Digest;
use crate::message::terms::{ActClass, DocumentStanding};

mod papers;

pub(super) use papers::papers;

/// Fills in what follows from earlier acts.
pub(super) fn complete(fields: &mut Vec<Field>, papers: &[Paper], at: &Circumstances<'_>) {
    if !at.say.usual {
        return;
    }
    answered(fields, at);
    match at.say.kind {
        ActKind::ConsultationProposal => proposal(fields, at),
        ActKind::ExpressionOfWill => supply(fields, "attendees", || Some(attendees(at))),
        ActKind::AgreementNote => agreement(fields, papers, at),
        ActKind::AgreementReply => reply(fields, papers, at),
        ActKind::ExchangeProposal => exchange(fields, at),
        ActKind::ListVerification | ActKind::ProposalResponse => verification(fields, at),
        ActKind::HandoverArrangement => {
            supply(fields, "agreement_id", || latest_text(at, ActKind::AgreementReply, "agreement_id"));
            supply(fields, "agreement_id", || latest_text(at, ActKind::AgreementNote, "agreement_id"));
            let digest = persons_digest(&persons(fields, "persons"));
            supply(fields, "persons_sha256", || Some(Value::Reference(digest.hex())));
        }
        ActKind::HandoverReport | ActKind::GoNoGo => {
            supply(fields, "arrangement_id", || {
                latest_text(at, ActKind::HandoverArrangement, "arrangement_id")
            });
            if at.say.kind == ActKind::GoNoGo {
                supply(fields, "synced_to", || Some(synced_to(at)));
                let arrangement = text(fields, "arrangement_id");
                supply(fields, "protective_acts", || Some(protective_acts(arrangement.as_deref(), at)));
            }
        }
        ActKind::TransferRequest => {
            let own = |spoken: &&Spoken| spoken.sender == at.say.sender;
            let latest =
                at.spoken.iter().rev().filter(own).find(|one| one.act.act_kind() == ActKind::Assurances);
            supply(fields, "assurances_message", || Some(reference(latest)));
        }
        ActKind::TakedownConfirmation => {
            supply(fields, "incident_id", || latest_text(at, ActKind::PublicityNotice, "incident_id"));
        }
        ActKind::AgreementTermination => {
            supply(fields, "agreement_id", || latest_text(at, ActKind::AgreementNote, "agreement_id"));
        }
        ActKind::RegistryReceipt | ActKind::RuleRejection | ActKind::NonAcknowledgement => {
            registry(fields, at);
        }
        ActKind::Countersignature => {
            let sent = |one: &&Spoken| one.sender == at.say.sender && one.act.class() == ActClass::Protective;
            let latest = at.spoken.iter().rev().find(sent);
            supply(fields, "countersigns", || Some(reference(latest)));
        }
        _ => {}
    }
}

/// What a registry says about a message: its dispatch, and what its precedence comes to where nobody acknowledged it.
fn registry(fields: &mut Vec<Field>, at: &Circumstances<'_>) {
    let meant = text(fields, "message_id");
    let spoken = at.spoken.iter().find(|one| Some(one.message_id.to_string()) == meant);
    supply(fields, "dispatch_digest", || spoken.map(|one| reference(Some(one))));
    if at.say.kind != ActKind::NonAcknowledgement {
        return;
    }
    supply(fields, "precedence", || spoken.map(|one| Value::Word(one.precedence.word())));
    supply(fields, "due_time", || {
        let spoken = spoken?;
        let time = Charter::default_for([]).acknowledgement(spoken.precedence)?;
        Some(Value::Time(spoken.time.minute().after(time)))
    });
    supply(fields, "addressee", || at.to().first().map(|silent| Value::Reference(silent.to_string())));
}

/// The act that this one answers: the latest one of its kind by somebody else, where none is named.
fn answered(fields: &mut Vec<Field>, at: &Circumstances<'_>) {
    let field = match at.say.kind {
        ActKind::AgreementReply => "proposing_message",
        ActKind::HandoverConfirmation => "arrangement",
        ActKind::HoldRelease => "hold_message",
        ActKind::ObserverReply => "invitation",
        ActKind::TransferResponse => "request",
        _ => return,
    };
    let kind = match at.say.kind {
        ActKind::ObserverReply => Some(ActKind::ObserverInvitation),
        kind => kind.answers(),
    };
    let own = at.say.kind == ActKind::HoldRelease;
    let meant = text(fields, "arrangement_id");
    let fits = |spoken: &&Spoken| {
        Some(spoken.act.act_kind()) == kind
            && (spoken.sender == at.say.sender) == own
            && spoken.stands
            && meant
                .as_ref()
                .is_none_or(|meant| said_text(&spoken.act, "arrangement_id").as_ref() == Some(meant))
    };
    let latest = at.spoken.iter().rev().find(fits);
    supply(fields, field, || Some(reference(latest)));
    if at.say.kind == ActKind::HandoverConfirmation {
        let spoken = answered_by(fields, "arrangement", at);
        let of = |name: &str| spoken.and_then(|spoken| said(&spoken.act, name));
        supply(fields, "arrangement_id", || of("arrangement_id"));
        supply(fields, "persons_sha256", || of("persons_sha256"));
    }
}

fn proposal(fields: &mut Vec<Field>, at: &Circumstances<'_>) {
    supply(fields, "consultation", || Some(Value::Reference(at.script.consultation.text())));
    let party = |party: &super::Party| {
        let roles = party.roles.iter().map(|role| Value::Word(role.word())).collect();
        Value::Group(vec![
            Field { name: "ministry".into(), value: Value::Reference(party.ministry.to_string()) },
            Field { name: "roles".into(), value: Value::List(roles) },
        ])
    };
    supply(fields, "parties", || Some(Value::List(at.script.parties.iter().map(party).collect())));
}

/// Two witnesses, one of them neutral, and a neutral interpreter.
fn attendees(at: &Circumstances<'_>) -> Value {
    let sender = at.say.sender.to_string();
    let present = [
        ("WITNESS", "IC", true),
        ("WITNESS", sender.as_str(), false),
        ("INTERPRETER", "sworn interpreter", true),
    ];
    let one = |(function, affiliation, neutral): &(&'static str, &str, bool)| {
        Value::Group(vec![
            Field { name: "function".into(), value: Value::Word(function) },
            Field { name: "affiliation".into(), value: Value::Text((*affiliation).to_owned()) },
            Field { name: "neutral".into(), value: Value::Flag(*neutral) },
            Field { name: "co_signed".into(), value: Value::Flag(true) },
        ])
    };
    Value::List(present.iter().map(one).collect())
}

fn agreement(fields: &mut [Field], papers: &[Paper], at: &Circumstances<'_>) {
    let Some(Value::Group(terms)) =
        fields.iter_mut().find(|field| field.name == "terms").map(|field| &mut field.value)
    else {
        return;
    };
    supply(terms, "authentic_text_sha256", || Some(authentic(papers)));
    let prevailing = at.script.charter.prevailing.clone().unwrap_or_else(|| "en".to_owned());
    supply(terms, "prevailing_language", || Some(Value::Text(prevailing)));
    let mut parties = at.to();
    parties.push(at.say.sender.clone());
    parties.sort();
    let required = parties.iter().map(|party| Value::Reference(party.to_string())).collect();
    supply(terms, "required_parties", || Some(Value::List(required)));
    if text(terms, "route").as_deref() == Some("EXCHANGE") {
        supply(terms, "exchange_terms_sha256", || {
            let kinds = [ActKind::ProposalResponse, ActKind::ExchangeProposal];
            let latest = kinds
                .iter()
                .find_map(|kind| at.spoken.iter().rev().find(|one| one.act.act_kind() == *kind))?;
            said(&latest.act, "terms_sha256").or_else(|| latest.terms().map(|terms| digest(&terms)))
        });
    }
    let Some(Value::List(lines)) =
        terms.iter_mut().find(|field| field.name == "lines").map(|field| &mut field.value)
    else {
        return;
    };
    for line in lines {
        if let Value::Group(line) = line {
            pinned(line, at);
        }
    }
}

/// The records that a line relies on, where it names none.
fn pinned(line: &mut Vec<Field>, at: &Circumstances<'_>) {
    let Some(person) = person(line) else { return };
    let destination = named(line, "destination").map(worded);
    let about =
        |spoken: &&Spoken| spoken.known_at.contains(&at.say.sender) && spoken.act.persons().contains(&person);
    let of =
        |kind: ActKind| at.spoken.iter().rev().filter(about).filter(move |one| one.act.act_kind() == kind);
    supply(line, "will_act", || {
        let expressed = of(ActKind::ExpressionOfWill).find(|one| one.stands);
        let rest = || of(ActKind::ExpressionOfWill).next().or_else(|| of(ActKind::WillIndication).next());
        Some(reference(expressed.or_else(rest)))
    });
    supply(line, "protection_act", || {
        let there = |one: &&Spoken| {
            let outline = one.act.outline();
            named(&outline, "destination").map(worded) == destination
        };
        let assessed = of(ActKind::ProtectionAssessment).find(there);
        Some(reference(assessed.or_else(|| of(ActKind::ProtectionAssessment).next())))
    });
    supply(line, "medical_act", || {
        let commission = |one: &&Spoken| said_text(&one.act, "kind").as_deref() != Some("FITNESS_TO_TRAVEL");
        of(ActKind::MedicalFinding).find(commission).map(|one| reference(Some(one)))
    });
}

fn reply(fields: &mut Vec<Field>, papers: &[Paper], at: &Circumstances<'_>) {
    let terms = answered_by(fields, "proposing_message", at).and_then(Spoken::terms);
    supply(fields, "terms", || {
        let quoted = crate::consultation::acts::values::Quoted::new(terms?).ok()?;
        Some(Value::Reference(quoted.hex()))
    });
    supply(fields, "authentic_text_sha256", || Some(authentic(papers)));
}

fn exchange(fields: &mut Vec<Field>, at: &Circumstances<'_>) {
    let round = named(fields, "round").is_some_and(|round| *round != Value::Number(1));
    let id = text(fields, "proposal_id");
    if round {
        let of_same = |one: &&Spoken| said_text(&one.act, "proposal_id") == id;
        let proposals = at.spoken.iter().rev().filter(|one| one.act.act_kind() == ActKind::ExchangeProposal);
        let before = proposals.filter(of_same).find(|one| one.stands);
        supply(fields, "supersedes_terms_sha256", || {
            before.and_then(Spoken::terms).map(|terms| digest(&terms))
        });
    }
    if let Some(Value::Group(terms)) =
        fields.iter_mut().find(|field| field.name == "terms").map(|field| &mut field.value)
    {
        let count = |terms: &[Field], name: &str| match named(terms, name) {
            Some(Value::List(lines)) => Value::Number(lines.len() as u64),
            _ => Value::Number(0),
        };
        let (n, m) = (count(terms, "to_receiving_party"), count(terms, "to_proposing_party"));
        supply(terms, "n", || Some(n));
        supply(terms, "m", || Some(m));
    }
}

fn verification(fields: &mut Vec<Field>, at: &Circumstances<'_>) {
    let id = text(fields, "proposal_id");
    let fits = |one: &&Spoken| {
        one.act.act_kind() == ActKind::ExchangeProposal
            && one.stands
            && id.as_ref().is_none_or(|id| said_text(&one.act, "proposal_id").as_ref() == Some(id))
    };
    let latest = at.spoken.iter().rev().find(fits);
    supply(fields, "terms_sha256", || latest.and_then(Spoken::terms).map(|terms| digest(&terms)));
    if at.say.kind == ActKind::ProposalResponse {
        supply(fields, "proposal_id", || latest.and_then(|one| said(&one.act, "proposal_id")));
    }
}

fn synced_to(at: &Circumstances<'_>) -> Value {
    let mark = |(ministry, number): &(crate::trust::name::Ministry, u64)| {
        Value::Group(vec![
            Field { name: "ministry".into(), value: Value::Reference(ministry.to_string()) },
            Field { name: "act_number".into(), value: Value::Number(*number) },
        ])
    };
    let known = at.basis.iter().filter(|(_, number)| *number > 0);
    Value::List(known.map(mark).collect())
}

/// The acts that a GO names, as the desk of its sender would fill them in, but for those that the script has it not know.
fn protective_acts(arrangement: Option<&str>, at: &Circumstances<'_>) -> Value {
    let id = arrangement.and_then(|id| EntryId::parse(id).ok());
    let known = id
        .zip(at.book)
        .map(|(id, book)| departure::protective_acts(&book.everything(), &id, at.now, book.charter()));
    let is_hidden = |one: &ActRef| {
        at.spoken.iter().any(|spoken| spoken.reference == *one && at.say.unaware_of.contains(&spoken.label))
    };
    let named = known.into_iter().flatten().filter(|one| !is_hidden(one));
    Value::List(named.map(|one| Value::Reference(one.dispatch_digest().hex())).collect())
}

/// The earlier act that a field refers to.
fn answered_by<'a>(fields: &[Field], name: &str, at: &Circumstances<'a>) -> Option<&'a Spoken> {
    let meant = text(fields, name)?;
    at.spoken.iter().find(|spoken| spoken.reference.dispatch_digest().hex() == meant)
}

/// What the latest act of a kind says in a field.
fn latest_text(at: &Circumstances<'_>, kind: ActKind, name: &str) -> Option<Value> {
    let fits = |one: &&Spoken| one.act.act_kind() == kind && one.stands;
    at.spoken.iter().rev().filter(fits).find_map(|one| said(&one.act, name))
}

/// What an act says in a field, or in a field of its terms.
fn said(act: &Act, name: &str) -> Option<Value> {
    let outline = act.outline();
    let inner = match named(&outline, "terms") {
        Some(Value::Group(terms)) => named(terms, name),
        _ => None,
    };
    named(&outline, name).or(inner).cloned()
}

fn said_text(act: &Act, name: &str) -> Option<String> {
    said(act, name)?.as_text().map(std::borrow::Cow::into_owned)
}

pub(super) fn text(fields: &[Field], name: &str) -> Option<String> {
    named(fields, name)?.as_text().map(std::borrow::Cow::into_owned)
}

fn person(fields: &[Field]) -> Option<PersonRef> {
    let text = text(fields, "person")?;
    PersonRef::parse(&text).ok()
}

fn persons(fields: &[Field], name: &str) -> Vec<PersonRef> {
    let Some(Value::List(entries)) = named(fields, name) else { return Vec::new() };
    let texts = entries.iter().filter_map(Value::as_text);
    let mut persons: Vec<PersonRef> = texts.filter_map(|text| PersonRef::parse(&text).ok()).collect();
    persons.sort_unstable();
    persons
}

/// A destination in words that can be compared, however it was written.
fn worded(value: &Value) -> Vec<String> {
    let Value::Group(fields) = value else { return Vec::new() };
    let mut words: Vec<String> =
        fields.iter().filter_map(|field| field.value.as_text().map(std::borrow::Cow::into_owned)).collect();
    words.sort();
    words
}

/// The digest of an act's dispatch; of nothing where there is no such act.
fn reference(spoken: Option<&Spoken>) -> Value {
    let digest =
        spoken.map_or_else(|| Digest::of(b"no such act"), |spoken| spoken.reference.dispatch_digest());
    Value::Reference(digest.hex())
}

fn authentic(papers: &[Paper]) -> Value {
    let texts = papers.iter().filter(|paper| paper.standing == DocumentStanding::Authentic);
    Value::List(texts.map(|paper| digest(paper.words.as_bytes())).collect())
}

fn digest(bytes: &[u8]) -> Value {
    Value::Reference(Digest::of(bytes).hex())
}

/// Whether a field is there.
pub(super) fn has(fields: &[Field], name: &str) -> bool {
    !lacks(fields, name)
}
