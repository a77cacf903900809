//! May this person leave now? The question the desk of the Detaining Power asks of everything it holds, before a
//! convoy moves (domain 5.3 and 5.6).
//!
//! Empty means yes. A GO that rests on an older past cannot hide a withdrawal: acts of one Power are registered
//! without gaps, so whoever's GO is here has said here everything he knew when he gave it. A protective act that
//! reached him early, before what it rests on, stands in no basis; `synced_to` of the GO tells of that one. Where a
//! ministry gives one number to two acts, two desks may hold different ones under it, and numbers alone show nothing:
//! so a GO names every protective act that its desk held, and a desk that knows of such a number lets nobody leave. It
//! names what went to some Powers only, too, where that may stop somebody: no number counts it (`unnumbered`). While acts are missing that
//! others wait for, nobody knows what they say: nobody leaves.
//!
//! That a Power adjourned the consultation stops nobody. A pause is for what is not agreed yet; who is on his way was agreed
//! on, and a third Power that adjourns for reasons of its own would keep him for as long as it likes. Whoever means the
//! departure says NO GO. Nobody is the worse for it, because nothing that stops a departure has to wait for the pause to
//! end: withdrawals, holds, facts, statements of will, a case registered anew, a confirmation taken back and the end of an
//! agreement are all said in it (CON-01). Only who gave his GO and adjourned afterwards may have meant that departure too: he
//! gives it again if he did not.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::consultation::act::Act;
use crate::consultation::acts::handover::{GoNoGo, HandoverArrangement};
use crate::consultation::acts::values::{ActRef, EntryId};
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::list::Set;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::{Marks, Registered};
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments::{self, Arrangement};
use crate::consultation::state::go::{Undone, is_in_window, last_word, needed, speakers, undone};
use crate::consultation::state::guard::{self, Stop};
use crate::consultation::state::holds;
use crate::consultation::state::medical::{self, FitnessStanding};
use crate::consultation::state::opening::{self, Opening};
use crate::consultation::state::unnumbered::Departing;
use crate::consultation::state::{promised, reports, saying, will};
use crate::limits;
use crate::message::terms::ActClass;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// How long a convoy may be on its way.
pub(super) const ROAD: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands against a person's departure under an arrangement, in the order of the rules; empty when he may leave.
pub fn clear_to_depart(
    past: &Past<'_>,
    person: &PersonRef,
    arrangement: &EntryId,
    at: Timestamp,
    charter: &Charter,
) -> Vec<Stop> {
    let Some(arranged) = commitments::arrangement(past, arrangement) else {
        return vec![unarranged(past, arrangement)];
    };
    if arranged.act.persons.find(person).is_none() {
        return vec![unlisted(past, person, arrangement)];
    }
    let agreement = &arranged.agreement;
    let Some(line) = agreement.line(person) else {
        return vec![Stop::new(Rule::Hnd01, "no concluded agreement covers the person")];
    };
    let destination = agreement.destination(line);
    let mut stops = guard::stops(past, agreement.terms(), line, Some(agreement.note), at, charter);
    if !agreement.is_in_force(past, person, at) {
        stops.push(Stop::new(Rule::Hnd01, "the agreement is not in force for the person"));
    }
    if [arranged.registered, arranged.confirmation].iter().any(|one| commitments::is_taken_back(past, one)) {
        let because = "the arrangement or its confirmation was taken back: arrange and confirm it anew";
        stops.push(Stop::new(Rule::Hnd01, because));
    }
    if !arranged.is_current(past) {
        stops.push(Stop::new(Rule::Hnd01, "the agreement was made anew since it was arranged"));
    }
    let own = Some(&agreement.terms().agreement_id);
    if promised::other_commitment(past, person, destination, own, at, charter).is_some() {
        stops.push(Stop::new(Rule::Exc06, "another agreement sends the person elsewhere"));
    }
    if reports::is_reported(past, person, arrangement) {
        stops.push(Stop::new(
            Rule::Hnd01,
            "this handover was reported already: what is left of it is arranged under another id",
        ));
    } else if reports::is_gone(past, person) {
        stops.push(Stop::new(Rule::Hnd01, "the person was reported as handed over already"));
    }
    let recent = |statement: &will::Statement<'_>| will::is_recent(statement, at, charter.reconfirm);
    let statement = will::towards(past, person, destination, at, charter).statement;
    if statement.is_some_and(|statement| !recent(&statement)) {
        stops.push(Stop::new(Rule::Hnd03, "the last private statement is too old to depart on"));
    }
    stops.extend(unopened(past, at));
    stops.extend(window(arranged.act, at));
    stops.extend(fitness(past, person, at, charter));
    stops.extend(unknown(past, person, at, charter));
    stops.extend(clearances(past, &arranged, at, charter));
    stops.sort_unstable();
    stops.dedup();
    stops
}

