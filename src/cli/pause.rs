//! `peer pause|resume`: lets nothing be exchanged with a peer for a time, at the gateway.

use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::operator::Operator;
use super::queue_report::counted;
use super::report::Done;
use crate::trust::name::Ministry;

/// Exchange nothing with a peer for now; the queue keeps what waits, also over restarts
///
/// Sessions with the peer end, and it is told PAUSED when it dials. The own desk goes on submitting. A message of
/// precedence FLASH, of our desk or of the peer, ends the pause, because a protective act must not wait for
/// somebody's convenience; the alarm PAUSE_ENDED tells you. With --force even FLASH waits. To refuse a ministry for
/// good, or for a reason that is its own, use `peer remove` or `channel suspend` at the desk.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery --home GATEWAY peer pause XB --reason TICKET-4711\n  \
    chancery --home GATEWAY peer resume XB")]
pub(super) struct Pause {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// A code or the number of a ticket, kept in the administrative log; never a name, never a text
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    reason: String,

    /// Also for messages of precedence FLASH
    #[arg(long)]
    force: bool,
}

/// Exchange messages with a paused peer again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chancery --home GATEWAY peer resume XB")]
pub(super) struct Resume {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,
}

impl Pause {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { ministry: peer, reason, force } = self;
        let paused =
            Operator::ask(context, async |mut operator| operator.pause(&peer, &reason, force).await).await;
        let queued = paused.map_err(|error| match error.reason_code() {
            Some("URGENT") => error.hint(format!("{} --force", context.typed)),
            _ => error,
        })?;
        let report = json!({
            "schema": "chancery.peer-pause/1",
            "ministry": peer.as_str(),
            "paused": true,
            "reason": (!reason.is_empty()).then_some(reason),
            "force": force,
            "queued": queued,
        });
        let flash = match force {
            true => "messages of precedence FLASH wait as well",
            false => "a message of precedence FLASH ends the pause",
        };
        Done::new(report)
            .says(format!("nothing is exchanged with {peer}; {} waiting", counted(queued, "message")))
            .says(flash)
            .next(context.command(&format!("peer resume {peer}")))
            .tell(context)
    }
}

impl Resume {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = self.ministry;
        let resumed = Operator::ask(context, async |mut operator| operator.resume(&peer).await).await;
        let queued = resumed.map_err(|error| match error.reason_code() {
            Some("NOT_PAUSED") => error.hint(context.command("status")),
            Some("AWAITS_DESK") => error.hint("chancery --home DESK outbox"),
            _ => error,
        })?;
        let report = json!({
            "schema": "chancery.peer-pause/1",
            "ministry": peer.as_str(),
            "paused": false,
            "queued": queued,
        });
        Done::new(report)
            .says(format!("{peer} is dialled; {} waiting", counted(queued, "message")))
            .next(context.command(&format!("peer ping {peer}")))
            .tell(context)
    }
}
