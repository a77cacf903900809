//! Plays a script: on simulated desks, clock and network, or over real gateways and desks on a clock that the script
//! moves.
//!
//! A script and a seed enter; an account leaves, the same whenever the same script is played with the same seed, on
//! whichever ground. Simulated desks judge by the rules that real desks judge by, through the same casebook. What must
//! never happen: an outcome that depends on the clock of this machine, or a difference that is not told.
//!
//! | file | does |
//! |---|---|
//! | `account` | what came of it |
//! | `checks` | looks at desks, and tells differences |
//! | `desk` | one simulated party: its casebook and its registers |
//! | `dispatch` | composes what a step says, as a desk would |
//! | `expectation` | what a step expects of its receivers |
//! | `facets` | what checks look at |
//! | `ground` | the port between moves and desks |
//! | `network` | copies on their way |
//! | `real` | real gateways and desks |
//! | `simulated` | simulated desks |
//! | `stage` | makes the moves, one after the other |

pub mod account;
mod checks;
mod desk;
mod dispatch;
mod expectation;
pub(in crate::rehearsal) mod facets;
mod ground;
mod network;
pub mod real;
mod simulated;
mod stage;

#[cfg(test)]
mod departures;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod tests;

use account::Account;
use ground::Halt;
use simulated::Simulated;

use crate::rehearsal::script::{Move, Script};

/// How a rehearsal is to be played.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What chance is drawn from; none for the script's own number.
    pub seed: Option<u64>,
    /// The label or number of the last move to be made; none for all.
    pub until: Option<String>,
}

impl Wishes {
    /// What chance is drawn from.
    fn seed_of(&self, script: &Script) -> u64 {
        self.seed.unwrap_or(script.seed)
    }
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
    /// Nothing real can do what this step says.
    #[error("line {line}, {label}: this cannot be played with real gateways: {cause}")]
    Unreal {
        /// The label of its step, or what stands above the moves.
        label: String,
        /// The line of its step; 0 for what stands above the moves.
        line: usize,
        /// Why not.
        cause: String,
    },
    /// A real desk or gateway failed.
    #[error("line {line}, {label}: {cause}")]
    Failed {
        /// The label of the step at which it failed.
        label: String,
        /// The line of that step.
        line: usize,
        /// What failed.
        cause: String,
    },
    /// No move has this label or number.
    #[error("no move has the label or number {0}")]
    NoSuchMove(String),
}

impl Unfit {
    fn of(halt: Halt, one: &Move) -> Self {
        let (label, line) = (one.label.clone(), one.line);
        match halt {
            Halt::Failed(cause) => Self::Failed { label, line, cause },
            Halt::Unreal(cause) => Self::Unreal { label, line, cause },
            Halt::Unspeakable(cause) => Self::Unspeakable { label, line, cause },
        }
    }
}

/// Plays a script on simulated desks.
pub fn play(script: &Script, wishes: &Wishes) -> Result<Account, Unfit> {
    let ground = Simulated::of(script, wishes.seed_of(script));
    Ok(stage::play(script, wishes, ground, &mut |_| {})?.0)
}
