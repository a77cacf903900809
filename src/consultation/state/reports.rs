//! What Powers reported of a person's handovers, and what that comes to (HND-05, HND-06).
//!
//! Reports about one arrangement make a round; of each Power the last one counts. A round is closed once the Power that
//! holds the person and the Power that receives him both reported, and all who reported say the same. A Power that has
//! no part in it was not there to see who came: what it reports is shown, and disputes nothing unless it says that he
//! died, cannot travel or is kept. What is relayed is nobody's own report, and stops whom it stops. What is wrong
//! is never lost by saying something else: a handover that was irregular once stays on record, whatever is reported
//! under another arrangement or corrected later, and a dispute ends only by corrected reports about the same handover.
//!
//! A handover is judged by the past as it was then: who held the person and where he was to go, the agreement, the
//! arrangement and its confirmation, statements and clearances, all as released until that instant. What is said of
//! these afterwards makes no handover regular and none irregular. What the person himself said until then counts
//! whenever it is told, and a report of his refusal at the gate until its own sender corrects it by one of that same
//! time.

use crate::consultation::acts::handover::HandoverReport;
use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::commitments::{Agreement, Arrangement};
use crate::consultation::state::go::Undone;
use crate::consultation::state::opening::Opening;
use crate::consultation::state::places::{Places, Spoken};
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::told::is_one_attempt;
use crate::consultation::state::{
    commitments, custody, departure, exchange, exposure, go, guard, holds, judicial, medical, opening,
    promised, protection, saying, will,
};
use crate::consultation::words::{HandoverOutcome, Route};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

mod round;

pub use round::{Round, happened, is_dated_ahead};

use round::{Report, rounds, time_said};

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

opaque!(Reported<'_>);

/// What was reported about a person; none where nothing was. An irregular handover comes before a disputed one, and
/// both before what was reported last.
pub fn reported<'h>(past: &Past<'h>, person: &PersonRef, charter: &Charter) -> Option<Reported<'h>> {
    let against = |round: &Round<'h>| round.irregularities(past, person, charter);
    choose(past, person, rounds(past, person), charter, against)
}

/// What these rounds come to, of which this stood against each.
fn choose<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    rounds: Vec<Round<'h>>,
    charter: &Charter,
    against: impl Fn(&Round<'h>) -> Vec<Facet>,
) -> Option<Reported<'h>> {
    let judged = rounds.into_iter().map(|round| {
        let irregular = against(&round);
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
    // What was reported under a wrong id, and taken back there, says nothing of the handover but what stood against it.
    let gone = || judged.iter().filter(|one| one.stage == Stage::HandedOver);
    let is_meant = |one: &&Reported<'h>| !gone().any(|other| one.round.is_mistaken_for(&other.round, person));
    let meant: Vec<&Reported<'h>> = judged.iter().filter(is_meant).collect();
    let against_a_stop = judged.iter().rev().find(|one| one.stage == Stage::Irregular);
    let disputed = meant.iter().rev().copied().find(|one| one.stage == Stage::Disputed);
    let chosen = against_a_stop.or(disputed).or_else(|| meant.last().copied())?;
    let mut chosen = Reported { irregular, ..chosen.clone() };
    if chosen.stage != Stage::Irregular && contradicts_a_handover(past, person, &meant) {
        chosen.stage = Stage::Disputed;
    }
    Some(chosen)
}

/// Whether the handover reported last comes after one that took place, and the case was not registered anew between:
/// who is gone is not kept back.
fn contradicts_a_handover(past: &Past<'_>, person: &PersonRef, judged: &[&Reported<'_>]) -> bool {
    let Some((last, before)) = judged.split_last() else { return false };
    let gone = before.iter().rev().find(|one| one.stage == Stage::HandedOver);
    last.stage != Stage::HandedOver
        && gone.is_some_and(|gone| !gone.round.has_a_case_before(&last.round, past, person))
}

