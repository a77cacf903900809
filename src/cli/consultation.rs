//! `consultation`: what this desk knows of its consultations, and what is due in them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::acknowledging;
use super::capitals::Capitals;
use super::case_report::{CaseView, step_report, step_text};
use super::context::{Context, parse_duration};
use super::deadlines::{self, Deadline};
use super::desk_session::{self, DeskSession, Directions};
use super::error::{CliError, Kind};
use super::registers::Registers;
use super::table::Table;
use super::timeline;
use super::warnings::warnings;
use crate::consultation::history::Past;
use crate::consultation::reference::ConsultationId;
use crate::consultation::state::{next_steps, opening};
use crate::consultation::words::PositionKind;
use crate::desk::Desk;
use crate::desk::casebook::Folded;
use crate::desk::error::DeskError;
use crate::time::Timestamp;

/// Show consultations: stages, cases, what is due and what blocks it
#[derive(Debug, clap::Args)]
pub struct Consultation {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Show(Show),
    Deadlines(Deadlines),
}

/// List consultations with their stage, parties and cases
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  chancery consultation list\n  chancery consultation list --json")]
struct List {}

/// Show one consultation: parties, positions, every case with its facets, who must act next and what blocks it
///
/// Persons are shown by their references alone; `chancery person show REF --names` tells a name to an office that may
/// know it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery consultation show C-4T9M-0VQ2-8RKD\n  \
    chancery consultation show C-4T9M-0VQ2-8RKD --timeline")]
struct Show {
    /// Its id
    #[arg(value_name = "C-...", value_parser = parse_consultation)]
    id: ConsultationId,

    /// Every act in order instead, with its verdict
    #[arg(long)]
    timeline: bool,
}

/// Show what is due, the first first: answers, acknowledgements of urgent messages, what runs out
///
/// What this desk has not sent is due from it; from when it has gone, whoever has it has the time of its precedence. A
/// FLASH or IMMEDIATE message is acknowledged by `read`, for which the registry signs a receipt; a PRIORITY one by a
/// receipt (`new registry-receipt --reply-to REF`) or by any later act of its addressee. Exit code 1 while a protective
/// act is owed, or an urgent message (FLASH, IMMEDIATE) is unacknowledged beyond its time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    chancery consultation deadlines\n  \
    chancery consultation deadlines --watch --every 1m --json")]
struct Deadlines {
    /// Go on: say what becomes due or overdue, and what is new
    #[arg(long)]
    watch: bool,

    /// Pause between looks
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s", requires = "watch")]
    every: Duration,
}

/// Nothing of this consultation is here.
pub(super) fn unknown(context: &Context, id: &ConsultationId) -> CliError {
    let message = format!("no message of {} is at this desk", id.text());
    CliError::new(Kind::NotFound, "no-consultation", message).hint(context.command("consultation list"))
}

/// The id of a consultation on the command line.
pub(super) fn parse_consultation(text: &str) -> Result<ConsultationId, String> {
    ConsultationId::parse(text).map_err(|fault| fault.message().to_owned())
}

impl Consultation {
    /// Shows it.
    pub async fn run(self, context: &Context) -> Result<(), CliError> {
        let session = DeskSession::open(context)?;
        session.update(context, Directions::Received).await?;
        match self.what {
            What::List(List {}) => list(context, &session),
            What::Show(show) => show.run(context, &session),
            What::Deadlines(deadlines) => deadlines.run(context, &session).await,
        }
    }
}

/// Every consultation of this desk, folded.
pub(super) fn all(context: &Context, session: &DeskSession) -> Result<Vec<Arc<Folded>>, CliError> {
    let failed = |error| desk_session::failure(context, error);
    let DeskSession { desk, keys, .. } = session;
    let trust = &session.trust();
    let index = desk.casebook(trust, keys).map_err(failed)?;
    let folded = index.consultations().iter().map(|id| desk.consultation_of(trust, keys, id).map_err(failed));
    folded.collect()
}

