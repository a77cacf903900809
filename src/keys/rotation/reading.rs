//! The reading key of a desk: peers seal to both while both are announced, and the former one is kept for ever,
//! because whoever loses it loses everything that was sealed to it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Begun, Phase, RotationRefusal, id_of, is_there, next_of, promote, remove, step};
use crate::entropy::Entropy;
use crate::keys::error::KeyError;
use crate::keys::generate;
use crate::keys::home::desk::DeskHome;
use crate::keys::home::make_directory;
use crate::keys::passphrase::Passphrase;
use crate::keys::reading::{open_reading_key, save_reading_key};
use crate::keys::secret_file;
use crate::limits;

/// The reading key of one desk.
pub(super) struct Reading {
    home: DeskHome,
}

impl Reading {
    pub(super) fn of(home: &Path) -> Self {
        Self { home: DeskHome::at(home) }
    }

    pub(super) fn phase(&self) -> Result<Phase, RotationRefusal> {
        match (is_there(&self.next_key()), is_there(&self.next_recipient())) {
            (false, false) => Ok(Phase::Steady),
            (true, false) => Ok(Phase::Unfinished),
            (false, true) => Ok(Phase::Switching),
            (true, true) => Ok(Phase::Begun(id_of(recipient(&self.next_recipient())?.as_bytes()))),
        }
    }

    pub(super) fn id(&self) -> Result<String, RotationRefusal> {
        Ok(id_of(recipient(&self.home.reading_recipient())?.as_bytes()))
    }

    pub(super) fn next_id(&self) -> Result<Option<String>, RotationRefusal> {
        Ok(self.next_public()?.map(|public| id_of(public.as_bytes())))
    }

    pub(super) fn next_public(&self) -> Result<Option<String>, RotationRefusal> {
        let path = self.next_recipient();
        if is_there(&path) { Ok(Some(recipient(&path)?)) } else { Ok(None) }
    }

    pub(super) fn begin(
        &self,
        passphrase: Option<&Passphrase>,
        entropy: &dyn Entropy,
    ) -> Result<Begun, RotationRefusal> {
        let passphrase = passphrase.ok_or(RotationRefusal::PassphraseNeeded)?;
        let path = self.next_key();
        let key = if is_there(&path) {
            open_reading_key(&path, passphrase)?
        } else {
            // Both must open with one passphrase: whoever reads needs both.
            open_reading_key(&self.home.reading_key(), passphrase)?;
            let key = generate::reading_key(entropy).map_err(KeyError::from)?;
            step()?;
            save_reading_key(&path, &key, passphrase, entropy)?;
            key
        };
        let public = key.recipient().to_string();
        step()?;
        secret_file::create(&self.next_recipient(), format!("{public}\n").as_bytes())?;
        Ok(Begun { id: id_of(public.as_bytes()), request: None, public: Some(public) })
    }

    /// Keeps the former key under another name as well, and then lets the next one take its place: at no instant is
    /// there a key of which no file holds the secret.
    pub(super) fn switch(&self) -> Result<(), RotationRefusal> {
        if is_there(&self.next_key()) {
            let former = recipient(&self.home.reading_recipient())?;
            self.retire(&self.home.reading_key(), &former)?;
        }
        promote(&self.next_key(), &self.home.reading_key())?;
        Ok(promote(&self.next_recipient(), &self.home.reading_recipient())?)
    }

    /// The next key may have been announced: it is kept as one that is retired, whatever was sealed to it.
    pub(super) fn abandon(&self) -> Result<(), RotationRefusal> {
        if let Some(public) = self.next_public()? {
            self.retire(&self.next_key(), &public)?;
        }
        remove(&self.next_recipient())?;
        Ok(remove(&self.next_key())?)
    }

    fn retire(&self, key: &Path, recipient: &str) -> Result<(), KeyError> {
        let folder = self.home.retired_keys();
        step()?;
        make_directory(&folder)?;
        let kept = folder.join(format!("reading-{}.age", id_of(recipient.as_bytes())));
        match fs::hard_link(key, &kept) {
            Ok(()) => {}
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(KeyError::io(&kept, cause)),
        }
        secret_file::sync_directory(&folder)?;
        secret_file::sync_directory(secret_file::directory_of(&folder))
    }

    fn next_key(&self) -> PathBuf {
        next_of(&self.home.reading_key())
    }

    fn next_recipient(&self) -> PathBuf {
        next_of(&self.home.reading_recipient())
    }
}

/// Whether a desk's home holds the reading key of a recipient: the one in use, the next one or one that is retired.
pub fn holds_reading_key(home: &Path, public: &str) -> bool {
    let home = DeskHome::at(home);
    let kept = home.retired_keys().join(format!("reading-{}.age", id_of(public.as_bytes())));
    let newest = home.reading_recipient();
    let is_of = |path: &PathBuf| recipient(path).is_ok_and(|own| own == public);
    is_there(&kept) || [next_of(&newest), newest].iter().any(is_of)
}

fn recipient(path: &Path) -> Result<String, KeyError> {
    let bytes = secret_file::read_public(path, limits::KEY_TEXT_BYTES_MAX.saturating_add(1))?;
    let text = String::from_utf8(bytes).map_err(|_| KeyError::malformed(path, "an age recipient"))?;
    Ok(text.trim_end().to_owned())
}
