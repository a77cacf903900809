//! The `[act]` table of a form: TOML into the outline of an act, references into what they mean, and every fault at
//! the line of its field. What the fields are stands in the catalogue; nothing here knows a single act.

use super::draft::{DraftAct, Referenced};
use super::reader::{Fields, Report, Wrong, referenced};
use super::{FORM_REFERENCE_UNKNOWN, night, tree};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::persons_digest;
use crate::consultation::describe::{Description, Kind};
use crate::consultation::fault::{Fault, FormRefusal, Reason};
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::PersonRef;
use crate::digest::Digest;
use crate::message::terms::ActClass;

/// Stands for the consultation of a proposal until the heading is known.
const PROPOSED: &str = "C-0000-0000-0000";

/// Reads the act; none where a mistake was reported.
pub(super) fn read(kind: ActKind, fields: &Fields<'_>, report: &mut Report<'_>) -> Option<DraftAct> {
    let mut written = tree::of_table(fields.table());
    if kind.class() == ActClass::Protective {
        night::straighten(&mut written);
    }
    let meant = resolve(&mut written, &kind.fields(), fields, report);
    supply(kind, &mut written, meant, fields, report);
    let act = match Act::from_outline(kind, &written) {
        Ok(act) => Some(act),
        Err(_) if kind.class() == ActClass::Protective => without_its_faults(kind, written, fields, report),
        Err(faults) => {
            faults.iter().for_each(|refusal| refuse(refusal, fields, report));
            None
        }
    };
    act.map(|act| match act {
        Act::ConsultationProposal(proposal) => DraftAct::Proposal(proposal),
        act => DraftAct::Complete(act),
    })
}

/// A protective act goes without the fields that are wrong in it; only what it cannot do without holds it up.
fn without_its_faults(
    kind: ActKind,
    mut written: Vec<Field>,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> Option<Act> {
    let Err(faults) = Act::from_outline(kind, &written) else { return None };
    for refusal in faults.iter() {
        let name = refusal.field().split(['.', '[']).next().unwrap_or_default().to_owned();
        written.retain(|field| field.name != name);
    }
    match Act::from_outline(kind, &written) {
        Ok(act) => {
            let errors = report.errors.len();
            faults.iter().for_each(|refusal| refuse(refusal, fields, report));
            report.leave_out_from(errors);
            Some(act)
        }
        Err(_) => {
            faults.iter().for_each(|refusal| refuse(refusal, fields, report));
            None
        }
    }
}

fn refuse(refusal: &FormRefusal, fields: &Fields<'_>, report: &mut Report<'_>) {
    let of_key = refusal.term() == Reason::FieldUnknown;
    let span = tree::span_of(fields.table(), refusal.field(), of_key).or_else(|| fields.span());
    let wrong = Wrong::new(refusal.reason(), refusal.message(), refusal.hint());
    report.add(span, &fields.path(refusal.field()), wrong);
}

/// Replaces every reference to a message by what it means; gives the first message meant.
fn resolve(
    written: &mut [Field],
    known: &[Description],
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> Option<Referenced> {
    let mut first = None;
    for field in written.iter_mut() {
        let description = known.iter().find(|description| description.name == field.name);
        let Some(description) = description else { continue };
        let path = field.name.to_string();
        resolve_value(&mut field.value, &description.kind, &path, &mut |text, path, of_act| {
            let (value, meant) = look_up(text, path, of_act, fields, report);
            first = first.or(meant);
            value
        });
    }
    first
}

fn resolve_value(
    value: &mut Value,
    kind: &Kind,
    path: &str,
    look_up: &mut dyn FnMut(&str, &str, bool) -> Value,
) {
    match (kind, &mut *value) {
        (Kind::Act | Kind::Message, Value::Text(text)) if !text.trim().is_empty() => {
            *value = look_up(text, path, *kind == Kind::Act);
        }
        (Kind::List(entry), Value::List(values)) => {
            for (index, value) in values.iter_mut().enumerate() {
                resolve_value(value, entry, &format!("{path}[{index}]"), look_up);
            }
        }
        (Kind::Group(known), Value::Group(fields)) => {
            for field in fields {
                if let Some(description) = known.iter().find(|description| description.name == field.name) {
                    let path = format!("{path}.{}", field.name);
                    resolve_value(&mut field.value, &description.kind, &path, look_up);
                }
            }
        }
        _ => {}
    }
}

fn look_up(
    text: &str,
    path: &str,
    of_act: bool,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> (Value, Option<Referenced>) {
    let wrong = match referenced(report.references, text) {
        Ok(meant) if !of_act => return (Value::Reference(meant.message_id.to_string()), Some(meant)),
        Ok(meant) => match meant.dispatch_digest {
            Some(digest) => return (Value::Reference(digest.hex()), Some(meant)),
            // No message here bears it as its id: it is the digest of a dispatch, as rendered acts state it.
            None if !meant.known => return (Value::Reference(text.to_owned()), None),
            None => {
                let hint = "read it first: acts refer to what was opened";
                Wrong::new(FORM_REFERENCE_UNKNOWN, "this message was not opened here yet", hint)
            }
        },
        Err(wrong) => wrong,
    };
    report.add(tree::span_of(fields.table(), path, false), &fields.path(path), wrong);
    // Well formed, so that the mistake is not reported twice; the draft is refused anyway.
    (Value::Reference(Digest::of(b"").hex()), None)
}

/// Fills in what a form may leave out, because somebody else knows it.
fn supply(
    kind: ActKind,
    written: &mut Vec<Field>,
    meant: Option<Referenced>,
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) {
    let stated = |name: &str| written.iter().any(|field| field.name == name && !field.value.is_blank());
    let supplied = match kind {
        ActKind::ConsultationProposal => {
            if stated("consultation") {
                let fault = Fault::new(Reason::FieldUnknown, "there is no such field here");
                refuse(
                    &fault.hint("the consultation stands in the heading").at("consultation"),
                    fields,
                    report,
                );
            }
            Some(("consultation", PROPOSED.to_owned()))
        }
        ActKind::RegistryReceipt | ActKind::RuleRejection | ActKind::NonAcknowledgement
            if !stated("dispatch_digest") =>
        {
            // Where the message itself is in doubt, nothing is said about its digest as well.
            let known = meant.map_or_else(|| Some(Digest::of(b"")), |meant| meant.dispatch_digest);
            known.map(|digest| ("dispatch_digest", digest.hex()))
        }
        ActKind::HandoverArrangement if !stated("persons_sha256") => {
            Some(("persons_sha256", persons_digest(&persons(written).unwrap_or_default()).hex()))
        }
        _ => None,
    };
    if let Some((name, value)) = supplied {
        written.retain(|field| field.name != name);
        written.push(Field { name: name.into(), value: Value::Reference(value) });
    }
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
