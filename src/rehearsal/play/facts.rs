//! What is told in passing, found in an interview or taken back: nobody departs against it.

use super::departures::{departure, deviations, goes, says};

#[test]
fn nobody_departs_against_what_was_found_or_told_in_passing() {
    let interview = |found: &str, rule: &str| {
        let said = format!("person = \"P1\", acceptable = [\"XA\"], refused = [], {found}");
        says("IC", "expression-of-will", &said) + &format!("force = true\nexpect = \"{rule}\"\n")
    };
    let more = r#"person = "P1", destination = "XA", finding = "NEEDS_MORE", assessment_time = "start""#;
    let dead = r#"persons = ["P1"], event = "DEATH""#;
    let reported = |outcome: &str| {
        let lines = format!("lines = [{{ person = \"P1\", outcome = \"{outcome}\" }}]");
        says("XA", "handover-report", &format!("arrangement_id = \"H0\", {lines}"))
    };
    let cases = [
        (interview(r#"freedom = "PRESSURE_FOUND""#, "WIL_05"), "WIL_07"),
        (interview(r#"capacity = "MINOR""#, "WIL_09"), "WIL_07"),
        (says("XB", "protection-assessment", more), "PRO_01"),
        (says("XA", "information-bureau-notice", dead), "AGR_03"),
        (reported("DECEASED"), "AGR_03"),
        (reported("UNFIT"), "MED_01"),
        (reported("HELD_BY_AUTHORITY"), "JUD_01"),
        (String::new(), "clear"),
    ];
    for (said, expected) in cases {
        let steps = [said.clone(), goes("XB"), goes("XA"), departure(expected)];
        assert_eq!(deviations(&steps), Vec::<String>::new(), "{said}");
    }
}

#[test]
fn nobody_departs_on_a_go_that_was_taken_back() {
    let labelled = goes("XA") + "label = \"go\"\n";
    let back = says("XA", "note-withdrawal", r#"withdraws = "go""#);
    let steps =
        [goes("XB"), labelled, departure("clear"), back, departure("HND_08"), goes("XA"), departure("clear")];
    assert_eq!(deviations(&steps), Vec::<String>::new());
}