/// What whoever gave a GO had registered, protective acts that came early included.
fn synced_to(act: &GoNoGo) -> Marks {
    Marks::new(act.synced_to.iter().map(|mark| (mark.ministry.clone(), mark.act_number)))
}

fn clearances(past: &Past<'_>, arranged: &Arrangement<'_>, at: Timestamp, charter: &Charter) -> Vec<Stop> {
    let mut stops = Vec::new();
    let needed = needed(past, arranged);
    for (ministry, rule) in &needed {
        let because = match last_word(past, arranged, ministry) {
            None => format!("{ministry} has not given its GO"),
            Some((_, act)) if !act.go.0 => format!("{ministry} said NO GO"),
            Some((one, act)) if !is_in_window(one, act, at, charter) => {
                format!("the GO of {ministry} is too old")
            }
            Some((_, act)) if !past.holds_all(&synced_to(act)) => {
                format!("{ministry} knew acts at its GO that are not here yet")
            }
            Some(_) => continue,
        };
        stops.push(Stop::new(*rule, because));
    }
    // Whoever tells of a stop is heard, whether or not his GO is needed.
    let rule_of = |ministry: &Ministry| {
        needed.iter().find(|(one, _)| *one == ministry).map_or(Rule::Hnd08, |(_, rule)| *rule)
    };
    for (ministry, how) in undone(past, arranged) {
        let mut because = match how {
            Undone::TakenBack => format!("{ministry} took its GO back"),
            Undone::Adjourned => format!("{ministry} adjourned the consultation after its GO"),
        };
        if !needed.iter().any(|(one, _)| *one == ministry) {
            because +=
                "; nobody needs it: it gives it again, or the handover is arranged anew under another id";
        }
        stops.push(Stop::new(rule_of(ministry), because));
    }
    for ministry in speakers(past, arranged) {
        let named = last_word(past, arranged, ministry).map(|(_, act)| &act.protective_acts);
        let lacks = |acts: &Set<ActRef, 0>| acts.iter().any(|known| past.find(*known).is_none());
        if named.is_some_and(lacks) {
            let because = format!(
                "{ministry} knew an act at its GO that may stop somebody and is not here; once its sender has said it to all \
                 (or {ministry}, where it takes nothing back), and it was answered or lifted, the GO is given again"
            );
            stops.push(Stop::new(rule_of(ministry), because));
        }
    }
    stops
}

/// What a GO names of what its desk holds: protective acts about persons of the arrangement, those that name nobody, and
/// those that this release cannot read; and what may stop them and went to some Powers only, which no number counts. Of
/// more than a GO can name the latest.
pub fn protective_acts(
    past: &Past<'_>,
    arrangement: &EntryId,
    at: Timestamp,
    charter: &Charter,
) -> Vec<ActRef> {
    let thread = Thread::Arrangement(arrangement.clone());
    let arranged = saying!(past.of_thread(&thread), HandoverArrangement);
    let listed: BTreeSet<PersonRef> = arranged.flat_map(|(_, act)| act.persons.iter().copied()).collect();
    let departing = Departing::under(past, arrangement, at, charter);
    let named = |one: &&Registered| {
        let persons = one.act.as_ref().map(Act::persons).unwrap_or_default();
        let mut about = persons.iter().filter(|person| listed.contains(person));
        match (one.class, one.number) {
            (ActClass::Protective, 1..) => persons.is_empty() || about.next().is_some(),
            (ActClass::Protective, 0) if persons.is_empty() => true,
            (_, 0) if departing.may_take_back(one, &listed) => true,
            (_, 0) => departing.may_stop(one, about) || departing.is_refused_by(one),
            _ => false,
        }
    };
    let known = past.acts().rev().filter(named).take(limits::SET_ENTRIES_MAX);
    known.map(|one| one.reference).collect()
}

/// What nobody did before a person was handed over under an arrangement, as far as it can be told afterwards: what was
/// young enough at departure may be a day older at the handover.
pub fn omitted(
    past: &Past<'_>,
    person: &PersonRef,
    arrangement: &EntryId,
    at: Timestamp,
    charter: &Charter,
) -> Vec<Stop> {
    let Some(arranged) = commitments::arrangement_of(past, arrangement, person) else { return Vec::new() };
    let Some(line) = arranged.agreement.line(person) else { return Vec::new() };
    let mut stops = Vec::new();
    let age = charter.reconfirm.saturating_add(ROAD);
    let statement = will::towards(past, person, arranged.agreement.destination(line), at, charter).statement;
    if statement.is_some_and(|statement| !will::is_recent(&statement, at, age)) {
        stops.push(Stop::new(Rule::Hnd03, "nobody asked the person in private shortly before"));
    }
    if medical::fitness(past, person, at, charter).standing == FitnessStanding::None {
        stops.push(Stop::new(Rule::Med01, "nobody certified fitness to travel"));
    }
    for (ministry, rule) in needed(past, &arranged) {
        if last_word(past, &arranged, ministry).is_none() {
            stops.push(Stop::new(rule, format!("{ministry} never gave its GO")));
        }
    }
    stops
}

