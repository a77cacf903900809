//! The own gateway as the desk sees it: a client of the mailbox service over mutual TLS.
//!
//! Sealed bytes leave and enter; what enters is checked by the callers before anything is believed.

use std::io::{Read, Seek, SeekFrom};
use std::pin::pin;

use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::desk::error::DeskError;
use crate::desk::register::Place;
use crate::digest::Digest;
use crate::limits;
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use crate::time::Timestamp;
use crate::transport::channel::connect;
use crate::transport::credentials::Credentials;
use crate::transport::status::reason_of;
use crate::trust::name::Ministry;

mod volume;

pub use volume::{Settlements, Submissions, batch_length};

/// A connection to the own gateway's mailbox. Clones share it.
#[derive(Debug, Clone)]
pub struct Mailbox {
    client: MailboxServiceClient<Channel>,
}

/// A message as the gateway hands it over, not verified.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Cursor in the mailbox.
    pub cursor: u64,
    /// Envelope bytes.
    pub envelope: Vec<u8>,
    /// Receipt bytes.
    pub receipt: Vec<u8>,
    /// When the gateway took it into custody.
    pub receive_time: Timestamp,
}

/// One page of the mailbox.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Messages, oldest first.
    pub messages: Vec<Fetched>,
    /// Whether there are more.
    pub more: bool,
    /// Number of the mailbox in which their cursors hold.
    pub epoch: u64,
}

/// What the gateway says of a sent message, not verified.
#[derive(Debug, Clone)]
pub struct SentReport {
    /// Where it stands.
    pub state: ReportedState,
    /// Receipt of the own gateway.
    pub submission_receipt: Vec<u8>,
    /// Receipt of the peer's gateway, or the own proof of expiry or withdrawal.
    pub delivery_receipt: Vec<u8>,
    /// Attempts so far.
    pub attempts: u32,
    /// Reason of the last failure.
    pub reason: String,
}

/// Where a sent message stands, as the gateway says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedState {
    /// Not known there.
    Unknown,
    /// In custody.
    Queued,
    /// The peer has it.
    Delivered,
    /// The peer refused it.
    Rejected,
    /// Too late.
    Expired,
    /// Withdrawn before the peer had answered.
    Withdrawn,
}

impl Mailbox {
    /// Connects to the mailbox listener of the own gateway.
    pub async fn connect(
        address: &str,
        ministry: &Ministry,
        credentials: &Credentials,
    ) -> Result<Self, DeskError> {
        let channel = connect(address, ministry, credentials)
            .await
            .map_err(|cause| DeskError::GatewayAway(format!("{address}: {cause}")))?;
        let client = MailboxServiceClient::new(channel)
            .max_decoding_message_size(limits::MAILBOX_ANSWER_BYTES_MAX)
            .max_encoding_message_size(limits::FRAME_BYTES_MAX);
        Ok(Self { client })
    }

    /// Hands over an envelope; the answer is the submission receipt, not verified.
    pub async fn submit(&mut self, envelope: Vec<u8>) -> Result<Vec<u8>, DeskError> {
        self.submit_again(envelope, Vec::new()).await
    }

    /// The same for a message that the gateway had taken before, as its receipt of then shows.
    pub async fn submit_again(&mut self, envelope: Vec<u8>, receipt: Vec<u8>) -> Result<Vec<u8>, DeskError> {
        let request = wire::SubmitRequest { envelope, earlier_receipt: receipt };
        Ok(self.client.submit(request).await.map_err(failed)?.into_inner().receipt)
    }

