//! `check`: everything that would keep a form from being sent, without sending it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::drafting::{FormFile, FormRefusal};
use super::error::CliError;
use super::shell_word;
use crate::consultation::rules::{self, Finding};
use crate::desk::form::FormError;
use crate::desk::form::draft::{Draft, IdsOnly};

/// Check a form without sending it
///
/// First every mistake of the form, each at its line (exit 2), then what the rules find (exit 2 where they forbid).
/// At a desk the rules are asked with what the casebook knows: whether a consultation is open, a case registered, a
/// will current, whose name stands in a text. That takes the passphrase. Where nobody can be asked for it, the form is
/// judged by what it says itself, and that is told; a form that answers a message, or leaves out what the casebook
/// knows, cannot be judged so.
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
            Ok(session) => Some(session),
            Err(error) if error.code() == "no-home" => None,
            Err(error) => return Err(error),
        };
        let draft = match &mut session {
            Some(session) => session.draft(context, &form, &self.attach),
            None => form.draft(context, &IdsOnly, &self.attach),
        };
        let draft = match draft {
            Ok(draft) => draft,
            Err(FormRefusal::Mistakes(mistakes)) => {
                report(context, &form, Some(&mistakes), None)?;
                return Err(form.mistakes(&mistakes));
            }
            Err(FormRefusal::Other(error)) => return Err(error),
        };
        let Some(mut session) = session else {
            report(context, &form, None, None)?;
            context.output.note(&format!("{}: the form has no mistakes", form.shown()));
            context.output.note("there is no desk here, so the rules were not asked");
            return Ok(());
        };
        let (findings, with_casebook) = judge(context, &mut session, &form, &draft)?;
        report(context, &form, None, Some((&findings, with_casebook)))?;
        if !with_casebook {
            context.output.note("the casebook was not asked: it opens with the passphrase of the desk");
        }
        form.judge(context, &findings)?;
        context.output.note(&format!("{}: nothing stands against sending it", form.shown()));
        context.output.next(&context.command(&format!("send {} --wait", shell_word(&form.shown()))));
        Ok(())
    }
}

/// What the rules find at this desk, which knows channels and offices, and whether its casebook was asked.
fn judge(
    context: &Context,
    session: &mut DeskSession,
    form: &FormFile,
    draft: &Draft,
) -> Result<(Vec<Finding>, bool), CliError> {
    match session.unlock(context) {
        Err(error) if error.code() != "passphrase-needed" || draft.in_reply_to.is_some() => {
            return Err(error);
        }
        _ => {}
    }
    let DeskSession { desk, trust, keys, .. } = session;
    let composed = desk.compose(trust, keys, draft, form.folder(), None);
    let findings = composed.map_err(|error| desk_session::failure(context, error))?.findings;
    Ok((findings, keys.reading().is_ok()))
}

fn report(
    context: &Context,
    form: &FormFile,
    mistakes: Option<&[FormError]>,
    judged: Option<(&[Finding], bool)>,
) -> Result<(), CliError> {
    if !context.output.is_json() {
        return Ok(());
    }
    let findings = judged.map(|(findings, _)| findings);
    let good = mistakes.is_none() && !findings.is_some_and(rules::forbids);
    let report = json!({
        "schema": "chancery.check/1",
        "file": form.shown(),
        "good": good,
        "mistakes": mistakes.unwrap_or_default().iter().map(mistake).collect::<Vec<_>>(),
        "rules_asked": findings.is_some(),
        "casebook_asked": judged.is_some_and(|(_, with_casebook)| with_casebook),
        "findings": findings.map(|findings| form.finding_reports(findings)).unwrap_or_default(),
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
