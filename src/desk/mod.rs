//! Inside the ministry: composes, signs, seals and submits; fetches, verifies, opens and reads.
//!
//! Drafts, keys and sealed messages enter; envelopes leave towards the own gateway, and verified plain text
//! towards the officer who asked. No plain text is written anywhere but where that officer says, nothing is
//! shown before all that covers it was verified, and what was signed is registered before it is submitted.
//!
//! | file | does |
//! |---|---|
//! | `form` | drafts as forms that teach; acts as text |
//! | `documents`, `compose` | draft to dispatch |
//! | `trial` | whether what is composed can be sent at all |
//! | `circle` | among which Powers a consultation is held, and how high a level may go there |
//! | `signatories`, `authorities` | which offices sign; what ROL is judged on |
//! | `draft` | drafts on their way between offices |
//! | `withdraw`, `countersign` | the quick road of a withdrawal; a second office behind it |
//! | `reject`, `silence` | what the registry answers by itself; what it signs where nobody answers |
//! | `unpaid` | pays one debt after the other, whatever becomes of each |
//! | `numbering`, `release` | which number comes next; numbered, signed, sealed |
//! | `send`, `run` | one draft on its way; many, in batches |
//! | `owed` | protective acts: to whomever they can go, and what somebody is owed of them |
//! | `hand_over`, `convoy` | copies and parts into the gateway's custody, or given up; batches of copies |
//! | `settle` | what became of them |
//! | `lock` | which process of this desk does what nobody may do twice at once |
//! | `hand_back` | gives a restored gateway what no peer has |
//! | `restitution` | tells a restored gateway, before it exchanges anything, what it forgot of its logs and its queue |
//! | `refill` | gets back from the gateway what a restored register lacks |
//! | `fetch`, `read`, `parts` | mailbox to register; verify, open, judge; documents |
//! | `receipts`, `believed`, `evidence` | what both logs prove; evidence files |
//! | `administration` | the record of what was done to this desk |
//! | `accreditation`, `dismissal` | whom this desk believes, and whom no more |
//! | `adopting` | what the registry decided and a restored desk does not know |
//! | `keys`, `reading_keys` | what it signs with; what it opens with, former years included |
//! | `expiry` | what ends by itself, for the officer's screen and the service's log |
//! | `following` | bundles that succeed the accredited ones |
//! | `casebook` | what is known of every consultation, sealed |
//! | `deposit` | documents that clients uploaded, sealed at rest |
//! | `rehearsed` | what nobody but a rehearsal makes a desk do |
//! | `progress` | how far long work has come |
//! | `serve` | the service for the ministry's own systems |
//! | `register`, `mailbox` | what it has; the own gateway |

pub mod accreditation;
pub mod administration;
pub mod adopting;
mod authorities;
mod believed;
pub mod bundles;
pub mod casebook;
mod circle;
pub mod compose;
pub mod config;
mod convoy;
mod countersign;
pub mod deposit;
mod dismissal;
pub mod documents;
pub mod draft;
pub mod error;
pub mod evidence;
pub mod expiry;
pub mod fetch;
pub mod following;
pub mod form;
pub mod gauges;
mod hand_back;
mod hand_over;
pub mod keys;
pub mod lock;
pub mod mailbox;
mod numbering;
pub mod owed;
pub mod parts;
pub mod progress;
pub mod read;
pub mod reading_keys;
pub mod receipts;
pub mod reference;
pub mod refill;
pub mod register;
pub mod rehearsed;
pub mod reject;
mod release;
mod restitution;
pub mod run;
pub mod send;
pub mod serve;
mod settle;
pub mod signatories;
pub mod silence;
mod stand_in;
mod trial;
mod unpaid;
pub mod vouched;
mod withdraw;

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::consultation::charter::Charter;
use crate::desk::accreditation::Trust;
use crate::desk::believed::Believed;
use crate::desk::config::Config;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::mailbox::Mailbox;
use crate::desk::progress::Progress;
use crate::desk::register::Register;
use crate::desk::restitution::Given;
use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::time::Clock;
use crate::transport::anchors::PeerAnchors;
use crate::transport::credentials::{CredentialStore, Credentials, Material};
use crate::trust::bundle::SignedBundle;

