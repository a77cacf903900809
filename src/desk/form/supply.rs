//! What a form may leave out, because the desk knows it: the consultation of an answer or of a person, the act that is
//! answered and what it decides, the records that a line of an agreement rests on, what a GO was synchronised to.
//!
//! Fields as they were written and a way to look things up enter; the same fields with what was missing leave, and the
//! officer is told of each. What is written is never replaced. What nobody here knows stays missing, and is reported
//! as that.

use toml_edit::{Document, TableLike};

use super::acts::refuse;
use super::draft::{Counting, DraftDocument, Reference, Referenced, References};
use super::reader::{Fields, Report, Wrong};
use super::{FORM_REFERENCE_UNKNOWN, answer, night, tree};
use crate::consultation::act::ActKind;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{EntryId, RegionCode, persons_digest};
use crate::consultation::describe::{Kind, Need};
use crate::consultation::fault::{Fault, Reason};
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::words::DestinationKind;
use crate::digest::Digest;
use crate::message::terms::{ActClass, DocumentClass, DocumentStanding};

/// Stands for the consultation of a proposal until the heading is known.
const PROPOSED: &str = "C-0000-0000-0000";

/// What stands beside the act in its form.
pub(super) struct Beside<'a> {
    /// The consultation; none for a new one.
    pub(super) consultation: Option<ConsultationId>,
    /// The message that the heading answers.
    pub(super) answered: Option<Reference>,
    /// The documents.
    pub(super) documents: &'a [DraftDocument],
}

/// The consultation that a form belongs to though it does not say so, and why that one.
pub(super) fn consultation(
    form: &dyn TableLike,
    references: &dyn References,
) -> Option<(ConsultationId, &'static str)> {
    if let Some(id) = answered_consultation(form, references) {
        return Some((id, "that of the message it answers"));
    }
    let mut act = tree::of_table(form.get("act")?.as_table_like()?);
    night::straighten(&mut act);
    let person = first_person(&act)?;
    Some((references.home_of(&person)?, "that of the person"))
}

/// The consultation of the message that the heading answers.
pub(super) fn answered_consultation(
    form: &dyn TableLike,
    references: &dyn References,
) -> Option<ConsultationId> {
    form.get("in_reply_to").and_then(|item| references.message(item.as_str()?)?.consultation)
}

fn first_person(fields: &[Field]) -> Option<PersonRef> {
    let mut found = Vec::new();
    fields.iter().for_each(|field| every_person(&field.value, &mut found));
    found.first().copied()
}

/// Every person whom a value names.
pub(super) fn every_person(value: &Value, found: &mut Vec<PersonRef>) {
    match value {
        Value::Text(text) => found.extend(PersonRef::parse(text)),
        Value::List(values) => values.iter().for_each(|value| every_person(value, found)),
        Value::Group(fields) => fields.iter().for_each(|field| every_person(&field.value, found)),
        _ => {}
    }
}

/// Fills in what a form left out of its act; `meant` is the first message that the act names.
pub(super) fn supply(
    kind: ActKind,
    written: &mut Vec<Field>,
    meant: Option<Referenced>,
    beside: &Beside<'_>,
    (fields, report): (&Fields<'_>, &mut Report<'_>),
) {
    if let Some((name, value)) = computed(kind, written, meant, fields, report) {
        put(written, name, Value::Reference(value));
    }
    let mut told = Vec::new();
    let references = report.references;
    let meant = answered(kind, written, meant, beside, &mut told);
    if answer::takes_over(kind) {
        taken_over(kind, written, meant, references, &mut told);
    }
    if let Some(consultation) = &beside.consultation {
        known(kind, written, consultation, references, &mut told);
    }
    if kind.class() == ActClass::Protective {
        flags(kind, written, &mut told);
    }
    if kind == ActKind::AgreementNote {
        agreement(written, beside, references, &mut told);
    }
    for (field, said) in told {
        report.tell_supplied(fields.path(&field), said);
    }
}

/// What was filled in: the field within the act, and words about it.
type Told = Vec<(String, String)>;

/// What follows from the rest of the form, or from the message that the registry speaks of.
fn computed(
    kind: ActKind,
    written: &[Field],
    meant: Option<Referenced>,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> Option<(&'static str, String)> {
    match kind {
        ActKind::ConsultationProposal => {
            if is_stated(written, "consultation") {
                let fault = Fault::new(Reason::FieldUnknown, "there is no such field here");
                let fault = fault.hint("the consultation stands in the heading").at("consultation");
                refuse(&fault, fields, report);
            }
            Some(("consultation", PROPOSED.to_owned()))
        }
        ActKind::RegistryReceipt | ActKind::RuleRejection | ActKind::NonAcknowledgement
            if !is_stated(written, "dispatch_digest") =>
        {
            // Where the message itself is in doubt, nothing is said about its digest as well.
            let known = meant.map_or_else(|| Some(Digest::of(b"")), |meant| meant.dispatch_digest);
            known.map(|digest| ("dispatch_digest", digest.hex()))
        }
        ActKind::HandoverArrangement if !is_stated(written, "persons_sha256") => {
            Some(("persons_sha256", persons_digest(&persons(written).unwrap_or_default()).hex()))
        }
        _ => None,
    }
}

/// The field that names the act which an act of this kind answers.
const fn answering_field(kind: ActKind) -> Option<&'static str> {
    match kind {
        ActKind::AgreementReply => Some("proposing_message"),
        ActKind::HandoverConfirmation => Some("arrangement"),
        ActKind::HoldRelease => Some("hold_message"),
        ActKind::ObserverReply => Some("invitation"),
        ActKind::TransferResponse => Some("request"),
        _ => None,
    }
}

