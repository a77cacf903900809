//! OperatorService: whoever may open the gateway's socket on its own host.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::serve::{failed, malformed};
use crate::gateway::status::PeerStatus;
use crate::gateway::store::record::{Alarm, LogHead};
use crate::message::id::MessageId;
use crate::message::receipt::Receipt;
use crate::proto::gateway::v1 as wire;
use crate::proto::gateway::v1::operator_service_server::OperatorService;
use crate::time::Timestamp;
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
    async fn get_status(
        &self,
        _: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        let seen = self.gateway.status().await.map_err(|fault| failed(&fault))?;
        let addresses = self.gateway.addresses();
        Ok(Response::new(wire::GetStatusResponse {
            ministry: seen.ministry.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            start_time: seen.started.seconds(),
            policy_sequence: seen.policy,
            peers: seen.peers.into_iter().map(peer).collect(),
            mailbox_waiting: seen.mailbox_waiting,
            certificate_end_time: seen.certificate_end.seconds(),
            alarms: seen.alarms.into_iter().map(alarm).collect(),
            relay_address: addresses.relay,
            mailbox_address: addresses.mailbox,
        }))
    }

    async fn ping_peer(
        &self,
        request: Request<wire::PingPeerRequest>,
    ) -> Result<Response<wire::PingPeerResponse>, Status> {
        let ministry =
            Ministry::parse(&request.into_inner().ministry).map_err(|_| malformed("the ministry"))?;
        let accreditation = self.gateway.accreditation().map_err(|fault| failed(&fault))?;
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
        let ping = self.gateway.ping(&ministry).await.map_err(unreachable)?;
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
        let logs = self.gateway.logs().await.map_err(|fault| failed(&fault))?;
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
}

/// The operator is told what the link said; a caller from outside never is.
fn unreachable(fault: Fault) -> Status {
    match fault {
        Fault::Link(detail) => status::refusal(Code::Unavailable, "PEER_UNREACHABLE", detail),
        other => failed(&other),
    }
}

fn peer(seen: PeerStatus) -> wire::PeerStatus {
    wire::PeerStatus {
        ministry: seen.ministry.to_string(),
        display_name: seen.display_name,
        connected: seen.connected,
        queued: seen.queued,
        last_receipt_time: seen.last_receipt.map_or(0, Timestamp::seconds),
        last_failure: seen.last_failure,
        clock_skew: seen.clock_skew,
    }
}

fn alarm(alarm: Alarm) -> wire::Alarm {
    wire::Alarm {
        code: alarm.code,
        time: alarm.time.seconds(),
        ministry: alarm.ministry.to_string(),
        detail: alarm.detail,
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
