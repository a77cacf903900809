//! Disks that fill and disks that fail, under a real gateway process: nothing is receipted that is not kept, what
//! cannot be taken is refused, and a restart over a disk that is well again finds everything.

pub mod site;

use std::fs;
use std::path::Path;
use std::process::Command;

use chancery::desk::register::SentState;
use chancery::message::envelope::Envelope;
use chancery::message::receipt::Receipt;
use rusqlite::Connection;
use serde_json::Value;

use site::{Site, leave_free};

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_loses_nothing_that_was_receipted_and_refuses_the_rest() {
    let mut site = Site::found().await;
    let Some(disk) = site.small_disk() else { return };
    site.configure("ballast_mib = 2\nfloor_mib = 8\n");
    site.stop("XB").await;
    site.start_daemon(&[]);
    let first = site.send("XA", "Sent while there was room.").await.unwrap();
    assert_eq!(first.state, SentState::Queued);

    let filler = disk.path().join("filler");
    leave_free(disk.path(), &filler, 5 * MIB);
    let second = site.send("XA", "Sent to a full disk.").await.unwrap();
    assert_eq!(second.state, SentState::Released, "it was refused and changed nothing");
    assert!(second.submission_receipt.is_empty());
    site.until_status("nothing new is taken", |status| status["store"]["accepting"] == false);
    site.until_status("an alarm says so", alarmed);

    // What was taken before is still delivered and settled, and the mirror of the peer's log still grows.
    site.start("XB").await;
    let settled = site.settled("XA", &first).await;
    assert_eq!(settled.state, SentState::Delivered);
    leave_free(disk.path(), &filler, MIB / 2);
    let third = site.send("XB", "To a gateway without room.").await.unwrap();
    assert_eq!(third.state, SentState::Queued);
    site.until("the ballast is given away", || !disk.path().join("ballast").exists());

    fs::remove_file(&filler).unwrap();
    site.until_status("there is room again", |status| {
        status["store"]["accepting"] == true && status["store"]["ballast_bytes"] == 2 * MIB
    });
    site.resume("XA").await;
    assert_eq!(site.settled("XA", &second).await.state, SentState::Delivered);
    assert_eq!(site.settled("XB", &third).await.state, SentState::Delivered);
    site.until_status("the alarm is over", |status| !alarmed(status));
    assert_eq!(site.stop_daemon(), Some(0));
    assert_eq!(site.fsck(), (Some(0), String::new()));
}

fn alarmed(status: &Value) -> bool {
    status["alarms"].as_array().unwrap().iter().any(|alarm| alarm["code"] == "STORE_SPACE")
}

