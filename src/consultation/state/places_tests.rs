//! Tests of places: a registration of a case only ever adds to what was said, and frees nobody.

use super::*;
use crate::consultation::acts::values::EntryId;
use crate::consultation::history::History;
use crate::consultation::registered::Marks;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::protection::{ProtectionStanding, protection};
use crate::consultation::state::samples::{self, DAY, Scene, case, ministry, person};
use crate::consultation::state::will::{WillStanding, admits, towards};

pub(super) const HOME: &str = "POWER_OF_ORIGIN";
const STAY: &str = "REMAIN_IN_DETAINING_STATE";

pub(super) fn from(origin: &str) -> String {
    case("P1").replace("\"XD\"", &format!("\"{origin}\""))
}

pub(super) fn registered(origin: &str) -> Scene {
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &from(origin));
    scene
}

pub(super) fn state_of(code: &str) -> Destination {
    Destination::NamedState(RegionCode::parse(code).unwrap())
}

pub(super) fn withdraw(scene: &mut Scene, sender: &str, place: &str) {
    let fields = format!("person = \"P1\"\nwithdrawn_for = [{}]", samples::destination(place));
    scene.say(sender, "will-withdrawal", &fields);
}

fn will_towards(scene: &Scene, code: &str) -> WillStanding {
    let place = state_of(code);
    scene.asks(|past, at, charter| towards(past, &person(1), Spoken::now(&place), at, charter).standing)
}

fn protection_towards(scene: &Scene, code: &str) -> ProtectionStanding {
    let place = state_of(code);
    scene.asks(|past, at, charter| protection(past, &person(1), Spoken::now(&place), at, charter).standing)
}

/// Whether his will and his protection permit that he goes there.
fn may_go(scene: &Scene, code: &str) -> bool {
    let place = state_of(code);
    let wants = scene.asks(|past, at, charter| {
        let will = towards(past, &person(1), Spoken::now(&place), at, charter);
        let places = Places::of(past, &person(1));
        let admitted = will.statement.is_some_and(|one| admits(&one, Spoken::now(&place), &places));
        will.standing == WillStanding::Current && admitted
    });
    wants && protection_towards(scene, code) == ProtectionStanding::Clear
}

pub(super) fn departure(scene: &Scene) -> Vec<&'static str> {
    let id = EntryId::parse("H-1").unwrap();
    let mut codes = scene.asks(|past, at, charter| {
        let stops = clear_to_depart(past, &person(1), &id, at, charter);
        stops.iter().map(|stop| stop.rule.word()).collect::<Vec<_>>()
    });
    codes.dedup();
    codes
}

/// How the word for home, as the act of this number of the ICRC said it, compares with a State.
fn home_is(scene: &Scene, number: u64, code: &str) -> Likeness {
    let (ic, place) = (ministry("IC"), state_of(code));
    scene.asks(|past, _, _| {
        let act = scene.history().numbered(&ic, number).unwrap();
        let places = Places::of(past, &person(1));
        places.compare(Spoken::by(&Destination::PowerOfOrigin, act), Spoken::now(&place))
    })
}

#[test]
fn a_word_keeps_the_place_it_had_and_gains_those_that_later_registrations_name() {
    let mut scene = registered("XA");
    withdraw(&mut scene, "IC", HOME);
    assert_eq!([home_is(&scene, 1, "XA"), home_is(&scene, 1, "XD")], [Likeness::Same, Likeness::Other]);
    scene.say("XB", "case-registration", &from("XD"));
    assert_eq!([home_is(&scene, 1, "XA"), home_is(&scene, 1, "XD")], [Likeness::Either, Likeness::Either]);
    withdraw(&mut scene, "IC", HOME);
    assert_eq!([home_is(&scene, 2, "XA"), home_is(&scene, 2, "XD")], [Likeness::Other, Likeness::Same]);
    scene.say("XB", "case-registration", &from("UNDETERMINED"));
    assert_eq!([home_is(&scene, 1, "XN"), home_is(&scene, 1, "XA")], [Likeness::Unknown, Likeness::Either]);
    scene.say("XB", "case-registration", &from("XA"));
    assert_eq!([home_is(&scene, 1, "XD"), home_is(&scene, 2, "XA")], [Likeness::Either, Likeness::Either]);
    withdraw(&mut scene, "IC", HOME);
    assert_eq!([home_is(&scene, 3, "XA"), home_is(&scene, 3, "XD")], [Likeness::Same, Likeness::Other]);
}

