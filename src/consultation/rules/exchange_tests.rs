//! The EXC rules, what passes and what fails each. XB holds the first two persons; the third is held by XA.

use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{Round, acceptance, case_of, statement, terms_digest, verification};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{DAY, Scene};
use crate::digest::Digest;

/// P1 wants to go to XA, P2 wants to stay.
fn held() -> Scene {
    let mut scene = Scene::opened();
    for (person, place) in [("P1", "XA"), ("P2", "REMAIN_IN_DETAINING_STATE")] {
        scene.say("XB", "case-registration", &case_of(person, "PRISONER_OF_WAR", "XA"));
        scene.say("XB", "expression-of-will", &statement(scene.at(), person, &[place], &[]));
    }
    scene
}

const FIRST: Round<'_> = Round { number: 1, supersedes: None, other: "XA", out: &["P1"], back: &["P3"] };

fn proposes(scene: &Scene, sender: &str, round: &Round<'_>) -> Case {
    Case::new(scene, sender, "exchange-proposal", &round.fields(scene.at(), "X-1"))
}

/// The first round, registered; and the digest of its terms.
fn proposed() -> (Scene, Digest) {
    let mut scene = held();
    let fields = FIRST.fields(scene.at(), "X-1");
    scene.say("XB", "exchange-proposal", &fields);
    (scene, terms_digest(&fields))
}

fn verify(scene: &mut Scene, sender: &str, terms: Digest, findings: &[(&str, &str)]) {
    scene.say(sender, "list-verification", &verification(terms, findings));
}

fn accepts(scene: &Scene, terms: Digest) -> Case {
    Case::new(scene, "XA", "proposal-response", &acceptance("X-1", terms))
}

#[test]
fn exc_01_every_line_matches_before_it_is_accepted() {
    let (mut scene, terms) = proposed();
    accepts(&scene, terms).fails("EXC_01");
    verify(&mut scene, "XA", terms, &[("P1", "MATCHED"), ("P3", "NOT_HELD")]);
    accepts(&scene, terms).fails("EXC_01");
    verify(&mut scene, "XA", terms, &[("P3", "MATCHED_AFTER_CORRECTION")]);
    accepts(&scene, terms).passes();
    verify(&mut scene, "XB", terms, &[("P1", "UNFIT")]);
    accepts(&scene, terms).fails("EXC_01");
    let declined = acceptance("X-1", terms).replace("ACCEPT", "DEFER");
    Case::new(&scene, "XA", "proposal-response", &declined).passes();
}

#[test]
fn exc_02_numbers_are_those_of_the_lists() {
    let scene = held();
    proposes(&scene, "XB", &FIRST).passes();
    let fields = FIRST.fields(scene.at(), "X-1");
    for (right, wrong) in [("n = 1", "n = 2"), ("m = 1", "m = 0")] {
        Case::new(&scene, "XB", "exchange-proposal", &fields.replace(right, wrong)).fails("EXC_02");
    }
}

#[test]
fn exc_03_only_the_live_round_is_countered() {
    let (scene, terms) = proposed();
    let counter = |number, supersedes| Round { number, supersedes: Some(supersedes), back: &[], ..FIRST };
    proposes(&scene, "XA", &counter(2, terms)).passes();
    proposes(&scene, "XA", &counter(2, Digest::of(b"other"))).fails("EXC_03");
    proposes(&scene, "XA", &counter(3, terms)).fails("EXC_03");
    proposes(&scene, "XB", &FIRST).fails("EXC_03");
    proposes(&held(), "XB", &counter(2, terms)).fails("EXC_03");
}

#[test]
fn exc_03_only_the_live_round_is_accepted_and_settled() {
    let (mut scene, terms) = proposed();
    let second = Round { number: 2, supersedes: Some(terms), back: &[], ..FIRST };
    scene.say("XA", "exchange-proposal", &second.fields(scene.at(), "X-1"));
    accepts(&scene, terms).fails("EXC_03");
    let live = terms_digest(&second.fields(scene.at(), "X-1"));
    Case::new(&scene, "XA", "proposal-response", &acceptance("X-1", live)).fails("CON_03 EXC_01");
    let ready = crate::consultation::rules::passage::tests::Ready::new();
    let settling = ready.fields("XA", "EXCHANGE").replace(
        "required_parties",
        &format!("exchange_terms_sha256 = \"{}\"\nrequired_parties", terms.hex()),
    );
    Case::new(&ready.scene, "XB", "agreement-note", &settling).fails("EXC_03");
}

#[test]
fn exc_04_nobody_is_listed_for_where_he_does_not_want_to_go() {
    let scene = held();
    proposes(&scene, "XB", &Round { out: &["P1", "P2"], ..FIRST }).fails("EXC_04");
    // Of those the other side holds a Power cannot know.
    proposes(&scene, "XA", &Round { out: &["P2"], back: &["P3"], ..FIRST }).silent(Rule::Exc04);
}

#[test]
fn exc_05_civilians_are_on_no_list_of_prisoners() {
    let mut scene = held();
    scene.say("XB", "case-registration", &case_of("P1", "CIVILIAN", "XA"));
    proposes(&scene, "XB", &FIRST).fails("EXC_05");
}

#[test]
fn exc_06_nobody_is_listed_who_is_promised_elsewhere() {
    let mut scene = held();
    scene.agree("A-1", "P1", "XC");
    proposes(&scene, "XB", &FIRST).fails("EXC_06");
    let mut same = held();
    same.agree("A-1", "P1", "XA");
    proposes(&same, "XB", &FIRST).passes();
    proposes(&held(), "XB", &FIRST).promised_to(&["XA"]).passes();
    proposes(&held(), "XB", &FIRST).promised_to(&["XC"]).fails("EXC_06");
}

#[test]
fn exc_06_no_list_is_accepted_with_an_own_person_whom_another_consultation_promises_elsewhere() {
    let (mut scene, terms) = proposed();
    let second = Round { number: 2, supersedes: Some(terms), back: &[], ..FIRST };
    scene.say("XA", "exchange-proposal", &second.fields(scene.at(), "X-1"));
    let live = terms_digest(&second.fields(scene.at(), "X-1"));
    verify(&mut scene, "XB", live, &[("P1", "MATCHED")]);
    let accepts = || Case::new(&scene, "XB", "proposal-response", &acceptance("X-1", live));
    accepts().promised_to(&["XA"]).passes();
    accepts().promised_to(&["XC"]).fails("EXC_06");
    // Those on the list of the other side are his to answer for.
    Case::new(&scene, "XA", "proposal-response", &acceptance("X-1", live))
        .promised_to(&["XC"])
        .fails("CON_03");
}

#[test]
fn exc_07_a_round_is_accepted_while_it_is_open() {
    let (mut scene, terms) = proposed();
    verify(&mut scene, "XA", terms, &[("P1", "MATCHED"), ("P3", "MATCHED")]);
    scene.wait(6 * DAY);
    accepts(&scene, terms).passes();
    scene.wait(2 * DAY);
    accepts(&scene, terms).fails("EXC_07");
}
