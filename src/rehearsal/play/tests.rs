//! Small consultations, played.

use super::account::{Account, Arrived, Event};
use super::*;
use crate::rehearsal::script::parse;

const HEAD: &str = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] }, IC = { roles = [\"ICRC\"] } }\npersons = { P1 = \"P-7QK4-M2XD-9WTV\" }\n";
const CASE: &str =
    "[[step]]\nlabel = \"case\"\nwho = \"XB\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n";
const POSITION: &str = "[[step]]\nlabel = \"position\"\nwho = \"XA\"\nkind = \"position-statement\"\n";

fn played(steps: &str) -> Account {
    let script = parse(&format!("{HEAD}{steps}")).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    play(&script, &Wishes::default()).unwrap()
}

fn deviations(account: &Account) -> Vec<String> {
    account.deviations().map(ToString::to_string).collect()
}

#[test]
fn the_consultation_is_open_before_the_first_move_unless_the_script_says_otherwise() {
    assert_eq!(deviations(&played("[[check]]\nconsultation = \"OPEN\"\n")), Vec::<String>::new());
    let script = parse(&format!("opened = false\n{HEAD}[[check]]\nconsultation = \"UNKNOWN\"\n")).unwrap();
    assert_eq!(deviations(&play(&script, &Wishes::default()).unwrap()), Vec::<String>::new());
}

#[test]
fn a_copy_arrives_at_once_later_when_it_is_let_go_or_never() {
    let check = |after: &str, at: &str, cases: u8| {
        format!("[[check]]\nafter = \"{after}\"\nat = \"{at}\"\ncases = \"{cases}\"\n")
    };
    let at_once = played(&format!("{CASE}{}", check("0m", "XA", 1)));
    assert_eq!(deviations(&at_once), Vec::<String>::new());
    let late = format!("{CASE}delay = \"2h\"\n{}{}", check("1h59m", "XA", 0), check("1m", "XA", 1));
    assert_eq!(deviations(&played(&late)), Vec::<String>::new());
    let held = format!(
        "{CASE}delay = {{ XA = \"held\" }}\n{}{}[[step]]\ndeliver = [\"case\"]\n{}",
        check("9d", "XA", 0),
        check("0m", "IC", 1),
        check("0m", "XA", 1)
    );
    assert_eq!(deviations(&played(&held)), Vec::<String>::new());
    let lost = format!("{CASE}delay = \"never\"\nexpect_at = \"absent\"\n{}", check("9d", "XA", 0));
    assert_eq!(deviations(&played(&lost)), Vec::<String>::new());
}

#[test]
fn an_act_waits_for_what_it_rests_on_and_still_waiting_at_the_end_is_told() {
    let steps = format!("{CASE}delay = {{ IC = \"held\" }}\n{POSITION}expect_at = {{ IC = \"waits\" }}\n");
    let account = played(&steps);
    assert_eq!(deviations(&account), Vec::<String>::new());
    let arrived = account.told[1].after.iter().find(|arrival| arrival.at.as_str() == "IC").unwrap();
    assert!(matches!(&arrived.outcome, Arrived::Waits(missing) if missing.len() == 1), "{arrived:?}");
    let told = deviations(&played(&format!("{CASE}delay = {{ IC = \"held\" }}\n{POSITION}")));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("at IC: ok expected, waits for XB"), "{told:?}");
}

#[test]
fn what_the_own_desk_refuses_stays_there_unless_it_is_forced() {
    let step = format!("{POSITION}level = \"SECRET\"\nexpect = \"CLS_01\"\n");
    let positions = |steps: &str, number: u8| format!("{steps}[[check]]\nat = \"XB\"\nacts = \"{number}\"\n");
    assert_eq!(deviations(&played(&positions(&step, 2))), Vec::<String>::new());
    assert_eq!(deviations(&played(&positions(&format!("{step}force = true\n"), 3))), Vec::<String>::new());
    let told = deviations(&played(&format!("{POSITION}level = \"SECRET\"\n")));
    assert!(told.len() == 1 && told[0].contains("ok expected, CLS_01 found"), "{told:?}");
}

#[test]
fn a_rehearsal_ends_where_it_is_told_to() {
    let script = parse(&format!("{HEAD}{CASE}{POSITION}")).unwrap();
    for until in ["case", "1"] {
        let account = play(&script, &Wishes { until: Some(until.to_owned()), seed: None }).unwrap();
        assert_eq!((account.told.len(), account.unplayed), (1, 1));
        assert!(matches!(&account.told[0].event, Event::Said(said) if said.released));
    }
    let nowhere = play(&script, &Wishes { until: Some("nowhere".to_owned()), seed: None });
    assert_eq!(nowhere.unwrap_err(), Unfit::NoSuchMove("nowhere".to_owned()));
}

#[test]
fn a_step_that_refers_to_what_was_refused_unexpectedly_is_told_and_the_rest_is_played() {
    let correction = "[[step]]\nwho = \"XA\"\nkind = \"corrigendum\"\n\
                      act = { corrects = \"position\", new_text = \"other words\" }\n";
    let account =
        played(&format!("{POSITION}level = \"SECRET\"\n{correction}{CASE}[[check]]\ncases = \"1\"\n"));
    let told = deviations(&account);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("is refused by its own desk: nothing of it is there to refer to"), "{told:?}");
    assert_eq!(account.told.len(), 4);
}

