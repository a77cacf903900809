//! A document on its way from one ministry's system to the other's: in pieces, and only whole.

use chancery::digest::Digest;
use chancery::proto::desk::v1 as wire;
use chancery::trust::role::Role;

use super::bureau::{Bureau, clearance, creation, note, reason, release};
use super::{next, pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_uploaded_in_pieces_and_travels_only_whole() {
    let stage = pair().await;
    let (xa, xb) = (Bureau::open(&stage, "XA").await, Bureau::open(&stage, "XB").await);
    let mut casework = xa.client("casework", &[Role::Draft]).await;
    let document = vec![0x5a_u8; 700_000];
    let digest = Digest::of(&document).as_bytes().to_vec();
    let pieces = |bytes: &[u8], offset: u64| {
        let (digest, size) = (digest.clone(), document.len() as u64);
        let each = bytes.chunks(200_000).map(|piece| piece.to_vec()).enumerate();
        let requests: Vec<_> = each
            .map(|(place, content)| match place {
                0 => wire::UploadDocumentRequest { digest: digest.clone(), size, offset, content },
                _ => wire::UploadDocumentRequest { content, ..Default::default() },
            })
            .collect();
        tokio_stream::iter(requests)
    };
    let mut altered = document.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(reason(casework.upload_document(pieces(&altered, 0)).await), "DIGEST_MISMATCH");
    let asked = || wire::GetUploadRequest { digest: digest.clone() };
    assert_eq!(casework.get_upload(asked()).await.unwrap().into_inner().held, 0, "nothing of it stays");

    let mut with_document = note("XB", "");
    with_document.documents = vec![wire::DraftDocument {
        document_id: "annex-1".to_owned(),
        upload_digest: digest.clone(),
        title: "Annex 1".to_owned(),
        document_class: chancery::proto::message::v1::DocumentClass::LegalBasis.into(),
        ..Default::default()
    }];
    let early = casework.create_draft(creation("early", with_document.clone())).await;
    assert_eq!(reason(early), "UPLOAD_UNKNOWN");
    let begun = casework.upload_document(pieces(&document[..300_000], 0)).await.unwrap().into_inner();
    assert_eq!((begun.held, begun.complete), (300_000, false));
    let ended = casework.upload_document(pieces(&document[300_000..], 300_000)).await.unwrap().into_inner();
    assert!(ended.complete);

    let mut legal = xa.client("legal", &[Role::Clear]).await;
    let mut head = xa.client("head", &[Role::Release]).await;
    let draft = casework.create_draft(creation("whole", with_document)).await.unwrap().into_inner();
    legal.clear_draft(clearance("c", &draft.name)).await.unwrap();
    let sent = head.release_draft(release("r", &draft.name)).await.unwrap().into_inner();
    let mut registry = xb.client("registry", &[Role::Observe, Role::Read]).await;
    let begin = wire::WatchEventsRequest::default();
    let mut seen = registry.watch_events(begin).await.unwrap().into_inner();
    let received = next(&mut seen, wire::EventKind::MessageReceived).await;
    assert_eq!(received.subject, sent.messages[0].name);
    let wanted = wire::DownloadDocumentRequest {
        message: received.subject,
        document_id: "annex-1".to_owned(),
        offset: 100_000,
        names_as: String::new(),
    };
    let mut pieces = registry.download_document(wanted).await.unwrap().into_inner();
    let first = pieces.message().await.unwrap().unwrap().document.unwrap();
    assert_eq!((first.size, first.digest), (document.len() as u64, digest));
    let mut rest = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        rest.extend(piece.content);
    }
    assert!(rest == document[100_000..]);
    xa.close().await;
    xb.close().await;
}
