//! `PeerLink` over gRPC: how the courier reaches a peer's gateway.

use std::pin::pin;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use crate::digest::Digest;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Frame, Relay};
use crate::gateway::freight::{Carried, Giver, read_out, say};
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::serve::{part_calls, relay, wire};
use crate::gateway::store::Store;
use crate::limits;
use crate::proto::gateway::v1::relay_service_client::RelayServiceClient;
use crate::proto::gateway::v1::{FindPartRequest, PutPartRequest};
use crate::transport::channel::connect_until;
use crate::transport::credentials::Credentials;
use crate::trust::name::Ministry;

/// A connection for one call or one session: it ends when this is dropped, soon afterwards, so that what was said last
/// still arrives. Otherwise a peer that never ends its half of the call, or takes nothing of ours, would keep it.
#[derive(Debug)]
struct Own(CancellationToken);

impl Drop for Own {
    fn drop(&mut self) {
        let end = self.0.clone();
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                sleep(limits::PARTING_PAUSE).await;
                end.cancel();
            })),
            Err(_) => end.cancel(),
        }
    }
}

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
    async fn dial(&self, peer: &Ministry) -> Result<(Channel, Own), Fault> {
        let in_force = self.trust.load_full().ok_or_else(|| Fault::NotAccredited(peer.clone()))?;
        let mut last = Fault::Away("the peer's bundle announces no endpoint".to_owned());
        for endpoint in &in_force.bundle(peer)?.bundle().content().endpoints {
            let address = endpoint.to_string();
            let own = Own(CancellationToken::new());
            let connecting = connect_until(&address, peer, &self.credentials, own.0.clone());
            match timeout(limits::CONNECT_DEADLINE, connecting).await {
                Ok(Ok(channel)) => return Ok((channel, own)),
                // It names the endpoint itself.
                Ok(Err(cause)) => last = Fault::Away(cause.to_string()),
                Err(_) => last = Fault::Away(format!("{endpoint}: no answer in time")),
            }
        }
        Err(last)
    }

    async fn client(&self, peer: &Ministry) -> Result<(RelayServiceClient<Channel>, Own), Fault> {
        let (channel, own) = self.dial(peer).await?;
        let client = RelayServiceClient::new(channel)
            .max_decoding_message_size(limits::FRAME_BYTES_MAX)
            .max_encoding_message_size(limits::FRAME_BYTES_MAX);
        Ok((client, own))
    }
}

#[async_trait]
impl PeerLink for GrpcLink {
    async fn open(&self, peer: &Ministry) -> Result<Relay, Fault> {
        let (mut client, own) = self.client(peer).await?;
        let (outgoing, to_send) = mpsc::channel::<Frame>(limits::RELAY_FRAMES_WAITING_MAX);
        let frames = ReceiverStream::new(to_send).map(wire::encode);
        let mut call = tonic::Request::new(frames);
        if self.store.flash_waits(peer.clone()).await? {
            call.metadata_mut().insert(relay::PRECEDENCE, MetadataValue::from_static(relay::FLASH));
        }
        let answer = timeout(limits::CONNECT_DEADLINE, client.relay(call)).await;
        let answer = answer.map_err(|_| Fault::Link("the peer did not answer in time".to_owned()))?;
        let answer = answer.map_err(refused)?;
        let (relay, _) = relay::ends(answer.into_inner(), own);
        Ok(Relay { outgoing, incoming: relay.incoming })
    }

