//! Whose reports decide: of who had a part in a handover, in his own word.

use super::*;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, Scene, case, person};
use crate::consultation::state::stage::stage;

/// A person who may leave under H-1, in a consultation of which XN is a neutral Power with no part in what was agreed
/// of him.
fn beside_a_third() -> Scene {
    let mut scene = Scene::arranged();
    let proposal = r#"consultation = "C-3HN8-ZC6V-5JF2"
        subject = "With a neutral Power"
        parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
            { ministry = "XB", roles = ["DETAINING_POWER"] }, { ministry = "XN", roles = ["NEUTRAL_POWER"] }]
        open_until_time = "2026-12-02T10:00:00Z""#;
    scene.say("XB", "consultation-proposal", proposal);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XN", "consultation-reply", "reply = \"ACCEPT\"");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &["XA"], &["XD"]);
    scene.certify("P1", "FIT");
    scene.go("XB", true);
    scene.go("XA", true);
    scene
}

fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

fn departs(scene: &Scene) -> Vec<&'static str> {
    let id = EntryId::parse("H-1").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    stops.iter().map(|stop| stop.rule.word()).collect()
}

/// A report under an arrangement that nobody made.
fn elsewhere(scene: &mut Scene, sender: &str, outcome: &str) {
    let fields = format!(
        "arrangement_id = \"H-9\"\nhandover_time = \"{}\"\nplace_code = \"EAGLE\"\n\
         lines = [{{ person = \"P1\", outcome = \"{outcome}\", final_question_put = true }}]",
        scene.at()
    );
    scene.say(sender, "handover-report", &fields);
}

#[test]
fn a_power_without_a_part_in_it_disputes_no_handover_and_keeps_nobody_back() {
    for outcome in ["NOT_PRESENTED", "SUBSTITUTED", "TURNED_BACK", "HANDED_OVER"] {
        let mut scene = beside_a_third();
        scene.report("XN", "P1", outcome);
        elsewhere(&mut scene, "XN", outcome);
        assert_eq!((departs(&scene), shown(&scene).as_str()), (vec![], "CLEARED"), "{outcome}");
        scene.report("XB", "P1", "HANDED_OVER");
        assert_eq!(shown(&scene), "REPORTED_ONCE", "{outcome}");
        scene.report("XA", "P1", "HANDED_OVER");
        scene.report("XN", "P1", outcome);
        elsewhere(&mut scene, "XN", outcome);
        assert_eq!(shown(&scene), "HANDED_OVER", "{outcome}");
    }
}

#[test]
fn what_a_power_without_a_part_in_it_tells_of_harm_is_heard_until_it_takes_it_back() {
    for outcome in ["DECEASED", "UNFIT", "HELD_BY_AUTHORITY"] {
        let mut scene = beside_a_third();
        scene.report("XB", "P1", "HANDED_OVER");
        scene.report("XA", "P1", "HANDED_OVER");
        scene.report("XN", "P1", outcome);
        assert_eq!(shown(&scene), "DISPUTED", "{outcome}");
        scene.report("XN", "P1", "NOT_PRESENTED");
        assert_eq!(shown(&scene), "HANDED_OVER", "{outcome} taken back");
        let mut scene = beside_a_third();
        scene.report("XN", "P1", outcome);
        assert!(departs(&scene).contains(&"HND_01"), "{outcome}");
    }
    let mut scene = beside_a_third();
    scene.report("XN", "P1", "DECLINED_BY_PERSON");
    assert_eq!(departs(&scene), ["WIL_07"], "a refusal stops by itself");
    let mut scene = beside_a_third();
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    scene.report("XN", "P1", "DECLINED_BY_PERSON");
    assert_eq!(shown(&scene), "IRREGULAR", "and makes a handover irregular");
}

#[test]
fn who_registered_a_person_has_a_part_in_his_handover() {
    let mut scene = beside_a_third();
    scene.say("XN", "case-registration", &case("P1"));
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    scene.report("XN", "P1", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "DISPUTED");
}

#[test]
fn where_nothing_was_agreed_every_power_is_heard() {
    let mut scene = Scene::ready();
    scene.report("XA", "P1", "NOT_PRESENTED");
    scene.report("XB", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "DISPUTED");
}

#[test]
fn a_relayed_report_closes_no_round_corrects_none_and_keeps_him_back() {
    let mut scene = Scene::cleared();
    scene.relaying().report("XB", "P1", "HANDED_OVER");
    assert_eq!(departs(&scene), ["HND_01"], "who may be gone departs nowhere");
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "REPORTED_ONCE", "XB has not spoken itself");
    scene.report("XB", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "HANDED_OVER");
    scene.relaying().report("XA", "P1", "NOT_PRESENTED");
    assert_eq!(shown(&scene), "HANDED_OVER", "it is not XA's own word");
    // Under another id it keeps him back as well, until he is registered anew.
    let mut scene = Scene::cleared();
    scene.relaying();
    elsewhere(&mut scene, "XB", "HANDED_OVER");
    assert_eq!(departs(&scene), ["HND_01"]);
    scene.say("XB", "case-registration", &case("P1"));
    assert!(departs(&scene).is_empty());
    // A refusal at the gate is taken back by who reported it, in his own word.
    let mut scene = Scene::cleared();
    scene.report("IC", "P1", "DECLINED_BY_PERSON");
    scene.relaying().report("IC", "P1", "HANDED_OVER");
    scene.report("XB", "P1", "HANDED_OVER");
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "IRREGULAR");
    scene.report("IC", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "HANDED_OVER");
}
