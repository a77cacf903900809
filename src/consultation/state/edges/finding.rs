//! What was found about a person, at the edge: when a finding begins and ends to count, and that one which does not
//! stand lifts, certifies and cures nothing.

use std::time::Duration;

use super::{second, xa};
use crate::consultation::rules::table::Rule;
use crate::consultation::state::medical::{FitnessStanding, fitness};
use crate::consultation::state::places::Spoken;
use crate::consultation::state::protection::{ProtectionStanding, protection, was_barred};
use crate::consultation::state::samples::{DAY, HOUR, Scene, destination, person};
use crate::consultation::state::{exposure, holds};

#[test]
fn an_assessment_ends_with_the_time_that_it_gave_itself() {
    let mut scene = Scene::ready();
    scene.wait(HOUR);
    let until = scene.at().after(Duration::from_secs(10 * DAY));
    let fields = format!(
        "person = \"P1\"\ndestination = {}\nfinding = \"NO_SUBSTANTIAL_GROUNDS\"\nassessment_time = \"{}\"\n\
         valid_until_time = \"{until}\"\nonward_return_considered = true",
        destination("XA"),
        scene.at()
    );
    scene.say("XB", "protection-assessment", &fields);
    let standing = |at| {
        scene.asks(|past, _, charter| protection(past, &person(1), Spoken::now(&xa()), at, charter).standing)
    };
    assert_eq!(standing(until), ProtectionStanding::Clear);
    assert_eq!(standing(until.after(second())), ProtectionStanding::Stale);
}

#[test]
fn substantial_grounds_bar_from_the_second_in_which_they_were_sent() {
    let mut scene = Scene::cleared();
    let sent = scene.at();
    scene.assess_by("XA", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    let barred = |at| scene.asks(|past, _, _| was_barred(past, &person(1), Spoken::now(&xa()), at));
    assert!(barred(sent) && !barred(sent.before(second())));
}

#[test]
fn a_release_that_does_not_stand_lifts_no_hold_and_one_that_does_lifts_it_at_once() {
    let mut scene = Scene::cleared();
    let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"");
    let release = format!("hold_message = \"{hold}\"\nreason = \"settled\"");
    let active =
        |scene: &Scene| scene.asks(|past, at, charter| holds::active(past, &person(1), at, charter).len());
    scene.against(Rule::Rol02).say("IC", "hold-release", &release);
    assert_eq!(active(&scene), 1);
    let lifted = scene.at();
    scene.say("IC", "hold-release", &release);
    assert_eq!(active(&scene), 0);
    let was_held = |at| {
        scene.asks(|past, _, charter| {
            holds::holds(past, &person(1), charter).iter().any(|hold| hold.was_active(at))
        })
    };
    assert!(!was_held(lifted) && was_held(lifted.before(second())));
}

#[test]
fn a_finding_of_the_same_examination_answers_an_earlier_one_and_must_stand_to_certify() {
    let mut scene = Scene::ready();
    let standing =
        |scene: &Scene| scene.asks(|past, at, charter| fitness(past, &person(1), at, charter).standing);
    scene.against(Rule::Rol02).certify("P1", "FIT");
    assert_eq!(standing(&scene), FitnessStanding::None);
    scene.certify("P1", "UNFIT");
    assert_eq!(standing(&scene), FitnessStanding::Unfit);
    scene.set_back(60);
    scene.certify("P1", "FIT");
    assert_eq!(standing(&scene), FitnessStanding::Fit, "of the same minute, by one who knew");
}

#[test]
fn an_assessment_that_does_not_stand_cures_no_exposure() {
    let mut scene = Scene::ready();
    let fields = format!(
        "incident_id = \"I-1\"\npersons = [\"P1\"]\nexposures = [\"FACE\"]\npublisher = \"NEWS_MEDIUM\"\n\
         locators = [{{ locator_id = \"l1\", url = \"https://news.example/17\" }}]\nfirst_seen_time = \"{0}\"\n\
         compelling_public_interest_claimed = false\nrequested = [\"OBSCURE\"]\nreply_due_time = \"{0}\"",
        scene.at()
    );
    scene.say("XA", "publicity-notice", &fields);
    let open = |scene: &Scene| scene.asks(|past, _, _| exposure::open(past, &person(1)).len());
    scene.against(Rule::Rol02).assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(open(&scene), 1);
    scene.assess("P1", "XA", "NO_SUBSTANTIAL_GROUNDS");
    assert_eq!(open(&scene), 0);
}
