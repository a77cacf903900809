//! Scripts played over real gateways and desks: they come as they say, and as the simulation says.

use std::fs;

use chancery::rehearsal::play::account::{Account, Arrived, Event};
use chancery::rehearsal::play::real::{Performance, Progress, play_real};
use chancery::rehearsal::play::{Unfit, Wishes};
use chancery::rehearsal::script::parse;
use serde_json::Value;

use super::{chancery, page, played, shipped, text_of};

fn really_played(text: &str) -> Result<Performance, Unfit> {
    let script = parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let folder = tempfile::Builder::new().prefix("ch").tempdir().unwrap();
    let mut moves = 0;
    let performance = play_real(&script, &Wishes::default(), folder.path(), &mut |progress| {
        moves += usize::from(matches!(progress, Progress::Made(_)));
    })?;
    assert_eq!(moves, script.moves.len());
    for party in &script.parties {
        assert!(folder.path().join(party.ministry.lower()).join("gateway").is_dir());
        assert!(folder.path().join(format!("{}-evidence.zip", party.ministry.lower())).is_file());
    }
    Ok(performance)
}

/// Everything that both kinds of play tell, but what a copy waits for, which desks say in other words.
fn outline(account: &Account) -> Vec<String> {
    let arrivals = |told: &chancery::rehearsal::play::account::Told| {
        let word = |outcome: &Arrived| match outcome {
            Arrived::Waits(_) => "waits".to_owned(),
            outcome => outcome.to_string(),
        };
        let each = told.before.iter().chain(&told.after);
        let mut all: Vec<String> =
            each.map(|one| format!("{} at {}: {}", one.label, one.at, word(&one.outcome))).collect();
        all.sort();
        all.join("; ")
    };
    let moves = account.told.iter().map(|told| {
        let event = match &told.event {
            Event::Said(said) => {
                format!("{} {} {} {:?} {}", said.sender, said.kind, said.number, said.verdict, said.released)
            }
            Event::Checked(looked) => {
                let each = looked.iter().map(|one| format!("{:?} {} {}", one.at, one.what, one.actual));
                each.collect::<Vec<_>>().join("; ")
            }
            event => format!("{event:?}"),
        };
        format!("{} {} {event} -> {}", told.label, told.time, arrivals(told))
    });
    let finals = account.finals.iter().map(|last| format!("{} {:?} {:?}", last.at, last.person, last.states));
    moves.chain(finals).collect()
}

fn comes_as_simulated(name: &str) {
    text_comes_as_simulated(name, &text_of(name));
}

fn text_comes_as_simulated(name: &str, text: &str) {
    let Performance { account, deeds } =
        really_played(text).unwrap_or_else(|unfit| panic!("{name}: {unfit}"));
    let deviations: Vec<String> =
        account.deviations().map(|one| format!("{}: {}: {one}", one.line, one.label)).collect();
    assert!(deviations.is_empty(), "{name}: {deviations:#?}");
    let simulated = played(text, None);
    assert_eq!(outline(&account), outline(&simulated), "{name}");
    let said = simulated.told.iter().filter(|told| matches!(&told.event, Event::Said(said) if said.released));
    let said = said.count();
    // Those of the opening besides, where there is one; each to one other at least, with receipts at either desk.
    assert!(said > 0 && deeds.acts >= said, "{name}: {deeds:?}");
    assert!(deeds.copies >= deeds.acts && deeds.ministries >= 2, "{name}: {deeds:?}");
    assert!(deeds.receipts >= 2 * deeds.copies, "{name}: {deeds:?}");
    assert!(deeds.evidence >= deeds.copies, "{name}: {deeds:?}");
}

#[test]
fn a_position_is_really_conveyed_as_the_simulation_says() {
    comes_as_simulated("s1-position.toml");
}

#[test]
fn a_transfer_is_really_agreed_and_carried_out_as_the_simulation_says() {
    comes_as_simulated("s3-transfer.toml");
}

#[test]
fn a_withdrawal_on_its_way_is_really_held_back_and_stops_what_crossed_it_as_the_simulation_says() {
    comes_as_simulated("s5-withdrawal.toml");
}

#[test]
#[ignore = "takes minutes: CHANCERY_LONG=1 tests/run"]
fn every_shipped_consultation_is_really_played_as_the_simulation_says() {
    for path in shipped() {
        comes_as_simulated(path.file_name().unwrap().to_str().unwrap());
    }
    // An example of every act, one step after the other.
    text_comes_as_simulated("the page about rehearsals", &page());
}

