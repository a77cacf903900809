//! Taking custody: the message, its parts, its leaf, its number and its place in outbox or mailbox, all in
//! one commit or not at all.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::blobs::Blobs;
use super::columns::{self, Code, stored, stored_len};
use super::job::Verdict;
use super::message::{self, Pair};
use super::record::{
    Alarm, Consignment, Custody, Direction, EQUIVOCATION_ALARM, Equivocation, LeafPlace, LogLeaf, Position,
    SentState, SignedHeader,
};
use super::recovered::{self, Adoption};
use super::space::Space;
use super::tree::OwnLogs;
use super::{Store, StoreFault, alarms, mailbox, parts, uploads};
use crate::digest::Digest;
use crate::trust::name::Ministry;

/// What to do with a message that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Carry it to its peer: a message of our desk. The same id again is `AlreadyHeld`, whatever its signature.
    Send,
    /// Keep it for our desk: a message of a peer. The same id again is `AlreadyHeld`, and says whether it was
    /// rejected then.
    Deliver,
    /// Refuse a message of a peer for good, for this reason: its number is used and its leaf is in the log, but
    /// it never comes into the mailbox and its parts are not kept.
    Reject(String),
}

/// What custody looks at beside the database.
#[derive(Debug)]
pub(super) struct Premises {
    blobs: Blobs,
    space: Arc<Space>,
}

impl Store {
    /// Header and signature under which a message with this id is held, taken or rejected.
    pub async fn held(
        &self,
        direction: Direction,
        message_id: Digest,
    ) -> Result<Option<SignedHeader>, StoreFault> {
        self.read(move |connection| {
            let held = message::find(connection, direction, &message_id)?;
            held.map(|held| message::signed(connection, held.key).map(|(_, signed)| signed)).transpose()
        })
        .await
    }

    /// Where the leaf of a message stands that is held, taken or rejected.
    pub async fn held_place(
        &self,
        direction: Direction,
        message_id: Digest,
    ) -> Result<Option<LeafPlace>, StoreFault> {
        self.read(move |connection| {
            Ok(message::find(connection, direction, &message_id)?.map(|held| held.place))
        })
        .await
    }

    /// The last number used towards `peer` or by it on `channel`.
    pub async fn position(
        &self,
        direction: Direction,
        channel: String,
        peer: Ministry,
    ) -> Result<Position, StoreFault> {
        self.read(move |connection| {
            message::pair(connection, direction, &channel, peer.as_str()).map(|pair| pair.last)
        })
        .await
    }

    /// The kept proofs of two messages with one number, oldest first.
    pub async fn equivocations(&self) -> Result<Vec<Equivocation>, StoreFault> {
        self.read(equivocations).await
    }

    /// What custody looks at beside the database.
    pub(super) fn premises(&self) -> Premises {
        Premises { blobs: self.inner.blobs.clone(), space: self.inner.space.clone() }
    }
}

pub(super) fn admit(
    connection: &Connection,
    purpose: &Purpose,
    message: &Consignment,
    premises: &Premises,
) -> Result<Verdict<Custody>, StoreFault> {
    let mut logs = OwnLogs::of(connection);
    let verdict = admit_into(&mut logs, connection, purpose, message, premises)?;
    logs.save_sizes()?;
    Ok(verdict)
}

/// The same with leaves for logs whose sizes the caller keeps. What is undone has changed nothing.
pub(super) fn admit_into(
    logs: &mut OwnLogs<'_>,
    connection: &Connection,
    purpose: &Purpose,
    message: &Consignment,
    premises: &Premises,
) -> Result<Verdict<Custody>, StoreFault> {
    let direction = purpose.direction();
    if let Some(held) = message::find(connection, direction, &message.message_id)? {
        return Ok(Verdict::Keep(Custody::AlreadyHeld { place: held.place, rejected: held.rejected }));
    }
    let pair = message::pair(connection, direction, &message.channel, message.peer.as_str())?;
    if message.sequence > 0 && message.sequence <= pair.last.sequence {
        return keep_equivocation(connection, &pair, message).map(Verdict::Keep);
    }
    if !follows(&pair.last, message) {
        let Position { sequence, message_id } = pair.last;
        return Ok(Verdict::Undo(Custody::OutOfSequence { last_sequence: sequence, last_id: message_id }));
    }
    if !premises.space.admits(message.weight() as u64) {
        return Ok(Verdict::Undo(Custody::NoSpace));
    }
    let keep_parts = !matches!(purpose, Purpose::Reject(_));
    if keep_parts && let Some(missing) = parts::first_missing(connection, &message.parts, &premises.blobs)? {
        return Ok(Verdict::Undo(Custody::PartMissing(missing)));
    }
    if let Purpose::Deliver = purpose {
        let waiting = mailbox::amount_of(connection, &message.peer)?;
        if !waiting.admits(message.whole_bytes(), &premises.space.bounds().mailbox) {
            return Ok(Verdict::Undo(Custody::QuotaReached));
        }
    }
    let adoption = match purpose {
        Purpose::Send => recovered::adopt(connection, message)?,
        Purpose::Deliver | Purpose::Reject(_) => Adoption::New,
    };
    let (log, place) = match &adoption {
        Adoption::Adopted(orphan) => (orphan.log, orphan.place.clone()),
        Adoption::New => {
            let leaf = LogLeaf { bytes: message.leaf.clone(), message_id: Some(message.message_id) };
            logs.append(&message.origin, &message.peer, &leaf)?
        }
        Adoption::Waits => return Ok(Verdict::Undo(Custody::AwaitsEarlier)),
    };
    let pair_key = message::advance(connection, &pair, direction, message)?;
    let key = message::insert(connection, direction, pair_key, message, log, place.index)?;
    if keep_parts {
        parts::insert(connection, key, &message.parts)?;
        uploads::arrived(connection, &message.parts)?;
    }
    purpose.carry_out(connection, key, pair_key, message)?;
    if let Adoption::Adopted(orphan) = &adoption {
        recovered::settle_orphan(connection, orphan, key, message)?;
    }
    Ok(Verdict::Keep(Custody::Taken(place)))
}

