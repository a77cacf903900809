//! Frames of the relay between two gateways, as plain types, and the two ends they pass through.
//!
//! The gRPC edge (`serve/`) and tests put the same frames through the same channels, so that the rooms
//! behind know nothing of gRPC.

use tokio::sync::mpsc;

use crate::digest::Digest;
use crate::gateway::error::Fault;
use crate::limits;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// One frame of the relay stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The newest bundle of the sending side's ministry, as the exact bytes of its signed record.
    Announcement(Vec<u8>),
    /// Leaves of the receiving side's own log, as the sending side holds them.
    Copy(Copied),
    /// Asks for the sending side's own log.
    CopyRequest(CopyRequest),
    /// Our cosignature on a checkpoint of the receiving side's log.
    Cosignature(CosignatureLine),
    /// Envelopes for the receiving side, in order.
    Deliveries(Vec<Delivery>),
    /// First frame of each side.
    Hello(Hello),
    /// New leaves of the sending side's log.
    LogUpdate(LogUpdate),
    /// Answers to a batch of envelopes, in their order.
    Outcomes(Vec<Outcome>),
    /// How much the sending side takes from now on.
    Window(Window),
}

/// By which road something of a peer came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Road {
    /// On a data stick, which may be old, and which anybody may have altered on its way: what no signature covers
    /// accuses nobody, and what it holds says nothing of the present.
    Stick,
    /// Over a connection that the peer's certificate opened: it says so now, and whatever is wrong is its own doing.
    Wire,
}

/// What a side knows when the stream opens; whatever it claims is signed by whom it binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The sending ministry.
    pub ministry: Ministry,
    /// Its clock.
    pub time: Timestamp,
    /// Newest signed checkpoints of its own logs of the pair.
    pub logs: Vec<String>,
    /// Newest checkpoints, signed by the receiving side, of that side's logs as they are mirrored.
    pub mirrors: Vec<String>,
    /// What it takes to begin with.
    pub window: Window,
    /// The greatest number of a frame that it takes.
    pub frames: u32,
}

impl Hello {
    /// What this release takes.
    pub const FRAMES: u32 = 9;

    /// Whether announcements may be sent to whoever said this, and leaves about what was announced be shown to it.
    pub fn takes_announcements(&self) -> bool {
        self.frames >= 9
    }
}

/// How many deliveries may be unanswered at once, and how many bytes of envelopes they may have in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Deliveries.
    pub envelopes: u32,
    /// Bytes.
    pub bytes: u64,
}

impl Window {
    /// What a gateway takes while it has room.
    pub const FULL: Self = Self { envelopes: limits::WINDOW_ENVELOPES, bytes: limits::WINDOW_BYTES };
    /// What it takes while it has none.
    pub const SHUT: Self = Self { envelopes: 0, bytes: 0 };
}

/// One envelope on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Exact bytes.
    pub envelope: Vec<u8>,
    /// The sender withdrew it: there are no parts in it, and its number is to be used up.
    pub withdrawn: bool,
}

impl Delivery {
    /// A message that is to be taken.
    pub fn of(envelope: Vec<u8>) -> Self {
        Self { envelope, withdrawn: false }
    }
}

/// Asks the peer for a log of our own that it mirrors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// Origin of the log.
    pub origin: String,
    /// First leaf that is wanted.
    pub first_index: u64,
}

/// Leaves of a log with the messages they concern, from the peer that mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Origin of the log.
    pub origin: String,
    /// Index of the first entry.
    pub first_index: u64,
    /// Leaves in order.
    pub entries: Vec<CopyEntry>,
    /// Consistency proof from their end to the checkpoint.
    pub path: Vec<Digest>,
    /// Checkpoint that covers them, signed by the log's owner and cosigned by the holder.
    pub checkpoint: String,
}

/// A leaf and the message it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyEntry {
    /// Exact leaf bytes.
    pub leaf: Vec<u8>,
    /// Exact envelope of the message, where the holder has it.
    pub envelope: Option<Vec<u8>>,
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
    /// Index of the first leaf; without leaves the size of the checkpoint.
    pub first_index: u64,
    /// Exact leaf bytes; none where only the checkpoint is shown.
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