/// A fault that `strace` injects into the n-th call of a kind, and in how many calls it is tried.
struct Fault {
    calls: &'static str,
    error: &'static str,
    few: &'static [u32],
    many: u32,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nth_sync_or_write_that_fails_ends_the_gateway_and_loses_nothing_that_was_receipted() {
    if Command::new("strace").arg("--version").output().is_err() {
        eprintln!("SKIPPED failing syncs and writes of a real gateway: strace not found");
        return;
    }
    let long = std::env::var_os("CHANCERY_LONG").is_some();
    let faults = [
        Fault { calls: "fsync,fdatasync", error: "EIO", few: &[2, 3, 5], many: 30 },
        Fault { calls: "pwrite64", error: "ENOSPC", few: &[4, 15, 40], many: 60 },
    ];
    let mut site = Site::found().await;
    let (mut tried, mut injected) = (0, 0);
    for Fault { calls, error, few, many } in faults {
        let all: Vec<u32> = (1..=many).collect();
        for nth in if long { &all } else { few } {
            let trace = site.folder().join("trace");
            let _nothing_there = fs::remove_file(&trace);
            let (which, what) =
                (format!("trace={calls}"), format!("inject={calls}:error={error}:when={nth}"));
            // With the paths of files, to tell which one was hit.
            let traced =
                ["strace", "-f", "-y", "-qq", "-o", trace.to_str().unwrap(), "-e", &which, "-e", &what, "--"];
            let started = site.try_daemon(&traced);
            let mut ended = None;
            for turn in 0..6 {
                if !started {
                    break;
                }
                // Whether it is taken, refused or lost with the gateway: what counts is what a receipt was given for.
                let _taken = site.send("XA", &format!("{calls} {nth} {turn}")).await;
                ended = site.ended();
                if ended.is_some() {
                    break;
                }
            }
            let trace = fs::read_to_string(&trace).unwrap_or_default();
            let hits = injected_into(&trace);
            let hit = !hits.is_empty();
            // The mark of this run of the host is no record: without it a start awaits the peers.
            let only_the_mark = hit && hits.iter().all(|call| call.contains("/run/mark"));
            (tried, injected) = (tried + 1, injected + u32::from(hit));
            let code = match ended {
                Some(code) => code,
                None if (hit && !only_the_mark) || !started => site.wait_for_end(),
                None => site.stop_daemon(),
            };
            assert!(
                !hit || only_the_mark || code != Some(0),
                "{calls} {nth}: a gateway that failed must not end as if it were well"
            );
            let mark = site.home().join("run/mark");
            assert!(
                !only_the_mark || !mark.exists(),
                "{calls} {nth}: a mark that lacks something is believed"
            );
            receipts_are_kept(&mut site).await;
        }
    }
    println!("{tried} faults were tried and {injected} hit");
    assert!(injected * 3 >= tried * 2, "only {injected} of {tried} faults hit anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_whose_disk_is_full_while_a_part_is_written_gives_no_receipt_until_it_is_there() {
    if Command::new("strace").arg("--version").output().is_err() {
        eprintln!("SKIPPED a full disk at the recipient of a part: strace not found");
        return;
    }
    let mut site = Site::found().await;
    // While the gateway of XA is away, so that the name of the part is known before it comes.
    let sent = site.send_document("XB", &vec![7; 3 * 1024 * 1024]).await;
    assert_eq!(sent.state, SentState::Queued);
    let envelope = Envelope::parse(&sent.envelope).unwrap();
    let part = envelope.header().parts().iter().max_by_key(|part| part.size).unwrap();
    let arriving = site.data("XA").join("parts/arriving/XB").join(part.digest.hex());
    let trace = site.folder().join("trace");
    let [out, path] = [&trace, &arriving].map(|path| path.to_str().unwrap());
    let inject = ["-e", "trace=write", "-e", "inject=write:error=ENOSPC:when=3", "-P", path, "--"];
    let traced: Vec<&str> = ["strace", "-f", "-y", "-qq", "-o", out].into_iter().chain(inject).collect();
    assert!(site.try_daemon(&traced));
    let settled = site.settled("XB", &sent).await;
    assert_eq!(settled.state, SentState::Delivered, "it was sent again where it was cut");
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("(INJECTED)"), "the disk was never full: {trace}");
    assert!(site.data("XA").join("ballast").exists(), "that is for settlements");
    assert_eq!(site.stop_daemon(), Some(0), "a full disk is no reason to end");
    assert_eq!(site.fsck(), (Some(0), String::new()));
}

/// The calls that were made to fail, each with the path of its file.
fn injected_into(trace: &str) -> Vec<&str> {
    let lines: Vec<&str> = trace.lines().collect();
    let thread = |line: &str| line.split(' ').next().map(str::to_owned);
    let begun = |at: usize| match lines[at].contains(" resumed>") {
        true => lines[..at]
            .iter()
            .rev()
            .find(|line| thread(line) == thread(lines[at]) && line.contains("<unfinished")),
        false => lines.get(at),
    };
    let hits = (0..lines.len()).filter(|at| lines[*at].contains("(INJECTED)"));
    hits.map(|at| *begun(at).unwrap()).collect()
}

/// Over a disk that is well again: every message that was ever released is delivered, every receipt that was given
/// is of a leaf that is kept, and nothing is damaged.
async fn receipts_are_kept(site: &mut Site) {
    let receipted = site.sent("XA");
    site.start_daemon(&[]);
    site.resume("XA").await;
    for entry in site.sent("XA") {
        assert_eq!(site.settled("XA", &entry).await.state, SentState::Delivered, "{}", entry.id);
    }
    assert_eq!(site.stop_daemon(), Some(0));
    let database = site.data("XA").join("gateway.db");
    for entry in receipted.iter().filter(|entry| !entry.submission_receipt.is_empty()) {
        let receipt = Receipt::parse(&entry.submission_receipt).unwrap();
        let kept = leaf(&database, receipt.proof().index);
        assert_eq!(
            kept.as_deref(),
            Some(receipt.leaf_bytes()),
            "the receipt of {} was for nothing",
            entry.id
        );
    }
    assert_eq!(site.fsck(), (Some(0), String::new()));
}

fn leaf(database: &Path, index: u64) -> Option<Vec<u8>> {
    let sql = "SELECT bytes FROM leaf JOIN log ON log.key = leaf.log
               WHERE mirror = 0 AND origin NOT LIKE '%/administration/%' AND leaf_index = ?1";
    Connection::open(database).unwrap().query_row(sql, [index as i64], |row| row.get(0)).ok()
}
