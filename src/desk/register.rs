//! The register: what this desk has sent and received, and the numbers it has given.
//!
//! It holds envelopes as they travel, sealed, with their receipts and the numbers on their outside; no plain
//! text of an act is ever written here. What was signed is in the register before it is submitted, so that a
//! retry sends identical bytes. Every change is one durable transaction.
//!
//! It grows for as long as the desk is there. Whoever asks for something names it or asks for a page: nothing that a
//! command does reads all that was ever sent or received.
//!
//! | file | holds |
//! |---|---|
//! | `schema` | tables, indexes, and how an older register becomes a newer one |
//! | `released`, `sent`, `received` | copies at their release; messages by direction: written, found, listed |
//! | `numbers` | formal numbers, act numbers |
//! | `owed`, `lost`, `returned` | protective acts that somebody is still to be sent; what a restored register lacks; what came back |
//! | `drafts` | drafts in clearance, and what was answered automatically |
//! | `held`, `errands`, `events` | what the desk service holds of drafts; what it did; what happened |
//! | `place` | how far the gateway's mailbox has come into it |
//! | `passage` | in the order of registration, for whoever goes on from where he was |

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

mod drafts;
mod ended;
mod errands;
mod events;
mod held;
mod lost;
mod numbers;
mod owed;
mod passage;
mod place;
mod received;
mod released;
mod returned;
mod schema;
mod sent;
#[cfg(test)]
mod tests;

pub use drafts::{DraftEntry, DraftState};
pub use errands::Errand;
pub use events::{Event, EventKind};
pub use held::{Hand, Held, Holding};
pub use lost::Lost;
pub use owed::OwedEntry;
pub use place::Place;
pub use received::Opening;
pub use released::Marks;
pub use returned::TakenBack;
pub use sent::{News, UnderWay};

/// The register could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterFault {
    /// The database refused.
    #[error("the register of this desk: {0}")]
    Database(#[from] rusqlite::Error),
    /// A request of a client was done before, by this one or another at the same time; nothing was changed.
    #[error("this request was done before")]
    DoneBefore,
    /// What was to be changed was changed meanwhile; nothing was changed.
    #[error("somebody else changed it meanwhile")]
    Overtaken,
    /// A row does not parse: the file was altered.
    #[error("the register of this desk is damaged: {0}")]
    Damaged(&'static str),
    /// A later release wrote it: nothing of it was read or changed.
    #[error("the register of this desk has version {found}, and this release knows {known}")]
    TooNew {
        /// Version of the register.
        found: i64,
        /// Newest version that this release knows.
        known: i64,
    },
}

impl RegisterFault {
    /// Whether another command holds the register: the same may succeed later.
    pub fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let Self::Database(rusqlite::Error::SqliteFailure(cause, _)) = self else { return false };
        matches!(cause.code, DatabaseBusy | DatabaseLocked)
    }

    /// Whether the disk has no room, or does not do what it is told.
    pub fn is_of_the_disk(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, ReadOnly, SystemIoFailure};
        let Self::Database(rusqlite::Error::SqliteFailure(cause, _)) = self else { return false };
        matches!(cause.code, DiskFull | ReadOnly | SystemIoFailure)
    }
}

/// Where a sent message stands, as this desk last heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentState {
    /// Signed and registered, not yet in the gateway's custody.
    Released,
    /// In the own gateway's custody.
    Queued,
    /// The peer's receipt is verified.
    Delivered,
    /// Refused for good by the peer.
    Rejected,
    /// Not delivered in time.
    Expired,
    /// Withdrawn before the peer had answered: by the operator of the own gateway, or by this desk, which had given it
    /// up. Its number is used.
    Withdrawn,
    /// Refused by the own gateway or given up by the officer. Its number is not used for anything else: it is handed
    /// over as withdrawn.
    Void,
}

