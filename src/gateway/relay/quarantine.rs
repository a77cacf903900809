//! Quarantine: a message that makes us fail must neither loop for ever nor take others down with it.
//!
//! Whatever is done about one message is done behind a wall that a panic does not pass. What fails inside is
//! counted for the message and answered unsigned, so that it comes again; after some tries it is refused for good,
//! by a signed rejection where its signature holds, so that its channel goes on.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use futures_util::FutureExt;

use super::lock;
use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::store::StoreFault;
use crate::limits;

/// How often each message made us fail since the gateway started.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Quarantine(Mutex<BTreeMap<Digest, u32>>);

impl Quarantine {
    /// One more failure of a message. True once it has had its tries.
    pub(super) fn count(&self, message: Digest) -> bool {
        let mut failures = lock(&self.0);
        // A peer chooses how many messages fail; forgetting one gives it its tries again and nothing else.
        if failures.len() >= limits::QUARANTINE_COUNTS_MAX && !failures.contains_key(&message) {
            failures.pop_first();
        }
        let count = failures.entry(message).or_insert(0);
        *count = count.saturating_add(1);
        *count >= limits::QUARANTINE_TRIES
    }

    /// A message is answered for good.
    pub(super) fn forget(&self, message: &Digest) {
        lock(&self.0).remove(message);
    }
}

/// Whether a fault may be the message's doing. One of the disk, or of too much work, is not, and a retry mends it.
pub(super) fn may_be_its_doing(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Damaged(_)
            | Fault::Store(
                StoreFault::Damaged(_)
                    | StoreFault::Misuse(_)
                    | StoreFault::Panicked
                    | StoreFault::PartMismatch
            )
    )
}

/// Does something about one message; none where it panics.
pub(super) fn behind_a_wall<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What it works on belongs to it alone.
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same for what waits.
pub(in crate::gateway) async fn behind_a_wall_of<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_some_tries_and_a_settled_one_has_them_again() {
        let (quarantine, message) = (Quarantine::default(), Digest::of(b"poison"));
        let tries: Vec<bool> = (0..limits::QUARANTINE_TRIES).map(|_| quarantine.count(message)).collect();
        assert_eq!(tries, [false, false, true]);
        quarantine.forget(&message);
        assert!(!quarantine.count(message));
    }

    #[test]
    fn counts_are_bounded() {
        let quarantine = Quarantine::default();
        for number in 0..limits::QUARANTINE_COUNTS_MAX as u64 + 100 {
            quarantine.count(Digest::of(&number.to_be_bytes()));
        }
        assert_eq!(lock(&quarantine.0).len(), limits::QUARANTINE_COUNTS_MAX);
    }

    #[test]
    fn faults_of_the_disk_are_nobodys_doing() {
        assert!(!may_be_its_doing(&Fault::Store(StoreFault::Stopped)));
        assert!(!may_be_its_doing(&Fault::Store(StoreFault::Busy)));
        assert!(may_be_its_doing(&Fault::Damaged("header".to_owned())));
    }
}
