//! Credentials: what we show, whom we believe, and replacing both under running listeners.
//!
//! PEM files and accredited anchors enter through a source; ready configurations leave. The store validates
//! everything before it publishes, so a bad file is refused and what was in force stays in force. Keys are
//! never shown by Debug and never logged.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use der::Decode;
use rustls::crypto::ring::sign::{any_ecdsa_type, any_eddsa_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::sync::watch;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::anchors::{DeskAnchors, PeerAnchors};
use super::tls;
use super::verify::{ExpectedGateway, Visitors};
use crate::time::{Clock, Timestamp};
use crate::trust::name::{Ministry, Name};
use crate::trust::subject::{Subject, SubjectRefusal};

/// A certificate chain and its key, with which one side names itself.
#[derive(Clone)]
pub struct TlsIdentity {
    certified: Arc<CertifiedKey>,
    name: Name,
    begins: Timestamp,
    ends: Timestamp,
}

/// Why a certificate and a key are no identity.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// The chain is not PEM certificates.
    #[error("the certificate file holds no readable certificate")]
    Certificate,
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    File(String, #[source] std::io::Error),
    /// The key is not PEM PKCS#8, or of a kind TLS does not sign with.
    #[error("the key file holds no PKCS#8 key of a supported kind")]
    Key,
    /// The key belongs to another certificate.
    #[error("the key does not belong to the certificate")]
    Mismatch,
    /// The certificate names nobody, or somebody who does not speak TLS.
    #[error("the certificate cannot speak TLS: {0}")]
    Name(String),
    /// The certificate is not valid now.
    #[error("the certificate is valid from {begins} to {ends}, and it is {now}")]
    NotValidNow {
        /// Beginning of its validity.
        begins: Timestamp,
        /// End of its validity.
        ends: Timestamp,
        /// The present.
        now: Timestamp,
    },
}

impl TlsIdentity {
    /// From a PEM chain, own certificate first, and a PEM PKCS#8 key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidIdentity> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| InvalidIdentity::Certificate)?;
        let own = chain.first().ok_or(InvalidIdentity::Certificate)?;
        let name = name_of(own)?;
        let (begins, ends) = validity_of(own)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(key).map_err(|_| InvalidIdentity::Key)?;
        let key = any_eddsa_type(&key)
            .or_else(|_| any_ecdsa_type(&PrivateKeyDer::Pkcs8(key)))
            .map_err(|_| InvalidIdentity::Key)?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|_| InvalidIdentity::Mismatch)?;
        Ok(Self { certified: Arc::new(certified), name, begins, ends })
    }

    /// From two files.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, InvalidIdentity> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| InvalidIdentity::File(path.display().to_string(), error))
        };
        Self::from_pem(&read(chain)?, &Zeroizing::new(read(key)?))
    }

    /// Whom the certificate names: a gateway or a desk.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// When the certificate ends; people are warned well before.
    pub fn ends(&self) -> Timestamp {
        self.ends
    }

    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    fn require_validity(&self, now: Timestamp) -> Result<(), InvalidIdentity> {
        let (begins, ends) = (self.begins, self.ends);
        let valid = (begins..=ends).contains(&now);
        if valid { Ok(()) } else { Err(InvalidIdentity::NotValidNow { begins, ends, now }) }
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({})", self.name)
    }
}

/// Everything configurations are built from.
#[derive(Debug, Clone)]
pub struct Material {
    /// What we show.
    pub identity: TlsIdentity,
    /// Gateways we believe: on a gateway its peers, on a desk the own gateway.
    pub peers: PeerAnchors,
    /// Whom the other door lets in: desks at the mailbox of a gateway, clients at the service of a desk; `None` on
    /// whoever only calls.
    pub desks: Option<DeskAnchors>,
}

/// Where material comes from, asked at the start and at every reload.
pub type Source = Box<dyn Fn() -> Result<Material, Box<dyn StdError + Send + Sync>> + Send + Sync>;

