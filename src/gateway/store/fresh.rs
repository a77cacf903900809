//! Envelopes that were taken into custody a moment ago and are about to be carried: kept in memory, up to a bound, so
//! that they need not be read, put together and hashed once more. What is not here is read as ever.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Store;
use crate::digest::Digest;
use crate::limits::FRESH_BYTES_MAX;

/// The envelopes.
#[derive(Default)]
pub(super) struct Fresh(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    envelopes: BTreeMap<Digest, Vec<u8>>,
    /// In the order in which they came.
    order: VecDeque<Digest>,
    bytes: usize,
}

impl Store {
    /// Keeps the exact envelope of a message that is in custody, if there is room.
    pub fn keep_fresh(&self, message_id: Digest, envelope: Vec<u8>) {
        self.inner.fresh.keep(message_id, envelope);
    }

    /// The exact envelope of a message, if it is still kept; it is not any more then.
    pub fn take_fresh(&self, message_id: &Digest) -> Option<Vec<u8>> {
        self.inner.fresh.take(message_id)
    }
}

impl Fresh {
    fn keep(&self, message_id: Digest, envelope: Vec<u8>) {
        let mut kept = self.kept();
        // The oldest are carried first, so it is the newest that have to wait outside.
        let bytes = kept.bytes.saturating_add(envelope.len());
        if bytes > FRESH_BYTES_MAX || kept.envelopes.contains_key(&message_id) {
            return;
        }
        kept.bytes = bytes;
        kept.order.push_back(message_id);
        kept.envelopes.insert(message_id, envelope);
    }

    fn take(&self, message_id: &Digest) -> Option<Vec<u8>> {
        let mut kept = self.kept();
        let envelope = kept.envelopes.remove(message_id)?;
        kept.bytes = kept.bytes.saturating_sub(envelope.len());
        if let Some(place) = kept.order.iter().position(|one| one == message_id) {
            kept.order.remove(place);
        }
        Some(envelope)
    }

    /// Bytes of the envelope of a message, where it is kept.
    pub(super) fn weight(&self, message_id: &Digest) -> Option<usize> {
        self.kept().envelopes.get(message_id).map(Vec::len)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_given_once_and_the_bound_holds() {
        let fresh = Fresh::default();
        let id = |number: u8| Digest::of(&[number]);
        fresh.keep(id(1), vec![1; 7]);
        fresh.keep(id(1), vec![2; 7]);
        assert_eq!(fresh.weight(&id(1)), Some(7));
        assert_eq!(fresh.take(&id(1)), Some(vec![1; 7]));
        assert_eq!((fresh.take(&id(1)), fresh.weight(&id(1))), (None, None));
        fresh.keep(id(2), vec![0; FRESH_BYTES_MAX]);
        fresh.keep(id(3), vec![0; 1]);
        assert_eq!(fresh.take(&id(3)), None, "there was no room");
        fresh.take(&id(2)).unwrap();
        fresh.keep(id(3), vec![0; 1]);
        assert!(fresh.take(&id(3)).is_some());
    }
}
