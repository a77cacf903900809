//! `desk.toml` and the places of a desk's home.

use std::fs;
use std::path::{Path, PathBuf};

use crate::keys::home::desk::DeskHome;
use crate::keys::settings::DESK;
use crate::trust::name::{Domain, Label, Ministry};

/// A desk's configuration was not usable.
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
    /// The file does not say what a desk needs.
    #[error("{path}: {detail}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        detail: String,
    },
}

/// What is configured for a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder that holds everything of this desk.
    pub home: PathBuf,
    /// Ministry of this desk.
    pub ministry: Ministry,
    /// Domain of the ministry; the own gateway's TLS name derives from it.
    pub domain: Domain,
    /// Label of this desk in its access certificate.
    pub label: Label,
    /// Address of the own gateway's mailbox listener.
    pub gateway: String,
    /// What is done with bundles that peers announce.
    pub follow: Follow,
}

/// What a desk does by itself with a bundle that an accredited peer announces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Follow {
    /// It waits until somebody says `peer update`.
    ByHand,
    /// It is accredited where it succeeds the accredited one under the same root.
    #[default]
    Successors,
}

impl Config {
    /// Name of the configuration file in the home.
    pub const FILE: &'static str = DeskHome::CONFIG;

    /// Reads and validates `desk.toml` of a home.
    pub fn load(home: &Path) -> Result<Self, ConfigError> {
        let path = home.join(Self::FILE);
        let text = fs::read_to_string(&path)
            .map_err(|cause| ConfigError::Unreadable { path: path.clone(), cause })?;
        Self::parse(home, &text).map_err(|detail| ConfigError::Invalid { path, detail })
    }

    /// Validates the text of a `desk.toml`.
    pub fn parse(home: &Path, text: &str) -> Result<Self, String> {
        let settings = DESK.read_or_say(text)?;
        Ok(Self {
            home: home.to_owned(),
            ministry: Ministry::parse(settings.text("ministry")).map_err(|cause| cause.to_string())?,
            domain: Domain::parse(settings.text("domain")).map_err(|cause| cause.to_string())?,
            label: Label::parse(settings.text("label")).map_err(|cause| cause.to_string())?,
            gateway: settings.text("gateway").to_owned(),
            follow: match settings.word("accreditation.follow") {
                "by-hand" => Follow::ByHand,
                _ => Follow::Successors,
            },
        })
    }

    /// A private key of this desk (PKCS#8 PEM under the passphrase): `registry` or `access`.
    pub fn key(&self, name: &str) -> PathBuf {
        self.home.join(format!("keys/{name}.key"))
    }

    /// The certificate chain of a key (PEM).
    pub fn chain(&self, name: &str) -> PathBuf {
        self.home.join(format!("keys/{name}.pem"))
    }

    /// Folder of the offices' keys and chains.
    pub fn offices(&self) -> PathBuf {
        self.home.join("keys/offices")
    }

    /// The reading key (an age identity under the passphrase).
    pub fn reading_key(&self) -> PathBuf {
        DeskHome::at(&self.home).reading_key()
    }

    /// Folder of reading keys that were in use once.
    pub fn retired_keys(&self) -> PathBuf {
        DeskHome::at(&self.home).retired_keys()
    }

    /// The reading key's recipient, for the trust bundle.
    pub fn reading_recipient(&self) -> PathBuf {
        DeskHome::at(&self.home).reading_recipient()
    }

    /// Root certificate of the own ministry (PEM).
    pub fn root(&self) -> PathBuf {
        self.home.join("trust/root.pem")
    }

    /// The own trust bundle.
    pub fn own_bundle(&self) -> PathBuf {
        DeskHome::at(&self.home).own_bundle()
    }

    /// Folder of the accredited peers' bundles.
    pub fn peer_bundles(&self) -> PathBuf {
        self.home.join("trust/peers")
    }

    /// The channel policy in force.
    pub fn policy(&self) -> PathBuf {
        self.home.join("trust/channel.policy")
    }

    /// The greatest number that a policy was ever signed under.
    pub fn policy_number(&self) -> PathBuf {
        self.home.join("trust/channel.number")
    }

    /// The register.
    pub fn register(&self) -> PathBuf {
        self.home.join("register.db")
    }

    /// What only this very host knows: in no backup.
    pub fn run(&self) -> PathBuf {
        self.home.join("run")
    }

    /// The casebook, sealed; it can be made anew from the register.
    pub fn casebook(&self) -> PathBuf {
        self.home.join("casebook.db")
    }

    /// Folder in which it is kept, sealed, which office asked for a name.
    pub fn lookups(&self) -> PathBuf {
        self.home.join("lookups")
    }

    /// Configuration of the desk service.
    pub fn service(&self) -> PathBuf {
        self.home.join("service.toml")
    }

    /// Folder of the desk service: documents that clients uploaded, plain and closed to others.
    pub fn uploads(&self) -> PathBuf {
        self.home.join("service/uploads")
    }

    /// Users of the socket of the desk service who are suspended.
    pub fn suspended_users(&self) -> PathBuf {
        self.home.join("service/suspended")
    }

    /// Folder of the large documents of acts that are owed, sealed to the own reading key.
    pub fn owed(&self) -> PathBuf {
        self.home.join("owed")
    }

    /// Folder of sealed parts that travel beside their envelopes.
    pub fn parts(&self) -> PathBuf {
        self.home.join("parts")
    }
}