/// Why material was refused; what was in force stays in force.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsRefusal {
    /// The desks belong to another ministry than our certificate.
    #[error("the desk-access authority is that of {desks}, but the certificate names {own}")]
    ForeignDesks {
        /// Whose desks.
        desks: Ministry,
        /// Whom our certificate names.
        own: Name,
    },
    /// The identity cannot be shown now.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
    /// The source could not deliver.
    #[error("the credentials could not be read: {0}")]
    Source(#[source] Box<dyn StdError + Send + Sync>),
    /// rustls refused the configuration.
    #[error("the configuration was refused: {0}")]
    Tls(#[from] rustls::Error),
}

/// The writing half: reads the source again and publishes what it finds.
pub struct CredentialStore {
    source: Mutex<Source>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

/// The reading half, held by listeners and channels: the configurations in force.
#[derive(Clone)]
pub struct Credentials {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

/// Which listener is meant: of a gateway, or of the service of a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// Own desks.
    Mailbox,
    /// Gateways of peers.
    Relay,
    /// Clients of a desk.
    Service,
}

impl CredentialStore {
    /// Reads the source for the first time; the two halves share what is in force.
    pub fn open(source: Source, clock: Arc<dyn Clock>) -> Result<(Self, Credentials), CredentialsRefusal> {
        let first = Configurations::build(&source, &clock)?;
        let shared =
            Arc::new(Shared { in_force: ArcSwap::from_pointee(first), changed: watch::Sender::new(()) });
        let credentials = Credentials { shared: shared.clone(), clock: clock.clone() };
        Ok((Self { source: Mutex::new(source), clock, shared }, credentials))
    }

    /// Reads the source again. New handshakes use what it gives, and connections whose certificate is no
    /// longer believed are cut; if it gives nothing usable, nothing changes. Called now and then without a
    /// new file, it ends connections whose certificate expired while they were open.
    pub fn reload(&self) -> Result<(), CredentialsRefusal> {
        // Held throughout: of two reloads at once, the later reading must win.
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Configurations::build(&source, &self.clock)?;
        self.shared.in_force.store(Arc::new(next));
        self.shared.changed.send_replace(());
        Ok(())
    }
}

impl fmt::Debug for CredentialStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialStore")
    }
}

impl Credentials {
    /// Whom the certificate in force names.
    pub fn name(&self) -> Name {
        self.shared.in_force.load().name.clone()
    }

    /// When the certificate in force ends.
    pub fn ends(&self) -> Timestamp {
        self.validity().1
    }

    /// When the certificate in force began and when it ends.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        self.shared.in_force.load().validity
    }

    /// The configuration in force for a door, if it is open at all.
    pub(super) fn server(&self, door: Door) -> Option<Arc<ServerConfig>> {
        self.shared.in_force.load().doors.get(&door).map(|open| open.config.clone())
    }

    /// Whether a certificate accepted earlier at a door would be let in now.
    pub(super) fn still_believes(&self, door: Door, certificate: &CertificateDer<'_>) -> bool {
        let now = self.clock.now();
        let in_force = self.shared.in_force.load();
        in_force.doors.get(&door).is_some_and(|open| open.visitors.verify(certificate, now).is_ok())
    }

    /// Whether the certificate of a gateway called earlier would be believed now.
    pub(super) fn still_believes_gateway(
        &self,
        ministry: &Ministry,
        certificate: &CertificateDer<'_>,
    ) -> bool {
        let now = self.clock.now();
        let in_force = self.shared.in_force.load();
        let callee = in_force.callees.get(ministry);
        callee.is_some_and(|callee| callee.expected.verify(certificate, &callee.server_name, now).is_ok())
    }

    /// The configuration in force for calling the gateway of a ministry, and the name to ask for.
    pub(super) fn client(&self, ministry: &Ministry) -> Option<(Arc<ClientConfig>, ServerName<'static>)> {
        let in_force = self.shared.in_force.load();
        let callee = in_force.callees.get(ministry)?;
        Some((callee.config.clone(), callee.server_name.clone()))
    }

    /// Fires after every reload.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.shared.in_force.load().name)
    }
}

