//! Room and quotas: what is new is refused before it is taken, what was taken before goes on, and a disk that
//! fills up loses nothing.

use tempfile::TempDir;

use crate::digest::Digest;
use crate::gateway::store::fixture::{
    Line, NOW, ORIGIN, PEER_ORIGIN, Settled, beside, bounds, entry, fresh, inline, later, open, peer,
    refused, taken,
};
use crate::gateway::store::record::{
    Alarm, Amount, Announced, Custody, Direction, Extension, Footing, LogLeaf, MirrorUpdate, Quota,
    Settlement,
};
use crate::gateway::store::{Bounds, Store};
use crate::limits::{CHECKPOINT_BYTES, ORPHAN_AGE_MAX};
use crate::tlog::merkle::leaf_hash;
use crate::trust::name::Ministry;

const MIB: u64 = 1024 * 1024;

fn bounded(bounds: Bounds) -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), bounds, NOW).unwrap();
    (directory, store)
}

#[tokio::test]
async fn below_the_floor_nothing_new_is_taken_and_everything_else_goes_on() {
    let (_directory, store) = fresh();
    let mut line = Line::on("ch-1");
    let held = line.next();
    taken(store.take_custody(held.clone()).await.unwrap());
    taken(store.receive(held.clone()).await.unwrap());
    let next = line.peek("");
    store.inner.space.pretend(MIB / 2);

    assert_eq!(store.take_custody(next.clone()).await.unwrap(), Custody::NoSpace);
    assert_eq!(store.receive(next.clone()).await.unwrap(), Custody::NoSpace);
    assert_eq!(store.reject(next.clone(), "CLS_01".to_owned()).await.unwrap(), Custody::NoSpace);
    assert_eq!(store.put_part(&peer(), Digest::of(b"x"), 1, 0).await.unwrap_err().reason(), "NO_SPACE");
    assert_eq!(store.announce_part(peer(), Digest::of(b"x"), 1, NOW).await.unwrap(), Announced::NoSpace);
    assert_eq!(store.position(Direction::Out, "ch-1".to_owned(), peer()).await.unwrap().sequence, 1);

    // There is room for this still, because the floor is above what it takes.
    store.inner.space.pretend(bounds().floor + MIB);
    let again = store.take_custody(held.clone()).await.unwrap();
    assert!(matches!(again, Custody::AlreadyHeld { .. }), "{again:?}");
    store.inner.space.pretend(0);
}

#[tokio::test]
async fn settlements_receipts_acknowledgements_and_mirrors_go_on_below_the_floor() {
    let (_directory, store) = bounded(Bounds { floor: 1000 * MIB, ..bounds() });
    store.inner.space.pretend(2000 * MIB);
    let mut line = Line::on("ch-1");
    let (first, second) = (line.next(), line.next());
    for message in [&first, &second] {
        taken(store.take_custody(message.clone()).await.unwrap());
        taken(store.receive(message.clone()).await.unwrap());
    }
    store.inner.space.pretend(100 * MIB);
    assert_eq!(store.take_custody(line.next()).await.unwrap(), Custody::NoSpace);
    let settled = store.settle(first.message_id, Settlement::Delivered, b"receipt".to_vec(), NOW).await;
    assert_eq!(settled.unwrap(), Settled::Done);
    store.note_attempt(vec![second.message_id], refused("PEER_UNREACHABLE", later(1))).await.unwrap();
    store.expire(second.message_id, "CHN_06".to_owned(), entry("expired"), NOW).await.unwrap();
    assert_eq!(store.acknowledge(2).await.unwrap(), 2);
    let leaf = LogLeaf { bytes: b"leaf of the peer".to_vec(), message_id: None };
    let update = MirrorUpdate {
        origin: PEER_ORIGIN.to_owned(),
        peer: peer(),
        first_index: 0,
        root: leaf_hash(&leaf.bytes),
        leaves: vec![leaf],
        checkpoint: "checkpoint".to_owned(),
        cosigned: Some("cosigned".to_owned()),
        footing: Footing::default(),
    };
    let mirrored = store.extend_mirror(update).await.unwrap();
    assert_eq!(mirrored.extension, Extension::Extended { size: 1 });
    assert_eq!(mirrored.cosigned.as_deref(), Some("cosigned"));
    let duplicate = store.receive(first).await.unwrap();
    assert!(matches!(duplicate, Custody::AlreadyHeld { .. }), "{duplicate:?}");
    assert!(!store.space().await.unwrap().admits);

    store.inner.space.pretend(2000 * MIB);
    assert!(store.space().await.unwrap().admits);
    let mut next = Line::on("ch-2");
    taken(store.take_custody(next.next()).await.unwrap());
}

