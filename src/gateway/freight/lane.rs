//! The lane of one peer: which parts are to reach it, which it holds, and the calls that it holds open for them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Carried;
use super::calls::Taker;
use crate::digest::Digest;
use crate::gateway::store::record::Part;
use crate::time::Timestamp;
use crate::transport::refusals::Refusals;

/// What is known about one peer.
#[derive(Default)]
pub(super) struct Lane {
    /// Parts that the peer holds, with their sizes.
    pub(super) confirmed: BTreeMap<Digest, u64>,
    /// Parts that are to reach it.
    pub(super) hauls: BTreeMap<Digest, Haul>,
    /// Calls on which it waits for a part; as many as its row in `serve/permission` lets it have under way.
    takers: Vec<Taker>,
    /// Nothing moves: an operator has paused the peer.
    pub(super) paused: bool,
    /// Numbers hauls in the order in which they were asked for.
    asked: u64,
    /// Log lines that the peer causes.
    pub(super) refusals: Refusals,
}

/// One part that is to reach the peer.
pub(super) struct Haul {
    pub(super) size: u64,
    pub(super) urgency: u8,
    order: u64,
    pub(super) message: Digest,
    pub(super) state: State,
    pub(super) carried: Arc<Carried>,
    pub(super) failures: u32,
    pub(super) reason: String,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) wake: Arc<Notify>,
}

/// What a haul does.
pub(super) enum State {
    /// Until there is a place.
    Waiting,
    Moving {
        token: CancellationToken,
        /// On a call of the peer; else we dialled.
        by_call: bool,
    },
    /// After a failure.
    Pausing {
        /// Nobody answered where the peer is said to be: a call of the peer ends the pause.
        away: bool,
    },
}

/// By which way a part goes.
pub(super) enum Way {
    /// The peer waits for a part on this call.
    Call(Taker),
    /// We dial.
    Dial,
}

impl Lane {
    /// Notes that a part is to reach the peer.
    pub(super) fn ask(&mut self, part: &Part, message: Digest, urgency: u8, wake: &Arc<Notify>) {
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
    pub(super) fn drop_hauls_of(&mut self, message: &Digest) {
        self.hauls.retain(|_, haul| {
            if let (true, State::Moving { token, .. }) = (haul.message == *message, &haul.state) {
                token.cancel();
            }
            haul.message != *message
        });
    }

    /// Sets down what moves and ends the calls of the peer, until the pause ends.
    pub(super) fn pause(&mut self) {
        self.paused = true;
        self.takers.clear();
        for haul in self.hauls.values() {
            if let State::Moving { token, .. } = &haul.state {
                token.cancel();
            }
        }
    }

    /// Hauls of one kind, the most urgent first.
    pub(super) fn those(&self, wanted: impl Fn(&Haul) -> bool) -> Vec<Digest> {
        let mut those: Vec<(&Digest, &Haul)> = self.hauls.iter().filter(|(_, haul)| wanted(haul)).collect();
        those.sort_by_key(|(_, haul)| haul.rank());
        those.into_iter().map(|(digest, _)| *digest).collect()
    }

    /// The peer waits for a part. What could not reach it before goes now.
    pub(super) fn welcome(&mut self, taker: Taker) {
        self.takers.retain(Taker::is_open);
        self.takers.push(taker);
        self.hurry(|haul| matches!(haul.state, State::Pausing { away: true }));
    }

    /// Ends pauses.
    pub(super) fn hurry(&mut self, which: impl Fn(&Haul) -> bool) {
        for haul in self.hauls.values_mut() {
            if matches!(haul.state, State::Pausing { .. }) && which(haul) {
                haul.state = State::Waiting;
            }
        }
    }

    /// Whether the peer waits for a part.
    pub(super) fn is_called(&self) -> bool {
        self.takers.iter().any(Taker::is_open)
    }

    /// How the next part goes. None where it has to wait: a peer that takes parts by calls opens another one when
    /// one is taken up, and need not be where it can be dialled.
    pub(super) fn way(&mut self) -> Option<Way> {
        self.takers.retain(Taker::is_open);
        if let Some(taker) = self.takers.pop() {
            return Some(Way::Call(taker));
        }
        let by_call = |haul: &Haul| matches!(haul.state, State::Moving { by_call: true, .. });
        (!self.hauls.values().any(by_call)).then_some(Way::Dial)
    }
}

impl Haul {
    /// The most urgent first, among equals the one that was asked for first.
    pub(super) fn rank(&self) -> (Reverse<u8>, u64) {
        (Reverse(self.urgency), self.order)
    }
}
