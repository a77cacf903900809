//! Accredited records, and what a scrub finds.

use super::log::LeafPlace;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Kind of an accredited record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// A trust bundle.
    Bundle,
    /// A channel policy.
    Policy,
}

/// An accredited record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Kind.
    pub kind: RecordKind,
    /// The ministry it speaks for.
    pub ministry: Ministry,
    /// Its number within kind and ministry.
    pub sequence: u64,
    /// Exact bytes.
    pub bytes: Vec<u8>,
}

/// A bundle that a peer's gateway announced and that passed every test, with what of it counts already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Whose it is.
    pub ministry: Ministry,
    /// Its sequence.
    pub sequence: u64,
    /// Exact bytes of the signed record.
    pub bytes: Vec<u8>,
    /// When it was announced first.
    pub time: Timestamp,
}

/// A revocation list that counts beside those of accredited bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptList {
    /// Whose authority made it.
    pub ministry: Ministry,
    /// SHA-256 of the issuer's name.
    pub issuer: Digest,
    /// Exact bytes.
    pub bytes: Vec<u8>,
}

/// What is owed a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwedKind {
    /// A bundle that was accredited.
    Bundle,
    /// A revocation list that came into force.
    Revocation,
}

/// What became of records that were to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordsKept {
    /// All of them are held already; nothing was changed.
    AlreadyHeld,
    /// Another record of this kind, ministry and sequence is held; nothing was changed.
    Conflict {
        /// Kind.
        kind: RecordKind,
        /// Ministry.
        ministry: Ministry,
        /// Sequence.
        sequence: u64,
    },
    /// Kept, with the leaves, which stand here.
    Kept(Vec<LeafPlace>),
}

/// What a scrub of the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Leaves re-hashed.
    pub leaves: u64,
    /// Sealed parts re-hashed.
    pub parts: u64,
    /// Headers re-hashed.
    pub messages: u64,
    /// What is damaged, each named; empty where all is well.
    pub damages: Vec<String>,
}
