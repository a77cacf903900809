//! Rotation: the next key is made beside the one in use, and takes its place later.
//!
//! ```text
//! keys/NAME.key.next NAME.csr.next            the next key of a certificate, and its request
//! keys/log.key.next cosigner.key.next         announced in public.toml beside the one in use
//! keys/reading.age.next .recipient.next       announced by the next trust bundle beside the one in use
//! keys/retired/reading-ID.age                 reading keys that still open what was sealed to them
//! keys/history.jsonl                          what was done, and when
//! ```
//! Names and passphrases enter, files change, and what was done leaves. Each step is durable before the next one, and
//! whatever a crash leaves between two steps is one usable pair: who reads a certificate that is not for the key
//! beside it tries the next key (`file`). The secret moves first and its public half last, so that the files alone
//! tell what was cut short. A key that only signs is gone once its successor is in use: a copy could still sign in
//! its name, and nobody needs it to verify anything. A reading key is never destroyed. What must never happen: that
//! a key in use is overwritten, or that one takes its place of which it is not known that it opens and fits.

pub(super) mod certified;
mod error;
pub mod history;
mod note;
mod reading;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::RotationRefusal;
pub use reading::holds_reading_key;

use self::certified::Certified;
use self::history::{Deed, Entry};
use self::note::Note;
use self::reading::Reading;
use super::error::KeyError;
use super::home::enrolment::{Enrolment, HomeKind, Requested};
use super::passphrase::Passphrase;
use super::secret_file;
use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::time::Timestamp;
use crate::tlog::verifier_key::KeyKind;

/// A key of a home that can be rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotatable {
    /// One that carries a certificate: transport, registry, office, access.
    Certified(Requested),
    /// The key of the logs or of the cosigner of a gateway.
    Note(KeyKind),
    /// The reading key of a desk.
    Reading,
}

/// How far the rotation of a key has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// There is one key, in use.
    Steady,
    /// Making the next key was cut short; beginning again goes on with it.
    Unfinished,
    /// The next key waits; this is its id.
    Begun(String),
    /// Switching over was cut short; completing goes on with it.
    Switching,
}

/// What a rotation has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Id of the next key.
    pub id: String,
    /// Its certificate request, where it needs a certificate.
    pub request: Option<PathBuf>,
    /// What others are told of it, where they are: a verifier key or a recipient.
    pub public: Option<String>,
}

/// One key of one home, to be rotated.
#[derive(Debug)]
pub struct Rotation {
    home: PathBuf,
    kind: HomeKind,
    key: Rotatable,
}

impl Rotatable {
    /// The key as lists of keys name it.
    pub fn stem(&self) -> &str {
        match self {
            Self::Certified(requested) => &requested.stem,
            Self::Note(KeyKind::Log) => "keys/log",
            Self::Note(KeyKind::Cosigner) => "keys/cosigner",
            Self::Reading => "keys/reading",
        }
    }

    /// All keys of a home.
    pub fn all(home: &Path) -> Result<Vec<Self>, RotationRefusal> {
        Ok(Self::of(&Enrolment::read(home)?))
    }

    fn of(enrolment: &Enrolment) -> Vec<Self> {
        let mut all: Vec<Self> = enrolment.requests.iter().cloned().map(Self::Certified).collect();
        match enrolment.kind {
            HomeKind::Gateway => all.extend([Self::Note(KeyKind::Log), Self::Note(KeyKind::Cosigner)]),
            HomeKind::Desk => all.push(Self::Reading),
        }
        all
    }
}

impl Rotation {
    /// The key of a home that is named so, with or without `keys/`.
    pub fn of(home: &Path, name: &str) -> Result<Self, RotationRefusal> {
        let enrolment = Enrolment::read(home)?;
        let same = |key: &Rotatable| key.stem() == name || key.stem().strip_prefix("keys/") == Some(name);
        let key = Rotatable::of(&enrolment).into_iter().find(same);
        let key = key.ok_or_else(|| RotationRefusal::Unknown(name.to_owned()))?;
        Ok(Self { home: home.to_owned(), kind: enrolment.kind, key })
    }

    /// Which key.
    pub fn key(&self) -> &Rotatable {
        &self.key
    }

    /// Whether its file opens with a passphrase only.
    pub fn is_protected(&self) -> bool {
        self.kind == HomeKind::Desk
    }

