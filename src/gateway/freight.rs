//! Freight: sealed parts on their way to peers, each in a task of its own beside the relay streams, so that
//! messages never wait for a document on another channel.
//!
//! The relay asks [`Freight::ready`] for every message that is due. A message whose parts the peer holds is
//! ready; for another the transfer begins, the most urgent first and a few to each peer at once, and the relay
//! is woken when it ends. A transfer that was cut goes on where the peer says; one that fails waits ever longer
//! and tells somebody after a while; a damaged part stops its own message only. What must never happen: that a
//! message is called ready whose parts the peer did not confirm, or that a transfer ends a relay stream.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::digest::Digest;
use crate::entropy::{Entropy, random};
use crate::gateway::error::Fault;
use crate::gateway::relay::dialling::PeerLink;
use crate::gateway::store::record::{Alarm, OutboxItem, PART_DAMAGED_ALARM, PART_STUCK_ALARM, Part};
use crate::gateway::store::{LEFT_OUT, Store, StoreFault};
use crate::limits;
use crate::time::{Clock, Timestamp};
use crate::trust::name::Ministry;

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

/// What is known about one peer.
#[derive(Default)]
struct Lane {
    confirmed: BTreeMap<Digest, u64>,
    hauls: BTreeMap<Digest, Haul>,
    /// Numbers hauls in the order in which they were asked for.
    asked: u64,
}

/// One part that is to reach the peer.
struct Haul {
    size: u64,
    urgency: u8,
    order: u64,
    message: Digest,
    state: State,
    carried: Arc<Carried>,
    failures: u32,
    reason: String,
    failing_since: Option<Timestamp>,
    wake: Arc<Notify>,
}

