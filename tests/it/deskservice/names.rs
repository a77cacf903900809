//! Who a person is leaves for a client when an office that may know asks through it, and no other way: in the words of
//! particulars, and in documents of any act that identify a person.

use std::io::Cursor;
use std::path::Path;

use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::message::evidence::{self, TrustBasis};
use chancery::message::terms::ActClass;
use chancery::proto::desk::v1 as wire;
use chancery::time::Clock;
use chancery::trust::role::Role;

use super::bureau::{Bureau, Client, reason};
use super::{next, pair};
use crate::support::{Stage, eventually, forms, ministry};

const PERSON: &str = "P-7QK4-M2XD-9WTV";
const CARD: &str = "홍길동, 1901";

/// How often somebody asked at XB.
fn lookups(stage: &Stage) -> Vec<String> {
    let house = stage.house("XB");
    let desk = house.desk().unwrap();
    let all = desk.lookups(&desk.trust().unwrap(), house.keys()).unwrap();
    assert!(all.iter().all(|one| one.signed));
    all.into_iter().map(|one| one.person).collect()
}

/// Through whom.
fn askers(stage: &Stage) -> Vec<Option<String>> {
    let house = stage.house("XB");
    let desk = house.desk().unwrap();
    let all = desk.lookups(&desk.trust().unwrap(), house.keys()).unwrap();
    all.into_iter().map(|one| one.client).collect()
}

async fn read(
    client: &mut Client,
    name: &str,
    names_as: &str,
) -> Result<wire::MessageContent, tonic::Status> {
    let (name, names_as) = (name.to_owned(), names_as.to_owned());
    let asked = wire::GetMessageRequest { name, read_mask: None, names_as };
    client.get_message(asked).await.map(|shown| shown.into_inner().content.unwrap())
}

async fn download(
    client: &mut Client,
    message: &str,
    document_id: &str,
    names_as: &str,
) -> Result<Vec<u8>, tonic::Status> {
    let wanted = wire::DownloadDocumentRequest {
        message: message.to_owned(),
        document_id: document_id.to_owned(),
        offset: 0,
        names_as: names_as.to_owned(),
    };
    let mut pieces = client.download_document(wanted).await?.into_inner();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.message().await? {
        whole.extend(piece.content);
    }
    Ok(whole)
}

/// What a disclosed evidence file of this message gives to whoever has it, and how much of it stays sealed.
async fn disclosed(stage: &Stage, client: &mut Client, message: &str, names_as: &str) -> (String, u32) {
    let (name, names_as) = (message.to_owned(), names_as.to_owned());
    let asked = wire::ExportEvidenceRequest { name, disclose: true, names_as };
    let mut pieces = client.export_evidence(asked).await.unwrap().into_inner();
    let withheld = pieces.message().await.unwrap().unwrap().withheld;
    let mut file = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        file.extend(piece.content);
    }
    let bundles = ["XA", "XB"].map(|code| stage.world.bundle(&ministry(code)).unwrap().clone());
    let basis = TrustBasis { bundles: bundles.to_vec(), fingerprints: Vec::new() };
    let mut all = Vec::new();
    evidence::release(Cursor::new(file), &basis, stage.clock.now(), &mut |_, _, content| {
        content.read_to_end(&mut all).map(|_| ())
    })
    .unwrap();
    (String::from_utf8_lossy(&all).into_owned(), withheld)
}

/// XB has got this form of XA; its name there.
async fn received(stage: &Stage, xb: &Bureau, form: &str) -> String {
    let mut registry = xb.client("registry", &[Role::Observe]).await;
    let mut seen = registry.watch_events(wire::WatchEventsRequest::default()).await.unwrap().into_inner();
    let [sent] = stage.send("XA", form).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    let name = format!("messages/{}", sent.id);
    while next(&mut seen, wire::EventKind::MessageReceived).await.subject != name {}
    name
}

