//! The reports of Powers about one handover of a person: a round of them, and what it comes to (HND-05).
//!
//! A round is of one id of an arrangement, and of each Power the last report in it counts. Everything that was ever
//! reported in it is kept: what was agreed once, and stood against a handover then, no later report takes away.

use std::collections::BTreeMap;

use super::{irregularities, is_refusal_still, is_to_be_heard, outcome, reports};
use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::Places;
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::told::is_one_attempt;
use crate::consultation::state::{commitments, custody, saying, will};
use crate::consultation::words::HandoverOutcome;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The reports of Powers about one handover of a person, in the order of the acts.
#[derive(Clone)]
pub struct Round<'h> {
    /// The arrangement that they name.
    pub arrangement: &'h EntryId,
    reports: Vec<Report<'h>>,
    pub(super) last: BTreeMap<&'h Ministry, Report<'h>>,
}

opaque!(Round<'_>);

/// One report, and what it says.
pub(super) type Report<'h> = (&'h Registered, &'h HandoverReport);

/// Every handover that was reported by who is to be heard of it, the one reported last at the end.
pub(super) fn rounds<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Round<'h>> {
    let mut rounds: Vec<Round<'h>> = Vec::new();
    for (one, act) in reports(past, person).filter(|(one, _)| !one.relayed) {
        let known = rounds.iter().position(|round| *round.arrangement == act.arrangement_id);
        if !is_to_be_heard(past, person, one, act) {
            // Whoever had told of harm only, tells of none any more.
            if let Some(round) = known.and_then(|place| rounds.get_mut(place)) {
                round.last.retain(|sender, (before, _)| **sender != one.sender || before.number > one.number);
            }
            continue;
        }
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
    rounds.retain(|round| !round.last.is_empty());
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

    /// Whether he is held again after this handover: his case was registered once more, as that of a prisoner.
    pub fn is_brought_back(&self, past: &Past<'_>, person: &PersonRef) -> bool {
        self.is_followed_by_a_case(past, person) && !custody::is_no_prisoner(past, person)
    }

    /// Whether the case was registered once more between these reports and those of another handover.
    pub(super) fn has_a_case_before(&self, next: &Self, past: &Past<'_>, person: &PersonRef) -> bool {
        custody::registrations(past, person)
            .any(|(case, _)| self.is_known_to(case) && next.acts().all(|report| report.knew(case)))
    }

    /// Whether every Power in this round had mistaken the id: it took back here that the person was handed over, and
    /// says so under that of another round, all of one time.
    pub(super) fn is_mistaken_for(&self, other: &Self, person: &PersonRef) -> bool {
        let is_gone = |act: &HandoverReport| outcome(act, person) == Some(HandoverOutcome::HandedOver);
        let is_mistaken = |last: &Report<'h>| {
            let (one, act) = *last;
            let is_of_it = |(of, its): &Report<'h>| is_one_attempt(time_said(of, its), time_said(one, act));
            let there = other.last.get(&one.sender).filter(|report| is_gone(report.1) && is_of_it(report));
            let mut before = self.reports.iter().filter(|(of, _)| of.sender == one.sender);
            let taken_back = before.any(|report| is_gone(report.1) && is_of_it(report));
            !is_gone(act) && taken_back && there.is_some()
        };
        self.arrangement != other.arrangement && self.last.values().all(is_mistaken)
    }

    /// What the reports come to (HND-05).
    pub(super) fn outcome(&self, past: &Past<'_>, person: &PersonRef, charter: &Charter) -> Stage {
        let mut reports = self.last.values().map(|(_, act)| *act);
        let Some(first) = reports.next() else { return Stage::ReportedOnce };
        let alike = |other: &HandoverReport| {
            outcome(first, person) == outcome(other, person)
                && first.place_code == other.place_code
                && first.effects_inventory_sha256 == other.effects_inventory_sha256
                && first.documents_sha256 == other.documents_sha256
        };
        let times = || self.last.values().map(|(_, act)| act.handover_time);
        let bound = times().min().map(|earliest| earliest.after(charter.report_tolerance));
        let close = times().max() <= bound;
        if self.last.values().any(|(one, act)| is_dated_ahead(act, one.released))
            || !close
            || !reports.all(alike)
        {
            return Stage::Disputed;
        }
        let latest = self.last.values().map(time_of).max();
        let then = latest.map_or_else(|| past.clone(), |latest| past.until(latest));
        let reported = |side: &Ministry| self.last.contains_key(side);
        let has_holder = custody::holder(&then, person).is_none_or(reported);
        if !has_holder || !self.is_complete(&then, person, reported) {
            return Stage::ReportedOnce;
        }
        match outcome(first, person) {
            None => Stage::Disputed,
            Some(HandoverOutcome::HandedOver) => Stage::HandedOver,
            Some(outcome) => Stage::Remains(outcome),
        }
    }

    /// Whether two Powers did this, among them one that had registered the person until then and the one that was to
    /// receive him; where the case, as it was then, leaves open which that is, one that may be it. Where he was agreed
    /// upon, two that are party to it.
    fn is_complete(&self, then: &Past<'_>, person: &PersonRef, did: impl Fn(&Ministry) -> bool) -> bool {
        let arranged = commitments::arrangement_of(then, self.arrangement, person);
        let agreement = arranged.as_ref().map(|arranged| &arranged.agreement);
        let agreement = agreement.filter(|agreement| agreement.line(person).is_some());
        let destination =
            agreement.and_then(|agreement| agreement.line(person).map(|line| agreement.destination(line)));
        let places = Places::of(then, person);
        let receivers = destination.map(|place| custody::powers_at(then, &places, place)).unwrap_or_default();
        let received = receivers.is_empty() || receivers.into_iter().any(&did);
        let counts =
            |power: &Ministry| did(power) && agreement.is_none_or(|agreement| agreement.is_party(power));
        let count = self.last.keys().filter(|power| counts(power)).count();
        let mut holders = custody::registrations(then, person).map(|(one, _)| &one.sender).peekable();
        let gave = holders.peek().is_none() || holders.any(&did);
        count >= 2 && gave && received
    }

    /// What stood against a handover that this round ever agreed on, at each time that it was agreed to have happened:
    /// of times that match, at the first and at the last.
    pub(super) fn irregularities(
        &self,
        past: &Past<'_>,
        person: &PersonRef,
        charter: &Charter,
    ) -> Vec<Facet> {
        let gone =
            self.reports.iter().filter(|(_, act)| outcome(act, person) == Some(HandoverOutcome::HandedOver));
        let gone: Vec<(&Ministry, Timestamp)> =
            gone.map(|report| (&report.0.sender, time_of(report))).collect();
        let mut times: Vec<Timestamp> = gone.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        times.dedup();
        let mut found = Vec::new();
        for first in times {
            let until = first.after(charter.report_tolerance);
            let matching: Vec<(&Ministry, Timestamp)> =
                gone.iter().copied().filter(|(_, time)| (first..=until).contains(time)).collect();
            let says_so = |side: &Ministry| matching.iter().any(|(sender, _)| *sender == side);
            let last = matching.iter().map(|(_, time)| *time).max().unwrap_or(first);
            let mut ends = [first, last].into_iter();
            if !ends.any(|at| self.is_complete(&past.until(at), person, says_so)) {
                continue;
            }
            found.extend(irregularities(past, person, self.arrangement, first, charter));
            if last > first {
                found.extend(irregularities(past, person, self.arrangement, last, charter));
            }
            if self.is_refused(past, person, last, last.after(charter.report_tolerance)) {
                found.push(Facet::Will);
            }
        }
        found.sort_unstable_by_key(|facet| facet.number());
        found.dedup();
        found
    }

    /// Whether somebody reports that the person refused at this very handover, by a clock that may be ahead of those of
    /// the Powers by as much as their own may differ.
    fn is_refused(&self, past: &Past<'_>, person: &PersonRef, last: Timestamp, until: Timestamp) -> bool {
        let thread = Thread::Arrangement(self.arrangement.clone());
        saying!(past.of_thread(&thread), HandoverReport).any(|(one, act)| {
            let declined = outcome(act, person) == Some(HandoverOutcome::DeclinedByPerson);
            let time = happened(act, one.released);
            declined && time > last && time <= until && is_refusal_still(past, person, one, act)
        })
    }
}

/// When a handover happened by a registered report.
fn time_of((registered, act): &Report<'_>) -> Timestamp {
    happened(act, registered.released)
}

/// When that was which a report tells of, by the clock of its sender.
pub(super) fn time_said(registered: &Registered, act: &HandoverReport) -> Timestamp {
    will::said(registered, Some(act.handover_time))
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
