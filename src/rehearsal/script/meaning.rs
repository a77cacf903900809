//! What a script means by the values of an act: times that count from now, labels of steps, persons by their names,
//! digests, and short ways to write destinations, laws and lines.

use super::heading::length;
use super::spoken::{Circumstances, Misread, Spoken};
use super::usual;
use super::{Move, SCRIPT_FOLLOWS, SCRIPT_STEP_UNKNOWN, SCRIPT_STRANGER, SCRIPT_VALUE, What};
use crate::consultation::act::Act;
use crate::consultation::acts::values::{Quoted, persons_digest};
use crate::consultation::describe::{Description, Kind};
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::PersonRef;
use crate::consultation::suggest::nearest;
use crate::consultation::words::DestinationKind;
use crate::desk::form::reader::Wrong;
use crate::digest::Digest;
use crate::time::Timestamp;

/// Gives every value in these fields its meaning, and adds what is usual where something is left out.
pub(super) fn resolve(
    fields: &mut Vec<Field>,
    known: &[Description],
    usual: &[Field],
    path: &str,
    at: &Circumstances<'_>,
    misread: &mut Misread,
) {
    for description in known {
        let name = description.name;
        if usual::lacks(fields, name)
            && let Some(value) = usual::named(usual, name)
        {
            let entries_only = matches!(description.kind, Kind::List(_)) && matches!(value, Value::Group(_));
            if !entries_only {
                let value =
                    if matches!(value, Value::Group(_)) { Value::Group(Vec::new()) } else { value.clone() };
                fields.retain(|field| field.name != name);
                fields.push(Field { name: name.into(), value });
            }
        }
        let inner = usual::inside(usual, name);
        let field = fields.iter_mut().find(|field| field.name == name);
        if let Some(field) = field {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            value(&mut field.value, &description.kind, inner, &path, at, misread);
        }
    }
}

fn value(
    written: &mut Value,
    kind: &Kind,
    usual: &[Field],
    path: &str,
    at: &Circumstances<'_>,
    misread: &mut Misread,
) {
    if let Some(longer) = spelled_out(written, kind, at) {
        *written = longer;
    }
    match (kind, &mut *written) {
        (Kind::Group(known), Value::Group(fields)) => resolve(fields, known, usual, path, at, misread),
        (Kind::List(entry), Value::List(values)) => {
            for (index, one) in values.iter_mut().enumerate() {
                value(one, entry, usual, &format!("{path}[{index}]"), at, misread);
            }
        }
        (_, Value::Text(text)) if !text.trim().is_empty() => match single(text, kind, at) {
            Ok(Some(meant)) => *written = meant,
            Ok(None) => {}
            Err((wrong, instead)) => {
                misread.push((path.to_owned(), wrong));
                *written = instead;
            }
        },
        _ => {}
    }
}

/// A short way of writing, in full: `"XA"` for a destination, `"GC-III-1949, Art. 118"` for a provision, `"P1"` for
/// a line about nothing but a person, one entry for a list of one.
fn spelled_out(written: &Value, kind: &Kind, at: &Circumstances<'_>) -> Option<Value> {
    let Value::Text(text) = written else { return None };
    let field =
        |name: &'static str, text: &str| Field { name: name.into(), value: Value::Text(text.to_owned()) };
    match kind {
        Kind::List(_) => Some(Value::List(vec![written.clone()])),
        Kind::Group(known) => {
            let has = |name: &str| known.iter().any(|one| one.name == name);
            if has("region_code") && has("kind") && known.len() == 2 {
                Some(Value::Group(destination(&at.placed(text))))
            } else if has("instrument") && has("provision") {
                let (instrument, provision) = text.split_once(',')?;
                let fields = [field("instrument", instrument.trim()), field("provision", provision.trim())];
                Some(Value::Group(fields.to_vec()))
            } else if let Some(label) = text.strip_prefix("same as ") {
                let terms = at
                    .earlier(label)
                    .and_then(|spoken| spoken.act.outline().into_iter().find(|field| field.name == "terms"));
                terms.map(|field| field.value)
            } else if has("person") {
                Some(Value::Group(vec![field("person", text)]))
            } else {
                None
            }
        }
        _ => None,
    }
}

