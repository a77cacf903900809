//! Columns <-> plain types: digests as 32-byte blobs, counts as integers, codes as small integers.
//!
//! A value that cannot be one of ours is a conversion failure of its row, never a panic and never a default.

use rusqlite::types::Type;
use rusqlite::{Error, Row};

use super::record::{DecisionKind, Direction, OwedKind, RecordKind, SentState};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A count as SQLite keeps it. No count of ours reaches 2^63; one that a peer merely states is compared
/// before it is kept.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A length as SQLite keeps it.
pub(super) fn stored_len(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The count in `column`.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// The digest in `column`.
pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get::<_, [u8; 32]>(column).map(Digest::from_bytes)
}

/// The digest in `column`, where an empty blob means none.
pub(super) fn digest_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Digest>> {
    if row.get_ref(column)?.as_blob()?.is_empty() { Ok(None) } else { digest(row, column).map(Some) }
}

/// A digest as kept, where none is an empty blob.
pub(super) fn blob(digest: Option<&Digest>) -> &[u8] {
    digest.map_or(&[], |digest| digest.as_bytes().as_slice())
}

/// The instant in `column`, where there is one.
pub(super) fn instant_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_seconds))
}

/// The instant in `column`.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_seconds)
}

/// The code of a ministry in `column`.
pub(super) fn ministry(row: &Row<'_>, column: usize) -> rusqlite::Result<Ministry> {
    let code: String = row.get(column)?;
    Ministry::parse(&code)
        .map_err(|invalid| Error::FromSqlConversionFailure(column, Type::Text, Box::new(invalid)))
}

/// The first eight bytes of a digest: indexes hold them instead of the whole, which keeps them small;
/// queries compare the whole digest as well.
pub(super) fn prefix(digest: &Digest) -> i64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(digest.as_bytes()) {
        *to = *from;
    }
    i64::from_be_bytes(bytes)
}

/// A vocabulary that a column keeps as a small integer.
pub(super) trait Code: Copy + PartialEq + Sized + 'static {
    /// Every word with its integer. Integers are never reused.
    const CODES: &'static [(Self, i64)];

    /// The integer.
    fn code(self) -> i64 {
        Self::CODES.iter().find(|(word, _)| *word == self).map_or(-1, |(_, code)| *code)
    }

    /// The word in `column`.
    fn column(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let value: i64 = row.get(column)?;
        let word = Self::CODES.iter().find(|(_, code)| *code == value);
        word.map(|(word, _)| *word).ok_or(Error::IntegralValueOutOfRange(column, value))
    }
}

impl Code for Direction {
    const CODES: &'static [(Self, i64)] = &[(Self::Out, 1), (Self::In, 2)];
}

impl Code for RecordKind {
    const CODES: &'static [(Self, i64)] = &[(Self::Bundle, 1), (Self::Policy, 2)];
}

impl Code for OwedKind {
    const CODES: &'static [(Self, i64)] = &[(Self::Bundle, 1), (Self::Revocation, 2)];
}

impl Code for SentState {
    const CODES: &'static [(Self, i64)] = &[
        (Self::Queued, 1),
        (Self::Delivered, 2),
        (Self::Rejected, 3),
        (Self::Expired, 4),
        (Self::Withdrawn, 5),
    ];
}

impl Code for DecisionKind {
    const CODES: &'static [(Self, i64)] =
        &[(Self::Held, 1), (Self::Released, 2), (Self::Withdrawn, 3), (Self::Packed, 4)];
}
