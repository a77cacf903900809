//! The desk service over real gateways: what one ministry's systems draft, clear and release, the other's see, read and
//! export; once, whoever asks at the same time, and never on a basis that others have overtaken.

pub mod bureau;
mod clearing;
mod documents;
mod doors;
mod drafts;
mod draining;
mod elsewhere;
mod metrics;
mod names;
mod permission;
mod readers;
mod withdrawal;

use std::io::Cursor;
use std::time::Duration;

use chancery::desk::register::DraftState;
use chancery::digest::Digest;
use chancery::message::evidence::{self, TrustBasis, Verdict};
use chancery::proto::desk::v1 as wire;
use chancery::time::Clock;
use chancery::trust::role::Role;
use tonic::Streaming;

use crate::support::{PATIENCE, Stage, eventually, forms};
use bureau::{Bureau, Client, clearance, creation, note, reason, release};

/// XA and XB in the present: their clients judge certificates by the time of the system.
async fn pair() -> Stage {
    let mut stage = Stage::today(&["XA", "XB"]);
    stage.join().await;
    stage
}

/// Waits for an event of this kind; what comes before is passed over.
async fn next(events: &mut Streaming<wire::Event>, kind: wire::EventKind) -> wire::Event {
    let waiting = async {
        loop {
            let event = events.message().await.unwrap().expect("the watch has ended");
            if event.kind() == kind {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no event {kind:?}"))
}

async fn watch(client: &mut Client, cursor: &str) -> Streaming<wire::Event> {
    let asked = wire::WatchEventsRequest { cursor: cursor.to_owned(), from_now: cursor.is_empty() };
    client.watch_events(asked).await.unwrap().into_inner()
}

/// A draft of XA that `legal` has cleared.
async fn cleared(xa: &Bureau, stem: &str) -> wire::Draft {
    let mut casework = xa.client(&format!("casework-{stem}"), &[Role::Draft]).await;
    let mut legal = xa.client(&format!("legal-{stem}"), &[Role::Clear]).await;
    let draft = casework.create_draft(creation("create", note("XB", ""))).await.unwrap().into_inner();
    legal.clear_draft(clearance("clear", &draft.name)).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_clients_send_a_note_that_the_other_ministry_sees_reads_and_proves() {
    let stage = pair().await;
    let (xa, xb) = (Bureau::open(&stage, "XA").await, Bureau::open(&stage, "XB").await);
    let mut registry = xb.client("registry", &[Role::Observe, Role::Read]).await;
    let mut seen = watch(&mut registry, "").await;
    let begun = next(&mut seen, wire::EventKind::Opened).await;

    let mut casework = xa.client("casework", &[Role::Draft, Role::Clear, Role::Release]).await;
    let mut legal = xa.client("legal", &[Role::Clear, Role::Release]).await;
    let mut head = xa.client("head", &[Role::Release, Role::Register, Role::Audit]).await;
    let drafted = casework.create_draft(creation("one", note("XB", ""))).await.unwrap().into_inner();
    let again = casework.create_draft(creation("one", note("XB", ""))).await.unwrap().into_inner();
    assert_eq!((&again.name, again.formal_number.as_str()), (&drafted.name, drafted.formal_number.as_str()));
    assert_eq!(drafted.composed_by, "casework");
    assert_eq!(reason(head.release_draft(release("r", &drafted.name)).await), "NOT_YET_CLEARED");
    // The same client never does two things that two must do, whatever roles it has.
    assert_eq!(reason(casework.clear_draft(clearance("c", &drafted.name)).await), "FOUR_EYES");
    let clear = legal.clear_draft(clearance("c", &drafted.name)).await.unwrap().into_inner();
    let steps: Vec<_> =
        clear.steps.iter().map(|step| (step.office.as_str(), step.signed, step.client.as_str())).collect();
    assert_eq!(steps[..2], [("drafting-01", true, "casework"), ("legal-01", true, "legal")]);
    for (client, who) in [(&mut casework, "whoever composed"), (&mut legal, "whoever cleared")] {
        assert_eq!(reason(client.release_draft(release("r", &drafted.name)).await), "FOUR_EYES", "{who}");
    }
    let sent = head.release_draft(release("r", &drafted.name)).await.unwrap().into_inner();
    let again = head.release_draft(release("r", &drafted.name)).await.unwrap().into_inner();
    let [message] = sent.messages.try_into().unwrap();
    assert_eq!((message.recipient.as_str(), again.messages[0].name.as_str()), ("XB", message.name.as_str()));
    assert_eq!(xa.register().sent().unwrap().len(), 1, "one release, however often it was asked for");

    // The other side: seen, and only then opened.
    let received = next(&mut seen, wire::EventKind::MessageReceived).await;
    assert_eq!(received.subject, message.name);
    let asked =
        wire::GetMessageRequest { name: received.subject.clone(), read_mask: None, names_as: String::new() };
    let read = registry.get_message(asked).await.unwrap().into_inner();
    let content = read.content.clone().unwrap();
    assert_eq!((content.kind.as_str(), content.formal_number), ("correspondence", drafted.formal_number));
    let Some(wire::act::Act::Correspondence(act)) = content.act.unwrap().act else { panic!("another act") };
    assert_eq!(act.subject, "Prisoners of war: procedure");
    assert!(content.documents[0].words.contains("외교부") && content.findings.iter().all(|one| !one.error));
    // What was read is told too, and a watcher that comes back with its cursor misses nothing.
    next(&mut seen, wire::EventKind::MessageRead).await;
    let mut resumed = watch(&mut registry, &begun.cursor).await;
    assert_eq!(next(&mut resumed, wire::EventKind::MessageReceived).await, received);

    found(&mut registry, &read.name, &read.consultation).await;
    proven(&stage, &mut head, &message.name).await;
    xa.close().await;
    xb.close().await;
}

/// The message is found in lists, by its words and in its consultation.
async fn found(reader: &mut Client, name: &str, consultation: &str) {
    let asked = wire::ListMessagesRequest { peer: "XA".to_owned(), ..Default::default() };
    let listed = reader.list_messages(asked).await.unwrap().into_inner();
    let [one] = listed.messages.try_into().unwrap();
    assert!(one.name == name && one.content.is_none() && one.read_time > 0);
    for (query, count) in [("WAR: procedure", 1), ("procedure peace", 0)] {
        let asked = wire::SearchMessagesRequest { query: query.to_owned(), ..Default::default() };
        let found = reader.search_messages(asked).await.unwrap().into_inner().messages;
        assert_eq!(found.len(), count, "{query}");
    }
    let listed = reader.list_consultations(wire::ListConsultationsRequest::default()).await.unwrap();
    let names: Vec<String> = listed.into_inner().consultations.into_iter().map(|one| one.name).collect();
    assert_eq!(names, [consultation]);
    let asked = wire::GetConsultationRequest { name: consultation.to_owned(), read_mask: None };
    assert_eq!(reader.get_consultation(asked).await.unwrap().into_inner().acts, 1);
    let nobody = wire::CheckDepartureRequest { person: "P-7QK4-M2XD-9WTV".to_owned(), ..Default::default() };
    assert_eq!(reason(reader.check_departure(nobody).await), "NO_SUCH_PERSON");
}

/// Both receipts come, cosigned, and the evidence file verifies under the bundles of both.
async fn proven(stage: &Stage, auditor: &mut Client, name: &str) {
    eventually("both sides prove it", || {
        let mut auditor = auditor.clone();
        async move {
            let asked = wire::GetReceiptsRequest { name: name.to_owned() };
            let proven = auditor.get_receipts(asked).await.unwrap().into_inner().receipts;
            proven.len() >= 2 && proven.iter().all(|receipt| receipt.cosign_time > 0)
        }
    })
    .await;
    // The keys of what it says are for whoever may read.
    let disclosing =
        wire::ExportEvidenceRequest { name: name.to_owned(), disclose: true, names_as: String::new() };
    assert_eq!(reason(auditor.export_evidence(disclosing).await), "WRONG_ROLE");
    let asked =
        wire::ExportEvidenceRequest { name: name.to_owned(), disclose: false, names_as: String::new() };
    let mut pieces = auditor.export_evidence(asked).await.unwrap().into_inner();
    let first = pieces.message().await.unwrap().unwrap();
    let mut file = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        file.extend(piece.content);
    }
    assert_eq!((file.len() as u64, Digest::of(&file).as_bytes().to_vec()), (first.size, first.digest));
    let bundles =
        ["XA", "XB"].map(|code| stage.world.bundle(&crate::support::ministry(code)).unwrap().clone());
    let basis = TrustBasis { bundles: bundles.to_vec(), fingerprints: Vec::new() };
    let verdict = evidence::verify(Cursor::new(file), &basis, stage.clock.now()).verdict();
    assert!(matches!(verdict, Verdict::Verified), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_that_release_one_draft_at_once_send_it_once() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let draft = cleared(&xa, "a").await;
    let mut one = xa.client("one", &[Role::Release]).await;
    let mut other = xa.client("other", &[Role::Release]).await;
    let (first, second) = tokio::join!(
        one.release_draft(release("r", &draft.name)),
        other.release_draft(release("r", &draft.name))
    );
    let answers = [first, second];
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = answers.into_iter().find(|answer| answer.is_err()).unwrap();
    assert_eq!(reason(refused), "ALREADY_RELEASED");
    let register = xa.register();
    assert_eq!(register.sent().unwrap().len(), 1);
    let digest = Digest::parse(draft.name.strip_prefix("drafts/").unwrap()).unwrap();
    assert_eq!(register.draft(&digest).unwrap().unwrap().state, DraftState::Released);
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_are_told_that_the_desk_stops_and_find_everything_at_the_next_one() {
    let stage = pair().await;
    let xa = Bureau::open(&stage, "XA").await;
    let (chain, key) = xa.enrol("archive", &[Role::Observe]);
    let mut archive = Client::new(xa.dial(&chain, &key).await.unwrap());
    let mut seen = watch(&mut archive, "").await;
    let begun = next(&mut seen, wire::EventKind::Opened).await;
    let draft = cleared(&xa, "d").await;
    xa.close().await;
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(10), seen.message()).await.expect("no end") {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a reason"),
            Err(end) => break end,
        }
    };
    assert_eq!(reason::<()>(Err(end)), "DRAINING");
    let xa = Bureau::open(&stage, "XA").await;
    let mut archive = Client::new(xa.dial(&chain, &key).await.unwrap());
    let mut seen = watch(&mut archive, &begun.cursor).await;
    for kind in [wire::EventKind::DraftComposed, wire::EventKind::DraftCleared] {
        assert_eq!(next(&mut seen, kind).await.subject, draft.name);
    }
    xa.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_act_makes_a_draft_stale_until_it_is_based_anew_and_cleared_again() {
    let stage = pair().await;
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "Let us talk.")).await.try_into().unwrap();
    stage.settled("XA", &first).await;
    stage.house("XB").fetch().await.unwrap();
    let xa = Bureau::open(&stage, "XA").await;
    let mut casework = xa.client("casework", &[Role::Draft, Role::Observe]).await;
    let mut legal = xa.client("legal", &[Role::Clear]).await;
    let mut head = xa.client("head", &[Role::Release]).await;
    let mut seen = watch(&mut casework, "").await;
    let content = note("XB", &format!("consultations/{}", first.consultation));
    let draft = casework.create_draft(creation("one", content)).await.unwrap().into_inner();
    legal.clear_draft(clearance("c", &draft.name)).await.unwrap();
    let reply = forms::memorandum("XA", &first.consultation, "We have changed our mind.");
    stage.send("XB", &reply).await;
    next(&mut seen, wire::EventKind::MessageReceived).await;

    assert_eq!(reason(head.release_draft(release("r", &draft.name)).await), "STALE_BASIS");
    let rebase = |client: &mut Client, id: &str| {
        let asked = wire::RebaseDraftRequest { request_id: id.to_owned(), name: draft.name.clone() };
        let mut client = client.clone();
        async move { client.rebase_draft(asked).await }
    };
    let later = rebase(&mut casework, "two").await.unwrap().into_inner();
    assert_eq!(rebase(&mut casework, "two").await.unwrap().into_inner().name, later.name);
    assert_eq!(later.formal_number, draft.formal_number, "it keeps its number");
    assert_eq!(reason(head.release_draft(release("r", &draft.name)).await), "DRAFT_SUPERSEDED");
    assert_eq!(reason(head.release_draft(release("r", &later.name)).await), "NOT_YET_CLEARED");
    legal.clear_draft(clearance("d", &later.name)).await.unwrap();
    let sent = head.release_draft(release("r", &later.name)).await.unwrap().into_inner();
    assert_eq!(sent.messages.len(), 1);
    xa.close().await;
}
