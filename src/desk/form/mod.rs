//! Forms: how an officer writes an act. `chancery new` writes a commented TOML form, the officer fills it
//! in, `check` and `send` read it back.
//!
//! The text of a form and a way to look up references enter; a `Draft` leaves, or every mistake at once with
//! its line. What must never happen: a mistake that hides another one, a field that is silently ignored, or
//! a mistake that repeats what the officer wrote. Only in protective acts, which nothing may hold up, a field that
//! is wrong is left out, and the officer is told (`night`). What the desk knows may be left out of a form; then it is
//! filled in, and the officer is told that too (`supply`). Reading files is the caller's business: nothing here
//! touches the disk.

pub mod answer;
pub mod documents;
pub mod draft;
pub mod guide;
pub mod page;
pub mod parse;
pub mod place;
pub mod render;
pub mod template;

mod acts;
mod mending;
pub(crate) mod night;
mod night_heading;
pub(crate) mod reader;
mod supply;
pub(crate) mod tree;

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod night_tests;
#[cfg(test)]
mod tests;

/// One mistake in a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {code}: {field}: {message}")]
pub struct FormError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Path of the field: `act.legal_basis[0].provision`.
    pub field: String,
    /// Stable code: `ACT_...` for values, `FORM_...` for the form itself.
    pub code: &'static str,
    /// What is wrong, without what was written.
    pub message: String,
    /// What would cure it; may be empty.
    pub hint: String,
}

impl FormError {
    /// The stable code.
    pub fn reason(&self) -> &'static str {
        self.code
    }
}

/// The text is not TOML.
pub const FORM_SYNTAX: &str = "FORM_SYNTAX";
/// A field that no form of this kind has.
pub const FORM_FIELD_UNKNOWN: &str = "FORM_FIELD_UNKNOWN";
/// A value of another type than the field takes.
pub const FORM_TYPE: &str = "FORM_TYPE";
/// A file that cannot be read.
pub const FORM_FILE: &str = "FORM_FILE";
/// A person of whom nobody here has heard.
pub const FORM_PERSON_UNKNOWN: &str = "FORM_PERSON_UNKNOWN";
/// A reference to a message that is not known here.
pub const FORM_REFERENCE_UNKNOWN: &str = "FORM_REFERENCE_UNKNOWN";
