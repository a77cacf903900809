//! Moving: which parts go to a peer now and by which way, and what becomes of a haul that arrived or failed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Freight;
use super::lane::{Haul, Lane, State, Way};
use crate::digest::Digest;
use crate::entropy::random;
use crate::gateway::error::Fault;
use crate::gateway::relay::behind_a_wall_of;
use crate::gateway::schedule;
use crate::gateway::store::StoreFault;
use crate::gateway::store::record::{Alarm, PART_DAMAGED_ALARM, PART_STUCK_ALARM};
use crate::limits;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A failure that was written down at its haul.
struct Noted {
    /// The message that waits for the part.
    message: Digest,
    /// Failures in a row.
    failures: u32,
    /// When the first of them was.
    since: Timestamp,
    /// How many log lines about the peer were not written before this one; none where this one is not either.
    unsaid: Option<u64>,
}

impl Freight {
    /// Starts what may move: the most urgent first. Where all hauls of a peer are taken, one that is less urgent
    /// than one that waits is set down; it goes on later where it was.
    pub(super) fn dispatch(self: &Arc<Self>, peer: &Ministry, lane: &mut Lane) {
        if self.stop.is_cancelled() || lane.paused {
            return;
        }
        let mut moving = lane.those(|haul| matches!(haul.state, State::Moving { .. }));
        let mut free = limits::FREIGHT_HAULS_MAX.saturating_sub(moving.len());
        for digest in lane.those(|haul| matches!(haul.state, State::Waiting)) {
            if free > 0 {
                let Some(way) = lane.way() else { return };
                free -= 1;
                self.start(peer, lane, digest, way);
                continue;
            }
            let urgency = lane.hauls.get(&digest).map_or(0, |haul| haul.urgency);
            // One that was set down already is still ending.
            let least = moving.pop().and_then(|least| lane.hauls.get(&least));
            match least {
                Some(Haul { state: State::Moving { token, .. }, urgency: less, .. }) if *less < urgency => {
                    token.cancel()
                }
                _ => return,
            }
        }
    }

    fn start(self: &Arc<Self>, peer: &Ministry, lane: &mut Lane, digest: Digest, way: Way) {
        let Some(haul) = lane.hauls.get_mut(&digest) else { return };
        let token = self.stop.child_token();
        haul.state = State::Moving { token: token.clone(), by_call: matches!(way, Way::Call(_)) };
        let (freight, peer, size, carried) = (self.clone(), peer.clone(), haul.size, haul.carried.clone());
        self.tasks.spawn(async move {
            let before = carried.moved.load(Ordering::Relaxed);
            let going = async {
                match way {
                    Way::Call(taker) => taker.hand(&freight.store, digest, size, &carried).await,
                    Way::Dial => freight.link.put_part(&peer, &digest, size, &carried).await,
                }
            };
            let ended = tokio::select! {
                () = token.cancelled() => None,
                // A defect that one part meets must not keep its place from the others for ever.
                ended = behind_a_wall_of(going) => Some(ended.unwrap_or_else(|| Err(defect()))),
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
            && !matches!(&haul.state, State::Moving { token, .. } if !token.is_cancelled())
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
        let Some(noted) = self.note_failure(peer, digest, &fault, advanced, now) else { return };
        let Noted { message, failures, since, unsaid } = noted;
        if let Some(unsaid) = unsaid {
            let said = "a sealed part did not reach the peer";
            tracing::info!(peer = %peer, part = %digest, %fault, failures, unsaid, "{said}");
        }
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
    ) -> Option<Noted> {
        let mut lanes = self.lanes();
        let lane = lanes.get_mut(peer)?;
        // A peer that cannot be dialled may have called in the meantime.
        let (away, is_called) = (matches!(fault, Fault::Away(_)), lane.is_called());
        let haul = lane.hauls.get_mut(&digest)?;
        if advanced {
            (haul.failures, haul.failing_since) = (0, None);
        }
        haul.state = if away && is_called { State::Waiting } else { State::Pausing { away } };
        haul.failures = haul.failures.saturating_add(1);
        haul.reason = match fault {
            Fault::Refused { reason, .. } => reason.clone(),
            Fault::Damaged(_) => "PART_DAMAGED".to_owned(),
            other => other.to_string(),
        };
        let (message, failures) = (haul.message, haul.failures);
        let since = *haul.failing_since.get_or_insert(now);
        let unsaid = lane.refusals.next();
        self.dispatch(peer, lane);
        Some(Noted { message, failures, since, unsaid })
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

    /// A pause as between attempts to deliver.
    fn pause(&self, failures: u32) -> Duration {
        let draw = random::<4>(self.entropy.as_ref()).map_or(u32::MAX, u32::from_le_bytes);
        schedule::pause(failures, draw)
    }
}

fn defect() -> Fault {
    Fault::Link("a defect of this gateway ended the transfer".to_owned())
}
