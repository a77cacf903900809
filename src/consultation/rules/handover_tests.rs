//! The HND rules of arrangements and reports, what passes and what fails each.

use std::time::Duration;

use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{Line, arrangement, confirmation, list_digest, note, report};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::departure::clear_to_depart;
use crate::consultation::state::samples::{DAY, Scene, person};
use crate::digest::Digest;

fn arranges(scene: &Scene, change: impl Fn(String) -> String) -> Case {
    Case::new(
        scene,
        "XB",
        "handover-arrangement",
        &change(arrangement(scene.at(), "H-1", "A-1", &["P1"], 72)),
    )
}

/// The scene with an arrangement that nobody has answered, and its reference.
pub(super) fn arranged() -> (Scene, String) {
    let mut scene = Scene::agreed();
    let fields = arrangement(scene.at(), "H-1", "A-1", &["P1"], 72);
    let reference = scene.say("XB", "handover-arrangement", &fields);
    (scene, reference)
}

fn confirms(scene: &Scene, fields: &str) -> Case {
    Case::new(scene, "XA", "handover-confirmation", fields)
}

#[test]
fn hnd_01_a_handover_carries_out_what_is_in_force() {
    arranges(&Scene::agreed(), |same| same).passes();
    arranges(&Scene::ready(), |same| same).fails("HND_01");
    let mut ended = Scene::agreed();
    let at = ended.at();
    let fields = format!("agreement_id = \"A-1\"\neffective_time = \"{at}\"");
    ended.say("XA", "agreement-termination", &fields);
    arranges(&ended, |same| same).fails("HND_01");
    let (scene, reference) = arranged();
    confirms(&scene, &confirmation("H-1", &reference, &["P1"])).passes();
    confirms(&scene, &confirmation("H-2", &reference, &["P1"])).fails("HND_01");
    confirms(&scene, &confirmation("H-1", &list_digest(&["P1"]), &["P1"])).fails("HND_01");
}

#[test]
fn hnd_02_the_list_is_the_list_that_was_agreed() {
    let both = |scene: &Scene| arrangement(scene.at(), "H-1", "A-1", &["P1", "P2"], 72);
    arranges(&Scene::agreed(), |_| both(&Scene::agreed())).fails("HND_02");
    let (scene, reference) = arranged();
    confirms(&scene, &confirmation("H-1", &reference, &["P1", "P2"])).fails("HND_02");
}

#[test]
fn hnd_04_the_person_is_told_in_time() {
    let scene = Scene::agreed();
    let (day, less) = (arrangement(scene.at(), "H-1", "A-1", &["P1"], 24), 23);
    arranges(&scene, |_| day.clone()).passes();
    let short = day.replace(
        &crate::consultation::rules::said::in_hours(scene.at(), 24).to_string(),
        &crate::consultation::rules::said::in_hours(scene.at(), less).to_string(),
    );
    arranges(&scene, |_| short.clone()).fails("HND_04");
    let long_ago = scene.at().before(std::time::Duration::from_secs(30 * DAY)).to_string();
    let of_something_else = day.replace(&scene.at().to_string(), &long_ago);
    arranges(&scene, |_| of_something_else.clone()).fails("HND_04");
}

#[test]
fn hnd_02_a_person_goes_with_the_tranche_of_his_line() {
    let mut scene = Scene::ready();
    let act = Digest::of(b"text").hex();
    let line = Line { person: "P1", place: "XA", will: &act, protection: &act };
    let note = note(scene.at(), "A-1", "RELEASE_AND_SETTLEMENT", ["XA", "XB"], &[line]);
    let pinned = format!("protection_act = \"{act}\"");
    let note = scene.say("XB", "agreement-note", &note.replace(&pinned, &format!("{pinned}, tranche = 1")));
    let reply =
        format!("proposing_message = \"{note}\"\nterms = \"0a\"\nauthentic_text_sha256 = [\"{act}\"]");
    scene.say("XA", "agreement-reply", &reply);
    arranges(&scene, |fields| format!("tranche = 1\n{fields}")).passes();
    arranges(&scene, |fields| format!("tranche = 2\n{fields}")).fails("HND_02");
    arranges(&scene, |same| same).fails("HND_02");
}

