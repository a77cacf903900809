//! What the store's tests share: a store in a directory of its own, and messages that follow each other.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::record::{AttemptEnd, Consignment, Custody, FailedAttempt, LeafPlace, LogEntry, Part};
use super::{Bounds, Store};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

pub(super) const ORIGIN: &str = "mfa.xa.example/chancery/xb/2026";
pub(super) const PEER_ORIGIN: &str = "mfa.xb.example/chancery/xa/2026";
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

pub(super) fn peer() -> Ministry {
    Ministry::parse("XB").unwrap()
}

pub(super) fn later(seconds: u64) -> Timestamp {
    NOW.after(std::time::Duration::from_secs(seconds))
}

pub(super) fn open(directory: &Path) -> Store {
    Store::open(directory, bounds(), NOW).unwrap()
}

/// Small reserves: tests open many stores.
pub(super) fn bounds() -> Bounds {
    Bounds { ballast: 64 * 1024, floor: 1024 * 1024, ..Bounds::default() }
}

pub(super) fn fresh() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (directory, store)
}

/// Edits the database behind the back of a store that is closed.
pub(super) fn edit(directory: &Path, sql: &str) {
    let connection = Connection::open(directory.join("gateway.db")).unwrap();
    assert!(connection.execute(sql, []).unwrap() > 0, "nothing was edited");
}

pub(super) fn inline(content: &str) -> Part {
    let content = content.as_bytes().to_vec();
    Part { digest: Digest::of(&content), size: content.len() as u64, content: Some(content) }
}

pub(super) fn beside(content: &[u8]) -> Part {
    Part { digest: Digest::of(content), size: content.len() as u64, content: None }
}

pub(super) fn entry(leaf: &str) -> LogEntry {
    LogEntry { origin: ORIGIN.to_owned(), peer: peer(), leaf: leaf.as_bytes().to_vec() }
}

/// An attempt that was refused now, and is to be made again later.
pub(super) fn refused(reason: &str, next_attempt: Timestamp) -> FailedAttempt {
    FailedAttempt { time: NOW, next_attempt, end: AttemptEnd::Refused(reason.to_owned()) }
}

/// The place in a `Taken` answer.
pub(super) fn taken(custody: Custody) -> LeafPlace {
    match custody {
        Custody::Taken(place) => place,
        other => panic!("not taken: {other:?}"),
    }
}

/// Messages of one channel and peer that follow each other.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) channel: String,
    pub(super) sequence: u64,
    pub(super) last: Option<Digest>,
}

impl Line {
    pub(super) fn on(channel: &str) -> Self {
        Self { channel: channel.to_owned(), sequence: 0, last: None }
    }

    /// The next message, and the line moves on to it.
    pub(super) fn next(&mut self) -> Consignment {
        let message = self.peek("");
        self.sequence = message.sequence;
        self.last = Some(message.message_id);
        message
    }

    /// A message for the next number that the line does not move on to.
    pub(super) fn peek(&self, variant: &str) -> Consignment {
        let sequence = self.sequence + 1;
        let header = format!("header {sequence} on {} {variant}", self.channel).into_bytes();
        let message_id = Digest::of(&header);
        Consignment {
            message_id,
            channel: self.channel.clone(),
            peer: peer(),
            sequence,
            previous: self.last,
            signature: format!("signature of {message_id}").into_bytes(),
            envelope_digest: Digest::of_parts(&[b"envelope", &header]),
            parts: vec![
                inline(&format!("dispatch {sequence} on {}", self.channel)),
                inline("shared document"),
            ],
            precedence: 1,
            valid_until: later(1000),
            leaf: format!("leaf of {message_id}").into_bytes(),
            origin: ORIGIN.to_owned(),
            now: NOW,
            header,
        }
    }
}