    /// Hands over a sealed part that is too large for its envelope, from where the gateway holds it already.
    /// Where the way breaks after something went over, goes on by itself a few times.
    pub async fn put_part<Source>(
        &mut self,
        digest: Digest,
        size: u64,
        mut source: Source,
    ) -> Result<(), DeskError>
    where
        Source: Read + Seek + Send + 'static,
    {
        let (mut furthest, mut patience, mut began) = (0, limits::PART_ATTEMPTS_MAX, false);
        loop {
            let asked = wire::FindPartRequest { digest: digest.as_bytes().to_vec(), size };
            let failure = match self.client.find_part(asked).await.map_err(failed) {
                Ok(found) => {
                    let found = found.into_inner();
                    if found.complete {
                        return Ok(());
                    }
                    began = true;
                    if found.offset > furthest {
                        (furthest, patience) = (found.offset, limits::PART_ATTEMPTS_MAX);
                    }
                    let (put, rest) =
                        self.put_part_from(digest, size, found.offset.min(size), source).await?;
                    source = rest;
                    match put {
                        Ok(()) => return Ok(()),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            patience = match &failure {
                // Whoever never got through asks the officer to try later instead.
                DeskError::GatewayAway(_) if began => patience.saturating_sub(1),
                DeskError::GatewayBusy { reason, .. } if AT_ONCE.contains(&reason.as_str()) => {
                    patience.saturating_sub(1)
                }
                _ => 0,
            };
            if patience == 0 {
                return Err(failure);
            }
            tokio::time::sleep(limits::PART_ATTEMPT_PAUSE).await;
        }
    }

    /// Gives up the number of a message that is not to be delivered: header and signature only. The answer is the
    /// receipt of its withdrawal, or of its submission where the peer has answered; not verified.
    pub async fn withdraw(&mut self, envelope: Vec<u8>) -> Result<Vec<u8>, DeskError> {
        let answer = self.client.withdraw(wire::WithdrawRequest { envelope }).await.map_err(failed)?;
        Ok(answer.into_inner().receipt)
    }

    /// Whether the gateway holds a sealed part whole.
    pub async fn holds_part(&mut self, digest: &Digest, size: u64) -> Result<bool, DeskError> {
        let asked = wire::FindPartRequest { digest: digest.as_bytes().to_vec(), size };
        Ok(self.client.find_part(asked).await.map_err(failed)?.into_inner().complete)
    }

    /// One attempt; gives the source back where it could be read.
    async fn put_part_from<Source>(
        &mut self,
        digest: Digest,
        size: u64,
        offset: u64,
        mut source: Source,
    ) -> Result<(Result<(), DeskError>, Source), DeskError>
    where
        Source: Read + Seek + Send + 'static,
    {
        let (sender, pieces) = tokio::sync::mpsc::channel(PIECES_WAITING_MAX);
        // Kept until all was read: an end before would say that this was the whole part.
        let open = sender.clone();
        let mut putting = pin!(self.client.put_part(ReceiverStream::new(pieces)));
        let mut reading = tokio::task::spawn_blocking(move || {
            let read = read_pieces(&mut source, digest, size, offset, &sender);
            (read, source)
        });
        let (read, answer) = tokio::select! {
            answer = &mut putting => (reading.await, Some(answer)),
            read = &mut reading => (read, None),
        };
        let (read, source) = read.map_err(|cause| DeskError::GatewayAway(cause.to_string()))?;
        read.map_err(|cause| DeskError::PartUnreadable { digest, cause })?;
        drop(open);
        let answer = match answer {
            Some(answer) => answer,
            None => putting.await,
        };
        Ok((answer.map(|_| ()).map_err(failed), source))
    }

    /// Fetches a sealed part from `offset` on, at most `limit` bytes; `keep` is given its pieces, on a thread that
    /// may block. Its digest is for the caller to check.
    pub async fn get_part<Keep>(
        &mut self,
        digest: &Digest,
        offset: u64,
        limit: u64,
        mut keep: Keep,
    ) -> Result<(), DeskError>
    where
        Keep: FnMut(&[u8]) -> std::io::Result<()> + Send + 'static,
    {
        let request = wire::GetPartRequest { digest: digest.as_bytes().to_vec(), offset };
        let mut pieces = self.client.get_part(request).await.map_err(failed)?.into_inner();
        let (sender, mut waiting) = tokio::sync::mpsc::channel::<Vec<u8>>(PIECES_WAITING_MAX);
        let keeping = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            while let Some(piece) = waiting.blocking_recv() {
                keep(&piece)?;
            }
            Ok(())
        });
        let (mut left, mut received) = (limit, Ok(()));
        loop {
            let piece = match pieces.message().await {
                Ok(Some(piece)) => piece.content,
                Ok(None) => break,
                Err(status) => {
                    received = Err(failed(status));
                    break;
                }
            };
            match left.checked_sub(piece.len() as u64) {
                Some(rest) => left = rest,
                None => {
                    let detail = "the gateway hands over more than the part is long";
                    received = Err(Refusal::new(Reason::PartMismatch, detail).into());
                    break;
                }
            }
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        drop(sender);
        let kept = keeping.await.map_err(|cause| DeskError::GatewayAway(cause.to_string()))?;
        kept.map_err(|cause| DeskError::Draft(format!("the sealed part could not be kept: {cause}")))?;
        received
    }

    /// The last position the gateway holds towards a recipient.
    pub async fn position(
        &mut self,
        channel: &str,
        recipient: &Ministry,
    ) -> Result<(u64, Option<MessageId>), DeskError> {
        let request =
            wire::GetPositionRequest { channel: channel.to_owned(), recipient: recipient.to_string() };
        let last = self.client.get_position(request).await.map_err(failed)?.into_inner();
        let id = MessageId::from_slice(&last.message_id).ok();
        Ok((last.sequence, id))
    }

    /// Messages received after a place, oldest first; from the beginning where the gateway knows no such place.
    pub async fn list_received(&mut self, after: &Place) -> Result<Listed, DeskError> {
        let request = wire::ListReceivedRequest {
            after: after.cursor,
            page_size: PAGE,
            epoch: after.epoch,
            after_id: after.message.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        };
        let listed = self.client.list_received(request).await.map_err(failed)?.into_inner();
        let fetched = listed.messages.into_iter().map(|message| Fetched {
            cursor: message.cursor,
            envelope: message.envelope,
            receipt: message.receipt,
            receive_time: Timestamp::from_seconds(message.receive_time),
        });
        Ok(Listed { messages: fetched.collect(), more: listed.more, epoch: listed.epoch })
    }

    /// Acknowledges that everything up to a cursor is in this desk's register.
    pub async fn acknowledge(&mut self, epoch: u64, cursor: u64) -> Result<(), DeskError> {
        self.client.acknowledge(wire::AcknowledgeRequest { cursor, epoch }).await.map_err(failed)?;
        Ok(())
    }

    /// What became of sent messages, in the order asked for.
    pub async fn sent(&mut self, ids: &[MessageId]) -> Result<Vec<SentReport>, DeskError> {
        let mut reports = Vec::with_capacity(ids.len());
        for page in ids.chunks(limits::PAGE_MAX) {
            let message_ids = page.iter().map(|id| id.as_bytes().to_vec()).collect();
            let answer = self.client.get_sent(wire::GetSentRequest { message_ids }).await.map_err(failed)?;
            reports.extend(answer.into_inner().messages.into_iter().map(report));
        }
        if reports.len() == ids.len() {
            Ok(reports)
        } else {
            Err(DeskError::GatewayAway("it did not answer for every message".to_owned()))
        }
    }

    /// Receipts of every leaf about a message, of the own log and of the mirror of the peer's; not verified.
    pub async fn receipts(&mut self, id: &MessageId) -> Result<Vec<Vec<u8>>, DeskError> {
        let request = wire::GetReceiptsRequest { message_id: id.as_bytes().to_vec() };
        Ok(self.client.get_receipts(request).await.map_err(failed)?.into_inner().receipts)
    }

    /// Hands over a policy with the bundles it names.
    pub async fn accredit(
        &mut self,
        own_bundle: Vec<u8>,
        policy: Vec<u8>,
        peer_bundles: Vec<Vec<u8>>,
    ) -> Result<(), DeskError> {
        let request = wire::AccreditRequest { own_bundle, policy, peer_bundles };
        self.client.accredit(request).await.map_err(failed)?;
        Ok(())
    }
}

fn report(message: wire::SentMessage) -> SentReport {
    let state = match message.state() {
        wire::SentState::Unspecified => ReportedState::Unknown,
        wire::SentState::Queued => ReportedState::Queued,
        wire::SentState::Delivered => ReportedState::Delivered,
        wire::SentState::Rejected => ReportedState::Rejected,
        wire::SentState::Expired => ReportedState::Expired,
        wire::SentState::Withdrawn => ReportedState::Withdrawn,
    };
    SentReport {
        state,
        submission_receipt: message.submission_receipt,
        delivery_receipt: message.delivery_receipt,
        attempts: message.attempts,
        reason: message.reason,
    }
}

/// Messages asked for at a time: as many as the gateway gives.
const PAGE: u32 = limits::PAGE_MAX as u32;

/// Pieces between the thread that reads or writes a file and the connection.
const PIECES_WAITING_MAX: usize = 4;

/// Refusals of a part after which the desk asks again by itself how much is held.
const AT_ONCE: [&str; 5] = ["PART_BUSY", "PART_MISMATCH", "PART_OFFSET", "STALLED", "STORE_BUSY"];

/// Reads a part from `offset` to its end into pieces. The first one is sent even where nothing is left.
fn read_pieces(
    source: &mut (impl Read + Seek),
    digest: Digest,
    size: u64,
    offset: u64,
    sender: &tokio::sync::mpsc::Sender<wire::PutPartRequest>,
) -> std::io::Result<()> {
    source.seek(SeekFrom::Start(offset))?;
    let mut next = offset;
    loop {
        let left = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX);
        let mut content = vec![0; left.min(limits::PIECE_BYTES_MAX)];
        source.read_exact(&mut content)?;
        let piece = wire::PutPartRequest { digest: digest.as_bytes().to_vec(), size, offset: next, content };
        next = next.saturating_add(piece.content.len() as u64);
        // Whoever takes no more has answered.
        if sender.blocking_send(piece).is_err() || next >= size {
            return Ok(());
        }
    }
}

/// Refusals that another attempt with the same bytes may mend, when a peer is accredited, a channel resumed, a
/// part handed over, space made or a clock set right; or that say nothing of those bytes: this desk slept over its
/// call, or others of it are under way.
const MENDED_BY_TIME: [&str; 13] = [
    "AWAITING_HELLO",
    "CATCHING_UP",
    "CHANNEL_FROZEN",
    "CHN_02",
    "CHN_08",
    "NOT_ACCREDITED",
    "NO_SPACE",
    "PART_MISMATCH",
    "PART_MISSING",
    "PART_OFFSET",
    "QUOTA",
    "STALLED",
    "TOO_MANY_CALLS",
];

/// A refusal stands; everything else may be mended by trying again.
fn failed(status: Status) -> DeskError {
    let detail = status.message().to_owned();
    match (reason_of(&status), status.code()) {
        (Some(reason), Code::Unavailable) => DeskError::GatewayBusy { reason, detail },
        (Some(reason), _) => refused(reason, detail),
        (None, code) => DeskError::GatewayAway(format!("{code}: {detail}")),
    }
}

/// A refusal for this reason.
fn refused(reason: String, detail: String) -> DeskError {
    match MENDED_BY_TIME.contains(&reason.as_str()) {
        true => DeskError::GatewayBusy { reason, detail },
        false => DeskError::GatewayRefused { reason, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::status::refusal;

    #[test]
    fn what_a_gateway_says_of_the_call_and_not_of_the_message_condemns_no_message() {
        for (code, reason) in [
            (Code::DeadlineExceeded, "STALLED"),
            (Code::ResourceExhausted, "TOO_MANY_CALLS"),
            (Code::ResourceExhausted, "QUOTA"),
            (Code::Unavailable, "TRY_LATER"),
        ] {
            assert!(failed(refusal(code, reason, "")).is_passing(), "{reason}");
        }
        assert!(!failed(refusal(Code::InvalidArgument, "NOT_CANONICAL", "")).is_passing());
    }
}
