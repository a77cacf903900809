//! What the gateway keeps: messages in custody, sealed parts, logs with their mirrors, accredited records,
//! alarms. One SQLite database and one directory of large parts, both under one directory that a single
//! process owns.
//!
//! What enters has been verified by the caller: exact bytes, digests, codes of ministries, instants. The
//! store parses no envelope and no leaf. What leaves is what was kept, byte for byte.
//!
//! Every verb that writes is one transaction and returns only when that transaction is durable; waiting
//! verbs share one commit. What must never happen: an answer before the commit, a change that is half made,
//! a sequence with a gap or a number used twice, a log whose size is not its number of leaves, and any
//! further answer after the first write that failed.
//!
//! | file | verbs |
//! |---|---|
//! | `batch` | `held_all`, `prepare`, `admit_all`, `prove_all` |
//! | `custody` | `held`, `held_place`, `position`, `equivocations` |
//! | `outbox`, `fresh` | `due`, `next_due_time`; what need not be read again |
//! | `settlement` | `settle_all`, `expire`, `overdue`, `sent` |
//! | `attempts` | `note_attempt`, `attempts` |
//! | `queue` | `queue_page`, `queue_fronts`, `queues`, `find_message`, `retry` |
//! | `packs` | `next_pack`, `missing_packs`, `is_taken`: courier sticks |
//! | `decisions` | `hold`, `release`, `withdraw`, `decisions` |
//! | `alarms` | alarms: raised, acknowledged, cleared |
//! | `pauses` | `pause`, `resume`, `pauses`: peers with whom nothing is exchanged for a time |
//! | `mailbox` | `received_after`, `acknowledge`, `waiting` |
//! | `log`, `about` | `append_leaf`, heads, checkpoints, leaves, proofs; which leaves are about which message |
//! | `mirror` | `extend_mirror` |
//! | `news` | `log_news` |
//! | `ledger` | records |
//! | `offered` | bundles that peers announced, revocation lists beside those of bundles |
//! | `parts` | `part_progress`, `put_part`, `open_part`, `read_part`, `examine_part`, `sweep_parts` |
//! | `standing`, `mark` | what decides whether anything may be signed for a pair |
//! | `recovered` | `restore` |
//! | `returns` | `lines_sent`, `submitted_after`: for a desk that lost them |
//! | `uploads` | `announce_part`, `settle_upload`, `sweep`, `holdings` |
//! | `space` | ballast, floor, what may still be written |
//! | `verify` | `verify` |
//! | `copy` | `copy`: a snapshot of everything, for backups |
//! | `archive` | `records`, `cosigned_after`, `archived_after` |

mod about;
mod alarms;
mod archive;
mod arrivals;
mod attempts;
mod batch;
mod columns;
mod copy;
mod custody;
mod decisions;
mod fault;
mod fresh;
mod job;
mod ledger;
mod log;
mod mailbox;
mod message;
mod migrations;
mod mirror;
mod news;
mod offered;
mod outbox;
mod ownership;
mod packs;
mod parts;
mod pauses;
mod queue;
mod readers;
mod recovered;
mod restored;
mod returns;
mod schema;
mod settlement;
mod space;
mod standing;
mod tree;
mod uploads;
mod verify;
mod wal;
mod writer;

pub mod blobs;
pub mod mark;
pub mod record;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use arrivals::PartProgress;
pub use batch::{Admitted, Prepared};
pub use copy::{CopiedPart, StoreCopy};
pub use custody::Purpose;
pub use fault::StoreFault;
pub use outbox::LEFT_OUT;
pub use parts::{PartReader, PartUpload};
pub use space::Bounds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use crate::time::Timestamp;
use blobs::Blobs;
use fresh::Fresh;
use job::{Pace, Verdict};
use ownership::Ownership;
use readers::Readers;
use record::SpaceUse;
use space::Space;
use writer::Writer;

/// A handle on what the gateway keeps. Clones share one writer; when the last clone is dropped, what waits
/// is committed, the database is closed and another process may open it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Dropped in this order: the writer's connection goes last, so that it closes the database cleanly.
#[derive(Debug)]
struct Inner {
    readers: Readers,
    blobs: Blobs,
    space: Arc<Space>,
    fresh: Arc<Fresh>,
    writer: Writer,
}

/// How much the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterCounts {
    /// Transactions committed.
    pub commits: u64,
    /// Jobs answered after a commit.
    pub jobs: u64,
    /// Times the write-ahead log was moved into the database.
    pub checkpoints: u64,
    /// Jobs that wait now.
    pub waiting: u64,
}

impl Store {
    /// Opens the store in `directory`, which is made where it is missing, and owns it until the last clone
    /// is dropped. Brings an older database up to date, and sweeps parts that no message refers to and that
    /// are older than a day at `now`. Blocks: meant for start-up.
    pub fn open(directory: &Path, bounds: Bounds, now: Timestamp) -> Result<Self, StoreFault> {
        Self::assemble(directory, bounds, now, |_| Ok(()))
    }

