//! What two Powers agreed and arranged, at the edge: whose word makes it, and until when one may be given.

use std::time::Duration;

use super::{because, hand_over, reached, second, shown, stops_at};
use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::persons_digest;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments;
use crate::consultation::state::samples::{DAY, HOUR, Scene, destination, person};
use crate::digest::Digest;

#[test]
fn an_arrangement_is_confirmed_by_another_party_in_an_act_that_stands_and_by_its_last_word() {
    let mut scene = Scene::agreed();
    let arrangement = scene.arrange("H-1", "A-1", "P1");
    scene.confirm("H-1", &arrangement, "P1", "DECLINE");
    let reply = |reply: &str| {
        let digest = persons_digest(&[person(1)]);
        format!(
            "arrangement_id = \"H-1\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{digest}\"\n\
             reply = \"{reply}\""
        )
    };
    scene.say("XB", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "AGREED", "nobody confirms his own arrangement");
    scene.against(Rule::Hnd02).say("XA", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "AGREED", "a confirmation that does not stand");
    scene.say("XA", "handover-confirmation", &reply("ACCEPT"));
    assert_eq!(reached(&scene), "ARRANGED");
    // The later act of one ministry is that of the higher number, whatever its clock says.
    scene.set_back(HOUR);
    scene.say("XA", "handover-confirmation", &reply("DECLINE"));
    scene.wait(2 * HOUR);
    assert_eq!(reached(&scene), "AGREED");
}

#[test]
fn a_note_awaits_its_reply_to_the_last_second() {
    let mut scene = Scene::ready();
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    let awaited = |later: Duration| {
        scene.asks(|past, _, _| {
            let note = past.of_kind(ActKind::AgreementNote).next().unwrap();
            let Some(Act::AgreementNote(act)) = &note.act else { panic!("another act") };
            commitments::is_awaited(past, note, act, act.open_until_time.after(later))
        })
    };
    assert!(awaited(Duration::ZERO) && !awaited(second()));
}

#[test]
fn nobody_ends_an_agreement_for_the_time_before_he_said_so() {
    let mut scene = Scene::cleared();
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    let end = at.before(Duration::from_secs(600));
    scene.say("XA", "agreement-termination", &format!("agreement_id = \"A-1\"\neffective_time = \"{end}\""));
    assert_eq!(shown(&scene), "HANDED_OVER");
}

#[test]
fn an_id_that_two_powers_gave_takes_nothing_from_who_was_arranged_under_it_first() {
    let mut scene = Scene::cleared();
    scene.agree("A-2", "P2", "XA");
    let (at, day) = (scene.at(), Duration::from_secs(DAY));
    let digest = persons_digest(&[person(2)]).hex();
    let fields = format!(
        "arrangement_id = \"H-1\"\nagreement_id = \"A-2\"\nwindow_start_time = \"{at}\"\nwindow_end_time = \"{}\"\n\
         place_code = \"EAGLE\"\npersons = [\"P2\"]\npersons_sha256 = \"{digest}\"\ntransport = \"one bus\"\n\
         person_notice_time = \"{}\"",
        at.after(day),
        at.before(day)
    );
    let arrangement = scene.say("XA", "handover-arrangement", &fields);
    let fields = format!(
        "arrangement_id = \"H-1\"\narrangement = \"{arrangement}\"\npersons_sha256 = \"{digest}\"\nreply = \"ACCEPT\""
    );
    scene.say("XB", "handover-confirmation", &fields);
    assert_eq!((reached(&scene).as_str(), stops_at(&scene, scene.at()).len()), ("ARRANGED", 1));
    let told = because(stops_at(&scene, scene.at()));
    assert!(told[0].contains("another Power gave this id"), "{told:?}");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "HANDED_OVER");
    // Who arranges anew under his own id arranges no more what he had arranged.
    let mut scene = Scene::cleared();
    scene.arrange("H-1", "A-1", "P2");
    scene.wait(600);
    let at = scene.at();
    assert_eq!(hand_over(&mut scene, at), "IRREGULAR");
}

#[test]
fn an_agreement_made_without_knowing_every_report_is_spent_with_what_came_before() {
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "SUBSTITUTED");
    let after_one = scene.marks();
    scene.report("XA", "P1", "SUBSTITUTED");
    scene.knowing(&after_one).agree("A-2", "P1", "XA");
    assert_eq!(shown(&scene), "REMAINS(SUBSTITUTED)");
    scene.agree("A-3", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn an_agreement_that_is_made_anew_is_to_be_arranged_anew() {
    let mut scene = Scene::arranged();
    scene.agree("A-1", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn a_refusal_of_a_request_must_stand() {
    let mut scene = Scene::ready();
    let fields = format!(
        "persons = [\"P1\"]\nroute = \"RELEASE_AND_SETTLEMENT\"\ndestination = {}\n\
         legal_basis = [{{ instrument = \"GC-III-1949\", provision = \"Art. 118\" }}]\n\
         supporting_documents = [\"application\"]\nassurances_message = \"{}\"",
        destination("XA"),
        Digest::of(b"assurances")
    );
    let request = scene.say("XA", "transfer-request", &fields);
    let decline = format!("request = \"{request}\"\nreply = \"DECLINE\"\nreasons = [{{ message = \"no\" }}]");
    scene.against(Rule::Con03).say("XB", "transfer-response", &decline);
    assert_eq!(shown(&scene), "REQUESTED");
    scene.say("XB", "transfer-response", &decline);
    assert_eq!(shown(&scene), "REGISTERED");
}
