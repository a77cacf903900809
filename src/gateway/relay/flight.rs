//! What is on its way unanswered: batches in the order in which they were handed over, under the window that the
//! peer granted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lock;
use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::gateway::frame::Window;
use crate::gateway::store::record::OutboxItem;
use crate::limits;

/// How long a peer may let us wait before another stream is tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For its next answer, while it owes one.
    pub answer: Duration,
    /// For a window that is not shut.
    pub window: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: limits::OUTCOME_DEADLINE, window: limits::WINDOW_SHUT_MAX }
    }
}

/// A batch that was handed over.
#[derive(Debug)]
pub(super) struct Batch {
    /// In order.
    pub(super) items: Vec<OutboxItem>,
    /// Bytes of their envelopes in sum.
    pub(super) bytes: u64,
}

/// How much may be handed over now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Messages.
    pub(super) envelopes: usize,
    /// Bytes; a single message may exceed them where nothing is unanswered.
    pub(super) bytes: u64,
    /// Whether nothing is unanswered.
    pub(super) is_idle: bool,
}

/// The batches of one session.
#[derive(Debug)]
pub(super) struct Flight {
    patience: Patience,
    state: Mutex<State>,
    /// Told whenever there may be more room, or less to wait for.
    pub(super) changed: Notify,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Since when the window has been shut.
    shut: Option<Instant>,
    batches: VecDeque<Arc<Batch>>,
    /// How many of the first batches are answered and not yet settled.
    answered: usize,
    /// The last answer, or the first batch after a time without any.
    progress: Instant,
    /// Channels in which a message was refused without a signature: what is behind it will be too.
    refused: BTreeSet<String>,
}

impl Flight {
    /// Nothing on its way, under the window of the peer's hello.
    pub(super) fn new(window: Window, patience: Patience) -> Self {
        let shut = is_shut(window).then(Instant::now);
        let state = State {
            window,
            shut,
            batches: VecDeque::new(),
            answered: 0,
            progress: Instant::now(),
            refused: BTreeSet::new(),
        };
        Self { patience, state: Mutex::new(state), changed: Notify::new() }
    }

    /// The peer granted another window.
    pub(super) fn grant(&self, window: Window) {
        let mut state = lock(&self.state);
        if state.window == window {
            return;
        }
        state.window = window;
        state.shut = is_shut(window).then(|| state.shut.unwrap_or_else(Instant::now));
        drop(state);
        self.changed.notify_one();
    }

    /// What fits now. Nothing while a refusal waits for what is behind it, so that order is kept.
    pub(super) fn room(&self) -> Room {
        let state = lock(&self.state);
        let unanswered = state.batches.iter().skip(state.answered);
        let (envelopes, bytes) = sum(unanswered);
        let (all, all_bytes) = sum(state.batches.iter());
        if is_shut(state.window) || !state.refused.is_empty() {
            return Room { envelopes: 0, bytes: 0, is_idle: all == 0 };
        }
        let by_peer = (state.window.envelopes as usize).saturating_sub(envelopes);
        let by_us = (limits::WINDOW_ENVELOPES as usize).saturating_sub(all);
        let bytes = state.window.bytes.saturating_sub(bytes);
        Room {
            envelopes: by_peer.min(by_us),
            bytes: bytes.min(limits::WINDOW_BYTES.saturating_sub(all_bytes)),
            is_idle: all == 0,
        }
    }

    /// The last number on its way in each channel.
    pub(super) fn last_numbers(&self) -> BTreeMap<String, u64> {
        let state = lock(&self.state);
        let items = state.batches.iter().flat_map(|batch| &batch.items);
        items.map(|item| (item.channel.clone(), item.sequence)).collect()
    }

    /// A batch is handed over.
    pub(super) fn launch(&self, items: Vec<OutboxItem>, bytes: u64) {
        let mut state = lock(&self.state);
        if state.answered == state.batches.len() {
            state.progress = Instant::now();
        }
        state.batches.push_back(Arc::new(Batch { items, bytes }));
    }

