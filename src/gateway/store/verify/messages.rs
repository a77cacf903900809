//! Headers against ids, ids against the leaves that name them, and messages with all they must agree with.

use rusqlite::{Connection, Row, params};

use super::super::StoreFault;
use super::super::columns::{self, Code, blob, prefix, stored, stored_len};
use super::super::record::{Damage, Damaged, Direction, KeptMessage, KeptOutgoing, SentState, SignedHeader};
use super::{Piece, ROWS_PER_SNAPSHOT};
use crate::digest::Digest;

/// Messages after a key: what they hash to, and whether the leaf they name is about them and in a log of ours.
pub(super) fn headers(connection: &Connection, from: u64) -> Result<Piece, StoreFault> {
    let sql =
        "SELECT message.key, message.id, message.header, ifnull(leaf.message_id, x''), message.id_prefix,
                   message.direction = pair.direction, log.mirror
               FROM message JOIN pair ON pair.key = message.pair JOIN log ON log.key = message.log
               LEFT JOIN leaf ON leaf.log = message.log AND leaf.leaf_index = message.leaf_index
               WHERE message.key > ?1 ORDER BY message.key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![stored(from), stored_len(ROWS_PER_SNAPSHOT)])?;
    let mut piece = Piece { next: None, checked: 0, damages: Vec::new() };
    while let Some(row) = rows.next()? {
        let key = columns::count(row, 0)?;
        piece.checked += 1;
        piece.next = Some(key);
        let Ok(id) = columns::digest(row, 1) else {
            let detail = format!("message {key} in the order of custody has no id");
            piece.damages.push(Damage::new(Damaged::Message, detail));
            continue;
        };
        let mut wrong = |detail: String| {
            piece.damages.push(Damage::new(Damaged::Message, detail).of_message(id));
        };
        if Digest::of(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?) != id {
            wrong(format!("the header of message {id} does not match its id"));
        }
        if row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)? != blob(Some(&id)) {
            wrong(format!("the leaf of message {id} names another"));
        }
        if row.get::<_, i64>(4)? != prefix(&id) {
            wrong(format!("message {id} is not found by its id"));
        }
        if !row.get::<_, bool>(5)? || row.get::<_, bool>(6)? {
            wrong(format!("message {id} is in a sequence or log of the other direction"));
        }
    }
    Ok(piece)
}

/// Messages after a key with everything they must agree with.
pub(super) fn kept_after(connection: &Connection, after: u64) -> Result<Vec<KeptMessage>, StoreFault> {
    let sql = "SELECT message.key, message.direction, pair.channel, pair.peer, message.sequence,
                   ifnull(before.id, x''), message.id, message.envelope_digest, message.custody_time,
                   message.header, message.signature, rejection.reason, log.origin, message.leaf_index,
                   ifnull(leaf.bytes, x''), outgoing.precedence, outgoing.valid_until, outgoing.state,
                   outgoing.receipt, expiry.bytes, outgoing.expiry_log IS NOT NULL, withdrawal.bytes,
                   outgoing.withdrawal_log IS NOT NULL
               FROM message JOIN pair ON pair.key = message.pair JOIN log ON log.key = message.log
               LEFT JOIN message AS before
                   ON before.pair = message.pair AND before.sequence = message.sequence - 1
               LEFT JOIN leaf ON leaf.log = message.log AND leaf.leaf_index = message.leaf_index
               LEFT JOIN rejection ON rejection.message = message.key
               LEFT JOIN outgoing ON outgoing.message = message.key
               LEFT JOIN leaf AS expiry
                   ON expiry.log = outgoing.expiry_log AND expiry.leaf_index = outgoing.expiry_index
               LEFT JOIN leaf AS withdrawal
                   ON withdrawal.log = outgoing.withdrawal_log
                   AND withdrawal.leaf_index = outgoing.withdrawal_index
               WHERE message.key > ?1 ORDER BY message.key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![stored(after), stored_len(ROWS_PER_SNAPSHOT)], kept)?;
    let mut kept = rows.collect::<Result<Vec<_>, _>>()?;
    let sql = "SELECT part.digest, part.size, message_part.inline
               FROM message_part JOIN part ON part.key = message_part.part
               WHERE message_part.message = ?1 ORDER BY message_part.position";
    let mut statement = connection.prepare_cached(sql)?;
    for message in &mut kept {
        let parts = statement.query_map([stored(message.key)], |row| {
            Ok((columns::digest(row, 0)?, columns::count(row, 1)?, row.get(2)?))
        })?;
        message.parts = parts.collect::<Result<_, _>>()?;
    }
    Ok(kept)
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptMessage> {
    let outgoing = match row.get::<_, Option<u8>>(15)? {
        None => None,
        Some(precedence) => Some(KeptOutgoing {
            precedence,
            valid_until: columns::instant(row, 16)?,
            state: SentState::column(row, 17)?,
            receipt: row.get(18)?,
            expiry: evidence(row, 19)?,
            withdrawal: evidence(row, 21)?,
        }),
    };
    Ok(KeptMessage {
        key: columns::count(row, 0)?,
        direction: Direction::column(row, 1)?,
        channel: row.get(2)?,
        peer: row.get(3)?,
        sequence: columns::count(row, 4)?,
        previous: columns::digest_or_none(row, 5)?,
        id: columns::digest(row, 6)?,
        envelope_digest: columns::digest(row, 7)?,
        custody_time: columns::instant(row, 8)?,
        signed: SignedHeader { header: row.get(9)?, signature: row.get(10)? },
        rejected: row.get(11)?,
        parts: Vec::new(),
        place: (row.get(12)?, columns::count(row, 13)?),
        leaf: row.get(14)?,
        outgoing,
    })
}

/// The leaf in `column`, where the next column says that there must be one.
fn evidence(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Vec<u8>>> {
    let named: bool = row.get(column + 1)?;
    let leaf: Option<Vec<u8>> = row.get(column)?;
    Ok(named.then(|| leaf.unwrap_or_default()))
}
