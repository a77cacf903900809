//! `new`: a form to fill in.

use std::path::{Path, PathBuf};

use oxilangtag::LanguageTag;
use serde_json::json;

use super::clear_to_depart::parse_person;
use super::context::Context;
use super::desk_session::DeskSession;
use super::error::CliError;
use super::{acts, desk_session, files, person, shell_word};
use crate::consultation::act::ActKind;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::desk::form::answer;
use crate::desk::form::template::{self, Prefill};
use crate::desk::reference::Entry;
use crate::desk::register::ReceivedEntry;
use crate::message::envelope::Envelope;
use crate::trust::name::Ministry;

/// Write a form to fill in
///
/// With --reply-to, what the answered message decides is filled in. `new case-registration --consultation C-...` mints
/// the reference of the person, unless --person names one that was minted before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery new correspondence --to XB --lang ko,en -o note.toml\n  \
    chancery new transfer-response --reply-to @last -o answer.toml\n  \
    chancery new case-registration --consultation C-4T9M-0VQ2-8RKD --to XA -o case.toml")]
pub struct New {
    /// Kind of act; `chancery acts` lists them
    #[arg(value_name = "ACT", value_parser = acts::parse_kind)]
    act: ActKind,

    /// Ministries that must act or answer, by code
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = parse_ministry)]
    to: Vec<Ministry>,

    /// Ministries that receive a copy
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = parse_ministry)]
    info: Vec<Ministry>,

    /// The consultation it belongs to, or `new`
    #[arg(long, value_name = "C-...|new", value_parser = parse_consultation)]
    consultation: Option<Consultation>,

    /// The person whom it concerns; without it `new case-registration` mints a reference
    #[arg(long, value_name = "P-...", value_parser = parse_person)]
    person: Option<PersonRef>,

    /// The message it answers; addressee and consultation are taken from it
    #[arg(long, value_name = "REF")]
    reply_to: Option<String>,

    /// Languages of the texts, the official one first
    #[arg(long, value_name = "TAG", value_delimiter = ',', value_parser = parse_language)]
    lang: Vec<String>,

    /// File to write; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
}

/// A consultation as it is named on the command line.
#[derive(Debug, Clone, Copy)]
enum Consultation {
    New,
    Known(ConsultationId),
}

impl New {
    /// Writes it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let template = template::template(self.act, &self.prefill(context)?);
        if self.output == Path::new("-") {
            return context.output.data(
                &json!({
                    "schema": "chancery.form/1",
                    "kind": self.act.word(),
                    "form": template.text,
                    "to_fill": template.to_fill,
                    "optional": template.optional,
                }),
                || template.text.clone(),
            );
        }
        files::write(context, &self.output, template.text.as_bytes(), self.overwrite)?;
        let shown = self.output.display().to_string();
        let report = json!({
            "schema": "chancery.form-written/1",
            "kind": self.act.word(),
            "file": shown,
            "to_fill": template.to_fill,
            "optional": template.optional,
        });
        if context.output.is_json() {
            return context.output.data(&report, String::new);
        }
        let (to_fill, optional) = (template.to_fill, template.optional);
        context.output.note(&format!("wrote {shown} ({to_fill} fields to fill, {optional} optional)"));
        let check = context.command(&format!("check {}", shell_word(&shown)));
        context.output.next(&format!("edit it, then  {check}"));
        Ok(())
    }

    fn prefill(&self, context: &Context) -> Result<Prefill, CliError> {
        let mut prefill = Prefill {
            to: self.to.clone(),
            info: self.info.clone(),
            languages: self.lang.clone(),
            in_reply_to: self.reply_to.clone(),
            consultation: match self.consultation {
                Some(Consultation::Known(id)) => Some(id),
                Some(Consultation::New) | None => None,
            },
            act: Vec::new(),
        };
        self.answered(context, &mut prefill)?;
        if let (true, Some(consultation)) = (prefill.to.is_empty(), &prefill.consultation) {
            prefill.to = powers_of(context, consultation);
        }
        match (self.person, self.act, &prefill.consultation) {
            (Some(person), ..) => {
                let concerned = self.concerned(context, &person)?;
                prefill.act.retain(|(field, _)| *field != concerned.0);
                prefill.act.push(concerned);
            }
            (None, ActKind::CaseRegistration, Some(consultation)) => {
                prefill.act.extend(minted(context, consultation)?);
            }
            _ => {}
        }
        Ok(prefill)
    }

    /// The field of the act that says whom it concerns, with this person in it.
    fn concerned(&self, context: &Context, person: &PersonRef) -> Result<(&'static str, String), CliError> {
        let fields = self.act.fields();
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        let reference = person.text();
        if has("person") {
            return Ok(("person", format!("\"{reference}\"")));
        }
        if has("persons") {
            return Ok(("persons", format!("[\"{reference}\"]")));
        }
        let message = format!("an act of kind {} has no field for one person", self.act.word());
        let hint = context.command(&format!("acts {}", self.act.word()));
        Err(CliError::usage("no-person-field", message).hint(hint))
    }

    /// What the message it answers says of addressees, consultation and act.
    fn answered(&self, context: &Context, prefill: &mut Prefill) -> Result<(), CliError> {
        let Some(reference) = &self.reply_to else { return Ok(()) };
        if answer::takes_over(self.act) {
            prefill.act = self.taken_over(context, reference)?;
        }
        let desk = desk_session::desk(context)?;
        let answered = desk.find(reference).map_err(|error| desk_session::failure(context, error))?;
        if let (ActKind::RegistryReceipt, Entry::Received(entry)) = (self.act, &answered) {
            prefill.act = registered(entry, &answered.reference(&desk.config().ministry));
        }
        // `@last` would mean another message tomorrow.
        prefill.in_reply_to =
            Some(desk.spelling(&answered).map_err(|error| desk_session::failure(context, error))?);
        if self.consultation.is_none() {
            prefill.consultation = ConsultationId::parse(answered.consultation()).ok();
        }
        if prefill.to.is_empty() {
            prefill.to = other_side(&answered).into_iter().collect();
        }
        Ok(())
    }
}

