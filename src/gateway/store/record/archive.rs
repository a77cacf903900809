//! What an export of the archive gives of a message.

use super::log::LeafPlace;
use super::message::{Direction, SignedHeader};

/// A message as others can check it: no sealed part, nothing that nobody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedMessage {
    /// Number in the order of custody.
    pub key: u64,
    /// Which way it travelled.
    pub direction: Direction,
    /// Its leaf in our log.
    pub place: LeafPlace,
    /// Header and signature.
    pub signed: SignedHeader,
    /// The peer's receipt for a sent message; empty where there is none.
    pub receipt: Vec<u8>,
}
