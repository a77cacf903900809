//! Whether a person may leave now, at the edge: the window to the second, and what a GO must have known.

use super::{because, second, stops_at};
use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::commitments;
use crate::consultation::state::samples::{DAY, Scene};
use crate::message::terms::ActClass;

#[test]
fn a_go_that_did_not_know_the_arrangement_is_none_for_it() {
    let mut scene = Scene::agreed();
    let before = scene.marks();
    scene.arrange("H-1", "A-1", "P1");
    scene.wait(3 * DAY);
    scene.state("XB", "P1", &["XA"], &["XD"]);
    scene.certify("P1", "FIT");
    scene.go("XB", true);
    scene.knowing(&before).go("XA", true);
    assert_eq!(because(stops_at(&scene, scene.at())), ["XA has not given its GO"]);
    scene.go("XA", true);
    assert!(stops_at(&scene, scene.at()).is_empty());
}

#[test]
fn the_window_of_an_arrangement_is_open_from_its_first_second_to_its_last() {
    let scene = Scene::arranged();
    let (start, end) = scene.asks(|past, _, _| {
        let id = EntryId::parse("H-1").unwrap();
        let arranged = commitments::arrangement(past, &id).unwrap();
        (arranged.act.window_start_time, arranged.act.window_end_time)
    });
    let outside = |at| because(stops_at(&scene, at)).iter().any(|why| why.starts_with("the window"));
    assert!(!outside(start) && !outside(end));
    assert!(outside(start.before(second())) && outside(end.after(second())));
}

#[test]
fn a_protective_act_that_nobody_can_read_here_stops_everybody() {
    let mut scene = Scene::cleared();
    scene.say_unreadable("IC", "will-indication-of-2030", ActClass::Factual);
    assert!(stops_at(&scene, scene.at()).is_empty());
    scene.say_unreadable("IC", "warning-of-2030", ActClass::Protective);
    let stops = stops_at(&scene, scene.at());
    assert_eq!(stops.iter().map(|stop| stop.rule).collect::<Vec<_>>(), [Rule::Hld01]);
}

#[test]
fn a_go_that_was_synchronised_to_what_is_not_here_counts_once_it_is() {
    let mut scene = Scene::cleared();
    let next = scene.last("IC") + 1;
    let at = scene.at();
    let go = format!(
        "arrangement_id = \"H-1\"\ngo = true\ntime = \"{at}\"\nsynced_to = [{{ ministry = \"IC\", act_number = {next} }}]"
    );
    scene.say("XA", "go-no-go", &go);
    assert_eq!(because(stops_at(&scene, at)), ["XA knew acts at its GO that are not here yet"]);
    scene.say("IC", "will-indication", "person = \"P2\"\nsource = \"FAMILY\"");
    assert!(stops_at(&scene, at).is_empty());
}
