//! Sealed parts: those that travel in the envelope are rows, those that travel beside it are files. A file that
//! several copies of a message share is kept once, with one row. A part in an envelope is a row of its own, found
//! only by its message: nobody asks for it by its digest.

use std::fs::File;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::arrivals::{BlobWriter, PartProgress};
use super::blobs::{Blobs, read_from};
use super::columns::{self, prefix, stored, stored_len};
use super::job::Verdict;
use super::record::Part;
use super::{Store, StoreFault, uploads};
use crate::digest::Digest;
use crate::limits::{PART_TRANSFERS_MAX, PIECE_BYTES_MAX};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A part on its way into the store, before the envelope that refers to it. Dropped before `finish`, it
/// leaves what the next transfer continues.
#[derive(Debug)]
pub struct PartUpload {
    store: Store,
    writer: Option<BlobWriter>,
}

/// A part on its way out, piece by piece.
#[derive(Debug)]
pub struct PartReader {
    store: Store,
    content: Content,
    offset: u64,
}

/// Where the bytes of a part are.
#[derive(Debug, Clone)]
enum Content {
    Row(Digest),
    File(Arc<File>),
}

/// A part beside envelopes as its row has it.
struct Row {
    key: i64,
    size: u64,
    has_content: bool,
}

impl Store {
    /// Begins to take a part that travels beside its envelope from `owner`, from `offset` on, which must not be
    /// beyond what `part_progress` answers. A later transfer of the same part by the same side takes over.
    pub async fn put_part(
        &self,
        owner: &Ministry,
        digest: Digest,
        size: u64,
        offset: u64,
    ) -> Result<PartUpload, StoreFault> {
        self.put_part_within(owner, digest, size, offset, PART_TRANSFERS_MAX).await
    }

    /// The same with another bound of transfers at once than that of `limits`.
    pub async fn put_part_within(
        &self,
        owner: &Ministry,
        digest: Digest,
        size: u64,
        offset: u64,
        transfers: usize,
    ) -> Result<PartUpload, StoreFault> {
        let (owner, space) = (owner.clone(), self.inner.space.clone());
        let admits = move |bytes: u64| {
            space.look();
            space.admits(bytes)
        };
        let put = move |blobs: &Blobs| blobs.put(&owner, digest, size, offset, transfers, admits);
        let writer = self.with_blobs(put).await?;
        Ok(PartUpload { store: self.clone(), writer: Some(writer) })
    }

    /// How much of a part `owner` need not send again: the whole where it is held to travel beside envelopes.
    pub async fn part_progress(
        &self,
        owner: &Ministry,
        digest: Digest,
        size: u64,
    ) -> Result<PartProgress, StoreFault> {
        if self.has_row(digest, size).await? {
            return Ok(PartProgress { offset: size, complete: true });
        }
        let owner = owner.clone();
        self.with_blobs(move |blobs| blobs.progress(&owner, &digest, size)).await
    }

    /// Opens a part that travels beside some message in custody, to be read from `offset` on; `None` where there
    /// is none.
    pub async fn open_part(&self, digest: Digest, offset: u64) -> Result<Option<PartReader>, StoreFault> {
        let from_row = self.read(move |connection| find(connection, &digest)).await?;
        let content = match from_row {
            None => return Ok(None),
            Some(row) if row.has_content => Content::Row(digest),
            Some(_) => match self.with_blobs(move |blobs| blobs.file(&digest)).await? {
                Some(file) => Content::File(Arc::new(file)),
                None => return Ok(None),
            },
        };
        Ok(Some(PartReader { store: self.clone(), content, offset }))
    }

    /// At most `limit` bytes, never more than `PIECE_BYTES_MAX`, of a part beside some message from `offset` on;
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

    /// Hashes the file of a part again and sets it aside where its bytes are others, so that it is sent again.
    /// True where it is here and right.
    pub async fn examine_part(&self, digest: Digest) -> Result<bool, StoreFault> {
        self.with_blobs(move |blobs| match blobs.rehash(&digest)? {
            Some(found) if found == digest => Ok(true),
            Some(_) => blobs.set_aside(&digest).map(|()| false),
            None => Ok(false),
        })
        .await
    }

    /// Removes unfinished parts that are older than `ORPHAN_AGE_MAX` at `now`, and parts that no message refers to,
    /// whether they were announced or not. How old one is tells its announcement; only of one without does the
    /// file system, whose clock may be another. Answers how many.
    pub async fn sweep_parts(&self, now: Timestamp) -> Result<u64, StoreFault> {
        let removed = self.sweep(now).await?;
        let announced = self.read(move |connection| uploads::announced(connection, now)).await?;
        for digest in self.with_blobs(move |blobs| blobs.old(now)).await? {
            if announced.contains(&digest)
                || self.read(move |connection| is_kept(connection, &digest)).await?
            {
                continue;
            }
            let blobs = self.inner.blobs.clone();
            // In the writer, where no message can begin to refer to it between the look and the end.
            self.write(0, move |connection| {
                if !is_kept(connection, &digest)? {
                    blobs.discard(&digest)?;
                }
                Ok(Verdict::Undo(()))
            })
            .await?;
        }
        Ok(removed.saturating_add(self.with_blobs(move |blobs| blobs.clear(now, &announced)).await?))
    }