#[tokio::test]
async fn a_group_for_which_there_is_no_room_gets_the_ballast_first_and_is_refused_untouched_after_that() {
    let (directory, store) = fresh();
    let ballast = directory.path().join("ballast");
    assert!(ballast.exists());
    store.inner.space.pretend(MIB / 2);
    let alarm = |detail: &str| Alarm {
        code: "STORE_SPACE".to_owned(),
        ministry: peer(),
        detail: detail.to_owned(),
        time: NOW,
    };
    let fault = store.raise_alarm(alarm("no room")).await.unwrap_err();
    assert_eq!(fault.reason(), "NO_SPACE");
    assert!(!ballast.exists(), "it was given away before anybody was refused");
    assert!(!store.is_stopped(), "nothing was tried, so nothing has failed");
    assert_eq!(store.counts().commits, 0);

    store.inner.space.pretend(0);
    assert!(store.raise_alarm(alarm("room")).await.unwrap());
    assert_eq!(store.space().await.unwrap().ballast, bounds().ballast, "laid in again");
    assert!(ballast.exists());
    assert_eq!(store.alarms().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_write_ahead_log_that_does_not_fit_into_the_database_stays_where_it_is() {
    let (directory, store) = fresh();
    taken(store.take_custody(Line::on("ch-1").next()).await.unwrap());
    store.inner.space.note_backlog(64 * MIB);
    store.inner.space.pretend(32 * MIB);
    store.write(CHECKPOINT_BYTES, |_| Ok(crate::gateway::store::job::Verdict::Keep(()))).await.unwrap_err();
    store.append_leaf(entry("leaf")).await.unwrap();
    drop(store);
    assert!(directory.path().join("gateway.db-wal").exists());
    let store = open(directory.path());
    assert_eq!(store.log_head(ORIGIN.to_owned()).await.unwrap().unwrap().size, 2);
}

#[tokio::test]
async fn a_peer_has_only_so_much_in_the_mailbox_until_the_desk_acknowledges() {
    let mailbox = Quota { count: 2, bytes: 10 * MIB };
    let (directory, store) = bounded(Bounds { mailbox, ..bounds() });
    let (mut line, mut other) = (Line::on("ch-1"), Line::on("ch-2"));
    taken(store.receive(line.next()).await.unwrap());
    taken(store.receive(line.next()).await.unwrap());
    let third = line.next();
    assert_eq!(store.receive(third.clone()).await.unwrap(), Custody::QuotaReached);
    // Another peer has a quota of its own, and what is rejected takes no room in the mailbox.
    let mut message = other.next();
    message.peer = Ministry::parse("XC").unwrap();
    message.origin = "mfa.xa.example/chancery/xc/2026".to_owned();
    taken(store.receive(message).await.unwrap());
    let held = |store: &Store| {
        let store = store.clone();
        async move { store.holdings(vec![peer()]).await.unwrap()[0].mailbox.count }
    };
    assert_eq!(held(&store).await, 2);
    store.acknowledge(1).await.unwrap();
    assert_eq!(held(&store).await, 1);
    taken(store.receive(third).await.unwrap());
    assert_eq!(store.receive(line.peek("")).await.unwrap(), Custody::QuotaReached);
    drop(store);
    let store = Store::open(directory.path(), Bounds { mailbox, ..bounds() }, NOW).unwrap();
    assert_eq!(store.receive(line.peek("")).await.unwrap(), Custody::QuotaReached, "it outlives a restart");
    store.acknowledge(4).await.unwrap();
    assert_eq!(store.holdings(vec![peer()]).await.unwrap()[0].mailbox, Amount::default());
}

#[tokio::test]
async fn a_quota_of_bytes_counts_documents_and_lets_the_first_message_in() {
    let mailbox = Quota { count: 100, bytes: 3000 };
    let (_directory, store) = bounded(Bounds { mailbox, ..bounds() });
    let mut line = Line::on("ch-1");
    let mut first = line.next();
    first.parts = vec![inline(&"x".repeat(5000))];
    taken(store.receive(first).await.unwrap());
    assert_eq!(store.receive(line.next()).await.unwrap(), Custody::QuotaReached);
    store.acknowledge(1).await.unwrap();
    let mut line = Line { sequence: 1, ..line };
    line.last = Some(Line::on("ch-1").next().message_id);
    taken(store.receive(line.next()).await.unwrap());
}

#[tokio::test]
async fn parts_without_a_message_count_against_their_source_until_one_refers_to_them() {
    let uploads = Quota { count: 2, bytes: 100 };
    let (_directory, store) = bounded(Bounds { uploads, ..bounds() });
    let (one, two, three) = (b"part one", b"part two", b"part three");
    let announce = |bytes: &'static [u8], who: &str| {
        store.announce_part(Ministry::parse(who).unwrap(), Digest::of(bytes), bytes.len() as u64, NOW)
    };
    assert_eq!(announce(one, "XB").await.unwrap(), Announced::Welcome);
    assert_eq!(announce(one, "XB").await.unwrap(), Announced::Welcome, "again it counts once");
    assert_eq!(announce(two, "XB").await.unwrap(), Announced::Welcome);
    assert_eq!(announce(three, "XB").await.unwrap(), Announced::QuotaReached);
    assert_eq!(announce(three, "XC").await.unwrap(), Announced::Welcome);
    let mut upload = store.put_part(&peer(), Digest::of(one), one.len() as u64, 0).await.unwrap();
    upload.write(vec![one.to_vec()]).await.unwrap();
    upload.finish().await.unwrap();
    let held = || async { store.holdings(vec![peer()]).await.unwrap()[0].uploads };
    assert_eq!(held().await, Amount { count: 2, bytes: 16 });
    let mut message = Line::on("ch-1").next();
    message.parts.push(beside(one));
    taken(store.receive(message).await.unwrap());
    assert_eq!(held().await, Amount { count: 1, bytes: 8 });
    assert_eq!(announce(one, "XB").await.unwrap(), Announced::Held);
}

#[tokio::test]
async fn what_no_message_refers_to_after_a_day_is_swept_while_the_store_runs() {
    let (directory, store) = fresh();
    let (orphan, wanted) = (b"nobody refers to this".as_slice(), b"somebody does".as_slice());
    for bytes in [orphan, wanted] {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        assert_eq!(store.announce_part(peer(), digest, size, NOW).await.unwrap(), Announced::Welcome);
        let mut upload = store.put_part(&peer(), digest, size, 0).await.unwrap();
        upload.write(vec![bytes.to_vec()]).await.unwrap();
        upload.finish().await.unwrap();
    }
    let mut message = Line::on("ch-1").next();
    message.parts.push(beside(wanted));
    taken(store.receive(message).await.unwrap());
    assert_eq!(store.sweep(NOW).await.unwrap(), 0, "it is not a day old");
    let tomorrow = later(ORPHAN_AGE_MAX.as_secs() + 1);
    assert_eq!(store.sweep(tomorrow).await.unwrap(), 1);
    assert!(!store.has_part(Digest::of(orphan)).await.unwrap());
    assert!(store.has_part(Digest::of(wanted)).await.unwrap());
    assert_eq!(store.holdings(vec![peer()]).await.unwrap()[0].uploads, Amount::default());
    assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
    drop(store);
    open(directory.path());
}

#[tokio::test]
async fn a_part_counts_as_long_as_its_source_has_ever_declared_it_and_against_every_source_that_did() {
    let uploads = Quota { count: 9, bytes: 100 };
    let (_directory, store) = bounded(Bounds { uploads, ..bounds() });
    let who = |code: &str| Ministry::parse(code).unwrap();
    let announce = |name: &'static [u8], size: u64, from: &str| {
        store.announce_part(who(from), Digest::of(name), size, NOW)
    };
    let used = async |from: &str| store.holdings(vec![who(from)]).await.unwrap()[0].uploads;
    for (name, size, answer) in [
        (b"other".as_slice(), 10, Announced::Welcome),
        (b"part", 1, Announced::Welcome),
        (b"part", 91, Announced::QuotaReached),
        (b"part", 90, Announced::Welcome),
        // What was written of it may be here still.
        (b"part", 1, Announced::Welcome),
    ] {
        assert_eq!(announce(name, size, "XB").await.unwrap(), answer, "{size}");
    }
    assert_eq!(used("XB").await, Amount { count: 2, bytes: 100 });
    assert_eq!(announce(b"part", 4, "XC").await.unwrap(), Announced::Welcome);
    assert_eq!(used("XC").await, Amount { count: 1, bytes: 4 });

    let digest = Digest::of(b"part");
    let put = async || {
        let mut upload = store.put_part(&who("XC"), digest, 4, 0).await.unwrap();
        upload.write(vec![b"part".to_vec()]).await.unwrap();
        upload.finish().await.unwrap();
    };
    put().await;
    let mut message = Line::on("ch-1").next();
    message.parts.push(beside(b"part"));
    taken(store.receive(message).await.unwrap());
    assert_eq!(used("XC").await, Amount::default());
    assert_eq!(used("XB").await.count, 2, "it may write more than the part has");
    assert_eq!(announce(b"part", 4, "XC").await.unwrap(), Announced::Held);
    let false_size = announce(b"part", 40, "XC").await.unwrap_err();
    assert_eq!(false_size.reason(), "PART_MISMATCH");

    // Lost here, it counts while it comes again, and no longer.
    assert!(store.inner.blobs.remove(&digest));
    assert_eq!(announce(b"part", 4, "XC").await.unwrap(), Announced::Welcome);
    assert_eq!(used("XC").await, Amount { count: 1, bytes: 4 });
    put().await;
    store.settle_upload(who("XC"), digest).await.unwrap();
    assert_eq!(used("XC").await, Amount::default());
}

