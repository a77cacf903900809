//! What was told to some Powers only: nobody departs against it, and what cures it.

use super::*;
use crate::rehearsal::script::parse;

/// An arrangement of XB's and XA's on the day, with everything but the GOs.
const ARRANGED: &str = r#"
title = "t"
parties = { XA = { roles = ["RECEIVING_POWER"] }, XB = { roles = ["DETAINING_POWER"] }, IC = { roles = ["ICRC"] }, XN = { roles = ["NEUTRAL_POWER"] } }
persons = { P1 = "P-7QK4-M2XD-9WTV" }
[[step]]
who = "XA"
kind = "assurances"
act = { party_to_gc3 = true, assurances = ["WILLING_AND_ABLE_GC3", "NO_ONWARD_RETURN", "ADMISSION_AND_STATUS"] }
[[step]]
who = "XB"
kind = "case-registration"
act = { person = "P1", power_of_origin = "XD" }
[[step]]
who = "XB"
kind = "expression-of-will"
act = { person = "P1", acceptable = ["XA"], refused = ["XD"] }
[[step]]
who = "XB"
kind = "protection-assessment"
act = { person = "P1", destination = "XA", finding = "NO_SUBSTANTIAL_GROUNDS" }
[[step]]
who = "XB"
kind = "agreement-note"
label = "note"
act = { terms = { agreement_id = "A1", lines = [{ person = "P1", destination = "XA" }], required_parties = ["XA", "XB"] } }
[[step]]
who = "XA"
kind = "agreement-reply"
in_reply_to = "note"
act = { proposing_message = "note", terms = "same as note" }
[[step]]
who = "XB"
kind = "handover-arrangement"
label = "arranged"
act = { arrangement_id = "H1", agreement_id = "A1", persons = ["P1"] }
[[step]]
who = "XA"
kind = "handover-confirmation"
act = { arrangement = "arranged" }
[[step]]
who = "XB"
kind = "expression-of-will"
after = "3d"
act = { person = "P1", acceptable = ["XA"], refused = ["XD"] }
[[step]]
who = "XB"
kind = "medical-finding"
act = { person = "P1", kind = "FITNESS_TO_TRAVEL", decision = "FIT" }
"#;

const REFUSES: &str = r#"person = "P1", source = "CAMP_STAFF", refused = ["XA"]"#;

/// A script of these steps after the arrangement; tells what came otherwise than it expects.
fn deviations(steps: &[String]) -> Vec<String> {
    let script = format!("{ARRANGED}{}", steps.concat());
    let script = parse(&script).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let account = play(&script, &Wishes::default()).unwrap();
    account.deviations().map(ToString::to_string).collect()
}

fn says(who: &str, kind: &str, act: &str) -> String {
    format!("[[step]]\nwho = \"{who}\"\nkind = \"{kind}\"\nact = {{ {act} }}\n")
}

fn tells(who: &str, to: &str, kind: &str, act: &str) -> String {
    let some = format!("to = [\"{to}\"]\ninfo = []\nforce = true\nexpect = \"CON_06\"\n");
    says(who, kind, act) + &some
}

fn goes(who: &str) -> String {
    says(who, "go-no-go", "arrangement_id = \"H1\", go = true")
}

fn departure(expected: &str) -> String {
    format!("[[check]]\nat = \"XB\"\nperson = \"P1\"\narrangement = \"H1\"\ndepart = \"{expected}\"\n")
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
