//! `GatewayHome`: where everything of a gateway lies, how its home is founded, and what it announces.
//!
//! A plan enters; a home leaves with new keys, which nobody believes before it is enrolled, and the announcement that
//! the trust bundle of its ministry takes up. Two who change the announcement at once never forget what the other one
//! wrote.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::enrolment::{Enrolment, HomeKind, Requested};
use super::{found, make_directory, quoted};
use crate::entropy::Entropy;
use crate::keys::error::KeyError;
use crate::keys::file::{self, FileNoteSigner};
use crate::keys::generate;
use crate::keys::ministry::HomeError;
use crate::keys::request::certificate_request;
use crate::keys::rotation::next_of;
use crate::keys::secret_file;
use crate::tlog::signed_note::NoteSigner;
use crate::tlog::verifier_key::{KeyKind, KeyName, VerifierKey};
use crate::trust::endpoint::Endpoint;
use crate::trust::name::{Domain, Ministry, Name};

/// The places of a gateway's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayHome {
    directory: PathBuf,
}

/// What a new gateway is to be.
#[derive(Debug, Clone)]
pub struct GatewayPlan {
    /// The ministry it serves.
    pub ministry: Ministry,
    /// Prefixes its log origins and its TLS name.
    pub domain: Domain,
    /// Where peers' gateways reach it, `host:port`.
    pub relay_listen: String,
    /// Where the own desk reaches it, `host:port`.
    pub mailbox_listen: String,
    /// Where peers are told to reach it.
    pub endpoints: Vec<Endpoint>,
}

/// What the trust bundle says of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// Code of the ministry.
    pub ministry: String,
    /// Verifier key of its logs.
    pub log_key: String,
    /// Verifier key of its logs after the next rotation, announced beside the one in use.
    #[serde(default)]
    pub next_log_key: Option<String>,
    /// Verifier key of its cosignatures.
    pub cosigner_key: String,
    /// Verifier key of its cosignatures after the next rotation.
    #[serde(default)]
    pub next_cosigner_key: Option<String>,
    /// Where its relay is reached.
    pub endpoints: Vec<String>,
}

impl GatewayHome {
    /// Name of the configuration file.
    pub const CONFIG: &'static str = "gateway.toml";

    /// The home in this directory, which need not exist.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Founds a gateway in a directory that does not exist yet or is empty: new keys, a request for its
    /// transport certificate, and its configuration. Nobody believes it before it is enrolled.
    pub fn found(&self, plan: &GatewayPlan, entropy: &dyn Entropy) -> Result<(), HomeError> {
        found(&self.directory, Self::CONFIG, |directory| Self::at(directory).lay_out(plan, entropy))
    }

    fn lay_out(&self, plan: &GatewayPlan, entropy: &dyn Entropy) -> Result<(), HomeError> {
        for folder in ["keys", "trust", "data", "run"] {
            make_directory(&self.directory.join(folder))?;
        }
        let name = Name::Gateway { ministry: plan.ministry.clone() };
        let transport = generate::signing_key()?;
        file::save_plain(&self.transport_key(), &transport)?;
        secret_file::create(&self.transport_request(), certificate_request(&transport, &name)?.as_bytes())?;
        file::save_plain(&self.log_key(), &generate::log_key(entropy)?)?;
        file::save_plain(&self.cosigner_key(), &generate::log_key(entropy)?)?;
        let enrolment = Enrolment {
            kind: HomeKind::Gateway,
            ministry: plan.ministry.clone(),
            domain: plan.domain.clone(),
            requests: vec![Requested { stem: TRANSPORT.to_owned(), name, authorities: [].into() }],
        };
        enrolment.create(&self.directory)?;
        self.configure(plan)
    }

    /// Writes configuration and announcement, anew where they exist: a gateway may move, and its next bundle
    /// says so.
    pub fn configure(&self, plan: &GatewayPlan) -> Result<(), HomeError> {
        let alone = self.alone()?;
        self.announce_as(&self.announce(plan)?)?;
        drop(alone);
        Ok(secret_file::replace(&self.config(), config_text(plan).as_bytes())?)
    }

