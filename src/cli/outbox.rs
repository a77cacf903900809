//! `outbox`: what went out, and what became of it.

use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::CliError;
use super::inbox::parse_ministry;
use super::sent_report;
use super::table::Table;
use crate::desk::reference::Entry;
use crate::trust::name::Ministry;

/// List what went out
///
/// Hands over what is still here and asks the own gateway for receipts first; without it, shows what the register
/// holds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery outbox\n  chancery outbox --with XB --json")]
pub struct Outbox {
    /// Only to this ministry
    #[arg(long, value_name = "CODE", value_parser = parse_ministry)]
    with: Option<Ministry>,

    /// At most so many, the newest
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
}

impl Outbox {
    /// Lists it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        session.update(context, Directions::Sent).await?;
        let failed = |error| desk_session::failure(context, error);
        let sent = session.desk.register().sent();
        let mut copies = sent.map_err(|error| failed(error.into()))?;
        copies.retain(|copy| self.with.as_ref().is_none_or(|with| *with == copy.recipient));
        let older = copies.len().saturating_sub(self.limit);
        let mut table = Table::new(["REF", "TO", "ACT", "CONSULTATION", "RELEASED", "STATE"]);
        let mut reports = Vec::new();
        let key = session.keys.reading().map_err(failed)?;
        for copy in copies.into_iter().skip(older) {
            let entry = Entry::Sent(copy.clone());
            // Own messages are sealed to the own archive key as well.
            let opened = session.desk.unseal_unjudged(&session.trust, key, &entry).ok();
            let act = opened.as_ref().and_then(|opened| opened.act.as_ref());
            let reference = entry.reference(&session.desk.config().ministry);
            let title = act.map_or("does not open", |act| act.act_kind().title());
            let (released, state) = (copy.release_time.to_string(), sent_report::state(&copy));
            table.row([&reference, copy.recipient.as_str(), title, &copy.consultation, &released, &state]);
            reports.push(sent_report::report(context, &session, &copy, act)?);
        }
        context.output.list(&reports, &table, "nothing went out")?;
        if older > 0 {
            let all = older.saturating_add(self.limit);
            context.output.note(&format!("{older} older: chancery outbox -n {all}"));
        }
        Ok(())
    }
}
