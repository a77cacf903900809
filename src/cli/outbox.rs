//! `outbox`: what went out, and what became of it.

use std::path::PathBuf;

use serde_json::json;

use super::confirm;
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::forgo::Forgo;
use super::inbox::parse_ministry;
use super::owed;
use super::report::Done;
use super::sent_report;
use super::summary;
use super::table::Table;
use crate::consultation::reference::ConsultationId;
use crate::desk::error::DeskError;
use crate::desk::reference::Entry;
use crate::trust::name::Ministry;

/// List what went out
///
/// Hands over what is still here and asks the own gateway for receipts first; without it, shows what the register
/// holds. Ends with 5 while a Power is owed a protective act.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  chancery outbox\n  chancery outbox --with XB --json\n  \
    chancery outbox void XA-XB-2026-0007\n  chancery outbox fill C-4T9M-2XQ7-HD8K 6")]
pub struct Outbox {
    #[command(subcommand)]
    act: Option<Act>,

    /// Only to this ministry
    #[arg(long, value_name = "CODE", value_parser = parse_ministry)]
    with: Option<Ministry>,

    /// At most so many, the newest
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
}

/// What is done about one copy.
#[derive(Debug, clap::Subcommand)]
enum Act {
    Fill(Fill),
    Forgo(Forgo),
    Supply(Supply),
    Void(Void),
}

/// Give back a document of an act that somebody is owed, where the desk does not have it any more
///
/// For an act that `status` shows as owed because a document of it is gone (DOCUMENT_GONE): the file with its very bytes is
/// found by its digest, whatever it is called, and kept, sealed, until everybody was sent the act. Where nobody has the
/// document any more, send the act anew without it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery outbox supply annex.pdf")]
struct Supply {
    /// The document
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Supply {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let count = session.desk.supply(&session.keys, &self.file).map_err(failed)?;
        if count == 0 {
            let message = format!("no act that is owed lacks {}", self.file.display());
            let error = CliError::new(Kind::NotFound, "not-lacking", message);
            return Err(error.hint(context.command("status")));
        }
        session.update(context, Directions::Sent).await?;
        let report = json!({ "schema": "chancery.supplied/1", "acts": count });
        Done::new(report)
            .says(format!("{} is kept for those who are owed it", self.file.display()))
            .next(context.command("outbox"))
            .tell(context)
    }
}

/// Let a letter take the number of an act that reached nobody
///
/// Where an act was given up, its number is missing to every Power of the consultation, and `clear-to-depart` says no there
/// because a withdrawal might have stood under it. When every recipient has rejected its copy by a signed answer, a letter to
/// the same Powers takes the number and says so: nothing is missing then. Refused while any Power may have the act, and
/// always where it protects somebody: that goes to them anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery outbox fill C-4T9M-2XQ7-HD8K 6\n  \
    chancery outbox fill C-4T9M-2XQ7-HD8K 6 --yes --json")]
struct Fill {
    /// The consultation
    #[arg(value_name = "CONSULTATION", value_parser = parse_id)]
    consultation: ConsultationId,

    /// The number of the act, as `consultation show` tells it
    #[arg(value_name = "NUMBER")]
    number: u64,

    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
}

fn parse_id(text: &str) -> Result<ConsultationId, String> {
    ConsultationId::parse(text).map_err(|fault| fault.message().to_owned())
}

impl Fill {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut session = DeskSession::open_locked(context)?;
        session.unlock(context)?;
        let failed = |error| desk_session::failure(context, error);
        // What became of the copies, and what came meanwhile.
        session.update(context, Directions::Sent).await?;
        session.update(context, Directions::Received).await?;
        let DeskSession { desk, keys, .. } = &session;
        let trust = &session.trust();
        let composed = desk.stand_in(trust, keys, &self.consultation, self.number);
        let (draft, composition) = composed.map_err(failed)?;
        summary::lines(trust, &draft, &composition).iter().for_each(|line| context.output.note(line));
        let code = summary::codes(&composition);
        confirm::type_back(context, &format!("type {code} to sign and send:"), &code, self.yes)?;
        let sent = desk.send_stand_in(trust, keys, composition, self.number).await.map_err(failed)?;
        for copy in &sent {
            let report = sent_report::report(context, &session, copy, None)?;
            let reference = desk.spelling(&Entry::Sent(copy.clone())).map_err(failed)?;
            context.output.data(&report, || format!("{reference} takes the number {}", self.number))?;
        }
        Ok(())
    }
}

/// Give up a copy that the own gateway has not taken
///
/// For a copy whose sealed part is lost, or that the gateway refuses. Its number is signed and is never used for another
/// message: the gateway takes header and signature as withdrawn, the recipient is shown that, and the next message gets
/// the next number. What is in the gateway's custody is withdrawn there, by its operator. Of a protective act the copy is
/// given up and never the act: its recipient is owed it anew, and `outbox` tells of it. One that is owed to everybody has
/// no copy and is not given up: it goes as soon as it can, and another act says what is right now.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery outbox void XA-XB-2026-0007\n  chancery outbox void 3f9a --yes --json"
)]
struct Void {
    /// Register number or beginning of a message id
    #[arg(value_name = "REF")]
    reference: String,

    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
}

