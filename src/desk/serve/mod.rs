//! The service for the ministry's own systems: plaintext acts in, plaintext acts out, on the inside network only.
//!
//! ```text
//! casework, registry, archive ... --gRPC, own certificates or a local socket--> this desk --> own gateway
//! ```
//! Clients hold no keys of the ministry. What they ask for goes the road that officers go: drafted by one, cleared and
//! released by others, judged by the same rules, signed by the same offices, registered before it leaves. Requests
//! enter, each by a client with a role for it; what was asked for leaves, or a refusal with a stable reason.
//!
//! What must never happen: that one client does two things that two must do; that a request that was answered is done
//! again, or lost, whatever dies meanwhile; that plain text stands anywhere but with the client and in the folder of
//! uploads; that a peer, a gateway or another machine of the ministry gets in here.
//!
//! | file | does |
//! |---|---|
//! | `config`, `visitors`, `suspended`, `permission`, `guard` | where it listens; who is there; who may call what; enforced |
//! | `edge` | the calls, each handed to the room behind |
//! | `drafting`, `showing`, `draft_reading` | drafts, as they are composed and as they are seen |
//! | `clearing`, `signing`, `releasing`, `errands` | clearances, releases; each request once |
//! | `listing`, `reading`, `searching`, `evidence`, `uploads` | messages, their documents, what proves them; new documents |
//! | `cases`, `picking`, `names` | consultations, persons, who they are |
//! | `events`, `keeper` | what happens, as it happens; keeps up with the own gateway |
//! | `outlet`, `handing_out` | piece by piece, to whoever reads in time |
//! | `metrics` | what monitoring reads of it |
//! | `restored` | what a service must not believe that came out of a backup |
//! | `draft_in`, `draft_out`, `message_out`, `acts`, `pages`, `paths`, `refusals`, `vault` | wire and desk, each way |

mod acts;
pub mod binding;
mod cases;
mod clearing;
pub mod config;
mod draft_in;
mod draft_out;
mod draft_reading;
mod drafting;
mod edge;
mod errands;
mod events;
mod evidence;
mod guard;
mod handing_out;
mod keeper;
mod listing;
mod message_out;
mod metrics;
mod names;
mod outlet;
mod pages;
mod paths;
pub mod permission;
mod picking;
mod reading;
mod refusals;
mod releasing;
pub mod restored;
mod searching;
mod showing;
mod signing;
pub mod suspended;
mod uploads;
mod vault;
mod visitors;

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::server::Connected;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::serve::config::ServiceConfig;
use crate::desk::serve::guard::{Entrance, Guard};
use crate::desk::serve::metrics::Tallies;
use crate::desk::serve::refusals::Refused;
use crate::desk::serve::suspended::SuspendedUsers;
use crate::desk::serve::uploads::Uploads;
use crate::desk::serve::visitors::Visitors;
use crate::keys::home::clients::Clients;
use crate::keys::{Passphrase, file};
use crate::limits;
use crate::proto::desk::v1::desk_service_server::DeskServiceServer;
use crate::time::Timestamp;
use crate::transport::anchors::{DeskAnchors, PeerAnchors};
use crate::transport::channel::server_builder;
use crate::transport::credentials::{CredentialStore, Credentials, Door, Material, TlsIdentity};
use crate::transport::listener::Listener;
use crate::transport::local_socket::{LocalSocket, Users};
use crate::transport::metrics::MetricsListener;
use crate::trust::anchor::Anchors;
use crate::trust::name::Name;

/// A desk that serves clients.
pub struct Service {
    desk: Desk,
    keys: Keys,
    visitors: Arc<Visitors>,
    /// What is believed, as it was read, and how the files of it were then.
    trust: Mutex<Option<(Edition, Arc<Trust>)>>,
    /// Number of the last event.
    told: watch::Sender<u64>,
    /// What the listener shows, and what opens it.
    shown: Mutex<Option<(CredentialStore, Passphrase)>>,
    /// Documents that clients uploaded.
    uploads: Uploads,
    /// Asks the keeper to look at once.
    wake: Notify,
    /// Places for those to whom files are handed out.
    handing_out: Arc<Semaphore>,
    /// Held by the release whose turn it is.
    releasing: tokio::sync::Mutex<()>,
    /// How long a reader may leave unread what waits for it.
    patience: Duration,
    /// What is counted, and since when.
    tallies: Tallies,
    started: Timestamp,
    /// What tells the past of this desk from the one before it was restored.
    past: String,
    stop: CancellationToken,
}