/// Nothing confirmed bears an id: whoever arranges anew has to have it confirmed anew.
fn unarranged(past: &Past<'_>, arrangement: &EntryId) -> Stop {
    let because = match commitments::awaits_confirmation(past, arrangement) {
        true => "the last arrangement under this id is not confirmed, or declined",
        false => "no confirmed arrangement bears this id",
    };
    Stop::new(Rule::Hnd01, because)
}

/// Who is not on the list that counts under an id may be on that of a Power that gave the same id at once.
fn unlisted(past: &Past<'_>, person: &PersonRef, arrangement: &EntryId) -> Stop {
    let because = match commitments::arrangement_of(past, arrangement, person) {
        Some(_) => "another Power gave this id to a handover of its own: arrange it anew under another id",
        None => "the person is not on the list of the arrangement",
    };
    Stop::new(Rule::Hnd02, because)
}

/// An arrangement is for its window: those who come too early or too late are expected by nobody.
fn window(arranged: &HandoverArrangement, at: Timestamp) -> Option<Stop> {
    let (start, end) = (arranged.window_start_time, arranged.window_end_time);
    let because = match () {
        () if at < start => format!("the window of the arrangement opens at {start}"),
        () if at > end => format!("the window of the arrangement closed at {end}"),
        () => return None,
    };
    Some(Stop::new(Rule::Hnd01, because))
}

/// A handover is an affair of a consultation that all its Powers accepted and none of them has left (CON-01).
fn unopened(past: &Past<'_>, at: Timestamp) -> Option<Stop> {
    let state = opening::state(past, at);
    let stands = matches!(state, Opening::Open | Opening::Adjourned);
    (!stands).then(|| Stop::new(Rule::Con01, format!("the consultation is {state}")))
}

/// What nobody here can know, and may stop him.
pub(super) fn unknown(past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Vec<Stop> {
    let unread = not_understood(past, person, at, charter);
    [missing(past), equivocation(past), unread].into_iter().flatten().collect()
}

/// What others wait for and is not here may be a withdrawal.
fn missing(past: &Past<'_>) -> Option<Stop> {
    let missing: Vec<String> = past.missing().iter().map(ToString::to_string).collect();
    let because = format!("acts are missing: {}", missing.join(", "));
    (!missing.is_empty()).then(|| Stop::new(Rule::Con04, because))
}

/// Under a number that two acts bear, another desk may hold what this one does not.
fn equivocation(past: &Past<'_>) -> Option<Stop> {
    let numbers: Vec<String> =
        past.equivocations().map(|(sender, number)| format!("act {number} of {sender}")).collect();
    let because = format!("one number was given to two acts: {}", numbers.join(", "));
    (!numbers.is_empty()).then(|| Stop::new(Rule::Chn04, because))
}

fn fitness(past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Option<Stop> {
    let fitness = medical::fitness(past, person, at, charter);
    let because = match fitness.standing {
        FitnessStanding::Fit if fitness.finding.is_some_and(|one| commitments::is_taken_back(past, one)) => {
            "whoever certified that he is fit took the certificate back"
        }
        FitnessStanding::Fit => return None,
        FitnessStanding::None => {
            "nobody who may certified fitness to travel: the Detaining Power, or an observer"
        }
        FitnessStanding::Stale => "the certificate of fitness is too old",
        FitnessStanding::Unfit => {
            "the person was found unfit to travel: the Detaining Power, or whoever found it, examines him again"
        }
    };
    let because = match fitness.standing {
        FitnessStanding::Unfit => guard::untold(because, fitness.finding),
        _ => because.to_owned(),
    };
    Some(Stop::new(Rule::Med01, because))
}

/// A protective act that this release cannot read may stop anybody: a person has to look at it first. Whoever sent it
/// releases it like a hold. Where he does not, it may be a refusal of this person or a hold: it stops him no more once he
/// was asked again by somebody who knew of it, and the time of a hold is over as well.
fn not_understood(past: &Past<'_>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Option<Stop> {
    let mut protective = past.not_understood().filter(|one| one.class == ActClass::Protective);
    let is_over = |one: &Registered| {
        let lapsed = at > one.released.after(charter.foreign_hold);
        holds::release(past, one).is_some() || (lapsed && holds::asked_again(past, person, one).is_some())
    };
    let because = "a protective act cannot be read by this release; it may be about this person: whoever sent it releases \
                   it, or the person is asked again and the time of a hold passes";
    protective.find(|one| !is_over(one)).map(|_| Stop::new(Rule::Hld01, because))
}
