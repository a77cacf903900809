//! Rows of messages and sequences: looked up here, inserted by `custody`, read by outbox and mailbox.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code, blob, prefix, stored};
use super::record::{Consignment, Direction, LeafPlace, Part, Position, SignedHeader};
use super::{StoreFault, about};
use crate::digest::Digest;

/// A sequence as it stands.
pub(super) struct Pair {
    pub(super) key: Option<i64>,
    pub(super) last: Position,
}

/// A message that is held.
pub(super) struct Held {
    pub(super) key: i64,
    pub(super) place: LeafPlace,
    pub(super) rejected: Option<String>,
}

/// The sequence of `direction`, `channel` and `peer`.
pub(super) fn pair(
    connection: &Connection,
    direction: Direction,
    channel: &str,
    peer: &str,
) -> Result<Pair, StoreFault> {
    let sql =
        "SELECT key, sequence, message_id FROM pair WHERE direction = ?1 AND channel = ?2 AND peer = ?3";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![direction.code(), channel, peer], |row| {
            let last =
                Position { sequence: columns::count(row, 1)?, message_id: columns::digest_or_none(row, 2)? };
            Ok(Pair { key: Some(row.get(0)?), last })
        })
        .optional()?;
    Ok(found.unwrap_or(Pair { key: None, last: Position { sequence: 0, message_id: None } }))
}

/// Moves the sequence to `message`, making it where this is its first; answers its key.
pub(super) fn advance(
    connection: &Connection,
    pair: &Pair,
    direction: Direction,
    message: &Consignment,
) -> Result<i64, StoreFault> {
    let id = blob(Some(&message.message_id));
    let sequence = stored(message.sequence);
    if let Some(key) = pair.key {
        let sql = "UPDATE pair SET sequence = ?2, message_id = ?3 WHERE key = ?1";
        connection.prepare_cached(sql)?.execute(params![key, sequence, id])?;
        return Ok(key);
    }
    let sql = "INSERT INTO pair (direction, channel, peer, sequence, message_id) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![direction.code(), message.channel, message.peer.as_str(), sequence, id];
    Ok(connection.prepare_cached(sql)?.insert(values)?)
}

/// The message with this id, where it is held in `direction`.
pub(super) fn find(
    connection: &Connection,
    direction: Direction,
    id: &Digest,
) -> Result<Option<Held>, StoreFault> {
    let sql = "SELECT message.key, log.origin, message.leaf_index, rejection.reason FROM message
               JOIN log ON log.key = message.log
               LEFT JOIN rejection ON rejection.message = message.key
               WHERE message.id_prefix = ?1 AND message.id = ?2 AND message.direction = ?3";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![prefix(id), id.as_bytes(), direction.code()], |row| {
            let place = LeafPlace { origin: row.get(1)?, index: columns::count(row, 2)? };
            Ok(Held { key: row.get(0)?, place, rejected: row.get(3)? })
        })
        .optional()?;
    Ok(found)
}

/// Inserts the message itself, by which every leaf about it is found from now on; answers its key.
pub(super) fn insert(
    connection: &Connection,
    direction: Direction,
    pair: i64,
    message: &Consignment,
    log: i64,
    leaf_index: u64,
) -> Result<i64, StoreFault> {
    let sql = "INSERT INTO message (direction, pair, sequence, id_prefix, id, envelope_digest, custody_time,
               log, leaf_index, header, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let key = connection.prepare_cached(sql)?.insert(params![
        direction.code(),
        pair,
        stored(message.sequence),
        prefix(&message.message_id),
        message.message_id.as_bytes(),
        message.envelope_digest.as_bytes(),
        message.now.seconds(),
        log,
        stored(leaf_index),
        message.header,
        message.signature,
    ])?;
    about::gather(connection, key, &message.message_id, (log, leaf_index))?;
    Ok(key)
}

/// Id, header and signature of a message.
pub(super) fn signed(connection: &Connection, key: i64) -> Result<(Digest, SignedHeader), StoreFault> {
    let sql = "SELECT id, header, signature FROM message WHERE key = ?1";
    let found = connection.prepare_cached(sql)?.query_row([key], |row| {
        let signed = SignedHeader { header: row.get(1)?, signature: row.get(2)? };
        Ok((columns::digest(row, 0)?, signed))
    })?;
    Ok(found)
}

/// The parts of a message in order, with the contents of those that travel in the envelope.
pub(super) fn parts(connection: &Connection, key: i64) -> Result<Vec<Part>, StoreFault> {
    let sql =
        "SELECT part.digest, part.size, iif(message_part.inline, part.content, NULL), message_part.inline
               FROM message_part JOIN part ON part.key = message_part.part
               WHERE message_part.message = ?1 ORDER BY message_part.position";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([key])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let digest = columns::digest(row, 0)?;
        let content: Option<Vec<u8>> = row.get(2)?;
        if row.get::<_, bool>(3)? && content.is_none() {
            return Err(StoreFault::Damaged(format!("the content of part {digest} is missing")));
        }
        parts.push(Part { digest, size: columns::count(row, 1)?, content });
    }
    Ok(parts)
}

/// The same where nobody needs the contents: they are empty.
pub(super) fn parts_without_contents(connection: &Connection, key: i64) -> Result<Vec<Part>, StoreFault> {
    let sql = "SELECT part.digest, part.size, message_part.inline
               FROM message_part JOIN part ON part.key = message_part.part
               WHERE message_part.message = ?1 ORDER BY message_part.position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([key], |row| {
        let content = row.get::<_, bool>(2)?.then(Vec::new);
        Ok(Part { digest: columns::digest(row, 0)?, size: columns::count(row, 1)?, content })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Bytes that an envelope with these takes, roughly.
pub(super) fn envelope_weight(signed: &SignedHeader, parts: &[Part]) -> usize {
    let inline: usize = parts.iter().filter_map(|part| part.content.as_ref()).map(Vec::len).sum();
    signed.header.len() + signed.signature.len() + inline
}
