//! The scrub: everything that is kept is hashed again and compared, piece by piece, each on its own
//! snapshot, so that the writer is never held up. SQLite's own integrity check does not see a flipped bit in
//! a payload; this does, and names it.

use rusqlite::{Connection, params};

use super::columns::{self, blob, stored, stored_len};
use super::record::{KeptMessage, SignedHeader, Verification};
use super::tree::LogTree;
use super::{Store, StoreFault, log};
use crate::digest::Digest;
use crate::tlog::merkle::{leaf_hash, node_hash};

/// Rows that one snapshot looks at.
const ROWS_PER_SNAPSHOT: usize = 512;

/// What one snapshot found, and where the next begins; `None` at the end.
struct Piece {
    next: Option<u64>,
    checked: u64,
    damages: Vec<String>,
}

/// A part as the scrub sees it; files are hashed outside the snapshot.
struct PartRow {
    key: u64,
    digest: Digest,
    size: u64,
    /// Size and digest of the content in the row.
    content: Option<(u64, Digest)>,
}

impl Store {
    /// Hashes every leaf, node, header and sealed part again and names what does not agree. That the roots
    /// are those of the signed checkpoints is for the caller to see, with `root_at`.
    pub async fn verify(&self) -> Result<Verification, StoreFault> {
        let mut found = Verification::default();
        for (origin, size) in self.read(sizes).await? {
            found.leaves += self.scan(&mut found.damages, leaves_of(origin.clone(), size)).await?;
            for level in (1..64_u8).take_while(|level| size >> level > 0) {
                self.scan(&mut found.damages, nodes_of(origin.clone(), level, size >> level)).await?;
            }
        }
        found.messages = self.scan(&mut found.damages, messages).await?;
        let gaps = self.read(gaps).await?;
        found.damages.extend(gaps);
        found.parts = self.verify_parts(&mut found.damages).await?;
        Ok(found)
    }

    /// Messages after a number in the order of custody, with what they must agree with; none at the end.
    pub async fn kept_after(&self, after: u64) -> Result<Vec<KeptMessage>, StoreFault> {
        self.read(move |connection| kept_after(connection, after)).await
    }

    /// Runs `check` from 0 until it is at the end; answers how much was checked.
    async fn scan<C>(&self, damages: &mut Vec<String>, check: C) -> Result<u64, StoreFault>
    where
        C: Fn(&Connection, u64) -> Result<Piece, StoreFault> + Clone + Send + 'static,
    {
        let mut checked = 0;
        let mut next = Some(0);
        while let Some(from) = next {
            let check = check.clone();
            let piece = self.read(move |connection| check(connection, from)).await?;
            damages.extend(piece.damages);
            checked += piece.checked;
            next = piece.next;
        }
        Ok(checked)
    }

    async fn verify_parts(&self, damages: &mut Vec<String>) -> Result<u64, StoreFault> {
        let mut checked = 0;
        let mut after = 0;
        loop {
            let rows = self.read(move |connection| parts(connection, after)).await?;
            let Some(last) = rows.last() else { return Ok(checked) };
            after = last.key;
            checked += rows.len() as u64;
            let found = self.with_blobs(move |blobs| {
                let mut found = Vec::new();
                for row in rows {
                    let file = match blobs.held(&row.digest)? {
                        Some(size) => blobs.rehash(&row.digest)?.map(|digest| (size, digest)),
                        None => None,
                    };
                    found.extend(row.damage(file));
                }
                Ok(found)
            });
            damages.extend(found.await?);
        }
    }
}

impl PartRow {
    fn damage(&self, file: Option<(u64, Digest)>) -> Option<String> {
        let right = (self.size, self.digest);
        match (self.content, file) {
            (None, None) => Some(format!("part {} is missing", self.digest)),
            (Some(content), _) if content != right => {
                Some(format!("part {} does not match its digest", self.digest))
            }
            (_, Some(file)) if file != right => {
                Some(format!("the file of part {} does not match its digest", self.digest))
            }
            _ => None,
        }
    }
}

/// Every log with its size now; what is appended later is not looked at.
fn sizes(connection: &Connection) -> Result<Vec<(String, u64)>, StoreFault> {
    let mut sizes = Vec::new();
    for origin in log::origins(connection)? {
        if let Some(tree) = LogTree::find(connection, &origin)? {
            sizes.push((origin, tree.size));
        }
    }
    Ok(sizes)
}

fn leaves_of(
    origin: String,
    size: u64,
) -> impl Fn(&Connection, u64) -> Result<Piece, StoreFault> + Clone + Send {
    move |connection, from| {
        let sql = "SELECT leaf.leaf_index, leaf.bytes, ifnull(node.hash, x'')
                   FROM log JOIN leaf ON leaf.log = log.key
                   LEFT JOIN node ON node.log = log.key AND node.level = 0 AND node.node_index = leaf.leaf_index
                   WHERE log.origin = ?1 AND leaf.leaf_index >= ?2 AND leaf.leaf_index < ?3
                   ORDER BY leaf.leaf_index LIMIT ?4";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows =
            statement.query(params![origin, stored(from), stored(size), stored_len(ROWS_PER_SNAPSHOT)])?;
        let mut series = Series::new(from, size);
        while let Some(row) = rows.next()? {
            let index = columns::count(row, 0)?;
            series.reach(index, |missing| format!("leaf {missing} of {origin} is missing"));
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if columns::digest_or_none(row, 2)? != Some(leaf_hash(bytes)) {
                series.damages.push(format!("leaf {index} of {origin} does not match its hash"));
            }
        }
        Ok(series.finish(|missing| format!("leaf {missing} of {origin} is missing")))
    }
}