fn list(context: &Context, session: &DeskSession) -> Result<(), CliError> {
    let now = context.clock.now();
    let mut table = Table::new(["CONSULTATION", "STATE", "PARTIES", "CASES", "ACTS", "WAITING", "NEXT"]);
    let mut reports = Vec::new();
    for folded in all(context, session)? {
        let overview = Overview::of(&session.desk, &folded, now);
        let overview = overview.map_err(|error| desk_session::failure(context, error))?;
        overview.show(&mut table);
        reports.push(overview.report());
    }
    context.output.list(&reports, &table, "no consultations")
}

/// A consultation in a line.
struct Overview<'a> {
    folded: &'a Folded,
    past: Past<'a>,
    now: Timestamp,
    /// What is due first.
    due: Option<Deadline>,
}

impl<'a> Overview<'a> {
    fn of(desk: &Desk, folded: &'a Folded, now: Timestamp) -> Result<Self, DeskError> {
        let due = deadlines::of(desk, folded, now)?.into_iter().next();
        Ok(Self { folded, past: folded.book.everything(), now, due })
    }

    fn state(&self) -> opening::Opening {
        opening::state(&self.past, self.now)
    }

    fn parties(&self) -> Vec<(String, Vec<&'static str>)> {
        let parties = self.folded.book.charter().parties.iter();
        let each = parties.map(|party| {
            let roles = opening::roles(&self.past, party);
            (party.to_string(), roles.iter().map(|role| role.word()).collect())
        });
        each.collect()
    }

    fn show(&self, table: &mut Table) {
        let parties: Vec<String> = self.parties().into_iter().map(|(party, _)| party).collect();
        let waiting = self.folded.book.waiting().count();
        let due = self.due.as_ref().map_or_else(|| "-".to_owned(), Deadline::short);
        table.row([
            &self.folded.consultation,
            self.state().word(),
            &parties.join(" "),
            &self.past.persons().count().to_string(),
            &self.folded.book.history().len().to_string(),
            &if waiting == 0 { "-".to_owned() } else { waiting.to_string() },
            &due,
        ]);
    }

    fn report(&self) -> Value {
        let parties = self.parties();
        json!({
            "schema": "chancery.consultation/1",
            "consultation": self.folded.consultation,
            "state": self.state().word(),
            "parties": parties.iter().map(|(party, roles)| json!({ "ministry": party, "roles": roles }))
                .collect::<Vec<_>>(),
            "persons": self.past.persons().map(|person| person.text()).collect::<Vec<_>>(),
            "acts": self.folded.book.history().len(),
            "not_understood": self.past.not_understood().count(),
            "waiting": self.folded.book.waiting().count(),
            "next_due": self.due.as_ref().map(Deadline::report),
        })
    }
}

impl Show {
    fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let failed = |error| desk_session::failure(context, error);
        let DeskSession { desk, keys, .. } = session;
        let trust = &session.trust();
        let folded = desk.consultation_of(trust, keys, &self.id.text()).map_err(failed)?;
        let unopened = desk.casebook(trust, keys).map_err(failed)?.unopened_in(&self.id.text());
        if folded.kept.is_empty() && unopened == 0 {
            return Err(unknown(context, &self.id));
        }
        if self.timeline {
            return timeline::show(context, desk, &folded);
        }
        let now = context.clock.now();
        let overview = Overview::of(desk, &folded, now).map_err(failed)?;
        let view = View { folded: &folded, overview, now, unopened };
        context.output.data(&view.report(), || view.text())
    }
}

/// A consultation on a screen.
struct View<'a> {
    folded: &'a Folded,
    overview: Overview<'a>,
    now: Timestamp,
    unopened: u64,
}

