//! What is due in consultations: urgent messages that wait for acknowledgement, answers, what runs out.
//!
//! A folded consultation and an instant enter; deadlines leave, the first first. The pure states say what is due;
//! here it only gets words. What this desk has not sent is due from it, and from nobody who waits for it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::capitals::Capitals;
use super::context::Context;
use super::error::CliError;
use super::owed;
use super::registers::Registers;
use super::table::Table;
use crate::consultation::act::Act;
use crate::consultation::registered::Registered;
use crate::consultation::state::acknowledgement::{self, Unacknowledged};
use crate::consultation::state::countersignature;
use crate::consultation::state::medical::FitnessStanding;
use crate::consultation::state::next_steps::{self, Step};
use crate::consultation::state::places::Spoken;
use crate::consultation::state::protection::ProtectionStanding;
use crate::consultation::state::reached::Stage;
use crate::consultation::state::stage;
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{medical, saying, will};
use crate::desk::Desk;
use crate::desk::casebook::Folded;
use crate::desk::error::DeskError;
use crate::desk::owed::Outstanding;
use crate::desk::reference::Entry;
use crate::desk::silence::Way;
use crate::message::terms::ActClass;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    /// When.
    pub(super) at: Timestamp,
    /// Who must act; empty where nobody in particular.
    pub(super) who: Vec<Ministry>,
    /// What.
    pub(super) what: String,
    /// In which consultation.
    pub(super) consultation: String,
    /// About whom.
    pub(super) persons: Vec<String>,
    /// The message it is about; may be empty.
    pub(super) reference: String,
    /// Whether it is an alarm once its time has passed.
    pub(super) alarming: bool,
    /// SHA-256 of the dispatch, to be read out on the telephone.
    pub(super) digest: Option<String>,
    /// The non-acknowledgement that was signed about it.
    pub(super) signed: Option<String>,
    /// The ministry that this desk has not sent it.
    pub(super) owed_to: Option<Ministry>,
}

impl Deadline {
    /// For a cell: when and what.
    pub(super) fn short(&self) -> String {
        format!("{} {}", self.at, self.what)
    }