/// What an act of this kind would take from the message that it answers, if that had been opened here.
pub(super) fn unread(kind: ActKind, beside: &Beside<'_>) -> Vec<&'static str> {
    let answered = beside.answered.as_ref().map(|one| &one.message);
    if answered.is_none_or(|message| !message.known || message.dispatch_digest.is_some()) {
        return Vec::new();
    }
    answering_field(kind).into_iter().chain(answer::names(kind).iter().copied()).collect()
}

/// A message must be read before an act refers to what it says.
pub(super) fn read_first(reference: &str) -> Wrong {
    let hint = format!("chancery read {reference}");
    Wrong::new(FORM_REFERENCE_UNKNOWN, "this message was not opened here yet: read it first", hint)
}

/// The answered act is that of the message which the heading answers.
fn answered(
    kind: ActKind,
    written: &mut Vec<Field>,
    meant: Option<Referenced>,
    beside: &Beside<'_>,
    told: &mut Told,
) -> Option<Referenced> {
    let message = meant.or(beside.answered.as_ref().map(|one| one.message));
    let Some(name) = answering_field(kind).filter(|name| !is_stated(written, name)) else { return message };
    let answered = beside.answered.as_ref()?.message;
    put(written, name, Value::Reference(answered.dispatch_digest?.hex()));
    told.push((name.to_owned(), "that of the message it answers".to_owned()));
    Some(answered)
}

/// What the answered act decides.
fn taken_over(
    kind: ActKind,
    written: &mut Vec<Field>,
    meant: Option<Referenced>,
    references: &dyn References,
    told: &mut Told,
) {
    let Some(answered) = meant.filter(|meant| meant.dispatch_digest.is_some()) else { return };
    if answer::names(kind).iter().all(|name| is_stated(written, name)) {
        return;
    }
    let Some(act) = references.act_of(&answered) else { return };
    for (name, toml) in answer::fields(kind, &act) {
        let line = format!("{name} = {toml}");
        let Ok(document) = Document::parse(line.as_str()) else { continue };
        if is_stated(written, name) {
            continue;
        }
        if let Some(field) = tree::of_table(document.as_table()).pop() {
            put(written, name, field.value);
            told.push((name.to_owned(), "that of the act it answers".to_owned()));
        }
    }
}

/// How much a GO knew.
fn go(written: &mut Vec<Field>, consultation: &ConsultationId, references: &dyn References, told: &mut Told) {
    if !is_stated(written, "synced_to")
        && let Some(marks) = references.synced_to(consultation)
    {
        let known = || marks.iter().filter(|(_, number)| *number > 0);
        let said: Vec<String> = known().map(|(ministry, number)| format!("{ministry} {number}")).collect();
        put(written, "synced_to", Value::List(known().map(mark).collect()));
        told.push(("synced_to".to_owned(), said.join(", ")));
    }
    let arrangement = inside(written, "arrangement_id").and_then(|id| EntryId::parse(&id.as_text()?).ok());
    if !is_stated(written, "protective_acts")
        && let Some(arrangement) = arrangement
    {
        let known = references.protective_acts(consultation, &arrangement);
        if !known.is_empty() {
            let said: Vec<String> = known.iter().map(|one| one.number.clone()).collect();
            let acts = known.iter().map(|one| Value::Reference(one.dispatch_digest.hex()));
            put(written, "protective_acts", Value::List(acts.collect()));
            told.push(("protective_acts".to_owned(), said.join(", ")));
        }
    }
}

/// What the casebook knows.
fn known(
    kind: ActKind,
    written: &mut Vec<Field>,
    consultation: &ConsultationId,
    references: &dyn References,
    told: &mut Told,
) {
    match kind {
        ActKind::GoNoGo => go(written, consultation, references, told),
        ActKind::TransferRequest if !is_stated(written, "assurances_message") => {
            let persons = persons(written).unwrap_or_default();
            let Some(given) = references.assurances_for(consultation, &persons) else { return };
            put(written, "assurances_message", Value::Reference(given.dispatch_digest.hex()));
            told.push(("assurances_message".to_owned(), given.number));
        }
        ActKind::AgreementNote => {
            for (index, line) in lines(written).into_iter().flatten().enumerate() {
                if let Value::Group(line) = line {
                    pin(line, index, consultation, references, told);
                }
            }
        }
        _ => {}
    }
}

/// What a protective act must say with yes or no is no, until somebody says yes: nobody is kept up by it at night.
fn flags(kind: ActKind, written: &mut Vec<Field>, told: &mut Told) {
    for field in kind.fields() {
        if field.kind == Kind::Flag && field.need == Need::Mandatory && !is_stated(written, field.name) {
            put(written, field.name, Value::Flag(false));
            told.push((field.name.to_owned(), "false".to_owned()));
        }
    }
}

fn mark((ministry, number): (&crate::trust::name::Ministry, u64)) -> Value {
    Value::Group(vec![
        Field { name: "ministry".into(), value: Value::Reference(ministry.to_string()) },
        Field { name: "act_number".into(), value: Value::Number(number) },
    ])
}

/// The lines of the agreement.
fn lines(written: &mut [Field]) -> Option<&mut Vec<Value>> {
    let Value::Group(terms) = inside(written, "terms")? else { return None };
    match inside(terms, "lines")? {
        Value::List(lines) => Some(lines),
        _ => None,
    }
}

/// The records that a line relies on: those that count now, as AGR-03 asks.
fn pin(
    line: &mut Vec<Field>,
    index: usize,
    consultation: &ConsultationId,
    references: &dyn References,
    told: &mut Told,
) {
    let named = |name: &str| line.iter().find(|field| field.name == name).map(|field| &field.value);
    let person = named("person").and_then(Value::as_text).and_then(|text| PersonRef::parse(&text).ok());
    let (Some(person), Some(there)) = (person, named("destination").and_then(destination)) else { return };
    let mut pin = |name: &'static str, found: &dyn Fn() -> Option<Counting>| {
        if is_stated(line, name) {
            return;
        }
        let Some(counting) = found() else { return };
        put(line, name, Value::Reference(counting.dispatch_digest.hex()));
        told.push((format!("terms.lines[{index}].{name}"), counting.number));
    };
    pin("will_act", &|| references.will_of(consultation, &person, &there));
    pin("protection_act", &|| references.assessment_of(consultation, &person, &there));
}

