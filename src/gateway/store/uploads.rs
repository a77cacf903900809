//! Sealed parts that came before the message that will refer to them: who sent them, how much there is of each
//! source, and what is swept away because its message never came.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, stored};
use super::job::Verdict;
use super::record::{Amount, Announced, Part, Share};
use super::{Store, StoreFault, mailbox, parts};
use crate::digest::Digest;
use crate::limits::ORPHAN_AGE_MAX;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

impl Store {
    /// Announces a part that `source` is about to send, so that it counts against its quota until a message
    /// refers to it, it is forgotten, or it is swept. Announced again it counts once, with the greatest size that
    /// was declared, and its day begins anew: a long transfer goes on, and what waits stays within the quota.
    /// `PartMismatch` where a message has the part with another size. Durable on return.
    pub async fn announce_part(
        &self,
        source: Ministry,
        digest: Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Announced, StoreFault> {
        // Not in the job: who writes a part holds what is asked here, and the writer of the store waits for nobody.
        let promised = self.promised(source.clone(), digest).await?;
        let (space, blobs) = (self.inner.space.clone(), self.inner.blobs.clone());
        let job = move |connection: &Connection| {
            match parts::size_of(connection, &digest)? {
                Some(kept) if kept != size => return Err(StoreFault::PartMismatch),
                Some(_) if parts::is_here(connection, &digest, size, &blobs)? => {
                    return Ok(Verdict::Undo(Announced::Held));
                }
                // A message has it, and its bytes are lost here: what comes counts as any other.
                Some(_) | None => {}
            }
            // What a transfer that was cut has left takes up its room already.
            let missing = size.saturating_sub(blobs.begun(&source, &digest));
            if !space.admits(missing.saturating_add(promised)) {
                return Ok(Verdict::Undo(Announced::NoSpace));
            }
            let before = declared(connection, &source, &digest)?;
            let used = amount_of(connection, &source)?.without(before);
            let size = size.max(before.unwrap_or(0));
            if !used.admits(size, &space.bounds().uploads) {
                return Ok(Verdict::Undo(Announced::QuotaReached));
            }
            let sql = "INSERT INTO upload (digest, source, size, time) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (source, digest) DO UPDATE SET size = excluded.size, time = excluded.time";
            let values = params![digest.as_bytes(), source.as_str(), stored(size), now.seconds()];
            connection.prepare_cached(sql)?.execute(values)?;
            Ok(Verdict::Keep(Announced::Welcome))
        };
        match self.write(0, job).await {
            Err(StoreFault::NoSpace) => Ok(Announced::NoSpace),
            answered => answered,
        }
    }

    /// Bytes that were promised room to transfers under way, but for this one, and are not written yet.
    pub async fn promised(&self, source: Ministry, digest: Digest) -> Result<u64, StoreFault> {
        self.with_blobs(move |blobs| Ok(blobs.promised(&source, &digest))).await
    }

    /// Forgets what `source` announced where a message has the part already: it has come, and no message will
    /// come that ends its counting. Durable on return.
    pub async fn settle_upload(&self, source: Ministry, digest: Digest) -> Result<(), StoreFault> {
        let awaited = self.read(move |connection| parts::is_kept(connection, &digest)).await?;
        if !awaited {
            return Ok(());
        }
        self.write(0, move |connection| {
            let sql = "DELETE FROM upload WHERE source = ?1 AND digest = ?2";
            connection.prepare_cached(sql)?.execute(params![source.as_str(), digest.as_bytes()])?;
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Removes parts that were announced longer than `ORPHAN_AGE_MAX` before `now` and that no message refers to;
    /// answers how many. Each is removed in the writer's turn, so that no message that is just being taken can
    /// refer to it. Durable on return.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreFault> {
        let before = now.before(ORPHAN_AGE_MAX).seconds();
        let overdue = self.read(move |connection| announced_before(connection, before)).await?;
        let mut removed = 0;
        for digest in overdue {
            let blobs = self.inner.blobs.clone();
            let job = move |connection: &Connection| {
                let sql = "DELETE FROM upload WHERE digest = ?1 AND time < ?2";
                let gone = connection.prepare_cached(sql)?.execute(params![digest.as_bytes(), before])? > 0;
                let wanted = is_announced(connection, &digest)? || parts::is_kept(connection, &digest)?;
                Ok(Verdict::Keep(gone && !wanted && blobs.remove(&digest)))
            };
            removed += u64::from(self.write(0, job).await?);
        }
        Ok(removed)
    }

    /// What waits of each of these ministries: messages for the desk, and parts for their messages.
    pub async fn holdings(&self, ministries: Vec<Ministry>) -> Result<Vec<Share>, StoreFault> {
        self.read(move |connection| {
            let held = |ministry: Ministry| {
                let mailbox = mailbox::amount_of(connection, &ministry)?;
                Ok(Share { mailbox, uploads: amount_of(connection, &ministry)?, ministry })
            };
            ministries.into_iter().map(held).collect()
        })
        .await
    }
}

/// A message refers to these parts now: they count against nobody any more. What was announced as longer than the
/// part is counts on: it is still written somewhere.
pub(super) fn arrived(connection: &Connection, parts: &[Part]) -> Result<(), StoreFault> {
    for part in parts.iter().filter(|part| part.content.is_none()) {
        let sql = "DELETE FROM upload WHERE digest = ?1 AND size <= ?2";
        connection.prepare_cached(sql)?.execute(params![part.digest.as_bytes(), stored(part.size)])?;
    }
    Ok(())
}

/// The parts that were announced no longer than `ORPHAN_AGE_MAX` before `now`: their messages may still come.
pub(super) fn announced(connection: &Connection, now: Timestamp) -> Result<BTreeSet<Digest>, StoreFault> {
    let mut statement = connection.prepare_cached("SELECT digest FROM upload WHERE time >= ?1")?;
    let rows = statement.query_map([now.before(ORPHAN_AGE_MAX).seconds()], |row| columns::digest(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// There are no more announcements than quotas allow, so that reading all of them is cheap.
fn announced_before(connection: &Connection, before: i64) -> Result<Vec<Digest>, StoreFault> {
    let mut statement = connection.prepare_cached("SELECT digest FROM upload WHERE time < ?1")?;
    let rows = statement.query_map([before], |row| columns::digest(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The greatest size that a source has declared for a part that waits for its message.
fn declared(connection: &Connection, source: &Ministry, digest: &Digest) -> Result<Option<u64>, StoreFault> {
    let sql = "SELECT size FROM upload WHERE source = ?1 AND digest = ?2";
    let values = params![source.as_str(), digest.as_bytes()];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| columns::count(row, 0)).optional()?)
}

fn is_announced(connection: &Connection, digest: &Digest) -> Result<bool, StoreFault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM upload WHERE digest = ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([digest.as_bytes()], |row| row.get(0))?)
}

/// Bounded by the quota, so counting them is cheap.
fn amount_of(connection: &Connection, source: &Ministry) -> Result<Amount, StoreFault> {
    let sql = "SELECT count(*), ifnull(sum(size), 0) FROM upload WHERE source = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([source.as_str()], |row| {
        Ok(Amount { count: columns::count(row, 0)?, bytes: columns::count(row, 1)? })
    })?)
}
