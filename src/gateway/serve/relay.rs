//! RelayService: peers' gateways. Every call is made by the ministry its certificate names; the guard has let
//! only accredited peers through.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Relay};
use crate::gateway::pausing::{PAUSED, Urgent};
use crate::gateway::serve::{failed, part_calls, parts, paused, wire};
use crate::limits;
use crate::proto::gateway::v1::relay_service_server::RelayService;
use crate::proto::gateway::v1::{
    FindPartRequest, FindPartResponse, PutPartRequest, PutPartResponse, RelayFrame, TakePartRequest,
    TakePartResponse,
};
use crate::transport::peer::Peer;
use crate::transport::status;
use crate::trust::name::Ministry;

/// The service.
pub(super) struct RelayEdge {
    gateway: Arc<Gateway>,
    stop: CancellationToken,
    /// What is left of the streams that each peer may have open: each takes memory for what waits on it.
    streams: Mutex<BTreeMap<Ministry, Arc<Semaphore>>>,
}

impl RelayEdge {
    pub(super) fn new(gateway: Arc<Gateway>, stop: CancellationToken) -> Self {
        Self { gateway, stop, streams: Mutex::default() }
    }

    /// Refuses a call of a peer with which nothing is exchanged at present.
    fn require_exchange(&self, peer: &Ministry) -> Result<(), Status> {
        let is_closed = self.gateway.pause_of(peer).is_some() || self.gateway.exchange(peer).is_err();
        if is_closed { Err(paused()) } else { Ok(()) }
    }

    /// Counts one more relay stream of a peer, as long as the answer is held.
    fn one_more(&self, peer: &Ministry) -> Result<OwnedSemaphorePermit, Status> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let most = || Arc::new(Semaphore::new(limits::RELAY_STREAMS_PER_PEER_MAX));
        let left = streams.entry(peer.clone()).or_insert_with(most).clone();
        left.try_acquire_owned().map_err(|_| {
            status::refusal(tonic::Code::Unavailable, "TRY_LATER", "too many relay streams are open")
        })
    }
}

#[tonic::async_trait]
impl RelayService for RelayEdge {
    type RelayStream = Pin<Box<dyn Stream<Item = Result<RelayFrame, Status>> + Send>>;

    async fn relay(
        &self,
        request: Request<Streaming<RelayFrame>>,
    ) -> Result<Response<Self::RelayStream>, Status> {
        let peer = Peer::of(&request)?.ministry().clone();
        if self.gateway.pause_of(&peer).is_some() {
            let is_urgent = request.metadata().get(PRECEDENCE).is_some_and(|said| said == FLASH);
            let gave_way = match is_urgent {
                true => self.gateway.give_way(&peer, Urgent::Theirs).await.map_err(|fault| failed(&fault))?,
                false => false,
            };
            if !gave_way {
                return Err(paused());
            }
        }
        let open = self.one_more(&peer)?;
        let (relay, outgoing) = ends(request.into_inner(), ());
        let (gateway, stop) = (self.gateway.clone(), self.stop.clone());
        let (refused, refusal) = mpsc::channel(1);
        tokio::spawn(async move {
            let _open = open;
            let ended = tokio::select! {
                ended = gateway.converse(&peer, relay) => ended,
                () = stop.cancelled() => Ok(()),
            };
            if let Err(fault) = ended {
                if let Some(unsaid) = gateway.link_of(&peer).refusals.next() {
                    tracing::info!(peer = %peer, %fault, unsaid, "a relay stream of the peer ended");
                }
                // The peer may be gone already.
                let _gone = refused.send(Err(failed(&fault))).await;
            }
        });
        let frames = ReceiverStream::new(outgoing).map(|frame| Ok(wire::encode(frame)));
        Ok(Response::new(Box::pin(frames.chain(ReceiverStream::new(refusal)))))
    }

    async fn find_part(
        &self,
        request: Request<FindPartRequest>,
    ) -> Result<Response<FindPartResponse>, Status> {
        let peer = Peer::of(&request)?.ministry().clone();
        self.require_exchange(&peer)?;
        parts::find(&self.gateway, &peer, request.get_ref()).await.map(Response::new)
    }

    async fn put_part(
        &self,
        request: Request<Streaming<PutPartRequest>>,
    ) -> Result<Response<PutPartResponse>, Status> {
        let peer = Peer::of(&request)?.ministry().clone();
        self.require_exchange(&peer)?;
        tokio::select! {
            put = parts::put(&self.gateway, &peer, request.into_inner()) => put.map(Response::new),
            _ = self.gateway.until_paused(&peer) => Err(paused()),
        }
    }

    type TakePartStream = Pin<Box<dyn Stream<Item = Result<TakePartResponse, Status>> + Send>>;

    async fn take_part(
        &self,
        request: Request<Streaming<TakePartRequest>>,
    ) -> Result<Response<Self::TakePartStream>, Status> {
        let peer = Peer::of(&request)?.ministry().clone();
        self.require_exchange(&peer)?;
        let (taker, handed) = part_calls::taker(request.into_inner());
        self.gateway.freight.welcome(&peer, taker);
        let handed = ReceiverStream::new(handed).map(|handed| Ok(part_calls::encode_handed(handed)));
        let (gateway, stop) = (self.gateway.clone(), self.stop.clone());
        let over = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = gateway.until_paused(&peer) => {}
            }
        };
        Ok(Response::new(Box::pin(handed.take_until(Box::pin(over)))))
    }
}

/// Metadata of a relay call by which the dialling side says that a message of precedence FLASH waits for the other.
pub(super) const PRECEDENCE: &str = "chancery-precedence";
/// Its only value.
pub(super) const FLASH: &str = "FLASH";

/// The two ends of a stream: ours as plain frames, and what is to go out. `kept` is dropped when the stream is over or
/// nobody here listens any more: the other side may never end its half.
pub(super) fn ends(
    mut frames: Streaming<RelayFrame>,
    kept: impl Send + 'static,
) -> (Relay, mpsc::Receiver<Frame>) {
    let (outgoing, to_send) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
    let (received, incoming) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
    tokio::spawn(async move {
        let _kept = kept;
        loop {
            let next = tokio::select! {
                next = frames.message() => next,
                () = received.closed() => return,
            };
            let next = match next {
                Ok(Some(frame)) => wire::decode(frame),
                Ok(None) => return,
                Err(status) => Err(broken(&status)),
            };
            let ends = next.is_err();
            if received.send(next).await.is_err() || ends {
                return;
            }
        }
    });
    (Relay { outgoing, incoming }, to_send)
}

/// Why no more frames come: the codec refused one, for a reason that the peer is told, or the link is gone.
fn broken(status: &Status) -> Fault {
    let detail = wire::plain_words(status.message());
    match status::reason_of(status) {
        Some(reason) if reason == PAUSED => Fault::Refused { reason, detail },
        Some(reason) if status.code() == Code::InvalidArgument => Fault::Misshapen { reason, detail },
        // tonic counts bytes before the codec is asked, and gives no reason.
        None if status.code() == Code::OutOfRange => {
            Fault::Misshapen { reason: "TOO_LARGE".to_owned(), detail }
        }
        _ => Fault::Link(format!("the stream broke: {detail}")),
    }
}
