//! Proceedings at law against a person (JUD; GC III Arts 115, 119(5)).
//!
//! Whoever says that proceedings keep him is believed, also in the report of a handover or in the check of a list. That
//! they are over only the Detaining Power can say, or whoever said that there were any, knowing of it.

use crate::consultation::acts::custody::JudicialStatus;
use crate::consultation::history::Past;
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::told::{Telling, Told, told, told_until};
use crate::consultation::state::{commitments, custody, saying};
use crate::consultation::words::JudicialState;
use crate::time::Timestamp;
use crate::vocabulary;

vocabulary! {
    /// How proceedings stand.
    pub enum JudicialStanding {
        /// Nothing keeps him.
        Free = 1 "FREE",
        /// Proceedings are pending.
        Pending = 2 "PENDING",
        /// He is convicted, and neither released for transfer nor consenting.
        Convicted = 3 "CONVICTED",
    }
}

/// Proceedings, and what that rests on.
#[derive(Clone, Copy)]
pub struct Judicial<'h> {
    /// How they stand.
    pub standing: JudicialStanding,
    /// The act it rests on.
    pub status: Option<&'h Registered>,
}

opaque!(Judicial<'_>);

/// Proceedings against a person. What frees him must stand and have known what kept him.
pub fn judicial<'h>(past: &Past<'h>, person: &PersonRef) -> Judicial<'h> {
    judge(past, person, &statuses(past, person), &told(past, person, Told::Kept))
}

/// Whether proceedings kept a person at an instant, by what was released until then.
pub fn was_kept(past: &Past<'_>, person: &PersonRef, at: Timestamp) -> bool {
    let mut before = statuses(past, person);
    before.retain(|(one, _)| one.released <= at);
    let kept = told_until(past, person, Told::Kept, at);
    judge(&past.until(at), person, &before, &kept).standing != JudicialStanding::Free
}

type Status<'h> = (&'h Registered, &'h JudicialStatus);

fn statuses<'h>(past: &Past<'h>, person: &PersonRef) -> Vec<Status<'h>> {
    saying!(past.of_person(person), JudicialStatus).collect()
}

fn judge<'h>(past: &Past<'h>, person: &PersonRef, all: &[Status<'h>], kept: &[Telling<'h>]) -> Judicial<'h> {
    let may_free = |other: &Registered, one: &Registered| {
        other.sender == one.sender || custody::detains(past, person, &other.sender)
    };
    let freed = |one: &Registered| {
        all.iter().any(|(other, act)| {
            let frees = standing(act) == JudicialStanding::Free && commitments::permits(past, other);
            frees && other.knew(one) && may_free(other, one)
        })
    };
    // A sentence ends what was pending; of what nobody ended the last counts.
    let ended = |one: &Registered| {
        all.iter().any(|(other, act)| {
            standing(act) != JudicialStanding::Free && other.sender == one.sender && other.knew(one)
        })
    };
    let keeps = |one: &Registered, act: &JudicialStatus| {
        standing(act) != JudicialStanding::Free && !freed(one) && !ended(one)
    };
    if let Some((one, act)) = all.iter().rev().find(|(one, act)| keeps(one, act)) {
        return Judicial { standing: standing(act), status: Some(one) };
    }
    match kept.iter().rev().find(|one| !freed(one.registered)) {
        Some(one) => Judicial { standing: JudicialStanding::Pending, status: Some(one.registered) },
        None => Judicial { standing: JudicialStanding::Free, status: all.last().map(|(one, _)| *one) },
    }
}

/// What one act says: a convict goes where he consented in writing, or where a court released him.
pub fn standing(act: &JudicialStatus) -> JudicialStanding {
    match act.state {
        JudicialState::None | JudicialState::ReleasedForTransfer => JudicialStanding::Free,
        JudicialState::Convicted if act.written_consent_to_exchange => JudicialStanding::Free,
        JudicialState::Convicted => JudicialStanding::Convicted,
        JudicialState::Pending => JudicialStanding::Pending,
    }
}
