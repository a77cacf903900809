//! What is judged at a handover besides what stops it before: another attempt, what was agreed since, the window.

use super::tests::{GONE, hand_over, irregular, minutes, report, shown};
use super::*;
use crate::consultation::state::samples::{HOUR, Scene};

/// He is handed over two hours after one report and, if somebody did, after what was said in between.
fn two_hours_after(sender: &str, outcome: &str, since: impl Fn(&mut Scene)) -> Scene {
    let mut scene = Scene::cleared();
    let at = scene.at();
    report(&mut scene, sender, ("H-1", "P1", outcome), at);
    scene.wait(HOUR);
    since(&mut scene);
    scene.wait(HOUR);
    let at = scene.at();
    hand_over(&mut scene, at);
    scene
}

#[test]
fn what_a_power_reported_of_one_attempt_is_not_taken_back_by_its_report_of_another() {
    for sender in ["XA", "XB"] {
        for (outcome, facet) in [
            ("DECLINED_BY_PERSON", Facet::Will),
            ("UNFIT", Facet::Medical),
            ("HELD_BY_AUTHORITY", Facet::Judicial),
            ("DECEASED", Facet::Death),
        ] {
            let mut scene = two_hours_after(sender, outcome, |_| ());
            assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![facet]), "{outcome}");
            // Where it was a mistake, its sender says so of that time, and tells of the handover once more.
            let gone = scene.at().before(minutes(2));
            let mistaken = gone.before(minutes(122));
            report(&mut scene, sender, ("H-1", "P1", "NOT_PRESENTED"), mistaken.before(minutes(9)));
            report(&mut scene, sender, GONE, gone);
            assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("HANDED_OVER", vec![]), "{outcome}");
        }
    }
}

#[test]
fn whoever_was_asked_again_after_he_had_declined_goes_as_he_says() {
    let asked = two_hours_after("XB", "DECLINED_BY_PERSON", |scene| {
        scene.state("XB", "P1", &["XA"], &["XD"]);
    });
    assert_eq!((shown(&asked).as_str(), irregular(&asked)), ("HANDED_OVER", vec![]));
    let examined = two_hours_after("XB", "UNFIT", |scene| {
        scene.certify("P1", "FIT");
    });
    assert_eq!((shown(&examined).as_str(), irregular(&examined)), ("HANDED_OVER", vec![]));
}

#[test]
fn who_was_said_to_be_gone_at_one_time_can_refuse_at_another() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    report(&mut scene, "XA", GONE, at);
    scene.wait(2 * HOUR);
    let at = scene.at();
    report(&mut scene, "XA", ("H-1", "P1", "DECLINED_BY_PERSON"), at);
    scene.wait(2 * HOUR);
    let at = scene.at();
    hand_over(&mut scene, at);
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
}
