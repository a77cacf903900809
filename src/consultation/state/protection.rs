//! What a person has to fear at a destination (PRO; domain 5.3).
//!
//! Whoever finds substantial grounds bars the destination. Only the Detaining Power clears one, by an assessment that
//! considered whether he would be sent on from there, and it lifts a bar only by one of the same place that knew of it.
//! An assessment is stale once it is too old, or as long as it knew nothing of an incident of publicity: taking a
//! picture down does not undo the danger.
//!
//! Where a case does not say where a person comes from, any State may be his home. Grounds found for the Power of
//! origin bar them all then, and grounds found for one State bar the Power of origin: a bar need not use
//! the word that a later agreement uses. They do not bar staying where he is, which is no way home. A place that only
//! may be the same never clears another; and grounds found for any State at all bar them all, until they are lifted for
//! any. Where the case is registered anew with another origin, a bar stays where it was and comes to where the case now
//! says (`places`), until an assessment of that very place knew both.
//!
//! More must be known (NEEDS_MORE): that takes a clearance back, whatever times both bear, until the place is cleared
//! again by who knew of it.

use crate::consultation::acts::law::Destination;
use crate::consultation::acts::protection::ProtectionAssessment;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::places::{Likeness, Places, Spoken, is_open};
use crate::consultation::state::{commitments, custody, exposure, saying, will};
use crate::consultation::words::ProtectionFinding;
use crate::time::Timestamp;
use crate::vocabulary;

vocabulary! {
    /// How protection stands towards a destination.
    pub enum ProtectionStanding {
        /// No assessment clears it.
        None = 1 "NONE",
        /// Substantial grounds bar it.
        Bar = 2 "BAR",
        /// The assessment is too old, or knew nothing of an exposure.
        Stale = 3 "STALE",
        /// An assessment clears it.
        Clear = 4 "CLEAR",
    }
}

/// Protection towards a destination, and what it rests on.
#[derive(Clone)]
pub struct Protection<'h> {
    /// How it stands.
    pub standing: ProtectionStanding,
    /// The assessment it rests on.
    pub assessment: Option<&'h Registered>,
    /// Until when it counts, while it is clear or stale by age.
    pub until: Option<Timestamp>,
}

opaque!(Protection<'_>);

/// Protection of a person towards a destination.
pub fn protection<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    at: Timestamp,
    charter: &Charter,
) -> Protection<'h> {
    let places = Places::of(past, person);
    let assessments = assessments(past, person, destination, &places);
    if let Some(bar) = assessments.iter().find(|one| bars(one, &assessments, &places)) {
        return Protection {
            standing: ProtectionStanding::Bar,
            assessment: Some(bar.registered),
            until: None,
        };
    }
    let is_taken_back =
        |clearing: &Assessment<'_>| assessments.iter().any(|other| other.takes_back(clearing));
    let clearing = assessments.iter().filter(|one| one.counts && one.clears() && one.is_of_the_place());
    let clearing: Vec<&Assessment<'h>> = clearing.filter(|one| !is_taken_back(one)).collect();
    let replaced =
        |one: &Registered| commitments::is_replaced(past, one, clearing.iter().map(|other| other.registered));
    let last =
        clearing.iter().max_by_key(|one| (!replaced(one.registered), one.made, one.registered.order()));
    let Some(last) = last else {
        return Protection { standing: ProtectionStanding::None, assessment: None, until: None };
    };
    let until = last.made.after(charter.assessment_validity).min(last.act.valid_until_time);
    let unaware =
        exposure::incidents(past, person).iter().any(|incident| !last.registered.knew(incident.notice));
    let standing = if at > until || unaware { ProtectionStanding::Stale } else { ProtectionStanding::Clear };
    Protection { standing, assessment: Some(last.registered), until: Some(until) }
}

/// Whether a destination was barred at an instant, by what was released until then.
pub fn was_barred(past: &Past<'_>, person: &PersonRef, destination: Spoken<'_>, at: Timestamp) -> bool {
    let then = past.until(at);
    let places = Places::of(&then, person);
    let before = assessments(&then, person, destination, &places);
    before.iter().any(|one| bars(one, &before, &places))
}

