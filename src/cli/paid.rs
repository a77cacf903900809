//! What was owed and has gone: said to whoever was told that it had not.
//!
//! A copy enters; a line for people and an object for scripts leave. It never fails a command: the copy has gone, whether
//! anybody reads that or not.

use serde_json::json;

use super::context::Context;
use super::output::Mark;
use crate::desk::owed::{COPY_EXPIRED, COPY_REJECTED, COPY_VOID, COPY_WITHDRAWN, Paid};
use crate::desk::reference::{Entry, by_digest};
use crate::desk::register::SentState;
use crate::trust::name::Ministry;

/// An act that was owed has a copy now: which one it is, for whom, and under which numbers. A reader that is gone is told of
/// it by whatever he types next.
pub(super) fn tell(context: &Context, own: &Ministry, paid: &Paid) {
    let Paid { copy, act, reason } = paid;
    let reference = Entry::Sent(copy.clone()).reference(own);
    let (owed, to) = (by_digest(&copy.dispatch_digest), &copy.recipient);
    let is_taken = copy.state != SentState::Released;
    let numbered = (copy.act_number > 0).then_some(copy.act_number);
    let number =
        numbered.map_or_else(String::new, |number| format!(", act {number} of {}", copy.consultation));
    let fate = if is_taken { "has gone" } else { "waits for the own gateway" };
    let (again, act) = (gone_before(reason), act.word());
    // Somebody ended its copy: whoever it was, a person should look.
    let mark = if is_taken && again.is_empty() { Mark::Ok } else { Mark::Warning };
    let said = format!(
        "{owed} ({act} of {}), owed to {to}{again}, {fate} as {reference}{number}",
        copy.release_time
    );
    context.output.step(mark, &said);
    let _gone = context.output.event(&json!({
        "schema": "chancery.paid/1",
        "owed_ref": owed,
        "dispatch_sha256": copy.dispatch_digest.hex(),
        "kind": act,
        "ref": reference,
        "message_id": copy.id.to_string(),
        "to": to.as_str(),
        "consultation": copy.consultation,
        "act_number": numbered,
        "released": copy.release_time.to_string(),
        "state": copy.state.word(),
        "reason": (!reason.is_empty()).then_some(reason),
    }));
}

/// How the copy before it ended, where there was one; begins with a space.
fn gone_before(reason: &str) -> &'static str {
    match reason {
        COPY_REJECTED => " because its copy was refused",
        COPY_EXPIRED => " because its copy was not delivered in time",
        COPY_WITHDRAWN => " because its copy was withdrawn at the own gateway",
        COPY_VOID => " because its copy was given up here or refused by the own gateway",
        _ => "",
    }
}
