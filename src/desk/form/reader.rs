//! Reads one table of a form field by field and keeps every mistake with its place.

use std::ops::Range;

use toml_edit::{Array, Item, TableLike, Value};

use super::draft::{Referenced, References, Supplied};
use super::{FORM_FIELD_UNKNOWN, FORM_REFERENCE_UNKNOWN, FORM_SYNTAX, FORM_TYPE, FormError};
use crate::consultation::fault::{Fault, Reason};
use crate::consultation::list::List;
use crate::consultation::suggest::nearest;
use crate::consultation::text::ShortText;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Collects the mistakes of one form.
pub(crate) struct Report<'t> {
    text: &'t str,
    pub(crate) references: &'t dyn References,
    pub(crate) errors: Vec<FormError>,
    /// Mistakes of a protective act, which goes without the fields they concern.
    pub(crate) left_out: Vec<FormError>,
    /// What the desk filled in.
    pub(crate) supplied: Vec<Supplied>,
}

/// A mistake without its place.
pub(crate) struct Wrong {
    code: &'static str,
    message: String,
    hint: String,
}

impl Wrong {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }

    /// What is wrong.
    pub(crate) fn said(&self) -> &str {
        &self.message
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn of_type(expected: &str) -> Self {
        Self::new(FORM_TYPE, format!("{expected} is expected here"), "")
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::new(fault.reason().word(), fault.message(), fault.cure())
    }
}

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str, references: &'t dyn References) -> Self {
        Self { text, references, errors: Vec::new(), left_out: Vec::new(), supplied: Vec::new() }
    }

    /// Keeps a mistake at the beginning of `span`.
    pub(crate) fn add(&mut self, span: Option<Range<usize>>, field: &str, wrong: Wrong) {
        let (line, column) = self.place(span.map_or(0, |span| span.start));
        let Wrong { code, message, hint } = wrong;
        self.errors.push(FormError { line, column, field: field.to_owned(), code, message, hint });
    }

    /// From here on mistakes hold nothing up: what they concern was left out.
    pub(crate) fn leave_out_from(&mut self, errors: usize) {
        let left_out = self.errors.split_off(errors.min(self.errors.len()));
        self.left_out.extend(left_out);
    }

    /// Tells what stands now in a field that was left out.
    pub(crate) fn tell_supplied(&mut self, field: impl Into<String>, said: impl Into<String>) {
        self.supplied.push(Supplied { field: field.into(), said: said.into() });
    }

    /// Tells that a line was not taken as it was written.
    pub(crate) fn leave_out_line(&mut self, line: usize, message: &str) {
        let (field, message, hint) = (String::new(), message.to_owned(), String::new());
        self.left_out.push(FormError { line, column: 1, field, code: FORM_SYNTAX, message, hint });
    }

    /// The line where `span` begins, from 1.
    pub(crate) fn line_of(&self, span: Option<Range<usize>>) -> usize {
        self.place(span.map_or(0, |span| span.start)).0
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// One table of a form, and which of its fields were asked for.
pub(crate) struct Fields<'t> {
    table: &'t dyn TableLike,
    path: String,
    span: Option<Range<usize>>,
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    pub(crate) fn new(table: &'t dyn TableLike, path: &str, span: Option<Range<usize>>) -> Self {
        Self { table, path: path.to_owned(), span, asked: Vec::new() }
    }

    /// The same under another name in mistakes.
    pub(crate) fn called(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// The table itself.
    pub(crate) fn table(&self) -> &'t dyn TableLike {
        self.table
    }

    /// The path of a field of this table.
    pub(crate) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Where the table begins.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// Where a field's value stands, or the table where it is absent.
    pub(crate) fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.table.get(name).and_then(Item::span).or_else(|| self.span())
    }

    /// Whether a field is there and not empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.get(name).is_some_and(|item| !is_blank(item))
    }

    /// A field that may be absent; an empty text is an absent one.
    pub(crate) fn optional<T>(
        &mut self,
        report: &mut Report<'_>,
        name: &'static str,
        parse: impl FnOnce(&Item) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.asked.push(name);
        let item = self.table.get(name).filter(|item| !is_blank(item))?;
        match parse(item) {
            Ok(value) => Some(value),
            Err(wrong) => {
                report.add(item.span(), &self.path(name), wrong);
                None
            }
        }
    }

    /// A mandatory field.
    pub(crate) fn required<T>(
        &mut self,
        report: &mut Report<'_>,
        name: &'static str,
        parse: impl FnOnce(&Item) -> Result<T, Wrong>,
    ) -> Option<T> {
        if !self.has(name) {
            self.asked.push(name);
            report.add(self.span_of(name), &self.path(name), Fault::missing().into());
            return None;
        }
        self.optional(report, name, parse)
    }

    /// The entries of a list of texts, each parsed; a mistake stands at its entry.
    pub(crate) fn each<T>(
        &mut self,
        report: &mut Report<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let path = self.path(name);
        let array = |item: &'t Item| item.as_array().ok_or_else(|| Wrong::of_type("a list"));
        self.asked.push(name);
        let Some(item) = self.table.get(name) else { return Vec::new() };
        let entries: &Array = match array(item) {
            Ok(entries) => entries,
            Err(wrong) => {
                report.add(item.span(), &path, wrong);
                return Vec::new();
            }
        };
        let mut parsed = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match entry.as_str().ok_or_else(|| Wrong::of_type("a text")).and_then(&parse) {
                Ok(value) => parsed.push(value),
                Err(wrong) => report.add(entry.span(), &format!("{path}[{index}]"), wrong),
            }
        }
        parsed
    }

    /// As `each`, as a list of at least `MIN` entries.
    pub(crate) fn list<T: PartialEq, const MIN: usize>(
        &mut self,
        report: &mut Report<'_>,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<List<T, MIN>> {
        let errors = report.errors.len();
        let entries = self.each(report, name, parse);
        self.bounded(report, name, errors, List::new(entries))
    }

    /// The tables of a list, written as `[[...]]` or as `[{ ... }]`.
    pub(crate) fn tables(&mut self, report: &mut Report<'_>, name: &'static str) -> Vec<Fields<'t>> {
        let path = self.path(name);
        self.asked.push(name);
        let mut found = Vec::new();
        match self.table.get(name) {
            None => {}
            Some(Item::ArrayOfTables(tables)) => {
                for (index, table) in tables.iter().enumerate() {
                    found.push(Fields::new(table, &format!("{path}[{index}]"), table.span()));
                }
            }
            Some(Item::Value(Value::Array(entries))) => {
                for (index, entry) in entries.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    match entry.as_inline_table() {
                        Some(table) => found.push(Fields::new(table, &path, entry.span())),
                        None => report.add(entry.span(), &path, Wrong::of_type("a table { ... }")),
                    }
                }
            }
            Some(item) => report.add(item.span(), &path, Wrong::of_type("a list of tables")),
        }
        found
    }

    /// Takes a list that was built from this field; its fault is kept only if no entry was faulty, because
    /// otherwise it would only repeat that mistake.
    pub(crate) fn bounded<T>(
        &self,
        report: &mut Report<'_>,
        name: &'static str,
        errors_before: usize,
        value: Result<T, Fault>,
    ) -> Option<T> {
        let quiet = report.errors.len() > errors_before;
        match value {
            Ok(value) => Some(value),
            Err(_) if quiet => None,
            Err(fault) => {
                report.add(self.span_of(name), &self.path(name), fault.into());
                None
            }
        }
    }

    /// A mandatory table, `name = { ... }` or `[name]`.
    pub(crate) fn inner(&mut self, report: &mut Report<'_>, name: &'static str) -> Option<Fields<'t>> {
        self.asked.push(name);
        let path = self.path(name);
        let Some(item) = self.table.get(name) else {
            report.add(self.span(), &path, Fault::missing().into());
            return None;
        };
        match item.as_table_like() {
            Some(table) => Some(Fields::new(table, &path, item.span())),
            None => {
                report.add(item.span(), &path, Wrong::of_type("a table"));
                None
            }
        }
    }

    /// Reports every field that nobody asked for.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for (name, item) in self.table.iter() {
            if self.asked.contains(&name) {
                continue;
            }
            let span = self.table.get_key_value(name).and_then(|(key, _)| key.span()).or_else(|| item.span());
            let hint = match nearest(name, self.asked.iter().copied()) {
                Some(known) => format!("did you mean {known}?"),
                None => format!("fields here: {}", self.asked.join(", ")),
            };
            report.add(
                span,
                &self.path(name),
                Wrong::new(FORM_FIELD_UNKNOWN, "there is no such field here", hint),
            );
        }
    }
}

