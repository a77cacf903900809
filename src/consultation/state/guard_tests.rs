//! Tests of what stands against moving one person, and of the order and the words in which that is told.

use super::*;
use crate::consultation::acts::values::EntryId;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{HOUR, Scene, case, person};

#[test]
fn the_way_out_of_a_mistaken_notice_of_death_is_told_and_is_one() {
    let told = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        stops.into_iter().map(|stop| stop.because).find(|because| because.contains("person died"))
    };
    let mut scene = Scene::cleared();
    scene.say("XA", "death-notice", "person = \"P1\"");
    let because = told(&scene).unwrap();
    for way in ["registers the case anew", "ICRC", "Protecting Power", "knowing it"] {
        assert!(because.contains(way), "{because}");
    }
    scene.wait(HOUR);
    scene.say("XB", "case-registration", &case("P1"));
    assert!(told(&scene).is_some(), "nobody saw him");
    scene.state("IC", "P1", &["XA"], &["XD"]);
    assert_eq!(told(&scene), None);
}

#[test]
fn who_was_found_to_be_another_after_the_agreement_goes_by_no_list_until_that_is_found_otherwise() {
    let mut scene = Scene::ready();
    let terms = scene.propose_exchange();
    let settling = format!("exchange_terms_sha256 = \"{terms}\"\nrequired_parties");
    let note = scene.note_fields("A-1", "P1", "XA", "EXCHANGE").replace("required_parties", &settling);
    let note = scene.say("XB", "agreement-note", &note);
    scene.reply(&note);
    scene.arrange("H-1", "A-1", "P1");
    let stopped = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        stops.iter().any(|stop| stop.rule == Rule::Exc01)
    };
    assert!(!stopped(&scene));
    let cases = [
        ("XA", "IDENTITY_MISMATCH", true),
        ("XA", "MATCHED", false),
        ("XB", "NOT_POW", true),
        ("XA", "MATCHED", true),
        ("XB", "MATCHED_AFTER_CORRECTION", false),
        ("XC", "NOT_POW", false),
        ("XA", "UNFIT", false),
    ];
    for (sender, result, expected) in cases {
        let found =
            format!("terms_sha256 = \"{terms}\"\nfindings = [{{ person = \"P1\", result = \"{result}\" }}]");
        scene.say(sender, "list-verification", &found);
        assert_eq!(stopped(&scene), expected, "{sender} {result}");
    }
}

#[test]
fn what_protects_the_person_is_told_first() {
    let rules = [Rule::Hnd08, Rule::Med01, Rule::Pro01, Rule::Wil07, Rule::Agr03];
    let mut stops: Vec<Stop> = rules.map(|rule| Stop::new(rule, "it stands in the way")).into();
    stops.sort_by(Stop::by_rank);
    let told: Vec<Rule> = stops.iter().map(|stop| stop.rule).collect();
    assert_eq!(told[..2], [Rule::Wil07, Rule::Pro01]);
    stops.reverse();
    stops.sort_by(Stop::by_rank);
    assert_eq!(stops.iter().map(|stop| stop.rule).collect::<Vec<_>>(), told, "whatever came first");
}
