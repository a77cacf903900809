//! Which leaves are about which message. A leaf whose message is held is found by the row of the message: that row,
//! or the one of its state, points at it, or it stands in `leaf_about`. Every other leaf is loose, and found by the
//! id it names.
//!
//! Rows of messages and of `leaf_about` follow each other in the order of custody, and loose leaves are few, so
//! that a commit of many messages touches few pages, however many are kept. What must never happen: a leaf about a
//! message that is found neither way.

use rusqlite::{Connection, params};

use super::StoreFault;
use super::columns::{self, prefix, stored};
use super::record::{FoundLeaf, LeafPlace};
use crate::digest::Digest;

/// Lets a leaf that is about to be inserted be found by its message; false where that is not held.
pub(super) fn attach(
    connection: &Connection,
    message_id: &Digest,
    log: i64,
    leaf_index: u64,
) -> Result<bool, StoreFault> {
    let sql = "INSERT INTO leaf_about (message, log, leaf_index)
               SELECT key, ?3, ?4 FROM message WHERE id_prefix = ?1 AND id = ?2";
    let values = params![prefix(message_id), message_id.as_bytes(), log, stored(leaf_index)];
    Ok(connection.prepare_cached(sql)?.execute(values)? > 0)
}

/// Lets the loose leaves about a message that was just inserted be found by it. At `own` it points itself.
pub(super) fn gather(
    connection: &Connection,
    message: i64,
    message_id: &Digest,
    own: (i64, u64),
) -> Result<(), StoreFault> {
    let sql = "SELECT log, leaf_index FROM leaf WHERE message_prefix = ?1 AND message_id = ?2 AND loose = 1";
    let mut statement = connection.prepare_cached(sql)?;
    let values = params![prefix(message_id), message_id.as_bytes()];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, columns::count(row, 1)?)))?;
    for place in rows.collect::<Result<Vec<(i64, u64)>, _>>()? {
        let (log, index) = (place.0, stored(place.1));
        let sql = "UPDATE leaf SET loose = 0 WHERE log = ?1 AND leaf_index = ?2";
        connection.prepare_cached(sql)?.execute([log, index])?;
        if place != own {
            let sql = "INSERT INTO leaf_about (message, log, leaf_index) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute([message, log, index])?;
        }
    }
    Ok(())
}

/// Where the leaves about a message stand: our own logs first, then mirrors.
pub(super) fn find(connection: &Connection, message_id: &Digest) -> Result<Vec<FoundLeaf>, StoreFault> {
    let sql = "SELECT log.origin, leaf.leaf_index, log.mirror FROM
                   (SELECT message.log AS log, message.leaf_index AS leaf_index FROM message
                    WHERE id_prefix = ?1 AND id = ?2
                    UNION ALL
                    SELECT expiry_log, expiry_index FROM message JOIN outgoing ON outgoing.message = message.key
                    WHERE id_prefix = ?1 AND id = ?2
                    UNION ALL
                    SELECT withdrawal_log, withdrawal_index FROM message
                    JOIN outgoing ON outgoing.message = message.key WHERE id_prefix = ?1 AND id = ?2
                    UNION ALL
                    SELECT leaf_about.log, leaf_about.leaf_index FROM message
                    JOIN leaf_about ON leaf_about.message = message.key WHERE id_prefix = ?1 AND id = ?2
                    UNION ALL
                    SELECT log, leaf_index FROM leaf WHERE message_prefix = ?1 AND loose = 1) AS place
               CROSS JOIN leaf ON leaf.log = place.log AND leaf.leaf_index = place.leaf_index
                   AND leaf.message_id = ?2
               CROSS JOIN log ON log.key = leaf.log";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![prefix(message_id), message_id.as_bytes()], |row| {
        let place = LeafPlace { origin: row.get(0)?, index: columns::count(row, 1)? };
        Ok(FoundLeaf { place, mirror: row.get(2)? })
    })?;
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    found.sort_by(|one, other| (one.mirror, &one.place).cmp(&(other.mirror, &other.place)));
    // After a restoration a message may point at a leaf that also stands in `leaf_about`.
    found.dedup();
    Ok(found)
}
