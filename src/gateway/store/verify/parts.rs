//! Sealed parts against their digests, in rows and in files.

use rusqlite::{Connection, params};

use super::super::columns::{self, prefix, stored, stored_len};
use super::super::record::{Damage, Damaged, Examination, Progress};
use super::super::{Store, StoreFault};
use super::ROWS_PER_SNAPSHOT;
use crate::digest::Digest;

/// Messages that are named of one damaged part.
const MESSAGES_NAMED_MAX: usize = 16;

/// A part as the scrub sees it; files are hashed outside the snapshot.
struct PartRow {
    key: u64,
    prefix: i64,
    digest: Option<Digest>,
    size: u64,
    /// Size and digest of the content in the row.
    content: Option<(u64, Digest)>,
}

impl Store {
    /// The messages that refer to a part, as far as people can be told of them.
    pub async fn messages_with(&self, part: Digest) -> Result<Vec<Digest>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT message.id FROM message JOIN message_part ON message_part.message = message.key
                       JOIN part ON part.key = message_part.part WHERE part.digest = ?1
                       ORDER BY message.key LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![part.as_bytes(), stored_len(MESSAGES_NAMED_MAX)];
            let rows = statement.query_map(values, |row| columns::digest(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Hashes all parts again.
    pub(super) async fn verify_parts(
        &self,
        found: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<(), StoreFault> {
        let mut after = 0;
        loop {
            let rows = self.read(move |connection| parts(connection, after)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.key;
            found.parts += rows.len() as u64;
            let damages = self.with_blobs(move |blobs| {
                let mut damages = Vec::new();
                for row in rows {
                    let Some(digest) = row.digest else {
                        let detail = format!("sealed part {} has no digest", row.key);
                        damages.push(Damage::new(Damaged::Part, detail));
                        continue;
                    };
                    let file = match blobs.held(&digest)? {
                        Some(size) => blobs.rehash(&digest)?.map(|digest| (size, digest)),
                        None => None,
                    };
                    if file.is_some_and(|found| found != (row.size, digest)) {
                        // Not held any more, so that the next transfer brings the true bytes.
                        blobs.set_aside(&digest)?;
                    }
                    damages.extend(row.damage(&digest, file));
                }
                Ok(damages)
            });
            found.add(damages.await?);
            progress.done("sealed parts", found.parts);
        }
    }
}

impl PartRow {
    fn damage(&self, digest: &Digest, file: Option<(u64, Digest)>) -> Option<Damage> {
        let right = (self.size, *digest);
        let detail = match (self.content, file) {
            (None, None) => format!("part {digest} is missing"),
            (Some(content), _) if content != right => format!("part {digest} does not match its digest"),
            (_, Some(file)) if file != right => {
                format!("the file of part {digest} does not match its digest")
            }
            _ if self.prefix != prefix(digest) => format!("part {digest} is not found by its digest"),
            _ => return None,
        };
        Some(Damage::new(Damaged::Part, detail).of_part(*digest))
    }
}

fn parts(connection: &Connection, after: u64) -> Result<Vec<PartRow>, StoreFault> {
    let sql =
        "SELECT key, digest, size, content, digest_prefix FROM part WHERE key > ?1 ORDER BY key LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![stored(after), stored_len(ROWS_PER_SNAPSHOT)], |row| {
        let content = row.get_ref(3)?.as_blob_or_null()?;
        Ok(PartRow {
            key: columns::count(row, 0)?,
            digest: columns::digest(row, 1).ok(),
            size: columns::count(row, 2)?,
            content: content.map(|bytes| (bytes.len() as u64, Digest::of(bytes))),
            prefix: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