    /// What the trust bundle is to say of this gateway.
    pub fn announcement(&self) -> Result<Announcement, KeyError> {
        let path = self.announcement_file();
        let bytes = secret_file::read_public(&path, ANNOUNCEMENT_BYTES_MAX)?;
        let parsed = std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str(text).ok());
        parsed.ok_or_else(|| KeyError::malformed(&path, "what a gateway announces (TOML)"))
    }

    fn announce(&self, plan: &GatewayPlan) -> Result<Announcement, HomeError> {
        let verifier_key = |path: PathBuf, kind, name: String| -> Result<String, HomeError> {
            let public_key = FileNoteSigner::open(&path)?.public_key();
            let name = KeyName::parse(&name).map_err(|_| KeyError::malformed(&path, "named by a domain"))?;
            Ok(VerifierKey { name, kind, public_key }.to_string())
        };
        let of_next = |path: PathBuf, kind, name: String| {
            let next = next_of(&path);
            next.exists().then(|| verifier_key(next, kind, name)).transpose()
        };
        let (log, cosigner) = (plan.domain.log_name(), plan.domain.cosigner_name());
        Ok(Announcement {
            ministry: plan.ministry.to_string(),
            log_key: verifier_key(self.log_key(), KeyKind::Log, log.clone())?,
            next_log_key: of_next(self.log_key(), KeyKind::Log, log)?,
            cosigner_key: verifier_key(self.cosigner_key(), KeyKind::Cosigner, cosigner.clone())?,
            next_cosigner_key: of_next(self.cosigner_key(), KeyKind::Cosigner, cosigner)?,
            endpoints: plan.endpoints.iter().map(ToString::to_string).collect(),
        })
    }

    /// Changes what the trust bundle is to say of this gateway, while nobody else does: two keys may be rotated at
    /// once, and neither must forget the other. Nothing is written where `change` fails.
    pub(in crate::keys) fn announce_anew<E: From<KeyError>>(
        &self,
        change: impl FnOnce(&mut Announcement) -> Result<(), E>,
    ) -> Result<(), E> {
        let _alone = self.alone()?;
        let mut announced = self.announcement()?;
        change(&mut announced)?;
        Ok(self.announce_as(&announced)?)
    }

    fn announce_as(&self, announced: &Announcement) -> Result<(), KeyError> {
        secret_file::replace(&self.announcement_file(), announced.text().as_bytes())
    }

    /// Held as long as it lives.
    fn alone(&self) -> Result<File, KeyError> {
        let path = self.directory.join("public.toml.lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|error| KeyError::io(&path, error))?;
        file.lock().map_err(|error| KeyError::io(&path, error))?;
        Ok(file)
    }

    /// Where this home is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.join(Self::CONFIG)
    }

    /// What the trust bundle announces of this gateway.
    pub fn announcement_file(&self) -> PathBuf {
        self.directory.join("public.toml")
    }

    /// Private key of the transport certificate (PKCS#8 PEM).
    pub fn transport_key(&self) -> PathBuf {
        self.directory.join(format!("{TRANSPORT}.key"))
    }

    /// Request for the transport certificate (PEM).
    pub fn transport_request(&self) -> PathBuf {
        self.directory.join(format!("{TRANSPORT}.csr"))
    }

    /// Transport certificate chain (PEM).
    pub fn transport_chain(&self) -> PathBuf {
        self.directory.join(format!("{TRANSPORT}.pem"))
    }

    /// Private key of the logs (Ed25519, PKCS#8 PEM).
    pub fn log_key(&self) -> PathBuf {
        self.directory.join("keys/log.key")
    }

    /// Private key of the cosigner (Ed25519, PKCS#8 PEM).
    pub fn cosigner_key(&self) -> PathBuf {
        self.directory.join("keys/cosigner.key")
    }

    /// Root certificate of the own ministry (PEM).
    pub fn root(&self) -> PathBuf {
        self.directory.join(super::enrolment::ROOT)
    }

    /// Certificate of the own desk-access authority (PEM).
    pub fn desk_access(&self) -> PathBuf {
        self.directory.join(super::enrolment::DESK_ACCESS)
    }

    /// Revocation list of the own desk-access authority (PEM); there is none before the first desk was revoked.
    pub fn desk_list(&self) -> PathBuf {
        self.directory.join("trust/desk-access.crl")
    }

    /// Unix socket of the operator service.
    pub fn operator_socket(&self) -> PathBuf {
        self.directory.join("run/operator.sock")
    }

    /// File that tells the addresses a running gateway really listens on.
    pub fn endpoint_file(&self) -> PathBuf {
        self.directory.join("run/endpoint")
    }
}

