//! What a person wants, at the edge: two words of one instant, and which of them is the later.

use std::time::Duration;

use super::{hand_over, second, withdrawal, xa};
use crate::consultation::state::places::Spoken;
use crate::consultation::state::samples::{DAY, HOUR, Scene, case, person};
use crate::consultation::state::will::{WillStanding, towards, will};
use crate::time::Timestamp;

#[test]
fn a_statement_of_the_same_instant_as_the_withdrawal_overcomes_nothing() {
    let standing = |declared: fn(Timestamp) -> Timestamp| {
        let mut scene = Scene::ready();
        scene.wait(DAY);
        // Sent a minute before the statement, and declared as told.
        let stated = scene.at().after(Duration::from_secs(60));
        scene.say("IC", "will-withdrawal", &withdrawal(declared(stated.before(Duration::from_secs(60)))));
        scene.set_back(60);
        scene.state("XB", "P1", &["XA"], &[]);
        scene.asks(|past, at, charter| will(past, &person(1), at, charter).standing)
    };
    assert_eq!(standing(|at| at), WillStanding::Withdrawn);
    assert_eq!(standing(|at| at.before(second())), WillStanding::Current);
}

#[test]
fn of_two_statements_of_one_instant_the_one_that_was_overtaken_can_still_refuse() {
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &case("P1"));
    let before = scene.marks();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    scene.set_back(60);
    scene.knowing(&before).state("XA", "P1", &["XN"], &["XA"]);
    let standing =
        scene.asks(|past, at, charter| towards(past, &person(1), Spoken::now(&xa()), at, charter).standing);
    assert_eq!(standing, WillStanding::Withdrawn);
}

#[test]
fn a_withdrawal_counts_against_a_handover_of_the_same_instant_and_not_against_one_of_a_second_before() {
    let handed_over = |taken_place: fn(Timestamp) -> Timestamp| {
        let mut scene = Scene::cleared();
        scene.wait(600);
        let at = scene.at();
        scene.say("IC", "will-withdrawal", &withdrawal(at));
        hand_over(&mut scene, taken_place(at))
    };
    assert_eq!(handed_over(|at| at), "IRREGULAR");
    assert_eq!(handed_over(|at| at.before(second())), "HANDED_OVER");
}

#[test]
fn a_statement_of_the_instant_of_the_handover_still_overcomes() {
    let mut scene = Scene::cleared();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.wait(600);
    let at = scene.at();
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
}
