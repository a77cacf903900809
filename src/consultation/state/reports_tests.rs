//! A handover is judged by the past as it was then: what nobody can say afterwards, and what can still be said.

use std::time::Duration;

use super::*;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, HOUR, INCIDENT, Scene, case, person, stated};
use crate::consultation::state::stage::stage;

pub(super) fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

pub(super) fn irregular(scene: &Scene) -> Vec<Facet> {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).irregular)
}

pub(super) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

pub(super) fn report(
    scene: &mut Scene,
    sender: &str,
    (id, person, outcome): (&str, &str, &str),
    at: Timestamp,
) {
    let fields = format!(
        "arrangement_id = \"{id}\"\nhandover_time = \"{at}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"{person}\", outcome = \"{outcome}\", final_question_put = true }}]"
    );
    scene.say(sender, "handover-report", &fields);
}

pub(super) const GONE: (&str, &str, &str) = ("H-1", "P1", "HANDED_OVER");
const DECLINED: (&str, &str, &str) = ("H-1", "P1", "DECLINED_BY_PERSON");

pub(super) fn hand_over(scene: &mut Scene, at: Timestamp) -> String {
    for sender in ["XB", "XA"] {
        report(scene, sender, GONE, at);
    }
    shown(scene)
}

/// He was handed over ten minutes after this was said.
fn handed_over_after(kind: &str, sender: &str, fields: &str) -> Scene {
    let mut scene = Scene::cleared();
    scene.say(sender, kind, fields);
    scene.wait(600);
    let at = scene.at();
    hand_over(&mut scene, at);
    scene
}

/// XB tells now that he accepted XA then.
fn accept(scene: &mut Scene, declared: Timestamp) {
    scene.say("XB", "expression-of-will", &stated(declared, "P1", &["XA"], &["XD"]));
}

/// XN joins, as a neutral Power.
fn join(scene: &mut Scene) {
    let proposal = r#"consultation = "C-3HN8-ZC6V-5JF2"
        subject = "With a neutral Power"
        parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
            { ministry = "XB", roles = ["DETAINING_POWER"] }, { ministry = "XN", roles = ["NEUTRAL_POWER"] }]
        open_until_time = "2026-12-02T10:00:00Z""#;
    scene.say("XB", "consultation-proposal", proposal);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XN", "consultation-reply", "reply = \"ACCEPT\"");
}

#[test]
fn a_statement_that_is_told_after_a_handover_overcomes_nothing_that_stood_against_it() {
    for qualifying in [false, true] {
        let mut scene = Scene::cleared();
        if qualifying {
            scene.state("IC", "P1", &["REMAIN_IN_DETAINING_STATE"], &["XA"]);
        } else {
            scene.say("IC", "will-withdrawal", "person = \"P1\"");
        }
        scene.wait(1200);
        let at = scene.at();
        assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
        scene.wait(HOUR);
        accept(&mut scene, at.before(minutes(5)));
        assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
    }
}

#[test]
fn what_he_had_said_before_counts_whenever_it_is_told() {
    let mut scene = Scene::cleared();
    scene.wait(1200);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    let told = |time: Timestamp| format!("person = \"P1\"\ndeclaration_time = \"{time}\"");
    scene.say("IC", "will-withdrawal", &told(at.after(minutes(1))));
    assert_eq!(shown(&scene), "HANDED_OVER", "afterwards he may think again");
    scene.say("IC", "will-withdrawal", &told(at.before(minutes(1))));
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
}

#[test]
fn a_refusal_at_the_gate_is_corrected_by_its_own_sender_about_the_person_alone() {
    let mut scene = Scene::cleared();
    scene.wait(600);
    let at = scene.at();
    report(&mut scene, "IC", DECLINED, at);
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR", "of the same instant");
    report(&mut scene, "IC", ("H-1", "P2", "HANDED_OVER"), at);
    assert_eq!(shown(&scene), "IRREGULAR", "of another man");
    report(&mut scene, "XA", GONE, at);
    assert_eq!(shown(&scene), "IRREGULAR", "of another sender");
    report(&mut scene, "IC", GONE, at);
    assert_eq!(shown(&scene), "HANDED_OVER");
}

