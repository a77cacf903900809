//! Who gets through the doors of the service, for how long, and what nobody may ask for there: it is refused by its
//! reason and changes nothing.

use std::time::Duration;

use chancery::desk::serve::config::User;
use chancery::desk::serve::suspended::SuspendedUsers;
use chancery::digest::Digest;
use chancery::limits::{
    REQUEST_ID_BYTES_MAX, REQUEST_OFFICES_MAX, SEARCH_BYTES_MAX, SERVICE_REQUEST_BYTES_MAX,
};
use chancery::proto::desk::v1 as wire;
use chancery::time::Clock;
use chancery::transport::channel::connect_unix;
use chancery::trust::name::Label;
use chancery::trust::role::Role;
use prost::Message as _;
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::bureau::{Bureau, Client, creation, note, reason, release};
use super::{cleared, next, pair, watch};
use crate::support::PATIENCE;
use crate::support::anycall::say;
use crate::support::caller::ShutOut;

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_may_ask_for_is_refused_and_changes_nothing() {
    let stage = pair().await;
    let (xa, xb) = (Bureau::open(&stage, "XA").await, Bureau::open(&stage, "XB").await);
    let draft = cleared(&xa, "b").await;
    let before = (
        xa.register().last_event().unwrap(),
        xa.register().last_formal_number(stage.clock.now().year()).unwrap(),
    );

    // Nobody, and somebody of another desk.
    let (chain, key) = xb.enrol("stranger", &Role::ALL);
    let channel = xa.dial(&chain, &key).await;
    let knocked = match channel {
        Err(_) => Err(ShutOut::Door),
        Ok(channel) => say(&channel, "/chancery.desk.v1.DeskService/ListDrafts", Vec::new()).await,
    };
    assert_eq!(knocked, Err(ShutOut::Door), "a client of another desk does not get through the door");

    let mut reader = xa.client("reader", &[Role::Read]).await;
    assert_eq!(reason(reader.create_draft(creation("x", note("XB", ""))).await), "WRONG_ROLE");
    assert_eq!(reason(reader.release_draft(release("x", &draft.name)).await), "WRONG_ROLE");
    let mut keeper = xa.client("keeper", &[Role::Register]).await;
    let mask = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
    let list = |page_token: &str, read_mask| wire::ListMessagesRequest {
        page_token: page_token.to_owned(),
        read_mask,
        ..wire::ListMessagesRequest::default()
    };
    assert_eq!(reason(keeper.list_messages(list("", mask("content"))).await), "WRONG_ROLE");
    assert_eq!(reason(reader.list_messages(list("", mask("contents"))).await), "INVALID_FIELD_MASK");
    assert_eq!(reason(reader.list_messages(list("bm9uc2Vuc2U", None)).await), "INVALID_PAGE_TOKEN");
    let cursor = wire::WatchEventsRequest { cursor: "not a cursor".to_owned(), from_now: false };
    assert_eq!(reason(reader.watch_events(cursor).await), "INVALID_CURSOR");

    let mut casework = xa.client("casework", &[Role::Draft]).await;
    for id in ["", "no spaces", "x".repeat(REQUEST_ID_BYTES_MAX + 1).as_str()] {
        assert_eq!(reason(casework.create_draft(creation(id, note("XB", ""))).await), "INVALID_REQUEST_ID");
    }
    let offices = vec!["legal-01".to_owned(); REQUEST_OFFICES_MAX + 1];
    let many = wire::CreateDraftRequest { sign_as: offices, ..creation("m", note("XB", "")) };
    assert_eq!(reason(casework.create_draft(many).await), "TOO_MANY");
    let mut long = note("XB", "");
    long.texts[0].words = "x".repeat(SERVICE_REQUEST_BYTES_MAX);
    assert_eq!(reason(casework.create_draft(creation("l", long)).await), "TOO_LARGE");
    let search = |query: String| wire::SearchMessagesRequest { query, ..Default::default() };
    assert_eq!(
        reason(reader.search_messages(search("x".repeat(SEARCH_BYTES_MAX + 1))).await),
        "FIELD_INVALID"
    );
    reader.search_messages(search("x".repeat(SEARCH_BYTES_MAX))).await.unwrap();
    let refused =
        casework.create_draft(creation("y", wire::DraftContent { act: None, ..note("XB", "") })).await;
    assert_eq!(reason(refused), "ACT_FIELD_MISSING");
    let mut forbidden = note("XB", "");
    forbidden.texts.clear();
    let status = casework.create_draft(creation("y", forbidden)).await.unwrap_err();
    assert!(reason::<()>(Err(status.clone())).contains('_'), "a rule's code: {status:?}");
    let channel = xa.channel("raw", &[Role::Draft]).await;
    let mut unknown = creation("z", note("XB", "")).encode_to_vec();
    unknown.extend([0xfa, 0x3f, 0x01, b'x']);
    let answer = say(&channel, "/chancery.desk.v1.DeskService/CreateDraft", unknown).await;
    assert_eq!(answer, Err(ShutOut::Call(Code::InvalidArgument, "UNKNOWN_FIELD".to_owned())));
    let lists =
        wire::CreateDraftRequest { clear_by: vec![String::new(); 257], ..creation("z", note("XB", "")) };
    assert_eq!(reason(casework.create_draft(lists).await), "TOO_MANY");

    let after = (
        xa.register().last_event().unwrap(),
        xa.register().last_formal_number(stage.clock.now().year()).unwrap(),
    );
    assert_eq!(before, after, "nothing happened, and no number was used up");
    xa.close().await;
    xb.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_client_gets_no_further_on_the_connection_it_has() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut client = xa.client("casework", &[Role::Draft, Role::Observe]).await;
    let mut seen = watch(&mut client, "").await;
    next(&mut seen, wire::EventKind::Opened).await;
    client.list_drafts(wire::ListDraftsRequest::default()).await.unwrap();
    let label = Label::parse("casework").unwrap();
    xa.clients().suspend(&label, true).unwrap();
    assert_eq!(reason(client.list_drafts(wire::ListDraftsRequest::default()).await), "CLIENT_SUSPENDED");
    // Although nothing happens that it could be told.
    let told = tokio::time::timeout(PATIENCE, seen.message()).await.expect("the watch goes on");
    assert_eq!(reason(told), "CLIENT_SUSPENDED");
    xa.clients().suspend(&label, false).unwrap();
    client.list_drafts(wire::ListDraftsRequest::default()).await.unwrap();
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_client_puts_and_gets_no_further_piece_of_a_document_under_way() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let mut client = xa.client("casework", &[Role::Draft]).await;
    let label = Label::parse("casework").unwrap();
    let document = vec![0x5a_u8; 8 << 20];
    let digest = Digest::of(&document).as_bytes().to_vec();
    let first = wire::UploadDocumentRequest {
        digest: digest.clone(),
        size: document.len() as u64,
        offset: 0,
        content: document[..200_000].to_vec(),
    };
    // The second piece goes when the first has come and the client is suspended.
    let (clients, suspended, held) = (xa.clients().clone(), label.clone(), client.clone());
    let asked = wire::GetUploadRequest { digest: digest.clone() };
    let second =
        wire::UploadDocumentRequest { content: document[200_000..400_000].to_vec(), ..Default::default() };
    let rest = futures_util::stream::once(async move {
        let mut held = held;
        while held.get_upload(asked.clone()).await.unwrap().into_inner().held == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        clients.suspend(&suspended, true).unwrap();
        second
    });
    let pieces = tokio_stream::iter([first]).chain(Box::pin(rest));
    assert_eq!(reason(client.upload_document(pieces).await), "CLIENT_SUSPENDED");
    xa.clients().suspend(&label, false).unwrap();
    let held =
        client.get_upload(wire::GetUploadRequest { digest: digest.clone() }).await.unwrap().into_inner();
    assert_eq!((held.held, held.complete), (200_000, false), "what came before stays");

    let rest: Vec<_> = document[200_000..]
        .chunks(200_000)
        .enumerate()
        .map(|(place, content)| {
            let (offset, size) = (200_000, document.len() as u64);
            let content = content.to_vec();
            match place {
                0 => wire::UploadDocumentRequest { digest: digest.clone(), size, offset, content },
                _ => wire::UploadDocumentRequest { content, ..Default::default() },
            }
        })
        .collect();
    assert!(client.upload_document(tokio_stream::iter(rest)).await.unwrap().into_inner().complete);
    let mut content = note("XB", "");
    content.documents = vec![wire::DraftDocument {
        document_id: "annex-1".to_owned(),
        upload_digest: digest,
        title: "Annex 1".to_owned(),
        document_class: chancery::proto::message::v1::DocumentClass::LegalBasis.into(),
        ..Default::default()
    }];
    let draft = client.create_draft(creation("one", content)).await.unwrap().into_inner();
    let asked = wire::DownloadDocumentRequest {
        message: draft.name,
        document_id: "annex-1".to_owned(),
        ..Default::default()
    };
    let mut pieces = client.download_document(asked).await.unwrap().into_inner();
    pieces.message().await.unwrap().unwrap();
    xa.clients().suspend(&label, true).unwrap();
    let mut got = 0;
    let end = loop {
        match pieces.message().await {
            Ok(Some(piece)) => got += piece.content.len(),
            end => break end,
        }
    };
    assert_eq!(reason(end), "CLIENT_SUSPENDED", "after {got} bytes");
    assert!(got < document.len());
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generic_clients_find_out_what_the_service_offers_and_only_enrolled_ones() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let channel = xa.channel("generic", &[Role::Audit]).await;
    let asked = vec![0x3a, 1, b'*'];
    let answers =
        say(&channel, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", asked).await.unwrap();
    let told = String::from_utf8_lossy(&answers.concat()).into_owned();
    assert!(
        told.contains("chancery.desk.v1.DeskService") && told.contains("grpc.health.v1.Health"),
        "{told}"
    );
    assert!(!told.contains("chancery.gateway"), "nothing of the gateway's: {told}");
    let asked = [&[0x0a, 28][..], b"chancery.desk.v1.DeskService"].concat();
    let answers = say(&channel, "/grpc.health.v1.Health/Check", asked).await.unwrap();
    assert_eq!(answers, [vec![0x08, 1]], "it serves");
    let gone = say(&channel, "/chancery.gateway.v1.MailboxService/ListReceived", Vec::new()).await;
    assert_eq!(gone, Err(ShutOut::Call(Code::Unimplemented, "UNKNOWN_CALL".to_owned())));
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_this_machine_is_known_by_the_user_it_runs_as() {
    let stage = pair().await;
    let user = rustix::process::getuid().as_raw();
    let local = |uid: u32| User {
        uid,
        label: Label::parse("casework").unwrap(),
        roles: [Role::Draft].into(),
        offices: Default::default(),
    };
    let path = stage.folder().join("desk.sock");
    let xa = Bureau::at_socket(&stage, "XA", &path, vec![local(user)]).await;
    let mut casework = Client::new(connect_unix(&path).await.unwrap());
    let draft = casework.create_draft(creation("one", note("XB", ""))).await.unwrap().into_inner();
    assert_eq!(draft.composed_by, "casework");
    assert_eq!(reason(casework.release_draft(release("r", &draft.name)).await), "WRONG_ROLE");
    // Suspended, it gets no further on the connection it has.
    let (house, label) = (stage.house("XA"), Label::parse("casework").unwrap());
    let suspended = SuspendedUsers::of(house.desk().unwrap().config());
    suspended.set(&label, true).unwrap();
    let asked = || wire::ListDraftsRequest::default();
    assert_eq!(reason(casework.list_drafts(asked()).await), "CLIENT_SUSPENDED");
    suspended.set(&label, false).unwrap();
    assert_eq!(casework.list_drafts(asked()).await.unwrap().into_inner().drafts.len(), 1);
    xa.close().await;
    // Another user is nobody: the connection is closed before anything is read.
    let xa = Bureau::at_socket(&stage, "XA", &path, vec![local(user.wrapping_add(1))]).await;
    let shut = match connect_unix(&path).await {
        Ok(channel) => say(&channel, "/chancery.desk.v1.DeskService/ListDrafts", Vec::new()).await,
        Err(_) => Err(ShutOut::Door),
    };
    assert_eq!(shut, Err(ShutOut::Door));
    xa.close().await;
}
