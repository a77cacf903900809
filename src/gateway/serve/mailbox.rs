//! MailboxService: the own desk; the guard has let nobody else through.

use std::pin::Pin;
use std::sync::Arc;

use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::announcement::Offers;
use crate::gateway::handing_back::HandedBack;
use crate::gateway::mailbox::{MailboxItem, SentReport};
use crate::gateway::serve::{declined, failed, malformed, parts, volume};
use crate::gateway::store::record::{Offered, SentLine, SentState};
use crate::limits;
use crate::message::administration::AdministrativeLeaf;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::mailbox_service_server::MailboxService;
use crate::trust::name::Ministry;

/// The service.
pub(super) struct MailboxEdge {
    gateway: Arc<Gateway>,
    stop: CancellationToken,
}

impl MailboxEdge {
    pub(super) fn new(gateway: Arc<Gateway>, stop: CancellationToken) -> Self {
        Self { gateway, stop }
    }
}

#[tonic::async_trait]
impl MailboxService for MailboxEdge {
    type GetPartStream = Pin<Box<dyn Stream<Item = Result<wire::GetPartResponse, Status>> + Send>>;
    type SubmitStreamStream = Pin<Box<dyn Stream<Item = Result<wire::SubmitStreamResponse, Status>> + Send>>;
    type WatchSentStream = Pin<Box<dyn Stream<Item = Result<wire::WatchSentResponse, Status>> + Send>>;

    async fn submit(
        &self,
        request: Request<wire::SubmitRequest>,
    ) -> Result<Response<wire::SubmitResponse>, Status> {
        let wire::SubmitRequest { envelope, earlier_receipt } = request.into_inner();
        let submitted = self.gateway.submit_again(&envelope, &earlier_receipt).await;
        let receipt = submitted.map_err(declined)?;
        Ok(Response::new(wire::SubmitResponse { receipt: receipt.encode() }))
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<wire::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let (batches, refusal) = volume::batches(request.into_inner(), self.stop.clone());
        let answers = self.gateway.clone().submit_stream(batches).map(volume::answer);
        Ok(Response::new(Box::pin(answers.chain(refusal))))
    }

    async fn watch_sent(
        &self,
        _: Request<wire::WatchSentRequest>,
    ) -> Result<Response<Self::WatchSentStream>, Status> {
        let settled = volume::settled(self.gateway.listen_settled(), self.gateway.listen_received());
        Ok(Response::new(Box::pin(volume::until(settled, self.stop.clone()))))
    }

    async fn withdraw(
        &self,
        request: Request<wire::WithdrawRequest>,
    ) -> Result<Response<wire::WithdrawResponse>, Status> {
        let withdrawn = self.gateway.withdraw_unsent(&request.into_inner().envelope).await;
        Ok(Response::new(wire::WithdrawResponse { receipt: withdrawn.map_err(declined)?.encode() }))
    }

    async fn find_part(
        &self,
        request: Request<wire::FindPartRequest>,
    ) -> Result<Response<wire::FindPartResponse>, Status> {
        let own = &self.gateway.config.ministry;
        parts::find(&self.gateway, own, request.get_ref()).await.map(Response::new)
    }

    async fn put_part(
        &self,
        request: Request<Streaming<wire::PutPartRequest>>,
    ) -> Result<Response<wire::PutPartResponse>, Status> {
        let own = &self.gateway.config.ministry;
        parts::put(&self.gateway, own, request.into_inner()).await.map(Response::new)
    }

