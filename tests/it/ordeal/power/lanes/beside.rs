//! What is written beside the sequences: acts of the administrative log, where desks of the own ministry write too, the
//! alarm of a gateway that was restored, and sticks with what is on them. And what a desk is given back.

use std::sync::Arc;

use chancery::digest::Digest;
use chancery::gateway::store::record::{Alarm, Decision, Direction, Footing, LogEntry, RESTORED_ALARM};
use chancery::gateway::store::{Purpose, Store};
use chancery::time::{Clock, SystemClock};

use super::{admit, consignment, header, leaf};
use crate::ordeal::power::child::say;
use crate::support::ministry;

/// The administrative log.
const ACTS: &str = "mfa.xa.example/chancery/administration/2026";

/// A channel whose messages are packed and never carried.
const PACKED: &str = "ch-packed";

fn act(number: u64) -> Vec<u8> {
    format!("act {number}").into_bytes()
}

/// Tells that the gateway was restored and writes an act, again and again until the store fails.
pub async fn write_acts(store: Arc<Store>) {
    let mut told = told_restored(&store).await;
    let mut written = store.leaves(ACTS.to_owned(), 0, usize::MAX >> 1).await.unwrap().len() as u64;
    loop {
        let (code, detail) = (RESTORED_ALARM.to_owned(), told.to_string());
        let alarm = Alarm { code, ministry: ministry("XA"), detail, time: SystemClock.now() };
        if store.raise_alarm(alarm).await.is_err() {
            return;
        }
        told += 1;
        say("told-restored", told);
        let entry = LogEntry { origin: ACTS.to_owned(), peer: ministry("XA"), leaf: act(written) };
        let Ok(place) = store.append_leaf(entry).await else { return };
        assert_eq!(place.index, written);
        written += 1;
        say("acts", written);
    }
}

/// Packs message after message until the store fails.
pub async fn write_packed(store: Arc<Store>) {
    let mut last = store.position(Direction::Out, PACKED.to_owned(), ministry("XB")).await.unwrap();
    // The power went before it was noted where the last one is.
    if let Some(id) = last.message_id
        && note_packed(&store, id, last.sequence).await.is_none()
    {
        return;
    }
    loop {
        let sequence = last.sequence + 1;
        let (header, leaf) = (header(PACKED, sequence), leaf(PACKED, sequence, 0));
        let message = consignment(PACKED, sequence, last.message_id, leaf, header, Vec::new());
        let id = message.message_id;
        if admit(&store, Purpose::Send, vec![message], Footing::default()).await.is_none() {
            return;
        }
        (last.sequence, last.message_id) = (sequence, Some(id));
        let Ok(stick) = store.next_pack(ministry("XB"), SystemClock.now()).await else { return };
        say("sticks", stick);
        if note_packed(&store, id, sequence).await.is_none() {
            return;
        }
    }
}

async fn note_packed(store: &Store, message: Digest, sequence: u64) -> Option<()> {
    let decision = Decision { time: SystemClock.now(), operator: 7, reason: String::new(), act: None };
    store.note_packed(vec![message], decision).await.ok()?;
    say("packed", sequence);
    Some(())
}

async fn told_restored(store: &Store) -> u64 {
    let alarms = store.alarms().await.unwrap();
    alarms.iter().find(|alarm| alarm.code == RESTORED_ALARM).map_or(0, |alarm| alarm.count)
}

/// Says what is there of all this, and judges it.
pub async fn audit(store: &Store) {
    say("told-restored", told_restored(store).await);
    let acts = store.leaves(ACTS.to_owned(), 0, usize::MAX >> 1).await.unwrap();
    assert!(acts.iter().zip(0..).all(|(leaf, number)| leaf.bytes == act(number)), "an act is kept whole");
    say("acts", acts.len() as u64);
    let last = store.position(Direction::Out, PACKED.to_owned(), ministry("XB")).await.unwrap().sequence;
    say(PACKED, last);
    let mut packed = 0;
    for sequence in 1..=last {
        let entry = store.queue_entry(Digest::of(&header(PACKED, sequence))).await.unwrap();
        packed = if entry.unwrap().packed.is_some() { sequence } else { packed };
    }
    assert!(last <= packed + 1, "{packed} of {last} are packed");
    say("packed", packed);
    // Its own number is the next one, whichever of them were ever used.
    say("sticks", store.next_pack(ministry("XB"), SystemClock.now()).await.unwrap() - 1);
    for line in store.lines_sent(0, 100).await.unwrap() {
        let position = store.position(Direction::Out, line.channel.clone(), line.peer.clone()).await.unwrap();
        assert_eq!((line.sequence, line.message_id), (position.sequence, position.message_id));
        let given = store.submitted_after(line.channel, line.peer, line.sequence - 1, 2).await.unwrap();
        let given: Vec<Digest> = given.iter().map(|one| Digest::of(&one.signed.header)).collect();
        assert_eq!(given, [line.message_id.unwrap()], "a desk is given back all that was taken");
    }
}