fn destination(text: &str) -> Vec<Field> {
    let word = |text: &str| Value::Text(text.to_owned());
    let word_of = match text {
        "REMAIN" => Some(DestinationKind::RemainInDetainingState.word()),
        "ORIGIN" => Some(DestinationKind::PowerOfOrigin.word()),
        text => DestinationKind::from_word(text).map(DestinationKind::word),
    };
    match word_of {
        Some(kind) => vec![Field { name: "kind".into(), value: word(kind) }],
        None => vec![
            Field { name: "kind".into(), value: word(DestinationKind::NamedState.word()) },
            Field { name: "region_code".into(), value: word(text) },
        ],
    }
}

/// What a single text means, where it is not to be taken as it stands; otherwise what is wrong with it, and a value
/// of the right shape, so that the mistake is not reported twice.
fn single(text: &str, kind: &Kind, at: &Circumstances<'_>) -> Result<Option<Value>, (Wrong, Value)> {
    match kind {
        Kind::Time => match instant(text, at) {
            Some(time) => Ok(Some(Value::Time(time))),
            None => {
                let hint = "now, now-26h, now+3d, start+2d, LABEL+6m, or in full: 2026-03-02T08:00:00Z";
                Err((Wrong::new(SCRIPT_VALUE, "not an instant", hint), Value::Time(at.now)))
            }
        },
        Kind::Act => act(text, at).map(Some).map_err(|wrong| (wrong, digest_of(b""))),
        Kind::Message => match at.earlier(text) {
            Some(spoken) => Ok(Some(Value::Reference(spoken.message_id.to_string()))),
            None if is_digest(text) => Ok(None),
            None => Err((unknown(text, at), digest_of(b""))),
        },
        Kind::Person => match at.script.persons.get(text) {
            Some(person) => Ok(Some(Value::Person(*person))),
            None if PersonRef::parse(text).is_ok() => Ok(None),
            None => {
                let names: Vec<&str> = at.script.persons.keys().map(String::as_str).collect();
                let hint = format!("persons here: {}; introduce others under [persons]", names.join(", "));
                let wrong = Wrong::new(SCRIPT_STRANGER, "the script introduces no such person", hint);
                let instead =
                    at.script.persons.values().next().map_or(Value::Flag(false), |one| Value::Person(*one));
                Err((wrong, instead))
            }
        },
        Kind::Code(example) if is_digest(example.trim_matches('"')) => digest(text, at),
        Kind::Code(_) if text.starts_with("same as ") => quoted(text, at),
        Kind::Code(_) => Ok(Some(Value::Text(at.placed(text)))),
        _ => Ok(None),
    }
}

/// `now`, `start`, a label, an instant in full, each with lengths of time added or taken away.
fn instant(text: &str, at: &Circumstances<'_>) -> Option<Timestamp> {
    let text = text.trim();
    match text {
        "now" => return Some(at.now),
        "start" => return Some(at.script.start),
        _ => {}
    }
    if let Some(spoken) = at.earlier(text) {
        return Some(spoken.time);
    }
    if let Some(time) = Timestamp::parse(text) {
        return Some(time);
    }
    let (base, sign) =
        text.rmatch_indices(['+', '-']).next().and_then(|(index, sign)| Some((text.get(..index)?, sign)))?;
    let span = length(text.get(base.len().checked_add(1)?..)?.trim())?;
    let base = instant(base, at)?;
    Some(if sign == "+" { base.after(span) } else { base.before(span) })
}

fn act(text: &str, at: &Circumstances<'_>) -> Result<Value, Wrong> {
    if let Some(spoken) = at.earlier(text) {
        return Ok(Value::Reference(spoken.reference.dispatch_digest().hex()));
    }
    if is_digest(text) {
        return Ok(Value::Reference(text.to_owned()));
    }
    Err(unknown(text, at))
}

