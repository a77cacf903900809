//! S4: an exchange of unequal numbers between two Powers that hold prisoners, hosted by a third.

use super::*;
use crate::consultation::rules::said::{OTHERS, Round};

const HELD: [&str; 3] = ["P1", "P2", "P3"];

/// XB holds three, of whom one does not want to go; XC holds five, the last a civilian.
fn held() -> World {
    let mut world =
        World::open(&[("XB", "DETAINING_POWER"), ("XC", "DETAINING_POWER"), ("XN", "INTERMEDIARY")]);
    for person in HELD {
        world.step("XB", "case-registration", &said::case_of(person, "PRISONER_OF_WAR", "XC"), "");
    }
    for (index, person) in OTHERS.into_iter().enumerate() {
        let status = if index == 4 { "CIVILIAN" } else { "PRISONER_OF_WAR" };
        world.step("XC", "case-registration", &said::case_of(person, status, "XB"), "");
    }
    world
}

fn says(world: &mut World, holder: &str, person: &str, accepts: &[&str], refuses: &[&str]) -> String {
    let fields = said::statement(world.at, person, accepts, refuses);
    // The second witness is one of the holder's own people.
    let fields = fields.replace("affiliation = \"XB\"", &format!("affiliation = \"{holder}\""));
    world.step(holder, "expression-of-will", &fields, "")
}

fn assess(world: &mut World, holder: &str, person: &str, place: &str) -> String {
    let fields = said::assessment(world.at, person, place, "NO_SUBSTANTIAL_GROUNDS");
    world.step(holder, "protection-assessment", &fields, "")
}

#[test]
fn s4_an_exchange_is_countered_verified_agreed_and_reported() {
    let mut world = held();
    let mut records: Vec<(&str, &str, String, String)> = Vec::new();
    for person in &HELD[..2] {
        let will = says(&mut world, "XB", person, &["XC"], &[]);
        records.push((person, "XC", will, assess(&mut world, "XB", person, "XC")));
    }
    says(&mut world, "XB", "P3", &["REMAIN_IN_DETAINING_STATE", "XA"], &["XC"]);
    for person in &OTHERS[..4] {
        let will = says(&mut world, "XC", person, &["XB"], &[]);
        let protection = assess(&mut world, "XC", person, "XB");
        records.push((person, "XB", will, protection));
    }
    let first = |out| Round { number: 1, supersedes: None, other: "XC", out, back: &OTHERS };
    let three = first(&HELD).fields(world.at, "X-1");
    world.step("XB", "exchange-proposal", &three, "EXC_04");
    let two = first(&HELD[..2]).fields(world.at, "X-1");
    world.step("XB", "exchange-proposal", &two.replace("m = 5", "m = 4"), "EXC_02");
    world.step("XB", "exchange-proposal", &two, "");
    let terms = said::terms_digest(&two);
    let mut findings: Vec<(&str, &str)> =
        HELD[..2].iter().chain(&OTHERS[..3]).map(|person| (*person, "MATCHED")).collect();
    findings.extend([(OTHERS[3], "ALREADY_RELEASED"), (OTHERS[4], "NOT_POW")]);
    world.step("XC", "list-verification", &said::verification(terms, &findings), "");
    world.step("XC", "proposal-response", &said::acceptance("X-1", terms), "EXC_01");
    let counter = |supersedes| Round {
        number: 2,
        supersedes: Some(supersedes),
        other: "XC",
        out: &HELD[..2],
        back: &OTHERS[..3],
    };
    let wrong = counter(Digest::of(b"another")).fields(world.at, "X-1");
    world.step("XC", "exchange-proposal", &wrong, "EXC_03");
    let right = counter(terms).fields(world.at, "X-1");
    world.step("XC", "exchange-proposal", &right, "");
    world.step("XC", "proposal-response", &said::acceptance("X-1", terms), "EXC_03");
    let live = said::terms_digest(&right);
    findings.truncate(5);
    findings[3].1 = "MATCHED_AFTER_CORRECTION";
    world.step("XB", "list-verification", &said::verification(live, &findings), "");
    world.step("XB", "proposal-response", &said::acceptance("X-1", live), "");
    let hosted = Round { number: 1, supersedes: None, other: "XC", out: &[], back: &[] };
    let fields = hosted.fields(world.at, "X-2");
    world.step("XN", "exchange-proposal", &fields, "ROL_06");
    records.truncate(5);
    agree(&mut world, &records, live);
    carry_out(&mut world);
}

fn agree(world: &mut World, records: &[(&str, &str, String, String)], settled: Digest) {
    let lines: Vec<Line<'_>> = records
        .iter()
        .map(|(person, place, will, protection)| Line { person, place, will, protection })
        .collect();
    let fields = said::note(world.at, "A-X", "EXCHANGE", ["XB", "XC"], &lines).replace(
        "required_parties",
        &format!("exchange_terms_sha256 = \"{}\"\nrequired_parties", settled.hex()),
    );
    let note = world.step("XB", "agreement-note", &fields, "");
    world.step("XC", "agreement-reply", &said::reply(&note, &fields, &["ko", "uk", "en"]), "");
}

fn carry_out(world: &mut World) {
    let persons: Vec<&str> = HELD[..2].iter().chain(&OTHERS[..3]).copied().collect();
    let fields = said::arrangement(world.at, "H-X", "A-X", &persons, 72);
    let arrangement = world.step("XB", "handover-arrangement", &fields, "");
    world.step("XC", "handover-confirmation", &said::confirmation("H-X", &arrangement, &persons), "");
    world.wait(4);
    let handover = world.at;
    let with = |last: &'static str| {
        let mut lines: Vec<(&str, &str)> = persons.iter().map(|person| (*person, "HANDED_OVER")).collect();
        lines[4].1 = last;
        said::report(handover, "H-X", &lines)
    };
    world.step("XB", "handover-report", &with("SUBSTITUTED"), "");
    world.step("XC", "handover-report", &with("HANDED_OVER"), "");
    for person in &persons[..4] {
        world.stage(person, "HANDED_OVER");
    }
    world.stage(persons[4], "DISPUTED");
    world.step("XC", "handover-report", &with("SUBSTITUTED"), "");
    world.stage(persons[4], "REMAINS(SUBSTITUTED)");
}

#[test]
fn s4b_a_person_agreed_for_one_state_is_not_listed_for_another() {
    let mut world =
        World::open(&[("XB", "DETAINING_POWER"), ("XA", "RECEIVING_POWER"), ("XC", "RECEIVING_POWER")]);
    world.ready("P1");
    let will = says(&mut world, "XB", "P1", &["XA", "XC"], &[]);
    assess(&mut world, "XB", "P1", "XC");
    let protection = world.assess("P1");
    world.agree("A-1", &[("P1", &(will, protection))]);
    let listed = Round { number: 1, supersedes: None, other: "XC", out: &["P1"], back: &[] };
    let fields = listed.fields(world.at, "X-9");
    world.step("XB", "exchange-proposal", &fields, "EXC_06");
}
