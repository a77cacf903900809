//! What commands that found, certify and accredit have in common: how they tell what they did.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use super::error::{CliError, Kind};
use super::{paths, shell_word};
use crate::keys::home::UNFINISHED_HOME;
use crate::keys::home::enrolment::Requested;
use crate::trust::fingerprint::Fingerprint;

/// What a command did: for scripts one report, for people lines and the commands that come next.
#[derive(Debug)]
pub(super) struct Done {
    report: Value,
    lines: Vec<String>,
    wrote: Vec<String>,
    next: Vec<String>,
}

impl Done {
    /// `report` carries its schema; what was written and what comes next are added to it.
    pub(super) fn new(report: Value) -> Self {
        Self { report, lines: Vec::new(), wrote: Vec::new(), next: Vec::new() }
    }

    /// A line for people.
    pub(super) fn says(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// A file that was written; nothing for stdout.
    pub(super) fn wrote(mut self, path: &Path) -> Self {
        if path != Path::new("-") {
            self.wrote.push(path.display().to_string());
        }
        self
    }

    /// A command that comes next.
    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.next.push(command.into());
        self
    }

    /// Says it.
    pub(super) fn tell(mut self, context: &Context) -> Result<(), CliError> {
        if context.output.is_json() {
            if let Some(report) = self.report.as_object_mut() {
                report.insert("wrote".to_owned(), json!(self.wrote));
                report.insert("next".to_owned(), json!(self.next));
            }
            return context.output.data(&self.report, String::new);
        }
        self.lines.iter().for_each(|line| context.output.note(line));
        self.wrote.iter().for_each(|path| context.output.note(&format!("wrote {path}")));
        self.next.iter().for_each(|command| context.output.next(command));
        Ok(())
    }
}

/// Refuses a place that is taken before anybody is asked for a passphrase.
pub(super) fn require_vacant(directory: &Path) -> Result<(), CliError> {
    let occupied = match std::fs::read_dir(directory) {
        // What somebody who was killed had begun to fill is swept where it is filled again.
        Ok(mut entries) => entries.any(|entry| !entry.is_ok_and(|entry| is_unfinished(&entry))),
        Err(_) => directory.symlink_metadata().is_ok(),
    };
    if !occupied {
        return Ok(());
    }
    let message = format!("{} exists already and was left as it is", directory.display());
    let hint = format!("ls -la {}", shell_word(&directory.to_string_lossy()));
    Err(CliError::new(Kind::NotFound, "exists", message).reason("HOME_ALREADY_EXISTS").hint(hint))
}

fn is_unfinished(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(UNFINISHED_HOME)
}

/// Refuses to write over a file before anything irrevocable is done.
pub(super) fn require_no_file(path: &Path) -> Result<(), CliError> {
    if path == Path::new("-") || path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(paths::in_the_way(path))
}

/// Words of a fingerprint in one line.
const WORDS_IN_LINE: usize = 4;

/// A fingerprint in both forms, as it is compared: each word with its number, by which whoever compares asks for it.
pub(super) fn fingerprint(fingerprint: &Fingerprint) -> String {
    let words = fingerprint.words();
    let numbered: Vec<String> =
        (1_usize..).zip(&words).map(|(number, word)| format!("{number:>2} {word:<10}")).collect();
    let lines: Vec<String> = numbered
        .chunks(WORDS_IN_LINE)
        .map(|line| format!("               {}", line.concat()).trim_end().to_owned())
        .collect();
    format!("fingerprint    {fingerprint}\n{}", lines.join("\n"))
}

/// A key that asks for a certificate, as scripts see it.
pub(super) fn requested(requested: &Requested, home: &Path) -> Value {
    json!({
        "key": requested.stem,
        "name": requested.name.to_string(),
        "authorities": requested.authorities.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "request": requested.place(home, "csr"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_fingerprint_bears_its_number_and_what_is_shown_is_taken_as_it_stands() {
        let root = Fingerprint::of(b"root");
        let shown = fingerprint(&root);
        let (_, words) = shown.split_once('\n').unwrap();
        assert!(words.starts_with(&format!("                1 {}", root.words()[0])), "{shown}");
        assert!(words.ends_with(&format!("24 {}", root.words()[23])), "{shown}");
        assert_eq!((words.lines().count(), Fingerprint::parse(words)), (6, Ok(root)));
    }
}