#[test]
fn a_refusal_at_the_gate_counts_also_by_a_clock_that_is_ahead() {
    let reported = |later: u64| {
        let mut scene = Scene::cleared();
        let at = scene.at();
        scene.wait(HOUR);
        hand_over(&mut scene, at);
        report(&mut scene, "IC", DECLINED, at.after(minutes(later)));
        shown(&scene)
    };
    assert_eq!((reported(15).as_str(), reported(16).as_str()), ("IRREGULAR", "HANDED_OVER"));
}

#[test]
fn a_handover_that_both_take_back_was_none_and_nothing_stood_against_it() {
    let mut scene = Scene::cleared();
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    report(&mut scene, "XA", DECLINED, at);
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("DISPUTED", vec![]));
    report(&mut scene, "XB", DECLINED, at);
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("REMAINS(DECLINED_BY_PERSON)", vec![]));
}

#[test]
fn of_times_that_match_the_last_is_judged_too() {
    let mut scene = Scene::cleared();
    scene.wait(600);
    let said = scene.at();
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.wait(1200);
    report(&mut scene, "XB", GONE, said.before(minutes(5)));
    report(&mut scene, "XA", GONE, said.after(minutes(9)));
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
}

#[test]
fn nobody_arranges_or_confirms_a_handover_that_took_place() {
    let mut scene = Scene::agreed();
    scene.wait(3 * DAY);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
    let digest = crate::consultation::acts::values::persons_digest(&[person(1)]).hex();
    let fields = format!(
        r#"arrangement_id = "H-1"
        agreement_id = "A-1"
        window_start_time = "{}"
        window_end_time = "{}"
        place_code = "EAGLE"
        persons = ["P1"]
        persons_sha256 = "{digest}"
        transport = "one bus"
        person_notice_time = "{}""#,
        at.before(Duration::from_secs(HOUR)),
        at.after(Duration::from_secs(2 * DAY)),
        at.before(Duration::from_secs(2 * DAY)),
    );
    let arrangement = scene.say("XB", "handover-arrangement", &fields);
    scene.confirm("H-1", &arrangement, "P1", "ACCEPT");
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Commitment]));
}

#[test]
fn what_was_arranged_and_confirmed_stays_so_for_a_handover_that_took_place() {
    let mut scene = Scene::agreed();
    let arrangement = scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    scene.confirm("H-1", &arrangement, "P1", "DECLINE");
    assert_eq!(shown(&scene), "HANDED_OVER", "the confirmation is taken back afterwards");
    scene.arrange("H-1", "A-1", "P2");
    assert_eq!(shown(&scene), "HANDED_OVER", "the id is given to the handover of another man");
}

#[test]
fn an_irregular_handover_is_not_forgotten_where_its_agreement_ends_and_its_id_is_used_again() {
    let mut scene = Scene::agreed();
    join(&mut scene);
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
    scene.say("IC", "hold-release", &format!("hold_message = \"{hold}\"\nreason = \"settled\""));
    let end = format!("agreement_id = \"A-1\"\neffective_time = \"{}\"", scene.at());
    scene.say("XB", "agreement-termination", &end);
    scene.agree("A-2", "P1", "XN");
    scene.arrange("H-1", "A-2", "P1");
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Hold]));
}

#[test]
fn an_irregular_handover_is_not_forgotten_where_home_is_said_to_lie_elsewhere_afterwards() {
    let mut scene = Scene::opened();
    join(&mut scene);
    scene.say("XB", "case-registration", &case("P1").replace("XD", "XA"));
    scene.state("XB", "P1", &["XA"], &[]);
    scene.agree("A-1", "P1", "POWER_OF_ORIGIN");
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
    scene.say("XB", "case-registration", &case("P1").replace("XD", "XN"));
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Hold]));
}

#[test]
fn an_exposure_stands_against_a_handover_until_that_very_place_was_found_safe() {
    for (place, finding, expected) in [
        ("XN", "NO_SUBSTANTIAL_GROUNDS", vec![Facet::Incident]),
        ("XA", "NEEDS_MORE", vec![Facet::Protection, Facet::Incident]),
        ("XA", "NO_SUBSTANTIAL_GROUNDS", vec![]),
    ] {
        let mut scene = Scene::cleared();
        scene.say("XA", "publicity-notice", INCIDENT);
        scene.assess("P1", place, finding);
        scene.wait(600);
        let at = scene.at();
        hand_over(&mut scene, at);
        assert_eq!(irregular(&scene), expected, "{place} {finding}");
    }
}

