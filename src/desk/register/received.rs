//! What this desk has received: registered sealed, found, marked as read.
//!
//! Envelopes enter as the mailbox gives them, each once, in one transaction with the place up to which everything is
//! here; they leave by their number, their sender or their consultation. A dispatch is bound to the first message that
//! carried it, and nothing is noted of one that wraps it again.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::place::{Place, note_place};
use super::{ReceivedEntry, Register, RegisterFault, message_id, ministry};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What is noted of a message that was opened for an officer.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Which message.
    pub id: MessageId,
    /// Digest of the dispatch in it.
    pub dispatch: Digest,
    /// When it was opened.
    pub at: Timestamp,
    /// Reason for which this desk refuses its content; empty where it does not.
    pub refusal: String,
}

impl Register {
    /// Registers a received message; answers whether it is new. Registering the same id again changes nothing.
    pub fn receive(&self, entry: &ReceivedEntry) -> Result<bool, RegisterFault> {
        self.change(|connection| insert(connection, entry))
    }

    /// Registers messages together with the place up to which everything is registered then; answers how many are
    /// new.
    pub fn receive_page(&self, entries: &[ReceivedEntry], place: &Place) -> Result<usize, RegisterFault> {
        self.change(|connection| {
            let mut new = 0_usize;
            for entry in entries {
                new = new.saturating_add(usize::from(insert(connection, entry)?));
            }
            note_place(connection, place)?;
            Ok(new)
        })
    }

    /// All that was ever received, oldest first: for audits. Commands ask for less.
    pub fn received(&self) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        self.select_received("ORDER BY number", [])
    }

    /// One received message.
    pub fn received_message(&self, id: &MessageId) -> Result<Option<ReceivedEntry>, RegisterFault> {
        Ok(self.select_received("WHERE message_id = ?1", [id.as_bytes().as_slice()])?.pop())
    }

    /// The newest messages, of one sender or of all, oldest first; where it is asked for, of the unread ones.
    pub fn newest_received(
        &self,
        from: Option<&Ministry>,
        unread: bool,
        count: usize,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        match (from, unread) {
            (None, false) => self.select_received("ORDER BY number DESC LIMIT ?1", [count]),
            (None, true) => self.select_received(
                "INDEXED BY received_unread WHERE read_time IS NULL ORDER BY number DESC LIMIT ?1",
                [count],
            ),
            (Some(from), false) => self.select_received(
                "INDEXED BY received_from WHERE sender = ?1 ORDER BY number DESC LIMIT ?2",
                params![from.as_str(), count],
            ),
            (Some(from), true) => self.select_received(
                "INDEXED BY received_unread WHERE read_time IS NULL AND sender = ?1
                 ORDER BY number DESC LIMIT ?2",
                params![from.as_str(), count],
            ),
        }
    }

    /// The messages of this number on each channel from a sender.
    pub fn received_numbered(
        &self,
        from: &Ministry,
        sequence: u64,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        let mut found = Vec::new();
        for channel in self.channels_from(from)? {
            found.extend(self.select_received(
                "WHERE sender = ?1 AND channel = ?2 AND sequence = ?3",
                params![from.as_str(), channel, sequence],
            )?);
        }
        Ok(found)
    }

    /// Some of the messages whose ids lie between two, both included.
    pub fn received_between(
        &self,
        ids: [&[u8]; 2],
        count: usize,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        let [least, greatest] = ids;
        self.select_received(
            "WHERE message_id BETWEEN ?1 AND ?2 ORDER BY message_id LIMIT ?3",
            params![least, greatest, count],
        )
    }

    /// All messages of a consultation.
    pub fn received_in(&self, consultation: &str) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        self.select_received("WHERE consultation = ?1 ORDER BY number", [consultation])
    }

    /// Acts of a Power in a consultation with a greater act number than this, in their order.
    pub fn received_acts_after(
        &self,
        consultation: &str,
        from: &Ministry,
        act_number: u64,
        count: usize,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        self.select_received(
            "WHERE consultation = ?1 AND sender = ?2 AND act_number > ?3 ORDER BY act_number LIMIT ?4",
            params![consultation, from.as_str(), act_number, count],
        )
    }

    /// Acts of a Power in a consultation that bear no number, because they did not go to all, received after this row.
    pub fn unnumbered_acts_after(
        &self,
        consultation: &str,
        from: &Ministry,
        row: u64,
        count: usize,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        self.select_received(
            "WHERE consultation = ?1 AND sender = ?2 AND act_number = 0 AND number > ?3 ORDER BY number LIMIT ?4",
            params![consultation, from.as_str(), row, count],
        )
    }

    /// The row up to which messages were received.
    pub fn last_received_row(&self) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT COALESCE(MAX(number), 0) FROM received")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    fn channels_from(&self, from: &Ministry) -> Result<Vec<String>, RegisterFault> {
        let connection = self.connection();
        let mut next = connection
            .prepare_cached("SELECT MIN(channel) FROM received WHERE sender = ?1 AND channel > ?2")?;
        let mut channels: Vec<String> = Vec::new();
        loop {
            let last = channels.last().map_or("", String::as_str);
            let found: Option<String> = next.query_row(params![from.as_str(), last], |row| row.get(0))?;
            let Some(channel) = found else { return Ok(channels) };
            channels.push(channel);
        }
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

    /// Marks messages as read together, binds their dispatches and keeps this desk's refusals of their content.
    /// Answers for each with the id of another message that carries the same dispatch, a re-wrapping, of which
    /// nothing is noted.
    pub fn note_read(&self, openings: &[Opening]) -> Result<Vec<Option<MessageId>>, RegisterFault> {
        if openings.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|connection| openings.iter().map(|opening| note_read(connection, opening)).collect())
    }

    pub(super) fn select_received(
        &self,
        which: &str,
        of: impl Params,
    ) -> Result<Vec<ReceivedEntry>, RegisterFault> {
        let connection = self.connection();
        // The inner query is answered by an index alone; only what it names is read whole.
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM received JOIN received_envelope USING (number)
             WHERE number IN (SELECT number FROM received {which}) ORDER BY number"
        ))?;
        let rows = statement.query_map(of, |row| Ok(entry(row)))?;
        rows.map(|row| row?).collect()
    }
}

