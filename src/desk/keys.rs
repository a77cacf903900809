//! The desk's keys, opened only when they are needed: with one passphrase, but for offices that have their own. They
//! are opened anew when their files change, so that a service that runs follows a rotation.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::reading_keys::ReadingKeys;
use crate::digest::Digest;
use crate::keys::file::{self, FileSigner};
use crate::keys::rotation::next_of;
use crate::keys::{KeyError, Passphrase};
use crate::transport::credentials::{InvalidIdentity, TlsIdentity};
use crate::trust::name::{Authority, Name};
use crate::trust::signature::Signer;
use crate::trust::subject::Subject;

/// Opens the keys of one desk, each once for as long as its files stay the same. Holding it is holding the passphrase,
/// unless it is locked.
pub struct Keys {
    config: Config,
    passphrase: Option<Passphrase>,
    /// Passphrases of offices that do not share the one of the desk, by label.
    own_passphrases: BTreeMap<String, Passphrase>,
    registry: Followed<FileSigner>,
    access: Followed<TlsIdentity>,
    reading: Followed<ReadingKeys>,
    /// Signers of offices by the names of their files, for as long as their certificates stay the same.
    signers: Mutex<BTreeMap<String, Arc<FileSigner>>>,
    /// The offices as they were read, and when their folder had last changed then.
    offices: Mutex<Option<(SystemTime, Arc<Offices>)>>,
}

/// The offices of a desk by name.
pub type Offices = BTreeMap<Name, Office>;

/// An office of this desk, as its certificate names it.
#[derive(Debug, Clone)]
pub struct Office {
    /// Its name.
    pub name: Name,
    /// What it may sign.
    pub authorities: std::collections::BTreeSet<Authority>,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// Name of its key file without ending.
    file: String,
    /// Its certificate, DER.
    certificate: Vec<u8>,
}

impl Keys {
    /// Keys of the desk of this configuration, not opened yet.
    pub fn new(config: Config, passphrase: Passphrase) -> Self {
        Self { passphrase: Some(passphrase), ..Self::locked(config) }
    }

    /// The same without a passphrase: it knows the offices and opens nothing.
    pub fn locked(config: Config) -> Self {
        Self {
            config,
            passphrase: None,
            own_passphrases: BTreeMap::new(),
            registry: Followed::default(),
            access: Followed::default(),
            reading: Followed::default(),
            signers: Mutex::new(BTreeMap::new()),
            offices: Mutex::new(None),
        }
    }

    /// The same, which also opens the key of an office that has a passphrase of its own.
    #[must_use]
    pub fn with_office(mut self, label: &str, passphrase: Passphrase) -> Self {
        self.own_passphrases.insert(label.to_owned(), passphrase);
        self
    }

    /// The registry's signing key.
    pub fn registry(&self) -> Result<Arc<FileSigner>, DeskError> {
        let (key, chain) = (self.config.key("registry"), self.config.chain("registry"));
        let open = || Ok(FileSigner::open(&key, &chain, self.passphrase()?)?);
        self.registry.read(&[&key, &chain], open)
    }

    /// The reading keys.
    pub fn reading(&self) -> Result<Arc<ReadingKeys>, DeskError> {
        let key = self.config.reading_key();
        let open = || ReadingKeys::open(&self.config.home, self.passphrase()?);
        self.reading.read(&[&key, &next_of(&key), &self.config.retired_keys()], open)
    }

    /// What this desk shows its gateway.
    pub fn access(&self) -> Result<TlsIdentity, DeskError> {
        let (key, chain) = (self.config.key("access"), self.config.chain("access"));
        let open = || {
            let certificates = fs::read(&chain).map_err(DeskError::file(&chain))?;
            let passphrase = self.passphrase()?;
            file::with_next(&key, Unfit::is_mismatch, |key| identity(key, &certificates, passphrase))
                .map_err(|unfit| unfit.about(&chain))
        };
        Ok(self.access.read(&[&key, &chain], open)?.as_ref().clone())
    }

