//! What our desk can fetch: messages received, in the order of custody, by a cursor without gaps.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, stored, stored_len};
use super::job::Verdict;
use super::message;
use super::record::{Amount, LeafPlace, Received};
use super::{Store, StoreFault};
use crate::limits::BATCH_BYTES_MAX;
use crate::trust::name::Ministry;

impl Store {
    /// Messages received after `cursor`, oldest first: at most `limit` of them and about `BATCH_BYTES_MAX`
    /// bytes, but always one where there is one.
    pub async fn received_after(&self, cursor: u64, limit: usize) -> Result<Vec<Received>, StoreFault> {
        self.read(move |connection| received_after(connection, cursor, limit)).await
    }

    /// Records that the desk holds everything up to `cursor`; never moves back, never beyond the newest
    /// message. Answers the cursor in force, durable on return.
    pub async fn acknowledge(&self, cursor: u64) -> Result<u64, StoreFault> {
        self.write(0, move |connection| {
            let sql =
                "UPDATE meta SET value = max(value, min(?1, (SELECT ifnull(max(cursor), 0) FROM mailbox)))
                       WHERE name = 'acknowledged' RETURNING value";
            let mut statement = connection.prepare_cached(sql)?;
            let cursor = statement.query_row([stored(cursor)], |row| columns::count(row, 0))?;
            Ok(Verdict::Keep(cursor))
        })
        .await
    }

    /// How many messages of the mailbox the desk has not acknowledged.
    pub async fn waiting(&self) -> Result<u64, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT (SELECT ifnull(max(cursor), 0) FROM mailbox)
                       - (SELECT value FROM meta WHERE name = 'acknowledged')";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| columns::count(row, 0))?)
        })
        .await
    }
}

/// Puts a message of `peer` into the mailbox.
pub(super) fn insert(
    connection: &Connection,
    message: i64,
    peer: &Ministry,
    bytes: u64,
) -> Result<(), StoreFault> {
    let so_far = amount_up_to(connection, peer, i64::MAX)?;
    let sql = "INSERT INTO mailbox (cursor, message, peer, peer_count, peer_bytes)
               VALUES ((SELECT ifnull(max(cursor), 0) + 1 FROM mailbox), ?1, ?2, ?3, ?4)";
    let (count, bytes) = (so_far.count.saturating_add(1), so_far.bytes.saturating_add(bytes));
    let values = params![message, peer.as_str(), stored(count), stored(bytes)];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// What waits of `peer` until the desk acknowledges it.
pub(super) fn amount_of(connection: &Connection, peer: &Ministry) -> Result<Amount, StoreFault> {
    let sql = "SELECT value FROM meta WHERE name = 'acknowledged'";
    let acknowledged: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let all = amount_up_to(connection, peer, i64::MAX)?;
    let done = amount_up_to(connection, peer, acknowledged)?;
    let count = all.count.saturating_sub(done.count);
    Ok(Amount { count, bytes: all.bytes.saturating_sub(done.bytes) })
}

/// Everything that ever came of `peer`, up to a cursor.
fn amount_up_to(connection: &Connection, peer: &Ministry, cursor: i64) -> Result<Amount, StoreFault> {
    let sql = "SELECT peer_count, peer_bytes FROM mailbox WHERE peer = ?1 AND cursor <= ?2
               ORDER BY cursor DESC LIMIT 1";
    let found = connection.prepare_cached(sql)?.query_row(params![peer.as_str(), cursor], |row| {
        Ok(Amount { count: columns::count(row, 0)?, bytes: columns::count(row, 1)? })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn received_after(connection: &Connection, cursor: u64, limit: usize) -> Result<Vec<Received>, StoreFault> {
    let sql = "SELECT mailbox.cursor, mailbox.message, pair.peer, log.origin, message.leaf_index,
               message.custody_time
               FROM mailbox JOIN message ON message.key = mailbox.message
               JOIN pair ON pair.key = message.pair JOIN log ON log.key = message.log
               WHERE mailbox.cursor > ?1 ORDER BY mailbox.cursor LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![stored(cursor), stored_len(limit)])?;
    let mut messages = Vec::new();
    let mut weight = 0_usize;
    while let Some(row) = rows.next()? {
        let key = row.get(1)?;
        let (message_id, signed) = message::signed(connection, key)?;
        let parts = message::parts(connection, key)?;
        weight = weight.saturating_add(message::envelope_weight(&signed, &parts));
        if weight > BATCH_BYTES_MAX && !messages.is_empty() {
            break;
        }
        messages.push(Received {
            cursor: columns::count(row, 0)?,
            message_id,
            peer: columns::ministry(row, 2)?,
            signed,
            parts,
            place: LeafPlace { origin: row.get(3)?, index: columns::count(row, 4)? },
            custody_time: columns::instant(row, 5)?,
        });
    }
    Ok(messages)
}
