//! `peer remove`: believes a peer no more, at the desk.

use serde_json::json;

use super::confirm;
use super::consultation;
use super::context::Context;
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::queue_report::counted;
use super::report::Done;
use crate::consultation::state::opening::{self, Opening};
use crate::trust::name::Ministry;

/// Believe a peer no more: it is not accredited by the next policy, and its channels end
///
/// The gateway follows at once: sessions with the peer end, and it is told that it is not accredited. What was
/// exchanged stays readable and proven. Refused while messages to the peer wait or a consultation with it is open,
/// unless --yes says that this is meant. To believe it again, `peer add` with its fingerprint, compared anew. For a time
/// only, suspend its channel (`channel suspend`) or pause it at the gateway (`peer pause`).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery --home DESK peer remove XB\n  chancery --home DESK peer remove XB --yes"
)]
pub(super) struct Remove {
    /// Code of the ministry
    #[arg(value_name = "CODE", value_parser = Ministry::parse)]
    ministry: Ministry,

    /// Do not ask, and go on where messages wait or a consultation is open
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(super) async fn run(self, context: &Context) -> Result<(), CliError> {
        let peer = &self.ministry;
        let session = DeskSession::open(context)?;
        let failed = |error| desk_session::failure(context, error);
        if !session.trust().peers.contains_key(peer) {
            let message = format!("{peer} is not accredited at this desk");
            let error = CliError::new(Kind::NotFound, "not-accredited", message).reason("NOT_ACCREDITED");
            return Err(error.hint(context.command("peer list")));
        }
        session.update(context, Directions::Received).await?;
        session.update(context, Directions::Sent).await?;
        let waiting = session.desk.unsettled_with(peer).map_err(failed)?;
        let open = open_with(context, &session, peer)?;
        if !self.yes {
            refuse_unfinished(context, peer, waiting, &open)?;
        }
        let question = format!("nothing more is exchanged with {peer}, and its channels end? type {peer}:");
        confirm::type_back(context, &question, peer.as_str(), self.yes)?;
        let dismissing = async { session.desk.dismiss(&session.keys, peer).await.map_err(failed) };
        let ended = context.within("the gateway's answer", dismissing).await?;
        let channels: Vec<&str> = ended.iter().map(|channel| channel.as_str()).collect();
        let report = json!({
            "schema": "chancery.dismissal/1",
            "ministry": peer.as_str(),
            "channels": channels,
            "waiting": waiting,
            "open": open,
        });
        Done::new(report)
            .says(format!("{peer} is accredited no more, and the gateway follows"))
            .says(format!("channels that ended: {}", channels.join(", ")))
            .says("what was exchanged with it stays readable and proven")
            .next(context.command("peer list"))
            .tell(context)
    }
}

/// Consultations with a peer that nobody has ended.
fn open_with(context: &Context, session: &DeskSession, peer: &Ministry) -> Result<Vec<String>, CliError> {
    let now = context.clock.now();
    let all = consultation::all(context, session)?;
    let is_open = |state| matches!(state, Opening::Proposed | Opening::Open | Opening::Adjourned);
    let open = all.iter().filter(|folded| {
        let is_party = folded.book.charter().parties.iter().any(|party| party == peer);
        is_party && is_open(opening::state(&folded.book.everything(), now))
    });
    Ok(open.map(|folded| folded.consultation.clone()).collect())
}

fn refuse_unfinished(
    context: &Context,
    peer: &Ministry,
    waiting: usize,
    open: &[String],
) -> Result<(), CliError> {
    let (code, reason, message) = if waiting > 0 {
        let count = counted(waiting as u64, "message");
        ("messages-wait", "MESSAGES_WAIT", format!("{count} to {peer} not settled yet"))
    } else if !open.is_empty() {
        ("consultation-open", "CONSULTATION_OPEN", format!("open with {peer}: {}", open.join(", ")))
    } else {
        return Ok(());
    };
    let error = CliError::new(Kind::Refused, code, message).reason(reason);
    Err(error.hint(format!("{} --yes", context.typed)))
}
