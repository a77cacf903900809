//! Uploads: documents on their way into drafts, each under its digest, whole only when that was verified.
//!
//! Pieces enter; a file leaves that a draft may name. What was uploaded before a cut stays, and the next attempt goes on
//! after it. A document whose digest is another at the end is forgotten. The files are plain and closed to others.

use std::fs::{self, DirBuilder, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Status};

use super::refusals::Refused;
use crate::desk::error::DeskError;
use crate::desk::parts::hashed;
use crate::digest::{Digest, Hasher};
use crate::limits;
use crate::proto::desk::v1 as wire;

/// Whether a document is there whole. It was verified before it got this name.
pub(super) fn is_whole(folder: &Path, digest: &Digest) -> bool {
    folder.join(digest.hex()).is_file()
}

/// How far an upload has come.
pub(super) fn standing(folder: &Path, digest: &[u8]) -> Result<wire::Upload, Refused> {
    let digest = digest_of(digest)?;
    let length = |path: PathBuf| path.metadata().map(|file| file.len()).ok();
    let whole = length(folder.join(digest.hex()));
    let held = whole.or_else(|| length(unfinished(folder, &digest))).unwrap_or(0);
    Ok(wire::Upload { digest: digest.as_bytes().to_vec(), held, complete: whole.is_some() })
}

/// Takes a document.
pub(super) async fn take(
    folder: &Path,
    mut pieces: impl Stream<Item = Result<wire::UploadDocumentRequest, Status>> + Unpin,
) -> Result<wire::Upload, Status> {
    let first = pieces.next().await.transpose()?;
    let first = first.ok_or_else(|| Refused::field("digest", "FIELD_MISSING", "nothing was sent"))?;
    let digest = digest_of(&first.digest)?;
    let size = first.size;
    if size > limits::DOCUMENT_BYTES_MAX {
        let message = format!("a document has at most {} bytes", limits::DOCUMENT_BYTES_MAX);
        return Err(Refused::field("size", "TOO_LARGE", message).into());
    }
    if is_whole(folder, &digest) {
        return Ok(wire::Upload { digest: digest.as_bytes().to_vec(), held: size, complete: true });
    }
    let mut upload = Upload::open(folder, digest, size, first.offset).await?;
    upload.put(&first.content).await?;
    while let Some(piece) = pieces.next().await {
        upload.put(&piece?.content).await?;
    }
    Ok(upload.end().await?)
}

/// Deletes what has rested there since before an instant.
pub(super) fn sweep(folder: &Path, since: SystemTime) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|file| file.modified());
        let is_old = changed.is_ok_and(|then| then < since);
        if is_old && fs::remove_file(entry.path()).is_ok() {
            tracing::info!("an upload that no draft took up for long was deleted");
        }
    }
}

/// One upload under way, alone in its file.
struct Upload {
    folder: PathBuf,
    digest: Digest,
    size: u64,
    file: File,
    held: u64,
    hasher: Hasher,
}

impl Upload {
    async fn open(folder: &Path, digest: Digest, size: u64, offset: u64) -> Result<Self, Refused> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(DeskError::file(folder)).map_err(Refused::from)?;
        let path = unfinished(folder, &digest);
        let count = fs::read_dir(folder).map(Iterator::count).unwrap_or(0);
        if !path.exists() && count >= limits::SERVICE_UPLOADS_MAX {
            return Err(Refused::new(
                Code::ResourceExhausted,
                "TOO_MANY_UPLOADS",
                "too many uploads rest here",
            ));
        }
        let failed = |cause| Refused::from(DeskError::file(&path)(cause));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
        if file.try_lock().is_err() {
            let message = "another stream uploads this document";
            return Err(Refused::new(Code::Aborted, "UPLOAD_UNDER_WAY", message).later());
        }
        let held = file.metadata().map_err(failed)?.len();
        if offset > held {
            let message = format!("{held} bytes are held: begin there");
            return Err(Refused::field("offset", "UPLOAD_GAP", message));
        }
        file.set_len(offset).map_err(failed)?;
        let (held, hasher) = hashed(&file, size).await.map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), digest, size, file, held, hasher })
    }

    async fn put(&mut self, content: &[u8]) -> Result<(), Refused> {
        if content.len() > limits::PIECE_BYTES_MAX {
            let message = format!("a piece has at most {} bytes", limits::PIECE_BYTES_MAX);
            return Err(Refused::field("content", "TOO_LARGE", message));
        }
        let held = self.held.saturating_add(content.len() as u64);
        if held > self.size {
            self.forget();
            return Err(Refused::field(
                "content",
                "TOO_LARGE",
                "more came than the document was said to have",
            ));
        }
        let written = self.file.seek(SeekFrom::Start(self.held)).and_then(|_| self.file.write_all(content));
        written.map_err(|cause| Refused::from(DeskError::file(&self.folder)(cause)))?;
        self.hasher.update(content);
        self.held = held;
        // A file takes what it is given at once; other calls shall have their turn in between.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn end(self) -> Result<wire::Upload, Refused> {
        let digest = self.digest.as_bytes().to_vec();
        if self.held < self.size {
            return Ok(wire::Upload { digest, held: self.held, complete: false });
        }
        if self.hasher.clone().finish() != self.digest {
            self.forget();
            let message = "the bytes are not those of this digest; what was uploaded is forgotten";
            return Err(Refused::field("digest", "DIGEST_MISMATCH", message));
        }
        let failed = |cause| Refused::from(DeskError::file(&self.folder)(cause));
        let (file, path) = (self.file, self.folder.join(self.digest.hex()));
        let passing = unfinished(&self.folder, &self.digest);
        let synced = tokio::task::spawn_blocking(move || file.sync_all().map(|()| file)).await;
        synced.map_err(std::io::Error::other).and_then(|synced| synced).map_err(failed)?;
        fs::rename(&passing, &path).map_err(failed)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(wire::Upload { digest, held: self.held, complete: true })
    }

    fn forget(&self) {
        // Nothing is lost where it stays: the next attempt begins at its own offset.
        let _gone = fs::remove_file(unfinished(&self.folder, &self.digest));
    }
}