async fn begun(stage: &Stage) -> String {
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "Let us talk.")).await.try_into().unwrap();
    stage.settled("XA", &first).await;
    first.consultation
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_particulars_are_withheld_from_clients_until_an_office_that_may_know_asks() {
    let stage = pair().await;
    let consultation = begun(&stage).await;
    let xb = Bureau::open(&stage, "XB").await;
    let mut reader = xb.bound("reader", &[Role::Read], &["drafting-01", "seal"]).await;
    let mut unbound = xb.client("unbound", &[Role::Read]).await;
    let particulars = forms::particulars("XB", &consultation, PERSON, &[("홍", "길동", "Hang")]);
    let name = received(&stage, &xb, &particulars).await;
    let names = |content: &wire::MessageContent| match content.act.clone().unwrap().act.unwrap() {
        wire::act::Act::PersonParticulars(particulars) => (particulars.person, particulars.names.len()),
        other => panic!("{other:?}"),
    };
    let bare = read(&mut reader, &name, "").await.unwrap();
    assert_eq!(names(&bare), (PERSON.to_owned(), 0));
    assert!(bare.documents.iter().all(|one| one.withheld && one.words.is_empty()), "{:?}", bare.documents);
    let guessable = |one: &wire::DocumentInfo| one.size > 0 || !one.digest.is_empty();
    assert!(
        !bare.documents.iter().any(guessable),
        "a name that is guessed is confirmed: {:?}",
        bare.documents
    );
    assert_eq!(reason(read(&mut reader, &name, "seal").await), "NOT_FOR_NAMES");
    // Nobody asks through a client but an office that it was enrolled for.
    assert_eq!(reason(read(&mut reader, &name, "legal-01").await), "OFFICE_NOT_PERMITTED");
    assert_eq!(reason(read(&mut unbound, &name, "drafting-01").await), "OFFICE_NOT_PERMITTED");
    assert_eq!(names(&read(&mut unbound, &name, "").await.unwrap()).1, 0);
    assert_eq!(lookups(&stage), [""; 0]);
    let whole = read(&mut reader, &name, "drafting-01").await.unwrap();
    assert_eq!(names(&whole), (PERSON.to_owned(), 1));
    assert!(whole.documents.iter().all(|one| !one.withheld && !one.words.is_empty() && guessable(one)));
    assert_eq!(lookups(&stage), [PERSON]);
    assert_eq!(askers(&stage), [Some("reader".to_owned())]);
    xb.close().await;
}

fn hold_with_a_card(folder: &Path, consultation: &str) -> String {
    let document = |name: &str, class: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        format!(
            "[[document]]\npath = {path:?}\ntitle = \"Annex\"\nclass = \"{class}\"\nlanguage = \"und\"\nid = \"{name}\"\n"
        )
    };
    let hold = forms::hold("XB", consultation, PERSON);
    let hold = hold.replace("[act]", "caveats = [\"PERSONAL_GC3_13\"]\n[act]");
    let (card, basis) =
        (document("card", "IDENTITY_CARD", CARD), document("basis", "LEGAL_BASIS", "Article 118"));
    format!("{hold}\n{card}{basis}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_identifies_a_person_is_given_to_no_client_until_an_office_that_may_know_asks() {
    let stage = pair().await;
    let consultation = begun(&stage).await;
    let xb = Bureau::open(&stage, "XB").await;
    let offices = ["drafting-01", "releasing-01", "seal"];
    let mut reader = xb.bound("reader", &[Role::Read, Role::Audit], &offices).await;
    let mut auditor = xb.client("auditor", &[Role::Read, Role::Audit]).await;
    let folder = tempfile::tempdir().unwrap();
    let name = received(&stage, &xb, &hold_with_a_card(folder.path(), &consultation)).await;
    let shown = read(&mut reader, &name, "drafting-01").await.unwrap();
    let marked: Vec<(&str, bool)> =
        shown.documents.iter().map(|one| (one.document_id.as_str(), one.withheld)).collect();
    assert_eq!(marked, [("card", true), ("basis", false)]);
    let lengths: Vec<(u64, usize)> = shown.documents.iter().map(|one| (one.size, one.digest.len())).collect();
    assert_eq!(lengths, [(0, 0), (11, 32)], "neither size nor digest of what is withheld");
    assert_eq!(lookups(&stage), [""; 0], "nobody signs for what is not shown");

    assert_eq!(reason(download(&mut reader, &name, "card", "").await), "NAMES_WITHHELD");
    assert_eq!(reason(download(&mut reader, &name, "card", "seal").await), "NOT_FOR_NAMES");
    assert_eq!(reason(download(&mut auditor, &name, "card", "drafting-01").await), "OFFICE_NOT_PERMITTED");
    assert_eq!(download(&mut reader, &name, "basis", "").await.unwrap(), b"Article 118");
    assert_eq!(lookups(&stage), [""; 0]);
    assert_eq!(download(&mut reader, &name, "card", "drafting-01").await.unwrap(), CARD.as_bytes());
    assert_eq!(lookups(&stage), [PERSON]);

    eventually("both sides prove it", || {
        let (mut reader, name) = (reader.clone(), name.clone());
        async move {
            let proven = reader.get_receipts(wire::GetReceiptsRequest { name }).await.unwrap().into_inner();
            proven.receipts.len() >= 2 && proven.receipts.iter().all(|one| one.cosign_time > 0)
        }
    })
    .await;
    let (content, withheld) = disclosed(&stage, &mut reader, &name, "").await;
    assert!(content.contains("Article 118") && !content.contains(CARD));
    assert_eq!((withheld, lookups(&stage).len()), (1, 1));
    let disclosing = wire::ExportEvidenceRequest {
        name: name.clone(),
        disclose: true,
        names_as: "releasing-01".to_owned(),
    };
    assert_eq!(reason(auditor.export_evidence(disclosing).await), "OFFICE_NOT_PERMITTED");
    let (content, withheld) = disclosed(&stage, &mut reader, &name, "releasing-01").await;
    assert!(content.contains(CARD));
    assert_eq!((withheld, lookups(&stage).len()), (0, 2));
    xb.close().await;
}