    /// Whether its time has passed.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        now > self.at
    }

    /// Whether somebody must be woken.
    pub(super) fn is_alarm(&self, now: Timestamp) -> bool {
        self.alarming && self.is_overdue(now)
    }

    /// For scripts.
    pub(super) fn report(&self) -> Value {
        json!({
            "schema": "chancery.deadline/1",
            "at": self.at.to_string(),
            "who": self.who.iter().map(Ministry::as_str).collect::<Vec<_>>(),
            "what": self.what,
            "consultation": self.consultation,
            "person": match self.persons.as_slice() { [one] => Some(one), _ => None },
            "persons": self.persons,
            "ref": self.reference,
            "alarming": self.alarming,
            "dispatch_sha256": self.digest,
            "non_acknowledgement": self.signed,
            "owed_to": self.owed_to.as_ref().map(Ministry::as_str),
        })
    }

    /// Whether it is this act that a Power was not sent.
    fn is_of(&self, outstanding: &Outstanding) -> bool {
        self.owed_to.as_ref() == Some(&outstanding.recipient)
            && self.digest.as_ref().is_some_and(|digest| *digest == outstanding.dispatch.hex())
    }

    /// Who must do what, for a cell.
    pub(super) fn sentence(&self) -> String {
        match self.who.as_slice() {
            [] => self.what_words(),
            _ => format!("{}: {}", self.who_words(), self.what_words()),
        }
    }

    /// What must be done, and what was signed because it was not.
    fn what_words(&self) -> String {
        match &self.signed {
            None => self.what.clone(),
            Some(signed) => format!("{}, non-acknowledgement {signed}", self.what),
        }
    }

    fn who_words(&self) -> String {
        match self.who.as_slice() {
            [] => "-".to_owned(),
            who => who.iter().map(Ministry::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    /// About whom, for a cell.
    pub(super) fn persons_words(&self) -> String {
        match self.persons.as_slice() {
            [] => "-".to_owned(),
            persons => persons.join(", "),
        }
    }

    /// Whether it is an alarm, overdue, or to come.
    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        match (self.is_alarm(now), self.is_overdue(now)) {
            (true, _) => "ALARM",
            (false, true) => "overdue",
            (false, false) => "due",
        }
    }
}

/// What is due in a consultation, the first first.
pub(super) fn of(desk: &Desk, folded: &Folded, now: Timestamp) -> Result<Vec<Deadline>, DeskError> {
    let registers = Registers::of_consultation(folded);
    let gathering = Gathering { desk, folded, registers, now, found: Vec::new() };
    Ok(sorted(gathering.all()?))
}

/// The same without the protective acts that are told as outstanding.
pub(super) fn without(mut due: Vec<Deadline>, outstanding: &[Outstanding]) -> Vec<Deadline> {
    due.retain(|due| !outstanding.iter().any(|one| due.is_of(one)));
    due
}

/// The same with each of them, and why it has not gone.
pub(super) fn with(own: &Ministry, due: Vec<Deadline>, outstanding: &[Outstanding]) -> Vec<Deadline> {
    let told = outstanding.iter().map(|one| {
        let found = due.iter().find(|due| due.is_of(one));
        let what = found.map_or_else(|| format!("send an act to {}", one.recipient), |due| due.what.clone());
        Deadline {
            at: one.released,
            who: vec![own.clone()],
            what: format!("{what}: {one}"),
            consultation: one.consultation.clone(),
            persons: found.map(|due| due.persons.clone()).unwrap_or_default(),
            reference: one.reference(),
            alarming: true,
            digest: Some(one.dispatch.hex()),
            signed: None,
            owed_to: Some(one.recipient.clone()),
        }
    });
    let told: Vec<Deadline> = told.collect();
    sorted(without(due, outstanding).into_iter().chain(told).collect())
}

/// The same, where each message is named so that what is typed names no other one, and an act that went anew by the copy in
/// which it goes on.
pub(super) fn spelled(desk: &Desk, folded: &Folded, now: Timestamp) -> Result<Vec<Deadline>, DeskError> {
    let mut all = of(desk, folded, now)?;
    for due in all.iter_mut().filter(|due| !due.reference.is_empty()) {
        // A number that no message bears is the beginning of a digest.
        due.reference = match desk.find(&due.reference) {
            Err(DeskError::Ambiguous { .. }) => {
                let kept = folded.kept.values().find(|kept| kept.register_number() == due.reference);
                match kept.map(|kept| desk.find(&kept.id().to_string())) {
                    Some(Ok(entry)) => desk.spelling_now(&entry)?,
                    Some(Err(_)) | None => continue,
                }
            }
            Ok(Entry::Sent(copy)) if copy.state.has_ended() => desk.spelling_now(&Entry::Sent(copy))?,
            _ => continue,
        };
    }
    Ok(all)
}

/// The first first.
pub(super) fn sorted(mut all: Vec<Deadline>) -> Vec<Deadline> {
    all.sort();
    all.dedup();
    all
}

struct Gathering<'a> {
    desk: &'a Desk,
    folded: &'a Folded,
    registers: Registers,
    now: Timestamp,
    found: Vec<Deadline>,
}

