//! The own gateway as the desk sees it: a client of the mailbox service over mutual TLS.
//!
//! Sealed bytes leave and enter; what enters is checked by the callers before anything is believed.

use tonic::transport::Channel;

use crate::desk::error::DeskError;
use crate::desk::register::Place;
use crate::digest::Digest;
use crate::limits;
use crate::message::id::MessageId;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use crate::time::Timestamp;
use crate::transport::channel::connect;
use crate::transport::credentials::Credentials;
use crate::trust::name::Ministry;

mod answer;
mod parts;
mod returned;
mod volume;

pub use answer::SHUT_OUT;
use answer::failed;
pub use returned::{GivenBack, HeldLeaf, Returned, ReturnedPage, SentLine};
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

    /// Why whoever answers at the mailbox listener of the own gateway is not believed; none where he is, or nobody
    /// answers.
    pub async fn disbelief(address: &str, ministry: &Ministry, credentials: &Credentials) -> Option<String> {
        connect(address, ministry, credentials).await.err().and_then(|failure| failure.disbelief())
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

    /// Gives up the number of a message that is not to be delivered: header and signature only. The answer is the
    /// receipt of its withdrawal, or of its submission where the peer has answered; not verified.
    pub async fn withdraw(&mut self, envelope: Vec<u8>) -> Result<Vec<u8>, DeskError> {
        let answer = self.client.withdraw(wire::WithdrawRequest { envelope }).await.map_err(failed)?;
        Ok(answer.into_inner().receipt)
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

    /// Tells of one entry of this desk's record and its root; the answer is the gateway's leaf about it and the proof
    /// that its administrative log holds that, not verified.
    pub async fn record_act(&mut self, entry: &[u8], root: &Digest) -> Result<(Vec<u8>, String), DeskError> {
        let request = wire::RecordActRequest { entry: entry.to_vec(), root: root.as_bytes().to_vec() };
        let answer = self.client.record_act(request).await.map_err(failed)?.into_inner();
        Ok((answer.leaf, answer.proof))
    }

    /// Bundles newer than those in force that peers have announced, not verified.
    pub async fn offers(&mut self) -> Result<Offers, DeskError> {
        let answer = self.client.list_offered(wire::ListOfferedRequest {}).await.map_err(failed)?;
        let wire::ListOfferedResponse { offered, own_sequence, policy_sequence, awaits_desk } =
            answer.into_inner();
        let bundles = offered.into_iter().map(|one| one.bundle).collect();
        Ok(Offers { bundles, own_sequence, policy_sequence, awaits_desk })
    }
}

/// What peers have announced, as the gateway says; not verified.
#[derive(Debug, Clone)]
pub struct Offers {
    /// Signed records of bundles.
    pub bundles: Vec<Vec<u8>>,
    /// Sequence of the own bundle that is in force there; 0 for none.
    pub own_sequence: u64,
    /// Sequence of the policy that is in force there; 0 for none.
    pub policy_sequence: u64,
    /// Whether it was restored from an older copy and asks for what this desk knows.
    pub awaits_desk: bool,
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
