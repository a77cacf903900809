//! Raw clients: whatever certificate, at whatever door of a running gateway.

use std::sync::Arc;

use chancery::digest::Digest;
use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use chancery::proto::gateway::v1::relay_service_client::RelayServiceClient;
use chancery::transport::anchors::PeerAnchors;
use chancery::transport::channel::connect;
use chancery::transport::credentials::{CredentialStore, Credentials, Material, TlsIdentity};
use chancery::transport::status::reason_of;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{Stage, ministry};

/// The identity of a ministry's gateway.
pub fn gateway_identity(stage: &Stage, code: &str) -> TlsIdentity {
    let home = &stage.house(code).homes().gateway;
    TlsIdentity::read(&home.transport_chain(), &home.transport_key()).unwrap()
}

/// The identity of a ministry's desk.
pub fn desk_identity(stage: &Stage, code: &str) -> TlsIdentity {
    stage.house(code).keys().access().unwrap()
}

/// What a client with this identity shows; it believes the gateways of `of`.
pub fn credentials(stage: &Stage, identity: TlsIdentity, of: &[&str]) -> Credentials {
    let mut peers = PeerAnchors::new();
    for code in of {
        let bundle = stage.world.bundle(&ministry(code)).unwrap().bundle();
        peers.insert(bundle.domain(), bundle.transport_anchors().clone()).unwrap();
    }
    let source =
        Box::new(move || Ok(Material { identity: identity.clone(), peers: peers.clone(), desks: None }));
    CredentialStore::open(source, Arc::new(stage.clock.clone())).unwrap().1
}

/// Why a caller got nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShutOut {
    /// No connection came about, or it was cut before anything was answered.
    Door,
    /// The call was answered with this code and reason.
    Call(Code, String),
}

/// Opens a relay stream at the relay listener of `at`; the stream is not used.
pub async fn knock_at_relay(stage: &Stage, identity: TlsIdentity, at: &str) -> Result<(), ShutOut> {
    let address = stage.house(at).plan().relay.clone();
    let mut client = RelayServiceClient::new(dial(stage, identity, at, &address).await?);
    let hello = wire::RelayFrame { frame: None };
    let answer = client.relay(tokio_stream::once(hello)).await.map_err(shut_out)?;
    answer.into_inner().message().await.map(|_| ()).map_err(shut_out)
}

/// Asks for the mailbox at `address` of `at`.
pub async fn knock_at_mailbox(
    stage: &Stage,
    identity: TlsIdentity,
    at: &str,
    address: &str,
) -> Result<(), ShutOut> {
    let mut client = MailboxServiceClient::new(dial(stage, identity, at, address).await?);
    let request = wire::ListReceivedRequest::default();
    client.list_received(request).await.map(|_| ()).map_err(shut_out)
}

/// A client of the mailbox of `at`.
pub async fn mailbox(stage: &Stage, identity: TlsIdentity, at: &str) -> MailboxServiceClient<Channel> {
    let address = stage.house(at).plan().mailbox.clone();
    MailboxServiceClient::new(dial(stage, identity, at, &address).await.unwrap())
        .max_encoding_message_size(usize::MAX)
}

/// A client of the relay of `at`.
pub async fn relay(stage: &Stage, identity: TlsIdentity, at: &str) -> RelayServiceClient<Channel> {
    let address = stage.house(at).plan().relay.clone();
    RelayServiceClient::new(dial(stage, identity, at, &address).await.unwrap())
        .max_encoding_message_size(usize::MAX)
}

/// Hands a part over at the relay of `at` as the gateway of `from`, under a digest and a size that need not
/// be its own.
pub async fn put_part(
    stage: &Stage,
    from: &str,
    at: &str,
    (digest, size): (Digest, u64),
    content: &[u8],
) -> Result<(), ShutOut> {
    let mut client = relay(stage, gateway_identity(stage, from), at).await;
    let piece = |content: &[u8]| wire::PutPartRequest {
        digest: digest.as_bytes().to_vec(),
        size,
        offset: 0,
        content: content.to_vec(),
    };
    let pieces: Vec<_> = content.chunks(limits::PIECE_BYTES_MAX).map(piece).collect();
    client.put_part(tokio_stream::iter(pieces)).await.map(|_| ()).map_err(shut_out)
}

/// A connection to `address` of `at`.
pub async fn dial(stage: &Stage, identity: TlsIdentity, at: &str, address: &str) -> Result<Channel, ShutOut> {
    let credentials = credentials(stage, identity, &[at]);
    connect(address, &ministry(at), &credentials).await.map_err(|_| ShutOut::Door)
}

/// Code and reason of an answer; a connection that was cut gives no reason.
pub fn shut_out(status: Status) -> ShutOut {
    match reason_of(&status) {
        Some(reason) => ShutOut::Call(status.code(), reason),
        None if matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
        ) =>
        {
            ShutOut::Door
        }
        None => ShutOut::Call(status.code(), String::new()),
    }
}
