//! Where the case of a person stands (domain 5.3): how far it came, what stops it, and what was reported.
//!
//! A stop is shown over the stage and leaves it as it is. Reports about one handover are compared, the last of each
//! Power: where they agree that the person remained, everything that led there is spent and the case goes on from
//! what was done since, by those who knew the reports.

use std::collections::BTreeMap;
use std::fmt;

use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::commitments::{self, Agreement, Arrangement};
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{custody, exchange, holds, opening, protection, saying, will};
use crate::consultation::words::{HandoverOutcome, Reply};
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::vocabulary;

/// How far a case came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No case exists.
    Unknown,
    /// The case is registered.
    Registered,
    /// A live proposal of exchange lists the person.
    Proposed,
    /// A transfer was requested, and not declined.
    Requested,
    /// An agreement covers the person.
    Agreed,
    /// The handover is arranged and confirmed.
    Arranged,
    /// He may leave now.
    Cleared,
    /// Something stops the case.
    Held,
    /// One Power reported the handover.
    ReportedOnce,
    /// All reports agree that he was handed over.
    HandedOver,
    /// All reports agree that he was not, and how it came.
    Remains(HandoverOutcome),
    /// The reports differ.
    Disputed,
    /// He was handed over although something stopped it.
    Irregular,
    /// He died.
    Deceased,
}

impl fmt::Display for Stage {
    /// The term, and for those who remain the outcome: `REMAINS(SUBSTITUTED)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = match self {
            Self::Unknown => "UNKNOWN",
            Self::Registered => "REGISTERED",
            Self::Proposed => "PROPOSED",
            Self::Requested => "REQUESTED",
            Self::Agreed => "AGREED",
            Self::Arranged => "ARRANGED",
            Self::Cleared => "CLEARED",
            Self::Held => "HELD",
            Self::ReportedOnce => "REPORTED_ONCE",
            Self::HandedOver => "HANDED_OVER",
            Self::Remains(outcome) => return write!(f, "REMAINS({outcome})"),
            Self::Disputed => "DISPUTED",
            Self::Irregular => "IRREGULAR",
            Self::Deceased => "DECEASED",
        };
        f.write_str(term)
    }
}

vocabulary! {
    /// What stops a case, or stood against a handover that took place.
    pub enum Facet {
        /// A hold.
        Hold = 1 "HOLD",
        /// The person's will.
        Will = 2 "WILL",
        /// Substantial grounds for fear.
        Protection = 3 "PROTECTION",
        /// No agreement and arrangement covered it.
        Commitment = 4 "COMMITMENT",
    }
}

/// The case of a person.
#[derive(Clone)]
pub struct CaseStage<'h> {
    /// How far it came.
    pub reached: Stage,
    /// What stops it now.
    pub stops: Vec<Facet>,
    /// What stood against a handover that was reported all the same (HND-06).
    pub irregular: Vec<Facet>,
    /// The agreement it rests on.
    pub agreement: Option<Agreement<'h>>,
    /// The arrangement it rests on.
    pub arrangement: Option<Arrangement<'h>>,
    /// The reports that count, in the order of their senders.
    pub reports: Vec<&'h Registered>,
}

opaque!(CaseStage<'_>);

impl CaseStage<'_> {
    /// The stage as it is shown: held over whatever was reached, while something can still be stopped.
    pub fn shown(&self) -> Stage {
        if self.reached >= Stage::Registered && self.reached <= Stage::Cleared && !self.stops.is_empty() {
            return Stage::Held;
        }
        self.reached
    }
}

/// The case of a person at an instant.
pub fn stage<'h>(past: &Past<'h>, person: &PersonRef, at: Timestamp, charter: &Charter) -> CaseStage<'h> {
    let round = last_round(past, person);
    let mut case = CaseStage {
        reached: Stage::Unknown,
        stops: Vec::new(),
        irregular: Vec::new(),
        agreement: None,
        arrangement: None,
        reports: round.iter().flat_map(Round::acts).collect(),
    };
    if custody::is_dead(past, person) {
        case.reached = Stage::Deceased;
        return case;
    }
    let reported = round.as_ref().map(|round| (round, round.outcome(person, charter)));
    match reported {
        Some((_, stage @ (Stage::ReportedOnce | Stage::Disputed))) => case.reached = stage,
        Some((round, Stage::HandedOver)) => {
            case.irregular = irregularities(past, person, &round.arrangement, round.time(), charter);
            case.reached = if case.irregular.is_empty() { Stage::HandedOver } else { Stage::Irregular };
        }
        Some((round, remains)) => {
            progress(past, person, at, charter, &mut case, |act| round.is_known_to(act));
            // What was done before the handover is spent, the registration of the case excepted.
            if case.reached <= Stage::Registered && !registered_anew(past, person, round) {
                case.reached = remains;
            }
        }
        None => progress(past, person, at, charter, &mut case, |_| true),
    }
    case.stops = stops(past, person, at, charter, case.agreement.as_ref());
    case
}