/// `terms of LABEL`, `persons of LABEL`, `sha256 of any words`, or the digits.
fn digest(text: &str, at: &Circumstances<'_>) -> Result<Option<Value>, (Wrong, Value)> {
    if is_digest(text) {
        return Ok(None);
    }
    if let Some(words) = text.strip_prefix("sha256 of ") {
        return Ok(Some(digest_of(words.as_bytes())));
    }
    let of = |label: &str| at.earlier(label).ok_or_else(|| (unknown(label, at), digest_of(b"")));
    let hint = "terms of LABEL, persons of LABEL, sha256 of SOME WORDS, or 64 hexadecimal digits";
    let wrong = |message: &str| (Wrong::new(SCRIPT_VALUE, message, hint), digest_of(b""));
    if let Some(label) = text.strip_prefix("terms of ") {
        let bytes = of(label)?.terms().ok_or_else(|| wrong("this step has no terms"))?;
        return Ok(Some(digest_of(&bytes)));
    }
    if let Some(label) = text.strip_prefix("persons of ") {
        let persons = of(label)?.act.persons();
        let mut persons: Vec<&PersonRef> = persons.iter().collect();
        persons.sort_unstable();
        return Ok(Some(Value::Reference(persons_digest(persons).hex())));
    }
    Err(wrong("not a digest"))
}

/// `same as LABEL`, or `same as LABEL, one byte changed`.
fn quoted(text: &str, at: &Circumstances<'_>) -> Result<Option<Value>, (Wrong, Value)> {
    let label = text.strip_prefix("same as ").unwrap_or(text);
    let (label, changed) = match label.strip_suffix(", one byte changed") {
        Some(label) => (label, true),
        None => (label, false),
    };
    let instead = || Value::Reference("00".to_owned());
    let spoken = at.earlier(label).ok_or_else(|| (unknown(label, at), instead()))?;
    let Some(mut bytes) = spoken.terms() else {
        let hint = "name a step that proposes terms";
        return Err((Wrong::new(SCRIPT_VALUE, "this step has no terms", hint), instead()));
    };
    if changed && let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    Ok(Quoted::new(bytes).ok().map(|quoted| Value::Reference(quoted.hex())))
}

impl Spoken {
    /// The exact bytes of its terms.
    pub(super) fn terms(&self) -> Option<Vec<u8>> {
        match &self.act {
            Act::AgreementNote(act) => Some(act.terms.bytes()),
            Act::AgreementReply(act) => Some(act.terms.bytes().to_vec()),
            Act::ChannelCharterNote(act) => Some(act.terms.bytes()),
            Act::ExchangeProposal(act) => Some(act.terms.bytes()),
            _ => None,
        }
    }
}

fn unknown(text: &str, at: &Circumstances<'_>) -> Wrong {
    if at.faulty.iter().any(|label| label == text.trim()) {
        return Wrong::new(SCRIPT_FOLLOWS, "the step of this label has a mistake", "");
    }
    let says = |one: &&Move| one.label == text.trim() && matches!(one.what, What::Say(_));
    if let Some(line) = at.script.moves.iter().find(says).map(|one| one.line).filter(|line| *line < at.line) {
        let message =
            format!("the step of line {line} is refused by its own desk: nothing of it is there to refer to");
        return Wrong::new(SCRIPT_STEP_UNKNOWN, message, "refer to a step that goes, or force it");
    }
    let labels = at.spoken.iter().map(|spoken| spoken.label.as_str());
    let hint = match nearest(text, labels) {
        Some(known) => format!("did you mean {known}?"),
        None => "give the step a label = \"...\", and let it stand before this one".to_owned(),
    };
    Wrong::new(SCRIPT_STEP_UNKNOWN, "no earlier step has this label", hint)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn digest_of(bytes: &[u8]) -> Value {
    Value::Reference(Digest::of(bytes).hex())
}