/// Whether whoever may had cleared a destination, and has taken every clearance of it back.
pub fn is_clearance_taken_back(past: &Past<'_>, person: &PersonRef, destination: Spoken<'_>) -> bool {
    let places = Places::of(past, person);
    let all = assessments(past, person, destination, &places);
    let clearing = || all.iter().filter(|one| one.counts && one.clears() && one.is_of_the_place());
    let is_taken_back = |one: &Assessment<'_>| all.iter().any(|other| other.takes_back(one));
    clearing().next().is_some() && clearing().all(is_taken_back)
}

/// An assessment towards one destination.
struct Assessment<'h> {
    registered: &'h Registered,
    act: &'h ProtectionAssessment,
    made: Timestamp,
    /// Whether it can clear or take a clearance back: it stands, the Detaining Power made it, and where it clears it
    /// looked beyond the first State (CAT Art. 3 forbids return by way of another).
    counts: bool,
    /// Whether it stands, and its sender did not take it back.
    permits: bool,
    /// Whether the Detaining Power made it, whether or not it stands.
    of_holder: bool,
    /// How the place it is of compares with this destination.
    likeness: Likeness,
    /// Whether whoever made it knew the case as it is now.
    knew_the_case: bool,
}

impl Assessment<'_> {
    fn clears(&self) -> bool {
        self.act.finding == ProtectionFinding::NoSubstantialGrounds
    }

    /// Whether it is of this very destination, and not only of one that may be it. To take a clearance back it is
    /// enough that it is by one registration of the case.
    fn is_of_the_place(&self) -> bool {
        match self.clears() {
            true => self.likeness == Likeness::Same,
            false => self.likeness.is_same_by_a_case(),
        }
    }

    /// Whether this takes back what another one clears: it finds otherwise, and whoever cleared the place did not know
    /// it or had looked before.
    fn takes_back(&self, other: &Self) -> bool {
        let is_overtaken = other.registered.knew(self.registered) && other.made >= self.made;
        self.of_holder && self.is_of_the_place() && !self.clears() && !is_overtaken
    }
}

/// Assessments of a destination, or of what may be it.
fn assessments<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    places: &Places<'_>,
) -> Vec<Assessment<'h>> {
    let remain = Spoken::now(&Destination::RemainInDetainingState);
    let stays = places.compare(destination, remain) == Likeness::Same;
    let about = saying!(past.of_person(person), ProtectionAssessment).filter_map(|(registered, act)| {
        let likeness = places.compare(Spoken::by(&act.destination, registered), destination);
        let concerns = match likeness {
            Likeness::Same | Likeness::Either => true,
            Likeness::Unknown => !stays,
            Likeness::Other => is_open(&act.destination) && !stays,
        };
        concerns.then_some((registered, act, likeness))
    });
    let assessment =
        |(registered, act, likeness): (&'h Registered, &'h ProtectionAssessment, Likeness)| Assessment {
            registered,
            act,
            made: will::said(registered, Some(act.assessment_time)),
            counts: registered.stands()
                && (act.onward_return_considered.0 || act.finding != ProtectionFinding::NoSubstantialGrounds)
                && custody::detains(past, person, &registered.sender),
            permits: commitments::permits(past, registered),
            of_holder: custody::detains(past, person, &registered.sender),
            likeness,
            knew_the_case: places.are_known_to(registered),
        };
    about.map(assessment).collect()
}

/// Whether this one bars: nobody who may lifted it knowing of it, by the word that barred or for this very place. What
/// is no name of a State is lifted only by somebody who knew the case as it is; and that another word means this place
/// lifts nothing unless the case said so then.
fn bars(one: &Assessment<'_>, all: &[Assessment<'_>], places: &Places<'_>) -> bool {
    let barred = &one.act.destination;
    let lifts = |other: &Assessment<'_>| {
        let place = &other.act.destination;
        let told = || places.is_known(barred) && places.is_known(place);
        let is_the_place = match (barred, place) {
            (Destination::NamedState(_), _) if place == barred => true,
            _ if place == barred => other.knew_the_case,
            _ => other.knew_the_case && other.is_of_the_place() && told(),
        };
        other.counts
            && other.permits
            && other.clears()
            && is_the_place
            && other.registered.knew(one.registered)
    };
    one.act.finding == ProtectionFinding::SubstantialGrounds && !all.iter().any(lifts)
}

#[cfg(test)]
#[path = "protection_tests.rs"]
mod tests;
