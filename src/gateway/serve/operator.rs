//! OperatorService: whoever may open the gateway's socket on its own host.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::gateway::Gateway;
use crate::gateway::administration::{ActPage, ActRange};
use crate::gateway::courier::Packing;
use crate::gateway::error::Fault;
use crate::gateway::pausing::PAUSED;
use crate::gateway::reasons::PAUSED_BY_PEER;
use crate::gateway::serve::archive::archived;
use crate::gateway::serve::copy;
use crate::gateway::serve::courier;
use crate::gateway::serve::queue::{self, operator, place, refused};
use crate::gateway::serve::screen::screen;
use crate::gateway::serve::{declined, failed, malformed};
use crate::gateway::store::record::{LogHead, Retry};
use crate::limits;
use crate::message::administration::Actor;
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::operator_service_server::OperatorService;
use crate::tlog::verifier_key::VerifierKey;
use crate::transport::status;
use crate::trust::name::Ministry;

/// The service.
pub(super) struct OperatorEdge {
    gateway: Arc<Gateway>,
}

impl OperatorEdge {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }
}

#[tonic::async_trait]
impl OperatorService for OperatorEdge {
    type ExportArchiveStream =
        Pin<Box<dyn Stream<Item = Result<wire::ExportArchiveResponse, Status>> + Send>>;
    type CopyStoreStream = copy::Pieces;

    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        let seen = self.gateway.status().await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(screen(seen, self.gateway.addresses(), self.gateway.clock.now())))
    }

    async fn get_metrics(
        &self,
        _: Request<wire::GetMetricsRequest>,
    ) -> Result<Response<wire::GetMetricsResponse>, Status> {
        let page = self.gateway.metrics().await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::GetMetricsResponse { page }))
    }

    async fn ping_peer(
        &self,
        request: Request<wire::PingPeerRequest>,
    ) -> Result<Response<wire::PingPeerResponse>, Status> {
        let ministry =
            Ministry::parse(&request.into_inner().ministry).map_err(|_| malformed("the ministry"))?;
        let Ok(accreditation) = self.gateway.accreditation() else {
            let message = format!("{ministry} is not accredited at this gateway: no ministry is yet");
            return Err(status::refusal(Code::NotFound, "NOT_ACCREDITED", message));
        };
        let endpoint = match accreditation.bundle(&ministry) {
            Ok(bundle) => bundle
                .bundle()
                .content()
                .endpoints
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            Err(fault) => return Err(status::refusal(Code::NotFound, "NOT_ACCREDITED", fault.to_string())),
        };
        let ping = self.gateway.ping(&ministry).await.map_err(|fault| unreachable(&ministry, fault))?;
        Ok(Response::new(wire::PingPeerResponse {
            endpoint,
            round_trip_micros: u64::try_from(ping.round_trip.as_micros()).unwrap_or(u64::MAX),
            peer_log_size: ping.peer_log_size,
            mirrored_size: ping.mirrored_size,
            clock_skew: ping.clock_skew,
        }))
    }

    async fn list_logs(
        &self,
        _: Request<wire::ListLogsRequest>,
    ) -> Result<Response<wire::ListLogsResponse>, Status> {
        let logs = self.gateway.all_logs().await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::ListLogsResponse { logs: logs.into_iter().map(log).collect() }))
    }

    async fn prove_leaf(
        &self,
        request: Request<wire::ProveLeafRequest>,
    ) -> Result<Response<wire::ProveLeafResponse>, Status> {
        let id = MessageId::from_slice(&request.into_inner().message_id);
        let id = id.map_err(|_| malformed("the message id"))?;
        let receipts = self.gateway.prove(&id).await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::ProveLeafResponse {
            receipts: receipts.iter().map(Receipt::encode).collect(),
        }))
    }

    async fn list_forks(
        &self,
        request: Request<wire::ListForksRequest>,
    ) -> Result<Response<wire::ListForksResponse>, Status> {
        let peer = match request.into_inner().ministry.as_str() {
            "" => None,
            code => Some(Ministry::parse(code).map_err(|_| malformed("the ministry"))?),
        };
        let kept = self.gateway.fork_proofs(peer.as_ref()).await.map_err(|fault| failed(&fault))?;
        let proofs = kept.into_iter().map(|kept| wire::ForkProof {
            ministry: kept.peer.to_string(),
            own: kept.own,
            text: kept.text,
        });
        Ok(Response::new(wire::ListForksResponse { proofs: proofs.collect() }))
    }

    async fn confirm_peer(
        &self,
        request: Request<wire::ConfirmPeerRequest>,
    ) -> Result<Response<wire::ConfirmPeerResponse>, Status> {
        let by = operator(&request)?;
        let peer = Ministry::parse(&request.into_inner().ministry);
        let peer = peer.map_err(|_| malformed("the ministry"))?;
        self.gateway.confirm(&peer, by).await.map_err(declined)?;
        Ok(Response::new(wire::ConfirmPeerResponse {}))
    }

    async fn list_acts(
        &self,
        request: Request<wire::ListActsRequest>,
    ) -> Result<Response<wire::ListActsResponse>, Status> {
        let wire::ListActsRequest { origin, first_index, newest } = request.into_inner();
        let range = match newest {
            0 => ActRange::From(first_index),
            count => ActRange::Newest(count as usize),
        };
        let page = self.gateway.acts(named(origin), range).await.map_err(|fault| failed(&fault))?;
        let ActPage { origin, size, first_index, leaves } = page;
        Ok(Response::new(wire::ListActsResponse { origin, size, first_index, leaves }))
    }

    async fn prove_act(
        &self,
        request: Request<wire::ProveActRequest>,
    ) -> Result<Response<wire::ProveActResponse>, Status> {
        let wire::ProveActRequest { origin, index } = request.into_inner();
        let proven = self.gateway.prove_act(named(origin), index).await.map_err(|fault| failed(&fault))?;
        let none = || {
            let message = format!("the administrative log has no entry {index}");
            status::refusal(Code::NotFound, "NO_SUCH_ENTRY", message)
        };
        let (leaf, proof) = proven.ok_or_else(none)?;
        Ok(Response::new(wire::ProveActResponse { leaf, proof: proof.to_string() }))
    }

    async fn pause_peer(
        &self,
        request: Request<wire::PausePeerRequest>,
    ) -> Result<Response<wire::PausePeerResponse>, Status> {
        let by = operator(&request)?;
        let wire::PausePeerRequest { ministry, reason, force } = request.into_inner();
        let peer = Ministry::parse(&ministry).map_err(|_| malformed("the ministry"))?;
        let reason = queue::reason(reason)?;
        let queued = self.gateway.pause_peer(&peer, force, reason, by).await.map_err(refused)?;
        Ok(Response::new(wire::PausePeerResponse { queued }))
    }

    async fn resume_peer(
        &self,
        request: Request<wire::ResumePeerRequest>,
    ) -> Result<Response<wire::ResumePeerResponse>, Status> {
        let by = operator(&request)?;
        let peer = Ministry::parse(&request.into_inner().ministry).map_err(|_| malformed("the ministry"))?;
        let queued = self.gateway.resume_peer(&peer, by).await.map_err(refused)?;
        Ok(Response::new(wire::ResumePeerResponse { queued }))
    }

    async fn reload(
        &self,
        request: Request<wire::ReloadRequest>,
    ) -> Result<Response<wire::ReloadResponse>, Status> {
        let by = Actor::User(operator(&request)?);
        let refused =
            |fault: Fault| status::refusal(Code::FailedPrecondition, "RELOAD_REFUSED", fault.to_string());
        self.gateway.reload_as_asked(by).await.map_err(refused)?;
        let certificate_end_time = self.gateway.credentials.ends().seconds();
        Ok(Response::new(wire::ReloadResponse { certificate_end_time }))
    }

    async fn review_key(
        &self,
        request: Request<wire::ReviewKeyRequest>,
    ) -> Result<Response<wire::ReviewKeyResponse>, Status> {
        let key = VerifierKey::parse(&request.into_inner().verifier_key);
        let key = key.map_err(|_| malformed("the verifier key"))?;
        let review = self.gateway.review_key(&key).await.map_err(|fault| failed(&fault))?;
        let waiting_for = review.waiting_for.iter().map(ToString::to_string).collect();
        Ok(Response::new(wire::ReviewKeyResponse { announced: review.announced, waiting_for }))
    }

    async fn verify_logs(
        &self,
        _: Request<wire::VerifyLogsRequest>,
    ) -> Result<Response<wire::VerifyLogsResponse>, Status> {
        let found = self.gateway.verify().await.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::VerifyLogsResponse {
            leaves: found.leaves,
            parts: found.parts,
            damages: found.damages,
        }))
    }

    async fn list_queue(
        &self,
        request: Request<wire::ListQueueRequest>,
    ) -> Result<Response<wire::ListQueueResponse>, Status> {
        let wire::ListQueueRequest { ministry, state, page_size, page_token } = request.into_inner();
        let filter = queue::filter(&ministry, state)?;
        let after = queue::after(&page_token)?;
        let page = self.gateway.queue_page(filter, after, page_size as usize).await;
        let (entries, next) = page.map_err(refused)?;
        Ok(Response::new(wire::ListQueueResponse {
            entries: entries.into_iter().map(queue::entry).collect(),
            next_page_token: next.map(queue::token).unwrap_or_default(),
        }))
    }

    async fn show_queued(
        &self,
        request: Request<wire::ShowQueuedRequest>,
    ) -> Result<Response<wire::ShowQueuedResponse>, Status> {
        let id = self.gateway.find_queued(&request.into_inner().message).await.map_err(refused)?;
        let seen = self.gateway.inspect(id).await.map_err(refused)?;
        Ok(Response::new(queue::inspection(seen)))
    }

    async fn retry_queued(
        &self,
        request: Request<wire::RetryQueuedRequest>,
    ) -> Result<Response<wire::RetryQueuedResponse>, Status> {
        let by = operator(&request)?;
        let wire::RetryQueuedRequest { message, ministry } = request.into_inner();
        let what = if message.is_empty() {
            Retry::Peer(Ministry::parse(&ministry).map_err(|_| malformed("the ministry"))?)
        } else {
            Retry::Message(self.gateway.find_queued(&message).await.map_err(refused)?)
        };
        let due = self.gateway.retry_now(what, by).await.map_err(refused)?;
        Ok(Response::new(wire::RetryQueuedResponse { due }))
    }

    async fn hold_queued(
        &self,
        request: Request<wire::HoldQueuedRequest>,
    ) -> Result<Response<wire::HoldQueuedResponse>, Status> {
        let by = operator(&request)?;
        let wire::HoldQueuedRequest { message, force, reason } = request.into_inner();
        let id = self.gateway.find_queued(&message).await.map_err(refused)?;
        let reason = queue::reason(reason)?;
        let behind = self.gateway.hold(id, force, reason, by).await.map_err(refused)?;
        let entry = self.gateway.inspect(id).await.map_err(refused)?.waits;
        Ok(Response::new(wire::HoldQueuedResponse { entry: Some(queue::entry(entry)), behind }))
    }

    async fn release_queued(
        &self,
        request: Request<wire::ReleaseQueuedRequest>,
    ) -> Result<Response<wire::ReleaseQueuedResponse>, Status> {
        let by = operator(&request)?;
        let id = self.gateway.find_queued(&request.into_inner().message).await.map_err(refused)?;
        self.gateway.release(id, by).await.map_err(refused)?;
        let entry = self.gateway.inspect(id).await.map_err(refused)?.waits;
        Ok(Response::new(wire::ReleaseQueuedResponse { entry: Some(queue::entry(entry)) }))
    }

    async fn withdraw_queued(
        &self,
        request: Request<wire::WithdrawQueuedRequest>,
    ) -> Result<Response<wire::WithdrawQueuedResponse>, Status> {
        let by = operator(&request)?;
        let wire::WithdrawQueuedRequest { message, force } = request.into_inner();
        let id = self.gateway.find_queued(&message).await.map_err(refused)?;
        let (leaf, unreceipted) = self.gateway.withdraw(id, force, by).await.map_err(refused)?;
        let entry = self.gateway.inspect(id).await.map_err(refused)?.waits;
        Ok(Response::new(wire::WithdrawQueuedResponse {
            entry: Some(queue::entry(entry)),
            leaf: Some(place(leaf)),
            unreceipted,
        }))
    }

    async fn list_alarms(
        &self,
        request: Request<wire::ListAlarmsRequest>,
    ) -> Result<Response<wire::ListAlarmsResponse>, Status> {
        let alarms = self.gateway.list_alarms(request.into_inner().cleared).await;
        let alarms = alarms.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::ListAlarmsResponse { alarms: alarms.into_iter().map(queue::alarm).collect() }))
    }

    async fn acknowledge_alarms(
        &self,
        request: Request<wire::AcknowledgeAlarmsRequest>,
    ) -> Result<Response<wire::AcknowledgeAlarmsResponse>, Status> {
        let by = operator(&request)?;
        let wire::AcknowledgeAlarmsRequest { code, ministry } = request.into_inner();
        let named = Some(ministry).filter(|ministry| !ministry.is_empty());
        let ministry = named.map(|code| Ministry::parse(&code).map_err(|_| malformed("the ministry")));
        let code = Some(code).filter(|code| !code.is_empty());
        let seen = self.gateway.acknowledge_alarms(code, ministry.transpose()?, by).await;
        let alarms = seen.map_err(|fault| failed(&fault))?.into_iter().map(queue::alarm).collect();
        Ok(Response::new(wire::AcknowledgeAlarmsResponse { alarms }))
    }

    type PackQueueStream = courier::Packed;

    async fn pack_queue(
        &self,
        request: Request<wire::PackQueueRequest>,
    ) -> Result<Response<Self::PackQueueStream>, Status> {
        let by = operator(&request)?;
        let wire::PackQueueRequest { ministry, only_new } = request.into_inner();
        let peer = Ministry::parse(&ministry).map_err(|_| malformed("the ministry"))?;
        let packing = Packing { peer, only_new, operator: by };
        Ok(Response::new(courier::pack(self.gateway.clone(), packing)))
    }

    async fn note_packed(
        &self,
        request: Request<wire::NotePackedRequest>,
    ) -> Result<Response<wire::NotePackedResponse>, Status> {
        let by = operator(&request)?;
        let wire::NotePackedRequest { ministry, number } = request.into_inner();
        let peer = Ministry::parse(&ministry).map_err(|_| malformed("the ministry"))?;
        let noted = self.gateway.note_packed(&peer, number, by).await;
        let messages = noted.map_err(|fault| failed(&fault))?;
        Ok(Response::new(wire::NotePackedResponse { messages }))
    }

    async fn unpack_queue(
        &self,
        request: Request<Streaming<wire::UnpackQueueRequest>>,
    ) -> Result<Response<wire::UnpackQueueResponse>, Status> {
        let by = operator(&request)?;
        courier::unpack(&self.gateway, request.into_inner(), by).await.map(Response::new)
    }

    async fn copy_store(
        &self,
        request: Request<wire::CopyStoreRequest>,
    ) -> Result<Response<Self::CopyStoreStream>, Status> {
        let by = operator(&request)?;
        Ok(Response::new(copy::pieces(self.gateway.clone(), by)))
    }

    async fn export_archive(
        &self,
        _: Request<wire::ExportArchiveRequest>,
    ) -> Result<Response<Self::ExportArchiveStream>, Status> {
        let (sink, pieces) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.export(&sink).await });
        let pieces =
            ReceiverStream::new(pieces).map(|piece| piece.map(archived).map_err(|fault| failed(&fault)));
        Ok(Response::new(Box::pin(pieces)))
    }
}

