//! Copying the store while it is used: one snapshot of the database, and the parts to which that snapshot refers.
//!
//! Parts are files that never change and are removed only when no message refers to them any more, so that the
//! files which the snapshot names, read after it was taken, are as they were then, or gone: that is told.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

use super::blobs::Blobs;
use super::record::LogHead;
use super::{Store, StoreFault, columns, log, parts};
use crate::digest::Digest;
use crate::keys::home::backup::{BackupError, copy_database};

/// How the folders begin in which copies are made; what a crash left of them goes when the store is opened.
const FOLDER: &str = ".unfinished-copy-";

/// A snapshot of the store.
#[derive(Debug)]
pub struct StoreCopy {
    /// The copied database, which has no name any more.
    pub database: File,
    /// The version of its tables.
    pub version: i64,
    /// How far the logs had come.
    pub logs: Vec<LogHead>,
    /// The parts that only files have, with their lengths.
    pub parts: Vec<(Digest, u64)>,
}

/// A part that a snapshot names, as it is found now.
#[derive(Debug)]
pub enum CopiedPart {
    /// Here it is.
    Held(File),
    /// No message needs it any more: the snapshot is no whole one.
    Moved,
    /// Messages need it, and it is not here: the store is damaged and was before.
    Missing,
}

impl Store {
    /// Takes a snapshot. It needs as much room as the database has.
    pub async fn copy(&self) -> Result<StoreCopy, StoreFault> {
        let directory = self.inner.blobs.directory().parent().map(Path::to_owned).unwrap_or_default();
        let bytes = std::fs::metadata(super::database_path(&directory))?.len();
        self.require_room(bytes).await?;
        self.read(move |connection| {
            let scratch = tempfile::Builder::new().prefix(FOLDER).tempdir_in(&directory)?;
            let (database, version) =
                copy_database(connection, &scratch.path().join("copy")).map_err(fault)?;
            let heads = log::heads(connection)?;
            Ok(StoreCopy { database, version, logs: heads, parts: beside(connection)? })
        })
        .await
    }

    /// A part that a snapshot names.
    pub async fn copied_part(&self, digest: Digest) -> Result<CopiedPart, StoreFault> {
        if let Some(file) = self.with_blobs(move |blobs: &Blobs| blobs.file(&digest)).await? {
            return Ok(CopiedPart::Held(file));
        }
        let needed = self.read(move |connection| parts::is_kept(connection, &digest)).await?;
        Ok(if needed { CopiedPart::Missing } else { CopiedPart::Moved })
    }
}

/// Parts beside envelopes whose bytes only a file has.
fn beside(connection: &Connection) -> Result<Vec<(Digest, u64)>, StoreFault> {
    let sql = "SELECT digest, size FROM part WHERE beside = 1 AND content IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((columns::digest(row, 0)?, columns::count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes what copies have left that were cut short. Whoever calls it owns the directory.
pub(super) fn clear(directory: &Path) -> Result<(), StoreFault> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn fault(error: BackupError) -> StoreFault {
    match error {
        BackupError::Io { source, .. } => super::blobs::no_space(source),
        other => StoreFault::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::store::fixture::{Line, beside, fresh, peer, taken};
    use crate::limits::PIECE_BYTES_MAX;

    #[tokio::test]
    async fn what_a_copy_refers_to_is_found_or_told_to_be_gone_or_lost() {
        let (directory, store) = fresh();
        let content = vec![7; 300 * 1024];
        let part = beside(&content);
        let mut upload = store.put_part(&peer(), part.digest, part.size, 0).await.unwrap();
        upload
            .write(vec![content[..PIECE_BYTES_MAX].to_vec(), content[PIECE_BYTES_MAX..].to_vec()])
            .await
            .unwrap();
        upload.finish().await.unwrap();
        let mut message = Line::on("ch-1").next();
        message.parts.push(part.clone());
        taken(store.take_custody(message).await.unwrap());
        let copy = store.copy().await.unwrap();
        assert_eq!(copy.parts, [(part.digest, part.size)]);
        assert_eq!(copy.logs.iter().map(|log| log.size).sum::<u64>(), 1);
        let left = std::fs::read_dir(directory.path()).unwrap();
        let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(!names.into_iter().any(|name| name.starts_with(FOLDER)), "the copy has lost its name");
        assert!(matches!(store.copied_part(part.digest).await.unwrap(), CopiedPart::Held(_)));
        let hex = part.digest.hex();
        std::fs::remove_file(directory.path().join("parts").join(&hex[..2]).join(&hex)).unwrap();
        assert!(matches!(store.copied_part(part.digest).await.unwrap(), CopiedPart::Missing));
        let unknown = Digest::of(b"no message has it");
        assert!(matches!(store.copied_part(unknown).await.unwrap(), CopiedPart::Moved));
    }

    #[test]
    fn what_a_copy_that_was_cut_short_has_left_goes_when_the_store_is_opened() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(".unfinished-copy-x");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("copy"), "rows").unwrap();
        std::fs::write(directory.path().join("gateway.lock"), "").unwrap();
        clear(directory.path()).unwrap();
        assert!(!left.exists() && directory.path().join("gateway.lock").exists());
    }
}