/// One desk: a home with its register. Keys come separately, opened by whoever knows the passphrase.
pub struct Desk {
    config: Config,
    register: Register,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    progress: Progress,
    believed: Believed,
    memory: casebook::Memory,
    given_back: Given,
    /// The charter that every consultation is judged by in a rehearsal; none where what was concluded counts.
    supposed: Option<Charter>,
    calls_itself: String,
    waits: lock::Waits,
}

impl Desk {
    /// Opens the desk in a home.
    pub fn open(home: &Path, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, DeskError> {
        let config = Config::load(home)?;
        let register = Register::open(&config.register())?;
        Ok(Self {
            config,
            register,
            clock,
            entropy,
            progress: progress::silent(),
            believed: Believed::default(),
            memory: casebook::Memory::default(),
            given_back: Given::default(),
            supposed: None,
            calls_itself: "chancery".to_owned(),
            waits: lock::silently(),
        })
    }

    /// Tells `progress` how far long work with documents has come.
    pub fn watched_by(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    /// Calls itself so towards other processes of this desk, and tells `waits` of the one that it waits for.
    pub fn called(self, calls_itself: &str, waits: lock::Waits) -> Self {
        Self { calls_itself: calls_itself.to_owned(), waits, ..self }
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its register.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// Its clock.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Fingerprint of the own root, as pinned in this home.
    pub fn root(&self) -> Result<Digest, DeskError> {
        let path = self.config.root();
        let root = CertificateDer::from_pem_file(&path)
            .map_err(|cause| DeskError::Trust(format!("{}: {cause}", path.display())))?;
        Ok(Digest::of(&root))
    }

    /// Connects to the own gateway.
    pub async fn mailbox(&self, keys: &Keys) -> Result<Mailbox, DeskError> {
        let (_store, credentials) = self.credentials(keys, &self.trust()?.own)?;
        Mailbox::connect(&self.config.gateway, &self.config.ministry, &credentials).await
    }

    /// Why the own gateway, which answers, is not believed under this bundle of the own ministry; none where it is, or
    /// is away. Before the first peer nobody is asked, and a bundle that does not succeed the one in force is not
    /// judged.
    pub async fn disbelief(&self, keys: &Keys, own: &SignedBundle) -> Result<Option<String>, DeskError> {
        let Trust { own: believed, policy, .. } = self.trust()?;
        let is_other = own.digest() != believed.digest();
        if policy.is_none() || is_other && own.succeeds(&believed, self.clock.now()).is_err() {
            return Ok(None);
        }
        let (_store, credentials) = self.credentials(keys, own)?;
        Ok(Mailbox::disbelief(&self.config.gateway, &self.config.ministry, &credentials).await)
    }

    /// What this desk shows its gateway, and by what it judges it.
    fn credentials(
        &self,
        keys: &Keys,
        own: &SignedBundle,
    ) -> Result<(CredentialStore, Credentials), DeskError> {
        let unusable = |cause: String| DeskError::Trust(cause);
        let mut peers = PeerAnchors::new();
        peers
            .insert(&self.config.domain, own.bundle().transport_anchors().clone())
            .map_err(|cause| unusable(cause.to_string()))?;
        let identity = keys.access()?;
        let source =
            Box::new(move || Ok(Material { identity: identity.clone(), peers: peers.clone(), desks: None }));
        CredentialStore::open(source, self.clock.clone()).map_err(|cause| unusable(cause.to_string()))
    }

    /// Writes a file so that it appears whole or not at all, durable before this returns.
    pub(super) fn keep(&self, path: &Path, bytes: &[u8]) -> Result<(), DeskError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(DeskError::file(folder))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(DeskError::file(path))?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(DeskError::file(path))?;
        file.persist(path).map_err(|cause| DeskError::file(path)(cause.error))?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(DeskError::file(folder))
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({})", self.config.ministry)
    }
}
