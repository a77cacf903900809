//! `status` in the home of a desk: what needs a person now, on one screen and in the exit code.
//!
//! Protective acts that some Power has not been sent come first, then urgent messages that nobody acknowledged in time: on
//! the side that sent them and on the side that has them. What is unread, what waits for the gateway and what is due next
//! follows, and when each certificate ends.

mod ends;
mod monitoring;
mod screen;

use super::acknowledging;
use super::context::Context;
use super::deadlines::{self, Deadline};
use super::desk_session::{DeskSession, Directions};
use super::error::{CliError, Kind};
use super::owed;
use super::status::form::Form;
use super::status::monitoring as plugin;
use crate::desk::refill::{Lacking, Refilled};
use crate::trust::name::Ministry;
use monitoring::Seen;
use screen::Screen;

/// Shows it in this form.
pub(super) async fn run(context: &Context, form: Form) -> Result<(), CliError> {
    let session = DeskSession::open(context)?;
    let is_there = session.update(context, Directions::Both).await?;
    let screen = Screen::of(context, &session, is_there)?;
    match form {
        Form::Nagios | Form::Prometheus => return watched(context, form, &screen.seen()),
        Form::Json => context.output.object(&screen.report(context))?,
        Form::Text => context.output.data(&screen.report(context), || screen.text(context))?,
    }
    let config = session.desk.config();
    ends::advise(context, config, &screen.endings, screen.now);
    // What nobody has been sent is countersigned when it has gone.
    let has_gone = |due: &Deadline| {
        screen.outstanding.iter().all(|one| one.copy.is_some() || one.reference() != due.reference)
    };
    let waits = |&due: &&Deadline| is_to_be_countersigned_by(&config.ministry, due) && has_gone(due);
    next(context, screen.unread, screen.due.iter().find(waits));
    acknowledging::advise(context, &config.ministry, &screen.due);
    if !screen.outstanding.is_empty() {
        return Err(owed::alarm(context, &screen.outstanding));
    }
    require_whole(context, &screen.refilled, screen.overtaken)?;
    if let Some(alarm) = screen.alarms().next() {
        return Err(deadlines::unacknowledged(context, alarm));
    }
    ends::require_believed(context, &screen.endings)?;
    if is_there {
        return Ok(());
    }
    let message = format!("the own gateway at {} is away", config.gateway);
    // The desk cannot tell more: whether it runs, and whom it lets in, is seen on its host.
    Err(CliError::new(Kind::TryLater, "gateway-away", message).hint("chancery --home GATEWAY doctor"))
}

/// Whether an act of this desk waits for a countersignature: nobody else gives it.
fn is_to_be_countersigned_by(own: &Ministry, due: &Deadline) -> bool {
    due.what.starts_with("countersign ") && due.who.contains(own)
}

/// What an officer does next who sees nothing worse.
fn next(context: &Context, unread: usize, countersigned: Option<&Deadline>) {
    if unread > 0 {
        context.output.next(&context.command("inbox --unread"));
    }
    if let Some(one) = countersigned.filter(|one| !one.reference.is_empty()) {
        context.output.next(&context.command(&format!("countersign {}", one.reference)));
    }
}

/// Tells monitoring in its own form. The page of metrics is whole whatever it says, so that its exit code says nothing.
fn watched(context: &Context, form: Form, seen: &Seen<'_>) -> Result<(), CliError> {
    if form == Form::Nagios {
        let (severity, line) = monitoring::line(seen);
        return plugin::end(context, severity, line);
    }
    let page = monitoring::page(seen)
        .map_err(|error| CliError::failed("metrics", "the metrics could not be written").because(&error))?;
    context.output.own_text(&page)
}

/// A register that lacks something, and a policy that this desk does not know, need a person: nobody departs on the
/// channels of the one, and nothing is accredited before the other is adopted.
fn require_whole(
    context: &Context,
    refilled: &Refilled,
    overtaken: Option<(u64, u64)>,
) -> Result<(), CliError> {
    if let Some(Lacking { recipient, count, why, opens_no_more, .. }) = refilled.lacking.first() {
        let message = format!(
            "this register was restored from an older backup and lacks {count} messages to {recipient}"
        );
        let error = CliError::failed("register-behind", message).cause(why.clone());
        return Err(match *opens_no_more {
            true => error
                .cause("it was sealed to a reading key that this home has not: look for a backup that has it first")
                .hint(context.command(&format!("outbox forgo {recipient}"))),
            false => error.hint("chancery --home GATEWAY doctor"),
        });
    }
    let Some((here, in_force)) = overtaken else { return Ok(()) };
    let message =
        format!("policy {in_force} is in force at the gateway, and this desk knows policy {here} only");
    Err(CliError::failed("policy-behind", message).hint(context.command("peer adopt")))
}
