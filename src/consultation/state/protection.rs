//! What a person has to fear at a destination (PRO; domain 5.3).
//!
//! Whoever finds substantial grounds bars the destination. Only the Detaining Power clears one, by an assessment that
//! considered whether he would be sent on from there, and it lifts a bar only by one of the same place that knew of it.
//! An assessment is stale once it is too old, or as long as it knew nothing of an incident of publicity: taking a
//! picture down does not undo the danger.
//!
//! Where a case does not say where a person comes from, any State may be his home. Grounds found for the Power of origin
//! bar them all then, and grounds found for one State bar the Power of origin: a bar need not use
//! the word that a later agreement uses. They do not bar staying where he is, which is no way home. A place that only
//! may be the same never clears another; and grounds found for any State at all bar them all, until they are lifted for any.
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
use crate::consultation::state::custody::{self, Likeness, Places};
use crate::consultation::state::{exposure, saying, will};
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
    destination: &Destination,
    at: Timestamp,
    charter: &Charter,
) -> Protection<'h> {
    let assessments = assessments(past, person, destination);
    if let Some(bar) = assessments.iter().find(|one| bars(one, &assessments)) {
        return Protection {
            standing: ProtectionStanding::Bar,
            assessment: Some(bar.registered),
            until: None,
        };
    }
    let is_taken_back =
        |clearing: &Assessment<'_>| assessments.iter().any(|other| other.takes_back(clearing));
    let clearing = assessments.iter().filter(|one| one.clears() && !is_taken_back(one));
    let Some(last) = clearing.max_by_key(|one| (one.made, one.registered.order())) else {
        return Protection { standing: ProtectionStanding::None, assessment: None, until: None };
    };
    let until = last.made.after(charter.assessment_validity).min(last.act.valid_until_time);
    let unaware =
        exposure::incidents(past, person).iter().any(|incident| !last.registered.knew(incident.notice));
    let standing = if at > until || unaware { ProtectionStanding::Stale } else { ProtectionStanding::Clear };
    Protection { standing, assessment: Some(last.registered), until: Some(until) }
}

/// Whether a destination was barred at an instant, by what was released until then.
pub fn was_barred(past: &Past<'_>, person: &PersonRef, destination: &Destination, at: Timestamp) -> bool {
    let mut before = assessments(past, person, destination);
    before.retain(|one| one.registered.released <= at);
    before.iter().any(|one| bars(one, &before))
}

/// An assessment towards one destination.
struct Assessment<'h> {
    registered: &'h Registered,
    act: &'h ProtectionAssessment,
    made: Timestamp,
    /// Whether it can clear or take a clearance back: it stands, the Detaining Power made it, and where it clears it
    /// looked beyond the first State (CAT Art. 3 forbids return by way of another).
    counts: bool,
    /// Whether it is of this very destination, and not only of one that may be it.
    is_of_the_place: bool,
    /// The place it is of, as far as the case says.
    place: Destination,
    /// Whether whoever made it knew the case as it is now.
    knew_the_case: bool,
}

impl Assessment<'_> {
    fn clears(&self) -> bool {
        self.counts && self.is_of_the_place && self.act.finding == ProtectionFinding::NoSubstantialGrounds
    }

    /// Whether this takes back what another one clears: it finds otherwise, and whoever cleared the place did not know it
    /// or had looked before.
    fn takes_back(&self, other: &Self) -> bool {
        let finds_otherwise = self.act.finding != ProtectionFinding::NoSubstantialGrounds;
        let is_overtaken = other.registered.knew(self.registered) && other.made >= self.made;
        self.counts && self.is_of_the_place && finds_otherwise && !is_overtaken
    }
}

fn assessments<'h>(past: &Past<'h>, person: &PersonRef, destination: &Destination) -> Vec<Assessment<'h>> {
    let (places, case) = (Places::of(past, person), custody::case(past, person));
    let stays = places.compare(destination, &Destination::RemainInDetainingState) == Likeness::Same;
    let about = saying!(past.of_person(person), ProtectionAssessment).filter_map(|(registered, act)| {
        let likeness = places.compare(&act.destination, destination);
        let concerns = match likeness {
            Likeness::Same => true,
            Likeness::Unknown => !stays,
            Likeness::Other => custody::is_open(&act.destination) && !stays,
        };
        concerns.then_some((registered, act, likeness == Likeness::Same))
    });
    let assessment =
        |(registered, act, is_of_the_place): (&'h Registered, &'h ProtectionAssessment, bool)| Assessment {
            registered,
            act,
            made: will::said(registered, Some(act.assessment_time)),
            counts: registered.stands()
                && (act.onward_return_considered.0 || act.finding != ProtectionFinding::NoSubstantialGrounds)
                && custody::detains(past, person, &registered.sender),
            is_of_the_place,
            place: places.resolve(&act.destination),
            knew_the_case: case.is_none_or(|case| registered.knew(case.registered)),
        };
    about.map(assessment).collect()
}

/// Whether this one bars: nobody who may lifted it knowing of it, for the very place it names. That another word means
/// the same place lifts nothing unless the case said so then.
fn bars(one: &Assessment<'_>, all: &[Assessment<'_>]) -> bool {
    let lifts = |other: &Assessment<'_>| {
        other.counts
            && other.act.finding == ProtectionFinding::NoSubstantialGrounds
            && other.place == one.place
            && (other.knew_the_case || other.act.destination == one.act.destination)
            && other.registered.knew(one.registered)
    };
    one.act.finding == ProtectionFinding::SubstantialGrounds && !all.iter().any(lifts)
}

#[cfg(test)]
#[path = "protection_tests.rs"]
mod tests;
