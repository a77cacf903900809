//! Every bound of the system in one table, each with its unit and its reason.

use std::time::Duration;

/// Sealed parts that travel inside an envelope, bytes in sum: they share the store's transaction, and a
/// quarter of a MiB keeps that transaction short.
pub const INLINE_PARTS_BYTES_MAX: u64 = 256 * 1024;

/// A sequence or act number: what registers and stores keep as a signed 64-bit integer.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// A header, bytes: sixteen addressees and sixty-five parts fit with room to spare.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// A detached CMS signature, bytes: a chain of three P-384 certificates and a time stamp fit.
pub const SIGNATURE_BYTES_MAX: usize = 64 * 1024;

/// An encoded envelope, bytes: header, signature, inline parts and framing.
pub const ENVELOPE_BYTES_MAX: usize = 384 * 1024;

/// A dispatch with its authentications before padding, bytes: its sealed form must stay inline.
pub const SIGNED_DISPATCH_BYTES_MAX: usize = 192 * 1024;

/// A text field of an act, bytes: longer texts are documents.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// A short text field (subject, title, label), bytes.
pub const SHORT_TEXT_BYTES_MAX: usize = 512;

/// Entries of one repeated field of an act.
pub const LIST_ENTRIES_MAX: usize = 256;

/// Addressees of a message.
pub const ADDRESSEES_MAX: usize = 16;

/// Documents of a message.
pub const DOCUMENTS_MAX: usize = 64;

/// One document, bytes, plain: a scanned file of a case with images.
pub const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Signatures of offices on one dispatch.
pub const AUTHENTICATIONS_MAX: usize = 16;

/// A log leaf, bytes.
pub const LEAF_BYTES_MAX: usize = 1024;

/// A trust bundle or channel policy, bytes.
pub const SIGNED_RECORD_BYTES_MAX: usize = 1024 * 1024;

/// A trust bundle or channel policy with its signature, bytes: two tags and two lengths stand before them.
pub const SIGNED_FILE_BYTES_MAX: usize = SIGNED_RECORD_BYTES_MAX + SIGNATURE_BYTES_MAX + 16;

/// Entries of any list of a signed record, before it is decoded: more than every list may hold, and few enough
/// that no record takes much more memory than bytes.
pub const RECORD_ENTRIES_MAX: usize = 2048;

/// Authorities, keys or addresses of one kind in a trust bundle: a few overlap while they are rotated.
pub const BUNDLE_ENTRIES_MAX: usize = 16;

/// Revocation lists in a trust bundle: every authority's present list and the last one of those that ended.
pub const REVOCATION_LISTS_MAX: usize = 64;

/// A public key as text, bytes: post-quantum keys are near 2 KB.
pub const KEY_TEXT_BYTES_MAX: usize = 4096;

/// Channels in a channel policy.
pub const CHANNELS_MAX: usize = 1024;

/// Accredited peers in a channel policy: more than there are States.
pub const PEERS_MAX: usize = 256;

/// Reading keys one ministry announces.
pub const READING_KEYS_MAX: usize = 3;

/// Certificates whose chain the anchors of a ministry remember: its registry and its offices, with room to spare.
pub const CHAINS_REMEMBERED_MAX: usize = 64;

/// Recipients of one sealed part: every addressee's reading keys and our own.
pub const RECIPIENTS_MAX: usize = 64;

/// The header of an age file, bytes: `RECIPIENTS_MAX` hybrid stanzas of 1.6 KB and their framing.
pub const SEAL_HEADER_BYTES_MAX: usize = 128 * 1024;

/// Logarithm of the work a passphrase of a new key file costs: 256 MiB and about a second.
pub const WORK_FACTOR: u8 = 18;

/// Largest logarithm of work we do for a file with a passphrase: 1 GiB and some seconds.
pub const WORK_FACTOR_MAX: u8 = 20;

/// Smallest padded plaintext, bytes: short notes look alike.
pub const PADDED_BYTES_MIN: u64 = 16 * 1024;

/// One piece of a streamed part, bytes.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Envelopes of one relay frame.
pub const BATCH_ENVELOPES_MAX: usize = 256;

/// Envelopes of one relay frame, bytes in sum.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Deliveries of one peer that we take before we have answered them, and of ours that wait for its answer: some
/// full frames, so that one is on its way while another is judged and a third is committed.
pub const WINDOW_ENVELOPES: u32 = 1024;

/// Their envelopes, bytes in sum; it bounds the memory that one stream of a peer takes.
pub const WINDOW_BYTES: u64 = 4 * 1024 * 1024;

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

/// Logs that one answer lists: own and mirrored ones of every peer, over many years.
pub const LOGS_MAX: usize = 16 * 1024;

/// Alarms that one answer shows: one of every code about every peer, and more codes than there are.
pub const STATUS_ALARMS_MAX: usize = 16 * PEERS_MAX;

