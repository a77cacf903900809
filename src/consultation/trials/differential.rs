//! The same random histories through the reference model: verdict by verdict at each of its desks, then state by state.
//!
//! The model is told which acts stand here, so that one difference does not hide the next. Half of the histories are
//! frank: everybody declares what he knows, though he may act against his own desk. In the others senders hide what
//! they know. Letters take their time in both, and each desk of the model gets them in the order in which the desk here
//! did. Where the two differ on purpose, `tests/oracle/differences.toml` says by which rule or state and why; what is
//! not listed there is a failure, and so is a row that nothing bears out any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::world::{PARTIES, Sent, World, hex, person_of};
use crate::consultation::acts::law::Destination;
use crate::consultation::acts::values::RegionCode;
use crate::consultation::casebook::Incoming;
use crate::consultation::rules::Rule;
use crate::consultation::state::places::Spoken;
use crate::consultation::state::reached::{Facet, Stage};
use crate::consultation::state::stage::{self, CaseStage};
use crate::consultation::state::will::WillStanding;
use crate::consultation::state::{protection, will};

/// The rows of the list, by what they say; how often each was met.
type Rows = BTreeMap<Difference, Row>;

/// How the two differ once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    /// What was asked: `verdict`, `departure`, `will`, `protection`, `stage`.
    of: String,
    /// The rule that stands here alone, or the state here.
    here: String,
    /// The rule that stands in the model alone, or its state.
    model: String,
}

/// Why they may.
#[derive(Debug)]
struct Row {
    /// Only where senders hide what they know.
    hidden: bool,
    /// The histories that met it.
    met: Vec<u64>,
}

fn rows() -> Rows {
    let listed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/differences.toml");
    let listed: toml_edit::DocumentMut = std::fs::read_to_string(listed).unwrap().parse().unwrap();
    let mut rows = Rows::new();
    for row in listed["difference"].as_array_of_tables().unwrap() {
        let word = |name: &str| row.get(name).map_or("", |item| item.as_str().unwrap()).to_owned();
        let flag = |name: &str| row.get(name).is_some_and(|item| item.as_bool().unwrap());
        let difference = Difference { of: word("of"), here: word("here"), model: word("model") };
        assert!(word("reason").len() > 40, "{difference:?} needs its reason");
        assert!(row.iter().all(|(name, _)| FIELDS.contains(&name)), "{difference:?} has a field too many");
        let before = rows.insert(difference, Row { hidden: flag("hidden"), met: Vec::new() });
        assert!(before.is_none(), "listed twice");
    }
    rows
}

const FIELDS: [&str; 5] = ["of", "here", "model", "hidden", "reason"];

/// Histories that meet the rarer rows between them.
const TELLING: [u64; 5] = [1_154, 1_336, 1_601, 1_704, 2_996];

