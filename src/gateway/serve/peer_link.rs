//! `PeerLink` over gRPC: how the courier reaches a peer's gateway.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Relay};
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::serve::{relay, wire};
use crate::gateway::store::Store;
use crate::limits;
use crate::proto::gateway::v1::PutPartRequest;
use crate::proto::gateway::v1::relay_service_client::RelayServiceClient;
use crate::transport::channel::connect;
use crate::transport::credentials::Credentials;
use crate::trust::name::Ministry;

/// Dials the endpoints that a peer's accredited bundle announces.
#[derive(Debug)]
pub struct GrpcLink {
    trust: Arc<ArcSwapOption<Accreditation>>,
    credentials: Credentials,
    store: Store,
}

impl GrpcLink {
    /// A link with what is in force.
    pub fn new(trust: Arc<ArcSwapOption<Accreditation>>, credentials: Credentials, store: Store) -> Self {
        Self { trust, credentials, store }
    }

    /// Connects to the first endpoint that answers.
    async fn dial(&self, peer: &Ministry) -> Result<Channel, Fault> {
        let in_force = self.trust.load_full().ok_or_else(|| Fault::NotAccredited(peer.clone()))?;
        let mut last = Fault::Link("the peer's bundle announces no endpoint".to_owned());
        for endpoint in &in_force.bundle(peer)?.bundle().content().endpoints {
            let address = endpoint.to_string();
            let connecting = connect(&address, peer, &self.credentials);
            match timeout(limits::CONNECT_DEADLINE, connecting).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(cause)) => last = Fault::Link(format!("{endpoint}: {cause}")),
                Err(_) => last = Fault::Link(format!("{endpoint}: no answer in time")),
            }
        }
        Err(last)
    }

    async fn client(&self, peer: &Ministry) -> Result<RelayServiceClient<Channel>, Fault> {
        let client = RelayServiceClient::new(self.dial(peer).await?);
        Ok(client
            .max_decoding_message_size(limits::FRAME_BYTES_MAX)
            .max_encoding_message_size(limits::FRAME_BYTES_MAX))
    }
}

#[async_trait]
impl PeerLink for GrpcLink {
    async fn open(&self, peer: &Ministry) -> Result<Relay, Fault> {
        let mut client = self.client(peer).await?;
        let (outgoing, to_send) = mpsc::channel::<Frame>(limits::RELAY_FRAMES_WAITING_MAX);
        let frames = ReceiverStream::new(to_send).map(wire::encode);
        let answer = timeout(limits::CONNECT_DEADLINE, client.relay(frames)).await;
        let answer = answer.map_err(|_| Fault::Link("the peer did not answer in time".to_owned()))?;
        let answer = answer.map_err(refused)?;
        let (relay, _) = relay::ends(answer.into_inner());
        Ok(Relay { outgoing, incoming: relay.incoming })
    }

    async fn put_part(&self, peer: &Ministry, digest: &Digest, size: u64) -> Result<(), Fault> {
        let mut client = self.client(peer).await?;
        let (sender, pieces) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
        let (store, digest) = (self.store.clone(), *digest);
        let reading = tokio::spawn(async move {
            let mut offset = 0_u64;
            while offset < size {
                let content = store.read_part(digest, offset, limits::PIECE_BYTES_MAX).await?;
                let content = content.filter(|content| !content.is_empty());
                let content = content.ok_or_else(|| Fault::Damaged(format!("sealed part {digest}")))?;
                offset = offset.saturating_add(content.len() as u64);
                let piece = PutPartRequest { digest: digest.as_bytes().to_vec(), size, content };
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            Ok::<(), Fault>(())
        });
        let put = client.put_part(ReceiverStream::new(pieces)).await.map_err(refused);
        reading.await.map_err(|cause| Fault::Link(cause.to_string()))??;
        put.map(|_| ())
    }
}

fn refused(status: tonic::Status) -> Fault {
    let reason = crate::transport::status::reason_of(&status).unwrap_or_else(|| status.code().to_string());
    Fault::Link(wire::plain_words(&format!("the peer refused: {reason}: {}", status.message())))
}
