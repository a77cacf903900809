//! What the HND rules ask at a departure: what stops it, and what a GO must have known.

use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{case_of, fitness, go, statement};
use crate::consultation::state::departure::{clear_to_depart, protective_acts};
use crate::consultation::state::samples::{DAY, Scene, ministry, person};
use crate::digest::Digest;
use crate::message::terms::ActClass;

#[test]
fn hnd_03_hnd_08_and_med_01_are_asked_at_departure() {
    let codes = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        let mut words: Vec<&str> = stops.iter().map(|stop| stop.rule.word()).collect();
        words.dedup();
        words.join(" ")
    };
    let mut scene = Scene::arranged();
    scene.wait(3 * DAY);
    assert_eq!(codes(&scene), "HND_03 HND_08 MED_01");
    scene.say("XB", "expression-of-will", &statement(scene.at(), "P1", &["XA"], &["XD"]));
    scene.say("XB", "medical-finding", &fitness(scene.at(), "P1"));
    assert_eq!(codes(&scene), "HND_08");
    for party in ["XA", "XB"] {
        scene.say(party, "go-no-go", &go(scene.at(), "H-1"));
    }
    assert_eq!(codes(&scene), "");
}

#[test]
fn nobody_departs_while_acts_are_missing() {
    let stops = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter))
    };
    let mut scene = Scene::cleared();
    assert!(stops(&scene).is_empty());
    scene.lacks("IC", 2, 4);
    let found = stops(&scene);
    assert_eq!((found.len(), found[0].rule), (1, Rule::Con04));
    assert_eq!(found[0].because, "acts are missing: acts 2 to 4 of IC");
}

#[test]
fn chn_04_nobody_departs_once_a_number_was_given_to_two_acts() {
    let mut scene = Scene::cleared();
    scene.doubled("IC", 2);
    let id = EntryId::parse("H-1").unwrap();
    let found = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    assert_eq!((found.len(), found[0].rule), (1, Rule::Chn04));
    assert_eq!(found[0].because, "one number was given to two acts: act 2 of IC");
    // No verdict hangs on which desk heard of it.
    let declared = scene.history().declared(&ministry("XA"), 99, &scene.marks());
    assert_eq!(declared.equivocations().count(), 0);
}

#[test]
fn nobody_departs_on_a_go_that_knew_a_protective_act_which_is_not_here() {
    let mut scene = Scene::cleared();
    let stops = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter))
    };
    let known = |act: &str| format!("protective_acts = [\"{act}\"]\n");
    let of_another = scene.say("IC", "hold-notice", "persons = [\"P2\"]\nreason = \"SECURITY\"");
    scene.say("XA", "go-no-go", &(known(&of_another) + &go(scene.at(), "H-1")));
    assert!(stops(&scene).is_empty(), "what is here is judged as it stands");
    let elsewhere = Digest::of(b"the other act of that number").hex();
    scene.say("XA", "go-no-go", &(known(&elsewhere) + &go(scene.at(), "H-1")));
    let found = stops(&scene);
    assert_eq!((found.len(), found[0].rule), (1, Rule::Hnd08));
    let because = &found[0].because;
    assert!(
        because.starts_with("XA knew an act at its GO that may stop somebody and is not here; "),
        "{because}"
    );
}

#[test]
fn a_go_names_the_protective_acts_about_those_who_are_arranged_for() {
    let mut scene = Scene::cleared();
    let named = |scene: &Scene, id: &str| {
        let id = EntryId::parse(id).unwrap();
        scene
            .asks(|past, at, charter| protective_acts(past, &id, at, charter))
            .iter()
            .map(|one| one.dispatch_digest().hex())
            .collect()
    };
    let none: Vec<String> = named(&scene, "H-1");
    assert!(none.is_empty());
    scene.say("IC", "hold-notice", "persons = [\"P2\"]\nreason = \"SECURITY\"");
    let first = scene.say("IC", "hold-notice", "persons = [\"P1\", \"P2\"]\nreason = \"SECURITY\"");
    // It was told to one Power alone, and no number counts it.
    let second = scene.say_unnumbered("XA", "will-withdrawal", "person = \"P1\"");
    // It may be about anybody.
    let third = scene.say_unreadable("IC", "warning-of-2030", ActClass::Protective);
    scene.say_unreadable("IC", "news-of-2030", ActClass::Factual);
    let mut expected = vec![first, second, third.clone()];
    let mut found: Vec<String> = named(&scene, "H-1");
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let of_no_arrangement: Vec<String> = named(&scene, "H-9");
    // What nobody can read may be about those of any arrangement.
    assert_eq!(of_no_arrangement, [third]);
}

