//! A clock that runs and that a test can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chancery::time::{Clock, Timestamp};

/// Shows the instant it was set to and what has passed since; clones share one hand.
#[derive(Clone)]
pub struct Hand {
    shown: Arc<AtomicI64>,
    since: Instant,
}

impl Hand {
    pub fn at(now: Timestamp) -> Self {
        Self { shown: Arc::new(AtomicI64::new(now.seconds())), since: Instant::now() }
    }

    pub fn forward(&self, by: Duration) {
        self.shown.fetch_add(i64::try_from(by.as_secs()).unwrap(), Ordering::SeqCst);
    }

    pub fn back(&self, by: Duration) {
        self.shown.fetch_sub(i64::try_from(by.as_secs()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.shown.load(Ordering::SeqCst)).after(self.since.elapsed())
    }
}