fn is_blank(item: &Item) -> bool {
    item.as_str().is_some_and(|text| text.trim().is_empty())
}

pub(crate) fn string(item: &Item) -> Result<&str, Wrong> {
    item.as_str().ok_or_else(|| Wrong::of_type("a text"))
}

pub(crate) fn short(item: &Item) -> Result<ShortText, Wrong> {
    Ok(ShortText::new(string(item)?)?)
}

/// An instant, written as a date with an offset, in quotes or without.
pub(crate) fn time(item: &Item) -> Result<Timestamp, Wrong> {
    let text = match item.as_datetime() {
        Some(datetime) => datetime.to_string(),
        None => string(item)?.to_owned(),
    };
    let hint = "write it in full with its offset: 2026-12-06T12:00:00Z";
    match Timestamp::parse(&text) {
        Some(time) if time.seconds() > 0 => Ok(time),
        _ => Err(Wrong::new(Reason::TimeInvalid.word(), "not an instant after 1970", hint)),
    }
}

/// A term of a vocabulary, by its word.
pub(crate) fn term<T: Copy>(text: &str, all: &'static [T], word: fn(T) -> &'static str) -> Result<T, Wrong> {
    if let Some(found) = all.iter().copied().find(|each| word(*each) == text) {
        return Ok(found);
    }
    let words: Vec<&str> = all.iter().map(|each| word(*each)).collect();
    let hint = match nearest(text, words.iter().copied()) {
        Some(known) => format!("did you mean {known}?"),
        None => format!("one of: {}", words.join(", ")),
    };
    Err(Wrong::new(Reason::ValueUnknown.word(), "not a word of this vocabulary", hint))
}

pub(crate) fn ministry(text: &str) -> Result<Ministry, Wrong> {
    let hint = "write the code of the ministry, such as XB";
    Ministry::parse(text)
        .map_err(|_| Wrong::new(Reason::ReferenceInvalid.word(), "not the code of a ministry", hint))
}

/// A message that the register knows.
pub(crate) fn referenced(references: &dyn References, text: &str) -> Result<Referenced, Wrong> {
    let hint = "write a register number, the beginning of a message id that is unique, or @last";
    references.message(text).ok_or_else(|| {
        Wrong::new(FORM_REFERENCE_UNKNOWN, "no message, or more than one, is known by this", hint)
    })
}
