//! What the peer may still send: the windows that we granted, against what came and is not answered.

use std::sync::Mutex;

use super::lock;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Delivery, Window};
use crate::limits;

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
}

impl Intake {
    /// Under the window that our hello granted.
    pub(super) fn new(granted: Window) -> Self {
        Self(Mutex::new(State { granted, envelopes: 0, bytes: 0 }))
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

    /// A batch is answered.
    pub(super) fn give_back(&self, batch: Received) {
        let mut state = lock(&self.0);
        state.envelopes = state.envelopes.saturating_sub(batch.envelopes);
        state.bytes = state.bytes.saturating_sub(batch.bytes);
    }
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
    }
}