fn unfinished(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(format!("{}.part", digest.hex()))
}

fn digest_of(bytes: &[u8]) -> Result<Digest, Refused> {
    let wrong = |_| Refused::field("digest", "FIELD_INVALID", "the 32 bytes of a SHA-256 are expected");
    Digest::from_slice(bytes).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SERVICE_UPLOADS_MAX;
    use crate::transport::status::reason_of;

    fn piece(digest: &Digest, size: u64, offset: u64, content: &[u8]) -> wire::UploadDocumentRequest {
        let digest = digest.as_bytes().to_vec();
        wire::UploadDocumentRequest { digest, size, offset, content: content.to_vec() }
    }

    async fn upload(folder: &Path, pieces: Vec<wire::UploadDocumentRequest>) -> Result<wire::Upload, Status> {
        take(folder, tokio_stream::iter(pieces.into_iter().map(Ok))).await
    }

    fn reason(refused: Result<wire::Upload, Status>) -> String {
        reason_of(&refused.unwrap_err()).unwrap()
    }

    #[tokio::test]
    async fn an_upload_goes_on_where_it_was_cut_and_is_whole_only_then() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("uploads");
        let digest = Digest::of(b"a document");
        let begun = upload(&folder, vec![piece(&digest, 10, 0, b"a do")]).await.unwrap();
        assert_eq!((begun.held, begun.complete), (4, false));
        assert!(!is_whole(&folder, &digest));
        assert_eq!(standing(&folder, digest.as_bytes()).unwrap().held, 4);
        assert_eq!(reason(upload(&folder, vec![piece(&digest, 10, 5, b"ument")]).await), "UPLOAD_GAP");
        let ended =
            upload(&folder, vec![piece(&digest, 10, 4, b"cum"), piece(&digest, 0, 0, b"ent")]).await.unwrap();
        assert!(ended.complete && is_whole(&folder, &digest));
        assert_eq!(fs::read(folder.join(digest.hex())).unwrap(), b"a document");
        assert!(upload(&folder, vec![piece(&digest, 10, 0, b"")]).await.unwrap().complete, "once more");
    }

    #[tokio::test]
    async fn so_many_uploads_rest_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        for number in 0..SERVICE_UPLOADS_MAX {
            fs::write(home.path().join(number.to_string()), "").unwrap();
        }
        let digest = Digest::of(b"one more");
        let refused = upload(home.path(), vec![piece(&digest, 8, 0, b"one more")]).await;
        assert_eq!(reason(refused), "TOO_MANY_UPLOADS");
        fs::remove_file(home.path().join("0")).unwrap();
        assert!(upload(home.path(), vec![piece(&digest, 8, 0, b"one more")]).await.unwrap().complete);
        sweep(home.path(), SystemTime::UNIX_EPOCH);
        assert!(is_whole(home.path(), &digest), "what is young stays");
    }

    #[tokio::test]
    async fn a_document_with_another_digest_at_its_end_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"a document");
        let wrong = upload(home.path(), vec![piece(&digest, 10, 0, b"a documenT")]).await;
        assert_eq!(reason(wrong), "DIGEST_MISMATCH");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing of it stays");
        let long = upload(home.path(), vec![piece(&digest, 10, 0, b"a document and more")]).await;
        assert_eq!(reason(long), "TOO_LARGE");
        let huge = vec![piece(&digest, limits::DOCUMENT_BYTES_MAX + 1, 0, b"")];
        assert_eq!(reason(upload(home.path(), huge).await), "TOO_LARGE");
    }
}
