//! What ends by itself: certificates and bundles, and how long before their end people are told.
//!
//! Files of the home and bundles in force enter; what ends and when leaves, for the operator's screen, for metrics
//! and as one log line at each stage.

use std::sync::Arc;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::gateway::credentials::certificate;
use crate::gateway::error::Fault;
use crate::keys::expiry::{Expiring, Lifetime, Telling};
use crate::limits;

impl Gateway {
    /// Everything of this gateway and of its peers that ends by itself, the nearest end first.
    pub fn lifetimes(&self) -> Result<Vec<Lifetime>, Fault> {
        let own = &self.config.ministry;
        let (begins, ends) = self.credentials.validity();
        let mut found = vec![Lifetime { what: Expiring::Transport, ministry: own.clone(), begins, ends }];
        for (what, path) in
            [(Expiring::DeskAccess, self.config.desk_access()), (Expiring::Root, self.config.root())]
        {
            found.extend(Lifetime::of_certificate(what, own, &certificate(&path)?));
        }
        let in_force = self.trust.load_full();
        for in_force in in_force.iter() {
            found.push(Lifetime::of_bundle(in_force.own().bundle().content()));
            for bundle in in_force.peers().values() {
                let content = bundle.bundle().content();
                found.push(Lifetime::of_bundle(content));
                found.extend(Lifetime::of_certificate(Expiring::Root, &content.ministry, &content.root));
            }
        }
        found.sort_by_key(|lifetime| (lifetime.ends, lifetime.what.word()));
        Ok(found)
    }

    /// Says once at each stage that an end comes nearer, until `stop` is cancelled.
    pub(super) async fn warn_of_ends(self: Arc<Self>, stop: CancellationToken) {
        let mut telling = Telling::default();
        while !stop.is_cancelled() {
            match self.lifetimes() {
                Ok(lifetimes) => telling.tell(&lifetimes, self.clock.now()),
                Err(fault) => tracing::warn!(%fault, "it could not be seen what ends soon"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(limits::EXPIRY_LOOK_PAUSE) => {}
            }
        }
    }
}