/// Whether the way that this act was part of ended with the person remaining: it came before the reports.
pub fn is_spent(past: &Past<'_>, person: &PersonRef, act: &Registered, charter: &Charter) -> bool {
    let Some(round) = last_round(past, person) else { return false };
    matches!(round.outcome(person, charter), Stage::Remains(_)) && !round.is_known_to(act)
}

/// Whether a Power reported what became of a person under this arrangement.
pub fn is_reported(past: &Past<'_>, person: &PersonRef, arrangement: &EntryId) -> bool {
    reports(past, person).any(|(_, act)| act.arrangement_id == *arrangement)
}

/// Reports of Powers about a person; what observers report decides nothing, but a refusal in it stops (WIL-12).
fn reports<'h>(
    past: &Past<'h>,
    person: &PersonRef,
) -> impl DoubleEndedIterator<Item = (&'h Registered, &'h HandoverReport)> {
    let reports = saying!(past.of_person(person), HandoverReport);
    reports.filter(|(one, _)| !opening::is_observer(past, &one.sender))
}

/// The last report of each Power about one handover.
struct Round<'h> {
    arrangement: EntryId,
    last: BTreeMap<&'h Ministry, (&'h Registered, &'h HandoverReport)>,
}

/// The reports about the handover that was reported last.
fn last_round<'h>(past: &Past<'h>, person: &PersonRef) -> Option<Round<'h>> {
    let (_, newest) = reports(past, person).next_back()?;
    let arrangement = newest.arrangement_id.clone();
    let mut last: BTreeMap<&Ministry, (&Registered, &HandoverReport)> = BTreeMap::new();
    for (one, act) in reports(past, person).filter(|(_, act)| act.arrangement_id == arrangement) {
        if last.get(&one.sender).is_none_or(|(before, _)| before.number <= one.number) {
            last.insert(&one.sender, (one, act));
        }
    }
    Some(Round { arrangement, last })
}

impl<'h> Round<'h> {
    fn acts(&self) -> impl Iterator<Item = &'h Registered> {
        self.last.values().map(|(one, _)| *one)
    }

    /// Whether whoever sent this act knew every report.
    fn is_known_to(&self, act: &Registered) -> bool {
        self.acts().all(|report| act.knew(report))
    }

    /// When it happened, by the earlier of the reports.
    fn time(&self) -> Timestamp {
        let times = self.last.values().map(|(_, act)| act.handover_time);
        times.min().unwrap_or(Timestamp::from_seconds(0))
    }

    /// What the reports come to (HND-05).
    fn outcome(&self, person: &PersonRef, charter: &Charter) -> Stage {
        let mut reports = self.last.values().map(|(_, act)| *act);
        let Some(first) = reports.next() else { return Stage::ReportedOnce };
        if self.last.len() < 2 {
            return Stage::ReportedOnce;
        }
        let outcome = |act: &HandoverReport| act.lines.find(person).map(|line| line.outcome);
        let alike = |other: &HandoverReport| {
            outcome(first) == outcome(other)
                && first.place_code == other.place_code
                && first.effects_inventory_sha256 == other.effects_inventory_sha256
                && first.documents_sha256 == other.documents_sha256
        };
        let latest = self.last.values().map(|(_, act)| act.handover_time).max();
        let close = latest.is_none_or(|latest| latest <= self.time().after(charter.report_tolerance));
        match outcome(first) {
            _ if !close || !reports.all(alike) => Stage::Disputed,
            None => Stage::Disputed,
            Some(HandoverOutcome::HandedOver) => Stage::HandedOver,
            Some(outcome) => Stage::Remains(outcome),
        }
    }
}

