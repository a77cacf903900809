//! What decides whether anything may be signed for a pair, and what comes back from the peer's copy.

use super::alarm::Alarm;
use super::log::{Checkpoint, LeafPlace};
use super::message::Consignment;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::tlog::merkle::TreeHead;
use crate::trust::name::Ministry;

/// One of our own logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLog {
    /// The other ministry of the pair.
    pub peer: Ministry,
    /// Origin.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
}

/// That a store came out of a backup, as long as anything is awaited for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromBackup {
    /// When the backup was made.
    pub made: Timestamp,
    /// Whether the own desk has not come since.
    pub awaits_desk: bool,
}

/// A proof that a log forked, with the alarm about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkRecord {
    /// The log.
    pub origin: String,
    /// The log key that signed both checkpoints.
    pub key: [u8; 32],
    /// The other ministry of the pair.
    pub peer: Ministry,
    /// True where the log is our own.
    pub own: bool,
    /// The proof as text.
    pub proof: String,
    /// What the operator is told.
    pub alarm: Alarm,
}

/// A message without an answer about which the mirror of the peer's log has a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Number in the order of custody.
    pub key: i64,
    /// Id of the message.
    pub message_id: Digest,
    /// SHA-256 of the envelope without its parts.
    pub envelope_digest: Digest,
    /// Where the leaf stands in the mirror.
    pub place: LeafPlace,
    /// Its exact bytes.
    pub leaf: Vec<u8>,
}

/// A piece of an own log that was lost here, verified by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostPiece {
    /// Origin of the log.
    pub origin: String,
    /// The peer that held the copy.
    pub peer: Ministry,
    /// Index of the first leaf.
    pub first_index: u64,
    /// The leaves, with what they are about.
    pub leaves: Vec<LostLeaf>,
    /// What shows that the leaves stood there.
    pub shown: Shown,
    /// The cosigned checkpoint of this size, where the piece ends at one.
    pub cosigned: Option<Checkpoint>,
}

/// What shows that leaves stood at their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A receipt of ours for each of them, which the caller has verified.
    ByReceipts,
    /// A checkpoint that we signed.
    Under {
        /// What it says of the log, at the end of the piece or beyond it.
        head: TreeHead,
        /// The proof that the log up to the end of the piece is the beginning of that.
        path: Vec<Digest>,
    },
}

/// One leaf of a lost piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostLeaf {
    /// Exact bytes.
    pub bytes: Vec<u8>,
    /// What it is about.
    pub about: LostMatter,
}

/// What a lost leaf is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LostMatter {
    /// No message.
    Record,
    /// Our message was not delivered in time, or was withdrawn.
    Ended {
        /// Id of the message.
        message_id: Digest,
        /// Reason code.
        reason: String,
        /// True where it was withdrawn.
        withdrawn: bool,
    },
    /// A message of the peer was taken into custody.
    Received(Box<Consignment>),
    /// A message of the peer was rejected, for this reason.
    Rejected(Box<Consignment>, String),
    /// Our message, as the peer received it.
    Sent(Box<Consignment>),
    /// Our message, which the peer never got: only its desk has it.
    SentUnseen {
        /// Id of the message.
        message_id: Digest,
        /// SHA-256 of its envelope without its parts.
        envelope_digest: Digest,
        /// When it was taken into custody.
        time: Timestamp,
    },
}

/// What became of a lost piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// A message of the peer does not follow the one before it; nothing was changed.
    Gap(String),
    /// It does not begin where the log ends; nothing was changed.
    Misplaced {
        /// Number of leaves held.
        have: u64,
    },
    /// It is the log's again, with everything it is about.
    Done {
        /// Number of leaves held now.
        size: u64,
        /// Messages of ours that the desk must hand over again.
        unseen: u64,
    },
    /// The leaves do not lead to the root; nothing was changed.
    RootMismatch,
}