/// True where `message` has the next number and names the message before it.
pub(super) fn follows(last: &Position, message: &Consignment) -> bool {
    last.sequence.checked_add(1) == Some(message.sequence) && last.message_id == message.previous
}

impl Purpose {
    pub(super) fn direction(&self) -> Direction {
        match self {
            Self::Send => Direction::Out,
            Self::Deliver | Self::Reject(_) => Direction::In,
        }
    }

    pub(super) fn carry_out(
        &self,
        connection: &Connection,
        key: i64,
        pair: i64,
        message: &Consignment,
    ) -> Result<(), StoreFault> {
        match self {
            Self::Send => {
                let sql = "INSERT INTO outgoing (message, pair, precedence, valid_until, state, unanswered,
                           attempts, next_attempt, reason) VALUES (?1, ?2, ?3, ?4, ?5, 1, 0, ?6, '')";
                let valid_until = message.valid_until.seconds();
                let queued = SentState::Queued.code();
                let now = message.now.seconds();
                let values = params![key, pair, message.precedence, valid_until, queued, now];
                connection.prepare_cached(sql)?.execute(values)?;
            }
            Self::Deliver => mailbox::insert(connection, key, &message.peer, message.whole_bytes())?,
            Self::Reject(reason) => {
                let sql = "INSERT INTO rejection (message, reason) VALUES (?1, ?2)";
                connection.prepare_cached(sql)?.execute(params![key, reason])?;
            }
        }
        Ok(())
    }
}

/// Keeps the first other message that is offered for a number: two signatures prove it, and a peer that
/// goes on offering others cannot fill the disk.
fn keep_equivocation(
    connection: &Connection,
    pair: &Pair,
    message: &Consignment,
) -> Result<Custody, StoreFault> {
    let sql = "SELECT key, id FROM message WHERE pair = ?1 AND sequence = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![pair.key, stored(message.sequence)], |row| {
            Ok((row.get::<_, i64>(0)?, columns::digest(row, 1)?))
        })
        .optional()?;
    let Some((held_key, held)) = found else {
        let Consignment { channel, peer, sequence, .. } = message;
        return Err(StoreFault::Damaged(format!("no message has number {sequence} of {peer} on {channel}")));
    };
    let sql = "INSERT INTO equivocation (held, time, header, signature) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (held) DO NOTHING";
    let values = params![held_key, message.now.seconds(), message.header, message.signature];
    connection.prepare_cached(sql)?.execute(values)?;
    let alarm = Alarm {
        code: EQUIVOCATION_ALARM.to_owned(),
        ministry: message.peer.clone(),
        detail: format!("two messages with number {} on channel {}", message.sequence, message.channel),
        time: message.now,
    };
    alarms::raise(connection, &alarm)?;
    Ok(Custody::Equivocation { held })
}

fn equivocations(connection: &Connection) -> Result<Vec<Equivocation>, StoreFault> {
    let sql = "SELECT pair.direction, pair.channel, pair.peer, message.sequence, message.header,
               message.signature, equivocation.header, equivocation.signature, equivocation.time
               FROM equivocation JOIN message ON message.key = equivocation.held
               JOIN pair ON pair.key = message.pair
               ORDER BY equivocation.time, equivocation.held LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([stored_len(crate::limits::LIST_ENTRIES_MAX)], |row| {
        Ok(Equivocation {
            direction: Direction::column(row, 0)?,
            channel: row.get(1)?,
            peer: columns::ministry(row, 2)?,
            sequence: columns::count(row, 3)?,
            held: SignedHeader { header: row.get(4)?, signature: row.get(5)? },
            offered: SignedHeader { header: row.get(6)?, signature: row.get(7)? },
            time: columns::instant(row, 8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
