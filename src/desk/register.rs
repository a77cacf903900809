//! The register: what this desk has sent and received, and the numbers it has given.
//!
//! It holds envelopes as they travel, sealed, with their receipts and the numbers on their outside; no plain
//! text of an act is ever written here. What was signed is in the register before it is submitted, so that a
//! retry sends identical bytes. Every change is one durable transaction.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

mod place;

pub use place::Place;

const SCHEMA: &str = "
CREATE TABLE sent (
  message_id BLOB PRIMARY KEY, channel TEXT NOT NULL, recipient TEXT NOT NULL, consultation TEXT NOT NULL,
  sequence INTEGER NOT NULL, act_number INTEGER NOT NULL, release_time INTEGER NOT NULL,
  dispatch_digest BLOB NOT NULL, envelope BLOB NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
  submission_receipt BLOB NOT NULL, delivery_receipt BLOB NOT NULL,
  UNIQUE (channel, recipient, sequence)
) STRICT;
CREATE TABLE received (
  message_id BLOB PRIMARY KEY, cursor INTEGER NOT NULL, sender TEXT NOT NULL, channel TEXT NOT NULL,
  consultation TEXT NOT NULL, sequence INTEGER NOT NULL, act_number INTEGER NOT NULL,
  release_time INTEGER NOT NULL, receive_time INTEGER NOT NULL, envelope BLOB NOT NULL, receipt BLOB NOT NULL,
  dispatch_digest BLOB UNIQUE, read_time INTEGER, refusal TEXT NOT NULL
) STRICT;
CREATE TABLE formal_number (
  year INTEGER NOT NULL, number INTEGER NOT NULL, dispatch_digest BLOB, PRIMARY KEY (year, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE place (
  one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, cursor INTEGER NOT NULL,
  message_id BLOB NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

/// The register could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegisterFault {
    /// The database refused.
    #[error("the register of this desk: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row does not parse: the file was altered.
    #[error("the register of this desk is damaged: {0}")]
    Damaged(&'static str),
}

impl RegisterFault {
    /// Whether another command holds the register: the same may succeed later.
    pub fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let Self::Database(rusqlite::Error::SqliteFailure(cause, _)) = self else { return false };
        matches!(cause.code, DatabaseBusy | DatabaseLocked)
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
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(&format!("BEGIN IMMEDIATE;{SCHEMA}COMMIT;"))?;
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// Registers released copies together, before any of them is submitted.
    pub fn release(&self, entries: &[SentEntry]) -> Result<(), RegisterFault> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for entry in entries {
            insert_sent(&transaction, entry)?;
        }
        Ok(transaction.commit()?)
    }

    /// Writes down what is known of a sent message. Receipts that are empty leave the registered ones.
    pub fn note_sent(
        &self,
        id: &MessageId,
        state: SentState,
        reason: &str,
        submission_receipt: &[u8],
        delivery_receipt: &[u8],
    ) -> Result<(), RegisterFault> {
        self.connection().execute(
            "UPDATE sent SET state = ?2, reason = ?3,
               submission_receipt = CASE WHEN length(?4) > 0 THEN ?4 ELSE submission_receipt END,
               delivery_receipt = CASE WHEN length(?5) > 0 THEN ?5 ELSE delivery_receipt END
             WHERE message_id = ?1",
            params![id.as_bytes().as_slice(), state.word(), reason, submission_receipt, delivery_receipt],
        )?;
        Ok(())
    }

    /// Sent messages, oldest first.
    pub fn sent(&self) -> Result<Vec<SentEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT {SENT} FROM sent ORDER BY rowid"))?;
        let rows = statement.query_map([], |row| Ok(sent_entry(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The last copy this desk has released towards a recipient, whatever became of it: whoever has seen its bytes
    /// can deliver them, so its number is never given to others.
    pub fn last_sent(&self, channel: &str, to: &Ministry) -> Result<Option<LastSent>, RegisterFault> {
        let found: Option<(Vec<u8>, u64, String, String)> = self
            .connection()
            .query_row(
                "SELECT message_id, sequence, state, reason FROM sent
                 WHERE channel = ?1 AND recipient = ?2 ORDER BY sequence DESC LIMIT 1",
                params![channel, to.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        let last = |(id, sequence, state, reason): (Vec<u8>, u64, String, String)| {
            Ok(LastSent { id: message_id(&id)?, sequence, state: SentState::parse(&state)?, reason })
        };
        found.map(last).transpose()
    }

    /// The highest act number of this desk in a consultation that others may have seen; 0 for none.
    pub fn last_act_number(&self, consultation: &str) -> Result<u64, RegisterFault> {
        Ok(self.connection().query_row(
            "SELECT COALESCE(MAX(act_number), 0) FROM sent
             WHERE consultation = ?1 AND state NOT IN ('void', 'withdrawn')",
            [consultation],
            |row| row.get(0),
        )?)
    }

    /// The highest act number this desk has ever signed in a consultation, void and withdrawn ones included; 0 for
    /// none.
    pub fn last_act_number_signed(&self, consultation: &str) -> Result<u64, RegisterFault> {
        Ok(self.connection().query_row(
            "SELECT COALESCE(MAX(act_number), 0) FROM sent WHERE consultation = ?1",
            [consultation],
            |row| row.get(0),
        )?)
    }

    /// The highest act number received from a Power in a consultation; 0 for none.
    pub fn last_act_received(&self, consultation: &str, from: &Ministry) -> Result<u64, RegisterFault> {
        Ok(self.connection().query_row(
            "SELECT COALESCE(MAX(act_number), 0) FROM received WHERE consultation = ?1 AND sender = ?2",
            params![consultation, from.as_str()],
            |row| row.get(0),
        )?)
    }

    /// The highest formal number given in a year; none before the first.
    pub fn last_formal_number(&self, year: i16) -> Result<Option<u32>, RegisterFault> {
        Ok(self.connection().query_row(
            "SELECT MAX(number) FROM formal_number WHERE year = ?1",
            [year],
            |row| row.get(0),
        )?)
    }

    /// Reserves the next formal number of a year. A number that is never bound to a dispatch stays void.
    pub fn reserve_formal_number(&self, year: i16) -> Result<u32, RegisterFault> {
        Ok(self.connection().query_row(
            "INSERT INTO formal_number (year, number)
             SELECT ?1, COALESCE(MAX(number), 0) + 1 FROM formal_number WHERE year = ?1 RETURNING number",
            [year],
            |row| row.get(0),
        )?)
    }

    /// Binds a reserved formal number to the dispatch that bears it.
    pub fn bind_formal_number(&self, year: i16, number: u32, dispatch: &Digest) -> Result<(), RegisterFault> {
        self.connection().execute(
            "UPDATE formal_number SET dispatch_digest = ?3 WHERE year = ?1 AND number = ?2",
            params![year, number, dispatch.as_bytes().as_slice()],
        )?;
        Ok(())
    }

    /// Registers a received message; answers whether it is new. Registering the same id again changes nothing.
    pub fn receive(&self, entry: &ReceivedEntry) -> Result<bool, RegisterFault> {
        let inserted = self.connection().execute(
            "INSERT INTO received (message_id, cursor, sender, channel, consultation, sequence, act_number,
               release_time, receive_time, envelope, receipt, read_time, refusal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL, ?12) ON CONFLICT (message_id) DO NOTHING",
            params![
                entry.id.as_bytes().as_slice(),
                entry.cursor,
                entry.sender.as_str(),
                entry.channel,
                entry.consultation,
                entry.sequence,
                entry.act_number,
                entry.release_time.seconds(),
                entry.receive_time.seconds(),
                entry.envelope,
                entry.receipt,
                entry.refusal,
            ],
        )?;
        Ok(inserted == 1)
    }

    /// Received messages, oldest first.
    pub fn received(&self) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT {RECEIVED} FROM received ORDER BY rowid"))?;
        let rows = statement.query_map([], |row| Ok(received_entry(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Digest of the dispatch of a received message; none before it was opened here.
    pub fn opened_dispatch(&self, id: &MessageId) -> Result<Option<Digest>, RegisterFault> {
        let found: Option<Option<Vec<u8>>> = self
            .connection()
            .query_row(
                "SELECT dispatch_digest FROM received WHERE message_id = ?1",
                [id.as_bytes().as_slice()],
                |row| row.get(0),
            )
            .optional()?;
        let damaged = |_| RegisterFault::Damaged("digest of a dispatch");
        found.flatten().map(|bytes| Digest::from_slice(&bytes).map_err(damaged)).transpose()
    }

    /// Replaces the receipt of a received message by one that bears more cosignatures.
    pub fn note_receipt(&self, id: &MessageId, receipt: &[u8]) -> Result<(), RegisterFault> {
        self.connection().execute(
            "UPDATE received SET receipt = ?2 WHERE message_id = ?1",
            params![id.as_bytes().as_slice(), receipt],
        )?;
        Ok(())
    }

    /// Marks a message as read, binds its dispatch and keeps this desk's refusal of its content, if any.
    /// Answers with the id of another message that carries the same dispatch: a re-wrapping.
    pub fn note_read(
        &self,
        id: &MessageId,
        dispatch: &Digest,
        at: Timestamp,
        refusal: &str,
    ) -> Result<Option<MessageId>, RegisterFault> {
        let connection = self.connection();
        let other: Option<Vec<u8>> = connection
            .query_row(
                "SELECT message_id FROM received WHERE dispatch_digest = ?1 AND message_id <> ?2",
                params![dispatch.as_bytes().as_slice(), id.as_bytes().as_slice()],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(other) = other {
            return message_id(&other).map(Some);
        }
        connection.execute(
            "UPDATE received SET dispatch_digest = ?2, read_time = COALESCE(read_time, ?3), refusal = ?4
             WHERE message_id = ?1",
            params![id.as_bytes().as_slice(), dispatch.as_bytes().as_slice(), at.seconds(), refusal],
        )?;
        Ok(None)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SENT: &str = "message_id, channel, recipient, consultation, sequence, act_number, release_time, \
                    dispatch_digest, envelope, state, reason, submission_receipt, delivery_receipt";

const RECEIVED: &str = "message_id, cursor, sender, channel, consultation, sequence, act_number, release_time, \
                        receive_time, envelope, receipt, read_time, refusal";

fn insert_sent(connection: &Connection, entry: &SentEntry) -> Result<(), RegisterFault> {
    connection.execute(
        &format!("INSERT INTO sent ({SENT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"),
        params![
            entry.id.as_bytes().as_slice(),
            entry.channel,
            entry.recipient.as_str(),
            entry.consultation,
            entry.sequence,
            entry.act_number,
            entry.release_time.seconds(),
            entry.dispatch_digest.as_bytes().as_slice(),
            entry.envelope,
            entry.state.word(),
            entry.reason,
            entry.submission_receipt,
            entry.delivery_receipt,
        ],
    )?;
    Ok(())
}

fn sent_entry(row: &Row<'_>) -> Result<SentEntry, RegisterFault> {
    Ok(SentEntry {
        id: message_id(&row.get::<_, Vec<u8>>(0)?)?,
        channel: row.get(1)?,
        recipient: ministry(&row.get::<_, String>(2)?)?,
        consultation: row.get(3)?,
        sequence: row.get(4)?,
        act_number: row.get(5)?,
        release_time: Timestamp::from_seconds(row.get(6)?),
        dispatch_digest: Digest::from_slice(&row.get::<_, Vec<u8>>(7)?)
            .map_err(|_| RegisterFault::Damaged("digest of a dispatch"))?,
        envelope: row.get(8)?,
        state: SentState::parse(&row.get::<_, String>(9)?)?,
        reason: row.get(10)?,
        submission_receipt: row.get(11)?,
        delivery_receipt: row.get(12)?,
    })
}

fn received_entry(row: &Row<'_>) -> Result<ReceivedEntry, RegisterFault> {
    Ok(ReceivedEntry {
        id: message_id(&row.get::<_, Vec<u8>>(0)?)?,
        cursor: row.get(1)?,
        sender: ministry(&row.get::<_, String>(2)?)?,
        channel: row.get(3)?,
        consultation: row.get(4)?,
        sequence: row.get(5)?,
        act_number: row.get(6)?,
        release_time: Timestamp::from_seconds(row.get(7)?),
        receive_time: Timestamp::from_seconds(row.get(8)?),
        envelope: row.get(9)?,
        receipt: row.get(10)?,
        read_time: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_seconds),
        refusal: row.get(12)?,
    })
}

fn message_id(bytes: &[u8]) -> Result<MessageId, RegisterFault> {
    MessageId::from_slice(bytes).map_err(|_| RegisterFault::Damaged("id of a message"))
}

fn ministry(code: &str) -> Result<Ministry, RegisterFault> {
    Ministry::parse(code).map_err(|_| RegisterFault::Damaged("code of a ministry"))
}
