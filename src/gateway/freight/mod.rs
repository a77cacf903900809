//! Freight: sealed parts on their way to peers, each in a task of its own beside the relay streams, so that
//! messages never wait for a document on another channel.
//!
//! The relay asks [`Freight::ready`] for every message that is due. A message whose parts the peer holds is
//! ready; for another the transfer begins, the most urgent first and a few to each peer at once, and the relay
//! is woken when it ends. A part goes on a call that the peer holds open for it, or we dial: one side that can be
//! dialled is enough for both directions. A transfer that was cut goes on where the peer says, by whichever way;
//! one that fails waits ever longer and tells somebody after a while; a damaged part stops its own message only.
//! What must never happen: that a message is called ready whose parts the peer did not confirm, that a transfer
//! ends a relay stream, or that a peer is handed what no message for it has.
//!
//! | file | does |
//! |---|---|
//! | `lane` | what is to reach one peer, and the calls that it holds open |
//! | `moving` | starts, sets down and ends hauls |
//! | `calls` | what both sides say on a call that the taking side opened |
//! | `taking` | holds such calls open to a peer whom we dialled; keeps what comes, whoever opened the call |

mod calls;
mod lane;
mod moving;
mod taking;
#[cfg(test)]
mod tests;

pub use calls::{Giver, Handed, Taken, Taker};
pub(super) use calls::{read_out, say};
pub(super) use taking::keep;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::store::record::{OutboxItem, Part};
use crate::gateway::store::{LEFT_OUT, Store, StoreFault};
use crate::limits;
use crate::time::Clock;
use crate::trust::name::Ministry;
use lane::{Haul, Lane, State};

/// How far one part has come; the link reports it.
#[derive(Debug, Default)]
pub struct Carried {
    reached: AtomicU64,
    moved: AtomicU64,
}

impl Carried {
    /// The peer holds, or is being sent, everything up to `offset`.
    pub fn reach(&self, offset: u64) {
        let before = self.reached.swap(offset, Ordering::Relaxed);
        if offset > before {
            self.moved.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Up to where it was sent.
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }
}

/// One part on its way, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Digest of the part.
    pub digest: Digest,
    /// The message that waits for it.
    pub message: Digest,
    /// Its size.
    pub size: u64,
    /// How much of it was sent.
    pub done: u64,
    /// Whether it moves now; else it waits for its turn or after a failure.
    pub moving: bool,
    /// Failures since it last got any further.
    pub failures: u32,
    /// Why it failed last; empty where it did not.
    pub reason: String,
}

