//! What this desk has sent, and what became of it: written down as it becomes known, found, listed.
//!
//! News of the gateway enter; copies leave as they were registered (`released`), by their number, their recipient,
//! their consultation or where they stand. A receipt that is here is never overwritten by none.

use rusqlite::{OptionalExtension, Params, Row, params};

use super::{LastSent, Register, RegisterFault, SentEntry, SentState, message_id, ministry};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// What became known of a sent message. Receipts that are empty leave the registered ones.
#[derive(Debug, Clone)]
pub struct News {
    /// Which message.
    pub id: MessageId,
    /// Where it stands now.
    pub state: SentState,
    /// Reason of a refusal; may be empty.
    pub reason: String,
    /// Receipt of the own gateway.
    pub submission_receipt: Vec<u8>,
    /// Receipt of the peer's gateway.
    pub delivery_receipt: Vec<u8>,
}

/// A message that has left this desk and is not known to be settled for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Where it stands in the register: later ones have higher numbers.
    pub number: u64,
    /// Its id.
    pub id: MessageId,
    /// Where it stands.
    pub state: SentState,
    /// Whether some of its sealed parts travel beside the envelope.
    pub has_parts_beside: bool,
}

impl Register {
    /// The first registered copy of a dispatch, whoever it is for.
    pub fn first_copy(&self, copy: &SentEntry) -> Result<Option<MessageId>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT message_id FROM sent INDEXED BY sent_consultation
             WHERE consultation = ?1 AND act_number = ?2 AND dispatch_digest = ?3 ORDER BY number LIMIT 1",
        )?;
        let of = params![copy.consultation, copy.act_number, copy.dispatch_digest.as_bytes().as_slice()];
        let found: Option<Vec<u8>> = statement.query_row(of, |row| row.get(0)).optional()?;
        found.map(|bytes| message_id(&bytes)).transpose()
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
        let (submission_receipt, delivery_receipt) = (submission_receipt.to_vec(), delivery_receipt.to_vec());
        self.note_all_sent(&[News {
            id: *id,
            state,
            reason: reason.to_owned(),
            submission_receipt,
            delivery_receipt,
        }])
    }

    /// The same of several, together.
    pub fn note_all_sent(&self, news: &[News]) -> Result<(), RegisterFault> {
        if news.is_empty() {
            return Ok(());
        }
        self.change(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE sent SET state = ?2, reason = ?3,
                   submission_receipt = CASE WHEN length(?4) > 0 THEN ?4 ELSE submission_receipt END,
                   delivery_receipt = CASE WHEN length(?5) > 0 THEN ?5 ELSE delivery_receipt END
                 WHERE message_id = ?1 AND NOT (state = 'delivered' AND ?2 IN ('released', 'queued'))",
            )?;
            for one in news {
                let News { id, state, reason, submission_receipt, delivery_receipt } = one;
                let id = id.as_bytes().as_slice();
                update.execute(params![id, state.word(), reason, submission_receipt, delivery_receipt])?;
            }
            Ok(())
        })
    }

    /// All that was ever sent, oldest first: for audits. Commands ask for less.
    pub fn sent(&self) -> Result<Vec<SentEntry>, RegisterFault> {
        self.select_sent("ORDER BY number", [])
    }

    /// One sent message.
    pub fn sent_message(&self, id: &MessageId) -> Result<Option<SentEntry>, RegisterFault> {
        Ok(self.select_sent("WHERE message_id = ?1", [id.as_bytes().as_slice()])?.pop())
    }

    /// The newest copies, to one recipient or to all, oldest first.
    pub fn newest_sent(&self, to: Option<&Ministry>, count: usize) -> Result<Vec<SentEntry>, RegisterFault> {
        match to {
            Some(to) => self.select_sent(
                "INDEXED BY sent_to WHERE recipient = ?1 ORDER BY number DESC LIMIT ?2",
                params![to.as_str(), count],
            ),
            None => self.select_sent("ORDER BY number DESC LIMIT ?1", [count]),
        }
    }

    /// Copies that are not in the gateway's custody, oldest first, after one of them or from the beginning.
    pub fn waiting(&self, after: Option<&MessageId>, count: usize) -> Result<Vec<SentEntry>, RegisterFault> {
        let after = after.map_or(&[][..], |id| id.as_bytes().as_slice());
        self.select_sent(
            "INDEXED BY sent_waiting WHERE state IN ('released', 'void')
             AND number > COALESCE((SELECT number FROM sent WHERE message_id = ?1), 0) ORDER BY number LIMIT ?2",
            params![after, count],
        )
    }

    /// What may still be settled, or settled in another way, oldest first and after a number.
    pub fn under_way(&self, after: u64, count: usize) -> Result<Vec<UnderWay>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT number, message_id, state, has_parts_beside FROM sent INDEXED BY sent_under_way
             WHERE state IN ('queued', 'expired', 'withdrawn') AND number > ?1 ORDER BY number LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, count], |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, String>(2)?, row.get(3)?))
        })?;
        let parsed = rows.map(|row| {
            let (number, id, state, has_parts_beside) = row?;
            Ok(UnderWay { number, id: message_id(&id)?, state: SentState::parse(&state)?, has_parts_beside })
        });
        parsed.collect()
    }

    /// The channels on which something was ever sent to a ministry.
    pub fn channels_to(&self, to: &Ministry) -> Result<Vec<String>, RegisterFault> {
        // One step of the index for each channel, however many messages there are on it.
        let connection = self.connection();
        let mut next = connection
            .prepare_cached("SELECT MIN(channel) FROM sent WHERE recipient = ?1 AND channel > ?2")?;
        let mut channels: Vec<String> = Vec::new();
        loop {
            let last = channels.last().map_or("", String::as_str);
            let found: Option<String> = next.query_row(params![to.as_str(), last], |row| row.get(0))?;
            let Some(channel) = found else { return Ok(channels) };
            channels.push(channel);
        }
    }

    /// Copies that the gateway had in custody, on one channel and after a number, in their order.
    pub fn taken_after(
        &self,
        channel: &str,
        to: &Ministry,
        sequence: u64,
        count: usize,
    ) -> Result<Vec<SentEntry>, RegisterFault> {
        self.select_sent(
            "WHERE recipient = ?1 AND channel = ?2 AND sequence > ?3 AND state NOT IN ('released', 'void')
             ORDER BY sequence LIMIT ?4",
            params![to.as_str(), channel, sequence, count],
        )
    }

    /// The copy of this number on each channel to a recipient.
    pub fn sent_numbered(&self, to: &Ministry, sequence: u64) -> Result<Vec<SentEntry>, RegisterFault> {
        let mut found = Vec::new();
        for channel in self.channels_to(to)? {
            found.extend(self.select_sent(
                "WHERE recipient = ?1 AND channel = ?2 AND sequence = ?3",
                params![to.as_str(), channel, sequence],
            )?);
        }
        Ok(found)
    }

    /// Some of the copies whose ids lie between two, both included.
    pub fn sent_between(&self, ids: [&[u8]; 2], count: usize) -> Result<Vec<SentEntry>, RegisterFault> {
        let [least, greatest] = ids;
        self.select_sent(
            "WHERE message_id BETWEEN ?1 AND ?2 ORDER BY message_id LIMIT ?3",
            params![least, greatest, count],
        )
    }

    /// Some of the copies of the dispatches whose digests lie between two, both included, oldest first.
    pub fn sent_of_dispatches(
        &self,
        digests: [&[u8]; 2],
        count: usize,
    ) -> Result<Vec<SentEntry>, RegisterFault> {
        let [least, greatest] = digests;
        self.select_sent(
            "WHERE dispatch_digest BETWEEN ?1 AND ?2 ORDER BY number LIMIT ?3",
            params![least, greatest, count],
        )
    }

    /// All copies of a consultation.
    pub fn sent_in(&self, consultation: &str) -> Result<Vec<SentEntry>, RegisterFault> {
        self.select_sent("WHERE consultation = ?1 ORDER BY number", [consultation])
    }

    /// Copies of our own acts in a consultation with a greater act number than this that others may have seen, in
    /// their order.
    pub fn sent_acts_after(
        &self,
        consultation: &str,
        act_number: u64,
        count: usize,
    ) -> Result<Vec<SentEntry>, RegisterFault> {
        self.select_sent(
            "WHERE consultation = ?1 AND act_number > ?2 AND state NOT IN ('void', 'withdrawn')
             ORDER BY act_number LIMIT ?3",
            params![consultation, act_number, count],
        )
    }

    /// The last copy this desk has released towards a recipient, whatever became of it: whoever has seen its bytes
    /// can deliver them, so its number is never given to others.
    pub fn last_sent(&self, channel: &str, to: &Ministry) -> Result<Option<LastSent>, RegisterFault> {
        self.one_sent(
            "WHERE channel = ?1 AND recipient = ?2 ORDER BY sequence DESC LIMIT 1",
            params![channel, to.as_str()],
        )
    }

    /// The first copy towards a recipient that is not in the gateway's custody.
    pub fn first_waiting(&self, channel: &str, to: &Ministry) -> Result<Option<LastSent>, RegisterFault> {
        self.one_sent(
            "INDEXED BY sent_waiting WHERE channel = ?1 AND recipient = ?2 AND state IN ('released', 'void')
             ORDER BY number LIMIT 1",
            params![channel, to.as_str()],
        )
    }

    fn one_sent(&self, which: &str, of: impl Params) -> Result<Option<LastSent>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!("SELECT message_id, sequence, state, reason FROM sent {which}"))?;
        let found: Option<(Vec<u8>, u64, String, String)> = statement
            .query_row(of, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let last = |(id, sequence, state, reason): (Vec<u8>, u64, String, String)| {
            Ok(LastSent { id: message_id(&id)?, sequence, state: SentState::parse(&state)?, reason })
        };
        found.map(last).transpose()
    }

    pub(super) fn select_sent(&self, which: &str, of: impl Params) -> Result<Vec<SentEntry>, RegisterFault> {
        let connection = self.connection();
        // The inner query is answered by an index alone; only what it names is read whole.
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sent JOIN sent_envelope USING (number)
             WHERE number IN (SELECT number FROM sent {which}) ORDER BY number"
        ))?;
        let rows = statement.query_map(of, |row| Ok(entry(row)))?;
        rows.map(|row| row?).collect()
    }
}

const COLUMNS: &str = "message_id, channel, recipient, consultation, sequence, act_number, release_time, \
                       dispatch_digest, has_parts_beside, state, reason, submission_receipt, delivery_receipt, \
                       envelope";

fn entry(row: &Row<'_>) -> Result<SentEntry, RegisterFault> {
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
        has_parts_beside: row.get(8)?,
        state: SentState::parse(&row.get::<_, String>(9)?)?,
        reason: row.get(10)?,
        submission_receipt: row.get(11)?,
        delivery_receipt: row.get(12)?,
        envelope: row.get(13)?,
    })
}
