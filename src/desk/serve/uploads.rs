//! Uploads: documents on their way into drafts, each under its digest, whole only when that was verified.
//!
//! Pieces enter; a deposit leaves that a draft may name. What was uploaded before a cut stays, and the next attempt
//! goes on after it. A document whose digest is another at the end is forgotten. What rests is sealed (`desk/deposit`),
//! under a name that only the reading key gives, so that whoever sees the folder cannot even try whether some document
//! is there.

#[cfg(test)]
mod tests;
mod under_way;

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Status};

use self::under_way::Upload;
use super::refusals::Refused;
use super::vault;
use crate::desk::deposit::{Deposit, held};
use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::limits;
use crate::proto::desk::v1 as wire;
use crate::time::{Clock, Timestamp};

/// The documents that rest at a desk.
#[derive(Clone)]
pub(super) struct Uploads {
    folder: PathBuf,
    reading: Arc<ReadingKeys>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// How long a stream may say nothing.
    patience: Duration,
    /// Whose unfinished documents are meant: no client goes on with those of another, or has them forgotten.
    client: String,
}

impl Uploads {
    pub(super) fn new(
        folder: PathBuf,
        reading: Arc<ReadingKeys>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (patience, client) = (limits::UPLOAD_PATIENCE, String::new());
        Self { folder, reading, clock, entropy, patience, client }
    }

    /// The same for one client.
    pub(super) fn of(&self, client: &str) -> Self {
        Self { client: client.to_owned(), ..self.clone() }
    }

    /// A document that is there whole; it was verified before it got this name. It is kept from now on as if it had
    /// just come.
    pub(super) fn whole(&self, digest: &Digest) -> Option<Deposit> {
        let path = self.path(digest);
        let deposit = Deposit::open(&path, self.reading.as_ref()).ok()?.of(*digest);
        let now = time_of_files(self.clock.now());
        if let Err(cause) = File::options().append(true).open(&path).and_then(|file| file.set_modified(now)) {
            tracing::warn!(%cause, "an upload that is named again may be deleted early");
        }
        Some(deposit)
    }

    /// How far an upload has come.
    pub(super) fn standing(&self, digest: &[u8]) -> Result<wire::Upload, Refused> {
        let digest = digest_of(digest)?;
        let whole = held(&self.path(&digest)).ok();
        let so_far = whole.or_else(|| held(&self.unfinished(&digest)).ok()).unwrap_or(0);
        Ok(wire::Upload { digest: digest.as_bytes().to_vec(), held: so_far, complete: whole.is_some() })
    }

    /// Takes a document.
    pub(super) async fn take(
        &self,
        mut pieces: impl Stream<Item = Result<wire::UploadDocumentRequest, Status>> + Unpin,
    ) -> Result<wire::Upload, Status> {
        let first = self.next(&mut pieces).await?;
        let first = first.ok_or_else(|| Refused::field("digest", "FIELD_MISSING", "nothing was sent"))?;
        let digest = digest_of(&first.digest)?;
        let (size, offset) = (first.size, first.offset);
        if size > limits::DOCUMENT_BYTES_MAX {
            let message = format!("a document has at most {} bytes", limits::DOCUMENT_BYTES_MAX);
            return Err(Refused::field("size", "TOO_LARGE", message).into());
        }
        if self.whole(&digest).is_some() {
            // As long as it is, whatever was said of it.
            return Ok(self.standing(digest.as_bytes())?);
        }
        let uploads = self.clone();
        let opened = tokio::task::spawn_blocking(move || Upload::open(uploads, digest, size, offset)).await;
        let mut upload = opened.map_err(|cause| unusable(std::io::Error::other(cause)))??;
        upload.put(&first.content).await?;
        while let Some(piece) = self.next(&mut pieces).await? {
            upload.put(&piece.content).await?;
        }
        let ended = tokio::task::spawn_blocking(move || upload.end()).await;
        Ok(ended.map_err(|cause| unusable(std::io::Error::other(cause)))??)
    }

    /// Deletes what nobody has named for long.
    pub(super) fn sweep(&self) {
        let since = time_of_files(self.clock.now().before(limits::UPLOADS_KEPT));
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let changed = entry.metadata().and_then(|file| file.modified());
            let is_old = changed.is_ok_and(|then| then < since);
            if is_old && fs::remove_file(entry.path()).is_ok() {
                tracing::info!("an upload that no draft took up for long was deleted");
            }
        }
    }

    /// The next piece, for which nobody is waited for long: a document under way is held by one stream alone.
    async fn next(
        &self,
        pieces: &mut (impl Stream<Item = Result<wire::UploadDocumentRequest, Status>> + Unpin),
    ) -> Result<Option<wire::UploadDocumentRequest>, Status> {
        match timeout(self.patience, pieces.next()).await {
            Ok(piece) => piece.transpose(),
            Err(_) => {
                let message = "no piece came for too long: go on with what is held";
                Err(Refused::new(Code::Aborted, "UPLOAD_TOO_SLOW", message).later().into())
            }
        }
    }

    /// Refuses one more upload of so many bytes where too much rests there.
    fn require_room(&self, size: u64) -> Result<(), Refused> {
        let resting = fs::read_dir(&self.folder).map_err(unusable)?.flatten();
        let lengths: Vec<u64> = resting.map(|one| one.metadata().map_or(0, |file| file.len())).collect();
        let bytes = lengths.iter().copied().fold(size, u64::saturating_add);
        if lengths.len() >= limits::SERVICE_UPLOADS_MAX || bytes > limits::SERVICE_UPLOADS_BYTES_MAX {
            let message =
                "too many uploads rest here, or too many bytes: those that no draft takes up go in time";
            return Err(Refused::new(Code::ResourceExhausted, "TOO_MANY_UPLOADS", message).later());
        }
        Ok(())
    }

    /// Where a document lies or is to lie that is whole.
    fn path(&self, digest: &Digest) -> PathBuf {
        self.place("UploadDocument", digest.as_bytes())
    }

    fn unfinished(&self, digest: &Digest) -> PathBuf {
        let of_client = [digest.as_bytes().as_slice(), self.client.as_bytes()].concat();
        self.place("UnfinishedUpload", &of_client).with_extension("part")
    }

    /// Under the name that the key in use gives, unless it came under a former one.
    fn place(&self, purpose: &str, what: &[u8]) -> PathBuf {
        let path = |key| {
            let name = vault::fingerprint_of(key, purpose, what);
            self.folder.join(HEXLOWER.encode(&name))
        };
        let is_there = |path: &PathBuf| path.exists() || path.with_extension("part").exists();
        let there = self.reading.all().map(path).find(is_there);
        there.unwrap_or_else(|| path(self.reading.newest()))
    }
}

/// An instant as files bear it.
fn time_of_files(instant: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(instant.seconds()).unwrap_or(0))
}

/// The folder of uploads cannot be used. Where is told to the operator alone.
fn unusable(cause: std::io::Error) -> Refused {
    Refused::from(DeskError::File { path: PathBuf::from("uploads"), cause })
}

fn digest_of(bytes: &[u8]) -> Result<Digest, Refused> {
    let wrong = |_| Refused::field("digest", "FIELD_INVALID", "the 32 bytes of a SHA-256 are expected");
    Digest::from_slice(bytes).map_err(wrong)
}
