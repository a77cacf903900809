//! Why bytes, a text or a value are not part of an act: stable reason codes and a field path.
//!
//! Messages say which field is wrong and what was expected; they never repeat what the field held, because
//! it may name a person and errors travel into logs.

use std::fmt;

use crate::vocabulary;

vocabulary! {
    /// Stable reasons, the API of refusals of form.
    pub enum Reason {
        /// The bytes are no record at all.
        Malformed = 1 "ACT_MALFORMED",
        /// The bytes are a record, but not in its one canonical encoding: unknown or repeated fields, numbers
        /// longer than needed, entries out of order.
        NotCanonical = 2 "ACT_NOT_CANONICAL",
        /// The kind of act is not one of this release.
        KindUnknown = 3 "ACT_KIND_UNKNOWN",
        /// A mandatory field is absent or empty.
        FieldMissing = 4 "ACT_FIELD_MISSING",
        /// A value outside the vocabulary.
        ValueUnknown = 5 "ACT_VALUE_UNKNOWN",
        /// Two fields contradict each other.
        FieldConflict = 6 "ACT_FIELD_CONFLICT",
        /// A text that holds control characters, or a line break where one line is expected.
        TextInvalid = 7 "ACT_TEXT_INVALID",
        /// A text over its bound.
        TextTooLong = 8 "ACT_TEXT_TOO_LONG",
        /// A list over its bound.
        ListTooLong = 9 "ACT_LIST_TOO_LONG",
        /// The same entry twice in a list.
        EntryRepeated = 10 "ACT_ENTRY_REPEATED",
        /// A reference, id or code of the wrong shape, or with a wrong check character.
        ReferenceInvalid = 11 "ACT_REFERENCE_INVALID",
        /// A time before 1970.
        TimeInvalid = 12 "ACT_TIME_INVALID",
        /// The record is over its bound.
        TooLarge = 13 "ACT_TOO_LARGE",
        /// A form has a field that no act of this kind has.
        FieldUnknown = 14 "FORM_FIELD_UNKNOWN",
        /// A form has a value of another type than the field takes.
        WrongType = 15 "FORM_TYPE",
    }
}

/// A value that an act cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    reason: Reason,
    message: String,
    hint: String,
}

impl Fault {
    /// A fault; `message` must not repeat the value.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hint: String::new() }
    }

    /// The same fault with what would cure it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// What would cure it; may be empty.
    pub fn cure(&self) -> &str {
        &self.hint
    }

    /// A value of another type than the field takes.
    pub fn of_type(expected: &str) -> Self {
        Self::new(Reason::WrongType, format!("{expected} is expected here"))
    }

    /// A mandatory value is not there.
    pub fn missing() -> Self {
        Self::new(Reason::FieldMissing, "this field is mandatory")
    }

    /// The stable reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The explanation.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fault in its place.
    pub fn at(self, field: impl Into<String>) -> FormRefusal {
        FormRefusal { field: field.into(), reason: self.reason, message: self.message, hint: self.hint }
    }
}

/// Why an act is not taken: the field, such as `parties[1].roles`, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRefusal {
    field: String,
    reason: Reason,
    message: String,
    hint: String,
}

impl FormRefusal {
    /// Path of the field; empty where the record as a whole is meant.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The stable reason code, such as `ACT_FIELD_MISSING`.
    pub fn reason(&self) -> &'static str {
        self.reason.word()
    }

    /// The stable reason as a term.
    pub fn term(&self) -> Reason {
        self.reason
    }

    /// The explanation, without content.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would cure it; may be empty.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// `prefix` comes to stand before its path.
    fn move_within(&mut self, prefix: &str) {
        let joint = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{prefix}{joint}{}", self.field);
    }
}

impl fmt::Display for FormRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.reason, self.message)
        } else {
            write!(f, "{}: {}: {}", self.reason, self.field, self.message)
        }
    }
}

impl std::error::Error for FormRefusal {}

/// Everything that stands against an act, each with the path of its field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<FormRefusal>);

impl Faults {
    /// Keeps a fault of the present field.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault.at(""));
    }

    /// Keeps a fault of a field inside the present one.
    pub fn add_at(&mut self, field: impl Into<String>, fault: Fault) {
        self.0.push(fault.at(field));
    }

    /// The value, or its fault kept.
    pub fn take<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    /// Does one step inside a field, so that faults found there bear its name.
    pub fn within<T>(&mut self, field: &str, step: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.0.len();
        let done = step(self);
        self.0.iter_mut().skip(before).for_each(|refusal| refusal.move_within(field));
        done
    }

    /// The same for one entry of a list.
    pub fn within_entry<T>(&mut self, index: usize, step: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.0.len();
        let done = step(self);
        if self.0.len() > before {
            let entry = format!("[{index}]");
            self.0.iter_mut().skip(before).for_each(|refusal| refusal.move_within(&entry));
        }
        done
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one, in the order of the fields.
    pub fn iter(&self) -> std::slice::Iter<'_, FormRefusal> {
        self.0.iter()
    }

    /// The stable reason of the first one; empty where there is none.
    pub fn reason(&self) -> &'static str {
        self.0.first().map_or("", FormRefusal::reason)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            write!(f, "{}{refusal}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<FormRefusal> for Faults {
    fn from(refusal: FormRefusal) -> Self {
        Self(vec![refusal])
    }
}
