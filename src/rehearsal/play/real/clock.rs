//! The clock of the gateways of a rehearsal: set by the script, and going on by itself between its moves, because
//! gateways try again after a while. It is never turned back.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::time::{Clock, SystemClock, Timestamp};

/// A clock that is set and runs.
pub(super) struct RunningClock(Mutex<Hands>);

struct Hands {
    /// What it was set to, and what the system's clock showed then.
    set: (Timestamp, Timestamp),
    /// The latest instant that it has shown.
    shown: Timestamp,
}

impl RunningClock {
    pub(super) fn at(now: Timestamp) -> Self {
        Self(Mutex::new(Hands { set: (now, SystemClock.now()), shown: now }))
    }

    /// Sets it; where it has gone beyond that already, it stands until the script comes after it.
    pub(super) fn set(&self, now: Timestamp) {
        let mut hands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hands.set = (now, SystemClock.now());
    }
}

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        let mut hands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, then) = hands.set;
        let passed = SystemClock.now().seconds().saturating_sub(then.seconds()).max(0);
        let now = Timestamp::from_seconds(set.seconds().saturating_add(passed));
        hands.shown = hands.shown.max(now);
        hands.shown
    }
}

impl fmt::Debug for RunningClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningClock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_shows_what_it_was_set_to_and_is_never_turned_back() {
        let start = Timestamp::parse("2026-03-02T08:00:00Z").unwrap();
        let clock = RunningClock::at(start);
        assert!(clock.now() >= start);
        let later = start.after(Duration::from_secs(91 * 24 * 3600));
        clock.set(later);
        let shown = clock.now();
        assert!(shown >= later && shown < later.after(Duration::from_secs(3600)));
        clock.set(start);
        assert!(clock.now() >= shown);
    }
}
