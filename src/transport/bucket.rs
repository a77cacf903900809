//! `Bucket`: how often something may happen at once, and per second from then on.
//!
//! Instants are arguments, so that a busy caller looks at the clock once for many takings.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    burst: u64,
    per_second: u64,
    level: u64,
    debt: u64,
    filled: Instant,
}

const MICROS: u64 = 1_000_000;

impl Bucket {
    /// Full of `burst` tokens; so many come back per second.
    pub(crate) fn full(burst: u64, per_second: u64, now: Instant) -> Self {
        Self { burst, per_second: per_second.max(1), level: burst, debt: 0, filled: now }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if self.level == 0 {
            self.fill(now);
        }
        let left = self.level.checked_sub(1);
        self.level = left.unwrap_or(0);
        left.is_some()
    }

    /// Takes what is not there as a debt as well; the time it takes to pay.
    pub(crate) fn owe(&mut self, amount: u64, now: Instant) -> Duration {
        if self.level < amount {
            self.fill(now);
        }
        let missing = amount.saturating_sub(self.level);
        self.level = self.level.saturating_sub(amount);
        self.debt = self.debt.saturating_add(missing);
        Duration::from_micros(self.debt.saturating_mul(MICROS).checked_div(self.per_second).unwrap_or(0))
    }

    /// Gives tokens back, up to the burst.
    pub(crate) fn earn(&mut self, amount: u64) {
        let paid = amount.min(self.debt);
        self.debt = self.debt.saturating_sub(paid);
        let rest = amount.saturating_sub(paid);
        self.level = self.level.saturating_add(rest).min(self.burst);
    }

    fn fill(&mut self, now: Instant) {
        let passed =
            u64::try_from(now.saturating_duration_since(self.filled).as_micros()).unwrap_or(u64::MAX);
        let earned = passed.saturating_mul(self.per_second).checked_div(MICROS).unwrap_or(0);
        if earned == 0 {
            return;
        }
        // Only whole tokens are paid for, so that many short looks earn as much as one long one.
        let paid = earned.saturating_mul(MICROS).checked_div(self.per_second).unwrap_or(passed);
        self.filled = self.filled.checked_add(Duration::from_micros(paid)).unwrap_or(now);
        self.earn(earned);
    }
}
