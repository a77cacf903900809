//! The scripted consultations that are shipped come as they say, every refusal with exactly its codes; what comes
//! otherwise is told as such.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chancery::consultation::act::ActKind;
use chancery::rehearsal::play::account::{Account, Arrived, Event, Told};
use chancery::rehearsal::play::{Wishes, play};
use chancery::rehearsal::script::{What, parse};
use serde_json::Value;

mod real;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<PathBuf> {
    let folder = root().join("examples/consultations");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}

fn text_of(name: &str) -> String {
    fs::read_to_string(root().join("examples/consultations").join(name)).unwrap()
}

#[track_caller]
fn played(text: &str, seed: Option<u64>) -> Account {
    let script = parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    play(&script, &Wishes { seed, until: None }).unwrap()
}

fn chancery(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chancery")).args(arguments).current_dir(root()).output().unwrap()
}

#[test]
fn every_shipped_consultation_comes_as_it_says() {
    let mut refusals = 0;
    for path in shipped() {
        let account = played(&fs::read_to_string(&path).unwrap(), None);
        let deviations: Vec<String> =
            account.deviations().map(|one| format!("{}: {}: {one}", one.line, one.label)).collect();
        assert!(deviations.is_empty(), "{}: {deviations:#?}", path.display());
        let checks = account.told.iter().filter(|told| matches!(told.event, Event::Checked(_))).count();
        let refused = account
            .told
            .iter()
            .filter(|told| matches!(&told.event, Event::Said(said) if !said.released))
            .count();
        assert!(checks + refused > 0, "{} claims nothing", path.display());
        refusals += refused;
    }
    assert!(shipped().len() >= 10 && refusals >= 30, "{refusals} refusals");
}

#[test]
fn a_wrong_expectation_is_told_with_its_line_and_ends_with_another_code() {
    let text = text_of("s2-will.toml").replace("expect = \"WIL_06\"", "expect = \"WIL_05\"");
    let line = text.lines().position(|line| line.contains("no_waiver_of_rights = false")).unwrap();
    let account = played(&text, None);
    let deviations: Vec<_> = account.deviations().collect();
    assert_eq!(deviations.len(), 1, "{deviations:#?}");
    assert_eq!((deviations[0].expected.as_str(), deviations[0].actual.as_str()), ("WIL_05", "WIL_06"));
    assert!(deviations[0].line < line + 1 && line < deviations[0].line + 6);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.toml");
    fs::write(&path, &text).unwrap();
    let output = chancery(&["rehearse", path.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["as_expected"], false);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("WIL_05 expected, WIL_06 found"), "{told}");
}

#[test]
fn a_wrong_check_and_a_wrong_arrival_are_told_too() {
    let text = text_of("s5-withdrawal.toml").replace("stage = \"HELD\"", "stage = \"ARRANGED\"");
    let account = played(&text, None);
    let found: Vec<String> = account.deviations().map(ToString::to_string).collect();
    assert!(
        !found.is_empty() && found.iter().all(|one| one.contains("ARRANGED expected, HELD found")),
        "{found:#?}"
    );
    let text = text_of("s5c-hostile-desk.toml").replace("force = true", "force = true\nexpect_at = \"ok\"");
    let account = played(&text, None);
    let found: Vec<String> = account.deviations().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "at both receivers: {found:#?}");
    assert!(
        found.iter().all(|one| one.contains("on arrival at ") && one.contains(": ok expected, WIL_07 found")),
        "{found:#?}"
    );
}

