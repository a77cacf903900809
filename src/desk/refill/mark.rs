//! How far this very host has seen the register and the policy come. The marks lie in `run/`, which is in no backup: so
//! a home that was restored is told from one that was not, without asking anybody.
//!
//! They are for people (`doctor`); nothing is decided by them, and one that cannot be written is missed by nobody else.

use std::fs;
use std::path::PathBuf;

use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::trust::policy::ChannelPolicy;

/// What this host knows of the register without asking the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It was never compared with the gateway on this host.
    Never,
    /// It holds less than this host has seen it hold.
    Older,
    /// It holds all that this host has seen it hold.
    Whole,
}

impl Desk {
    /// Whether this register is what this host has seen.
    pub fn compared(&self) -> Result<Compared, DeskError> {
        let (sent, received) = self.register.extent()?;
        let Some([seen_sent, seen_received]) = self.numbers_in("register") else {
            // Before the first message there is nothing to compare.
            return Ok(if sent == 0 && received == 0 { Compared::Whole } else { Compared::Never });
        };
        let is_older = sent < seen_sent || received < seen_received;
        Ok(if is_older { Compared::Older } else { Compared::Whole })
    }

    /// The numbers of the policy that this desk knows and of a later one that this host has seen in force at the
    /// gateway.
    pub fn policy_seen(&self) -> Result<Option<(u64, u64)>, DeskError> {
        let trust = self.trust()?;
        let (here, last) =
            (trust.policy.as_ref().map_or(0, ChannelPolicy::sequence), self.last_policy_number(&trust)?);
        let seen = self.numbers_in("policy").map(|[seen]| seen);
        Ok(seen.filter(|seen| *seen > last).map(|seen| (here, seen)))
    }

    /// The register was compared with the gateway.
    pub(super) fn mark_register(&self) -> Result<(), DeskError> {
        let (sent, received) = self.register.extent()?;
        self.mark("register", &format!("{sent} {received}\n"));
        Ok(())
    }

    /// A policy of this number is in force at the gateway.
    pub(in crate::desk) fn mark_policy(&self, in_force: u64) {
        self.mark("policy", &format!("{in_force}\n"));
    }

    fn mark(&self, name: &str, text: &str) {
        let path = self.mark_path(name);
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return;
        }
        if let Err(cause) = self.keep(&path, text.as_bytes()) {
            tracing::warn!(%cause, "how far this host has seen this desk come was not noted");
        }
    }

    fn numbers_in<const N: usize>(&self, name: &str) -> Option<[u64; N]> {
        let text = fs::read_to_string(self.mark_path(name)).ok()?;
        let numbers: Option<Vec<u64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        numbers?.try_into().ok()
    }

    fn mark_path(&self, name: &str) -> PathBuf {
        self.config.run().join(name)
    }
}