impl SentState {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Released, "released"),
        (Self::Queued, "queued"),
        (Self::Delivered, "delivered"),
        (Self::Rejected, "rejected"),
        (Self::Expired, "expired"),
        (Self::Withdrawn, "withdrawn"),
        (Self::Void, "void"),
    ];

    /// The word for people and reports.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// Whether it ended without having arrived.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Void | Self::Withdrawn | Self::Expired | Self::Rejected)
    }

    fn parse(word: &str) -> Result<Self, RegisterFault> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(state, _)| *state).ok_or(RegisterFault::Damaged("state of a sent message"))
    }
}

/// A message this desk has sent, as registered.
#[derive(Debug, Clone)]
pub struct SentEntry {
    /// Message id.
    pub id: MessageId,
    /// Channel.
    pub channel: String,
    /// Recipient of this copy.
    pub recipient: Ministry,
    /// Consultation.
    pub consultation: String,
    /// Sequence number.
    pub sequence: u64,
    /// Act number, 0 for acts that are not numbered.
    pub act_number: u64,
    /// Release.
    pub release_time: Timestamp,
    /// Digest of the dispatch (salted).
    pub dispatch_digest: Digest,
    /// Exact envelope bytes, sealed parts included.
    pub envelope: Vec<u8>,
    /// Whether some of its sealed parts travel beside the envelope.
    pub has_parts_beside: bool,
    /// Where it stands.
    pub state: SentState,
    /// Reason of a refusal; may be empty.
    pub reason: String,
    /// Receipt of the own gateway; empty until queued.
    pub submission_receipt: Vec<u8>,
    /// Receipt of the peer's gateway; empty until delivered or rejected.
    pub delivery_receipt: Vec<u8>,
}

/// The last copy released towards a recipient.
#[derive(Debug, Clone)]
pub struct LastSent {
    /// Its id.
    pub id: MessageId,
    /// Why it was not taken; may be empty.
    pub reason: String,
    /// Its sequence number.
    pub sequence: u64,
    /// Where it stands.
    pub state: SentState,
}

/// A message this desk has received, as registered.
#[derive(Debug, Clone)]
pub struct ReceivedEntry {
    /// Message id.
    pub id: MessageId,
    /// Cursor of the own gateway's mailbox when it was registered.
    pub cursor: u64,
    /// Sender.
    pub sender: Ministry,
    /// Channel.
    pub channel: String,
    /// Consultation.
    pub consultation: String,
    /// Sequence number.
    pub sequence: u64,
    /// Act number, 0 for acts that are not numbered.
    pub act_number: u64,
    /// Release.
    pub release_time: Timestamp,
    /// When the own gateway took it into custody.
    pub receive_time: Timestamp,
    /// Exact envelope bytes.
    pub envelope: Vec<u8>,
    /// The own gateway's receipt for it.
    pub receipt: Vec<u8>,
    /// When it was first read; none while unread.
    pub read_time: Option<Timestamp>,
    /// Reason for which this desk refused its content; empty where it did not.
    pub refusal: String,
}

/// The register of one desk. One process at a time writes; others wait.
#[derive(Debug)]
pub struct Register(Mutex<Connection>);

impl Register {
    /// Opens or creates the register file.
    pub fn open(path: &Path) -> Result<Self, RegisterFault> {
        Ok(Self(Mutex::new(schema::open(path)?)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in one transaction, which others wait for.
    fn change<T>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, RegisterFault>,
    ) -> Result<T, RegisterFault> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = change(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// The same where nothing is to be changed unless all of it may be: what answers false is undone.
    fn change_if(
        &self,
        change: impl FnOnce(&Connection) -> Result<bool, RegisterFault>,
    ) -> Result<bool, RegisterFault> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let done = change(&transaction)?;
        if done {
            transaction.commit()?;
        }
        Ok(done)
    }
}

fn message_id(bytes: &[u8]) -> Result<MessageId, RegisterFault> {
    MessageId::from_slice(bytes).map_err(|_| RegisterFault::Damaged("id of a message"))
}

fn ministry(code: &str) -> Result<Ministry, RegisterFault> {
    Ministry::parse(code).map_err(|_| RegisterFault::Damaged("code of a ministry"))
}
