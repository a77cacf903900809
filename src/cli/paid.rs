//! What was owed and has gone: said to whoever was told that it had not.
//!
//! A copy enters; a line for people and an object for scripts leave. It never fails a command: the copy has gone, whether
//! anybody reads that or not.

use serde_json::json;

use super::context::Context;
use super::desk_failure::failure;
use super::error::CliError;
use super::output::Mark;
use super::typed_with;
use crate::desk::Desk;
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

/// Of an act that went anew because a copy of it ended: which copy it is now. Whoever names the act gets that one, and
/// whoever names the copy that ended gets what he named, and is led on.
pub(super) fn tell_anew(context: &Context, desk: &Desk, typed: &str, entry: &Entry) -> Result<(), CliError> {
    let Entry::Sent(copy) = entry else { return Ok(()) };
    let failed = |error| failure(context, error);
    let living = desk.living(copy.clone()).map_err(failed)?;
    let copies = desk.register().copies_like(copy).map_err(|fault| failed(fault.into()))?;
    let names_the_act = copy.dispatch_digest.hex().starts_with(typed);
    if copies < 2 || (living.id == copy.id && !names_the_act) {
        return Ok(());
    }
    let (to, named) = (&copy.recipient, entry.reference(&desk.config().ministry));
    let now = desk.spelling(&Entry::Sent(living.clone())).map_err(failed)?;
    let stands = living.state.word();
    let said = match living.id == copy.id {
        true => {
            format!("{typed} went anew: of {copies} copies for {to} this is the newest, {now} ({stands})")
        }
        false => format!("{named} ended ({}), and its act went anew to {to} as {now}", copy.state.word()),
    };
    context.output.step(Mark::Warning, &said);
    if let Some(again) = typed_with(&context.typed, typed, &now).filter(|_| living.id != copy.id) {
        context.output.next(&again);
    }
    context.output.event(&json!({
        "schema": "chancery.went-anew/1",
        "ref": typed,
        "to": to.as_str(),
        "copies": copies,
        "state": copy.state.word(),
        "newest": now,
        "newest_state": stands,
    }))
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
