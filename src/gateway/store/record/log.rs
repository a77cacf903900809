//! Logs: leaves, heads, checkpoints, and what is added to mirrors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::digest::Digest;
use crate::trust::name::Ministry;

/// Where a leaf stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafPlace {
    /// Origin of the log.
    pub origin: String,
    /// Index of the leaf.
    pub index: u64,
}

/// A leaf of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLeaf {
    /// Exact bytes.
    pub bytes: Vec<u8>,
    /// The message it concerns, where it concerns one.
    pub message_id: Option<Digest>,
}

/// A leaf that concerns a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLeaf {
    /// Where it stands.
    pub place: LeafPlace,
    /// True in the mirror of a peer's log, false in our own.
    pub mirror: bool,
}

/// A log as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Origin.
    pub origin: String,
    /// The other ministry of the pair.
    pub peer: Ministry,
    /// True for the mirror of the peer's log, false for our own.
    pub mirror: bool,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// The newest signed checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// The newest checkpoint with a cosignature.
    pub cosigned: Option<Checkpoint>,
}

/// Leaves of a log, proven under its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenLeaves {
    /// Number of leaves of the log.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// Of each leaf its index, its exact bytes and its inclusion path.
    pub leaves: Vec<(u64, Vec<u8>, Vec<Digest>)>,
}

/// How far somebody was sent the leaves of an own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProgress {
    /// Origin.
    pub origin: String,
    /// The next leaf to send.
    pub next: u64,
    /// How many leaves were cosigned when sending began: what is cosigned beyond them was sent in the meantime.
    pub cosigned_before: u64,
}

/// What is new in the own logs of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogNews {
    /// Origin of the newest of them.
    pub newest: Option<String>,
    /// Leaves that were not sent yet.
    pub leaves: Vec<NewLeaves>,
}

/// Leaves of one log in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeaves {
    /// Origin.
    pub origin: String,
    /// Index of the first.
    pub first_index: u64,
    /// Exact bytes; never none.
    pub leaves: Vec<Vec<u8>>,
    /// Root of the tree that ends with them.
    pub root: Digest,
}

/// A checkpoint as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Size that it states.
    pub size: u64,
    /// Signed text.
    pub text: String,
}

/// What became of a checkpoint that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointKept {
    /// It covers more leaves than the log has; nothing was changed.
    BeyondLog {
        /// Number of leaves.
        size: u64,
    },
    /// Kept.
    Kept,
    /// A checkpoint of a greater size is kept; nothing was changed.
    Older {
        /// That size.
        kept: u64,
    },
    /// No such log; nothing was changed.
    UnknownLog,
}

/// New leaves of a peer's log with the checkpoint over them, verified by the caller.
#[derive(Debug, Clone)]
pub struct MirrorUpdate {
    /// Origin.
    pub origin: String,
    /// The ministry that keeps the log.
    pub peer: Ministry,
    /// Index of the first leaf.
    pub first_index: u64,
    /// The leaves in order.
    pub leaves: Vec<LogLeaf>,
    /// Root that the checkpoint states for `first_index + leaves` leaves.
    pub root: Digest,
    /// Signed text of the checkpoint.
    pub checkpoint: String,
    /// The same with our cosignature, to be kept in the same commit unless one of that size is kept.
    pub cosigned: Option<String>,
    /// Lost where the leaves are refused.
    pub footing: Footing,
}

/// What messages of a peer stand on that are placed behind leaves of its log: once such leaves are refused, nothing
/// that is queued later on the same footing is placed.
#[derive(Debug, Clone, Default)]
pub struct Footing(Arc<AtomicBool>);

impl Footing {
    /// Leaves were refused.
    pub(in super::super) fn lose(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether leaves were refused.
    pub(in super::super) fn is_lost(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What became of leaves for a mirror, and of the cosignature on the checkpoint over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// Of the leaves.
    pub extension: Extension,
    /// The cosigned checkpoint of exactly that size that is kept now.
    pub cosigned: Option<String>,
}

/// A checkpoint of a mirror on which settlements stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Origin of the log.
    pub origin: String,
    /// Size of the checkpoint.
    pub size: u64,
    /// Root of the checkpoint.
    pub root: Digest,
    /// Its text with our cosignature, as it must be kept.
    pub cosigned: String,
}

/// What became of leaves for a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// All of them are held already; nothing was changed.
    AlreadyHeld {
        /// Number of leaves held.
        size: u64,
    },
    /// Appended, with the checkpoint.
    Extended {
        /// Number of leaves held now.
        size: u64,
    },
    /// Leaves before them are missing; nothing was changed.
    Gap {
        /// Number of leaves held.
        have: u64,
    },
    /// They are more than the peer's messages, and ours to it, account for; nothing was changed.
    OverQuota,
    /// They do not lead to the root that the checkpoint states, or differ from leaves that are held;
    /// nothing was changed.
    RootMismatch,
}

/// A leaf that is appended together with something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Origin of the log.
    pub origin: String,
    /// The other ministry of that log.
    pub peer: Ministry,
    /// Exact bytes of the leaf.
    pub leaf: Vec<u8>,
}
