//! Plays a script on a simulated clock and network: one casebook for each party, and copies on their way between
//! them.
//!
//! A script and a seed enter; an account leaves, the same whenever the same script is played with the same seed.
//! Desks judge by the rules that real desks judge by, through the same casebook. What must never happen: an outcome
//! that depends on the clock of this machine, or a difference that is not told.
//!
//! | file | does |
//! |---|---|
//! | `account` | what came of it |
//! | `checks` | looks at desks, and tells differences |
//! | `desk` | one party: its casebook and its registers |
//! | `dispatch` | composes what a step says, as a desk would |
//! | `facets` | what checks look at |
//! | `network` | copies on their way |
//! | `stage` | makes the moves, one after the other |

pub mod account;
mod checks;
mod desk;
mod dispatch;
pub(in crate::rehearsal) mod facets;
mod network;
mod stage;

#[cfg(test)]
mod tests;

use account::Account;

use crate::rehearsal::script::Script;

/// How a rehearsal is to be played.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What chance is drawn from; none for the script's own number.
    pub seed: Option<u64>,
    /// The label or number of the last move to be made; none for all.
    pub until: Option<String>,
}

/// Why a rehearsal could not be played to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// An act could not be said as it is written.
    #[error("line {line}, {label}: the act cannot be said: {cause}")]
    Unspeakable {
        /// The label of its step.
        label: String,
        /// The line of its step.
        line: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// No move has this label or number.
    #[error("no move has the label or number {0}")]
    NoSuchMove(String),
}

/// Plays a script.
pub fn play(script: &Script, wishes: &Wishes) -> Result<Account, Unfit> {
    stage::play(script, wishes)
}
