//! What Powers reported of a person's handovers, and what that comes to (HND-05, HND-06).
//!
//! Reports about one arrangement make a round; of each Power the last one counts. A round is closed once the Power that
//! holds the person and the Power that receives him both reported, and all who reported say the same. What is wrong
//! is never lost by saying something else: a handover that was irregular once stays on record, whatever is reported
//! under another arrangement or corrected later, and a dispute ends only by corrected reports about the same handover.

use std::collections::BTreeMap;

use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::Places;
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::{
    commitments, custody, exposure, go, holds, judicial, medical, opening, protection, saying, will,
};
use crate::consultation::words::HandoverOutcome;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What all reports about a person come to.
#[derive(Clone)]
pub struct Reported<'h> {
    /// The stage they lead to.
    pub stage: Stage,
    /// Everything that ever stood against a handover of the person that took place.
    pub irregular: Vec<Facet>,
    /// The reports that say so.
    pub round: Round<'h>,
}

/// The reports of Powers about one handover of a person, in the order of the acts.
#[derive(Clone)]
pub struct Round<'h> {
    /// The arrangement that they name.
    pub arrangement: &'h EntryId,
    reports: Vec<Report<'h>>,
    last: BTreeMap<&'h Ministry, Report<'h>>,
}

opaque!(Reported<'_>, Round<'_>);

type Report<'h> = (&'h Registered, &'h HandoverReport);

/// What was reported about a person; none where nothing was. An irregular handover comes before a disputed one, and both
/// before what was reported last.
pub fn reported<'h>(past: &Past<'h>, person: &PersonRef, charter: &Charter) -> Option<Reported<'h>> {
    let rounds = rounds(past, person).into_iter();
    let judged = rounds.map(|round| {
        let irregular = round.irregularities(past, person, charter);
        let stage = match round.outcome(past, person, charter) {
            Stage::HandedOver if !irregular.is_empty() => Stage::Irregular,
            stage => stage,
        };
        Reported { stage, irregular, round }
    });
    let judged: Vec<Reported<'h>> = judged.collect();
    let mut irregular: Vec<Facet> = judged.iter().flat_map(|one| one.irregular.iter().copied()).collect();
    irregular.sort_unstable_by_key(|facet| facet.number());
    irregular.dedup();
    let grave = |stage| judged.iter().rev().find(|one| one.stage == stage);
    let last = judged.last()?;
    let chosen = grave(Stage::Irregular).or_else(|| grave(Stage::Disputed)).unwrap_or(last);
    let mut chosen = Reported { irregular, ..chosen.clone() };
    if chosen.stage != Stage::Irregular && contradicts_a_handover(past, person, &judged) {
        chosen.stage = Stage::Disputed;
    }
    Some(chosen)
}

/// Whether the handover reported last comes after one that took place, and the case was not registered anew between: who
/// is gone is not kept back.
fn contradicts_a_handover(past: &Past<'_>, person: &PersonRef, judged: &[Reported<'_>]) -> bool {
    let Some((last, before)) = judged.split_last() else { return false };
    let gone = before.iter().rev().find(|one| one.stage == Stage::HandedOver);
    last.stage != Stage::HandedOver
        && gone.is_some_and(|gone| !gone.round.has_a_case_before(&last.round, past, person))
}

/// Whether a Power reported what became of a person under this arrangement.
pub fn is_reported(past: &Past<'_>, person: &PersonRef, arrangement: &EntryId) -> bool {
    reports(past, person).any(|(_, act)| act.arrangement_id == *arrangement)
}

/// Whether the way that this act was part of ended with the person remaining: it came before the reports.
pub fn is_spent(past: &Past<'_>, person: &PersonRef, act: &Registered, charter: &Charter) -> bool {
    let reported = reported(past, person, charter);
    reported.is_some_and(|one| matches!(one.stage, Stage::Remains(_)) && !one.round.is_known_to(act))
}