fn nodes_of(
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
        let mut series = Series::new(from, size);
        while let Some(row) = rows.next()? {
            let index = columns::count(row, 0)?;
            series.reach(index, |missing| format!("node {level}/{missing} of {origin} is missing"));
            let children = columns::digest_or_none(row, 2)?.zip(columns::digest_or_none(row, 3)?);
            let expected = children.map(|(left, right)| node_hash(&left, &right));
            if expected.as_ref().map(|hash| hash.as_bytes().as_slice())
                != Some(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)
            {
                series.damages.push(format!("node {level}/{index} of {origin} does not match its children"));
            }
        }
        Ok(series.finish(|missing| format!("node {level}/{missing} of {origin} is missing")))
    }
}

/// Numbers that must follow each other from `expected` up to `size`.
struct Series {
    expected: u64,
    size: u64,
    checked: u64,
    damages: Vec<String>,
}

impl Series {
    fn new(from: u64, size: u64) -> Self {
        Self { expected: from, size, checked: 0, damages: Vec::new() }
    }

    fn reach(&mut self, index: u64, missing: impl Fn(u64) -> String) {
        self.damages.extend((self.expected..index).map(missing));
        self.expected = index + 1;
        self.checked += 1;
    }

    /// A snapshot that came back with fewer rows than it asked for has seen the last row there is.
    fn finish(mut self, missing: impl Fn(u64) -> String) -> Piece {
        if self.checked == ROWS_PER_SNAPSHOT as u64 && self.expected < self.size {
            return Piece { next: Some(self.expected), checked: self.checked, damages: self.damages };
        }
        self.damages.extend((self.expected..self.size).map(missing));
        Piece { next: None, checked: self.checked, damages: self.damages }
    }
}

/// Headers against ids, and ids against the leaves that name them.
fn messages(connection: &Connection, from: u64) -> Result<Piece, StoreFault> {
    let sql = "SELECT message.key, message.id, message.header, ifnull(leaf.message_id, x'') FROM message
               LEFT JOIN leaf ON leaf.log = message.log AND leaf.leaf_index = message.leaf_index
               WHERE message.key > ?1 ORDER BY message.key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![stored(from), stored_len(ROWS_PER_SNAPSHOT)])?;
    let mut piece = Piece { next: None, checked: 0, damages: Vec::new() };
    while let Some(row) = rows.next()? {
        let id = columns::digest(row, 1)?;
        if Digest::of(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?) != id {
            piece.damages.push(format!("the header of message {id} does not match its id"));
        }
        if row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)? != blob(Some(&id)) {
            piece.damages.push(format!("the leaf of message {id} names another"));
        }
        piece.checked += 1;
        piece.next = Some(columns::count(row, 0)?);
    }
    Ok(piece)
}

fn kept_after(connection: &Connection, after: u64) -> Result<Vec<KeptMessage>, StoreFault> {
    let sql = "SELECT message.key, message.header, message.signature, ifnull(leaf.bytes, x''),
               EXISTS (SELECT 1 FROM rejection WHERE rejection.message = message.key)
               FROM message LEFT JOIN leaf ON leaf.log = message.log AND leaf.leaf_index = message.leaf_index
               WHERE message.key > ?1 ORDER BY message.key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![stored(after), stored_len(ROWS_PER_SNAPSHOT)], |row| {
        Ok(KeptMessage {
            key: columns::count(row, 0)?,
            signed: SignedHeader { header: row.get(1)?, signature: row.get(2)? },
            leaf: row.get(3)?,
            rejected: row.get(4)?,
            parts: Vec::new(),
        })
    })?;
    let mut kept = rows.collect::<Result<Vec<_>, _>>()?;
    let sql = "SELECT part.digest FROM message_part JOIN part ON part.key = message_part.part
               WHERE message_part.message = ?1 ORDER BY message_part.position";
    let mut statement = connection.prepare_cached(sql)?;
    for message in &mut kept {
        let parts = statement.query_map([stored(message.key)], |row| columns::digest(row, 0))?;
        message.parts = parts.collect::<Result<_, _>>()?;
    }
    Ok(kept)
}

/// Sequences whose messages are not numbered from 1 to the last without a gap.
fn gaps(connection: &Connection) -> Result<Vec<String>, StoreFault> {
    let sql = "SELECT pair.channel, pair.peer, pair.sequence FROM pair
               WHERE pair.sequence <> (SELECT count(*) FROM message WHERE message.pair = pair.key)
               OR pair.sequence <> (SELECT ifnull(max(sequence), 0) FROM message WHERE message.pair = pair.key)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (channel, peer): (String, String) = (row.get(0)?, row.get(1)?);
        let last = columns::count(row, 2)?;
        Ok(format!("the sequence of {peer} on {channel} up to number {last} has a gap"))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn parts(connection: &Connection, after: u64) -> Result<Vec<PartRow>, StoreFault> {
    let sql = "SELECT key, digest, size, content FROM part WHERE key > ?1 ORDER BY key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![stored(after), stored_len(ROWS_PER_SNAPSHOT)], |row| {
        let content = row.get_ref(3)?.as_blob_or_null()?;
        Ok(PartRow {
            key: columns::count(row, 0)?,
            digest: columns::digest(row, 1)?,
            size: columns::count(row, 2)?,
            content: content.map(|bytes| (bytes.len() as u64, Digest::of(bytes))),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
