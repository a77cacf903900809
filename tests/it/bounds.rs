//! Bounds at the doors of a running gateway: what is exactly at one is answered, what is one beyond it is refused
//! with its reason, or answered with as much as the bound allows.

use chancery::gateway::error::Declined;
use chancery::gateway::frame::{Delivery, Relay};
use chancery::limits;
use chancery::message::envelope::Envelope;
use chancery::proto::gateway::v1 as wire;
use prost::Message;
use tokio::sync::mpsc;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::caller::{self, ShutOut, desk_identity, gateway_identity, shut_out};
use crate::support::craft::Craft;
use crate::support::{Stage, ministry, proofs};

/// Puts messages with these sealed bytes into the mailbox of XB, one after the other.
async fn deliver(stage: &Stage, sealed: impl Iterator<Item = Vec<u8>>) -> usize {
    let (mut craft, mut count, sender) = (Craft::new(stage, "XA", "XB"), 0, ministry("XA"));
    for bytes in sealed {
        let envelope: Envelope = craft.saying(&bytes).signed(stage);
        let outcomes = stage.gateway("XB").receive(&sender, vec![Delivery::of(envelope.encode())]);
        assert_eq!(outcomes.await.unwrap().len(), 1);
        craft = craft.after(&envelope);
        count += 1;
    }
    count
}

async fn page(stage: &Stage, after: u64, page_size: usize) -> wire::ListReceivedResponse {
    let mut client = caller::mailbox(stage, desk_identity(stage, "XB"), "XB").await;
    let page_size = u32::try_from(page_size).unwrap_or(u32::MAX);
    let first = client.list_received(wire::ListReceivedRequest::default()).await.unwrap().into_inner();
    let at = first.messages.iter().find(|message| message.cursor == after);
    let after_id = at.map(|message| Envelope::parse(&message.envelope).unwrap().id().as_bytes().to_vec());
    let request = wire::ListReceivedRequest {
        after,
        page_size,
        epoch: first.epoch,
        after_id: after_id.unwrap_or_default(),
    };
    client.list_received(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_mailbox_is_never_longer_whatever_is_asked_for() {
    let stage = Stage::pair().await;
    let texts = (0..=limits::PAGE_MAX).map(|number| number.to_string().into_bytes());
    let whole = deliver(&stage, texts).await;
    for (asked, got) in [
        (0, limits::PAGE_DEFAULT),
        (1, 1),
        (limits::PAGE_MAX, limits::PAGE_MAX),
        (limits::PAGE_MAX + 1, limits::PAGE_MAX),
        (usize::MAX, limits::PAGE_MAX),
    ] {
        let answer = page(&stage, 0, asked).await;
        assert_eq!((answer.messages.len(), answer.more), (got, true), "{asked} were asked for");
    }
    let rest = page(&stage, 1, limits::PAGE_MAX).await;
    assert_eq!((rest.messages.len(), rest.more), (whole - 1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_mailbox_stays_within_its_bytes_however_large_its_messages_are() {
    let stage = Stage::pair().await;
    let largest = usize::try_from(limits::INLINE_PARTS_BYTES_MAX).unwrap();
    let count = limits::MAILBOX_ANSWER_BYTES_MAX / largest + 1;
    let sealed = (0..count).map(|number| vec![u8::try_from(number).unwrap(); largest]);
    deliver(&stage, sealed).await;
    let answer = page(&stage, 0, limits::PAGE_MAX).await;
    assert!(answer.more && !answer.messages.is_empty());
    assert!(answer.encoded_len() <= limits::MAILBOX_ANSWER_BYTES_MAX, "{} bytes", answer.encoded_len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_longer_than_a_call_takes_is_refused_with_a_reason_and_changes_nothing() {
    let stage = Stage::pair().await;
    let before = proofs::trace(&stage, "XB").await;
    let mut client = caller::mailbox(&stage, desk_identity(&stage, "XB"), "XB").await;
    let request = |length: usize| {
        let shorter = length - 1000;
        let framed = wire::SubmitRequest { envelope: vec![0; shorter], ..Default::default() };
        let framing = framed.encoded_len() - shorter;
        wire::SubmitRequest { envelope: vec![0; length - framing], ..Default::default() }
    };
    // The one is read and holds an envelope that is too large, the other is not even read.
    for (length, detail) in
        [(limits::FRAME_BYTES_MAX, "longer than"), (limits::FRAME_BYTES_MAX + 1, "a gRPC message is over")]
    {
        assert_eq!(request(length).encoded_len(), length);
        let refused = client.submit(request(length)).await.unwrap_err();
        assert!(refused.message().contains(detail), "{length}: {refused}");
        assert_eq!(
            shut_out(refused),
            ShutOut::Call(Code::InvalidArgument, "TOO_LARGE".to_owned()),
            "{length}"
        );
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_the_health_service_is_short_at_both_doors() {
    let stage = Stage::pair().await;
    let house = stage.house("XB").plan();
    for (identity, address) in
        [(gateway_identity(&stage, "XA"), &house.relay), (desk_identity(&stage, "XB"), &house.mailbox)]
    {
        let channel = caller::dial(&stage, identity, "XB", address).await.unwrap();
        let question = |length: usize| HealthCheckRequest { service: "x".repeat(length - 3) };
        for (length, code, reason) in [
            (limits::HEALTH_QUESTION_BYTES_MAX, Code::NotFound, ""),
            (limits::HEALTH_QUESTION_BYTES_MAX + 1, Code::InvalidArgument, "TOO_LARGE"),
        ] {
            assert_eq!(question(length).encoded_len(), length);
            let refused = HealthClient::new(channel.clone()).check(question(length)).await.unwrap_err();
            assert_eq!(shut_out(refused), ShutOut::Call(code, reason.to_owned()), "{length} at {address}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_waits_for_the_first_hello_of_its_peer_and_not_for_ever() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    let envelope = Craft::new(&stage, "XA", "XB").signed(&stage).encode();
    let begin = std::time::Instant::now();
    let refused = tokio::time::timeout(crate::support::PATIENCE, stage.gateway("XA").submit(&envelope)).await;
    let Err(Declined::Refused(refusal)) = refused.expect("it was waited for ever") else {
        panic!("it was taken")
    };
    assert_eq!(refusal.reason().word(), "AWAITING_HELLO");
    assert!(begin.elapsed() >= limits::HELLO_PATIENCE, "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for the whole of a deadline: CHANCERY_LONG=1 tests/run"]
async fn a_stream_without_a_hello_is_ended() {
    let stage = Stage::pair().await;
    let ((outgoing, _to_us), (_from_us, incoming)) = (mpsc::channel(1), mpsc::channel(1));
    let silent = Relay { outgoing, incoming };
    let peer = ministry("XA");
    let ended = stage.gateway("XB").converse(&peer, silent);
    let fault = tokio::time::timeout(2 * limits::HELLO_DEADLINE, ended).await.expect("it was waited for");
    assert!(fault.unwrap_err().to_string().contains("the peer says nothing"));
}
