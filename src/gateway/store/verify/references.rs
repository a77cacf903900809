//! Pieces that name each other: sequences without a gap, a mailbox without a hole, one state for every message,
//! nothing beyond the end of a log.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::super::columns::{self, stored, stored_len};
use super::super::record::{Amount, Damage, Damaged};
use super::super::{StoreFault, schema};
use super::{Piece, ROWS_PER_SNAPSHOT};

type Check = fn(&Connection) -> Result<Vec<Damage>, StoreFault>;

/// Checks that look at everything at once; each reads rows or indexes from end to end.
pub(super) const CHECKS: [Check; 8] =
    [gaps, unanswered, states, part_lists, parts_beside, leaves_about, ends_of_logs, acknowledged];

/// Sequences whose messages are not numbered from 1 to the last without a gap.
fn gaps(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT pair.channel, pair.peer, pair.sequence FROM pair
               WHERE pair.sequence <> (SELECT count(*) FROM message WHERE message.pair = pair.key)
               OR pair.sequence <> (SELECT ifnull(max(sequence), 0) FROM message WHERE message.pair = pair.key)";
    sequences(connection, sql, |peer, channel, last| {
        format!("the sequence of {peer} on {channel} up to number {last} has a gap")
    })
}

/// Sequences that do not know their last message, or how many of their messages are unanswered.
fn unanswered(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT pair.channel, pair.peer, pair.sequence FROM pair
               WHERE pair.queued <> (SELECT count(*) FROM outgoing
                   WHERE outgoing.pair = pair.key AND outgoing.unanswered = 1)
               OR pair.held <> (SELECT count(*) FROM outgoing WHERE outgoing.pair = pair.key AND outgoing.held = 1)
               OR pair.message_id NOT IN (SELECT id FROM message
                   WHERE message.pair = pair.key AND message.sequence = pair.sequence)";
    sequences(connection, sql, |peer, channel, last| {
        format!("the sequence of {peer} on {channel} does not fit its messages up to number {last}")
    })
}

