//! The moves of a script, made by real desks over real gateways.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::super::account::Arrived;
use super::super::desk::charter;
use super::super::ground::{Composed, Cue, Ground, Halt, Released};
use super::drafts;
use super::ministries::Ministries;
use crate::consultation::acts::values::ActRef;
use crate::consultation::casebook::Casebook;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::casebook::Folded;
use crate::desk::error::DeskError;
use crate::desk::register::{SentEntry, SentState};
use crate::desk::rehearsed::Directed;
use crate::digest::Digest;
use crate::entropy::SystemEntropy;
use crate::message::id::MessageId;
use crate::rehearsal::RehearsalFault;
use crate::rehearsal::script::Script;
use crate::time::{FixedClock, Timestamp};
use crate::trust::name::Ministry;

/// How long a copy may take from one gateway to the other, in real time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Real desks, and the gateways between them.
pub(super) struct Real {
    pub(super) ministries: Ministries,
    pub(super) desks: BTreeMap<Ministry, RealDesk>,
    /// The clock of the desks.
    clock: FixedClock,
    /// Under which id each desk knows a dispatch.
    copies: BTreeMap<Digest, BTreeMap<Ministry, MessageId>>,
    consultation: String,
}

/// A desk at work.
pub(super) struct RealDesk {
    pub(super) desk: Desk,
    pub(super) trust: Trust,
    /// The consultation as it holds it.
    folded: Arc<Folded>,
    /// Copies that have arrived, by what the script says.
    arrived: BTreeSet<MessageId>,
}

/// A message that a real desk has composed.
pub(super) struct Message {
    sender: Ministry,
    directed: Directed,
}

impl Real {
    /// Desks of these ministries, which hold nothing.
    pub(super) fn over(script: &Script, ministries: Ministries) -> Result<Self, RehearsalFault> {
        let (clock, consultation) = (FixedClock::at(script.start), script.consultation.text());
        let mut desks = BTreeMap::new();
        for house in ministries.world.houses() {
            let (home, entropy) = (house.homes().desk.directory(), Arc::new(SystemEntropy));
            let mut desk = Desk::open(home, Arc::new(clock.clone()), entropy)?;
            if script.charter.is_stated() {
                desk = desk.supposing(charter(script));
            }
            let trust = desk.trust()?;
            let folded = desk.consultation_of(&trust, house.keys(), &consultation)?;
            let arrived = BTreeSet::new();
            desks.insert(house.ministry().clone(), RealDesk { desk, trust, folded, arrived });
        }
        Ok(Self { ministries, desks, clock, copies: BTreeMap::new(), consultation })
    }

    /// Ends it: all gateways stop.
    pub(super) fn end(self) -> Result<(), RehearsalFault> {
        self.ministries.stop()
    }

    fn desk(&self, of: &Ministry) -> Result<&RealDesk, RehearsalFault> {
        self.desks.get(of).ok_or_else(|| RehearsalFault::Stranger(of.clone()))
    }

    /// Reads the consultation of a desk anew. Returns how it was before.
    fn read(&mut self, of: &Ministry) -> Result<Arc<Folded>, RehearsalFault> {
        let house = self.ministries.world.house(of)?;
        let one = self.desks.get_mut(of).ok_or_else(|| RehearsalFault::Stranger(of.clone()))?;
        let folded = one.desk.consultation_of(&one.trust, house.keys(), &self.consultation)?;
        Ok(std::mem::replace(&mut one.folded, folded))
    }

    /// Sends a message, and waits until the gateway of every addressee has it: it has answered for it then.
    pub(super) fn send(&self, message: Message) -> Result<Vec<SentEntry>, Halt> {
        let Message { sender, directed } = message;
        let keys = self.ministries.world.house(&sender).map_err(failed)?.keys();
        let RealDesk { desk, trust, .. } = self.desk(&sender).map_err(failed)?;
        let sent = self.ministries.runtime.block_on(desk.send_directed(trust, keys, directed));
        let sent = sent.map_err(halted)?;
        let mut settled = Vec::with_capacity(sent.len());
        for copy in sent {
            let waiting = desk.wait(trust, keys, &copy.id, PATIENCE);
            let Some(copy) = self.ministries.runtime.block_on(waiting).map_err(halted)? else {
                return Err(Halt::Failed(format!("the copy to {} was not settled in time", copy.recipient)));
            };
            if copy.state != SentState::Delivered {
                let cause = format!("the gateway of {} does not take it ({})", copy.recipient, copy.reason);
                return Err(Halt::Unreal(cause));
            }
            settled.push(copy);
        }
        Ok(settled)
    }