/// Whether the Power that holds a person, or a party to an agreement about him, reports that he was handed over, under
/// whatever arrangement, and his case was not registered anew since by somebody who knew of it: who is gone departs
/// nowhere.
pub fn is_gone(past: &Past<'_>, person: &PersonRef) -> bool {
    let agreements = commitments::agreements_of(past, person);
    let is_heard = |power: &Ministry| {
        custody::detains(past, person, power) || agreements.iter().any(|agreement| agreement.is_party(power))
    };
    let says_gone = |act: &HandoverReport| outcome(act, person) == Some(HandoverOutcome::HandedOver);
    let is_answered =
        |one: &Registered| custody::case(past, person).is_some_and(|case| case.registered.knew(one));
    let is_rumoured =
        |(one, act): Report<'_>| one.relayed && says_gone(act) && is_heard(&one.sender) && !is_answered(one);
    let is_reported = |round: &Round<'_>| {
        let mut gone = round.last.values().filter(|(_, act)| says_gone(act));
        gone.any(|(one, _)| is_heard(&one.sender)) && !round.is_followed_by_a_case(past, person)
    };
    rounds(past, person).iter().any(is_reported) || reports(past, person).any(is_rumoured)
}

/// Whether a report of a refusal at the gate stands still: nobody but its own sender corrects it, by another report of
/// the same handover and time about the same person; what is reported of another time is another attempt. A Power that
/// takes its own word back by it, that he was handed over, disputes the handover, and says nothing of what stood
/// against it.
pub fn is_refusal_still(
    past: &Past<'_>,
    person: &PersonRef,
    report: &Registered,
    act: &HandoverReport,
) -> bool {
    let thread = Thread::Arrangement(act.arrangement_id.clone());
    let own = || {
        saying!(past.of_thread(&thread), HandoverReport)
            .filter(|(one, _)| one.sender == report.sender && !one.relayed)
            .filter(|(_, other)| other.lines.find(person).is_some())
    };
    let of_it = || own().filter(|(one, other)| is_one_attempt(time_said(report, act), time_said(one, other)));
    let corrected = of_it().any(|(one, _)| one.number > report.number);
    let takes_back = || {
        of_it().any(|(one, other)| {
            one.number < report.number && outcome(other, person) == Some(HandoverOutcome::HandedOver)
        })
    };
    // Until it reports that it handed him over at another time: that is another attempt, and he had refused before it.
    let goes_after_all = || {
        own().any(|(one, other)| {
            let is_later =
                one.number > report.number && !is_one_attempt(time_said(report, act), time_said(one, other));
            is_later && outcome(other, person) == Some(HandoverOutcome::HandedOver)
        })
    };
    !(corrected || is_of_a_power(past, report) && takes_back() && !goes_after_all())
}

/// Whether a Power that has a part in it reported what became of a person under this arrangement, or conveyed such a
/// report; or another one that he was harmed.
pub fn is_reported(past: &Past<'_>, person: &PersonRef, arrangement: &EntryId) -> bool {
    let mut conveyed = reports(past, person).filter(|(one, _)| one.relayed);
    rounds(past, person).iter().any(|round| round.arrangement == arrangement)
        || conveyed.any(|(_, act)| act.arrangement_id == *arrangement)
}

/// Whether the way that this act was part of ended with the person remaining: it came before the reports.
pub fn is_spent(past: &Past<'_>, person: &PersonRef, act: &Registered, charter: &Charter) -> bool {
    let reported = reported(past, person, charter);
    reported.is_some_and(|one| matches!(one.stage, Stage::Remains(_)) && !one.round.is_known_to(act))
}

/// Whether it had ended so when he was handed over under this arrangement, by the past of that time. What stood against
/// other handovers is not asked: one that was irregular stays so whatever else is.
pub fn was_spent(
    then: &Past<'_>,
    person: &PersonRef,
    act: &Registered,
    handover: &EntryId,
    charter: &Charter,
) -> bool {
    let mut others = rounds(then, person);
    others.retain(|round| round.arrangement != handover);
    let reported = choose(then, person, others, charter, |_| Vec::new());
    reported.is_some_and(|one| matches!(one.stage, Stage::Remains(_)) && !one.round.is_known_to(act))
}

