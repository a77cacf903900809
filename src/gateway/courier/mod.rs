//! Courier mode: what a relay stream would carry to a peer, on a data stick, where there is no line.
//!
//! A pack is one side of a session on its own: the hello, the newest bundle of our ministry, the leaves of our logs
//! that the peer has not cosigned, our cosignatures on its logs, the large parts, and the messages that wait, in
//! order. It says nothing that the wire does not say, and every element stands under the signatures that it has there,
//! so that a stick needs no trust. That a message is withdrawn is the one thing that no signature covers in a frame:
//! from a stick it counts only where the mirror of the sender's log holds its WITHDRAWN leaf, which stands before it
//! on the stick. Answers need no record of their own: the leaf by which a peer received or rejected a message, under
//! the checkpoint that it signed and that is mirrored here, is the receipt (`recovery` settles by the same leaf what a
//! rollback took).
//!
//! What is unpacked goes through the code that judges frames of a stream: `witness`, `freight::keep`, `receive`. One
//! thing a stick never does: it makes no pair sound. A hello on the wire is of this moment; one on a stick may be old,
//! and an old one would let a restored gateway sign at an index that was signed before. It may only show that more was
//! signed, or that a log forked.
//!
//! | file | does |
//! |---|---|
//! | `packing` | what goes onto a stick |
//! | `unpacking` | what comes off it |

mod packing;
mod unpacking;

pub(super) use packing::{PackEnd, Packing};
pub(super) use unpacking::{Items, Unpacked};

use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::frame::Frame;
use crate::message::courier::{Opening, Unfit};
use crate::trust::name::Ministry;

/// What a stick holds, in its order.
#[derive(Debug)]
pub(super) enum Item {
    /// Who it is from and for.
    Opening(Opening),
    /// A frame of the relay stream.
    Frame(Frame),
    /// A large part begins.
    Part { digest: Digest, size: u64 },
    /// Some of its bytes.
    Piece(Vec<u8>),
    /// The stick has come to its end, and all of it was in order.
    End(Digest),
}

/// Why a stick was not packed or not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum CourierRefusal {
    /// Something failed here; a retry may succeed.
    #[error(transparent)]
    Failed(#[from] Fault),
    /// Leaves of the peer's log are missing before those on the stick.
    #[error("{0}; what stood before on the stick was taken")]
    Gap(String),
    /// Whoever asked has gone.
    #[error("nobody takes the stick any more")]
    Gone,
    /// What it holds is not in order, although its digest is right.
    #[error("the stick is not one that a gateway packed: {0}")]
    Misshapen(&'static str),
    /// It names no peer of this gateway.
    #[error("{0} is not accredited at this gateway")]
    NotAccredited(Ministry),
    /// It is for another ministry.
    #[error("the stick is for {to}, and this is the gateway of {own}")]
    OtherMinistry { to: Ministry, own: Ministry },
    /// This gateway packed it.
    #[error("the stick was packed here: it is for {0} to unpack")]
    Own(Ministry),
    /// The file is not in order.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An element does not stand under the signature that it needs.
    #[error("{0}; what stood before on the stick was taken")]
    Unproven(String),
}

impl CourierRefusal {
    /// The stable reason code.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Failed(_) => "FAILED",
            Self::Gap(_) => "COURIER_GAP",
            Self::Gone => "COURIER_GONE",
            Self::Misshapen(_) => "COURIER_MISSHAPEN",
            Self::NotAccredited(_) => "NOT_ACCREDITED",
            Self::OtherMinistry { .. } => "COURIER_OTHER_MINISTRY",
            Self::Own(_) => "COURIER_OWN",
            Self::Unfit(unfit) => unfit.reason(),
            Self::Unproven(_) => "COURIER_UNPROVEN",
        }
    }
}

impl From<crate::gateway::store::StoreFault> for CourierRefusal {
    fn from(fault: crate::gateway::store::StoreFault) -> Self {
        Self::Failed(fault.into())
    }
}
