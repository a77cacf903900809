//! A sent copy for scripts: `chancery.sent/1`, the same from `send` and `outbox`.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::DeskSession;
use super::error::CliError;
use super::proofs;
use crate::consultation::act::Act;
use crate::desk::reference::Entry;
use crate::desk::register::{SentEntry, SentState};
use crate::message::leaf::LeafKind;

/// A copy with its receipts; `act` where the caller has opened it.
pub(super) fn report(
    context: &Context,
    session: &DeskSession,
    copy: &SentEntry,
    act: Option<&Act>,
) -> Result<Value, CliError> {
    let entry = Entry::Sent(copy.clone());
    let proven = proofs::kept(context, session, &entry)?;
    let custody = proven.iter().find(|one| one.kind() == LeafKind::Sent);
    let answer = proven.iter().find(|one| one.kind() != LeafKind::Sent);
    Ok(json!({
        "schema": "chancery.sent/1",
        "ref": entry.reference(&session.desk.config().ministry),
        "message_id": copy.id.to_string(),
        "to": copy.recipient.as_str(),
        "kind": act.map(Act::kind),
        "consultation": copy.consultation,
        "sequence": copy.sequence,
        "act_number": copy.act_number,
        "released": copy.release_time.to_string(),
        "state": copy.state.word(),
        "reason": (!copy.reason.is_empty()).then_some(&copy.reason),
        "custody": custody.map(proofs::report),
        "receipt": answer.map(proofs::report),
    }))
}

/// Where a copy stands, for people.
pub(super) fn state(copy: &SentEntry) -> String {
    match copy.state {
        SentState::Released if copy.reason.is_empty() => "released, not handed over".to_owned(),
        SentState::Released => format!("released, not handed over ({})", copy.reason),
        SentState::Void => format!("void, its number not used up yet ({})", copy.reason),
        SentState::Queued if copy.reason.is_empty() => "queued".to_owned(),
        state if copy.reason.is_empty() => state.word().to_owned(),
        state => format!("{} ({})", state.word(), copy.reason),
    }
}
