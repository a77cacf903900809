//! The standing of a pair: whether this gateway may sign anything for it.
//!
//! Whoever signs a leaf needs a `Permit`, and only this file hands it out: to a pair whose log is known to be
//! where it was left, by the peer's hello or by the mark of this host. A gateway that was restored from an older
//! copy, that is taking lost leaves back, or that has seen two histories of one log gets none. What must never
//! happen: a leaf at an index that was signed before.

mod known;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, RwLock, watch};
use tokio::time::timeout;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::{Declined, Fault};
use crate::gateway::store::record::{LogEntry, OwedKind, UNCONFIRMED_ALARM};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeVerb};
use crate::message::leaf::{Leaf, LeafKind};
use crate::message::refusal::{Reason, Refusal};
use crate::tlog::merkle::TreeHead;
use crate::trust::name::Ministry;

/// Whether anything may be signed for a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The peer has shown more of our log than is held here: it is being taken back.
    CatchingUp,
    /// Two checkpoints of one log contradict each other.
    Frozen,
    /// The log is known to be where it was left.
    Sound,
    /// Nobody has spoken since the gateway started: the store may be an older copy.
    Unconfirmed,
}

impl Standing {
    /// All of them, in the order of their words.
    pub const ALL: [Self; 4] = [Self::CatchingUp, Self::Frozen, Self::Sound, Self::Unconfirmed];

    /// The word for people and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::CatchingUp => "catching-up",
            Self::Frozen => "frozen",
            Self::Sound => "sound",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// Leave to sign leaves for one pair. While it is held, the standing of the pair and the open log stay.
#[derive(Debug)]
pub(super) struct Permit {
    peer: Ministry,
    origin: String,
    _held: OwnedRwLockReadGuard<()>,
}

impl Permit {
    /// The log that takes the leaf.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// A leaf for that log.
    pub(super) fn entry(&self, leaf: Vec<u8>) -> LogEntry {
        LogEntry { origin: self.origin.clone(), peer: self.peer.clone(), leaf }
    }
}

/// What is known of one pair. The lock is shared by those who sign and exclusive for what changes the ground
/// they stand on: a new year, lost leaves that return, a freeze.
#[derive(Debug)]
pub(super) struct Gate {
    standing: watch::Sender<Standing>,
    pub(super) lock: Arc<RwLock<()>>,
    year: Mutex<Option<(i16, String)>>,
    /// What the peer has shown of our logs beyond what is held here, by origin.
    pub(super) lost: Mutex<BTreeMap<String, TreeHead>>,
    /// Sizes that own logs are known to have had, by the mark or by what the peer has ever shown, by origin.
    known: Mutex<BTreeMap<String, u64>>,
    /// Whether the mark of this run of the host knows every log of the pair.
    pub(super) vouched: AtomicBool,
    /// Whether the peer has said since the start how far it holds our logs.
    pub(super) heard: AtomicBool,
    /// Copies that were asked for and have not come, on whatever stream.
    pub(super) asked: AtomicU32,
    /// Own logs of which the peer shows less than it has cosigned: it must mirror them again first.
    pub(super) lacking: Mutex<BTreeSet<String>>,
    /// Large parts of messages that were given back to the peer.
    pub(super) parts: Mutex<BTreeMap<Digest, Wanted>>,
    /// Whether messages came back whose answers may stand in the mirror already.
    pub(super) restored: AtomicBool,
    /// Whether leaves came back whose messages only the desk has.
    pub(super) unseen: AtomicBool,
}

/// A large part that a peer has lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) size: u64,
    /// The message that it belongs to.
    pub(super) message: Digest,
    pub(super) urgency: u8,
}

