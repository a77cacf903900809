//! Tests of the will where a person was asked more than once: which of two interviews counts, and which can still
//! refuse.

use super::tests::{admitted, place_of, registered, standing, standing_towards, withdraw};
use super::*;
use crate::consultation::state::samples::{self, HOUR, Scene, person};

#[test]
fn two_statements_of_one_instant_that_differ_challenge_each_other() {
    let mut scene = registered();
    let said = |places: &str| {
        format!(
            r#"person = "P1"
            information_time = "2026-11-20T10:00:00Z"
            declaration_time = "2026-11-22T09:00:00Z"
            acceptable = [{places}]
            mode = "HANDWRITTEN"
            language_code = "ko-KP"
            question_as_put = "어디로?"
            answer_verbatim = "남쪽으로."
            attendees = [{{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true }}]
            freedom = "NO_INDICATION_OF_PRESSURE"
            capacity = "FULL"
            copy_given_to_person = true
            no_waiver_of_rights = true
            statement_document = "statement""#
        )
    };
    scene.say("XB", "expression-of-will", &said(&samples::destination("XA")));
    scene.say("IC", "expression-of-will", &said(&samples::destination("XA")));
    assert_eq!(standing(&scene), WillStanding::Current, "they say the same");
    scene.say("IC", "expression-of-will", &said(&samples::destination("XN")));
    assert_eq!(standing(&scene), WillStanding::Challenged);
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing(&scene), WillStanding::Current, "a new interview settles it");
}

#[test]
fn two_interviews_that_name_the_same_places_in_another_order_or_by_another_word_say_the_same() {
    type Stated<'t> = (&'t [&'t str], &'t [&'t str]);
    let cases: [(Stated<'_>, Stated<'_>, WillStanding); 5] = [
        ((&["XA", "XN"], &[]), (&["XN", "XA"], &[]), WillStanding::Current),
        ((&["XA"], &["XN", "XD"]), (&["XA"], &["XD", "XN"]), WillStanding::Current),
        ((&["XA"], &["XD"]), (&["XA"], &["POWER_OF_ORIGIN"]), WillStanding::Current),
        ((&["XA", "XN"], &[]), (&["XA"], &[]), WillStanding::Challenged),
        ((&["XA"], &["XN"]), (&["XA"], &["POWER_OF_ORIGIN"]), WillStanding::Challenged),
    ];
    for ((accepts, refuses), (accepts_then, refuses_then), expected) in cases {
        let mut scene = registered();
        let before = scene.marks();
        scene.state("XB", "P1", accepts, refuses);
        scene.knowing(&before).state("IC", "P1", accepts_then, refuses_then);
        assert_eq!(standing(&scene), expected, "{accepts:?} {refuses:?}, {accepts_then:?} {refuses_then:?}");
    }
}

#[test]
fn a_later_statement_that_was_overtaken_can_still_refuse() {
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    let before = scene.marks();
    withdraw(&mut scene, "IC", &[]);
    scene.state("IC", "P1", &["XA"], &[]);
    scene.wait(HOUR);
    scene.knowing(&before).state("XB", "P1", &["XN"], &["XA"]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn);
}

/// Both say where the first person wants to go, an hour apart or so many minutes, and the second knew or not.
fn two_interviews(refuses_last: bool, aware: bool, minutes: u64) -> Scene {
    let mut scene = registered();
    let before = scene.marks();
    let said: [(&str, &[&str], &[&str]); 2] =
        [("IC", &["REMAIN_IN_DETAINING_STATE"], &["XA"]), ("XB", &["XA"], &[])];
    let order = if refuses_last { [said[1], said[0]] } else { said };
    scene.state(order[0].0, "P1", order[0].1, order[0].2);
    scene.wait(minutes * 60);
    if !aware {
        scene.knowing(&before);
    }
    scene.state(order[1].0, "P1", order[1].1, order[1].2);
    scene
}

#[test]
fn a_later_clock_sets_no_refusal_aside_that_its_sender_did_not_know() {
    for minutes in [0, 1, 60 * 24] {
        let scene = two_interviews(false, false, minutes);
        assert_eq!(
            standing_towards(&scene, "XA"),
            WillStanding::Challenged,
            "{minutes} minutes later, and unaware"
        );
        assert_eq!(standing(&scene), WillStanding::Challenged, "{minutes} minutes later, and unaware");
        let scene = two_interviews(true, false, minutes);
        assert_eq!(
            standing_towards(&scene, "XA"),
            WillStanding::Challenged,
            "{minutes} minutes later, and unaware"
        );
        let scene = two_interviews(false, true, minutes);
        assert_eq!(
            standing_towards(&scene, "XA"),
            WillStanding::Current,
            "{minutes} minutes later, and aware"
        );
        assert!(admitted(&scene, "XA"));
        let scene = two_interviews(true, true, minutes);
        assert!(!admitted(&scene, "XA"), "he thought again");
    }
    let mut scene = two_interviews(false, false, 1);
    let against = scene.asks(|past, at, charter| will(past, &person(1), at, charter).against.len());
    assert_eq!(against, 2, "both are named");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "he was asked again by who knew both");
}

#[test]
fn a_statement_that_is_sent_after_and_dated_before_contradicts_what_did_not_know_it() {
    let mut scene = registered();
    scene.state("XB", "P1", &["XA"], &[]);
    scene.set_back(600);
    scene.state("IC", "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
    scene.wait(HOUR);
    assert_eq!(
        standing_towards(&scene, "XA"),
        WillStanding::Challenged,
        "the refusal knew, and is dated before"
    );
    let mut scene = registered();
    let before = scene.marks();
    scene.state("IC", "P1", &["XA"], &[]);
    scene.knowing(&before).state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current, "unaware, and they say the same");
}

#[test]
fn a_refusal_that_was_overtaken_by_a_withdrawal_still_refuses_until_who_knew_it_asked_again() {
    let mut scene = registered();
    let before = scene.marks();
    scene.state("IC", "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
    scene.knowing(&before).say("XA", "will-withdrawal", "person = \"P1\"");
    let mut withdrawal = scene.marks();
    withdrawal.set(&samples::ministry("IC"), 0);
    scene.wait(HOUR);
    scene.knowing(&withdrawal).state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Withdrawn, "it knew of the withdrawal alone");
    scene.wait(HOUR);
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(standing_towards(&scene, "XA"), WillStanding::Current);
}

#[test]
fn what_stopped_him_then_is_also_a_statement_for_another_place_that_nobody_overtook() {
    let stopped = |scene: &Scene| {
        scene.asks(|past, at, _| stopped_at(past, &person(1), Spoken::now(&place_of("XA")), at).len())
    };
    assert_eq!(stopped(&two_interviews(false, false, 1)), 1);
    assert_eq!(stopped(&two_interviews(false, true, 1)), 0, "he was asked by who knew of it");
    assert_eq!(stopped(&two_interviews(true, true, 1)), 1);
}
