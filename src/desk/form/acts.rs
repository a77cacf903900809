//! The `[act]` table of a form: TOML into the outline of an act, references into what they mean, and every fault at
//! the line of its field. What the fields are stands in the catalogue; nothing here knows a single act.

use super::draft::{DraftAct, Referenced};
use super::reader::{Fields, Report, Wrong, referenced};
use super::supply::{self, Beside};
use super::{mending, night, tree};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::describe::{Description, Kind};
use crate::consultation::fault::{FormRefusal, Reason};
use crate::consultation::outline::{Field, Value};
use crate::digest::Digest;
use crate::message::terms::ActClass;

/// Reads the act; none where a mistake was reported.
pub(super) fn read(
    kind: ActKind,
    fields: &Fields<'_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<DraftAct> {
    let mut written = tree::of_table(fields.table());
    if kind.class() == ActClass::Protective {
        night::straighten(&mut written);
    }
    let meant = resolve(&mut written, &kind.fields(), fields, report);
    supply::supply(kind, &mut written, meant, beside, (fields, report));
    let act = match Act::from_outline(kind, &written) {
        Ok(act) => Some(act),
        Err(_) if kind.class() == ActClass::Protective => without_its_faults(kind, written, fields, report),
        Err(faults) => {
            let unread = supply::unread(kind, beside);
            let follows = |fault: &&FormRefusal| {
                fault.term() == Reason::FieldMissing && unread.iter().any(|name| *name == fault.field())
            };
            faults.iter().filter(|fault| !follows(fault)).for_each(|fault| refuse(fault, fields, report));
            // What does not fit together, and what the rules find, is told at once as well.
            let mending::Mended { further, act } = mending::as_if_mended(kind, &written, &faults);
            further.iter().for_each(|fault| refuse(fault, fields, report));
            act
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
            suggest_persons(fields, report);
            None
        }
    }
}

/// Beside a reference that cannot be read stand those that are known here and look like it.
fn suggest_persons(fields: &Fields<'_>, report: &mut Report<'_>) {
    let written = tree::of_table(fields.table());
    let known = report.references.persons();
    for error in &mut report.errors {
        let typed = match error.field.strip_prefix("act.person") {
            Some("") => text_in(&written, "person", 0),
            Some(entry) => {
                let index = entry.trim_start_matches("s[").trim_end_matches(']').parse();
                text_in(&written, "persons", index.unwrap_or(0))
            }
            None => None,
        };
        let suggested = typed.map(|typed| night::did_you_mean(&typed, &known)).unwrap_or_default();
        if !suggested.is_empty() {
            error.hint = suggested;
        }
    }
}

fn text_in(written: &[Field], name: &str, index: usize) -> Option<String> {
    let value = &written.iter().find(|field| field.name == name)?.value;
    let entry = match value {
        Value::List(entries) => entries.get(index)?,
        value => value,
    };
    Some(entry.as_text()?.into_owned())
}

/// Reports a fault at the line of its field.
pub(super) fn refuse(refusal: &FormRefusal, fields: &Fields<'_>, report: &mut Report<'_>) {
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
            None => supply::read_first(text),
        },
        Err(wrong) => wrong,
    };
    report.add(tree::span_of(fields.table(), path, false), &fields.path(path), wrong);
    // Well formed, so that the mistake is not reported twice; the draft is refused anyway.
    (Value::Reference(Digest::of(b"").hex()), None)
}