#[test]
fn everything_that_stands_against_the_person_is_asked_again() {
    let (mut scene, reference) = arranged();
    scene.say("XB", "will-withdrawal", "person = \"P1\"");
    confirms(&scene, &confirmation("H-1", &reference, &["P1"])).fails("WIL_07");
    arranges(&scene, |same| same).fails("WIL_07");
    let declined = confirmation("H-1", &reference, &["P1"]).replace("ACCEPT", "DECLINE");
    confirms(&scene, &declined).passes();
}

#[test]
fn exc_06_nobody_is_arranged_for_whom_another_consultation_promised_elsewhere() {
    let scene = Scene::agreed();
    arranges(&scene, |same| same).promised_to(&["XA"]).passes();
    arranges(&scene, |same| same).promised_to(&["XC"]).fails("EXC_06");
}

#[test]
fn exc_06_nobody_is_arranged_for_confirmed_or_let_go_whom_two_agreements_send_to_two_places() {
    let ends = |scene: &mut Scene| {
        let fields = format!("agreement_id = \"A-2\"\neffective_time = \"{}\"", scene.at());
        scene.say("XA", "agreement-termination", &fields);
    };
    let (mut scene, reference) = arranged();
    let confirmation = confirmation("H-1", &reference, &["P1"]);
    scene.agree("A-2", "P1", "XC");
    arranges(&scene, |same| same).fails("EXC_06");
    confirms(&scene, &confirmation).fails("EXC_06");
    ends(&mut scene);
    arranges(&scene, |same| same).passes();
    confirms(&scene, &confirmation).passes();
    let stops = |scene: &Scene| {
        let id = EntryId::parse("H-1").unwrap();
        let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
        stops.iter().map(|stop| stop.rule).collect::<Vec<Rule>>()
    };
    let mut scene = Scene::cleared();
    scene.agree("A-2", "P1", "XA");
    assert_eq!(stops(&scene), [], "one place, agreed on twice");
    let mut scene = Scene::cleared();
    scene.agree("A-2", "P1", "XC");
    assert_eq!(stops(&scene), [Rule::Exc06]);
    ends(&mut scene);
    assert_eq!(stops(&scene), []);
}

#[test]
fn hnd_05_reports_that_differ_are_said_to_differ() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    scene.say("XB", "handover-report", &report(at, "H-1", &[("P1", "HANDED_OVER")]));
    let other = |fields: String| Case::new(&scene, "XA", "handover-report", &fields);
    let same = report(at, "H-1", &[("P1", "HANDED_OVER")]);
    other(same.clone()).silent(Rule::Hnd05);
    for differing in [
        report(at, "H-1", &[("P1", "SUBSTITUTED")]),
        same.replace("EAGLE", "FALCON"),
        report(crate::consultation::rules::said::in_hours(at, 1), "H-1", &[("P1", "HANDED_OVER")]),
    ] {
        other(differing.clone()).passes();
        other(differing).warns(Rule::Hnd05);
    }
    let mut scene = Scene::cleared();
    scene.say("IC", "handover-report", &report(at, "H-1", &[("P1", "SUBSTITUTED")]));
    // What an observer saw decides nothing, and nobody differs from it.
    Case::new(&scene, "XA", "handover-report", &same).silent(Rule::Hnd05);
}

#[test]
fn hnd_06_a_handover_against_a_stop_is_registered_and_named() {
    let mut scene = Scene::cleared();
    let fields = |scene: &Scene| report(scene.at(), "H-1", &[("P1", "HANDED_OVER")]);
    Case::new(&scene, "XB", "handover-report", &fields(&scene)).silent(Rule::Hnd06);
    scene.say("XB", "will-withdrawal", "person = \"P1\"");
    let case = Case::new(&scene, "XB", "handover-report", &fields(&scene));
    case.passes();
    case.warns(Rule::Hnd06);
}

#[test]
fn hnd_06_a_report_whose_release_is_a_whole_minute_is_judged_at_the_handover_it_tells_of() {
    let mut scene = Scene::cleared();
    let at_the_gate = scene.at().after(Duration::from_secs(10));
    // The window opened within the minute that the release bears: at its beginning nothing was arranged yet.
    scene.set_back(20);
    let fields = report(at_the_gate, "H-1", &[("P1", "HANDED_OVER")]);
    Case::new(&scene, "XB", "handover-report", &fields).silent(Rule::Hnd06);
}