/// The digests of the authentic texts, which are files beside the form.
fn agreement(written: &mut [Field], beside: &Beside<'_>, references: &dyn References, told: &mut Told) {
    let Some(Value::Group(terms)) = inside(written, "terms") else { return };
    if is_stated(terms, "authentic_text_sha256") {
        return;
    }
    let is_text = |one: &&DraftDocument| {
        one.class == DocumentClass::AgreementText && one.standing == DocumentStanding::Authentic
    };
    let texts: Vec<&DraftDocument> = beside.documents.iter().filter(is_text).collect();
    let digests: Option<Vec<Value>> = texts
        .iter()
        .map(|text| Some(Value::Reference(references.digest_of_file(&text.path)?.hex())))
        .collect();
    let Some(digests) = digests.filter(|digests| !digests.is_empty()) else { return };
    put(terms, "authentic_text_sha256", Value::List(digests));
    let files: Vec<&str> = texts.iter().map(|text| text.path.as_str()).collect();
    told.push(("terms.authentic_text_sha256".to_owned(), format!("those of {}", files.join(", "))));
}

fn destination(value: &Value) -> Option<Destination> {
    let Value::Group(fields) = value else { return None };
    let text = |name: &str| fields.iter().find(|field| field.name == name)?.value.as_text();
    let word = text("kind")?;
    let kind = DestinationKind::ALL.iter().find(|kind| kind.word() == word.as_ref())?;
    Some(match kind {
        DestinationKind::PowerOfOrigin => Destination::PowerOfOrigin,
        DestinationKind::NamedState => {
            Destination::NamedState(RegionCode::parse(&text("region_code")?).ok()?)
        }
        DestinationKind::RemainInDetainingState => Destination::RemainInDetainingState,
        DestinationKind::AnyStateExceptRefused => Destination::AnyStateExceptRefused,
        DestinationKind::Undecided => Destination::Undecided,
    })
}

/// Whether a field is there and says something: an empty list where nothing is said is as good as none.
fn is_stated(written: &[Field], name: &str) -> bool {
    let empty = |value: &Value| matches!(value, Value::List(entries) if entries.is_empty());
    written.iter().any(|field| field.name == name && !field.value.is_blank() && !empty(&field.value))
}

fn put(written: &mut Vec<Field>, name: &'static str, value: Value) {
    written.retain(|field| field.name != name);
    written.push(Field { name: name.into(), value });
}

fn inside<'f>(fields: &'f mut [Field], name: &str) -> Option<&'f mut Value> {
    fields.iter_mut().find(|field| field.name == name).map(|field| &mut field.value)
}

/// The list of persons in its one order, if every entry is a reference.
fn persons(written: &[Field]) -> Option<Vec<PersonRef>> {
    let Value::List(entries) = &written.iter().find(|field| field.name == "persons")?.value else {
        return None;
    };
    let mut persons = Vec::new();
    for entry in entries {
        persons.push(PersonRef::parse(&entry.as_text()?).ok()?);
    }
    persons.sort_unstable();
    Some(persons)
}

#[cfg(test)]
#[path = "supply_tests.rs"]
mod tests;
