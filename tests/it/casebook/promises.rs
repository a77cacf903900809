//! One man in two consultations, under references that nobody can join but the desk that holds him: he is not promised
//! twice (EXC-06).

use chancery::consultation::reference::PersonRef;
use chancery::desk::error::DeskError;
use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;

use super::PERSON;
use super::papers::{agreement, agreement_reply, assessment, case, conveys, opened, statement_for};
use crate::support::Stage;

const OTHER: &str = "P-3HN8-ZC6V-5JF2";

/// A consultation in which a person wants to go to a place and may; the note that agrees on it.
async fn proposed(stage: &Stage, person: &str, place: &str, id: &str) -> (String, String) {
    let consultation = opened(stage, &["XA"]).await;
    conveys(stage, "XB", &case(&["XA"], &consultation, person)).await;
    let will = statement_for(place, stage, &["XA"], &consultation, (person, 30));
    let will = conveys(stage, "XB", &will).await;
    let protection = conveys(stage, "XB", &assessment(stage, &["XA"], &consultation, person, place)).await;
    let note = agreement(stage, &consultation, (id, person, place), [&will[0], &protection[0]]);
    (consultation, note)
}

/// The rules that stand against a form at a desk.
fn against(stage: &Stage, code: &str, form: &str) -> Vec<&'static str> {
    let house = stage.house(code);
    let desk = house.desk().unwrap();
    let draft = parse(form, &IdsOnly).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{form}"));
    let composed = desk.compose(&desk.trust().unwrap(), house.keys(), &draft, stage.folder(), None).unwrap();
    let errors =
        composed.findings.iter().filter(|one| chancery::consultation::rules::forbids(&[(*one).clone()]));
    errors.map(|finding| finding.reason()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_proposal_that_lives_promises_too_and_what_a_peer_says_is_not_judged_by_it() {
    let stage = Stage::pair().await;
    let (_, note) = proposed(&stage, PERSON, "XA", "A-1").await;
    conveys(&stage, "XB", &note).await;
    let (second, other) = proposed(&stage, OTHER, "XB", "A-2").await;
    conveys(&stage, "XB", &other).await;
    let house = stage.house("XB");
    let desk = house.desk().unwrap();
    let persons = [PERSON, OTHER].map(|text| PersonRef::parse(text).unwrap());
    desk.join_persons(&desk.trust().unwrap(), house.keys(), &persons[0], &persons[1]).unwrap();
    assert_eq!(against(&stage, "XB", &other), ["EXC_06"], "XA may still accept the first");
    conveys(&stage, "XA", &agreement_reply(&stage, &second)).await;
    let reply = stage.house("XB").read("@last").unwrap();
    assert!(matches!(reply.act(), Some(chancery::consultation::act::Act::AgreementReply(_))));
    let errors = chancery::consultation::rules::forbids(&reply.findings);
    assert!(!errors, "XA finds nothing in it: {:?}", reply.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_man_who_is_promised_in_one_consultation_is_not_promised_elsewhere_in_another() {
    let stage = Stage::pair().await;
    let (first, note) = proposed(&stage, PERSON, "XA", "A-1").await;
    conveys(&stage, "XB", &note).await;
    conveys(&stage, "XA", &agreement_reply(&stage, &first)).await;
    let (second, note) = proposed(&stage, OTHER, "XB", "A-2").await;
    assert_eq!(against(&stage, "XB", &note), Vec::<&str>::new(), "nobody can tell that they are one man");

    let house = stage.house("XB");
    let (one, other) = (PersonRef::parse(PERSON).unwrap(), PersonRef::parse(OTHER).unwrap());
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let stranger = PersonRef::parse("P-9RB2-T7GE-1KYT").unwrap();
    let unknown = desk.join_persons(&trust, house.keys(), &one, &stranger);
    assert!(matches!(unknown, Err(DeskError::PersonUnknown)));
    desk.join_persons(&trust, house.keys(), &one, &other).unwrap();
    assert_eq!(against(&stage, "XB", &note), ["EXC_06"]);
    let promised = desk.promised_elsewhere(&trust, house.keys(), &second).unwrap();
    assert_eq!(promised.keys().collect::<Vec<_>>(), [&other]);
    assert!(
        desk.promised_elsewhere(&trust, house.keys(), &first).unwrap().is_empty(),
        "nothing is agreed there"
    );
    // It stands in no message, and outlives the casebook that is written anew.
    desk.rebuild_casebook(&trust, house.keys()).unwrap();
    assert_eq!(against(&stage, "XB", &note), ["EXC_06"]);

    let ended =
        format!("agreement_id = \"A-1\"\neffective_time = \"{}\"", chancery::time::Clock::now(&stage.clock));
    let ended = super::papers::note("agreement-termination", &["XA"], &first, "", &ended, "");
    conveys(&stage, "XB", &ended.replace("NOTE_VERBALE", "FIRST_PERSON_NOTE")).await;
    assert_eq!(against(&stage, "XB", &note), Vec::<&str>::new(), "he is free again");
}