fn sequences(
    connection: &Connection,
    sql: &str,
    say: fn(&str, &str, i64) -> String,
) -> Result<Vec<Damage>, StoreFault> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (channel, peer): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(Damage::new(Damaged::Reference, say(&peer, &channel, row.get(2)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Messages that are not in exactly the one place that becomes them: the outbox if we sent them, otherwise the
/// mailbox or among the rejected.
fn states(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT message.id FROM message
               LEFT JOIN outgoing ON outgoing.message = message.key
               LEFT JOIN mailbox ON mailbox.message = message.key
               LEFT JOIN rejection ON rejection.message = message.key
               WHERE (outgoing.message IS NOT NULL) <> (message.direction = 1)
               OR (mailbox.message IS NOT NULL) + (rejection.message IS NOT NULL) <> (message.direction = 2)
               OR outgoing.pair <> message.pair
               OR (outgoing.unanswered = 1) <> (outgoing.receipt IS NULL)
               OR outgoing.unanswered NOT BETWEEN 0 AND 1 OR outgoing.held NOT BETWEEN 0 AND outgoing.unanswered
               OR (outgoing.state = 1 AND outgoing.unanswered = 0)
               OR (outgoing.state IN (2, 3) AND outgoing.unanswered = 1)
               OR (outgoing.state = 4 AND outgoing.expiry_log IS NULL)
               OR (outgoing.state = 5 AND outgoing.withdrawal_log IS NULL)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let id = columns::digest(row, 0)?;
        let detail = format!("message {id} is not in the state that its evidence shows");
        Ok(Damage::new(Damaged::Reference, detail).of_message(id))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Messages whose sealed parts are not numbered from 0 on.
fn part_lists(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT message.id FROM message JOIN message_part ON message_part.message = message.key
               GROUP BY message.key
               HAVING min(position) <> 0 OR max(position) <> count(*) - 1 OR max(inline) > 1 OR min(inline) < 0";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let id = columns::digest(row, 0)?;
        let detail = format!("the parts of message {id} are not in order");
        Ok(Damage::new(Damaged::Reference, detail).of_message(id))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Parts that are found by their digest though no message refers to them so, or the other way round.
fn parts_beside(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT DISTINCT part.digest FROM message_part JOIN part ON part.key = message_part.part
               WHERE message_part.inline = 0 AND part.beside <> 1
               UNION ALL
               SELECT part.digest FROM part WHERE part.beside <> 0
               AND part.key NOT IN (SELECT part FROM message_part WHERE inline = 0)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let digest = columns::digest(row, 0)?;
        let detail = format!("part {digest} does not say whether it travels beside an envelope");
        Ok(Damage::new(Damaged::Part, detail).of_part(digest))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Messages that refer to leaves which are not about them.
fn leaves_about(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT message.id, leaf_about.leaf_index, log.origin FROM leaf_about
               JOIN message ON message.key = leaf_about.message JOIN log ON log.key = leaf_about.log
               LEFT JOIN leaf ON leaf.log = leaf_about.log AND leaf.leaf_index = leaf_about.leaf_index
               WHERE leaf.message_id IS NOT message.id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (id, index, origin) = (columns::digest(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?);
        let detail = format!("message {id} refers to leaf {index} of {origin}, which is not about it");
        Ok(Damage::new(Damaged::Reference, detail).of_message(id))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Leaves, hashes and checkpoints beyond the end of their log.
fn ends_of_logs(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT origin FROM log
               WHERE EXISTS (SELECT 1 FROM leaf WHERE leaf.log = log.key AND leaf_index >= size)
               OR EXISTS (SELECT 1 FROM leaf WHERE leaf.log = log.key AND leaf_index < 0)
               OR (SELECT count(*) FROM node WHERE node.log = log.key AND level = 0) <> size
               OR checkpoint_size NOT BETWEEN 0 AND size OR cosigned_size NOT BETWEEN 0 AND size
               OR cosigned_size <> (SELECT ifnull(max(cosigned_checkpoint.size), 0) FROM cosigned_checkpoint
                   WHERE cosigned_checkpoint.log = log.key)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let origin: String = row.get(0)?;
        let detail = format!("the log {origin} is not as long as what is kept of it");
        Ok(Damage::new(Damaged::Reference, detail).in_log(&origin))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The desk cannot have acknowledged what is not there.
fn acknowledged(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let sql = "SELECT ifnull((SELECT value FROM meta WHERE name = 'acknowledged'), -1)
               BETWEEN 0 AND (SELECT ifnull(max(cursor), 0) FROM mailbox)";
    let right: bool = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    let detail = "what the desk has acknowledged is not in the mailbox";
    Ok((!right).then(|| Damage::new(Damaged::Reference, detail)).into_iter().collect())
}

/// Places in the mailbox from a cursor on: no cursor is missing, and each row continues the sums of its peer.
pub(super) fn mailbox(connection: &Connection, from: u64) -> Result<Piece, StoreFault> {
    let sql = "SELECT mailbox.cursor, mailbox.peer = pair.peer, mailbox.peer_count, mailbox.peer_bytes,
                   length(message.header) + length(message.signature)
                       + (SELECT ifnull(sum(part.size), 0) FROM message_part
                          JOIN part ON part.key = message_part.part WHERE message_part.message = message.key),
                   mailbox.peer
               FROM mailbox JOIN message ON message.key = mailbox.message JOIN pair ON pair.key = message.pair
               WHERE mailbox.cursor > ?1 ORDER BY mailbox.cursor LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![stored(from), stored_len(ROWS_PER_SNAPSHOT)])?;
    let mut piece = Piece { next: None, checked: 0, damages: Vec::new() };
    let mut last = from;
    while let Some(row) = rows.next()? {
        let cursor = columns::count(row, 0)?;
        let wrong = |detail: String| Damage::new(Damaged::Reference, detail);
        if cursor != last + 1 {
            piece.damages.push(wrong(format!("place {} of the mailbox is missing", last + 1)));
        }
        let before = sums_before(connection, &row.get::<_, String>(5)?, cursor)?;
        let bytes = before.bytes.saturating_add(columns::count(row, 4)?);
        let sums = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
        if !row.get::<_, bool>(1)? || sums != (stored(before.count + 1), stored(bytes)) {
            piece
                .damages
                .push(wrong(format!("place {cursor} of the mailbox counts its sender's messages wrongly")));
        }
        last = cursor;
        piece.checked += 1;
        piece.next = Some(cursor);
    }
    Ok(piece)
}

fn sums_before(connection: &Connection, peer: &str, cursor: u64) -> Result<Amount, StoreFault> {
    let sql = "SELECT peer_count, peer_bytes FROM mailbox WHERE peer = ?1 AND cursor < ?2
               ORDER BY cursor DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![peer, stored(cursor)])?;
    Ok(match rows.next()? {
        Some(row) => Amount { count: columns::count(row, 0)?, bytes: columns::count(row, 1)? },
        None => Amount::default(),
    })
}

/// What SQLite says of its file, rows that refer to rows that are not there, and tables that are not as this
/// release makes them.
pub(super) fn structure(connection: &Connection) -> Result<Vec<Damage>, StoreFault> {
    let wrong = |detail: String| Damage::new(Damaged::Structure, detail);
    let mut damages = Vec::new();
    let (made, found) = (schema::as_made()?, schema::definitions(connection)?);
    let differ = made.symmetric_difference(&found).map(|(kind, name, _)| format!("{kind} {name}"));
    let differ: BTreeSet<String> = differ.collect();
    damages.extend(differ.into_iter().map(|what| wrong(format!("{what} is not as this release makes it"))));
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let said = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in said {
        let line = line?;
        if line != "ok" {
            damages.push(wrong(format!("the database file: {}", line.replace('\n', "; "))));
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let orphans = statement.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        Ok(wrong(format!("a row of {table} refers to a row of {parent} that is not there")))
    })?;
    damages.extend(orphans.take(100).collect::<Result<Vec<_>, _>>()?);
    Ok(damages)
}
