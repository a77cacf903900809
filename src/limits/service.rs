//! Bounds of the desk service.

use std::time::Duration;

/// Calls of one kind that one client may have under way: a system with many workers.
pub const SERVICE_CALLS_PER_CLIENT_MAX: usize = 256;

/// Watches, uploads or downloads that one client may have under way.
pub const SERVICE_STREAMS_PER_CLIENT_MAX: usize = 32;

/// Bytes of a request: a draft with its texts; larger documents are uploaded.
pub const SERVICE_REQUEST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of an answer: a page of opened drafts.
pub const SERVICE_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of the id that a client gives to a request.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// For how long the desk knows which requests it has done: longer than anybody sends one again.
pub const REQUESTS_REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Labels of offices that a request may name.
pub const REQUEST_OFFICES_MAX: usize = 16;

/// Rows of the register that one page of a filtered list looks at; what is not among them is on the next page.
pub const PAGE_ROWS_MAX: usize = 1024;

/// Bytes of a page token or cursor: some numbers in base64.
pub const PAGE_TOKEN_BYTES_MAX: usize = 128;

/// Bytes of a search.
pub const SEARCH_BYTES_MAX: usize = 256;

/// Events that wait for one watcher; whoever does not read them is ended after `READER_PATIENCE`.
pub const EVENTS_WAITING_MAX: usize = 64;

/// How long a watcher or a download may leave unread what waits for it; as long again, and its connection is closed.
pub const READER_PATIENCE: Duration = Duration::from_secs(30);

/// Pieces of a download that wait for their reader.
pub const PIECES_WAITING_MAX: usize = 4;

/// Downloads and evidence files that are handed out at once: each holds a thread, and other work needs some.
pub const DOWNLOADS_MAX: usize = 128;

/// Pause between looks at the own gateway, which tells by itself of what happens: in case its word was lost.
pub const SERVICE_FETCH_PAUSE: Duration = Duration::from_secs(30);

/// The same while the gateway is away.
pub const SERVICE_AWAY_PAUSE: Duration = Duration::from_secs(3);

/// When a client is to try again what the gateway could not take.
pub const SERVICE_RETRY_PAUSE: Duration = Duration::from_secs(2);

/// Uploads, whole and unfinished, that rest at a desk.
pub const SERVICE_UPLOADS_MAX: usize = 4096;

/// Bytes of them in sum: some of the longest documents.
pub const SERVICE_UPLOADS_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// How long an upload may stop before its stream is ended; what came is kept, and nobody else is held up.
pub const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// For how long an upload rests that no draft took up.
pub const UPLOADS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Field violations that an error tells of: clients take few kilobytes of metadata.
pub const VIOLATIONS_TOLD_MAX: usize = 12;

/// Bytes of each of them.
pub const VIOLATION_BYTES_MAX: usize = 240;

/// Pause between tidyings: old uploads and requests go, and the own certificate is renewed.
pub const SERVICE_TIDY_PAUSE: Duration = Duration::from_secs(3600);

/// The certificate of the service is renewed this long before its end.
pub const SERVICE_RENEWAL: Duration = Duration::from_secs(60 * 24 * 3600);

/// Bytes of words that are told inside a message; longer texts are downloaded.
pub const SHOWN_TEXT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of words that are told in one page of opened messages.
pub const LISTED_WORDS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long calls and streams may take to end when the service stops.
pub const SERVICE_DRAIN_DEADLINE: Duration = Duration::from_secs(20);