impl View<'_> {
    fn text(&self) -> String {
        let (book, past) = (&self.folded.book, self.folded.book.everything());
        let capitals = Capitals::of(&book.charter().parties);
        let registers = Registers::of_consultation(self.folded);
        let overview = &self.overview;
        let mut text = format!("consultation  {}\n", self.folded.consultation);
        let mut say = |label: &str, value: &str| text.push_str(&format!("{label:<13} {value}\n"));
        say("state", overview.state().word());
        if let Some(consultation) = opening::consultation(&past, self.now) {
            say("subject", consultation.act.subject.as_str());
        }
        for (party, roles) in overview.parties() {
            let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
            say("party", &format!("{party}: {roles}"));
        }
        say("judged at", &capitals.show(self.now));
        for warning in warnings(self.folded, self.unopened) {
            say("ATTENTION", &warning);
        }
        for position in positions(self.folded, &registers) {
            say("position", &position.text());
        }
        for step in next_steps::of_consultation(&past, self.now) {
            text.push_str(&step_text(&step, &capitals, "next          "));
        }
        let persons: Vec<_> = past.persons().collect();
        for person in persons {
            let (at, charter) = (self.now, book.charter());
            let case =
                CaseView { past: &past, person, at, charter, registers: &registers, capitals: &capitals };
            text.push('\n');
            text.push_str(&case.text());
        }
        text
    }

    fn report(&self) -> Value {
        let (book, past) = (&self.folded.book, self.folded.book.everything());
        let capitals = Capitals::default();
        let registers = Registers::of_consultation(self.folded);
        let mut report = self.overview.report();
        let case = |person| {
            let (at, charter) = (self.now, book.charter());
            CaseView { past: &past, person, at, charter, registers: &registers, capitals: &capitals }.report()
        };
        if let Some(report) = report.as_object_mut() {
            let proposal = opening::consultation(&past, self.now);
            report.insert("subject".into(), json!(proposal.map(|one| one.act.subject.as_str())));
            report.insert("at".into(), json!(self.now.to_string()));
            report.insert("attention".into(), json!(warnings(self.folded, self.unopened)));
            let positions = positions(self.folded, &registers);
            report.insert("positions".into(), positions.iter().map(Position::report).collect());
            let next = next_steps::of_consultation(&past, self.now);
            report.insert("next".into(), next.iter().map(step_report).collect());
            report.insert("cases".into(), past.persons().map(case).collect());
        }
        report
    }
}

/// A position that a Power conveyed and did not replace.
struct Position {
    sender: String,
    kind: PositionKind,
    category: String,
    reference: String,
    stands: bool,
}

impl Position {
    fn text(&self) -> String {
        let Self { sender, kind, category, reference, .. } = self;
        let refused = if self.stands { "" } else { " (refused by the rules)" };
        format!("{sender}: {kind}, {category} [{reference}]{refused}")
    }

    fn report(&self) -> Value {
        json!({
            "ministry": self.sender,
            "kind": self.kind.word(),
            "category": self.category,
            "ref": self.reference,
            "stands": self.stands,
        })
    }
}

fn positions(folded: &Folded, registers: &Registers) -> Vec<Position> {
    use crate::consultation::act::{Act, ActKind};
    let past = folded.book.everything();
    let all: Vec<_> = past.of_kind(ActKind::PositionStatement).collect();
    let replaced = |reference| {
        all.iter().any(|one| {
            let supersedes = match &one.act {
                Some(Act::PositionStatement(act)) => act.supersedes,
                _ => None,
            };
            one.stands() && supersedes == Some(reference)
        })
    };
    let current = all.iter().filter(|one| !replaced(one.reference)).filter_map(|one| match &one.act {
        Some(Act::PositionStatement(act)) => Some(Position {
            sender: one.sender.to_string(),
            kind: act.kind,
            category: act.category.as_str().to_owned(),
            reference: registers.of(one),
            stands: one.stands(),
        }),
        _ => None,
    });
    current.collect()
}

impl Deadlines {
    async fn run(&self, context: &Context, session: &DeskSession) -> Result<(), CliError> {
        let mut shown = deadlines::Shown::default();
        loop {
            let failed = |error| desk_session::failure(context, error);
            let DeskSession { desk, keys, .. } = session;
            let now = context.clock.now();
            let outstanding = desk.outstanding(&session.trust(), keys).map_err(failed)?;
            let mut due: Vec<Deadline> = Vec::new();
            for folded in all(context, session)? {
                due.extend(deadlines::spelled(desk, &folded, now).map_err(failed)?);
            }
            let due = deadlines::with(&desk.config().ministry, due, &outstanding);
            if !self.watch {
                let shown = deadlines::show(context, &due, &outstanding, now);
                acknowledging::advise(context, &desk.config().ministry, &due);
                return shown;
            }
            shown.tell(context, &due, now)?;
            tokio::time::sleep(self.every).await;
            session.update(context, Directions::Received).await?;
        }
    }
}
