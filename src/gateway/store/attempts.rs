//! Attempts to deliver that brought no receipt: counted, and kept as evidence, the first ones and the last ones
//! of each message. An attempt that brings a receipt is the receipt.

use rusqlite::{Connection, params};

use super::columns;
use super::job::Verdict;
use super::record::{Attempt, AttemptEnd, FailedAttempt};
use super::settlement::{self, Outgoing};
use super::{Store, StoreFault};
use crate::digest::Digest;
use crate::limits::ATTEMPTS_KEPT;

impl Store {
    /// Notes how an attempt ended for each of `messages` that brought no receipt, and when the next is due.
    /// Messages that are answered already, or not ours, are left alone. Durable on return.
    pub async fn note_attempt(
        &self,
        messages: Vec<Digest>,
        attempt: FailedAttempt,
    ) -> Result<(), StoreFault> {
        self.write(0, move |connection| {
            for id in &messages {
                if let Some(message) = settlement::find(connection, id)?.filter(|found| found.unanswered) {
                    note(connection, &message, &attempt)?;
                }
            }
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// The attempts kept of a message, oldest first.
    pub async fn attempts(&self, message_id: Digest) -> Result<Vec<Attempt>, StoreFault> {
        self.read(move |connection| {
            let Some(message) = settlement::find(connection, &message_id)? else { return Ok(Vec::new()) };
            let sql = "SELECT number, time, outcome FROM attempt WHERE message = ?1 ORDER BY number";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([message.message], |row| {
                Ok(Attempt { number: row.get(0)?, time: columns::instant(row, 1)?, outcome: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn note(connection: &Connection, message: &Outgoing, attempt: &FailedAttempt) -> Result<(), StoreFault> {
    let FailedAttempt { time, next_attempt, end } = attempt;
    // The reason of an expiry or a withdrawal stands in our log; a later failure does not replace it.
    let sql =
        "UPDATE outgoing SET attempts = attempts + 1, unreceipted = unreceipted + ?4, next_attempt = ?2,
               reason = iif(state = 1, ?3, reason) WHERE message = ?1 RETURNING attempts";
    let unreceipted = i64::from(matches!(end, AttemptEnd::Unanswered));
    let values = params![message.message, next_attempt.seconds(), end.word(), unreceipted];
    let number: u32 = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
    let sql = "INSERT INTO attempt (message, number, time, outcome) VALUES (?1, ?2, ?3, ?4)";
    let values = params![message.message, number, time.seconds(), end.word()];
    connection.prepare_cached(sql)?.execute(values)?;
    if number > ATTEMPTS_KEPT.saturating_mul(2) {
        let sql = "DELETE FROM attempt WHERE message = ?1 AND number > ?2 AND number <= ?3";
        let last_kept = number.saturating_sub(ATTEMPTS_KEPT);
        connection.prepare_cached(sql)?.execute(params![message.message, ATTEMPTS_KEPT, last_kept])?;
    }
    let sql = "INSERT INTO peer (code, last_receipt_time, last_failure) VALUES (?1, 0, ?2) ON CONFLICT (code)
               DO UPDATE SET last_failure = excluded.last_failure";
    connection.prepare_cached(sql)?.execute(params![message.peer.as_str(), end.word()])?;
    Ok(())
}
