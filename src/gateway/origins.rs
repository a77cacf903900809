//! Where peers are: the listener keeps places for them before anybody of them was believed.
//!
//! What accredited bundles announce enters, addresses leave for the reserve of the relay listener. Names are
//! resolved here, now and then and when the accreditation changes, never while somebody waits at the door. An
//! address earns a place for a handshake and nothing else.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::limits;
use crate::transport::lookup;
use crate::transport::quota::KnownOrigins;
use crate::trust::bundle::SignedBundle;
use crate::trust::endpoint::Endpoint;
use crate::trust::name::Ministry;

impl Gateway {
    /// Tells the listener where peers announce to be, until `stop` is cancelled.
    pub(super) async fn announce_origins(self: Arc<Self>, known: KnownOrigins, stop: CancellationToken) {
        let mut changes = self.accredited.subscribe();
        loop {
            let looking = async {
                self.announce_addresses(&known).await;
                tokio::select! {
                    changed = changes.changed() => changed.is_ok(),
                    () = sleep(limits::ANNOUNCED_ORIGINS_PAUSE) => true,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                goes_on = looking => if !goes_on { return },
            }
        }
    }

    async fn announce_addresses(&self, known: &KnownOrigins) {
        let Some(in_force) = self.trust.load_full() else { return };
        let endpoints = |signed: &SignedBundle| signed.bundle().content().endpoints.clone();
        let peers = in_force.peers().iter().map(|(peer, signed)| (peer.clone(), endpoints(signed)));
        announce_peers(known, &peers.collect()).await;
    }
}

/// Each peer by itself, when its addresses are found: none waits for the names of another. Who is no peer any more is
/// forgotten.
async fn announce_peers(known: &KnownOrigins, peers: &BTreeMap<Ministry, Vec<Endpoint>>) {
    known.retain(|ministry| peers.contains_key(ministry));
    let announcing = peers.iter().map(|(peer, endpoints)| async move {
        known.announce(peer, addresses_of_peer(endpoints).await);
    });
    join_all(announcing).await;
}

async fn addresses_of_peer(endpoints: &[Endpoint]) -> Vec<IpAddr> {
    let most = limits::ANNOUNCED_ORIGINS_PER_PEER_MAX;
    let found = join_all(endpoints.iter().take(most).map(addresses_of)).await;
    found.into_iter().flatten().take(most).collect()
}

/// The addresses behind an endpoint; none where its name leads nowhere in time.
async fn addresses_of(endpoint: &Endpoint) -> Vec<IpAddr> {
    let host = endpoint.host();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bare.and_then(|text| text.parse::<Ipv6Addr>().ok()) {
        return vec![IpAddr::V6(address)];
    }
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    let found = lookup::addresses(host.to_owned(), endpoint.port()).await;
    found.unwrap_or_default().into_iter().map(|address| address.ip()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_kept_for_so_many_addresses_of_one_peer() {
        let endpoint = |number| Endpoint::parse(&format!("192.0.2.{number}:7443")).unwrap();
        let kept = async |count: usize| {
            let endpoints: Vec<Endpoint> = (0..count).map(endpoint).collect();
            addresses_of_peer(&endpoints).await.len()
        };
        let most = limits::ANNOUNCED_ORIGINS_PER_PEER_MAX;
        assert_eq!((kept(most).await, kept(most + 1).await), (most, most));
    }

    #[tokio::test]
    async fn nothing_is_kept_for_a_ministry_that_is_no_peer_any_more() {
        let known = KnownOrigins::new(1);
        let of = |codes: &[&str]| {
            let announced = |code: &&str| {
                (Ministry::parse(code).unwrap(), vec![Endpoint::parse("192.0.2.1:7443").unwrap()])
            };
            codes.iter().map(announced).collect::<BTreeMap<_, _>>()
        };
        let told = || ["XB", "XC"].map(|code| format!("{known:?}").contains(code));
        announce_peers(&known, &of(&["XB", "XC"])).await;
        assert_eq!(told(), [true, true]);
        announce_peers(&known, &of(&["XC"])).await;
        assert_eq!(told(), [false, true]);
    }

    #[tokio::test]
    async fn addresses_stand_for_themselves_and_names_are_looked_up() {
        let found = async |text: &str| addresses_of(&Endpoint::parse(text).unwrap()).await;
        assert_eq!(found("192.0.2.1:7443").await, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(found("[2001:db8::1]:7443").await, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        assert!(found("localhost:7443").await.iter().all(IpAddr::is_loopback));
        assert!(!found("localhost:7443").await.is_empty());
        assert_eq!(found("gateway.mfa.xa.invalid:7443").await, Vec::<IpAddr>::new());
    }
}
