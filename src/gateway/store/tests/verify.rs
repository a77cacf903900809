//! The scrub names exactly what was damaged behind the store's back.

use std::path::Path;

use tempfile::TempDir;

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, ORIGIN, beside, edit, entry, fresh, inline, open, peer, taken};

const DOCUMENT: &[u8] = b"a large document";

/// A store with three messages, closed.
async fn filled() -> (TempDir, Vec<Digest>) {
    let (directory, store) = fresh();
    let mut upload = store.put_part(&peer(), Digest::of(DOCUMENT), DOCUMENT.len() as u64, 0).await.unwrap();
    upload.write(vec![DOCUMENT.to_vec()]).await.unwrap();
    upload.finish().await.unwrap();
    let mut line = Line::on("ch-1");
    let mut ids = Vec::new();
    for index in 0..3 {
        let mut message = line.next();
        if index == 0 {
            message.parts.push(beside(DOCUMENT));
        }
        ids.push(message.message_id);
        taken(store.take_custody(message).await.unwrap());
    }
    store.append_leaf(entry("administrative")).await.unwrap();
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.leaves, whole.messages, whole.parts), (4, 3, 7));
    assert_eq!(whole.damages, Vec::<String>::new());
    (directory, ids)
}

async fn damages(directory: &Path) -> Vec<String> {
    open(directory).verify().await.unwrap().damages
}

#[tokio::test]
async fn a_flipped_bit_in_a_leaf_a_node_a_header_or_a_part_is_named() {
    let part = inline("dispatch 2 on ch-1").digest;
    let (_, ids) = filled().await;
    let hex = |digest: Digest| format!("x'{}'", digest.hex());
    let cases = [
        (
            "UPDATE leaf SET bytes = CAST('X' || substr(bytes, 2) AS BLOB) WHERE leaf_index = 2".to_owned(),
            format!("leaf 2 of {ORIGIN} does not match its hash"),
        ),
        (
            format!("UPDATE node SET hash = {} WHERE level = 1 AND node_index = 1", hex(ids[0])),
            format!("node 1/1 of {ORIGIN} does not match its children"),
        ),
        (
            "UPDATE message SET header = CAST(header || ' ' AS BLOB) WHERE sequence = 2".to_owned(),
            format!("the header of message {} does not match its id", ids[1]),
        ),
        (
            "UPDATE message SET leaf_index = 0 WHERE sequence = 3".to_owned(),
            format!("the leaf of message {} names another", ids[2]),
        ),
        (
            format!("UPDATE part SET beside = 1 WHERE digest = {}", hex(part)),
            format!("part {part} does not say whether it travels beside an envelope"),
        ),
        (
            "UPDATE part SET beside = 0 WHERE content IS NULL".to_owned(),
            format!("part {} does not say whether it travels beside an envelope", Digest::of(DOCUMENT)),
        ),
        (
            format!("UPDATE part SET content = zeroblob(size) WHERE digest = {}", hex(part)),
            format!("part {part} does not match its digest"),
        ),
        (
            format!("UPDATE part SET content = NULL WHERE digest = {}", hex(part)),
            format!("part {part} is missing"),
        ),
        (
            "UPDATE pair SET sequence = 4".to_owned(),
            "the sequence of XB on ch-1 up to number 4 has a gap".to_owned(),
        ),
        ("DELETE FROM leaf WHERE leaf_index = 3".to_owned(), format!("leaf 3 of {ORIGIN} is missing")),
        ("DELETE FROM node WHERE level = 2".to_owned(), format!("node 2/0 of {ORIGIN} is missing")),
    ];
    for (sql, expected) in cases {
        let (directory, _) = filled().await;
        edit(directory.path(), &sql);
        let damages = damages(directory.path()).await;
        assert!(damages.contains(&expected), "{sql}: {damages:?}");
        // A damaged node is also seen from its parent; nothing else is ever named twice.
        assert!(damages.len() <= 2, "{damages:?}");
    }
}

#[tokio::test]
async fn a_damaged_or_missing_file_is_named() {
    let (directory, _) = filled().await;
    let digest = Digest::of(DOCUMENT);
    let path = directory.path().join("parts").join(&digest.hex()[..2]).join(digest.hex());
    let mut bytes = DOCUMENT.to_vec();
    bytes[3] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let expected = format!("the file of part {digest} does not match its digest");
    assert_eq!(damages(directory.path()).await, [expected]);
    // It was set aside, so that the next transfer brings the true bytes.
    assert!(!path.exists() && path.with_extension("damaged").exists());
    assert_eq!(damages(directory.path()).await, [format!("part {digest} is missing")]);
}

#[tokio::test]
async fn a_scrub_of_many_snapshots_misses_nothing() {
    let (directory, store) = fresh();
    let mut jobs = tokio::task::JoinSet::new();
    for index in 0..1300 {
        let store = store.clone();
        jobs.spawn(async move { store.append_leaf(entry(&format!("leaf {index}"))).await.unwrap() });
    }
    jobs.join_all().await;
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.leaves, whole.damages), (1300, vec![]));
    drop(store);
    for index in [0, 511, 512, 1299] {
        edit(directory.path(), &format!("UPDATE leaf SET bytes = x'ff' WHERE leaf_index = {index}"));
    }
    edit(directory.path(), "DELETE FROM leaf WHERE leaf_index IN (600, 601)");
    let expected = [0, 511, 512, 600, 601, 1299].map(|index| match index {
        600 | 601 => format!("leaf {index} of {ORIGIN} is missing"),
        _ => format!("leaf {index} of {ORIGIN} does not match its hash"),
    });
    assert_eq!(damages(directory.path()).await, expected);
}
