//! `Enrolment`: what a home asks its ministry to certify, and the act of certifying all of it at once.
//!
//! The record lies in the home as `enrolment.toml`, written when the home is founded. Whoever enrols reads
//! it as a wish: each name must be of the own ministry and agree with the request beside it.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::keys::authority::{DESK_VALIDITY, GATEWAY_VALIDITY, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::error::KeyError;
use crate::keys::ministry::{Application, HomeError, MinistryHome};
use crate::keys::rotation::certified;
use crate::keys::secret_file;
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Domain, Ministry, Name};

/// What kind of home asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HomeKind {
    /// A desk: it also signs.
    Desk,
    /// A gateway: it also lets desks in.
    Gateway,
}

/// What a home asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// What kind of home.
    pub kind: HomeKind,
    /// Of which ministry.
    pub ministry: Ministry,
    /// Domain of the ministry.
    pub domain: Domain,
    /// Its keys that need a certificate.
    pub requests: Vec<Requested>,
}

/// One key that needs a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// Its files in the home without their ending, such as `keys/registry`.
    pub stem: String,
    /// Whose key it is to be.
    pub name: Name,
    /// What they are to be allowed.
    pub authorities: BTreeSet<Authority>,
}

/// A key that was certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// What was asked for.
    pub requested: Requested,
    /// Where its chain was written.
    pub chain: PathBuf,
    /// Until when the certificate is valid.
    pub not_after: Timestamp,
}

impl Requested {
    /// One of its files: `key`, `csr` or `pem`.
    pub fn place(&self, home: &Path, ending: &str) -> PathBuf {
        home.join(format!("{}.{ending}", self.stem))
    }

    /// For how long such a certificate is valid.
    pub fn validity(&self) -> Duration {
        if matches!(self.name, Name::Gateway { .. }) { GATEWAY_VALIDITY } else { DESK_VALIDITY }
    }
}

impl Enrolment {
    /// Name of the record in a home.
    pub const FILE: &'static str = "enrolment.toml";