/// The parts on their way to all peers.
pub struct Freight {
    link: Arc<dyn PeerLink>,
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lanes: Mutex<BTreeMap<Ministry, Lane>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Freight {
    /// Nothing on its way.
    pub fn new(
        link: Arc<dyn PeerLink>,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Arc<Self> {
        let (lanes, stop, tasks) = (Mutex::default(), CancellationToken::new(), TaskTracker::new());
        Arc::new(Self { link, store, clock, entropy, lanes, stop, tasks })
    }

    /// True where `peer` has confirmed every part of a message that travels beside it. Otherwise those that it
    /// has not confirmed are on their way when this returns, with the urgency of `urgency` at least, and `wake`
    /// is notified whenever one of them has arrived.
    pub fn ready(
        self: &Arc<Self>,
        peer: &Ministry,
        item: &OutboxItem,
        urgency: u8,
        wake: &Arc<Notify>,
    ) -> bool {
        let mut lanes = self.lanes();
        let lane = lanes.entry(peer.clone()).or_default();
        if item.withdrawn {
            lane.drop_hauls_of(&item.message_id);
            return true;
        }
        let mut is_ready = true;
        for part in beside(item) {
            if lane.confirmed.get(&part.digest) != Some(&part.size) {
                is_ready = false;
                lane.ask(part, item.message_id, urgency.max(item.precedence), wake);
            }
        }
        if !is_ready {
            self.dispatch(peer, lane);
        }
        is_ready
    }

    /// What is due to `peer` and may be carried now, as `Store::due` answers it: a message that waits for its parts
    /// holds up those behind it on its channel, and takes no place from other channels.
    pub async fn due(
        self: &Arc<Self>,
        peer: &Ministry,
        limit: usize,
        mut in_flight: BTreeMap<String, u64>,
        wake: &Arc<Notify>,
    ) -> Result<Vec<OutboxItem>, StoreFault> {
        loop {
            let now = self.clock.now();
            let due = self.store.due(peer.clone(), now, limit, in_flight.clone()).await?;
            let (ready, held_up) = self.ready_of(peer, due, wake);
            if !ready.is_empty() || held_up.is_empty() {
                return Ok(ready);
            }
            in_flight.extend(held_up.into_iter().map(|channel| (channel, LEFT_OUT)));
        }
    }

    /// Those of the due messages that may be carried now, in their order, and the channels that are held up by
    /// messages that wait for their parts. They come the most urgent first.
    pub fn ready_of(
        self: &Arc<Self>,
        peer: &Ministry,
        due: Vec<OutboxItem>,
        wake: &Arc<Notify>,
    ) -> (Vec<OutboxItem>, Vec<String>) {
        let mut held_up: Vec<String> = Vec::new();
        let mut ready = Vec::with_capacity(due.len());
        for item in due {
            if held_up.contains(&item.channel) {
                continue;
            }
            match self.ready(peer, &item, item.urgency, wake) {
                true => ready.push(item),
                false => held_up.push(item.channel),
            }
        }
        (ready, held_up)
    }

    /// Begins to hand a part of a message back to `peer`, which was restored from an older copy: whatever it has
    /// confirmed before, it is asked again.
    pub fn hand_back(
        self: &Arc<Self>,
        peer: &Ministry,
        part: &Part,
        message: Digest,
        urgency: u8,
        wake: &Arc<Notify>,
    ) {
        let mut lanes = self.lanes();
        let lane = lanes.entry(peer.clone()).or_default();
        lane.confirmed.remove(&part.digest);
        lane.ask(part, message, urgency, wake);
        self.dispatch(peer, lane);
    }

    /// Forgets what `peer` has confirmed of a message: it says that it does not hold it.
    pub fn doubt(&self, peer: &Ministry, item: &OutboxItem) {
        if let Some(lane) = self.lanes().get_mut(peer) {
            for part in beside(item) {
                lane.confirmed.remove(&part.digest);
            }
        }
    }

    /// Forgets the parts of a message that is settled or is not to be carried any more; what still moves is ended.
    pub fn release(&self, peer: &Ministry, item: &OutboxItem) {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(peer) else { return };
        for part in beside(item) {
            lane.confirmed.remove(&part.digest);
        }
        lane.drop_hauls_of(&item.message_id);
    }

    /// A part came again from the own desk: transfers that wait because it was damaged begin now.
    pub fn mended(self: &Arc<Self>, digest: &Digest) {
        for (peer, lane) in self.lanes().iter_mut() {
            if let Some(haul @ Haul { state: State::Pausing { .. }, .. }) = lane.hauls.get_mut(digest) {
                haul.state = State::Waiting;
                self.dispatch(peer, lane);
            }
        }
    }

    /// A peer waits on a call to be handed a part.
    pub fn welcome(self: &Arc<Self>, peer: &Ministry, taker: Taker) {
        let mut lanes = self.lanes();
        let lane = lanes.entry(peer.clone()).or_default();
        lane.welcome(taker);
        self.dispatch(peer, lane);
    }

    /// Ends the pauses after failures: an operator wants everything for the peer tried now.
    pub fn hurry(self: &Arc<Self>, peer: &Ministry) {
        if let Some(lane) = self.lanes().get_mut(peer) {
            lane.hurry(|_| true);
            self.dispatch(peer, lane);
        }
    }

    /// Sets down what moves to a peer, until `go_on`.
    pub fn halt(&self, peer: &Ministry) {
        self.lanes().entry(peer.clone()).or_default().pause();
    }

    /// Lets parts move to a peer again.
    pub fn go_on(self: &Arc<Self>, peer: &Ministry) {
        if let Some(lane) = self.lanes().get_mut(peer) {
            lane.paused = false;
            self.dispatch(peer, lane);
        }
    }

    /// The parts on their way to `peer`, the most urgent first.
    pub fn transfers(&self, peer: &Ministry) -> Vec<Transfer> {
        let lanes = self.lanes();
        let Some(lane) = lanes.get(peer) else { return Vec::new() };
        let mut hauls: Vec<_> = lane.hauls.iter().collect();
        hauls.sort_by_key(|(_, haul)| haul.rank());
        let transfer = |(digest, haul): (&Digest, &Haul)| Transfer {
            digest: *digest,
            message: haul.message,
            size: haul.size,
            done: haul.carried.reached(),
            moving: matches!(haul.state, State::Moving { .. }),
            failures: haul.failures,
            reason: haul.reason.clone(),
        };
        hauls.into_iter().take(limits::FREIGHT_SHOWN_MAX).map(transfer).collect()
    }

    /// Whether any part is to reach `peer`.
    pub fn has_hauls(&self, peer: &Ministry) -> bool {
        self.lanes().get(peer).is_some_and(|lane| !lane.hauls.is_empty())
    }

    /// Ends all transfers; returns when they have ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.lanes().clear();
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Ministry, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Freight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Freight({} peers)", self.lanes().len())
    }
}

/// The parts of a message that travel beside it.
fn beside(item: &OutboxItem) -> impl Iterator<Item = &Part> {
    item.parts.iter().filter(|part| part.content.is_none())
}
