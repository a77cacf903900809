//! The program that checks archives finds each kind of wrong, and finds nothing where all is well.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use chancery::message::leaf::{Leaf, LeafKind};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::archive::{Verdict, check, export};
use super::chance::Chance;
use super::forgery::{Archives, id_of};
use super::traffic::{Lane, Reader, Traffic, submit};
use crate::support::{Stage, eventually, ministry, proofs};

/// Messages each way: with what each side writes about the other's, more than one whole tile of 256 leaves.
const MESSAGES: u64 = 130;

/// What was exported after an honest exchange, and a verdict on any change of it.
struct Honest {
    stage: Stage,
    folder: TempDir,
    /// What was not found as it was wanted; told together, because an exchange takes its time.
    unfound: RefCell<Vec<String>>,
}

impl Honest {
    async fn exchange() -> Self {
        let stage = Stage::pair().await;
        let folder = tempfile::tempdir().unwrap();
        let traffic = Traffic::new(stage, &folder.path().join("history.jsonl"));
        let channel = traffic.stage.world.channel(&["XA", "XB"].map(ministry)).unwrap();
        let mut chance = Chance::draw("an honest exchange");
        for (from, to) in [("XA", "XB"), ("XB", "XA")] {
            let mut lane = Lane::new(from, to, &channel, chance.fork());
            let house = traffic.stage.house(from);
            let mut mailbox = house.desk().unwrap().mailbox(house.keys()).await.unwrap();
            for _ in 0..MESSAGES {
                let (envelope, document) = lane.compose(&traffic.stage);
                let receipt = submit(&mut mailbox, &envelope, document.as_deref()).await.unwrap();
                traffic.history.write(&lane.accepted(&envelope, &receipt));
            }
        }
        eventually("everything is answered", || async {
            let mut queued = 0;
            for side in ["XA", "XB"] {
                let status = traffic.stage.gateway(side).status().await.unwrap();
                queued += status.peers.iter().map(|peer| peer.queued).sum::<u64>();
            }
            queued == 0
        })
        .await;
        proofs::logs_agree(&traffic.stage).await;
        traffic.fetching_ends.store(true, Ordering::Relaxed);
        for side in ["XA", "XB"] {
            Reader::new(side, "main").fetch(traffic.clone()).await;
        }
        traffic.history.end();
        let stage = std::sync::Arc::try_unwrap(traffic).map_err(|_| "shared").unwrap().stage;
        for side in ["XA", "XB"] {
            let home = stage.house(side).homes().gateway.directory().to_owned();
            let to = folder.path().join(side);
            tokio::task::spawn_blocking(move || export(&home, &to)).await.unwrap();
        }
        Self { stage, folder, unfound: RefCell::default() }
    }

