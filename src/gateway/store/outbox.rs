//! What to carry next. Within a channel the order of the sequence is never broken: a message is offered
//! only with every unanswered message before it, and none behind one that is held or not yet due. Which of
//! several channels goes first is decided in `schedule`.

use std::collections::{BTreeMap, VecDeque};

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code, stored, stored_len};
use super::fresh::Fresh;
use super::message;
use super::record::{Direction, OutboxItem, SentState, SignedHeader};
use super::{Store, StoreFault};
use crate::gateway::schedule::{self, Candidate, PRECEDENCES};
use crate::limits::BATCH_BYTES_MAX;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// In place of a number: no message of the channel is wanted now.
pub const LEFT_OUT: u64 = u64::MAX;

impl Store {
    /// What to carry to `peer` at `now`: at most `limit` messages and about `BATCH_BYTES_MAX` bytes, but always one
    /// where one is due. `in_flight` names, per channel, the last number that is on its way already; only messages
    /// after it are answered, and none of a channel that is `LEFT_OUT`. A message that is held, or whose next attempt
    /// is later, holds back those behind it in its channel. Expired and withdrawn messages are carried too: the peer
    /// must answer for their numbers before it can take the next. Of a withdrawn one no part is given.
    pub async fn due(
        &self,
        peer: Ministry,
        now: Timestamp,
        limit: usize,
        in_flight: BTreeMap<String, u64>,
    ) -> Result<Vec<OutboxItem>, StoreFault> {
        let fresh = self.inner.fresh.clone();
        self.read(move |connection| due(connection, &fresh, &peer, (now, limit), &in_flight)).await
    }

    /// When the next message for `peer` becomes due; `None` where nothing waits for it that is not held.
    pub async fn next_due_time(&self, peer: Ministry) -> Result<Option<Timestamp>, StoreFault> {
        self.read(move |connection| {
            // The first of a sequence, where that is held: none.
            let sql = "SELECT min((SELECT iif(outgoing.held, NULL, next_attempt) FROM outgoing
                           WHERE outgoing.pair = pair.key AND unanswered = 1 ORDER BY message LIMIT 1))
                       FROM pair WHERE direction = ?1 AND peer = ?2 AND queued > 0";
            let earliest: Option<i64> = connection
                .prepare_cached(sql)?
                .query_row(params![Direction::Out.code(), peer.as_str()], |row| row.get(0))?;
            Ok(earliest.map(Timestamp::from_seconds))
        })
        .await
    }
}

fn due(
    connection: &Connection,
    fresh: &Fresh,
    peer: &Ministry,
    (now, limit): (Timestamp, usize),
    in_flight: &BTreeMap<String, u64>,
) -> Result<Vec<OutboxItem>, StoreFault> {
    let mut lines = Vec::new();
    for (pair, channel, last) in waiting_pairs(connection, peer)? {
        let after = in_flight.get(&channel).copied().unwrap_or(0);
        // Nothing of it is wanted, or all of it is on its way.
        if after >= last {
            continue;
        }
        let line = candidates(connection, pair, after, now, limit)?;
        lines.push(line);
    }
    let mut items = Vec::new();
    let mut weight = 0_usize;
    let lent: BTreeMap<i64, u8> =
        lines.iter().flatten().map(|candidate| (candidate.message, candidate.urgency)).collect();
    for message in schedule::order(lines).into_iter().take(limit) {
        let (item, bytes) = load(connection, fresh, message, lent.get(&message).copied().unwrap_or(0))?;
        weight = weight.saturating_add(bytes);
        if weight > BATCH_BYTES_MAX && !items.is_empty() {
            break;
        }
        items.push(item);
    }
    Ok(items)
}

