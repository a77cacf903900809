//! The OBS rules, what passes and what fails each.

use crate::consultation::rules::Rule;
use crate::consultation::rules::drafts::Draft;
use crate::consultation::rules::said::statement;
use crate::consultation::rules::samples::{earlier, ministry};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{Scene, case};
use crate::message::terms::{AddresseeKind, Caveat, Level};

const LETTER: &str = "subject = \"Prisoners of war: procedure\"";

fn asks_observers(draft: &mut Draft) {
    draft.address.addressees.iter_mut().for_each(|one| one.kind = AddresseeKind::Action);
}

#[test]
fn obs_01_observers_are_informed() {
    let scene = Scene::opened();
    let registration = || Case::new(&scene, "XB", "case-registration", &case("P1"));
    registration().silent(Rule::Obs01);
    registration().with(asks_observers).passes();
    registration().with(asks_observers).warns(Rule::Obs01);
    Case::new(&scene, "XB", "correspondence", LETTER).with(asks_observers).silent(Rule::Obs01);
}

#[test]
fn obs_02_no_observer_is_asked_to_act_on_what_concludes() {
    let fields = "agreement_id = \"A-1\"\neffective_time = \"2026-12-22T10:00:00Z\"";
    let ends = || Case::new(&Scene::agreed(), "XB", "agreement-termination", fields);
    ends().passes();
    ends().with(asks_observers).fails("OBS_02");
}

#[test]
fn obs_03_what_an_observer_said_in_confidence_goes_no_further() {
    let answering = |sender: &str, caveat: Caveat| {
        let mut confided = earlier("IC", Level::Restricted);
        confided.caveats.push(caveat);
        confided.releasable_to = vec![ministry("IC"), ministry("XB")];
        let id = confided.message_id;
        let mut case = Case::new(&Scene::opened(), sender, "correspondence", LETTER);
        case.earlier.push(confided);
        case.with(|draft| draft.dispatch.in_reply_to = Some(id))
    };
    answering("XB", Caveat::ObserverConfidential).fails("OBS_03");
    answering("XB", Caveat::HumanitarianPurposeOnly).passes();
    answering("IC", Caveat::ObserverConfidential).passes();
    let mut told = answering("XB", Caveat::ObserverConfidential);
    told.earlier[0].releasable_to.push(ministry("XA"));
    told.passes();
}

/// XB invites XN, which is no party; who answers, in order.
fn invited(answers: &[(&str, &str)]) -> Scene {
    invited_to("\"HANDOVER\"", answers)
}

fn invited_to(scope: &str, answers: &[(&str, &str)]) -> Scene {
    let mut scene = Scene::opened();
    let invitation = invitation("NEUTRAL_POWER").replace("\"HANDOVER\"", scope);
    let invitation = scene.say("XB", "observer-invitation", &invitation);
    for (party, reply) in answers {
        scene.say(party, "observer-reply", &format!("invitation = \"{invitation}\"\nreply = \"{reply}\""));
    }
    scene
}

fn invitation(role: &str) -> String {
    format!(
        r#"party = "XN"
        role = "{role}"
        scope = ["HANDOVER"]
        persons = []
        start_time = "2026-11-22T00:00:00Z"
        end_time = "2027-11-22T00:00:00Z""#
    )
}

fn by_observer(draft: &mut Draft) {
    draft.address.sender = ministry("XN");
    draft.position.act_number = 9;
}

#[test]
fn rol_06_whoever_was_invited_and_is_no_party_sends_what_observers_send() {
    let scene = invited(&[("XN", "ACCEPT"), ("XA", "ACCEPT")]);
    let codes = |kind: &str, fields: &str| Case::new(&scene, "XB", kind, fields).with(by_observer).errors();
    let position = "category = \"prisoners\"\nkind = \"OBJECTS\"\nmay_be_quoted_publicly = false\n\
                    legal_basis = [{ instrument = \"GC-III-1949\", provision = \"Art. 118\" }]";
    let assures = "persons = []\nparty_to_gc3 = true\nassurances = [\"NO_ONWARD_RETURN\"]";
    let closes = "kind = \"ADJOURNED\"";
    for (kind, fields) in
        [("position-statement", position), ("assurances", assures), ("consultation-closure", closes)]
    {
        let codes = codes(kind, fields);
        assert!(codes.contains("ROL_06"), "{kind}: {codes}");
    }
    let go = "arrangement_id = \"H-1\"\ngo = false\ntime = \"2026-11-22T10:00:00Z\"";
    assert!(!codes("go-no-go", go).contains("ROL_06"));
}

#[test]
fn obs_04_a_statement_is_taken_by_who_was_invited_to_interviews() {
    let answers = [("XN", "ACCEPT"), ("XA", "ACCEPT")];
    let states = |scope: &str| {
        let mut scene = invited_to(scope, &answers);
        scene.say("XB", "case-registration", &case("P1"));
        let fields = statement(scene.at(), "P1", &["XA"], &["XD"]).replace("\"IC\"", "\"XN\"");
        Case::new(&scene, "XB", "expression-of-will", &fields).with(by_observer).errors()
    };
    assert!(states("\"HANDOVER\"").contains("OBS_04"));
    let codes = states("\"HANDOVER\", \"PRIVATE_INTERVIEWS\"");
    assert!(["CON_03", "OBS_04", "ROL_06"].iter().all(|code| !codes.contains(code)), "{codes}");
}

#[test]
fn obs_04_an_observer_acts_once_all_powers_accepted_it() {
    let hold = |scene: &Scene| {
        let fields = "arrangement_id = \"H-1\"\ngo = false\ntime = \"2026-11-22T10:00:00Z\"";
        Case::new(scene, "XB", "go-no-go", fields).with(by_observer)
    };
    let codes = |answers: &[(&str, &str)]| hold(&invited(answers)).errors();
    assert!(codes(&[]).contains("OBS_04"));
    assert!(codes(&[("XN", "ACCEPT")]).contains("OBS_04"));
    assert!(codes(&[("XN", "ACCEPT"), ("XA", "DECLINE")]).contains("OBS_04"));
    assert!(!codes(&[("XN", "ACCEPT"), ("XA", "ACCEPT")]).contains("OBS_04"));
}

#[test]
fn obs_04_an_invitation_is_for_its_persons_and_its_time() {
    let states = |from: &str, to: &str| {
        let mut scene = Scene::opened();
        let fields = invitation("UNHCR").replace("\"HANDOVER\"", "\"PRIVATE_INTERVIEWS\"");
        let invitation = scene.say("XB", "observer-invitation", &fields.replace(from, to));
        for party in ["XN", "XA"] {
            let accepts = format!("invitation = \"{invitation}\"\nreply = \"ACCEPT\"");
            scene.say(party, "observer-reply", &accepts);
        }
        scene.say("XB", "case-registration", &case("P1"));
        let fields = statement(scene.at(), "P1", &["XA"], &["XD"]).replace("\"IC\"", "\"XN\"");
        let case = Case::new(&scene, "XB", "expression-of-will", &fields).with(by_observer);
        !case.errors().contains("OBS_04")
    };
    assert!(states("persons = []", "persons = [\"P1\", \"P2\"]"));
    assert!(!states("persons = []", "persons = [\"P2\"]"));
    assert!(!states("2026-11-22T00", "2026-11-23T00"));
}

#[test]
fn obs_04_nobody_is_invited_as_a_power() {
    let scene = Scene::opened();
    Case::new(&scene, "XB", "observer-invitation", &invitation("DETAINING_POWER")).fails("OBS_04");
    Case::new(&scene, "XB", "observer-invitation", &invitation("ICRC")).passes();
}
