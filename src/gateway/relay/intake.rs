//! What the peer may still send: the windows that we granted, against what came and is not answered; and how often
//! it may say what makes work and brings nothing new.
//!
//! A frame that no credit stands against, and that may come without end, is a way to take our memory or our time. So
//! every kind has its credit: an empty batch has none, a cosignature that of the leaves that we sent, a copy that of
//! our request. Leaves that were shown already and windows may come now and then.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::lock;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Delivery, LogUpdate, Window};
use crate::limits;
use crate::transport::bucket::Bucket;

/// What one batch weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    /// Deliveries.
    pub(super) envelopes: usize,
    /// Bytes of their envelopes in sum.
    pub(super) bytes: u64,
}

/// What came and is not answered.
#[derive(Debug)]
pub(super) struct Intake(Mutex<State>);

#[derive(Debug)]
struct State {
    granted: Window,
    envelopes: usize,
    bytes: u64,
    /// Where each of the peer's logs ended when it was last shown, by origin.
    shown: BTreeMap<String, u64>,
    /// How often a log was shown that was no longer than before.
    repeated: usize,
    /// Cosignatures that may come: one for all leaves that we sent, and a few besides.
    cosignatures: usize,
    /// How often the peer may still announce a bundle.
    announcements: u32,
    /// How often the peer may change its window.
    windows: Bucket,
}

impl Intake {
    /// Under the window that our hello granted.
    pub(super) fn new(granted: Window) -> Self {
        let (burst, per_second) = (limits::WINDOWS_BURST, limits::WINDOWS_PER_SECOND);
        Self(Mutex::new(State {
            granted,
            envelopes: 0,
            bytes: 0,
            shown: BTreeMap::new(),
            repeated: 0,
            cosignatures: limits::HELLO_CHECKPOINTS_MAX,
            announcements: limits::ANNOUNCEMENTS_PER_STREAM_MAX,
            windows: Bucket::full(burst, per_second, Instant::now()),
        }))
    }

    /// Grants another window. A smaller one does not bind what is on its way already, so the greatest that was
    /// ever granted is what the peer is held to.
    pub(super) fn grant(&self, window: Window) {
        let mut state = lock(&self.0);
        state.granted.envelopes = state.granted.envelopes.max(window.envelopes);
        state.granted.bytes = state.granted.bytes.max(window.bytes);
    }

    /// Counts a batch that came.
    pub(super) fn take(&self, deliveries: &[Delivery]) -> Result<Received, Fault> {
        let bytes = deliveries.iter().map(|delivery| delivery.envelope.len() as u64).sum();
        let batch = Received { envelopes: deliveries.len(), bytes };
        // Nothing would ever count against the window.
        if deliveries.is_empty() {
            return Err(misshapen("a batch holds no envelope"));
        }
        // A single envelope has its own bound.
        let too_large = batch.envelopes > 1 && bytes > limits::BATCH_BYTES_MAX as u64;
        if batch.envelopes > limits::BATCH_ENVELOPES_MAX || too_large {
            return Err(Fault::Link("a batch is over its bound".to_owned()));
        }
        let mut state = lock(&self.0);
        state.envelopes = state.envelopes.saturating_add(batch.envelopes);
        state.bytes = state.bytes.saturating_add(batch.bytes);
        let over = state.envelopes > state.granted.envelopes as usize
            || (state.bytes > state.granted.bytes && state.envelopes > 1);
        if over { Err(Fault::Link("the peer sent more than its window".to_owned())) } else { Ok(batch) }
    }

    /// Counts leaves of the peer's log. A log that does not grow is looked at again, for it may contradict what was
    /// shown before; but not without end.
    pub(super) fn show(&self, update: &LogUpdate) -> Result<(), Fault> {
        let origin = update.checkpoint.lines().next().unwrap_or_default();
        let end = update.first_index.saturating_add(update.leaves.len() as u64);
        let mut state = lock(&self.0);
        let grows = state.shown.get(origin).is_none_or(|before| *before < end);
        if grows && (state.shown.contains_key(origin) || state.shown.len() < limits::HELLO_CHECKPOINTS_MAX) {
            state.shown.insert(origin.to_owned(), end);
            return Ok(());
        }
        state.repeated = state.repeated.saturating_add(1);
        if state.repeated <= limits::LOGS_SHOWN_AGAIN_MAX {
            return Ok(());
        }
        Err(misshapen("the same log was shown too often"))
    }

    /// Leaves of ours are about to be sent: the peer may cosign them.
    pub(super) fn expect_cosignature(&self) {
        let mut state = lock(&self.0);
        state.cosignatures = state.cosignatures.saturating_add(1);
    }

    /// Counts a cosignature.
    pub(super) fn cosigned(&self) -> Result<(), Fault> {
        let mut state = lock(&self.0);
        let left = state.cosignatures.checked_sub(1);
        state.cosignatures = left.ok_or_else(|| misshapen("there are more cosignatures than leaves"))?;
        Ok(())
    }

