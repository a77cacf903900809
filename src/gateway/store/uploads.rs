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
    /// refers to it, it is forgotten, or it is swept. Announced again it counts once. Durable on return.
    pub async fn announce_part(
        &self,
        source: Ministry,
        digest: Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Announced, StoreFault> {
        let space = self.inner.space.clone();
        let job = move |connection: &Connection| {
            if parts::is_kept(connection, &digest)? {
                return Ok(Verdict::Undo(Announced::Held));
            }
            if !space.admits(size) {
                return Ok(Verdict::Undo(Announced::NoSpace));
            }
            if source_of(connection, &digest)?.is_none() {
                let used = amount_of(connection, &source)?;
                if !used.admits(size, &space.bounds().uploads) {
                    return Ok(Verdict::Undo(Announced::QuotaReached));
                }
            }
            let sql = "INSERT INTO upload (digest, source, size, time) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (digest) DO UPDATE SET time = excluded.time";
            let values = params![digest.as_bytes(), source.as_str(), stored(size), now.seconds()];
            connection.prepare_cached(sql)?.execute(values)?;
            Ok(Verdict::Keep(Announced::Welcome))
        };
        match self.write(0, job).await {
            Err(StoreFault::NoSpace) => Ok(Announced::NoSpace),
            answered => answered,
        }
    }

    /// Forgets the announcement of a part that was given up and of which nothing is kept.
    pub async fn forget_part(&self, digest: Digest) -> Result<(), StoreFault> {
        self.write(0, move |connection| forget(connection, &digest).map(Verdict::Keep)).await
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
                let gone = connection.prepare_cached(sql)?.execute(params![digest.as_bytes(), before])? == 1;
                Ok(Verdict::Keep(gone && !parts::is_kept(connection, &digest)? && blobs.remove(&digest)))
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

/// A message refers to these parts now: they count against nobody any more.
pub(super) fn arrived(connection: &Connection, parts: &[Part]) -> Result<(), StoreFault> {
    parts.iter().filter(|part| part.content.is_none()).try_for_each(|part| forget(connection, &part.digest))
}

fn forget(connection: &Connection, digest: &Digest) -> Result<(), StoreFault> {
    connection.prepare_cached("DELETE FROM upload WHERE digest = ?1")?.execute([digest.as_bytes()])?;
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

fn source_of(connection: &Connection, digest: &Digest) -> Result<Option<String>, StoreFault> {
    let sql = "SELECT source FROM upload WHERE digest = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([digest.as_bytes()], |row| row.get(0)).optional()?)
}

/// Bounded by the quota, so counting them is cheap.
fn amount_of(connection: &Connection, source: &Ministry) -> Result<Amount, StoreFault> {
    let sql = "SELECT count(*), ifnull(sum(size), 0) FROM upload WHERE source = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([source.as_str()], |row| {
        Ok(Amount { count: columns::count(row, 0)?, bytes: columns::count(row, 1)? })
    })?)
}