    /// Reads the record of a home.
    pub fn read(home: &Path) -> Result<Self, HomeError> {
        let path = home.join(Self::FILE);
        let bytes = match secret_file::read_public(&path, ENROLMENT_BYTES_MAX) {
            Err(KeyError::NotFound(_)) => return Err(HomeError::NothingToEnrol(home.to_owned())),
            other => other?,
        };
        let stored: Option<Stored> =
            std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str(text).ok());
        let read = stored.and_then(Stored::read);
        read.ok_or_else(|| KeyError::malformed(&path, "a record of what a home asks for (TOML)").into())
    }

    /// Writes the record of a new home.
    pub(super) fn create(&self, home: &Path) -> Result<(), HomeError> {
        let path = home.join(Self::FILE);
        Ok(secret_file::create(&path, self.text(&path)?.as_bytes())?)
    }

    /// Writes the record of a home anew, with what it asks for since.
    pub(super) fn replace(&self, home: &Path) -> Result<(), HomeError> {
        let path = home.join(Self::FILE);
        Ok(secret_file::replace(&path, self.text(&path)?.as_bytes())?)
    }

    fn text(&self, path: &Path) -> Result<String, HomeError> {
        let body = toml::to_string(&Stored::write(self))
            .map_err(|_| KeyError::malformed(path, "a record that can be written"))?;
        Ok(format!(
            "# What this home asks its ministry to certify; `chancery desk enrol` reads it.\n\
             # Names and authorities are wishes: whoever certifies decides.\n\n{body}"
        ))
    }

    /// Certifies every key of `home` and installs the chains and the anchors the home needs. With `renew`,
    /// chains that are there already are replaced by new ones for the same keys; else nothing is done.
    pub fn enrol(
        &self,
        home: &Path,
        ministry: &MinistryHome,
        renew: bool,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<Enrolled>, HomeError> {
        let founding = ministry.founding();
        if (&self.ministry, &self.domain) != (&founding.ministry, &founding.domain) {
            let (home, ministry) = (self.ministry.clone(), founding.ministry.clone());
            return Err(HomeError::OtherMinistry { home, ministry });
        }
        let chains = self.requests.iter().map(|requested| requested.place(home, "pem"));
        if let Some(present) = chains.filter(|_| !renew).find(|chain| chain.exists()) {
            return Err(KeyError::AlreadyExists(present).into());
        }
        for requested in &self.requests {
            certified::settle(home, requested)?;
        }
        let applications = self.applications(home)?;
        self.install_anchors(home, ministry)?;
        let chains = ministry.certify_all(&applications, now, entropy)?;
        let mut enrolled = Vec::with_capacity(chains.len());
        for (requested, pem) in self.requests.iter().zip(chains) {
            let chain = requested.place(home, "pem");
            secret_file::replace(&chain, pem.as_bytes())?;
            let not_after = now.after(requested.validity());
            enrolled.push(Enrolled { requested: requested.clone(), chain, not_after });
        }
        Ok(enrolled)
    }

    fn applications(&self, home: &Path) -> Result<Vec<Application>, HomeError> {
        let application = |requested: &Requested| -> Result<Application, HomeError> {
            let path = requested.place(home, "csr");
            let bytes = secret_file::read_public(&path, ENROLMENT_BYTES_MAX)?;
            let request = String::from_utf8(bytes)
                .map_err(|_| KeyError::malformed(&path, "a certificate request (PEM)"))?;
            let (name, authorities) = (requested.name.clone(), requested.authorities.clone());
            Ok(Application { request, name, authorities, valid_for: requested.validity() })
        };
        self.requests.iter().map(application).collect()
    }

    /// The root is pinned by the first enrolment; another one later is refused.
    fn install_anchors(&self, home: &Path, ministry: &MinistryHome) -> Result<(), HomeError> {
        let (path, root) = (home.join(ROOT), ministry.certificate(Branch::Root)?);
        match CertificateDer::from_pem_file(&path) {
            Ok(pinned) if *pinned == *root => {}
            Ok(_) => return Err(HomeError::OtherRoot(path)),
            Err(_) => secret_file::create(&path, certificate_pem(&root).as_bytes())?,
        }
        if self.kind == HomeKind::Gateway {
            let access = certificate_pem(&ministry.certificate(Branch::DeskAccess)?);
            secret_file::replace(&home.join(DESK_ACCESS), access.as_bytes())?;
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    kind: HomeKind,
    ministry: String,
    domain: String,
    request: Vec<StoredRequest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRequest {
    key: String,
    name: String,
    authorities: Vec<String>,
}

impl Stored {
    fn write(enrolment: &Enrolment) -> Self {
        let request = |requested: &Requested| StoredRequest {
            key: requested.stem.clone(),
            name: requested.name.to_string(),
            authorities: requested.authorities.iter().map(ToString::to_string).collect(),
        };
        Self {
            kind: enrolment.kind,
            ministry: enrolment.ministry.to_string(),
            domain: enrolment.domain.to_string(),
            request: enrolment.requests.iter().map(request).collect(),
        }
    }

    fn read(self) -> Option<Enrolment> {
        let requests: Option<Vec<Requested>> = self.request.into_iter().map(StoredRequest::read).collect();
        let requests = requests.filter(|all| (1..=limits::LIST_ENTRIES_MAX).contains(&all.len()))?;
        let (ministry, domain) = (Ministry::parse(&self.ministry).ok()?, Domain::parse(&self.domain).ok()?);
        Some(Enrolment { kind: self.kind, ministry, domain, requests })
    }
}

impl StoredRequest {
    fn read(self) -> Option<Requested> {
        let authorities: Option<BTreeSet<Authority>> =
            self.authorities.iter().map(|word| Authority::parse(word).ok()).collect();
        let within =
            |stem: &str| Path::new(stem).components().all(|part| matches!(part, Component::Normal(_)));
        let stem = Some(self.key).filter(|stem| stem.starts_with("keys/") && within(stem))?;
        Some(Requested { stem, name: Name::parse(&self.name).ok()?, authorities: authorities? })
    }
}

/// The root certificate of the own ministry, in every home.
pub(in crate::keys) const ROOT: &str = "trust/root.pem";
/// The authority that certifies desks, in the home of a gateway.
pub(super) const DESK_ACCESS: &str = "trust/desk-access.pem";

const ENROLMENT_BYTES_MAX: usize = 64 * 1024;
