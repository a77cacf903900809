//! The own gateway as the desk sees it: a client of the mailbox service over mutual TLS.
//!
//! Sealed bytes leave and enter; what enters is checked by the callers before anything is believed.

use std::io::Write;

use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::desk::error::DeskError;
use crate::digest::Digest;
use crate::limits;
use crate::message::id::MessageId;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use crate::time::Timestamp;
use crate::transport::channel::connect;
use crate::transport::credentials::Credentials;
use crate::transport::status::reason_of;
use crate::trust::name::Ministry;

/// A connection to the own gateway's mailbox.
#[derive(Debug)]
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
        let answer = self.client.submit(wire::SubmitRequest { envelope }).await.map_err(failed)?;
        Ok(answer.into_inner().receipt)
    }

    /// Hands over a sealed part that is too large for its envelope; `read` gives its next bytes, and none at
    /// its end.
    pub async fn put_part<Source>(
        &mut self,
        digest: Digest,
        size: u64,
        mut read: Source,
    ) -> Result<(), DeskError>
    where
        Source: FnMut(&mut [u8]) -> std::io::Result<usize> + Send + 'static,
    {
        let (sender, pieces) = tokio::sync::mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            let mut buffer = vec![0; limits::PIECE_BYTES_MAX];
            loop {
                let taken = read(&mut buffer)?;
                let content = buffer.get(..taken).unwrap_or_default().to_vec();
                let ended = content.is_empty();
                let piece = wire::PutPartRequest { digest: digest.as_bytes().to_vec(), size, content };
                if ended || sender.blocking_send(piece).is_err() {
                    return Ok(());
                }
            }
        });
        let put = self.client.put_part(ReceiverStream::new(pieces)).await.map_err(failed);
        let read = reading.await.map_err(|cause| DeskError::GatewayAway(cause.to_string()))?;
        read.map_err(|cause| DeskError::GatewayAway(format!("the sealed part could not be read: {cause}")))?;
        put.map(|_| ())
    }

    /// Fetches a sealed part into `sink`; its digest is for the caller to check.
    pub async fn get_part(&mut self, digest: &Digest, sink: &mut impl Write) -> Result<(), DeskError> {
        let request = wire::GetPartRequest { digest: digest.as_bytes().to_vec(), offset: 0 };
        let mut pieces = self.client.get_part(request).await.map_err(failed)?.into_inner();
        while let Some(piece) = pieces.message().await.map_err(failed)? {
            let kept = sink.write_all(&piece.content);
            kept.map_err(|cause| DeskError::Draft(format!("the sealed part could not be kept: {cause}")))?;
        }
        Ok(())
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

    /// Messages received after a cursor, oldest first, and whether there are more.
    pub async fn list_received(&mut self, after: u64) -> Result<(Vec<Fetched>, bool), DeskError> {
        let request = wire::ListReceivedRequest { after, page_size: 0 };
        let listed = self.client.list_received(request).await.map_err(failed)?.into_inner();
        let fetched = listed.messages.into_iter().map(|message| Fetched {
            cursor: message.cursor,
            envelope: message.envelope,
            receipt: message.receipt,
            receive_time: Timestamp::from_seconds(message.receive_time),
        });
        Ok((fetched.collect(), listed.more))
    }

    /// Acknowledges that everything up to a cursor is in this desk's register.
    pub async fn acknowledge(&mut self, cursor: u64) -> Result<(), DeskError> {
        self.client.acknowledge(wire::AcknowledgeRequest { cursor }).await.map_err(failed)?;
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

/// Refusals that another attempt with the same bytes may mend, when a peer is accredited, a channel resumed, a
/// part handed over, a clock set right or room made.
const MENDED_BY_TIME: [&str; 6] = ["CHN_02", "CHN_08", "NOT_ACCREDITED", "NO_SPACE", "PART_MISSING", "QUOTA"];

/// A refusal stands; everything else may be mended by trying again.
fn failed(status: Status) -> DeskError {
    let detail = status.message().to_owned();
    match (reason_of(&status), status.code()) {
        (Some(reason), code) if code != Code::Unavailable && !MENDED_BY_TIME.contains(&reason.as_str()) => {
            DeskError::GatewayRefused { reason, detail }
        }
        (Some(reason), _) => DeskError::GatewayAway(format!("{reason}: {detail}")),
        (None, code) => DeskError::GatewayAway(format!("{code}: {detail}")),
    }
}