impl Gathering<'_> {
    fn all(mut self) -> Result<Vec<Deadline>, DeskError> {
        self.acknowledgements()?;
        self.countersignatures();
        self.replies();
        let past = self.folded.book.everything();
        for step in next_steps::of_consultation(&past, self.now) {
            self.step(&step);
        }
        let persons: Vec<_> = past.persons().collect();
        for person in persons {
            for step in next_steps::of_person(&past, &person, self.now, self.folded.book.charter()) {
                self.step(&step);
            }
            self.what_runs_out(person);
        }
        Ok(self.found)
    }

    fn add(&mut self, at: Timestamp, who: Vec<Ministry>, what: impl Into<String>) -> &mut Deadline {
        let consultation = self.folded.consultation.clone();
        let (persons, reference, alarming, digest) = (Vec::new(), String::new(), false, None);
        let (signed, owed_to) = (None, None);
        let what = what.into();
        self.found.push(Deadline {
            at,
            who,
            what,
            consultation,
            persons,
            reference,
            alarming,
            digest,
            signed,
            owed_to,
        });
        let last = self.found.len().saturating_sub(1);
        // It was pushed just now.
        #[allow(clippy::indexing_slicing, reason = "the last entry exists")]
        &mut self.found[last]
    }

    fn acknowledgements(&mut self) -> Result<(), DeskError> {
        let (desk, folded) = (self.desk, self.folded);
        for one in acknowledgement::unacknowledged(folded.book.history(), folded.book.charter()) {
            let is_own = one.act.sender == desk.config().ministry;
            let way =
                if is_own { desk.way_of(folded, &one)? } else { Way::Until(self.due_of_received(&one)) };
            let Way::Until(due) = way else {
                self.owed(&one);
                continue;
            };
            let reference = self.registers.of(one.act);
            let alarming = one.is_alarming(Timestamp::from_seconds(i64::MAX));
            let digest = one.act.reference.dispatch_digest().hex();
            let what = format!("acknowledge {} {}", one.act.precedence, one.act.kind);
            let signed = one.signed.map(|signed| self.registers.of(signed));
            let added = self.add(due, vec![one.addressee.clone()], what);
            (added.reference, added.alarming, added.digest) = (reference, alarming, Some(digest));
            (added.signed, added.persons) = (signed, of_act(one.act));
        }
        // Its addressee may never have had the message: the signed word of its sender is all there is of it here.
        for (said, act) in acknowledgement::of_absent(folded.book.history()) {
            let what =
                format!("acknowledge {} message {}, which is not here", act.precedence, act.message_id);
            let (reference, digest) = (self.registers.named(act.act()), act.dispatch_digest.hex());
            let signed = self.registers.of(said);
            let added = self.add(act.due_time, vec![act.addressee.clone()], what);
            (added.reference, added.alarming, added.digest) = (reference, true, Some(digest));
            added.signed = Some(signed);
        }
        Ok(())
    }

    /// By when an act that came is to be acknowledged: its sender may have owed it long after its release, and whoever
    /// has it has the time of its precedence from when he got it. Of others who have it only its release is known here.
    fn due_of_received(&self, one: &Unacknowledged<'_>) -> Timestamp {
        let kept = self.folded.kept.get(&one.act.reference);
        match kept.filter(|_| *one.addressee == self.desk.config().ministry) {
            Some(kept) => one.due_from(kept.at, self.folded.book.charter()),
            None => one.due,
        }
    }

    /// An own act that is not in the custody of the own gateway: nobody can acknowledge it.
    fn owed(&mut self, one: &Unacknowledged<'_>) {
        let (act, to) = (one.act, one.addressee);
        let reference = self.registers.of(act);
        let what = format!("send {} {} to {to}", act.precedence, act.kind);
        let added = self.add(act.released, vec![act.sender.clone()], what);
        (added.reference, added.alarming) = (reference, act.class == ActClass::Protective);
        (added.digest, added.persons) = (Some(act.reference.dispatch_digest().hex()), of_act(act));
        added.owed_to = Some(to.clone());
    }

    /// Protective acts that one officer sent and no other has countersigned. That is never an alarm: they count.
    fn countersignatures(&mut self) {
        let folded = self.folded;
        let past = folded.book.everything();
        for one in countersignature::all(&past, folded.book.charter()) {
            if one.by.is_none() {
                let reference = self.registers.of(one.act);
                let what = format!("countersign {}", one.act.kind);
                let added = self.add(one.due, vec![one.act.sender.clone()], what);
                (added.reference, added.persons) = (reference, of_act(one.act));
            }
        }
    }

    /// Replies that a message asked for by a time and nobody gave.
    fn replies(&mut self) {
        let answered: BTreeSet<_> =
            self.folded.kept.values().filter_map(|kept| kept.dispatch.in_reply_to).collect();
        for kept in self.folded.kept.values() {
            let Some(due) = kept.dispatch.reply_due else { continue };
            if answered.contains(&kept.id()) {
                continue;
            }
            let who = kept.header.address().addressees.iter();
            let who = who.map(|addressee| addressee.ministry.clone()).collect();
            let (what, reference) = (format!("answer {}", kept.dispatch.kind), kept.register_number());
            self.add(due, who, what).reference = reference;
        }
    }

    fn step(&mut self, step: &Step) {
        let Some(by) = step.by else { return };
        let persons = step.person.iter().map(|person| person.text()).collect();
        self.add(by, step.who.clone(), step.act.word()).persons = persons;
    }

    fn what_runs_out(&mut self, person: crate::consultation::reference::PersonRef) {
        let (past, charter) = (self.folded.book.everything(), self.folded.book.charter());
        // Whoever was handed over or has died needs nothing of it any more.
        if matches!(
            stage::stage(&past, &person, self.now, charter).reached,
            Stage::HandedOver | Stage::Deceased
        ) {
            return;
        }
        let will = will::will(&past, &person, self.now, charter);
        let mut ends = Vec::new();
        if will.standing == WillStanding::Current {
            ends.extend(will.until.map(|until| (until, "the statement of will runs out".to_owned())));
        }
        let fitness = medical::fitness(&past, &person, self.now, charter);
        if fitness.standing == FitnessStanding::Fit {
            ends.extend(fitness.until.map(|until| (until, "fitness to travel runs out".to_owned())));
        }
        for (_, act) in saying!(past.of_person(&person), ProtectionAssessment) {
            let place = &act.destination;
            let there = Spoken::now(place);
            let found =
                crate::consultation::state::protection::protection(&past, &person, there, self.now, charter);
            if found.standing == ProtectionStanding::Clear {
                let what = format!(
                    "the assessment towards {} runs out",
                    super::case_report::destination_text(place)
                );
                ends.extend(found.until.map(|until| (until, what)));
            }
        }
        for (until, what) in ends {
            self.add(until, Vec::new(), what).persons = vec![person.text()];
        }
    }
}

