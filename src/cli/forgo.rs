//! `outbox forgo`: gives up what a restored register lacks and nothing here opens any more.

use serde_json::json;

use super::confirm;
use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::inbox::parse_ministry;
use super::report::Done;
use crate::desk::error::DeskError;
use crate::desk::refill::{Lacking, Refilled};
use crate::trust::name::Ministry;

/// Give up what a restored register lacks, where no reading key of this desk opens it any more
///
/// For `register-behind` with SEAL_NOT_FOR_US: the desk was restored from a backup that is older than its reading key, and
/// what it had sent since was sealed to that key. Look for a backup that has the key first. What is given up keeps its
/// place and its act number, and nobody reads it here again; formal numbers that it may bear are left out. Nobody departs in
/// its consultations, because it may have been a withdrawal. The record of the desk says that it was given up, and `read` when.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery outbox forgo XB\n  chancery outbox forgo XB --yes --json")]
pub(super) struct Forgo {
    /// To whom it was sent
    #[arg(value_name = "CODE", value_parser = parse_ministry)]
    recipient: Ministry,

    /// Consent beforehand
    #[arg(short, long)]
    yes: bool,
}

impl Forgo {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        let mut mailbox = session.mailbox(context).await?;
        let trust = session.trust();
        // What does come back is no loss.
        let looking = async {
            let looked = session.desk.catch_up(&trust, &session.keys, &mut mailbox).await;
            looked.map_err(failed)
        };
        let looked = context.within("what this register lacks", looking).await?;
        let count = self.require_lost(context, &session, &looked)?;
        self.require_consent(context, count)?;
        let code = self.recipient.as_str();
        let giving_up = async {
            let given_up = session.desk.forgo(&trust, &session.keys, &mut mailbox, &self.recipient).await;
            given_up.map_err(failed)
        };
        let (forgone, left) = context.within("what this register lacks", giving_up).await?;
        let given_up = u64::try_from(forgone.copies).unwrap_or(u64::MAX);
        let consultations: Vec<&str> = forgone.consultations.iter().map(String::as_str).collect();
        let report = json!({
            "schema": "chancery.forgone/1",
            "recipient": code,
            "copies": forgone.copies,
            "consultations": consultations,
        });
        let done = Done::new(report)
            .says(format!("given up: {} to {code}", messages(given_up)))
            .says(format!("nobody departs in {}: a message of it does not open", consultations.join(", ")));
        done.next(context.command("status")).tell(context)?;
        match self.lacking(&left).next() {
            Some(lacking) => Err(self.still_behind(lacking)),
            None => Ok(()),
        }
    }

    /// What is given up is said before anybody consents to it, and to whoever cannot be asked.
    fn require_consent(&self, context: &Context, count: u64) -> Result<(), CliError> {
        let code = self.recipient.as_str();
        let what = format!(
            "{} that this desk had sent to {code} will never be read here, and nobody departs in their consultations",
            messages(count)
        );
        let question = format!("{what}; type {code} to give them up:");
        let consent = confirm::type_back(context, &question, code, self.yes);
        consent.map_err(|error| match error.code() {
            "consent-needed" => error
                .cause(format!("with --yes, {what}"))
                .cause("look for a backup that has the reading key first"),
            _ => error,
        })
    }

    fn lacking<'r>(&'r self, refilled: &'r Refilled) -> impl Iterator<Item = &'r Lacking> {
        refilled.lacking.iter().filter(|one| one.recipient == self.recipient)
    }

    /// How many messages are lost to this Power. Refuses where there are none, or they may still come back.
    fn require_lost(
        &self,
        context: &Context,
        session: &DeskSession,
        looked: &Refilled,
    ) -> Result<u64, CliError> {
        let recipient = &self.recipient;
        if let Some(lacking) = self.lacking(looked).find(|one| !one.opens_no_more) {
            return Err(self.still_behind(lacking));
        }
        let count = self.lacking(looked).fold(0_u64, |count, one| count.saturating_add(one.count));
        if count > 0 {
            let what = messages(count);
            context.output.note(&format!("this register lacks {what} that it had sent to {recipient}"));
            return Ok(count);
        }
        // A code that nobody bears is a slip of the hand, and not a Power to which nothing is lost.
        if let Err(unknown @ DeskError::NotAccredited(_)) = session.trust().bundle(recipient) {
            return Err(desk_session::failure(context, unknown));
        }
        let message = format!("this register lacks nothing that was sent to {recipient}");
        Err(CliError::new(Kind::NotFound, "not-lacking", message).hint(context.command("status")))
    }

    /// What the gateway may still give back is not given up.
    fn still_behind(&self, lacking: &Lacking) -> CliError {
        let Lacking { recipient, count, why, .. } = lacking;
        let message = format!("this register lacks {count} messages to {recipient} that may still come back");
        CliError::failed("register-behind", message).cause(why.clone()).hint("chancery --home GATEWAY doctor")
    }
}

/// So many messages, in words.
fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