    /// Whether a part that travels beside envelopes is here.
    pub async fn has_part(&self, digest: Digest) -> Result<bool, StoreFault> {
        let row = self.read(move |connection| find(connection, &digest)).await?;
        let file = self.with_blobs(move |blobs| blobs.held(&digest)).await?;
        Ok(file.is_some() || row.is_some_and(|row| row.has_content))
    }

    async fn has_row(&self, digest: Digest, size: u64) -> Result<bool, StoreFault> {
        self.read(move |connection| {
            Ok(find(connection, &digest)?.is_some_and(|row| row.has_content && row.size == size))
        })
        .await
    }
}

impl PartReader {
    /// The next bytes, at most `PIECE_BYTES_MAX`; none at the end.
    pub async fn next(&mut self) -> Result<Vec<u8>, StoreFault> {
        let offset = self.offset;
        let piece = match &self.content {
            Content::Row(digest) => {
                self.store.read_part(*digest, offset, PIECE_BYTES_MAX).await?.unwrap_or_default()
            }
            Content::File(file) => {
                let file = file.clone();
                self.store.with_blobs(move |_| Ok(read_from(&file, offset, PIECE_BYTES_MAX)?)).await?
            }
        };
        self.offset = offset.saturating_add(piece.len() as u64);
        Ok(piece)
    }

    /// Where the next bytes begin.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl PartUpload {
    /// Takes the next pieces. `PartMismatch` as soon as there are more bytes than were declared.
    pub async fn write(&mut self, pieces: Vec<Vec<u8>>) -> Result<(), StoreFault> {
        let mut writer = self.writer.take().ok_or(StoreFault::Misuse("an upload that has failed goes on"))?;
        // Others write as well, messages too: what was free when it began need not be free now. What comes was
        // promised room, and what was promised to others is not taken from it.
        self.store.require_room(pieces.iter().map(|piece| piece.len() as u64).sum()).await?;
        let written = self
            .store
            .with_blobs(move |_| pieces.iter().try_for_each(|piece| writer.write(piece)).map(|()| writer))
            .await?;
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

/// True where some message has the part beside its envelope.
pub(super) fn is_kept(connection: &Connection, digest: &Digest) -> Result<bool, StoreFault> {
    Ok(find(connection, digest)?.is_some())
}

/// The size of a part that some message has beside its envelope.
pub(super) fn size_of(connection: &Connection, digest: &Digest) -> Result<Option<u64>, StoreFault> {
    Ok(find(connection, digest)?.map(|row| row.size))
}

/// Whether all bytes of a part are here, as a file or in a row.
pub(super) fn is_here(
    connection: &Connection,
    digest: &Digest,
    size: u64,
    blobs: &Blobs,
) -> Result<bool, StoreFault> {
    if blobs.held(digest)? == Some(size) {
        return Ok(true);
    }
    Ok(find(connection, digest)?.is_some_and(|row| row.has_content && row.size == size))
}

/// The first part that cannot be referred to: beside the envelope, and not here. Looks at the files themselves: only
/// what runs in the writer is in order with the sweep.
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
            None => is_here(connection, &part.digest, part.size, blobs)?,
        };
        if !held {
            return Ok(Some(part.digest));
        }
    }
    Ok(None)
}

/// Refers `message` to its parts: those in the envelope are its own, those beside it may be others' too.
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
    let beside = part.content.is_none();
    if beside && let Some(row) = find(connection, &part.digest)? {
        return Ok(row.key);
    }
    let sql = "INSERT INTO part (digest_prefix, digest, size, content, beside) VALUES (?1, ?2, ?3, ?4, ?5)";
    let digest = part.digest.as_bytes();
    let values = params![prefix(&part.digest), digest, stored(part.size), part.content, beside];
    Ok(connection.prepare_cached(sql)?.insert(values)?)
}

/// The row of a part beside envelopes. Earlier builds kept its content there too, once an envelope carried it.
fn find(connection: &Connection, digest: &Digest) -> Result<Option<Row>, StoreFault> {
    let sql = "SELECT key, size, content IS NOT NULL FROM part
               WHERE digest_prefix = ?1 AND digest = ?2 AND beside = 1";
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
    let sql = "SELECT substr(content, ?3, ?4) FROM part
               WHERE digest_prefix = ?1 AND digest = ?2 AND beside = 1";
    let from = stored(offset.saturating_add(1));
    let values = params![prefix(digest), digest.as_bytes(), from, stored_len(limit)];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
