//! What a person wants, and whether that still counts (WIL; domain 5.3).
//!
//! Only statements against which nothing stands can permit. A withdrawal, a refusal at the gate, adverse hearsay, a
//! list that finds no compatible will and an adverse statement that does not qualify all stop (WIL-12), and are
//! overcome only by a later qualifying statement whose sender knew of them (WIL-07). A withdrawal for some destinations
//! stops those alone. Whoever found that he did not speak freely, or could not decide, found that nobody knows what he
//! wants: that stops everywhere. The last word is that of whoever knew what was said before: a statement that only
//! bears a later time sets nothing aside, and where two say different things neither counts (WIL-10).
//!
//! A word for a place is what the case said when it was spoken, and what it says since (`places`): a statement accepts
//! only what it means by every registration, and refuses whatever it means by any.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::will::{ExpressionOfWill, WillIndication};
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::{Likeness, Places, Spoken, is_open};
use crate::consultation::state::{commitments, reports, saying, sides};
use crate::consultation::words::{AttendeeFunction, Capacity, FreedomFinding, HandoverOutcome, LineResult};
use crate::time::Timestamp;
use crate::vocabulary;

vocabulary! {
    /// How the will of a person stands.
    pub enum WillStanding {
        /// Nothing is known of it.
        None = 1 "NONE",
        /// There is hearsay, or statements that do not qualify.
        Indicated = 2 "INDICATED",
        /// A qualifying statement counts.
        Current = 3 "CURRENT",
        /// The last qualifying statement is too old.
        Expired = 4 "EXPIRED",
        /// Something stops it that no later statement overcame.
        Withdrawn = 5 "WITHDRAWN",
        /// Two statements say different things, and neither was made later by somebody who knew the other.
        Challenged = 6 "CHALLENGED",
    }
}

/// The will of a person, and what it rests on.
#[derive(Clone)]
pub struct Will<'h> {
    /// How it stands.
    pub standing: WillStanding,
    /// The statement that counts; there while it is current or expired.
    pub statement: Option<Statement<'h>>,
    /// Until when the statement counts.
    pub until: Option<Timestamp>,
    /// What stops and is not overcome, in the order of the acts; after it statements that contradict each other.
    pub against: Vec<&'h Registered>,
}

/// A statement of will.
#[derive(Clone, Copy)]
pub struct Statement<'h> {
    /// The act.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h ExpressionOfWill,
}

opaque!(Will<'_>, Statement<'_>);

impl Statement<'_> {
    /// How a place that the person named compares with a destination.
    pub fn likens(&self, place: &Destination, destination: Spoken<'_>, places: &Places<'_>) -> Likeness {
        places.compare(Spoken::by(place, self.registered), destination)
    }

    /// Whether another statement accepts and refuses the same places, in whatever order and by whatever words.
    fn says_the_same(&self, other: &Self, places: &Places<'_>) -> bool {
        let (ours, theirs) = (self.act, other.act);
        is_one_set(ours.acceptable.as_slice(), self, theirs.acceptable.as_slice(), other, places)
            && is_one_set(ours.refused.as_slice(), self, theirs.refused.as_slice(), other, places)
    }
}

/// The will of a person as a whole: withdrawn where nothing he accepted is left.
pub fn will<'h>(past: &Past<'h>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Will<'h> {
    judge(past, person, None, at, charter)
}

/// The will of a person as far as one destination goes.
pub fn towards<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    at: Timestamp,
    charter: &Charter,
) -> Will<'h> {
    judge(past, person, Some(destination), at, charter)
}

/// Whether a statement accepts a destination: named, or any that is not refused, and not refused. Who is undecided
/// accepts nothing, and silence is no consent (WIL-03, WIL-11).
pub fn admits(statement: &Statement<'_>, destination: Spoken<'_>, places: &Places<'_>) -> bool {
    let act = statement.act;
    let undecided = act.acceptable.iter().any(|place| *place == Destination::Undecided);
    if undecided || destination.is_open() {
        return false;
    }
    let named =
        act.acceptable.iter().any(|place| statement.likens(place, destination, places) == Likeness::Same);
    let any = act.acceptable.iter().any(|place| *place == Destination::AnyStateExceptRefused);
    // A refusal that may mean this place counts against it, unless the place was accepted by its name.
    let refused = act.refused.iter().any(|place| match statement.likens(place, destination, places) {
        _ if is_open(place) => true,
        Likeness::Same | Likeness::Either => true,
        Likeness::Unknown => !named,
        Likeness::Other => false,
    });
    (named || any) && !refused
}

/// When a person said something: as stated, but never after the act was released.
pub fn said(registered: &Registered, stated: Option<Timestamp>) -> Timestamp {
    stated.map_or(registered.released, |stated| stated.min(registered.released))
}

