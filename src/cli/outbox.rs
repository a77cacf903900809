//! `outbox`: what went out, and what became of it.

use super::confirm;
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::CliError;
use super::inbox::parse_ministry;
use super::owed;
use super::sent_report;
use super::table::Table;
use crate::desk::owed::Outstanding;
use crate::desk::reference::Entry;
use crate::trust::name::Ministry;

/// List what went out
///
/// Hands over what is still here and asks the own gateway for receipts first; without it, shows what the register
/// holds.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  chancery outbox\n  chancery outbox --with XB --json\n  \
    chancery outbox void XA-XB-2026-0007")]
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
    Void(Void),
}

/// Give up a copy that the own gateway has not taken
///
/// For a copy whose sealed part is lost, or that the gateway refuses. Its number is signed and is never used for another
/// message: the gateway takes header and signature as withdrawn, the recipient is shown that, and the next message gets
/// the next number. What is in the gateway's custody is withdrawn there, by its operator.
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
        let entry = session.desk.find(&self.reference).map_err(failed)?;
        let reference = session.desk.spelling(&entry).map_err(failed)?;
        session.desk.stuck(&entry.id()).map_err(failed)?;
        context.output.note(&format!("{reference} will never be delivered, and its number is used up"));
        confirm::type_back(context, &format!("type {reference} to give it up:"), &reference, self.yes)?;
        session.unlock(context)?;
        let mut mailbox = session.mailbox(context).await?;
        let given_up = session.desk.void(&session.trust, &mut mailbox, &entry.id()).await;
        let given_up = given_up.map_err(|error| desk_session::failure(context, error))?;
        let report = sent_report::report(context, &session, &given_up, None)?;
        context.output.data(&report, || format!("{reference} is {}", sent_report::state(&given_up)))
    }
}

impl Outbox {
    /// Lists it, or does what is asked about one copy.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        if let Some(Act::Void(void)) = self.act {
            return void.run(context).await;
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
            let opened = session.desk.unseal_unjudged(&session.trust, key, &entry).ok();
            let act = opened.as_ref().and_then(|opened| opened.act());
            let reference = entry.reference(&session.desk.config().ministry);
            let title = act.map_or("does not open", |act| act.act_kind().title());
            let (released, state) = (copy.release_time.to_string(), sent_report::state(&copy));
            table.row([&reference, copy.recipient.as_str(), title, &copy.consultation, &released, &state]);
            reports.push(sent_report::report(context, &session, &copy, act)?);
        }
        context.output.list(&reports, &table, "nothing went out")?;
        let outstanding = session.desk.outstanding(&session.trust, &session.keys).map_err(failed)?;
        let concerned = |one: &&Outstanding| self.with.as_ref().is_none_or(|with| one.recipient == *with);
        owed::warn(context, outstanding.iter().filter(concerned));
        if older > 0 {
            let more = self.limit.saturating_mul(2);
            let command = context.command(&format!("outbox -n {more}"));
            context.output.note(&format!("there are older ones: {command}"));
        }
        Ok(())
    }
}
