//! The same random histories through the reference model: verdict by verdict, then state by state.
//!
//! The model is told which acts stand here, so that one difference does not hide the next. Where the product is
//! stricter on purpose, the rules are listed in `STRICTER` with the reason; it is nowhere laxer.
//!
//! Everybody is frank here. Where a sender hides what he knew (`convergence` plays that), the two judge by different
//! things: the model by times, and by roles that the act does not declare to know; the product by what is declared. So
//! a statement or an assessment that hides a withdrawal or an exposure cures nothing here (WIL_07, PRO_03) and does there;
//! an observer who hides the proposal escapes ROL_06 here with what needs no open consultation, hearsay that can only stop.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::world::{World, person_of};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::rules::Rule;
use crate::consultation::state::stage::{self, CaseStage, Facet, Stage};
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{protection, will};

/// Rules that the model does not have, or has in fewer places, of those that these histories can break.
const STRICTER: &[&str] = &[
    "AGR_03", // lines name the very records they rest on; the model knows it only of the dead
];

/// The same of departure.
const DEPARTURE: &[&str] = &[
    "CON_04", // acts that others wait for; the model is told only of those that were registered
    "HND_01", // a reported handover, an agreement made anew since, a window not open; the model looks at none of them
    "HND_08", // acts that a GO knew and that are not here yet, and a NO GO after a GO
];

const DRIVER: &str = r#"
import sys, json
from model import *
out=[]
for history in json.load(sys.stdin):
    acts=[]; verdicts=[]; by={}
    for told in history['acts']:
        a=Act(told); a.setdefault('drafter','d'); a.setdefault('releaser','r'); a.setdefault('level',2)
        if a.kind=='HandoverConfirmation': a['persons_digest']=digest(a.persons)
        if a.lines is not None: a['lines']=[tuple(l) for l in a.lines]
        if a.kind=='AgreementNote': a['terms']['lines']=[tuple(l) for l in a.terms['lines']]
        if a.supersedes_of: a['supersedes']=digest(by[a.supersedes_of].terms)
        if a.terms_of: a['terms_digest']=digest(by[a.terms_of].terms)
        verdicts.append(verdict(a,acts)); a['verdict_ok']=told['stands']; acts.append(a); by[a.id]=a
    now=history['now']; people={}
    for p in ('P1','P2'):
        people[p]=dict(will=will(acts,p,now)[0], protection=protection(acts,p,'XA',now), stage=stage(acts,p),
                       clear=clear_to_depart(acts,p,'H-1',now,('XA','XB')))
    probes=[clear_to_depart([by[i] for i in held],p,'H-1',at,('XA','XB')) for (p,at,held) in history['probes']]
    out.append(dict(verdicts=verdicts,people=people,probes=probes))
json.dump(out,sys.stdout)
"#;

