//! Sealed parts: those that travel in the envelope are rows, those that travel beside it are files. A part
//! that several copies of a message share is kept once.

use rusqlite::{Connection, OptionalExtension, params};

use super::blobs::{BlobWriter, Blobs};
use super::columns::{self, prefix, stored, stored_len};
use super::record::Part;
use super::{Store, StoreFault};
use crate::digest::Digest;
use crate::limits::PIECE_BYTES_MAX;

/// A part on its way into the store, before the envelope that refers to it. Dropped before `finish`, it
/// leaves nothing.
#[derive(Debug)]
pub struct PartUpload {
    store: Store,
    writer: Option<BlobWriter>,
}

/// A part as its row has it.
struct Row {
    key: i64,
    size: u64,
    has_content: bool,
}

impl Store {
    /// Begins to take a part that travels beside its envelope. Idempotent: a part that is held is checked
    /// again and kept as it is.
    pub async fn put_part(&self, digest: Digest, size: u64) -> Result<PartUpload, StoreFault> {
        self.require_room(size).await?;
        let writer = self.with_blobs(move |blobs| blobs.put(digest, size)).await?;
        Ok(PartUpload { store: self.clone(), writer: Some(writer) })
    }

    /// At most `limit` bytes, never more than `PIECE_BYTES_MAX`, of a part of some message from `offset` on;
    /// empty at its end, `None` where no message in custody has it.
    pub async fn read_part(
        &self,
        digest: Digest,
        offset: u64,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, StoreFault> {
        let limit = limit.min(PIECE_BYTES_MAX);
        let from_row = self.read(move |connection| read_row(connection, &digest, offset, limit)).await?;
        match from_row {
            Some(None) => self.with_blobs(move |blobs| blobs.read_at(&digest, offset, limit)).await,
            Some(piece) => Ok(piece),
            None => Ok(None),
        }
    }

    /// Whether a part is here, in a row or as a file, so that it need not be sent again.
    pub async fn has_part(&self, digest: Digest) -> Result<bool, StoreFault> {
        if self.read(move |connection| is_kept(connection, &digest)).await? {
            return Ok(true);
        }
        self.with_blobs(move |blobs| Ok(blobs.held(&digest)?.is_some())).await
    }
}

impl PartUpload {
    /// Takes the next bytes. `PartMismatch` as soon as there are more than were declared.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), StoreFault> {
        let mut writer = self.writer.take().ok_or(StoreFault::Misuse("an upload that has failed goes on"))?;
        // Others write as well: what was free when it began need not be free now.
        self.store.require_room(bytes.len() as u64).await?;
        let written = self.store.with_blobs(move |_| writer.write(&bytes).map(|()| writer)).await?;
        self.writer = Some(written);
        Ok(())
    }

    /// Keeps the part, durable on return. `PartMismatch` where bytes, size and digest disagree; nothing is
    /// kept then.
    pub async fn finish(mut self) -> Result<(), StoreFault> {
        let writer = self.writer.take().ok_or(StoreFault::Misuse("an upload that has failed goes on"))?;
        self.store.with_blobs(move |_| writer.finish()).await
    }
}

/// True where some message has the part.
pub(super) fn is_kept(connection: &Connection, digest: &Digest) -> Result<bool, StoreFault> {
    Ok(find(connection, digest)?.is_some())
}

/// The first part that cannot be referred to: beside the envelope, and neither a file nor in a row. Looked at
/// within the transaction that refers to it, so that no sweep comes between.
pub(super) fn first_missing(
    connection: &Connection,
    parts: &[Part],
    blobs: &Blobs,
) -> Result<Option<Digest>, StoreFault> {
    for part in parts {
        let held = match &part.content {
            Some(content) if content.len() as u64 != part.size => {
                return Err(StoreFault::Misuse("a part that is not as long as it says"));
            }
            Some(_) => true,
            None if blobs.held(&part.digest)? == Some(part.size) => true,
            None => {
                find(connection, &part.digest)?.is_some_and(|row| row.has_content && row.size == part.size)
            }
        };
        if !held {
            return Ok(Some(part.digest));
        }
    }
    Ok(None)
}

/// Refers `message` to its parts, keeping those that are new.
pub(super) fn insert(connection: &Connection, message: i64, parts: &[Part]) -> Result<(), StoreFault> {
    for (position, part) in parts.iter().enumerate() {
        let key = insert_part(connection, part)?;
        let sql = "INSERT INTO message_part (message, position, part, inline) VALUES (?1, ?2, ?3, ?4)";
        let values = params![message, stored_len(position), key, part.content.is_some()];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

fn insert_part(connection: &Connection, part: &Part) -> Result<i64, StoreFault> {
    let Some(row) = find(connection, &part.digest)? else {
        let sql = "INSERT INTO part (digest_prefix, digest, size, content) VALUES (?1, ?2, ?3, ?4)";
        let digest = part.digest.as_bytes();
        let values = params![prefix(&part.digest), digest, stored(part.size), part.content];
        return Ok(connection.prepare_cached(sql)?.insert(values)?);
    };
    if let (false, Some(content)) = (row.has_content, &part.content) {
        // So far only a file had it; now an envelope carries it and must be found whole in the rows.
        let sql = "UPDATE part SET content = ?2 WHERE key = ?1";
        connection.prepare_cached(sql)?.execute(params![row.key, content])?;
    }
    Ok(row.key)
}

fn find(connection: &Connection, digest: &Digest) -> Result<Option<Row>, StoreFault> {
    let sql = "SELECT key, size, content IS NOT NULL FROM part WHERE digest_prefix = ?1 AND digest = ?2";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![prefix(digest), digest.as_bytes()], |row| {
            Ok(Row { key: row.get(0)?, size: columns::count(row, 1)?, has_content: row.get(2)? })
        })
        .optional()?;
    Ok(found)
}

/// Bytes from the row: `None` where there is no row, `Some(None)` where only a file has them.
fn read_row(
    connection: &Connection,
    digest: &Digest,
    offset: u64,
    limit: usize,
) -> Result<Option<Option<Vec<u8>>>, StoreFault> {
    let sql = "SELECT substr(content, ?3, ?4) FROM part WHERE digest_prefix = ?1 AND digest = ?2";
    let from = stored(offset.saturating_add(1));
    let values = params![prefix(digest), digest.as_bytes(), from, stored_len(limit)];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