/// An act of a kind that no desk of this release knows, with a document.
async fn of_a_later_release(stage: &Stage, folder: &Path, consultation: &str) {
    let path = folder.join("basis");
    std::fs::write(&path, "Article 118").unwrap();
    let form = format!(
        "{}\n[[document]]\npath = {path:?}\ntitle = \"Annex\"\nclass = \"LEGAL_BASIS\"\nlanguage = \"und\"\nid = \"basis\"\n",
        forms::memorandum("XB", consultation, "Words that every release can read.")
    );
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let draft = parse(&form, &IdsOnly).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let mut composition = desk.compose(&trust, house.keys(), &draft, folder, None).unwrap();
    composition.dispatch.kind = "parole-report".to_owned();
    composition.dispatch.act_class = ActClass::Factual;
    composition.dispatch.act = vec![0xfa, 0x3f, 0x02, b'o', b'k'];
    let [sent] = desk.send(&trust, house.keys(), composition).await.unwrap().try_into().unwrap();
    stage.settled("XA", &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_cannot_be_read_clients_get_the_texts_and_documents_by_an_office_that_may_know() {
    let stage = pair().await;
    let consultation = begun(&stage).await;
    let xb = Bureau::open(&stage, "XB").await;
    let roles = [Role::Read, Role::Observe];
    let mut reader = xb.bound("reader", &roles, &["drafting-01", "seal"]).await;
    let mut seen = reader.watch_events(wire::WatchEventsRequest::default()).await.unwrap().into_inner();
    next(&mut seen, wire::EventKind::MessageReceived).await;
    let folder = tempfile::tempdir().unwrap();
    of_a_later_release(&stage, folder.path(), &consultation).await;
    let name = next(&mut seen, wire::EventKind::MessageReceived).await.subject;
    let shown = read(&mut reader, &name, "").await.unwrap();
    assert_eq!((shown.kind.as_str(), &shown.act), ("parole-report", &None));
    let marked: Vec<(bool, bool)> =
        shown.documents.iter().map(|one| (one.withheld, one.words.is_empty())).collect();
    assert_eq!(marked, [(false, false), (true, true)]);
    assert_eq!(reason(download(&mut reader, &name, "basis", "").await), "NAMES_WITHHELD");
    assert_eq!(reason(download(&mut reader, &name, "basis", "seal").await), "NOT_FOR_NAMES");
    let text = shown.documents[0].document_id.clone();
    assert!(download(&mut reader, &name, &text, "drafting-01").await.is_ok());
    assert_eq!(lookups(&stage), [""; 0], "nobody signs for what is for every reader");
    assert_eq!(download(&mut reader, &name, "basis", "drafting-01").await.unwrap(), b"Article 118");
    assert_eq!(lookups(&stage), [name.strip_prefix("messages/").unwrap()], "nobody is named: the message is");
    xb.close().await;
}
