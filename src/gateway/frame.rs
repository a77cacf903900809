//! Frames of the relay between two gateways, as plain types, and the two ends they pass through.
//!
//! The gRPC edge (`serve/`) and tests put the same frames through the same channels, so that the rooms
//! behind know nothing of gRPC.

use tokio::sync::mpsc;

use crate::gateway::error::Fault;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// One frame of the relay stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Our cosignature on a checkpoint of the receiving side's log.
    Cosignature(CosignatureLine),
    /// Envelopes for the receiving side, exact bytes, in order.
    Deliveries(Vec<Vec<u8>>),
    /// First frame of each side.
    Hello(Hello),
    /// New leaves of the sending side's log.
    LogUpdate(LogUpdate),
    /// Answers to a batch of envelopes, in their order.
    Outcomes(Vec<Outcome>),
}

/// What a side knows when the stream opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The sending ministry.
    pub ministry: Ministry,
    /// Origin of its log of the pair.
    pub origin: String,
    /// Size of that log.
    pub size: u64,
    /// Size of the receiving side's log that it mirrors.
    pub mirrored_size: u64,
    /// Its clock.
    pub time: Timestamp,
}

/// The answer to one envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The message; none where its envelope could not be read.
    pub message_id: Option<MessageId>,
    /// What became of it.
    pub answer: Answer,
}

/// What became of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The signed answer: exact bytes of a receipt whose leaf says received or rejected.
    Receipt(Vec<u8>),
    /// An unsigned refusal; it changes no state.
    Unsigned {
        /// Stable reason code.
        reason: String,
        /// For people.
        detail: String,
    },
}

/// New leaves of a log with the checkpoint that covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogUpdate {
    /// Index of the first leaf.
    pub first_index: u64,
    /// Exact leaf bytes.
    pub leaves: Vec<Vec<u8>>,
    /// Signed checkpoint.
    pub checkpoint: String,
}

/// A cosignature and what it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignatureLine {
    /// Origin of the log.
    pub origin: String,
    /// Size of the checkpoint.
    pub size: u64,
    /// The signature line.
    pub line: String,
}

/// One side's two ends of a relay stream. Both are bounded: a slow reader slows its writer.
#[derive(Debug)]
pub struct Relay {
    /// Frames to the other side.
    pub outgoing: mpsc::Sender<Frame>,
    /// Frames from the other side; the end of the stream or a fault ends it.
    pub incoming: mpsc::Receiver<Result<Frame, Fault>>,
}

impl Relay {
    /// Sends one frame.
    pub async fn send(&self, frame: Frame) -> Result<(), Fault> {
        self.outgoing.send(frame).await.map_err(|_| Fault::Link("the peer closed the stream".to_owned()))
    }

    /// Receives the next frame.
    pub async fn receive(&mut self) -> Result<Frame, Fault> {
        let next = self.incoming.recv().await;
        next.unwrap_or_else(|| Err(Fault::Link("the peer ended the stream".to_owned())))
    }
}