/// The sequences to a peer in which anything waits, each with its last number.
fn waiting_pairs(connection: &Connection, peer: &Ministry) -> Result<Vec<(i64, String, u64)>, StoreFault> {
    let sql = "SELECT key, channel, sequence FROM pair WHERE direction = ?1 AND peer = ?2 AND queued > 0";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![Direction::Out.code(), peer.as_str()], |row| {
        Ok((row.get(0)?, row.get(1)?, columns::count(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The front of one sequence, as far as it may be carried now, each with the greatest urgency of itself and
/// of everything behind it. Keys of messages rise with their numbers.
fn candidates(
    connection: &Connection,
    pair: i64,
    after_sequence: u64,
    now: Timestamp,
    limit: usize,
) -> Result<VecDeque<Candidate>, StoreFault> {
    let mut after: Option<i64> = None;
    if after_sequence > 0 {
        let sql = "SELECT key FROM message WHERE pair = ?1 AND sequence = ?2";
        let values = params![pair, stored(after_sequence)];
        after = connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
    }
    let after = after.unwrap_or(0);
    let sql = "SELECT message, precedence, next_attempt, held FROM outgoing
               WHERE pair = ?1 AND unanswered = 1 AND message > ?2 ORDER BY message LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![pair, after, stored_len(limit)])?;
    let mut line = VecDeque::new();
    let mut last = after;
    let mut is_whole = true;
    while let Some(row) = rows.next()? {
        if row.get::<_, bool>(3)? || !schedule::is_due(columns::instant(row, 2)?, now) {
            is_whole = false;
            break;
        }
        last = row.get(0)?;
        line.push_back(Candidate { message: last, urgency: row.get(1)? });
    }
    let behind = if is_whole && line.len() < limit { 0 } else { greatest_behind(connection, pair, last)? };
    schedule::lend(&mut line, behind);
    Ok(line)
}

/// The greatest urgency in the rest of a sequence: one look into an index per urgency, however long it is.
pub(super) fn greatest_behind(connection: &Connection, pair: i64, last: i64) -> Result<u8, StoreFault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outgoing
               WHERE pair = ?1 AND precedence = ?2 AND message > ?3 AND unanswered = 1)";
    let mut statement = connection.prepare_cached(sql)?;
    for precedence in PRECEDENCES {
        if statement.query_row(params![pair, precedence, last], |row| row.get(0))? {
            return Ok(precedence);
        }
    }
    Ok(0)
}

/// A message to carry, and about how many bytes its envelope has. Of one whose envelope is kept in memory the contents
/// of its parts are not read.
fn load(
    connection: &Connection,
    fresh: &Fresh,
    key: i64,
    urgency: u8,
) -> Result<(OutboxItem, usize), StoreFault> {
    let sql = "SELECT pair.channel, message.sequence, outgoing.precedence, outgoing.state, outgoing.attempts,
               outgoing.valid_until, message.id, message.header, message.signature
               FROM outgoing JOIN message ON message.key = outgoing.message
               JOIN pair ON pair.key = outgoing.pair WHERE outgoing.message = ?1";
    let mut item = connection.prepare_cached(sql)?.query_row([key], |row| {
        let state = SentState::column(row, 3)?;
        Ok(OutboxItem {
            message_id: columns::digest(row, 6)?,
            channel: row.get(0)?,
            sequence: columns::count(row, 1)?,
            precedence: row.get(2)?,
            urgency,
            expired: state == SentState::Expired,
            withdrawn: state == SentState::Withdrawn,
            attempts: row.get(4)?,
            valid_until: columns::instant(row, 5)?,
            signed: SignedHeader { header: row.get(7)?, signature: row.get(8)? },
            parts: Vec::new(),
        })
    })?;
    let kept = fresh.weight(&item.message_id);
    if !item.withdrawn {
        item.parts = match kept {
            Some(_) => message::parts_without_contents(connection, key)?,
            None => message::parts(connection, key)?,
        };
    }
    let bytes = kept.unwrap_or_else(|| message::envelope_weight(&item.signed, &item.parts));
    Ok((item, bytes))
}