const COLUMNS: &str = "message_id, cursor, sender, channel, consultation, sequence, act_number, release_time, \
                       receive_time, receipt, read_time, refusal, envelope";

fn insert(connection: &Connection, entry: &ReceivedEntry) -> Result<bool, RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO received (message_id, cursor, sender, channel, consultation, sequence, act_number,
           release_time, receive_time, receipt, read_time, refusal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, ?11) ON CONFLICT (message_id) DO NOTHING",
    )?;
    let inserted = insert.execute(params![
        entry.id.as_bytes().as_slice(),
        entry.cursor,
        entry.sender.as_str(),
        entry.channel,
        entry.consultation,
        entry.sequence,
        entry.act_number,
        entry.release_time.seconds(),
        entry.receive_time.seconds(),
        entry.receipt,
        entry.refusal,
    ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let mut keep =
        connection.prepare_cached("INSERT INTO received_envelope (number, envelope) VALUES (?1, ?2)")?;
    keep.execute(params![connection.last_insert_rowid(), entry.envelope])?;
    Ok(true)
}

fn note_read(connection: &Connection, opening: &Opening) -> Result<Option<MessageId>, RegisterFault> {
    let (id, dispatch) = (opening.id.as_bytes().as_slice(), opening.dispatch.as_bytes().as_slice());
    let mut find = connection
        .prepare_cached("SELECT message_id FROM received WHERE dispatch_digest = ?1 AND message_id <> ?2")?;
    let other: Option<Vec<u8>> = find.query_row(params![dispatch, id], |row| row.get(0)).optional()?;
    if let Some(other) = other {
        return message_id(&other).map(Some);
    }
    let mut mark = connection.prepare_cached(
        "UPDATE received SET dispatch_digest = ?2, read_time = COALESCE(read_time, ?3), refusal = ?4
         WHERE message_id = ?1",
    )?;
    mark.execute(params![id, dispatch, opening.at.seconds(), opening.refusal])?;
    Ok(None)
}

fn entry(row: &Row<'_>) -> Result<ReceivedEntry, RegisterFault> {
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
        receipt: row.get(9)?,
        read_time: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_seconds),
        refusal: row.get(11)?,
        envelope: row.get(12)?,
    })
}
