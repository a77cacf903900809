//! Tests of places where somebody is to be moved or was: no registration opens a departure, or mends a handover after
//! it.

use super::tests::{HOME, departure, from, registered, state_of, withdraw};
use super::*;
use crate::consultation::registered::Marks;
use crate::consultation::state::protection::was_barred;
use crate::consultation::state::samples::{DAY, Scene, ministry, person};
use crate::consultation::state::stage::stage;
use crate::consultation::state::will::stopped_at;

#[test]
fn an_irregular_handover_stays_irregular_when_another_power_registers_him_as_of_before() {
    let mut scene = cleared("XA", "XA");
    withdraw(&mut scene, "IC", HOME);
    scene.wait(600);
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    let irregular = |scene: &Scene| {
        let case = scene.asks(|past, at, charter| stage(past, &person(1), at, charter).irregular);
        case.iter().any(|facet| facet.to_string() == "WILL")
    };
    assert!(irregular(&scene));
    scene.set_back(4 * DAY);
    scene.knowing(&Marks::default()).say("XN", "case-registration", &from("XD"));
    scene.wait(4 * DAY);
    assert!(scene.asks(|past, _, _| custody::holder(past, &person(1)) == Some(&ministry("XN"))));
    assert!(irregular(&scene));
}

/// Everything is ready for XA, by the line of an agreement that names it so.
fn cleared(place: &str, origin: &str) -> Scene {
    let mut scene = registered(origin);
    scene.state("XB", "P1", &[place], &[]);
    scene.assess("P1", place, "NO_SUBSTANTIAL_GROUNDS");
    scene.agree("A-1", "P1", place);
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &[place], &[]);
    scene.certify("P1", "FIT");
    scene.go("XB", true);
    scene.go("XA", true);
    assert_eq!(departure(&scene), Vec::<&str>::new());
    scene
}

#[test]
fn nobody_departs_by_a_word_that_means_two_places_until_it_is_agreed_and_said_anew() {
    let mut scene = cleared(HOME, "XA");
    scene.say("XB", "case-registration", &from("XD"));
    assert_eq!(departure(&scene), ["PRO_01", "PRO_05", "WIL_03"]);
    scene.state("XB", "P1", &[HOME], &[]);
    scene.assess("P1", HOME, "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(departure(&scene), ["PRO_01", "PRO_05", "WIL_03"], "home is XD now, and XA was agreed");
    // What he refuses by its name stops whoever was agreed to go home when that was home.
    let mut scene = cleared(HOME, "XA");
    scene.state("XB", "P1", &["ANY_STATE_EXCEPT_REFUSED"], &["XA"]);
    scene.assess_by("IC", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    scene.say("XB", "case-registration", &from("XD"));
    scene.assess("P1", HOME, "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(departure(&scene), ["PRO_02", "PRO_05", "WIL_03"]);
}

#[test]
fn two_agreements_stay_two_whatever_their_word_means_now() {
    let mut scene = cleared("XA", "XD");
    scene.agree("A-2", "P1", HOME);
    assert_eq!(departure(&scene), ["EXC_06"]);
    scene.say("XB", "case-registration", &from("XA"));
    assert_eq!(departure(&scene), ["EXC_06"]);
}

#[test]
fn a_handover_is_judged_by_the_case_as_it_was() {
    let stands = |scene: &Scene| {
        scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
    };
    for (place, then) in [("XA", "XD"), ("XA", "UNDETERMINED"), (HOME, "XD"), (HOME, "UNDETERMINED")] {
        for adverse in ["will", "bar"] {
            let mut scene = cleared(place, "XA");
            match adverse {
                "will" => withdraw(&mut scene, "IC", HOME),
                _ => drop(scene.assess_by("IC", "P1", HOME, "SUBSTANTIAL_GROUNDS")),
            }
            let mut forestalled = cleared(place, "XA");
            withdraw(&mut forestalled, "IC", HOME);
            forestalled.say("XB", "case-registration", &from(then));
            for scene in [&mut scene, &mut forestalled] {
                scene.wait(600);
                scene.report("XB", "P1", "HANDED_OVER");
                scene.report("XA", "P1", "HANDED_OVER");
                assert_eq!(stands(scene), "IRREGULAR");
                scene.say("XB", "case-registration", &from(then));
                assert_eq!(stands(scene), "IRREGULAR", "{place}, and {then} since, against {adverse}");
            }
        }
        // And what was regular does not become irregular by what is found out later.
        let mut scene = cleared(place, "XA");
        scene.wait(600);
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        scene.say("XB", "case-registration", &from(then));
        assert_eq!(stands(&scene), "HANDED_OVER");
    }
}

#[test]
fn what_stopped_a_handover_is_asked_of_the_registrations_until_then() {
    let mut scene = registered("XA");
    withdraw(&mut scene, "IC", HOME);
    scene.assess_by("IC", "P1", HOME, "SUBSTANTIAL_GROUNDS");
    let at = scene.at();
    scene.wait(600);
    scene.say("XB", "case-registration", &from("XD"));
    let stopped = |code: &str, at: Timestamp| {
        let place = state_of(code);
        scene.asks(|past, _, _| {
            let place = Spoken::now(&place);
            (stopped_at(past, &person(1), place, at).len(), was_barred(past, &person(1), place, at))
        })
    };
    assert_eq!((stopped("XA", at), stopped("XD", at)), ((1, true), (0, false)));
    assert_eq!((stopped("XA", scene.at()), stopped("XD", scene.at())), ((1, true), (1, true)));
}

#[test]
fn a_dispute_is_not_settled_by_a_registration_after_it() {
    for anew_between in [false, true] {
        let mut scene = cleared("XA", "XD");
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        if anew_between {
            scene.say("XB", "case-registration", &from("XD"));
        }
        let absent = format!(
            "arrangement_id = \"H-2\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
             lines = [{{ person = \"P1\", outcome = \"NOT_PRESENTED\", final_question_put = true }}]",
            scene.at()
        );
        scene.say("XB", "handover-report", &absent);
        scene.say("XA", "handover-report", &absent);
        let disputed = |scene: &Scene| {
            let reported = scene.asks(|past, at, charter| stage(past, &person(1), at, charter).reported);
            reported.is_some_and(|stage| stage.to_string() == "DISPUTED")
        };
        assert_eq!(disputed(&scene), !anew_between);
        scene.say("XB", "case-registration", &from("XD"));
        assert_eq!(disputed(&scene), !anew_between);
    }
}
