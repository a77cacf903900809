//! Runs a gateway: opens what the configuration names, serves its three listeners, keeps one courier per
//! accredited peer, reloads certificates on request and stops cleanly.

use std::collections::BTreeMap;
use std::fs;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::gateway::Gateway;
use crate::gateway::accreditation::credentials_of;
use crate::gateway::administration::Administration;
use crate::gateway::beliefs::Beliefs;
use crate::gateway::config::Config;
use crate::gateway::credentials::{DeskList, certificate, credentials_source};
use crate::gateway::error::Fault;
use crate::gateway::freight::Freight;
use crate::gateway::metrics::Tallies;
use crate::gateway::note_keys::NoteKeys;
use crate::gateway::relay::Quarantine;
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::room::SpaceWatch;
use crate::gateway::serve::peer_link::GrpcLink;
use crate::gateway::serve::{serve_mailbox, serve_operator, serve_relay};
use crate::gateway::store::{Store, StoreFault};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::time::{Clock, Timestamp};
use crate::tlog::verifier_key::KeyKind;
use crate::transport::anchors::PeerAnchors;
use crate::transport::credentials::{CredentialStore, Door};
use crate::transport::listener::Listener;
use crate::transport::metrics::MetricsListener;
use crate::transport::operator_socket::{OperatorSocket, require_length};
use crate::trust::name::Ministry;

/// Where a running gateway listens.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// Relay listener.
    pub relay: String,
    /// Mailbox listener.
    pub mailbox: String,
    /// Where metrics are read, if anywhere.
    pub metrics: Option<String>,
}

/// A gateway with its listeners open, ready to serve.
#[derive(Debug)]
pub struct Opened {
    gateway: Arc<Gateway>,
    relay: Listener,
    mailbox: Listener,
    operator: OperatorSocket,
    metrics: Option<MetricsListener>,
}

impl Opened {
    /// Opens store, keys and listeners. Nothing is served yet.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Fault> {
        let store = Store::open(&config.data(), config.store, clock.now())?;
        Self::over(store, config, clock, entropy).await
    }

    /// The same over a store that is open already.
    #[doc(hidden)]
    pub async fn over(
        store: Store,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Fault> {
        let gateway = Arc::new(Gateway::open(store, config, clock, entropy)?);
        gateway.resume_accreditation().await?;
        make_parent(&gateway.config.mark())?;
        let restored = gateway.resume_from_backup().await?;
        gateway.resume_standing().await?;
        gateway.resume_pauses().await?;
        gateway.read_again().await?;
        gateway.tell_restored(restored).await?;
        let relay = bind(&gateway.config.relay_listen).await?;
        let mailbox = bind(&gateway.config.mailbox_listen).await?;
        let socket = gateway.config.operator_socket();
        make_parent(&socket)?;
        let operator = OperatorSocket::bind(&socket)
            .await
            .map_err(|cause| Fault::Listener(format!("{}: {cause}", socket.display())))?;
        let metrics = match gateway.config.metrics_listen {
            Some(listen) => {
                let bound = MetricsListener::over(bind(&listen.to_string()).await?);
                Some(bound.map_err(|cause| Fault::Listener(cause.to_string()))?)
            }
            None => None,
        };
        let addresses = Addresses {
            relay: address(&relay)?,
            mailbox: address(&mailbox)?,
            metrics: metrics.as_ref().map(|listener| listener.address().to_string()),
        };
        gateway.announce(addresses)?;
        let relay = Listener::over(relay, Door::Relay, gateway.credentials.clone());
        let mailbox = Listener::over(mailbox, Door::Mailbox, gateway.credentials.clone());
        Ok(Self { gateway, relay, mailbox, operator, metrics })
    }

    /// The gateway itself.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Serves until `stop` is cancelled, then until everything under way has ended.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), Fault> {
        let Self { gateway, relay, mailbox, operator, metrics } = self;
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_couriers(gateway.clone(), stop.clone()));
        tasks.spawn(gateway.clone().clerk(stop.clone()));
        tasks.spawn(gateway.clone().watch_store(stop.clone()));
        tasks.spawn(gateway.clone().warn_of_ends(stop.clone()));
        tasks.spawn(gateway.clone().announce_origins(relay.known_origins(), stop.clone()));
        if let Some(metrics) = metrics {
            tasks.spawn(metrics.serve(gateway.clone(), stop.clone()));
        }
        let serving = async {
            let served = tokio::try_join!(
                serve_relay(gateway.clone(), relay, stop.clone()),
                serve_mailbox(gateway.clone(), mailbox, stop.clone()),
                serve_operator(gateway.clone(), operator, stop.clone()),
            );
            stop.cancel();
            gateway.freight.stop().await;
            served
        };
        let (served, minded) = tokio::join!(serving, mind(tasks, &stop));
        served?;
        // A store that stopped must not look like a gateway that was asked to.
        if gateway.store.is_stopped() { Err(Fault::Store(StoreFault::Stopped)) } else { minded }
    }
}

