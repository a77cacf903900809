//! HLD-02; that a hold stops, and when it lapses, stands in `passage_tests`.

use crate::consultation::rules::Rule;
use crate::consultation::rules::drafts::text;
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::Scene;
use crate::message::terms::ActClass;

#[test]
fn hld_02_a_release_by_another_than_the_setter_is_said_to_release_nothing() {
    let mut scene = Scene::ready();
    let hold = scene.say("IC", "hold-notice", "persons = [\"P1\"]");
    let release = |hold: &str| format!("hold_message = \"{hold}\"\nreason = \"settled\"");
    Case::new(&scene, "IC", "hold-release", &release(&hold)).silent(Rule::Hld02);
    for case in [
        Case::new(&scene, "XB", "hold-release", &release(&hold)),
        Case::new(&scene, "IC", "hold-release", &release(&text("nothing").hex())),
    ] {
        case.passes();
        case.warns(Rule::Hld02);
    }
}

#[test]
fn hld_02_what_cannot_be_read_is_released_by_who_sent_it() {
    let mut scene = Scene::ready();
    let warning = scene.say_unreadable("IC", "warning-of-2030", ActClass::Protective);
    let release = format!("hold_message = \"{warning}\"\nreason = \"settled\"");
    Case::new(&scene, "IC", "hold-release", &release).silent(Rule::Hld02);
    Case::new(&scene, "XB", "hold-release", &release).warns(Rule::Hld02);
}