/// What stood against a handover under this arrangement at the time it happened (HND-06).
pub fn irregularities(
    past: &Past<'_>,
    person: &PersonRef,
    arrangement: &EntryId,
    at: Timestamp,
    charter: &Charter,
) -> Vec<Facet> {
    let mut found = Vec::new();
    if holds::holds(past, person, charter).iter().any(|hold| hold.was_active(at)) {
        found.push(Facet::Hold);
    }
    let arranged = commitments::arrangement(past, arrangement);
    let arranged = arranged.filter(|arranged| arranged.act.persons.find(person).is_some());
    let agreement = arranged.map(|arranged| arranged.agreement);
    let Some(line) = agreement.as_ref().and_then(|agreement| agreement.line(person)) else {
        found.push(Facet::Commitment);
        return found;
    };
    if !will::stopped_at(past, person, &line.destination, at).is_empty() {
        found.push(Facet::Will);
    }
    if protection::was_barred(past, person, &line.destination, at) {
        found.push(Facet::Protection);
    }
    if agreement.as_ref().is_some_and(|agreement| agreement.is_ended(past, person, at)) {
        found.push(Facet::Commitment);
    }
    found
}

/// How far a case came by acts that are `fresh`.
fn progress<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    at: Timestamp,
    charter: &Charter,
    case: &mut CaseStage<'h>,
    fresh: impl Fn(&Registered) -> bool,
) {
    let agreements = commitments::agreements_of(past, person).into_iter();
    let agreement = agreements
        .filter(|agreement| !agreement.is_ended(past, person, at) && fresh(agreement.note))
        .max_by_key(|agreement| (agreement.concluded(), agreement.note.order()));
    let arranged = commitments::arrangements_of(past, person).into_iter().filter(|arranged| {
        let agreement = &arranged.agreement;
        let binds = agreement.line(person).is_some() && !agreement.is_ended(past, person, at);
        binds && fresh(arranged.registered) && arranged.is_current(past)
    });
    if let Some(arranged) = arranged.max_by_key(|arranged| arranged.registered.order()) {
        let clear = clear_to_depart(past, person, &arranged.act.arrangement_id, at, charter).is_empty();
        case.reached = if clear { Stage::Cleared } else { Stage::Arranged };
        case.agreement = Some(arranged.agreement.clone());
        case.arrangement = Some(arranged);
        return;
    }
    if agreement.is_some() {
        (case.reached, case.agreement) = (Stage::Agreed, agreement);
        return;
    }
    let mut listing = exchange::listing(past, person).into_iter();
    case.reached = match () {
        () if is_requested(past, person, &fresh) => Stage::Requested,
        () if listing.any(|round| round.is_open(at) && fresh(round.registered)) => Stage::Proposed,
        () if custody::case(past, person).is_some() => Stage::Registered,
        () => Stage::Unknown,
    };
}

fn is_requested(past: &Past<'_>, person: &PersonRef, fresh: impl Fn(&Registered) -> bool) -> bool {
    saying!(past.of_person(person), TransferRequest).any(|(one, _)| {
        let answers = saying!(past.of_thread(&Thread::Answer(one.reference)), TransferResponse);
        let answers = answers.filter(|(answer, _)| answer.stands());
        let last = answers.max_by_key(|(answer, _)| answer.order());
        one.stands() && fresh(one) && last.is_none_or(|(_, answer)| answer.reply != Reply::Decline)
    })
}

/// Whether the case was registered once more by somebody who knew that the person remained.
fn registered_anew(past: &Past<'_>, person: &PersonRef, round: &Round<'_>) -> bool {
    custody::case(past, person).is_some_and(|case| round.is_known_to(case.registered))
}

fn stops(
    past: &Past<'_>,
    person: &PersonRef,
    at: Timestamp,
    charter: &Charter,
    agreement: Option<&Agreement<'_>>,
) -> Vec<Facet> {
    let mut stops = Vec::new();
    if !holds::active(past, person, at, charter).is_empty() {
        stops.push(Facet::Hold);
    }
    let line = agreement.and_then(|agreement| agreement.line(person));
    let will = match line {
        Some(line) => will::towards(past, person, &line.destination, at, charter),
        None => will::will(past, person, at, charter),
    };
    if matches!(will.standing, WillStanding::Withdrawn | WillStanding::Challenged) {
        stops.push(Facet::Will);
    }
    let barred = |destination| {
        let standing = protection::protection(past, person, destination, at, charter).standing;
        standing == protection::ProtectionStanding::Bar
    };
    if line.is_some_and(|line| barred(&line.destination)) {
        stops.push(Facet::Protection);
    }
    stops
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
