//! Where the case of a person stands (domain 5.3): how far it came, what stops it, and what was reported.
//!
//! A stop is shown over the stage and leaves it as it is. Where reports agree that the person remained, everything that
//! led there is spent and the case goes on from what was done since, by those who knew the reports; and so it does
//! where he was handed over, whoever knew that registered him as a prisoner once more, and something was requested,
//! proposed or agreed about him since. Until then a handover stays told. An irregular one stays for ever, also where he
//! died.

use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments::{self, Agreement, Arrangement};
use crate::consultation::state::departure::{self, clear_to_depart};
use crate::consultation::state::guard::{self, Stop};
use crate::consultation::state::judicial::{JudicialStanding, judicial};
use crate::consultation::state::medical::{FitnessStanding, fitness};
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::reports::{self, Reported};
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{custody, exchange, exposure, holds, protection, saying, will};
use crate::consultation::words::Reply;
use crate::time::Timestamp;

/// The case of a person.
#[derive(Clone)]
pub struct CaseStage<'h> {
    /// How far it came.
    pub reached: Stage,
    /// What stops it now.
    pub stops: Vec<Facet>,
    /// What the reports of a handover come to, whatever became of the person since; none where nothing was reported.
    pub reported: Option<Stage>,
    /// What ever stood against a handover that was reported all the same (HND-06).
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
    let reported = reports::reported(past, person, charter);
    let mut case = CaseStage {
        reached: Stage::Unknown,
        stops: Vec::new(),
        reported: reported.as_ref().map(|one| one.stage),
        irregular: reported.as_ref().map(|one| one.irregular.clone()).unwrap_or_default(),
        agreement: None,
        arrangement: None,
        reports: reported.iter().flat_map(|one| one.round.acts()).collect(),
    };
    if custody::is_dead(past, person) {
        let irregular = case.reported.filter(|stage| *stage == Stage::Irregular);
        case.reached = irregular.unwrap_or(Stage::Deceased);
        return case;
    }
    match reported {
        Some(Reported { stage: remains @ Stage::Remains(_), round, .. }) => {
            progress(past, person, at, charter, &mut case, |act| round.is_known_to(act));
            // What was done before the handover is spent, the registration of the case excepted.
            if case.reached <= Stage::Registered && !round.is_followed_by_a_case(past, person) {
                case.reached = remains;
            }
        }
        Some(Reported { stage: gone @ Stage::HandedOver, round, .. })
            if round.is_brought_back(past, person) =>
        {
            progress(past, person, at, charter, &mut case, |act| round.is_known_to(act));
            // A registration alone is a correction of his file as well: it brings nobody back.
            if case.reached <= Stage::Registered {
                case.reached = gone;
            }
        }
        Some(Reported { stage, .. }) => case.reached = stage,
        None => progress(past, person, at, charter, &mut case, |_| true),
    }
    case.stops = stops(past, person, at, charter, case.agreement.as_ref());
    case
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

/// What stands against a person whatever is arranged, and before anything is, in the order of the rules.
pub fn standing(past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Vec<Stop> {
    let case = stage(past, person, at, charter).stops.into_iter();
    let mut stops: Vec<Stop> = case.map(|facet| stop_by(facet, past, person, at, charter)).collect();
    stops.extend(guard::died(past, person));
    stops.extend(departure::unknown(past, person, at, charter));
    stops.sort_unstable();
    stops.dedup();
    stops
}

/// A stop of a case with the rule by which it stops: what is told of it where no step is shown that it blocks.
pub fn stop_by(facet: Facet, past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Stop {
    let is_challenged = || will::will(past, person, at, charter).standing == WillStanding::Challenged;
    match facet {
        Facet::Hold => Stop::new(Rule::Hld01, "a hold is active"),
        Facet::Will if is_challenged() => Stop::new(Rule::Wil10, "two statements contradict each other"),
        Facet::Will => Stop::new(
            Rule::Wil07,
            "a withdrawal, a refusal or an interview that was not free was not overcome",
        ),
        Facet::Protection => Stop::new(Rule::Pro02, "substantial grounds bar this destination"),
        Facet::Commitment => Stop::new(Rule::Hnd01, "no agreement is in force for the person"),
        Facet::Medical => Stop::new(Rule::Med01, "a physician found the person unfit to travel"),
        Facet::Judicial => Stop::new(Rule::Jud01, "proceedings at law stand against it"),
        Facet::Incident => Stop::new(Rule::Pro03, "an exposure was not assessed since"),
        Facet::NoGo => Stop::new(Rule::Hnd08, "somebody said NO GO"),
        Facet::Status => Stop::new(Rule::Exc05, "the person is no prisoner of war"),
        Facet::Consultation => Stop::new(Rule::Con01, "the consultation is not open"),
        Facet::Death => Stop::new(Rule::Agr03, "a notice says that the person died"),
    }
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
    let destination = agreement.and_then(|agreement| Some(agreement.destination(agreement.line(person)?)));
    let will = match destination {
        Some(destination) => will::towards(past, person, destination, at, charter),
        None => will::will(past, person, at, charter),
    };
    if matches!(will.standing, WillStanding::Withdrawn | WillStanding::Challenged) {
        stops.push(Facet::Will);
    }
    let barred = |destination| {
        let standing = protection::protection(past, person, destination, at, charter).standing;
        standing == protection::ProtectionStanding::Bar
    };
    if destination.is_some_and(barred) {
        stops.push(Facet::Protection);
    }
    if fitness(past, person, at, charter).standing == FitnessStanding::Unfit {
        stops.push(Facet::Medical);
    }
    if judicial(past, person).standing != JudicialStanding::Free {
        stops.push(Facet::Judicial);
    }
    if !exposure::open(past, person).is_empty() {
        stops.push(Facet::Incident);
    }
    stops
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "stage_handover_tests.rs"]
mod handover_tests;
