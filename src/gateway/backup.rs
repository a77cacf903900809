//! Backups of a gateway: its store, copied while it is used, and for a gateway that does not run its whole home.
//!
//! What leaves is pieces of files below `data/`; configuration, keys and trust are files that the operator's own
//! command reads. Nothing changes here. What a store of this moment refers to is among the pieces, or nothing is
//! said to be whole: a part that was removed meanwhile ends the copy with `Moved`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::entropy::Entropy;
use crate::gateway::Gateway;
use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::gateway::store::record::LogHead;
use crate::gateway::store::{CopiedPart, Store, StoreFault};
use crate::keys::Passphrase;
use crate::keys::home::backup::{
    About, BESIDE_GATEWAY, BackupError, Database, GATEWAY_DATABASE, Lock, LogMark, Manifest, NewFile, Piece,
    Tree, Writing,
};
use crate::keys::home::enrolment::HomeKind;
use crate::limits::PIECE_BYTES_MAX;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::seal::Recipient;
use crate::time::Timestamp;

/// What comes out of a store.
#[derive(Debug)]
pub(super) enum Copied {
    Piece(Piece),
    End(CopyEnd),
}

/// What the pieces were of.
#[derive(Debug)]
pub(super) struct CopyEnd {
    pub(super) version: i64,
    pub(super) logs: Vec<LogHead>,
    pub(super) left_out: Vec<String>,
}

/// Why a copy did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Uncopied {
    #[error(transparent)]
    Failed(#[from] Fault),
    /// Whoever asked has gone.
    #[error("nobody takes the copy any more")]
    Gone,
    #[error("part {0} was removed while the store was copied: try again")]
    Moved(String),
}

impl From<StoreFault> for Uncopied {
    fn from(fault: StoreFault) -> Self {
        Self::Failed(fault.into())
    }
}

type Sink = mpsc::Sender<Result<Copied, Uncopied>>;

impl Gateway {
    /// Gives a copy of the store to `sink`, until its end or until nobody takes it any more.
    pub(super) async fn copy_out(&self, sink: &Sink, operator: u32) {
        let copied = async {
            // Before anything leaves: whoever has taken a part of it may go and never say so.
            let act = AdministrativeAct::new(AdministrativeVerb::BackupMade, Actor::User(operator));
            self.record_act(act).await?;
            copy_store(&self.store, sink).await
        };
        if let Err(cause) = copied.await {
            // Whoever asked may be gone, too.
            let _gone = sink.send(Err(cause)).await;
        }
    }
}

async fn copy_store(store: &Store, sink: &Sink) -> Result<(), Uncopied> {
    let copy = store.copy().await?;
    let size = copy.database.metadata().map_err(StoreFault::File)?.len();
    give_file(sink, GATEWAY_DATABASE.to_owned(), copy.database, size).await?;
    let mut left_out = Vec::new();
    for (digest, size) in copy.parts {
        let hex = digest.hex();
        let path = format!("data/parts/{}/{hex}", hex.get(..2).unwrap_or_default());
        match store.copied_part(digest).await? {
            CopiedPart::Held(file) => give_file(sink, path, file, size).await?,
            CopiedPart::Missing => left_out.push(path),
            CopiedPart::Moved => return Err(Uncopied::Moved(hex)),
        }
    }
    let end = CopyEnd { version: copy.version, logs: copy.logs, left_out };
    give(sink, Copied::End(end)).await
}

async fn give(sink: &Sink, copied: Copied) -> Result<(), Uncopied> {
    sink.send(Ok(copied)).await.map_err(|_| Uncopied::Gone)
}