#[test]
fn what_ends_every_departure_makes_a_handover_irregular() {
    let civilian = case("P1").replace("PRISONER_OF_WAR", "CIVILIAN");
    let dead = "person = \"P1\"\ninquiry_opened = true";
    for (kind, sender, fields, facet) in [
        ("case-registration", "XB", civilian.as_str(), Facet::Status),
        ("consultation-closure", "XA", "kind = \"ADJOURNED\"", Facet::Consultation),
        ("death-notice", "XB", dead, Facet::Death),
    ] {
        let scene = handed_over_after(kind, sender, fields);
        assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![facet]), "{kind}");
    }
}

#[test]
fn a_death_told_in_passing_and_answered_before_it_leaves_a_handover_regular() {
    let bureau = "persons = [\"P1\"]\nevent = \"DEATH\"\naddressed_to = \"OWN_BUREAU\"\n\
                  disclosure_risk_flagged = false";
    for is_answered in [true, false] {
        let mut scene = Scene::cleared();
        scene.say("XA", "information-bureau-notice", bureau);
        if is_answered {
            scene.say("XB", "case-registration", &case("P1"));
        }
        scene.wait(600);
        let at = scene.at();
        let expected = if is_answered { "HANDED_OVER" } else { "IRREGULAR" };
        assert_eq!(hand_over(&mut scene, at), expected);
    }
}

#[test]
fn what_was_taken_back_before_a_handover_makes_it_irregular() {
    for (sender, kind, facet) in [
        ("XB", "expression-of-will", Facet::Will),
        ("XB", "protection-assessment", Facet::Protection),
        ("XB", "medical-finding", Facet::Medical),
        ("XA", "go-no-go", Facet::NoGo),
        ("XB", "handover-arrangement", Facet::Commitment),
        ("XA", "handover-confirmation", Facet::Commitment),
    ] {
        let mut scene = Scene::cleared();
        let kind_of = crate::consultation::act::ActKind::from_word(kind).unwrap();
        let acts: Vec<String> = scene.asks(|past, _, _| {
            let own = past.of_kind(kind_of).filter(|one| one.sender.as_str() == sender);
            own.map(|one| one.reference.dispatch_digest().hex()).collect()
        });
        for act in acts {
            scene.say(sender, "note-withdrawal", &format!("withdraws = \"{act}\""));
        }
        scene.wait(600);
        let at = scene.at();
        hand_over(&mut scene, at);
        assert_eq!(irregular(&scene), vec![facet], "{kind}");
    }
}

const ASSURED: &str =
    "persons = []\nparty_to_gc3 = true\nassurances = [\"WILLING_AND_ABLE_GC3\", \"NO_ONWARD_RETURN\"]";

/// A transfer to XA on the day, on assurances in an act of XA's own; with the reference of that act.
fn assured() -> (Scene, String) {
    let mut scene = Scene::ready();
    let assurances = scene.say("XA", "assurances", ASSURED);
    let fields = scene.note_fields("A-1", "P1", "XA", "TRANSFER_TO_POWER");
    let fields = fields.replace("\"NO_ONWARD_RETURN\"", "\"MEDICAL_CARE\"");
    let note = scene.say("XB", "agreement-note", &fields);
    scene.reply(&note);
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &["XA"], &["XD"]);
    scene.certify("P1", "FIT");
    scene.go("XB", true);
    scene.go("XA", true);
    (scene, assurances)
}

