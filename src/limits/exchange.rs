//! Bounds of the exchange over a connection: batches, windows, answers, the queue and its alarms, pages.

use std::time::Duration;

use super::PEERS_MAX;

/// Envelopes of one relay frame.
pub const BATCH_ENVELOPES_MAX: usize = 256;

/// Envelopes of one relay frame, bytes in sum.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Deliveries of one peer that we take before we have answered them, and of ours that wait for its answer: some
/// full frames, so that one is on its way while another is judged and a third is committed.
pub const WINDOW_ENVELOPES: u32 = 1024;

/// Their envelopes, bytes in sum; it bounds the memory that one stream of a peer takes.
pub const WINDOW_BYTES: u64 = 4 * 1024 * 1024;

/// Times that a peer may show its logs in one session without any new leaf: once for each when the session begins,
/// and some more, since what contradicts itself shows so.
pub const LOGS_SHOWN_AGAIN_MAX: usize = 2 * HELLO_CHECKPOINTS_MAX;

/// Changes of its window that a peer may send in one session at once, and per second from then on; more are read later.
/// One whose mailbox fills and empties says so each time.
pub const WINDOWS_BURST: u64 = 256;

/// Changes of its window per second.
pub const WINDOWS_PER_SECOND: u64 = 16;

/// Pause before the courier to a peer begins anew after a defect of ours.
pub const COURIER_PAUSE: Duration = Duration::from_secs(1);

/// The code of a reason, characters: the longest of ours, and some room for those of later releases.
pub const REASON_WORD_MAX: usize = 32;

/// How long a connection that we dialled outlives the session or call it was for: what was said last still arrives.
pub const PARTING_PAUSE: Duration = Duration::from_secs(2);

/// Times a message of a peer may make the gateway fail before it is refused for good: more than a mishap of ours.
pub const QUARANTINE_TRIES: u32 = 3;

/// Messages whose failures are counted.
pub const QUARANTINE_COUNTS_MAX: usize = 1024;

/// How long a peer may keep its window shut before the session is ended and another tried.
pub const WINDOW_SHUT_MAX: Duration = Duration::from_secs(5 * 60);

/// Time for a peer's hello on a stream that is open.
pub const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// Checkpoints of one kind in a hello: a log for each year of a pair, and the newest ones beyond that.
pub const HELLO_CHECKPOINTS_MAX: usize = 64;

/// Checkpoints of peers that are remembered as believed: a few batches of a few peers.
pub const BELIEFS_MAX: usize = 32;

/// Batches of one submission stream that are judged at once: the next one beside the one that is being committed.
pub const SUBMIT_BATCHES_JUDGED_MAX: usize = 2;

/// Batches of one submission stream that wait for their commit or their receipts: as many again as are judged.
pub const SUBMIT_BATCHES_UNDER_WAY_MAX: usize = 4;

/// Drafts that a desk signs, seals and registers together: their envelopes, of the usual size, fill a frame.
pub const SEND_BATCH_DRAFTS_MAX: usize = 48;

/// Batches of a desk on their way into its gateway's custody: one there, and one that is ready when it is answered.
pub const SEND_BATCHES_UNDER_WAY_MAX: usize = 2;

/// Settled messages kept for a listener that is slow: some batches.
pub const SETTLED_WAITING_MAX: usize = 4096;

/// Leaves of one log update.
pub const LOG_UPDATE_LEAVES_MAX: usize = 1024;

/// Receipts about one message that one answer holds: a handful of leaves in two logs.
pub const RECEIPTS_MAX: usize = 256;

/// Cosigned checkpoints over a leaf among which one is looked for that proves it to others: the first does but for
/// those that were on their way when a key was replaced.
pub const PROVING_CHECKPOINTS_MAX: usize = 64;

/// Logs that one answer lists: own and mirrored ones of every peer, over many years.
pub const LOGS_MAX: usize = 16 * 1024;

/// Alarms that one answer shows: one of every code about every peer, and more codes than there are.
pub const STATUS_ALARMS_MAX: usize = 16 * PEERS_MAX;

/// Logs that a status shows: the newest own one and the newest mirror of every pair.
pub const NEWEST_LOGS_MAX: usize = 2 * PEERS_MAX;

/// Ends that a status shows: bundle and root of every peer and of the own ministry, and two certificates.
pub const LIFETIMES_MAX: usize = 2 * PEERS_MAX + 4;

/// How far a release time may lie ahead of our clock (CHN-08).
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// Answers of a peer that are verified by the thread that read them: more would hold up its streams.
pub const ANSWERS_VERIFIED_HERE_MAX: usize = 4;

/// How long a submission waits for the first hello of its peer before its desk is told to try again.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(3);

/// Time for a peer's answer to one batch; after it the stream is opened anew.
pub const OUTCOME_DEADLINE: Duration = Duration::from_secs(60);