    async fn put_part(
        &self,
        peer: &Ministry,
        digest: &Digest,
        size: u64,
        carried: &Carried,
    ) -> Result<(), Fault> {
        let (mut client, _own) = self.client(peer).await?;
        let asked = FindPartRequest { digest: digest.as_bytes().to_vec(), size };
        let asking = timeout(limits::OUTCOME_DEADLINE, client.find_part(asked)).await;
        let asking = asking.map_err(|_| Fault::Link("the peer does not say what it holds".to_owned()))?;
        let found = asking.map_err(refused)?.into_inner();
        if found.complete {
            carried.reach(size);
            return Ok(());
        }
        let offset = found.offset.min(size);
        carried.reach(offset);
        let missing = || Fault::Damaged(format!("sealed part {digest}"));
        let reader = self.store.open_part(*digest, offset).await?.ok_or_else(missing)?;
        let (sender, pieces) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
        let mut putting = pin!(client.put_part(ReceiverStream::new(pieces)));
        let named = digest.as_bytes().to_vec();
        let give =
            |offset, content| say(&sender, PutPartRequest { digest: named.clone(), size, content, offset });
        let answer = tokio::select! {
            answer = &mut putting => answer,
            // Where reading fails the call is dropped: to the peer that is a cut, not an end.
            read = read_out(reader, *digest, size, carried, give) => {
                // Where the peer has answered already, what it said is in the call.
                if !sender.is_closed() {
                    read?;
                }
                drop(sender);
                let silent = |_| Fault::Link("the peer does not say that it holds the part".to_owned());
                timeout(limits::PIECE_DEADLINE, putting).await.map_err(silent)?
            }
        };
        answer.map_err(refused)?;
        carried.reach(size);
        Ok(())
    }

    async fn take_part(&self, peer: &Ministry) -> Result<Giver, Fault> {
        let (mut client, own) = self.client(peer).await?;
        let (outgoing, to_say) = mpsc::channel(limits::RELAY_FRAMES_WAITING_MAX);
        let said = ReceiverStream::new(to_say).map(part_calls::encode_taken);
        let answer = timeout(limits::CONNECT_DEADLINE, client.take_part(said)).await;
        let answer = answer.map_err(|_| Fault::Link("the peer did not answer in time".to_owned()))?;
        Ok(part_calls::giver(outgoing, answer.map_err(refused)?.into_inner(), own))
    }
}

fn refused(status: tonic::Status) -> Fault {
    if status.code() == tonic::Code::Cancelled && std::error::Error::source(&status).is_some() {
        // The connection ended, and nobody answered: so TLS 1.3 tells a client that its certificate is not believed.
        return Fault::Link(NOT_LET_IN.to_owned());
    }
    let detail = wire::plain_words(status.message());
    match crate::transport::status::reason_of(&status) {
        Some(reason) => Fault::Refused { reason: wire::code_words(reason), detail },
        None => Fault::Link(format!("the call to the peer failed: {}: {detail}", status.code())),
    }
}

/// What is said where a peer ends the connection before it answers anything.
const NOT_LET_IN: &str = "the peer closed the connection before it answered: most likely it has not added this ministry \
    yet, or not its newest bundle; its desk does so by `chancery peer add BUNDLE`";

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::transport::status::refusal;

    #[test]
    fn a_call_is_refused_for_a_reason_code_and_what_else_the_peer_says_is_not_in_the_log() {
        for (said, reason) in [("NO_SPACE", "NO_SPACE"), ("ask the porter", "UNKNOWN_REASON")] {
            let fault = refused(refusal(Code::ResourceExhausted, said, "words of the peer"));
            assert_eq!(fault.to_string(), format!("the peer refused: {reason}"));
            let Fault::Refused { detail, .. } = fault else { panic!("{fault:?}") };
            assert_eq!(detail, "words of the peer");
        }
    }

    #[test]
    fn a_connection_that_ends_before_anything_is_answered_says_that_we_are_not_added_yet() {
        let mut shut = tonic::Status::cancelled("operation was canceled");
        assert!(
            !refused(shut.clone()).to_string().contains("added"),
            "so a peer answers that cancels a call"
        );
        shut.set_source(Arc::new(std::io::Error::other("canceled")));
        let said = refused(shut).to_string();
        assert!(
            said.contains("has not added this ministry yet") && said.contains("chancery peer add"),
            "{said}"
        );
        assert!(!said.contains("cancel"), "{said}");
    }

    #[tokio::test]
    async fn a_connection_for_one_call_ends_after_the_call_and_not_before() {
        let end = CancellationToken::new();
        let own = Own(end.clone());
        tokio::task::yield_now().await;
        assert!(!end.is_cancelled());
        drop(own);
        timeout(10 * limits::PARTING_PAUSE, end.cancelled()).await.unwrap();
    }
}
