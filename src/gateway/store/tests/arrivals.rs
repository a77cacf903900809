//! Parts on their way in: continued where they were durable, bounded, each written by one transfer, swept.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, beside, fresh, later, open, peer, taken};
use crate::gateway::store::record::Custody;
use crate::gateway::store::tests::parts::files;
use crate::gateway::store::{PartProgress, Store, StoreFault};
use crate::limits::{ORPHAN_AGE_MAX, PART_SYNC_BYTES};
use crate::trust::name::Ministry;

/// Content of several sync steps, and its digest.
fn document() -> (Vec<u8>, Digest, u64) {
    let size = 2 * PART_SYNC_BYTES + 12_345;
    let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
    let digest = Digest::of(&content);
    (content, digest, size)
}

fn other() -> Ministry {
    Ministry::parse("XC").unwrap()
}

fn arriving(directory: &Path, owner: &Ministry) -> Vec<PathBuf> {
    let folder = directory.join("parts/arriving").join(owner.as_str());
    let listed =
        std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    listed.unwrap_or_default()
}

/// Sends `content` from `offset` on, in pieces, up to `until`, and cuts.
async fn cut_at(store: &Store, content: &[u8], offset: usize, until: usize) {
    let (digest, size) = (Digest::of(content), content.len() as u64);
    let mut upload = store.put_part(&peer(), digest, size, offset as u64).await.unwrap();
    for piece in content[offset..until].chunks(256 * 1024) {
        upload.write(vec![piece.to_vec()]).await.unwrap();
    }
}

async fn finish_from(store: &Store, content: &[u8], offset: u64) -> Result<(), StoreFault> {
    let (digest, size) = (Digest::of(content), content.len() as u64);
    let mut upload = store.put_part(&peer(), digest, size, offset).await?;
    upload.write(vec![content[usize::try_from(offset).unwrap()..].to_vec()]).await?;
    upload.finish().await
}

fn until(offset: u64) -> PartProgress {
    PartProgress { offset, complete: false }
}

#[tokio::test]
async fn a_transfer_that_was_cut_goes_on_where_it_was_and_the_next_cut_too() {
    let (directory, store) = fresh();
    let (content, digest, size) = document();
    assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), until(0));
    let mut offset = 0;
    for stop in [1_000, 700_001, PART_SYNC_BYTES as usize + 5, content.len()] {
        cut_at(&store, &content, offset, stop).await;
        assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), until(stop as u64));
        assert_eq!(files(directory.path()), Vec::<String>::new(), "nothing is on the shelves before its end");
        offset = stop;
    }
    // Everything is here, and the end was not said.
    finish_from(&store, &content, size).await.unwrap();
    let complete = PartProgress { offset: size, complete: true };
    assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), complete);
    assert_eq!(store.part_progress(&other(), digest, size).await.unwrap(), complete);
    let mut message = Line::on("ch-1").next();
    message.parts = vec![beside(&content)];
    taken(store.receive(message).await.unwrap());
    let mut reader = store.open_part(digest, 700_000).await.unwrap().unwrap();
    let mut read = Vec::new();
    loop {
        let piece = reader.next().await.unwrap();
        if piece.is_empty() {
            break;
        }
        read.extend(piece);
    }
    assert!(read == content[700_000..]);
}

#[tokio::test]
async fn after_a_restart_only_what_was_certainly_synced_counts() {
    let (content, digest, size) = document();
    let step = PART_SYNC_BYTES as usize;
    for (stop, kept) in [(step, 0), (step + 1, step), (2 * step, step), (2 * step + 100, 2 * step)] {
        let (directory, store) = fresh();
        cut_at(&store, &content, 0, stop).await;
        drop(store);
        let store = open(directory.path());
        let progress = store.part_progress(&peer(), digest, size).await.unwrap();
        assert_eq!(progress, until(kept as u64), "after {stop} bytes");
        finish_from(&store, &content, progress.offset).await.unwrap();
        assert_eq!(files(directory.path()), [digest.hex()]);
    }
}

