//! The archive: what is damaged is named, what was lost is noticed, and years follow each other without a gap.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chancery::desk::register::{SentEntry, SentState};
use chancery::digest::Digest;
use chancery::message::leaf::{Leaf, LeafKind};
use chancery::message::receipt::Receipt;
use chancery::time::{Clock, Timestamp};
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::merkle::{self, NodeReader};
use chancery::tlog::signed_note::Note;
use rusqlite::Connection;

use crate::support::{Stage, eventually, forms, proofs};

/// XA has sent XB a memorandum with a large document, and both gateways have stopped.
pub async fn at_rest() -> (Stage, SentEntry) {
    let mut stage = Stage::pair().await;
    fs::write(stage.folder().join("scan.bin"), vec![3; 300 * 1024]).unwrap();
    let document = "\n[[document]]\nid = \"scan\"\npath = \"scan.bin\"\ntitle = \"Scan\"\nclass = \"EVIDENCE\"\nlanguage = \"und\"\n";
    let form = forms::memorandum("XB", "new", "One.") + document;
    let [sent] = stage.send("XA", &form).await.try_into().unwrap();
    let sent = stage.settled("XA", &sent).await;
    proofs::logs_agree(&stage).await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    (stage, sent)
}

pub fn data(stage: &Stage, code: &str) -> std::path::PathBuf {
    stage.house(code).homes().gateway.directory().join("data")
}