/// What stopped a person's way to a destination at an instant, by what he had said until then, that instant included:
/// what is adverse, and qualifying statements that do not accept it, whenever they were told; unless a later one that
/// does knew of them, and was released by then. A report that its own sender corrected is not asked.
pub fn stopped_at<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    at: Timestamp,
) -> Vec<&'h Registered> {
    let places = Places::until(past, person, at);
    let (adverse, statements) = said_before(past, person, &sides::origin(&past.until(at), person));
    let accepting = |one: &&Statement<'_>| {
        let was_told = one.registered.released <= at && instant(one) <= at;
        was_told && admits(one, destination, &places)
    };
    let before = adverse.into_iter().filter(|one| one.said <= at && !one.is_taken_back(past, person));
    let stopping = before.filter(|one| {
        let overcome = statements.iter().filter(accepting).any(|statement| one.is_overcome_by(statement));
        one.covers(destination, &places) && !overcome
    });
    let other = statements.iter().filter(|one| instant(one) <= at && !admits(one, destination, &places));
    let other =
        other.filter(|one| !statements.iter().rev().filter(accepting).any(|later| overtakes(later, one)));
    let mut all: Vec<&'h Registered> =
        stopping.map(|one| one.registered).chain(other.map(|one| one.registered)).collect();
    all.sort_by(|one, next| one.order().cmp(&next.order()));
    all
}

fn judge<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Option<Spoken<'_>>,
    at: Timestamp,
    charter: &Charter,
) -> Will<'h> {
    let places = Places::of(past, person);
    let (adverse, mut statements) = said_of(past, person);
    let all: Vec<&'h Registered> = statements.iter().map(|one| one.registered).collect();
    statements.retain(|one| !commitments::is_replaced(past, one.registered, all.iter().copied()));
    let beaten = |statement: &Statement<'_>| is_beaten(statement, destination, &adverse, &places);
    let stopping = |statement: Option<&Statement<'_>>| -> Vec<&'h Registered> {
        let open = |one: &&Adverse<'_>| !statement.is_some_and(|statement| one.is_overcome_by(statement));
        let concerned = |one: &&Adverse<'_>| destination.is_none_or(|place| one.covers(place, &places));
        adverse.iter().filter(open).filter(concerned).map(|one| one.registered).collect()
    };
    let stands = |standing, statement: Option<Statement<'h>>| Will {
        standing,
        statement,
        until: statement.map(|statement| instant(&statement).after(charter.will_validity)),
        against: stopping(statement.as_ref()),
    };
    if statements.is_empty() {
        let refuses =
            |one: &Adverse<'_>| destination.map_or(one.is_everywhere(), |place| one.covers(place, &places));
        let said_no = adverse.iter().any(|one| one.is_his_no() && refuses(one));
        let standing = if said_no { WillStanding::Withdrawn } else { unasked(past, person, &adverse) };
        return stands(standing, None);
    }
    let alive: Vec<Statement<'h>> = statements.iter().filter(|one| !beaten(one)).copied().collect();
    let is_overtaken = |one: &Statement<'_>| alive.iter().rev().any(|later| overtakes(later, one));
    let open: Vec<Statement<'h>> = alive.iter().filter(|one| !is_overtaken(one)).copied().collect();
    let Some(last) = open.iter().max_by_key(|one| instant(one)).copied() else {
        return stands(WillStanding::Withdrawn, None);
    };
    // WIL-10: a clock alone settles nothing between two interviews of which one did not know of the other.
    let differs =
        |place, other: &Statement<'_>| admits(other, place, &places) != admits(&last, place, &places);
    let contradicts = |other: &Statement<'_>| {
        !other.says_the_same(&last, &places) || destination.is_some_and(|place| differs(place, other))
    };
    if open.iter().any(contradicts) {
        let mut challenged = stands(WillStanding::Challenged, None);
        challenged.against.extend(open.iter().map(|one| one.registered));
        return challenged;
    }
    // A statement that is beaten itself can still refuse, unless somebody asked again who knew of it.
    let refuses = |other: &&Statement<'_>| {
        beaten(other)
            && !is_overtaken(other)
            && destination.is_some_and(|place| !admits(other, place, &places))
    };
    if statements.iter().any(|other| refuses(&other)) {
        return stands(WillStanding::Withdrawn, None);
    }
    if at > instant(&last).after(charter.will_validity) {
        return stands(WillStanding::Expired, Some(last));
    }
    stands(WillStanding::Current, Some(last))
}

/// How the will of somebody stands who made no statement that counts, and did not say no himself.
fn unasked(past: &Past<'_>, person: &PersonRef, adverse: &[Adverse<'_>]) -> WillStanding {
    let tells = |one: &Registered| {
        matches!(one.act_kind(), Some(ActKind::WillIndication | ActKind::ExpressionOfWill))
    };
    match adverse.is_empty() && !past.of_person(person).any(tells) {
        true => WillStanding::None,
        false => WillStanding::Indicated,
    }
}

