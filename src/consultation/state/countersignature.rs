//! Which protective acts a second office stands behind: one officer may send such an act alone, another office of the
//! same ministry countersigns it afterwards (ROL-05).
//!
//! A past and the charter enter; each protective act that one hand signed leaves, with when its countersignature is due
//! and which one it has. That none comes is shown and takes nothing from the act.

use std::collections::BTreeSet;

use crate::consultation::act::ActKind;
use crate::consultation::charter::Charter;
use crate::consultation::history::{Past, Thread};
use crate::consultation::opaque;
use crate::consultation::registered::Registered;
use crate::consultation::state::saying;
use crate::message::terms::ActClass;
use crate::time::Timestamp;

/// A protective act that one office sent alone.
#[derive(Clone, Copy)]
pub struct Countersigning<'h> {
    /// The act.
    pub act: &'h Registered,
    /// Until when a second office is to stand behind it.
    pub due: Timestamp,
    /// The countersignature that counts; none yet.
    pub by: Option<&'h Registered>,
}

opaque!(Countersigning<'_>);

impl Countersigning<'_> {
    /// Whether its time has passed without one.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        self.by.is_none() && at > self.due
    }
}

/// What is known of the countersignature of an act; none where the act calls for none.
pub fn of<'h>(past: &Past<'h>, act: &'h Registered, charter: &Charter) -> Option<Countersigning<'h>> {
    if act.class != ActClass::Protective || is_of_two_hands(act) {
        return None;
    }
    let given = saying!(past.of_thread(&Thread::Answer(act.reference)), Countersignature);
    let mut good = given.map(|(one, _)| one).filter(|one| one.stands() && is_by_another(one, act));
    Some(Countersigning { act, due: act.released.after(charter.countersignature), by: good.next() })
}

/// Every protective act that calls for a countersignature, in their order.
pub fn all<'h>(past: &Past<'h>, charter: &Charter) -> Vec<Countersigning<'h>> {
    let protective = ActKind::ALL.iter().filter(|kind| kind.class() == ActClass::Protective);
    let known = protective.flat_map(|kind| past.of_kind(*kind));
    let mut all: Vec<_> =
        known.chain(past.not_understood()).filter_map(|act| of(past, act, charter)).collect();
    all.sort_by_key(|one| one.act.order());
    all
}

/// Whether two hands signed an act. What its dispatch lists is a claim, so the keys that signed are counted: a
/// signature that does not hold has none, and two names may share one. Where no keys were kept, one hand is assumed,
/// because a countersignature too many harms nobody.
fn is_of_two_hands(act: &Registered) -> bool {
    act.hands.iter().collect::<BTreeSet<_>>().len() > 1
}

/// Whether it is of the same ministry and of none of the offices that sent the act.
fn is_by_another(one: &Registered, act: &Registered) -> bool {
    one.sender == act.sender && !one.signed_by.iter().any(|office| act.signed_by.contains(office))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::rules::table::Rule;
    use crate::consultation::state::samples::{DAY, Scene};

    fn shown(scene: &Scene) -> Vec<String> {
        scene.asks(|past, at, charter| {
            let words = |one: Countersigning<'_>| match (one.by, one.is_overdue(at)) {
                (Some(by), late) => {
                    format!("{} by {}{}", one.act.kind, by.signed_by[0], if late { " late" } else { "" })
                }
                (None, true) => format!("{} overdue", one.act.kind),
                (None, false) => format!("{} due {}", one.act.kind, one.due),
            };
            all(past, charter).into_iter().map(words).collect()
        })
    }

    fn names(act: &str) -> String {
        format!("countersigns = \"{act}\"")
    }

    #[test]
    fn what_one_officer_sent_is_due_for_a_day_and_then_overdue_and_stops_all_the_same() {
        let mut scene = Scene::ready();
        assert_eq!(shown(&scene), Vec::<String>::new(), "nothing protective was sent");
        let at = scene.at();
        scene.by("duty-01").say("XB", "will-withdrawal", "person = \"P1\"");
        let due = at.after(std::time::Duration::from_secs(DAY));
        assert_eq!(shown(&scene), [format!("will-withdrawal due {due}")]);
        scene.wait(DAY - 60);
        assert_eq!(shown(&scene), [format!("will-withdrawal due {due}")], "to the second");
        scene.wait(1);
        assert_eq!(shown(&scene), ["will-withdrawal overdue"]);
        let standing = scene.asks(|past, at, charter| {
            let person = crate::consultation::state::samples::person(1);
            crate::consultation::state::will::will(past, &person, at, charter).standing
        });
        assert_eq!(standing, crate::consultation::state::will::WillStanding::Withdrawn);
    }

    #[test]
    fn another_office_of_the_same_ministry_countersigns_and_that_stays() {
        let mut scene = Scene::ready();
        let hold = scene.by("duty-01").say("XB", "hold-notice", "persons = [\"P1\"]");
        scene.by("releasing-01").say("XA", "countersignature", &names(&hold));
        scene.by("duty-01").say("XB", "countersignature", &names(&hold));
        scene.by("releasing-01").against(Rule::Rol02).say("XB", "countersignature", &names(&hold));
        scene.wait(2 * DAY);
        assert_eq!(
            shown(&scene),
            ["hold-notice overdue"],
            "of another ministry, by the same office, unauthorised"
        );
        scene.by("releasing-02").say("XB", "countersignature", &names(&hold));
        assert_eq!(shown(&scene), ["hold-notice by chancery://XB/office/releasing-02"]);
    }

    #[test]
    fn what_two_offices_signed_calls_for_none() {
        let mut scene = Scene::ready();
        scene.by("duty-01").by("releasing-01").say("XB", "hold-notice", "persons = [\"P1\"]");
        assert_eq!(shown(&scene), Vec::<String>::new());
    }

    #[test]
    fn two_listed_names_are_two_offices_only_where_two_keys_signed() {
        // A second signature that does not hold, two names of one key, and keys that were not kept.
        for keys in [&["one"][..], &["one", "one"], &[]] {
            let mut scene = Scene::ready();
            scene.with_keys(keys).by("duty-01").by("releasing-01");
            let due = scene.at().after(std::time::Duration::from_secs(DAY));
            let hold = scene.say("XB", "hold-notice", "persons = [\"P1\"]");
            assert_eq!(shown(&scene), [format!("hold-notice due {due}")], "{keys:?}");
            scene.by("releasing-02").say("XB", "countersignature", &names(&hold));
            assert_eq!(shown(&scene), ["hold-notice by chancery://XB/office/releasing-02"], "{keys:?}");
        }
        let mut scene = Scene::ready();
        scene.with_keys(&["one", "other"]).by("duty-01").by("releasing-01");
        scene.say("XB", "hold-notice", "persons = [\"P1\"]");
        assert_eq!(shown(&scene), Vec::<String>::new());
    }
}
