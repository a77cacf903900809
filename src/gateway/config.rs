//! `gateway.toml` and the places of a gateway's home: what the operator writes, validated once.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::gateway::store::Bounds;
use crate::gateway::store::record::Quota;
use crate::keys::home::gateway::GatewayHome;
use crate::keys::settings::{GATEWAY, Settings};
use crate::telemetry;
use crate::trust::name::{Domain, Ministry};

/// A gateway's configuration file was not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file does not say what a gateway needs.
    #[error("{path}: {detail}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        detail: String,
    },
}

/// What an operator configures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder that holds everything of this gateway.
    pub home: PathBuf,
    /// Ministry this gateway serves.
    pub ministry: Ministry,
    /// Name that prefixes its log origins and its TLS name.
    pub domain: Domain,
    /// Address on which peers' gateways reach it.
    pub relay_listen: String,
    /// Address on which the own desk reaches it.
    pub mailbox_listen: String,
    /// How much the store may take, and what it keeps free.
    pub store: Bounds,
    /// Where metrics are read, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Collector that gets spans, if any.
    pub otlp: Option<String>,
}

impl Config {
    /// Name of the configuration file in the home.
    pub const FILE: &'static str = GatewayHome::CONFIG;

    /// Reads and validates `gateway.toml` of a home.
    pub fn load(home: &Path) -> Result<Self, ConfigError> {
        let path = home.join(Self::FILE);
        let text = fs::read_to_string(&path)
            .map_err(|cause| ConfigError::Unreadable { path: path.clone(), cause })?;
        Self::parse(home, &text).map_err(|detail| ConfigError::Invalid { path, detail })
    }

    /// Validates the text of a `gateway.toml`.
    pub fn parse(home: &Path, text: &str) -> Result<Self, String> {
        let settings = GATEWAY.read_or_say(text)?;
        let metrics = settings.has("metrics.listen").then(|| settings.text("metrics.listen").parse());
        Ok(Self {
            home: home.to_owned(),
            ministry: Ministry::parse(settings.text("ministry")).map_err(|cause| cause.to_string())?,
            domain: Domain::parse(settings.text("domain")).map_err(|cause| cause.to_string())?,
            relay_listen: settings.text("relay_listen").to_owned(),
            mailbox_listen: settings.text("mailbox_listen").to_owned(),
            store: bounds(&settings),
            metrics_listen: metrics.transpose().map_err(|_| "metrics.listen is no address".to_owned())?,
            otlp: telemetry::collector(settings.has("log.otlp").then(|| settings.text("log.otlp")))?,
        })
    }

    /// The places of the home that the operator's tools know too.
    fn places(&self) -> GatewayHome {
        GatewayHome::at(&self.home)
    }

    /// Private key of the transport certificate (PKCS#8 PEM).
    pub fn transport_key(&self) -> PathBuf {
        self.places().transport_key()
    }

    /// Transport certificate chain (PEM).
    pub fn transport_chain(&self) -> PathBuf {
        self.places().transport_chain()
    }

    /// Private key of the logs (Ed25519, PKCS#8 PEM).
    pub fn log_key(&self) -> PathBuf {
        self.places().log_key()
    }

    /// Private key of the cosigner (Ed25519, PKCS#8 PEM).
    pub fn cosigner_key(&self) -> PathBuf {
        self.places().cosigner_key()
    }

    /// Root certificate of the own ministry (PEM).
    pub fn root(&self) -> PathBuf {
        self.places().root()
    }

    /// Certificate of the own desk-access authority (PEM).
    pub fn desk_access(&self) -> PathBuf {
        self.places().desk_access()
    }

    /// Revocation list of the own desk-access authority (PEM), where there is one.
    pub fn desk_list(&self) -> PathBuf {
        self.places().desk_list()
    }

    /// Folder of everything that is kept.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// The store's database.
    pub fn database(&self) -> PathBuf {
        self.home.join("data/gateway.db")
    }

    /// Folder of sealed parts that do not fit into envelopes.
    pub fn parts(&self) -> PathBuf {
        self.home.join("data/parts")
    }

    /// What this run of the host has seen signed; beside the operator's socket, outside the data.
    pub fn mark(&self) -> PathBuf {
        self.places().operator_socket().with_file_name("mark")
    }

    /// Unix socket of the operator service.
    pub fn operator_socket(&self) -> PathBuf {
        self.places().operator_socket()
    }

    /// File that tells the addresses a running gateway really listens on.
    pub fn endpoint_file(&self) -> PathBuf {
        self.places().endpoint_file()
    }
}

/// The room of the store.
fn bounds(settings: &Settings<'_>) -> Bounds {
    let bytes = |key| settings.number(key).saturating_mul(1024 * 1024);
    Bounds {
        ballast: bytes("store.ballast_mib"),
        floor: bytes("store.floor_mib"),
        mailbox: Quota {
            count: settings.number("store.mailbox_messages"),
            bytes: bytes("store.mailbox_mib"),
        },
        uploads: Quota { count: settings.number("store.uploads"), bytes: bytes("store.uploads_mib") },
        mirror: settings.number("store.mirror_leaves"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::home::gateway::{GatewayPlan, config_text};

    #[test]
    fn the_written_configuration_reads_back() {
        let ministry = Ministry::parse("XA").unwrap();
        let plan = GatewayPlan {
            ministry: ministry.clone(),
            domain: Domain::parse("mfa.xa.example").unwrap(),
            relay_listen: "127.0.0.1:7001".to_owned(),
            mailbox_listen: "127.0.0.1:7002".to_owned(),
            endpoints: vec![],
        };
        let text = config_text(&plan);
        let config = Config::parse(Path::new("/srv/xa"), &text).unwrap();
        assert_eq!((config.ministry, config.relay_listen.as_str()), (ministry, "127.0.0.1:7001"));
    }

    #[test]
    fn the_room_of_the_store_is_the_usual_one_or_what_the_operator_says() {
        let text =
            "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nrelay_listen = \"a\"\nmailbox_listen = \"b\"\n";
        assert_eq!(Config::parse(Path::new("."), text).unwrap().store, Bounds::default());
        let own = format!("{text}[store]\nfloor_mib = 3\nmailbox_messages = 7\n");
        let store = Config::parse(Path::new("."), &own).unwrap().store;
        let usual = Bounds::default();
        let mailbox = Quota { count: 7, ..usual.mailbox };
        assert_eq!(store, Bounds { floor: 3 * 1024 * 1024, mailbox, ..usual });
    }

    #[test]
    fn metrics_are_read_nowhere_or_on_the_loopback_unless_the_operator_says_more() {
        let text =
            "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nrelay_listen = \"a\"\nmailbox_listen = \"b\"\n";
        let listen = |table: &str| {
            Config::parse(Path::new("."), &format!("{text}{table}")).map(|config| config.metrics_listen)
        };
        assert_eq!(listen(""), Ok(None));
        let address = "127.0.0.1:9464".parse().unwrap();
        assert_eq!(listen("[metrics]\nlisten = \"127.0.0.1:9464\"\n"), Ok(Some(address)));
        let refused = listen("[metrics]\nlisten = \"[::]:9464\"\n").unwrap_err();
        assert!(refused.contains("beyond_loopback = true"), "{refused}");
        let wide = listen("[metrics]\nlisten = \"[::]:9464\"\nbeyond_loopback = true\n").unwrap();
        assert_eq!(wide, Some("[::]:9464".parse().unwrap()));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = Config::parse(Path::new("."), "ministry = \"XA\"\nlisten = \"x\"\n").unwrap_err();
        assert!(error.contains("listen"), "{error}");
    }
}
