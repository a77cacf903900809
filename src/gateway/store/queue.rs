//! The queue as its operator sees it: pages of what waits, the front of each sequence, totals for each peer,
//! and the message that the beginning of an id means. Nothing here counts rows: totals stand beside sequences.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, Code, stored_len};
use super::job::Verdict;
use super::record::{
    Direction, FoundMessage, LogEntry, PeerQueue, QueueEntry, QueueFilter, QueueFront, QueuePage, QueuePlace,
    QueueState, Retried, Retry, SentState, UNANSWERED,
};
use super::settlement::{self, Outgoing};
use super::{Store, StoreFault, outbox, tree};
use crate::digest::Digest;
use crate::limits::{ID_PREFIX_DIGITS_MIN, QUEUE_PAGE_MAX, RETRY_MESSAGES_MAX};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The columns of an entry, in the order in which `entry` reads them.
const ENTRY: &str =
    "message.id, pair.peer, pair.channel, message.sequence, outgoing.precedence, outgoing.state,
                     outgoing.held, outgoing.attempts, outgoing.unreceipted, outgoing.next_attempt,
                     outgoing.reason, message.custody_time, outgoing.valid_until,
                     outgoing.unanswered,
                     (SELECT max(time) FROM decision WHERE decision.message = outgoing.message AND what = 4)";

/// Tables of an entry.
const FROM: &str = "FROM outgoing JOIN message ON message.key = outgoing.message
                    JOIN pair ON pair.key = outgoing.pair";

impl Store {
    /// Sent messages that their peers have not answered for, by sequence and number, from after a place on; at
    /// most `limit` and never more than `QUEUE_PAGE_MAX`.
    pub async fn queue_page(
        &self,
        filter: QueueFilter,
        after: QueuePlace,
        limit: usize,
    ) -> Result<QueuePage, StoreFault> {
        self.read(move |connection| page(connection, &filter, after, limit.min(QUEUE_PAGE_MAX))).await
    }

    /// One sent message as an entry of the queue, answered or not; `None` for one that we did not send.
    pub async fn queue_entry(&self, message_id: Digest) -> Result<Option<QueueEntry>, StoreFault> {
        self.read(move |connection| {
            let Some(found) = settlement::find(connection, &message_id)? else { return Ok(None) };
            entry_of(connection, found.message).map(Some)
        })
        .await
    }

    /// What every sequence with unanswered messages waits for.
    pub async fn queue_fronts(&self) -> Result<Vec<QueueFront>, StoreFault> {
        self.read(fronts).await
    }

    /// What waits for each peer, by code; peers that were never sent anything are missing.
    pub async fn queues(&self) -> Result<Vec<PeerQueue>, StoreFault> {
        self.read(queues).await
    }

    /// The message, sent or received, whose id begins with these hexadecimal digits.
    pub async fn find_message(&self, beginning: String) -> Result<FoundMessage, StoreFault> {
        self.read(move |connection| find_message(connection, &beginning)).await
    }

    /// Makes what waits for another attempt due at `now`. Held messages stay held. Durable on return.
    pub async fn retry(
        &self,
        what: Retry,
        now: Timestamp,
        act: Option<LogEntry>,
    ) -> Result<Retried, StoreFault> {
        self.write(0, move |connection| {
            let retried = match &what {
                Retry::Message(id) => retry_message(connection, id, now)?,
                Retry::Peer(peer) => Verdict::Keep(retry_all(connection, peer, now)?),
            };
            if let Verdict::Keep(_) = retried {
                tree::append_act(connection, act.as_ref())?;
            }
            Ok(retried)
        })
        .await
    }
}

/// Messages behind this one in its sequence: all of them wait for it.
pub(super) fn behind(connection: &Connection, message: &Outgoing) -> Result<u64, StoreFault> {
    let sql = "SELECT pair.sequence - message.sequence FROM message JOIN pair ON pair.key = message.pair
               WHERE message.key = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([message.message], |row| columns::count(row, 0))?)
}

