//! `chancery-gateway fsck`: every kind of damage is found and named while the gateway does not run, no bit of what
//! is kept can flip unseen, and nothing is reported that is well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use chancery::digest::Digest;
use chancery::entropy::{SystemEntropy, random};
use chancery::gateway::filling::{Filled, Filling, fill};
use chancery::gateway::fsck::{Report, examine};
use chancery::gateway::store::record::{Damaged, Unwatched};
use chancery::time::Clock;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

use crate::archive::{at_rest, change, copy, mend_after_changing, only_file, spoil};
use crate::support::{Stage, forms, proofs};

async fn fsck(stage: &Stage, home: &Path) -> Report {
    examine(home, stage.clock.now(), &Unwatched).await.unwrap()
}

fn daemon(home: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery-gateway"));
    command.env_clear().args(["fsck", "--home"]).arg(home).args(more).output().unwrap()
}

/// A home like that of a gateway at rest, in a place of its own.
fn copy_of(stage: &Stage, code: &str, name: &str) -> PathBuf {
    let place = stage.folder().join(name);
    copy(stage.house(code).homes().gateway.directory(), &place);
    place
}

/// Damages a home at rest.
type Spoil<'a> = &'a dyn Fn(&Path);

#[tokio::test(flavor = "multi_thread")]
async fn fsck_names_damage_of_every_kind_and_nothing_where_all_is_well() {
    let (stage, sent) = at_rest().await;
    let whole = [copy_of(&stage, "XA", "whole-xa"), copy_of(&stage, "XB", "whole-xb")];
    for home in &whole {
        let report = fsck(&stage, home).await;
        assert!(report.is_clean(), "{}", report.text());
        assert!(report.found().leaves >= 4 && report.found().messages == 1, "{report:?}");
    }
    let id = sent.id.digest();
    let sql = |sql: &'static str| move |home: &Path| change(&home.join("data/gateway.db"), sql);
    let flip = |table: &'static str, column: &'static str, condition: &'static str| {
        move |home: &Path| spoil(&home.join("data/gateway.db"), table, column, condition)
    };
    let (xa, xb) = (0, 1);
    let spoils: [(&str, usize, Damaged, Spoil<'_>); 18] = [
        ("a leaf", xb, Damaged::Leaf, &flip("leaf", "bytes", "leaf_index = 1")),
        ("a header", xb, Damaged::Message, &flip("message", "header", "1")),
        ("a signature", xb, Damaged::Message, &flip("message", "signature", "1")),
        ("a part", xb, Damaged::Part, &flip("part", "content", "content IS NOT NULL")),
        ("a node", xb, Damaged::Node, &flip("node", "hash", "level = 0")),
        ("a receipt", xa, Damaged::Message, &flip("outgoing", "receipt", "1")),
        ("a bundle", xb, Damaged::Record, &flip("record", "bytes", "kind = 1")),
        (
            "a checkpoint",
            xb,
            Damaged::Checkpoint,
            &sql("UPDATE log SET cosigned = replace(cosigned, '/2026', '/2025') WHERE mirror = 0"),
        ),
        (
            "an older checkpoint",
            xa,
            Damaged::Checkpoint,
            &sql("UPDATE cosigned_checkpoint SET text = replace(text, '/2026', '/2025')"),
        ),
        ("a link to a part", xb, Damaged::Part, &sql("UPDATE message_part SET part = 1 WHERE position = 1")),
        ("a message without its outbox row", xa, Damaged::Reference, &sql("DELETE FROM outgoing")),
        ("an outbox row without its message", xa, Damaged::Structure, &|home| {
            let connection = Connection::open(home.join("data/gateway.db")).unwrap();
            let sql = "PRAGMA foreign_keys = OFF; UPDATE outgoing SET message = message + 7";
            connection.execute_batch(sql).unwrap();
        }),
        ("a place in the mailbox", xb, Damaged::Reference, &sql("UPDATE mailbox SET cursor = 2")),
        ("the sums of the mailbox", xb, Damaged::Reference, &sql("UPDATE mailbox SET peer_bytes = 1")),
        (
            "a gap in a sequence",
            xb,
            Damaged::Reference,
            &sql("UPDATE pair SET sequence = 2 WHERE direction = 2"),
        ),
        ("a trigger", xb, Damaged::Structure, &|home| {
            let connection = Connection::open(home.join("data/gateway.db")).unwrap();
            connection.execute("DROP TRIGGER outgoing_came", []).unwrap();
        }),
        ("a log, with every hash mended", xb, Damaged::Checkpoint, &|home| {
            mend_after_changing(&home.join("data/gateway.db"));
        }),
        ("a large part", xb, Damaged::Part, &|home| {
            let file = only_file(&home.join("data/parts"));
            let mut bytes = fs::read(&file).unwrap();
            bytes[1000] ^= 1;
            fs::write(&file, bytes).unwrap();
        }),
    ];
    for (number, (what, which, kind, spoil)) in spoils.into_iter().enumerate() {
        let home = stage.folder().join(format!("spoiled-{number}"));
        copy(&whole[which], &home);
        spoil(&home);
        let report = fsck(&stage, &home).await;
        let found: Vec<Damaged> = report.found().damages.iter().map(|damage| damage.what).collect();
        assert!(found.contains(&kind), "{what}: {}", report.text());
        if kind == Damaged::Message || what == "a large part" {
            assert!(report.text().contains(&id.hex()), "{what} names no message: {}", report.text());
        }
        fs::remove_dir_all(&home).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executable_refuses_a_running_gateway_reads_a_copy_and_tells_by_its_exit_code() {
    let (mut stage, _) = at_rest().await;
    let home = stage.house("XB").homes().gateway.directory().to_owned();
    let clean = daemon(&home, &["--json"]);
    assert_eq!(clean.status.code(), Some(0), "{clean:?}");
    let report: serde_json::Value = serde_json::from_slice(&clean.stdout).unwrap();
    assert_eq!((&report["schema"], &report["clean"]), (&"chancery.fsck/1".into(), &true.into()));

    stage.house_mut("XB").start().await.unwrap();
    let running = daemon(&home, &[]);
    let said = String::from_utf8_lossy(&running.stderr).into_owned();
    assert_eq!((running.status.code(), running.stdout.len()), (Some(1), 0), "{said}");
    assert!(
        said.starts_with("error[store-in-use]: ") && said.contains("in use by another process"),
        "{said}"
    );
    assert!(said.contains("hint: ") && said.contains("log verify") && !said.contains("ERROR"), "{said}");
    let running = daemon(&home, &["--json"]);
    let report: serde_json::Value = serde_json::from_slice(&running.stdout).unwrap();
    assert_eq!((&report["schema"], &report["code"]), (&"chancery.error/1".into(), &"store-in-use".into()));
    stage.house_mut("XB").stop().await.unwrap();

    let place = copy_of(&stage, "XB", "copy");
    spoil(&place.join("data/gateway.db"), "leaf", "bytes", "leaf_index = 1");
    let before = fs::read(place.join("data/gateway.db")).unwrap();
    let damaged = daemon(&place, &[]);
    let said = String::from_utf8(damaged.stdout).unwrap();
    assert_eq!(damaged.status.code(), Some(3), "{said}");
    assert!(said.contains("damaged LEAF: leaf 1 of ") && said.contains("what to do about LEAF"), "{said}");
    assert_eq!(fs::read(place.join("data/gateway.db")).unwrap(), before, "it changes nothing");

    for spoil in [|database: &Path| fs::write(database, b""), |database: &Path| fs::remove_file(database)] {
        spoil(&place.join("data/gateway.db")).unwrap();
        let unusable = daemon(&place, &[]);
        let said = String::from_utf8(unusable.stdout).unwrap();
        assert_eq!(unusable.status.code(), Some(3), "{said}");
        assert!(said.contains("damaged STRUCTURE") && said.contains("restore the newest backup"), "{said}");
    }
    // The variable names a home where no option does.
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery-gateway"));
    let named = command.env_clear().env("CHANCERY_HOME", &home).args(["fsck", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&named.stdout).unwrap();
    assert_eq!((named.status.code(), &report["clean"]), (Some(0), &true.into()), "{report}");

    let nothing = daemon(&stage.folder().join("nowhere"), &[]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
}

/// Everything that is kept of messages, parts and logs, as the gateway would read it. What is left out is state
/// without evidence: attempts and their reasons, alarms, decisions of operators, what the desk has acknowledged,
/// the second message of an equivocation.
const KEPT: [&str; 13] = [
    "SELECT * FROM leaf ORDER BY log, leaf_index",
    "SELECT * FROM leaf_about ORDER BY message, log, leaf_index",
    "SELECT * FROM node ORDER BY log, level, node_index",
    "SELECT * FROM log ORDER BY key",
    "SELECT * FROM cosigned_checkpoint ORDER BY log, size",
    "SELECT * FROM message ORDER BY key",
    "SELECT * FROM part ORDER BY key",
    "SELECT * FROM message_part ORDER BY message, position",
    "SELECT * FROM pair ORDER BY key",
    "SELECT * FROM mailbox ORDER BY cursor",
    "SELECT * FROM rejection ORDER BY message",
    "SELECT * FROM record ORDER BY kind, ministry, sequence",
    "SELECT message, pair, precedence, valid_until, state, unanswered, held, expiry_log, expiry_index,
         withdrawal_log, withdrawal_index, receipt FROM outgoing ORDER BY message",
];

/// What the gateway would read; none where it could not.
fn contents(database: &Path) -> Option<Vec<Vec<Value>>> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let mut found = Vec::new();
    for sql in KEPT {
        let mut statement = connection.prepare(sql).ok()?;
        let columns = statement.column_count();
        let mut rows = statement.query([]).ok()?;
        while let Some(row) = rows.next().ok()? {
            found.push((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>().ok()?);
        }
        found.push(Vec::new());
    }
    Some(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bit_of_what_is_kept_flips_unseen() {
    let flips = if std::env::var_os("CHANCERY_LONG").is_some() { 5000 } else { 300 };
    let (mut stage, _) = at_rest().await;
    // One more that waits, so that there is an outbox.
    stage.house_mut("XA").start().await.unwrap();
    stage.send("XA", &forms::memorandum("XB", "new", "Two.")).await;
    stage.house_mut("XA").stop().await.unwrap();
    let seed = u64::from_le_bytes(random::<8>(&SystemEntropy).unwrap());
    let (mut changed, mut unread) = (0, 0);
    for code in ["XA", "XB"] {
        let home = copy_of(&stage, code, &format!("flips-{code}"));
        let data = home.join("data");
        let database = data.join("gateway.db");
        let whole = fs::read(&database).unwrap();
        let before = contents(&database).unwrap();
        let report = fsck(&stage, &home).await;
        assert!(report.is_clean(), "{}", report.text());
        for flip in 0..flips / 2_u64 {
            let draw = Digest::of(format!("{seed} {code} {flip}").as_bytes());
            let draw = u64::from_le_bytes(draw.as_bytes()[..8].try_into().unwrap());
            let (byte, bit) = ((draw >> 3) as usize % whole.len(), draw & 7);
            let mut bytes = whole.clone();
            bytes[byte] ^= 1 << bit;
            for rest in ["gateway.db-wal", "gateway.db-shm"] {
                let _nothing_there = fs::remove_file(data.join(rest));
            }
            fs::write(&database, bytes).unwrap();
            let after = contents(&database);
            // A bit in a free page, in the unused part of a page or in what `KEPT` leaves out changes nothing here.
            if after.as_ref() == Some(&before) {
                continue;
            }
            changed += 1;
            unread += u64::from(after.is_none());
            let clean =
                examine(&home, stage.clock.now(), &Unwatched).await.is_ok_and(|report| report.is_clean());
            assert!(!clean, "seed {seed}: bit {bit} of byte {byte} of the store of {code} flipped unseen");
        }
    }
    println!("{flips} flips by seed {seed}: {changed} changed what is kept, {unread} of them beyond reading");
    assert!(changed > flips / 20, "only {changed} of {flips} flips hit anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn filled_stores_are_clean_and_their_gateways_agree() {
    let mut stage = Stage::pair().await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    let homes = ["XA", "XB"].map(|code| stage.house(code).homes().gateway.directory().to_owned());
    for (messages, state) in [(600, Filled::Settled), (300, Filled::Mailbox)] {
        let filling = Filling { messages, state, sealed_bytes: 64 };
        let (clock, entropy) = (Arc::new(stage.clock.clone()), Arc::new(SystemEntropy));
        fill([&homes[0], &homes[1]], filling, clock, entropy, &Unwatched).await.unwrap();
    }
    for home in &homes {
        let report = fsck(&stage, home).await;
        assert!(report.is_clean() && report.found().messages == 900, "{}", report.text());
    }
    for code in ["XA", "XB"] {
        stage.house_mut(code).start().await.unwrap();
    }
    assert_eq!(stage.gateway("XB").status().await.unwrap().mailbox_waiting, 300);
    let [sent] = stage.send("XB", &forms::memorandum("XA", "new", "And one more.")).await.try_into().unwrap();
    stage.settled("XB", &sent).await;
    proofs::logs_agree(&stage).await;
    assert!(stage.gateway("XA").status().await.unwrap().alarms.is_empty());
}
