//! A form on the command line: read, with every mistake at its line, before anything is asked or signed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::desk_failure::failure;
use super::error::CliError;
use super::output::Mark;
use super::{failures, files, shell_word};
use crate::consultation::rules::{self, Finding, Severity};
use crate::desk::draft::DraftFile;
use crate::desk::form::draft::{Draft, References, Supplied};
use crate::desk::form::parse::Parsed;
use crate::desk::form::place::place;
use crate::desk::form::{FORM_PERSON_UNKNOWN, FormError, parse};
use crate::limits;

/// The reason where a draft was given for a form.
pub(super) const IS_DRAFT: &str = "FORM_IS_DRAFT";

/// Begins every file of evidence, as it does every zip.
const ARCHIVE: &[u8] = b"PK\x03\x04";

/// As much of a file as shows whether it is a draft.
const BEGINNING_BYTES: u64 = 1024;

/// A form as it was read.
pub(super) struct FormFile {
    path: PathBuf,
    text: String,
}

crate::consultation::opaque!(FormFile);

impl FormFile {
    /// Reads a form; `-` is stdin.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        // A draft may be larger than any form: it holds documents.
        if path.is_file() && begins_as_draft(path) {
            return Err(Self { path: path.to_owned(), text: String::new() }.is_a_draft());
        }
        let bytes = files::read(path, limits::FORM_BYTES_MAX)?;
        let is_archive = bytes.starts_with(ARCHIVE);
        let text = String::from_utf8(bytes).map_err(|_| {
            let error = CliError::usage("form", format!("{} is not a form: it is no text", path.display()));
            match is_archive {
                true => {
                    error.hint(format!("chancery verify --trust DIR {}", shell_word(&path.to_string_lossy())))
                }
                false => error.hint("chancery new --help"),
            }
        })?;
        let form = Self { path: path.to_owned(), text };
        if DraftFile::begins(&form.text) { Err(form.is_a_draft()) } else { Ok(form) }
    }

    /// What is signed already is not filled in any more.
    fn is_a_draft(&self) -> CliError {
        let error = CliError::usage("form", format!("{} is a draft, not a form", self.shown()));
        error.reason(IS_DRAFT).hint(format!("chancery draft show {}", self.word()))
    }

    /// Where paths in the form begin: beside it.
    pub(super) fn folder(&self) -> &Path {
        let beside = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        beside.unwrap_or(Path::new("."))
    }

    /// How messages name it.
    pub(super) fn shown(&self) -> String {
        if self.path == Path::new("-") { "stdin".to_owned() } else { self.path.display().to_string() }
    }

    /// How a command names it.
    pub(super) fn word(&self) -> String {
        shell_word(&self.path.to_string_lossy())
    }

    /// The command that mends it: every mistake was told at its line.
    pub(super) fn mending(&self) -> String {
        match self.path == Path::new("-") {
            true => "chancery new --help".to_owned(),
            false => format!("${{EDITOR:-vi}} {}", self.word()),
        }
    }

    /// What it says, with further files attached, and every mistake; with mistakes it is never sent.
    pub(super) fn written(
        &self,
        context: &Context,
        references: &dyn References,
        attached: &[PathBuf],
    ) -> Result<Written, CliError> {
        let Parsed { draft, mistakes } = parse::parse_all(&self.text, references);
        let Some(mut draft) = draft else { return Ok(Written { draft: None, mistakes }) };
        for mistake in &draft.left_out {
            context.output.step(Mark::Warning, &self.left_out(mistake));
        }
        for Supplied { field, said } in &draft.supplied {
            context.output.note(&format!("{}: {field} was left out and is {said}", self.shown()));
        }
        for path in attached {
            // The form may lie elsewhere; what was typed is meant from here.
            let path = std::path::absolute(path).map_err(|error| {
                CliError::failed("unreadable", format!("cannot find {}", path.display())).because(&error)
            })?;
            draft.attach(&path).map_err(|error| failure(context, error))?;
        }
        Ok(Written { draft: Some(draft), mistakes })
    }

    /// What a protective act goes without, or in spite of.
    fn left_out(&self, mistake: &FormError) -> String {
        let FormError { line, field, code, message, hint, .. } = mistake;
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        let cure = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
        let without = match *code {
            FORM_PERSON_UNKNOWN => "",
            _ => ": left out, a protective act goes without it",
        };
        format!("{}:{line}: {field}{message}{without}{cure}", self.shown())
    }

    /// All mistakes as one error: a line for each, as compilers write them.
    pub(super) fn mistakes(&self, mistakes: &[FormError]) -> CliError {
        self.all_that_is_wrong(mistakes, &[]).hint(format!("chancery check {}", self.word()))
    }

    /// The same with what the rules find besides.
    fn all_that_is_wrong(&self, mistakes: &[FormError], findings: &[Finding]) -> CliError {
        let shown = self.shown();
        let grave = || findings.iter().filter(|finding| finding.severity == Severity::Error);
        let count = |count: usize, one: &str, several: &str| match count {
            1 => one.to_owned(),
            count => format!("{count} {several}"),
        };
        let mut message = format!("{shown} has {}", count(mistakes.len(), "a mistake", "mistakes"));
        if grave().next().is_some() {
            let found = count(grave().count(), "a rule forbids", "findings of the rules stand against");
            message.push_str(&format!(", and {found} what else it says"));
        }
        let line = |mistake: &FormError| {
            let FormError { line, column, field, code, message, hint } = mistake;
            let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
            let cure = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
            format!("{shown}:{line}:{column}: {code}: {field}{message}{cure}")
        };
        let error = CliError::usage("form", message);
        let error = mistakes.iter().fold(error, |error, mistake| error.cause(line(mistake)));
        let error = grave().fold(error, |error, finding| error.cause(self.finding(finding)));
        match mistakes.first() {
            Some(first) => error.reason(first.reason()),
            None => error,
        }
    }

    /// Shows what the rules only warn of, and fails where there are mistakes or the rules forbid: with all of them.
    pub(super) fn judge(
        &self,
        context: &Context,
        mistakes: &[FormError],
        findings: &[Finding],
    ) -> Result<(), CliError> {
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Warning) {
            context.output.step(Mark::Warning, &self.finding(finding));
        }
        match (mistakes.is_empty(), rules::forbids(findings)) {
            (false, _) => Err(self.all_that_is_wrong(mistakes, findings)),
            (true, true) => Err(failures::forbidden(findings, |finding| self.finding(finding))),
            (true, false) => Ok(()),
        }
    }

    fn finding(&self, finding: &Finding) -> String {
        let line = failures::finding_line(finding);
        match place(&self.text, &finding.field) {
            Some((row, column)) => format!("{}:{row}:{column}: {line}", self.shown()),
            None => line,
        }
    }

    /// Findings as scripts see them.
    pub(super) fn finding_reports(&self, findings: &[Finding]) -> Vec<Value> {
        finding_reports(findings, |field| place(&self.text, field))
    }
}

