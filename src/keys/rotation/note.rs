//! The keys of a gateway's logs and of its cosignatures: the next one is announced beside the one in use, which signs
//! until the peers know the next.

use std::path::{Path, PathBuf};

use super::{Begun, Phase, RotationRefusal, id_of, is_there, next_of, promote, remove, step};
use crate::entropy::Entropy;
use crate::keys::error::KeyError;
use crate::keys::file::{self, FileNoteSigner};
use crate::keys::generate;
use crate::keys::home::gateway::{Announcement, GatewayHome};
use crate::tlog::signed_note::NoteSigner;
use crate::tlog::verifier_key::{KeyKind, VerifierKey};

/// One of the two keys.
pub(super) struct Note {
    home: GatewayHome,
    kind: KeyKind,
}

impl Note {
    pub(super) fn of(home: &Path, kind: KeyKind) -> Self {
        Self { home: GatewayHome::at(home), kind }
    }

    pub(super) fn phase(&self) -> Result<Phase, RotationRefusal> {
        let announced = self.home.announcement()?;
        let (present, next) = self.said(&announced);
        if is_there(&self.next()) {
            let key = self.verifier(&self.next(), &announced)?;
            let is_announced = next == Some(key.to_string().as_str());
            return Ok(if is_announced { Phase::Begun(id_of(&key.public_key)) } else { Phase::Unfinished });
        }
        let in_use = self.verifier(&self.place(), &announced)?.to_string();
        Ok(match (present == in_use, next) {
            (true, None) => Phase::Steady,
            // Giving it up was cut short: there is no secret to what is announced.
            (true, Some(_)) => Phase::Unfinished,
            (false, _) => Phase::Switching,
        })
    }

    pub(super) fn id(&self) -> Result<String, RotationRefusal> {
        Ok(id_of(&FileNoteSigner::open(&self.place())?.public_key()))
    }

    pub(super) fn next_id(&self) -> Result<Option<String>, RotationRefusal> {
        // The secret moves first: in the midst of a switch it is the key in use.
        self.id().map(Some)
    }

    pub(super) fn next_public(&self) -> Result<Option<String>, RotationRefusal> {
        let announced = self.home.announcement()?;
        Ok(self.said(&announced).1.map(str::to_owned))
    }

    pub(super) fn begin(&self, entropy: &dyn Entropy) -> Result<Begun, RotationRefusal> {
        if !is_there(&self.next()) {
            step()?;
            file::save_plain(&self.next(), &generate::log_key(entropy)?)?;
        }
        let next = self.verifier(&self.next(), &self.home.announcement()?)?;
        let said = Some(next.to_string());
        self.home.announce_anew(|announced| {
            match self.kind {
                KeyKind::Log => announced.next_log_key.clone_from(&said),
                KeyKind::Cosigner => announced.next_cosigner_key.clone_from(&said),
            }
            step()
        })?;
        Ok(Begun { id: id_of(&next.public_key), request: None, public: said })
    }

    /// The secret, and then what is said of it.
    pub(super) fn switch(&self) -> Result<(), RotationRefusal> {
        promote(&self.next(), &self.place())?;
        self.say_present()
    }

    pub(super) fn abandon(&self) -> Result<(), RotationRefusal> {
        remove(&self.next())?;
        self.say_present()
    }

    /// Announces the key in use alone.
    fn say_present(&self) -> Result<(), RotationRefusal> {
        let present = self.verifier(&self.place(), &self.home.announcement()?)?.to_string();
        Ok(self.home.announce_anew(|announced| {
            match self.kind {
                KeyKind::Log => (announced.log_key, announced.next_log_key) = (present, None),
                KeyKind::Cosigner => (announced.cosigner_key, announced.next_cosigner_key) = (present, None),
            }
            step()
        })?)
    }

    /// The verifier key of a file, under the name that is announced.
    fn verifier(&self, path: &Path, announced: &Announcement) -> Result<VerifierKey, RotationRefusal> {
        let public_key = FileNoteSigner::open(path)?.public_key();
        let present = VerifierKey::parse(self.said(announced).0);
        let file = self.home.announcement_file();
        let present = present.map_err(|_| KeyError::malformed(&file, "what a gateway announces (TOML)"))?;
        Ok(VerifierKey { public_key, ..present })
    }

    fn said<'a>(&self, announced: &'a Announcement) -> (&'a str, Option<&'a str>) {
        match self.kind {
            KeyKind::Log => (&announced.log_key, announced.next_log_key.as_deref()),
            KeyKind::Cosigner => (&announced.cosigner_key, announced.next_cosigner_key.as_deref()),
        }
    }

    fn place(&self) -> PathBuf {
        match self.kind {
            KeyKind::Log => self.home.log_key(),
            KeyKind::Cosigner => self.home.cosigner_key(),
        }
    }

    fn next(&self) -> PathBuf {
        next_of(&self.place())
    }
}