    /// What the program says after `tamper`; with the history of the desks or without.
    fn after(&self, with_history: bool, tamper: impl FnOnce(&Archives<'_>)) -> Option<Verdict> {
        let copy = tempfile::tempdir().unwrap();
        let archives = Archives::copy(&self.stage, self.folder.path(), copy.path());
        tamper(&archives);
        let (xa, xb, history) = (archives.of("XA"), archives.of("XB"), archives.history());
        let histories: &[&Path] = if with_history { &[&history] } else { &[] };
        check(&[&xa, &xb], &["--drained"], histories)
    }

    /// Demands these faults and no others.
    fn finds(&self, codes: &[&str], with_history: bool, tamper: impl FnOnce(&Archives<'_>)) {
        if let Some(verdict) = self.after(with_history, tamper)
            && verdict.codes() != codes
        {
            self.unfound.borrow_mut().push(format!("{codes:?} but {verdict:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_finds_every_kind_of_wrong_in_exported_archives() {
    let honest = Honest::exchange().await;
    let Some(verdict) = honest.after(true, |_| {}) else { return };
    assert!(verdict.good, "{verdict:?}");
    let counted = ["sent", "received", "accepted", "fetched", "delivered"];
    assert_eq!(counted.map(|what| verdict.checked(what)), [2 * MESSAGES; 5], "{verdict:?}");
    // At both ends of every message.
    assert_eq!(verdict.checked("headers"), 4 * MESSAGES, "{verdict:?}");
    for (what, least) in
        [("logs", 2), ("mirrors", 2), ("tiles", 4), ("receipts", 4 * MESSAGES), ("bundles", 4)]
    {
        assert!(verdict.checked(what) >= least, "{what}: {verdict:?}");
    }
    one_side_alone_is_enough(&honest);
    lost(&honest);
    doubled(&honest);
    reordered(&honest);
    altered(&honest);
    forged(&honest);
    not_cosigned(&honest);
    phantoms(&honest);
    let unfound = honest.unfound.take();
    assert!(unfound.is_empty(), "{}", unfound.join("\n"));
}

fn one_side_alone_is_enough(honest: &Honest) {
    let alone = honest.folder.path().join("XA");
    let root = honest.stage.world.bundle(&ministry("XB")).unwrap().bundle().fingerprint().digest().hex();
    let verdict = check(&[&alone], &["--fingerprint", &format!("XB={root}")], &[]).unwrap();
    assert!(verdict.good, "{verdict:?}");
    assert_eq!(verdict.checked("delivered"), 2 * MESSAGES);
    let verdict = check(&[&alone], &["--fingerprint", &format!("XB={}", "00".repeat(32))], &[]).unwrap();
    assert_eq!(verdict.codes(), ["ROOT_UNKNOWN"]);
    // Cut short while it was written.
    honest.finds(&["MALFORMED"], false, |archives| {
        for side in ["XA", "XB"] {
            fs::remove_file(archives.of(side).join("archive.json")).unwrap();
        }
    });
}

fn lost(honest: &Honest) {
    // The recipient forgets the last message it took, and everything that would show it.
    honest.finds(&["LOST"], false, |archives| {
        archives.without_receipts();
        let mut leaves = archives.leaves("XB", "XB");
        let last = leaves.iter().rposition(|leaf| kind(leaf) == LeafKind::Received).unwrap();
        leaves.remove(last);
        archives.rewrite("XB", &leaves);
    });
    // The sender forgets a message that it gave a receipt for, and the recipient with it.
    honest.finds(&["FORKED", "LOST", "PHANTOM"], true, |archives| {
        let sent = archives.leaves("XA", "XA");
        let last = sent.iter().rposition(|leaf| kind(leaf) == LeafKind::Sent).unwrap();
        let id = id_of(&sent[last]);
        for keeper in ["XA", "XB"] {
            let mut leaves = archives.leaves(keeper, keeper);
            leaves.retain(|leaf| id_of(leaf) != id);
            archives.rewrite(keeper, &leaves);
        }
        archives.without_receipts();
    });
    // One desk was never given the last message.
    honest.finds(&["LOST"], true, |archives| {
        let mut fetched = 0;
        archives.change(&archives.history(), |event| {
            let here = event["event"] == "fetched" && event["ministry"] == "XB";
            fetched += u64::from(here);
            !(here && fetched == MESSAGES)
        });
    });
}

fn doubled(honest: &Honest) {
    honest.finds(&["DOUBLED"], false, |archives| {
        archives.without_receipts();
        let mut leaves = archives.leaves("XB", "XB");
        let first = leaves.iter().find(|leaf| kind(leaf) == LeafKind::Received).unwrap().clone();
        leaves.push(first);
        archives.rewrite("XB", &leaves);
    });
    honest.finds(&["DOUBLED", "OUT_OF_ORDER"], true, |archives| {
        let events = fs::read_to_string(archives.history()).unwrap();
        let again = events.lines().rfind(|event| event.contains("fetched")).unwrap();
        fs::write(archives.history(), format!("{events}{again}\n")).unwrap();
    });
}

fn reordered(honest: &Honest) {
    honest.finds(&["OUT_OF_ORDER"], false, |archives| {
        archives.without_receipts();
        let mut leaves = archives.leaves("XB", "XB");
        let mut taken = (0..leaves.len()).filter(|at| kind(&leaves[*at]) == LeafKind::Received);
        let (first, second) = (taken.next().unwrap(), taken.next().unwrap());
        leaves.swap(first, second);
        archives.rewrite("XB", &leaves);
    });
    honest.finds(&["OUT_OF_ORDER"], true, |archives| {
        let events = fs::read_to_string(archives.history()).unwrap();
        let mut events: Vec<Value> =
            events.lines().map(|event| serde_json::from_str(event).unwrap()).collect();
        let mut fetched = (0..events.len()).filter(|at| events[*at]["event"] == "fetched");
        let (first, second) = (fetched.next().unwrap(), fetched.next().unwrap());
        let (one, other) = (events[first]["id"].clone(), events[second]["id"].clone());
        (events[first]["id"], events[second]["id"]) = (other, one);
        let events: String = events.iter().map(|event| format!("{event}\n")).collect();
        fs::write(archives.history(), events).unwrap();
    });
}

fn altered(honest: &Honest) {
    // One bit of one leaf.
    let bundle = "tile/entries/000";
    honest.finds(&["ALTERED", "FORKED"], false, |archives| flip(&archives.log("XA", "XA").join(bundle), 300));
    // One bit of one hash.
    honest.finds(&["ALTERED"], false, |archives| flip(&archives.log("XA", "XA").join("tile/0/000"), 300));
    // A header, in the list of messages.
    honest.finds(&["ALTERED", "LOST"], false, |archives| {
        let mut first = true;
        archives.change(&archives.of("XA").join("messages/sent.jsonl"), |line| {
            if std::mem::take(&mut first) {
                let mut header = BASE64.decode(line["header"].as_str().unwrap().as_bytes()).unwrap();
                *header.last_mut().unwrap() ^= 1;
                line["header"] = json!(BASE64.encode(&header));
            }
            true
        });
    });
    // Another time in a leaf, under a true signature of its keeper, told to one side only.
    honest.finds(&["FORKED"], false, |archives| {
        let mut leaves = archives.leaves("XA", "XB");
        let last = leaves.len() - 1;
        let mut leaf = Leaf::parse(&leaves[last]).unwrap();
        leaf.time = leaf.time.after(std::time::Duration::from_secs(1));
        leaves[last] = leaf.bytes();
        archives.rewrite_at("XA", "XB", &leaves);
    });
}

fn forged(honest: &Honest) {
    // A receipt for one message is told as one for another.
    honest.finds(&["RECEIPT_FORGED"], true, |archives| {
        let mut receipt = Value::Null;
        archives.change(&archives.history(), |event| {
            if event["event"] == "accepted" && event["ministry"] == "XA" {
                receipt = std::mem::replace(&mut event["receipt"], receipt.clone());
                if event["receipt"].is_null() {
                    event["receipt"] = receipt.clone();
                }
            }
            true
        });
    });
    // A hash of its path is another.
    honest.finds(&["RECEIPT_FORGED"], true, |archives| change_receipts(archives, "\n\n", |at| at - 10));
    // A checkpoint that nobody signed.
    honest.finds(&["SIGNATURE_WRONG"], true, |archives| {
        change_receipts(archives, "\u{2014} mfa.xa", |at| at + 60)
    });
    // A header under another signature.
    honest.finds(&["ALTERED"], false, |archives| {
        archives.change(&archives.of("XA").join("messages/sent.jsonl"), |line| {
            let mut signature = BASE64.decode(line["signature"].as_str().unwrap().as_bytes()).unwrap();
            *signature.last_mut().unwrap() ^= 1;
            line["signature"] = json!(BASE64.encode(&signature));
            true
        });
    });
}

fn not_cosigned(honest: &Honest) {
    let strip = |note: &str| -> String {
        note.lines().filter(|line| !line.contains("/cosigner ")).map(|line| format!("{line}\n")).collect()
    };
    honest.finds(&["COSIGNATURE_MISSING"], false, |archives| {
        archives.change(&archives.log("XA", "XA").join("cosigned.jsonl"), |line| {
            line["checkpoint"] = json!(strip(line["checkpoint"].as_str().unwrap()));
            true
        });
    });
    // The newest ones are not there at all.
    honest.finds(&["COSIGNATURE_MISSING"], false, |archives| {
        let size = archives.leaves("XA", "XA").len();
        archives.change(&archives.log("XA", "XA").join("cosigned.jsonl"), |line| line["size"] != size);
    });
    honest.finds(&["SIGNATURE_WRONG"], false, |archives| {
        let path = archives.log("XA", "XA").join("checkpoint");
        let note = fs::read_to_string(&path).unwrap();
        let at = note.find("/cosigner ").unwrap() + 40;
        let other = if &note[at..=at] == "A" { "B" } else { "A" };
        fs::write(&path, format!("{}{other}{}", &note[..at], &note[at + 1..])).unwrap();
    });
}

fn phantoms(honest: &Honest) {
    // The recipient takes what was never sent.
    honest.finds(&["LOST", "PHANTOM"], false, |archives| {
        archives.without_receipts();
        let mut leaves = archives.leaves("XB", "XB");
        let taken = leaves.iter().find(|leaf| kind(leaf) == LeafKind::Received).unwrap();
        let mut leaf = Leaf::parse(taken).unwrap();
        let stranger = chancery::message::id::MessageId::parse(&"5a".repeat(32)).unwrap();
        leaf.message.as_mut().unwrap().id = stranger;
        leaves.push(leaf.bytes());
        archives.rewrite("XB", &leaves);
    });
    // A desk was given what no log knows.
    honest.finds(&["PHANTOM"], true, |archives| {
        let events = fs::read_to_string(archives.history()).unwrap();
        let event = json!({
            "event": "fetched", "ministry": "XB", "desk": "main",
            "cursor": MESSAGES + 1, "id": "5a".repeat(32),
        });
        fs::write(archives.history(), format!("{events}{event}\n")).unwrap();
    });
}

fn kind(leaf: &[u8]) -> LeafKind {
    Leaf::parse(leaf).unwrap().kind
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Changes one character of every receipt of XA's desk, found from a mark in the proof.
fn change_receipts(archives: &Archives<'_>, mark: &str, place: impl Fn(usize) -> usize) {
    archives.change(&archives.history(), |event| {
        if event["event"] == "accepted" && event["ministry"] == "XA" {
            let mut receipt = BASE64.decode(event["receipt"].as_str().unwrap().as_bytes()).unwrap();
            let at = receipt.windows(mark.len()).position(|window| window == mark.as_bytes()).unwrap();
            let at = place(at);
            receipt[at] = if receipt[at] == b'A' { b'B' } else { b'A' };
            event["receipt"] = json!(BASE64.encode(&receipt));
        }
        true
    });
}
