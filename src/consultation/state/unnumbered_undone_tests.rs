//! Tests of what a GO names of acts that take something back before some Powers only.

use super::*;
use crate::consultation::rules::Rule;
use crate::consultation::state::departure::protective_acts;
use crate::consultation::state::samples::Scene;

/// What a GO of the desk that holds all of it names, in the order of the acts.
fn named(scene: &Scene) -> Vec<String> {
    let id = EntryId::parse("H-1").unwrap();
    let mut named = scene.asks(|past, at, charter| protective_acts(past, &id, at, charter));
    named.reverse();
    named.iter().map(|one| one.dispatch_digest().hex()).collect()
}

#[test]
fn assurances_before_some_are_named_until_their_sender_assures_anew_before_all() {
    let fields = |persons: &str| {
        format!("persons = [{persons}]\nparty_to_gc3 = false\nassurances = [\"MEDICAL_CARE\"]")
    };
    for (told, anew, is_named) in [
        ("", "", false),
        ("", "\"P1\"", true),
        ("\"P1\"", "", false),
        ("\"P1\"", "\"P1\", \"P2\"", false),
        ("\"P1\"", "\"P2\"", true),
    ] {
        let mut scene = Scene::cleared();
        scene.say("XA", "assurances", &fields(anew));
        let some = scene.say_unnumbered("XA", "assurances", &fields(told));
        assert_eq!(named(&scene), [some.as_str()], "{told} after {anew}");
        scene.say("XB", "assurances", &fields(""));
        scene.against(Rule::Con02).say("XA", "assurances", &fields(""));
        assert_eq!(named(&scene), [some.as_str()], "of another, and what does not stand");
        scene.say("XA", "assurances", &fields(anew));
        assert_eq!(!named(&scene).is_empty(), is_named, "{told} before {anew}");
    }
    let mut scene = Scene::cleared();
    scene.say_unnumbered("XA", "assurances", &fields("\"P2\""));
    assert!(named(&scene).is_empty(), "of another man");
}

#[test]
fn what_takes_back_nothing_that_this_departure_rests_on_is_not_named() {
    let withdraws = |act: &str| format!("withdraws = \"{act}\"");
    let mut scene = Scene::cleared();
    let go = scene.go("XA", true);
    let told = scene.say_unnumbered("XA", "note-withdrawal", &withdraws(&go));
    assert_eq!(named(&scene), [told]);
    scene.go("XA", true);
    assert!(named(&scene).is_empty(), "another GO counts");
    let other = format!("arrangement_id = \"H-9\"\ngo = true\ntime = \"{}\"", scene.at());
    let other = scene.say("XA", "go-no-go", &other);
    scene.say_unnumbered("XA", "note-withdrawal", &withdraws(&other));
    assert!(named(&scene).is_empty(), "of another arrangement");
    let no_go = scene.go("XA", false);
    scene.say_unnumbered("XA", "note-withdrawal", &withdraws(&no_go));
    assert!(named(&scene).is_empty(), "a NO GO frees nobody");
    let mut scene = Scene::cleared();
    let arrangement = scene.arrange("H-1", "A-1", "P1");
    let told = scene.say_unnumbered("XB", "note-withdrawal", &withdraws(&arrangement));
    assert_eq!(named(&scene), [told]);
    let anew = scene.arrange("H-1", "A-1", "P1");
    assert!(named(&scene).is_empty(), "arranged anew");
    let confirmation = scene.confirm("H-1", &anew, "P1", "ACCEPT");
    let told = scene.say_unnumbered("XA", "note-withdrawal", &withdraws(&confirmation));
    assert_eq!(named(&scene), [told]);
    scene.arrange("H-1", "A-1", "P1");
    assert!(named(&scene).is_empty(), "and its confirmation");
}

#[test]
fn what_was_found_of_a_statement_is_named_until_just_that_is_said_to_all() {
    let mut scene = Scene::cleared();
    scene.state("IC", "P1", &["XA"], &["XD"]);
    let statement = scene.asks(|past, _, _| {
        let mut of_ic = past.of_kind(ActKind::ExpressionOfWill).filter(|one| one.sender.as_str() == "IC");
        of_ic.next_back().map(|one| one.reference.dispatch_digest().hex()).unwrap()
    });
    let corrects = |field: &str| {
        format!("corrects = \"{statement}\"\nfield_path = \"{field}\"\nnew_text = \"otherwise\"")
    };
    let told = scene.say_unnumbered("IC", "corrigendum", &corrects("freedom"));
    assert_eq!(named(&scene), [told.as_str()]);
    scene.say("IC", "corrigendum", &corrects("question_as_put"));
    scene.say("IC", "note-withdrawal", &format!("withdraws = \"{statement}\""));
    assert_eq!(named(&scene), [told], "that it counts no more says not that he was pressed");
    scene.say("IC", "corrigendum", &corrects("freedom"));
    assert!(named(&scene).is_empty());
}

#[test]
fn the_release_of_a_hold_is_of_those_whom_it_held() {
    for (person, is_named) in [("P2", false), ("P1", true)] {
        let mut scene = Scene::cleared();
        let hold = scene.say("XA", "hold-notice", &format!("persons = [\"{person}\"]"));
        let release = format!("hold_message = \"{hold}\"\nreason = \"settled\"");
        let release = scene.say("XA", "hold-release", &release);
        let told = scene.say_unnumbered("XA", "note-withdrawal", &format!("withdraws = \"{release}\""));
        assert_eq!(named(&scene).contains(&told), is_named, "{person}");
    }
}
