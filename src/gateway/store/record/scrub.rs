//! What a scrub looks at and what it finds.

use std::fmt;

use super::message::{Direction, SignedHeader};
use super::sent::SentState;
use crate::digest::Digest;
use crate::limits::SCRUB_DAMAGES_MAX;
use crate::time::Timestamp;
use crate::vocabulary;

vocabulary! {
    /// What a damage is in.
    pub enum Damaged {
        /// A signed checkpoint does not vouch for the leaves under it.
        Checkpoint = 1 "CHECKPOINT",
        /// A leaf of a log.
        Leaf = 2 "LEAF",
        /// A message, its header, its signature or its place in a sequence.
        Message = 3 "MESSAGE",
        /// A hash of the tree over a log.
        Node = 4 "NODE",
        /// A sealed part.
        Part = 5 "PART",
        /// A trust bundle or channel policy.
        Record = 6 "RECORD",
        /// Two pieces that name each other do not fit together.
        Reference = 7 "REFERENCE",
        /// The database file itself.
        Structure = 8 "STRUCTURE",
    }
}

/// One thing that is not as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What it is in.
    pub what: Damaged,
    /// Origin of the log concerned.
    pub origin: Option<String>,
    /// Index of the leaf concerned.
    pub index: Option<u64>,
    /// The message concerned.
    pub message: Option<Digest>,
    /// The sealed part concerned.
    pub part: Option<Digest>,
    /// The same in words.
    pub detail: String,
}

impl Damage {
    /// A damage in words; what it concerns is added by the other functions.
    pub fn new(what: Damaged, detail: impl Into<String>) -> Self {
        Self { what, origin: None, index: None, message: None, part: None, detail: detail.into() }
    }

    /// In this log.
    pub fn in_log(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// At this leaf.
    pub fn at(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// About this message.
    pub fn of_message(mut self, message: Digest) -> Self {
        self.message = Some(message);
        self
    }

    /// About this part.
    pub fn of_part(mut self, part: Digest) -> Self {
        self.part = Some(part);
        self
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// What a scrub found, each damage named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// Leaves re-hashed.
    pub leaves: u64,
    /// Sealed parts re-hashed.
    pub parts: u64,
    /// Headers re-hashed.
    pub messages: u64,
    /// What is damaged, the first `SCRUB_DAMAGES_MAX`.
    pub damages: Vec<Damage>,
    /// How many more there are.
    pub more: u64,
}

impl Examination {
    /// Adds what was found.
    pub fn add(&mut self, found: impl IntoIterator<Item = Damage>) {
        for damage in found {
            if self.damages.len() < SCRUB_DAMAGES_MAX {
                self.damages.push(damage);
            } else {
                self.more = self.more.saturating_add(1);
            }
        }
    }

    /// Whether everything is as it was kept.
    pub fn is_clean(&self) -> bool {
        self.damages.is_empty()
    }
}

/// How far a scrub is; for people.
pub trait Progress: Send + Sync {
    /// So much of `what` is done.
    fn done(&self, what: &str, count: u64);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn done(&self, _: &str, _: u64) {}
}

/// A message with everything it must agree with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Number in the order of custody.
    pub key: u64,
    /// Which way it travels.
    pub direction: Direction,
    /// Channel of its sequence.
    pub channel: String,
    /// The other ministry of its sequence.
    pub peer: String,
    /// Its number.
    pub sequence: u64,
    /// Id of the message before it in its sequence; none for the first, or where that is missing.
    pub previous: Option<Digest>,
    /// The id it is kept under.
    pub id: Digest,
    /// The digest of its envelope as kept.
    pub envelope_digest: Digest,
    /// When it was taken into custody.
    pub custody_time: Timestamp,
    /// Header and signature.
    pub signed: SignedHeader,
    /// Why it was rejected, where it was: its parts are then not kept.
    pub rejected: Option<String>,
    /// Digests and sizes of the sealed parts kept with it, in order, and whether they travel in the envelope.
    pub parts: Vec<(Digest, u64, bool)>,
    /// Origin of the log that has its leaf, and the index there.
    pub place: (String, u64),
    /// Exact bytes of its leaf in our log; empty where that is missing.
    pub leaf: Vec<u8>,
    /// Its state, where it is one that we sent.
    pub outgoing: Option<KeptOutgoing>,
}

/// The state of a sent message with what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutgoing {
    /// Urgency.
    pub precedence: u8,
    /// Not delivered after this.
    pub valid_until: Timestamp,
    /// Where it stands.
    pub state: SentState,
    /// The peer's receipt.
    pub receipt: Option<Vec<u8>>,
    /// Exact bytes of the leaf that says that it expired; empty where that is missing.
    pub expiry: Option<Vec<u8>>,
    /// Exact bytes of the leaf that says that it was withdrawn; empty where that is missing.
    pub withdrawal: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_damages_are_named_and_all_are_counted() {
        let damages = |count: usize| (0..count).map(|_| Damage::new(Damaged::Leaf, "torn"));
        let mut found = Examination::default();
        found.add(damages(SCRUB_DAMAGES_MAX));
        assert_eq!((found.damages.len(), found.more), (SCRUB_DAMAGES_MAX, 0));
        found.add(damages(3));
        assert_eq!((found.damages.len(), found.more), (SCRUB_DAMAGES_MAX, 3));
    }
}
