//! Leaves against their hashes, hashes against each other, and logs against the number of their leaves.

use rusqlite::{Connection, params};

use super::super::columns::{self, prefix, stored, stored_len};
use super::super::record::{Damage, Damaged};
use super::super::tree::LogTree;
use super::super::{StoreFault, log};
use super::{Piece, ROWS_PER_SNAPSHOT};
use crate::tlog::merkle::{leaf_hash, node_hash};

/// Every log with its size now; what is appended later is not looked at.
pub(super) fn sizes(connection: &Connection) -> Result<Vec<(String, u64)>, StoreFault> {
    let mut sizes = Vec::new();
    for origin in log::origins(connection)? {
        if let Some(tree) = LogTree::find(connection, &origin)? {
            sizes.push((origin, tree.size));
        }
    }
    Ok(sizes)
}

/// Leaves from an index on against the lowest hashes.
pub(super) fn leaves(
    origin: String,
    size: u64,
) -> impl Fn(&Connection, u64) -> Result<Piece, StoreFault> + Clone + Send {
    move |connection, from| {
        // Of a leaf about a message that is held a row knows; any other is loose; and nothing else is.
        let sql = "SELECT leaf.leaf_index, leaf.bytes, ifnull(node.hash, x''), leaf.message_id,
                       leaf.message_prefix,
                       leaf.loose = (leaf.message_id <> x'' AND NOT EXISTS (SELECT 1 FROM message
                           WHERE id_prefix = leaf.message_prefix AND id = leaf.message_id)),
                       leaf.message_id = x'' OR leaf.loose OR EXISTS (SELECT 1 FROM message
                           LEFT JOIN outgoing ON outgoing.message = message.key
                           LEFT JOIN leaf_about ON leaf_about.message = message.key
                               AND leaf_about.log = leaf.log AND leaf_about.leaf_index = leaf.leaf_index
                           WHERE id_prefix = leaf.message_prefix AND id = leaf.message_id
                           AND (leaf_about.message IS NOT NULL
                               OR (message.log, message.leaf_index) = (leaf.log, leaf.leaf_index)
                               OR (expiry_log, expiry_index) = (leaf.log, leaf.leaf_index)
                               OR (withdrawal_log, withdrawal_index) = (leaf.log, leaf.leaf_index)))
                   FROM log JOIN leaf ON leaf.log = log.key
                   LEFT JOIN node ON node.log = log.key AND node.level = 0 AND node.node_index = leaf.leaf_index
                   WHERE log.origin = ?1 AND leaf.leaf_index >= ?2 AND leaf.leaf_index < ?3
                   ORDER BY leaf.leaf_index LIMIT ?4";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows =
            statement.query(params![origin, stored(from), stored(size), stored_len(ROWS_PER_SNAPSHOT)])?;
        let missing = |index: u64| {
            let detail = format!("leaf {index} of {origin} is missing");
            Damage::new(Damaged::Leaf, detail).in_log(&origin).at(index)
        };
        let mut series = Series::new(from, size);
        while let Some(row) = rows.next()? {
            let index = columns::count(row, 0)?;
            series.reach(index, missing);
            let wrong = |detail: String| Damage::new(Damaged::Leaf, detail).in_log(&origin).at(index);
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)? != leaf_hash(bytes).as_bytes() {
                series.damages.push(wrong(format!("leaf {index} of {origin} does not match its hash")));
            }
            // An id that is no digest is told by whoever reads the leaf.
            if let Ok(id) = columns::digest_or_none(row, 3)
                && (row.get::<_, i64>(4)? != id.as_ref().map_or(0, prefix)
                    || !row.get::<_, bool>(5)?
                    || !row.get::<_, bool>(6)?)
            {
                series.damages.push(wrong(format!("leaf {index} of {origin} is not found by its message")));
            }
        }
        Ok(series.finish(missing))
    }
}

/// Hashes of one level from an index on against those below.
pub(super) fn nodes(
    origin: String,
    level: u8,
    size: u64,
) -> impl Fn(&Connection, u64) -> Result<Piece, StoreFault> + Clone + Send {
    move |connection, from| {
        let sql = "SELECT node.node_index, node.hash, ifnull(l.hash, x''), ifnull(r.hash, x'')
                   FROM log JOIN node ON node.log = log.key
                   LEFT JOIN node AS l ON l.log = log.key AND l.level = ?2 - 1 AND l.node_index = 2 * node.node_index
                   LEFT JOIN node AS r
                       ON r.log = log.key AND r.level = ?2 - 1 AND r.node_index = 2 * node.node_index + 1
                   WHERE log.origin = ?1 AND node.level = ?2 AND node.node_index >= ?3 AND node.node_index < ?4
                   ORDER BY node.node_index LIMIT ?5";
        let mut statement = connection.prepare_cached(sql)?;
        let limit = stored_len(ROWS_PER_SNAPSHOT);
        let mut rows = statement.query(params![origin, level, stored(from), stored(size), limit])?;
        let wrong = |detail: String| Damage::new(Damaged::Node, detail).in_log(&origin);
        let missing = |index: u64| wrong(format!("node {level}/{index} of {origin} is missing"));
        let mut series = Series::new(from, size);
        while let Some(row) = rows.next()? {
            let index = columns::count(row, 0)?;
            series.reach(index, missing);
            let child = |column| columns::digest_or_none(row, column).ok().flatten();
            let expected = child(2).zip(child(3)).map(|(left, right)| node_hash(&left, &right));
            if expected.as_ref().map(|hash| hash.as_bytes().as_slice())
                != Some(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)
            {
                series
                    .damages
                    .push(wrong(format!("node {level}/{index} of {origin} does not match its children")));
            }
        }
        Ok(series.finish(missing))
    }
}

/// Numbers that must follow each other from `expected` up to `size`.
struct Series {
    expected: u64,
    size: u64,
    checked: u64,
    damages: Vec<Damage>,
}

impl Series {
    fn new(from: u64, size: u64) -> Self {
        Self { expected: from, size, checked: 0, damages: Vec::new() }
    }

    fn reach(&mut self, index: u64, missing: impl Fn(u64) -> Damage) {
        self.miss(index, missing);
        self.expected = index + 1;
        self.checked += 1;
    }

    /// A damaged size may be any number: no more are named than one snapshot would have seen.
    fn miss(&mut self, until: u64, missing: impl Fn(u64) -> Damage) {
        self.damages.extend((self.expected..until).take(ROWS_PER_SNAPSHOT).map(missing));
    }

    /// A snapshot that came back with fewer rows than it asked for has seen the last row there is.
    fn finish(mut self, missing: impl Fn(u64) -> Damage) -> Piece {
        if self.checked == ROWS_PER_SNAPSHOT as u64 && self.expected < self.size {
            return Piece { next: Some(self.expected), checked: self.checked, damages: self.damages };
        }
        self.miss(self.size, missing);
        Piece { next: None, checked: self.checked, damages: self.damages }
    }
}