#[tokio::test]
async fn a_part_that_two_sides_announced_stays_until_neither_may_want_it() {
    let (_directory, store) = fresh();
    let (digest, size) = (Digest::of(b"part"), 4);
    let tomorrow = later(ORPHAN_AGE_MAX.as_secs() + 1);
    for (code, time) in [("XB", NOW), ("XC", tomorrow)] {
        store.announce_part(Ministry::parse(code).unwrap(), digest, size, time).await.unwrap();
    }
    let mut upload = store.put_part(&peer(), digest, size, 0).await.unwrap();
    upload.write(vec![b"part".to_vec()]).await.unwrap();
    upload.finish().await.unwrap();
    assert_eq!(store.sweep(tomorrow).await.unwrap(), 0);
    assert!(store.has_part(digest).await.unwrap());
    assert_eq!(store.sweep(later(2 * ORPHAN_AGE_MAX.as_secs() + 3)).await.unwrap(), 1);
    assert!(!store.has_part(digest).await.unwrap());
}

#[tokio::test]
async fn what_transfers_under_way_were_promised_is_not_promised_to_others() {
    let (_directory, store) = bounded(Bounds { floor: 100 * MIB, ..bounds() });
    store.inner.space.pretend(110 * MIB);
    let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
    let other = Ministry::parse("XC").unwrap();
    let mut upload = store.put_part(&peer(), first, 6 * MIB, 0).await.unwrap();
    for side in [&peer(), &other] {
        assert_eq!(store.put_part(side, second, 6 * MIB, 0).await.unwrap_err().reason(), "NO_SPACE");
        let announced = store.announce_part(side.clone(), second, 6 * MIB, NOW).await.unwrap();
        assert_eq!(announced, Announced::NoSpace);
    }
    // It does not stand in its own way, nor does a later transfer of it that takes over.
    assert_eq!(store.announce_part(peer(), first, 6 * MIB, NOW).await.unwrap(), Announced::Welcome);
    // What is written takes up its room and is promised no more.
    upload.write(vec![vec![0; 2 * 1024 * 1024]]).await.unwrap();
    store.inner.space.pretend(109 * MIB);
    assert_eq!(store.put_part(&other, second, 6 * MIB, 0).await.unwrap_err().reason(), "NO_SPACE");
    drop(store.put_part(&other, second, 4 * MIB, 0).await.unwrap());
    drop(store.put_part(&peer(), first, 6 * MIB, 0).await.unwrap());
    drop(upload);
    drop(store.put_part(&other, second, 8 * MIB, 0).await.unwrap());
    // Messages are small, and what was promised to documents does not keep them out.
    taken(store.take_custody(Line::on("ch-1").next()).await.unwrap());
}

