//! What anchors remember of certificates that were believed under them.
//!
//! Path validation costs more than the signature it is for, and a ministry signs with few keys. A chain that
//! was believed leaves with the span of instants within which the long way cannot answer otherwise; outside
//! that span, and for everything that was refused, the long way is gone again. Nothing remembered outlives its
//! anchors or passes to others: a copy begins with an empty memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Chain, Purpose};
use crate::digest::Digest;
use crate::limits::CHAINS_REMEMBERED_MAX;
use crate::time::Timestamp;

/// First and last instant of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Span {
    /// The instants that lie in this span and in another.
    pub(super) fn within(self, from: Timestamp, until: Timestamp) -> Self {
        Self { from: self.from.max(from), until: self.until.min(until) }
    }

    fn holds(self, at: Timestamp) -> bool {
        self.from <= at && at <= self.until
    }
}

/// Chains that were believed, by certificate and purpose.
#[derive(Default)]
pub(in crate::trust) struct Memory(Mutex<BTreeMap<(Digest, Purpose), (Chain, Span)>>);

impl Memory {
    /// The chain of a certificate, if it was believed for this purpose and is believable at `at`.
    pub(super) fn recall(&self, certificate: &Digest, purpose: Purpose, at: Timestamp) -> Option<Chain> {
        let chains = self.chains();
        let (chain, span) = chains.get(&(*certificate, purpose))?;
        span.holds(at).then(|| chain.clone())
    }

    pub(super) fn remember(&self, certificate: Digest, purpose: Purpose, chain: &Chain, span: Span) {
        let mut chains = self.chains();
        if chains.len() >= CHAINS_REMEMBERED_MAX {
            // Whoever has so many keys pays for it in time, and never with memory.
            chains.clear();
        }
        chains.insert((certificate, purpose), (chain.clone(), span));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chains().len()
    }

    fn chains(&self) -> MutexGuard<'_, BTreeMap<(Digest, Purpose), (Chain, Span)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Memory {
    /// Empty: the copy may belong to anchors that are about to be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
