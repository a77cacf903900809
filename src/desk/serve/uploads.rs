//! Uploads: documents on their way into drafts, each under its digest, whole only when that was verified.
//!
//! Pieces enter; a deposit leaves that a draft may name. What was uploaded before a cut stays, and the next attempt goes
//! on after it. A document whose digest is another at the end is forgotten. What rests is sealed (`desk/deposit`), under a
//! name that only the reading key gives, so that whoever sees the folder cannot even try whether some document is there.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::{Code, Status};

use super::refusals::Refused;
use super::vault;
use crate::desk::deposit::{Deposit, DepositWriter, held};
use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::digest::{Digest, Hasher};
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

    /// A document that is there whole; it was verified before it got this name. It is kept from now on as if it had just
    /// come.
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

/// One upload under way, alone in its file.
struct Upload {
    uploads: Uploads,
    digest: Digest,
    size: u64,
    writer: DepositWriter,
    hasher: Hasher,
}

impl Upload {
    fn open(uploads: Uploads, digest: Digest, size: u64, offset: u64) -> Result<Self, Refused> {
        DirBuilder::new().recursive(true).mode(0o700).create(&uploads.folder).map_err(unusable)?;
        let path = uploads.unfinished(&digest);
        if !path.exists() {
            uploads.require_room(size)?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = alone(options.open(&path).map_err(unusable)?, &path)?;
        let there = held(&path).unwrap_or(0);
        if offset > there {
            let message = format!("{there} bytes are held: begin there");
            return Err(Refused::field("offset", "UPLOAD_GAP", message));
        }
        let (reading, entropy) = (uploads.reading.clone(), uploads.entropy.clone());
        let resumed = DepositWriter::resume(file, &path, offset.min(size), &reading, entropy);
        let (writer, hasher) = resumed.map_err(unusable)?;
        if writer.length() < offset {
            let message = format!("{} bytes are whole: begin there", writer.length());
            return Err(Refused::field("offset", "UPLOAD_GAP", message));
        }
        Ok(Self { uploads, digest, size, writer, hasher })
    }

    async fn put(&mut self, content: &[u8]) -> Result<(), Refused> {
        if content.len() > limits::PIECE_BYTES_MAX {
            let message = format!("a piece has at most {} bytes", limits::PIECE_BYTES_MAX);
            return Err(Refused::field("content", "TOO_LARGE", message));
        }
        if self.writer.length().saturating_add(content.len() as u64) > self.size {
            self.forget();
            let message = "more came than the document was said to have";
            return Err(Refused::field("content", "TOO_LARGE", message));
        }
        self.writer.put(content).map_err(unusable)?;
        self.hasher.update(content);
        // A file takes what it is given at once; other calls shall have their turn in between.
        tokio::task::yield_now().await;
        Ok(())
    }

    fn end(self) -> Result<wire::Upload, Refused> {
        let (digest, so_far) = (self.digest.as_bytes().to_vec(), self.writer.length());
        if so_far < self.size {
            self.writer.into_file().sync_data().map_err(unusable)?;
            return Ok(wire::Upload { digest, held: so_far, complete: false });
        }
        if self.hasher.clone().finish() != self.digest {
            self.forget();
            let message = "the bytes are not those of this digest; what was uploaded is forgotten";
            return Err(Refused::field("digest", "DIGEST_MISMATCH", message));
        }
        let (passing, path) = (self.uploads.unfinished(&self.digest), self.uploads.path(&self.digest));
        // Held until it has its name: whoever opened it before that is not to write on in what is whole.
        let held = self.writer.into_file();
        held.sync_all().map_err(unusable)?;
        fs::rename(&passing, &path).map_err(unusable)?;
        File::open(&self.uploads.folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;
        Ok(wire::Upload { digest, held: so_far, complete: true })
    }

    fn forget(&self) {
        // Nothing is lost where it stays: the next attempt begins at its own offset.
        let _gone = fs::remove_file(self.uploads.unfinished(&self.digest));
    }
}

/// The file of an unfinished upload, where no other stream has it, and none had it that ended since it was opened: then
/// it is whole, or forgotten, and has its name no more.
fn alone(file: File, path: &Path) -> Result<File, Refused> {
    let is_it = || Ok::<_, std::io::Error>(file.metadata()?.ino() == fs::metadata(path)?.ino());
    if file.try_lock().is_ok() && is_it().unwrap_or(false) {
        return Ok(file);
    }
    let message = "another stream uploads this document";
    Err(Refused::new(Code::Aborted, "UPLOAD_UNDER_WAY", message).later())
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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;

    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::limits::{SERVICE_UPLOADS_BYTES_MAX, SERVICE_UPLOADS_MAX, UPLOAD_PATIENCE, UPLOADS_KEPT};
    use crate::message::seal::ReadingKey;
    use crate::time::SystemClock;
    use crate::transport::status::reason_of;

    fn at(folder: &Path) -> Uploads {
        let reading = ReadingKey::generate(&SystemEntropy).unwrap();
        Uploads::new(
            folder.to_owned(),
            Arc::new(reading.into()),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        )
    }

    fn piece(digest: &Digest, size: u64, offset: u64, content: &[u8]) -> wire::UploadDocumentRequest {
        let digest = digest.as_bytes().to_vec();
        wire::UploadDocumentRequest { digest, size, offset, content: content.to_vec() }
    }

    async fn upload(to: &Uploads, pieces: Vec<wire::UploadDocumentRequest>) -> Result<wire::Upload, Status> {
        to.take(tokio_stream::iter(pieces.into_iter().map(Ok))).await
    }

    fn reason(refused: Result<wire::Upload, Status>) -> String {
        reason_of(&refused.unwrap_err()).unwrap()
    }

    #[tokio::test]
    async fn an_upload_goes_on_where_it_was_cut_and_is_whole_only_then() {
        let home = tempfile::tempdir().unwrap();
        let uploads = at(&home.path().join("uploads"));
        let digest = Digest::of(b"a document");
        let begun = upload(&uploads, vec![piece(&digest, 10, 0, b"a do")]).await.unwrap();
        assert_eq!((begun.held, begun.complete), (4, false));
        assert!(uploads.whole(&digest).is_none());
        assert_eq!(uploads.standing(digest.as_bytes()).unwrap().held, 4);
        assert_eq!(reason(upload(&uploads, vec![piece(&digest, 10, 5, b"ument")]).await), "UPLOAD_GAP");
        let ended = upload(&uploads, vec![piece(&digest, 10, 4, b"cum"), piece(&digest, 0, 0, b"ent")])
            .await
            .unwrap();
        assert!(ended.complete);
        let mut read = String::new();
        uploads.whole(&digest).unwrap().reader().unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "a document");
        // Neither what it says nor which document it is stands there for others to see.
        for entry in fs::read_dir(home.path().join("uploads")).unwrap() {
            let entry = entry.unwrap();
            assert!(!entry.file_name().to_string_lossy().contains(&digest.hex()));
            assert!(!fs::read(entry.path()).unwrap().windows(10).any(|bytes| bytes == b"a document"));
        }
        let again = upload(&uploads, vec![piece(&digest, 5, 0, b"")]).await.unwrap();
        assert_eq!((again.held, again.complete), (10, true), "once more, and whatever was said of it");
    }

    #[tokio::test]
    async fn no_client_goes_on_with_what_another_began_nor_has_it_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let uploads = at(&home.path().join("uploads"));
        let (one, other) = (uploads.of("casework"), uploads.of("archive"));
        let digest = Digest::of(b"a document");
        assert_eq!(upload(&one, vec![piece(&digest, 10, 0, b"a do")]).await.unwrap().held, 4);
        assert_eq!(other.standing(digest.as_bytes()).unwrap().held, 0);
        assert_eq!(reason(upload(&other, vec![piece(&digest, 10, 4, b"cumenT")]).await), "UPLOAD_GAP");
        let wrong = upload(&other, vec![piece(&digest, 10, 0, b"a documenT")]).await;
        assert_eq!(reason(wrong), "DIGEST_MISMATCH");
        assert!(upload(&one, vec![piece(&digest, 10, 4, b"cument")]).await.unwrap().complete);
        // What is whole is there for everybody who knows what it is.
        assert!(other.standing(digest.as_bytes()).unwrap().complete && uploads.whole(&digest).is_some());
    }

