//! What is judged at a handover besides what stops it before: another attempt, what was agreed since, the window.

use std::time::Duration;

use super::tests::{GONE, hand_over, irregular, minutes, report, shown};
use super::*;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, HOUR, Scene, case, person};

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

#[test]
fn who_refused_after_he_was_said_to_be_gone_goes_at_no_later_time_unasked() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    report(&mut scene, "XB", GONE, at);
    scene.wait(300);
    let at = scene.at();
    report(&mut scene, "XB", ("H-1", "P1", "DECLINED_BY_PERSON"), at);
    scene.wait(2 * HOUR);
    let at = scene.at();
    hand_over(&mut scene, at);
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
}

#[test]
fn an_agreement_that_was_made_anew_carries_no_handover_that_was_arranged_before() {
    let handed_over = |scene: &mut Scene| {
        scene.wait(600);
        let at = scene.at();
        hand_over(scene, at);
        irregular(scene)
    };
    for (person, place) in [("P1", "REMAIN_IN_DETAINING_STATE"), ("P2", "XA")] {
        let mut scene = Scene::cleared();
        scene.agree("A-1", person, place);
        assert_eq!(handed_over(&mut scene), [Facet::Commitment], "{person} {place}");
    }
    let mut scene = Scene::cleared();
    scene.agree("A-1", "P1", "XA");
    assert_eq!(handed_over(&mut scene), [], "of him it says what it said");
    let mut scene = Scene::cleared();
    scene.agree("A-1", "P1", "XA");
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    assert_eq!(handed_over(&mut scene), [], "it was arranged anew");
    let mut scene = Scene::cleared();
    scene.wait(600);
    let at = scene.at();
    hand_over(&mut scene, at);
    scene.agree("A-1", "P1", "XA");
    assert_eq!(irregular(&scene), [], "what is agreed afterwards changes nothing");
}

#[test]
fn who_was_promised_elsewhere_as_well_was_handed_over_against_it() {
    let handed_over = |is_ended: bool| {
        let mut scene = Scene::cleared();
        scene.agree("A-2", "P1", "XC");
        if is_ended {
            let fields = format!("agreement_id = \"A-2\"\neffective_time = \"{}\"", scene.at());
            scene.say("XA", "agreement-termination", &fields);
        }
        scene.wait(600);
        let at = scene.at();
        hand_over(&mut scene, at);
        irregular(&scene)
    };
    assert_eq!(handed_over(false), [Facet::Commitment]);
    assert_eq!(handed_over(true), []);
    // The way of an agreement ended with him remaining, and he goes another one.
    let mut scene = Scene::cleared();
    for sender in ["XB", "XA"] {
        scene.report(sender, "P1", "SUBSTITUTED");
    }
    scene.agree("A-2", "P1", "XC");
    scene.arrange("H-2", "A-2", "P1");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &["XC"], &["XD"]);
    let at = scene.at();
    for sender in ["XB", "XA"] {
        report(&mut scene, sender, ("H-2", "P1", "HANDED_OVER"), at);
    }
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("HANDED_OVER", vec![]));
}

#[test]
fn who_is_handed_over_after_every_clearance_was_taken_back_goes_against_that() {
    let handed_over = |scene: &mut Scene, assessments: &[(&str, &str)]| {
        for (sender, finding) in assessments {
            scene.assess_by(sender, "P1", "XA", finding);
        }
        scene.wait(600);
        let at = scene.at();
        hand_over(scene, at);
        scene.assess("P1", "XA", "NEEDS_MORE");
        irregular(scene)
    };
    let (more, clear) = (("XB", "NEEDS_MORE"), ("XB", "NO_SUBSTANTIAL_GROUNDS"));
    assert_eq!(handed_over(&mut Scene::cleared(), &[]), [], "what is found afterwards changes nothing");
    assert_eq!(handed_over(&mut Scene::cleared(), &[more]), [Facet::Protection]);
    assert_eq!(handed_over(&mut Scene::cleared(), &[clear, more]), [Facet::Protection]);
    assert_eq!(handed_over(&mut Scene::cleared(), &[more, clear]), [], "it was cleared again");
    assert_eq!(handed_over(&mut Scene::cleared(), &[("XA", "NEEDS_MORE")]), [], "it is not for XA to say");
    let mut never = Scene::opened();
    never.say("XB", "case-registration", &case("P1"));
    never.state("XB", "P1", &["XA"], &["XD"]);
    never.agree("A-1", "P1", "XA");
    never.arrange("H-1", "A-1", "P1");
    never.wait(3 * DAY);
    assert_eq!(handed_over(&mut never, &[more]), [], "nobody had cleared it");
}

