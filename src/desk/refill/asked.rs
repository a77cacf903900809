//! What came of asking the own gateway: nobody departs without one of these, and only asking makes one.

use crate::trust::name::Ministry;

/// What came of comparing this register with what the own gateway holds of what this desk sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refilled {
    /// Messages that this register had lost and that came back.
    pub returned: usize,
    /// What did not come back.
    pub lacking: Vec<Lacking>,
}

/// Messages to one Power that the gateway holds, and this register does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Channel.
    pub channel: String,
    /// To whom.
    pub recipient: Ministry,
    /// How many.
    pub count: u64,
    /// Why they did not come back.
    pub why: String,
    /// Whether that is for good: what comes next of them opens with no key of this home.
    pub opens_no_more: bool,
}

/// The own gateway was asked for everything that came, and for everything that this register lacks of what this desk
/// sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub(super) refilled: Refilled,
    pub(super) fetched: usize,
}

impl Asked {
    /// What came of comparing the register.
    pub fn refilled(&self) -> &Refilled {
        &self.refilled
    }

    /// How many messages were new.
    pub fn fetched(&self) -> usize {
        self.fetched
    }
}