/// What speaks against moving a person, and the statements that can permit it. One by which somebody sat for the Power
/// of origin, as his case names it now, permits nothing, and stops like any that was not free (WIL-05).
fn said_of<'h>(past: &Past<'h>, person: &PersonRef) -> (Vec<Adverse<'h>>, Vec<Statement<'h>>) {
    said_before(past, person, &sides::origin(past, person))
}

/// The same, where these are the Powers of origin.
fn said_before<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    origin: &BTreeSet<String>,
) -> (Vec<Adverse<'h>>, Vec<Statement<'h>>) {
    let (mut adverse, mut statements) = (adverse(past, person), statements(past, person));
    let frightened = |one: &'h Registered| match &one.act {
        Some(Act::ExpressionOfWill(act)) if sides::were_there(origin, act) => {
            let said = said(one, Some(act.declaration_time));
            Some(Adverse { registered: one, said, scope: Scope::Everywhere })
        }
        _ => None,
    };
    statements.retain(|one| frightened(one.registered).is_none());
    adverse.retain(|one| frightened(one.registered).is_none());
    adverse.extend(past.of_person(person).filter_map(frightened));
    adverse.sort_by(|one, next| one.registered.order().cmp(&next.registered.order()));
    (adverse, statements)
}

fn is_beaten(
    statement: &Statement<'_>,
    destination: Option<Spoken<'_>>,
    adverse: &[Adverse<'_>],
    places: &Places<'_>,
) -> bool {
    let stops = |place: Spoken<'_>| {
        adverse.iter().any(|one| one.covers(place, places) && !one.is_overcome_by(statement))
    };
    match destination {
        Some(place) => stops(place),
        None => statement.act.acceptable.iter().all(|place| stops(Spoken::by(place, statement.registered))),
    }
}

/// Qualifying statements, in the order of the acts.
fn statements<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Statement<'h>> {
    let standing = past.of_person(person).filter(|one| one.stands());
    let statements = standing.filter_map(|registered| match &registered.act {
        Some(Act::ExpressionOfWill(act)) => Some(Statement { registered, act }),
        _ => None,
    });
    statements.collect()
}

/// Whether two statements list the same places.
fn is_one_set(
    ours: &[Destination],
    our: &Statement<'_>,
    theirs: &[Destination],
    their: &Statement<'_>,
    places: &Places<'_>,
) -> bool {
    let is_one = |one: &Destination, other: &Destination| {
        places.mean_the_same(Spoken::by(one, our.registered), Spoken::by(other, their.registered))
    };
    ours.iter().all(|one| theirs.iter().any(|other| is_one(one, other)))
        && theirs.iter().all(|other| ours.iter().any(|one| is_one(one, other)))
}

/// Whether a statement sets another one aside: it was made later, by somebody who knew of the other.
fn overtakes(later: &Statement<'_>, earlier: &Statement<'_>) -> bool {
    later.registered.knew(earlier.registered) && instant(later) > instant(earlier)
}

fn instant(statement: &Statement<'_>) -> Timestamp {
    said(statement.registered, Some(statement.act.declaration_time))
}

/// Something that speaks against moving a person.
struct Adverse<'h> {
    registered: &'h Registered,
    said: Timestamp,
    scope: Scope<'h>,
}

/// Which destinations it stops.
enum Scope<'h> {
    Everywhere,
    To(&'h [Destination]),
    AllBut(&'h [Destination]),
}

impl Adverse<'_> {
    fn covers(&self, destination: Spoken<'_>, places: &Places<'_>) -> bool {
        let is = |likeness: &[Likeness], listed: &[Destination]| {
            let spoken = listed.iter().map(|place| Spoken::by(place, self.registered));
            spoken.into_iter().any(|place| likeness.contains(&places.compare(place, destination)))
        };
        match self.scope {
            Scope::Everywhere => true,
            _ if destination.is_open() => false,
            Scope::To(listed) => is(&[Likeness::Same, Likeness::Either, Likeness::Unknown], listed),
            Scope::AllBut(listed) => !is(&[Likeness::Same], listed),
        }
    }

    /// Whether the person himself said no: he withdrew, or declined at the gate.
    fn is_his_no(&self) -> bool {
        matches!(self.registered.act_kind(), Some(ActKind::WillWithdrawal | ActKind::HandoverReport))
    }

    const fn is_everywhere(&self) -> bool {
        matches!(self.scope, Scope::Everywhere)
    }

    /// Whether this statement came later and knew of it.
    fn is_overcome_by(&self, statement: &Statement<'_>) -> bool {
        statement.registered.knew(self.registered) && instant(statement) > self.said
    }

    /// Whether it is a report of a refusal at the gate that stands against no handover.
    fn is_taken_back(&self, past: &Past<'_>, person: &PersonRef) -> bool {
        let Some(Act::HandoverReport(report)) = &self.registered.act else { return false };
        !reports::is_refusal_still(past, person, self.registered, report)
    }
}

