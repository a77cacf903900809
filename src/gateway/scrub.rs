//! The scrub: everything that is kept is compared with what signatures vouch for.
//!
//! The store hashes its own pieces again; here they are tied together: header and signature to the leaf that
//! names them, sealed parts to the header, receipts to the mirror of the log they are from, and leaves to the
//! checkpoints that logs and cosigners have signed. Whoever changes anything and mends every hash behind it is
//! still found, unless he has the keys. CMS signatures are not judged again: that was done before custody.

mod kept;
mod keyring;

use std::sync::Arc;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::accreditation::Accreditation;
use crate::gateway::archive::key_name;
use crate::gateway::error::Fault;
use crate::gateway::store::record::{
    Checkpoint as KeptCheckpoint, Damage, Damaged, Examination, LogHead, LogLeaf, Progress, Unwatched,
    Verification,
};
use crate::gateway::store::{Store, StoreFault};
use crate::limits::LOG_UPDATE_LEAVES_MAX;
use crate::message::administration::AdministrativeLeaf;
use crate::message::leaf::Leaf;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::name::Ministry;
use keyring::Keyring;

/// A scrub of one store, whether a gateway runs over it or not.
#[derive(Debug)]
pub(super) struct Scrub {
    /// What is looked at.
    pub(super) store: Store,
    /// The ministry whose gateway keeps it.
    pub(super) ministry: Ministry,
    /// SHA-256 of its root certificate, from outside the store.
    pub(super) root: Digest,
    /// The key of its logs, where that is at hand.
    pub(super) log_key: Option<VerifierKey>,
    /// Who is believed, as far as that can be told.
    pub(super) trust: Option<Arc<Accreditation>>,
}

impl Gateway {
    /// Compares everything that is kept and names what is damaged.
    pub async fn verify(&self) -> Result<Verification, Fault> {
        let name = key_name(&self.config.domain.log_name())?;
        let log_key = self.log_verifier(name);
        let scrub = Scrub {
            store: self.store.clone(),
            ministry: self.config.ministry.clone(),
            root: self.root,
            log_key: Some(log_key),
            trust: self.trust.load_full(),
        };
        let mut found = scrub.store.examine(&Unwatched).await?;
        scrub.bind(&mut found, &Unwatched).await?;
        Ok(found.into())
    }
}

impl Scrub {
    /// Everything, the database file itself included. What cannot be read any more is a damage and not a fault.
    pub(super) async fn thorough(&self, progress: &dyn Progress) -> Result<Examination, Fault> {
        let structure = readable(self.store.structure().await.map_err(Fault::from))?;
        let (mut found, unread) = match readable(self.store.examine(progress).await.map_err(Fault::from))? {
            Ok(found) => (found, None),
            Err(unread) => (Examination::default(), Some(unread)),
        };
        match structure {
            Ok(damages) => found.add(damages),
            Err(unread) => found.add([unread]),
        }
        found.add(unread);
        if let Err(unread) = readable(self.bind(&mut found, progress).await)? {
            found.add([unread]);
        }
        Ok(found)
    }