/// Damages that one answer names: a damaged disk has many, and four MiB hold about as many.
pub const DAMAGES_MAX: usize = 64 * 1024;

/// A gRPC message, bytes: one full batch and its framing.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How far a release time may lie ahead of our clock (CHN-08).
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// Validity of a message if its sender states none.
pub const VALIDITY_DEFAULT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Time for a TLS handshake; a silent connection is closed after it.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// Handshakes under way at once on one listener.
pub const HANDSHAKES_MAX: usize = 256;

/// Handshakes under way at once from one source address, so that a stranger cannot shut out peers.
pub const HANDSHAKES_PER_SOURCE_MAX: usize = 32;

/// Handshakes kept free for source addresses from which somebody was believed before.
pub const HANDSHAKES_RESERVED: usize = 64;

/// Log lines about refused strangers at once, and per second from then on: a flood of garbage must not become a
/// flood of lines that fills the disk.
pub const REFUSALS_LOGGED_BURST: u64 = 100;
/// Log lines about refused strangers per second.
pub const REFUSALS_LOGGED_PER_SECOND: u64 = 1;

/// Source addresses remembered for the reserve.
pub const KNOWN_ORIGINS_MAX: usize = 256;

/// Addresses of one peer's announced endpoints for which the reserve is kept as well: what a bundle says and a
/// name server answers is bounded for each, so that no peer takes the reserve of the others.
pub const ANNOUNCED_ORIGINS_PER_PEER_MAX: usize = 8;

/// Pause between looks where the endpoints of peers are: addresses behind names change.
pub const ANNOUNCED_ORIGINS_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Connections open at once of one name: either side may dial, desks run several commands.
pub const CONNECTIONS_PER_NAME_MAX: usize = 64;

/// Connections open at once of one peer: a stream each way, some sealed parts at once, and those that are not
/// known to be dead yet. Each may hold a connection window of bytes that nobody has read.
pub const CONNECTIONS_PER_PEER_MAX: usize = 16;

/// Connections open at once on one listener.
pub const CONNECTIONS_MAX: usize = 1024;

/// Connections that passed the handshake and wait to be served.
pub const CONNECTIONS_WAITING_MAX: usize = 16;

/// Pause after the system refused to accept a connection (no file descriptors left, for one).
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// HTTP/2 window of one stream, bytes: a batch and a piece of a document fit without waiting.
pub const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// HTTP/2 window of one connection, bytes; it also bounds the small frames h2 tolerates.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Calls under way at once on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 1024;

/// Frames that carry nothing of a call (PING, SETTINGS, RST_STREAM, WINDOW_UPDATE, empty DATA and the like) that
/// one connection may send at once: what a client with small windows sends after a whole connection window.
pub const CONTROL_FRAMES_BURST: u64 = 4096;

/// The same per second from then on: an honest connection sends a handful.
pub const CONTROL_FRAMES_PER_SECOND: u64 = 256;

/// Bytes written to a peer that allow it one such frame more: two WINDOW_UPDATE for every frame of 16 KiB are
/// allowed twice over.
pub const BYTES_PER_CONTROL_FRAME: u64 = 4 * 1024;

/// Frames of every kind that one connection may send at once, and per second from then on: several times what
/// the fastest honest client was measured to send, three frames a call at 25,000 calls a second.
pub const FRAMES_BURST: u64 = 512 * 1024;
/// Frames of every kind per second.
pub const FRAMES_PER_SECOND: u64 = 256 * 1024;

/// Bytes of one connection at once, and per second from then on; more waits. More than one processor decrypts,
/// so that only a defect of ours can come to it.
pub const CONNECTION_BYTES_BURST: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of one connection per second.
pub const CONNECTION_BYTES_PER_SECOND: u64 = 2 * 1024 * 1024 * 1024;

/// Calls of one kind that one desk or operator may have under way: many commands at once, each in no hurry.
pub const CALLS_PER_DESK_MAX: usize = 4096;

/// Streams of one kind that one desk may have open.
pub const STREAMS_PER_DESK_MAX: usize = 16;

/// Sealed parts that one peer may hand over at once; each holds an open file and some pieces of memory.
pub const UPLOADS_PER_PEER_MAX: usize = 32;

/// Calls that one peer may hold open to be handed sealed parts: one more than move at once, and some that are not
/// known to be dead yet.
pub const TAKERS_PER_PEER_MAX: usize = 8;

/// Calls of the health service that one caller may have under way.
pub const HEALTH_CALLS_MAX: usize = 16;

/// A question to the health service, bytes: the name of a service.
pub const HEALTH_QUESTION_BYTES_MAX: usize = 256;

/// Time a caller may keep a call waiting for its next bytes; the stream between gateways may be silent.
pub const CALL_SILENCE_MAX: Duration = Duration::from_secs(30);

