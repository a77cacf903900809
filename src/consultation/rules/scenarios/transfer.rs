//! S3, S5 and S6: a transfer from request to report, a withdrawal on the way, and an exposure.

use super::*;

/// A request of XA for the first person.
fn request(assurances: &str) -> String {
    format!(
        r#"persons = ["P1"]
        route = "RELEASE_AND_SETTLEMENT"
        destination = {{ kind = "NAMED_STATE", region_code = "XA" }}
        legal_basis = [{{ instrument = "GC-III-1949", provision = "Art. 118" }}]
        supporting_documents = ["application"]
        assurances_message = "{assurances}""#
    )
}

const ASSURANCES: &str =
    "persons = []\nparty_to_gc3 = true\nassurances = [\"NO_ONWARD_RETURN\", \"ADMISSION_AND_STATUS\"]";

#[test]
fn s3_a_transfer_is_requested_agreed_and_carried_out() {
    let mut world = World::two();
    let assured = world.step("XA", "assurances", ASSURANCES, "");
    world.step("XA", "transfer-request", &request(&assured), "CON_05");
    let records = world.ready("P1");
    let request = world.step("XA", "transfer-request", &request(&assured), "");
    world.stage("P1", "REQUESTED");
    let response = format!(
        "request = \"{request}\"\nreply = \"ACCEPT_CONDITIONALLY\"\nconditions = [{{ condition_id = \"c\", kind = \"MEDICAL\", text = \"fitness\", satisfied = false }}]"
    );
    world.step("XB", "transfer-response", &response, "");
    let fields = world.note("A-1", &[("P1", &records)]);
    let barred = fields.replace("region_code = \"XA\"", "region_code = \"XD\"");
    world.step("XB", "agreement-note", &barred, "PRO_02 WIL_03");
    let release = crate::trust::name::Authority::Release;
    world.changed("XB", "agreement-note", &fields, "ROL_02 ROL_03", |d| {
        let name = office("XB", "signature");
        let office = d.authorities.offices.iter_mut().find(|one| one.office == name);
        office.unwrap().authorities = vec![release];
    });
    let note = world.step("XB", "agreement-note", &fields, "");
    let identical = said::reply(&note, &fields, &["ko", "uk", "en"]);
    let other = identical.replace("terms = \"", "terms = \"0a");
    world.step("XA", "agreement-reply", &other, "AGR_02");
    world.step("XA", "agreement-reply", &said::reply(&note, &fields, &["uk", "en"]), "AGR_08");
    let early = said::arrangement(world.at, "H-1", "A-1", &["P1"], 72);
    world.step("XB", "handover-arrangement", &early, "HND_01");
    world.step("XA", "agreement-reply", &identical, "");
    world.stage("P1", "AGREED");
    let fields = said::arrangement(world.at, "H-1", "A-1", &["P1"], 72);
    let (start, told) = (said::in_hours(world.at, 72).to_string(), said::in_hours(world.at, 48).to_string());
    let sudden = fields.replace(&told, &said::in_hours(world.at, 70).to_string());
    assert!(sudden != fields && sudden.contains(&start));
    world.step("XB", "handover-arrangement", &sudden, "HND_04");
    let more = said::arrangement(world.at, "H-1", "A-1", &["P1", "P2"], 72);
    world.step("XB", "handover-arrangement", &more, "HND_02");
    world.arrange("H-1", "A-1", &["P1"]);
    world.wait(3);
    assert_eq!(world.departure("P1", "H-1"), "HND_03 HND_08 MED_01");
    world.last_check("P1", "H-1");
    assert_eq!(world.departure("P1", "H-1"), "");
    world.stage("P1", "CLEARED");
    let handover = said::in_hours(world.at, 1);
    let report = |minutes: u64| {
        let at = handover.after(std::time::Duration::from_secs(minutes * 60));
        said::report(at, "H-1", &[("P1", "HANDED_OVER")])
    };
    world.wait(1);
    world.step("XB", "handover-report", &report(0), "");
    world.stage("P1", "REPORTED_ONCE");
    world.step("XA", "handover-report", &report(6), "");
    world.stage("P1", "HANDED_OVER");
}