struct Shared {
    in_force: ArcSwap<Configurations>,
    changed: watch::Sender<()>,
}

/// All configurations of one reading of the source; they change together or not at all.
struct Configurations {
    name: Name,
    validity: (Timestamp, Timestamp),
    doors: BTreeMap<Door, OpenDoor>,
    callees: BTreeMap<Ministry, Callee>,
}

struct OpenDoor {
    config: Arc<ServerConfig>,
    visitors: Arc<Visitors>,
}

struct Callee {
    config: Arc<ClientConfig>,
    expected: Arc<ExpectedGateway>,
    server_name: ServerName<'static>,
}

impl Configurations {
    fn build(source: &Source, clock: &Arc<dyn Clock>) -> Result<Self, CredentialsRefusal> {
        let Material { identity, peers, desks } = source().map_err(CredentialsRefusal::Source)?;
        identity.require_validity(clock.now())?;
        let mut callees = BTreeMap::new();
        for ministry in peers.ministries() {
            let Some(gateway) = peers.of(ministry) else { continue };
            let server_name = gateway.server_name.clone();
            let expected = Arc::new(ExpectedGateway::new(ministry.clone(), gateway.clone()));
            let config = tls::client(&identity, expected.clone(), clock)?;
            callees.insert(ministry.clone(), Callee { config, expected, server_name });
        }
        let mut doors = BTreeMap::new();
        if let (Name::Service { ministry, .. }, Some(clients)) = (identity.name(), &desks) {
            if clients.ministry() != ministry {
                let (desks, own) = (clients.ministry().clone(), identity.name().clone());
                return Err(CredentialsRefusal::ForeignDesks { desks, own });
            }
            let clients = Visitors::Clients(clients.clone());
            doors.insert(Door::Service, open_door(Door::Service, &identity, clients, clock)?);
        }
        if let Name::Gateway { ministry } = identity.name() {
            doors.insert(Door::Relay, open_door(Door::Relay, &identity, Visitors::Gateways(peers), clock)?);
            if let Some(desks) = desks {
                if desks.ministry() != ministry {
                    let (desks, own) = (desks.ministry().clone(), identity.name().clone());
                    return Err(CredentialsRefusal::ForeignDesks { desks, own });
                }
                doors.insert(
                    Door::Mailbox,
                    open_door(Door::Mailbox, &identity, Visitors::Desks(desks), clock)?,
                );
            }
        }
        let validity = (identity.begins, identity.ends);
        Ok(Self { name: identity.name().clone(), validity, doors, callees })
    }
}

fn open_door(
    door: Door,
    identity: &TlsIdentity,
    visitors: Visitors,
    clock: &Arc<dyn Clock>,
) -> Result<OpenDoor, rustls::Error> {
    let visitors = Arc::new(visitors);
    let config = match door {
        Door::Service => tls::service(identity, visitors.clone(), clock)?,
        Door::Mailbox | Door::Relay => tls::server(identity, visitors.clone(), clock)?,
    };
    Ok(OpenDoor { config, visitors })
}

fn name_of(certificate: &CertificateDer<'_>) -> Result<Name, InvalidIdentity> {
    let subject = Subject::of(certificate)
        .map_err(|refusal: SubjectRefusal| InvalidIdentity::Name(refusal.to_string()))?;
    match subject.name() {
        name @ (Name::Gateway { .. } | Name::Desk { .. } | Name::Service { .. }) => Ok(name.clone()),
        other => Err(InvalidIdentity::Name(format!("{other} signs records and opens no connection"))),
    }
}

fn validity_of(certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), InvalidIdentity> {
    let parsed = Certificate::from_der(certificate).map_err(|_| InvalidIdentity::Certificate)?;
    let validity = parsed.tbs_certificate.validity;
    let instant = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs())
            .map(Timestamp::from_seconds)
            .map_err(|_| InvalidIdentity::Certificate)
    };
    Ok((instant(validity.not_before)?, instant(validity.not_after)?))
}
