//! A few connections that only read, on blocking threads. Each piece of work sees one snapshot.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{StoreFault, schema};
use crate::limits::STORE_READERS;

/// The connections and who may use them.
pub(super) struct Readers {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
}

struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens one connection now, so that a database that cannot be read is found at start-up, and the
    /// others when they are needed.
    pub(super) fn open(path: &Path) -> Result<Self, StoreFault> {
        let first = schema::open_reader(path)?;
        let shared = Arc::new(Shared { path: path.to_owned(), idle: Mutex::new(vec![first]) });
        Ok(Self { shared, permits: Arc::new(Semaphore::new(STORE_READERS)) })
    }

    /// Runs `work` on a snapshot. The connection stays counted until the work is done, even where the caller
    /// has stopped waiting.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreFault::Stopped)?;
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let result = shared.with_connection(work);
            drop(permit);
            result
        });
        task.await.map_err(|_| StoreFault::Stopped)?
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Shared {
    fn with_connection<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        W: FnOnce(&Connection) -> Result<T, StoreFault>,
    {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.path)?,
        };
        let snapshot = connection.unchecked_transaction()?;
        let result = work(&snapshot);
        drop(snapshot);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}