#[test]
fn a_convoy_that_comes_a_day_after_its_window_closed_is_expected_by_nobody() {
    let handed_over = |late: u64| {
        let mut scene = Scene::cleared();
        let closes = scene.asks(|past, _, _| {
            let arranged = commitments::arrangement(past, &EntryId::parse("H-1").unwrap());
            arranged.unwrap().act.window_end_time
        });
        scene.wait(3 * DAY);
        hand_over(&mut scene, closes.after(Duration::from_secs(late)));
        irregular(&scene)
    };
    assert_eq!(handed_over(0), []);
    assert_eq!(handed_over(DAY), [], "it was on the road");
    assert_eq!(handed_over(DAY + 1), [Facet::Commitment]);
}

#[test]
fn who_undid_a_go_that_nobody_needs_is_heard_before_the_departure_and_after_it() {
    let codes = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        stops.iter().map(|stop| stop.rule.word()).collect::<Vec<_>>()
    };
    for (undoes, facet) in [(Undone::TakenBack, Facet::NoGo), (Undone::Adjourned, Facet::Consultation)] {
        for is_given_again in [false, true] {
            let mut scene = Scene::cleared();
            let go = scene.go("IC", true);
            assert_eq!(codes(&scene), Vec::<&str>::new());
            match undoes {
                Undone::TakenBack => {
                    scene.say("IC", "note-withdrawal", &format!("withdraws = \"{go}\""));
                }
                Undone::Adjourned => {
                    scene.say("IC", "consultation-closure", "kind = \"ADJOURNED\"");
                }
            }
            assert_eq!(codes(&scene), ["HND_08"], "{undoes:?}");
            if is_given_again {
                scene.go("IC", true);
                assert_eq!(codes(&scene), Vec::<&str>::new(), "{undoes:?}");
            }
            scene.wait(600);
            let at = scene.at();
            hand_over(&mut scene, at);
            let expected = if is_given_again { vec![] } else { vec![facet] };
            assert_eq!(irregular(&scene), expected, "{undoes:?}");
        }
    }
}

#[test]
fn whoever_corrects_a_report_under_a_wrong_id_disputes_no_handover_under_the_right_one() {
    let wrong = |outcome: &'static str| ("H-11", "P1", outcome);
    let reported = |corrected: u64| {
        let mut scene = Scene::cleared();
        scene.wait(HOUR);
        let at = scene.at();
        report(&mut scene, "XB", GONE, at);
        report(&mut scene, "XA", wrong("HANDED_OVER"), at);
        assert_eq!(shown(&scene), "REPORTED_ONCE");
        report(&mut scene, "XA", GONE, at);
        assert_eq!(shown(&scene), "HANDED_OVER");
        scene.wait(HOUR);
        report(&mut scene, "XA", wrong("NOT_PRESENTED"), at.after(minutes(corrected)));
        (shown(&scene), irregular(&scene))
    };
    assert_eq!(reported(15), ("HANDED_OVER".to_owned(), vec![]));
    assert_eq!(reported(16), ("DISPUTED".to_owned(), vec![]), "of another time it says something else");
    // Who never said under that id that he was gone, or says it nowhere else, contradicts.
    let mut scene = Scene::cleared();
    let at = scene.at();
    hand_over(&mut scene, at);
    report(&mut scene, "XA", wrong("NOT_PRESENTED"), at);
    assert_eq!(shown(&scene), "DISPUTED");
    let mut scene = Scene::cleared();
    let at = scene.at();
    hand_over(&mut scene, at);
    report(&mut scene, "XA", wrong("HANDED_OVER"), at);
    report(&mut scene, "XB", wrong("NOT_PRESENTED"), at);
    report(&mut scene, "XA", wrong("NOT_PRESENTED"), at);
    assert_eq!(shown(&scene), "DISPUTED", "XB never said otherwise");
}
