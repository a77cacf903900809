//! `Refusals`: log lines that somebody else can cause, strangers and accredited peers alike.
//!
//! As many are written as a person reads, and the number of the others: a flood of what is refused must not become a
//! flood of lines that fills the disk. What is known of one peer has its own of these, so that its flood hides no other
//! peer; what strangers are refused at a door, and callers at the guard, shares one.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::bucket::Bucket;
use crate::limits;

/// One source of lines.
#[derive(Debug)]
pub(crate) struct Refusals(Mutex<(Bucket, u64)>);

impl Refusals {
    /// Full: the first lines are all written.
    pub(crate) fn new() -> Self {
        let (burst, per_second) = (limits::REFUSALS_LOGGED_BURST, limits::REFUSALS_LOGGED_PER_SECOND);
        Self(Mutex::new((Bucket::full(burst, per_second, Instant::now()), 0)))
    }

    /// Whether the next refusal may be logged, and how many were not since the last one that was.
    pub(crate) fn next(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (bucket, unsaid) = &mut *state;
        if bucket.take(Instant::now()) {
            return Some(std::mem::take(unsaid));
        }
        *unsaid = unsaid.saturating_add(1);
        None
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_in_part_and_the_rest_is_counted() {
        let begin = Instant::now();
        let refusals = Refusals::new();
        let said: Vec<u64> = (0..10_000).filter_map(|_| refusals.next()).collect();
        let seconds = begin.elapsed().as_secs() + 1;
        let most = limits::REFUSALS_LOGGED_BURST + seconds * limits::REFUSALS_LOGGED_PER_SECOND;
        assert!((limits::REFUSALS_LOGGED_BURST..=most).contains(&(said.len() as u64)), "{}", said.len());
        let unsaid = lock(&refusals.0).1;
        assert_eq!(said.iter().sum::<u64>() + unsaid + said.len() as u64, 10_000);
    }

    fn lock<T>(state: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        state.lock().unwrap()
    }
}
