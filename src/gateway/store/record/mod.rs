//! What the store takes and gives, as plain types: exact bytes, digests, numbers.
//!
//! Verified facts enter, kept facts leave. Nothing here is parsed, and no type here is one of the wire.

mod alarm;
mod archive;
mod ledger;
mod log;
mod message;
mod queue;
mod scrub;
mod sent;
mod space;
mod standing;

pub use alarm::{
    ADMINISTRATION_ALARM, Acknowledged, Alarm, BUNDLE_REFUSED_ALARM, CREDENTIALS_ALARM, DESK_LIST_ALARM,
    EQUIVOCATION_ALARM, KEY_ALARM, MIRROR_ALARM, PART_DAMAGED_ALARM, PART_ROOM_ALARM, PART_STUCK_ALARM,
    PAUSE_ENDED_ALARM, REFUSED_ALARM, RESTORED_ALARM, RaisedAlarm, SPACE_ALARM, UNCONFIRMED_ALARM,
    URGENT_EXPIRED_ALARM, URGENT_HELD_UP_ALARM, URGENT_WITHDRAWN_ALARM, WITHHOLDING_ALARM,
};
pub use archive::ArchivedMessage;
pub use ledger::{KeptList, Offered, OwedKind, Record, RecordKind, RecordsKept, Verification};
pub use log::{
    Checkpoint, CheckpointKept, Extension, Footing, FoundLeaf, Ground, LeafPlace, LogEntry, LogHead, LogLeaf,
    LogNews, LogProgress, MirrorUpdate, Mirrored, NewLeaves, ProvenLeaves,
};
pub use message::{Consignment, Custody, Direction, Equivocation, Part, Position, Received, SignedHeader};
pub use queue::{
    Attempt, AttemptEnd, DESK, Decision, DecisionKind, Ends, FailedAttempt, FoundMessage, GATEWAY, Holding,
    KeptDecision, Pause, Pausing, QueueEntry, QueueFilter, QueueFront, QueuePage, QueuePlace, QueueState,
    Release, Retried, Retry, Surrender, UNANSWERED, Withdrawal,
};
pub use scrub::{Damage, Damaged, Examination, KeptMessage, KeptOutgoing, Progress, Unwatched};
pub use sent::{
    Answered, Expiry, OutboxItem, Overdue, PeerQueue, SentLine, SentMessage, SentState, Settlement, Submitted,
};
pub use space::{Amount, Announced, Quota, Share, SpaceUse};
pub use standing::{
    ForkRecord, FromBackup, LostLeaf, LostMatter, LostPiece, OwnLog, Proven, Restored, Shown,
};