    /// How far it has come.
    pub fn phase(&self) -> Result<Phase, RotationRefusal> {
        match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).phase(),
            Rotatable::Note(kind) => Note::of(&self.home, *kind).phase(),
            Rotatable::Reading => Reading::of(&self.home).phase(),
        }
    }

    /// Id of the key in use; none where it has no certificate yet.
    pub fn id(&self) -> Result<Option<String>, RotationRefusal> {
        match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).id(),
            Rotatable::Note(kind) => Note::of(&self.home, *kind).id().map(Some),
            Rotatable::Reading => Reading::of(&self.home).id().map(Some),
        }
    }

    /// What others are told of the next key, where they are.
    pub fn next_public(&self) -> Result<Option<String>, RotationRefusal> {
        match &self.key {
            Rotatable::Certified(_) => Ok(None),
            Rotatable::Note(kind) => Note::of(&self.home, *kind).next_public(),
            Rotatable::Reading => Reading::of(&self.home).next_public(),
        }
    }

    /// Makes the next key beside the one in use, or goes on where that was cut short. The passphrase is the one of the
    /// key in use and opens the next key as well.
    pub fn begin(
        &self,
        passphrase: Option<&Passphrase>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Begun, RotationRefusal> {
        match self.phase()? {
            Phase::Steady | Phase::Unfinished => {}
            Phase::Begun(_) => return Err(RotationRefusal::AlreadyBegun(self.key.stem().to_owned())),
            Phase::Switching => return Err(RotationRefusal::Switching(self.key.stem().to_owned())),
        }
        let begun = match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).begin(passphrase, entropy)?,
            Rotatable::Note(kind) => Note::of(&self.home, *kind).begin(entropy)?,
            Rotatable::Reading => Reading::of(&self.home).begin(passphrase, entropy)?,
        };
        self.note(Deed::Begun, &begun.id, now)?;
        Ok(begun)
    }

    /// Puts the next key in use with the chain (PEM) that certifies it, or refuses and changes nothing.
    pub fn install(
        &self,
        chain: &[u8],
        passphrase: Option<&Passphrase>,
        now: Timestamp,
    ) -> Result<(), RotationRefusal> {
        let Rotatable::Certified(requested) = &self.key else {
            return Err(RotationRefusal::NeedsNoCertificate(self.key.stem().to_owned()));
        };
        let certified = self.certified(requested);
        match certified.phase()? {
            Phase::Begun(_) => {
                let id = certified.verify(chain, passphrase, now)?;
                certified.show(chain)?;
                self.finish(&id, now)
            }
            Phase::Switching => self.complete(now),
            Phase::Steady | Phase::Unfinished => Err(RotationRefusal::NotBegun(self.key.stem().to_owned())),
        }
    }

    /// Puts the next key in use where no certificate is needed, and goes on where a switch was cut short. Whether
    /// those who must know the next key do is for the caller to ask first.
    pub fn complete(&self, now: Timestamp) -> Result<(), RotationRefusal> {
        let stem = || self.key.stem().to_owned();
        let id = match (self.phase()?, &self.key) {
            (Phase::Steady | Phase::Unfinished, _) => return Err(RotationRefusal::NotBegun(stem())),
            (Phase::Begun(_), Rotatable::Certified(_)) => {
                return Err(RotationRefusal::NeedsCertificate(stem()));
            }
            (Phase::Begun(id), _) => id,
            (Phase::Switching, _) => self.next_id()?,
        };
        self.finish(&id, now)
    }

    /// Gives the next key up; the one in use stays.
    pub fn abandon(&self, now: Timestamp) -> Result<(), RotationRefusal> {
        let id = match self.phase()? {
            Phase::Steady => return Err(RotationRefusal::NotBegun(self.key.stem().to_owned())),
            Phase::Switching => return Err(RotationRefusal::Switching(self.key.stem().to_owned())),
            Phase::Begun(id) => id,
            Phase::Unfinished => String::new(),
        };
        self.note(Deed::Abandoned, &id, now)?;
        match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).abandon(),
            Rotatable::Note(kind) => Note::of(&self.home, *kind).abandon(),
            Rotatable::Reading => Reading::of(&self.home).abandon(),
        }
    }

    /// The last steps, each of which may have been done before.
    fn finish(&self, id: &str, now: Timestamp) -> Result<(), RotationRefusal> {
        self.note(Deed::Completed, id, now)?;
        match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).switch(),
            Rotatable::Note(kind) => Note::of(&self.home, *kind).switch(),
            Rotatable::Reading => Reading::of(&self.home).switch(),
        }
    }

    /// Id of the key that takes the place of the other, in the midst of a switch.
    fn next_id(&self) -> Result<String, RotationRefusal> {
        let id = match &self.key {
            Rotatable::Certified(requested) => self.certified(requested).next_id()?,
            Rotatable::Note(kind) => Note::of(&self.home, *kind).next_id()?,
            Rotatable::Reading => Reading::of(&self.home).next_id()?,
        };
        Ok(id.unwrap_or_default())
    }

    fn certified<'a>(&'a self, requested: &'a Requested) -> Certified<'a> {
        Certified { home: &self.home, requested, is_protected: self.is_protected() }
    }

    fn note(&self, deed: Deed, id: &str, now: Timestamp) -> Result<(), RotationRefusal> {
        step()?;
        let entry = Entry { time: now, key: self.key.stem().to_owned(), deed, id: id.to_owned() };
        Ok(history::append(&self.home, &entry)?)
    }
}

/// The id under which lists show a key: the beginning of a digest of its public half.
fn id_of(public: &[u8]) -> String {
    Digest::of(public).hex().chars().take(ID_DIGITS).collect()
}

/// Moves a file into the place of another in one step, durably. One that was moved before is no error.
fn promote(from: &Path, to: &Path) -> Result<(), KeyError> {
    step()?;
    match fs::rename(from, to) {
        Ok(()) => secret_file::sync_directory(secret_file::directory_of(to)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && to.exists() => Ok(()),
        Err(cause) => Err(KeyError::io(from, cause)),
    }
}

/// Removes a file durably, if it is there.
fn remove(path: &Path) -> Result<(), KeyError> {
    step()?;
    match fs::remove_file(path) {
        Ok(()) => secret_file::sync_directory(secret_file::directory_of(path)),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(KeyError::io(path, cause)),
    }
}

/// Called before each change of a file: tests cut a rotation short here, as a crash would.
fn step() -> Result<(), KeyError> {
    #[cfg(test)]
    tests::cut()?;
    Ok(())
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The passing name of what takes the place of `path`.
pub fn next_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(NEXT_ENDING);
    PathBuf::from(name)
}

/// Never `.pem` or `.key` itself: whoever lists a folder of keys must not take it for one in use.
const NEXT_ENDING: &str = ".next";

/// As many as tell the keys of one home apart.
const ID_DIGITS: usize = 16;