/// Gives the `size` bytes of a file. One that has less is damaged: it goes as it is, and whoever verifies sees it.
async fn give_file(sink: &Sink, path: String, file: File, size: u64) -> Result<(), Uncopied> {
    let size = file.metadata().map_err(StoreFault::File)?.len().min(size);
    give(sink, Copied::Piece(Piece::File { path, size })).await?;
    let file = Arc::new(file);
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from(size.saturating_sub(offset)).unwrap_or(PIECE_BYTES_MAX);
        let (from, length) = (file.clone(), length.min(PIECE_BYTES_MAX));
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; length];
            from.read_exact_at(&mut piece, offset).map(|()| piece)
        });
        let piece = read.await.map_err(|_| StoreFault::Stopped)?.map_err(StoreFault::File)?;
        offset = offset.saturating_add(length as u64);
        give(sink, Copied::Piece(Piece::Bytes(piece))).await?;
    }
    Ok(())
}

/// How far a log had come, as a manifest says it.
fn log_mark(head: LogHead) -> LogMark {
    LogMark { origin: head.origin, mirror: head.mirror, size: head.size, root: head.root.hex() }
}

/// To whom a backup of a gateway that does not run is sealed, and where it is written.
#[derive(Debug)]
pub struct Order {
    /// Home of the gateway.
    pub home: PathBuf,
    /// The new file.
    pub output: PathBuf,
    /// Recipients; none where a passphrase is given.
    pub recipients: Vec<Recipient>,
    /// A passphrase; none where recipients are given.
    pub passphrase: Option<Passphrase>,
}

/// Why a gateway that does not run was not backed up.
#[derive(Debug, thiserror::Error)]
pub enum NoBackup {
    /// The home could not be read, or the file not be written.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The gateway's store could not be opened or read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Neither recipients nor a passphrase, or both.
    #[error("give --to RECIPIENT or --passphrase-file FILE, and not both")]
    Unsealed,
}

/// Backs up a gateway that does not run.
pub async fn back_up(order: Order, now: Timestamp, entropy: &dyn Entropy) -> Result<Manifest, NoBackup> {
    let config = Config::load(&order.home).map_err(Fault::from)?;
    let lock = match &order.passphrase {
        Some(passphrase) if order.recipients.is_empty() => Lock::Passphrase(passphrase),
        None if !order.recipients.is_empty() => Lock::Recipients(&order.recipients),
        _ => return Err(NoBackup::Unsealed),
    };
    let store = Store::inspect(&config.data(), config.store).map_err(Fault::from)?;
    let file = NewFile::beside(&order.output)?;
    let mut writing = Writing::begin(file, lock, now, entropy)?;
    let (sink, mut pieces) = mpsc::channel(2);
    let copying = tokio::spawn(async move {
        if let Err(cause) = copy_store(&store, &sink).await {
            let _gone = sink.send(Err(cause)).await;
        }
    });
    let mut end = None;
    while let Some(copied) = pieces.recv().await {
        match copied {
            Ok(Copied::Piece(piece)) => writing.take(piece)?,
            Ok(Copied::End(told)) => end = Some(told),
            Err(Uncopied::Failed(fault)) => return Err(fault.into()),
            Err(Uncopied::Moved(part)) => return Err(BackupError::Moved(part).into()),
            Err(Uncopied::Gone) => break,
        }
    }
    drop(copying);
    let end = end.ok_or(BackupError::Malformed("the store was not copied to its end"))?;
    // After the store: a key that is rotated meanwhile must not be older than what stands under its successor.
    let mut tree = Tree::list(&order.home, &BESIDE_GATEWAY)?;
    tree.give(&mut |piece| writing.take(piece))?;
    let about = About {
        kind: HomeKind::Gateway,
        ministry: config.ministry.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: now.to_string(),
        logs: end.logs.into_iter().map(log_mark).collect(),
        databases: vec![Database { path: GATEWAY_DATABASE.to_owned(), version: end.version }],
        folders: tree.folders,
        left_out: tree.left_out.into_iter().chain(end.left_out).collect(),
    };
    let (file, manifest, _) = writing.finish(about)?;
    file.keep(&order.output)?;
    Ok(manifest)
}
