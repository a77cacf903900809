//! Faults of the gateway: weather, not answers. They are logged and retried and never shown to a peer in
//! more words than "try later".

use crate::gateway::config::ConfigError;
use crate::gateway::store::StoreFault;
use crate::message::refusal::Refusal;
use crate::trust::name::Ministry;

/// Something failed that is nobody's wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store failed.
    #[error("the store: {0}")]
    Store(#[from] StoreFault),
    /// A key or certificate file is not usable.
    #[error("{0}")]
    Credentials(String),
    /// The list of the own desks that are let in no more is not usable.
    #[error("{0}; a start goes on with the list before it, so a desk that was revoked may still get in")]
    DeskList(String),
    /// The home came out of a backup, and nobody has said which desks are let in no more.
    #[error("{0}")]
    Unsettled(String),
    /// Something that the store holds does not parse: it was damaged.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// A listener could not be opened.
    #[error("{0}")]
    Listener(String),
    /// Nobody of the peer answered where it is said to be.
    #[error("{0}")]
    Away(String),
    /// The ministry is not accredited, or not any more.
    #[error("{0} is not accredited at this gateway")]
    NotAccredited(Ministry),
    /// A log of the pair has forked.
    #[error("the channel with {0} is frozen: a log has forked")]
    Frozen(Ministry),
    /// An operator lets nothing be exchanged with the ministry at present.
    #[error("the operator of this gateway has paused {0}")]
    Paused(Ministry),
    /// The peer refused a call.
    #[error("the peer refused: {reason}")]
    Refused {
        /// Its reason code.
        reason: String,
        /// Words for people. Those of a peer are not logged: that is why they are not shown with the fault.
        detail: String,
    },
    /// The peer sent what is not even decoded: the reason it is told, and what was wrong.
    #[error("the stream broke: {detail}")]
    Misshapen {
        /// Stable reason code.
        reason: String,
        /// For people.
        detail: String,
    },
    /// The peer could not be reached, or the connection broke.
    #[error("{0}")]
    Link(String),
}

/// Why a gateway did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Declined {
    /// The asking side did something that a retry will not mend.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something failed here; a retry may succeed.
    #[error(transparent)]
    Failed(#[from] Fault),
}

impl From<StoreFault> for Declined {
    fn from(fault: StoreFault) -> Self {
        Self::Failed(Fault::Store(fault))
    }
}
