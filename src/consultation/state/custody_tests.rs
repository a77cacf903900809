//! Who lives: a notice of death stops whoever sent it, and no single Power takes it back.

use super::*;
use crate::consultation::state::samples::{DAY, Scene, case, person};

const NOTICE: &str = "person = \"P1\"\ninquiry_opened = true";

fn dead(scene: &Scene) -> bool {
    scene.asks(|past, _, _| is_dead(past, &person(1)))
}

#[test]
fn who_was_said_to_be_dead_lives_when_his_case_is_registered_anew_and_an_observer_saw_him() {
    for sender in ["XA", "XB"] {
        let mut scene = Scene::ready();
        scene.say(sender, "death-notice", NOTICE);
        scene.say("XB", "case-registration", &case("P1"));
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(dead(&scene), "the Detaining Power alone");
        scene.state("IC", "P1", &["XA"], &["XD"]);
        assert!(!dead(&scene), "an observer saw him");
        scene.say(sender, "death-notice", NOTICE);
        assert!(dead(&scene), "another notice");
    }
}

#[test]
fn nobody_lives_by_the_word_of_who_did_not_know_of_the_notice() {
    let mut scene = Scene::ready();
    let before = scene.marks();
    scene.say("XA", "death-notice", NOTICE);
    scene.say("XB", "case-registration", &case("P1"));
    scene.knowing(&before).state("IC", "P1", &["XA"], &["XD"]);
    assert!(dead(&scene));
    let mut scene = Scene::ready();
    scene.say("XA", "death-notice", NOTICE);
    scene.state("IC", "P1", &["XA"], &["XD"]);
    assert!(dead(&scene), "who holds him does not say so");
}

/// XN, which is no party, was invited to this for forty days, and all consent.
fn invited(scope: &str) -> Scene {
    let mut scene = Scene::ready();
    let fields = format!(
        "party = \"XN\"\nrole = \"UNHCR\"\nscope = [\"{scope}\"]\npersons = []\nstart_time = \"{}\"\nend_time = \"{}\"",
        scene.at(),
        scene.at().after(std::time::Duration::from_secs(40 * DAY))
    );
    let invitation = scene.say("XB", "observer-invitation", &fields);
    for party in ["XN", "XA"] {
        scene.say(party, "observer-reply", &format!("invitation = \"{invitation}\"\nreply = \"ACCEPT\""));
    }
    scene
}

fn examine(scene: &mut Scene, sender: &str) {
    let fields = format!(
        "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"UNFIT\"\n\
         certificate_document = \"certificate\"",
        scene.at()
    );
    scene.say(sender, "medical-finding", &fields);
}

#[test]
fn who_may_not_see_a_person_refutes_no_death() {
    for (scope, stated, examined) in
        [("HANDOVER", true, true), ("PRIVATE_INTERVIEWS", false, true), ("MEDICAL", true, false)]
    {
        let said_dead = || {
            let mut scene = invited(scope);
            scene.say("XA", "death-notice", NOTICE);
            scene.say("XB", "case-registration", &case("P1"));
            scene
        };
        let mut scene = said_dead();
        scene.state("XN", "P1", &["XA"], &["XD"]);
        assert_eq!(dead(&scene), stated, "{scope}: a statement");
        let mut scene = said_dead();
        examine(&mut scene, "XN");
        assert_eq!(dead(&scene), examined, "{scope}: an examination");
    }
    let mut scene = invited("MEDICAL");
    scene.say("XA", "death-notice", NOTICE);
    scene.say("XB", "case-registration", &case("P1"));
    scene.wait(41 * DAY);
    examine(&mut scene, "XN");
    assert!(dead(&scene), "its time was over");
    examine(&mut scene, "XA");
    assert!(dead(&scene), "a Power that is to receive him has not got him");
    examine(&mut scene, "IC");
    assert!(!dead(&scene), "the ICRC visits whomever it wishes");
}

#[test]
fn an_observer_that_neither_visits_nor_was_invited_for_it_refutes_no_death() {
    for (role, expected) in
        [("PROTECTING_POWER", false), ("ICRC", false), ("INTERMEDIARY", true), ("UNHCR", true)]
    {
        let mut scene = Scene::unsaid();
        let proposal = format!(
            r#"consultation = "C-3HN8-ZC6V-5JF2"
            subject = "Prisoners of war: procedure"
            parties = [{{ ministry = "IC", roles = ["{role}"] }}, {{ ministry = "XA", roles = ["RECEIVING_POWER"] }},
                {{ ministry = "XB", roles = ["DETAINING_POWER"] }}]
            open_until_time = "2026-12-02T10:00:00Z""#
        );
        scene.say("XB", "consultation-proposal", &proposal);
        scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
        scene.say("XB", "case-registration", &case("P1"));
        scene.say("XA", "death-notice", NOTICE);
        scene.say("XB", "case-registration", &case("P1"));
        scene.state("IC", "P1", &["XA"], &["XD"]);
        assert_eq!(dead(&scene), expected, "{role}");
    }
}

#[test]
fn a_hold_of_who_registered_him_too_lapses_once_whoever_holds_him_answered_that_registration() {
    use crate::consultation::state::holds;
    let held =
        |scene: &Scene| scene.asks(|past, at, charter| holds::active(past, &person(1), at, charter).len());
    let hold = "persons = [\"P1\"]\nreason = \"SECURITY\"";
    let mut scene = Scene::opened();
    let before = scene.marks();
    scene.say("XB", "case-registration", &case("P1"));
    scene.knowing(&before).say("XC", "case-registration", &case("P1"));
    scene.say("XC", "hold-notice", hold);
    scene.wait(15 * DAY);
    assert_eq!(held(&scene), 1, "it may hold him");
    scene.knowing(&before).say("XB", "case-registration", &case("P1"));
    assert_eq!(held(&scene), 1, "who registered anew did not know of it");
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(held(&scene), 0);
    scene.say("XC", "hold-notice", hold);
    assert_eq!(held(&scene), 1, "like any Power it may set another one");
    scene.say("XB", "hold-notice", hold);
    scene.wait(15 * DAY);
    assert_eq!(held(&scene), 1, "that of the Detaining Power stays");
}
