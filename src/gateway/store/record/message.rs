//! Messages: what is offered for custody, what is answered, what the mailbox gives.

use super::log::LeafPlace;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Which way a message travels, seen from this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From a peer to our desk.
    In,
    /// From our desk to a peer.
    Out,
}

/// One sealed part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// SHA-256 of the sealed part.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Its bytes where it travels in the envelope; `None` where it travels beside it.
    pub content: Option<Vec<u8>>,
}

/// A verified message that the gateway is to answer for from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// SHA-256 of `header`.
    pub message_id: Digest,
    /// Channel.
    pub channel: String,
    /// The other ministry: the recipient of what we send, the sender of what we receive.
    pub peer: Ministry,
    /// Position in the sequence of channel and peer, from 1.
    pub sequence: u64,
    /// Id of the message before it in that sequence; `None` for the first.
    pub previous: Option<Digest>,
    /// Exact header bytes.
    pub header: Vec<u8>,
    /// Detached signature over them.
    pub signature: Vec<u8>,
    /// SHA-256 of the envelope without its parts.
    pub envelope_digest: Digest,
    /// Sealed parts in order. Inline contents have been checked against size and digest; the others have
    /// been put with `put_part` before.
    pub parts: Vec<Part>,
    /// Urgency: a greater number goes first.
    pub precedence: u8,
    /// Not delivered after this.
    pub valid_until: Timestamp,
    /// Exact bytes of the log leaf that says what the gateway did with it.
    pub leaf: Vec<u8>,
    /// Origin of the log that gets the leaf.
    pub origin: String,
    /// The present instant.
    pub now: Timestamp,
}

impl Consignment {
    /// About how many bytes custody of it writes.
    pub(in super::super) fn weight(&self) -> usize {
        let inline: usize = self.parts.iter().filter_map(|part| part.content.as_ref()).map(Vec::len).sum();
        self.header.len() + self.signature.len() + self.leaf.len() + inline
    }

    /// Bytes of the message with all its sealed parts, those that travel beside it included.
    pub(in super::super) fn whole_bytes(&self) -> u64 {
        let signed = (self.header.len() + self.signature.len()) as u64;
        self.parts.iter().fold(signed, |sum, part| sum.saturating_add(part.size))
    }
}

/// The answer to a message that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
    /// Messages to this peer came back without their content and must be handed over before it; nothing was
    /// changed.
    AwaitsEarlier,
    /// It is held already; nothing was changed.
    AlreadyHeld {
        /// Its leaf.
        place: LeafPlace,
        /// Why it was rejected then, where it was.
        rejected: Option<String>,
    },
    /// Its number is used by another message: the offered header and signature are kept as proof and an
    /// alarm is raised; nothing else was changed.
    Equivocation {
        /// Id of the message that holds the number.
        held: Digest,
    },
    /// It does not follow the last message of its sequence; nothing was changed.
    OutOfSequence {
        /// Number of the last message; 0 for none.
        last_sequence: u64,
        /// Its id.
        last_id: Option<Digest>,
    },
    /// The disk has no room for anything new; nothing was changed.
    NoSpace,
    /// A part that travels beside the envelope is not here; nothing was changed.
    PartMissing(Digest),
    /// What waits of its sender for our desk has reached its quota; nothing was changed.
    QuotaReached,
    /// It is durable, and its leaf is in the log.
    Taken(LeafPlace),
}

/// The last number used in a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The number; 0 for none.
    pub sequence: u64,
    /// Id of that message.
    pub message_id: Option<Digest>,
}

/// Proof that one ministry signed two messages for one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// Which way the two travelled.
    pub direction: Direction,
    /// Channel.
    pub channel: String,
    /// The other ministry.
    pub peer: Ministry,
    /// The number.
    pub sequence: u64,
    /// The message that holds the number.
    pub held: SignedHeader,
    /// The first other one that was offered for it.
    pub offered: SignedHeader,
    /// When it was offered.
    pub time: Timestamp,
}

/// A header with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeader {
    /// Exact header bytes.
    pub header: Vec<u8>,
    /// Detached signature over them.
    pub signature: Vec<u8>,
}

/// A message in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Cursor: 1 for the first message of the mailbox, rising by one.
    pub cursor: u64,
    /// Id.
    pub message_id: Digest,
    /// The sender.
    pub peer: Ministry,
    /// Header and signature.
    pub signed: SignedHeader,
    /// Sealed parts, with the contents of those that travel in the envelope.
    pub parts: Vec<Part>,
    /// Its leaf in our log.
    pub place: LeafPlace,
    /// When the gateway took it into custody.
    pub custody_time: Timestamp,
}