/// Reports of Powers about a person; what observers report decides nothing, but a refusal in it stops (WIL-12).
fn reports<'h>(
    past: &Past<'h>,
    person: &PersonRef,
) -> impl DoubleEndedIterator<Item = (&'h Registered, &'h HandoverReport)> {
    let reports = saying!(past.of_person(person), HandoverReport);
    reports.filter(|(one, _)| !opening::is_observer(past, &one.sender))
}

/// Every handover that was reported, the one reported last at the end.
fn rounds<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Round<'h>> {
    let mut rounds: Vec<Round<'h>> = Vec::new();
    for (one, act) in reports(past, person) {
        let known = rounds.iter().position(|round| *round.arrangement == act.arrangement_id);
        let mut round = match known {
            Some(place) => rounds.remove(place),
            None => Round { arrangement: &act.arrangement_id, reports: Vec::new(), last: BTreeMap::new() },
        };
        round.reports.push((one, act));
        if round.last.get(&one.sender).is_none_or(|(before, _)| before.number <= one.number) {
            round.last.insert(&one.sender, (one, act));
        }
        rounds.push(round);
    }
    rounds
}

impl<'h> Round<'h> {
    /// The last report of each Power.
    pub fn acts(&self) -> impl Iterator<Item = &'h Registered> {
        self.last.values().map(|(one, _)| *one)
    }

    /// Whether whoever sent this act knew every report that counts.
    pub fn is_known_to(&self, act: &Registered) -> bool {
        self.acts().all(|report| act.knew(report))
    }

    /// Whether the case was registered once more by somebody who knew what was reported.
    pub fn is_followed_by_a_case(&self, past: &Past<'_>, person: &PersonRef) -> bool {
        custody::case(past, person).is_some_and(|case| self.is_known_to(case.registered))
    }

    /// Whether the case was registered once more between these reports and those of another handover.
    fn has_a_case_before(&self, next: &Self, past: &Past<'_>, person: &PersonRef) -> bool {
        custody::registrations(past, person)
            .any(|(case, _)| self.is_known_to(case) && next.acts().all(|report| report.knew(case)))
    }

    /// What the reports come to (HND-05).
    fn outcome(&self, past: &Past<'_>, person: &PersonRef, charter: &Charter) -> Stage {
        let mut reports = self.last.values().map(|(_, act)| *act);
        let Some(first) = reports.next() else { return Stage::ReportedOnce };
        let outcome = |act: &HandoverReport| act.lines.find(person).map(|line| line.outcome);
        let alike = |other: &HandoverReport| {
            outcome(first) == outcome(other)
                && first.place_code == other.place_code
                && first.effects_inventory_sha256 == other.effects_inventory_sha256
                && first.documents_sha256 == other.documents_sha256
        };
        let times = || self.last.values().map(|(_, act)| act.handover_time);
        let latest = times().min().map(|earliest| earliest.after(charter.report_tolerance));
        let close = times().max() <= latest;
        if self.last.values().any(|(one, act)| is_dated_ahead(act, one.released))
            || !close
            || !reports.all(alike)
        {
            return Stage::Disputed;
        }
        let at = times().min().unwrap_or(first.handover_time);
        let reported = |side: &Ministry| self.last.contains_key(side);
        let has_holder = custody::holder(past, person).is_none_or(reported);
        if !has_holder || !self.is_complete(past, person, at, reported) {
            return Stage::ReportedOnce;
        }
        match outcome(first) {
            None => Stage::Disputed,
            Some(HandoverOutcome::HandedOver) => Stage::HandedOver,
            Some(outcome) => Stage::Remains(outcome),
        }
    }

    /// Whether two Powers did this, among them one that registered the person and the one that receives him; where the
    /// case, as it was at the handover, leaves open which that is, one that may be it.
    fn is_complete(
        &self,
        past: &Past<'_>,
        person: &PersonRef,
        at: Timestamp,
        did: impl Fn(&Ministry) -> bool,
    ) -> bool {
        let arranged = commitments::arrangement(past, self.arrangement);
        let line = arranged.as_ref().and_then(|arranged| arranged.agreement.line(person));
        let destination =
            arranged.as_ref().zip(line).map(|(arranged, line)| arranged.agreement.destination(line));
        let places = Places::until(past, person, at);
        let receivers = destination.map(|place| custody::powers_at(past, &places, place)).unwrap_or_default();
        let count = self.last.keys().filter(|power| did(power)).count();
        let received = receivers.is_empty() || receivers.into_iter().any(&did);
        let mut holders = custody::registrations(past, person).map(|(one, _)| &one.sender).peekable();
        let gave = holders.peek().is_none() || holders.any(&did);
        count >= 2 && gave && received
    }

    /// What stood against a handover that this round ever agreed on, at each time that it was agreed to have happened.
    fn irregularities(&self, past: &Past<'_>, person: &PersonRef, charter: &Charter) -> Vec<Facet> {
        let is_gone = |act: &HandoverReport| {
            let line = act.lines.find(person);
            line.is_some_and(|line| line.outcome == HandoverOutcome::HandedOver)
        };
        let gone: Vec<&Report<'_>> = self.reports.iter().filter(|(_, act)| is_gone(act)).collect();
        let mut times: Vec<Timestamp> = gone.iter().map(|report| time_of(report)).collect();
        times.sort_unstable();
        times.dedup();
        let mut found = Vec::new();
        for at in times {
            let until = at.after(charter.report_tolerance);
            let says_so = |side: &Ministry| {
                let mut own = gone.iter().filter(|(one, _)| one.sender == *side);
                own.any(|report| (at..=until).contains(&time_of(report)))
            };
            if self.is_complete(past, person, at, says_so) {
                found.extend(irregularities(past, person, self.arrangement, at, charter));
            }
        }
        found.sort_unstable_by_key(|facet| facet.number());
        found.dedup();
        found
    }
}

