//! Reading for an export: records, cosigned checkpoints and messages, page by page in their order.
//!
//! Each page is one snapshot. What is read here never changes once it is written, but for the receipt of a
//! sent message, which comes once.

use rusqlite::{Connection, params};

use super::columns::{self, Code, stored, stored_len};
use super::log::cosigned_over;
use super::record::{ArchivedMessage, Checkpoint, Direction, LeafPlace, Record, RecordKind, SignedHeader};
use super::{Store, StoreFault};

/// Rows of one page: few enough that the largest headers, signatures and receipts are some MiB together.
const ROWS_PER_PAGE: usize = 64;

impl Store {
    /// Every record that was ever kept, by kind, ministry and number.
    pub async fn records(&self) -> Result<Vec<Record>, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT kind, ministry, sequence, bytes FROM record ORDER BY kind, ministry, sequence";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Record {
                    kind: RecordKind::column(row, 0)?,
                    ministry: columns::ministry(row, 1)?,
                    sequence: columns::count(row, 2)?,
                    bytes: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The next checkpoints of a log with cosignatures, those of sizes above `after`; none at the end.
    pub async fn cosigned_after(&self, origin: String, after: u64) -> Result<Vec<Checkpoint>, StoreFault> {
        self.read(move |connection| cosigned_over(connection, &origin, after, ROWS_PER_PAGE)).await
    }

    /// The next messages in the order of custody, after the one with the number `after`; none at the end.
    pub async fn archived_after(&self, after: u64) -> Result<Vec<ArchivedMessage>, StoreFault> {
        self.read(move |connection| archived_after(connection, after)).await
    }
}

fn archived_after(connection: &Connection, after: u64) -> Result<Vec<ArchivedMessage>, StoreFault> {
    let sql = "SELECT message.key, message.direction, log.origin, message.leaf_index, message.header,
               message.signature, ifnull(outgoing.receipt, x'') FROM message
               JOIN log ON log.key = message.log LEFT JOIN outgoing ON outgoing.message = message.key
               WHERE message.key > ?1 ORDER BY message.key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![stored(after), stored_len(ROWS_PER_PAGE)], |row| {
        Ok(ArchivedMessage {
            key: columns::count(row, 0)?,
            direction: Direction::column(row, 1)?,
            place: LeafPlace { origin: row.get(2)?, index: columns::count(row, 3)? },
            signed: SignedHeader { header: row.get(4)?, signature: row.get(5)? },
            receipt: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
