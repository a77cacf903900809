//! The texts of a scene: persons and ministries by their short names, and the fields of acts as a form writes them.

use std::time::Duration;

use super::HOUR;
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::persons_digest;
use crate::consultation::outline::{Field, Value};
use crate::consultation::reference::PersonRef;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

const PERSONS: [(&str, &str); 3] =
    [("P1", "P-7QK4-M2XD-9WTV"), ("P2", "P-3HN8-ZC6V-5JF2"), ("P3", "P-9RB2-T7GE-1KYT")];

/// A person of the scenarios, by number.
pub(crate) fn person(number: usize) -> PersonRef {
    PersonRef::parse(PERSONS[number - 1].1).unwrap()
}

pub(crate) fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

/// The fields of a case of this person, whose Power of origin is XD.
pub(crate) fn case(person: &str) -> String {
    format!(
        r#"person = "{person}"
        status = "PRISONER_OF_WAR"
        power_of_origin = "XD"
        information_bureau_notified = true
        central_agency_notified = true"#
    )
}

/// An act of this kind from TOML, in which P1 to P3 stand for persons.
pub(crate) fn act(kind: &str, fields: &str) -> Act {
    let mut text = fields.to_owned();
    for (short, full) in PERSONS {
        text = text.replace(&format!("\"{short}\""), &format!("\"{full}\""));
    }
    let table: toml::Table = toml::from_str(&text).unwrap();
    let kind = ActKind::from_word(kind).unwrap();
    Act::from_outline(kind, &group(&table)).unwrap_or_else(|faults| panic!("{kind}: {faults}"))
}

/// A destination as a form writes it: a code, or the word of its kind.
pub(crate) fn destination(place: &str) -> String {
    match place.len() {
        2 => format!("{{ kind = \"NAMED_STATE\", region_code = \"{place}\" }}"),
        _ => format!("{{ kind = \"{place}\" }}"),
    }
}

/// Somebody published the face of P1.
pub(crate) const INCIDENT: &str = r#"
    incident_id = "I-1"
    persons = ["P1"]
    exposures = ["FACE"]
    publisher = "NEWS_MEDIUM"
    locators = [{ locator_id = "l1", url = "https://news.example/17" }]
    first_seen_time = "2026-11-22T09:00:00Z"
    compelling_public_interest_claimed = false
    requested = ["OBSCURE"]
    reply_due_time = "2026-11-24T09:00:00Z""#;

/// The fields of a statement of will that was declared then.
pub(crate) fn stated(declared: Timestamp, person: &str, accepts: &[&str], refuses: &[&str]) -> String {
    format!(
        r#"person = "{person}"
            information_time = "{}"
            declaration_time = "{}"
            acceptable = {}
            refused = {}
            mode = "HANDWRITTEN"
            language_code = "ko-KP"
            question_as_put = "어디로 가기를 원하십니까?"
            answer_verbatim = "남쪽으로 가겠습니다."
            attendees = [{{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true }}]
            freedom = "NO_INDICATION_OF_PRESSURE"
            capacity = "FULL"
            copy_given_to_person = true
            no_waiver_of_rights = true
            statement_document = "statement""#,
        declared.before(Duration::from_secs(26 * HOUR)),
        declared,
        places(accepts),
        places(refuses),
    )
}

fn places(all: &[&str]) -> String {
    let all: Vec<String> = all.iter().map(|place| destination(place)).collect();
    format!("[{}]", all.join(", "))
}

/// The digest of a list of this person alone.
pub(super) fn list_digest(person: &str) -> String {
    let number: usize = person.trim_start_matches('P').parse().unwrap();
    persons_digest(&[self::person(number)]).hex()
}

fn group(table: &toml::Table) -> Vec<Field> {
    table.iter().map(|(name, value)| Field { name: name.clone().into(), value: tree(value) }).collect()
}

fn tree(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Number(u64::try_from(*number).unwrap()),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(values) => Value::List(values.iter().map(tree).collect()),
        toml::Value::Table(table) => Value::Group(group(table)),
        other => panic!("no such value in an act: {other}"),
    }
}
