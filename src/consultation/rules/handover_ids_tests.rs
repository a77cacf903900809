//! What an arrangement may still arrange: a window to come, under an id of its own; and what another report under it
//! says.

use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{arrangement, report};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{HOUR, Scene};

fn arranges(scene: &Scene, sender: &str, id: &str) -> Case {
    Case::new(scene, sender, "handover-arrangement", &arrangement(scene.at(), id, "A-1", &["P1"], 72))
}

#[test]
fn hnd_04_a_window_that_has_passed_is_arranged_by_nobody() {
    let arranged_after = |seconds: u64| {
        let mut scene = Scene::agreed();
        let fields = arrangement(scene.at(), "H-1", "A-1", &["P1"], 72);
        scene.wait(seconds);
        Case::new(&scene, "XB", "handover-arrangement", &fields)
    };
    arranged_after(96 * HOUR - 60).passes();
    arranged_after(96 * HOUR).fails("HND_04");
}

#[test]
fn hnd_01_an_arrangement_bears_no_id_that_another_power_gave() {
    let scene = Scene::arranged();
    arranges(&scene, "XA", "H-1").fails("CON_03 HND_01");
    arranges(&scene, "XA", "H-2").fails("CON_03");
    arranges(&scene, "XB", "H-1").passes();
}

#[test]
fn hnd_01_an_arrangement_bears_no_id_under_which_a_handover_was_reported() {
    let mut scene = Scene::cleared();
    scene.report("IC", "P1", "NOT_PRESENTED");
    arranges(&scene, "XB", "H-1").passes();
    scene.report("XA", "P1", "NOT_PRESENTED");
    arranges(&scene, "XB", "H-1").fails("HND_01");
    arranges(&scene, "XB", "H-2").passes();
}

#[test]
fn hnd_01_whoever_arranges_anew_under_an_id_is_told_that_somebody_may_be_on_the_road_under_it() {
    arranges(&Scene::arranged(), "XB", "H-1").silent(Rule::Hnd01);
    let mut scene = Scene::cleared();
    arranges(&scene, "XB", "H-1").warns(Rule::Hnd01);
    arranges(&scene, "XB", "H-2").silent(Rule::Hnd01);
    scene.report("IC", "P1", "NOT_PRESENTED");
    arranges(&scene, "XB", "H-1").silent(Rule::Hnd01);
}

#[test]
fn hnd_06_whoever_reports_a_handover_after_a_refusal_is_told_how_a_mistake_is_corrected() {
    let mut scene = Scene::cleared();
    scene.report("XA", "P1", "DECLINED_BY_PERSON");
    scene.wait(2 * HOUR);
    let fields = report(scene.at(), "H-1", &[("P1", "HANDED_OVER")]);
    let found = Case::new(&scene, "XA", "handover-report", &fields).judge();
    let told = found.iter().find(|one| one.rule == Rule::Hnd06).unwrap();
    assert!(told.hint.contains("reports of that same time what was so"), "{told:?}");
}