/// Reports of Powers about a person; what observers and strangers report decides nothing, but a refusal in it stops
/// (WIL-12).
fn reports<'h>(
    past: &Past<'h>,
    person: &PersonRef,
) -> impl DoubleEndedIterator<Item = (&'h Registered, &'h HandoverReport)> {
    let reports = saying!(past.of_person(person), HandoverReport);
    reports.filter(|(one, _)| is_of_a_power(past, one))
}

/// Whether a Power of the consultation, as it stood then, sent a report. Where nobody proposed one, whoever does not
/// observe is taken for one.
fn is_of_a_power(past: &Past<'_>, report: &Registered) -> bool {
    let then = past.until(report.released);
    let powers = opening::powers_of(&then);
    match powers.is_empty() {
        true => !opening::is_observer(&then, &report.sender),
        false => powers.contains(&&report.sender),
    }
}

/// Whether a report says what became of a person: its sender had a part in his handover as it stood then, or it says
/// that he died, cannot travel or is kept. A refusal stops by itself (WIL-12).
fn is_to_be_heard(past: &Past<'_>, person: &PersonRef, one: &Registered, act: &HandoverReport) -> bool {
    use HandoverOutcome::{Deceased, HeldByAuthority, Unfit};
    let tells_of_harm = matches!(outcome(act, person), Some(Deceased | HeldByAuthority | Unfit));
    tells_of_harm || has_part(&past.until(one.released), person, &one.sender, &act.arrangement_id)
}

/// Whether a Power has a part in a handover: it holds the person, is party to what was agreed of him, or is to receive
/// him. Where nothing was agreed, every Power has.
fn has_part(past: &Past<'_>, person: &PersonRef, power: &Ministry, arrangement: &EntryId) -> bool {
    let arranged = commitments::arrangement_of(past, arrangement, person).map(|arranged| arranged.agreement);
    let agreements = match arranged.filter(|agreement| agreement.line(person).is_some()) {
        Some(agreement) => vec![agreement],
        None => commitments::agreements_of(past, person),
    };
    let places = Places::of(past, person);
    let receives = |agreement: &Agreement<'_>| {
        let place = agreement.line(person).map(|line| agreement.destination(line));
        place.is_some_and(|place| custody::powers_at(past, &places, place).contains(&power))
    };
    agreements.is_empty()
        || custody::says_it_detains(past, person, power)
        || agreements.iter().any(|agreement| agreement.is_party(power) || receives(agreement))
}

/// What became of a person by a report.
fn outcome(act: &HandoverReport, person: &PersonRef) -> Option<HandoverOutcome> {
    act.lines.find(person).map(|line| line.outcome)
}