    /// The same, but what it answers for is lost in a power cut. It exists so that the test which cuts the power
    /// can show that it would see such a loss; no configuration and no option leads here.
    #[doc(hidden)]
    pub fn open_unsafely(directory: &Path, bounds: Bounds, now: Timestamp) -> Result<Self, StoreFault> {
        Self::assemble(directory, bounds, now, |connection| {
            Ok(connection.pragma_update(None, "synchronous", "NORMAL")?)
        })
    }

    fn assemble(
        directory: &Path,
        bounds: Bounds,
        now: Timestamp,
        change: impl FnOnce(&Connection) -> Result<(), StoreFault>,
    ) -> Result<Self, StoreFault> {
        let ownership = Ownership::take(directory)?;
        copy::clear(directory)?;
        let space = Arc::new(Space::open(directory, bounds)?);
        let database = database_path(directory);
        let connection = schema::open_writer(&database)?;
        space.note_backlog(wal::backlog(&connection)?);
        change(&connection)?;
        blobs::sync_directory(directory)?;
        if let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) {
            blobs::sync_directory(parent)?;
        }
        let blobs = Blobs::open(&directory.join("parts"))?;
        let announced = uploads::announced(&connection, now)?;
        for digest in blobs.old(now)? {
            if !announced.contains(&digest) && !parts::is_kept(&connection, &digest)? {
                blobs.discard(&digest)?;
            }
        }
        blobs.clear(now, &announced)?;
        let readers = Readers::open(&database)?;
        let writer = Writer::start(connection, ownership, space.clone())?;
        Ok(Self { inner: Arc::new(Inner { readers, blobs, space, fresh: Arc::default(), writer }) })
    }

    /// Opens what is kept in `directory` to look at it and owns it meanwhile. Nothing is changed: no row, no part,
    /// no ballast, and the write-ahead log stays as it is. Every verb that writes answers `Stopped`.
    pub fn inspect(directory: &Path, bounds: Bounds) -> Result<Self, StoreFault> {
        let database = database_path(directory);
        if !database.is_file() {
            return Err(StoreFault::Missing(database));
        }
        let ownership = Ownership::take(directory)?;
        let connection = schema::open_witness(&database)?;
        let blobs = Blobs::at(&directory.join("parts"));
        let readers = Readers::open(&database)?;
        let space = Arc::new(Space::untouched(directory, bounds));
        let writer = Writer::idle(connection, ownership)?;
        Ok(Self { inner: Arc::new(Inner { readers, blobs, space, fresh: Arc::default(), writer }) })
    }

    /// How much the writer has done.
    pub fn counts(&self) -> WriterCounts {
        self.inner.writer.counts()
    }

    /// True once a write has failed; every verb answers [`StoreFault::Stopped`] from then on.
    pub fn is_stopped(&self) -> bool {
        self.inner.writer.is_stopped() || self.inner.blobs.is_stopped()
    }

    /// Looks how much room there is, and lays the ballast in again where it was given away and there is room.
    pub async fn space(&self) -> Result<SpaceUse, StoreFault> {
        let space = self.inner.space.clone();
        self.with_blobs(move |_| {
            space.look();
            space.restore();
            Ok(space.seen())
        })
        .await
    }

    /// `NoSpace` where so many bytes more would leave less free than the floor.
    async fn require_room(&self, bytes: u64) -> Result<(), StoreFault> {
        let space = self.inner.space.clone();
        self.with_blobs(move |_| {
            space.look();
            if space.admits(bytes) { Ok(()) } else { Err(StoreFault::NoSpace) }
        })
        .await
    }

    /// Runs `work` in the writer's next transaction and returns when that is durable. `weight` is about how
    /// many bytes it writes.
    async fn write<T, W>(&self, weight: usize, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        if self.is_stopped() {
            return Err(StoreFault::Stopped);
        }
        self.inner.writer.submit(weight, work).await
    }

    /// Answers when everything that was queued before is durable.
    pub async fn barrier(&self) -> Result<(), StoreFault> {
        self.write(0, |_| Ok(Verdict::Undo(()))).await
    }

    /// Queues `work`, which may be run again, at once, and answers when the writer's next transaction is durable.
    fn queue<T, W>(
        &self,
        pace: Pace,
        weight: usize,
        work: W,
    ) -> impl Future<Output = Result<T, StoreFault>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> Result<Verdict<T>, StoreFault> + Send + 'static,
    {
        let writer = &self.inner.writer;
        let queued =
            if self.is_stopped() { Err(StoreFault::Stopped) } else { writer.queue_again(pace, weight, work) };
        async move { queued?.await.unwrap_or(Err(StoreFault::Stopped)) }
    }

    /// Runs `work` on one snapshot of what is durable, on a blocking thread.
    async fn read<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        if self.is_stopped() {
            return Err(StoreFault::Stopped);
        }
        self.inner.readers.run(work).await
    }

    /// Runs `work` on the large parts, on a blocking thread.
    async fn with_blobs<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Blobs) -> Result<T, StoreFault> + Send + 'static,
    {
        if self.is_stopped() {
            return Err(StoreFault::Stopped);
        }
        let blobs = self.inner.blobs.clone();
        tokio::task::spawn_blocking(move || work(&blobs)).await.map_err(|_| StoreFault::Stopped)?
    }
}

fn database_path(directory: &Path) -> PathBuf {
    directory.join("gateway.db")
}
