//! Knowledge: what this desk knows beside an act that is to be judged, whether it drafts it or received it.
//!
//! An act and the casebook enter; the index, persons that belong elsewhere and the consultation so far leave.
//! A desk whose keys are locked knows nothing, and judges what the act says of itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::folding::Folded;
use super::index::Index;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::Missing;
use crate::consultation::charter::Charter;
use crate::consultation::history::Past;
use crate::consultation::reference::PersonRef;
use crate::consultation::registered::Marks;
use crate::consultation::rules::judgement::Promises;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::keys::Keys;
use crate::desk::read::Opened;
use crate::keys::KeyError;
use crate::message::dispatch::Basis;
use crate::trust::name::Ministry;

/// What a desk knows beside an act.
#[derive(Default)]
pub(in crate::desk) struct Knowledge {
    /// The index, with the names of persons (PRV-03).
    pub(super) index: Arc<Index>,
    /// Persons of other consultations (PRV-02).
    pub(in crate::desk) elsewhere: BTreeSet<PersonRef>,
    /// Where agreements of other consultations send persons of this one (EXC-06).
    pub(in crate::desk) promised: Promises,
    /// The consultation so far; none where the keys are locked.
    pub(in crate::desk) folded: Option<Arc<Folded>>,
}

impl Desk {
    /// What this desk knows beside an act of a consultation that speaks of these persons.
    pub(in crate::desk) fn knowledge(
        &self,
        trust: &Trust,
        keys: &Keys,
        consultation: &str,
        persons: &[PersonRef],
    ) -> Result<Knowledge, DeskError> {
        match keys.reading() {
            Ok(_) => {}
            // An office that knows its own passphrase alone signs what others composed with this knowledge.
            Err(DeskError::Locked | DeskError::Key(KeyError::WrongPassphrase(_))) => {
                return Ok(Knowledge::default());
            }
            Err(failure) => return Err(failure),
        }
        let is_new = !self.register.knows(consultation)?;
        let index = match self.remembered_index().filter(|_| is_new) {
            // Of a consultation that begins, only what was known of others before it counts.
            Some(index) => index,
            None => self.casebook(trust, keys)?,
        };
        let folded = match is_new {
            true => Arc::new(self.empty(trust, consultation)),
            false => self.consultation_of(trust, keys, consultation)?,
        };
        let promised = match is_new {
            true => Promises::new(),
            false => self.promised_elsewhere(trust, keys, consultation)?,
        };
        Ok(Knowledge {
            elsewhere: self.persons_elsewhere(trust, keys, &index, (consultation, persons))?,
            index,
            promised,
            folded: Some(folded),
        })
    }

    fn remembered_index(&self) -> Option<Arc<Index>> {
        self.memory.now().as_ref().map(|known| known.index.clone())
    }
}

impl Knowledge {
    /// What an opened act rests on and this desk does not hold; nothing for one that is registered.
    pub(in crate::desk) fn missing_for(&self, opened: &Opened) -> Vec<Missing> {
        let Some(folded) = &self.folded else { return Vec::new() };
        let reference = ActRef::new(opened.dispatch.digest());
        match folded.book.waiting().any(|waiting| waiting.reference == reference) {
            true => folded.book.lacking(),
            false => Vec::new(),
        }
    }

    /// The past that an act of this sender, number and basis declares; none where that is not known here.
    pub(in crate::desk) fn past(&self, sender: &Ministry, number: u64, basis: &[Basis]) -> Option<Past<'_>> {
        Some(self.folded.as_ref()?.book.declared(sender, number, &Marks::of(basis)))
    }

    /// The charter of the consultation, once something of it is here.
    pub(in crate::desk) fn charter(&self) -> Option<Charter> {
        let folded = self.folded.as_ref().filter(|folded| !folded.kept.is_empty())?;
        Some(folded.book.charter().clone())
    }

    /// The last act of each of these Powers on which an act may rest; none where that is not known here.
    pub(in crate::desk) fn basis<'m>(
        &self,
        parties: impl IntoIterator<Item = &'m Ministry>,
    ) -> Option<Vec<Basis>> {
        let marks = self.folded.as_ref()?.book.draft_basis();
        let basis =
            |ministry: &Ministry| Basis { ministry: ministry.clone(), act_number: marks.number(ministry) };
        Some(parties.into_iter().map(basis).collect())
    }
}

crate::consultation::opaque!(Knowledge);
