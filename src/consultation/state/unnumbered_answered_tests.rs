//! Tests of what answers an act that went to some Powers only: who passes it on, and who knew of it.

use super::tests::{XA, XN, assessment, hearsay, named, refuses, report, wishes};
use super::*;
use crate::consultation::rules::Rule;
use crate::consultation::state::samples::Scene;

/// Whether the will, the fitness, the proceedings and the grounds of the first person let him go to XA.
fn is_free(scene: &Scene) -> bool {
    use crate::consultation::reference::PersonRef;
    use crate::consultation::state::samples::person;
    let there = Destination::NamedState(crate::consultation::acts::values::RegionCode::parse("XA").unwrap());
    scene.asks(|past, at, charter| {
        let person: &PersonRef = &person(1);
        will::towards(past, person, Spoken::now(&there), at, charter).standing == will::WillStanding::Current
            && medical::fitness(past, person, at, charter).standing == FitnessStanding::Fit
            && judicial::judicial(past, person).standing == JudicialStanding::Free
            && protection(past, person, Spoken::now(&there), at, charter).standing
                == ProtectionStanding::Clear
    })
}

#[test]
fn a_refusal_that_some_were_told_is_answered_once_it_was_said_to_all_by_who_knows_of_it() {
    for by in ["XA", "XB"] {
        let mut scene = Scene::cleared();
        scene.to("XB").say_unnumbered("XA", "will-indication", &refuses());
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(!is_free(&scene), "nobody could declare to have known it");
        scene.say("XA", "will-indication", &wishes(XA));
        scene.say("IC", "will-indication", &refuses());
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(!is_free(&scene), "it was not said to all by who knows of it");
        let unaware = scene.marks();
        scene.say(by, "will-indication", &refuses());
        assert!(!is_free(&scene), "now it stops him everywhere");
        let known_before = unaware.clone();
        scene.knowing(&known_before).state("IC", "P1", &["XA"], &["XD"]);
        assert!(!is_free(&scene), "whoever asked him had not heard of it");
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(is_free(&scene), "{by} said it to all, and he was asked again");
        assert!(named(&scene).is_empty());
    }
}

#[test]
fn whatever_some_were_told_against_his_will_may_be_passed_on_as_hearsay() {
    let refused_at_the_gate = |scene: &Scene| report(scene, "H-9", "DECLINED_BY_PERSON");
    let withdrawn = |_: &Scene| "person = \"P1\"".to_owned();
    type Told<'t> = (&'t str, &'t dyn Fn(&Scene) -> String);
    let told: [Told<'_>; 2] = [("handover-report", &refused_at_the_gate), ("will-withdrawal", &withdrawn)];
    for (kind, fields) in told {
        let mut scene = Scene::cleared();
        let fields = fields(&scene);
        scene.to("XB").say_unnumbered("IC", kind, &fields);
        scene.say("XB", "will-indication", &refuses());
        assert!(!is_free(&scene));
        scene.state("XB", "P1", &["XA"], &["XD"]);
        assert!(is_free(&scene), "{kind}");
    }
    // An observer who was told passes it on by a withdrawal: hearsay is not for it to send.
    let mut scene = Scene::cleared();
    scene.to("IC").say_unnumbered("XA", "will-indication", &refuses());
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert!(is_free(&scene));
    // Hearsay of another refusal does not tell of this one.
    let mut scene = Scene::cleared();
    scene.to("XB").say_unnumbered("XA", "will-indication", &refuses());
    scene.say("XB", "will-indication", &hearsay(&format!("refused = [{XN}]")));
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert!(!is_free(&scene));
}

#[test]
fn who_passes_on_a_finding_takes_no_more_back_than_before() {
    let mut scene = Scene::cleared();
    let unfit = tests::medical(&scene, "UNFIT");
    scene.say_unnumbered("IC", "medical-finding", &unfit);
    let passed_on = tests::medical(&scene, "UNFIT");
    scene.say("XA", "medical-finding", &passed_on);
    let fit = tests::medical(&scene, "FIT");
    scene.say("XA", "medical-finding", &fit);
    assert!(!is_free(&scene), "XA answers its own word, and no other");
    scene.certify("P1", "FIT");
    assert!(is_free(&scene), "the Detaining Power answers both");

    let mut scene = Scene::cleared();
    scene.say_unnumbered("XA", "judicial-status", "person = \"P1\"\nstate = \"PENDING\"");
    scene.say("IC", "judicial-status", "person = \"P1\"\nstate = \"PENDING\"");
    scene.say("IC", "judicial-status", "person = \"P1\"\nstate = \"NONE\"");
    assert!(!is_free(&scene));
    scene.say("XB", "judicial-status", "person = \"P1\"\nstate = \"NONE\"");
    assert!(is_free(&scene));

    let mut scene = Scene::cleared();
    let bar = assessment(&scene, XA, "SUBSTANTIAL_GROUNDS");
    scene.say_unnumbered("XA", "protection-assessment", &bar);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert!(!is_free(&scene));
    scene.assess("P1", "XA", "SUBSTANTIAL_GROUNDS");
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert!(is_free(&scene), "passed on and lifted by the Detaining Power");
}

#[test]
fn whoever_knew_a_statement_that_its_sender_took_knew_what_he_had_told_before() {
    let mut scene = Scene::cleared();
    scene.to("XA").say_unnumbered("IC", "will-indication", &refuses());
    scene.state("IC", "P1", &["XA", "REMAIN_IN_DETAINING_STATE"], &["XD"]);
    assert!(is_free(&scene), "whoever told of it asked him since");
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert!(is_free(&scene));
    let counting = scene.asks(|past, at, charter| {
        let will = will::will(past, &crate::consultation::state::samples::person(1), at, charter);
        will.statement.map(|one| one.registered.sender.to_string())
    });
    assert_eq!(counting.as_deref(), Some("XB"), "as it counts where nobody was told");
    // A statement that does not stand answers nothing.
    let mut scene = Scene::cleared();
    scene.to("XA").say_unnumbered("IC", "will-indication", &refuses());
    scene.against(Rule::Wil02).state("IC", "P1", &["XA"], &[]);
    scene.state("XB", "P1", &["XA"], &["XD"]);
    assert!(!is_free(&scene));
}