#[test]
fn a_script_with_mistakes_ends_with_2_and_lists_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    let text = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] } }\n\
                persons = { P1 = \"new\" }\n[[step]]\nwho = \"XA\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n\
                urgent = true\n[[step]]\nwho = \"XA\"\nkind = \"agreement-reply\"\nact = { proposing_message = \"note\" }\n";
    fs::write(&path, text).unwrap();
    let output = chancery(&["rehearse", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "bad.toml:8:1: FORM_FIELD_UNKNOWN: move-1.urgent",
        "bad.toml:6:8: SCRIPT_NO_ROLE: move-1.kind",
        "bad.toml:12:29: SCRIPT_STEP_UNKNOWN: move-2.act.proposing_message",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(output.stdout.is_empty());
}

/// Five acts of one Power, two of another, each copy on its way for up to six hours: what was known to whom when
/// an act was made differs, what all desks make of it in the end does not.
const SCATTERED: &str = r#"
title = "Any order of arrival"
parties = { XA = { roles = ["RECEIVING_POWER"] }, XB = { roles = ["DETAINING_POWER"] }, IC = { roles = ["ICRC"] } }
persons = { P1 = "P-7QK4-M2XD-9WTV" }
network = { least = "0m", most = "6h" }

[[step]]
who = "XB"
kind = "case-registration"
act = { person = "P1" }

[[step]]
who = "XA"
kind = "position-statement"

[[step]]
who = "XB"
kind = "expression-of-will"
act = { person = "P1", acceptable = ["XA"] }

[[step]]
who = "XB"
kind = "protection-assessment"
act = { person = "P1", destination = "XA" }

[[step]]
who = "XB"
kind = "will-withdrawal"
act = { person = "P1" }

[[step]]
who = "XA"
kind = "position-statement"
act = { kind = "RESERVES" }

[[step]]
label = "forced"
who = "XB"
kind = "agreement-note"
act = { terms = { agreement_id = "A1", lines = [{ person = "P1", destination = "XA" }] } }
expect = "WIL_07"
force = true

[[check]]
after = "1d"
person = "P1"
will = "WITHDRAWN"
waiting = "0"
step = "forced"
verdict = "WIL_07"
agree = true
"#;

#[test]
fn the_same_seed_comes_out_the_same_and_any_order_of_arrival_leads_to_the_same_end() {
    let of = |seed| format!("{:?}", played(SCATTERED, Some(seed)).told);
    assert_eq!(of(3), of(3));
    let mut waited = 0;
    for seed in 0..40 {
        let account = played(SCATTERED, Some(seed));
        let deviations: Vec<String> = account.deviations().map(ToString::to_string).collect();
        assert!(deviations.is_empty(), "with seed {seed}: {deviations:#?}");
        let waits =
            |told: &Told| told.before.iter().filter(|one| matches!(one.outcome, Arrived::Waits(_))).count();
        waited += account.told.iter().map(waits).sum::<usize>();
    }
    assert!(waited > 20, "chance has no say: {waited}");
}

/// The script that stands on the page about rehearsals, one example after the other.
fn page() -> String {
    let page = fs::read_to_string(root().join("docs/rehearsals.md")).unwrap();
    let (_, examples) = page.split_once("<!-- acts -->").unwrap();
    blocks(examples).concat()
}

fn blocks(text: &str) -> Vec<String> {
    let parts = text.split("```toml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_page_about_rehearsals_has_an_example_of_every_act_and_all_of_them_play() {
    let text = page();
    let account = played(&text, None);
    let deviations: Vec<String> =
        account.deviations().map(|one| format!("{}: {}: {one}", one.line, one.label)).collect();
    assert!(deviations.is_empty(), "{deviations:#?}");
    let script = parse(&text).unwrap();
    let said: BTreeSet<&str> = script
        .moves
        .iter()
        .filter_map(|one| match &one.what {
            What::Say(say) => Some(say.kind.word()),
            _ => None,
        })
        .collect();
    let all: BTreeSet<&str> = ActKind::ALL.iter().map(|kind| kind.word()).collect();
    let missing: Vec<&&str> = all.difference(&said).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
}

#[test]
fn the_first_script_of_the_page_plays_as_it_stands() {
    let page = fs::read_to_string(Path::new(&root()).join("docs/rehearsals.md")).unwrap();
    let first = blocks(&page).swap_remove(0);
    let account = played(&first, None);
    let deviations: Vec<String> = account.deviations().map(ToString::to_string).collect();
    assert!(deviations.is_empty(), "{deviations:#?}");
}

/// The example of the page that stands after these words.
fn example_after(words: &str) -> String {
    let page = fs::read_to_string(root().join("docs/rehearsals.md")).unwrap();
    let (_, rest) = page.split_once(words).unwrap();
    blocks(rest).swap_remove(0)
}

#[test]
fn the_marks_that_the_page_shows_on_one_step_go_together() {
    let step = example_after("To whom, how, and how urgently:");
    let heading = "title = \"t\"\n[parties]\nXA = { roles = [\"RECEIVING_POWER\"] }\n\
                   XB = { roles = [\"DETAINING_POWER\"] }\nIC = { roles = [\"ICRC\"] }\n[persons]\nP1 = \"new\"\n\
                   [[step]]\nwho = \"XB\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n\
                   [[step]]\nlabel = \"request\"\nwho = \"XA\"\nkind = \"transfer-request\"\nact = { persons = [\"P1\"] }\n";
    let account = played(&format!("{heading}{step}"), None);
    let deviations: Vec<String> = account.deviations().map(ToString::to_string).collect();
    assert!(deviations.is_empty(), "{deviations:#?}");
}

#[test]
fn the_sums_at_the_end_are_those_of_the_desks_and_a_held_case_says_by_what() {
    let output = chancery(&["rehearse", "examples/consultations/s5-withdrawal.toml", "--until", "21"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("stage HELD by WILL,"), "{told}");
    let sum = told.lines().last().unwrap();
    assert!(
        sum.starts_with("14 acts and the 2 that opened the consultation, 1 refused, 5 checks, "),
        "{told}"
    );
    assert!(told.contains("consultation OPEN, acts 16\n"), "{told}");
}
