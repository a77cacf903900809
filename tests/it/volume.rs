//! Streams for volume: batches are taken and answered in order, and a stream takes nothing that a single
//! submission would refuse.

use std::collections::BTreeSet;

use chancery::limits;
use chancery::message::envelope::Envelope;
use chancery::message::leaf::LeafKind;
use chancery::message::receipt::Receipt;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use tokio_stream::StreamExt;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::caller::{self, ShutOut, desk_identity, shut_out};
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, ministry, proofs};

async fn client(stage: &Stage) -> MailboxServiceClient<Channel> {
    caller::mailbox(stage, desk_identity(stage, "XA"), "XA").await
}

/// Streams batches; the answers up to the end or the failure.
async fn stream(stage: &Stage, batches: Vec<Vec<Vec<u8>>>) -> (Vec<Vec<wire::Submission>>, Option<Status>) {
    let requests = batches.into_iter().map(|envelopes| wire::SubmitStreamRequest { envelopes });
    let requests: Vec<_> = requests.collect();
    let mut answers =
        client(stage).await.submit_stream(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut answered = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => answered.push(answer.submissions),
            Ok(None) => return (answered, None),
            Err(status) => return (answered, Some(status)),
        }
    }
}

/// So many messages that follow each other.
fn chain(stage: &Stage, count: usize) -> Vec<Envelope> {
    let mut chain = vec![Craft::new(stage, "XA", "XB").signed(stage)];
    while chain.len() < count {
        let number = chain.len().to_string();
        let craft = Craft::new(stage, "XA", "XB").saying(number.as_bytes());
        chain.push(craft.after(chain.last().unwrap()).signed(stage));
    }
    chain
}

fn bytes(envelopes: &[Envelope]) -> Vec<Vec<u8>> {
    envelopes.iter().map(Envelope::encode).collect()
}