impl Announcement {
    /// As a commented file.
    fn text(&self) -> String {
        let next = |field: &str, key: &Option<String>| {
            let quoted = key.as_ref().map(|key| format!("{field} = {}\n", quoted(key)));
            quoted.unwrap_or_default()
        };
        let endpoints: Vec<String> = self.endpoints.iter().map(|one| quoted(one)).collect();
        format!(
            "# What the trust bundle of {ministry} announces of this gateway. Nothing here is secret.\n\n\
             ministry = {code}\n\n\
             # Verifies its logs, under each log's own name.\n\
             log_key = {log}\n{next_log}\n\
             # Verifies its cosignatures of peers' logs.\n\
             cosigner_key = {cosigner}\n{next_cosigner}\n\
             # Where peers reach its relay, tried in this order.\n\
             endpoints = [{endpoints}]\n",
            ministry = self.ministry,
            code = quoted(&self.ministry),
            log = quoted(&self.log_key),
            next_log = next("next_log_key", &self.next_log_key),
            cosigner = quoted(&self.cosigner_key),
            next_cosigner = next("next_cosigner_key", &self.next_cosigner_key),
            endpoints = endpoints.join(", "),
        )
    }
}

/// The text of a commented `gateway.toml`.
pub fn config_text(plan: &GatewayPlan) -> String {
    format!(
        "# The gateway of {ministry}: the exposed host. Unknown keys are errors.\n\n\
         # Code of the ministry, as in its certificates.\n\
         ministry = \"{ministry}\"\n\n\
         # Prefixes the origins of its logs; its TLS name is \"gateway.\" and this.\n\
         domain = \"{domain}\"\n\n\
         # Where peers' gateways reach it (host:port). The trust bundle announces the outside address.\n\
         relay_listen = {relay}\n\n\
         # Where the own desk reaches it; bind it to the inside network only.\n\
         mailbox_listen = {mailbox}\n\n\
         # Room of the store; these are the usual values. Below floor_mib of free disk nothing new is taken, what was\n\
         # taken before is still settled; ballast_mib is given away when even that does not fit. The others bound\n\
         # what one peer may have waiting for a desk that is away, sealed parts that no message names yet, and how many\n\
         # leaves its log may have beyond two for each message.\n\
         # [store]\n\
         # ballast_mib = 64\n\
         # floor_mib = 256\n\
         # mailbox_messages = 100000\n\
         # mailbox_mib = 32768\n\
         # uploads = 1024\n\
         # uploads_mib = 32768\n\
         # mirror_leaves = 4194304\n\n\
         # Metrics for Prometheus, at http://ADDRESS/metrics, for whoever reaches the address: on the loopback only,\n\
         # unless beyond_loopback = true says that its network is the ministry's own.\n\
         # [metrics]\n\
         # listen = \"127.0.0.1:9464\"\n\n\
         # Spans for a collector of OpenTelemetry on this host, in a build with the feature opentelemetry.\n\
         # [log]\n\
         # otlp = \"http://127.0.0.1:4317\"\n",
        ministry = plan.ministry,
        domain = plan.domain,
        relay = quoted(&plan.relay_listen),
        mailbox = quoted(&plan.mailbox_listen),
    )
}

const TRANSPORT: &str = "keys/transport";
const ANNOUNCEMENT_BYTES_MAX: usize = 16 * 1024;
