//! `inbox`: what came in.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::table::Table;
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::desk::register::ReceivedEntry;
use crate::message::envelope::Envelope;
use crate::trust::name::Ministry;

/// List what came in
///
/// Asks the own gateway first; without it, shows what the register holds, and ends with 5.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery inbox\n  chancery inbox --unread --with XB --json")]
pub struct Inbox {
    /// Only what nobody has read yet
    #[arg(long)]
    unread: bool,

    /// Only from this ministry
    #[arg(long, value_name = "CODE", value_parser = parse_ministry)]
    with: Option<Ministry>,

    /// At most so many, the newest
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
}

/// The code of a ministry on the command line.
pub(super) fn parse_ministry(code: &str) -> Result<Ministry, String> {
    Ministry::parse(code).map_err(|cause| cause.to_string())
}

impl Inbox {
    /// Lists it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        let is_there = session.update(context, Directions::Received).await?;
        // One more than is shown tells whether there are more: counting all would take longer with every message.
        let asked = self.limit.saturating_add(1);
        let received = session.desk.register().newest_received(self.with.as_ref(), self.unread, asked);
        let entries = received.map_err(|error| desk_session::failure(context, error.into()))?;
        let older = entries.len().saturating_sub(self.limit);
        let mut table = Table::new(["REF", "FROM", "PRECEDENCE", "ACT", "CONSULTATION", "RECEIVED", "STATE"]);
        let mut reports = Vec::new();
        for entry in entries.into_iter().skip(older) {
            let row = Row::of(context, &session, entry)?;
            row.show(&mut table);
            reports.push(row.report());
        }
        let nothing = if self.unread { "nothing is unread" } else { "nothing came in" };
        context.output.list(&reports, &table, nothing)?;
        if older > 0 {
            let more = self.limit.saturating_mul(2);
            let command = context.command(&format!("inbox -n {more}"));
            context.output.note(&format!("there are older ones: {command}"));
        }
        if is_there {
            return Ok(());
        }
        let message = "the own gateway is away: what waits there is not known here";
        Err(CliError::new(Kind::TryLater, "gateway-away", message).hint("chancery --home GATEWAY doctor"))
    }
}

/// A received message as it is listed: from its header, and from its content where that opens.
struct Row {
    reference: String,
    entry: ReceivedEntry,
    opened: Option<Opened>,
    precedence: &'static str,
    level: &'static str,
}

impl Row {
    fn of(context: &Context, session: &DeskSession, received: ReceivedEntry) -> Result<Self, CliError> {
        let failed = |error| desk_session::failure(context, error);
        let entry = Entry::Received(received.clone());
        let envelope = Envelope::parse(&received.envelope).map_err(|refusal| failed(refusal.into()))?;
        let key = session.keys.reading().map_err(failed)?;
        // What does not open is listed all the same; `read` says why.
        let opened = session.desk.unseal_unjudged(&session.trust(), &key, &entry).ok();
        let address = envelope.header().address();
        Ok(Self {
            reference: entry.reference(&session.desk.config().ministry),
            opened,
            precedence: address.precedence.word(),
            level: address.level.word(),
            entry: received,
        })
    }

    fn show(&self, table: &mut Table) {
        let act = self.opened.as_ref().map_or("does not open", |opened| match opened.act() {
            Some(act) => act.act_kind().title(),
            None => opened.dispatch.dispatch().kind.as_str(),
        });
        let Self { reference, entry, .. } = self;
        let received = entry.receive_time.to_string();
        table.row([
            reference,
            entry.sender.as_str(),
            self.precedence,
            act,
            &entry.consultation,
            &received,
            &self.state(),
        ]);
    }

    fn state(&self) -> String {
        let read = if self.entry.read_time.is_some() { "read" } else { "unread" };
        let mut state = match self.entry.refusal.as_str() {
            "" => read.to_owned(),
            refusal => format!("{read}, refused {refusal}"),
        };
        let due = self.opened.as_ref().and_then(|opened| opened.dispatch.dispatch().reply_due);
        if let Some(due) = due {
            state.push_str(&format!(", answer due {due}"));
        }
        state
    }

    fn report(&self) -> Value {
        let Self { entry, .. } = self;
        let dispatch = self.opened.as_ref().map(|opened| opened.dispatch.dispatch());
        let formal = dispatch.map(|dispatch| dispatch.formal_number.as_str()).filter(|one| !one.is_empty());
        json!({
            "schema": "chancery.received/1",
            "ref": self.reference,
            "message_id": entry.id.to_string(),
            "from": entry.sender.as_str(),
            "kind": dispatch.map(|dispatch| dispatch.kind.as_str()),
            "form": dispatch.map(|dispatch| dispatch.form.word()),
            "formal_number": formal,
            "consultation": entry.consultation,
            "sequence": entry.sequence,
            "act_number": entry.act_number,
            "precedence": self.precedence,
            "level": self.level,
            "released": entry.release_time.to_string(),
            "received": entry.receive_time.to_string(),
            "read": entry.read_time.map(|at| at.to_string()),
            "reply_due": dispatch.and_then(|dispatch| dispatch.reply_due).map(|at| at.to_string()),
            "refusal": (!entry.refusal.is_empty()).then_some(&entry.refusal),
        })
    }
}