#[test]
fn s3b_a_late_reply_fails_for_its_time_and_then_for_the_age_of_the_will_too() {
    let mut world = World::two();
    let records = world.ready("P1");
    let fields = world.note("A-1", &[("P1", &records)]);
    let note = world.step("XB", "agreement-note", &fields, "");
    let reply = said::reply(&note, &fields, &["ko", "uk", "en"]);
    world.wait(31);
    world.step("XA", "agreement-reply", &reply, "AGR_04");
    world.wait(100);
    world.step("XA", "agreement-reply", &reply, "AGR_04 WIL_01");
}

#[test]
fn s5_a_withdrawal_stops_one_person_and_leaves_the_other() {
    let mut world = World::two();
    let (one, other) = (world.ready("P1"), world.ready("P2"));
    world.agree("A-2", &[("P1", &one), ("P2", &other)]);
    let arrangement = world.arrange("H-2", "A-2", &["P1", "P2"]);
    world.wait(2);
    world.delayed("XB", "will-withdrawal", "person = \"P1\"", "");
    let confirmation = said::confirmation("H-2", &arrangement, &["P1", "P2"]);
    world.delayed("XA", "handover-confirmation", &confirmation, "");
    assert!(world.departure("P1", "H-2").ends_with("WIL_07"));
    world.flush();
    world.stage("P1", "HELD");
    world.stage("P2", "ARRANGED");
    world.step("XA", "handover-confirmation", &confirmation, "WIL_07");
    let remains = said::statement(world.at, "P1", &["REMAIN_IN_DETAINING_STATE"], &["XD", "XA"]);
    world.step("XB", "expression-of-will", &remains, "");
    world.step("XA", "handover-confirmation", &confirmation, "WIL_03");
    world.agree("A-2b", &[("P2", &other)]);
    world.arrange("H-2b", "A-2b", &["P2"]);
    world.wait(3);
    world.last_check("P2", "H-2b");
    assert_eq!(world.departure("P2", "H-2b"), "");
    let report = said::report(world.at, "H-2b", &[("P2", "DECLINED_BY_PERSON")]);
    for party in ["XB", "XA"] {
        world.step(party, "handover-report", &report, "");
    }
    world.stage("P2", "REMAINS(DECLINED_BY_PERSON)");
    world.will("P2", "WITHDRAWN");
}

#[test]
fn s5b_a_handover_of_a_man_who_withdrew_is_registered_and_irregular() {
    let mut world = World::two();
    let records = world.ready("P1");
    world.agree("A-3", &[("P1", &records)]);
    world.arrange("H-3", "A-3", &["P1"]);
    world.step("XB", "will-withdrawal", "person = \"P1\"", "");
    world.wait(1);
    let report = said::report(world.at, "H-3", &[("P1", "HANDED_OVER")]);
    for party in ["XB", "XA"] {
        world.step(party, "handover-report", &report, "");
    }
    world.stage("P1", "IRREGULAR");
}

#[test]
fn s6_an_exposure_makes_the_assessment_stale_until_a_new_one_knew_of_it() {
    let mut world = World::two();
    let records = world.ready("P1");
    world.agree("A-4", &[("P1", &records)]);
    let notice = said::publicity(world.at, "P1");
    world.changed("XA", "publicity-notice", &notice, "PUB_01", |d| {
        let (annex, evidence) =
            (crate::message::terms::DocumentStanding::Annex, crate::message::terms::DocumentClass::Evidence);
        let mut picture = drafts::document("picture", annex, evidence, "en");
        picture.media_type = "image/jpeg".to_owned();
        d.dispatch.documents.push(picture);
    });
    world.step("XA", "publicity-notice", &notice, "");
    let arrangement = |world: &World| said::arrangement(world.at, "H-4", "A-4", &["P1"], 72);
    let fields = arrangement(&world);
    world.step("XB", "handover-arrangement", &fields, "PRO_03");
    let results = said::takedown(world.at, &[("L1", "REMOVED"), ("L2", "PUBLISHER_REFUSED")]);
    world.step("XB", "takedown-confirmation", &results, "");
    let fields = arrangement(&world);
    world.step("XB", "handover-arrangement", &fields, "PRO_03");
    world.assess("P1");
    world.arrange("H-4", "A-4", &["P1"]);
    world.stage("P1", "ARRANGED");
}
