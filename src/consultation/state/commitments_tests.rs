//! Tests of which arrangement counts.

use super::*;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, Scene, person};
use crate::consultation::state::stage::stage;
use std::time::Duration;

/// The fields of an arrangement under H-1 of A-1 for this person, in whose window it is already.
fn arrangement(scene: &Scene, person: usize) -> String {
    let digest = crate::consultation::acts::values::persons_digest(&[self::person(person)]).hex();
    let (at, day) = (scene.at(), Duration::from_secs(DAY));
    format!(
        "arrangement_id = \"H-1\"\nagreement_id = \"A-1\"\nwindow_start_time = \"{at}\"\nwindow_end_time = \"{}\"\n\
         place_code = \"EAGLE\"\npersons = [\"P{person}\"]\npersons_sha256 = \"{digest}\"\ntransport = \"one bus\"\n\
         person_notice_time = \"{}\"",
        at.after(day),
        at.before(day),
    )
}

fn because(scene: &Scene) -> Vec<String> {
    let id = EntryId::parse("H-1").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    stops.into_iter().map(|stop| stop.because).collect()
}

fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

#[test]
fn what_was_arranged_anew_is_arranged_as_before_by_nobody_until_it_is_confirmed() {
    for listed in [1, 2] {
        let mut scene = Scene::cleared();
        let fields = arrangement(&scene, listed);
        let anew = scene.say("XB", "handover-arrangement", &fields);
        scene.go("XB", true);
        scene.go("XA", true);
        assert_eq!(because(&scene), ["nobody confirmed the last arrangement under this id"], "P{listed}");
        assert_eq!(shown(&scene), "AGREED");
        scene.confirm("H-1", &anew, &format!("P{listed}"), "DECLINE");
        assert_eq!(because(&scene).len(), 1, "declined");
        scene.confirm("H-1", &anew, &format!("P{listed}"), "ACCEPT");
        scene.go("XB", true);
        scene.go("XA", true);
        let told: &[&str] =
            if listed == 1 { &[] } else { &["the person is not on the list of the arrangement"] };
        assert_eq!(because(&scene), told);
    }
    // What does not stand replaces nothing.
    let mut scene = Scene::cleared();
    let fields = arrangement(&scene, 2);
    scene.against(crate::consultation::rules::Rule::Hnd02).say("XB", "handover-arrangement", &fields);
    assert!(because(&scene).is_empty());
}

#[test]
fn a_handover_by_what_was_arranged_anew_before_it_and_not_confirmed_is_irregular() {
    let handed_over = |before: bool| {
        let mut scene = Scene::cleared();
        let fields = arrangement(&scene, 2);
        if before {
            scene.say("XB", "handover-arrangement", &fields);
        }
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        if !before {
            scene.wait(60);
            scene.say("XB", "handover-arrangement", &fields);
        }
        shown(&scene)
    };
    assert_eq!((handed_over(true).as_str(), handed_over(false).as_str()), ("IRREGULAR", "HANDED_OVER"));
}