    async fn get_part(
        &self,
        request: Request<wire::GetPartRequest>,
    ) -> Result<Response<Self::GetPartStream>, Status> {
        let pieces = parts::get(&self.gateway, request.into_inner()).await?;
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn get_position(
        &self,
        request: Request<wire::GetPositionRequest>,
    ) -> Result<Response<wire::GetPositionResponse>, Status> {
        let wire::GetPositionRequest { channel, recipient } = request.into_inner();
        let recipient = Ministry::parse(&recipient).map_err(|_| malformed("the recipient"))?;
        let last = self.gateway.last_position(&channel, &recipient).await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::GetPositionResponse {
            sequence: last.sequence,
            message_id: last.message_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        }))
    }

    async fn list_positions(
        &self,
        request: Request<wire::ListPositionsRequest>,
    ) -> Result<Response<wire::ListPositionsResponse>, Status> {
        let listed = self.gateway.sent_positions(request.into_inner().after).await;
        let (lines, more) = listed.map_err(|fault| failed(&fault))?;
        let positions = lines.into_iter().map(position).collect();
        Ok(Response::new(wire::ListPositionsResponse { positions, more }))
    }

    async fn list_sent(
        &self,
        request: Request<wire::ListSentRequest>,
    ) -> Result<Response<wire::ListSentResponse>, Status> {
        let wire::ListSentRequest { channel, recipient, after, page_size } = request.into_inner();
        let recipient = Ministry::parse(&recipient).map_err(|_| malformed("the recipient"))?;
        let listed = self.gateway.list_sent(&channel, &recipient, after, page_size as usize).await;
        let (copies, more) = listed.map_err(|fault| failed(&fault))?;
        let whole = copies.len();
        let messages = bounded(
            copies
                .into_iter()
                .map(|copy| wire::SentEnvelope { envelope: copy.envelope, report: Some(sent(copy.report)) }),
        );
        let more = more || messages.len() < whole;
        Ok(Response::new(wire::ListSentResponse { messages, more }))
    }

    async fn get_policy(
        &self,
        _: Request<wire::GetPolicyRequest>,
    ) -> Result<Response<wire::GetPolicyResponse>, Status> {
        let (policy, peer_bundles) = self.gateway.policy_in_force().unwrap_or_default();
        Ok(Response::new(wire::GetPolicyResponse { policy, peer_bundles }))
    }

    async fn list_received(
        &self,
        request: Request<wire::ListReceivedRequest>,
    ) -> Result<Response<wire::ListReceivedResponse>, Status> {
        let wire::ListReceivedRequest { after, page_size, epoch, after_id } = request.into_inner();
        let at = MessageId::from_slice(&after_id).ok();
        let place = self.gateway.place_in_mailbox(epoch, after, at).await;
        let (epoch, after) = place.map_err(|fault| failed(&fault))?;
        let listed = self.gateway.list_received(after, page_size as usize).await;
        let (items, more) = listed.map_err(|fault| failed(&fault))?;
        let whole = items.len();
        let messages = bounded(items.into_iter().map(received));
        let more = more || messages.len() < whole;
        Ok(Response::new(wire::ListReceivedResponse { messages, more, epoch }))
    }

    async fn get_sent(
        &self,
        request: Request<wire::GetSentRequest>,
    ) -> Result<Response<wire::GetSentResponse>, Status> {
        let ids = request.into_inner().message_ids;
        if ids.is_empty() || ids.len() > limits::BATCH_ENVELOPES_MAX {
            return Err(malformed("the list of message ids"));
        }
        let parse = |id: &Vec<u8>| MessageId::from_slice(id).map_err(|_| malformed("a message id"));
        let ids = ids.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let reports = self.gateway.sent_reports(ids).await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::GetSentResponse { messages: reports.into_iter().map(sent).collect() }))
    }

    async fn get_receipts(
        &self,
        request: Request<wire::GetReceiptsRequest>,
    ) -> Result<Response<wire::GetReceiptsResponse>, Status> {
        let id = MessageId::from_slice(&request.into_inner().message_id)
            .map_err(|_| malformed("the message id"))?;
        let receipts = self.gateway.prove(&id).await.map_err(|fault| failed(&fault))?;
        let receipts = receipts.iter().map(Receipt::encode).collect();
        Ok(Response::new(wire::GetReceiptsResponse { receipts }))
    }

    async fn acknowledge(
        &self,
        request: Request<wire::AcknowledgeRequest>,
    ) -> Result<Response<wire::AcknowledgeResponse>, Status> {
        let wire::AcknowledgeRequest { cursor, epoch } = request.into_inner();
        self.gateway.acknowledge(epoch, cursor).await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::AcknowledgeResponse {}))
    }

    async fn accredit(
        &self,
        request: Request<wire::AccreditRequest>,
    ) -> Result<Response<wire::AccreditResponse>, Status> {
        let wire::AccreditRequest { own_bundle, policy, peer_bundles } = request.into_inner();
        let accredited = self.gateway.accredit(&own_bundle, &policy, &peer_bundles).await;
        Ok(Response::new(wire::AccreditResponse { policy_sequence: accredited.map_err(declined)? }))
    }

    async fn list_offered(
        &self,
        _: Request<wire::ListOfferedRequest>,
    ) -> Result<Response<wire::ListOfferedResponse>, Status> {
        let offers = self.gateway.offers().await.map_err(|fault| failed(&fault))?;
        let awaits_desk = self.gateway.asks_desk().await.map_err(|fault| failed(&fault))?;
        let Offers { offered: kept, own_sequence, policy_sequence } = offers;
        // What does not fit comes when some of the others are accredited.
        let offered = bounded(kept.into_iter().map(offered_bundle));
        Ok(Response::new(wire::ListOfferedResponse { offered, own_sequence, policy_sequence, awaits_desk }))
    }

    async fn hand_back(
        &self,
        request: Request<wire::HandBackRequest>,
    ) -> Result<Response<wire::HandBackResponse>, Status> {
        let wire::HandBackRequest { heads, withdrawn, leaves, policy_sequence: policy, complete } =
            request.into_inner();
        let id = |id: &Vec<u8>| Digest::from_slice(id).map_err(|_| malformed("a message id"));
        let withdrawn = withdrawn.iter().map(id).collect::<Result<_, _>>()?;
        let leaves = leaves.into_iter().map(|held| (held.receipt, held.envelope)).collect();
        let given = HandedBack { heads, withdrawn, leaves, policy, complete };
        let logs = self.gateway.take_handed_back(given).await.map_err(declined)?;
        let logs = logs.into_iter().map(|log| wire::HeldLog { origin: log.origin, size: log.size });
        Ok(Response::new(wire::HandBackResponse { logs: logs.collect() }))
    }

    async fn record_act(
        &self,
        request: Request<wire::RecordActRequest>,
    ) -> Result<Response<wire::RecordActResponse>, Status> {
        let wire::RecordActRequest { entry, root } = request.into_inner();
        let entry = AdministrativeLeaf::parse(&entry).map_err(|_| malformed("the entry"))?;
        let root = Digest::from_slice(&root).map_err(|_| malformed("the root of the record"))?;
        if !entry.act.verb.is_of_a_desk() {
            return Err(malformed("the entry: it is no act of a desk"));
        }
        let recorded = self.gateway.record_act_of_desk(entry.act, root).await;
        let (leaf, proof) = recorded.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::RecordActResponse { leaf, proof: proof.to_string() }))
    }
}

