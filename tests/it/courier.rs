//! Courier mode by the real binary: two gateways that never run at the same time exchange messages, a document and their
//! receipts by sticks alone; then the line comes back in the middle of it, and every message is there once. A missing,
//! a doubled and a damaged stick are told by name and lose nothing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chancery::desk::register::{SentEntry, SentState};
use chancery::message::courier::{Packing, Record, Unpacking};
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::terms::Level;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::{Delivery, RelayFrame};
use chancery::time::Clock;
use prost::Message as _;
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
async fn a_missing_a_doubled_and_a_damaged_stick_are_told_and_lose_nothing() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    for (number, words) in [(1, "One."), (2, "Two."), (3, "Three.")] {
        sends(&stage, "XA", "XB", words).await;
        let packed = packs(&stage, "XA", "XB", &format!("a{number}"), &["--new"]);
        assert_eq!(
            (packed["number"].as_u64(), packed["messages"].as_u64()),
            (Some(number), Some(1)),
            "{packed}"
        );
    }
    only(&mut stage, "XB", "XA").await;
    // The first has gone astray.
    let gap = unpacks(&stage, "XB", "a2");
    let told = gap.told();
    assert_eq!((gap.code, told["refusals"].as_u64()), (6, Some(1)), "{gap:?}");
    assert_eq!(told["missing_sticks"], serde_json::json!([1]), "{told}");
    assert_eq!(
        told["refused"][0]["what"].as_str().map(|what| what.starts_with("message number 2 on ")),
        Some(true)
    );
    assert_eq!(count(&stage, "XB").await, 0);
    // Damaged, truncated, of a later release, something else: refused whole.
    let bytes = text(&stick(&stage, "a1"));
    let refused = |name: &str, bytes: &[u8], code: i32, reason: &str| {
        fs::write(stick(&stage, name), bytes).unwrap();
        let said = unpacks(&stage, "XB", name);
        assert!(said.code == code && said.talk.contains(reason), "{name}: {said:?}");
        let next = if reason == "COURIER_LATER_RELEASE" { "chancery version" } else { "queue pack --peer" };
        assert!(said.hint().contains(next), "{name}: {said:?}");
    };
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    refused("damaged", &damaged, 3, "COURIER_DAMAGED");
    refused("truncated", &bytes[..bytes.len() - 1], 3, "COURIER_TRUNCATED");
    refused("later", &[b"chancery-courier/2\n", &bytes[19..]].concat(), 2, "COURIER_LATER_RELEASE");
    refused("other", b"something else altogether", 2, "COURIER_NO_STICK");
    assert_eq!(count(&stage, "XB").await, 0);
    // It is found again, and what was refused goes on behind it.
    for name in ["a1", "a2", "a3"] {
        assert_eq!(unpacks(&stage, "XB", name).json()["taken"], 1, "{name}");
    }
    assert_eq!(unpacks(&stage, "XB", "a2").json()["already_taken"], true);
    assert_eq!(count(&stage, "XB").await, 3);

    // Nobody unpacks his own, or one for somebody else.
    packs(&stage, "XB", "XA", "b1", &[]);
    let own = unpacks(&stage, "XB", "b1");
    assert!(own.code == 6 && own.talk.contains("COURIER_OWN"), "{own:?}");
    assert!(own.talk.contains("is to be typed at the ministry that it is for"), "{own:?}");
    let pasted = own.hint().starts_with("chancery --home GATEWAY queue unpack ") && !own.hint().contains(',');
    assert!(pasted, "{own:?}");
    let nobody = types(&stage, "XB", &["pack", "--peer", "XC", "-o", "x.stick"].map(OsStr::new));
    assert!(nobody.code == 7 && nobody.talk.contains("NOT_ACCREDITED"), "{nobody:?}");
    assert_eq!(nobody.hint(), "chancery --home DESK peer add XC.bundle");
    let missing = unpacks(&stage, "XB", "no-such.stick");
    assert!(missing.code == 7 && missing.hint().starts_with("ls -la /"), "{missing:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn an_old_stick_makes_no_restored_gateway_sign_again() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    // XB packs while it knows little of XA; later XA goes on by wire, and is then rolled back.
    let old = packs(&stage, "XB", "XA", "old", &[]);
    assert_eq!(old["number"], 1);
    stage.house_mut("XA").stop().await.unwrap();
    let data = crate::archive::data(&stage, "XA");
    let kept = stage.folder().join("kept");
    crate::archive::copy(&data, &kept);
    stage.house_mut("XA").start().await.unwrap();
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(&data).unwrap();
    crate::archive::copy(&kept, &data);
    fs::remove_file(stage.house("XA").homes().gateway.directory().join("run/mark")).unwrap();
    stage.house_mut("XA").start().await.unwrap();
    let before = stage.gateway("XA").standing(&ministry("XB"));
    unpacks(&stage, "XA", "old");
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), before, "an old hello vouches for nothing");
    let size = log_size(&stage).await;
    // The desk may register it; the gateway signs nothing for it.
    let _unsigned = stage.house("XA").send(&forms::memorandum("XB", "new", "Two."), stage.folder()).await;
    assert_eq!(log_size(&stage).await, size);
    // A new one shows what is lost.
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    packs(&stage, "XB", "XA", "new", &[]);
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    unpacks(&stage, "XA", "new");
    let alarms = stage.gateway("XA").status().await.unwrap().alarms;
    assert!(alarms.iter().any(|alarm| alarm.code == "ROLLED_BACK"), "{alarms:?}");
    stage.house_mut("XB").start().await.unwrap();
    stage.sound("XA", "XB").await;
    proofs::logs_agree(&stage).await;
}