#[test]
fn the_charter_of_a_script_is_what_desks_judge_by() {
    let head = HEAD.replace(
        "persons =",
        "charter = { cooling_off = \"1h\", ceiling = \"SECRET\", witnesses = 3 }\npersons =",
    );
    let will = "[[step]]\nwho = \"XB\"\nkind = \"expression-of-will\"\nexpect = \"WIL_02\"\n\
                act = { person = \"P1\", acceptable = [\"XA\"], information_time = \"now-2h\" }\n";
    let script = parse(&format!("{head}{CASE}{will}{POSITION}level = \"SECRET\"\n")).unwrap();
    assert_eq!(deviations(&play(&script, &Wishes::default()).unwrap()), Vec::<String>::new());
    let told = deviations(&played(&format!("{CASE}{will}")));
    assert!(told.len() == 1 && told[0].contains("WIL_02 expected, WIL_05 found"), "{told:?}");
}

#[test]
fn every_length_of_time_that_a_charter_names_changes_one_parameter() {
    let usual = super::desk::charter(&parse(&format!("{HEAD}{CASE}")).unwrap());
    let mut seen: Vec<crate::consultation::charter::Charter> = vec![usual];
    for name in crate::rehearsal::script::SPANS {
        let length = match name {
            "cooling_off" | "notice_before_handover" => "7h",
            "foreign_hold_validity" => "2d",
            _ => "17m",
        };
        let head = HEAD.replace("persons =", &format!("charter = {{ {name} = \"{length}\" }}\npersons ="));
        let charter = super::desk::charter(&parse(&format!("{head}{CASE}")).unwrap());
        assert!(seen.iter().all(|other| *other != charter), "{name} changes nothing of its own");
        seen.push(charter);
    }
}

#[test]
fn a_desk_that_tells_two_stories_under_one_number_is_seen_by_all() {
    let other = "[[step]]\nlabel = \"other\"\nwho = \"XA\"\nkind = \"position-statement\"\n\
                 number_of = \"position\"\nact = { kind = \"OBJECTS\" }\n";
    let check = "[[check]]\nat = [\"XB\", \"IC\"]\npositions = \"1\"\n";
    let steps = format!("{POSITION}{other}expect_at = \"equivocation\"\n{check}");
    assert_eq!(deviations(&played(&steps)), Vec::<String>::new());
    let told = deviations(&played(&format!("{POSITION}{other}")));
    assert!(
        told.len() == 2 && told[0].contains("ok expected, another act under the same number found"),
        "{told:?}"
    );
}

#[test]
fn a_desk_that_declares_not_to_have_known_a_withdrawal_is_judged_on_what_it_declares() {
    let will = "[[step]]\nwho = \"XB\"\nkind = \"expression-of-will\"\nact = { person = \"P1\", acceptable = [\"XA\"] }\n\
                [[step]]\nwho = \"XB\"\nkind = \"protection-assessment\"\nact = { person = \"P1\", destination = \"XA\" }\n\
                [[step]]\nlabel = \"withdrawal\"\nwho = \"IC\"\nkind = \"will-withdrawal\"\nact = { person = \"P1\" }\n";
    let note = "[[step]]\nwho = \"XB\"\nkind = \"agreement-note\"\n\
                act = { terms = { agreement_id = \"A1\", lines = [{ person = \"P1\", destination = \"XA\" }] } }\n";
    assert_eq!(
        deviations(&played(&format!("{CASE}{will}{note}expect = \"WIL_07\"\n"))),
        Vec::<String>::new()
    );
    let unaware = format!(
        "{CASE}{will}{note}unaware_of = [\"withdrawal\"]\n[[check]]\nperson = \"P1\"\nwill = \"WITHDRAWN\"\nstage = \"HELD\"\n"
    );
    assert_eq!(deviations(&played(&unaware)), Vec::<String>::new());
}

