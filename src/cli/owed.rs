//! What a Power is owed of a protective act: said loudly, for each Power with the exact next command.
//!
//! What is outstanding enters as the desk knows it; lines, objects for scripts and the error leave. The exit code is that
//! of something that goes later by itself, with the word `owed`: the act is signed and registered, and to type it again
//! would make a second one.

use serde_json::{Value, json};

use super::context::Context;
use super::desk_failure::{failure, next_of};
use super::desk_session::DeskSession;
use super::error::{CliError, Kind};
use super::names;
use super::output::Mark;
use crate::consultation::withholding::Withheld;
use crate::desk::owed::{Outstanding, Unsent};
use crate::desk::reference::{Entry, by_digest};
use crate::trust::name::Ministry;

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
        "next": next_of(context, one),
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
        context.output.next(&next_of(context, one));
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
    Some(error.hint(next_of(context, first)))
}

/// Of an act that some have, to whom it is still owed; for scripts on stderr, since stdout holds what was asked for.
pub(super) fn tell_rest(context: &Context, session: &DeskSession, entry: &Entry) -> Result<(), CliError> {
    let Entry::Sent(copy) = entry else { return Ok(()) };
    let rest = session.desk.outstanding_of(&copy.dispatch_digest);
    let mut rest = rest.map_err(|error| failure(context, error))?;
    rest.retain(|one| one.copy.is_none());
    rest.iter().try_for_each(|one| context.output.event(&report(context, one)))?;
    warn(context, rest.iter());
    Ok(())
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
        Some(first) => error.hint(next_of(context, first)),
        None => error,
    }
}

fn powers(outstanding: &[Outstanding]) -> String {
    let mut powers: Vec<&str> = outstanding.iter().map(|one| one.recipient.as_str()).collect();
    powers.sort_unstable();
    powers.dedup();
    powers.join(", ")
}
