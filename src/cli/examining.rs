//! Examining a form: `check` is told what `send` is told, because both ask here.
//!
//! A form and a desk enter; every mistake, everything that the rules find, and a composition where one can be made leave.
//! What must never happen: that `check` finds nothing and `send` refuses, or that one mistake hides another.

use std::path::PathBuf;

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::drafting::{FormFile, Written};
use super::error::{CliError, Kind};
use super::output::Mark;
use crate::consultation::rules::Finding;
use crate::desk::compose::Composition;
use crate::desk::form::draft::{ConsultationChoice, Draft};
use crate::desk::form::{FORM_FILE, FormError};

/// Fields without which nobody can say by what an act is judged.
const JUDGED_BY: [&str; 6] = ["kind", "to", "info", "consultation", "channel", "in_reply_to"];

/// What is to be examined.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// The form.
    pub(super) form: &'a FormFile,
    /// Files that go with it besides those it names.
    pub(super) attach: &'a [PathBuf],
    /// Label of an office that is to sign.
    pub(super) sign_as: Option<&'a str>,
    /// Whether it is of no use without the keys, as sending is.
    pub(super) needs_keys: bool,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Examined {
    /// The form as it was read.
    pub(super) written: Written,
    /// What would be sent; with mistakes, what they leave of it.
    pub(super) composition: Option<Composition>,
    /// What the rules find; none where they could not be asked.
    pub(super) findings: Option<Vec<Finding>>,
    /// Whether they were asked with what the casebook knows.
    pub(super) with_casebook: bool,
}

impl Examined {
    /// What is sent, where nothing stands against it. Warnings are shown on the way.
    fn sendable(self, context: &Context, form: &FormFile) -> Result<(Draft, Composition), CliError> {
        form.judge(context, &self.written.mistakes, self.findings.as_deref().unwrap_or_default())?;
        let nothing = || CliError::usage("form", format!("{} cannot be sent", form.shown()));
        self.written.draft.zip(self.composition).ok_or_else(nothing)
    }
}

impl DeskSession {
    /// Everything that stands against sending a form.
    pub(super) fn examine(
        &mut self,
        context: &Context,
        question: &Question<'_>,
    ) -> Result<Examined, CliError> {
        let written = self.written(context, question.form, question.attach)?;
        let judged = |mistake: &FormError| JUDGED_BY.contains(&name(&mistake.field));
        let draft = written.draft.clone().filter(|_| !written.mistakes.iter().any(judged));
        let Some(draft) = draft else {
            return Ok(Examined { written, composition: None, findings: None, with_casebook: false });
        };
        let is_good = written.mistakes.is_empty();
        match self.unlock(context) {
            Err(_) if !is_good => {}
            Err(error) if question.needs_keys || draft.in_reply_to.is_some() => return Err(error),
            Err(error) if error.code() != "passphrase-needed" => return Err(error),
            _ => {}
        }
        if question.needs_keys && is_good {
            // A wrong passphrase is told before anybody consents to anything.
            self.keys.registry().map_err(|error| desk_session::failure(context, error))?;
        }
        self.warn_of_unknown(context, &draft);
        let composition = match self.composed(context, &draft, question) {
            Ok(composition) => Some(composition),
            // The mistakes come first; what else is in the way shows itself when they are mended.
            Err(_) if !is_good => None,
            Err(error) => return Err(error),
        };
        let findings = composition.as_ref().map(|composition| {
            let findings = composition.findings.iter().cloned();
            findings.filter(|finding| !follows(finding, &written.mistakes)).collect()
        });
        let with_casebook = self.keys.reading().is_ok();
        Ok(Examined { written, composition, findings, with_casebook })
    }

    /// A consultation of which nothing is here is most likely a slip of the pen: whoever means it is not kept from it.
    fn warn_of_unknown(&self, context: &Context, draft: &Draft) {
        let ConsultationChoice::Known(consultation) = &draft.consultation else { return };
        let consultation = consultation.text();
        if self.desk.register().knows(&consultation).unwrap_or(true) {
            return;
        }
        let said =
            format!("no message of {consultation} is at this desk: is that the consultation which is meant?");
        context.output.step(Mark::Warning, &said);
        context.output.next(&context.command("consultation list"));
    }

    /// An error of the rules with the command that shows what they rest on: the consultation, where something of it is
    /// here.
    pub(super) fn shows_why(&self, context: &Context, consultation: &str, error: CliError) -> CliError {
        // Whatever stands in the way of looking, the error itself is told.
        let is_known = self.desk.register().knows(consultation).unwrap_or(false);
        match (error.code(), is_known) {
            ("rules", true) => {
                error.hint(context.command_with_keys(&format!("consultation show {consultation}")))
            }
            _ => error,
        }
    }

    /// What was found as `sendable` tells it, with the command that comes next where something stands against it.
    pub(super) fn sendable(
        &self,
        context: &Context,
        form: &FormFile,
        examined: Examined,
    ) -> Result<(Draft, Composition), CliError> {
        let composed = examined.composition.as_ref();
        let consultation = composed.map(|composition| composition.address.consultation.clone());
        examined.sendable(context, form).map_err(|error| {
            let error = self.shows_why(context, consultation.as_deref().unwrap_or_default(), error);
            match (error.code(), error.hint_command()) {
                ("form" | "rules", None) => error.hint(form.mending()),
                _ => error,
            }
        })
    }

    fn composed(
        &self,
        context: &Context,
        draft: &Draft,
        question: &Question<'_>,
    ) -> Result<Composition, CliError> {
        let failed = |error| desk_session::failure(context, error);
        let Self { desk, keys, .. } = self;
        let trust = &self.trust();
        let composed = desk.compose(trust, keys, draft, question.form.folder(), question.sign_as);
        let composition = composed.map_err(failed)?;
        desk.trial(&composition).map_err(failed)?;
        if let Some(label) = question.sign_as {
            let signs = composition.offices.iter().flatten().any(|office| office.label() == label);
            if !signs {
                let message = format!("no office {label} of this desk may give a signature this form needs");
                return Err(CliError::new(Kind::NotPermitted, "no-office", message));
            }
        }
        Ok(composition)
    }
}

/// Whether a finding is about something that stands in the place of a mistake.
fn follows(finding: &Finding, mistakes: &[FormError]) -> bool {
    let found = finding.field.as_str();
    mistakes.iter().any(|mistake| {
        let mut path = mistake.field.split('.');
        match name(path.next().unwrap_or_default()) {
            "act" => {
                let mut inner = found.split('.');
                inner.next() == Some("act") && inner.next().map(name) == path.next().map(name)
            }
            "text" | "document" if mistake.code == FORM_FILE => {
                found.starts_with("dispatch.documents[") || found.ends_with("_sha256")
            }
            "text" | "document" => found.starts_with("dispatch.documents") || found.ends_with("_document"),
            top => found.rsplit('.').next().map(name) == Some(top),
        }
    })
}

/// `persons[2]` as `persons`.
fn name(segment: &str) -> &str {
    segment.split(['[', '.']).next().unwrap_or_default()
}