fn model(histories: &Value) -> Option<Vec<Value>> {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let spawned = Command::new("python3")
        .args(["-B", "-c", DRIVER])
        .env("PYTHONPATH", oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        return None;
    };
    child.stdin.take().unwrap().write_all(histories.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the model failed");
    serde_json::from_slice(&output.stdout).ok()
}

#[test]
#[allow(clippy::print_stdout, reason = "the counts say what the test proves")]
fn the_reference_model_reaches_the_same_verdicts_and_states() {
    let count = if std::env::var_os("CHANCERY_LONG").is_some() { 2_000 } else { 40 };
    let first = std::env::var("CHANCERY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_000);
    let worlds: Vec<World> = (first..first + count).map(|seed| World::play_frankly(seed, 60)).collect();
    let told = |world: &World| {
        let acts: Vec<Value> = world
            .sent
            .iter()
            .map(|sent| {
                let mut told = sent.told.clone();
                told["stands"] = json!(sent.verdict.stands());
                told
            })
            .collect();
        let probes: Vec<Value> =
            world.probes.iter().map(|probe| json!([probe.name, probe.minute, probe.held])).collect();
        json!({"acts": acts, "now": minute(world), "probes": probes})
    };
    let histories = Value::Array(worlds.iter().map(told).collect());
    let Some(answers) = model(&histories) else { return };
    assert_eq!(answers.len(), worlds.len());
    let (mut refused, mut agreed, mut departures, mut differences) = (0, 0, 0, Vec::new());
    for (seed, (world, answer)) in worlds.iter().zip(&answers).enumerate() {
        for (sent, theirs) in world.sent.iter().zip(answer["verdicts"].as_array().unwrap()) {
            let theirs = words(theirs);
            let ours = codes(sent.verdict.rules());
            let same = ours.iter().filter(|code| theirs.contains(code) || !STRICTER.contains(&code.as_str()));
            if !same.eq(theirs.iter()) {
                differences.push(format!("history {seed}: {} here {ours:?}, model {theirs:?}", sent.told));
            }
            refused += usize::from(!theirs.is_empty());
        }
        for (probe, theirs) in world.probes.iter().zip(answer["probes"].as_array().unwrap()) {
            let (ours, theirs) = (codes(&probe.stops), words(theirs));
            let same =
                ours.iter().filter(|code| theirs.contains(code) || !DEPARTURE.contains(&code.as_str()));
            if !same.eq(theirs.iter()) {
                let (minute, name) = (probe.minute, probe.name);
                differences
                    .push(format!("history {seed}: {name} at {minute} here {ours:?}, model {theirs:?}"));
            }
            departures += usize::from(theirs.is_empty());
        }
        for name in ["P1", "P2"] {
            let (reached, of_state) = compare(world, name, &answer["people"][name]);
            differences.extend(of_state.iter().map(|one| format!("history {seed}, {name}: {one}")));
            agreed += usize::from(reached >= Stage::Agreed);
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    let told =
        format!("{refused} refusals, {agreed} agreements and {departures} clear departures in the model");
    println!("{told}");
    assert!(refused > 20 && agreed > 5 && departures > 20, "{told}: that proves little");
}

/// Compares the states of a person; tells how far his case came, and what differs.
fn compare(world: &World, name: &str, theirs: &Value) -> (Stage, Vec<String>) {
    let book = &world.desks["XB"];
    let (past, at, charter, person) = (book.everything(), world.at(), book.charter(), person_of(name));
    let mut differences = Vec::new();
    let mut same = |facet: &str, ours: &str, theirs: &Value| {
        if ours != theirs {
            differences.push(format!("{facet} here {ours}, model {theirs}"));
        }
    };
    let will = will::will(&past, &person, at, charter).standing;
    same("will", will.word(), &theirs["will"]);
    let place = Destination::NamedState(RegionCode::parse("XA").unwrap());
    let standing = protection::protection(&past, &person, &place, at, charter).standing;
    same("protection", standing.word(), &theirs["protection"]);
    let case = stage::stage(&past, &person, at, charter);
    let stricter = case.reached == Stage::Irregular && theirs["stage"] == "HANDED_OVER";
    if !stricter {
        same("stage", &as_the_model_says(&case, will), &theirs["stage"]);
    }
    (case.reached, differences)
}

/// The stage in the model's words: it knows neither PROPOSED nor CLEARED, and holds only what was agreed.
fn as_the_model_says(case: &CaseStage<'_>, will: WillStanding) -> String {
    let held = case.stops.contains(&Facet::Hold) || will == WillStanding::Withdrawn;
    match case.reached {
        Stage::Agreed | Stage::Arranged | Stage::Cleared if held => "HELD".to_owned(),
        Stage::Cleared => "ARRANGED".to_owned(),
        Stage::Proposed => Stage::Registered.to_string(),
        Stage::Remains(outcome) => format!("REMAINS:{outcome}"),
        reached => reached.to_string(),
    }
}

fn codes(rules: &[Rule]) -> Vec<String> {
    rules.iter().map(|rule| rule.word().to_owned()).collect()
}

fn words(codes: &Value) -> Vec<String> {
    let code = |code: &Value| code.as_str().unwrap().split(':').next().unwrap().replace('-', "_");
    let mut codes: Vec<String> = codes.as_array().unwrap().iter().map(code).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn minute(world: &World) -> i64 {
    (world.at().seconds() - 1_795_341_600) / 60
}