fn adverse<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Adverse<'h>> {
    let said = past.of_person(person).filter_map(|one| speaks_against(one, person));
    said.chain(past.of_person(person).flat_map(|one| found_since(past, one))).collect()
}

/// That the sender of a statement found since that it was not free: a corrigendum of what he had found of it then
/// (WIL-05, WIL-09). Whoever asked the person afterwards may not have known.
fn found_since<'h>(past: &Past<'h>, statement: &'h Registered) -> Vec<Adverse<'h>> {
    if statement.act_kind() != Some(ActKind::ExpressionOfWill) {
        return Vec::new();
    }
    let corrigenda = saying!(past.of_thread(&Thread::Answer(statement.reference)), Corrigendum);
    let is_of_it = |path: &str| ["attendees", "capacity", "freedom"].contains(&commitments::field(path));
    let found = corrigenda
        .filter(|(one, act)| one.sender == statement.sender && is_of_it(act.field_path.as_str()))
        .map(|(registered, _)| Adverse { registered, said: registered.released, scope: Scope::Everywhere });
    found.collect()
}

fn speaks_against<'h>(registered: &'h Registered, person: &PersonRef) -> Option<Adverse<'h>> {
    let (said, scope) = match registered.act.as_ref()? {
        Act::WillWithdrawal(act) => {
            let listed = act.withdrawn_for.as_slice();
            let everywhere = listed.is_empty() || listed.iter().any(is_open);
            let scope = if everywhere { Scope::Everywhere } else { Scope::To(listed) };
            (said(registered, act.declaration_time), scope)
        }
        Act::WillIndication(act) => (registered.released, hearsay(act)?),
        Act::ExpressionOfWill(act) if !registered.stands() => {
            (said(registered, Some(act.declaration_time)), unqualified(act)?)
        }
        Act::HandoverReport(act) => {
            let line = act.lines.find(person)?;
            let declined = line.outcome == HandoverOutcome::DeclinedByPerson;
            declined.then_some((said(registered, Some(act.handover_time)), Scope::Everywhere))?
        }
        Act::ListVerification(act) => {
            let is_unwilling = act.findings.find(person)?.result == LineResult::NoCompatibleWill;
            is_unwilling.then_some((registered.released, Scope::Everywhere))?
        }
        _ => return None,
    };
    Some(Adverse { registered, said, scope })
}

/// A refused destination stops everything: what exactly was meant is for the next interview to find out. So does a
/// wish for another place, but for that place.
fn hearsay(act: &WillIndication) -> Option<Scope<'_>> {
    if !act.refused.is_empty() {
        return Some(Scope::Everywhere);
    }
    match &act.indicated {
        None | Some(Destination::AnyStateExceptRefused) => None,
        Some(Destination::Undecided) => Some(Scope::Everywhere),
        Some(place) => Some(Scope::AllBut(std::slice::from_ref(place))),
    }
}

fn unqualified(act: &ExpressionOfWill) -> Option<Scope<'_>> {
    let accepts = |place: &Destination| act.acceptable.iter().any(|other| other == place);
    match () {
        () if !was_free(act) => Some(Scope::Everywhere),
        () if !act.refused.is_empty() || accepts(&Destination::Undecided) => Some(Scope::Everywhere),
        () if accepts(&Destination::AnyStateExceptRefused) => None,
        () => Some(Scope::AllBut(act.acceptable.as_slice())),
    }
}

/// Whether the words of a statement can be his own, by what its interviewer found: nobody pressed him, nobody was there
/// who frightens (WIL-05), and he could decide (WIL-09).
pub fn was_free(act: &ExpressionOfWill) -> bool {
    let could_decide = !matches!(act.capacity, Capacity::Lacking | Capacity::Minor);
    let undisturbed = !act.attendees.iter().any(|attendee| frightens(attendee.function));
    act.freedom == FreedomFinding::NoIndicationOfPressure && could_decide && undisturbed
}

/// Whether nobody speaks freely before somebody in this function, whomever he came for.
pub const fn frightens(function: AttendeeFunction) -> bool {
    use AttendeeFunction::{IntelligenceOrSecurity, Media, PowerOfOrigin};
    matches!(function, IntelligenceOrSecurity | Media | PowerOfOrigin)
}

/// Whether a statement is at most so old at this instant.
pub fn is_recent(statement: &Statement<'_>, at: Timestamp, age: Duration) -> bool {
    at <= instant(statement).after(age)
}

#[cfg(test)]
#[path = "will_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "will_interviews_tests.rs"]
mod interviews_tests;