#[test]
fn what_was_said_before_any_case_may_mean_every_state_whatever_is_registered_since() {
    let mut scene = Scene::opened();
    withdraw(&mut scene, "IC", HOME);
    let before = scene.marks();
    scene.say("XB", "case-registration", &from("XD"));
    assert_eq!([home_is(&scene, 1, "XA"), home_is(&scene, 1, "XD")], [Likeness::Unknown, Likeness::Either]);
    scene.knowing(&before);
    withdraw(&mut scene, "IC", HOME);
    assert_eq!(home_is(&scene, 2, "XA"), Likeness::Unknown, "here it is, and its sender did not know it");
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(will_towards(&scene, "XA"), WillStanding::Current, "he was asked since");
}

#[test]
fn a_registration_that_does_not_stand_or_that_no_number_counts_names_no_place() {
    let mut scene = registered("XA");
    withdraw(&mut scene, "IC", HOME);
    scene.against(Rule::Con03).say("XB", "case-registration", &from("XD"));
    scene.say_unnumbered("XB", "case-registration", &from("XD"));
    assert_eq!([home_is(&scene, 1, "XA"), home_is(&scene, 1, "XD")], [Likeness::Same, Likeness::Other]);
}

#[test]
fn a_withdrawal_and_a_bar_outlive_the_case_by_which_they_named_the_place() {
    for then in ["XD", "UNDETERMINED", "XN"] {
        let mut scene = registered("XA");
        scene.state("XB", "P1", &["XA"], &[]);
        scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
        assert!(may_go(&scene, "XA"));
        withdraw(&mut scene, "IC", HOME);
        scene.say("XB", "case-registration", &from(then));
        assert_eq!(will_towards(&scene, "XA"), WillStanding::Withdrawn, "now {then}");
        scene.state("XB", "P1", &["XA"], &[]);
        assert!(may_go(&scene, "XA"), "he was asked by who knew both");
        scene.assess_by("IC", "P1", HOME, "SUBSTANTIAL_GROUNDS");
        scene.say("XB", "case-registration", &from("XD"));
        let barred = protection_towards(&scene, "XA");
        assert_eq!(barred == ProtectionStanding::Bar, then == "UNDETERMINED", "now {then}");
        scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
        assert!(may_go(&scene, "XA"));
    }
    let mut scene = registered("XA");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    scene.assess_by("IC", "P1", HOME, "SUBSTANTIAL_GROUNDS");
    let before = scene.marks();
    scene.say("XB", "case-registration", &from("XD"));
    assert_eq!(protection_towards(&scene, "XA"), ProtectionStanding::Bar);
    assert_eq!(protection_towards(&scene, "XD"), ProtectionStanding::Bar);
    scene.assess("P1", HOME, "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(protection_towards(&scene, "XD"), ProtectionStanding::Clear);
    assert_eq!(
        protection_towards(&scene, "XA"),
        ProtectionStanding::Bar,
        "home is XD now, and XA was barred"
    );
    scene.knowing(&before).assess_by("IC", "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(protection_towards(&scene, "XA"), ProtectionStanding::Bar, "not by the Power that holds him");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(
        protection_towards(&scene, "XA"),
        ProtectionStanding::Clear,
        "of this very place, knowing both"
    );
}

#[test]
fn a_clearance_that_was_taken_back_stays_so_whatever_the_word_means_now() {
    let mut scene = registered("XA");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    scene.assess("P1", HOME, "NEEDS_MORE");
    assert_eq!(protection_towards(&scene, "XA"), ProtectionStanding::None);
    scene.say("XB", "case-registration", &from("XD"));
    assert_eq!(protection_towards(&scene, "XA"), ProtectionStanding::None);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(protection_towards(&scene, "XA"), ProtectionStanding::Clear);
}

#[test]
fn a_statement_refuses_what_it_means_by_any_case_and_accepts_what_it_means_by_all() {
    let cases: [(&[&str], &[&str], bool, bool); 6] = [
        (&["ANY_STATE_EXCEPT_REFUSED"], &[HOME], false, false),
        (&["XA", "XD"], &[HOME], false, false),
        (&[HOME], &[], false, false),
        (&[HOME, "XA"], &[], true, false),
        (&["XA", "XD"], &[], true, true),
        (&["ANY_STATE_EXCEPT_REFUSED"], &[STAY], true, true),
    ];
    for (accepts, refuses, xa, xd) in cases {
        let mut scene = registered("XA");
        for code in ["XA", "XD"] {
            scene.assess("P1", code, "NO_SUBSTANTIAL_GROUNDS");
        }
        scene.state("XB", "P1", accepts, refuses);
        scene.say("XB", "case-registration", &from("XD"));
        assert_eq!([may_go(&scene, "XA"), may_go(&scene, "XD")], [xa, xd], "{accepts:?} {refuses:?}");
    }
    // An honest correction, and he is asked again.
    let mut scene = registered("XA");
    scene.say("XB", "case-registration", &from("XD"));
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    scene.assess("P1", HOME, "NO_SUBSTANTIAL_GROUNDS");
    scene.state("XB", "P1", &["ANY_STATE_EXCEPT_REFUSED"], &[HOME]);
    assert_eq!([may_go(&scene, "XA"), may_go(&scene, "XD")], [true, false]);
    scene.wait(60);
    scene.state("XB", "P1", &[HOME], &[]);
    assert_eq!([may_go(&scene, "XA"), may_go(&scene, "XD")], [false, true]);
}

#[test]
fn a_registration_of_another_power_that_knew_of_none_names_a_place_too() {
    let mut scene = registered("XA");
    scene.state("XB", "P1", &["ANY_STATE_EXCEPT_REFUSED"], &[HOME]);
    scene.assess("P1", "XD", "NO_SUBSTANTIAL_GROUNDS");
    assert!(may_go(&scene, "XD"));
    scene.knowing(&Marks::default());
    scene.say("XA", "case-registration", &from("XD"));
    assert!(!may_go(&scene, "XD"));
    scene.state("XB", "P1", &["ANY_STATE_EXCEPT_REFUSED"], &[HOME]);
    assert!(may_go(&scene, "XD"), "he was asked by who knew both, and the case is that of XB");
}

#[test]
fn a_hold_of_who_registered_him_stays_when_another_registered_him_before() {
    let mut scene = Scene::opened();
    let (before, unaware) = (scene.at(), scene.marks());
    scene.wait(600);
    scene.say("XB", "case-registration", &from("XA"));
    scene.say("XB", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    scene.set_back(660 + 60);
    assert!(scene.at() == before);
    scene.knowing(&unaware).say("XA", "case-registration", &from("XA"));
    scene.wait(90 * DAY);
    let active = scene.asks(|past, at, charter| {
        assert!(custody::holder(past, &person(1)) == Some(&ministry("XA")));
        crate::consultation::state::holds::active(past, &person(1), at, charter).len()
    });
    assert_eq!(active, 1, "it is that of a Power which holds him, as far as it says");
}

#[test]
fn two_desks_that_got_the_registrations_in_another_order_say_the_same() {
    let mut scene = registered("XA");
    let before = scene.marks();
    withdraw(&mut scene, "IC", HOME);
    scene.knowing(&before).say("XB", "case-registration", &from("XD"));
    scene.knowing(&before).state("IC", "P1", &["XA", "XN"], &[HOME]);
    scene.knowing(&Marks::default()).say("XA", "case-registration", &from("XN"));
    scene.knowing(&before).assess("P1", HOME, "SUBSTANTIAL_GROUNDS");
    let mut other = History::default();
    scene.history().everything().acts().rev().for_each(|act| assert!(other.register(act.clone())));
    let asked = |history: &History| {
        let past = history.everything();
        let places = Places::of(&past, &person(1));
        let words =
            past.of_person(&person(1)).map(|act| places.all(Spoken::by(&Destination::PowerOfOrigin, act)));
        let words: Vec<Vec<Destination>> = words.collect();
        let towards_each = STATES.map(|code| {
            let place = state_of(code);
            let (there, at) = (Spoken::now(&place), scene.at());
            let will = towards(&past, &person(1), there, at, scene.charter()).standing;
            (will, protection(&past, &person(1), there, at, scene.charter()).standing)
        });
        (words, towards_each)
    };
    assert!(asked(scene.history()) == asked(&other));
}

/// Dice that fall alike in every run.
struct Dice(u64);

impl Dice {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[usize::try_from(self.0 >> 33).unwrap() % of.len()]
    }
}

const STATES: [&str; 4] = ["XA", "XB", "XD", "XN"];
const ORIGINS: [&str; 4] = ["XA", "XD", "XN", "UNDETERMINED"];
const NAMED: [&str; 6] = ["XA", "XD", "XN", HOME, STAY, "ANY_STATE_EXCEPT_REFUSED"];

/// Somebody says something of the first person, knowing everything or what was there before.
fn something(scene: &mut Scene, dice: &mut Dice, before: &Marks) {
    if dice.pick(&[true, false, false]) {
        scene.knowing(before);
    }
    let (who, place, other) = (dice.pick(&["XB", "IC", "XA"]), dice.pick(&NAMED), dice.pick(&NAMED));
    match dice.pick(&[0, 1, 2, 3, 3, 4, 4, 4, 5]) {
        0 => withdraw(scene, who, place),
        1 => {
            let place = samples::destination(place);
            scene.say(
                who,
                "will-indication",
                &format!("person = \"P1\"\nsource = \"FAMILY\"\nindicated = {place}"),
            );
        }
        2 => drop(scene.say("XB", "case-registration", &from(dice.pick(&ORIGINS)))),
        3 => {
            let refused: &[&str] = if place == other || other.starts_with("ANY") { &[] } else { &[other] };
            scene.state(dice.pick(&["XB", "IC"]), "P1", &[place], refused);
        }
        4 => {
            let named = if place.starts_with("ANY") { "XA" } else { place };
            let clears = "NO_SUBSTANTIAL_GROUNDS";
            let finding = dice.pick(&[clears, clears, clears, "NEEDS_MORE", "SUBSTANTIAL_GROUNDS"]);
            scene.assess_by(dice.pick(&["XB", "XB", "XB", "IC"]), "P1", named, finding);
        }
        _ => scene.wait(600),
    }
}

#[test]
fn whatever_was_said_no_registration_opens_a_way_that_was_closed() {
    let mut open = 0;
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let mut scene = registered(dice.pick(&ORIGINS));
        for _ in 0..14 {
            let before = scene.marks();
            something(&mut scene, &mut dice, &before);
            something(&mut scene, &mut dice, &before);
        }
        let mut ways = STATES.map(|code| may_go(&scene, code));
        for _ in 0..3 {
            open += ways.iter().filter(|open| **open).count();
            let origin = dice.pick(&ORIGINS);
            let who = dice.pick(&["XB", "XB", "XA"]);
            scene.say(who, "case-registration", &from(origin));
            let now = STATES.map(|code| may_go(&scene, code));
            for ((code, before), now) in STATES.iter().zip(ways).zip(now) {
                assert!(before || !now, "history {seed}: {who} says {origin}, and he may go to {code}");
            }
            ways = now;
        }
    }
    assert!(open > 100, "{open} ways were open: that proves little");
}