/// Metadata of one call, bytes.
pub const CALL_METADATA_BYTES_MAX: u32 = 16 * 1024;

/// Silence after which a connection is probed.
pub const KEEP_ALIVE_PAUSE: Duration = Duration::from_secs(20);

/// Time for the answer to a probe; a connection without one is closed.
pub const KEEP_ALIVE_DEADLINE: Duration = Duration::from_secs(10);

/// Time to connect to a peer or a gateway.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// First and longest pause between delivery attempts.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause between delivery attempts.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Threads for what blocks: the store's readers, judging, files of parts. Each takes memory of its own, and there are
/// few cores.
pub const BLOCKING_THREADS_MAX: usize = 16;

/// Answers of a peer that are verified by the thread that read them: more would hold up its streams.
pub const ANSWERS_VERIFIED_HERE_MAX: usize = 4;

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

/// Documents of one message, bytes in sum, plain.
pub const DOCUMENTS_BYTES_MAX: u64 = 4 * DOCUMENT_BYTES_MAX;

/// Bytes between two reports of how far a transfer has come.
pub const PROGRESS_STEP_BYTES: u64 = 1024 * 1024;

/// One sealed part, bytes: a padded document of `DOCUMENT_BYTES_MAX`, its chunk tags and its header.
pub const SEALED_PART_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Name of a log or cosigner key, bytes: post-quantum cosignatures count its length in one byte.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// Signature lines of a checkpoint; the signed-note specification demands that sixteen are accepted.
pub const NOTE_SIGNATURES_MAX: usize = 16;

/// A signed note, bytes: sixteen post-quantum lines of 3.5 KB fit.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A proof of inclusion as text, bytes: its checkpoint, sixty-four hashes and a little extra data.
pub const LOG_PROOF_BYTES_MAX: usize = 80 * 1024;

/// A proof that a log forked, bytes: two notes and a consistency proof.
pub const FORK_PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + 4 * 1024;

/// Proofs of forks that are shown at once: one of each kind for each of `PEERS_MAX` peers.
pub const FORKS_MAX: usize = 2 * PEERS_MAX;

/// Hashes of a proof of inclusion or consistency: one for each level of a tree whose size is a `u64`.
pub const PATH_HASHES_MAX: usize = 64;

/// How long a submission waits for the first hello of its peer before its desk is told to try again.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(3);

/// Time for a peer's answer to one batch; after it the stream is opened anew.
pub const OUTCOME_DEADLINE: Duration = Duration::from_secs(60);

/// Pause between looks for messages whose validity has ended.
pub const EXPIRY_PAUSE: Duration = Duration::from_secs(10);

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

/// Digits of the shortest beginning of an id that may stand for a message: few others begin so by chance.
pub const ID_PREFIX_DIGITS_MIN: usize = 4;

/// A reason that an operator gives, characters: a code or the number of a ticket, never a text.
pub const OPERATOR_REASON_MAX: usize = 32;

/// Words of a peer that are kept or logged, characters.
pub const PEER_WORDS_MAX: usize = 256;

/// Relay streams open at once of one peer: one each way, and some that are not known to be dead yet.
pub const RELAY_STREAMS_PER_PEER_MAX: usize = 16;

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

/// Messages of one evidence file: a long consultation.
pub const EVIDENCE_MESSAGES_MAX: usize = 512;

/// Entries of one evidence file: what the zip format counts without further fields.
pub const EVIDENCE_ENTRIES_MAX: usize = 65_534;

/// Name of an entry of an evidence file, bytes: a reference and a document id fit.
pub const EVIDENCE_NAME_BYTES_MAX: usize = 160;

/// README of an evidence file, bytes, where it is shown by itself: some lines for each part of each message.
pub const EVIDENCE_README_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Trust bundles of one evidence file: some for each of the ministries of a consultation.
pub const EVIDENCE_BUNDLES_MAX: usize = 64;

/// Pause between looks whether the store has stopped; a gateway whose store stopped ends.
pub const STORE_WATCH_PAUSE: Duration = Duration::from_secs(1);

/// A form, bytes: long texts and lists fit; larger texts stand in files beside it.
pub const FORM_BYTES_MAX: u64 = 1024 * 1024;

/// A text whose words the rules read and the command line shows, bytes.
pub const JUDGED_TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// Trust bundles and the folder that holds them, entries read by `verify`.
pub const TRUST_FILES_MAX: usize = 1024;

/// A chain of certificates in a file, bytes.
pub const CHAIN_BYTES_MAX: usize = 64 * 1024;

/// Path of a Unix socket, bytes: what the operating system takes, less the zero at its end.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// How long a gateway that was told to stop waits for what is under way.
pub const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// A receipt, bytes: a leaf, a proof and their framing.
pub const RECEIPT_BYTES_MAX: usize = LEAF_BYTES_MAX + LOG_PROOF_BYTES_MAX + 64;