/// When the own bundle, the folder of peers and the policy last changed.
type Edition = [Option<SystemTime>; 3];

/// Refuses users whose offices do not fit their roles; only where some are bound to offices are these looked at.
fn require_fit(config: &ServiceConfig, desk: &Desk, keys: &Keys) -> Result<(), DeskError> {
    if config.users.iter().any(|user| !user.offices.is_empty()) {
        let offices = keys.offices()?;
        config.require_fit(&desk.config, &offices)?;
    }
    Ok(())
}

/// Where a service listens, bound and not yet serving.
#[derive(Debug, Default)]
pub struct Entrances {
    /// The listener for clients with certificates.
    pub listener: Option<Listener>,
    /// The local socket.
    pub socket: Option<LocalSocket>,
    /// Where metrics are read.
    pub metrics: Option<MetricsListener>,
}

impl Service {
    /// A service of this desk, until `stop` is cancelled. Its keys are opened now, so that nobody waits for them later.
    pub fn new(
        desk: Desk,
        keys: Keys,
        config: &ServiceConfig,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, DeskError> {
        keys.registry()?;
        keys.reading()?;
        keys.access()?;
        require_fit(config, &desk, &keys)?;
        let users = (config.users.clone(), SuspendedUsers::of(&desk.config));
        let visitors = Arc::new(Visitors::new(clients_of(&desk), users, desk.clock.clone()));
        let last = desk.register.last_event()?;
        let reading = keys.reading()?;
        let (folder, entropy) = (desk.config.uploads(), desk.entropy.clone());
        let uploads = Uploads::new(folder, reading, desk.clock.clone(), entropy);
        let told = watch::Sender::new(last);
        let handing_out = Arc::new(Semaphore::new(limits::DOWNLOADS_MAX));
        let patience = config.patience;
        let (trust, shown) = (Mutex::new(None), Mutex::new(None));
        let (tallies, started) = (Tallies::default(), desk.clock.now());
        let past = restored::past(&desk.config.home)?;
        let service = Self {
            desk,
            keys,
            visitors,
            trust,
            told,
            shown,
            uploads,
            wake: Notify::new(),
            handing_out,
            releasing: tokio::sync::Mutex::new(()),
            patience,
            tallies,
            started,
            past,
            stop,
        };
        Ok(Arc::new(service))
    }

    /// Binds what the configuration names.
    pub async fn bind(
        &self,
        config: &ServiceConfig,
        passphrase: &Passphrase,
    ) -> Result<Entrances, DeskError> {
        let mut entrances = Entrances::default();
        if let Some(address) = config.listen {
            let credentials = self.credentials(passphrase)?;
            let bound = Listener::bind(address, Door::Service, credentials).await;
            entrances.listener = Some(bound.map_err(|cause| DeskError::Unbound { address, cause })?);
        }
        if let Some(path) = &config.socket {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
            }
            entrances.socket = Some(LocalSocket::bind(path).await.map_err(DeskError::file(path))?);
        }
        if let Some(address) = config.metrics {
            let refused = |cause| DeskError::Unbound { address, cause };
            let bound = TcpListener::bind(address).await.map_err(refused)?;
            entrances.metrics = Some(MetricsListener::over(bound).map_err(refused)?);
        }
        Ok(entrances)
    }