    #[tokio::test]
    async fn so_many_uploads_rest_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        for number in 0..SERVICE_UPLOADS_MAX {
            fs::write(home.path().join(number.to_string()), "").unwrap();
        }
        let (digest, uploads) = (Digest::of(b"one more"), at(home.path()));
        let refused = upload(&uploads, vec![piece(&digest, 8, 0, b"one more")]).await;
        assert_eq!(reason(refused), "TOO_MANY_UPLOADS");
        fs::remove_file(home.path().join("0")).unwrap();
        assert!(upload(&uploads, vec![piece(&digest, 8, 0, b"one more")]).await.unwrap().complete);
        uploads.sweep();
        assert!(uploads.whole(&digest).is_some(), "what is young stays");
        // Bytes count as well; a file with a hole has many and takes no room.
        let long = File::create(home.path().join("1")).unwrap();
        long.set_len(SERVICE_UPLOADS_BYTES_MAX).unwrap();
        let another = Digest::of(b"another");
        fs::remove_file(home.path().join("2")).unwrap();
        assert_eq!(
            reason(upload(&uploads, vec![piece(&another, 7, 0, b"another")]).await),
            "TOO_MANY_UPLOADS"
        );
    }

    #[tokio::test]
    async fn a_document_with_another_digest_at_its_end_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let (digest, uploads) = (Digest::of(b"a document"), at(home.path()));
        let wrong = upload(&uploads, vec![piece(&digest, 10, 0, b"a documenT")]).await;
        assert_eq!(reason(wrong), "DIGEST_MISMATCH");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "nothing of it stays");
        let long = upload(&uploads, vec![piece(&digest, 10, 0, b"a document and more")]).await;
        assert_eq!(reason(long), "TOO_LARGE");
        let huge = vec![piece(&digest, limits::DOCUMENT_BYTES_MAX + 1, 0, b"")];
        assert_eq!(reason(upload(&uploads, huge).await), "TOO_LARGE");
    }

    #[tokio::test]
    async fn a_stream_that_opened_a_file_before_another_one_ended_it_writes_nothing_into_what_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let (digest, uploads) = (Digest::of(b"a document"), at(home.path()));
        assert!(!upload(&uploads, vec![piece(&digest, 10, 0, b"a do")]).await.unwrap().complete);
        let path = uploads.unfinished(&digest);
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let (held, late) = (alone(open(), &path).unwrap(), open());
        let reason = |refused: Result<File, Refused>| reason_of(&Status::from(refused.unwrap_err())).unwrap();
        assert_eq!(reason(alone(open(), &path)), "UPLOAD_UNDER_WAY");
        drop(held);
        assert!(upload(&uploads, vec![piece(&digest, 10, 4, b"cument")]).await.unwrap().complete);
        assert_eq!(reason(alone(late, &path)), "UPLOAD_UNDER_WAY", "it is whole under another name");
    }

    #[tokio::test]
    async fn what_rests_under_a_digest_and_is_another_document_is_never_read_to_its_end() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (Digest::of(b"a document"), Digest::of(b"another one"));
        let uploads = at(home.path());
        assert!(upload(&uploads, vec![piece(&one, 10, 0, b"a document")]).await.unwrap().complete);
        fs::rename(uploads.path(&one), uploads.path(&other)).unwrap();
        let mut read = String::new();
        let refused = uploads.whole(&other).unwrap().reader().unwrap().read_to_string(&mut read);
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        // Nor does a draft take it up.
        let source = crate::desk::documents::Source::Deposit(uploads.whole(&other).unwrap());
        assert!(crate::desk::documents::measured(&source).is_err());
    }

    #[tokio::test]
    async fn a_stream_that_says_nothing_more_ends_and_what_came_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"a document");
        let uploads = Uploads { patience: UPLOAD_PATIENCE / 1000, ..at(home.path()) };
        let begun = tokio_stream::iter([Ok(piece(&digest, 10, 0, b"a do"))]);
        let refused = uploads.take(begun.chain(tokio_stream::pending())).await;
        assert_eq!(reason(refused), "UPLOAD_TOO_SLOW");
        assert_eq!(uploads.standing(digest.as_bytes()).unwrap().held, 4);
        assert!(upload(&uploads, vec![piece(&digest, 10, 4, b"cument")]).await.unwrap().complete);
    }

    #[tokio::test]
    async fn an_upload_is_kept_for_as_long_as_drafts_name_it() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"two"));
        let uploads = at(home.path());
        for (digest, content) in [(&one, b"one"), (&other, b"two")] {
            assert!(upload(&uploads, vec![piece(digest, 3, 0, content)]).await.unwrap().complete);
            let long_ago = time_of_files(SystemClock.now().before(UPLOADS_KEPT)) - Duration::from_secs(60);
            File::options().append(true).open(uploads.path(digest)).unwrap().set_modified(long_ago).unwrap();
        }
        assert!(uploads.whole(&one).is_some(), "a draft names it");
        uploads.sweep();
        let there = [&one, &other].map(|digest| uploads.path(digest).exists());
        assert_eq!(there, [true, false]);
    }
}
