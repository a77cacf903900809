//! What was reported of a handover, at the edge: how far two reports and two clocks may lie apart, and whose report
//! disputes nothing.

use std::time::Duration;

use super::{hand_over, report, shown};
use crate::consultation::acts::values::EntryId;
use crate::consultation::state::commitments;
use crate::consultation::state::samples::{HOUR, Scene};

#[test]
fn a_report_that_its_own_sender_corrected_is_no_refusal_at_the_gate() {
    let handed_over = |corrects: &str| {
        let mut scene = Scene::cleared();
        scene.wait(600);
        let at = scene.at();
        let declined = report("EAGLE", "DECLINED_BY_PERSON", at.before(Duration::from_secs(300)));
        scene.say(corrects, "handover-report", &declined);
        hand_over(&mut scene, at)
    };
    assert_eq!(handed_over("XB"), "HANDED_OVER");
    assert_eq!(handed_over("IC"), "IRREGULAR", "what an observer reported stays");
}

#[test]
fn two_reports_may_lie_as_far_apart_as_the_charter_says_and_no_second_more() {
    let reported = |apart: u64| {
        let mut scene = Scene::cleared();
        let at = scene.at();
        scene.wait(HOUR);
        scene.say("XB", "handover-report", &report("EAGLE", "HANDED_OVER", at));
        let other = at.after(Duration::from_secs(apart));
        scene.say("XA", "handover-report", &report("EAGLE", "HANDED_OVER", other));
        shown(&scene)
    };
    assert_eq!((reported(15 * 60).as_str(), reported(15 * 60 + 1).as_str()), ("HANDED_OVER", "DISPUTED"));
}

#[test]
fn a_window_may_open_as_long_after_a_handover_as_clocks_may_differ_and_no_second_longer() {
    let handed_over = |early: u64| {
        let mut scene = Scene::arranged();
        let id = EntryId::parse("H-1").unwrap();
        let opens =
            scene.asks(|past, _, _| commitments::arrangement(past, &id).unwrap().act.window_start_time);
        scene.wait(u64::try_from(opens.seconds() - scene.at().seconds()).unwrap());
        hand_over(&mut scene, opens.before(Duration::from_secs(early)))
    };
    assert_eq!(
        (handed_over(15 * 60).as_str(), handed_over(15 * 60 + 1).as_str()),
        ("HANDED_OVER", "IRREGULAR")
    );
}

#[test]
fn what_an_invited_observer_reports_disputes_nothing() {
    let mut scene = Scene::cleared();
    for party in ["XB", "XA"] {
        scene.report(party, "P1", "HANDED_OVER");
    }
    let mut invited = Scene::cleared();
    invited.say(
        "XB",
        "observer-invitation",
        "party = \"XN\"\nrole = \"NEUTRAL_POWER\"\nscope = [\"HANDOVER\"]\npersons = []\n\
         start_time = \"2026-11-22T00:00:00Z\"\nend_time = \"2027-11-22T00:00:00Z\"",
    );
    for party in ["XB", "XA", "XN"] {
        let outcome = if party == "XN" { "NOT_PRESENTED" } else { "HANDED_OVER" };
        invited.report(party, "P1", outcome);
    }
    assert_eq!((shown(&scene).as_str(), shown(&invited).as_str()), ("HANDED_OVER", "HANDED_OVER"));
}