impl Void {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let mut session = DeskSession::open_locked(context)?;
        let failed = |error| desk_session::failure(context, error);
        let entry = session.desk.find(&self.reference).map_err(|error| match error {
            // What protects a person is not taken back, and there is no copy that could be given up.
            owed @ DeskError::NotSentYet { .. } => failed(owed)
                .cause("there is no copy of it to give up: what protects a person goes, whatever was meant")
                .cause("what was said wrongly is answered by another act, which is composed when this one has gone"),
            error => failed(error),
        })?;
        let reference = session.desk.spelling(&entry).map_err(failed)?;
        session.desk.stuck(&entry.id()).map_err(|error| match &error {
            // What was typed names it, and not its id.
            DeskError::NotStuck { id, .. } => {
                let message = error.to_string().replace(&id.to_string(), &reference);
                CliError::new(Kind::Refused, "not-stuck", message).hint(context.command("outbox"))
            }
            _ => failed(error),
        })?;
        context.output.note(&format!("{reference} will never be delivered, and its number is used up"));
        confirm::type_back(context, &format!("type {reference} to give it up:"), &reference, self.yes)?;
        session.unlock(context)?;
        let mut mailbox = session.mailbox(context).await?;
        let given_up = session.desk.void(&session.trust(), &mut mailbox, &entry.id()).await;
        let given_up = given_up.map_err(|error| desk_session::failure(context, error))?;
        let report = sent_report::report(context, &session, &given_up, None)?;
        context.output.data(&report, || format!("{reference} is {}", sent_report::state(&given_up)))?;
        session.desk.owe_anew(&session.trust(), &session.keys).map_err(failed)?;
        owed::tell_rest(context, &session, &entry)
    }
}

impl Outbox {
    /// Lists it, or does what is asked about one copy.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        match self.act {
            Some(Act::Void(void)) => return void.run(context).await,
            Some(Act::Fill(fill)) => return fill.run(context).await,
            Some(Act::Forgo(forgo)) => return forgo.run(context).await,
            Some(Act::Supply(supply)) => return supply.run(context).await,
            None => {}
        }
        let session = DeskSession::open(context)?;
        session.update(context, Directions::Sent).await?;
        let failed = |error| desk_session::failure(context, error);
        // One more than is shown tells whether there are more.
        let asked = self.limit.saturating_add(1);
        let sent = session.desk.register().newest_sent(self.with.as_ref(), asked);
        let copies = sent.map_err(|error| failed(error.into()))?;
        let older = copies.len().saturating_sub(self.limit);
        let mut table = Table::new(["REF", "TO", "ACT", "CONSULTATION", "RELEASED", "STATE"]);
        let mut reports = Vec::new();
        let key = session.keys.reading().map_err(failed)?;
        for copy in copies.into_iter().skip(older) {
            let entry = Entry::Sent(copy.clone());
            // Own messages are sealed to the own archive key as well.
            let opened = session.desk.unseal_unjudged(&session.trust(), &key, &entry).ok();
            let act = opened.as_ref().and_then(|opened| opened.act());
            let reference = entry.reference(&session.desk.config().ministry);
            let title = act.map_or("does not open", |act| act.act_kind().title());
            let (released, state) = (copy.release_time.to_string(), sent_report::state(&copy));
            table.row([&reference, copy.recipient.as_str(), title, &copy.consultation, &released, &state]);
            reports.push(sent_report::report(context, &session, &copy, act)?);
        }
        let mut outstanding = session.desk.outstanding(&session.trust(), &session.keys).map_err(failed)?;
        outstanding.retain(|one| self.with.as_ref().is_none_or(|with| one.recipient == *with));
        // What has no copy yet is owed all the same.
        for one in outstanding.iter().filter(|one| one.copy.is_none()) {
            let reference = one.reference();
            let unsent = session.desk.unsent(&session.keys, &one.dispatch.hex()).ok().flatten();
            let title = unsent.map_or("does not open", |unsent| unsent.act.act_kind().title());
            let (released, state) = (one.released.to_string(), format!("owed ({})", one.reason));
            table.row([&reference, one.recipient.as_str(), title, &one.consultation, &released, &state]);
            reports.push(owed::report(context, one));
        }
        context.output.list(&reports, &table, "nothing went out")?;
        owed::warn(context, outstanding.iter());
        if older > 0 {
            let more = self.limit.saturating_mul(2);
            let command = context.command(&format!("outbox -n {more}"));
            context.output.note(&format!("there are older ones: {command}"));
        }
        owed::error(context, &outstanding).map_or(Ok(()), Err)
    }
}