    /// Counts a bundle that the peer announces.
    pub(super) fn announced(&self) -> Result<(), Fault> {
        let mut state = lock(&self.0);
        let left = state.announcements.checked_sub(1);
        state.announcements =
            left.ok_or_else(|| misshapen("there are too many announcements on one stream"))?;
        Ok(())
    }

    /// Counts a change of the peer's window; how long reading pauses for it. One whose mailbox fills and empties
    /// means it well, so that this is no reason to end the stream.
    pub(super) fn regranted(&self) -> Duration {
        lock(&self.0).windows.owe(1, Instant::now())
    }

    /// A batch is answered.
    pub(super) fn give_back(&self, batch: Received) {
        let mut state = lock(&self.0);
        state.envelopes = state.envelopes.saturating_sub(batch.envelopes);
        state.bytes = state.bytes.saturating_sub(batch.bytes);
    }
}

/// Not in order, whatever came before: the peer is told so.
fn misshapen(detail: &str) -> Fault {
    Fault::Misshapen { reason: "MALFORMED".to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(sizes: &[usize]) -> Vec<Delivery> {
        sizes.iter().map(|size| Delivery::of(vec![0; *size])).collect()
    }

    #[test]
    fn a_window_holds_until_it_is_answered_and_not_one_more() {
        let intake = Intake::new(Window { envelopes: 3, bytes: 100 });
        let first = intake.take(&batch(&[10, 10])).unwrap();
        intake.take(&batch(&[10])).unwrap();
        intake.give_back(first);
        intake.take(&batch(&[10, 10])).unwrap();
        assert!(intake.take(&batch(&[1])).is_err());
    }

    #[test]
    fn bytes_are_bounded_but_for_a_single_envelope_alone() {
        let intake = Intake::new(Window { envelopes: 9, bytes: 100 });
        let alone = intake.take(&batch(&[101])).unwrap();
        intake.give_back(alone);
        intake.take(&batch(&[100])).unwrap();
        assert!(intake.take(&batch(&[1])).is_err());
    }

    #[test]
    fn a_window_that_was_made_smaller_does_not_punish_what_was_on_its_way() {
        let intake = Intake::new(Window { envelopes: 3, bytes: 100 });
        intake.grant(Window { envelopes: 0, bytes: 0 });
        intake.take(&batch(&[10, 10, 10])).unwrap();
        assert!(intake.take(&batch(&[1])).is_err());
    }

    #[test]
    fn a_batch_has_its_own_bound() {
        let intake = Intake::new(Window { envelopes: 9999, bytes: u64::MAX });
        assert!(intake.take(&batch(&vec![1; limits::BATCH_ENVELOPES_MAX + 1])).is_err());
        assert!(intake.take(&batch(&[limits::BATCH_BYTES_MAX, 1])).is_err());
        assert!(matches!(intake.take(&[]), Err(Fault::Misshapen { .. })), "what weighs nothing has no end");
        assert!(intake.take(&batch(&[0])).is_ok(), "an empty envelope is refused with a reason, and counts");
    }

    fn shown(origin: &str, end: u64) -> LogUpdate {
        LogUpdate { first_index: end, leaves: Vec::new(), checkpoint: format!("{origin}\n{end}\nroot\n") }
    }

    #[test]
    fn a_log_that_grows_is_shown_without_end_and_one_that_does_not_only_some_times() {
        let intake = Intake::new(Window::FULL);
        for end in 1..=10_000 {
            intake.show(&shown("a", end)).unwrap();
        }
        for _ in 0..limits::LOGS_SHOWN_AGAIN_MAX {
            intake.show(&shown("a", 10_000)).unwrap();
        }
        assert!(intake.show(&shown("a", 10_000)).is_err());
        intake.show(&shown("a", 10_001)).unwrap();
        // Nor does one that gives itself ever new names.
        let intake = Intake::new(Window::FULL);
        let refused = (0..10_000_u64).find(|year| intake.show(&shown(&year.to_string(), 1)).is_err());
        assert_eq!(refused, Some((limits::HELLO_CHECKPOINTS_MAX + limits::LOGS_SHOWN_AGAIN_MAX) as u64));
    }

    #[test]
    fn a_peer_cosigns_what_it_was_sent_and_not_much_more() {
        let intake = Intake::new(Window::FULL);
        for _ in 0..limits::HELLO_CHECKPOINTS_MAX {
            intake.cosigned().unwrap();
        }
        assert!(intake.cosigned().is_err());
        intake.expect_cosignature();
        intake.cosigned().unwrap();
        assert!(intake.cosigned().is_err());
    }

    #[test]
    fn a_peer_that_changes_its_window_again_and_again_is_read_ever_more_slowly() {
        let intake = Intake::new(Window::FULL);
        for _ in 0..limits::WINDOWS_BURST {
            assert_eq!(intake.regranted(), Duration::ZERO);
        }
        // What came back meanwhile is little against this.
        let pauses: Vec<Duration> = (0..limits::WINDOWS_BURST).map(|_| intake.regranted()).collect();
        assert!(pauses.last().unwrap() > &Duration::from_secs(5), "{:?}", pauses.last());
    }
}
