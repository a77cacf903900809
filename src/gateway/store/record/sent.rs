//! Sent messages: what is carried next, and what became of each.

use super::log::LeafPlace;
use super::message::{Part, SignedHeader};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

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
    /// The greatest urgency of this message and of everything that waits behind it.
    pub urgency: u8,
    /// True where our log says that it was not delivered in time: it is still carried, because the peer must
    /// answer for its number before it can take the next one.
    pub expired: bool,
    /// True where our log says that it was withdrawn: its content is not sent any more, and no part is here;
    /// the peer must still answer for the number, and is given header and signature.
    pub withdrawn: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Not delivered after this.
    pub valid_until: Timestamp,
    /// Header and signature.
    pub signed: SignedHeader,
    /// Sealed parts, with the contents of those that travel in the envelope; empty contents where the whole envelope
    /// is kept in memory.
    pub parts: Vec<Part>,
}

impl OutboxItem {
    /// Whether contents were not read because the envelope is kept in memory.
    pub fn lacks_contents(&self) -> bool {
        let lacks = |part: &Part| part.size > 0 && part.content.as_ref().is_some_and(Vec::is_empty);
        self.parts.iter().any(lacks)
    }
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
    /// Our log says that it was withdrawn before the peer had answered.
    Withdrawn,
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
    /// Its leaf of withdrawal in our log, where it was withdrawn.
    pub withdrawn_at: Option<LeafPlace>,
    /// The peer's receipt, where there is one.
    pub receipt: Option<Vec<u8>>,
    /// Attempts so far.
    pub attempts: u32,
    /// Reason of the last failure, rejection or expiry; may be empty.
    pub reason: String,
}

/// How far a sequence of sent messages came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentLine {
    /// By which it is listed.
    pub key: u64,
    /// Channel.
    pub channel: String,
    /// Recipient.
    pub peer: Ministry,
    /// Last number.
    pub sequence: u64,
    /// Id of the message that bears it.
    pub message_id: Option<Digest>,
}

/// A message as the desk submitted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub sequence: u64,
    /// Header and signature.
    pub signed: SignedHeader,
    /// Sealed parts, with the contents of those that travel in the envelope; none where only its number was used up.
    pub parts: Vec<Part>,
    /// What became of it.
    pub sent: SentMessage,
}

/// The peer's signed answer to a sent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The peer took it into custody.
    Delivered,
    /// The peer refused it for good, with this reason code.
    Rejected(String),
}

/// A sent message with the peer's signed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Id.
    pub message_id: Digest,
    /// What the answer says.
    pub settlement: Settlement,
    /// Exact bytes of the receipt, with our cosignature.
    pub receipt: Vec<u8>,
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
    /// Messages that it has not answered for.
    pub queued: u64,
    /// Messages that an operator holds.
    pub held: u64,
    /// When the one that has waited longest came into custody.
    pub oldest: Option<Timestamp>,
    /// When the next attempt is due; none where nothing waits that is not held.
    pub next_attempt: Option<Timestamp>,
    /// When its last receipt was settled.
    pub last_receipt_time: Option<Timestamp>,
    /// Reason of the last failure; empty where it was followed by a receipt.
    pub last_failure: String,
}
