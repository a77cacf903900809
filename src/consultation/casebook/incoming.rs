//! What enters a casebook and what it answers: acts as they came, what became of them, and what they wait for.

use crate::consultation::act::{Act, ActKind};
use crate::consultation::acts::values::ActRef;
use crate::consultation::opaque;
pub use crate::consultation::registered::Missing;
use crate::consultation::registered::{Marks, Registered, Verdict, declared};
use crate::consultation::rules::Finding;
use crate::consultation::rules::authority::AuthorityFacts;
use crate::digest::Digest;
use crate::message::dispatch::Dispatch;
use crate::message::header::{Address, Position};
use crate::message::terms::ActClass;
use crate::trust::name::Ministry;

/// Sender, number and digest: acts of one number stand beside each other.
pub(super) type Key = (Ministry, u64, ActRef);

/// An act as it came, or as it would be released.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Digest of its dispatch.
    pub reference: ActRef,
    /// The address of its header.
    pub address: Address,
    /// The position of its header; of that only number and times are read.
    pub position: Position,
    /// Its dispatch, whose signatures verified.
    pub dispatch: Dispatch,
    /// Who drafted, cleared and signed it; none where that is not known.
    pub authorities: Option<AuthorityFacts>,
}

impl Incoming {
    /// An act of these parts.
    pub fn new(
        address: Address,
        position: Position,
        dispatch: Dispatch,
        digest: Digest,
        authorities: Option<AuthorityFacts>,
    ) -> Self {
        Self { reference: ActRef::new(digest), address, position, dispatch, authorities }
    }

    /// What it declares to have known, all earlier acts of its own ministry included.
    pub fn declared(&self) -> Marks {
        declared(&self.address.sender, self.position.act_number, &Marks::of(&self.dispatch.basis))
    }

    /// Its class: that of its kind where this release knows it, else the one that the dispatch states.
    pub fn class(&self) -> ActClass {
        ActKind::from_word(&self.dispatch.kind).map_or(self.dispatch.act_class, ActKind::class)
    }

    /// Where it stands among acts that wait.
    pub(super) fn key(&self) -> Key {
        (self.address.sender.clone(), self.position.act_number, self.reference)
    }

    /// The act as the history holds it, with what this release read of it and what stands against it.
    pub(super) fn registered(self, act: Option<Act>, verdict: Verdict) -> Registered {
        let class = self.class();
        let Incoming { reference, address, position, dispatch, authorities } = self;
        let offices = authorities.map(|facts| facts.offices).unwrap_or_default();
        let mut signed_by: Vec<_> = dispatch.authentications.into_iter().map(|one| one.credential).collect();
        signed_by.sort_unstable();
        signed_by.dedup();
        Registered {
            reference,
            sender: address.sender,
            number: position.act_number,
            basis: Marks::of(&dispatch.basis),
            released: position.release_time,
            class,
            kind: dispatch.kind,
            act,
            precedence: address.precedence,
            level: address.level,
            form: dispatch.form,
            addressees: address.addressees.into_iter().map(|addressee| addressee.ministry).collect(),
            signed_by,
            hands: offices.into_iter().filter_map(|office| office.key).collect(),
            relayed: dispatch.relayed_on_behalf_of.is_some(),
            verdict,
            said_to_all: Vec::new(),
        }
    }
}

/// What became of an act that was offered, or of one that had waited.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is registered.
    Registered {
        /// The act.
        reference: ActRef,
        /// What stands against it.
        verdict: Verdict,
        /// Everything the rules found, warnings included.
        findings: Vec<Finding>,
    },
    /// It waits for what it rests on.
    Buffered {
        /// The act.
        reference: ActRef,
        /// What it waits for.
        missing: Vec<Missing>,
    },
    /// So many acts of its sender wait already that it is not taken now: it is to be offered again when there is room.
    TurnedAway {
        /// The act.
        reference: ActRef,
    },
    /// It was offered before.
    Duplicate {
        /// The act.
        reference: ActRef,
    },
    /// Its sender gave the number to another act too: an alarm. A protective act is registered all the same.
    Equivocation {
        /// The act.
        reference: ActRef,
        /// The act that bore the number before.
        known: ActRef,
    },
}

opaque!(Incoming, Outcome);