/// How long a protective act waits before a third copy of it goes to a Power for which two have ended: it may be
/// refused again at once. Each further one waits four times as long.
pub const OWED_ANEW_PAUSE: Duration = Duration::from_secs(60);

/// Longest such pause: what the peer has mended is not waited for longer than an hour.
pub const OWED_ANEW_PAUSE_MAX: Duration = Duration::from_secs(3600);

/// Pause between looks for messages whose validity has ended.
pub const EXPIRY_PAUSE: Duration = Duration::from_secs(10);

/// Longest time after which a part that was refused is offered again while it is wanted: a few of the longest pauses.
pub const PART_OFFERED_AGAIN_MAX: Duration = Duration::from_secs(5 * 60);

/// Silence after which an acknowledged alarm that happens again is new: longer than any pause between attempts.
pub const ALARM_SILENCE: Duration = Duration::from_secs(3600);

/// First attempts kept of each message that brought no receipt, and as many of the last ones.
pub const ATTEMPTS_KEPT: u32 = 8;

/// First decisions of operators kept of each message, and as many of the last ones.
pub const DECISIONS_KEPT: u32 = 16;

/// Attempts without any answer after which a peer is taken to withhold its receipts.
pub const UNRECEIPTED_ATTEMPTS_MAX: u32 = 5;

/// Time since the first attempt without any answer after which a peer is taken to withhold its receipts.
pub const UNRECEIPTED_TIME_MAX: Duration = Duration::from_secs(15 * 60);

/// Messages at the front of one sequence that are tried at once when an operator asks: more than are ever under
/// way, and few enough for one transaction.
pub const RETRY_MESSAGES_MAX: usize = 4096;

/// Entries of one page of the queue.
pub const QUEUE_PAGE_MAX: usize = 256;

/// Entries of one page of the administrative log.
pub const ACTS_PAGE_MAX: usize = 256;

/// Digits of the shortest beginning of an id that may stand for a message: few others begin so by chance.
pub const ID_PREFIX_DIGITS_MIN: usize = 4;

/// A reason that an operator gives, characters: a code or the number of a ticket, never a text.
pub const OPERATOR_REASON_MAX: usize = 32;

/// Words of a peer that are kept or logged, characters.
pub const PEER_WORDS_MAX: usize = 256;

/// Frames that wait on either end of a relay stream.
pub const RELAY_FRAMES_WAITING_MAX: usize = 8;

/// Messages of one mailbox page if the desk states none.
pub const PAGE_DEFAULT: usize = 16;

/// Messages of one mailbox page.
pub const PAGE_MAX: usize = 64;

/// One answer of the mailbox, bytes: a page beyond the frame bound holds a single message.
pub const MAILBOX_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Pause between questions to the own gateway while a person waits for a receipt and the gateway does not tell.
pub const WAIT_PAUSE: Duration = Duration::from_millis(100);

/// Silence after which a desk asks its gateway all the same, which tells at once what is settled.
pub const WAIT_SILENCE: Duration = Duration::from_secs(2);

/// How long a command waits for another one of the same desk that releases or hands over: large documents take minutes,
/// and whoever waits is told for whom.
pub const DESK_LOCK_PATIENCE: Duration = Duration::from_secs(600);

/// Pause between attempts at a lock of the desk.
pub const DESK_LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Pause between looks, while a document is handed over, at whether a protective act waits.
pub const URGENT_PAUSE: Duration = Duration::from_millis(100);

/// For how long a desk does not read its whole register again for a gateway that still lacks something: what it could
/// give it has given.
pub const RESTITUTION_PAUSE: Duration = Duration::from_secs(60);

/// How long a protective act waits for messages that a restored register gets back. Their numbers follow from them;
/// what is not back then is left out of the numbers, and comes back afterwards.
pub const URGENT_REFILL_PATIENCE: Duration = Duration::from_secs(10);

/// Trust bundles that a peer may announce on one stream: far more than a ministry issues while one lives. Each costs
/// some signatures to judge.
pub const ANNOUNCEMENTS_PER_STREAM_MAX: u32 = 64;

/// Newer bundles of one peer that are taken in one day: each may bring a leaf for every list in it, and a ministry in
/// the midst of a rotation issues a handful.
pub const OFFERED_PER_DAY_MAX: i64 = 24;

/// Bytes of one record of a courier stick: a frame of the relay stream is no larger, and a piece of a part far smaller.
pub const COURIER_RECORD_BYTES_MAX: usize = super::FRAME_BYTES_MAX;

/// Numbers of sticks that are named as missing: more are counted.
pub const COURIER_MISSING_NAMED_MAX: usize = 64;

/// Messages of a stick that are named as refused, each with its reason: more are counted.
pub const COURIER_REFUSED_NAMED_MAX: usize = 64;

/// Newest messages to a peer among which those are counted that are not settled, when it is to be believed no more.
pub const UNSETTLED_LOOKED_AT: usize = 4096;
