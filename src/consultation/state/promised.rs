//! Whether a person is promised twice: to a Power by one agreement, and elsewhere by another that binds still (EXC-06);
//! or was, when he was handed over (HND-06).

use crate::consultation::acts::values::EntryId;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::state::commitments::{self, Agreement, Arrangement};
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
    let is_spent = |agreement: &Agreement<'h>| reports::is_spent(past, person, agreement.note, charter);
    elsewhere(past, person, destination, except, at).into_iter().find(|agreement| !is_spent(agreement))
}

/// Whether he was promised twice when he was handed over under this arrangement, by the past of that time.
pub fn was_promised_elsewhere<'h>(
    then: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    arranged: &Arrangement<'h>,
    at: Timestamp,
    charter: &Charter,
) -> bool {
    let (own, handover) = (&arranged.agreement.terms().agreement_id, &arranged.act.arrangement_id);
    let was_spent = |one: &Agreement<'h>| reports::was_spent(then, person, one.note, handover, charter);
    elsewhere(then, person, destination, Some(own), at).iter().any(|agreement| !was_spent(agreement))
}

/// Other agreements that send a person elsewhere and did not end.
fn elsewhere<'h>(
    past: &Past<'h>,
    person: &PersonRef,
    destination: Spoken<'_>,
    except: Option<&EntryId>,
    at: Timestamp,
) -> Vec<Agreement<'h>> {
    let places = Places::of(past, person);
    let is_elsewhere = |agreement: &Agreement<'h>| {
        let line = agreement.line(person);
        line.is_some_and(|line| places.compare(agreement.destination(line), destination) != Likeness::Same)
    };
    let mut others = commitments::agreements_of(past, person);
    others.retain(|agreement| {
        Some(&agreement.terms().agreement_id) != except
            && is_elsewhere(agreement)
            && !agreement.is_ended(past, person, at)
    });
    others
}
