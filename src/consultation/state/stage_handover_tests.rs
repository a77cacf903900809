//! Tests of where a case stands once a handover was reported: disputed, irregular, or undone, and what wipes none of
//! it.

use super::tests::{codes, hold, shown};
use super::*;
use crate::consultation::acts::values::EntryId;
use crate::consultation::state::places::Spoken;
use crate::consultation::state::promised;
use crate::consultation::state::samples::{HOUR, INCIDENT, Scene, case, person};
use crate::consultation::words::HandoverOutcome;

#[test]
fn reports_that_differ_are_disputed_until_they_are_corrected() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "HANDED_OVER");
    scene.wait(16 * 60);
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "DISPUTED", "seventeen minutes apart");
    scene.report("XB", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "HANDED_OVER", "the last report of each counts");
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "SUBSTITUTED");
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "DISPUTED");
    scene.report("XA", "P1", "SUBSTITUTED");
    assert_eq!(shown(&scene), "REMAINS(SUBSTITUTED)");
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(shown(&scene), "REGISTERED", "registered anew");
}

#[test]
fn what_led_to_a_handover_that_failed_is_spent() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "SUBSTITUTED");
    scene.report("XA", "P1", "SUBSTITUTED");
    assert_eq!((shown(&scene).as_str(), codes(&scene)), ("REMAINS(SUBSTITUTED)", vec!["HND_01"]));
    let promised = |scene: &Scene| {
        let elsewhere = crate::consultation::acts::law::Destination::RemainInDetainingState;
        scene.asks(|past, at, charter| {
            promised::other_commitment(past, &person(1), Spoken::now(&elsewhere), None, at, charter).is_some()
        })
    };
    assert!(!promised(&scene));
    scene.agree("A-2", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED");
    assert!(promised(&scene));
    scene.arrange("H-2", "A-2", "P1");
    assert_eq!(shown(&scene), "ARRANGED");
}

#[test]
fn a_handover_against_a_stop_is_irregular_and_never_lost() {
    let handed_over = |scene: &mut Scene| {
        scene.wait(10 * 60);
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        let case = scene.asks(|past, at, charter| stage(past, &person(1), at, charter));
        (case.reached.to_string(), case.irregular.clone())
    };
    let irregular = |facet| ("IRREGULAR".to_owned(), vec![facet]);
    let mut scene = Scene::cleared();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    assert_eq!(handed_over(&mut scene), irregular(Facet::Will));
    let mut scene = Scene::cleared();
    hold(&mut scene, "XA");
    assert_eq!(handed_over(&mut scene), irregular(Facet::Hold));
    let mut scene = Scene::cleared();
    scene.assess_by("XA", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    assert_eq!(handed_over(&mut scene), irregular(Facet::Protection));
    let mut scene = Scene::ready();
    assert_eq!(handed_over(&mut scene), irregular(Facet::Commitment));
    let mut scene = Scene::cleared();
    assert_eq!(handed_over(&mut scene), ("HANDED_OVER".to_owned(), vec![]));
    hold(&mut scene, "XA");
    assert_eq!(shown(&scene), "HANDED_OVER", "a hold after it changes nothing");
}

/// A report about another arrangement, which nobody made.
fn elsewhere(scene: &mut Scene, sender: &str, outcome: &str) {
    let fields = format!(
        "arrangement_id = \"H-9\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"P1\", outcome = \"{outcome}\", final_question_put = true }}]",
        scene.at()
    );
    scene.say(sender, "handover-report", &fields);
}

fn irregular(scene: &Scene) -> Vec<Facet> {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).irregular)
}

#[test]
fn what_was_irregular_is_not_wiped_by_what_is_reported_elsewhere_or_later() {
    let mut scene = Scene::cleared();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    for sender in ["XA", "XB"] {
        elsewhere(&mut scene, sender, "NOT_PRESENTED");
        assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]), "{sender}");
    }
    scene.report("XA", "P1", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "DISPUTED", "XA alone takes it back");
    scene.report("XB", "P1", "NOT_PRESENTED");
    let case = (shown(&scene), irregular(&scene));
    assert_eq!(case, ("REMAINS(NOT_PRESENTED)".to_owned(), vec![Facet::Will]), "and stays on record");
    scene.say("XA", "death-notice", "person = \"P1\"\ninquiry_opened = true");
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("DECEASED", vec![Facet::Will]));
    let reported = scene.asks(|past, at, charter| stage(past, &person(1), at, charter).reported);
    assert_eq!(reported, Some(Stage::Remains(HandoverOutcome::NotPresented)));
}

#[test]
fn what_is_disputed_is_not_wiped_by_what_is_reported_elsewhere() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "NOT_PRESENTED");
    for sender in ["XA", "XB"] {
        elsewhere(&mut scene, sender, "NOT_PRESENTED");
        assert_eq!(shown(&scene), "DISPUTED", "{sender}");
    }
}

