//! What becomes of sent messages: the peer's answer, a failed attempt, an expiry; and what the desk and the
//! operator may know of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code, prefix, stored, stored_len};
use super::record::{
    Direction, Expiry, LeafPlace, LogEntry, LogLeaf, Overdue, PeerQueue, SentMessage, SentState, Settled,
    Settlement, SignedHeader,
};
use super::writer::Verdict;
use super::{Store, StoreFault, message, tree};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A sent message as far as changes of its state need it.
struct Outgoing {
    message: i64,
    state: SentState,
    unanswered: bool,
    peer: Ministry,
}

impl Store {
    /// Keeps the peer's signed answer to a sent message, which is no longer carried. A message that our log
    /// calls expired becomes `Delivered` where the peer took it after all, and stays `Expired` where it
    /// refused it. Durable on return; the first answer stays. Callers pass only verified receipts.
    pub async fn settle(
        &self,
        message_id: Digest,
        settlement: Settlement,
        receipt: Vec<u8>,
        now: Timestamp,
    ) -> Result<Settled, StoreFault> {
        let weight = receipt.len();
        self.write(weight, move |connection| settle(connection, &message_id, &settlement, &receipt, now))
            .await
    }

    /// Records a failed attempt for each of `messages`, with the reason and the instant of the next attempt.
    /// Messages that are answered already, or not ours, are left alone.
    pub async fn defer(
        &self,
        messages: Vec<Digest>,
        next_attempt: Timestamp,
        reason: String,
    ) -> Result<(), StoreFault> {
        self.write(0, move |connection| {
            for id in &messages {
                defer(connection, id, next_attempt, &reason)?;
            }
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Calls a queued message expired, with the leaf that says so. It is carried on until the peer answers
    /// for its number. Durable on return.
    pub async fn expire(
        &self,
        message_id: Digest,
        reason: String,
        entry: LogEntry,
    ) -> Result<Expiry, StoreFault> {
        let weight = entry.leaf.len();
        self.write(weight, move |connection| expire(connection, message_id, &reason, &entry)).await
    }

    /// Queued messages whose validity ended before `now`, at most `limit`.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Overdue>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT message.id, pair.peer, message.header, message.signature FROM outgoing
                       JOIN message ON message.key = outgoing.message JOIN pair ON pair.key = outgoing.pair
                       WHERE outgoing.state = 1 AND outgoing.valid_until < ?1
                       ORDER BY outgoing.valid_until, outgoing.message LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.seconds(), stored_len(limit)], |row| {
                Ok(Overdue {
                    message_id: columns::digest(row, 0)?,
                    peer: columns::ministry(row, 1)?,
                    signed: SignedHeader { header: row.get(2)?, signature: row.get(3)? },
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The states of sent messages, in the order asked for; `None` for one that we did not send.
    pub async fn sent(&self, messages: Vec<Digest>) -> Result<Vec<Option<SentMessage>>, StoreFault> {
        self.read(move |connection| messages.iter().map(|id| sent(connection, id)).collect()).await
    }

    /// What waits for each peer, by code; peers that were never sent anything are missing.
    pub async fn queues(&self) -> Result<Vec<PeerQueue>, StoreFault> {
        self.read(queues).await
    }
}

fn find(connection: &Connection, id: &Digest) -> Result<Option<Outgoing>, StoreFault> {
    let sql = "SELECT outgoing.message, outgoing.state, outgoing.unanswered, pair.peer FROM message
               JOIN outgoing ON outgoing.message = message.key JOIN pair ON pair.key = message.pair
               WHERE message.id_prefix = ?1 AND message.id = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![prefix(id), id.as_bytes()], |row| {
            Ok(Outgoing {
                message: row.get(0)?,
                state: SentState::column(row, 1)?,
                unanswered: row.get(2)?,
                peer: columns::ministry(row, 3)?,
            })
        })
        .optional()?;
    Ok(found)
}

fn settle(
    connection: &Connection,
    id: &Digest,
    settlement: &Settlement,
    receipt: &[u8],
    now: Timestamp,
) -> Result<Verdict<Settled>, StoreFault> {
    let Some(outgoing) = find(connection, id)? else { return Ok(Verdict::Undo(Settled::Unknown)) };
    if !outgoing.unanswered {
        return Ok(Verdict::Undo(Settled::Already(outgoing.state)));
    }
    let (state, reason) = match (settlement, outgoing.state) {
        (Settlement::Delivered, _) => (SentState::Delivered, ""),
        (Settlement::Rejected(reason), SentState::Expired) => (SentState::Expired, reason.as_str()),
        (Settlement::Rejected(reason), _) => (SentState::Rejected, reason.as_str()),
    };
    let sql = "UPDATE outgoing SET state = ?2, unanswered = 0, reason = ?3, receipt = ?4 WHERE message = ?1";
    connection.prepare_cached(sql)?.execute(params![outgoing.message, state.code(), reason, receipt])?;
    let sql =
        "INSERT INTO peer (code, last_receipt_time, last_failure) VALUES (?1, ?2, '') ON CONFLICT (code)
               DO UPDATE SET last_receipt_time = excluded.last_receipt_time, last_failure = ''";
    connection.prepare_cached(sql)?.execute(params![outgoing.peer.as_str(), now.seconds()])?;
    Ok(Verdict::Keep(Settled::Done))
}

fn defer(connection: &Connection, id: &Digest, next: Timestamp, reason: &str) -> Result<(), StoreFault> {
    let Some(outgoing) = find(connection, id)?.filter(|outgoing| outgoing.unanswered) else { return Ok(()) };
    // The reason of an expiry stands in our log; a later failure does not replace it.
    let sql = "UPDATE outgoing SET attempts = attempts + 1, next_attempt = ?2,
               reason = iif(state = 1, ?3, reason) WHERE message = ?1";
    connection.prepare_cached(sql)?.execute(params![outgoing.message, next.seconds(), reason])?;
    let sql = "INSERT INTO peer (code, last_receipt_time, last_failure) VALUES (?1, 0, ?2) ON CONFLICT (code)
               DO UPDATE SET last_failure = excluded.last_failure";
    connection.prepare_cached(sql)?.execute(params![outgoing.peer.as_str(), reason])?;
    Ok(())
}

fn expire(
    connection: &Connection,
    id: Digest,
    reason: &str,
    entry: &LogEntry,
) -> Result<Verdict<Expiry>, StoreFault> {
    let Some(outgoing) = find(connection, &id)? else { return Ok(Verdict::Undo(Expiry::Unknown)) };
    if outgoing.state != SentState::Queued {
        return Ok(Verdict::Undo(Expiry::Already(outgoing.state)));
    }
    if outgoing.peer != entry.peer {
        return Err(StoreFault::Misuse("an expiry in the log of another peer"));
    }
    let leaf = LogLeaf { bytes: entry.leaf.clone(), message_id: Some(id) };
    let (log, place) = tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?;
    let sql = "UPDATE outgoing SET state = ?2, reason = ?3, expiry_log = ?4, expiry_index = ?5
               WHERE message = ?1";
    let expired = SentState::Expired.code();
    let values = params![outgoing.message, expired, reason, log, stored(place.index)];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(Verdict::Keep(Expiry::Done(place)))
}

fn sent(connection: &Connection, id: &Digest) -> Result<Option<SentMessage>, StoreFault> {
    let Some(held) = message::find(connection, Direction::Out, id)? else { return Ok(None) };
    let sql = "SELECT outgoing.state, outgoing.receipt, outgoing.attempts, outgoing.reason, log.origin,
               outgoing.expiry_index
               FROM outgoing LEFT JOIN log ON log.key = outgoing.expiry_log WHERE outgoing.message = ?1";
    let sent = connection.prepare_cached(sql)?.query_row([held.key], |row| {
        let expired_at = match row.get::<_, Option<String>>(4)? {
            Some(origin) => Some(LeafPlace { origin, index: columns::count(row, 5)? }),
            None => None,
        };
        Ok(SentMessage {
            message_id: *id,
            state: SentState::column(row, 0)?,
            place: held.place,
            expired_at,
            receipt: row.get(1)?,
            attempts: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    Ok(Some(sent))
}

fn queues(connection: &Connection) -> Result<Vec<PeerQueue>, StoreFault> {
    let sql = "SELECT pair.peer, sum((SELECT count(*) FROM outgoing
                   WHERE outgoing.pair = pair.key AND unanswered = 1)),
               ifnull(max(peer.last_receipt_time), 0), ifnull(max(peer.last_failure), '')
               FROM pair LEFT JOIN peer ON peer.code = pair.peer
               WHERE pair.direction = ?1 GROUP BY pair.peer ORDER BY pair.peer";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([Direction::Out.code()], |row| {
        let last = columns::instant(row, 2)?;
        Ok(PeerQueue {
            peer: columns::ministry(row, 0)?,
            queued: columns::count(row, 1)?,
            last_receipt_time: (last.seconds() != 0).then_some(last),
            last_failure: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
