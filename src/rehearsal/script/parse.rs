//! The text of a script into a `Script`, or every mistake at once.

use toml_edit::Document;

use super::moves::usual_label;
use super::{SCRIPT_VALUE, Script, consequences, heading, moves, proof};
use crate::desk::form::draft::IdsOnly;
use crate::desk::form::reader::{Fields, Report, Wrong};
use crate::desk::form::{FORM_SYNTAX, FormError};

/// Reads a script. All mistakes come at once, in the order of their lines.
pub fn parse(text: &str) -> Result<Script, Vec<FormError>> {
    let mut report = Report::new(text, &IdsOnly);
    let script = match Document::parse(text) {
        Ok(document) => read(&document, &mut report),
        Err(error) => {
            let hint = "texts stand in quotes, lists in [ ], steps begin with [[step]]";
            let wrong = Wrong::new(FORM_SYNTAX, error.message().replace('\n', ", "), hint);
            report.add(error.span(), "", wrong);
            None
        }
    };
    match script {
        Some(script) if report.errors.is_empty() => Ok(script),
        _ => {
            let mut errors = consequences::left_out(report.errors);
            errors.sort_by_key(|error| (error.line, error.column));
            Err(errors)
        }
    }
}

fn read(document: &Document<&str>, report: &mut Report<'_>) -> Option<Script> {
    let mut fields = Fields::new(document.as_table(), "", None);
    let mut script = heading::read(&mut fields, report);
    let mut tables = Vec::new();
    for table in fields.tables(report, "step") {
        tables.push((false, table));
    }
    for table in fields.tables(report, "check") {
        tables.push((true, table));
    }
    fields.finish(report);
    // Steps and checks are told apart by TOML, and happen in the order in which they stand in the file.
    tables.sort_by_key(|(_, table)| table.span().map_or(0, |span| span.start));
    // In mistakes a move is called what it is called where it is played: by its number.
    let tables = (1_usize..).zip(tables);
    let tables = tables.map(|(number, (is_check, table))| (is_check, table.called(usual_label(number))));
    let scripts = moves::read(&mut script, tables.collect(), report);
    proof::read_through(&script, &scripts, report);
    opened_by_itself(document, &script, report);
    Some(script)
}

/// A consultation that a step proposes does not stand open before it.
fn opened_by_itself(document: &Document<&str>, script: &Script, report: &mut Report<'_>) {
    let stated = document.get("opened").filter(|opened| opened.as_bool() == Some(true));
    if let Some(item) = stated.filter(|_| script.is_proposed_by_a_step()) {
        let message = "a step proposes the consultation, so it does not stand open before";
        let wrong = Wrong::new(SCRIPT_VALUE, message, "leave opened out, or the step");
        report.add(item.span(), "opened", wrong);
    }
}