/// The origin of a log, where one is named.
fn named(origin: String) -> Option<String> {
    Some(origin).filter(|origin| !origin.is_empty())
}

/// The operator is told what the link said; a caller from outside never is. Whose operator has paused whom is said
/// here: a peer that has paused us speaks of its own gateway.
fn unreachable(peer: &Ministry, fault: Fault) -> Status {
    match fault {
        Fault::Refused { reason, .. } if reason == PAUSED => {
            let message =
                format!("{peer}'s operator has paused us; call {peer}: what waits is kept at both sides");
            status::refusal(Code::Unavailable, PAUSED_BY_PEER, message)
        }
        Fault::Link(detail) | Fault::Away(detail) | Fault::Refused { detail, .. } => {
            status::refusal(Code::Unavailable, "PEER_UNREACHABLE", detail)
        }
        other => failed(&other),
    }
}

fn log(head: LogHead) -> wire::LogHead {
    let cosigned_size = head.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
    let newest = match (head.checkpoint, head.cosigned) {
        (Some(signed), Some(cosigned)) if cosigned.size >= signed.size => Some(cosigned),
        (signed, cosigned) => signed.or(cosigned),
    };
    wire::LogHead {
        origin: head.origin,
        size: head.size,
        checkpoint: newest.map(|checkpoint| checkpoint.text).unwrap_or_default(),
        mirror: head.mirror,
        cosigned_size,
    }
}
