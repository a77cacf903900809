//! The relay: what two gateways do with a stream between them, whichever of them opened it.
//!
//! Frames of a peer enter, frames for it leave; everything durable goes through the store, every claim is judged
//! by `greeting`, `witness` and `reception`. One session is one stream. All sessions of a pair answer what comes;
//! one of them at a time carries what we have to send, and when it ends another takes over with the same bytes.
//!
//! What must never happen: that reading waits for our own writing (both sides would wait for ever); that anything
//! a peer sends, or does not read, takes more memory than the windows say; that a message is given up silently, or
//! counts as delivered without a receipt that proves it.
//!
//! | file | does |
//! |---|---|
//! | `dialling` | opens a stream while there is none, ever later |
//! | `session` | one stream from hello to end; reads |
//! | `waiting`, `updates`, `announcing` | what waits to be written, bounded; the leaves and the bundle that go before it; writes |
//! | `carrying`, `flight` | hands over what is due; what is on its way unanswered |
//! | `settlement` | verifies answers and makes them durable |
//! | `intake`, `reception` | what the peer may still send; takes it in order and answers it |
//! | `judging`, `placing` | what each message is worth; makes it durable under one permit |
//! | `quarantine` | what a message that makes us fail may do: nothing |
//! | `link` | what is known of one peer beyond one session |

mod announcing;
mod carrying;
pub mod dialling;
mod flight;
mod intake;
mod judging;
mod link;
mod placing;
mod quarantine;
mod reception;
mod session;
mod settlement;
mod updates;
mod waiting;

pub(super) use carrying::envelope_bytes;
pub use flight::Patience;
pub(super) use link::LinkState;
pub(super) use quarantine::{Quarantine, behind_a_wall_of};
pub(super) use settlement::commitments;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What another task left half done when it panicked is counters and queues, which hold at every step.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