#[test]
fn assurances_that_were_taken_back_before_a_handover_make_it_irregular() {
    let other = |gives: &str| ASSURED.replace("\"WILLING_AND_ABLE_GC3\", \"NO_ONWARD_RETURN\"", gives);
    let corrects =
        |field: &str| ("corrigendum", format!("field_path = \"{field}\"\nnew_text = \"otherwise\""));
    let irregular_after = |said: &[(&str, String)]| {
        let (mut scene, assurances) = assured();
        for (kind, fields) in said {
            let fields = match *kind {
                "note-withdrawal" => format!("withdraws = \"{assurances}\""),
                "corrigendum" => format!("corrects = \"{assurances}\"\n{fields}"),
                _ => fields.clone(),
            };
            scene.say("XA", kind, &fields);
        }
        scene.wait(600);
        let at = scene.at();
        hand_over(&mut scene, at);
        scene.say("XA", "assurances", &other("\"MEDICAL_CARE\""));
        irregular(&scene)
    };
    let back = || ("note-withdrawal", String::new());
    let gives = |gives: &str| ("assurances", other(gives));
    assert_eq!(irregular_after(&[]), [], "what is said afterwards changes nothing");
    for said in [
        vec![back()],
        vec![gives("\"WILLING_AND_ABLE_GC3\"")],
        vec![gives("\"NO_ONWARD_RETURN\"")],
        vec![("assurances", ASSURED.replace("true", "false"))],
        vec![corrects("act.assurances[1]")],
        vec![corrects("party_to_gc3")],
    ] {
        assert_eq!(irregular_after(&said), [Facet::Protection], "{said:?}");
    }
    assert_eq!(irregular_after(&[back(), gives("\"WILLING_AND_ABLE_GC3\", \"NO_ONWARD_RETURN\"")]), []);
    assert_eq!(irregular_after(&[corrects("act.monitoring_arrangement")]), []);
}

#[test]
fn who_never_assured_anything_took_nothing_back() {
    let mut scene = Scene::ready();
    let fields = scene.note_fields("A-1", "P1", "XA", "TRANSFER_TO_POWER");
    let note = scene.say("XB", "agreement-note", &fields);
    scene.reply(&note);
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    let at = scene.at();
    hand_over(&mut scene, at);
    assert_eq!(irregular(&scene), [], "that is said of the reports, and no more");
}

#[test]
fn a_death_covers_no_irregular_handover() {
    let mut scene = handed_over_after("will-withdrawal", "XA", "person = \"P1\"");
    scene.say("XB", "death-notice", "person = \"P1\"\ninquiry_opened = true");
    assert_eq!((shown(&scene).as_str(), irregular(&scene)), ("IRREGULAR", vec![Facet::Will]));
}

#[test]
fn who_is_gone_departs_under_no_other_arrangement_until_he_is_registered_anew() {
    let mut scene = Scene::cleared();
    scene.arrange("H-2", "A-1", "P1");
    let is_told = |scene: &Scene| {
        let id = EntryId::parse("H-2").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        stops.iter().any(|stop| stop.because == "the person was reported as handed over already")
    };
    let at = scene.at();
    join(&mut scene);
    report(&mut scene, "XN", ("H-9", "P1", "HANDED_OVER"), at);
    assert!(!is_told(&scene), "by a Power that has no part in it");
    hand_over(&mut scene, at);
    assert!(is_told(&scene));
    scene.say("XB", "case-registration", &case("P1"));
    assert!(!is_told(&scene));
}

#[test]
fn who_is_brought_back_and_registered_as_a_prisoner_goes_the_road_again() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    scene.say("XB", "case-registration", &case("P1").replace("PRISONER_OF_WAR", "RELEASED"));
    assert_eq!(shown(&scene), "HANDED_OVER", "that closes his case");
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(shown(&scene), "HANDED_OVER", "so does a correction of his file");
    scene.certify("P1", "UNFIT");
    assert_eq!(shown(&scene), "HANDED_OVER", "and what stops him now is no handover taken back");
    scene.agree("A-2", "P1", "XA");
    assert_eq!(shown(&scene), "HELD");
    scene.wait(60);
    scene.certify("P1", "FIT");
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn who_did_not_agree_on_a_handover_completes_no_report_of_it_and_a_stranger_says_nothing_of_it() {
    let mut scene = Scene::ready();
    join(&mut scene);
    scene.agree("A-1", "P1", "XD");
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    let at = scene.at();
    report(&mut scene, "XB", GONE, at);
    report(&mut scene, "XN", GONE, at);
    assert_eq!(shown(&scene), "REPORTED_ONCE", "XA agreed on it");
    let mut scene = Scene::cleared();
    let at = scene.at();
    hand_over(&mut scene, at);
    report(&mut scene, "XS", ("H-1", "P1", "NOT_PRESENTED"), at);
    assert_eq!(shown(&scene), "HANDED_OVER");
}
