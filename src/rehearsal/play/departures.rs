//! Departures under way: what was told to some Powers only stops them until it is cured, and an adjournment ends none.

use super::*;
use crate::rehearsal::play::tests::{ARRANGED, READY};
use crate::rehearsal::script::parse;

const PARTIES: &str = r#"
title = "t"
parties = { XA = { roles = ["RECEIVING_POWER"] }, XB = { roles = ["DETAINING_POWER"] }, IC = { roles = ["ICRC"] }, XN = { roles = ["NEUTRAL_POWER"] } }
persons = { P1 = "P-7QK4-M2XD-9WTV" }
"#;

const REFUSES: &str = r#"person = "P1", source = "CAMP_STAFF", refused = ["XA"]"#;

/// A script of these steps on the day of an arrangement, before the GOs; tells what came otherwise than it expects.
pub(super) fn deviations(steps: &[String]) -> Vec<String> {
    let script = format!("{PARTIES}{ARRANGED}{READY}{}", steps.concat());
    let script = parse(&script).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let account = play(&script, &Wishes::default()).unwrap();
    account.deviations().map(ToString::to_string).collect()
}

pub(super) fn says(who: &str, kind: &str, act: &str) -> String {
    format!("[[step]]\nwho = \"{who}\"\nkind = \"{kind}\"\nact = {{ {act} }}\n")
}

fn tells(who: &str, to: &str, kind: &str, act: &str) -> String {
    let some = format!("to = [\"{to}\"]\ninfo = []\nforce = true\nexpect = \"CON_06\"\n");
    says(who, kind, act) + &some
}

pub(super) fn goes(who: &str) -> String {
    says(who, "go-no-go", "arrangement_id = \"H1\", go = true")
}

pub(super) fn departure(expected: &str) -> String {
    let rules: Vec<String> = expected.split(' ').map(|rule| format!("\"{rule}\"")).collect();
    let rules = if expected == "clear" { rules.concat() } else { format!("[{}]", rules.join(", ")) };
    format!("[[check]]\nat = \"XB\"\nperson = \"P1\"\narrangement = \"H1\"\ndepart = {rules}\n")
}