#[test]
fn a_desk_lets_no_later_text_contain_a_name_that_particulars_told_it() {
    let written = "[[step]]\nwho = \"XA\"\nkind = \"correspondence\"\n";
    let naming = "[[step.text]]\nlanguage = \"en\"\nwords = \"States asks for Chol-su KIM.\"\n";
    let told = "[[step]]\nwho = \"XB\"\nkind = \"person-particulars\"\nto = [\"XA\"]\n\
                act = { person = \"P1\", names = [{ family_name = \"Kim\", given_name = \"Chol Su\" }] }\n";
    let before = format!("{CASE}{written}{naming}");
    let after = |told: &str| format!("{CASE}{told}{written}expect = \"PRV_03\"\n{naming}");
    assert_eq!(deviations(&played(&before)), Vec::<String>::new());
    assert_eq!(deviations(&played(&after(told))), Vec::<String>::new());
    // Particulars that are on their way tell nobody yet, and those whom they did not go to never.
    let late = told.replace("to =", "delay = \"held\"\nto =");
    assert_eq!(deviations(&played(&after(&late))).len(), 1);
    assert_eq!(deviations(&played(&format!("{CASE}{told}{}{naming}", written.replace("XA", "IC")))).len(), 0);
    // Of a party that may not say who a person is they make no name that counts.
    let stranger = told.replace("\"XB\"", "\"IC\"\nforce = true\nexpect = \"CON_03\"");
    let account = played(&format!("{CASE}{stranger}{written}{naming}"));
    assert!(account.told.len() == 3, "{account:?}");
    assert!(deviations(&account).iter().all(|one| !one.contains("PRV_03")), "{account:?}");
}

#[test]
fn a_fact_that_is_said_before_all_accepted_goes_as_from_a_real_desk_and_stops() {
    let proposed = r#"
[[step]]
label = "proposal"
who = "XB"
kind = "consultation-proposal"
act = { open_until_time = "now+30d", parties = [
    { ministry = "XA", roles = ["RECEIVING_POWER"] }, { ministry = "XB", roles = ["DETAINING_POWER"] },
    { ministry = "IC", roles = ["ICRC"] } ] }
[[step]]
who = "XA"
kind = "will-indication"
expect_at = "CON_06"
act = { person = "P1", source = "FAMILY", refused = ["XD"] }
[[check]]
acts = "2"
"#;
    assert_eq!(deviations(&played(proposed)), Vec::<String>::new());
}

/// An arrangement of XB's and XA's, and all that goes before it.
pub(super) const ARRANGED: &str = r#"
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
"#;

/// On the day: he says it again, and is fit.
pub(super) const READY: &str = r#"
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

const HELD: &str = r#"
[[step]]
who = "IC"
kind = "hold-notice"
label = "hold"
precedence = "FLASH"
act = { persons = ["P1"], reason = "OBSERVER_CONCERN" }
"#;

const GONE: &str = r#"
[[step]]
who = "XB"
kind = "go-no-go"
act = { arrangement_id = "H1", go = true }
[[step]]
who = "XA"
kind = "go-no-go"
act = { arrangement_id = "H1", go = true }
[[check]]
at = "XB"
person = "P1"
arrangement = "H1"
"#;

#[test]
fn a_fact_goes_to_all_powers_or_frees_nobody_and_still_stops() {
    let release = |more: &str| {
        format!(
            "[[step]]\nwho = \"IC\"\nkind = \"hold-release\"\n{more}act = {{ hold_message = \"hold\", reason = \"x\" }}\n"
        )
    };
    let depart = |here: &str, there: &str, depart: &str| {
        deviations(&played(&format!("{ARRANGED}{HELD}{here}{READY}{there}{GONE}depart = {depart}\n")))
    };
    let none = Vec::<String>::new();
    let to_one = "to = [\"XB\"]\ninfo = []\nexpect = \"CON_06\"\n";
    assert_eq!(depart(&release(""), "", "\"clear\""), none);
    // Its own desk stops it; where it goes all the same it is registered, and lifts no hold.
    assert_eq!(depart(&release(to_one), "", "[\"HLD_01\"]"), none);
    let forced = format!("{to_one}force = true\n");
    let alike = "\n[[check]]\nat = [\"XA\", \"XB\"]\nperson = \"P1\"\nholds = \"1\"\n";
    assert_eq!(depart(&release(&forced), "", &format!("[\"HLD_01\"]\n{alike}")), none);
    // What XA said to IC alone stops at XA and IC, and XB sees by XA's GO that it lacks something.
    for (kind, says) in [
        ("will-indication", "source = \"CAMP_STAFF\", refused = [\"XA\"]"),
        ("medical-finding", "kind = \"FITNESS_TO_TRAVEL\", decision = \"UNFIT\""),
    ] {
        let alone = format!(
            "[[step]]\nwho = \"XA\"\nkind = \"{kind}\"\nto = [\"IC\"]\ninfo = []\nexpect = \"CON_06\"\n\
             act = {{ person = \"P1\", {says} }}\n"
        );
        assert_eq!(depart(&release(""), &alone, "\"clear\""), none, "its own desk keeps it back");
        let forced = alone.replace("expect =", "force = true\nexpect =");
        assert_eq!(depart(&release(""), &forced, "[\"HND_08\"]"), none, "{kind}");
    }
    let unfit = "[[step]]\nwho = \"XA\"\nkind = \"medical-finding\"\nto = [\"XB\"]\ninfo = []\nforce = true\n\
                 expect = \"CON_06\"\nact = { person = \"P1\", kind = \"FITNESS_TO_TRAVEL\", decision = \"UNFIT\" }\n";
    assert_eq!(depart(&release(""), unfit, "[\"MED_01\"]"), none, "what does not stand stops all the same");
}
