//! The simulated ground: one casebook for each party, and nothing between them. Nothing is signed, sealed or sent.

use std::collections::BTreeMap;

use super::account::Arrived;
use super::desk::Desk;
use super::dispatch::{Message, Setting};
use super::ground::{Composed, Cue, Ground, Halt, Released};
use crate::consultation::casebook::Casebook;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::rehearsal::dice::Dice;
use crate::rehearsal::script::Script;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Simulated desks.
pub(super) struct Simulated {
    desks: BTreeMap<Ministry, Desk>,
    /// What was released, by the digest of its dispatch.
    released: BTreeMap<Digest, Message>,
    salts: Dice,
    now: Timestamp,
    in_order: bool,
}

impl Simulated {
    /// The desks of all parties, which hold nothing.
    pub(super) fn of(script: &Script, seed: u64) -> Self {
        let desks = script.parties.iter().map(|party| (party.ministry.clone(), Desk::new(script, party)));
        Self {
            desks: desks.collect(),
            released: BTreeMap::new(),
            salts: Dice::thrown(seed, "salts"),
            now: script.start,
            in_order: false,
        }
    }

    /// The same, between which copies keep their order as they do between real gateways.
    pub(super) fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }
}

impl Ground for Simulated {
    type Message = Message;

    fn moves_to(&mut self, now: Timestamp) -> Result<(), Halt> {
        self.now = now;
        Ok(())
    }

    fn keeps_order(&self) -> bool {
        self.in_order
    }

    fn casebook(&self, at: &Ministry) -> Option<&Casebook> {
        self.desks.get(at).map(Desk::casebook)
    }

    fn id_at(&self, _dispatch: &Digest, _at: &Ministry) -> Option<MessageId> {
        None
    }

    fn compose(&mut self, cue: &Cue<'_>) -> Result<Composed<Message>, Halt> {
        let stranger = || Halt::Unspeakable("the sender takes no part".to_owned());
        let desk = self.desks.get(&cue.say.sender).ok_or_else(stranger)?;
        let setting = Setting {
            script: cue.script,
            say: cue.say,
            now: cue.now,
            basis: cue.basis,
            number: cue.number.unwrap_or_else(|| desk.next_number()),
            serial: desk.next_serial(cue.now),
            in_reply_to: cue.in_reply_to,
            dice: &self.salts,
        };
        let mut message = Message::compose(cue.act.clone(), cue.papers.to_vec(), &setting)
            .ok_or_else(|| Halt::Unspeakable("nobody is addressed".to_owned()))?;
        let left_out = desk.leave_out(&mut message);
        Ok(Composed {
            addressees: message.address.addressees.iter().map(|one| one.ministry.clone()).collect(),
            precedence: message.address.precedence,
            findings: desk.judge(&message, cue.now).into_iter().chain(left_out).collect(),
            message,
        })
    }

    fn release(&mut self, message: Message) -> Result<Released, Halt> {
        if let Some(desk) = self.desks.get_mut(&message.address.sender) {
            desk.register_own(&message, self.now);
        }
        let (dispatch, id) = (message.digest(), message.id());
        let act_number = message.position.act_number;
        self.released.insert(dispatch, message);
        Ok(Released { dispatch, id, act_number })
    }

    fn arrive(&mut self, to: &Ministry, dispatch: &Digest) -> Result<Vec<(Digest, Arrived)>, Halt> {
        let (Some(desk), Some(message)) = (self.desks.get_mut(to), self.released.get(dispatch)) else {
            return Ok(Vec::new());
        };
        Ok(desk.offer(message))
    }
}