#[test]
fn nobody_departs_against_what_one_power_was_told_whatever_its_sender_said_to_all_since() {
    let outcome = |outcome: &str| {
        format!("arrangement_id = \"H1\", lines = [{{ person = \"P1\", outcome = \"{outcome}\" }}]")
    };
    let finds = |place: &str, finding: &str| {
        format!("person = \"P1\", destination = \"{place}\", finding = \"{finding}\"")
    };
    let cases = [
        (
            "XA",
            "IC",
            "will-indication",
            REFUSES.to_owned(),
            r#"person = "P1", source = "FAMILY", indicated = "XA""#.to_owned(),
        ),
        ("IC", "XA", "handover-report", outcome("DECLINED_BY_PERSON"), outcome("NOT_PRESENTED")),
        (
            "XA",
            "IC",
            "protection-assessment",
            finds("XA", "SUBSTANTIAL_GROUNDS"),
            finds("XN", "NO_SUBSTANTIAL_GROUNDS"),
        ),
    ];
    for (who, to, kind, told, said) in cases {
        let steps = |told: Option<String>| {
            let mut steps: Vec<String> = told.into_iter().collect();
            steps.extend([says(who, kind, &said), goes("XB"), goes("XA")]);
            steps
        };
        let against = [steps(Some(tells(who, to, kind, &told))), vec![departure("HND_08")]].concat();
        assert_eq!(deviations(&against), Vec::<String>::new(), "{kind}");
        let control = [steps(None), vec![departure("clear")]].concat();
        assert_eq!(deviations(&control), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn who_knows_of_a_stop_is_heard_though_nobody_needs_his_go() {
    let told = tells("XN", "IC", "will-indication", REFUSES);
    let steps = [told, goes("XB"), goes("XA"), departure("clear"), goes("IC"), departure("HND_08")];
    assert_eq!(deviations(&steps), Vec::<String>::new());
}

fn asks_again() -> String {
    says("XB", "expression-of-will", r#"person = "P1", acceptable = ["XA"], refused = ["XD"]"#)
}

#[test]
fn what_one_power_was_told_is_cured_as_the_words_say() {
    let told = || tells("XN", "XB", "will-indication", REFUSES);
    // Without the first step nothing helps, whatever else XN says, and whoever else has heard the same.
    let harmless = says("XN", "will-indication", r#"person = "P1", source = "FAMILY""#);
    let heard_elsewhere = says("XA", "will-indication", REFUSES);
    for other in [String::new(), harmless, heard_elsewhere] {
        let steps = [told(), other, asks_again(), goes("XB"), goes("XA"), departure("WIL_07")];
        assert_eq!(deviations(&steps), Vec::<String>::new());
    }
    for by in ["XN", "XB"] {
        let again = says(by, "will-indication", REFUSES);
        let steps = [
            told(),
            goes("XB"),
            goes("XA"),
            departure("WIL_07"),
            again,
            departure("WIL_07"),
            asks_again(),
            departure("clear"),
        ];
        assert_eq!(deviations(&steps), Vec::<String>::new(), "{by}");
    }
}

#[test]
fn what_the_departing_desk_was_not_told_is_cured_as_the_words_say() {
    for by in ["XN", "XA"] {
        let steps = [
            tells("XN", "XA", "will-indication", REFUSES),
            goes("XB"),
            goes("XA"),
            departure("HND_08"),
            says(by, "will-indication", REFUSES),
            departure("HND_08 WIL_07"),
            asks_again(),
        ];
        // The GO of XA still names what XB lacks.
        let again = [vec![departure("HND_08")], vec![goes("XA"), departure("clear")]].concat();
        assert_eq!(deviations(&[steps.to_vec(), again].concat()), Vec::<String>::new(), "{by}");
    }
}

#[test]
fn what_was_found_and_told_to_one_power_is_cured_as_the_words_say() {
    let unfit = r#"person = "P1", kind = "FITNESS_TO_TRAVEL", decision = "UNFIT""#;
    let fit = r#"person = "P1", kind = "FITNESS_TO_TRAVEL", decision = "FIT""#;
    let bars = r#"person = "P1", destination = "XA", finding = "SUBSTANTIAL_GROUNDS""#;
    let clears = r#"person = "P1", destination = "XA", finding = "NO_SUBSTANTIAL_GROUNDS""#;
    for (kind, against, clear, rule) in
        [("medical-finding", unfit, fit, "MED_01"), ("protection-assessment", bars, clears, "PRO_02")]
    {
        for by in ["XN", "XB"] {
            let steps = [
                tells("XN", "XB", kind, against),
                says("XB", kind, clear),
                goes("XB"),
                goes("XA"),
                departure(rule),
                says(by, kind, against),
                departure(rule),
                says("XB", kind, clear),
                departure("clear"),
            ];
            assert_eq!(deviations(&steps), Vec::<String>::new(), "{kind} by {by}");
        }
    }
}

fn adjourns(who: &str) -> String {
    says(who, "consultation-closure", "kind = \"ADJOURNED\"")
}

#[test]
fn an_adjournment_ends_no_departure_and_silences_nobody() {
    let refuses = r#"person = "P1", acceptable = ["REMAIN_IN_DETAINING_STATE"], refused = ["XA"]"#;
    let steps = [
        goes("XB"),
        goes("XA"),
        adjourns("XN"),
        departure("clear"),
        // Nobody but XN resumes it; what stops him is said all the same.
        says("XB", "expression-of-will", refuses),
        departure("WIL_03"),
        asks_again(),
        departure("clear"),
        says("XA", "agreement-termination", r#"agreement_id = "A1", reason = "other plans""#),
        departure("HND_01"),
    ];
    assert_eq!(deviations(&steps), Vec::<String>::new());
}

#[test]
fn who_adjourns_after_its_go_gives_it_again_or_keeps_him() {
    let steps = [goes("XB"), goes("XA"), adjourns("XA"), departure("HND_08"), goes("XA"), departure("clear")];
    assert_eq!(deviations(&steps), Vec::<String>::new());
}
