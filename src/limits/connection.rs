//! Bounds of connections: handshakes, frames, calls, and who may have how many of them.

use std::time::Duration;

/// A gRPC message, bytes: one full batch and its framing.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

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

/// Handshakes under way at once that one peer has of those kept free, from all its addresses together: what it opens
/// when it comes back. Beyond them it is a stranger like others, so that no peer takes the places of the others.
pub const HANDSHAKES_PER_MINISTRY_MAX: usize = 8;

/// Source addresses of one peer remembered for the reserve; it pushes out its own.
pub const KNOWN_ORIGINS_PER_PEER_MAX: usize = 8;

/// Names that are looked up at once: each takes one of the threads for what blocks until the system has its answer,
/// however long nobody waits for it any more. Half of them are for the store.
pub const LOOKUPS_AT_ONCE_MAX: usize = 8;

/// Source addresses of the own desks remembered for the reserve.
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

/// Relay streams open at once of one peer: one each way, and some that are not known to be dead yet.
pub const RELAY_STREAMS_PER_PEER_MAX: usize = 16;

/// Path of a Unix socket, bytes: what the operating system takes, less the zero at its end.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Scrapes of the metrics answered at once: one monitoring system, and somebody who looks.
pub const SCRAPES_AT_ONCE_MAX: usize = 4;

/// How long one scrape may take, question and answer.
pub const SCRAPE_DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of the question of a scrape that are kept: the least that the HTTP library takes.
pub const SCRAPE_REQUEST_BYTES_MAX: usize = 8 * 1024;

/// How long before an end people are told first.
pub const EXPIRY_MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long before an end they are told again.
pub const EXPIRY_WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long before an end they are told for the last time.
pub const EXPIRY_DAY: Duration = Duration::from_secs(24 * 3600);

/// Pause after which the service of a desk says again what is near its end.
pub const EXPIRY_TOLD_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Pause between looks for ends that have come nearer.
pub const EXPIRY_LOOK_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long a gateway that was told to stop waits for what is under way.
pub const STOP_DEADLINE: Duration = Duration::from_secs(10);