#[tokio::test]
async fn a_beginning_that_rotted_is_found_at_the_end_and_the_part_begins_anew() {
    let (directory, store) = fresh();
    let (content, digest, size) = document();
    cut_at(&store, &content, 0, 900_000).await;
    let [unfinished] = arriving(directory.path(), &peer()).try_into().unwrap();
    let mut bytes = std::fs::read(&unfinished).unwrap();
    bytes[500] ^= 1;
    std::fs::write(&unfinished, bytes).unwrap();
    let fault = finish_from(&store, &content, 900_000).await.unwrap_err();
    assert_eq!(fault.reason(), "PART_MISMATCH");
    assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), until(0));
    finish_from(&store, &content, 0).await.unwrap();
}

#[tokio::test]
async fn a_size_that_lies_is_refused_as_soon_as_it_shows() {
    let (directory, store) = fresh();
    let (content, digest, size) = document();
    // Longer than declared: at the first byte too many.
    let mut upload = store.put_part(&peer(), digest, 10, 0).await.unwrap();
    upload.write(vec![content[..10].to_vec()]).await.unwrap();
    let fault = upload.write(vec![content[10..11].to_vec()]).await.unwrap_err();
    assert_eq!(fault.reason(), "PART_MISMATCH");
    assert_eq!(arriving(directory.path(), &peer()), Vec::<PathBuf>::new());
    // Shorter than declared: at its end.
    let mut upload = store.put_part(&peer(), digest, size + 1, 0).await.unwrap();
    upload.write(vec![content.clone()]).await.unwrap();
    assert_eq!(upload.finish().await.unwrap_err().reason(), "PART_MISMATCH");
    // It may have been cut: the true size makes it whole.
    assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), until(size));
    assert_eq!(files(directory.path()), Vec::<String>::new());
    // Another size than that of the part that is held: at once.
    finish_from(&store, &content, 0).await.unwrap();
    let fault = store.put_part(&peer(), digest, size - 1, 0).await.unwrap_err();
    assert_eq!(fault.reason(), "PART_MISMATCH");
    // A beginning that is not here.
    let (next, one) = (Digest::of(b"next"), 4);
    assert_eq!(store.put_part(&peer(), next, one, 3).await.unwrap_err().reason(), "PART_OFFSET");
    assert_eq!(store.put_part(&peer(), next, one, 5).await.unwrap_err().reason(), "PART_MISMATCH");
}

#[tokio::test]
async fn of_two_transfers_of_one_part_the_later_writes_and_the_earlier_is_told() {
    let (directory, store) = fresh();
    let (content, digest, size) = document();
    let mut earlier = store.put_part(&peer(), digest, size, 0).await.unwrap();
    earlier.write(vec![content[..1000].to_vec()]).await.unwrap();
    let mut later = store.put_part(&peer(), digest, size, 1000).await.unwrap();
    let fault = earlier.write(vec![content[1000..2000].to_vec()]).await.unwrap_err();
    assert_eq!(fault.reason(), "PART_BUSY");
    drop(earlier);
    later.write(vec![content[1000..].to_vec()]).await.unwrap();
    // Another side's transfer has its own file and disturbs nobody.
    let mut others = store.put_part(&other(), digest, size, 0).await.unwrap();
    others.write(vec![vec![0; 1000]]).await.unwrap();
    later.finish().await.unwrap();
    assert_eq!(files(directory.path()), [digest.hex()]);
    others.write(vec![content[1000..].to_vec()]).await.unwrap();
    assert_eq!(others.finish().await.unwrap_err().reason(), "PART_MISMATCH");
    assert!(store.part_progress(&other(), digest, size).await.unwrap().complete);
}

#[tokio::test]
async fn a_side_has_only_so_many_transfers_at_once() {
    let (_directory, store) = fresh();
    let begin = async |content: &[u8]| store.put_part_within(&peer(), Digest::of(content), 10, 0, 2).await;
    let (first, _second) = (begin(b"1").await.unwrap(), begin(b"2").await.unwrap());
    assert_eq!(begin(b"3").await.unwrap_err().reason(), "PART_BUSY");
    store.put_part_within(&other(), Digest::of(b"3"), 10, 0, 2).await.unwrap();
    drop(first);
    begin(b"3").await.unwrap();
}

