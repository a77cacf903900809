//! The WIL rules of a statement; those of what it is worth later stand in `passage_tests`.

use crate::consultation::rules::Rule;
use crate::consultation::rules::said::{case_of, statement};
use crate::consultation::rules::scenes::Case;
use crate::consultation::state::samples::{HOUR, Scene, ministry};
use std::time::Duration;

/// The statement with these words replaced, as it is judged.
fn changed(from: &str, to: &str) -> Case {
    let scene = Scene::ready();
    let fields = statement(scene.at(), "P1", &["XA"], &["XD"]);
    assert!(fields.contains(from), "{from}");
    Case::new(&scene, "XB", "expression-of-will", &fields.replace(from, to))
}

#[test]
fn a_statement_taken_as_it_should_be_qualifies() {
    changed("P1", "P1").passes();
}

#[test]
fn wil_02_witnesses_and_interpreter() {
    let neutral = r#"{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true },"#;
    let partial = neutral.replace("true", "false");
    changed(neutral, "").fails("WIL_02");
    changed(neutral, &partial.replace("IC", "XA")).fails("WIL_02");
    changed(r#""WITNESS", affiliation = "XB""#, r#""COUNSEL", affiliation = "XB""#).fails("WIL_02");
    changed(r#""court", neutral = true"#, r#""XA", neutral = false"#).fails("WIL_02");
    changed(r#""INTERPRETER", affiliation = "court""#, r#""PHYSICIAN", affiliation = "court""#)
        .fails("WIL_02");
    changed(neutral, &neutral.replace("co_signed = true", "co_signed = false")).fails("WIL_02");
}

#[test]
fn wil_02_no_charter_does_without_a_neutral_witness() {
    let neutral = r#"affiliation = "IC", neutral = true"#;
    let mut case = changed(neutral, r#"affiliation = "XA", neutral = false"#);
    (case.charter.witnesses, case.charter.neutral_witnesses) = (1, 0);
    case.fails("WIL_02");
    let mut case = changed("P1", "P1");
    case.charter.witnesses = 3;
    case.fails("WIL_02");
}

#[test]
fn wil_04_everything_was_explained() {
    changed("\"ICRC_ACCESS\",", "").fails("WIL_04");
}

#[test]
fn wil_05_time_company_and_pressure() {
    let scene = Scene::ready();
    let informed = |hours: u64| scene.at().before(Duration::from_secs(hours * HOUR)).to_string();
    changed(&informed(26), &informed(24)).passes();
    changed(&informed(26), &informed(23)).fails("WIL_05");
    for function in ["INTELLIGENCE_OR_SECURITY", "POWER_OF_ORIGIN", "MEDIA"] {
        let one = format!(
            "{{ function = \"{function}\", affiliation = \"XA\", neutral = false, co_signed = false }},"
        );
        changed("attendees = [", &format!("attendees = [{one}")).fails("WIL_05");
    }
    for function in ["DETAINING_OFFICIAL", "RECEIVING_OFFICIAL", "COUNSEL", "PHYSICIAN"] {
        let one = format!(
            "{{ function = \"{function}\", affiliation = \"XA\", neutral = false, co_signed = false }},"
        );
        changed("attendees = [", &format!("attendees = [{one}")).passes();
    }
    changed("NO_INDICATION_OF_PRESSURE", "DOUBT").fails("WIL_05");
    changed("NO_INDICATION_OF_PRESSURE", "PRESSURE_FOUND").fails("WIL_05");
}

#[test]
fn wil_05_time_to_think_is_not_had_by_dating_ahead() {
    let scene = Scene::ready();
    let hours_ago = |hours: u64| scene.at().before(Duration::from_secs(hours * HOUR)).to_string();
    let (now, later) =
        (scene.at().to_string(), |seconds: u64| scene.at().after(Duration::from_secs(seconds)));
    let dated = |informed: &str, declared: &str| {
        let fields = statement(scene.at(), "P1", &["XA"], &["XD"])
            .replace(&format!("declaration_time = \"{now}\""), &format!("declaration_time = \"{declared}\""))
            .replace(&hours_ago(26), informed);
        Case::new(&scene, "XB", "expression-of-will", &fields)
    };
    dated(&now, &later(25 * HOUR).to_string()).fails("WIL_05");
    dated(&hours_ago(30), &later(HOUR).to_string()).fails("WIL_05");
    dated(&hours_ago(30), &later(300).to_string()).passes();
}

#[test]
fn wil_05_nobody_is_told_to_spread_what_is_untrue_of_an_affiliation_alone() {
    let hints = |attendee: &str| -> Vec<String> {
        let found = changed("attendees = [", &format!("attendees = [{attendee},")).judge();
        found.into_iter().filter(|one| one.rule == Rule::Wil05).map(|one| one.hint).collect()
    };
    let of_origin =
        hints(r#"{ function = "COUNSEL", affiliation = "XD", neutral = false, co_signed = false }"#);
    assert!(of_origin.len() == 1 && of_origin[0].starts_with("where he came for it"), "{of_origin:?}");
    assert!(of_origin[0].contains("Where he did not, tell no such thing"), "{of_origin:?}");
    let media = hints(r#"{ function = "MEDIA", affiliation = "XA", neutral = false, co_signed = false }"#);
    assert!(media.len() == 1 && media[0].starts_with("say so at once"), "{media:?}");
}

#[test]
fn wil_06_no_waiver_and_a_copy() {
    changed("no_waiver_of_rights = true", "no_waiver_of_rights = false").fails("WIL_06");
    changed("copy_given_to_person = true", "copy_given_to_person = false").fails("WIL_06");
}

#[test]
fn wil_09_of_age_and_able_to_decide() {
    changed("\"FULL\"", "\"SUPPORTED\"").passes();
    changed("\"FULL\"", "\"LACKING\"").fails("WIL_09");
    changed("\"FULL\"", "\"MINOR\"").fails("WIL_09");
}

#[test]
fn the_interpreter_and_the_officer_of_the_receiving_state_fail_two_rules_at_once() {
    let officer =
        r#"{ function = "INTELLIGENCE_OR_SECURITY", affiliation = "XA", neutral = false, co_signed = true }"#;
    let scene = Scene::ready();
    let fields = statement(scene.at(), "P1", &["XA"], &["XD"])
        .replace(r#""court", neutral = true"#, r#""XA", neutral = false"#)
        .replace("attendees = [", &format!("attendees = [{officer},"));
    Case::new(&scene, "XB", "expression-of-will", &fields).fails("WIL_02 WIL_05");
}

#[test]
fn lng_05_the_statement_is_in_the_language_of_the_person() {
    let case = changed("P1", "P1").with(|d| {
        let one = d.dispatch.documents.iter_mut().find(|one| one.document_id == "statement").unwrap();
        one.language = "en".to_owned();
    });
    case.fails("LNG_05");
    let region = changed("P1", "P1").with(|d| {
        let one = d.dispatch.documents.iter_mut().find(|one| one.document_id == "statement").unwrap();
        one.language = "ko-KR".to_owned();
    });
    region.passes();
}

#[test]
fn wil_05_nobody_comes_for_the_power_of_origin_whatever_he_is_called() {
    let interpreter = r#"affiliation = "court", neutral = true"#;
    for affiliation in ["XD", "xd", "XD ministry of defence", "Embassy (XD)"] {
        let origin = format!("affiliation = \"{affiliation}\", neutral = true");
        changed(interpreter, &origin).fails("WIL_02 WIL_05");
        changed(
            "attendees = [",
            &format!("attendees = [{{ function = \"COUNSEL\", {origin}, co_signed = false }},"),
        )
        .fails("WIL_05");
    }
    let party = |role: &str| {
        let mut scene = Scene::opened();
        let another = format!(
            r#"consultation = "C-3HN8-ZC6V-5JF2"
            subject = "Another one"
            parties = [{{ ministry = "XA", roles = ["RECEIVING_POWER"] }}, {{ ministry = "XB", roles = ["DETAINING_POWER"] }},
                {{ ministry = "XC", roles = ["{role}"] }}]
            open_until_time = "2027-12-02T10:00:00Z""#
        );
        scene.say("XB", "consultation-proposal", &another);
        scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
        scene.say("XC", "consultation-reply", "reply = \"ACCEPT\"");
        scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "UNDETERMINED"));
        let fields = statement(scene.at(), "P1", &["XA"], &["XD"]);
        Case::new(&scene, "XB", "expression-of-will", &fields.replace("\"court\"", "\"XC\""))
            .errors()
            .contains("WIL_05")
    };
    assert!(party("POWER_OF_ORIGIN"), "the case does not say whose he is, and the party does");
    assert!(!party("NEUTRAL_POWER"));
}

#[test]
fn wil_05_who_holds_a_person_is_not_his_power_of_origin_for_being_that_of_others() {
    let mut scene = Scene::unsaid();
    let both = r#"["DETAINING_POWER", "POWER_OF_ORIGIN"]"#;
    let exchange = format!(
        r#"consultation = "C-3HN8-ZC6V-5JF2"
        subject = "Exchange"
        parties = [{{ ministry = "XA", roles = {both} }}, {{ ministry = "XB", roles = {both} }}]
        open_until_time = "2027-12-02T10:00:00Z""#
    );
    scene.say("XB", "consultation-proposal", &exchange);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XA"));
    let official = |of: &str| {
        let present = format!(
            "attendees = [{{ function = \"DETAINING_OFFICIAL\", affiliation = \"{of}\", neutral = false, co_signed = false }},"
        );
        let fields = statement(scene.at(), "P1", &["XA"], &["XD"]).replace("attendees = [", &present);
        Case::new(&scene, "XB", "expression-of-will", &fields).errors()
    };
    assert!(!official("XB").contains("WIL_05"));
    assert!(official("XA").contains("WIL_05"));
}

#[test]
fn wil_02_who_comes_for_a_power_that_detains_or_receives_is_not_neutral_by_saying_so() {
    let neutral = r#"affiliation = "IC", neutral = true"#;
    for affiliation in ["XA", "XB", "xb", "XB camp", "Consulate of XA"] {
        let partial = format!("affiliation = \"{affiliation}\", neutral = true");
        changed(neutral, &partial).fails("WIL_02");
        changed(r#"affiliation = "court", neutral = true"#, &partial).fails("WIL_02");
    }
    for affiliation in ["XN", "UNHCR", "AXB", "sworn interpreter"] {
        changed(neutral, &format!("affiliation = \"{affiliation}\", neutral = true")).passes();
    }
}

#[test]
fn wil_02_who_comes_for_a_state_that_the_person_accepts_is_not_neutral() {
    let scene = Scene::ready();
    let judged = |accepts: &[&str]| {
        let fields = statement(scene.at(), "P1", accepts, &["XD"]).replace("\"IC\"", "\"XN\"");
        Case::new(&scene, "XB", "expression-of-will", &fields).errors()
    };
    assert_eq!(judged(&["XN"]), "WIL_02");
    assert_eq!(judged(&["XA", "XN"]), "WIL_02");
    assert_eq!(judged(&["XA"]), "", "he does not go there");
}

#[test]
fn wil_02_who_accepts_any_state_accepts_that_of_a_power_that_sits_there() {
    let mut scene = Scene::opened();
    let with_xn = r#"consultation = "C-3HN8-ZC6V-5JF2"
        subject = "Another one"
        parties = [{ ministry = "XA", roles = ["RECEIVING_POWER"] }, { ministry = "XB", roles = ["DETAINING_POWER"] },
            { ministry = "XN", roles = ["NEUTRAL_POWER"] }]
        open_until_time = "2027-12-02T10:00:00Z""#;
    scene.say("XB", "consultation-proposal", with_xn);
    scene.say("XA", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XN", "consultation-reply", "reply = \"ACCEPT\"");
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    let is_neutral = |witness: &str, accepts: &str, refuses: &[&str]| {
        let fields = statement(scene.at(), "P1", &[accepts], refuses);
        let fields = fields.replace("\"IC\"", &format!("\"{witness}\""));
        !Case::new(&scene, "XB", "expression-of-will", &fields).errors().contains("WIL_02")
    };
    assert!(!is_neutral("XN", "ANY_STATE_EXCEPT_REFUSED", &["XD"]));
    assert!(is_neutral("XN", "ANY_STATE_EXCEPT_REFUSED", &["XD", "XN"]), "he goes anywhere but there");
    assert!(is_neutral("XN", "XA", &["XD"]));
    assert!(is_neutral("ICRC", "ANY_STATE_EXCEPT_REFUSED", &["XD"]));
}

#[test]
fn wil_05_a_statement_before_who_turns_out_to_be_of_the_power_of_origin_counts_no_more() {
    use crate::consultation::state::samples::{DAY, person};
    use crate::consultation::state::will::{self, WillStanding};
    let mut scene = Scene::opened();
    let standing =
        |scene: &Scene| scene.asks(|past, at, charter| will::will(past, &person(1), at, charter).standing);
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "UNDETERMINED"));
    let fields = statement(scene.at(), "P1", &["XA"], &[]);
    scene.say("XB", "expression-of-will", &fields.replace("\"court\"", "\"XD ministry\""));
    assert!(standing(&scene) == WillStanding::Current);
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XC"));
    assert!(standing(&scene) == WillStanding::Current);
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XD"));
    assert!(standing(&scene) == WillStanding::Indicated);
    scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", "XC"));
    assert!(standing(&scene) == WillStanding::Indicated, "no registration frees him");
    scene.wait(DAY);
    let again = statement(scene.at(), "P1", &["XA"], &[]);
    scene.say("XB", "expression-of-will", &again);
    assert!(standing(&scene) == WillStanding::Current);
}

#[test]
fn who_finds_that_he_was_not_free_is_told_how_to_stop_him() {
    let told = |case: Case, rule: Rule| {
        let found = case.judge();
        let own = found.iter().find(|one| one.rule == rule).unwrap();
        own.hint.contains("hold-notice") && own.hint.contains("UNDECIDED")
    };
    let media = "{ function = \"MEDIA\", affiliation = \"press\", neutral = false, co_signed = false },";
    assert!(told(changed("NO_INDICATION_OF_PRESSURE", "PRESSURE_FOUND"), Rule::Wil05));
    assert!(told(changed("attendees = [", &format!("attendees = [{media}")), Rule::Wil05));
    assert!(told(changed("\"FULL\"", "\"MINOR\""), Rule::Wil09));
}

#[test]
fn wil_12_hearsay_that_names_no_place_is_told_to_stop_nobody() {
    let hearsay = |more: &str| {
        let fields = format!("person = \"P1\"\nsource = \"FAMILY\"\n{more}");
        Case::new(&Scene::ready(), "XB", "will-indication", &fields)
    };
    hearsay("certainty_as_reported = \"about four fifths decided\"").warns(Rule::Wil12);
    hearsay("certainty_as_reported = \"about four fifths decided\"").passes();
    hearsay("indicated = { kind = \"UNDECIDED\" }").silent(Rule::Wil12);
    hearsay("refused = [{ kind = \"NAMED_STATE\", region_code = \"XA\" }]").silent(Rule::Wil12);
}

#[test]
fn wil_08_what_is_relayed_is_told_to_be_hearsay() {
    let relayed = |case: Case| case.with(|draft| draft.dispatch.relayed_on_behalf_of = Some(ministry("XD")));
    relayed(changed("P1", "P1")).warns(Rule::Wil08);
    relayed(changed("P1", "P1")).passes();
    changed("P1", "P1").silent(Rule::Wil08);
    relayed(Case::new(&Scene::ready(), "XB", "will-withdrawal", "person = \"P1\"")).silent(Rule::Wil08);
}

#[test]
fn wil_02_an_office_that_lies_in_a_state_of_the_matter_is_told_how_to_name_itself() {
    let neutral = r#"affiliation = "IC", neutral = true"#;
    let case = changed(neutral, r#"affiliation = "ICRC delegation to XB", neutral = true"#);
    let found = case.judge();
    let told = found.iter().find(|one| one.field.ends_with("].affiliation")).unwrap();
    assert!(
        told.rule == crate::consultation::rules::Rule::Wil02
            && told.message.contains("XB")
            && told.hint.contains("ICRC delegation")
    );
    changed(neutral, r#"affiliation = "ICRC delegation", neutral = true"#).passes();
}

#[test]
fn wil_05_who_came_for_a_power_of_origin_that_any_registration_named_frightens_still() {
    let mut scene = Scene::opened();
    for origin in ["XC", "XD", "UNDETERMINED"] {
        scene.say("XB", "case-registration", &case_of("P1", "PRISONER_OF_WAR", origin));
    }
    let fields = statement(scene.at(), "P1", &["XA"], &[]);
    let judged = |affiliation: &str| {
        let fields = fields.replace("\"court\"", &format!("\"{affiliation}\""));
        Case::new(&scene, "XB", "expression-of-will", &fields).errors()
    };
    assert_eq!([judged("XC"), judged("XD"), judged("XN")], ["WIL_02 WIL_05", "WIL_02 WIL_05", ""]);
}