#[tokio::test]
async fn a_transfer_that_meets_the_floor_is_refused_and_goes_on_where_it_was_when_there_is_room() {
    let (directory, store) = bounded(Bounds { floor: 100 * MIB, ..bounds() });
    let content = vec![7; usize::try_from(6 * MIB).unwrap()];
    let digest = Digest::of(&content);
    store.inner.space.pretend(110 * MIB);
    let mut upload = store.put_part(&peer(), digest, 6 * MIB, 0).await.unwrap();
    let (first, rest) = content.split_at(5 * 1024 * 1024);
    upload.write(vec![first.to_vec()]).await.unwrap();
    store.inner.space.pretend(100 * MIB + 1);
    assert_eq!(upload.write(vec![rest.to_vec()]).await.unwrap_err().reason(), "NO_SPACE");
    drop(upload);
    assert!(!store.is_stopped());
    assert!(directory.path().join("ballast").exists(), "that is for settlements");
    // As much as is missing fits; the whole would not.
    store.inner.space.pretend(102 * MIB);
    assert_eq!(store.announce_part(peer(), digest, 6 * MIB, NOW).await.unwrap(), Announced::Welcome);
    let offset = store.part_progress(&peer(), digest, 6 * MIB).await.unwrap().offset;
    assert_eq!(offset, 5 * MIB);
    let mut upload = store.put_part(&peer(), digest, 6 * MIB, offset).await.unwrap();
    upload.write(vec![rest.to_vec()]).await.unwrap();
    upload.finish().await.unwrap();
    assert!(store.has_part(digest).await.unwrap());
}
