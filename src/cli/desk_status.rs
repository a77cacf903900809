//! `status` in the home of a desk: what needs a person now, on one screen and in the exit code.
//!
//! Protective acts that some Power has not been sent come first, then urgent messages that nobody acknowledged in time: on
//! the side that sent them and on the side that has them. What is unread, what waits for the gateway and what is due next
//! follows, and when each certificate ends.

mod ends;
mod monitoring;

use serde_json::{Value, json};

use super::capitals::Capitals;
use super::context::Context;
use super::deadlines::{self, Deadline};
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::owed;
use super::status::{Form, monitoring as plugin};
use super::table::Table;
use crate::desk::refill::{Lacking, Refilled};
use crate::trust::name::Ministry;
use monitoring::Seen;

/// Deadlines shown.
const DUE_SHOWN: usize = 10;

/// Messages counted at most.
const COUNTED_MAX: usize = 1000;

/// Shows it in this form.
pub(super) async fn run(context: &Context, form: Form) -> Result<(), CliError> {
    let session = DeskSession::open(context)?;
    let is_there = session.update(context, Directions::Received).await?;
    let failed = |error| desk_session::failure(context, error);
    let DeskSession { desk, keys, .. } = &session;
    let trust = &session.trust();
    let index = desk.casebook(trust, keys).map_err(failed)?;
    let now = context.clock.now();
    let mut due = Vec::new();
    for id in index.consultations() {
        let folded = desk.consultation_of(trust, keys, id).map_err(failed)?;
        due.extend(deadlines::spelled(desk, &folded, now).map_err(failed)?);
    }
    let due = deadlines::sorted(due);
    let counted = |count: Result<usize, crate::desk::register::RegisterFault>| {
        count.map_err(|fault| failed(fault.into()))
    };
    let unread = counted(desk.register().newest_received(None, true, COUNTED_MAX).map(|all| all.len()))?;
    let waiting = counted(desk.register().waiting(None, COUNTED_MAX).map(|all| all.len()))?;
    let outstanding = desk.outstanding(trust, keys).map_err(failed)?;
    // What is owed without a copy was not handed over either.
    let waiting = waiting.saturating_add(outstanding.iter().filter(|one| one.copy.is_none()).count());
    let alarms: Vec<&Deadline> = due.iter().filter(|one| one.is_alarm(now)).collect();
    let asked = session.asked();
    let refilled = asked.as_deref().map(|asked| asked.refilled().clone()).unwrap_or_default();
    let overtaken = session.overtaken();
    let more = due.len().saturating_sub(alarms.len()).saturating_sub(DUE_SHOWN);
    let endings = desk.endings(trust);
    if form == Form::Nagios || form == Form::Prometheus {
        let (owed, alarms, endings) = (outstanding.len(), alarms.len(), endings.as_slice());
        let seen = Seen { gateway: is_there, unread, waiting, owed, alarms, endings, now };
        return watched(context, form, &seen);
    }
    let report = json!({
        "schema": "chancery.desk-status/1",
        "ministry": desk.config().ministry.as_str(),
        "at": now.to_string(),
        "gateway": is_there,
        "register": {
            "returned": refilled.returned,
            "lacking": refilled.lacking.iter().map(|one| json!({
                "recipient": one.recipient.as_str(), "count": one.count, "why": one.why,
            })).collect::<Vec<Value>>(),
        },
        "policy_behind": overtaken.map(|(here, in_force)| json!({ "here": here, "in_force": in_force })),
        "unread": unread,
        "not_handed_over": waiting,
        "owed": outstanding.iter().map(|one| owed::report(context, one)).collect::<Vec<Value>>(),
        "consultations": index.consultations().len(),
        "alarms": alarms.iter().map(|one| one.report()).collect::<Vec<Value>>(),
        "certificates": endings.iter().map(|one| ends::report(one, now)).collect::<Vec<Value>>(),
        "due_more": more,
        "due": due.iter().filter(|one| !one.is_alarm(now)).take(DUE_SHOWN).map(Deadline::report)
            .collect::<Vec<Value>>(),
    });
    if form == Form::Json {
        context.output.object(&report)?;
    }
    let as_text = || {
        let at = Capitals::of([&desk.config().ministry]).show(now);
        let mut text = format!(
            "desk of {} at {at}\n\
             gateway        {}\n\
             register       {}\n\
             unread         {unread}\n\
             not handed over {waiting}\n\
             consultations  {}\n",
            desk.config().ministry,
            if is_there { "there" } else { "away: what waits there is not known here" },
            register_words(asked.is_some(), &refilled),
            index.consultations().len(),
        );
        let mut table = Table::new(["", "DUE", "WHAT", "PERSON", "CONSULTATION", "REF"]);
        for one in &outstanding {
            let what = format!("owed to {}: {one}", one.recipient);
            let reference = one.reference();
            table.row(["ALARM", &one.released.to_string(), &what, "-", &one.consultation, &reference]);
        }
        for one in alarms.iter().copied().chain(due.iter().filter(|one| !one.is_alarm(now)).take(DUE_SHOWN)) {
            let state = if one.is_overdue(now) { one.state(now) } else { "" };
            let (at, what, persons) = (one.at.to_string(), one.sentence(), one.persons_words());
            table.row([state, &at, &what, &persons, &one.consultation, &one.reference]);
        }
        text.push_str(&if table.is_empty() { "nothing is due\n".to_owned() } else { table.render() });
        if more > 0 {
            let all = context.command("consultation deadlines");
            text.push_str(&format!("and {more} more: {all}\n"));
        }
        text.push_str(&ends::table(&endings, &desk.config().ministry, now));
        text
    };
    if form == Form::Text {
        context.output.data(&report, as_text)?;
    }
    ends::advise(context, desk.config(), &endings, now);
    // What nobody has been sent is countersigned when it has gone.
    let has_gone =
        |due: &Deadline| outstanding.iter().all(|one| one.copy.is_some() || one.reference() != due.reference);
    let own = &desk.config().ministry;
    let waits = |&due: &&Deadline| is_to_be_countersigned_by(own, due) && has_gone(due);
    next(context, unread, due.iter().find(waits));
    if !outstanding.is_empty() {
        return Err(owed::alarm(context, &outstanding));
    }
    require_whole(context, &refilled, overtaken)?;
    if let Some(alarm) = alarms.first() {
        return Err(deadlines::unacknowledged(context, alarm));
    }
    if is_there {
        return Ok(());
    }
    let message = format!("the own gateway at {} is away", desk.config().gateway);
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

/// Whether the register is whole, in a few words.
fn register_words(is_compared: bool, refilled: &Refilled) -> String {
    let lacking: u64 = refilled.lacking.iter().map(|one| one.count).sum();
    match (is_compared, lacking, refilled.returned) {
        (false, ..) => "not compared with the gateway".to_owned(),
        (true, 0, 0) => "has all that the gateway holds".to_owned(),
        (true, 0, returned) => {
            format!(
                "was restored from an older backup: {returned} messages that this desk had sent came back"
            )
        }
        (true, lacking, _) => {
            format!("LACKS {lacking} messages that this desk had sent and the gateway holds")
        }
    }
}

/// A register that lacks something, and a policy that this desk does not know, need a person: nobody departs on the
/// channels of the one, and nothing is accredited before the other is adopted.
fn require_whole(
    context: &Context,
    refilled: &Refilled,
    overtaken: Option<(u64, u64)>,
) -> Result<(), CliError> {
    if let Some(Lacking { recipient, count, why, .. }) = refilled.lacking.first() {
        let message = format!(
            "this register was restored from an older backup and lacks {count} messages to {recipient}"
        );
        let error = CliError::failed("register-behind", message).cause(why.clone());
        return Err(error.hint("chancery --home GATEWAY doctor"));
    }
    let Some((here, in_force)) = overtaken else { return Ok(()) };
    let message =
        format!("policy {in_force} is in force at the gateway, and this desk knows policy {here} only");
    Err(CliError::failed("policy-behind", message).hint(context.command("peer adopt")))
}
