//! Tests of what is told in passing: who is believed, and what ends it.

use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::custody::{is_dead, is_said_to_be_dead};
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::judicial::{JudicialStanding, judicial, was_kept};
use crate::consultation::state::medical::{FitnessStanding, fitness, was_unfit};
use crate::consultation::state::samples::{HOUR, Scene, case, person};
use crate::digest::Digest;

fn said_dead(scene: &Scene) -> bool {
    scene.asks(|past, _, _| is_said_to_be_dead(past, &person(1)))
}

fn fit(scene: &Scene) -> FitnessStanding {
    scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing)
}

fn kept(scene: &Scene) -> JudicialStanding {
    scene.asks(|past, _, _| judicial(past, &person(1)).standing)
}

fn verify(scene: &mut Scene, sender: &str, result: &str) {
    let terms = Digest::of(b"terms").hex();
    let finding = format!("{{ person = \"P1\", result = \"{result}\" }}");
    scene.say(sender, "list-verification", &format!("terms_sha256 = \"{terms}\"\nfindings = [{finding}]"));
}

const BUREAU: &str = "persons = [\"P1\"]\nevent = \"DEATH\"\naddressed_to = \"OWN_BUREAU\"\n\
                      disclosure_risk_flagged = false";

#[test]
fn a_death_told_in_passing_stops_until_it_is_taken_back_or_the_case_is_registered_anew() {
    let mut scene = Scene::cleared();
    assert!(!said_dead(&scene));
    scene.report("XA", "P1", "DECEASED");
    assert!(said_dead(&scene));
    scene.report("XB", "P1", "TURNED_BACK");
    assert!(said_dead(&scene), "another one's report takes nothing back");
    scene.against(Rule::Prv03).report("XA", "P1", "TURNED_BACK");
    assert!(said_dead(&scene), "nor does one that does not stand");
    scene.report("XA", "P1", "TURNED_BACK");
    assert!(!said_dead(&scene));
    scene.say("XA", "information-bureau-notice", BUREAU);
    assert!(said_dead(&scene));
    let before = scene.marks();
    verify(&mut scene, "XA", "DECEASED");
    scene.knowing(&before).say("XB", "case-registration", &case("P1"));
    assert!(said_dead(&scene), "XB knew of the notice alone");
    verify(&mut scene, "XA", "MATCHED");
    assert!(!said_dead(&scene));
    verify(&mut scene, "XA", "DECEASED");
    scene.say("XB", "case-registration", &case("P1"));
    assert!(!said_dead(&scene));
    assert!(!scene.asks(|past, _, _| is_dead(past, &person(1))));
}

#[test]
fn who_is_reported_unfit_is_examined_again_before_he_travels() {
    for told in ["report", "list"] {
        let mut scene = Scene::cleared();
        assert_eq!(fit(&scene), FitnessStanding::Fit);
        let before = scene.marks();
        match told {
            "report" => drop(scene.report("XA", "P1", "UNFIT")),
            _ => verify(&mut scene, "XA", "UNFIT"),
        }
        let at = scene.at();
        assert_eq!(fit(&scene), FitnessStanding::Unfit, "{told}");
        assert!(scene.asks(|past, _, _| was_unfit(past, &person(1), at)), "afterwards too");
        scene.knowing(&before).certify("P1", "FIT");
        assert_eq!(fit(&scene), FitnessStanding::Unfit, "{told}: who found him fit knew nothing of it");
        scene.wait(HOUR);
        scene.certify("P1", "FIT");
        assert_eq!(fit(&scene), FitnessStanding::Fit, "{told}");
    }
    // A report that its sender corrected told nothing of this handover; a list that was checked again told it then.
    let unfit_then = |told: &str| {
        let mut scene = Scene::cleared();
        let at = scene.at();
        match told {
            "report" => {
                scene.report("XA", "P1", "UNFIT");
                scene.report("XA", "P1", "HANDED_OVER");
            }
            _ => {
                verify(&mut scene, "XA", "UNFIT");
                verify(&mut scene, "XA", "MATCHED");
            }
        }
        assert_eq!(fit(&scene), FitnessStanding::Fit, "{told}");
        scene.asks(|past, _, _| was_unfit(past, &person(1), at))
    };
    assert!(!unfit_then("report"));
    assert!(unfit_then("list"));
}

#[test]
fn whom_an_authority_kept_is_released_by_it_before_he_travels() {
    let status = "person = \"P1\"\nstate = \"NONE\"";
    for told in ["report", "list"] {
        let mut scene = Scene::cleared();
        assert_eq!(kept(&scene), JudicialStanding::Free);
        match told {
            "report" => drop(scene.report("XA", "P1", "HELD_BY_AUTHORITY")),
            _ => verify(&mut scene, "XA", "JUDICIAL_HOLD"),
        }
        let at = scene.at();
        assert_eq!(kept(&scene), JudicialStanding::Pending, "{told}");
        assert!(scene.asks(|past, _, _| was_kept(past, &person(1), at)), "afterwards too");
        scene.say("IC", "judicial-status", status);
        assert_eq!(kept(&scene), JudicialStanding::Pending, "{told}: IC has not got him");
        scene.say("XB", "judicial-status", status);
        assert_eq!(kept(&scene), JudicialStanding::Free, "{told}");
        assert!(scene.asks(|past, _, _| was_kept(past, &person(1), at)), "what stood then stood");
    }
    let mut scene = Scene::cleared();
    verify(&mut scene, "XA", "JUDICIAL_HOLD");
    verify(&mut scene, "XA", "MATCHED");
    assert_eq!(kept(&scene), JudicialStanding::Free, "its sender takes it back");
}

#[test]
fn med_01_says_who_examines_again_somebody_who_was_found_unfit() {
    let because = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        let own = stops.into_iter().filter(|stop| stop.rule == Rule::Med01);
        own.map(|stop| stop.because).collect::<Vec<_>>().join(", ")
    };
    let mut scene = Scene::cleared();
    scene.certify("P1", "UNFIT");
    let unfit = because(&scene);
    assert!(unfit.ends_with("the Detaining Power, or whoever found it, examines him again"), "{unfit}");
    // That of an observer permits, and answers nobody else's.
    let certificate = format!(
        "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"FIT\"\n\
         certificate_document = \"certificate\"",
        scene.at()
    );
    scene.say("IC", "medical-finding", &certificate);
    assert_eq!(because(&scene), unfit);
    scene.certify("P1", "FIT");
    assert_eq!(because(&scene), "");
}