#[tokio::test]
async fn what_is_old_and_wanted_by_nobody_goes_while_the_gateway_runs() {
    let (directory, store) = fresh();
    for content in [b"kept".as_slice(), b"orphan", b"of a rejected message"] {
        finish_from(&store, content, 0).await.unwrap();
    }
    let mut line = Line::on("ch-1");
    let mut message = line.next();
    message.parts = vec![beside(b"kept")];
    taken(store.receive(message).await.unwrap());
    let mut rejected = line.next();
    rejected.parts = vec![beside(b"of a rejected message")];
    taken(store.reject(rejected, "CLS_01".to_owned()).await.unwrap());
    let unfinished = b"unfinished".repeat(5);
    cut_at(&store, &unfinished, 0, 7).await;
    // All of it was written at NOW.
    let mut paths = arriving(directory.path(), &peer());
    for shelf in std::fs::read_dir(directory.path().join("parts")).unwrap() {
        paths.extend(std::fs::read_dir(shelf.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    for path in paths.iter().filter(|path| path.is_file()) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(u64::try_from(NOW.seconds()).unwrap())).unwrap();
    }
    let day = 24 * 3600;
    assert_eq!(store.sweep_parts(later(day)).await.unwrap(), 0);
    assert_eq!(store.sweep_parts(later(day + 1)).await.unwrap(), 3);
    assert_eq!(files(directory.path()), [Digest::of(b"kept").hex()]);
    assert_eq!(arriving(directory.path(), &peer()), Vec::<PathBuf>::new());
    // A message that comes too late for its part is told so.
    let mut late = line.next();
    late.parts = vec![beside(b"orphan")];
    let missing = Custody::PartMissing(Digest::of(b"orphan"));
    assert_eq!(store.receive(late).await.unwrap(), missing);
}

#[tokio::test]
async fn a_part_that_was_just_announced_stays_whatever_clock_the_file_system_has() {
    let (directory, store) = fresh();
    // The gateway's clock is far ahead of the one that dates files.
    let now = later(100 * 365 * 24 * 3600);
    let (whole, half) = (b"announced and whole".as_slice(), b"announced and not yet whole".repeat(3));
    for content in [whole, &half] {
        store.announce_part(peer(), Digest::of(content), content.len() as u64, now).await.unwrap();
    }
    finish_from(&store, whole, 0).await.unwrap();
    cut_at(&store, &half, 0, 7).await;
    assert_eq!(store.sweep_parts(now).await.unwrap(), 0);
    assert!(store.has_part(Digest::of(whole)).await.unwrap());
    assert_eq!(arriving(directory.path(), &peer()).len(), 1);
    let tomorrow = now.after(ORPHAN_AGE_MAX).after(Duration::from_secs(1));
    assert_eq!(store.sweep_parts(tomorrow).await.unwrap(), 2);
}

#[tokio::test]
async fn a_part_that_rotted_is_set_aside_and_taken_again() {
    let (directory, store) = fresh();
    let content = b"a document that will rot".as_slice();
    let digest = Digest::of(content);
    finish_from(&store, content, 0).await.unwrap();
    let mut message = Line::on("ch-1").next();
    message.parts = vec![beside(content)];
    taken(store.receive(message).await.unwrap());
    assert!(store.examine_part(digest).await.unwrap());
    let path = directory.path().join("parts").join(&digest.hex()[..2]).join(digest.hex());
    std::fs::write(&path, b"a document that has rotted").unwrap();
    assert!(!store.examine_part(digest).await.unwrap());
    let size = content.len() as u64;
    assert_eq!(store.part_progress(&peer(), digest, size).await.unwrap(), until(0));
    assert!(store.open_part(digest, 0).await.unwrap().is_none());
    finish_from(&store, content, 0).await.unwrap();
    assert_eq!(store.open_part(digest, 0).await.unwrap().unwrap().next().await.unwrap(), content);
    assert_eq!(files(directory.path()), [digest.hex()], "the rotten one goes when the true one is here");
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
}