/// An answer is bounded in bytes as well as in entries: as many as fit, and always one; the rest is for another call.
fn bounded<M: prost::Message>(entries: impl Iterator<Item = M>) -> Vec<M> {
    let (mut kept, mut bytes) = (Vec::new(), 0_usize);
    for entry in entries {
        bytes = bytes.saturating_add(entry.encoded_len());
        if !kept.is_empty() && bytes > limits::FRAME_BYTES_MAX {
            break;
        }
        kept.push(entry);
    }
    kept
}

fn position(line: SentLine) -> wire::SentPosition {
    wire::SentPosition {
        number: line.key,
        channel: line.channel,
        recipient: line.peer.to_string(),
        sequence: line.sequence,
        message_id: line.message_id.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
    }
}

fn offered_bundle(kept: Offered) -> wire::OfferedBundle {
    let Offered { ministry, bytes, time, .. } = kept;
    wire::OfferedBundle { ministry: ministry.to_string(), bundle: bytes, time: time.seconds() }
}

fn received(item: MailboxItem) -> wire::ReceivedMessage {
    wire::ReceivedMessage {
        cursor: item.cursor,
        envelope: item.envelope,
        receipt: item.receipt.encode(),
        receive_time: item.receive_time.seconds(),
    }
}

fn sent(report: SentReport) -> wire::SentMessage {
    wire::SentMessage {
        message_id: report.message_id.as_bytes().to_vec(),
        state: state(report.state).into(),
        submission_receipt: report.submission_receipt.map(|receipt| receipt.encode()).unwrap_or_default(),
        delivery_receipt: report.delivery_receipt,
        attempts: report.attempts,
        reason: report.reason,
    }
}

pub(super) fn state(state: Option<SentState>) -> wire::SentState {
    match state {
        None => wire::SentState::Unspecified,
        Some(SentState::Queued) => wire::SentState::Queued,
        Some(SentState::Delivered) => wire::SentState::Delivered,
        Some(SentState::Rejected) => wire::SentState::Rejected,
        Some(SentState::Expired) => wire::SentState::Expired,
        Some(SentState::Withdrawn) => wire::SentState::Withdrawn,
    }
}
