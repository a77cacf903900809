//! `check`: everything that would keep a form from being sent, without sending it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::DeskSession;
use super::drafting::FormFile;
use super::error::CliError;
use super::examining::{Examined, Question};
use crate::consultation::rules;
use crate::desk::documents;
use crate::desk::form::FormError;
use crate::desk::form::draft::{IdsOnly, Referenced, References};

/// Check a form without sending it
///
/// Every mistake of the form and everything that the rules find, at once and each at its line (exit 2 where anything
/// stands against it): what `send` would be told, and nothing else. At a desk the rules are asked with what the
/// casebook knows: whether a consultation is open, a case registered, a will current, whose name stands in a text.
/// That takes the passphrase. Where nobody can be asked for it, the form is judged by what it says itself, and that is
/// told; a form that answers a message, or leaves out what the casebook knows, cannot be judged so.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery check note.toml\n  chancery check request.toml -a statement.pdf"
)]
pub struct Check {
    /// The form; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File that `send` is going to attach
    #[arg(short, long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

impl Check {
    /// Checks it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let form = FormFile::read(&self.file)?;
        let mut session = match DeskSession::open_locked(context) {
            Ok(session) => session,
            Err(error) if error.code() == "no-home" => return self.without_a_desk(context, &form),
            Err(error) => return Err(error),
        };
        let question = Question { form: &form, attach: &self.attach, sign_as: None, needs_keys: false };
        let examined = session.examine(context, &question)?;
        report(context, &form, &examined)?;
        if examined.findings.is_some() && !examined.with_casebook {
            context.output.note("the casebook was not asked: it opens with the passphrase of the desk");
        }
        session.sendable(context, &form, examined)?;
        context.output.note(&format!("{}: nothing stands against sending it", form.shown()));
        context.output.next(&context.command(&format!("send {} --wait", form.word())));
        Ok(())
    }

    /// The form alone.
    fn without_a_desk(&self, context: &Context, form: &FormFile) -> Result<(), CliError> {
        let written = form.written(context, &FilesOnly(form.folder()), &self.attach)?;
        let examined = Examined { written, composition: None, findings: None, with_casebook: false };
        report(context, form, &examined)?;
        let judged = form.judge(context, &examined.written.mistakes, &[]);
        judged.map_err(|error| error.hint(form.mending()))?;
        context.output.note(&format!("{}: the form has no mistakes", form.shown()));
        context.output.note("there is no desk here, so the rules were not asked");
        Ok(())
    }
}

/// Knows no desk, and the files beside the form.
#[derive(Debug)]
struct FilesOnly<'a>(&'a Path);

impl References for FilesOnly<'_> {
    fn message(&self, reference: &str) -> Option<Referenced> {
        IdsOnly.message(reference)
    }

    fn fault_of_file(&self, path: &str) -> Option<String> {
        documents::fault_of(&self.0.join(path))
    }
}

fn report(context: &Context, form: &FormFile, examined: &Examined) -> Result<(), CliError> {
    if !context.output.is_json() {
        return Ok(());
    }
    let Examined { written, findings, with_casebook, .. } = examined;
    let good = written.mistakes.is_empty() && !findings.as_deref().is_some_and(rules::forbids);
    let left_out = written.draft.as_ref().map(|draft| draft.left_out.as_slice()).unwrap_or_default();
    let report = json!({
        "schema": "chancery.check/1",
        "file": form.shown(),
        "good": good,
        "mistakes": written.mistakes.iter().map(mistake).collect::<Vec<_>>(),
        "left_out": left_out.iter().map(mistake).collect::<Vec<_>>(),
        "rules_asked": findings.is_some(),
        "casebook_asked": with_casebook,
        "findings": findings.as_deref().map(|findings| form.finding_reports(findings)).unwrap_or_default(),
    });
    context.output.data(&report, String::new)
}

fn mistake(mistake: &FormError) -> Value {
    json!({
        "line": mistake.line,
        "column": mistake.column,
        "field": mistake.field,
        "code": mistake.code,
        "message": mistake.message,
        "hint": mistake.hint,
    })
}