/// What stood against a handover under this arrangement at the time it happened (HND-06), by the past of that time.
pub fn irregularities(
    past: &Past<'_>,
    person: &PersonRef,
    arrangement: &EntryId,
    at: Timestamp,
    charter: &Charter,
) -> Vec<Facet> {
    let then = &past.until(at);
    let mut found = Vec::new();
    let mut stood = |facet: Facet, stood: bool| {
        if stood {
            found.push(facet);
        }
    };
    stood(Facet::Hold, holds::holds(then, person, charter).iter().any(|hold| hold.was_active(at)));
    stood(Facet::Medical, medical::was_unfit(past, person, at));
    stood(Facet::Judicial, judicial::was_kept(past, person, at));
    let is_told_dead = custody::was_said_to_be_dead(past, person, at);
    stood(Facet::Death, is_told_dead || custody::is_dead(then, person));
    let arranged = commitments::arrangement_of(then, arrangement, person);
    let undone = arranged.as_ref().map(|arranged| go::undone(then, arranged)).unwrap_or_default();
    let is_undone = |by: Undone| undone.iter().any(|(_, how)| *how == by);
    let is_concluded = opening::state(then, at) == Opening::Concluded;
    stood(Facet::Consultation, is_undone(Undone::Adjourned) || is_concluded);
    let is_refused = arranged.as_ref().is_some_and(|arranged| go::was_refused(then, arranged, at));
    stood(Facet::NoGo, is_refused || is_undone(Undone::TakenBack));
    let line = arranged.as_ref().and_then(|arranged| arranged.agreement.line(person));
    let destination =
        arranged.as_ref().zip(line).map(|(arranged, line)| arranged.agreement.destination(line));
    stood(Facet::Incident, exposure::was_open(then, person, destination, at));
    let (Some(arranged), Some(line)) = (&arranged, line) else {
        stood(Facet::Commitment, true);
        return found;
    };
    let destination = arranged.agreement.destination(line);
    let back = |one: Option<&Registered>| one.is_some_and(|one| commitments::is_taken_back(then, one));
    let stated = will::towards(then, person, destination, at, charter).statement;
    let asked_back = back(stated.map(|statement| statement.registered));
    stood(Facet::Will, asked_back || !will::stopped_at(past, person, destination, at).is_empty());
    let cleared = protection::protection(then, person, destination, at, charter).assessment;
    let barred = protection::was_barred(past, person, destination, at);
    let (terms, note) = (arranged.agreement.terms(), arranged.agreement.note);
    let unassured = guard::is_assurance_taken_back(then, terms, line, note, at, charter);
    let uncleared = protection::is_clearance_taken_back(then, person, destination);
    stood(Facet::Protection, back(cleared) || uncleared || barred || unassured);
    stood(Facet::Medical, back(medical::fitness(then, person, at, charter).finding));
    stood(
        Facet::Status,
        is_no_prisoner_for(then, person, arranged) || custody::is_case_taken_back(then, person),
    );
    let binds = arranged.agreement.is_in_force(then, person, at)
        && arranged.act.window_start_time <= at.after(charter.report_tolerance);
    let kept = !back(Some(arranged.registered)) && !back(Some(arranged.confirmation));
    let overtaken = is_overtaken(then, person, arranged, destination, at, charter);
    stood(Facet::Commitment, !(binds && kept) || overtaken);
    found
}

/// Whether the time of an arrangement was over, by more than a convoy is on its road; whether the person's line in a
/// list of exchange was found to be a mistake; whether its agreement had been made
/// anew since it was arranged, and says otherwise of the person; or another agreement sent the person elsewhere.
fn is_overtaken<'h>(
    then: &Past<'h>,
    person: &PersonRef,
    arranged: &Arrangement<'h>,
    destination: Spoken<'_>,
    at: Timestamp,
    charter: &Charter,
) -> bool {
    let twice = || promised::was_promised_elsewhere(then, person, destination, arranged, at, charter);
    let is_too_late = at > arranged.act.window_end_time.after(departure::ROAD);
    let is_mistaken = exchange::is_listed_by_mistake(then, arranged.agreement.terms(), person);
    is_too_late || is_mistaken || is_promised_otherwise(then, person, arranged) || twice()
}

/// Whether the agreement that an arrangement carries out, as it was made anew since, sends the person elsewhere,
/// otherwise or not at all. That others were added to it is nothing to him.
fn is_promised_otherwise(then: &Past<'_>, person: &PersonRef, arranged: &Arrangement<'_>) -> bool {
    let (was, now) = (&arranged.agreement, commitments::agreement(then, &arranged.act.agreement_id));
    let line = |agreement: &Agreement<'_>| agreement.line(person).map(|line| line.destination.clone());
    now.is_none_or(|now| {
        let (ours, theirs) = (was.terms(), now.terms());
        line(was) != line(&now)
            || ours.route != theirs.route
            || ours.required_parties != theirs.required_parties
    })
}

/// Whether an agreement sends a person by a route of prisoners, and his case says that he is none (EXC-05).
fn is_no_prisoner_for(past: &Past<'_>, person: &PersonRef, arranged: &Arrangement<'_>) -> bool {
    arranged.agreement.terms().route != Route::Remain && custody::is_no_prisoner(past, person)
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "reports_parts_tests.rs"]
mod parts_tests;

#[cfg(test)]
#[path = "irregular_tests.rs"]
mod irregular_tests;
