//! Putting back what a rollback or the loss of a disk has taken: leaves of our own logs, byte for byte, with the
//! messages they are about, from the copy that the peer holds.
//!
//! One piece is one transaction. Leaves go back to the very index at which they were signed; a number that was
//! used stays used, even where the message itself is at the desk only: its leaf waits as an orphan, and nothing
//! else is taken for that peer before the desk has handed the message over again.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code, blob, stored};
use super::custody::Purpose;
use super::job::Verdict;
use super::message::{self, Pair};
use super::record::{
    Consignment, Direction, LeafPlace, LogLeaf, LostMatter, LostPiece, Part, Restored, SentState, Shown,
    SignedHeader,
};
use super::tree::LogTree;
use super::{Store, StoreFault, parts};
use crate::digest::Digest;
use crate::tlog::merkle::TreeHead;
use crate::tlog::proof;
use crate::trust::name::Ministry;

/// The leaf of a message that only the desk still has.
pub(super) struct Orphan {
    pub(super) log: i64,
    pub(super) place: LeafPlace,
    envelope_digest: Digest,
    custody_time: i64,
    ended: Option<(i64, i64, String)>,
}

/// What a message of our desk finds in the log.
pub(super) enum Adoption {
    /// Its leaf is there.
    Adopted(Orphan),
    /// Nothing waits: it gets a leaf of its own.
    New,
    /// Other messages must be handed over before it.
    Waits,
}

impl Store {
    /// Puts a piece of an own log back, all or nothing, durable on return.
    pub async fn restore(&self, piece: LostPiece) -> Result<Restored, StoreFault> {
        let weight = piece.leaves.iter().map(|leaf| leaf.bytes.len() + leaf.about.weight()).sum();
        self.write(weight, move |connection| restore(connection, &piece)).await
    }

    /// A message with all that its envelope holds: header, signature and parts; none where it is not held or was
    /// rejected.
    pub async fn whole_message(
        &self,
        direction: Direction,
        message_id: Digest,
    ) -> Result<Option<(SignedHeader, Vec<Part>)>, StoreFault> {
        self.read(move |connection| {
            let held = message::find(connection, direction, &message_id)?;
            let Some(held) = held.filter(|held| held.rejected.is_none()) else { return Ok(None) };
            let (_, signed) = message::signed(connection, held.key)?;
            Ok(Some((signed, message::parts(connection, held.key)?)))
        })
        .await
    }

    /// How many messages to a peer the desk must hand over again.
    pub async fn orphans(&self, peer: Ministry) -> Result<u64, StoreFault> {
        self.read(move |connection| count_orphans(connection, &peer)).await
    }
}

fn restore(connection: &Connection, piece: &LostPiece) -> Result<Verdict<Restored>, StoreFault> {
    let mut tree = LogTree::open(connection, &piece.origin, &piece.peer, false)?;
    if tree.size != piece.first_index {
        return Ok(Verdict::Undo(Restored::Misplaced { have: tree.size }));
    }
    for leaf in &piece.leaves {
        let message_id = leaf.about.message_id();
        let index = tree.append(&LogLeaf { bytes: leaf.bytes.clone(), message_id })?;
        if let Some(gap) = put_back(connection, tree.key, index, &piece.peer, &leaf.about)? {
            return Ok(Verdict::Undo(Restored::Gap(gap)));
        }
    }
    if let Shown::Under { head, path } = &piece.shown {
        let end = TreeHead { size: tree.size, root: tree.root(tree.size)? };
        if proof::verify_consistency(&end, head, path).is_err() {
            return Ok(Verdict::Undo(Restored::RootMismatch));
        }
    }
    tree.save_size()?;
    if let Some(cosigned) = &piece.cosigned {
        super::log::keep_cosigned(connection, &piece.origin, cosigned)?;
    }
    let unseen = count_orphans(connection, &piece.peer)?;
    Ok(Verdict::Keep(Restored::Done { size: tree.size, unseen }))
}