const HEAD: &str = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] } }\npersons = { P1 = \"new\" }\n";
const CASE: &str =
    "[[step]]\nlabel = \"case\"\nwho = \"XB\"\nkind = \"case-registration\"\nact = { person = \"P1\" }\n";
const POSITION: &str = "[[step]]\nlabel = \"position\"\nwho = \"XB\"\nkind = \"position-statement\"\n";

#[test]
fn what_no_real_desk_can_do_is_refused_by_its_step_before_anything_is_founded() {
    let overtaking = format!("{HEAD}{CASE}delay = \"held\"\n{POSITION}expect_at = \"waits\"\n");
    let long = format!("{HEAD}{CASE}[[step]]\nlabel = \"late\"\nwait = true\nafter = \"361d\"\n");
    let folder = tempfile::tempdir().unwrap();
    for (text, told) in [
        (
            &overtaking,
            "line 10, position: this cannot be played with real gateways: its copy to XA would overtake",
        ),
        (&long, "late: this cannot be played with real gateways: it happens more than 360 days"),
    ] {
        let path = folder.path().join("unreal.toml");
        fs::write(&path, text).unwrap();
        let kept = folder.path().join("kept");
        let arguments = ["rehearse", path.to_str().unwrap(), "--real", "--keep", kept.to_str().unwrap()];
        let output = chancery(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{said}");
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 0, "nothing was founded");
        fs::remove_dir(&kept).unwrap();
        // The simulation plays it.
        assert_eq!(chancery(&arguments[..2]).status.code(), Some(0), "{text}");
    }
}

/// Each of its steps comes otherwise without the charter: by level, witnesses, and the time after which it is erased.
const OWN_CHARTER: &str = r#"
[[step]]
who = "XB"
kind = "position-statement"
level = "CONFIDENTIAL"

[[step]]
who = "XB"
kind = "expression-of-will"
act = { person = "P1", acceptable = ["XA"], information_time = "now-2h" }
expect = "WIL_02"

[[step]]
who = "XB"
kind = "consultation-closure"
act = { kind = "CONCLUDED" }

[[step]]
who = "XA"
kind = "consultation-closure"
act = { kind = "CONCLUDED" }

[[step]]
who = "XB"
kind = "person-particulars"
act = { person = "P1", names = [{ family_name = "Example" }] }

[[step]]
who = "XB"
kind = "person-particulars"
after = "2d"
act = { person = "P1", names = [{ family_name = "Example" }] }
expect = "PRV_06"
"#;

#[test]
fn real_desks_judge_by_the_charter_of_the_script_as_simulated_ones_do() {
    let charter = "charter = { ceiling = \"CONFIDENTIAL\", cooling_off = \"1h\", witnesses = 3, erasure_after_closure = \"1d\" }";
    let usual = format!("{HEAD}{CASE}{OWN_CHARTER}");
    let text = usual.replace("persons = {", &format!("{charter}\npersons = {{"));
    text_comes_as_simulated("a charter of its own", &text);
    // Without it the simulation, and so the desks, come to something else at each of the three steps; what is not refused
    // then arrives as well.
    let told: Vec<String> = played(&usual, None).deviations().map(ToString::to_string).collect();
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn a_real_play_tells_what_differs_from_the_script_as_a_simulated_one_does_and_leaves_what_is_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.toml");
    fs::write(&path, format!("{HEAD}{CASE}[[check]]\nperson = \"P1\"\nstage = \"AGREED\"\n")).unwrap();
    let kept = folder.path().join("kept");
    let arguments =
        ["rehearse", path.to_str().unwrap(), "--real", "--json", "--keep", kept.to_str().unwrap()];
    let output = chancery(&arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("AGREED expected, REGISTERED found"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let real = &report["rehearsals"][0]["real"];
    assert_eq!(real["ministries"], 2);
    assert_eq!(real["acts"], 3);
    assert_eq!(real["copies"], 3);
    assert_eq!(real["evidence"], 6, "each of the copies at its sender and at its recipient");
    for home in ["xa/root", "xa/desk", "xb/gateway", "xb-evidence.zip"] {
        assert!(kept.join(home).exists(), "{home}");
    }
    // What was kept is not written over.
    assert_eq!(chancery(&arguments).status.code(), Some(7));
}

/// One paper, told in confidence to XB alone, in whatever caveat; then released to XN as well.
fn confided(sender: &str, caveat: &str, code: &str) -> String {
    let paper = "[[step.document]]\nid = \"paper\"\nclass = \"EVIDENCE\"\nmedia_type = \"text/plain\"\n\
                 title = \"A paper\"\nlanguage = \"en\"\nwords = \"what was told to XB alone\"\n";
    let letter = |who: &str, heading: &str, words: &str| {
        format!(
            "[[step]]\nwho = \"{who}\"\nkind = \"correspondence\"\ninfo = []\nact = {{ subject = \"A paper\" }}\n{heading}\
             [[step.text]]\nlanguage = \"en\"\nstanding = \"OFFICIAL\"\nwords = \"presents its compliments to ... {words} ... assurances of its highest consideration\"\n{paper}"
        )
    };
    let controlled = |to: &str| {
        // Codes ascend.
        let told = if sender == "XN" { format!("{to}, \"XN\"") } else { format!("\"{sender}\", {to}") };
        format!("to = [{to}]\nreleasable_to = [{told}]\ncaveats = [\"{caveat}\"]\n")
    };
    let both = if sender == "XN" { "\"XA\", \"XB\"" } else { "\"XB\", \"XN\"" };
    let third = if sender == "XN" { "XA" } else { "XN" };
    let onward = format!("to = [\"{third}\"]\n");
    [
        letter(sender, &controlled("\"XB\""), "one"),
        // It answers nothing; the paper alone gives it away.
        letter("XB", &format!("{onward}expect = \"{code}\"\n"), "two"),
        letter("XB", &format!("to = [\"{sender}\"]\n"), "three"),
        letter(
            "XB",
            &format!("to = [\"{sender}\"]\nlevel = \"UNCLASSIFIED\"\nexpect = [\"CLS_05\", \"CLS_06\"]\n"),
            "four",
        ),
        letter(sender, &controlled(both), "five"),
        letter("XB", &onward, "six"),
    ]
    .concat()
}

#[test]
fn a_paper_goes_no_further_from_a_real_desk_than_its_originator_released_it_as_the_simulation_says() {
    let head = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] }, XN = { roles = [\"NEUTRAL_POWER\"] } }\n";
    let text = format!("{head}{}", confided("XA", "ORIGINATOR_CONTROL", "CLS_04"));
    text_comes_as_simulated("originator control", &text);
    let head = head.replace("XN = { roles = [\"NEUTRAL_POWER\"] }", "XN = { roles = [\"ICRC\"] }");
    let text = format!("{head}{}", confided("XN", "OBSERVER_CONFIDENTIAL", "OBS_03"));
    text_comes_as_simulated("an observer's confidence", &text);
}

/// A withdrawal that annexes what an observer gave to one Power alone: the paper stays, and the withdrawal goes.
fn annexed(caveat: &str) -> String {
    let paper = "[[step.document]]\nid = \"paper\"\nclass = \"EVIDENCE\"\nmedia_type = \"text/plain\"\n\
                 title = \"A paper\"\nlanguage = \"en\"\nwords = \"I do not want to go to XA any more.\"\n";
    let confided = format!(
        "[[step]]\nwho = \"XN\"\nkind = \"correspondence\"\nto = [\"XB\"]\ninfo = []\n\
         releasable_to = [\"XB\", \"XN\"]\ncaveats = [\"{caveat}\"]\nact = {{ subject = \"A paper\" }}\n\
         [[step.text]]\nlanguage = \"en\"\nstanding = \"OFFICIAL\"\n\
         words = \"presents its compliments to ... one ... assurances of its highest consideration\"\n{paper}"
    );
    let withdrawal = format!(
        "[[step]]\nwho = \"XB\"\nkind = \"will-withdrawal\"\nprecedence = \"FLASH\"\n\
         act = {{ person = \"P1\" }}\n{paper}"
    );
    let checks =
        ["XA", "XB"].map(|at| format!("[[check]]\nat = \"{at}\"\nperson = \"P1\"\nwill = \"WITHDRAWN\"\n"));
    format!("{CASE}{WILL}{confided}{withdrawal}{}", checks.concat())
}

const WILL: &str = "[[step]]\nwho = \"XB\"\nkind = \"expression-of-will\"\n\
                    act = { person = \"P1\", acceptable = [\"XA\"], refused = [\"XD\"] }\n";

#[test]
fn a_withdrawal_goes_at_once_without_a_paper_that_may_not_go_with_it_as_the_simulation_says() {
    let head = "title = \"t\"\nparties = { XA = { roles = [\"RECEIVING_POWER\"] }, XB = { roles = [\"DETAINING_POWER\"] }, XN = { roles = [\"ICRC\"] } }\npersons = { P1 = \"P-7QK4-M2XD-9WTV\" }\n";
    for caveat in ["ORIGINATOR_CONTROL", "OBSERVER_CONFIDENTIAL"] {
        text_comes_as_simulated(caveat, &format!("{head}{}", annexed(caveat)));
    }
}