impl Gateway {
    /// Opens the keys that it needs beside its store.
    pub(super) fn open(
        store: Store,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Fault> {
        let unusable = |cause: crate::keys::KeyError| Fault::Credentials(cause.to_string());
        let note_keys = NoteKeys::open(&config).map_err(unusable)?;
        let root = Digest::of(&certificate(&config.root())?);
        let trust = Arc::new(ArcSwapOption::empty());
        let desk_list = DeskList::default();
        let source = credentials_of(config.clone(), desk_list.clone(), trust.clone());
        let (credentials_store, credentials) = CredentialStore::open(source, clock.clone())
            .map_err(|cause| Fault::Credentials(cause.to_string()))?;
        let link: Arc<dyn PeerLink> =
            Arc::new(GrpcLink::new(trust.clone(), credentials.clone(), store.clone()));
        let freight = Freight::new(link.clone(), store.clone(), clock.clone(), entropy.clone());
        Ok(Self {
            started: clock.now(),
            config,
            clock,
            entropy,
            store,
            note_keys: ArcSwap::from_pointee(note_keys),
            root,
            trust,
            desk_list,
            credentials_store,
            credentials,
            link,
            freight,
            beliefs: Beliefs::default(),
            accredited: watch::Sender::new(0),
            administration: Administration::default(),
            accrediting: tokio::sync::Mutex::new(()),
            from_backup: Mutex::default(),
            gates: Mutex::default(),
            links: Mutex::default(),
            quarantine: Quarantine::default(),
            scrutiny: Mutex::default(),
            intake: watch::Sender::default(),
            addresses: Mutex::default(),
            attention: Notify::new(),
            patience: Mutex::default(),
            settled: broadcast::Sender::new(limits::SETTLED_WAITING_MAX),
            tallies: Tallies::default(),
            received: watch::Sender::new(()),
        })
    }

    /// Reads everything again that lies in files: the list of the own desks that are let in no more, certificates,
    /// keys.
    pub async fn read_again(&self) -> Result<(), Fault> {
        self.read_desk_list().await?;
        self.reload()
    }

    /// Reads certificates and keys again. A bad file is refused and the old ones stay.
    pub fn reload(&self) -> Result<(), Fault> {
        // Neither waits for the other: a log key that is refused must not keep a revocation out of TLS.
        let keys = self.reload_note_keys();
        self.credentials_store.reload().map_err(|cause| Fault::Credentials(cause.to_string()))?;
        keys
    }

    /// The same for an operator, by a signal or a call, with a line in the log. What comes of it stands in that of the
    /// administration before it counts; what is refused does not.
    pub(super) async fn reload_as_asked(&self, by: Actor) -> Result<(), Fault> {
        let reading = async {
            self.read_desk_list().await?;
            for act in self.reloading_acts(by) {
                // A revocation must not wait for room in a log.
                if let Err(fault) = self.record_act(act).await {
                    tracing::warn!(%fault, "the administrative log could not take an entry");
                }
            }
            self.reload()
        };
        let read = reading.await;
        // Settings count from a start on; whoever broke them learns it now, and not from a start at night.
        if let Err(fault) = Config::load(&self.config.home) {
            tracing::warn!(%fault, "the settings cannot be read: the next start will fail");
        }
        match &read {
            Ok(()) => tracing::info!("certificates and keys were read again"),
            Err(fault) => tracing::warn!(%fault, "the reload was refused; what was in force stays"),
        }
        read
    }

    /// What a reload is going to do: keys are taken also where certificates are refused.
    fn reloading_acts(&self, by: Actor) -> Vec<AdministrativeAct> {
        let act = |verb| AdministrativeAct::new(verb, by);
        let keys = self.next_note_keys();
        let source = credentials_of(self.config.clone(), self.desk_list.clone(), self.trust.clone());
        let is_good = keys.is_ok() && CredentialStore::open(source, self.clock.clone()).is_ok();
        let rotated = keys.unwrap_or_default().into_iter().map(|key| {
            let word = if key.kind == KeyKind::Log { "LOG" } else { "COSIGNER" };
            act(AdministrativeVerb::KeyRotated).because(word).concerning(Digest::of(&key.public_key))
        });
        is_good.then(|| act(AdministrativeVerb::Reloaded)).into_iter().chain(rotated).collect()
    }

    /// Writes down where the gateway really listens, for scripts and for ports chosen by the system.
    fn announce(&self, addresses: Addresses) -> Result<(), Fault> {
        let path = self.config.endpoint_file();
        let metrics = addresses.metrics.iter().map(|address| format!("metrics {address}\n"));
        let metrics: String = metrics.collect();
        let text = format!("relay {}\nmailbox {}\n{metrics}", addresses.relay, addresses.mailbox);
        make_parent(&path)?;
        fs::write(&path, text).map_err(|cause| Fault::Listener(format!("{}: {cause}", path.display())))?;
        *self.addresses.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = addresses;
        Ok(())
    }

    /// Ends the gateway when its store has stopped after a failed write: nothing it could still answer would
    /// be durable.
    async fn watch_store(self: Arc<Self>, stop: CancellationToken) {
        let mut watch = SpaceWatch::default();
        while !self.store.is_stopped() {
            // A store that cannot even do this is stopped or full; both are seen on the next look.
            if let Err(fault) = self.watch_space(&mut watch).await {
                tracing::warn!(%fault, "the room of the store could not be seen to");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(limits::STORE_WATCH_PAUSE) => {}
            }
        }
        tracing::error!("the store has stopped after a failed write; the gateway ends");
        stop.cancel();
    }

    /// Where this gateway listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Reads configuration, keys and certificates as a start would, and tells when the certificate ends.
pub(super) fn check_home(config: &Config, clock: Arc<dyn Clock>) -> Result<Timestamp, Fault> {
    let unusable = |cause: crate::keys::KeyError| Fault::Credentials(cause.to_string());
    NoteKeys::open(config).map_err(unusable)?;
    require_length(&config.operator_socket()).map_err(|cause| Fault::Listener(cause.to_string()))?;
    let source = credentials_source(config.clone(), DeskList::default(), || Ok(PeerAnchors::new()));
    let (_, credentials) =
        CredentialStore::open(source, clock).map_err(|cause| Fault::Credentials(cause.to_string()))?;
    Ok(credentials.ends())
}

/// Waits for the tasks that run beside the listeners. None ends before it is told to but by a defect; a gateway without
/// one of them would seem to run, so it ends, and whoever keeps it starts it again.
async fn mind(mut tasks: JoinSet<()>, stop: &CancellationToken) -> Result<(), Fault> {
    let mut minded = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let why = match ended {
            Ok(()) if stop.is_cancelled() => continue,
            Ok(()) => "it ended before it was told to".to_owned(),
            Err(cause) => cause.to_string(),
        };
        tracing::error!(%why, "a task of the gateway ended; the gateway ends");
        minded = minded.and(Err(Fault::Listener(format!("a task of the gateway ended: {why}"))));
        stop.cancel();
    }
    minded
}

/// Starts a courier for every accredited peer and ends those of peers that are not any more.
async fn keep_couriers(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut changes = gateway.accredited.subscribe();
    let tasks = TaskTracker::new();
    let mut couriers: BTreeMap<Ministry, CancellationToken> = BTreeMap::new();
    loop {
        let in_force = gateway.trust.load_full();
        let peers: Vec<Ministry> =
            in_force.iter().flat_map(|in_force| in_force.peers().keys().cloned()).collect();
        couriers.retain(|peer, token| {
            let stays = peers.contains(peer);
            if !stays {
                token.cancel();
            }
            stays
        });
        for peer in peers {
            couriers.entry(peer.clone()).or_insert_with(|| {
                let token = stop.child_token();
                tasks.spawn(gateway.clone().courier(peer, token.clone()));
                token
            });
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    tasks.close();
    tasks.wait().await;
}

fn make_parent(path: &Path) -> Result<(), Fault> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|cause| Fault::Listener(format!("{}: {cause}", parent.display())))
}

async fn bind(address: &str) -> Result<TcpListener, Fault> {
    let unusable = |cause: std::io::Error| Fault::Listener(format!("{address}: {cause}"));
    let resolved: Vec<_> = address.to_socket_addrs().map_err(unusable)?.collect();
    TcpListener::bind(resolved.as_slice()).await.map_err(unusable)
}

fn address(listener: &TcpListener) -> Result<String, Fault> {
    let address = listener.local_addr().map_err(|cause| Fault::Listener(cause.to_string()))?;
    Ok(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three tasks of which one ends so at once; what became of them, and whether the others were told to stop.
    async fn minded(
        one: impl Future<Output = ()> + Send + 'static,
        stop: CancellationToken,
    ) -> Result<(), Fault> {
        let mut tasks = JoinSet::new();
        tasks.spawn(stop.clone().cancelled_owned());
        tasks.spawn(one);
        tasks.spawn(stop.clone().cancelled_owned());
        tokio::time::timeout(std::time::Duration::from_secs(20), mind(tasks, &stop))
            .await
            .expect("the others were told to stop")
    }

    #[tokio::test]
    async fn a_task_that_ends_early_ends_the_gateway_with_an_error_and_one_that_was_told_to_does_not() {
        let panics = async { std::panic::resume_unwind(Box::new("a defect")) };
        assert!(matches!(minded(panics, CancellationToken::new()).await, Err(Fault::Listener(_))));
        assert!(matches!(minded(async {}, CancellationToken::new()).await, Err(Fault::Listener(_))));
        let told = CancellationToken::new();
        told.cancel();
        minded(async {}, told).await.unwrap();
    }
}
