//! The PUB rules, what passes and what fails each.

use crate::consultation::rules::Rule;
use crate::consultation::rules::drafts::{Draft, document};
use crate::consultation::rules::said::{publicity, takedown};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::Scene;
use crate::digest::Digest;
use crate::message::terms::{DocumentClass, DocumentStanding};

fn notice() -> Case {
    let scene = Scene::ready();
    Case::new(&scene, "XA", "publicity-notice", &publicity(scene.at(), "P1"))
}

fn with(class: DocumentClass, media_type: &'static str, content: &'static [u8]) -> impl Fn(&mut Draft) {
    move |draft| {
        let mut attached = document("attached", DocumentStanding::Annex, class, "en");
        (attached.media_type, attached.digest) = (media_type.to_owned(), Digest::of(content));
        draft.dispatch.documents.push(attached);
    }
}

#[test]
fn pub_01_no_face_and_no_voice_is_embedded() {
    notice().passes();
    for media_type in ["image/jpeg", "VIDEO/mp4", "audio/ogg"] {
        notice().with(with(DocumentClass::Evidence, media_type, b"it")).fails("PUB_01");
    }
    notice().with(with(DocumentClass::IdPhoto, "image/jpeg", b"it")).fails("PUB_01");
    notice().with(with(DocumentClass::Evidence, "text/plain", b"it")).passes();
}

#[test]
fn pub_01_pictures_stand_where_they_identify_a_person() {
    let scene = Scene::ready();
    let indication = || Case::new(&scene, "XB", "will-indication", "person = \"P1\"\nsource = \"FAMILY\"");
    indication().with(with(DocumentClass::Evidence, "image/png", b"it")).fails("PUB_01");
    let photo = indication().with(with(DocumentClass::IdPhoto, "image/png", b"it"));
    photo.silent(Rule::Pub01);
}

#[test]
fn pub_02_a_confirmation_answers_an_incident_that_was_opened() {
    let scene = Scene::ready();
    let results = takedown(scene.at(), &[("L1", "REMOVED"), ("L2", "PUBLISHER_REFUSED")]);
    Case::new(&scene, "XB", "takedown-confirmation", &results).fails("PUB_02");
}

#[test]
fn pub_03_a_confirmation_answers_every_locator() {
    let mut scene = Scene::ready();
    let fields = publicity(scene.at(), "P1");
    scene.say("XA", "publicity-notice", &fields);
    let answer = |results: &[(&str, &str)]| {
        Case::new(&scene, "XB", "takedown-confirmation", &takedown(scene.at(), results))
    };
    answer(&[("L1", "REMOVED"), ("L2", "PUBLISHER_REFUSED")]).passes();
    answer(&[("L1", "REMOVED")]).fails("PUB_03");
    answer(&[("L1", "REMOVED"), ("L2", "REMOVED"), ("L3", "REMOVED")]).fails("PUB_03");
}

#[test]
fn pub_04_a_notice_brings_not_what_it_is_about() {
    notice().with(with(DocumentClass::Evidence, "application/zip", b"picture")).fails("PUB_04");
    notice().with(with(DocumentClass::Evidence, "application/zip", b"else")).passes();
}

#[test]
fn pub_05_an_open_incident_blocks_no_protective_act() {
    let mut scene = Scene::ready();
    let fields = publicity(scene.at(), "P1");
    scene.say("XA", "publicity-notice", &fields);
    Case::new(&scene, "XB", "will-withdrawal", "person = \"P1\"").passes();
    Case::new(&scene, "IC", "hold-notice", "persons = [\"P1\"]").passes();
}