/// Index of the leaf that says the message was taken.
fn place(submission: &wire::Submission, envelope: &Envelope) -> u64 {
    assert_eq!((submission.reason.as_str(), submission.detail.as_str()), ("", ""));
    let receipt = Receipt::parse(&submission.receipt).unwrap();
    assert_eq!(receipt.leaf().kind, LeafKind::Sent);
    assert_eq!(receipt.leaf().message.unwrap().id, envelope.id());
    receipt.proof().index
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_in_their_order_with_a_proof_of_every_message() {
    let stage = Stage::pair().await;
    // More batches than may be under way at once, and of different sizes.
    let chain = chain(&stage, 40);
    let sizes = [1, 7, 2, 10, 1, 1, 5, 3, 4, 6];
    let (mut rest, mut batches) = (chain.as_slice(), Vec::new());
    for size in sizes {
        let (batch, others) = rest.split_at(size);
        batches.push(bytes(batch));
        rest = others;
    }
    assert!(rest.is_empty() && batches.len() > 2 * limits::SUBMIT_BATCHES_UNDER_WAY_MAX);
    let (answers, failure) = stream(&stage, batches).await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(answers.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
    let submissions: Vec<_> = answers.into_iter().flatten().collect();
    let places: Vec<u64> =
        submissions.iter().zip(&chain).map(|(submission, envelope)| place(submission, envelope)).collect();
    assert!(places.is_sorted_by(|one, next| one + 1 == *next), "{places:?}");
    let desk = stage.house("XA").desk().unwrap();
    for (submission, envelope) in submissions.iter().zip(&chain) {
        desk.prove(&desk.trust().unwrap(), envelope, &submission.receipt).unwrap();
    }
    let (channel, last) = (chain[0].header().address().channel.to_string(), chain.len() as u64);
    eventually("all are delivered", async || {
        let gateway = stage.gateway("XB");
        gateway.list_received(last - 1, 1).await.unwrap().0.len() == 1
    })
    .await;
    let position = stage.gateway("XA").last_position(&channel, &ministry("XB")).await.unwrap();
    assert_eq!(position.sequence, last);
    proofs::logs_agree(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_takes_nothing_that_a_single_submission_would_refuse() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let chain = chain(&stage, 4);
    let stranger = Craft::new(&stage, "XB", "XA").signed(&stage);
    let office = stage.house("XA").keys();
    let office = office.office(office.offices().unwrap().values().next().unwrap()).unwrap();
    let craft = Craft::new(&stage, "XA", "XB").saying(b"1");
    let unsigned = craft.after(&chain[0]).signed_by(&stage, office.as_ref());
    let mut elsewhere = Craft::new(&stage, "XA", "XB");
    elsewhere.address.channel = chancery::trust::policy::ChannelId::parse("ch-0123456789abcdef").unwrap();
    let refused = [
        (b"no envelope".to_vec(), "MALFORMED"),
        (stranger.encode(), "CHN_03"),
        (unsigned.encode(), "SIGNER_NOT_REGISTRY"),
        (elsewhere.signed(&stage).encode(), "CHN_01"),
        (chain[2].encode(), "CHN_04"),
    ];
    let first = vec![chain[0].encode()];
    let batch = [first.clone(), refused.iter().map(|(bytes, _)| bytes.clone()).collect(), first].concat();
    let second = bytes(&chain[1..3]);
    let (answers, failure) = stream(&stage, vec![batch, second]).await;
    assert!(failure.is_none(), "{failure:?}");
    let taken = place(&answers[0][0], &chain[0]);
    // The same message twice in its first batch is taken once.
    assert_eq!(place(&answers[0][6], &chain[0]), taken);
    for ((_, reason), submission) in refused.iter().zip(&answers[0][1..]) {
        assert_eq!((submission.reason.as_str(), submission.receipt.len()), (*reason, 0));
    }
    assert_eq!((place(&answers[1][0], &chain[1]), place(&answers[1][1], &chain[2])), (taken + 1, taken + 2));
    // What is held gets its receipt, alone as in a stream, even when its signer is no longer believed.
    stage.clock.forward(std::time::Duration::from_secs(500 * 24 * 3600));
    let batches = tokio_stream::iter([bytes(&[chain[1].clone(), chain[3].clone()])]);
    let mut answers = std::pin::pin!(stage.gateway("XA").clone().submit_stream(batches));
    let [held, refused] = answers.next().await.unwrap().unwrap().try_into().unwrap();
    assert_eq!(held.unwrap().proof().index, taken + 1);
    assert_eq!(refused.unwrap_err().reason().word(), "SIGNATURE_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_its_bounds_ends_the_stream_after_what_came_before_it() {
    let mut stage = Stage::pair().await;
    stage.house_mut("XB").stop().await.unwrap();
    let chain = chain(&stage, 2);
    let good = vec![chain[0].encode()];
    let many = vec![Vec::new(); limits::BATCH_ENVELOPES_MAX + 1];
    let heavy = vec![vec![0; limits::BATCH_BYTES_MAX / 2 + 1]; 2];
    for (bad, reason) in [(Vec::new(), "MALFORMED"), (many, "TOO_MANY"), (heavy, "MALFORMED")] {
        let (answers, failure) = stream(&stage, vec![good.clone(), bad, vec![chain[1].encode()]]).await;
        assert_eq!(answers.len(), 1);
        place(&answers[0][0], &chain[0]);
        let expected = ShutOut::Call(Code::InvalidArgument, reason.to_owned());
        assert_eq!(failure.map(shut_out), Some(expected));
    }
    let channel = chain[0].header().address().channel.to_string();
    let position = stage.gateway("XA").last_position(&channel, &ministry("XB")).await.unwrap();
    assert_eq!(position.sequence, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_is_told_to_who_listens() {
    let stage = Stage::pair().await;
    let mut mailbox = client(&stage).await;
    let mut settled = mailbox.watch_sent(wire::WatchSentRequest {}).await.unwrap().into_inner();
    assert_eq!(settled.message().await.unwrap().unwrap(), wire::WatchSentResponse::default());
    let chain = chain(&stage, 30);
    let (_, failure) = stream(&stage, vec![bytes(&chain)]).await;
    assert!(failure.is_none(), "{failure:?}");
    let mut told = Vec::new();
    while told.len() < chain.len() {
        let answer = settled.message().await.unwrap().unwrap();
        assert!(!answer.missed);
        told.extend(answer.settled);
    }
    assert!(told.iter().all(|message| message.state() == wire::SentState::Delivered));
    // Receipts of one batch are verified side by side, so their order is nobody's promise.
    let told: BTreeSet<_> = told.into_iter().map(|message| message.message_id).collect();
    let sent: BTreeSet<_> = chain.iter().map(|envelope| envelope.id().as_bytes().to_vec()).collect();
    assert_eq!(told, sent);
}
