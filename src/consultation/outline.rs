//! The outline of an act: every field that it holds, by the name it has in the proto file.
//!
//! One neutral tree serves whatever shows or searches an act (text, JSON, forms, the rules about names), so
//! that none of them can forget a field. Absent fields do not stand in it.

use crate::consultation::act::Act;
use crate::consultation::correspondence::Correspondence;
use crate::consultation::legal::LegalReference;
use crate::consultation::opaque;
use crate::consultation::party::ConsultationParty;
use crate::consultation::position::PositionStatement;
use crate::consultation::proposal::{ConsultationProposal, ConsultationReply};
use crate::consultation::registry::RegistryReceipt;
use crate::consultation::transfer::{Condition, Destination, Refusal, TransferRequest, TransferResponse};
use crate::message::id::MessageId;
use crate::time::Timestamp;

/// A field and what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Name in the proto file.
    pub name: &'static str,
    /// What it holds.
    pub value: Value,
}

/// What a field holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// What an officer wrote.
    Text(String),
    /// A term of a vocabulary.
    Word(&'static str),
    /// A reference, id, code or digest.
    Reference(String),
    /// An instant.
    Time(Timestamp),
    /// Yes or no.
    Flag(bool),
    /// Several of one kind.
    List(Vec<Value>),
    /// Fields that belong together.
    Group(Vec<Field>),
}

opaque!(Field, Value);

impl Act {
    /// Every field this act holds, in the order of the proto file.
    pub fn outline(&self) -> Vec<Field> {
        match self {
            Self::Correspondence(act) => correspondence(act),
            Self::ConsultationProposal(act) => consultation_proposal(act),
            Self::ConsultationReply(act) => consultation_reply(act),
            Self::PositionStatement(act) => position_statement(act),
            Self::TransferRequest(act) => transfer_request(act),
            Self::TransferResponse(act) => transfer_response(act),
            Self::RegistryReceipt(act) => registry_receipt(act),
        }
    }

    /// Every text an officer wrote, with the path of its field: `reasons[0].message`.
    pub fn texts(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        gather(&self.outline(), "", &mut found);
        found
    }
}

fn gather(fields: &[Field], prefix: &str, found: &mut Vec<(String, String)>) {
    for field in fields {
        gather_value(&field.value, format!("{prefix}{}", field.name), found);
    }
}

fn gather_value(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Text(text) => found.push((path, text.clone())),
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                gather_value(value, format!("{path}[{index}]"), found);
            }
        }
        Value::Group(fields) => gather(fields, &format!("{path}."), found),
        Value::Word(_) | Value::Reference(_) | Value::Time(_) | Value::Flag(_) => {}
    }
}

fn correspondence(act: &Correspondence) -> Vec<Field> {
    let demarche = act.demarche.as_ref();
    let fields = [
        text("subject", act.subject.as_str()),
        act.opening_formula.as_ref().and_then(|formula| text("opening_formula", formula.as_str())),
        act.closing_formula.as_ref().and_then(|formula| text("closing_formula", formula.as_str())),
        demarche.and_then(|demarche| time("demarche_time", demarche.time)),
        demarche.and_then(|demarche| text("delivered_by_office", demarche.delivered_by_office.as_str())),
        demarche.and_then(|demarche| text("received_by_office", demarche.received_by_office.as_str())),
    ];
    present(fields)
}

fn consultation_proposal(act: &ConsultationProposal) -> Vec<Field> {
    present([
        reference("consultation", act.consultation.text()),
        text("subject", act.subject.as_str()),
        list("parties", act.parties.as_slice(), |party| Value::Group(consultation_party(party))),
        laws(act.legal_basis.as_slice()),
        time("open_until_time", act.open_until),
    ])
}

fn consultation_party(party: &ConsultationParty) -> Vec<Field> {
    present([
        reference("ministry", party.ministry().to_string()),
        list("roles", party.roles(), |role| Value::Word(role.word())),
    ])
}

fn consultation_reply(act: &ConsultationReply) -> Vec<Field> {
    let reason = act.reason.as_ref().and_then(|reason| text("reason", reason.as_str()));
    present([word("reply", act.reply.word()), reason])
}