fn page(
    connection: &Connection,
    filter: &QueueFilter,
    after: QueuePlace,
    limit: usize,
) -> Result<QueuePage, StoreFault> {
    // Each condition is the one of an index, so that a page costs what it holds.
    let (condition, state) = match filter.state {
        None => ("outgoing.unanswered = 1", 0),
        Some(QueueState::Queued) => {
            ("outgoing.unanswered = 1 AND outgoing.state = 1 AND outgoing.held = 0", 0)
        }
        Some(QueueState::Held) => ("outgoing.held = 1", 0),
        Some(QueueState::Expired) => (ENDED, SentState::Expired.code()),
        Some(QueueState::Withdrawn) => (ENDED, SentState::Withdrawn.code()),
    };
    let sql = format!(
        "SELECT {ENTRY}, outgoing.message {FROM}
         WHERE {condition} AND outgoing.pair = ?1 AND outgoing.message > ?2 AND ?3 = ?3
         ORDER BY outgoing.message LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut page = QueuePage { entries: Vec::new(), next: None };
    for pair in queued_pairs(connection, filter.peer.as_ref())?.into_iter().filter(|pair| *pair >= after.pair)
    {
        let from = if pair == after.pair { after.message } else { 0 };
        // One more than asked for tells whether anything follows.
        let room = limit.saturating_sub(page.entries.len()).saturating_add(1);
        let mut rows = statement.query(params![pair, from, state, stored_len(room)])?;
        while let Some(row) = rows.next()? {
            if page.entries.len() == limit {
                return Ok(page);
            }
            page.entries.push(entry(row)?);
            page.next = Some(QueuePlace { pair, message: row.get(15)? });
        }
    }
    page.next = None;
    Ok(page)
}

/// Unanswered messages of one state that is an end.
const ENDED: &str = "outgoing.unanswered = 1 AND outgoing.state >= 4 AND outgoing.state = ?3";

/// Sequences with unanswered messages, of one peer or of all.
fn queued_pairs(connection: &Connection, peer: Option<&Ministry>) -> Result<Vec<i64>, StoreFault> {
    let sql = "SELECT key FROM pair WHERE direction = ?1 AND queued > 0 AND (?2 IS NULL OR peer = ?2)
               ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![Direction::Out.code(), peer.map(Ministry::as_str)];
    let keys = statement.query_map(values, |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn fronts(connection: &Connection) -> Result<Vec<QueueFront>, StoreFault> {
    let mut fronts = Vec::new();
    for pair in queued_pairs(connection, None)? {
        let Some(first) = first_of(connection, pair)? else { continue };
        let held: Option<(i64, u8)> = connection
            .prepare_cached(
                "SELECT message, precedence FROM outgoing WHERE pair = ?1 AND held = 1 ORDER BY message LIMIT 1",
            )?
            .query_row([pair], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let urgency_held = match held {
            Some((message, own)) => outbox::greatest_behind(connection, pair, message)?.max(own),
            None => 0,
        };
        let sql = "SELECT min(time) FROM attempt WHERE message = ?1 AND outcome = ?2";
        let unreceipted_since = connection
            .prepare_cached(sql)?
            .query_row(params![first, UNANSWERED], |row| columns::instant_or_none(row, 0))?;
        let sql = "SELECT outcome FROM attempt WHERE message = ?1 ORDER BY number DESC LIMIT 1";
        let last_outcome = connection.prepare_cached(sql)?.query_row([first], |row| row.get(0)).optional()?;
        let first = entry_of(connection, first)?;
        fronts.push(QueueFront { first, urgency_held, unreceipted_since, last_outcome });
    }
    Ok(fronts)
}

fn first_of(connection: &Connection, pair: i64) -> Result<Option<i64>, StoreFault> {
    let sql = "SELECT message FROM outgoing WHERE pair = ?1 AND unanswered = 1 ORDER BY message LIMIT 1";
    Ok(connection.prepare_cached(sql)?.query_row([pair], |row| row.get(0)).optional()?)
}

fn queues(connection: &Connection) -> Result<Vec<PeerQueue>, StoreFault> {
    // Only the first message of each sequence is looked at: the others wait for it.
    let sql = "SELECT pair.peer, sum(pair.queued), sum(pair.held), min(message.custody_time),
               min(iif(outgoing.held, NULL, outgoing.next_attempt)),
               ifnull(max(peer.last_receipt_time), 0), ifnull(max(peer.last_failure), '')
               FROM pair LEFT JOIN peer ON peer.code = pair.peer
               LEFT JOIN outgoing ON pair.queued > 0 AND outgoing.message =
                   (SELECT message FROM outgoing AS first WHERE first.pair = pair.key AND first.unanswered = 1
                    ORDER BY first.message LIMIT 1)
               LEFT JOIN message ON message.key = outgoing.message
               WHERE pair.direction = ?1 GROUP BY pair.peer ORDER BY pair.peer";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([Direction::Out.code()], |row| {
        let last = columns::instant(row, 5)?;
        Ok(PeerQueue {
            peer: columns::ministry(row, 0)?,
            queued: columns::count(row, 1)?,
            held: columns::count(row, 2)?,
            oldest: columns::instant_or_none(row, 3)?,
            next_attempt: columns::instant_or_none(row, 4)?,
            last_receipt_time: (last.seconds() != 0).then_some(last),
            last_failure: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn retry_all(connection: &Connection, peer: &Ministry, now: Timestamp) -> Result<Retried, StoreFault> {
    let mut due = 0_u64;
    for pair in queued_pairs(connection, Some(peer))? {
        due = due.saturating_add(make_due(connection, pair, i64::MAX, now)?);
    }
    Ok(Retried::Done(due))
}

fn retry_message(
    connection: &Connection,
    id: &Digest,
    now: Timestamp,
) -> Result<Verdict<Retried>, StoreFault> {
    let Some(found) = settlement::find(connection, id)? else { return Ok(Verdict::Undo(Retried::Unknown)) };
    if !found.unanswered {
        return Ok(Verdict::Undo(Retried::NotQueued(found.state)));
    }
    let sql = "SELECT message.id FROM outgoing JOIN message ON message.key = outgoing.message
               WHERE outgoing.pair = ?1 AND outgoing.held = 1 AND outgoing.message <= ?2
               ORDER BY outgoing.message LIMIT 1";
    let held = connection
        .prepare_cached(sql)?
        .query_row(params![found.pair, found.message], |row| columns::digest(row, 0))
        .optional()?;
    if let Some(held) = held {
        return Ok(Verdict::Undo(Retried::Held(held)));
    }
    Ok(Verdict::Keep(Retried::Done(make_due(connection, found.pair, found.message, now)?)))
}

/// Makes the front of a sequence due, as far as `last`; answers how many messages waited for an attempt.
fn make_due(connection: &Connection, pair: i64, last: i64, now: Timestamp) -> Result<u64, StoreFault> {
    let sql = "UPDATE outgoing SET next_attempt = ?3 WHERE next_attempt > ?3 AND held = 0 AND message IN
                   (SELECT message FROM outgoing WHERE pair = ?1 AND unanswered = 1 AND message <= ?2
                    ORDER BY message LIMIT ?4)";
    let values = params![pair, last, now.seconds(), stored_len(RETRY_MESSAGES_MAX)];
    let due = connection.prepare_cached(sql)?.execute(values)?;
    Ok(u64::try_from(due).unwrap_or(u64::MAX))
}

fn find_message(connection: &Connection, beginning: &str) -> Result<FoundMessage, StoreFault> {
    let Some((least, greatest)) = prefixes(beginning) else { return Ok(FoundMessage::None) };
    let sql = "SELECT id, direction FROM message WHERE id_prefix BETWEEN ?1 AND ?2 ORDER BY id_prefix";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([least, greatest])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let id = columns::digest(row, 0)?;
        if id.hex().starts_with(beginning) {
            found.push((id, Direction::column(row, 1)?));
        }
        if found.len() > AMBIGUOUS_SHOWN {
            break;
        }
    }
    Ok(match found.as_slice() {
        [] => FoundMessage::None,
        [(id, direction)] => FoundMessage::One(*id, *direction),
        several => FoundMessage::Ambiguous(several.iter().map(|(id, _)| *id).collect()),
    })
}

/// The least and the greatest first eight bytes of an id that begins with these digits; none where they are too
/// few, or no lower-case hexadecimal digits.
fn prefixes(beginning: &str) -> Option<(i64, i64)> {
    let digits = beginning.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    if !digits || beginning.len() < ID_PREFIX_DIGITS_MIN || beginning.len() > 64 {
        return None;
    }
    let filled = |with: char| {
        let text: String = beginning.chars().chain(std::iter::repeat(with)).take(16).collect();
        u64::from_str_radix(&text, 16).ok().map(|number| i64::from_be_bytes(number.to_be_bytes()))
    };
    Some((filled('0')?, filled('f')?))
}

/// Ids shown of those that an ambiguous beginning may mean.
const AMBIGUOUS_SHOWN: usize = 4;

fn entry_of(connection: &Connection, message: i64) -> Result<QueueEntry, StoreFault> {
    let sql = format!("SELECT {ENTRY} {FROM} WHERE outgoing.message = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([message], entry)?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<QueueEntry> {
    Ok(QueueEntry {
        message_id: columns::digest(row, 0)?,
        peer: columns::ministry(row, 1)?,
        channel: row.get(2)?,
        sequence: columns::count(row, 3)?,
        precedence: row.get(4)?,
        state: SentState::column(row, 5)?,
        held: row.get(6)?,
        attempts: row.get(7)?,
        unreceipted: row.get(8)?,
        next_attempt: columns::instant(row, 9)?,
        reason: row.get(10)?,
        custody_time: columns::instant(row, 11)?,
        valid_until: columns::instant(row, 12)?,
        unanswered: row.get(13)?,
        packed: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_seconds),
    })
}
