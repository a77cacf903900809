//! What the store's tests share: a store in a directory of its own, and messages that follow each other.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::record::{
    Answered, AttemptEnd, Consignment, Custody, FailedAttempt, Footing, Ground, LeafPlace, LogEntry, LogLeaf,
    MirrorUpdate, Part, SentState, Settlement,
};
use super::{Bounds, Purpose, Store, StoreFault};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::tlog::merkle::leaf_hash;
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

/// The first leaf of the peer's log, with our cosignature.
pub(super) fn first_leaf(root: Option<Digest>, footing: &Footing) -> MirrorUpdate {
    let leaf = LogLeaf { bytes: b"leaf of the peer".to_vec(), message_id: None };
    MirrorUpdate {
        origin: PEER_ORIGIN.to_owned(),
        peer: peer(),
        first_index: 0,
        root: root.unwrap_or_else(|| leaf_hash(&leaf.bytes)),
        leaves: vec![leaf],
        checkpoint: "checkpoint".to_owned(),
        cosigned: Some("cosigned".to_owned()),
        footing: footing.clone(),
    }
}

/// What stands on it.
pub(super) fn ground() -> Ground {
    let (origin, root) = (PEER_ORIGIN.to_owned(), leaf_hash(b"leaf of the peer"));
    Ground { origin, size: 1, root, cosigned: "cosigned".to_owned() }
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

/// What became of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// The peer has answered already; nothing was changed.
    Already(SentState),
    /// Changed.
    Done,
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// The verbs of batches for a batch of one, so that every test runs what the gateway runs.
impl Store {
    pub(super) async fn take_custody(&self, message: Consignment) -> Result<Custody, StoreFault> {
        self.admit_alone(Purpose::Send, message).await
    }

    pub(super) async fn receive(&self, message: Consignment) -> Result<Custody, StoreFault> {
        self.admit_alone(Purpose::Deliver, message).await
    }

    pub(super) async fn reject(&self, message: Consignment, reason: String) -> Result<Custody, StoreFault> {
        self.admit_alone(Purpose::Reject(reason), message).await
    }

    async fn admit_alone(&self, purpose: Purpose, message: Consignment) -> Result<Custody, StoreFault> {
        let prepared = self.prepare(vec![(purpose, message)])?;
        let mut admitted = self.admit_all(prepared, Footing::default()).await?;
        assert_eq!(admitted.custodies.len(), 1, "one answer for one message");
        Ok(admitted.custodies.remove(0))
    }

    /// Looks before and after, because a batch is not told of each.
    pub(super) async fn settle(
        &self,
        message_id: Digest,
        settlement: Settlement,
        receipt: Vec<u8>,
        now: Timestamp,
    ) -> Result<Settled, StoreFault> {
        let kept = async || Ok::<_, StoreFault>(self.sent(vec![message_id]).await?.remove(0));
        let before = kept().await?;
        let answered = Answered { message_id, settlement, receipt: receipt.clone() };
        let states = self.settle_all(vec![answered], Vec::new(), now).await?.expect("it stands on nothing");
        let after = kept().await?;
        assert_eq!(states, [after.as_ref().map(|after| after.state)], "the state that is kept is told");
        let Some(before) = before else { return Ok(Settled::Unknown) };
        if before.receipt.is_some() {
            assert_eq!(after.as_ref(), Some(&before), "the first answer stays");
            return Ok(Settled::Already(before.state));
        }
        assert_eq!(after.and_then(|after| after.receipt), Some(receipt));
        Ok(Settled::Done)
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
