//! Memory: what one process has read of the casebook, so that it reads nothing twice.
//!
//! It holds the index and some folded consultations as they were at one place of the register, and moves on with the
//! growth that this process itself writes. Where another process has written meanwhile, it forgets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::folding::Folded;
use super::index::Index;
use super::kept::Kept;
use super::shelf::Place;
use crate::limits;

/// What a desk remembers of its casebook.
#[derive(Default)]
pub(in crate::desk) struct Memory(Mutex<Option<Remembered>>);

/// What is remembered.
pub(super) struct Remembered {
    /// How far the register had come.
    pub(super) place: Place,
    /// The index there.
    pub(super) index: Arc<Index>,
    folded: BTreeMap<String, Arc<Folded>>,
}

impl Memory {
    /// What is remembered now; nothing before the casebook was read.
    pub(super) fn now(&self) -> MutexGuard<'_, Option<Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The casebook grew from one place to another by these messages, after which it has this index.
    pub(super) fn grew(&self, from: &Place, to: &Place, index: &Index, new: &BTreeMap<String, Vec<Kept>>) {
        let mut now = self.now();
        let known = now.take().filter(|known| known.place == *from);
        let mut folded = known.map(|known| known.folded).unwrap_or_default();
        if new.keys().any(|consultation| index.charters.contains(consultation)) {
            // What was agreed on a channel may be what other consultations are judged by, and one note may have waited
            // for whatever came.
            folded.clear();
        }
        for (consultation, kept) in new {
            let Some(known) = folded.get_mut(consultation).map(Arc::make_mut) else { continue };
            kept.iter().for_each(|kept| known.take(kept.clone()));
            if known.began_otherwise() {
                folded.remove(consultation);
            }
        }
        *now = Some(Remembered { place: to.clone(), index: Arc::new(index.clone()), folded });
    }

    /// The casebook was read as it is at a place.
    pub(super) fn read(&self, place: &Place, index: Index) -> Arc<Index> {
        let mut now = self.now();
        if now.as_ref().is_none_or(|known| known.place != *place) {
            *now = Some(Remembered { place: place.clone(), index: Arc::new(index), folded: BTreeMap::new() });
        }
        now.as_ref().map(|known| known.index.clone()).unwrap_or_default()
    }

    /// A consultation, if it was folded.
    pub(super) fn folded(&self, consultation: &str) -> Option<Arc<Folded>> {
        self.now().as_ref()?.folded.get(consultation).cloned()
    }

    /// Remembers a consultation, and forgets others where they are too many. Of one of which nothing is here yet, not
    /// even its channel is known: its first message says by whom it will be judged.
    pub(super) fn keep(&self, folded: &Arc<Folded>) {
        if folded.kept.is_empty() {
            return;
        }
        let mut now = self.now();
        let Some(now) = now.as_mut() else { return };
        let acts: usize = now.folded.values().map(|folded| folded.kept.len()).sum();
        if acts > limits::CASEBOOK_REMEMBERED_ACTS_MAX {
            now.folded.clear();
        }
        now.folded.insert(folded.consultation.clone(), folded.clone());
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        *self.now() = None;
    }
}

crate::consultation::opaque!(Memory);
