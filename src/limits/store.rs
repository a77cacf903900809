//! Bounds of what is kept at a gateway: commits, space, quotas, and parts on their way.

use std::time::Duration;

/// Damages that one answer names: a damaged disk has many, and four MiB hold about as many.
pub const DAMAGES_MAX: usize = 64 * 1024;

/// How long a job that nobody waits for may wait for one that somebody waits for, to share its commit.
pub const COMMIT_PATIENCE: Duration = Duration::from_millis(20);

/// Bytes of envelopes that were just taken and are kept in memory until they are carried: two windows of a peer.
pub const FRESH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Jobs one group commit takes at most.
pub const COMMIT_JOBS_MAX: usize = 1024;

/// Jobs that may wait for the store's writer; beyond it callers are told to try later.
pub const COMMIT_QUEUE_MAX: usize = 4096;

/// Bytes one group commit takes at most, one job over: a longer transaction delays those behind it more
/// than it saves.
pub const COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes that may wait for the store's writer; it bounds the memory of a gateway under load.
pub const COMMIT_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes written, about, after which the store moves its write-ahead log into the database: rarely enough that
/// hot pages are written back once, and often enough that a restart reads little.
pub const CHECKPOINT_BYTES: usize = 80 * 1024 * 1024;

/// Bytes of the write-ahead log beyond which it begins anew although readers must be waited for: a few times what is
/// moved at once, so that hardly any reader ever is.
pub const WAL_BYTES_MAX: u64 = 4 * CHECKPOINT_BYTES as u64;

/// A file that takes up room beside the store, bytes: given away when the disk is full, it holds the receipts of
/// some ten thousand messages.
pub const BALLAST_BYTES: u64 = 64 * 1024 * 1024;

/// Free room below which nothing new is taken, bytes: what was taken before must still be settled, and a
/// write-ahead log of `CHECKPOINT_BYTES` moved.
pub const SPACE_FLOOR_BYTES: u64 = 256 * 1024 * 1024;

/// Messages of one peer that may wait for a desk that is away.
pub const MAILBOX_MESSAGES_MAX: u64 = 100_000;

/// Bytes of one peer's messages, documents included, that may wait for a desk that is away.
pub const MAILBOX_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;

/// Leaves of one peer's logs that are mirrored beyond two for each message between us: one that has a backlog shows
/// the leaves before the messages, and one that signs leaves about nothing fills some two GiB and no more.
pub const MIRROR_LEAVES_MAX: u64 = 4 * 1024 * 1024;

/// Logs of one peer that are mirrored: one for each year.
pub const MIRROR_LOGS_MAX: u64 = 256;

/// Sealed parts of one ministry that no message refers to yet: some messages with all the documents they may have.
pub const UPLOADS_MAX: u64 = 1024;

/// Bytes of one ministry's sealed parts that no message refers to yet.
pub const UPLOAD_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;

/// Pause between sweeps of parts that no message refers to.
pub const SWEEP_PAUSE: Duration = Duration::from_secs(3600);

/// Damages that a scrub names; what is beyond them is only counted.
pub const SCRUB_DAMAGES_MAX: usize = 1000;

/// Connections that read the store at once.
pub const STORE_READERS: usize = 4;

/// Age after which a sealed part that no message refers to is swept: its envelope never came.
pub const ORPHAN_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Bytes of an arriving part between two syncs; what is promised to be here after a cut is never more than was
/// synced.
pub const PART_SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// Transfers of parts that a gateway takes at once from one side: each holds some pieces in memory.
pub const PART_TRANSFERS_MAX: usize = 8;

/// Attempts of a desk to hand over or fetch a part that do not get any further, before the officer is told.
pub const PART_ATTEMPTS_MAX: u32 = 5;

/// Pause between them: a gateway that is started again answers within seconds.
pub const PART_ATTEMPT_PAUSE: Duration = Duration::from_millis(500);

/// Time in which a piece of a part must be whole, or be taken by the peer, however its bytes trickle; where none comes
/// at all, `CALL_SILENCE_MAX` ends the call before that. A transfer that was ended goes on where it was.
pub const PIECE_DEADLINE: Duration = Duration::from_secs(60);

/// Transfers of parts to one peer at once: one keeps the line busy, the other is not held up by its syncs.
pub const FREIGHT_HAULS_MAX: usize = 2;

/// Transfers shown of one peer, and carried in its status.
pub const FREIGHT_SHOWN_MAX: usize = 64;

/// Parts of messages that the peer is known to hold, remembered until their messages are settled.
pub const FREIGHT_REMEMBERED_MAX: usize = 4096;

/// How long a part may fail to reach its peer without getting any further before somebody is told.
pub const FREIGHT_ALARM_AFTER: Duration = Duration::from_secs(10 * 60);

/// Pause between looks whether the store has stopped; a gateway whose store stopped ends.
pub const STORE_WATCH_PAUSE: Duration = Duration::from_secs(1);
