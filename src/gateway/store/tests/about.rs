//! A leaf is found by the message it is about, whichever of them came first, and the scrub sees where it would not be.

use std::path::Path;

use rusqlite::Connection;

use crate::digest::Digest;
use crate::gateway::store::Store;
use crate::gateway::store::fixture::{
    Line, NOW, ORIGIN, PEER_ORIGIN, edit, entry, fresh, later, open, peer, taken,
};
use crate::gateway::store::record::{
    Consignment, Decision, Extension, Footing, LogLeaf, MirrorUpdate, Settlement,
};
use crate::tlog::merkle::{leaf_hash, node_hash};

fn about(text: &str, message: &Consignment) -> LogLeaf {
    LogLeaf { bytes: text.as_bytes().to_vec(), message_id: Some(message.message_id) }
}

/// Mirrors the two leaves of the peer's log, from `from` on.
async fn mirror(store: &Store, leaves: &[LogLeaf; 2], from: usize, to: usize) {
    let hashes = [leaf_hash(&leaves[0].bytes), leaf_hash(&leaves[1].bytes)];
    let root = if to == 1 { hashes[0] } else { node_hash(&hashes[0], &hashes[1]) };
    let update = MirrorUpdate {
        origin: PEER_ORIGIN.to_owned(),
        peer: peer(),
        first_index: from as u64,
        leaves: leaves[from..to].to_vec(),
        root,
        checkpoint: format!("checkpoint {to}"),
        cosigned: None,
        footing: Footing::default(),
    };
    let extended = store.extend_mirror(update).await.unwrap().extension;
    assert_eq!(extended, Extension::Extended { size: to as u64 });
}

/// Places of the leaves about a message, as they are found.
async fn places(store: &Store, message: &Consignment) -> Vec<(String, u64)> {
    let found = store.find_leaf(message.message_id).await.unwrap();
    found.into_iter().map(|leaf| (leaf.place.origin, leaf.place.index)).collect()
}

fn loose(directory: &Path) -> i64 {
    let connection = Connection::open(directory.join("gateway.db")).unwrap();
    connection.query_row("SELECT count(*) FROM leaf WHERE loose = 1", [], |row| row.get(0)).unwrap()
}

/// One message with a leaf of the peer that came before it and one that came after; a second that ended twice.
async fn lived() -> (tempfile::TempDir, [Consignment; 2]) {
    let (directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let messages = [line.next(), line.next()];
    let theirs = [about("before", &messages[0]), about("after", &messages[0])];
    let whole = async || assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());

    mirror(&store, &theirs, 0, 1).await;
    assert_eq!(places(&store, &messages[0]).await, [(PEER_ORIGIN.to_owned(), 0)]);
    assert_eq!(loose(directory.path()), 1);
    whole().await;
    for message in &messages {
        taken(store.take_custody(message.clone()).await.unwrap());
    }
    assert_eq!(loose(directory.path()), 0);
    whole().await;
    mirror(&store, &theirs, 1, 2).await;
    assert_eq!(loose(directory.path()), 0);
    let proven = store.proven(peer(), 0, 9).await.unwrap();
    let proven: Vec<_> = proven.iter().map(|one| (one.message_id, one.leaf.as_slice())).collect();
    let id = messages[0].message_id;
    assert_eq!(proven, [(id, b"before".as_slice()), (id, b"after".as_slice())]);

    let ended = messages[1].message_id;
    store.expire(ended, "CHN_06".to_owned(), entry("expired"), later(1001)).await.unwrap();
    let decision = Decision { time: NOW, operator: 7, reason: "WITHDRAWN".to_owned(), act: None };
    store.withdraw(ended, entry("withdrawn"), decision).await.unwrap();
    for id in [id, ended] {
        store.settle(id, Settlement::Delivered, b"taken".to_vec(), NOW).await.unwrap();
    }
    let own = |index: u64| (ORIGIN.to_owned(), index);
    let expected = [own(0), (PEER_ORIGIN.to_owned(), 0), (PEER_ORIGIN.to_owned(), 1)];
    assert_eq!(places(&store, &messages[0]).await, expected);
    assert_eq!(places(&store, &messages[1]).await, [own(1), own(2), own(3)]);
    whole().await;
    (directory, messages)
}

#[tokio::test]
async fn a_leaf_is_found_whether_it_came_before_or_after_its_message_and_is_loose_only_until_then() {
    lived().await;
}

#[tokio::test]
async fn a_leaf_that_would_not_be_found_by_its_message_is_named() {
    let lost = |index: u64, origin: &str| format!("leaf {index} of {origin} is not found by its message");
    let mirrored = "(SELECT key FROM log WHERE mirror = 1)";
    let own = "(SELECT key FROM log WHERE mirror = 0)";
    let cases = [
        ("DELETE FROM leaf_about WHERE leaf_index = 1".to_owned(), vec![lost(1, PEER_ORIGIN)]),
        (
            format!("UPDATE leaf SET loose = 1 WHERE log = {mirrored} AND leaf_index = 0"),
            vec![lost(0, PEER_ORIGIN)],
        ),
        (format!("UPDATE leaf SET loose = 1 WHERE log = {own} AND leaf_index = 2"), vec![lost(2, ORIGIN)]),
        ("UPDATE outgoing SET expiry_index = 3 WHERE expiry_index = 2".to_owned(), vec![lost(2, ORIGIN)]),
        (
            "UPDATE leaf_about SET message = 2 WHERE leaf_index = 1".to_owned(),
            vec![lost(1, PEER_ORIGIN), format!("refers to leaf 1 of {PEER_ORIGIN}, which is not about it")],
        ),
        (
            "UPDATE leaf_about SET leaf_index = 9 WHERE leaf_index = 1".to_owned(),
            vec![lost(1, PEER_ORIGIN), format!("refers to leaf 9 of {PEER_ORIGIN}, which is not about it")],
        ),
    ];
    for (sql, expected) in cases {
        let (directory, _) = lived().await;
        edit(directory.path(), &sql);
        let damages = open(directory.path()).verify().await.unwrap().damages;
        assert_eq!(damages.len(), expected.len(), "{sql}: {damages:?}");
        for (damage, expected) in damages.iter().zip(&expected) {
            assert!(damage.ends_with(expected), "{sql}: {damage}");
        }
    }
    // One that nobody knows is found by the id it names, and by nothing if it is not loose.
    let (directory, store) = fresh();
    let unknown = Line::on("ch-9").next();
    let theirs = [about("unknown", &unknown), about("unknown too", &unknown)];
    mirror(&store, &theirs, 0, 2).await;
    assert_eq!(places(&store, &unknown).await.len(), 2);
    assert_eq!(store.find_leaf(Digest::of(b"another")).await.unwrap(), []);
    drop(store);
    edit(directory.path(), "UPDATE leaf SET loose = 0 WHERE leaf_index = 1");
    assert_eq!(open(directory.path()).verify().await.unwrap().damages, [lost(1, PEER_ORIGIN)]);
}