    /// The batch that these many answers are for.
    pub(super) fn answer(&self, count: usize) -> Result<Arc<Batch>, Fault> {
        let mut state = lock(&self.state);
        let Some(batch) = state.batches.get(state.answered).cloned() else {
            return Err(Fault::Link("the peer answered what it was never handed".to_owned()));
        };
        if batch.items.len() != count {
            return Err(Fault::Link("the peer did not answer every envelope".to_owned()));
        }
        state.answered = state.answered.saturating_add(1);
        state.progress = Instant::now();
        drop(state);
        self.changed.notify_one();
        Ok(batch)
    }

    /// The first batch is settled.
    pub(super) fn landed(&self) {
        let mut state = lock(&self.state);
        state.batches.pop_front();
        state.answered = state.answered.saturating_sub(1);
        if state.batches.is_empty() {
            state.refused.clear();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A message of a channel was refused without a signature; true for the first on its way.
    pub(super) fn refuse(&self, channel: &str) -> bool {
        lock(&self.state).refused.insert(channel.to_owned())
    }

    /// Nothing more is settled: what was answered counts as unanswered.
    pub(super) fn distrust(&self) {
        lock(&self.state).answered = 0;
    }

    /// Gives up what is unanswered: which messages, with their attempts so far.
    pub(super) fn forsake(&self) -> Vec<(Digest, u32)> {
        let mut state = lock(&self.state);
        let first = state.answered.min(state.batches.len());
        let batches = state.batches.split_off(first);
        batches.iter().flat_map(|batch| &batch.items).map(|item| (item.message_id, item.attempts)).collect()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).batches.is_empty()
    }

    /// When the peer will have been silent for too long; none while it owes nothing.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = lock(&self.state);
        let owes = state.batches.len() > state.answered;
        let silent = owes.then(|| state.progress + self.patience.answer);
        let shut = state.shut.map(|since| since + self.patience.window);
        silent.into_iter().chain(shut).min()
    }
}

/// Whether a window admits nothing.
pub(super) fn is_shut(window: Window) -> bool {
    window.envelopes == 0 || window.bytes == 0
}

