//! Receipts as people and scripts see them: one sentence and one JSON object for each.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::CliError;
use crate::desk::receipts::Proven;
use crate::desk::reference::Entry;
use crate::message::leaf::LeafKind;

/// What a receipt proves, in one sentence.
pub(super) fn sentence(proven: &Proven) -> String {
    let Proven { keeper, other, .. } = proven;
    let happened = match proven.kind() {
        LeafKind::Sent => format!("in custody of {keeper}'s gateway"),
        LeafKind::Received => format!("received by {keeper}"),
        LeafKind::Rejected => format!("rejected by {keeper} ({})", proven.receipt.leaf().reason),
        LeafKind::Expired => format!("expired at {keeper}'s gateway"),
        LeafKind::Withdrawn => format!("withdrawn at {keeper}'s gateway"),
        _ => "logged".to_owned(),
    };
    let cosigned = match proven.cosigned {
        Some(at) => format!("cosigned by {other} {at}"),
        None => format!("not yet cosigned by {other}"),
    };
    let (time, index) = (proven.time(), proven.index());
    format!("{happened} {time} · receipt verified, {keeper} log entry {index} · {cosigned}")
}

/// A receipt for scripts.
pub(super) fn report(proven: &Proven) -> Value {
    let reason = proven.receipt.leaf().reason.as_str();
    json!({
        "kind": proven.kind().word(),
        "time": proven.time().to_string(),
        "reason": (!reason.is_empty()).then_some(reason),
        "keeper": proven.keeper.as_str(),
        "log": proven.checkpoint.origin.as_str(),
        "index": proven.index(),
        "checkpoint_size": proven.checkpoint.size,
        "checkpoint_root": proven.checkpoint.root.hex(),
        "cosigned_by": proven.cosigned.map(|_| proven.other.as_str()),
        "cosigned_time": proven.cosigned.map(|at| at.to_string()),
        "verified": true,
    })
}

/// The receipts that the desk keeps of a message, verified again.
pub(super) fn kept(context: &Context, session: &DeskSession, entry: &Entry) -> Result<Vec<Proven>, CliError> {
    let kept = session.desk.kept_receipts(&session.trust(), entry);
    kept.map_err(|error| desk_session::failure(context, error))
}

/// Both sides' receipts by the own gateway, or those that are kept where it is away.
pub(super) async fn newest(
    context: &Context,
    session: &DeskSession,
    entry: &Entry,
) -> Result<Vec<Proven>, CliError> {
    let kept = kept(context, session, entry)?;
    let asking = async {
        let mut mailbox = session.mailbox(context).await?;
        let proven = session.desk.receipts(&session.trust(), &mut mailbox, entry).await;
        proven.map_err(|error| desk_session::failure(context, error))
    };
    match context.within("asking the own gateway for receipts", asking).await {
        Ok(proven) if !proven.is_empty() => Ok(proven),
        Ok(_) => Ok(kept),
        Err(error) if error.kind() == super::error::Kind::TryLater => {
            context.output.note("the gateway is away; these are the receipts that the register holds");
            Ok(kept)
        }
        Err(error) => Err(error),
    }
}
