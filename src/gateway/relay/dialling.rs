//! Dialling: opens a session with a peer while none lives, whoever opened it.
//!
//! Every failure is noted and the next attempt comes later, at random within a bound that doubles, so that two
//! gateways that fail together do not try together.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::quarantine::behind_a_wall_of;
use super::session::Opener;
use crate::digest::Digest;
use crate::entropy::random;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::Relay;
use crate::gateway::freight::{Carried, Giver};
use crate::gateway::pausing::PAUSED;
use crate::gateway::schedule;
use crate::limits;
use crate::trust::name::Ministry;

/// How a peer's gateway is reached (port): gRPC over mutual TLS, or a channel in tests.
#[async_trait]
pub trait PeerLink: Send + Sync {
    /// Opens a relay stream to a peer, trying its endpoints in order, each for no longer than
    /// `CONNECT_DEADLINE`.
    async fn open(&self, peer: &Ministry) -> Result<Relay, Fault>;
    /// Hands over one sealed part that is too large for its envelope, from where the peer says that it holds
    /// it, and reports how far it has come. Returns when the peer holds it.
    async fn put_part(
        &self,
        peer: &Ministry,
        digest: &Digest,
        size: u64,
        carried: &Carried,
    ) -> Result<(), Fault>;
    /// Opens a call on which a peer may hand over one sealed part, on a connection of its own.
    async fn take_part(&self, peer: &Ministry) -> Result<Giver, Fault>;
}

impl Gateway {
    /// Keeps a session with `peer` alive until `stop` is cancelled. A defect of ours that ends it does not end it for
    /// good: the others would go on, and nobody would see that nothing is carried to this one.
    pub(in crate::gateway) async fn courier(self: Arc<Self>, peer: Ministry, stop: CancellationToken) {
        while behind_a_wall_of(self.clone().keep_session(peer.clone(), stop.clone())).await.is_none() {
            tracing::error!(peer = %peer, "a defect of ours ended the courier to the peer; it begins anew");
            self.note_link(&peer, |link| link.last_failure = "a defect of this gateway".to_owned());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(limits::COURIER_PAUSE) => {}
            }
        }
    }

    async fn keep_session(self: Arc<Self>, peer: Ministry, stop: CancellationToken) {
        let link = self.link_of(&peer);
        let mut sessions = link.live.subscribe();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // The sender is in the link that is held here.
                _ = sessions.wait_for(|live| *live == 0) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = link.until_resumed() => {}
            }
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.dial(&peer) => ended,
            };
            if matches!(ended, Err(Fault::Paused(_))) && link.pause().is_some() {
                continue;
            }
            if let Err(fault) = ended {
                if let Some(unsaid) = link.refusals.next() {
                    tracing::info!(peer = %peer, %fault, unsaid, "the relay to the peer ended");
                }
                let by_peer = matches!(&fault, Fault::Refused { reason, .. } if reason == PAUSED);
                self.note_link(&peer, |link| {
                    link.last_failure = fault.to_string();
                    link.paused_by_peer = by_peer;
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = link.rest(self.pause(link.failed())) => {}
            }
        }
    }

    async fn dial(self: &Arc<Self>, peer: &Ministry) -> Result<(), Fault> {
        let relay = self.link.open(peer).await?;
        self.session(peer, relay, Opener::Us).await
    }

    /// A pause after so many failures in a row, drawn anew each time.
    pub(in crate::gateway) fn pause(&self, failures: u32) -> Duration {
        let draw = random::<4>(self.entropy.as_ref()).map_or(u32::MAX, u32::from_le_bytes);
        schedule::pause(failures, draw)
    }
}
