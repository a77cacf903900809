//! Tests of fitness, eligibility, and proceedings at law.

use super::*;
use crate::consultation::state::judicial::{JudicialStanding, judicial};
use crate::consultation::state::samples::{HOUR, Scene, person};

fn fit(scene: &Scene) -> FitnessStanding {
    scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing)
}

#[test]
fn fitness_is_certified_shortly_before_and_unfit_stops_until_it_is_answered() {
    let mut scene = Scene::ready();
    assert_eq!(fit(&scene), FitnessStanding::None);
    scene.certify("P1", "FIT");
    assert_eq!(fit(&scene), FitnessStanding::Fit);
    scene.wait(72 * HOUR - 60);
    assert_eq!(fit(&scene), FitnessStanding::Fit, "to the second");
    scene.wait(1);
    assert_eq!(fit(&scene), FitnessStanding::Stale);
    let before = scene.marks();
    scene.certify("P1", "UNFIT");
    assert_eq!(fit(&scene), FitnessStanding::Unfit);
    let unaware = format!(
        "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"FIT\"\n\
         certificate_document = \"certificate\"",
        scene.at()
    );
    scene.knowing(&before).say("IC", "medical-finding", &unaware);
    assert_eq!(fit(&scene), FitnessStanding::Unfit, "who found him fit knew nothing of it");
    scene.say("XA", "medical-finding", &unaware);
    assert_eq!(fit(&scene), FitnessStanding::Unfit, "he is in the hands of XB");
    scene.certify("P1", "FIT_WITH_ESCORT");
    assert_eq!(fit(&scene), FitnessStanding::Fit);
    let found = |decision: &str| {
        format!(
            "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"2026-11-26T10:00:00Z\"\n\
             decision = \"{decision}\"\ncertificate_document = \"certificate\""
        )
    };
    scene.say("XA", "medical-finding", &found("UNFIT"));
    assert_eq!(fit(&scene), FitnessStanding::Unfit);
    scene.say("XA", "medical-finding", &found("FIT"));
    assert_eq!(fit(&scene), FitnessStanding::Fit, "whoever found it takes it back");
}

#[test]
fn a_commission_is_composed_as_the_convention_demands() {
    let member = |neutral: bool, chair: bool| {
        format!(
            "{{ appointed_by = \"IC {neutral} {chair}\", neutral = {neutral}, chair = {chair}, speciality = \"surgery\" }}"
        )
    };
    let chair = member(true, true);
    let (other, own) = (member(true, false), member(false, false));
    let third = other.replace("IC", "XN");
    let (own_chair, third_chair) = (member(false, true), chair.replace("IC", "XN"));
    let cases = [
        (vec![&chair, &other, &own], 2, true),
        (vec![&chair, &other, &own], 1, false),
        (vec![&chair, &other], 2, false),
        (vec![&chair, &other, &third], 3, false),
        // One of those in the middle leads it, and nobody else.
        (vec![&own_chair, &other, &third], 2, false),
        (vec![&chair, &third_chair, &own], 2, false),
        (vec![&other, &third, &own], 2, false),
    ];
    for (members, votes, expected) in cases {
        let members: Vec<&str> = members.into_iter().map(String::as_str).collect();
        let fields = format!(
            "person = \"P1\"\nkind = \"MIXED_COMMISSION\"\nexamination_time = \"2026-11-22T09:00:00Z\"\n\
             decision = \"REPATRIATE\"\nmembers = [{}]\nvotes_for = {votes}\ncertificate_document = \"c\"",
            members.join(", ")
        );
        let mut scene = Scene::ready();
        scene.say("XB", "medical-finding", &fields);
        let eligible = |decision| scene.asks(|past, _, _| is_eligible(past, &person(1), decision));
        assert_eq!(eligible(MedicalDecision::Repatriate), expected, "{} {votes}", members.len());
        assert!(!eligible(MedicalDecision::AccommodateInNeutral));
    }
}

#[test]
fn a_manifest_case_needs_no_commission_and_a_later_word_takes_it_back() {
    let finding = |kind: &str, decision: &str| {
        format!(
            "person = \"P1\"\nkind = \"{kind}\"\nexamination_time = \"2026-11-22T09:00:00Z\"\n\
             decision = \"{decision}\"\ncertificate_document = \"c\""
        )
    };
    let mut scene = Scene::ready();
    scene.say("XB", "medical-finding", &finding("MANIFEST", "REPATRIATE"));
    let eligible =
        |scene: &Scene| scene.asks(|past, _, _| is_eligible(past, &person(1), MedicalDecision::Repatriate));
    assert!(eligible(&scene));
    scene.say("XB", "medical-finding", &finding("MANIFEST", "ACCOMMODATE_IN_NEUTRAL"));
    assert!(!eligible(&scene));
}

