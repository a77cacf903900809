//! The mailbox for volume: batches of envelopes over one stream, and word of what was settled.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::Mailbox;
use super::answer::{failed, refused};
use crate::desk::error::DeskError;
use crate::limits;
use crate::message::id::MessageId;
use crate::proto::gateway::v1 as wire;

/// A stream of batches to the own gateway. Each is answered as a whole, in order, when it is durable there.
#[derive(Debug)]
pub struct Submissions {
    batches: mpsc::Sender<wire::SubmitStreamRequest>,
    answers: Streaming<wire::SubmitStreamResponse>,
}

/// Word of messages that are settled, as the gateway says; what became of them is asked for with proof.
#[derive(Debug)]
pub struct Settlements(Streaming<wire::WatchSentResponse>);

impl Mailbox {
    /// Opens a stream for batches.
    pub async fn submissions(&mut self) -> Result<Submissions, DeskError> {
        let (batches, requests) = mpsc::channel(1);
        let answers = self.client.submit_stream(ReceiverStream::new(requests)).await.map_err(failed)?;
        Ok(Submissions { batches, answers: answers.into_inner() })
    }

    /// Listens to what is settled from now on.
    pub async fn settlements(&mut self) -> Result<Settlements, DeskError> {
        let answers = self.client.watch_sent(wire::WatchSentRequest {}).await.map_err(failed)?;
        let mut settlements = Settlements(answers.into_inner());
        // The first answer only says that nothing goes by unsaid from here on.
        settlements.next().await?;
        Ok(settlements)
    }
}

impl Submissions {
    /// Hands over a batch, in the order of its messages.
    pub async fn submit(&mut self, envelopes: Vec<Vec<u8>>) -> Result<(), DeskError> {
        let sent = self.batches.send(wire::SubmitStreamRequest { envelopes }).await;
        sent.map_err(|_| DeskError::GatewayAway("the stream has ended".to_owned()))
    }

    /// The answers to the oldest batch that has none yet: for each envelope the submission receipt, not verified, or
    /// why it was not taken.
    pub async fn answers(&mut self) -> Result<Vec<Result<Vec<u8>, DeskError>>, DeskError> {
        let answer = self.answers.message().await.map_err(failed)?;
        let answer = answer.ok_or_else(|| DeskError::GatewayAway("the stream has ended".to_owned()))?;
        let each = answer.submissions.into_iter().map(|submission| match submission {
            wire::Submission { receipt, .. } if !receipt.is_empty() => Ok(receipt),
            wire::Submission { reason, detail, .. } => Err(refused(reason, detail)),
        });
        Ok(each.collect())
    }
}

impl Settlements {
    /// The next messages that were settled; none where some went by that are not named. Nobody where something came in
    /// alone.
    pub async fn next(&mut self) -> Result<Option<Vec<MessageId>>, DeskError> {
        let answer = self.0.message().await.map_err(failed)?;
        let answer = answer.ok_or_else(|| DeskError::GatewayAway("it tells no more".to_owned()))?;
        let ids = answer.settled.iter().filter_map(|one| MessageId::from_slice(&one.message_id).ok());
        Ok((!answer.missed).then(|| ids.collect()))
    }
}

/// Takes the envelopes of one batch from the beginning of a list: as many as one frame carries, and at least one.
pub fn batch_length(sizes: impl Iterator<Item = usize>) -> usize {
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for size in sizes {
        bytes = bytes.saturating_add(size);
        if count > 0 && (count >= limits::BATCH_ENVELOPES_MAX || bytes > limits::BATCH_BYTES_MAX) {
            break;
        }
        count = count.saturating_add(1);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_much_as_one_frame_carries() {
        let length = |sizes: &[usize]| batch_length(sizes.iter().copied());
        assert_eq!(length(&[]), 0);
        assert_eq!(length(&[limits::ENVELOPE_BYTES_MAX, 1]), 2);
        assert_eq!(length(&[limits::BATCH_BYTES_MAX + 1, 1]), 1, "one always goes");
        assert_eq!(length(&[limits::BATCH_BYTES_MAX - 1, 1, 1]), 2);
        assert_eq!(length(&[1; limits::BATCH_ENVELOPES_MAX + 1]), limits::BATCH_ENVELOPES_MAX);
    }
}
