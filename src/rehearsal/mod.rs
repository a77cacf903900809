//! A whole exchange on one machine: ministries with their own authorities, keys, gateways and desks, joined
//! by real connections on loopback.
//!
//! Plans enter; founded homes, running gateways and working desks leave. This is the only room that sees both
//! the gateway and the desk, and it does nothing to them that an officer and an operator could not do, but for hostile
//! desks of scripts (`desk::rehearsed`). Time, randomness and addresses are arguments. What must never happen: a
//! rehearsal that takes a short cut which the real thing does not take.
//!
//! | file | does |
//! |---|---|
//! | `demo` | tells the demonstration |
//! | `dice` | chance that can be repeated |
//! | `founding` | founds the homes of one ministry |
//! | `house` | one ministry: its bundle, its gateway, its desk |
//! | `play` | plays a scripted consultation, simulated or over real gateways |
//! | `script` | reads such scripts |
//! | `world` | several, accredited to each other |

pub mod demo;
mod dice;
pub mod founding;
pub mod house;
pub mod play;
pub mod script;
pub mod world;

/// Makes `Debug` print the type's name and nothing of what it holds.
macro_rules! opaque {
    ($($name:ident),+ $(,)?) => {
        $(impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(stringify!($name))
            }
        })+
    };
}
use opaque;

use crate::desk::error::DeskError;
use crate::desk::form::FormError;
use crate::gateway::error::Fault;
use crate::keys::KeyError;
use crate::keys::ministry::HomeError;
use crate::trust::name::Ministry;

/// Why a rehearsal could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalFault {
    /// A desk could not do what it was asked to.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A form has mistakes.
    #[error("the form has mistakes: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Form(Vec<FormError>),
    /// A gateway failed.
    #[error(transparent)]
    Gateway(#[from] Fault),
    /// The home of a ministry failed.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The gateway of this ministry does not run.
    #[error("the gateway of {0} does not run")]
    NotRunning(Ministry),
    /// No such ministry takes part.
    #[error("{0} takes no part in this rehearsal")]
    Stranger(Ministry),
    /// What was planned does not fit.
    #[error("{0}")]
    Unfit(String),
}

impl RehearsalFault {
    fn unfit(cause: impl ToString) -> Self {
        Self::Unfit(cause.to_string())
    }
}