#[test]
fn proceedings_keep_a_person_until_he_is_released_or_consents() {
    let status = |state: &str, consent: bool| {
        format!(
            "person = \"P1\"\nstate = \"{state}\"\nwritten_consent_to_exchange = {consent}\ndocument = \"decision\""
        )
    };
    let stands = |scene: &Scene| scene.asks(|past, _, _| judicial(past, &person(1)).standing);
    let mut scene = Scene::ready();
    assert_eq!(stands(&scene), JudicialStanding::Free);
    scene.say("XB", "judicial-status", &status("PENDING", false));
    assert_eq!(stands(&scene), JudicialStanding::Pending);
    scene.say("XB", "judicial-status", &status("CONVICTED", false));
    assert_eq!(stands(&scene), JudicialStanding::Convicted);
    scene.say("XB", "judicial-status", &status("CONVICTED", true));
    assert_eq!(stands(&scene), JudicialStanding::Free);
    scene.say("XB", "judicial-status", &status("PENDING", false));
    scene.say("XB", "judicial-status", &status("RELEASED_FOR_TRANSFER", false));
    assert_eq!(stands(&scene), JudicialStanding::Free);
}

#[test]
fn nobody_but_the_detaining_power_ends_its_proceedings() {
    let status = |state: &str| format!("person = \"P1\"\nstate = \"{state}\"\ndocument = \"decision\"");
    let stands = |scene: &Scene| scene.asks(|past, _, _| judicial(past, &person(1)).standing);
    let mut scene = Scene::ready();
    scene.say("XB", "judicial-status", &status("PENDING"));
    for (sender, state) in [("XA", "NONE"), ("XA", "RELEASED_FOR_TRANSFER"), ("IC", "NONE")] {
        scene.say(sender, "judicial-status", &status(state));
        assert_eq!(stands(&scene), JudicialStanding::Pending, "{state} by {sender}");
    }
    scene.say("XB", "judicial-status", &status("NONE"));
    assert_eq!(stands(&scene), JudicialStanding::Free);
    scene.say("XA", "judicial-status", &status("PENDING"));
    assert_eq!(stands(&scene), JudicialStanding::Pending, "to stop, anybody's word is enough");
    scene.say("XA", "judicial-status", &status("NONE"));
    assert_eq!(stands(&scene), JudicialStanding::Free, "whoever said it takes it back");
}

#[test]
fn whoever_is_to_receive_him_stops_by_a_certificate_and_permits_nothing_by_one() {
    let found = |scene: &Scene, decision: &str| {
        format!(
            "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{}\"\ndecision = \"{decision}\"\n\
             certificate_document = \"certificate\"",
            scene.at()
        )
    };
    let mut scene = Scene::ready();
    scene.say("XA", "medical-finding", &found(&scene, "FIT"));
    assert_eq!(fit(&scene), FitnessStanding::None, "XA has not got him");
    scene.say("IC", "medical-finding", &found(&scene, "FIT"));
    assert_eq!(fit(&scene), FitnessStanding::Fit, "an observer saw him");
    scene.wait(72 * HOUR);
    scene.say("XA", "medical-finding", &found(&scene, "FIT"));
    assert_eq!(fit(&scene), FitnessStanding::Stale, "it makes nothing younger");
    scene.say("XA", "medical-finding", &found(&scene, "UNFIT"));
    assert_eq!(fit(&scene), FitnessStanding::Unfit);
    scene.certify("P1", "FIT");
    assert_eq!(fit(&scene), FitnessStanding::Fit);
}

#[test]
fn another_physician_answers_unfit_by_a_later_examination_alone() {
    let found = |decision: &str, hour: u64| {
        format!(
            "person = \"P1\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"2026-11-22T0{hour}:00:00Z\"\n\
             decision = \"{decision}\"\ncertificate_document = \"certificate\""
        )
    };
    let mut scene = Scene::ready();
    scene.say("IC", "medical-finding", &found("UNFIT", 8));
    scene.say("XB", "medical-finding", &found("FIT", 8));
    assert_eq!(fit(&scene), FitnessStanding::Unfit, "two physicians of one hour");
    scene.say("XB", "medical-finding", &found("FIT", 9));
    assert_eq!(fit(&scene), FitnessStanding::Fit);
}

#[test]
fn a_manifest_case_is_for_the_detaining_power_to_see_and_answers_no_commission() {
    let finding = |kind: &str, decision: &str| {
        format!(
            "person = \"P1\"\nkind = \"{kind}\"\nexamination_time = \"2026-11-22T09:00:00Z\"\n\
             decision = \"{decision}\"\ncertificate_document = \"c\""
        )
    };
    let commission = |decision: &str| {
        let fields = finding("MIXED_COMMISSION", decision);
        let member = |of: &str, neutral: bool, chair: bool| {
            format!(
                "{{ appointed_by = \"{of}\", neutral = {neutral}, chair = {chair}, speciality = \"surgery\" }}"
            )
        };
        let members = [member("IC", true, true), member("IC", true, false), member("XB", false, false)];
        format!("{fields}\nvotes_for = 2\nmembers = [{}]", members.join(", "))
    };
    let eligible =
        |scene: &Scene| scene.asks(|past, _, _| is_eligible(past, &person(1), MedicalDecision::Repatriate));
    let mut scene = Scene::ready();
    scene.say("XA", "medical-finding", &finding("MANIFEST", "REPATRIATE"));
    assert!(!eligible(&scene), "XA has not got him");
    scene.say("XB", "medical-finding", &finding("MANIFEST", "REPATRIATE"));
    assert!(eligible(&scene));
    scene.say("XB", "medical-finding", &commission("REJECT"));
    scene.say("XB", "medical-finding", &finding("MANIFEST", "REPATRIATE"));
    assert!(!eligible(&scene), "the commission has decided");
    scene.say("XB", "medical-finding", &commission("REPATRIATE"));
    assert!(eligible(&scene));
}