#[test]
fn who_was_handed_over_did_not_remain_until_his_case_is_registered_anew() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    elsewhere(&mut scene, "XA", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "DISPUTED");
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "HANDED_OVER", "XA says again what it said");
    scene.say("XB", "case-registration", &case("P1"));
    elsewhere(&mut scene, "XA", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "REPORTED_ONCE", "he was returned, and this is another handover");
}

#[test]
fn a_handover_dated_ahead_of_its_report_is_disputed() {
    let mut scene = Scene::cleared();
    let fields = format!(
        "arrangement_id = \"H-1\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"P1\", outcome = \"HANDED_OVER\", final_question_put = true }}]",
        scene.at().after(std::time::Duration::from_secs(HOUR))
    );
    scene.say("XB", "handover-report", &fields);
    scene.say("XA", "handover-report", &fields);
    assert_eq!(shown(&scene), "DISPUTED");
}

#[test]
fn a_handover_is_reported_by_whoever_holds_the_person_and_whoever_receives_him() {
    let three = || {
        let mut scene = Scene::cleared();
        let proposal = r#"consultation = "C-3HN8-ZC6V-5JF2"
            subject = "With a neutral Power"
            parties = [{ ministry = "XA", roles = ["RECEIVING_POWER"] }, { ministry = "XB", roles = ["DETAINING_POWER"] },
                { ministry = "XN", roles = ["NEUTRAL_POWER"] }]
            open_until_time = "2026-12-02T10:00:00Z""#;
        scene.say("XB", "consultation-proposal", proposal);
        scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
        scene.say("XN", "consultation-reply", "reply = \"ACCEPT\"");
        scene
    };
    for (first, last) in [("XA", "XB"), ("XB", "XA")] {
        let mut scene = three();
        scene.report(first, "P1", "HANDED_OVER");
        scene.report("XN", "P1", "HANDED_OVER");
        assert_eq!(shown(&scene), "REPORTED_ONCE", "{last} has not spoken");
        scene.report(last, "P1", "HANDED_OVER");
        assert_eq!(shown(&scene), "HANDED_OVER");
    }
    let mut scene = three();
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    scene.report("XN", "P1", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "HANDED_OVER", "it has no part in it");
}

#[test]
fn every_facet_that_stops_is_shown_and_makes_a_handover_irregular() {
    let pending = "person = \"P1\"\nstate = \"PENDING\"";
    let unfit = r#"person = "P1"
        kind = "FITNESS_TO_TRAVEL"
        examination_time = "2026-11-25T09:00:00Z"
        decision = "UNFIT"
        certificate_document = "certificate""#;
    for (kind, fields, facet) in [
        ("publicity-notice", INCIDENT, Facet::Incident),
        ("judicial-status", pending, Facet::Judicial),
        ("medical-finding", unfit, Facet::Medical),
    ] {
        let mut scene = Scene::cleared();
        scene.say("XA", kind, fields);
        let stops = scene.asks(|past, at, charter| stage(past, &person(1), at, charter).stops);
        assert_eq!((shown(&scene).as_str(), stops), ("HELD", vec![facet]));
        scene.wait(10 * 60);
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![facet]));
    }
}

#[test]
fn a_handover_against_a_no_go_or_before_its_window_is_irregular() {
    let handed_over = |scene: &mut Scene| {
        scene.wait(60);
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        (shown(scene), irregular(scene))
    };
    let mut scene = Scene::cleared();
    scene.go("IC", false);
    assert_eq!(codes(&scene), ["HND_08"], "nobody needs its GO, and to stop any word is enough");
    assert_eq!(handed_over(&mut scene), ("IRREGULAR".to_owned(), vec![Facet::NoGo]));
    let mut scene = Scene::cleared();
    scene.go("IC", false);
    scene.go("IC", true);
    assert_eq!(codes(&scene), Vec::<&str>::new());
    assert_eq!(handed_over(&mut scene), ("HANDED_OVER".to_owned(), vec![]));
    let mut scene = Scene::arranged();
    assert_eq!(handed_over(&mut scene), ("IRREGULAR".to_owned(), vec![Facet::Commitment]));
}

#[test]
fn a_handover_that_is_reported_at_once_is_stated_some_seconds_after_the_minute_of_its_release() {
    let mut scene = Scene::arranged();
    let opens = scene.asks(|past, _, _| {
        crate::consultation::state::commitments::arrangement(past, &EntryId::parse("H-1").unwrap())
            .unwrap()
            .act
            .window_start_time
    });
    // Releases bear whole minutes: this one is of the minute in which the window opens.
    scene.wait(u64::try_from(opens.seconds() - scene.at().seconds() - 20).unwrap());
    let happened = opens.after(std::time::Duration::from_secs(10));
    let fields = format!(
        "arrangement_id = \"H-1\"\nhandover_time = \"{happened}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"P1\", outcome = \"HANDED_OVER\", final_question_put = true }}]"
    );
    scene.say("XB", "handover-report", &fields);
    scene.say("XA", "handover-report", &fields);
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("HANDED_OVER", vec![]));
}