    /// Serves clients until the service is stopped, and keeps up with the own gateway meanwhile. Calls that are under
    /// way when it stops are ended, streams with a reason.
    pub async fn serve(self: Arc<Self>, entrances: Entrances) -> Result<(), DeskError> {
        let keeping = tokio::spawn(self.clone().keep_up());
        let Entrances { listener, socket, metrics } = entrances;
        if let Some(metrics) = metrics {
            tokio::spawn(metrics.serve(self.clone(), self.stop.clone()));
        }
        let by_listener = async {
            match listener {
                Some(listener) => {
                    let incoming = listener.incoming(self.stop.clone());
                    self.serve_at(Entrance::Listener, incoming).await
                }
                None => Ok(()),
            }
        };
        let by_socket = async {
            match socket {
                Some(socket) => {
                    let incoming = socket.incoming(self.users(), self.stop.clone());
                    self.serve_at(Entrance::Socket, Box::pin(incoming)).await
                }
                None => Ok(()),
            }
        };
        let served = async { tokio::join!(by_listener, by_socket) };
        // A client that reads nothing must not hold up the end.
        let drained = async {
            self.stop.cancelled().await;
            tokio::time::sleep(limits::SERVICE_DRAIN_DEADLINE).await;
        };
        let ended = tokio::select! {
            (one, other) = served => one.and(other),
            () = drained => Ok(()),
        };
        self.stop.cancel();
        keeping.await.map_err(|cause| DeskError::Trust(cause.to_string()))?;
        ended
    }

