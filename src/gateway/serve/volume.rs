//! The mailbox's streams for volume: batches of envelopes in and their answers out, and what was settled.

use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Status, Streaming};

use crate::gateway::JustSettled;
use crate::gateway::error::Fault;
use crate::gateway::serve::{failed, malformed};
use crate::gateway::submission::Submitted;
use crate::limits;
use crate::message::receipt::Receipt;
use crate::message::refusal::Refusal;
use crate::proto::gateway::v1 as wire;

type Answer = Result<wire::SubmitStreamResponse, Status>;

/// Batches as they come, and at their end the failure that ended them, where one did. The receiver is polled
/// no faster than batches are taken into custody, so a sender that hurries waits.
pub(super) fn batches(
    mut requests: Streaming<wire::SubmitStreamRequest>,
) -> (ReceiverStream<Vec<Vec<u8>>>, ReceiverStream<Answer>) {
    let (sender, batches) = mpsc::channel(1);
    let (refuser, refused) = mpsc::channel(1);
    tokio::spawn(async move {
        let broken = loop {
            match requests.message().await {
                Ok(Some(request)) if !is_batch(&request.envelopes) => break malformed("the batch"),
                Ok(Some(request)) => {
                    if sender.send(request.envelopes).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(status) => break status,
            }
        };
        drop(sender);
        // The desk may be gone already.
        let _gone = refuser.send(Err(broken)).await;
    });
    (ReceiverStream::new(batches), ReceiverStream::new(refused))
}

/// One envelope, or as many as one frame of the relay takes.
fn is_batch(envelopes: &[Vec<u8>]) -> bool {
    match envelopes {
        [] => false,
        [_] => true,
        several => {
            let bytes: usize = several.iter().map(Vec::len).sum();
            several.len() <= limits::BATCH_ENVELOPES_MAX && bytes <= limits::BATCH_BYTES_MAX
        }
    }
}

/// The answers to one batch.
pub(super) fn answer(submitted: Result<Submitted, Fault>) -> Answer {
    let submission = |answer: Result<Receipt, Refusal>| match answer {
        Ok(receipt) => wire::Submission { receipt: receipt.encode(), ..wire::Submission::default() },
        Err(refusal) => {
            let (reason, detail) = (refusal.reason().word().to_owned(), refusal.detail().to_owned());
            wire::Submission { receipt: Vec::new(), reason, detail }
        }
    };
    let submissions = submitted.map_err(|fault| failed(&fault))?.into_iter().map(submission).collect();
    Ok(wire::SubmitStreamResponse { submissions })
}

/// What is settled from now on, as much at a time as has happened, and that something was received.
pub(super) fn settled(
    mut heard: broadcast::Receiver<JustSettled>,
    mut received: watch::Receiver<()>,
) -> impl Stream<Item = Result<wire::WatchSentResponse, Status>> {
    let (sender, answers) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut answer = wire::WatchSentResponse::default();
        // The first says only that nothing goes by unsaid from here on.
        while sender.send(std::mem::take(&mut answer)).await.is_ok() {
            let first = tokio::select! {
                () = sender.closed() => return,
                first = heard.recv() => Some(first),
                changed = received.changed() => changed.is_err().then_some(Err(broadcast::error::RecvError::Closed)),
            };
            let Some(first) = first else {
                answer.received = true;
                continue;
            };
            match first {
                Ok(settled) => answer.settled.push(message(settled)),
                Err(broadcast::error::RecvError::Lagged(_)) => answer.missed = true,
                Err(broadcast::error::RecvError::Closed) => return,
            }
            while answer.settled.len() < limits::BATCH_ENVELOPES_MAX
                && let Ok(settled) = heard.try_recv()
            {
                answer.settled.push(message(settled));
            }
        }
    });
    ReceiverStream::new(answers).map(Ok)
}

fn message(settled: JustSettled) -> wire::SettledMessage {
    wire::SettledMessage {
        message_id: settled.message_id.as_bytes().to_vec(),
        state: super::mailbox::state(Some(settled.state)).into(),
    }
}
