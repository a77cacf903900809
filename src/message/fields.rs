//! Fields of signed records, read as strictly everywhere: a value leaves, or the refusal of the whole record.
//!
//! What the wire gives enters. Nothing is repaired or cut; what is empty is none only where there may be none.

use crate::digest::Digest;
use crate::limits;
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Every record of a list, or the first that is not in order.
pub(super) fn each<T, U>(
    records: Vec<T>,
    parse: impl Fn(T) -> Result<U, Refusal>,
) -> Result<Vec<U>, Refusal> {
    records.into_iter().map(parse).collect()
}

/// Refuses more of something than there may be.
pub(super) fn bounded(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count <= most { Ok(()) } else { Err(malformed(format!("more than {most} {what}"))) }
}

/// A text of one line.
pub(super) fn short(text: String) -> Result<String, Refusal> {
    let fits = text.len() <= limits::SHORT_TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(malformed("a short text is too long or holds control characters")) }
}

/// A digest that must be there.
pub(super) fn digest(bytes: &[u8]) -> Result<Digest, Refusal> {
    Digest::from_slice(bytes).map_err(|_| malformed("not a digest"))
}

/// The code of a ministry that must be there.
pub(super) fn ministry(code: &str) -> Result<Ministry, Refusal> {
    Ministry::parse(code).map_err(|_| malformed("not the code of a ministry"))
}

/// The code of a ministry; empty for none.
pub(super) fn optional_ministry(code: &str) -> Result<Option<Ministry>, Refusal> {
    if code.is_empty() { Ok(None) } else { ministry(code).map(Some) }
}

/// A message id; empty for none.
pub(super) fn optional_id(bytes: &[u8]) -> Result<Option<MessageId>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    MessageId::from_slice(bytes).map(Some).map_err(|_| malformed("not a message id"))
}

/// Seconds since 1970; zero for none.
pub(super) fn optional_time(seconds: i64) -> Result<Option<Timestamp>, Refusal> {
    match seconds {
        0 => Ok(None),
        1.. => Ok(Some(Timestamp::from_seconds(seconds))),
        _ => Err(malformed("a time lies before 1970")),
    }
}

/// A term of a vocabulary, where its number has one.
pub(super) fn term<T>(term: Option<T>, what: &str) -> Result<T, Refusal> {
    term.ok_or_else(|| malformed(format!("unknown {what}")))
}

/// The refusal of bytes that are not the record they must be.
pub(super) fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Malformed, detail)
}