/// Whom an act is about.
fn of_act(act: &Registered) -> Vec<String> {
    act.act.iter().flat_map(Act::persons).map(|person| person.text()).collect()
}

/// Lists what is due; fails while a protective act is owed, or an urgent message waits beyond its time.
pub(super) fn show(
    context: &Context,
    due: &[Deadline],
    outstanding: &[Outstanding],
    now: Timestamp,
) -> Result<(), CliError> {
    let mut table = Table::new(["DUE", "STATE", "WHO", "WHAT", "PERSON", "CONSULTATION", "REF"]);
    for one in due {
        table.row([
            &Capitals::of(&one.who).show(one.at),
            one.state(now),
            &one.who_words(),
            &one.what_words(),
            &one.persons_words(),
            &one.consultation,
            &one.reference,
        ]);
    }
    let reports: Vec<Value> = due.iter().map(Deadline::report).collect();
    context.output.list(&reports, &table, "nothing is due")?;
    if !outstanding.is_empty() {
        return Err(owed::alarm(context, outstanding));
    }
    match due.iter().find(|one| one.is_alarm(now)) {
        Some(alarm) => Err(unacknowledged(context, alarm)),
        None => Ok(()),
    }
}

/// The alarm of a night: what to read out on the telephone.
pub(super) fn unacknowledged(context: &Context, alarm: &Deadline) -> CliError {
    let who = alarm.who_words();
    let message = format!("{who} did not {} of {} by {}", alarm.what, alarm.reference, alarm.at);
    let mut error = CliError::failed("unacknowledged", message).reason("UNACKNOWLEDGED");
    if let Some(digest) = &alarm.digest {
        error = error.cause(format!("telephone {who}; message {}, SHA-256 {digest}", alarm.reference));
    }
    error.hint(context.command_with_keys(&format!("consultation show {} --timeline", alarm.consultation)))
}

/// What a watcher was told already.
#[derive(Debug, Default)]
pub(super) struct Shown(BTreeSet<(Deadline, &'static str)>);

impl Shown {
    /// Tells what is new or has become overdue, one line or object each.
    pub(super) fn tell(
        &mut self,
        context: &Context,
        due: &[Deadline],
        now: Timestamp,
    ) -> Result<(), CliError> {
        for one in due {
            let state = one.state(now);
            if !self.0.insert((one.clone(), state)) {
                continue;
            }
            let mut report = one.report();
            if let Some(report) = report.as_object_mut() {
                report.insert("state".to_owned(), json!(state));
            }
            let line = || {
                let persons = one.persons.iter().map(|person| format!(" {person}")).collect::<String>();
                let (at, who) = (Capitals::of(&one.who).show(one.at), one.who_words());
                format!(
                    "{state:<8} {at}  {who}: {}{persons}  {}  {}\n",
                    one.what_words(),
                    one.consultation,
                    one.reference
                )
            };
            context.output.data(&report, line)?;
        }
        let current: BTreeSet<&Deadline> = due.iter().collect();
        self.0.retain(|(one, _)| current.contains(one));
        Ok(())
    }
}
