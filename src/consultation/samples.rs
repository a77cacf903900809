//! Generated acts for tests: every act, with every field that can stand in it, made from the descriptions of the
//! fields, so that no act and no field can be forgotten.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::persons_digest;
use crate::consultation::describe::{Description, Kind, Need};
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::digest::Digest;
use crate::entropy::{Entropy, NoEntropy};
use crate::time::Timestamp;

/// Any act of this release.
pub(crate) fn act() -> impl Strategy<Value = Act> {
    proptest::sample::select(ActKind::ALL).prop_flat_map(act_of)
}

/// Any act of one kind.
pub(crate) fn act_of(kind: ActKind) -> BoxedStrategy<Act> {
    group(kind.fields())
        .prop_filter_map("fields that do not fit together", move |mut fields| {
            fit(kind, &mut fields);
            Act::from_outline(kind, &fields).ok()
        })
        .boxed()
}

/// Any consultation.
pub(crate) fn consultation() -> impl Strategy<Value = ConsultationId> {
    any::<[u8; 11]>().prop_map(|bytes| ConsultationId::mint(&Given(bytes)).unwrap())
}

/// Any person.
pub(crate) fn person() -> impl Strategy<Value = PersonRef> {
    any::<[u8; 11]>().prop_map(|bytes| PersonRef::mint(&Given(bytes)).unwrap())
}

fn group(descriptions: Vec<Description>) -> BoxedStrategy<Vec<Field>> {
    let mut fields: BoxedStrategy<Vec<Field>> = Just(Vec::new()).boxed();
    for description in descriptions {
        let name = description.name;
        let present = match description.need {
            Need::Mandatory => Just(true).boxed(),
            Need::Optional => any::<bool>().boxed(),
        };
        fields = (fields, present, value(&description.kind))
            .prop_map(move |(mut fields, present, value)| {
                if present {
                    fields.push(Field { name: name.into(), value });
                }
                fields
            })
            .boxed();
    }
    fields
}

fn value(kind: &Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Act | Kind::Message => digest().boxed(),
        Kind::Code(example) => code(example),
        Kind::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        Kind::Group(fields) => group(fields.clone()).prop_map(Value::Group).boxed(),
        Kind::Line => line().boxed(),
        Kind::List(entry) => vec(value(entry), 2..4).prop_map(|values| Value::List(distinct(values))).boxed(),
        Kind::Number => (1..9_u64).prop_map(Value::Number).boxed(),
        Kind::Person => person().prop_map(Value::Person).boxed(),
        Kind::Text => text().boxed(),
        Kind::Time => time().prop_map(Value::Time).boxed(),
        Kind::Word(words) => proptest::sample::select(words.clone()).prop_map(Value::Word).boxed(),
    }
}

/// Codes are told apart by their example.
fn code(example: &'static str) -> BoxedStrategy<Value> {
    let pattern = match example.trim_matches('"') {
        "XB" => "[A-Z]{2,8}",
        "XA" | "XD" => "[A-Z]{2}",
        "annex-1" => "[A-Za-z0-9-]{1,32}",
        "2025-01" => "20[0-9]{2}(-0[1-9](-[12][0-8])?)?",
        "ko" => "(ko|uk|en|ko-KP)",
        "Latn" => "[A-Z][a-z]{3}",
        "https://news.example/item/17" => "https?://[a-z]{1,9}\\.example/[!-~]{0,20}",
        "ch-0123456789abcdef" => "ch-[0-9a-f]{16}",
        "chancery://XB/office/releasing-03" => "chancery://XB/office/[a-z]{3,9}-[0-9]{2}",
        "72h" => "[1-9][0-9]{0,3}[dhms]",
        "0a02" => "([0-9a-f]{2}){1,40}",
        "C-7QK4-M2XD-9WTV" => return consultation().prop_map(|id| Value::Reference(id.text())).boxed(),
        digits if digits.len() == 64 => return digest().boxed(),
        other => panic!("no sample for codes like {other}"),
    };
    pattern.prop_map(Value::Reference).boxed()
}

fn digest() -> impl Strategy<Value = Value> {
    any::<[u8; 32]>().prop_map(|bytes| Value::Reference(Digest::from_bytes(bytes).hex()))
}

/// Lines in the scripts of the exchange, quotes and backslashes included.
fn line() -> impl Strategy<Value = Value> {
    "[ -~가-힣а-яієї\u{1100}-\u{1112}\u{1161}-\u{1175}]{0,20}[!-~]".prop_map(Value::Text)
}

fn text() -> impl Strategy<Value = Value> {
    "([ -~가-힣а-яієї\n\t]{0,20}[!-~]){1,2}\n?".prop_map(Value::Text)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (1..4_102_444_800_i64).prop_map(Timestamp::from_seconds)
}

fn distinct(values: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// Makes fields fit together that rarely do by chance.
fn fit(kind: ActKind, fields: &mut Vec<Field>) {
    match kind {
        ActKind::HandoverArrangement => {
            let mut persons: Vec<PersonRef> = match named(fields, "persons") {
                Some(Value::List(values)) => values.iter().filter_map(as_person).collect(),
                _ => Vec::new(),
            };
            persons.sort_unstable();
            put(fields, "persons_sha256", Value::Reference(persons_digest(&persons).hex()));
        }
        ActKind::ChannelCharterNote => {
            let Some(Value::Group(terms)) = named(fields, "terms") else { return };
            let mut terms = terms.clone();
            put(&mut terms, "parties", Value::List(vec![reference("XA"), reference("XB")]));
            put(&mut terms, "prevailing_language", reference("en"));
            put(&mut terms, "working_languages", Value::List(vec![reference("ko"), reference("en")]));
            if let Some(Value::List(values)) = named(&terms, "root_key_fingerprints") {
                let two = Value::List(values.iter().take(2).cloned().collect());
                put(&mut terms, "root_key_fingerprints", two);
            }
            put(fields, "terms", Value::Group(terms));
        }
        ActKind::MedicalFinding => {
            let commission = fields.iter().any(|field| field.value == Value::Word("MIXED_COMMISSION"));
            if !commission {
                fields.retain(|field| !matches!(field.name.as_ref(), "members" | "votes_for"));
            } else {
                put(fields, "votes_for", Value::Number(2));
            }
        }
        ActKind::Correspondence => {
            let all = ["demarche_time", "delivered_by_office", "received_by_office"];
            if all.iter().any(|name| named(fields, name).is_none()) {
                fields.retain(|field| !all.contains(&field.name.as_ref()));
            }
        }
        _ => {}
    }
}

fn as_person(value: &Value) -> Option<PersonRef> {
    match value {
        Value::Person(person) => Some(*person),
        _ => None,
    }
}

fn reference(text: &str) -> Value {
    Value::Reference(text.to_owned())
}

fn named<'f>(fields: &'f [Field], name: &str) -> Option<&'f Value> {
    fields.iter().find(|field| field.name == name).map(|field| &field.value)
}

fn put(fields: &mut Vec<Field>, name: &'static str, value: Value) {
    fields.retain(|field| field.name != name);
    fields.push(Field { name: name.into(), value });
}

/// Entropy that gives the bytes it was given.
struct Given([u8; 11]);

impl Entropy for Given {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}