/// Puts back what one leaf is about; answers what is wrong where it does not fit.
fn put_back(
    connection: &Connection,
    log: i64,
    index: u64,
    peer: &Ministry,
    about: &LostMatter,
) -> Result<Option<String>, StoreFault> {
    match about {
        LostMatter::Record => Ok(None),
        LostMatter::Sent(message) => {
            if put_message(connection, log, index, &Purpose::Send, message)? {
                return Ok(None);
            }
            // One before it is missing, so the desk hands over both, in order.
            let orphan = (message.message_id, message.envelope_digest, message.now.seconds());
            put_orphan(connection, log, index, peer, orphan).map(|()| None)
        }
        LostMatter::SentUnseen { message_id, envelope_digest, time } => {
            let orphan = (*message_id, *envelope_digest, time.seconds());
            put_orphan(connection, log, index, peer, orphan).map(|()| None)
        }
        LostMatter::Received(message) => {
            let put = put_message(connection, log, index, &Purpose::Deliver, message)?;
            Ok((!put).then(|| gap(message)))
        }
        LostMatter::Rejected(message, reason) => {
            let put = put_message(connection, log, index, &Purpose::Reject(reason.clone()), message)?;
            Ok((!put).then(|| gap(message)))
        }
        LostMatter::Ended { message_id, reason, .. } => {
            end(connection, log, index, message_id, reason).map(|()| None)
        }
    }
}

fn gap(message: &Consignment) -> String {
    format!("message {} does not follow the one before it on {}", message.sequence, message.channel)
}

/// False where it does not follow the last message of its sequence.
fn put_message(
    connection: &Connection,
    log: i64,
    index: u64,
    purpose: &Purpose,
    message: &Consignment,
) -> Result<bool, StoreFault> {
    let direction = purpose.direction();
    let pair: Pair = message::pair(connection, direction, &message.channel, message.peer.as_str())?;
    if !super::custody::follows(&pair.last, message) {
        return Ok(false);
    }
    let pair_key = message::advance(connection, &pair, direction, message)?;
    let key = message::insert(connection, direction, pair_key, message, log, index)?;
    if !matches!(purpose, Purpose::Reject(_)) {
        parts::insert(connection, key, &message.parts)?;
    }
    purpose.carry_out(connection, key, pair_key, message)?;
    Ok(true)
}