fn position_statement(act: &PositionStatement) -> Vec<Field> {
    present([
        text("category", act.category.as_str()),
        word("kind", act.kind.word()),
        laws(act.legal_basis.as_slice()),
        list("commitments", act.commitments.as_slice(), |line| Value::Text(line.as_str().to_owned())),
        act.supersedes.and_then(|id| message("supersedes", id)),
        flag("may_be_quoted_publicly", act.may_be_quoted_publicly),
    ])
}

fn transfer_request(act: &TransferRequest) -> Vec<Field> {
    present([
        list("persons", act.persons.as_slice(), |person| Value::Reference(person.text())),
        word("route", act.route.word()),
        group("destination", destination(&act.destination)),
        laws(act.legal_basis.as_slice()),
        list("supporting_documents", act.supporting_documents.as_slice(), |id| {
            Value::Reference(id.as_str().to_owned())
        }),
        message("assurances_message", act.assurances_message),
        act.requested_by.and_then(|instant| time("requested_by_time", instant)),
    ])
}

fn destination(destination: &Destination) -> Vec<Field> {
    let code = destination.region_code();
    present([
        word("kind", destination.kind().word()),
        code.and_then(|code| reference("region_code", code.as_str().to_owned())),
    ])
}

fn transfer_response(act: &TransferResponse) -> Vec<Field> {
    present([
        message("request", act.request()),
        word("reply", act.reply().word()),
        list("conditions", act.conditions(), |each| Value::Group(condition(each))),
        list("reasons", act.reasons(), |each| Value::Group(refusal(each))),
    ])
}

fn condition(condition: &Condition) -> Vec<Field> {
    present([
        reference("condition_id", condition.condition_id.as_str().to_owned()),
        word("kind", condition.kind.word()),
        text("text", condition.text.as_str()),
        flag("satisfied", condition.satisfied),
        condition.evidence_message.and_then(|id| message("evidence_message", id)),
    ])
}

fn refusal(refusal: &Refusal) -> Vec<Field> {
    present([
        refusal.rule.as_ref().and_then(|rule| text("rule", rule.as_str())),
        text("message", refusal.message.as_str()),
        laws(refusal.legal_basis.as_slice()),
        list("subjects", refusal.subjects.as_slice(), |person| Value::Reference(person.text())),
        refusal.remedy.as_ref().and_then(|remedy| text("remedy", remedy.as_str())),
    ])
}

fn registry_receipt(act: &RegistryReceipt) -> Vec<Field> {
    present([
        message("message_id", act.message_id),
        reference("dispatch_digest", act.dispatch_digest.hex()),
        text("registry_number", act.registry_number.as_str()),
        time("register_time", act.register_time),
        flag("opened", act.opened),
    ])
}

fn law(law: &LegalReference) -> Value {
    Value::Group(present([
        text("instrument", law.instrument.as_str()),
        text("provision", law.provision.as_str()),
        law.note.as_ref().and_then(|note| text("note", note.as_str())),
    ]))
}

fn laws(basis: &[LegalReference]) -> Option<Field> {
    list("legal_basis", basis, law)
}

fn present<const N: usize>(fields: [Option<Field>; N]) -> Vec<Field> {
    fields.into_iter().flatten().collect()
}

fn text(name: &'static str, text: &str) -> Option<Field> {
    Some(Field { name, value: Value::Text(text.to_owned()) })
}

fn word(name: &'static str, word: &'static str) -> Option<Field> {
    Some(Field { name, value: Value::Word(word) })
}

fn reference(name: &'static str, text: String) -> Option<Field> {
    Some(Field { name, value: Value::Reference(text) })
}

fn message(name: &'static str, id: MessageId) -> Option<Field> {
    reference(name, id.to_string())
}

fn time(name: &'static str, instant: Timestamp) -> Option<Field> {
    Some(Field { name, value: Value::Time(instant) })
}

fn flag(name: &'static str, flag: bool) -> Option<Field> {
    Some(Field { name, value: Value::Flag(flag) })
}

fn group(name: &'static str, fields: Vec<Field>) -> Option<Field> {
    Some(Field { name, value: Value::Group(fields) })
}

fn list<T>(name: &'static str, entries: &[T], value: impl Fn(&T) -> Value) -> Option<Field> {
    let values: Vec<Value> = entries.iter().map(value).collect();
    if values.is_empty() { None } else { Some(Field { name, value: Value::List(values) }) }
}
