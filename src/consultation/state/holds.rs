//! Holds: who stopped a person's case, and whether the hold is active (HLD).
//!
//! Only the Power that set a hold lifts it. A hold of any other Power than the detaining one lapses after the time
//! of the charter unless it is renewed; a stop by the person's will never lapses (HLD-03).

use crate::consultation::acts::protection::HoldNotice;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::{custody, saying};
use crate::consultation::words::HoldReason;
use crate::time::Timestamp;

/// A hold of a person.
#[derive(Clone, Copy)]
pub struct Hold<'h> {
    /// The act.
    pub registered: &'h Registered,
    /// What it says.
    pub act: &'h HoldNotice,
    /// The act that lifted it.
    pub lifted_by: Option<&'h Registered>,
    /// When it lapses of itself; none where it does not.
    pub lapses: Option<Timestamp>,
}

opaque!(Hold<'_>);

impl Hold<'_> {
    /// Whether it stops at this instant.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.lifted_by.is_none() && self.lapses.is_none_or(|lapses| at <= lapses)
    }

    /// Whether it stopped at an instant long ago, by what was released until then.
    pub fn was_active(&self, at: Timestamp) -> bool {
        let lifted = self.lifted_by.is_some_and(|release| release.released <= at);
        self.registered.released <= at && !lifted && self.lapses.is_none_or(|lapses| at <= lapses)
    }
}

/// Every hold of a person, in the order of the acts.
pub fn holds<'h>(past: &Past<'h>, person: &PersonRef, charter: &Charter) -> Vec<Hold<'h>> {
    let notices = saying!(past.of_person(person), HoldNotice);
    let hold = |(registered, act): (&'h Registered, &'h HoldNotice)| {
        let by_will = act.reason == Some(HoldReason::Will);
        let stays = by_will || custody::says_it_detains(past, person, &registered.sender);
        Hold {
            registered,
            act,
            lifted_by: release(past, registered),
            lapses: (!stays).then(|| registered.released.after(charter.foreign_hold)),
        }
    };
    notices.map(hold).collect()
}

/// The holds of a person that stop at this instant.
pub fn active<'h>(past: &Past<'h>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Vec<Hold<'h>> {
    holds(past, person, charter).into_iter().filter(|hold| hold.is_active(at)).collect()
}

/// The release of a hold by the Power that set it.
pub fn release<'h>(past: &Past<'h>, hold: &Registered) -> Option<&'h Registered> {
    let releases = saying!(past.of_thread(&Thread::Answer(hold.reference)), HoldRelease);
    releases.map(|(one, _)| one).find(|one| one.sender == hold.sender && one.stands())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::state::samples::{DAY, Scene, person};

    #[test]
    fn only_who_set_a_hold_lifts_it() {
        let mut scene = Scene::opened();
        let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]");
        scene.say("XB", "hold-release", &format!("hold_message = \"{hold}\"\nreason = \"no cause\""));
        assert_eq!(scene.asks(|past, at, charter| active(past, &person(1), at, charter).len()), 1);
        scene.say("IC", "hold-release", &format!("hold_message = \"{hold}\"\nreason = \"settled\""));
        assert_eq!(scene.asks(|past, at, charter| active(past, &person(1), at, charter).len()), 0);
        assert_eq!(scene.asks(|past, at, charter| active(past, &person(2), at, charter).len()), 0);
    }

    #[test]
    fn a_foreign_hold_lapses_unless_it_is_renewed_and_a_stop_by_will_never_does() {
        let count =
            |scene: &Scene| scene.asks(|past, at, charter| active(past, &person(1), at, charter).len());
        let mut scene = Scene::opened();
        scene.say("XA", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
        scene.wait(14 * DAY - 60);
        assert_eq!(count(&scene), 1, "to the second");
        scene.wait(1);
        assert_eq!(count(&scene), 0);
        scene.say("XA", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
        assert_eq!(count(&scene), 1, "renewed");
        let mut scene = Scene::opened();
        scene.say("XA", "hold-notice", "persons = [\"P1\"]\nreason = \"WILL\"");
        scene.say("XB", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
        scene.wait(90 * DAY);
        assert_eq!(count(&scene), 2, "by will, and of the Detaining Power");
    }
}