enum State {
    Waiting,
    Moving(CancellationToken),
    Pausing,
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
            if let Some(haul @ Haul { state: State::Pausing, .. }) = lane.hauls.get_mut(digest) {
                haul.state = State::Waiting;
                self.dispatch(peer, lane);
            }
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
            size: haul.size,
            done: haul.carried.reached(),
            moving: matches!(haul.state, State::Moving(_)),
            failures: haul.failures,
            reason: haul.reason.clone(),
        };
        hauls.into_iter().take(limits::FREIGHT_SHOWN_MAX).map(transfer).collect()
    }

    /// Ends all transfers; returns when they have ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.lanes().clear();
    }

    /// Starts what may move: the most urgent first. Where all hauls of a peer are taken, one that is less urgent
    /// than one that waits is set down; it goes on later where it was.
    fn dispatch(self: &Arc<Self>, peer: &Ministry, lane: &mut Lane) {
        if self.stop.is_cancelled() {
            return;
        }
        let mut waiting: Vec<Digest> = lane.those(|haul| matches!(haul.state, State::Waiting));
        waiting.sort_by_key(|digest| lane.hauls.get(digest).map(Haul::rank));
        let mut moving = lane.those(|haul| matches!(haul.state, State::Moving(_)));
        moving.sort_by_key(|digest| lane.hauls.get(digest).map(Haul::rank));
        let mut free = limits::FREIGHT_HAULS_MAX.saturating_sub(moving.len());
        for digest in waiting {
            if free > 0 {
                free -= 1;
                self.start(peer, lane, digest);
                continue;
            }
            let urgency = lane.hauls.get(&digest).map_or(0, |haul| haul.urgency);
            // One that was set down already is still ending.
            let least = moving.pop().and_then(|least| lane.hauls.get(&least));
            match least {
                Some(Haul { state: State::Moving(token), urgency: less, .. }) if *less < urgency => {
                    token.cancel()
                }
                _ => return,
            }
        }
    }

    fn start(self: &Arc<Self>, peer: &Ministry, lane: &mut Lane, digest: Digest) {
        let Some(haul) = lane.hauls.get_mut(&digest) else { return };
        let token = self.stop.child_token();
        haul.state = State::Moving(token.clone());
        let (freight, peer, size, carried) = (self.clone(), peer.clone(), haul.size, haul.carried.clone());
        self.tasks.spawn(async move {
            let before = carried.moved.load(Ordering::Relaxed);
            let ended = tokio::select! {
                () = token.cancelled() => None,
                ended = freight.link.put_part(&peer, &digest, size, &carried) => Some(ended),
            };
            let advanced = carried.moved.load(Ordering::Relaxed) > before.saturating_add(1);
            match ended {
                None => freight.set_down(&peer, digest),
                Some(Ok(())) => freight.arrived(&peer, digest).await,
                Some(Err(fault)) => freight.failed(&peer, digest, fault, advanced).await,
            }
        });
    }

    /// A haul made room for a more urgent one, is not wanted any more, or has paused long enough.
    fn set_down(self: &Arc<Self>, peer: &Ministry, digest: Digest) {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(peer) else { return };
        if let Some(haul) = lane.hauls.get_mut(&digest)
            && !matches!(&haul.state, State::Moving(token) if !token.is_cancelled())
        {
            haul.state = State::Waiting;
        }
        self.dispatch(peer, lane);
    }

    /// Notes that a part is with the peer. With the last one that had failed, the cause of the alarms is gone.
    async fn arrived(self: &Arc<Self>, peer: &Ministry, digest: Digest) {
        if !self.confirm(peer, digest) {
            return;
        }
        for code in [PART_DAMAGED_ALARM, PART_STUCK_ALARM] {
            if let Err(cause) = self.store.clear_alarm(code, peer.clone(), self.clock.now()).await {
                tracing::error!(%cause, "an alarm about a sealed part could not be cleared");
            }
        }
    }

    /// True where the part had failed before, and no other one fails now.
    fn confirm(self: &Arc<Self>, peer: &Ministry, digest: Digest) -> bool {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(peer) else { return false };
        let mut had_failed = false;
        if let Some(haul) = lane.hauls.remove(&digest) {
            had_failed = haul.failing_since.is_some();
            if lane.confirmed.len() >= limits::FREIGHT_REMEMBERED_MAX {
                // Asking again costs one question for each.
                lane.confirmed.clear();
            }
            lane.confirmed.insert(digest, haul.size);
            haul.wake.notify_one();
        }
        self.dispatch(peer, lane);
        had_failed && lane.hauls.values().all(|haul| haul.failing_since.is_none())
    }

    /// Notes a failure and tries again after a pause. One that got further before begins with short pauses again.
    async fn failed(self: &Arc<Self>, peer: &Ministry, digest: Digest, fault: Fault, advanced: bool) {
        let fault = self.examined(digest, fault).await;
        let now = self.clock.now();
        let is_damaged = matches!(fault, Fault::Damaged(_));
        let Some((message, failures, since)) = self.note_failure(peer, digest, &fault, advanced, now) else {
            return;
        };
        tracing::info!(peer = %peer, part = %digest, %fault, failures, "a sealed part did not reach the peer");
        let stuck = since.after(limits::FREIGHT_ALARM_AFTER) <= now;
        if is_damaged || stuck {
            let (code, why) = match is_damaged {
                true => (PART_DAMAGED_ALARM, "is damaged or lost here: its desk must hand it over again"),
                false => (PART_STUCK_ALARM, "does not reach the peer"),
            };
            let detail = format!("part {digest} of message {message} {why}");
            let alarm = Alarm { code: code.to_owned(), ministry: peer.clone(), detail, time: now };
            if let Err(cause) = self.store.raise_alarm(alarm).await {
                tracing::error!(%cause, "an alarm about a sealed part could not be kept");
            }
        }
        let pause = if is_damaged { limits::RETRY_PAUSE_MAX } else { self.pause(failures) };
        let (freight, peer) = (self.clone(), peer.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                () = freight.stop.cancelled() => {}
                () = tokio::time::sleep(pause) => freight.set_down(&peer, digest),
            }
        });
    }

    /// Writes a failure down at its haul, and frees its place. None where nobody waits for the part any more.
    fn note_failure(
        self: &Arc<Self>,
        peer: &Ministry,
        digest: Digest,
        fault: &Fault,
        advanced: bool,
        now: Timestamp,
    ) -> Option<(Digest, u32, Timestamp)> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(peer)?;
        let haul = lane.hauls.get_mut(&digest)?;
        if advanced {
            (haul.failures, haul.failing_since) = (0, None);
        }
        haul.state = State::Pausing;
        haul.failures = haul.failures.saturating_add(1);
        haul.reason = match fault {
            Fault::Refused { reason, .. } => reason.clone(),
            Fault::Damaged(_) => "PART_DAMAGED".to_owned(),
            other => other.to_string(),
        };
        let noted = (haul.message, haul.failures, *haul.failing_since.get_or_insert(now));
        self.dispatch(peer, lane);
        Some(noted)
    }

    /// A peer that finds other bytes than were declared may be right: the part is hashed here, and set aside
    /// where it is damaged.
    async fn examined(&self, digest: Digest, fault: Fault) -> Fault {
        let doubtful = match &fault {
            Fault::Refused { reason, .. } => reason == "PART_MISMATCH",
            Fault::Damaged(_) | Fault::Store(StoreFault::File(_)) => true,
            _ => false,
        };
        if doubtful && matches!(self.store.examine_part(digest).await, Ok(false)) {
            return Fault::Damaged(format!("sealed part {digest}"));
        }
        fault
    }

    /// Exponential pause with full jitter, as between attempts to deliver.
    fn pause(&self, failures: u32) -> Duration {
        let least = limits::RETRY_PAUSE_MIN;
        let most = least.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(limits::RETRY_PAUSE_MAX);
        let draw = random::<4>(self.entropy.as_ref()).map_or(u32::MAX, u32::from_le_bytes);
        least + most.saturating_sub(least).mul_f64(f64::from(draw) / f64::from(u32::MAX))
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Ministry, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn ask(&mut self, part: &Part, message: Digest, urgency: u8, wake: &Arc<Notify>) {
        if let Some(haul) = self.hauls.get_mut(&part.digest) {
            haul.urgency = haul.urgency.max(urgency);
            haul.wake = wake.clone();
            return;
        }
        self.asked = self.asked.saturating_add(1);
        let haul = Haul {
            size: part.size,
            urgency,
            order: self.asked,
            message,
            state: State::Waiting,
            carried: Arc::default(),
            failures: 0,
            reason: String::new(),
            failing_since: None,
            wake: wake.clone(),
        };
        self.hauls.insert(part.digest, haul);
    }

    /// Ends what moves for a message, and forgets what waits.
    fn drop_hauls_of(&mut self, message: &Digest) {
        self.hauls.retain(|_, haul| {
            if let (true, State::Moving(moving)) = (haul.message == *message, &haul.state) {
                moving.cancel();
            }
            haul.message != *message
        });
    }

    fn those(&self, wanted: impl Fn(&Haul) -> bool) -> Vec<Digest> {
        self.hauls.iter().filter(|(_, haul)| wanted(haul)).map(|(digest, _)| *digest).collect()
    }
}

impl Haul {
    /// The most urgent first, among equals the one that was asked for first.
    fn rank(&self) -> (std::cmp::Reverse<u8>, u64) {
        (std::cmp::Reverse(self.urgency), self.order)
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

#[cfg(test)]
mod tests;
