//! Drafts in clearance, by the digests of their dispatches, and messages that this desk answers by itself.
//!
//! A draft is open, or it is released, cancelled or superseded for good. Nothing of what it says stands here; where its
//! file was written does, so that a desk can list what waits for whom.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::errands::{Errand, note_errand};
use super::held::{Holding, hold};
use super::{Register, RegisterFault};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftState {
    /// It is on its way between the offices.
    Open,
    /// It was released.
    Released,
    /// It was cancelled: its formal number is void.
    Cancelled,
    /// A later version of it took its place.
    Superseded,
}

impl DraftState {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Open, "open"),
        (Self::Released, "released"),
        (Self::Cancelled, "cancelled"),
        (Self::Superseded, "superseded"),
    ];

    /// The word for people and reports.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    fn parse(word: &str) -> Result<Self, RegisterFault> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(state, _)| *state).ok_or(RegisterFault::Damaged("state of a draft"))
    }
}

/// A draft as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftEntry {
    /// Digest of its dispatch (salted).
    pub dispatch: Digest,
    /// Year in which it was composed, and of its formal number.
    pub year: i16,
    /// Its formal number; none for forms that bear none.
    pub formal_number: Option<u32>,
    /// When it was composed.
    pub composed: Timestamp,
    /// What became of it.
    pub state: DraftState,
    /// Where its file was written.
    pub path: String,
    /// The row up to which messages had been received when it was composed.
    pub received_row: u64,
}

impl Register {
    /// Registers a draft that was composed, in the place of an earlier version where it has one. False where that
    /// version is not open any more.
    pub fn open_draft(&self, entry: &DraftEntry, instead_of: Option<&Digest>) -> Result<bool, RegisterFault> {
        self.open_draft_held(entry, instead_of, None)
    }

    /// The same of a draft that the desk service holds.
    pub fn open_draft_held(
        &self,
        entry: &DraftEntry,
        instead_of: Option<&Digest>,
        holding: Option<&Holding>,
    ) -> Result<bool, RegisterFault> {
        self.change_if(|connection| {
            if let Some(holding) = holding {
                hold(connection, &entry.dispatch, holding)?;
            }
            if let Some(earlier) = instead_of
                && !end_draft(connection, earlier, DraftState::Superseded)?
            {
                return Ok(false);
            }
            connection.execute(
                "INSERT INTO draft (dispatch_digest, year, formal_number, compose_time, state, path, received_row)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    entry.dispatch.as_bytes().as_slice(),
                    entry.year,
                    entry.formal_number,
                    entry.composed.seconds(),
                    entry.state.word(),
                    entry.path,
                    entry.received_row,
                ],
            )?;
            Ok(true)
        })
    }

    /// Cancels an open draft. False where it is not open.
    pub fn cancel_draft(&self, dispatch: &Digest) -> Result<bool, RegisterFault> {
        self.cancel_draft_for(dispatch, None)
    }

    /// The same on an errand of a client.
    pub fn cancel_draft_for(
        &self,
        dispatch: &Digest,
        errand: Option<&Errand>,
    ) -> Result<bool, RegisterFault> {
        self.change_if(|connection| {
            errand.map_or(Ok(()), |errand| note_errand(connection, errand))?;
            end_draft(connection, dispatch, DraftState::Cancelled)
        })
    }

    /// A draft, whatever became of it.
    pub fn draft(&self, dispatch: &Digest) -> Result<Option<DraftEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM draft WHERE dispatch_digest = ?1"))?;
        let found = statement.query_row([dispatch.as_bytes().as_slice()], |row| Ok(entry(row))).optional()?;
        found.transpose()
    }

    /// The drafts that are open, oldest first; with `all`, the newest of all of them.
    pub fn drafts(&self, all: bool, count: usize) -> Result<Vec<DraftEntry>, RegisterFault> {
        let which = match all {
            true => "ORDER BY number DESC LIMIT ?1",
            false => "INDEXED BY draft_open WHERE state = 'open' ORDER BY number LIMIT ?1",
        };
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM draft {which}"))?;
        let rows = statement.query_map([count], |row| Ok(entry(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Forgets that a message was answered so: the answer was lost, and another one takes its place.
    pub fn forget_answer(
        &self,
        message: &MessageId,
        kind: &str,
        dispatch: &Digest,
    ) -> Result<(), RegisterFault> {
        self.change(|connection| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM answer WHERE message_id = ?1 AND kind = ?2 AND dispatch_digest = ?3",
            )?;
            let message = message.as_bytes().as_slice();
            delete.execute(params![message, kind, dispatch.as_bytes().as_slice()])?;
            Ok(())
        })
    }

    /// The answer of this kind that was given to a message by this desk itself.
    pub fn answer_to(&self, message: &MessageId, kind: &str) -> Result<Option<Digest>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT dispatch_digest FROM answer WHERE message_id = ?1 AND kind = ?2")?;
        let found: Option<Vec<u8>> =
            statement.query_row(params![message.as_bytes().as_slice(), kind], |row| row.get(0)).optional()?;
        found.map(|bytes| digest(&bytes)).transpose()
    }
}