    /// The offices of this desk, by name; their keys are not opened. They are read again when their folder changes:
    /// whoever is certified, or certified anew, gets a file that is put into it whole.
    pub fn offices(&self) -> Result<Arc<Offices>, DeskError> {
        let folder = self.config.offices();
        let changed = fs::metadata(&folder).and_then(|folder| folder.modified());
        let changed = changed.map_err(DeskError::file(&folder))?;
        let mut known = self.offices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, offices)) = known.as_ref().filter(|(then, _)| *then == changed) {
            return Ok(offices.clone());
        }
        let offices = Arc::new(read_offices(&folder)?);
        *known = Some((changed, offices.clone()));
        Ok(offices)
    }

    /// The signing key of an office: opened when it signs for the first time, and anew when it was certified anew.
    /// Deriving the key of a file from the passphrase takes longer than everything else that a message costs.
    pub fn office(&self, office: &Office) -> Result<Arc<dyn Signer>, DeskError> {
        let opened = |known: Option<&Arc<FileSigner>>| {
            known.filter(|signer| signer.certificate() == office.certificate).cloned()
        };
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = opened(signers.get(&office.file)) {
            return Ok(signer);
        }
        let key = self.config.offices().join(format!("{}.key", office.file));
        let chain = self.config.offices().join(format!("{}.pem", office.file));
        let passphrase = match self.own_passphrases.get(&office.label()) {
            Some(own) => own,
            None => self.passphrase()?,
        };
        let signer = Arc::new(FileSigner::open(&key, &chain, passphrase)?);
        signers.insert(office.file.clone(), signer.clone());
        Ok(signer)
    }

    /// Whether the key of an office lies here, by its label. To be listed in a draft it needs no more than its
    /// certificate.
    pub fn holds_key_of(&self, label: &str) -> bool {
        let is_here = |office: &Office| self.config.offices().join(format!("{}.key", office.file)).exists();
        match self.offices() {
            Ok(offices) => offices.values().any(|office| office.label() == label && is_here(office)),
            // Whatever stands in the way of looking is told by whoever needs the key.
            Err(_) => true,
        }
    }

    /// Opens the key of an office with a passphrase of its own; from then on it signs.
    pub fn open_office(&self, office: &Office, passphrase: &Passphrase) -> Result<(), DeskError> {
        let key = self.config.offices().join(format!("{}.key", office.file));
        let chain = self.config.offices().join(format!("{}.pem", office.file));
        let signer = Arc::new(FileSigner::open(&key, &chain, passphrase)?);
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        signers.insert(office.file.clone(), signer);
        Ok(())
    }

    fn passphrase(&self) -> Result<&Passphrase, DeskError> {
        self.passphrase.as_ref().ok_or(DeskError::Locked)
    }
}

/// What was opened from files, and how they looked then. It is opened anew when they change: a rotation puts others in
/// their place. Where the new ones do not open, what was opened stays.
struct Followed<T>(Mutex<Option<(Vec<Look>, Arc<T>)>>);

/// How a file looks that is put in its place whole: which one it is, and when it was written.
type Look = Option<(u64, i64, i64)>;

impl<T> Followed<T> {
    fn read(
        &self,
        files: &[&PathBuf],
        open: impl FnOnce() -> Result<T, DeskError>,
    ) -> Result<Arc<T>, DeskError> {
        let look = |path: &&PathBuf| {
            let seen = fs::metadata(path).ok()?;
            Some((seen.ino(), seen.mtime(), seen.mtime_nsec()))
        };
        let looks: Vec<Look> = files.iter().map(look).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, opened)) = known.as_ref().filter(|(then, _)| *then == looks) {
            return Ok(opened.clone());
        }
        match (open(), known.as_ref()) {
            (Ok(opened), _) => {
                let opened = Arc::new(opened);
                *known = Some((looks, opened.clone()));
                Ok(opened)
            }
            (Err(cause), Some((_, opened))) => {
                tracing::warn!(%cause, "a key that was changed does not open; the one that was opened before stays");
                Ok(opened.clone())
            }
            (Err(cause), None) => Err(cause),
        }
    }
}

impl<T> Default for Followed<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

/// Why key and chain are no identity.
enum Unfit {
    Key(KeyError),
    Form(String),
    Identity(InvalidIdentity),
}

impl Unfit {
    fn is_mismatch(&self) -> bool {
        matches!(self, Self::Identity(InvalidIdentity::Mismatch))
    }

    fn about(self, chain: &Path) -> DeskError {
        match self {
            Self::Key(error) => error.into(),
            Self::Form(cause) => DeskError::Trust(cause),
            Self::Identity(cause) => DeskError::Trust(format!("{}: {cause}", chain.display())),
        }
    }
}

fn identity(key: &Path, certificates: &[u8], passphrase: &Passphrase) -> Result<TlsIdentity, Unfit> {
    let opened = file::open_protected(key, passphrase).map_err(Unfit::Key)?;
    let pem = opened.to_plain_pem().map_err(|cause| Unfit::Form(cause.to_string()))?;
    TlsIdentity::from_pem(certificates, pem.as_bytes()).map_err(Unfit::Identity)
}

fn read_offices(folder: &Path) -> Result<Offices, DeskError> {
    let mut offices = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(DeskError::file(folder))? {
        let path = entry.map_err(DeskError::file(folder))?.path();
        if path.extension().is_none_or(|ending| ending != "pem") {
            continue;
        }
        let chain = file::read_certificates(&path)?;
        let Some(certificate) = chain.first() else { continue };
        let subject = Subject::of(certificate)
            .map_err(|cause| DeskError::Trust(format!("{}: {cause}", path.display())))?;
        let file = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (name, authorities) = (subject.name().clone(), subject.authorities().clone());
        let (key, certificate) = (subject.key(), certificate.to_vec());
        offices.insert(name.clone(), Office { name, authorities, key, file, certificate });
    }
    Ok(offices)
}

impl Office {
    /// Its label, by which a person chooses it.
    pub fn label(&self) -> String {
        self.name.to_string().rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// Its certificate, DER.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// An office without files, for tests of who may sign what.
    #[cfg(test)]
    pub(super) fn sample(name: Name, authorities: &[Authority], key: Digest) -> Self {
        let authorities = authorities.iter().copied().collect();
        Self { name, authorities, key, file: String::new(), certificate: Vec::new() }
    }
}

crate::consultation::opaque!(Keys);
