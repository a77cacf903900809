//! The outline of an act: every field that it holds, by the name it has in the proto file.
//!
//! One neutral tree serves whatever shows, searches or writes an act (text, JSON, forms, the rules about names),
//! so that none of them can forget a field. Absent fields do not stand in it. A form, a rehearsal or a test that
//! wants to say an act builds the same tree and has it read: see `Act::from_outline`.

use std::borrow::Cow;

use crate::consultation::act::Act;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::time::Timestamp;

/// A field and what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Name in the proto file, or as a form spells it.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub value: Value,
}

/// What a field holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// What an officer wrote; in a tree that is to be read, anything written as a text.
    Text(String),
    /// A term of a vocabulary.
    Word(&'static str),
    /// A reference, id, code, date or digest.
    Reference(String),
    /// A person.
    Person(PersonRef),
    /// An instant.
    Time(Timestamp),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Several of one kind.
    List(Vec<Value>),
    /// Fields that belong together.
    Group(Vec<Field>),
}

opaque!(Field, Value);

impl Value {
    /// What stands there as text; none where it is no text.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) | Self::Reference(text) => Some(Cow::Borrowed(text)),
            Self::Word(word) => Some(Cow::Borrowed(word)),
            Self::Person(person) => Some(Cow::Owned(person.text())),
            Self::Time(time) => Some(Cow::Owned(time.to_string())),
            Self::Number(_) | Self::Flag(_) | Self::List(_) | Self::Group(_) => None,
        }
    }

    /// Whether it is a text of nothing but spaces: as good as absent.
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

impl Act {
    /// Every text an officer wrote, with the path of its field: `reasons[0].message`.
    pub fn texts(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        gather(&self.outline(), "", &mut found);
        found
    }

    /// The persons it concerns, each once, in the order in which it names them.
    pub fn persons(&self) -> Vec<PersonRef> {
        let mut found = Vec::new();
        self.outline().iter().for_each(|field| gather_persons(&field.value, &mut found));
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
        Value::Word(_)
        | Value::Reference(_)
        | Value::Person(_)
        | Value::Time(_)
        | Value::Number(_)
        | Value::Flag(_) => {}
    }
}

fn gather_persons(value: &Value, found: &mut Vec<PersonRef>) {
    match value {
        Value::Person(person) if !found.contains(person) => found.push(*person),
        Value::List(values) => values.iter().for_each(|value| gather_persons(value, found)),
        Value::Group(fields) => fields.iter().for_each(|field| gather_persons(&field.value, found)),
        _ => {}
    }
}