impl New {
    /// What the answered act decides; it is opened for that.
    fn taken_over(
        &self,
        context: &Context,
        reference: &str,
    ) -> Result<Vec<(&'static str, String)>, CliError> {
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let entry = desk.find(reference).map_err(failed)?;
        let opened = desk.unseal(trust, keys, &entry).map_err(failed)?;
        Ok(opened.act().map(|act| answer::fields(self.act, act)).unwrap_or_default())
    }
}

/// What this registry knows of a message that it confirms: the number under which it is kept here, when it was received,
/// and that it was opened, once somebody has read it.
fn registered(entry: &ReceivedEntry, number: &str) -> Vec<(&'static str, String)> {
    let mut known =
        vec![("registry_number", format!("\"{number}\"")), ("register_time", entry.receive_time.to_string())];
    if entry.read_time.is_some() {
        known.push(("opened", "true".to_owned()));
    }
    known
}

/// A reference for the person whose case a form registers, minted where a desk is there and its keys can be opened;
/// elsewhere it is left to `person mint`.
fn minted(
    context: &Context,
    consultation: &ConsultationId,
) -> Result<Option<(&'static str, String)>, CliError> {
    let session = match DeskSession::open(context) {
        Ok(session) => session,
        Err(error) if matches!(error.code(), "no-home" | "passphrase-needed") => {
            let command = format!("person mint --consultation {}", consultation.text());
            context.output.note(&format!("no reference was minted; {}", context.command(&command)));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let person = person::mint(context, &session, consultation)?;
    context.output.note(&format!("minted {} for {}", person.text(), consultation.text()));
    Ok(Some(("person", format!("\"{}\"", person.text()))))
}

/// The Powers of a consultation, where a desk is there and knows it; its keys are not needed for that.
fn powers_of(context: &Context, consultation: &ConsultationId) -> Vec<Ministry> {
    let circle = DeskSession::open_locked(context)
        .ok()
        .and_then(|session| session.desk.circle_of(&session.trust(), None, consultation).ok().flatten());
    circle.map(|circle| circle.powers).unwrap_or_default()
}

/// Whom an answer to a message goes to.
fn other_side(answered: &Entry) -> Option<Ministry> {
    match answered {
        Entry::Received(received) => Some(received.sender.clone()),
        Entry::Sent(sent) => {
            let envelope = Envelope::parse(&sent.envelope).ok()?;
            Some(envelope.header().position().recipient.clone())
        }
    }
}

fn parse_ministry(code: &str) -> Result<Ministry, String> {
    Ministry::parse(code).map_err(|cause| cause.to_string())
}

fn parse_consultation(text: &str) -> Result<Consultation, String> {
    match text {
        "new" => Ok(Consultation::New),
        id => ConsultationId::parse(id)
            .map(Consultation::Known)
            .map_err(|_| "the id of a consultation such as C-7QK4-M2XD-9WTV, or new, is expected".to_owned()),
    }
}

fn parse_language(tag: &str) -> Result<String, String> {
    LanguageTag::parse(tag.to_owned())
        .map(|tag| tag.to_string())
        .map_err(|_| "a language tag such as ko, uk or en is expected".to_owned())
}