    async fn serve_at<Incoming, Io>(
        self: &Arc<Self>,
        entrance: Entrance,
        incoming: Incoming,
    ) -> Result<(), DeskError>
    where
        Incoming: Stream<Item = Result<Io, Infallible>>,
        Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (mut health, health_service) = tonic_health::server::health_reporter();
        let health_service = health_service.max_decoding_message_size(limits::HEALTH_QUESTION_BYTES_MAX);
        health.set_serving::<DeskServiceServer<edge::Edge>>().await;
        // Watches of the health end with the service, once they have said so.
        let stop = self.stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            health.set_not_serving::<DeskServiceServer<edge::Edge>>().await;
            for name in ["", SERVICE] {
                health.clear_service_status(name).await;
            }
        });
        let undescribed = |cause| DeskError::Trust(format!("the descriptors of the service: {cause}"));
        let reflection = described().build_v1().map_err(undescribed)?;
        let older_reflection = described().build_v1alpha().map_err(undescribed)?;
        let service = DeskServiceServer::new(edge::Edge::new(self.clone()))
            .max_decoding_message_size(limits::SERVICE_REQUEST_BYTES_MAX)
            .max_encoding_message_size(limits::SERVICE_ANSWER_BYTES_MAX);
        let routes = Routes::new(service).add_service(health_service);
        let routes = routes.add_service(reflection).add_service(older_reflection);
        let guard = Guard::new(self.visitors.clone(), entrance, self.tallies.clone());
        let server = server_builder().layer(guard).add_routes(routes);
        let served = server.serve_with_incoming_shutdown(incoming, self.stop.cancelled()).await;
        served.map_err(|cause| DeskError::Trust(format!("the listener of the service: {cause}")))
    }

    /// What the listener shows its clients and whom it believes: the authority of this desk, and nobody else.
    fn credentials(&self, passphrase: &Passphrase) -> Result<Credentials, DeskError> {
        let (clock, entropy) = (self.desk.clock.clone(), self.desk.entropy.clone());
        let clients = clients_of(&self.desk);
        let unusable = |cause: &dyn std::fmt::Display| DeskError::Trust(format!("clients: {cause}"));
        clients.found(passphrase, clock.now(), entropy.as_ref()).map_err(|cause| unusable(&cause))?;
        clients.renew(passphrase, clock.now(), entropy.as_ref()).map_err(|cause| unusable(&cause))?;
        let (root, authority) = (certificate(&clients.root())?, certificate(&clients.authority())?);
        let ministry = self.desk.config.ministry.clone();
        let anchors = Anchors::new(ministry, &root, &[authority], &[]).map_err(|cause| unusable(&cause))?;
        let desks = Some(DeskAnchors::new(anchors));
        let (shown, opened_by) = (clients.clone(), passphrase.clone());
        let source = Box::new(move || {
            let (key, chain) = shown.service();
            let pem = file::open_protected(&key, &opened_by)?.to_plain_pem()?;
            let identity = TlsIdentity::from_pem(&fs::read(&chain)?, pem.as_bytes())?;
            Ok(Material { identity, peers: PeerAnchors::new(), desks: desks.clone() })
        });
        let (store, credentials) = CredentialStore::open(source, clock).map_err(|cause| unusable(&cause))?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((store, passphrase.clone()));
        Ok(credentials)
    }

    /// Reads `service.toml` and the own certificate again: users of this machine and their roles count from the next call
    /// on. Where it listens stays what it was until a restart. What cannot be used changes nothing.
    pub fn reload(&self) -> Result<(), DeskError> {
        // Without the file nobody would be known any more: a half-made deployment is no wish.
        let path = self.desk.config.service();
        fs::metadata(&path).map_err(DeskError::file(&path))?;
        let config = ServiceConfig::load(&self.desk.config)?;
        require_fit(&config, &self.desk, &self.keys)?;
        self.visitors.replace_users(config.users);
        self.renew();
        self.wake.notify_one();
        Ok(())
    }

    /// Certifies the own key again when its certificate nears its end, and judges those of open connections again.
    fn renew(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((store, passphrase)) = shown.as_ref() else { return };
        let clients = clients_of(&self.desk);
        let renewed = clients.renew(passphrase, self.desk.clock.now(), self.desk.entropy.as_ref());
        if let Err(cause) = renewed {
            tracing::error!(%cause, "the certificate of the service cannot be renewed");
        }
        if let Err(cause) = store.reload() {
            tracing::error!(%cause, "the certificate of the service cannot be read again");
        }
    }

    /// Which user of this machine is which client.
    fn users(&self) -> Users {
        let (visitors, ministry) = (self.visitors.clone(), self.desk.config.ministry.clone());
        Box::new(move |uid| {
            let user = visitors.user(uid)?;
            Some((Name::Client { ministry: ministry.clone(), label: user.label }, user.roles))
        })
    }

    /// What this desk believes now; read again when its files change.
    fn trust(&self) -> Result<Arc<Trust>, DeskError> {
        let config = &self.desk.config;
        let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        let edition =
            [config.own_bundle(), config.peer_bundles(), config.policy()].map(|path| changed(&path));
        let mut known = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, trust)) = known.as_ref().filter(|(then, _)| *then == edition) {
            return Ok(trust.clone());
        }
        let trust = Arc::new(self.desk.trust()?);
        *known = Some((edition, trust.clone()));
        Ok(trust)
    }

    /// Does what blocks, or takes the processor for long, on a thread for that. It goes on where its client hangs up.
    async fn apart<T, Work>(self: &Arc<Self>, work: Work) -> Result<T, Refused>
    where
        T: Send + 'static,
        Work: FnOnce(&Self) -> Result<T, Refused> + Send + 'static,
    {
        let service = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&service)).await;
        done.unwrap_or_else(|cause| Err(crashed(&cause)))
    }

    /// Does something to its end, although its client hangs up.
    async fn to_its_end<T, Work>(work: Work) -> Result<T, Refused>
    where
        T: Send + 'static,
        Work: Future<Output = Result<T, Refused>> + Send + 'static,
    {
        tokio::spawn(work).await.unwrap_or_else(|cause| Err(crashed(&cause)))
    }

    /// Ends when the service is to stop.
    async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Tells watchers of what happened.
    fn tell(&self) {
        match self.desk.register.last_event() {
            Ok(last) => {
                self.told.send_if_modified(|told| std::mem::replace(told, last) != last);
            }
            Err(fault) => tracing::error!(%fault, "events cannot be told"),
        }
    }
}

/// The full name of the service.
const SERVICE: &str = "chancery.desk.v1.DeskService";

/// What generic clients may learn of the service.
fn described() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(crate::proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // What refusals bear, so that generic clients can show it.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(SERVICE)
        .with_service_name("grpc.health.v1.Health")
}

fn crashed(cause: &tokio::task::JoinError) -> Refused {
    tracing::error!(%cause, "a request of a client crashed");
    Refused::new(Code::Internal, "DESK_FAULT", "the desk failed; its operator finds why in its log")
}

/// The clients of a desk.
pub fn clients_of(desk: &Desk) -> Clients {
    let config = &desk.config;
    Clients::at(&config.home, &config.ministry, &config.domain, &config.label)
}

fn certificate(path: &Path) -> Result<Vec<u8>, DeskError> {
    let read = CertificateDer::from_pem_file(path);
    read.map(|der| der.to_vec()).map_err(|cause| DeskError::Trust(format!("{}: {cause}", path.display())))
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({:?})", self.desk)
    }
}
