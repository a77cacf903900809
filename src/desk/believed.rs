//! Checkpoints that this desk believed a moment ago.
//!
//! All receipts of a batch stand under one checkpoint: its signatures are verified once. What is remembered holds for
//! the very note and for the very keys by which it was judged; another note or other keys go the long way.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::limits::BELIEFS_MAX;
use crate::time::Timestamp;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::VerifierKey;

/// By what a note is judged: the keys of the log, and those of its cosigners.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Judges {
    /// Keys of the log's keeper, each under the log's name.
    pub(super) log: Vec<VerifierKey>,
    /// Keys with which the other side cosigns.
    pub(super) cosigners: Vec<VerifierKey>,
}

/// What a note proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worth {
    /// The checkpoint it signs.
    pub(super) checkpoint: Checkpoint,
    /// When it was first cosigned; none where it was not.
    pub(super) cosigned: Option<Timestamp>,
}

/// The last few notes that were believed.
#[derive(Default)]
pub(super) struct Believed(Mutex<VecDeque<(Note, Judges, Worth)>>);

impl Believed {
    /// What this note proved when these judged it.
    pub(super) fn recall(&self, note: &Note, judges: &Judges) -> Option<Worth> {
        let believed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = believed.iter().rev().find(|(known, by, _)| known == note && by == judges);
        found.map(|(_, _, worth)| worth.clone())
    }

    /// A note was believed.
    pub(super) fn remember(&self, note: &Note, judges: Judges, worth: Worth) {
        let mut believed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= BELIEFS_MAX {
            believed.pop_front();
        }
        believed.push_back((note.clone(), judges, worth));
    }
}

crate::consultation::opaque!(Believed);
