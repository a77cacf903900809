//! Where a script is played: the port between the moves of a script and the desks that make them.
//!
//! What a party says enters with everything that may decide about it; what its desk finds, what leaves it and what
//! becomes of it at the others come back. There are two grounds: simulated desks in memory, and real ministries.

use super::account::Arrived;
use crate::consultation::act::Act;
use crate::consultation::casebook::Casebook;
use crate::consultation::registered::Marks;
use crate::consultation::rules::Finding;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::message::terms::Precedence;
use crate::rehearsal::script::{Paper, Say, Script};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Desks, and what brings their messages from one to the other.
pub(super) trait Ground {
    /// A message that is composed and not released.
    type Message;

    /// From now on the clocks of all desks show this instant.
    fn moves_to(&mut self, now: Timestamp) -> Result<(), Halt>;

    /// Whether the copies of one ministry to another arrive in the order in which they were sent, whatever happens.
    fn keeps_order(&self) -> bool;

    /// The consultation as the desk of a party holds it.
    fn casebook(&self, at: &Ministry) -> Option<&Casebook>;

    /// The id by which a desk knows a message; none where it is the same everywhere.
    fn id_at(&self, dispatch: &Digest, at: &Ministry) -> Option<MessageId>;

    /// Composes what a party says, and judges it as its own desk does before release.
    fn compose(&mut self, cue: &Cue<'_>) -> Result<Composed<Self::Message>, Halt>;

    /// Registers a message at its sender and lets its copies go, whatever the own desk found.
    fn release(&mut self, message: Self::Message) -> Result<Released, Halt>;

    /// A copy arrives; what became of it, and of those that waited for it.
    fn arrive(&mut self, to: &Ministry, dispatch: &Digest) -> Result<Vec<(Digest, Arrived)>, Halt>;
}

/// What a party is to say.
pub(super) struct Cue<'a> {
    pub(super) script: &'a Script,
    pub(super) say: &'a Say,
    pub(super) act: &'a Act,
    pub(super) papers: &'a [Paper],
    pub(super) now: Timestamp,
    /// What it declares to have known.
    pub(super) basis: &'a Marks,
    /// The act number of another act that it bears as well.
    pub(super) number: Option<u64>,
    /// The message it answers, as the sender's desk knows it.
    pub(super) in_reply_to: Option<MessageId>,
}

/// A message as the own desk sees it before release.
pub(super) struct Composed<Message> {
    pub(super) message: Message,
    pub(super) addressees: Vec<Ministry>,
    pub(super) precedence: Precedence,
    /// Everything the own desk found.
    pub(super) findings: Vec<Finding>,
}

/// What a message is known by once it is released.
pub(super) struct Released {
    /// Digest of its dispatch.
    pub(super) dispatch: Digest,
    /// Its id, at its sender.
    pub(super) id: MessageId,
    /// Its number among the acts of its sender; 0 where it did not go to all.
    pub(super) act_number: u64,
}

/// Why a ground cannot go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// A desk, a gateway or a file failed.
    Failed(String),
    /// Nothing real can do this.
    Unreal(String),
    /// No desk can compose this.
    Unspeakable(String),
}
