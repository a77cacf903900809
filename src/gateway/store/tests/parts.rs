//! Large parts: whole, durable, once, and swept where nobody wants them.

use std::time::{Duration, UNIX_EPOCH};

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, beside, bounds, fresh, later, open, peer, taken};
use crate::gateway::store::record::{Announced, Custody, Part};
use crate::gateway::store::{Store, StoreFault};
use crate::limits::PIECE_BYTES_MAX;

async fn put(store: &Store, digest: Digest, size: u64, pieces: &[&[u8]]) -> Result<(), StoreFault> {
    let mut upload = store.put_part(&peer(), digest, size, 0).await?;
    for piece in pieces {
        upload.write(vec![piece.to_vec()]).await?;
    }
    upload.finish().await
}

/// Names of all files on the shelves.
pub(super) fn files(directory: &std::path::Path) -> Vec<String> {
    let shelves = std::fs::read_dir(directory.join("parts")).unwrap().map(|shelf| shelf.unwrap());
    let shelves = shelves.filter(|shelf| shelf.file_name() != "arriving");
    let entries = shelves.flat_map(|shelf| std::fs::read_dir(shelf.path()).unwrap());
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_part_beside_the_envelope_must_be_here_before_custody_and_reads_back_at_any_offset() {
    let (_directory, store) = fresh();
    let content: Vec<u8> = (0..PIECE_BYTES_MAX + 1000).map(|index| (index % 251) as u8).collect();
    let part = beside(&content);
    let mut message = Line::on("ch-1").next();
    message.parts.push(part.clone());
    let missing = Custody::PartMissing(part.digest);
    assert_eq!(store.take_custody(message.clone()).await.unwrap(), missing);
    assert_eq!(store.list_logs().await.unwrap(), [], "a missing part changes nothing");

    put(&store, part.digest, part.size, &[&content[..7], &content[7..]]).await.unwrap();
    assert_eq!(store.read_part(part.digest, 0, 10).await.unwrap(), None, "no message has it yet");
    let mut short = message.clone();
    short.parts.push(Part { size: part.size + 1, ..part.clone() });
    assert_eq!(store.take_custody(short).await.unwrap(), missing);
    taken(store.take_custody(message.clone()).await.unwrap());

    let read = async |offset, limit| store.read_part(part.digest, offset, limit).await.unwrap().unwrap();
    assert_eq!(read(0, usize::MAX).await, content[..PIECE_BYTES_MAX]);
    assert_eq!(read(PIECE_BYTES_MAX as u64, usize::MAX).await, content[PIECE_BYTES_MAX..]);
    assert_eq!(read(3, 4).await, content[3..7]);
    assert_eq!(read(part.size, 4).await, b"");
    assert_eq!(read(u64::MAX, 4).await, b"");
    let [item] = store.due(peer(), NOW, 9, Default::default()).await.unwrap().try_into().unwrap();
    assert_eq!(item.parts, message.parts);
    let inside = message.parts[0].digest;
    assert_eq!(store.read_part(inside, 0, 4).await.unwrap(), None, "it is in its envelope");
    assert_eq!(store.read_part(Digest::of(b"unknown"), 0, 4).await.unwrap(), None);
}

#[tokio::test]
async fn a_part_of_another_size_or_digest_is_refused_and_leaves_nothing() {
    let (directory, store) = fresh();
    let digest = Digest::of(b"content");
    for (digest, size, pieces) in [
        (digest, 7, [b"con".as_slice(), b"tant"]),
        (digest, 8, [b"con", b"tent"]),
        (digest, 6, [b"con", b"tent"]),
        (Digest::of(b"other"), 7, [b"con", b"tent"]),
    ] {
        let fault = put(&store, digest, size, &pieces).await.unwrap_err();
        assert_eq!(fault.reason(), "PART_MISMATCH");
        assert_eq!(files(directory.path()), Vec::<String>::new());
    }
    assert!(!store.is_stopped());
}

#[tokio::test]
async fn the_same_part_twice_is_one_file_and_is_checked_twice() {
    let (directory, store) = fresh();
    let digest = Digest::of(b"content");
    for _ in 0..2 {
        put(&store, digest, 7, &[b"content"]).await.unwrap();
        assert_eq!(files(directory.path()), [digest.hex()]);
    }
    let fault = put(&store, digest, 7, &[b"contemp"]).await.unwrap_err();
    assert_eq!(fault.reason(), "PART_MISMATCH");
    assert_eq!(files(directory.path()), [digest.hex()]);
}

#[tokio::test]
async fn a_part_travels_as_each_message_says_whichever_way_it_came_first() {
    let (_directory, store) = fresh();
    let content = b"a document".to_vec();
    let outside = beside(&content);
    let inside = Part { content: Some(content.clone()), ..outside.clone() };
    put(&store, outside.digest, outside.size, &[&content]).await.unwrap();
    let mut line = Line::on("ch-1");
    for part in [&outside, &inside, &outside] {
        let mut message = line.next();
        message.parts = vec![part.clone()];
        taken(store.receive(message).await.unwrap());
    }
    let received = store.received_after(0, 10).await.unwrap();
    let parts: Vec<_> = received.iter().map(|one| &one.parts[0]).collect();
    assert_eq!(parts, [&outside, &inside, &outside]);
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.parts, whole.damages), (2, vec![]));

    // One that came in an envelope must come once more before another message has it beside its own.
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let [mut first, mut second] = [line.next(), line.next()];
    first.parts = vec![inside];
    taken(store.receive(first).await.unwrap());
    second.parts = vec![outside.clone()];
    let missing = Custody::PartMissing(outside.digest);
    assert_eq!(store.receive(second.clone()).await.unwrap(), missing);
    let progress = store.part_progress(&peer(), outside.digest, outside.size).await.unwrap();
    assert_eq!((progress.offset, progress.complete), (0, false));
    let announced = store.announce_part(peer(), outside.digest, outside.size, NOW).await.unwrap();
    assert_eq!(announced, Announced::Welcome);
    put(&store, outside.digest, outside.size, &[&content]).await.unwrap();
    taken(store.receive(second).await.unwrap());
    assert_eq!(store.read_part(outside.digest, 0, 99).await.unwrap(), Some(content));
}

