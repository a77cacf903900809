//! Tests of the road of a case, of departure, and of who acts next.

use super::*;
use crate::consultation::acts::values::EntryId;
use crate::consultation::rules::table::Rule;
use crate::consultation::state::guard::Stop;
use crate::consultation::state::next_steps;
use crate::consultation::state::samples::{DAY, HOUR, Scene, case, ministry, person};

pub(super) fn shown(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).shown().to_string())
}

fn reached(scene: &Scene) -> String {
    scene.asks(|past, at, charter| stage(past, &person(1), at, charter).reached.to_string())
}

pub(super) fn codes(scene: &Scene) -> Vec<&'static str> {
    let id = EntryId::parse("H-1").unwrap();
    let stops: Vec<Stop> =
        scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &id, at, charter));
    let mut codes: Vec<&str> = stops.iter().map(|stop| stop.rule.word()).collect();
    codes.dedup();
    codes
}

pub(super) fn hold(scene: &mut Scene, sender: &str) -> String {
    scene.say(sender, "hold-notice", "persons = [\"P1\"]\nreason = \"SECURITY\"")
}

const REQUEST: &str = r#"persons = ["P1"]
    route = "RELEASE_AND_SETTLEMENT"
    destination = { kind = "NAMED_STATE", region_code = "XA" }
    legal_basis = [{ instrument = "GC-III-1949", provision = "Art. 118" }]
    supporting_documents = ["application"]
    assurances_message = "fc59196afeecd3d722b4b9ba228bfcbde7c0c5ea9b7f54a3dee276839b28514a""#;

#[test]
fn a_case_goes_its_whole_road() {
    let mut scene = Scene::opened();
    assert_eq!(shown(&scene), "UNKNOWN");
    scene.against(Rule::Con03).say("XA", "case-registration", &case("P1"));
    assert_eq!(shown(&scene), "UNKNOWN", "a registration that does not stand is none");
    let mut scene = Scene::ready();
    assert_eq!(shown(&scene), "REGISTERED");
    let request = scene.say("XA", "transfer-request", REQUEST);
    assert_eq!(shown(&scene), "REQUESTED");
    let decline = format!("request = \"{request}\"\nreply = \"DECLINE\"\nreasons = [{{ message = \"no\" }}]");
    scene.say("XB", "transfer-response", &decline);
    assert_eq!(shown(&scene), "REGISTERED");
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    assert_eq!(shown(&scene), "REGISTERED", "no silent acceptance");
    assert_eq!(shown(&Scene::agreed()), "AGREED");
    assert_eq!(shown(&Scene::arranged()), "ARRANGED");
    let mut scene = Scene::cleared();
    assert_eq!((shown(&scene).as_str(), codes(&scene)), ("CLEARED", vec![]));
    scene.report("XB", "P1", "HANDED_OVER");
    assert_eq!((shown(&scene).as_str(), codes(&scene)), ("REPORTED_ONCE", vec!["HND_01"]));
    scene.report("IC", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "REPORTED_ONCE", "an observer's report decides nothing");
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(shown(&scene), "HANDED_OVER");
    scene.say("XB", "death-notice", "person = \"P1\"\ninquiry_opened = true");
    assert_eq!(shown(&scene), "DECEASED");
}

#[test]
fn departure_asks_for_everything_anew() {
    let mut scene = Scene::arranged();
    assert_eq!(codes(&scene), ["HND_01", "HND_08", "MED_01"], "the window opens in three days");
    scene.wait(3 * DAY);
    assert_eq!(codes(&scene), ["HND_03", "HND_08", "MED_01"]);
    let unknown = EntryId::parse("H-9").unwrap();
    let stops = scene.asks(|past, at, charter| clear_to_depart(past, &person(1), &unknown, at, charter));
    assert_eq!(stops.len(), 1, "{stops:?}");
    let arranged = EntryId::parse("H-1").unwrap();
    let other = scene.asks(|past, at, charter| clear_to_depart(past, &person(2), &arranged, at, charter));
    assert_eq!(other.first().map(|stop| stop.rule), Some(Rule::Hnd02));
    let mut scene = Scene::cleared();
    scene.wait(HOUR - 120);
    assert_eq!(codes(&scene), Vec::<&str>::new(), "to the second");
    scene.wait(60);
    assert_eq!(codes(&scene), ["HND_08"], "a GO ages");
}

#[test]
fn a_no_go_counts_until_the_same_ministry_says_go_again() {
    let mut scene = Scene::cleared();
    scene.against(Rule::Rol02).go("XA", false);
    assert_eq!(codes(&scene), ["HND_08"]);
    scene.against(Rule::Rol02).go("XA", true);
    assert_eq!(codes(&scene), ["HND_08"], "a GO must stand");
    scene.go("XA", true);
    assert_eq!(codes(&scene), Vec::<&str>::new());
    scene.say_unnumbered(
        "XA",
        "go-no-go",
        &format!("arrangement_id = \"H-1\"\ngo = false\ntime = \"{}\"", scene.at()),
    );
    assert_eq!(codes(&scene), ["HND_08"], "said to one Power alone");
}

#[test]
fn stops_are_shown_over_the_stage_and_leave_it_as_it_is() {
    let mut scene = Scene::arranged();
    let held = hold(&mut scene, "IC");
    assert_eq!((shown(&scene).as_str(), reached(&scene).as_str()), ("HELD", "ARRANGED"));
    assert!(codes(&scene).contains(&"HLD_01"));
    scene.say("IC", "hold-release", &format!("hold_message = \"{held}\"\nreason = \"settled\""));
    assert_eq!(shown(&scene), "ARRANGED");
    scene.say("IC", "will-withdrawal", "person = \"P1\"");
    assert_eq!(shown(&scene), "HELD");
    assert!(codes(&scene).contains(&"WIL_07"));
    scene.state("XB", "P1", &["XA"], &[]);
    assert_eq!(shown(&scene), "ARRANGED");
    scene.assess_by("IC", "P1", "XA", "SUBSTANTIAL_GROUNDS");
    assert_eq!(shown(&scene), "HELD");
    let stops = scene.asks(|past, at, charter| stage(past, &person(1), at, charter).stops);
    assert_eq!(stops, [Facet::Protection]);
}