#[test]
fn a_go_names_what_may_stop_them_and_went_to_some_powers_only() {
    let mut scene = Scene::cleared();
    let named = |scene: &Scene| -> Vec<String> {
        let id = EntryId::parse("H-1").unwrap();
        let named = scene.asks(|past, at, charter| protective_acts(past, &id, at, charter));
        named.iter().map(|one| one.dispatch_digest().hex()).collect()
    };
    let refuses = |person: &str| {
        format!(
            "person = \"{person}\"\nsource = \"CAMP_STAFF\"\nrefused = [{{ kind = \"NAMED_STATE\", region_code = \"XA\" }}]"
        )
    };
    scene.say("IC", "will-indication", &refuses("P1"));
    scene.say_unnumbered("IC", "will-indication", &refuses("P2"));
    assert!(named(&scene).is_empty(), "what has a number is counted, and the other is not arranged for");
    let unfit = medical("P1", "UNFIT", scene.at());
    scene.say_unnumbered("XA", "medical-finding", &medical("P1", "FIT", scene.at()));
    assert!(named(&scene).is_empty(), "what stops nobody holds nobody up");
    let alone = scene.say_unnumbered("XA", "medical-finding", &unfit);
    let hearsay = scene.say_unnumbered("XA", "will-indication", &refuses("P1"));
    assert_eq!(named(&scene), [hearsay.clone(), alone]);
    scene.say("XA", "medical-finding", &unfit);
    assert_eq!(named(&scene), [hearsay], "its sender has said it to all");
}

fn medical(person: &str, decision: &str, at: crate::time::Timestamp) -> String {
    format!(
        "person = \"{person}\"\nkind = \"FITNESS_TO_TRAVEL\"\ndecision = \"{decision}\"\n\
         examination_time = \"{at}\"\ncertificate_document = \"certificate\""
    )
}

#[test]
fn nobody_departs_before_the_window_opens_or_after_it_closed() {
    let because = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        let own = stops.into_iter().filter(|stop| stop.rule == Rule::Hnd01);
        own.map(|stop| stop.because).collect::<Vec<_>>().join(", ")
    };
    let mut scene = Scene::arranged();
    assert!(
        because(&scene).starts_with("the window of the arrangement opens at 2026-11-25"),
        "{}",
        because(&scene)
    );
    scene.wait(3 * DAY);
    assert_eq!(because(&scene), "");
    scene.wait(DAY);
    assert!(
        because(&scene).starts_with("the window of the arrangement closed at 2026-11-26"),
        "{}",
        because(&scene)
    );
}

fn departure_of(scene: &Scene) -> String {
    let id = EntryId::parse("H-1").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    let mut words: Vec<&str> = stops.iter().map(|stop| stop.rule.word()).collect();
    words.dedup();
    words.join(" ")
}

#[test]
fn exc_05_nobody_departs_as_a_prisoner_whose_case_says_since_that_he_is_none() {
    let mut scene = Scene::cleared();
    assert_eq!(departure_of(&scene), "");
    for status in ["CIVILIAN", "RELEASED"] {
        scene.say("XB", "case-registration", &case_of("P1", status, "XD"));
        assert_eq!(departure_of(&scene), "EXC_05", "{status}");
    }
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    assert_eq!(departure_of(&scene), "");
}

#[test]
fn an_adjournment_ends_no_departure_but_takes_back_the_go_of_who_adjourned() {
    let mut scene = Scene::cleared();
    scene.say("IC", "consultation-closure", "kind = \"ADJOURNED\"");
    assert_eq!(departure_of(&scene), "", "an observer adjourns nothing");
    scene.say("XA", "consultation-closure", "kind = \"ADJOURNED\"");
    assert_eq!(departure_of(&scene), "HND_08", "XA may have meant this departure too");
    scene.go("XA", true);
    assert_eq!(departure_of(&scene), "", "it did not");
    scene.say("XB", "expression-of-will", &statement_of_refusal(&scene));
    assert_eq!(departure_of(&scene), "WIL_03", "he is asked in the pause as before");
    for power in ["XA", "XB"] {
        scene.say(power, "consultation-closure", "kind = \"WITHOUT_RESULT\"");
    }
    assert_eq!(departure_of(&scene), "CON_01 WIL_03", "what is over is over");
}

fn statement_of_refusal(scene: &Scene) -> String {
    crate::consultation::rules::said::statement(scene.at(), "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"])
}

#[test]
fn wil_10_nobody_departs_against_a_qualified_refusal_that_the_last_statement_did_not_know() {
    let mut scene = Scene::cleared();
    let before = scene.marks();
    scene.state("IC", "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
    scene.knowing(&before).state("XB", "P1", &["XA"], &["XD"]);
    assert_eq!(departure_of(&scene), "WIL_10");
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert_eq!(departure_of(&scene), "", "he was asked again");
}