/// A stick in other words, its digest redone: large parts are dropped, and `change` has seen every frame.
fn altered(stick: &[u8], change: impl Fn(&mut Frame)) -> Vec<u8> {
    let mut unpacking = Unpacking::default();
    unpacking.add(stick);
    let Some(Record::Opening(opening)) = unpacking.next_record().unwrap() else { panic!("no opening") };
    let (mut packing, mut bytes) = Packing::begin(&opening);
    while let Some(record) = unpacking.next_record().unwrap() {
        if let Record::Frame(frame) = record {
            let mut frame = RelayFrame::decode(frame.as_slice()).unwrap();
            frame.frame.as_mut().into_iter().for_each(&change);
            bytes.extend(packing.frame(&frame.encode_to_vec()));
        }
    }
    unpacking.finish().unwrap();
    bytes.extend(packing.end());
    bytes
}

/// Header and signature are genuine; the parts are gone, and the mark is set.
fn mark_withdrawn(frame: &mut Frame) {
    let Frame::Deliveries(deliveries) = frame else { return };
    for delivery in &mut deliveries.deliveries {
        let whole = Envelope::parse(&delivery.envelope).unwrap();
        let bare = Envelope::without_parts(whole.header().clone(), whole.signature().to_vec()).unwrap();
        *delivery = Delivery { envelope: bare.encode(), withdrawn: true };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_withdraws_only_what_the_log_of_its_sender_withdrew() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    packs(&stage, "XA", "XB", "a1", &[]);
    let stolen = altered(&text(&stick(&stage, "a1")), mark_withdrawn);
    fs::write(stick(&stage, "stolen"), stolen).unwrap();
    only(&mut stage, "XB", "XA").await;
    let said = unpacks(&stage, "XB", "stolen");
    let told = said.told();
    assert_eq!((said.code, told["refusals"].as_u64()), (6, Some(1)), "{said:?}");
    assert_eq!((told["taken"].as_u64(), told["rejected"].as_u64()), (Some(0), Some(0)), "{told}");
    assert_eq!(told["refused"][0]["reason"], "COURIER_UNPROVEN", "{told}");
    // Its number is free for the genuine one.
    assert_eq!(unpacks(&stage, "XB", "a1").json()["taken"], 1);
    assert_eq!(count(&stage, "XB").await, 1);

    // What was withdrawn by a leaf is believed.
    only(&mut stage, "XA", "XB").await;
    let sent = sends(&stage, "XA", "XB", "Two.").await;
    let id = sent.id.to_string();
    types(&stage, "XA", &["cancel", &id[..12], "--yes"].map(OsStr::new)).json();
    packs(&stage, "XA", "XB", "a2", &[]);
    only(&mut stage, "XB", "XA").await;
    let told = unpacks(&stage, "XB", "a2").json();
    assert_eq!((told["held"].as_u64(), told["rejected"].as_u64()), (Some(1), Some(1)), "{told}");
    assert_eq!(count(&stage, "XB").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cosignature_that_does_not_hold_keeps_no_message_off_a_stick() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    let packed = packs(&stage, "XA", "XB", "a1", &[]);
    let by_nobody = |frame: &mut Frame| {
        if let Frame::Cosignature(cosignature) = frame {
            cosignature.line = "no line at all".to_owned();
        }
    };
    let other = altered(&text(&stick(&stage, "a1")), by_nobody);
    assert_ne!(other, text(&stick(&stage, "a1")), "there is a cosignature to spoil: {packed}");
    fs::write(stick(&stage, "other"), other).unwrap();
    only(&mut stage, "XB", "XA").await;
    let said = unpacks(&stage, "XB", "other");
    let told = said.told();
    assert_eq!((said.code, told["refused"][0]["reason"].as_str()), (6, Some("COURIER_UNPROVEN")), "{said:?}");
    assert_eq!(told["taken"], 1, "{told}");
    assert_eq!(count(&stage, "XB").await, 1);
}

/// What is changed of a frame.
type Change<'a> = &'a dyn Fn(&mut Frame);

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_on_a_stick_accuses_nobody() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XB", "XA").await;
    sends(&stage, "XB", "XA", "One.").await;
    packs(&stage, "XB", "XA", "b1", &[]);
    only(&mut stage, "XA", "XB").await;
    let claims = |frame: &mut Frame| {
        if let Frame::Hello(hello) = frame {
            // The mirror of another size, under the signature of the true one.
            for mirror in &mut hello.mirrors {
                let (origin, rest) = mirror.split_once('\n').unwrap();
                let (_, rest) = rest.split_once('\n').unwrap();
                *mirror = format!("{origin}\n1000000\n{rest}");
            }
        }
    };
    let announces = |frame: &mut Frame| {
        if let Frame::Announcement(announcement) = frame {
            announcement.bundle = b"no bundle".to_vec();
        }
    };
    let tells = |frame: &mut Frame| {
        if let Frame::LogUpdate(update) = frame {
            let last = update.leaves.last_mut().unwrap();
            let message = |what: &[u8]| {
                let digest = chancery::digest::Digest::of(what);
                chancery::message::leaf::Leaf::about_record(LeafKind::Bundle, digest, stage.clock.now())
            };
            *last = message(b"another").bytes();
        }
    };
    let changes: [(&str, Change<'_>, i32); 3] =
        [("tells", &tells, 6), ("announces", &announces, 6), ("claims", &claims, 0)];
    let packed = text(&stick(&stage, "b1"));
    for (name, change, code) in changes {
        let other = altered(&packed, change);
        assert_ne!(other, packed, "{name}");
        fs::write(stick(&stage, name), other).unwrap();
        let said = unpacks(&stage, "XA", name);
        assert_eq!(said.code, code, "{name}: {said:?}");
        assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, [], "{name}");
    }
    assert_eq!(unpacks(&stage, "XA", "b1").json()["refusals"], 0);
    assert_eq!(count(&stage, "XA").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_stick_with_a_bundle_that_has_its_successor_is_taken_without_a_word() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    packs(&stage, "XB", "XA", "b1", &[]);
    let next = stage.house("XB").issue_bundle().unwrap();
    let fingerprint = *next.bundle().fingerprint().digest();
    let house = stage.house("XA");
    house.desk().unwrap().accredit(house.keys(), next, &fingerprint, Level::Confidential).await.unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    let told = unpacks(&stage, "XA", "b1").json();
    assert_eq!(told["refusals"], 0, "{told}");
    assert_eq!(stage.gateway("XA").status().await.unwrap().alarms, []);
}

#[test]
fn a_stick_of_short_records_is_read_in_the_time_of_its_length() {
    let opening = chancery::message::courier::Opening {
        from: ministry("XA"),
        to: ministry("XB"),
        number: 1,
        time: chancery::time::Timestamp::from_seconds(1_790_000_000),
    };
    let (mut packing, mut bytes) = Packing::begin(&opening);
    let count = 400_000;
    for _ in 0..count {
        bytes.extend(packing.frame(b""));
    }
    bytes.extend(packing.end());
    // All of it at once, as a piece of a call may bring it.
    let (begun, mut unpacking, mut read) = (std::time::Instant::now(), Unpacking::default(), 0);
    unpacking.add(&bytes);
    while unpacking.next_record().unwrap().is_some() {
        read += 1;
    }
    unpacking.finish().unwrap();
    assert_eq!(read, count + 1);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_that_could_not_be_written_is_packed_again_as_new() {
    let mut stage = Stage::pair().await;
    proofs::logs_agree(&stage).await;
    only(&mut stage, "XA", "XB").await;
    sends(&stage, "XA", "XB", "One.").await;
    // The medium is full: no file may grow over one block.
    let home = stage.house("XA").homes().gateway.directory().to_owned();
    let file = stick(&stage, "full");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_chancery"), "--home"]);
    command.arg(home).args(["queue", "pack", "--peer", "XB", "-o"]).arg(&file);
    let said = command.env_clear().stdin(Stdio::null()).output().unwrap();
    assert!(!said.status.success() && !file.exists(), "{said:?}");
    for (name, expected) in [("a1", 1), ("a2", 0)] {
        let packed = packs(&stage, "XA", "XB", name, &["--new"]);
        assert_eq!(packed["messages"].as_u64(), Some(expected), "{name}: {packed}");
    }
}
