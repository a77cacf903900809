//! Holds: who stopped a person's case, and whether the hold is active (HLD).
//!
//! Only the Power that set a hold lifts it. A hold of any other Power than the detaining one lapses after the time
//! of the charter unless it is renewed; a stop by the person's will never lapses (HLD-03). Where another Power set
//! that, it is answered by asking him: a later statement that qualifies, of somebody who knew the hold, lifts it.

use crate::consultation::act::ActKind;
use crate::consultation::acts::protection::HoldNotice;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Registered;
use crate::consultation::state::{commitments, custody, saying, will};
use crate::consultation::words::HoldReason;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

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
        let of_detaining = custody::says_it_detains_still(past, person, &registered.sender);
        let stays = by_will || of_detaining;
        let asked = || asked_again(past, person, registered).filter(|_| by_will && !of_detaining);
        Hold {
            registered,
            act,
            lifted_by: release(past, registered).or_else(asked),
            lapses: (!stays).then(|| registered.released.after(charter.foreign_hold)),
        }
    };
    notices.map(hold).collect()
}

/// The holds of a person that stop at this instant.
pub fn active<'h>(past: &Past<'h>, person: &PersonRef, at: Timestamp, charter: &Charter) -> Vec<Hold<'h>> {
    holds(past, person, charter).into_iter().filter(|hold| hold.is_active(at)).collect()
}

/// The release of a hold, or of what may be one, by the Power that set it; of a hold that it told to some Powers only,
/// also that of the one by which it said the same to all.
pub fn release<'h>(past: &Past<'h>, hold: &Registered) -> Option<&'h Registered> {
    let again = || {
        let says = |one: &Registered| {
            let is_it = |(sender, number): &(Ministry, u64)| *sender == one.sender && *number == one.number;
            one.act_kind() == Some(ActKind::HoldNotice) && hold.said_to_all.iter().any(is_it)
        };
        let mut own = past.of_sender(&hold.sender).filter(|one| says(one));
        own.find_map(|one| own_release(past, one))
    };
    own_release(past, hold).or_else(|| if hold.said_to_all.is_empty() { None } else { again() })
}

fn own_release<'h>(past: &Past<'h>, hold: &Registered) -> Option<&'h Registered> {
    let releases = saying!(past.of_thread(&Thread::Answer(hold.reference)), HoldRelease);
    releases.map(|(one, _)| one).find(|one| one.sender == hold.sender && commitments::permits(past, one))
}

/// The first statement that stands of a person who was asked after this, by somebody who knew it.
pub fn asked_again<'h>(past: &Past<'h>, person: &PersonRef, hold: &Registered) -> Option<&'h Registered> {
    let mut statements = saying!(past.of_person(person), ExpressionOfWill);
    let is_later = |one: &Registered, stated: Timestamp| will::said(one, Some(stated)) > hold.released;
    let later = statements.find(|(one, act)| {
        commitments::permits(past, one) && one.knew(hold) && is_later(one, act.declaration_time)
    });
    later.map(|(one, _)| one)
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

    #[test]
    fn a_stop_by_will_that_another_power_set_is_lifted_by_asking_him_again() {
        let count =
            |scene: &Scene| scene.asks(|past, at, charter| active(past, &person(1), at, charter).len());
        let mut scene = Scene::ready();
        let before = scene.marks();
        scene.say("XA", "hold-notice", "persons = [\"P1\"]\nreason = \"WILL\"");
        scene.wait(60 * DAY);
        scene.knowing(&before).state("IC", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 1, "who asked him did not know of it");
        scene.against(crate::consultation::rules::table::Rule::Wil02).state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 1, "nobody neutral was there");
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 0);
        // That of the Detaining Power is its own to lift.
        scene.say("XB", "hold-notice", "persons = [\"P1\"]\nreason = \"WILL\"");
        scene.wait(DAY);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 1);
    }

    #[test]
    fn what_cannot_be_read_stops_until_its_sender_releases_it_or_the_person_was_asked_again_in_its_time() {
        use crate::consultation::acts::values::EntryId;
        use crate::consultation::rules::table::Rule;
        use crate::consultation::state::departure::clear_to_depart;
        let stops = |scene: &Scene| {
            let id = EntryId::parse("H-1").unwrap();
            let all = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
            all.iter().any(|stop| stop.rule == Rule::Hld01)
        };
        let warned = || {
            let mut scene = Scene::cleared();
            let class = crate::message::terms::ActClass::Protective;
            let warning = scene.say_unreadable("IC", "warning-of-2030", class);
            (scene, format!("hold_message = \"{warning}\"\nreason = \"settled\""))
        };
        let (mut scene, release) = warned();
        scene.say("XA", "hold-release", &release);
        assert!(stops(&scene), "another Power");
        scene.say("IC", "hold-release", &release);
        assert!(!stops(&scene));
        let (mut scene, _) = warned();
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(stops(&scene), "its time is not over");
        scene.wait(15 * DAY);
        assert!(!stops(&scene));
        let (mut scene, _) = warned();
        scene.wait(15 * DAY);
        assert!(stops(&scene), "nobody asked him");
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(!stops(&scene));
    }
}