impl Gate {
    fn new() -> Self {
        Self {
            standing: watch::Sender::new(Standing::Unconfirmed),
            lock: Arc::default(),
            year: Mutex::default(),
            lost: Mutex::default(),
            known: Mutex::default(),
            vouched: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            lacking: Mutex::default(),
            parts: Mutex::default(),
            restored: AtomicBool::new(false),
            unseen: AtomicBool::new(false),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Whether no peer has shown more of our logs than is held, nor two histories of one.
    fn nothing_is_lost(&self) -> bool {
        self.standing() != Standing::Frozen && hold(&self.lost).is_empty()
    }

    pub(super) fn set(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }

    /// The log that is open in the year of the clock, where that is known.
    fn open_log(&self, year: i16) -> Option<String> {
        hold(&self.year).as_ref().filter(|(open, _)| year <= *open).map(|(_, origin)| origin.clone())
    }
}

/// Locks what no panic can have left half changed.
pub(super) fn hold<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gateway {
    /// The gate of a pair.
    pub(super) fn gate(&self, peer: &Ministry) -> Arc<Gate> {
        hold(&self.gates).entry(peer.clone()).or_insert_with(|| Arc::new(Gate::new())).clone()
    }

    /// The peers for which nothing may be signed at present.
    pub(super) fn unsound(&self) -> BTreeSet<Ministry> {
        let gates = hold(&self.gates);
        let unsound = gates.iter().filter(|(_, gate)| gate.standing() != Standing::Sound);
        unsound.map(|(peer, _)| peer.clone()).collect()
    }

    /// The standing of a pair.
    pub fn standing(&self, peer: &Ministry) -> Standing {
        self.gate(peer).standing()
    }

    /// Waits until the pair is frozen, by whatever stream: all others end with that.
    pub(super) async fn until_frozen(&self, peer: &Ministry) -> Result<(), Fault> {
        let mut standing = self.gate(peer).standing.subscribe();
        // The gate lives as long as the gateway.
        let _frozen = standing.wait_for(|now| *now == Standing::Frozen).await;
        Err(Fault::Frozen(peer.clone()))
    }

    /// Leave to sign for a pair, now or not at all. Opens the log of a new year where it is due.
    pub(super) async fn permit(&self, peer: &Ministry) -> Result<Permit, Declined> {
        self.permit_if(peer, |gate| gate.standing() == Standing::Sound).await
    }

    async fn permit_if(&self, peer: &Ministry, may_sign: impl Fn(&Gate) -> bool) -> Result<Permit, Declined> {
        let gate = self.gate(peer);
        loop {
            let held = gate.lock.clone().read_owned().await;
            if !may_sign(&gate) {
                return Err(unsound(gate.standing()).into());
            }
            if let Some(origin) = gate.open_log(self.clock.now().year()) {
                return Ok(Permit { peer: peer.clone(), origin, _held: held });
            }
            drop(held);
            self.open_year(&gate, peer).await?;
        }
    }

    /// The same for somebody who can wait a little for the peer's hello.
    pub(super) async fn permit_soon(&self, peer: &Ministry) -> Result<Permit, Declined> {
        let mut standing = self.gate(peer).standing.subscribe();
        if !decided(*standing.borrow_and_update()) {
            self.wake(peer);
            // Whatever came of it, the permit tells.
            let _decided = timeout(limits::HELLO_PATIENCE, standing.wait_for(|now| decided(*now))).await;
        }
        self.permit(peer).await
    }

    /// Opens the own log of this year where there is an older one: its first leaf is the digest of the
    /// checkpoint that closes the newest before it, and nothing is appended to that any more. A clock that was
    /// turned back does not lead back into a closed log.
    async fn open_year(&self, gate: &Gate, peer: &Ministry) -> Result<(), Fault> {
        let _alone = gate.lock.write().await;
        let now = self.clock.now();
        let present = self.config.domain.log_origin(peer, now.year());
        loop {
            let newest = self.store.own_logs(Some(peer.clone())).await?.pop();
            let (year, origin) = match newest {
                None => (now.year(), present.clone()),
                Some(log) if log.origin >= present => {
                    (year_of(&log.origin).unwrap_or(now.year()), log.origin)
                }
                Some(log) => {
                    let closing = self.checkpoint(&log.origin).await?;
                    let record = Digest::of(closing.text.as_bytes());
                    let leaf = Leaf::about_record(LeafKind::Opened, record, now).bytes();
                    let entry = LogEntry { origin: present.clone(), peer: peer.clone(), leaf };
                    if !self.store.open_year(entry, log.origin, closing.size).await? {
                        continue;
                    }
                    (now.year(), present.clone())
                }
            };
            *hold(&gate.year) = Some((year, origin));
            return Ok(());
        }
    }

    /// Origin of the own log about `peer` that takes leaves now, whether or not it has any yet.
    pub(super) async fn open_log(&self, peer: &Ministry) -> Result<String, Fault> {
        let present = self.present_log(peer);
        let newest = self.store.own_logs(Some(peer.clone())).await?.pop().map(|log| log.origin);
        Ok(newest.filter(|origin| *origin > present).unwrap_or(present))
    }

    /// Origin of the own log about `peer` of the year of the clock.
    pub(super) fn present_log(&self, peer: &Ministry) -> String {
        self.config.domain.log_origin(peer, self.clock.now().year())
    }

    /// From now on anything may be signed for the pair, unless this host knows of leaves that are not here. What
    /// is owed to its log is written first.
    pub(super) async fn make_sound(&self, peer: &Ministry) -> Result<(), Fault> {
        let gate = self.gate(peer);
        if self.awaits_desk() || matches!(gate.standing(), Standing::Sound | Standing::Frozen) {
            return Ok(());
        }
        if let Some(lost) = self.known_lost(peer).await? {
            return self.tell_of_lost(peer, &lost).await;
        }
        // A log may have come back that is newer than the one that was open.
        *hold(&gate.year) = None;
        self.store.confirm(peer.clone()).await?;
        self.store.clear_alarm(UNCONFIRMED_ALARM, peer.clone(), self.clock.now()).await?;
        self.pay_owed_if(peer, |gate| gate.nothing_is_lost()).await?;
        {
            let _alone = gate.lock.write().await;
            // Another stream may have shown that it is not so.
            if !gate.nothing_is_lost() || self.known_lost(peer).await?.is_some() {
                return Ok(());
            }
            hold(&gate.lacking).clear();
            gate.set(Standing::Sound);
        }
        // What was owed since the look.
        self.pay_owed(peer).await?;
        self.wake(peer);
        Ok(())
    }

    /// Writes the leaves about what came into force, and those that could not be written while nothing might be signed.
    /// They go at once: the peer waits for them before it takes up a next key, and on a quiet channel no message would
    /// take them along. Whoever signs for the pair looks under its lock at what is in force; those who looked before it
    /// changed are waited for, so that nothing is taken any more that was judged by less when this returns.
    pub(super) async fn pay_owed(&self, peer: &Ministry) -> Result<(), Fault> {
        let gate = self.gate(peer);
        drop(gate.lock.write().await);
        if self.pay_owed_if(peer, |gate| gate.standing() == Standing::Sound).await? {
            self.wake(peer);
        }
        Ok(())
    }

    /// Answers whether any was written.
    async fn pay_owed_if(&self, peer: &Ministry, may_sign: impl Fn(&Gate) -> bool) -> Result<bool, Fault> {
        let owed = self.store.owed(peer.clone()).await?;
        let are_any = !owed.is_empty();
        for (record, kind) in owed {
            let Ok(permit) = self.permit_if(peer, &may_sign).await else { return Ok(false) };
            let kind = match kind {
                OwedKind::Bundle => LeafKind::Bundle,
                OwedKind::Revocation => LeafKind::Revocation,
            };
            let leaf = Leaf::about_record(kind, record, self.clock.now()).bytes();
            self.store.pay(record, permit.entry(leaf)).await?;
        }
        Ok(are_any)
    }

    /// The operator takes it on himself that the store is the newest there is, because the peer stays away; or
    /// that leaves which this host knows to be lost and which the peer does not show are given up.
    pub async fn confirm(&self, peer: &Ministry, operator: u32) -> Result<(), Declined> {
        if !self.accreditation()?.is_peer(peer) {
            return Err(Fault::NotAccredited(peer.clone()).into());
        }
        self.require_desk()?;
        let act =
            AdministrativeAct::new(AdministrativeVerb::PeerConfirmed, Actor::User(operator)).about(peer);
        match self.standing(peer) {
            Standing::Sound => Ok(()),
            Standing::Unconfirmed => {
                self.record_act(act).await?;
                let detail = "signing began before the peer's hello, because the operator said so".to_owned();
                self.alarm_about(peer, "CONFIRMED_BY_OPERATOR", detail).await?;
                Ok(self.make_sound(peer).await?)
            }
            Standing::CatchingUp if self.gate(peer).nothing_is_lost() => {
                self.record_act(act).await?;
                if let Some(lost) = self.known_lost(peer).await? {
                    let detail =
                        format!("signing goes on with only {lost} ever signed, because the operator said so");
                    self.alarm_about(peer, "CONFIRMED_BY_OPERATOR", detail).await?;
                }
                self.give_up_lost(peer).await?;
                Ok(self.make_sound(peer).await?)
            }
            other => Err(unsound(other).into()),
        }
    }
}

/// Whether waiting longer would not change the answer.
fn decided(standing: Standing) -> bool {
    matches!(standing, Standing::Sound | Standing::Frozen)
}

/// Why nothing may be signed in this standing.
fn unsound(standing: Standing) -> Refusal {
    match standing {
        Standing::Sound | Standing::Unconfirmed => Refusal::new(
            Reason::AwaitingHello,
            "the gateway has started again and must hear from the peer before it signs anything for it",
        ),
        Standing::CatchingUp => Refusal::new(
            Reason::CatchingUp,
            "the gateway was restored from an older copy and must get back what it lost, from the peer or from \
             its own desk, or an operator must give it up",
        ),
        Standing::Frozen => Refusal::new(
            Reason::ChannelFrozen,
            "two checkpoints of one log contradict each other; the operator has the proof",
        ),
    }
}

fn year_of(origin: &str) -> Option<i16> {
    origin.rsplit('/').next()?.parse().ok()
}
