//! What becomes of sent messages: the peer's answer, an expiry; and what the desk may know of it.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code, prefix, stored, stored_len};
use super::job::{Pace, Verdict};
use super::record::{
    Alarm, Answered, Direction, Expiry, Ground, LeafPlace, LogEntry, LogLeaf, Overdue, SentMessage,
    SentState, Settlement, SignedHeader, URGENT_EXPIRED_ALARM,
};
use super::{Store, StoreFault, alarms, log, message, tree};
use crate::digest::Digest;
use crate::gateway::schedule::{IMMEDIATE, precedence_word};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A sent message as far as changes of its state need it.
pub(super) struct Outgoing {
    pub(super) message: i64,
    pub(super) pair: i64,
    pub(super) peer: Ministry,
    pub(super) precedence: u8,
    pub(super) state: SentState,
    pub(super) unanswered: bool,
    pub(super) held: bool,
    pub(super) unreceipted: u32,
}

impl Store {
    /// Keeps the peer's signed answers to sent messages, which are no longer carried, in one job: queued for the
    /// writer when this returns, durable when it answers: the state of each message then, none for one that we did
    /// not send. A message that our log calls expired or withdrawn becomes `Delivered` where the peer took it after
    /// all, and stays what it is where the peer refused it. The first answer stays. Callers pass only verified
    /// receipts. None, and nothing changed, where one of the grounds is not kept as it says: what was queued before
    /// counts, so a checkpoint may be mirrored in the very same commit.
    pub fn settle_all(
        &self,
        answers: Vec<Answered>,
        grounds: Vec<Ground>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Vec<Option<SentState>>>, StoreFault>> + Send + use<> {
        let weight = answers.iter().map(|answered| answered.receipt.len()).sum();
        self.queue(Pace::Soon, weight, move |connection| {
            for ground in &grounds {
                if !log::stands(connection, ground)? {
                    return Ok(Verdict::Undo(None));
                }
            }
            let (mut states, mut peers) = (Vec::with_capacity(answers.len()), BTreeSet::new());
            for answered in &answers {
                let (state, peer) = settle(connection, answered, now)?;
                states.push(state);
                peers.extend(peer);
            }
            peers.iter().try_for_each(|peer| note_receipt(connection, peer, now))?;
            Ok(Verdict::Keep(Some(states)))
        })
    }

    /// Calls a queued message expired, with the leaf that says so, and raises an alarm where it was urgent. It
    /// is carried on until the peer answers for its number. Durable on return.
    pub async fn expire(
        &self,
        message_id: Digest,
        reason: String,
        entry: LogEntry,
        now: Timestamp,
    ) -> Result<Expiry, StoreFault> {
        let weight = entry.leaf.len();
        self.write(weight, move |connection| expire(connection, message_id, &reason, &entry, now)).await
    }

    /// Queued messages whose validity ended before `now`, at most `limit`.
    /// Those for the peers in `except` are left out.
    pub async fn overdue(
        &self,
        now: Timestamp,
        limit: usize,
        except: BTreeSet<Ministry>,
    ) -> Result<Vec<Overdue>, StoreFault> {
        self.read(move |connection| {
            let except: String = except.iter().map(|peer| format!(" {peer} ")).collect();
            let sql = "SELECT message.id, pair.peer, message.header, message.signature FROM outgoing
                       JOIN message ON message.key = outgoing.message JOIN pair ON pair.key = outgoing.pair
                       WHERE outgoing.state = 1 AND outgoing.valid_until < ?1
                           AND instr(?3, ' ' || pair.peer || ' ') = 0
                       ORDER BY outgoing.valid_until, outgoing.message LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![now.seconds(), stored_len(limit), except], |row| {
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
}

/// The sent message with this id.
pub(super) fn find(connection: &Connection, id: &Digest) -> Result<Option<Outgoing>, StoreFault> {
    let sql = "SELECT outgoing.message, outgoing.pair, pair.peer, outgoing.precedence, outgoing.state,
               outgoing.unanswered, outgoing.held, outgoing.unreceipted FROM message
               JOIN outgoing ON outgoing.message = message.key JOIN pair ON pair.key = message.pair
               WHERE message.id_prefix = ?1 AND message.id = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![prefix(id), id.as_bytes()], |row| {
            Ok(Outgoing {
                message: row.get(0)?,
                pair: row.get(1)?,
                peer: columns::ministry(row, 2)?,
                precedence: row.get(3)?,
                state: SentState::column(row, 4)?,
                unanswered: row.get(5)?,
                held: row.get(6)?,
                unreceipted: row.get(7)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// Keeps one answer; answers the state of the message now, and the peer whose it is where that changed anything.
fn settle(
    connection: &Connection,
    answered: &Answered,
    now: Timestamp,
) -> Result<(Option<SentState>, Option<Ministry>), StoreFault> {
    let Answered { message_id, settlement, receipt } = answered;
    let Some(outgoing) = find(connection, message_id)? else { return Ok((None, None)) };
    if !outgoing.unanswered {
        return Ok((Some(outgoing.state), None));
    }
    let (state, reason) = match (settlement, outgoing.state) {
        (Settlement::Delivered, _) => (SentState::Delivered, ""),
        (Settlement::Rejected(reason), state @ (SentState::Expired | SentState::Withdrawn)) => {
            (state, reason.as_str())
        }
        (Settlement::Rejected(reason), _) => (SentState::Rejected, reason.as_str()),
    };
    let sql = "UPDATE outgoing SET state = ?2, unanswered = 0, held = 0, reason = ?3, receipt = ?4
               WHERE message = ?1";
    connection.prepare_cached(sql)?.execute(params![outgoing.message, state.code(), reason, receipt])?;
    let was_late = outgoing.state == SentState::Expired && outgoing.precedence >= IMMEDIATE;
    if was_late && state == SentState::Delivered && !has_urgent_expired(connection, &outgoing.peer)? {
        alarms::clear(connection, URGENT_EXPIRED_ALARM, &outgoing.peer, now)?;
    }
    Ok((Some(state), Some(outgoing.peer)))
}

/// Whether an urgent message to this peer expired and was not delivered after all.
fn has_urgent_expired(connection: &Connection, peer: &Ministry) -> Result<bool, StoreFault> {
    // The condition is the one of an index, which holds few.
    let sql = "SELECT EXISTS (SELECT 1 FROM pair JOIN outgoing ON outgoing.pair = pair.key
               WHERE pair.direction = ?1 AND pair.peer = ?2 AND outgoing.state = 4 AND outgoing.precedence >= 3)";
    let values = params![Direction::Out.code(), peer.as_str()];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
}

/// Notes that a receipt of a peer was settled.
fn note_receipt(connection: &Connection, peer: &Ministry, now: Timestamp) -> Result<(), StoreFault> {
    let sql =
        "INSERT INTO peer (code, last_receipt_time, last_failure) VALUES (?1, ?2, '') ON CONFLICT (code)
               DO UPDATE SET last_receipt_time = excluded.last_receipt_time, last_failure = ''";
    connection.prepare_cached(sql)?.execute(params![peer.as_str(), now.seconds()])?;
    Ok(())
}

fn expire(
    connection: &Connection,
    id: Digest,
    reason: &str,
    entry: &LogEntry,
    now: Timestamp,
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
    if outgoing.precedence >= IMMEDIATE {
        let precedence = precedence_word(outgoing.precedence);
        let detail = format!("message {id} of precedence {precedence} was not delivered in time");
        let (code, ministry) = (URGENT_EXPIRED_ALARM.to_owned(), outgoing.peer);
        alarms::raise(connection, &Alarm { code, ministry, detail, time: now })?;
    }
    Ok(Verdict::Keep(Expiry::Done(place)))
}

/// The sent message with this id, as its desk is told of it.
pub(super) fn sent(connection: &Connection, id: &Digest) -> Result<Option<SentMessage>, StoreFault> {
    let Some(held) = message::find(connection, Direction::Out, id)? else { return Ok(None) };
    let sql = "SELECT outgoing.state, outgoing.receipt, outgoing.attempts, outgoing.reason, expiry.origin,
               outgoing.expiry_index, withdrawal.origin, outgoing.withdrawal_index
               FROM outgoing LEFT JOIN log AS expiry ON expiry.key = outgoing.expiry_log
               LEFT JOIN log AS withdrawal ON withdrawal.key = outgoing.withdrawal_log
               WHERE outgoing.message = ?1";
    let sent = connection.prepare_cached(sql)?.query_row([held.key], |row| {
        let place = |origin: usize, index: usize| match row.get::<_, Option<String>>(origin)? {
            Some(origin) => Ok(Some(LeafPlace { origin, index: columns::count(row, index)? })),
            None => Ok::<_, rusqlite::Error>(None),
        };
        Ok(SentMessage {
            message_id: *id,
            state: SentState::column(row, 0)?,
            place: held.place,
            expired_at: place(4, 5)?,
            withdrawn_at: place(6, 7)?,
            receipt: row.get(1)?,
            attempts: row.get(2)?,
            reason: row.get(3)?,
        })
    })?;
    Ok(Some(sent))
}
