//! What decides at the very second, and what one condition alone prevents: each of these was found by leaving that
//! condition out, and seeing that nothing else noticed.
//!
//! | file | of |
//! |---|---|
//! | `wanting`, `finding` | what a person wants; what was found about him, and what stops him |
//! | `agreeing` | what two Powers agreed and arranged |
//! | `departing` | whether he may leave now |
//! | `handing_over` | what was reported of his handover |

mod agreeing;
mod departing;
mod finding;
mod handing_over;
mod wanting;

use std::time::Duration;

use super::acknowledgement;
use super::departure::clear_to_depart;
use super::guard::Stop;
use super::samples::{DAY, Scene, act, destination, ministry, person};
use super::stage::stage;
use crate::consultation::act::Act;
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::{EntryId, RegionCode};
use crate::message::terms::Precedence;
use crate::time::Timestamp;

fn xa() -> Destination {
    Destination::NamedState(RegionCode::parse("XA").unwrap())
}

fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

fn reached(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).reached.to_string())
}

fn stops_at(scene: &Scene, at: Timestamp) -> Vec<Stop> {
    let id = EntryId::parse("H-1").unwrap();
    scene.asks(|past, _, charter| clear_to_depart(past, &person(1), &id, at, charter))
}

fn because(stops: Vec<Stop>) -> Vec<String> {
    stops.into_iter().map(|stop| stop.because).collect()
}

fn withdrawal(declared: Timestamp) -> String {
    format!("person = \"P1\"\ndeclaration_time = \"{declared}\"")
}

fn report(place: &str, outcome: &str, at: Timestamp) -> String {
    format!(
        "arrangement_id = \"H-1\"\nhandover_time = \"{at}\"\nplace_code = \"{place}\"\n\
         lines = [{{ person = \"P1\", outcome = \"{outcome}\", final_question_put = true }}]"
    )
}

fn hand_over(scene: &mut Scene, at: Timestamp) -> String {
    for sender in ["XB", "XA"] {
        scene.say(sender, "handover-report", &report("EAGLE", "HANDED_OVER", at));
    }
    shown(scene)
}

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn an_immediate_message_that_nobody_acknowledged_is_an_alarm_and_a_priority_one_is_shown() {
    for (precedence, expected) in [(Precedence::Immediate, true), (Precedence::Priority, false)] {
        let mut scene = Scene::opened();
        scene.urge(precedence);
        scene.say("XB", "hold-notice", "persons = [\"P1\"]");
        let all = acknowledgement::unacknowledged(scene.history(), scene.charter());
        let late = scene.at().after(Duration::from_secs(DAY));
        assert_eq!(all.len(), 2, "one for each addressee");
        assert!(all.iter().all(|one| one.is_overdue(late) && one.is_alarming(late) == expected));
    }
}

#[test]
fn samples_speak_of_the_same_person_and_place() {
    let fields = format!("person = \"P1\"\nsource = \"FAMILY\"\nindicated = {}", destination("XA"));
    let Act::WillIndication(act) = act("will-indication", &fields) else { panic!("another act") };
    assert!(act.person == person(1) && act.indicated == Some(xa()) && ministry("XA").as_str() == "XA");
}
