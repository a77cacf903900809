//! CON-04 at release: what came since.

use crate::consultation::registered::Marks;
use crate::consultation::rules::samples::ministry;
use crate::consultation::rules::{Rule, stale};
use crate::consultation::state::samples::{Scene, act, case};

/// How many acts came since these marks that concern what this act of XB touches.
fn count(scene: &Scene, known: &Marks, kind: &str, fields: &str) -> usize {
    let found = scene.asks(|past, _, _| stale(&act(kind, fields), &ministry("XB"), known, past));
    assert!(found.iter().all(|finding| finding.rule == Rule::Con04));
    found.len()
}

#[test]
fn con_04_a_draft_goes_stale_by_what_concerns_its_persons() {
    let mut scene = Scene::ready();
    let known = scene.marks();
    assert_eq!(count(&scene, &known, "case-registration", &case("P1")), 0);
    scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    assert_eq!(count(&scene, &known, "case-registration", &case("P1")), 1);
    assert_eq!(count(&scene, &known, "case-registration", &case("P2")), 0, "another person");
    assert_eq!(count(&scene, &scene.marks(), "case-registration", &case("P1")), 0, "re-based");
    scene.say("XB", "hold-notice", "persons = [\"P1\"]");
    assert_eq!(count(&scene, &known, "case-registration", &case("P1")), 1, "its own acts it knows");
}

#[test]
fn con_04_what_concerns_everybody_makes_every_draft_about_a_person_stale() {
    let mut scene = Scene::ready();
    let known = scene.marks();
    scene.say("XA", "assurances", "persons = []\nparty_to_gc3 = true\nassurances = [\"MEDICAL_CARE\"]");
    assert_eq!(count(&scene, &known, "case-registration", &case("P1")), 1);
    assert_eq!(count(&scene, &known, "correspondence", "subject = \"Procedure\""), 0);
}

#[test]
fn con_04_nothing_holds_up_a_protective_act() {
    let mut scene = Scene::ready();
    let known = scene.marks();
    scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    assert_eq!(count(&scene, &known, "will-withdrawal", "person = \"P1\""), 0);
}
