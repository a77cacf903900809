//! Everything that `status` shows of a desk: gathered once, and written for people or for scripts.

use serde_json::{Value, json};

use super::ends;
use super::monitoring::Seen;
use crate::cli::capitals::Capitals;
use crate::cli::context::Context;
use crate::cli::deadlines::{self, Deadline};
use crate::cli::desk_session::{self, DeskSession};
use crate::cli::error::CliError;
use crate::cli::owed;
use crate::cli::table::Table;
use crate::desk::expiry::Ending;
use crate::desk::owed::Outstanding;
use crate::desk::refill::{Lacking, Refilled};
use crate::desk::register::RegisterFault;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Deadlines shown.
const DUE_SHOWN: usize = 10;

/// Messages counted at most.
const COUNTED_MAX: usize = 1000;

/// What is known of a desk.
pub(super) struct Screen {
    own: Ministry,
    /// When.
    pub(super) now: Timestamp,
    /// Whether the own gateway was there.
    is_there: bool,
    /// Whether the register was compared with what the gateway holds.
    is_compared: bool,
    /// What came of that.
    pub(super) refilled: Refilled,
    /// Numbers of the policy that this desk knows and of the later one in force at the gateway.
    pub(super) overtaken: Option<(u64, u64)>,
    /// Messages that nobody has read.
    pub(super) unread: usize,
    /// Messages that the gateway has not taken, and those of which there is no copy yet.
    waiting: usize,
    consultations: usize,
    /// Protective acts that some Power has not been sent.
    pub(super) outstanding: Vec<Outstanding>,
    /// What is due, the first first.
    pub(super) due: Vec<Deadline>,
    /// What ends, the nearest end first.
    pub(super) endings: Vec<Ending>,
}

impl Screen {
    /// Looks at a desk that was brought up with its gateway as far as that `is_there`.
    pub(super) fn of(context: &Context, session: &DeskSession, is_there: bool) -> Result<Self, CliError> {
        let failed = |error| desk_session::failure(context, error);
        let counted = |count: Result<usize, RegisterFault>| count.map_err(|fault| failed(fault.into()));
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let outstanding = desk.outstanding(trust, keys).map_err(failed)?;
        let index = desk.casebook(trust, keys).map_err(failed)?;
        let now = context.clock.now();
        let mut due = Vec::new();
        for id in index.consultations() {
            let folded = desk.consultation_of(trust, keys, id).map_err(failed)?;
            due.extend(deadlines::spelled(desk, &folded, now).map_err(failed)?);
        }
        let waiting = counted(desk.register().waiting(None, COUNTED_MAX).map(|all| all.len()))?;
        let due = deadlines::without(due, &outstanding);
        let asked = session.asked();
        Ok(Self {
            own: desk.config().ministry.clone(),
            now,
            is_there,
            is_compared: asked.is_some(),
            refilled: asked.map(|asked| asked.refilled().clone()).unwrap_or_default(),
            overtaken: session.overtaken(),
            unread: counted(desk.register().newest_received(None, true, COUNTED_MAX).map(|all| all.len()))?,
            // What is owed without a copy was not handed over either.
            waiting: waiting.saturating_add(outstanding.iter().filter(|one| one.copy.is_none()).count()),
            consultations: index.consultations().len(),
            outstanding,
            due: deadlines::sorted(due),
            endings: desk.endings(trust),
        })
    }

    /// Urgent messages that nobody acknowledged in time.
    pub(super) fn alarms(&self) -> impl Iterator<Item = &Deadline> {
        self.due.iter().filter(|one| one.is_alarm(self.now))
    }

    /// What is due besides, as far as it is shown.
    fn next_due(&self) -> impl Iterator<Item = &Deadline> {
        self.due.iter().filter(|one| !one.is_alarm(self.now)).take(DUE_SHOWN)
    }

    /// How much of what is due is not shown.
    fn due_more(&self) -> usize {
        self.due.len().saturating_sub(self.alarms().count()).saturating_sub(DUE_SHOWN)
    }

    /// What monitoring is told.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            gateway: self.is_there,
            unread: self.unread,
            waiting: self.waiting,
            owed: self.outstanding.len(),
            alarms: self.alarms().count(),
            endings: &self.endings,
            now: self.now,
        }
    }

    /// For scripts.
    pub(super) fn report(&self, context: &Context) -> Value {
        let lacking = |one: &Lacking| json!({ "recipient": one.recipient.as_str(), "count": one.count, "why": one.why });
        json!({
            "schema": "chancery.desk-status/1",
            "ministry": self.own.as_str(),
            "at": self.now.to_string(),
            "gateway": self.is_there,
            "register": {
                "returned": self.refilled.returned,
                "lacking": self.refilled.lacking.iter().map(lacking).collect::<Vec<Value>>(),
            },
            "policy_behind": self.overtaken.map(|(here, in_force)| json!({ "here": here, "in_force": in_force })),
            "unread": self.unread,
            "not_handed_over": self.waiting,
            "owed": self.outstanding.iter().map(|one| owed::report(context, one)).collect::<Vec<Value>>(),
            "consultations": self.consultations,
            "alarms": self.alarms().map(Deadline::report).collect::<Vec<Value>>(),
            "certificates": self.endings.iter().map(|one| ends::report(one, self.now)).collect::<Vec<Value>>(),
            "due_more": self.due_more(),
            "due": self.next_due().map(Deadline::report).collect::<Vec<Value>>(),
        })
    }

    /// For people.
    pub(super) fn text(&self, context: &Context) -> String {
        let mut text = format!(
            "desk of {} at {}\n\
             gateway        {}\n\
             register       {}\n\
             unread         {}\n\
             not handed over {}\n\
             consultations  {}\n",
            self.own,
            Capitals::of([&self.own]).show(self.now),
            if self.is_there { "there" } else { "away: what waits there is not known here" },
            register_words(self.is_compared, &self.refilled),
            self.unread,
            self.waiting,
            self.consultations,
        );
        let table = self.table();
        text.push_str(&if table.is_empty() { "nothing is due\n".to_owned() } else { table.render() });
        let more = self.due_more();
        if more > 0 {
            let all = context.command("consultation deadlines");
            text.push_str(&format!("and {more} more: {all}\n"));
        }
        text.push_str(&ends::table(&self.endings, &self.own, self.now));
        text
    }

    /// What is owed, what was let go by, and what is due next.
    fn table(&self) -> Table {
        let mut table = Table::new(["", "DUE", "WHAT", "PERSON", "CONSULTATION", "REF"]);
        for one in &self.outstanding {
            let what = format!("owed to {}: {one}", one.recipient);
            let reference = one.reference();
            table.row(["ALARM", &one.released.to_string(), &what, "-", &one.consultation, &reference]);
        }
        for one in self.alarms().chain(self.next_due()) {
            let state = if one.is_overdue(self.now) { one.state(self.now) } else { "" };
            let (at, what, persons) = (one.at.to_string(), one.sentence(), one.persons_words());
            table.row([state, &at, &what, &persons, &one.consultation, &one.reference]);
        }
        table
    }
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
