//! What a Power is owed of a protective act: said loudly, for each Power with the exact next command.
//!
//! What is outstanding enters as the desk knows it; lines, objects for scripts and the error leave. The exit code is that
//! of something that goes later by itself, with the word `owed`: the act is signed and registered, and to type it again
//! would make a second one.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_session::{self, DeskSession};
use super::error::{CliError, Kind};
use super::failures::LOST;
use super::output::Mark;
use super::{names, shell_word, typed_with};
use crate::consultation::withholding::Withheld;
use crate::desk::owed::{
    BUNDLE_ENDED, COPY_EXPIRED, COPY_REJECTED, COPY_VOID, COPY_WITHDRAWN, DOCUMENT_GONE, NOT_ACCREDITED,
    Outstanding, Paid, Unsent,
};
use crate::desk::reference::{Entry, by_digest};
use crate::desk::register::SentState;
use crate::trust::name::Ministry;

/// The one command that comes next: what stands in the way is mended, or it is tried again.
pub(super) fn next(context: &Context, one: &Outstanding) -> String {
    let (to, lower) = (shell_word(one.recipient.as_str()), one.recipient.lower());
    let words = match (&one.behind, one.reason.as_str()) {
        (_, DOCUMENT_GONE) => "outbox supply DOCUMENT".to_owned(),
        (_, BUNDLE_ENDED | NOT_ACCREDITED) => format!("peer add {lower}.bundle"),
        (Some(front), _) if LOST.contains(&front.reason.as_str()) => {
            format!("outbox void {}", front.reference)
        }
        _ => format!("outbox --with {to}"),
    };
    context.command_with_keys(&words)
}

/// For scripts: `chancery.owed/1`.
pub(super) fn report(context: &Context, one: &Outstanding) -> Value {
    json!({
        "schema": "chancery.owed/1",
        "to": one.recipient.as_str(),
        "consultation": one.consultation,
        "act_number": (one.act_number > 0).then_some(one.act_number),
        "released": one.released.to_string(),
        "dispatch_sha256": one.dispatch.hex(),
        "ref": one.reference(),
        "reason": (!one.reason.is_empty()).then_some(&one.reason),
        "behind": one.behind.as_ref().map(|front| &front.reference),
        "next": next(context, one),
    })
}

/// Tells of each Power that has not been sent the act.
pub(super) fn tell(context: &Context, outstanding: &[Outstanding]) -> Result<(), CliError> {
    for one in outstanding {
        if context.output.is_json() {
            context.output.data(&report(context, one), String::new)?;
        }
    }
    warn(context, outstanding.iter());
    Ok(())
}

/// The same for people alone.
pub(super) fn warn<'a>(context: &Context, outstanding: impl Iterator<Item = &'a Outstanding>) {
    for one in outstanding {
        let to = &one.recipient;
        context.output.step(Mark::Bad, &format!("{to} HAS NOT BEEN SENT a protective act: {one}"));
        context.output.next(&next(context, one));
    }
}

/// How the command ends that sent it; none where every Power was sent it.
pub(super) fn error(context: &Context, outstanding: &[Outstanding]) -> Option<CliError> {
    let first = outstanding.first()?;
    let message = format!("signed and registered, and owed to {}", powers(outstanding));
    let error = CliError::new(Kind::TryLater, "owed", message)
        .cause(first.to_string())
        .cause("it goes to them as soon as it can, with any command; do not send it again");
    let error = if first.reason.is_empty() { error } else { error.reason(first.reason.clone()) };
    Some(error.hint(next(context, first)))
}

/// Of an act that some have, to whom it is still owed; for scripts on stderr, since stdout holds what was asked for.
pub(super) fn tell_rest(context: &Context, session: &DeskSession, entry: &Entry) -> Result<(), CliError> {
    let Entry::Sent(copy) = entry else { return Ok(()) };
    let rest = session.desk.outstanding_of(&copy.dispatch_digest);
    let mut rest = rest.map_err(|error| desk_session::failure(context, error))?;
    rest.retain(|one| one.copy.is_none());
    rest.iter().try_for_each(|one| context.output.event(&report(context, one)))?;
    warn(context, rest.iter());
    Ok(())
}

/// An act that was owed has a copy now: which one it is, for whom, and under which numbers. A reader that is gone is told of
/// it by whatever he types next.
pub(super) fn tell_paid(context: &Context, session: &DeskSession, paid: &Paid) {
    let Paid { copy, act, reason } = paid;
    let reference = Entry::Sent(copy.clone()).reference(&session.desk.config().ministry);
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

/// Of an act that went anew because a copy of it ended: which copy it is now. Whoever names the act gets that one, and
/// whoever names the copy that ended gets what he named, and is led on.
pub(super) fn tell_anew(
    context: &Context,
    session: &DeskSession,
    typed: &str,
    entry: &Entry,
) -> Result<(), CliError> {
    let Entry::Sent(copy) = entry else { return Ok(()) };
    let failed = |error| desk_session::failure(context, error);
    let desk = &session.desk;
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

/// A protective act that nobody has been sent, as it is kept here. Who a person is stays withheld.
pub(super) fn show(context: &Context, unsent: &Unsent, outstanding: &[Outstanding]) -> Result<(), CliError> {
    let Unsent { dispatch, owed_to, released, address, act, documents } = unsent;
    let reference = by_digest(dispatch);
    let powers: Vec<&str> = owed_to.iter().map(Ministry::as_str).collect();
    let withheld = Withheld::of(Some(act), documents);
    let whole = json!({
        "schema": "chancery.unsent/1",
        "ref": reference,
        "dispatch_sha256": dispatch.hex(),
        "consultation": address.consultation,
        "released": released.to_string(),
        "owed_to": powers,
        "owed": outstanding.iter().map(|one| report(context, one)).collect::<Vec<Value>>(),
        "act": names::report(act, &withheld),
    });
    let owed = powers.join(", ");
    context.output.note(&format!(
        "signed and registered here, and owed to {owed} since {released}: nobody has it yet, and there is no receipt; it has \
         its number when it goes"
    ));
    context.output.data(&whole, || {
        format!(
            "reference      {reference}\nowed to        {}\nconsultation   {}\nreleased       {released}\n\
             precedence     {}\n\n{}",
            owed,
            address.consultation,
            address.precedence.word(),
            names::text(act, &withheld),
        )
    })
}

/// How `status` ends.
pub(super) fn alarm(context: &Context, outstanding: &[Outstanding]) -> CliError {
    let message = format!("a protective act is owed to {}", powers(outstanding));
    let error = CliError::failed("owed", message).reason("OWED");
    let error = outstanding.iter().fold(error, |error, one| error.cause(format!("{}: {one}", one.recipient)));
    match outstanding.first() {
        Some(first) => error.hint(next(context, first)),
        None => error,
    }
}

fn powers(outstanding: &[Outstanding]) -> String {
    let mut powers: Vec<&str> = outstanding.iter().map(|one| one.recipient.as_str()).collect();
    powers.sort_unstable();
    powers.dedup();
    powers.join(", ")
}
