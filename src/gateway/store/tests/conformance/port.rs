//! The verbs on which custody rests, as far as a store must have them, and our own store behind them.

use std::path::Path;

use tempfile::TempDir;

use crate::digest::Digest;
use crate::gateway::store::fixture::{NOW, ORIGIN, entry, open, peer, refused};
use crate::gateway::store::record::{
    Answered, Consignment, Custody, Direction, Expiry, Footing, Ground, MirrorUpdate, Mirrored, OutboxItem,
    Position, Received, SentMessage,
};
use crate::gateway::store::{Purpose, Store, StoreFault};
use crate::time::Timestamp;

pub(super) type Answer<T> = Result<T, StoreFault>;

/// Messages that are offered together.
pub(super) type Batch = Vec<(Purpose, Consignment)>;

/// One store, of one pair of ministries, as the claims see it.
pub(super) trait Port: Sized {
    /// Does with each message of a batch what is purposed, where its footing is not lost by then.
    async fn admit(&self, batch: Batch, footing: Footing) -> Answer<Vec<Custody>>;
    /// What is to be carried at an instant.
    async fn due(&self, now: Timestamp) -> Answer<Vec<OutboxItem>>;
    /// Keeps the peer's answers of a batch, where every ground is kept as it says; false where one is not.
    async fn settle(&self, answers: Vec<Answered>, grounds: Vec<Ground>) -> Answer<bool>;
    /// Extends the mirror of the peer's log.
    async fn mirror(&self, update: MirrorUpdate) -> Answer<Mirrored>;
    /// Notes a failed attempt.
    async fn defer(&self, message: Digest, next: Timestamp) -> Answer<()>;
    /// Calls a message expired, with a leaf of these bytes.
    async fn expire(&self, message: Digest, leaf: &str) -> Answer<Expiry>;
    /// What became of a sent message.
    async fn sent(&self, message: Digest) -> Answer<Option<SentMessage>>;
    /// What the desk can fetch.
    async fn received_after(&self, cursor: u64) -> Answer<Vec<Received>>;
    /// What the desk holds.
    async fn acknowledge(&self, cursor: u64) -> Answer<u64>;
    /// The last number used.
    async fn position(&self, direction: Direction, channel: &str) -> Answer<Position>;
    /// All leaves of our log.
    async fn leaves(&self) -> Answer<Vec<Vec<u8>>>;
    /// Keeps a part that travels beside its envelope.
    async fn put_part(&self, bytes: &[u8]) -> Answer<()>;
    /// Ends without closing anything; another one begins over what the disk holds at this instant.
    fn crash(self) -> Self;
}

/// Our store in a directory of its own.
pub(super) struct Sqlite {
    pub(super) directory: TempDir,
    pub(super) store: Store,
}

impl Sqlite {
    pub(super) fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: open(directory.path()), directory }
    }

    /// What the disk holds, in another place, changed by `harm` before anybody opens it.
    pub(super) fn crash_with(self, harm: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(self.directory.path(), directory.path());
        harm(directory.path());
        Self { store: open(directory.path()), directory }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            std::fs::create_dir_all(to.join(&name)).unwrap();
            copy(&path, &to.join(name));
        } else if !name.to_string_lossy().ends_with("-shm") {
            // What is shared in memory is gone with the process.
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

impl Port for Sqlite {
    async fn admit(&self, batch: Batch, footing: Footing) -> Answer<Vec<Custody>> {
        Ok(self.store.admit_all(self.store.prepare(batch)?, footing).await?.custodies)
    }

    async fn due(&self, now: Timestamp) -> Answer<Vec<OutboxItem>> {
        self.store.due(peer(), now, 100, Default::default()).await
    }

    async fn settle(&self, answers: Vec<Answered>, grounds: Vec<Ground>) -> Answer<bool> {
        Ok(self.store.settle_all(answers, grounds, NOW).await?.is_some())
    }

    async fn mirror(&self, update: MirrorUpdate) -> Answer<Mirrored> {
        self.store.extend_mirror(update).await
    }

    async fn defer(&self, message: Digest, next: Timestamp) -> Answer<()> {
        self.store.note_attempt(vec![message], refused("PEER_UNREACHABLE", next)).await
    }

    async fn expire(&self, message: Digest, leaf: &str) -> Answer<Expiry> {
        self.store.expire(message, "CHN_06".to_owned(), entry(leaf), NOW).await
    }

    async fn sent(&self, message: Digest) -> Answer<Option<SentMessage>> {
        Ok(self.store.sent(vec![message]).await?.pop().flatten())
    }

    async fn received_after(&self, cursor: u64) -> Answer<Vec<Received>> {
        self.store.received_after(cursor, 100).await
    }

    async fn acknowledge(&self, cursor: u64) -> Answer<u64> {
        self.store.acknowledge(cursor).await
    }

    async fn position(&self, direction: Direction, channel: &str) -> Answer<Position> {
        self.store.position(direction, channel.to_owned(), peer()).await
    }

    async fn leaves(&self) -> Answer<Vec<Vec<u8>>> {
        let leaves = self.store.leaves(ORIGIN.to_owned(), 0, 1000).await?;
        Ok(leaves.into_iter().map(|leaf| leaf.bytes).collect())
    }

    async fn put_part(&self, bytes: &[u8]) -> Answer<()> {
        let mut upload = self.store.put_part(&peer(), Digest::of(bytes), bytes.len() as u64, 0).await?;
        upload.write(vec![bytes.to_vec()]).await?;
        upload.finish().await
    }

    fn crash(self) -> Self {
        self.crash_with(|_| {})
    }
}
