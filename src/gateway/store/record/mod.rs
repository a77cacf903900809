//! What the store takes and gives, as plain types: exact bytes, digests, numbers.
//!
//! Verified facts enter, kept facts leave. Nothing here is parsed, and no type here is one of the wire.

mod ledger;
mod log;
mod message;
mod sent;
mod standing;

pub use ledger::{Alarm, Record, RecordKind, RecordsKept, Verification};
pub use log::{
    Checkpoint, CheckpointKept, Extension, FoundLeaf, LeafPlace, LogEntry, LogHead, LogLeaf, MirrorUpdate,
};
pub use message::{
    Consignment, Custody, Direction, EQUIVOCATION_ALARM, Equivocation, KeptMessage, Part, Position, Received,
    SignedHeader,
};
pub use sent::{Expiry, OutboxItem, Overdue, PeerQueue, SentMessage, SentState, Settled, Settlement};
pub use standing::{ForkRecord, LostLeaf, LostMatter, LostPiece, OwnLog, Proven, Restored};
