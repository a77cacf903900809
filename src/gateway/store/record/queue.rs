//! The queue as its operator sees it: entries, attempts, decisions.

use super::log::LogEntry;
use super::message::{Custody, Direction};
use super::sent::SentState;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Outcome of an attempt that the peer answered with nothing.
pub const UNANSWERED: &str = "UNANSWERED";

/// An attempt to deliver that brought no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// When it ended.
    pub time: Timestamp,
    /// When the next one is due.
    pub next_attempt: Timestamp,
    /// How it ended.
    pub end: AttemptEnd,
}

/// How an attempt ended that brought no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The peer refused and signed nothing, for this reason.
    Refused(String),
    /// The message was handed over whole, and the peer answered nothing: it may hold it.
    Unanswered,
}

impl AttemptEnd {
    /// The reason code under which the attempt is kept.
    pub fn word(&self) -> &str {
        match self {
            Self::Refused(reason) => reason,
            Self::Unanswered => UNANSWERED,
        }
    }
}

/// An attempt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Number of the attempt, from 1.
    pub number: u32,
    /// When it ended.
    pub time: Timestamp,
    /// Reason code of the refusal, or `UNANSWERED`.
    pub outcome: String,
}

/// What an operator decides about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub time: Timestamp,
    /// Number of the operator's user on the gateway's host.
    pub operator: u32,
    /// Reason code; may be empty.
    pub reason: String,
    /// The entry of the administrative log that says so, written in the same commit; none where it is kept.
    pub act: Option<LogEntry>,
}

/// A peer with whom an operator lets nothing be exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The peer.
    pub peer: Ministry,
    /// Since when.
    pub time: Timestamp,
    /// Number of the operator's user on the gateway's host.
    pub operator: u32,
    /// Reason code; may be empty.
    pub reason: String,
    /// Whether messages of the greatest urgency wait as well.
    pub force: bool,
}

/// What became of a request to pause a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pausing {
    /// It is paused.
    Done,
    /// A message of the greatest urgency waits for it, which is held up only by force; nothing was changed.
    Urgent,
}

/// Which pauses somebody may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Every one: an operator asks for it.
    Any,
    /// None that is by force: a message asks for it.
    Gentle,
}

/// A decision as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDecision {
    /// What was decided.
    pub kind: DecisionKind,
    /// When, by whom and why.
    pub decision: Decision,
}

/// What an operator decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionKind {
    /// Not to carry the message for now.
    Held,
    /// To put it on a data stick; it may go by wire as well.
    Packed,
    /// To carry it again.
    Released,
    /// To withdraw it.
    Withdrawn,
}

/// A sent message: one that the peer has not answered for, or as it was when it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Id.
    pub message_id: Digest,
    /// The peer it is for.
    pub peer: Ministry,
    /// Channel.
    pub channel: String,
    /// Number within channel and peer.
    pub sequence: u64,
    /// Urgency.
    pub precedence: u8,
    /// Where it stands.
    pub state: SentState,
    /// Whether the peer has yet to answer for it.
    pub unanswered: bool,
    /// Whether an operator holds it.
    pub held: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Attempts that the peer answered with nothing.
    pub unreceipted: u32,
    /// When the next attempt is due.
    pub next_attempt: Timestamp,
    /// When it was last put on a data stick.
    pub packed: Option<Timestamp>,
    /// Reason of the last failure, expiry or withdrawal; may be empty.
    pub reason: String,
    /// When it came into custody.
    pub custody_time: Timestamp,
    /// Not delivered after this.
    pub valid_until: Timestamp,
}

/// Which entries of the queue are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// Only those for this peer.
    pub peer: Option<Ministry>,
    /// Only those that stand so.
    pub state: Option<QueueState>,
}

/// How an entry of the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueState {
    /// Expired, and the peer has yet to answer for its number.
    Expired,
    /// Held by an operator.
    Held,
    /// Carried when it is due.
    Queued,
    /// Withdrawn, and the peer has yet to answer for its number.
    Withdrawn,
}

/// Where a page of the queue ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueuePlace {
    /// Number of the sequence.
    pub pair: i64,
    /// Number of the message.
    pub message: i64,
}

/// One page of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePage {
    /// Entries, by sequence and number.
    pub entries: Vec<QueueEntry>,
    /// Where it ended; none where nothing follows.
    pub next: Option<QueuePlace>,
}

/// The front of one sequence of the queue: what the whole sequence waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFront {
    /// The first message that the peer has not answered for.
    pub first: QueueEntry,
    /// Greatest urgency of what waits behind a held message of the sequence, that one included; 0 for nothing.
    pub urgency_held: u8,
    /// When the first attempt ended that the peer answered with nothing, as far as it is kept.
    pub unreceipted_since: Option<Timestamp>,
    /// How the last attempt ended that brought no receipt; none where there was none.
    pub last_outcome: Option<String>,
}

/// What became of a request to hold a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It is held already; where a reason was given, that is kept as a further decision.
    Already {
        /// Messages behind it that wait with it.
        behind: u64,
    },
    /// It is not carried any more, nor is what is behind it.
    Done {
        /// Messages behind it that wait with it.
        behind: u64,
    },
    /// The peer has answered, or it is withdrawn; nothing was changed.
    NotQueued(SentState),
    /// Not a message we sent; nothing was changed.
    Unknown,
    /// It, or a message behind it, has this urgency, which is held only by force; nothing was changed.
    Urgent(u8),
}

/// What became of a request to release a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// It is due now.
    Done,
    /// It is not held; nothing was changed.
    NotHeld(SentState),
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// The number that stands for the own desk where a decision names who took it: no user of the host has it.
pub const DESK: u32 = u32::MAX;
/// The same for the gateway itself.
pub const GATEWAY: u32 = u32::MAX - 1;

/// What became of a message that its desk gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surrender {
    /// It is in custody, and this became of its withdrawal.
    Withdrawn(Withdrawal),
    /// It could not be taken; nothing was changed.
    NotTaken(Custody),
}

/// What became of a request to withdraw a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawal {
    /// The peer has answered, or it is withdrawn already; nothing was changed.
    Already(SentState),
    /// Its content is not sent from now on, and the leaf that says so is in the log.
    Done {
        /// The leaf.
        place: super::LeafPlace,
        /// Attempts that the peer answered with nothing: it may hold the message.
        unreceipted: u32,
    },
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// What is to be tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retry {
    /// One message, and what stands before it.
    Message(Digest),
    /// Everything for a peer.
    Peer(Ministry),
}

/// What became of a request to try now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// So many messages are due now.
    Done(u64),
    /// A held message stands before it, or is it; nothing was changed.
    Held(Digest),
    /// The peer has answered; nothing was changed.
    NotQueued(SentState),
    /// Not a message we sent; nothing was changed.
    Unknown,
}

/// Which message the beginning of an id means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundMessage {
    /// Several messages begin so; some of them.
    Ambiguous(Vec<Digest>),
    /// None begins so.
    None,
    /// This one, which travels so.
    One(Digest, Direction),
}
