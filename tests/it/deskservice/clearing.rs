//! Whoever clears a draft reads what it signs for.

use chancery::proto::desk::v1 as wire;
use chancery::trust::role::Role;

use super::bureau::{Bureau, Client, creation, note, reason};
use super::pair;

async fn download(client: &mut Client, of: &str, document_id: &str) -> Result<Vec<u8>, tonic::Status> {
    let wanted = wire::DownloadDocumentRequest {
        message: of.to_owned(),
        document_id: document_id.to_owned(),
        offset: 3,
        names_as: String::new(),
    };
    let mut pieces = client.download_document(wanted).await?.into_inner();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.message().await? {
        whole.extend(piece.content);
    }
    Ok(whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_clears_or_releases_reads_the_texts_of_a_draft_and_its_documents_and_no_message() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft]).await;
    let mut legal = xa.client("legal", &[Role::Clear]).await;
    let mut head = xa.client("head", &[Role::Release]).await;
    let mut reader = xa.client("reader", &[Role::Read]).await;
    let draft = casework.create_draft(creation("one", note("XB", ""))).await.unwrap().into_inner();
    for client in [&mut legal, &mut head] {
        let asked = wire::GetDraftRequest { name: draft.name.clone(), ..Default::default() };
        let shown = client.get_draft(asked).await.unwrap().into_inner();
        assert!(shown.documents[0].words.contains("외교부"), "{:?}", shown.documents);
        assert!(shown.documents[1].words.contains("proposes consultations"));
        let text = download(client, &draft.name, "en").await.unwrap();
        assert_eq!(text, &shown.documents[1].words.as_bytes()[3..]);
        assert_eq!(reason(download(client, &draft.name, "none").await), "NO_SUCH_DOCUMENT");
        assert_eq!(
            reason(download(client, &format!("messages/{}", "0".repeat(64)), "en").await),
            "WRONG_ROLE"
        );
    }
    assert_eq!(reason(download(&mut reader, &draft.name, "en").await), "WRONG_ROLE");
    xa.close().await;
}

/// The number of a draft within its year.
fn number(draft: &wire::Draft) -> u32 {
    draft.formal_number.rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_asked_for_many_times_at_once_uses_up_one_number() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let casework = xa.client("casework", &[Role::Draft]).await;
    let asking = (0..8).map(|_| {
        let mut casework = casework.clone();
        tokio::spawn(async move { casework.create_draft(creation("one", note("XB", ""))).await })
    });
    let asking: Vec<_> = asking.collect();
    let mut drafts = Vec::new();
    for asked in asking {
        drafts.push(asked.await.unwrap().unwrap().into_inner());
    }
    assert!(drafts.iter().all(|draft| draft.name == drafts[0].name));
    let mut casework = casework;
    let next = casework.create_draft(creation("two", note("XB", ""))).await.unwrap().into_inner();
    assert_eq!(number(&next), number(&drafts[0]) + 1);
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_bound_to_another_office_is_told_that_it_is_the_client_who_may_not() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut bound = xa.bound("bound", &[Role::Draft], &["seal"]).await;
    let refused = bound.create_draft(creation("one", note("XB", ""))).await.unwrap_err();
    assert!(refused.message().starts_with("this client may not have the desk sign as "), "{refused:?}");
    assert_eq!(reason::<()>(Err(refused)), "OFFICE_NOT_PERMITTED");
    xa.close().await;
}