    /// A desk fetches one copy that has arrived now, and leaves those that have not.
    pub(super) fn fetch(&mut self, to: &Ministry, id: MessageId) -> Result<(), RehearsalFault> {
        let house = self.ministries.world.house(to)?;
        let one = self.desks.get_mut(to).ok_or_else(|| RehearsalFault::Stranger(to.clone()))?;
        one.arrived.insert(id);
        let RealDesk { desk, trust, arrived, .. } = one;
        self.ministries.runtime.block_on(async {
            let mut mailbox = desk.mailbox(house.keys()).await?;
            Ok(desk.fetch_arrived(trust, &mut mailbox, |id| arrived.contains(id)).await?)
        })
    }

    /// Sets all clocks.
    pub(super) fn set(&mut self, now: Timestamp) -> Result<(), RehearsalFault> {
        self.clock.set(now);
        self.ministries.moves_to(now)
    }
}

impl Ground for Real {
    type Message = Message;

    fn moves_to(&mut self, now: Timestamp) -> Result<(), Halt> {
        self.set(now).map_err(failed)
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn casebook(&self, at: &Ministry) -> Option<&Casebook> {
        self.desks.get(at).map(|one| &one.folded.book)
    }

    fn id_at(&self, dispatch: &Digest, at: &Ministry) -> Option<MessageId> {
        self.copies.get(dispatch)?.get(at).copied()
    }

    fn compose(&mut self, cue: &Cue<'_>) -> Result<Composed<Message>, Halt> {
        let sender = cue.say.sender.clone();
        let folder = self.ministries.folder.join("papers").join(sender.lower());
        let (draft, directions) = drafts::draft(cue, &self.ministries.channel, &folder)?;
        let keys = self.ministries.world.house(&sender).map_err(failed)?.keys();
        let RealDesk { desk, trust, .. } = self.desk(&sender).map_err(failed)?;
        let directed = desk.direct(trust, keys, &draft, &folder, directions).map_err(halted)?;
        let address = directed.address();
        Ok(Composed {
            addressees: address.addressees.iter().map(|one| one.ministry.clone()).collect(),
            precedence: address.precedence,
            findings: directed.findings().to_vec(),
            message: Message { sender, directed },
        })
    }

    fn release(&mut self, message: Message) -> Result<Released, Halt> {
        let sender = message.sender.clone();
        let sent = self.send(message)?;
        let first = sent.first().ok_or_else(|| Halt::Failed("no copy was released".to_owned()))?;
        let (dispatch, id, act_number) = (first.dispatch_digest, first.id, first.act_number);
        let ids = self.copies.entry(dispatch).or_default();
        ids.extend(sent.iter().map(|copy| (copy.recipient.clone(), copy.id)));
        ids.insert(sender.clone(), id);
        self.read(&sender).map_err(failed)?;
        Ok(Released { dispatch, id, act_number })
    }

    fn arrive(&mut self, to: &Ministry, dispatch: &Digest) -> Result<Vec<(Digest, Arrived)>, Halt> {
        let id = self.id_at(dispatch, to).ok_or_else(|| Halt::Failed("no such copy was sent".to_owned()))?;
        self.fetch(to, id).map_err(failed)?;
        let before = self.read(to).map_err(failed)?;
        let now = &self.desk(to).map_err(failed)?.folded;
        let reference = ActRef::new(*dispatch);
        let of_this_one = outcome(now, reference).ok_or_else(|| {
            Halt::Failed(format!("the desk of {to} could not open the copy that it fetched"))
        })?;
        let mut outcomes = vec![(*dispatch, of_this_one)];
        // What had waited for it.
        let waited = before.book.waiting().map(|incoming| incoming.reference);
        for other in waited.filter(|other| *other != reference) {
            match outcome(now, other) {
                None | Some(Arrived::Waits(_)) => {}
                Some(freed) => outcomes.push((other.dispatch_digest(), freed)),
            }
        }
        Ok(outcomes)
    }
}

/// What a desk makes of an act that it holds; none for one that it does not.
fn outcome(folded: &Folded, reference: ActRef) -> Option<Arrived> {
    let book = &folded.book;
    if book.equivocations().any(|(_, _, other)| other == reference) {
        return Some(Arrived::Equivocation);
    }
    if let Some(act) = book.everything().find(reference) {
        return Some(Arrived::Registered(act.verdict.rules().to_vec()));
    }
    let waits = book.waiting().any(|incoming| incoming.reference == reference);
    let missing = || book.lacking().into_iter().map(|missing| (missing.ministry, missing.first)).collect();
    waits.then(|| Arrived::Waits(missing()))
}

fn failed(fault: RehearsalFault) -> Halt {
    Halt::Failed(fault.to_string())
}

/// What a gateway refuses for good cannot be played; what else a desk cannot do has failed.
fn halted(failure: DeskError) -> Halt {
    match failure {
        DeskError::GatewayRefused { .. } => {
            Halt::Unreal(format!("its own gateway does not take it: {failure}"))
        }
        DeskError::NoSuchMessage(_) => Halt::Unspeakable(failure.to_string()),
        failure => Halt::Failed(failure.to_string()),
    }
}

crate::rehearsal::opaque!(Real, RealDesk, Message);