#[test]
fn a_terminated_agreement_carries_no_handover_from_then_on() {
    let mut scene = Scene::arranged();
    let end = scene.at().after(std::time::Duration::from_secs(DAY));
    scene.say("XA", "agreement-termination", &format!("agreement_id = \"A-1\"\neffective_time = \"{end}\""));
    assert_eq!(shown(&scene), "ARRANGED", "not yet");
    scene.wait(DAY);
    assert_eq!(shown(&scene), "REGISTERED");
    assert!(codes(&scene).contains(&"HND_01"));
    scene.agree("A-1", "P1", "XA");
    assert_eq!(shown(&scene), "AGREED", "made anew under the same id");
    let mut scene = Scene::agreed();
    scene.say(
        "IC",
        "agreement-termination",
        &format!("agreement_id = \"A-1\"\neffective_time = \"{}\"", scene.at()),
    );
    assert_eq!(shown(&scene), "AGREED", "not a party to it");
}

#[test]
fn a_confirmation_can_be_taken_back_and_binds_to_one_list() {
    let mut scene = Scene::agreed();
    let arrangement = scene.arrange("H-1", "A-1", "P1");
    scene.confirm("H-1", &arrangement, "P1", "DECLINE");
    assert_eq!(shown(&scene), "AGREED");
    scene.confirm("H-1", &arrangement, "P2", "ACCEPT");
    assert_eq!(shown(&scene), "AGREED", "another list");
    scene.confirm("H-1", &arrangement, "P1", "ACCEPT");
    assert_eq!(shown(&scene), "ARRANGED");
}

#[test]
fn an_agreement_needs_every_party_it_names() {
    let mut scene = Scene::ready();
    let note = scene.note("A-1", "P1", "XA", "NEUTRAL_INTERNMENT");
    let reply = format!(
        "proposing_message = \"{note}\"\nterms = \"0a\"\nauthentic_text_sha256 = [\"{}\"]",
        crate::digest::Digest::of(b"text")
    );
    scene.say("IC", "agreement-reply", &reply);
    assert_eq!(shown(&scene), "REGISTERED", "no party to it");
    scene.against(Rule::Agr02).say("XA", "agreement-reply", &reply);
    assert_eq!(shown(&scene), "REGISTERED", "a reply that does not stand");
    scene.say("XA", "agreement-reply", &reply);
    assert_eq!(shown(&scene), "AGREED");
}

#[test]
fn each_stage_says_who_acts_next() {
    let next = |scene: &Scene| {
        let steps = scene.asks(|past, at, charter| next_steps::of_person(past, &person(1), at, charter));
        let who = |step: &next_steps::Step| {
            step.who.iter().map(|who| who.to_string()).collect::<Vec<_>>().join("+")
        };
        steps.iter().map(|step| format!("{} {}", who(step), step.act)).collect::<Vec<_>>()
    };
    let mut scene = Scene::opened();
    scene.say("XB", "case-registration", &case("P1"));
    assert_eq!(next(&scene), ["XB expression-of-will"]);
    let mut scene = Scene::ready();
    scene.note("A-1", "P1", "XA", "RELEASE_AND_SETTLEMENT");
    assert_eq!(next(&scene), ["XA agreement-reply"]);
    assert_eq!(next(&Scene::agreed()), ["XB handover-arrangement"]);
    assert_eq!(next(&Scene::arranged()), ["XB medical-finding", "XA+XB go-no-go"]);
    let mut scene = Scene::cleared();
    assert_eq!(next(&scene), ["XA+XB handover-report"]);
    hold(&mut scene, "IC");
    assert_eq!(next(&scene), ["XA+XB handover-report", "IC hold-release"]);
    let blocked = scene.asks(|past, at, charter| next_steps::of_person(past, &person(1), at, charter));
    assert_eq!(blocked[0].blocked.iter().map(|stop| stop.rule).collect::<Vec<_>>(), [Rule::Hld01]);
    let mut scene = Scene::cleared();
    scene.report("XB", "P1", "HANDED_OVER");
    assert_eq!(next(&scene), ["XA handover-report"]);
    scene.report("XA", "P1", "HANDED_OVER");
    assert_eq!(next(&scene), ["XA+XB information-bureau-notice"]);
    let scene = Scene::proposed();
    let step = scene.asks(|past, at, _| next_steps::of_consultation(past, at));
    assert_eq!(step[0].who, [ministry("XA")]);
}

#[test]
fn a_request_that_names_no_time_is_to_be_answered_within_that_of_the_charter() {
    let mut scene = Scene::ready();
    scene.say("XA", "transfer-request", REQUEST);
    let by = |reply: Option<u64>| {
        let reply = reply.map(std::time::Duration::from_secs);
        scene.asks(|past, at, charter| {
            let charter = Charter { reply, ..charter.clone() };
            let steps = next_steps::of_person(past, &person(1), at, &charter);
            steps.into_iter().find(|step| step.act.word() == "transfer-response").and_then(|step| step.by)
        })
    };
    assert_eq!(by(None), None);
    assert!(
        by(Some(10 * DAY)).is_some_and(
            |by| by > scene.at() && by < scene.at().after(std::time::Duration::from_secs(10 * DAY))
        )
    );
}
