//! The reading keys of a desk: the one in use, to which everything new is sealed, and those that open what was sealed
//! to others of its keys, before it and while a rotation is under way.
//!
//! Paths and a passphrase enter; what opens leaves. The further keys are opened only when the one in use does not do:
//! each costs the time of a passphrase.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::desk::error::DeskError;
use crate::keys::home::desk::DeskHome;
use crate::keys::rotation::next_of;
use crate::keys::{Passphrase, open_reading_key};
use crate::message::seal::{Opener, ReadingKey, Stanza};

/// Every reading key of one desk.
pub struct ReadingKeys {
    newest: ReadingKey,
    /// Opened when they are asked for.
    others: OnceLock<Vec<ReadingKey>>,
    places: Vec<PathBuf>,
    passphrase: Option<Passphrase>,
}

impl ReadingKeys {
    /// Opens the key in use and finds the others.
    pub fn open(home: &Path, passphrase: &Passphrase) -> Result<Self, DeskError> {
        let home = DeskHome::at(home);
        let key = home.reading_key();
        // Found before the key in use is opened: one that comes in use meanwhile is among them or is the one in use.
        let mut places = vec![next_of(&key)];
        if let Ok(entries) = fs::read_dir(home.retired_keys()) {
            places.extend(entries.flatten().map(|entry| entry.path()));
        }
        places.retain(|path| path.exists());
        places.sort();
        let newest = open_reading_key(&key, passphrase)?;
        Ok(Self { newest, others: OnceLock::new(), places, passphrase: Some(passphrase.clone()) })
    }

    /// The key in use.
    pub fn newest(&self) -> &ReadingKey {
        &self.newest
    }

    /// The keys that only open.
    pub fn others(&self) -> &[ReadingKey] {
        self.others.get_or_init(|| {
            let open = |path: &PathBuf| {
                let opened = open_reading_key(path, self.passphrase.as_ref()?);
                let noted = |cause: &crate::keys::KeyError| {
                    tracing::warn!(%cause, "a reading key that was in use once does not open");
                };
                opened.inspect_err(noted).ok()
            };
            self.places.iter().filter_map(open).collect()
        })
    }

    /// All of them, the one in use first. The others are opened only where it is not enough.
    pub fn all(&self) -> impl Iterator<Item = &ReadingKey> {
        let further = std::iter::once_with(|| self.others().iter()).flatten();
        std::iter::once(&self.newest).chain(further)
    }
}

impl Opener for ReadingKeys {
    fn unwrap(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        self.newest.unwrap(stanza)
    }

    fn further(&self) -> Vec<&dyn Opener> {
        self.others().iter().map(|key| key as &dyn Opener).collect()
    }
}

impl From<ReadingKey> for ReadingKeys {
    fn from(newest: ReadingKey) -> Self {
        Self { newest, others: OnceLock::from(Vec::new()), places: Vec::new(), passphrase: None }
    }
}

crate::consultation::opaque!(ReadingKeys);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::keys::home::desk::DeskPlan;
    use crate::keys::rotation::Rotation;
    use crate::message::seal;
    use crate::time::Timestamp;
    use crate::trust::name::{Domain, Label, Ministry};

    #[test]
    fn what_was_sealed_before_during_and_after_a_rotation_stays_readable() {
        let folder = tempfile::tempdir().unwrap();
        let (home, passphrase) = (folder.path().join("desk"), Passphrase::new("correct horse").unwrap());
        let plan = DeskPlan {
            ministry: Ministry::parse("XA").unwrap(),
            domain: Domain::parse("mfa.xa.example").unwrap(),
            label: Label::parse("main").unwrap(),
            gateway: "127.0.0.1:1".to_owned(),
            offices: std::collections::BTreeMap::new(),
        };
        DeskHome::at(&home).found(&plan, &passphrase, &SystemEntropy).unwrap();
        let opened = || ReadingKeys::open(&home, &passphrase).unwrap();
        let seal =
            |text: &[u8], to: &ReadingKey| seal::seal(text, &[to.recipient()], &SystemEntropy).unwrap().bytes;
        let former = opened();
        let before = seal(b"before", former.newest());
        let rotation = Rotation::of(&home, "reading").unwrap();
        let now = Timestamp::from_seconds(1_790_000_000);
        rotation.begin(Some(&passphrase), now, &SystemEntropy).unwrap();
        let during = opened();
        assert_eq!(during.newest().secret_text(), former.newest().secret_text(), "the former stays in use");
        let to_next = seal(b"to the next", &during.others()[0]);
        rotation.complete(now).unwrap();
        let after = opened();
        assert_ne!(after.newest().secret_text(), former.newest().secret_text());
        let to_new = seal(b"after", after.newest());
        for (sealed, text) in [(&before, &b"before"[..]), (&to_next, b"to the next"), (&to_new, b"after")] {
            assert_eq!(seal::open(sealed, &[&after]).unwrap().as_slice(), text);
        }
        // Whoever did not see the switch had both.
        assert_eq!(seal::open(&to_new, &[&during]).unwrap().as_slice(), b"after");
        let stranger = ReadingKeys::from(ReadingKey::generate(&SystemEntropy).unwrap());
        assert!(seal::open(&before, &[&stranger]).is_err());
        assert!(
            after.others.get().is_some() && opened().others.get().is_none(),
            "opened only when asked for"
        );
    }
}