fn sum<'a>(batches: impl Iterator<Item = &'a Arc<Batch>>) -> (usize, u64) {
    batches.fold((0, 0), |(envelopes, bytes), batch| {
        (envelopes.saturating_add(batch.items.len()), bytes.saturating_add(batch.bytes))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::gateway::store::record::SignedHeader;
    use crate::time::Timestamp;

    /// A message of a channel.
    pub(in super::super) fn item(channel: &str, sequence: u64) -> OutboxItem {
        OutboxItem {
            message_id: Digest::of(format!("{channel} {sequence}").as_bytes()),
            channel: channel.to_owned(),
            sequence,
            precedence: 1,
            urgency: 1,
            expired: false,
            withdrawn: false,
            attempts: 0,
            valid_until: Timestamp::from_seconds(1),
            signed: SignedHeader { header: Vec::new(), signature: Vec::new() },
            parts: Vec::new(),
        }
    }

    fn items(channel: &str, numbers: std::ops::Range<u64>) -> Vec<OutboxItem> {
        numbers.map(|number| item(channel, number)).collect()
    }

    fn window(envelopes: u32, bytes: u64) -> Window {
        Window { envelopes, bytes }
    }

    fn flying(envelopes: u32) -> Flight {
        Flight::new(window(envelopes, 100), Patience::default())
    }

    #[test]
    fn the_window_bounds_what_is_unanswered_and_not_what_is_being_settled() {
        let flight = flying(4);
        flight.launch(items("a", 1..4), 90);
        assert_eq!(flight.room(), Room { envelopes: 1, bytes: 10, is_idle: false });
        flight.answer(3).unwrap();
        assert_eq!(flight.room(), Room { envelopes: 4, bytes: 100, is_idle: false });
        // Still on its way as far as the store may ask.
        assert_eq!(flight.last_numbers(), BTreeMap::from([("a".to_owned(), 3)]));
        flight.landed();
        assert!(flight.last_numbers().is_empty() && flight.room().is_idle);
    }

    #[test]
    fn answers_are_for_the_oldest_batch_and_for_all_of_it() {
        let flight = flying(9);
        assert!(flight.answer(0).is_err());
        flight.launch(items("a", 1..3), 1);
        flight.launch(items("b", 1..2), 1);
        assert!(flight.answer(1).is_err());
        assert_eq!(flight.answer(2).unwrap().items.len(), 2);
        assert_eq!(flight.answer(1).unwrap().items.len(), 1);
        assert!(flight.answer(1).is_err());
        flight.launch(items("c", 1..4), 1);
        assert_eq!((flight.forsake().len(), flight.forsake().len()), (3, 0), "once");
    }

    #[test]
    fn after_a_refusal_nothing_goes_until_all_that_was_on_its_way_is_settled() {
        let flight = flying(9);
        flight.launch(items("a", 1..3), 1);
        flight.launch(items("a", 3..5), 1);
        flight.answer(2).unwrap();
        assert!(flight.refuse("a"), "the first of its channel");
        assert!(!flight.refuse("a"), "what is behind it");
        flight.landed();
        assert_eq!(flight.room().envelopes, 0);
        flight.answer(2).unwrap();
        flight.landed();
        assert_eq!(flight.room().envelopes, 9);
    }

    #[test]
    fn our_own_bounds_hold_whatever_window_the_peer_grants() {
        let flight = Flight::new(window(u32::MAX, u64::MAX), Patience::default());
        let most = limits::WINDOW_ENVELOPES as usize;
        assert_eq!(flight.room(), Room { envelopes: most, bytes: limits::WINDOW_BYTES, is_idle: true });
        flight.launch(items("a", 1..u64::from(limits::WINDOW_ENVELOPES)), limits::WINDOW_BYTES - 1);
        assert_eq!(flight.room(), Room { envelopes: 1, bytes: 1, is_idle: false });
        flight.launch(items("b", 1..2), 1);
        assert_eq!(flight.room(), Room { envelopes: 0, bytes: 0, is_idle: false });
    }

    /// How long after now, give or take what this test takes.
    fn wait(flight: &Flight, before: Instant) -> std::ops::RangeInclusive<std::time::Duration> {
        let deadline = flight.deadline().unwrap();
        deadline - Instant::now()..=deadline - before
    }

    #[test]
    fn a_peer_has_so_long_to_answer_and_so_long_to_open_its_window() {
        let (before, flight) = (Instant::now(), flying(9));
        flight.launch(items("a", 1..2), 1);
        assert!(wait(&flight, before).contains(&limits::OUTCOME_DEADLINE));
        let (before, flight) = (Instant::now(), Flight::new(window(0, 0), Patience::default()));
        assert!(wait(&flight, before).contains(&limits::WINDOW_SHUT_MAX));
    }

    #[test]
    fn the_peer_is_late_when_its_last_answer_is_long_ago_or_its_window_is_shut() {
        let flight = flying(9);
        assert_eq!(flight.deadline(), None);
        flight.launch(items("a", 1..2), 1);
        flight.launch(items("b", 1..2), 1);
        let first = flight.deadline().unwrap();
        flight.answer(1).unwrap();
        assert!(flight.deadline().unwrap() > first, "it answers, though slowly");
        flight.answer(1).unwrap();
        assert_eq!(flight.deadline(), None);
        flight.grant(window(0, 0));
        let shut = flight.deadline().unwrap();
        flight.grant(window(0, 9));
        assert_eq!(flight.deadline(), Some(shut), "shut since then");
        flight.grant(window(1, 9));
        assert_eq!(flight.deadline(), None);
    }

    #[test]
    fn a_window_that_is_granted_again_wakes_nobody() {
        let flight = flying(9);
        let woken = || flight.changed.notified().now_or_never().is_some();
        flight.grant(window(9, 100));
        assert!(!woken(), "it was granted already");
        flight.grant(window(8, 100));
        assert!(woken());
    }

    #[test]
    fn what_was_answered_by_nothing_true_counts_as_unanswered() {
        let flight = flying(9);
        flight.launch(items("a", 1..3), 1);
        flight.launch(items("b", 1..2), 1);
        flight.answer(2).unwrap();
        flight.distrust();
        assert_eq!(flight.forsake().len(), 3);
    }
}
