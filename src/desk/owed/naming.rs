//! How a protective act is named of which no copy is made yet: it has neither a register number nor a message id, and every
//! screen of this desk shows the beginning of the digest of its dispatch. One that went anew because its copy ended is named
//! by the copy in which it goes on.

use std::collections::BTreeMap;

use super::Outstanding;
use super::outstanding::unmade;
use crate::consultation::act::Act;
use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::reference::{Entry, by_digest, is_beginning};
use crate::desk::register::{OwedEntry, SentEntry};
use crate::digest::Digest;
use crate::message::dispatch::Document;
use crate::message::header::Address;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A protective act that is signed, and that nobody has been sent.
#[derive(Debug)]
pub struct Unsent {
    /// Digest of the dispatch.
    pub dispatch: Digest,
    /// To whom it is owed.
    pub owed_to: Vec<Ministry>,
    /// When it was released.
    pub released: Timestamp,
    /// Its address.
    pub address: Address,
    /// The act.
    pub act: Act,
    /// Its documents.
    pub documents: Vec<Document>,
}

impl Outstanding {
    /// What names it at this desk: the register number of the copy, or the beginning of the digest of the dispatch.
    pub fn reference(&self) -> String {
        self.copy.as_ref().map_or_else(|| by_digest(&self.dispatch), |(_, number)| number.clone())
    }
}

impl Desk {
    /// The act that is owed whose dispatch begins so; none where no such one is owed.
    pub fn unsent(&self, keys: &Keys, reference: &str) -> Result<Option<Unsent>, DeskError> {
        let owed = self.owed_named(reference)?;
        let Some(first) = owed.first() else { return Ok(None) };
        let composition = self.composition_of(keys, first)?;
        Ok(Some(Unsent {
            dispatch: first.dispatch,
            released: first.release_time,
            address: composition.address,
            act: composition.act,
            documents: composition.dispatch.documents,
            owed_to: owed.iter().map(|one| one.recipient.clone()).collect(),
        }))
    }

    /// Why no message answers to this reference: it names an act that is owed, and of which nobody has a copy; none where
    /// it does not.
    pub(in crate::desk) fn not_sent_yet(&self, reference: &str) -> Result<Option<DeskError>, DeskError> {
        let owed: Vec<Outstanding> = self.owed_named(reference)?.iter().map(unmade).collect();
        let Some(first) = owed.first() else { return Ok(None) };
        let (reference, released) = (by_digest(&first.dispatch), first.released);
        Ok(Some(DeskError::NotSentYet { reference, released, owed }))
    }

    /// The copy in which an act goes on for the recipient of this one: itself, unless it ended and another was made since.
    pub fn living(&self, copy: SentEntry) -> Result<SentEntry, DeskError> {
        if !copy.state.has_ended() {
            return Ok(copy);
        }
        Ok(self.register.newest_like(&copy)?.unwrap_or(copy))
    }

    /// What names a message as it goes on: of an act of this desk whose copy ended the copy that was made since, and the
    /// beginning of the digest of its dispatch until there is one.
    pub fn spelling_now(&self, entry: &Entry) -> Result<String, DeskError> {
        let Entry::Sent(copy) = entry else { return self.spelling(entry) };
        let living = self.living(copy.clone())?;
        let is_owed = || self.register.owed_of(&living.dispatch_digest, &living.recipient);
        if living.state.has_ended() && is_owed()?.is_some() {
            return Ok(by_digest(&living.dispatch_digest));
        }
        self.spelling(&Entry::Sent(living))
    }

    /// What is owed of the act whose dispatch begins so, oldest first; nothing where no such one is owed.
    fn owed_named(&self, reference: &str) -> Result<Vec<OwedEntry>, DeskError> {
        if !is_beginning(reference) {
            return Ok(Vec::new());
        }
        let mut found: BTreeMap<String, Vec<OwedEntry>> = BTreeMap::new();
        for owed in self.register.owed()? {
            let digest = owed.dispatch.hex();
            if digest.starts_with(reference) {
                found.entry(digest).or_default().push(owed);
            }
        }
        if found.len() > 1 {
            let candidates = found.values().flatten();
            let candidates =
                candidates.map(|owed| format!("{} of {}", owed.dispatch.hex(), owed.consultation)).collect();
            let (reference, count) = (reference.to_owned(), found.len());
            return Err(DeskError::Ambiguous { reference, count, candidates });
        }
        Ok(found.pop_first().map(|(_, owed)| owed).unwrap_or_default())
    }
}
