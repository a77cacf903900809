//! What an earlier build kept is found by a later one.

use std::path::Path;

use rusqlite::Connection;

use crate::digest::Digest;
use crate::gateway::store::fixture::{NOW, open, peer};
use crate::gateway::store::{blobs::Blobs, columns, migrations};

/// A database of the build before leaves were found by rows: a message sent and expired with a leaf of the peer about
/// it, a leaf about a message that never came, an administrative one, and parts that travelled each way.
fn earlier(directory: &Path, ids: &[Digest; 2], parts: &[Digest; 3]) {
    let old = Connection::open(directory.join("gateway.db")).unwrap();
    old.execute_batch(migrations::FIRST).unwrap();
    old.execute_batch(migrations::QUEUE).unwrap();
    let [held, unknown] = ids.map(|id| format!("{}, x'{}'", columns::prefix(&id), id.hex()));
    let [inside, both, beside] = parts.map(|part| format!("{}, x'{}'", columns::prefix(&part), part.hex()));
    old.execute_batch(&format!(
        "PRAGMA user_version = 2; PRAGMA application_id = {};
         INSERT INTO pair (key, direction, channel, peer, sequence, message_id) VALUES (1, 1, 'ch-1', 'XB', 1, x'00');
         INSERT INTO log VALUES (1, 'own', 'XB', 0, 3, 0, '', 0, ''), (2, 'theirs', 'XB', 1, 2, 0, '', 0, '');
         INSERT INTO leaf VALUES (1, 0, {held}, x'00'), (1, 1, {held}, x'01'), (1, 2, 0, x'', x'02'),
             (2, 0, {unknown}, x'03'), (2, 1, {held}, x'04');
         INSERT INTO message VALUES (1, 1, 1, 1, {held}, x'', 5, 1, 0, x'', x'');
         INSERT INTO outgoing (message, pair, precedence, valid_until, state, unanswered, attempts, next_attempt,
             reason, expiry_log, expiry_index) VALUES (1, 1, 1, 9, 4, 1, 0, 0, '', 1, 1);
         INSERT INTO part VALUES (1, {inside}, 6, CAST('inside' AS BLOB)), (2, {both}, 4, CAST('both' AS BLOB)),
             (3, {beside}, 6, NULL);
         INSERT INTO message_part VALUES (1, 0, 1, 1), (1, 1, 2, 1), (1, 2, 2, 0), (1, 3, 3, 0);",
        0x4348_4e43
    ))
    .unwrap();
}

#[tokio::test]
async fn what_an_earlier_build_had_announced_counts_for_its_source_and_may_be_announced_by_another() {
    let directory = tempfile::tempdir().unwrap();
    let old = Connection::open(directory.path().join("gateway.db")).unwrap();
    for migration in [migrations::FIRST, migrations::QUEUE, migrations::NEAR] {
        old.execute_batch(migration).unwrap();
    }
    let (coming, other) = (Digest::of(b"coming"), Digest::of(b"other"));
    old.execute_batch(&format!(
        "PRAGMA user_version = 3; PRAGMA application_id = {};
         INSERT INTO upload VALUES (x'{}', 'XB', 6, 5), (x'{}', 'XC', 9, 7);",
        0x4348_4e43,
        coming.hex(),
        other.hex()
    ))
    .unwrap();
    drop(old);
    drop(open(directory.path()));
    let new = Connection::open(directory.path().join("gateway.db")).unwrap();
    let rows = || -> Vec<(String, Vec<u8>, i64, i64)> {
        let sql = "SELECT source, digest, size, time FROM upload ORDER BY source, digest";
        let mut statement = new.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    };
    let row =
        |source: &str, part: Digest, size, time| (source.to_owned(), part.as_bytes().to_vec(), size, time);
    let [first, last] = [row("XB", coming, 6, 5), row("XC", other, 9, 7)];
    assert_eq!(rows(), [first.clone(), last.clone()]);
    new.execute("INSERT INTO upload VALUES ('XA', ?1, 8, 9)", [coming.as_bytes().to_vec()]).unwrap();
    assert_eq!(rows(), [row("XA", coming, 8, 9), first, last]);
}

#[tokio::test]
async fn an_earlier_database_keeps_what_it_knew_of_leaves_and_of_parts_beside_envelopes() {
    let directory = tempfile::tempdir().unwrap();
    let ids = [b"held".as_slice(), b"unknown"].map(Digest::of);
    let parts = [b"inside".as_slice(), b"both", b"beside"].map(Digest::of);
    earlier(directory.path(), &ids, &parts);
    let blobs = Blobs::open(&directory.path().join("parts")).unwrap();
    let file = blobs.put(&peer(), parts[2], 6, 0, 1, |_| true);
    let mut file = file.unwrap();
    file.write(b"beside").unwrap();
    file.finish().unwrap();

    let store = open(directory.path());
    let places = async |id: Digest| {
        let found = store.find_leaf(id).await.unwrap();
        found.into_iter().map(|leaf| (leaf.place.origin, leaf.place.index)).collect::<Vec<_>>()
    };
    let place = |origin: &str, index: u64| (origin.to_owned(), index);
    assert_eq!(places(ids[0]).await, [place("own", 0), place("own", 1), place("theirs", 1)]);
    assert_eq!(places(ids[1]).await, [place("theirs", 0)]);
    for (part, expected) in [(0, None), (1, Some(b"both".to_vec())), (2, Some(b"beside".to_vec()))] {
        assert_eq!(store.read_part(parts[part], 0, 9).await.unwrap(), expected);
    }
    assert_eq!(store.sweep_parts(NOW).await.unwrap(), 0);
    drop(store);
    let new = Connection::open(directory.path().join("gateway.db")).unwrap();
    let rows = |sql: &str| -> String { new.query_row(sql, [], |row| row.get(0)).unwrap() };
    let about = "SELECT group_concat(message || ' ' || log || ' ' || leaf_index, ', ') FROM leaf_about";
    assert_eq!(rows(about), "1 2 1");
    assert_eq!(rows("SELECT group_concat(log || ' ' || leaf_index, ', ') FROM leaf WHERE loose"), "2 0");
    assert_eq!(rows("SELECT group_concat(key, ', ') FROM part WHERE beside"), "2, 3");
}
