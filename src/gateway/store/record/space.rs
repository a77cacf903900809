//! Room and quotas: what may be taken, and what is in use.

use crate::trust::name::Ministry;

/// How much of something one ministry may have here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: u64,
    /// How many bytes in sum.
    pub bytes: u64,
}

/// How much of something there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// How many bytes in sum.
    pub bytes: u64,
}

impl Amount {
    /// Whether one more of so many bytes stays within `quota`. The first is always within: a quota divides room
    /// among many and bounds no single one.
    pub fn admits(&self, bytes: u64, quota: &Quota) -> bool {
        self.count == 0 || (self.count < quota.count && self.bytes.saturating_add(bytes) <= quota.bytes)
    }

    /// The same without one of so many bytes, where there is one.
    pub fn without(self, bytes: Option<u64>) -> Self {
        let Self { count, bytes: sum } = self;
        bytes.map_or(self, |bytes| Self { count: count.saturating_sub(1), bytes: sum.saturating_sub(bytes) })
    }
}

/// What waits of one ministry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The ministry.
    pub ministry: Ministry,
    /// Its messages in the mailbox that the desk has not acknowledged.
    pub mailbox: Amount,
    /// Its sealed parts that no message refers to yet.
    pub uploads: Amount,
}

/// Room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceUse {
    /// Free bytes.
    pub free: u64,
    /// Bytes of them, about, that the database will need for what is in the write-ahead log.
    pub backlog: u64,
    /// Free bytes below which nothing new is taken.
    pub floor: u64,
    /// Bytes of ballast held; 0 where it was given away.
    pub ballast: u64,
    /// Bytes of ballast that should be held.
    pub ballast_wanted: u64,
    /// Whether anything new is taken.
    pub admits: bool,
}

/// The answer to a sealed part that is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// A message has it and all of it is here: nothing of it is taken.
    Held,
    /// There is no room on the disk; nothing was changed.
    NoSpace,
    /// What came of this source and is not referred to has reached its quota; nothing was changed.
    QuotaReached,
    /// It may be sent.
    Welcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_admits_up_to_its_bounds_and_the_first_in_any_case() {
        let quota = Quota { count: 2, bytes: 100 };
        let used = |count, bytes| Amount { count, bytes };
        assert!(used(0, 0).admits(1000, &quota));
        assert!(used(1, 60).admits(40, &quota));
        assert!(!used(1, 60).admits(41, &quota));
        assert!(!used(2, 2).admits(1, &quota));
    }
}
