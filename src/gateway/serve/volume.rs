//! The mailbox's streams for volume: batches of envelopes in and their answers out, and what was settled.

use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use crate::gateway::JustSettled;
use crate::gateway::error::Fault;
use crate::gateway::serve::{failed, malformed};
use crate::gateway::submission::Submitted;
use crate::limits;
use crate::message::receipt::Receipt;
use crate::message::refusal::Refusal;
use crate::proto::gateway::v1 as wire;
use crate::transport::status;

type Answer = Result<wire::SubmitStreamResponse, Status>;

/// Batches as they come, and at their end the failure that ended them, where one did. The receiver is polled
/// no faster than batches are taken into custody, so a sender that hurries waits. A stop takes no further batch, and
/// what is under way is answered.
pub(super) fn batches(
    mut requests: Streaming<wire::SubmitStreamRequest>,
    stop: CancellationToken,
) -> (ReceiverStream<Vec<Vec<u8>>>, ReceiverStream<Answer>) {
    let (sender, batches) = mpsc::channel(1);
    let (refuser, refused) = mpsc::channel(1);
    tokio::spawn(async move {
        let broken = loop {
            let next = tokio::select! {
                next = requests.message() => next,
                () = stop.cancelled() => break draining(),
            };
            match next {
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

/// A stream that ends by a stop of the gateway, whose last word says so: a desk that listens would keep its connection
/// open for ever, and the stop would have to cut it off.
pub(super) fn until<S, T>(stream: S, stop: CancellationToken) -> impl Stream<Item = Result<T, Status>>
where
    S: Stream<Item = Result<T, Status>>,
{
    let stopped = stop.clone();
    let end = async move { stopped.is_cancelled().then(|| Err(draining())) };
    let end = futures_util::stream::once(end).filter_map(|end| end);
    futures_util::StreamExt::take_until(stream, stop.cancelled_owned()).chain(end)
}

fn draining() -> Status {
    status::refusal(Code::Unavailable, "DRAINING", "the gateway stops: ask again when it is back")
}

fn message(settled: JustSettled) -> wire::SettledMessage {
    wire::SettledMessage {
        message_id: settled.message_id.as_bytes().to_vec(),
        state: super::mailbox::state(Some(settled.state)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::status::reason_of;

    #[tokio::test]
    async fn a_stream_ends_with_a_stop_and_says_so_and_one_that_ends_before_says_nothing() {
        let stop = CancellationToken::new();
        let (sender, answers) = mpsc::channel::<Result<u8, Status>>(1);
        let mut listened = Box::pin(until(ReceiverStream::new(answers), stop.clone()));
        sender.send(Ok(7)).await.unwrap();
        assert_eq!(listened.next().await.unwrap().unwrap(), 7);
        stop.cancel();
        let end = listened.next().await.unwrap().unwrap_err();
        assert_eq!((end.code(), reason_of(&end).as_deref()), (Code::Unavailable, Some("DRAINING")));
        assert!(listened.next().await.is_none());

        let (sender, answers) = mpsc::channel::<Result<u8, Status>>(1);
        let mut listened = Box::pin(until(ReceiverStream::new(answers), CancellationToken::new()));
        drop(sender);
        assert!(listened.next().await.is_none());
    }
}