/// Changes the last byte of one value.
pub fn spoil(database: &Path, table: &str, column: &str, condition: &str) {
    let connection = Connection::open(database).unwrap();
    let select = format!("SELECT {column} FROM {table} WHERE {condition} LIMIT 1");
    let mut blob: Vec<u8> = connection.query_row(&select, [], |row| row.get(0)).unwrap();
    let held = blob.clone();
    *blob.last_mut().unwrap() ^= 1;
    let update = format!("UPDATE {table} SET {column} = ?1 WHERE {column} = ?2");
    assert!(connection.execute(&update, rusqlite::params![blob, held]).unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_every_kind_is_found_and_named() {
    let (mut stage, _) = at_rest().await;
    let place = data(&stage, "XB");
    let whole = stage.folder().join("whole");
    copy(&place, &whole);
    let spoils: [(&str, Spoil<'_>); 9] = [
        ("leaf", &|data| spoil(&data.join("gateway.db"), "leaf", "bytes", "leaf_index = 1")),
        ("header", &|data| spoil(&data.join("gateway.db"), "message", "header", "1")),
        ("signature", &|data| spoil(&data.join("gateway.db"), "message", "signature", "1")),
        ("part", &|data| spoil(&data.join("gateway.db"), "part", "content", "content IS NOT NULL")),
        ("node", &|data| spoil(&data.join("gateway.db"), "node", "hash", "level = 0")),
        ("checkpoint", &|data| {
            let sql = "UPDATE log SET cosigned = replace(cosigned, '/2026', '/2025') WHERE mirror = 0";
            change(&data.join("gateway.db"), sql);
        }),
        ("link to a part", &|data| {
            change(&data.join("gateway.db"), "UPDATE message_part SET part = 1 WHERE position = 1");
        }),
        ("log, with every hash mended", &|data| mend_after_changing(&data.join("gateway.db"))),
        ("large part", &|data| {
            let file = only_file(&data.join("parts"));
            let mut bytes = fs::read(&file).unwrap();
            bytes[1000] ^= 1;
            fs::write(&file, bytes).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        fs::remove_dir_all(&place).unwrap();
        copy(&whole, &place);
        spoil(&place);
        stage.house_mut("XB").start().await.unwrap();
        let damages = stage.gateway("XB").verify().await.unwrap().damages;
        assert!(!damages.is_empty(), "a spoiled {what} was not found");
        stage.house_mut("XB").stop().await.unwrap();
    }
    fs::remove_dir_all(&place).unwrap();
    copy(&whole, &place);
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.gateway("XB").verify().await.unwrap().damages, Vec::<String>::new());
}

/// Damages a store that is closed.
type Spoil<'a> = &'a dyn Fn(&Path);

pub fn change(database: &Path, sql: &str) {
    assert!(Connection::open(database).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
}

/// Changes a leaf of the mirror and makes every hash over it agree again: only the signature does not.
pub fn mend_after_changing(database: &Path) {
    let connection = Connection::open(database).unwrap();
    let (log, size): (i64, u64) = connection
        .query_row("SELECT key, size FROM log WHERE mirror = 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let sql = "SELECT bytes FROM leaf WHERE log = ?1 ORDER BY leaf_index";
    let mut leaves: Vec<Vec<u8>> = connection
        .prepare(sql)
        .unwrap()
        .query_map([log], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(leaves.len() as u64, size);
    let mut first = Leaf::parse(&leaves[0]).unwrap();
    first.time = first.time.after(Duration::from_secs(1));
    leaves[0] = first.bytes();
    let sql = "UPDATE leaf SET bytes = ?2 WHERE log = ?1 AND leaf_index = 0";
    connection.execute(sql, rusqlite::params![log, leaves[0]]).unwrap();
    let mut tree = merkle::Tree::new();
    leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(leaf)));
    for level in 0..8_u8 {
        for index in 0..size >> level {
            let hash = tree.node(level, index).unwrap();
            let sql = "UPDATE node SET hash = ?4 WHERE log = ?1 AND level = ?2 AND node_index = ?3";
            let values = rusqlite::params![log, level, index, hash.as_bytes()];
            assert_eq!(connection.execute(sql, values).unwrap(), 1);
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.path().is_file() {
            // Not the sockets of a gateway.
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

pub fn only_file(place: &Path) -> std::path::PathBuf {
    let mut files = Vec::new();
    let mut folders = vec![place.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let [file] = files.try_into().unwrap();
    file
}

/// An older copy of its store would make a gateway use numbers again that it has used. Its peer knows better and
/// gives back what was lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_was_rolled_back_is_noticed_before_it_signs_anything() {
    let (mut stage, first) = at_rest().await;
    let older = stage.folder().join("older");
    copy(&data(&stage, "XA"), &older);
    for code in ["XA", "XB"] {
        stage.house_mut(code).start().await.unwrap();
    }
    let [second] = stage.send("XA", &forms::memorandum("XB", "new", "Two.")).await.try_into().unwrap();
    stage.settled("XA", &second).await;
    proofs::logs_agree(&stage).await;
    stage.house_mut("XA").stop().await.unwrap();
    fs::remove_dir_all(data(&stage, "XA")).unwrap();
    copy(&older, &data(&stage, "XA"));
    stage.house_mut("XA").start().await.unwrap();
    eventually("the peer's hello raises the alarm", || async {
        let alarms = stage.gateway("XA").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "ROLLED_BACK")
    })
    .await;
    let [third] = stage.send("XA", &forms::memorandum("XB", "new", "Three.")).await.try_into().unwrap();
    assert_eq!(stage.settled("XA", &third).await.state, SentState::Delivered);
    assert_eq!([first.sequence, second.sequence, third.sequence], [1, 2, 3]);
    let received = stage.gateway("XB").list_received(0, 64).await.unwrap().0;
    assert_eq!(received.len(), 3);
    proofs::logs_agree(&stage).await;
}

/// A mirror that fell behind is brought up again by the one that keeps the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_was_rolled_back_is_filled_again() {
    let (mut stage, _) = at_rest().await;
    let place = data(&stage, "XB");
    {
        // Everything XB knows of the log of XA is gone, and nothing else.
        let connection = Connection::open(place.join("gateway.db")).unwrap();
        let key: i64 =
            connection.query_row("SELECT key FROM log WHERE mirror = 1", [], |row| row.get(0)).unwrap();
        for sql in [
            "DELETE FROM leaf_about WHERE log = ?1",
            "DELETE FROM leaf WHERE log = ?1",
            "DELETE FROM node WHERE log = ?1",
            "DELETE FROM cosigned_checkpoint WHERE log = ?1",
            "DELETE FROM log WHERE key = ?1",
        ] {
            connection.execute(sql, [key]).unwrap();
        }
    }
    for code in ["XA", "XB"] {
        stage.house_mut(code).start().await.unwrap();
    }
    eventually("the mirror is there again", || async {
        let logs = stage.gateway("XB").logs().await.unwrap();
        logs.iter().any(|log| log.mirror && log.size == 2)
    })
    .await;
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_between_two_years_is_proven_in_both() {
    let mut stage = Stage::pair().await;
    for code in ["XA", "XB"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    let eve = Timestamp::parse("2026-12-31T23:50:00Z").unwrap();
    let ahead = eve.seconds() - stage.clock.now().seconds();
    stage.clock.forward(Duration::from_secs(u64::try_from(ahead).unwrap()));
    for code in ["XA", "XB"] {
        // Certificates of gateways last thirty days.
        stage.house(code).renew_certificates().unwrap();
    }
    stage.house_mut("XA").start().await.unwrap();
    let [sent] =
        stage.send("XA", &forms::memorandum("XB", "new", "Happy new year.")).await.try_into().unwrap();
    stage.clock.forward(Duration::from_secs(20 * 60));
    stage.house_mut("XB").start().await.unwrap();
    let sent = stage.settled("XA", &sent).await;
    assert_eq!(sent.state, SentState::Delivered);
    let origin = |receipt: &[u8]| {
        let receipt = Receipt::parse(receipt).unwrap();
        let text = receipt.proof().checkpoint.text().to_owned();
        Checkpoint::parse(&text).unwrap().origin.as_str().to_owned()
    };
    assert_eq!(origin(&sent.submission_receipt), "mfa.xa.example/chancery/xb/2026");
    assert_eq!(origin(&sent.delivery_receipt), "mfa.xb.example/chancery/xa/2027");
    let [next] = stage.send("XA", &forms::memorandum("XB", "new", "And another.")).await.try_into().unwrap();
    let next = stage.settled("XA", &next).await;
    assert_eq!(origin(&next.submission_receipt), "mfa.xa.example/chancery/xb/2027");
    // The old year's logs are mirrored and cosigned to their end, and the new year's as well.
    proofs::logs_agree(&stage).await;
    for code in ["XA", "XB"] {
        let logs = proofs::own_logs(&stage, &crate::support::ministry(code)).await;
        let years: Vec<&str> = logs.iter().map(|log| log.origin.rsplit('/').next().unwrap()).collect();
        assert_eq!(years, ["2026", "2027"]);
        // The new log opens with the digest of the checkpoint that closed the old one.
        let closing = Note::parse(&logs[0].checkpoint.as_ref().unwrap().text).unwrap();
        assert_eq!(Checkpoint::parse(closing.text()).unwrap().size, logs[0].size);
        let opening = first_leaf(&data(&stage, code), &logs[1].origin);
        assert_eq!(opening.kind, LeafKind::Opened);
        assert_eq!(opening.record, Some(Digest::of(logs[0].checkpoint.as_ref().unwrap().text.as_bytes())));
    }
    assert_eq!(stage.house("XB").fetch().await.unwrap(), 2);
    assert!(stage.house("XB").read("@last").unwrap().findings.is_empty());
}

fn first_leaf(data: &Path, origin: &str) -> Leaf {
    let connection = Connection::open(data.join("gateway.db")).unwrap();
    let sql = "SELECT leaf.bytes FROM leaf JOIN log ON log.key = leaf.log
               WHERE log.origin = ?1 AND leaf_index = 0";
    let bytes: Vec<u8> = connection.query_row(sql, [origin], |row| row.get(0)).unwrap();
    Leaf::parse(&bytes).unwrap()
}