fn put_orphan(
    connection: &Connection,
    log: i64,
    index: u64,
    peer: &Ministry,
    (message_id, envelope_digest, time): (Digest, Digest, i64),
) -> Result<(), StoreFault> {
    let sql = "INSERT INTO orphan (message_id, peer, log, leaf_index, envelope_digest, custody_time)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, digest) = (blob(Some(&message_id)), blob(Some(&envelope_digest)));
    let values = params![id, peer.as_str(), log, stored(index), digest, time];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Our log says that a message ended: the message, or its orphan, ends again.
fn end(
    connection: &Connection,
    log: i64,
    index: u64,
    message_id: &Digest,
    reason: &str,
) -> Result<(), StoreFault> {
    let sql = "UPDATE orphan SET end_log = ?2, end_index = ?3, end_reason = ?4 WHERE message_id = ?1";
    let values = params![blob(Some(message_id)), log, stored(index), reason];
    if connection.prepare_cached(sql)?.execute(values)? == 1 {
        return Ok(());
    }
    if let Some(held) = message::find(connection, Direction::Out, message_id)? {
        set_ended(connection, held.key, (log, stored(index), reason))?;
    }
    Ok(())
}

/// Calls a message ended that still waits for its peer's answer.
fn set_ended(connection: &Connection, key: i64, ended: (i64, i64, &str)) -> Result<(), StoreFault> {
    let (log, index, reason) = ended;
    let (state, sql) = if is_withdrawal(reason) {
        // What was held goes on, because the peer must answer for the number.
        let sql = "UPDATE outgoing SET state = ?2, held = 0, reason = ?3, withdrawal_log = ?4, withdrawal_index = ?5
                   WHERE message = ?1 AND unanswered = 1";
        (SentState::Withdrawn.code(), sql)
    } else {
        let sql = "UPDATE outgoing SET state = ?2, reason = ?3, expiry_log = ?4, expiry_index = ?5
                   WHERE message = ?1 AND unanswered = 1";
        (SentState::Expired.code(), sql)
    };
    connection.prepare_cached(sql)?.execute(params![key, state, reason, log, index])?;
    Ok(())
}

/// Whether a message that ended for this reason was withdrawn; otherwise it expired. Reasons are kept with an
/// orphan, kinds are not.
fn is_withdrawal(reason: &str) -> bool {
    reason.starts_with("WITHDRAWN")
}

/// What the log already says about a message of our desk.
pub(super) fn adopt(connection: &Connection, message: &Consignment) -> Result<Adoption, StoreFault> {
    if count_orphans(connection, &message.peer)? == 0 {
        return Ok(Adoption::New);
    }
    let sql = "SELECT orphan.log, log.origin, leaf_index, envelope_digest, custody_time, end_log, end_index,
               end_reason FROM orphan JOIN log ON log.key = orphan.log WHERE message_id = ?1";
    let found = connection
        .prepare_cached(sql)?
        .query_row([blob(Some(&message.message_id))], |row| {
            let ended: Option<i64> = row.get(5)?;
            Ok(Orphan {
                log: row.get(0)?,
                place: LeafPlace { origin: row.get(1)?, index: columns::count(row, 2)? },
                envelope_digest: columns::digest(row, 3)?,
                custody_time: row.get(4)?,
                ended: match ended {
                    Some(log) => Some((log, row.get(6)?, row.get(7)?)),
                    None => None,
                },
            })
        })
        .optional()?;
    // The leaf names the signature that was held; under another one it is not that message.
    let found = found.filter(|orphan| orphan.envelope_digest == message.envelope_digest);
    Ok(found.map_or(Adoption::Waits, Adoption::Adopted))
}

/// Joins an adopted message, which is inserted by now, to what its leaf says.
pub(super) fn settle_orphan(
    connection: &Connection,
    orphan: &Orphan,
    key: i64,
    message: &Consignment,
) -> Result<(), StoreFault> {
    let sql = "UPDATE message SET custody_time = ?2 WHERE key = ?1";
    connection.prepare_cached(sql)?.execute(params![key, orphan.custody_time])?;
    if let Some((log, index, reason)) = &orphan.ended {
        set_ended(connection, key, (*log, *index, reason))?;
    }
    let sql = "DELETE FROM orphan WHERE message_id = ?1";
    connection.prepare_cached(sql)?.execute([blob(Some(&message.message_id))])?;
    Ok(())
}

fn count_orphans(connection: &Connection, peer: &Ministry) -> Result<u64, StoreFault> {
    let sql = "SELECT count(*) FROM orphan WHERE peer = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([peer.as_str()], |row| columns::count(row, 0))?)
}

impl LostMatter {
    /// Whether everything of the message that it brings is in it: parts that travel beside the envelope are not.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Received(message) | Self::Rejected(message, _) | Self::Sent(message) => {
                message.parts.iter().all(|part| part.content.is_some())
            }
            Self::Record | Self::Ended { .. } | Self::SentUnseen { .. } => true,
        }
    }

    pub(super) fn message_id(&self) -> Option<Digest> {
        match self {
            Self::Record => None,
            Self::Ended { message_id, .. } | Self::SentUnseen { message_id, .. } => Some(*message_id),
            Self::Received(message) | Self::Rejected(message, _) | Self::Sent(message) => {
                Some(message.message_id)
            }
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Received(message) | Self::Rejected(message, _) | Self::Sent(message) => message.weight(),
            Self::Record | Self::Ended { .. } | Self::SentUnseen { .. } => 0,
        }
    }
}
