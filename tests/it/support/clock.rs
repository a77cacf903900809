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
    /// Seconds by which this one goes before the true time.
    skew: Arc<AtomicI64>,
}

impl Hand {
    pub fn at(now: Timestamp) -> Self {
        Self { shown: Arc::new(AtomicI64::new(now.seconds())), since: Instant::now(), skew: Arc::default() }
    }

    /// Another clock that moves with this one and can be wrong by itself.
    pub fn another(&self) -> Self {
        Self { skew: Arc::default(), ..self.clone() }
    }

    pub fn forward(&self, by: Duration) {
        self.shown.fetch_add(i64::try_from(by.as_secs()).unwrap(), Ordering::SeqCst);
    }

    /// Turns the clock back, as a wrong time server would.
    pub fn back(&self, by: Duration) {
        self.shown.fetch_sub(i64::try_from(by.as_secs()).unwrap(), Ordering::SeqCst);
    }

    /// Lets this one alone go before the true time, or after it.
    pub fn skew(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        let shown = self.shown.load(Ordering::SeqCst) + self.skew.load(Ordering::SeqCst);
        Timestamp::from_seconds(shown).after(self.since.elapsed())
    }
}
