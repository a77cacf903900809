//! Who lives: a notice of death stops whoever sent it, and no single Power takes it back.

use super::*;
use crate::consultation::state::samples::{Scene, case, person};

const NOTICE: &str = "person = \"P1\"\ninquiry_opened = true";

fn dead(scene: &Scene) -> bool {
    scene.asks(|past, _, _| is_dead(past, &person(1)))
}

#[test]
fn who_was_said_to_be_dead_lives_when_his_case_is_registered_anew_and_an_observer_saw_him() {
    for sender in ["XA", "XB"] {
        let mut scene = Scene::ready();
        scene.say(sender, "death-notice", NOTICE);
        scene.say("XB", "case-registration", &case("P1"));
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(dead(&scene), "the Detaining Power alone");
        scene.state("IC", "P1", &["XA"], &["XD"]);
        assert!(!dead(&scene), "an observer saw him");
        scene.say(sender, "death-notice", NOTICE);
        assert!(dead(&scene), "another notice");
    }
}

#[test]
fn nobody_lives_by_the_word_of_who_did_not_know_of_the_notice() {
    let mut scene = Scene::ready();
    let before = scene.marks();
    scene.say("XA", "death-notice", NOTICE);
    scene.say("XB", "case-registration", &case("P1"));
    scene.knowing(&before).state("IC", "P1", &["XA"], &["XD"]);
    assert!(dead(&scene));
    let mut scene = Scene::ready();
    scene.say("XA", "death-notice", NOTICE);
    scene.state("IC", "P1", &["XA"], &["XD"]);
    assert!(dead(&scene), "who holds him does not say so");
}