/// Whether a file says in its first bytes that it is a draft. One that cannot be read says nothing.
fn begins_as_draft(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING_BYTES).read_to_end(&mut bytes));
    read.is_ok() && DraftFile::begins(&String::from_utf8_lossy(&bytes))
}

/// Findings as scripts see them; `place` gives line and column of a field.
pub(super) fn finding_reports(
    findings: &[Finding],
    place: impl Fn(&str) -> Option<(usize, usize)>,
) -> Vec<Value> {
    let each = findings.iter().map(|finding| {
        let place = place(&finding.field);
        json!({
            "rule": finding.reason(),
            "severity": if finding.severity == Severity::Error { "error" } else { "warning" },
            "field": finding.field,
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "message": finding.message,
            "hint": finding.hint,
        })
    });
    each.collect()
}

/// A form as it was read at a desk.
#[derive(Debug)]
pub(super) struct Written {
    /// What it says; with mistakes, what it would say without them.
    pub(super) draft: Option<Draft>,
    /// Every mistake.
    pub(super) mistakes: Vec<FormError>,
}

/// Why a form is no draft.
#[derive(Debug)]
pub(super) enum FormRefusal {
    /// It has mistakes.
    Mistakes(Vec<FormError>),
    /// Something else.
    Other(CliError),
}

impl From<CliError> for FormRefusal {
    fn from(error: CliError) -> Self {
        Self::Other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FORM_BYTES_MAX;

    #[test]
    fn a_draft_is_told_from_a_form_by_its_first_bytes_however_large_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.draft");
        for length in [0, usize::try_from(FORM_BYTES_MAX).unwrap()] {
            let rest = "#".repeat(length);
            std::fs::write(
                &path,
                format!("# A draft.\n\nformat = \"chancery-draft/1\"\naddress = \"\"\n{rest}"),
            )
            .unwrap();
            let error = FormFile::read(&path).unwrap_err();
            assert!(error.message().ends_with("note.draft is a draft, not a form"), "{}", error.message());
            assert_eq!((error.code(), error.reason_code()), ("form", Some(IS_DRAFT)));
            assert!(error.hint_command().unwrap().starts_with("chancery draft show "), "{error:?}");
        }
        std::fs::write(&path, "format = \"NOTE_VERBALE\"\n").unwrap();
        assert!(FormFile::read(&path).is_ok(), "only what says so is a draft");
    }

    #[test]
    fn what_is_no_text_is_not_hinted_to_be_typed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.zip");
        for (bytes, next) in
            [(&b"PK\x03\x04\xff\xfe"[..], "chancery verify --trust DIR "), (b"\xff", "chancery new ")]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = FormFile::read(&path).unwrap_err();
            assert!(error.hint_command().unwrap().starts_with(next), "{error:?}");
        }
    }

    #[test]
    fn a_form_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("form.toml");
        let most = usize::try_from(FORM_BYTES_MAX).unwrap();
        std::fs::write(&path, vec![b'#'; most]).unwrap();
        assert_eq!(FormFile::read(&path).unwrap().text.len(), most);
        std::fs::write(&path, vec![b'#'; most + 1]).unwrap();
        assert_eq!(FormFile::read(&path).unwrap_err().code(), "too-large");
    }
}
