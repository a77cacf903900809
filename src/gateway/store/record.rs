//! What the store takes and gives, as plain types: exact bytes, digests, numbers. Nothing here is parsed.

use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Code of the alarm for two messages with one number.
pub const EQUIVOCATION_ALARM: &str = "CHN_04_EQUIVOCATION";

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
    pub(super) fn weight(&self) -> usize {
        let inline: usize = self.parts.iter().filter_map(|part| part.content.as_ref()).map(Vec::len).sum();
        self.header.len() + self.signature.len() + self.leaf.len() + inline
    }
}

/// Where a leaf stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafPlace {
    /// Origin of the log.
    pub origin: String,
    /// Index of the leaf.
    pub index: u64,
}

/// The answer to a message that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Custody {
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
    /// A part that travels beside the envelope is not here; nothing was changed.
    PartMissing(Digest),
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

/// A message to carry to its peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Id.
    pub message_id: Digest,
    /// Channel.
    pub channel: String,
    /// Number within channel and peer.
    pub sequence: u64,
    /// Urgency.
    pub precedence: u8,
    /// True where our log says that it was not delivered in time: it is still carried, because the peer must
    /// answer for its number before it can take the next one.
    pub expired: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Not delivered after this.
    pub valid_until: Timestamp,
    /// Header and signature.
    pub signed: SignedHeader,
    /// Sealed parts, with the contents of those that travel in the envelope.
    pub parts: Vec<Part>,
}

/// A queued message whose validity has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Id.
    pub message_id: Digest,
    /// The peer it is for.
    pub peer: Ministry,
    /// Header and signature.
    pub signed: SignedHeader,
}

/// Where a sent message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SentState {
    /// The peer's receipt is kept.
    Delivered,
    /// Our log says that it was not delivered in time.
    Expired,
    /// In custody, not yet delivered.
    Queued,
    /// The peer's signed rejection is kept.
    Rejected,
}

/// A sent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// Id.
    pub message_id: Digest,
    /// Where it stands.
    pub state: SentState,
    /// Its leaf of custody in our log.
    pub place: LeafPlace,
    /// Its leaf of expiry in our log, where it was not delivered in time.
    pub expired_at: Option<LeafPlace>,
    /// The peer's receipt, where there is one.
    pub receipt: Option<Vec<u8>>,
    /// Attempts so far.
    pub attempts: u32,
    /// Reason of the last failure, rejection or expiry; may be empty.
    pub reason: String,
}

/// The peer's signed answer to a sent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The peer took it into custody.
    Delivered,
    /// The peer refused it for good, with this reason code.
    Rejected(String),
}

/// What became of a change to a sent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The peer has answered already; nothing was changed.
    Already(SentState),
    /// Changed.
    Done,
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// What became of an expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// It is not queued any more; nothing was changed.
    Already(SentState),
    /// Expired, and the leaf is in the log.
    Done(LeafPlace),
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// What waits for one peer, and how carrying it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerQueue {
    /// The peer.
    pub peer: Ministry,
    /// Messages queued.
    pub queued: u64,
    /// When its last receipt was settled.
    pub last_receipt_time: Option<Timestamp>,
    /// Reason of the last failure; empty where it was followed by a receipt.
    pub last_failure: String,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// They do not lead to the root that the checkpoint states, or differ from leaves that are held;
    /// nothing was changed.
    RootMismatch,
}

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

/// Something a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Stable code, `CHN_04_EQUIVOCATION`.
    pub code: String,
    /// The ministry it concerns.
    pub ministry: Ministry,
    /// What happened; never personal data.
    pub detail: String,
    /// When it was first raised.
    pub time: Timestamp,
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
