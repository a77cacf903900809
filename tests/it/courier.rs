//! Courier mode by the real binary: two gateways that never run at the same time exchange messages, a document and their
//! receipts by sticks alone; then the line comes back in the middle of it, and every message is there once. A missing,
//! a doubled and a damaged stick are told by name and lose nothing.

mod damaged;
mod forged;
mod old;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chancery::desk::register::{SentEntry, SentState};
use chancery::message::leaf::LeafKind;
use serde_json::Value;

use crate::support::{Stage, eventually, forms, ministry, proofs};

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: i32,
    data: String,
    talk: String,
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The command that comes next, as the error names it.
    fn hint(&self) -> String {
        let error: Value = serde_json::from_str(self.talk.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"));
        error["hint"].as_str().unwrap_or_else(|| panic!("no hint: {self:?}")).to_owned()
    }

    /// What it told although something was refused.
    fn told(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What the operator of `code` types.
fn types(stage: &Stage, code: &str, args: &[&OsStr]) -> Said {
    let home = stage.house(code).homes().gateway.directory().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.env_clear().stdin(Stdio::null()).args(["--json", "--home"]).arg(home).arg("queue").args(args);
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        data: String::from_utf8(output.stdout).unwrap(),
        talk: String::from_utf8(output.stderr).unwrap(),
    }
}

fn stick(stage: &Stage, name: &str) -> PathBuf {
    stage.folder().join(name)
}

fn packs(stage: &Stage, code: &str, peer: &str, name: &str, more: &[&str]) -> Value {
    let file = stick(stage, name);
    let mut args: Vec<&OsStr> = ["pack", "--peer", peer, "-o"].map(OsStr::new).to_vec();
    args.push(file.as_os_str());
    args.extend(more.iter().map(OsStr::new));
    types(stage, code, &args).json()
}

fn unpacks(stage: &Stage, code: &str, name: &str) -> Said {
    types(stage, code, &[OsStr::new("unpack"), stick(stage, name).as_os_str()])
}

/// Unpacks and packs the answer at once.
fn answers(stage: &Stage, code: &str, name: &str, answer: &str) -> Value {
    let (file, answer) = (stick(stage, name), stick(stage, answer));
    let args = [OsStr::new("unpack"), file.as_os_str(), OsStr::new("--answer"), answer.as_os_str()];
    types(stage, code, &args).json()
}

/// Only this gateway runs: there is no line.
async fn only(stage: &mut Stage, code: &str, other: &str) {
    if stage.house(other).gateway().is_ok() {
        stage.house_mut(other).stop().await.unwrap();
    }
    stage.house_mut(code).start().await.unwrap();
}

async fn sends(stage: &Stage, from: &str, to: &str, words: &str) -> SentEntry {
    let [sent] = stage.send(from, &forms::memorandum(to, "new", words)).await.try_into().unwrap();
    assert_eq!(sent.state, SentState::Queued);
    sent
}

async fn sends_document(stage: &Stage, from: &str, to: &str, bytes: usize) -> SentEntry {
    fs::write(stage.folder().join("scan.bin"), vec![7; bytes]).unwrap();
    let document = "\n[[document]]\nid = \"scan\"\npath = \"scan.bin\"\ntitle = \"Scan\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\n";
    let form = forms::memorandum(to, "new", "With a scan.") + document;
    let [sent] = stage.send(from, &form).await.try_into().unwrap();
    sent
}

async fn count(stage: &Stage, code: &str) -> usize {
    stage.gateway(code).list_received(0, 64).await.unwrap().0.len()
}

/// Leaves of XA's log about XB.
async fn log_size(stage: &Stage) -> u64 {
    let logs = proofs::own_logs(stage, &ministry("XA")).await;
    logs.into_iter().find(|log| log.peer == ministry("XB")).unwrap().size
}

fn text(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_without_a_line_exchange_messages_documents_and_receipts_by_sticks() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    let one = sends(&stage, "XA", "XB", "One.").await;
    let scan = sends_document(&stage, "XA", "XB", 5 * 1024 * 1024).await;
    let packed = packs(&stage, "XA", "XB", "a1", &[]);
    assert_eq!((packed["messages"].as_u64(), packed["parts"].as_u64()), (Some(2), Some(1)), "{packed}");
    let again = types(
        &stage,
        "XA",
        &["pack", "--peer", "XB", "-o"]
            .map(OsStr::new)
            .iter()
            .copied()
            .chain([stick(&stage, "a1").as_os_str()])
            .collect::<Vec<_>>(),
    );
    assert_eq!(again.code, 7, "never overwritten: {again:?}");
    // What is packed stays queued, and is told to be packed.
    let listed = types(&stage, "XA", &[OsStr::new("list")]);
    assert!(listed.data.lines().count() >= 1 && listed.data.contains("\"packed\":\"2026-"), "{listed:?}");
    // The same bytes as on the wire stand on the stick, and no word of them.
    let bytes = text(&stick(&stage, "a1"));
    assert!(bytes.windows(4).all(|four| four != b"One."), "nothing that was sealed is readable");

    only(&mut stage, "XB", "XA").await;
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 0);
    let heard = sends(&stage, "XB", "XA", "From XB at the same time.").await;
    let taken = answers(&stage, "XB", "a1", "b1");
    assert_eq!((taken["taken"].as_u64(), taken["refusals"].as_u64()), (Some(2), Some(0)), "{taken}");
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 2);
    // A doubled stick is told, and changes nothing.
    let doubled = unpacks(&stage, "XB", "a1").json();
    assert_eq!(doubled["already_taken"], true, "{doubled}");
    assert_eq!(count(&stage, "XB").await, 2);

    only(&mut stage, "XA", "XB").await;
    let answered = answers(&stage, "XA", "b1", "a2");
    assert_eq!((answered["settled"].as_u64(), answered["taken"].as_u64()), (Some(2), Some(1)), "{answered}");
    for sent in [&one, &scan] {
        let settled = stage.settled("XA", sent).await;
        assert_eq!(settled.state, SentState::Delivered, "{}", settled.reason);
        let kind = LeafKind::Received;
        proofs::check_receipt(&stage, &settled.delivery_receipt, &settled.envelope, kind, "XB", "XA");
    }
    only(&mut stage, "XB", "XA").await;
    unpacks(&stage, "XB", "a2").json();
    assert_eq!(stage.settled("XB", &heard).await.state, SentState::Delivered);

    // The line comes back; both roads at once, and every message once.
    let both = sends(&stage, "XB", "XA", "By both roads.").await;
    packs(&stage, "XB", "XA", "b2", &[]);
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    unpacks(&stage, "XA", "b2").json();
    assert_eq!(stage.settled("XB", &both).await.state, SentState::Delivered);
    let last = sends_document(&stage, "XA", "XB", 300 * 1024).await;
    packs(&stage, "XA", "XB", "a3", &[]);
    unpacks(&stage, "XB", "a3").json();
    assert_eq!(stage.settled("XA", &last).await.state, SentState::Delivered);
    assert_eq!((count(&stage, "XA").await, count(&stage, "XB").await), (2, 3));
    eventually("nothing waits", || async {
        let status = stage.gateway("XA").status().await.unwrap();
        status.peers.iter().all(|peer| peer.queued == 0)
    })
    .await;
    proofs::logs_agree(&stage).await;
    for code in ["XA", "XB"] {
        let found = stage.gateway(code).verify().await.unwrap();
        assert!(found.damages.is_empty(), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_waits_while_its_peer_is_paused_and_the_command_that_resumes_it_is_told() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    packs(&stage, "XA", "XB", "a1", &[]);
    let paused = |stage: &Stage, code: &str, peer: &str| {
        let (gateway, peer) = (stage.gateway(code).clone(), ministry(peer));
        async move { gateway.pause_peer(&peer, false, String::new(), 0).await.unwrap() }
    };
    paused(&stage, "XA", "XB").await;
    let file = stick(&stage, "a2");
    let pack = ["pack", "--peer", "XB", "-o"].map(OsStr::new);
    let refused = types(&stage, "XA", &[&pack[..], &[file.as_os_str()]].concat());
    assert!(refused.code == 5 && refused.talk.contains("PAUSED"), "{refused:?}");
    assert!(refused.hint().ends_with(" peer resume XB"), "{refused:?}");
    assert!(!file.exists());

    only(&mut stage, "XB", "XA").await;
    paused(&stage, "XB", "XA").await;
    let refused = unpacks(&stage, "XB", "a1");
    assert!(refused.code == 5 && refused.hint().ends_with(" peer resume XA"), "{refused:?}");
    stage.gateway("XB").resume_peer(&ministry("XA"), 0).await.unwrap();
    assert_eq!(unpacks(&stage, "XB", "a1").json()["taken"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_holds_stays_behind_and_is_counted() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    let held = sends(&stage, "XA", "XB", "Two.").await.id.to_string();
    sends(&stage, "XA", "XB", "Three.").await;
    let decides =
        |stage: &Stage, verb: &str| types(stage, "XA", &[OsStr::new(verb), OsStr::new(&held)]).json();
    decides(&stage, "hold");
    let counts = |packed: &Value| ["messages", "held", "behind"].map(|key| packed[key].as_u64().unwrap());
    let packed = packs(&stage, "XA", "XB", "a1", &[]);
    assert_eq!(counts(&packed), [1, 1, 1], "{packed}");
    let next = packed["next"][0].as_str().unwrap();
    assert!(next.ends_with("queue list --ministry XB --state held"), "{packed}");
    // What is left to an earlier stick does not stay behind.
    assert_eq!(counts(&packs(&stage, "XA", "XB", "a2", &["--new"])), [0, 1, 1]);

    only(&mut stage, "XB", "XA").await;
    let taken = unpacks(&stage, "XB", "a1");
    assert!(taken.code == 6 && taken.talk.contains("COURIER_ABSENT"), "{taken:?}");
    assert_eq!(
        (taken.told()["taken"].as_u64(), taken.told()["absent"].as_u64()),
        (Some(1), Some(2)),
        "{taken:?}"
    );

    only(&mut stage, "XA", "XB").await;
    decides(&stage, "release");
    let packed = packs(&stage, "XA", "XB", "a3", &[]);
    assert_eq!((counts(&packed), packed["next"].as_array().map(Vec::len)), ([3, 0, 0], Some(0)), "{packed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_for_another_ministry_and_from_one_that_is_not_accredited_is_refused() {
    let mut stage = Stage::apart(&["XA", "XB", "XC"], |_| {});
    for code in ["XA", "XB", "XC"] {
        stage.house_mut(code).start().await.unwrap();
    }
    for (at, peer) in [("XA", "XB"), ("XB", "XA"), ("XA", "XC")] {
        stage.accredit(at, peer).await;
    }
    packs(&stage, "XA", "XB", "for-xb", &[]);
    packs(&stage, "XA", "XC", "for-xc", &[]);
    let other = unpacks(&stage, "XB", "for-xc");
    assert!(other.code == 6 && other.talk.contains("COURIER_OTHER_MINISTRY"), "{other:?}");
    let stranger = unpacks(&stage, "XC", "for-xc");
    assert!(stranger.code != 0 && count(&stage, "XC").await == 0, "{stranger:?}");
    assert!(stranger.talk.contains("ACCREDITED"), "{stranger:?}");
}
