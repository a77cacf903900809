//! Counts what happens at a gateway since it started: messages taken, received and settled, calls refused.
//!
//! A count follows what is durable and never stands for it: after a start all of them begin at zero, as
//! Prometheus expects of counters.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::gateway::store::record::SentState;
use crate::trust::name::Ministry;

/// The counts. A clone counts with the same ones.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    taken: Family<OfPeer, Counter>,
    received: Family<OfPeerAndOutcome, Counter>,
    settled: Family<OfPeerAndOutcome, Counter>,
    attempts_failed: Family<OfPeer, Counter>,
    calls_refused: Family<OfCall, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPeer {
    peer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPeerAndOutcome {
    peer: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    call: &'static str,
    reason: &'static str,
}

impl Tallies {
    /// A message of the own desk came into custody.
    pub fn taken(&self, recipient: &Ministry) {
        self.taken.get_or_create(&of(recipient)).inc();
    }

    /// A message of a peer was answered with a signed receipt of its place in the mailbox, or of its rejection.
    pub fn received(&self, sender: &Ministry, accepted: bool) {
        let outcome = if accepted { "accepted" } else { "rejected" };
        self.received.get_or_create(&OfPeerAndOutcome { peer: sender.to_string(), outcome }).inc();
    }

    /// A sent message came to its end.
    pub fn settled(&self, recipient: &Ministry, state: SentState) {
        let outcome = match state {
            SentState::Delivered => "delivered",
            SentState::Expired => "expired",
            SentState::Rejected => "rejected",
            SentState::Withdrawn => "withdrawn",
            SentState::Queued => return,
        };
        self.settled.get_or_create(&OfPeerAndOutcome { peer: recipient.to_string(), outcome }).inc();
    }

    /// A peer refused a message unsigned, and it is to be tried again.
    pub fn attempt_failed(&self, recipient: &Ministry) {
        self.attempts_failed.get_or_create(&of(recipient)).inc();
    }

    /// A call was refused before it reached its service.
    pub fn call_refused(&self, call: &'static str, reason: &'static str) {
        self.calls_refused.get_or_create(&OfCall { call, reason }).inc();
    }

    /// Lets a page show the counts.
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self { taken, received, settled, attempts_failed, calls_refused } = self.clone();
        registry.register("messages_taken", "Messages of the own desk taken into custody", taken);
        registry.register(
            "messages_received",
            "Messages of peers answered with a signed receipt, a repeated one again",
            received,
        );
        registry.register("messages_settled", "Sent messages that came to an end", settled);
        let help = "Messages that a peer refused unsigned; each is tried again";
        registry.register("attempts_failed", help, attempts_failed);
        registry.register("calls_refused", "Calls refused before they reached a service", calls_refused);
    }
}

fn of(ministry: &Ministry) -> OfPeer {
    OfPeer { peer: ministry.to_string() }
}