    /// Ties the pieces of the store to each other and to the keys that vouch for them.
    pub(super) async fn bind(&self, found: &mut Examination, progress: &dyn Progress) -> Result<(), Fault> {
        let (keyring, damages) = Keyring::of(self).await?;
        found.add(damages);
        for log in self.store.list_logs().await? {
            found.add(self.name_damage(&log));
            self.bind_leaves(&log, found, progress).await?;
            self.bind_checkpoints(&log, &keyring, found).await?;
        }
        let (mut after, mut done) = (0, 0);
        loop {
            let page = self.store.kept_after(after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.key;
            done += page.len() as u64;
            for message in &page {
                found.add(kept::damages(message));
                found.add(self.receipt_damage(message, &keyring).await?);
            }
            progress.done("messages against their leaves and receipts", done);
        }
    }

    /// The name of a log says between whom it is: `DOMAIN/chancery/OTHER/YEAR`.
    fn name_damage(&self, log: &LogHead) -> Option<Damage> {
        if self.is_administration(log) {
            return None;
        }
        let other = if log.mirror { &self.ministry } else { &log.peer };
        let named = log.origin.rsplit('/').nth(1) == Some(other.lower().as_str());
        let of_pair = match &self.trust {
            Some(trust) if log.mirror && trust.is_peer(&log.peer) => {
                trust.is_log_of_pair(&log.peer, &log.origin).unwrap_or(false)
            }
            _ => true,
        };
        let detail = format!("the log {} is not one between {} and {}", log.origin, self.ministry, log.peer);
        let damage = Damage::new(Damaged::Reference, detail).in_log(&log.origin);
        (!named || !of_pair).then_some(damage)
    }

    /// Whether a log is one of the own administration: by its keeper and by its name.
    fn is_administration(&self, log: &LogHead) -> bool {
        !log.mirror && log.peer == self.ministry && log.origin.rsplit('/').nth(1) == Some("administration")
    }

    /// Leaves must be leaves, and be about the message under which they are found.
    async fn bind_leaves(
        &self,
        log: &LogHead,
        found: &mut Examination,
        progress: &dyn Progress,
    ) -> Result<(), Fault> {
        let is_whole = if self.is_administration(log) { is_act } else { says_what_it_is_about };
        let mut index = 0;
        while index < log.size {
            let leaves = self.store.leaves(log.origin.clone(), index, LOG_UPDATE_LEAVES_MAX).await?;
            if leaves.is_empty() {
                // That they are missing is named already.
                return Ok(());
            }
            let wrong = (index..).zip(&leaves).filter(|(_, leaf)| !is_whole(leaf));
            found.add(wrong.map(|(index, leaf)| {
                let detail = format!("leaf {index} of {} is not about what it is kept under", log.origin);
                let damage = Damage::new(Damaged::Leaf, detail).in_log(&log.origin).at(index);
                leaf.message_id.into_iter().fold(damage, Damage::of_message)
            }));
            index += leaves.len() as u64;
            progress.done(&format!("leaves of {} read", log.origin), index);
        }
        Ok(())
    }

    /// Every checkpoint that is kept of a log must be signed, and state the root of what is held.
    async fn bind_checkpoints(
        &self,
        log: &LogHead,
        keyring: &Keyring,
        found: &mut Examination,
    ) -> Result<(), Fault> {
        let cosigned = self.store.cosigned_checkpoints(log.origin.clone()).await?;
        let heads = [("checkpoint", &log.checkpoint), ("newest cosigned checkpoint", &log.cosigned)];
        let heads = heads.into_iter().filter_map(|(what, kept)| Some((what, kept.as_ref()?)));
        for (what, kept) in heads.chain(cosigned.iter().map(|kept| ("cosigned checkpoint", kept))) {
            let held = self.store.root_at(log.origin.clone(), kept.size).await?;
            if !keyring.vouches(log, kept, held)? {
                let detail = format!("the {what} of {} does not vouch for its leaves", log.origin);
                found.add([Damage::new(Damaged::Checkpoint, detail).in_log(&log.origin).at(kept.size)]);
            }
        }
        Ok(())
    }
}

/// Whether a leaf parses and is kept under the message it names.
fn says_what_it_is_about(leaf: &LogLeaf) -> bool {
    let about = Leaf::parse(&leaf.bytes).map(|read| read.message.map(|message| message.id.digest()));
    about.is_ok_and(|about| about == leaf.message_id)
}

/// Whether a leaf is an act; those are found by no message.
fn is_act(leaf: &LogLeaf) -> bool {
    leaf.message_id.is_none() && AdministrativeLeaf::parse(&leaf.bytes).is_ok()
}

/// Turns "it cannot be read" into a damage; everything else stays a fault.
fn readable<T>(result: Result<T, Fault>) -> Result<Result<T, Damage>, Fault> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Fault::Store(StoreFault::Database(_) | StoreFault::Damaged(_)) | Fault::Damaged(_)) => {
            let cause = result.err().map(|fault| fault.to_string()).unwrap_or_default();
            let detail = format!("the rest of the archive cannot be read: {cause}");
            Ok(Err(Damage::new(Damaged::Structure, detail)))
        }
        Err(fault) => Err(fault),
    }
}

impl Keyring {
    /// Whether a kept checkpoint of `log` states what is held, and every signature on it is good that somebody we
    /// know has made.
    fn vouches(&self, log: &LogHead, kept: &KeptCheckpoint, held: Option<Digest>) -> Result<bool, Fault> {
        let (Ok(note), name) = (Note::parse(&kept.text), key_name(&log.origin)?) else { return Ok(false) };
        let Ok(claimed) = Checkpoint::parse(note.text()) else { return Ok(false) };
        let keys = self.log_keys(if log.mirror { &log.peer } else { self.own() });
        let mut keys = keys.iter().map(|key| key.with_name(name.clone()));
        let signed = keys.len() == 0 || keys.any(|key| Checkpoint::of_note(&note, &key).is_ok());
        let stated = claimed.origin == name && claimed.size == kept.size && Some(claimed.root) == held;
        Ok(signed && stated && self.cosigned(&note))
    }

    /// Whether every line of a cosigner we know is good, and none is of nobody.
    fn cosigned(&self, note: &Note) -> bool {
        let unknown = |key: &&VerifierKey| cosignature::verify(note, key).is_ok();
        note.signatures().len() <= 1
            || self.cosigners().iter().filter(unknown).count() + 1 >= note.signatures().len()
    }
}
