//! The guards of an agreement, where what was said is said again or taken back, or told in passing.

use super::tests::Ready;
use crate::consultation::rules::said::case_of;
use crate::consultation::rules::scenes::Case;

#[test]
fn agr_03_a_death_told_in_passing_is_believed() {
    let bureau = |event: &str| {
        let fields = format!(
            "persons = [\"P1\"]\nevent = \"{event}\"\naddressed_to = \"OWN_BUREAU\"\ndisclosure_risk_flagged = false"
        );
        Ready::new().after("IC", "information-bureau-notice", &fields)
    };
    bureau("HOSPITAL").note_to("XA").passes();
    bureau("DEATH").note_to("XA").fails("AGR_03");
    let anew = case_of("P1", "PRISONER_OF_WAR", "XD");
    bureau("DEATH").after("XB", "case-registration", &anew).note_to("XA").passes();
}

#[test]
fn pro_04_and_pro_05_ask_for_the_last_word_of_whoever_receives_him() {
    let assures = |persons: &str, party: bool, given: &str| {
        format!("persons = [{persons}]\nparty_to_gc3 = {party}\nassurances = [{given}]")
    };
    let full = assures("", true, "\"WILLING_AND_ABLE_GC3\", \"NO_ONWARD_RETURN\"");
    let transfer = |ready: &Ready| {
        let fields = ready.fields("XA", "TRANSFER_TO_POWER").replace("[\"NO_ONWARD_RETURN\"]", "[]");
        Case::new(&ready.scene, "XB", "agreement-note", &fields)
    };
    let assured = || Ready::new().after("XA", "assurances", &full);
    transfer(&assured()).passes();
    transfer(&assured().after("XA", "assurances", &assures("", false, "\"MEDICAL_CARE\"")))
        .fails("PRO_04 PRO_05");
    let of_him = assures("\"P1\"", true, "\"NO_ONWARD_RETURN\"");
    transfer(&assured().after("XA", "assurances", &of_him)).fails("PRO_04");
    transfer(&assured().after("XA", "assurances", &of_him.replace("P1", "P2"))).passes();
    transfer(&assured().after("XC", "assurances", &of_him)).passes();
    transfer(&assured().after("XA", "assurances", &of_him).after("XA", "assurances", &full)).passes();
    let mut withdrawn = Ready::new();
    let given = withdrawn.scene.say("XA", "assurances", &full);
    let takes_back = format!("withdraws = \"{given}\"");
    withdrawn.scene.say("XC", "note-withdrawal", &takes_back);
    transfer(&withdrawn).passes();
    withdrawn.scene.say("XA", "note-withdrawal", &takes_back);
    transfer(&withdrawn).fails("PRO_04 PRO_05");
    transfer(&withdrawn.after("XA", "assurances", &full)).passes();
}
