//! What an upload bears: cuts, other streams, other clients, other documents, too much, too slow, too old.

use std::io::Read;
use std::path::Path;

use super::under_way::alone;
use super::*;
use crate::entropy::SystemEntropy;
use crate::limits::{SERVICE_UPLOADS_BYTES_MAX, SERVICE_UPLOADS_MAX, UPLOAD_PATIENCE, UPLOADS_KEPT};
use crate::message::seal::ReadingKey;
use crate::time::SystemClock;
use crate::transport::status::reason_of;

fn at(folder: &Path) -> Uploads {
    let reading = ReadingKey::generate(&SystemEntropy).unwrap();
    Uploads::new(folder.to_owned(), Arc::new(reading.into()), Arc::new(SystemClock), Arc::new(SystemEntropy))
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
    let ended =
        upload(&uploads, vec![piece(&digest, 10, 4, b"cum"), piece(&digest, 0, 0, b"ent")]).await.unwrap();
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
    assert_eq!(reason(upload(&uploads, vec![piece(&another, 7, 0, b"another")]).await), "TOO_MANY_UPLOADS");
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
