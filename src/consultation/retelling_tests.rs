//! Tests of what says again what some were told, and of how that is answered then.

use crate::consultation::acts::values::ActRef;
use crate::consultation::state::holds;
use crate::consultation::state::samples::{DAY, Scene, person};

const XD: &str = "refused = [{ kind = \"NAMED_STATE\", region_code = \"XD\" }]";
const XA: &str = "refused = [{ kind = \"NAMED_STATE\", region_code = \"XA\" }]";
const STAY: &str = "indicated = { kind = \"REMAIN_IN_DETAINING_STATE\" }";

const GO: &str = "indicated = { kind = \"NAMED_STATE\", region_code = \"XA\" }";

fn hearsay(words: &[&str]) -> String {
    format!("person = \"P1\"\nsource = \"FAMILY\"\n{}", words.join("\n"))
}

/// Whether what IC told XA alone was said to all by the one act of XA that came after it.
fn tells(told: (&str, &str), said: (&str, &str)) -> bool {
    let mut scene = Scene::cleared();
    let first = scene.to("XA").say_unnumbered("IC", told.0, told.1);
    scene.say("XA", said.0, said.1);
    let first = ActRef::new(crate::digest::Digest::parse(&first).unwrap());
    scene.asks(|past, _, _| past.find(first).is_some_and(|one| !one.said_to_all.is_empty()))
}

#[test]
fn a_wish_for_a_place_is_told_by_nothing_that_does_not_name_the_place() {
    let refuses = |words: &[&str]| ("will-indication", hearsay(words));
    let stated = Scene::cleared().statement("P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
    let stated = ("expression-of-will", stated);
    let pressed = Scene::cleared().statement("P1", &["XA"], &[]);
    let pressed = ("expression-of-will", pressed.replace("NO_INDICATION_OF_PRESSURE", "PRESSURE_FOUND"));
    let withdrawn = ("will-withdrawal", "person = \"P1\"".to_owned());
    for (told, said, expected) in [
        (refuses(&[STAY]), refuses(&[XD]), false),
        (refuses(&[STAY]), refuses(&[STAY]), true),
        (refuses(&[STAY]), refuses(&[STAY, XD]), true),
        (refuses(&[STAY, XA]), refuses(&[XA]), false),
        (refuses(&[STAY, XA]), refuses(&[STAY]), false),
        (refuses(&[STAY, XA]), refuses(&[STAY, XA]), true),
        (stated.clone(), refuses(&[XA]), false),
        (stated.clone(), refuses(&[STAY]), false),
        (stated.clone(), refuses(&[STAY, XA]), true),
        (stated, withdrawn.clone(), true),
        (pressed.clone(), refuses(&[GO]), false),
        (pressed, refuses(&[GO, XD]), true),
        (withdrawn.clone(), refuses(&[XD]), true),
        (withdrawn, refuses(&[STAY]), false),
    ] {
        let (first, second) = ((told.0, told.1.as_str()), (said.0, said.1.as_str()));
        assert_eq!(tells(first, second), expected, "{told:?} by {said:?}");
    }
}

#[test]
fn a_hold_by_reason_of_will_is_told_by_a_hold_and_as_hearsay_of_a_refusal() {
    let hold = |persons: &str, reason: &str| {
        ("hold-notice", format!("persons = [{persons}]\nreason = \"{reason}\""))
    };
    let refuses = ("will-indication", hearsay(&[XD]));
    for (told, said, expected) in [
        (hold("\"P1\"", "WILL"), refuses.clone(), true),
        (hold("\"P1\", \"P2\"", "WILL"), refuses.clone(), false),
        (hold("\"P1\"", "SECURITY"), refuses, false),
        (hold("\"P1\"", "WILL"), hold("\"P1\", \"P2\"", "WILL"), true),
        (hold("\"P1\", \"P2\"", "WILL"), hold("\"P1\"", "WILL"), false),
        (hold("\"P1\"", "WILL"), hold("\"P1\"", "SECURITY"), false),
    ] {
        let (first, second) = ((told.0, told.1.as_str()), (said.0, said.1.as_str()));
        assert_eq!(tells(first, second), expected, "{told:?} by {said:?}");
    }
}

fn count(scene: &Scene) -> usize {
    scene.asks(|past, at, charter| holds::active(past, &person(1), at, charter).len())
}

#[test]
fn a_hold_that_some_were_told_is_answered_like_the_one_that_says_it_again_to_all() {
    let hold = "persons = [\"P1\"]\nreason = \"WILL\"";
    for by in ["XA", "IC"] {
        let mut scene = Scene::cleared();
        scene.to("IC").say_unnumbered("XA", "hold-notice", hold);
        scene.wait(DAY);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 1, "who asked him could not know of it");
        scene.say(by, "hold-notice", hold);
        assert_eq!(count(&scene), 2);
        scene.wait(DAY);
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert_eq!(count(&scene), 0, "{by}");
    }
    // Who releases what he said to all has released what he had told to some; nobody releases it for him.
    for (by, left) in [("XA", 0), ("IC", 1)] {
        let hold = hold.replace("WILL", "SECURITY");
        let mut scene = Scene::cleared();
        scene.to("IC").say_unnumbered("XA", "hold-notice", &hold);
        let again = scene.say(by, "hold-notice", &hold);
        assert_eq!(count(&scene), 2);
        scene.say(by, "hold-release", &format!("hold_message = \"{again}\"\nreason = \"settled\""));
        assert_eq!(count(&scene), left, "{by}");
    }
}