/// When a handover happened by a registered report.
fn time_of((registered, act): &Report<'_>) -> Timestamp {
    happened(act, registered.released)
}

/// When a handover happened by a report released then: as stated, but not later than it could be reported (CHN_08). A
/// release bears whole minutes, so one that is reported at once is stated some seconds after its release.
pub fn happened(act: &HandoverReport, released: Timestamp) -> Timestamp {
    act.handover_time.min(released.after(limits::CLOCK_SKEW_MAX))
}

/// Whether a report released then tells of what had not happened yet.
pub fn is_dated_ahead(act: &HandoverReport, released: Timestamp) -> bool {
    act.handover_time > happened(act, released)
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
    let mut stood = |facet: Facet, stood: bool| {
        if stood {
            found.push(facet);
        }
    };
    stood(Facet::Hold, holds::holds(past, person, charter).iter().any(|hold| hold.was_active(at)));
    stood(Facet::Medical, medical::was_unfit(past, person, at));
    stood(Facet::Judicial, judicial::was_kept(past, person, at));
    stood(Facet::Incident, exposure::was_open(past, person, at));
    let arranged = commitments::arrangement(past, arrangement);
    let arranged = arranged.filter(|arranged| arranged.act.persons.find(person).is_some());
    stood(Facet::NoGo, arranged.as_ref().is_some_and(|arranged| go::was_refused(past, arranged, at)));
    let line = arranged.as_ref().and_then(|arranged| arranged.agreement.line(person));
    let (Some(arranged), Some(line)) = (&arranged, line) else {
        stood(Facet::Commitment, true);
        return found;
    };
    let destination = arranged.agreement.destination(line);
    stood(Facet::Will, !will::stopped_at(past, person, destination, at).is_empty());
    stood(Facet::Protection, protection::was_barred(past, person, destination, at));
    let binds = arranged.agreement.is_in_force(past, person, at) && arranged.act.window_start_time <= at;
    stood(Facet::Commitment, !binds);
    found
}
