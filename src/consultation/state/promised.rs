//! Whether a person is promised twice: to a Power by one agreement, and elsewhere by another that binds still (EXC-06).

use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::state::commitments::{self, Agreement};
use crate::consultation::state::places::{Likeness, Places, Spoken};
use crate::consultation::state::reports;
use crate::time::Timestamp;

/// Another agreement that sends a person elsewhere and binds still: he is promised twice (EXC-06).
pub fn other_commitment<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    except: Option<&EntryId>,
    at: Timestamp,
    charter: &Charter,
) -> Option<Agreement<'h>> {
    let places = Places::of(past, person);
    let elsewhere = |agreement: &Agreement<'h>| {
        let line = agreement.line(person);
        line.is_some_and(|line| places.compare(agreement.destination(line), destination) != Likeness::Same)
    };
    commitments::agreements_of(past, person).into_iter().find(|agreement| {
        Some(&agreement.terms().agreement_id) != except
            && elsewhere(agreement)
            && !agreement.is_ended(past, person, at)
            && !reports::is_spent(past, person, agreement.note, charter)
    })
}
