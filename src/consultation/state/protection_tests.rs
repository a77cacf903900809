//! Tests of protection: who bars, who clears, and what makes an assessment stale.

use super::*;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::samples::{DAY, INCIDENT, Scene, case, person};

fn standing(scene: &Scene, place: &str) -> ProtectionStanding {
    let place = Destination::NamedState(crate::consultation::acts::values::RegionCode::parse(place).unwrap());
    scene.asks(|past, at, charter| protection(past, &person(1), Spoken::now(&place), at, charter).standing)
}

#[test]
fn a_bar_stays_until_the_detaining_power_lifts_it_knowing_of_it() {
    let mut scene = Scene::ready();
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear);
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar);
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::None);
    let before = scene.marks();
    scene.against(Rule::Rol02).assess_by("IC", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    assert_eq!(
        standing(&scene, "XA"),
        ProtectionStanding::Bar,
        "whoever finds it, and whatever stands against it"
    );
    scene.knowing(&before).assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar, "unaware of it");
    scene.assess("P1", "XA", "NEEDS_MORE");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar, "more must be known");
    scene.assess_by("XA", "P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar, "not the Detaining Power");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear);
}

#[test]
fn only_the_detaining_power_clears_and_only_with_what_stands() {
    let mut scene = Scene::ready();
    scene.assess_by("XA", "P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::None);
    scene.against(Rule::Rol01).assess("P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::None);
    scene.assess("P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::Clear);
    scene.assess("P1", "XN", "NEEDS_MORE");
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::None, "the last word counts");
}

#[test]
fn an_assessment_ages_and_knows_nothing_of_what_came_after() {
    let mut scene = Scene::ready();
    scene.assess("P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    scene.wait(180 * DAY - 60);
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::Clear, "to the second");
    scene.wait(1);
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::Stale);
    let mut scene = Scene::ready();
    scene.say("XA", "publicity-notice", INCIDENT);
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Stale);
    let taken_down = r#"incident_id = "I-1"
        results = [{ locator_id = "l1", result = "REMOVED", check_time = "2026-11-23T09:00:00Z" }]"#;
    scene.say("XB", "takedown-confirmation", taken_down);
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Stale, "taking it down does not undo the danger");
    let answered = scene.asks(|past, _, _| exposure::incidents(past, &person(1))[0].pending());
    assert_eq!(answered, 0);
    scene.assess("P1", "XN", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Stale, "another destination was assessed");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear);
    assert_eq!(scene.asks(|past, _, _| exposure::open(past, &person(1)).len()), 0);
}

#[test]
fn grounds_found_for_the_power_of_origin_bar_every_state_while_the_case_does_not_say_which_it_is() {
    let undetermined = || {
        let mut scene = Scene::opened();
        scene.say("XB", "case-registration", &case("P1").replace("\"XD\"", "\"UNDETERMINED\""));
        scene
    };
    let mut scene = undetermined();
    scene.assess("P1", "XD", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Clear);
    scene.assess("P1", "XB", "NO_SUBSTANTIAL_GROUNDS");
    scene.assess("P1", "POWER_OF_ORIGIN", "SUBSTANTIAL_GROUNDS");
    let barred = scene.at();
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar, "XD may be where he comes from");
    assert_eq!(standing(&scene, "XB"), ProtectionStanding::Clear, "whoever stays is not sent home");
    scene.assess("P1", "XD", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar, "it knew of the bar, and is of another word");
    let place = Destination::NamedState(crate::consultation::acts::values::RegionCode::parse("XD").unwrap());
    assert!(
        scene.asks(|past, _, _| was_barred(past, &person(1), Spoken::now(&place), barred)),
        "afterwards too"
    );
    scene.assess("P1", "POWER_OF_ORIGIN", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Clear, "lifted by the word that barred");
    // Where he comes from turns out: that frees no other State until it is assessed again.
    let mut scene = undetermined();
    scene.assess("P1", "POWER_OF_ORIGIN", "SUBSTANTIAL_GROUNDS");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar);
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(
        standing(&scene, "XA"),
        ProtectionStanding::Bar,
        "it was said when XA might have been his home"
    );
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear, "by who knew both");
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar);
    // What cleared XD before that became known lifts nothing.
    let mut scene = undetermined();
    scene.assess("P1", "POWER_OF_ORIGIN", "SUBSTANTIAL_GROUNDS");
    scene.assess("P1", "XD", "NO_SUBSTANTIAL_GROUNDS");
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Bar);
    scene.assess("P1", "XD", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(standing(&scene, "XD"), ProtectionStanding::Clear);
    // And the other way round: a State that is barred may be the Power of origin, and clears nothing that it may be.
    let mut scene = undetermined();
    scene.assess("P1", "XD", "SUBSTANTIAL_GROUNDS");
    scene.assess("P1", "POWER_OF_ORIGIN", "NO_SUBSTANTIAL_GROUNDS");
    let home = scene.asks(|past, at, charter| {
        protection(past, &person(1), Spoken::now(&Destination::PowerOfOrigin), at, charter).standing
    });
    assert_eq!(home, ProtectionStanding::Bar);
    assert_eq!(standing(&scene, "XN"), ProtectionStanding::None);
}

#[test]
fn needs_more_takes_a_clearance_back_whatever_time_it_bears() {
    let dated = |scene: &Scene, finding: &str, time: &str| {
        format!(
            "person = \"P1\"\ndestination = {}\nfinding = \"{finding}\"\nassessment_time = \"{time}\"\n\
             valid_until_time = \"{}\"\nonward_return_considered = true",
            crate::consultation::state::samples::destination("XA"),
            scene.at().after(std::time::Duration::from_secs(90 * DAY)),
        )
    };
    let mut scene = Scene::ready();
    let before = "2026-11-22T08:00:00Z";
    scene.say("XB", "protection-assessment", &dated(&scene, "NEEDS_MORE", before));
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::None, "sent later, and dated before");
    scene.say(
        "XB",
        "protection-assessment",
        &dated(&scene, "NO_SUBSTANTIAL_GROUNDS", "2026-11-22T07:00:00Z"),
    );
    assert_eq!(
        standing(&scene, "XA"),
        ProtectionStanding::None,
        "of what was seen before more had to be known"
    );
    scene.say("XB", "protection-assessment", &dated(&scene, "NO_SUBSTANTIAL_GROUNDS", before));
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear);
    scene.assess_by("XA", "P1", "XA", "NEEDS_MORE");
    assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear, "XA neither clears nor takes back");
}

#[test]
fn grounds_found_for_any_state_bar_every_state_but_the_one_he_is_in() {
    for place in ["ANY_STATE_EXCEPT_REFUSED", "UNDECIDED"] {
        let mut scene = Scene::ready();
        scene.assess("P1", "XB", "NO_SUBSTANTIAL_GROUNDS");
        scene.assess("P1", place, "SUBSTANTIAL_GROUNDS");
        assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar, "{place}");
        assert_eq!(standing(&scene, "XB"), ProtectionStanding::Clear, "{place}: he stays");
        scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
        assert_eq!(standing(&scene, "XA"), ProtectionStanding::Bar, "{place}: it is of another word");
        scene.assess("P1", place, "NO_SUBSTANTIAL_GROUNDS");
        assert_eq!(standing(&scene, "XA"), ProtectionStanding::Clear, "{place}");
        assert_eq!(standing(&scene, "XN"), ProtectionStanding::None, "{place}: that clears no State");
    }
}
