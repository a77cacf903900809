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
    }
}

/// A value that an act cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    reason: Reason,
    message: String,
}

impl Fault {
    /// A fault; `message` must not repeat the value.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
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
        FormRefusal { field: field.into(), reason: self.reason, message: self.message }
    }
}

/// Why an act is not taken: the field, such as `parties[1].roles`, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRefusal {
    field: String,
    reason: Reason,
    message: String,
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

    /// The same refusal one level further in: `prefix` stands before its path.
    pub fn within(mut self, prefix: &str) -> Self {
        self.field =
            if self.field.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", self.field) };
        self
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