#[test]
fn hnd_09_observers_are_appointed() {
    let scene = Scene::agreed();
    let with = |observer: &'static str| {
        arranges(&scene, move |fields| format!("observers = [\"{observer}\"]\n{fields}"))
    };
    with("IC").passes();
    with("XN").fails("HND_09");
}

#[test]
fn hnd_09_who_was_invited_to_a_handover_with_the_consent_of_all_observes_it() {
    let mut scene = Scene::agreed();
    let invitation = scene.say(
        "XB",
        "observer-invitation",
        "party = \"XN\"\nrole = \"NEUTRAL_POWER\"\nscope = [\"HANDOVER\"]\npersons = []\n\
         start_time = \"2026-11-22T00:00:00Z\"\nend_time = \"2027-11-22T00:00:00Z\"",
    );
    let with = |scene: &Scene| arranges(scene, |fields| format!("observers = [\"XN\"]\n{fields}"));
    for party in ["XN", "XA"] {
        with(&scene).fails("HND_09");
        scene.say(party, "observer-reply", &format!("invitation = \"{invitation}\"\nreply = \"ACCEPT\""));
    }
    with(&scene).passes();
}

#[test]
fn hnd_01_a_window_opens_no_second_before_the_agreement_is_in_force() {
    let opens = |early: u64| {
        let mut scene = Scene::ready();
        let act = Digest::of(b"text").hex();
        let line = Line { person: "P1", place: "XA", will: &act, protection: &act };
        let at = scene.at();
        let note = note(at, "A-1", "RELEASE_AND_SETTLEMENT", ["XA", "XB"], &[line]);
        let entry = at.after(std::time::Duration::from_secs(3 * DAY));
        let dated = format!("entry_into_force = \"FIXED_DATE\"\nentry_time = \"{entry}\"");
        let note = note.replace("entry_into_force = \"ON_REPLY\"", &dated);
        let note = scene.say("XB", "agreement-note", &note);
        let reply =
            format!("proposing_message = \"{note}\"\nterms = \"0a\"\nauthentic_text_sha256 = [\"{act}\"]");
        scene.say("XA", "agreement-reply", &reply);
        let opening = entry.before(std::time::Duration::from_secs(early));
        let fields = arrangement(opening, "H-1", "A-1", &["P1"], 0);
        // The person was told in good time.
        let told = format!("person_notice_time = \"{}\"", scene.at());
        let fields: Vec<String> = fields
            .lines()
            .map(|line| if line.contains("person_notice_time") { told.clone() } else { line.to_owned() })
            .collect();
        Case::new(&scene, "XB", "handover-arrangement", &fields.join("\n"))
    };
    opens(0).passes();
    opens(1).fails("HND_01");
}

#[test]
fn hnd_10_effects_and_accounts_are_listed() {
    let scene = Scene::agreed();
    let none = arranges(&scene, |fields| fields.replace("[\"effects inventory\"]", "[]"));
    none.passes();
    none.warns(Rule::Hnd10);
    arranges(&scene, |same| same).silent(Rule::Hnd10);
}

#[test]
fn what_nobody_did_before_a_handover_is_said_of_its_report() {
    let said = |scene: &Scene| {
        let fields = report(scene.at(), "H-1", &[("P1", "HANDED_OVER")]);
        Case::new(scene, "XB", "handover-report", &fields)
    };
    let mut scene = Scene::arranged();
    scene.wait(5 * DAY);
    said(&scene).passes();
    for rule in [Rule::Hnd03, Rule::Hnd08, Rule::Med01] {
        said(&scene).warns(rule);
        said(&Scene::cleared()).silent(rule);
    }
    let scene = Scene::cleared();
    let unasked = report(scene.at(), "H-1", &[("P1", "HANDED_OVER")])
        .replace("final_question_put = true", "final_question_put = false");
    Case::new(&scene, "XB", "handover-report", &unasked).warns(Rule::Hnd03);
}

#[test]
fn hnd_05_a_report_does_not_tell_of_what_is_to_come() {
    let scene = Scene::cleared();
    let ahead = crate::consultation::rules::said::in_hours(scene.at(), 1);
    let case = Case::new(&scene, "XB", "handover-report", &report(ahead, "H-1", &[("P1", "HANDED_OVER")]));
    case.passes();
    case.warns(Rule::Hnd05);
}