#[tokio::test]
async fn orphans_older_than_a_day_are_swept_at_opening_and_nothing_else_is() {
    let (directory, store) = fresh();
    let contents: [&[u8]; 3] = [b"kept", b"old orphan", b"young orphan"];
    for content in contents {
        put(&store, Digest::of(content), content.len() as u64, &[content]).await.unwrap();
    }
    let mut message = Line::on("ch-1").next();
    message.parts = vec![beside(b"kept")];
    taken(store.take_custody(message).await.unwrap());
    drop(store);

    let path = |content: &[u8]| {
        let name = Digest::of(content).hex();
        directory.path().join("parts").join(&name[..2]).join(name)
    };
    let date = |content: &[u8], seconds: i64| {
        let file = std::fs::File::options().write(true).open(path(content)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds as u64)).unwrap();
    };
    let day = 24 * 3600;
    date(b"kept", NOW.seconds() - 9 * day);
    date(b"old orphan", NOW.seconds() - day - 1);
    date(b"young orphan", NOW.seconds() - day);
    let shelf = path(b"kept").parent().unwrap().to_owned();
    std::fs::write(shelf.join("unfinished-abc"), b"cut off").unwrap();
    std::fs::write(shelf.join("README"), b"an operator's file").unwrap();

    let store = open(directory.path());
    let mut left = files(directory.path());
    left.sort();
    let mut expected =
        vec![Digest::of(b"kept").hex(), Digest::of(b"young orphan").hex(), "README".to_owned()];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(store.read_part(Digest::of(b"kept"), 0, 9).await.unwrap(), Some(b"kept".to_vec()));
    drop(store);
    Store::open(directory.path(), bounds(), later(2)).unwrap();
    assert_eq!(files(directory.path()).len(), 2);
}
