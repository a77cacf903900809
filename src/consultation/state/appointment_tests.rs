//! Tests of appointments: what an observer that is no party was invited to, and what its certificate is worth.

use super::*;
use crate::consultation::state::medical::{FitnessStanding, fitness};
use crate::consultation::state::samples::{DAY, Scene, ministry, person};

/// XB invites XN, which is no party, and all consent.
fn invited(scope: &str, persons: &str, days: (u64, u64)) -> Scene {
    let mut scene = Scene::ready();
    let day = |day: u64| scene.at().after(std::time::Duration::from_secs(day * DAY));
    let fields = format!(
        "party = \"XN\"\nrole = \"UNHCR\"\nscope = [{scope}]\npersons = [{persons}]\n\
         start_time = \"{}\"\nend_time = \"{}\"",
        day(days.0),
        day(days.1)
    );
    let invitation = scene.say("XB", "observer-invitation", &fields);
    for party in ["XN", "XA"] {
        scene.say(party, "observer-reply", &format!("invitation = \"{invitation}\"\nreply = \"ACCEPT\""));
    }
    scene
}

fn certified(mut scene: Scene, sender: &str) -> FitnessStanding {
    let fields = format!(
        "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"FIT\"\n\
         certificate_document = \"certificate\"",
        scene.at()
    );
    scene.say(sender, "medical-finding", &fields);
    scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing)
}

#[test]
fn who_was_appointed_to_see_examinations_of_him_certifies_and_nobody_else_from_without() {
    assert_eq!(certified(Scene::ready(), "XS"), FitnessStanding::None, "it has no part here");
    let cases = [
        ("\"MEDICAL\"", "", (0, 90), FitnessStanding::Fit),
        ("\"HANDOVER\", \"MEDICAL\"", "\"P1\", \"P2\"", (0, 90), FitnessStanding::Fit),
        ("\"HANDOVER\"", "", (0, 90), FitnessStanding::None),
        ("\"MEDICAL\"", "\"P2\"", (0, 90), FitnessStanding::None),
        ("\"MEDICAL\"", "", (1, 90), FitnessStanding::None),
    ];
    for (scope, persons, days, expected) in cases {
        let scene = invited(scope, persons, days);
        assert_eq!(certified(scene, "XN"), expected, "{scope} {persons} {days:?}");
    }
    let mut late = invited("\"MEDICAL\"", "", (0, 1));
    late.wait(2 * DAY);
    assert_eq!(certified(late, "XN"), FitnessStanding::None, "its time was over");
}

#[test]
fn an_appointment_is_for_its_persons_and_its_time() {
    let sees = |scene: &Scene, number: usize| {
        let scope = ObserverScope::Handover;
        scene.asks(|past, at, _| is_appointed(past, &ministry("XN"), scope, &person(number), at))
    };
    let mut scene = invited("\"HANDOVER\"", "\"P2\"", (1, 2));
    let watches = |scene: &Scene| scene.asks(|past, at, _| observes(past, &ministry("XN"), at));
    assert!(!watches(&scene) && !sees(&scene, 2), "too early");
    scene.wait(DAY);
    assert!(watches(&scene) && sees(&scene, 2));
    assert!(!sees(&scene, 1), "of another person nobody asked it");
    scene.wait(2 * DAY);
    assert!(!watches(&scene) && !sees(&scene, 2), "too late");
}