const DRIVER: &str = r#"
import sys, json
from model import *
out=[]
for history in json.load(sys.stdin):
    acts=[]; by={}
    for told in history['acts']:
        a=Act(told); a.setdefault('drafter','d'); a.setdefault('releaser','r'); a.setdefault('level',2)
        if a.kind=='HandoverConfirmation': a['persons_digest']=digest(a.persons)
        if a.lines is not None: a['lines']=[tuple(l) for l in a.lines]
        if a.kind=='AgreementNote': a['terms']['lines']=[tuple(l) for l in a.terms['lines']]
        if a.supersedes_of: a['supersedes']=digest(by[a.supersedes_of].terms)
        if a.terms_of: a['terms_digest']=digest(by[a.terms_of].terms)
        a['verdict_ok']=told['stands']; acts.append(a); by[a.id]=a
    verdicts={}
    for party,order in history['arrived'].items():
        desk=Desk(party); found=verdicts[party]={}
        def registered(act,judged,desk=desk,found=found):
            found[act.id]=judged; desk.acts.append(by[act.id]); desk.seen[act.sender]=act.seq
        desk._reg=registered
        for i in order: desk.receive(by[i])
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
fn the_reference_model_reaches_the_same_verdicts_and_states_but_for_what_is_listed() {
    let is_long = std::env::var_os("CHANCERY_LONG").is_some();
    let count = if is_long { 2_000 } else { 40 };
    let first = std::env::var("CHANCERY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_000);
    let mut rows = rows();
    let mut unlisted = Vec::new();
    for play in [World::play_frankly, World::play] {
        let seeds: BTreeSet<u64> = (first..first + count).chain(TELLING).collect();
        let worlds: Vec<World> = seeds.iter().map(|seed| play(*seed, 60)).collect();
        let Some(answers) = model(&Value::Array(worlds.iter().map(told).collect())) else { return };
        assert_eq!(answers.len(), worlds.len());
        let mut seen = Seen::default();
        for (seed, (world, answer)) in seeds.iter().zip(worlds.iter().zip(&answers)) {
            seen.compare(world, answer, |difference, about| {
                match rows.get_mut(&difference).filter(|row| world.hidden > 0 || !row.hidden) {
                    Some(row) => row.met.push(*seed),
                    None => unlisted.push(format!("history {seed}, {difference:?}: {about}")),
                }
            });
        }
        seen.proves_enough();
    }
    for (difference, row) in &rows {
        println!("{difference:?}: {} times, first in {:?}", row.met.len(), row.met.first());
    }
    assert!(unlisted.is_empty(), "{} are not listed:\n{}", unlisted.len(), unlisted.join("\n"));
    let unmet: Vec<_> = rows.iter().filter(|(_, row)| row.met.is_empty()).collect();
    assert!(unmet.is_empty(), "listed, and met by no history: {unmet:?}");
}

fn told(world: &World) -> Value {
    let act = |sent: &Sent| {
        let mut told = sent.told.clone();
        told["stands"] = json!(sent.verdict.stands());
        told
    };
    let acts: Vec<Value> = world.sent.iter().map(act).collect();
    let probes: Vec<Value> =
        world.probes.iter().map(|probe| json!([probe.name, probe.minute, probe.held])).collect();
    let ids = |arrived: &Vec<Incoming>| -> Vec<&String> {
        arrived.iter().map(|one| &world.refs[&hex(one.reference)]).collect()
    };
    let arrived: BTreeMap<&str, Vec<&String>> =
        world.arrived.iter().map(|(party, arrived)| (*party, ids(arrived))).collect();
    json!({"acts": acts, "now": minute(world), "probes": probes, "arrived": arrived})
}

/// What was compared: a test that compares nothing proves nothing.
#[derive(Debug, Default)]
struct Seen {
    refusals: usize,
    agreements: usize,
    departures: usize,
}

impl Seen {
    fn compare(&mut self, world: &World, answer: &Value, mut differs: impl FnMut(Difference, String)) {
        for sent in &world.sent {
            let (ours, mut refused) = (codes(sent.verdict.rules()), false);
            for party in PARTIES {
                let theirs = words(&answer["verdicts"][party][sent.told["id"].as_str().unwrap()]);
                refused |= !theirs.is_empty();
                each(&ours, &theirs, |here, model| {
                    let difference = Difference { of: "verdict".to_owned(), here, model };
                    differs(
                        difference,
                        format!("{} here {ours:?}, at {party} of the model {theirs:?}", sent.told),
                    );
                });
            }
            self.refusals += usize::from(refused);
        }
        for (probe, theirs) in world.probes.iter().zip(answer["probes"].as_array().unwrap()) {
            let (ours, theirs) = (codes(&probe.stops), words(theirs));
            each(&ours, &theirs, |here, model| {
                let difference = Difference { of: "departure".to_owned(), here, model };
                differs(
                    difference,
                    format!("{} at {} here {ours:?}, model {theirs:?}", probe.name, probe.minute),
                );
            });
            self.departures += usize::from(theirs.is_empty());
        }
        for name in ["P1", "P2"] {
            let (reached, states) = states(world, name);
            for (of, here) in states {
                let model = answer["people"][name][of].as_str().unwrap().to_owned();
                if here != model {
                    differs(Difference { of: of.to_owned(), here, model }, name.to_owned());
                }
            }
            self.agreements += usize::from(reached >= Stage::Agreed);
        }
    }

    #[allow(clippy::print_stdout, reason = "the counts say what the test proves")]
    fn proves_enough(&self) {
        println!("{self:?} in the model");
        assert!(
            self.refusals > 20 && self.agreements > 5 && self.departures > 20,
            "{self:?}: that proves little"
        );
    }
}

/// Tells each rule that stands on one side alone.
fn each(ours: &[String], theirs: &[String], mut differs: impl FnMut(String, String)) {
    ours.iter().filter(|rule| !theirs.contains(rule)).for_each(|rule| differs(rule.clone(), String::new()));
    theirs.iter().filter(|rule| !ours.contains(rule)).for_each(|rule| differs(String::new(), rule.clone()));
}

/// The states of a person here, in the model's words; how far his case came.
fn states(world: &World, name: &str) -> (Stage, [(&'static str, String); 3]) {
    let book = &world.desks["XB"];
    let (past, at, charter, person) = (book.everything(), world.at(), book.charter(), person_of(name));
    let will = will::will(&past, &person, at, charter).standing;
    let place = Destination::NamedState(RegionCode::parse("XA").unwrap());
    let protection = protection::protection(&past, &person, Spoken::now(&place), at, charter).standing;
    let case = stage::stage(&past, &person, at, charter);
    let states = [
        ("will", will.word().to_owned()),
        ("protection", protection.word().to_owned()),
        ("stage", as_the_model_says(&case, will)),
    ];
    (case.reached, states)
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