/// Marks an open draft as released. False where it is not open.
pub(super) fn close_draft(connection: &Connection, dispatch: &Digest) -> Result<bool, RegisterFault> {
    end_draft(connection, dispatch, DraftState::Released)
}

/// Notes that a message is answered. False where it was answered so before.
pub(super) fn note_answer(
    connection: &Connection,
    message: &MessageId,
    kind: &str,
    dispatch: &Digest,
) -> Result<bool, RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO answer (message_id, kind, dispatch_digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    let dispatch = dispatch.as_bytes().as_slice();
    Ok(insert.execute(params![message.as_bytes().as_slice(), kind, dispatch])? == 1)
}

fn end_draft(connection: &Connection, dispatch: &Digest, end: DraftState) -> Result<bool, RegisterFault> {
    let mut update = connection
        .prepare_cached("UPDATE draft SET state = ?2 WHERE dispatch_digest = ?1 AND state = 'open'")?;
    Ok(update.execute(params![dispatch.as_bytes().as_slice(), end.word()])? == 1)
}

const COLUMNS: &str = "dispatch_digest, year, formal_number, compose_time, state, path, received_row";

fn entry(row: &Row<'_>) -> Result<DraftEntry, RegisterFault> {
    let bytes: Vec<u8> = row.get(0)?;
    let state: String = row.get(4)?;
    Ok(DraftEntry {
        dispatch: digest(&bytes)?,
        year: row.get(1)?,
        formal_number: row.get(2)?,
        composed: Timestamp::from_seconds(row.get(3)?),
        state: DraftState::parse(&state)?,
        path: row.get(5)?,
        received_row: row.get(6)?,
    })
}

fn digest(bytes: &[u8]) -> Result<Digest, RegisterFault> {
    Digest::from_slice(bytes).map_err(|_| RegisterFault::Damaged("digest of a dispatch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> (tempfile::TempDir, Register) {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        (folder, register)
    }

    fn draft(words: &str) -> DraftEntry {
        DraftEntry {
            dispatch: Digest::of(words.as_bytes()),
            year: 2026,
            formal_number: Some(7),
            composed: Timestamp::from_seconds(1_795_345_200),
            state: DraftState::Open,
            path: "/tmp/note.draft".to_owned(),
            received_row: 3,
        }
    }

    #[test]
    fn an_open_draft_ends_once() {
        let (_folder, register) = register();
        let one = draft("one");
        assert!(register.open_draft(&one, None).unwrap());
        assert_eq!(register.drafts(false, 10).unwrap(), std::slice::from_ref(&one));
        assert!(register.cancel_draft(&one.dispatch).unwrap());
        assert!(!register.cancel_draft(&one.dispatch).unwrap());
        let marks = super::super::Marks { drafts: vec![one.dispatch], ..Default::default() };
        assert!(!register.release_with(&[], &marks).unwrap(), "what is cancelled is not released");
        assert_eq!(register.draft(&one.dispatch).unwrap().unwrap().state, DraftState::Cancelled);
        assert!(register.drafts(false, 10).unwrap().is_empty());
        assert_eq!(register.drafts(true, 10).unwrap().len(), 1);
    }

    #[test]
    fn a_later_version_takes_the_place_of_an_open_one_only() {
        let (_folder, register) = register();
        let (one, two, three) = (draft("one"), draft("two"), draft("three"));
        register.open_draft(&one, None).unwrap();
        assert!(register.open_draft(&two, Some(&one.dispatch)).unwrap());
        assert!(!register.open_draft(&three, Some(&one.dispatch)).unwrap());
        assert_eq!(register.draft(&three.dispatch).unwrap(), None, "and nothing of it stays");
        assert_eq!(register.draft(&one.dispatch).unwrap().unwrap().state, DraftState::Superseded);
    }

    #[test]
    fn a_message_is_answered_once_of_each_kind() {
        let (_folder, register) = register();
        let message = MessageId::of_header(b"header");
        let marks = |kind, words: &str| super::super::Marks {
            answers: vec![(message, kind, Digest::of(words.as_bytes()))],
            ..Default::default()
        };
        assert!(register.release_with(&[], &marks("rule-rejection", "one")).unwrap());
        assert!(!register.release_with(&[], &marks("rule-rejection", "two")).unwrap());
        assert!(register.release_with(&[], &marks("registry-receipt", "two")).unwrap());
        let first = register.answer_to(&message, "rule-rejection").unwrap();
        assert_eq!(first, Some(Digest::of(b"one")));
        register.forget_answer(&message, "rule-rejection", &Digest::of(b"two")).unwrap();
        assert!(register.answer_to(&message, "rule-rejection").unwrap().is_some(), "another one was lost");
        register.forget_answer(&message, "rule-rejection", &Digest::of(b"one")).unwrap();
        assert!(register.release_with(&[], &marks("rule-rejection", "three")).unwrap());
        assert_eq!(register.answer_to(&MessageId::of_header(b"other"), "rule-rejection").unwrap(), None);
    }
}
