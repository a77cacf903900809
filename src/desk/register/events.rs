//! Events: what happened at this desk, in order, each written by what it tells of in the same transaction.

use rusqlite::params;

use super::{Register, RegisterFault};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A message was received and registered.
    Received,
    /// A received message was opened for the first time.
    Read,
    /// A message was released.
    Released,
    /// The own gateway has it.
    Queued,
    /// The recipient's gateway has it.
    Delivered,
    /// The recipient's gateway refused it.
    Rejected,
    /// It was too late.
    Expired,
    /// It was withdrawn.
    Withdrawn,
    /// It was given up.
    Void,
    /// A draft was composed.
    DraftComposed,
    /// A draft was signed by an office.
    DraftCleared,
    /// A draft was released.
    DraftReleased,
    /// A draft was cancelled.
    DraftCancelled,
    /// A later version of a draft took its place.
    DraftSuperseded,
}

impl EventKind {
    /// All of them with the words of the triggers.
    const ALL: [(Self, &'static str); 14] = [
        (Self::Received, "received"),
        (Self::Read, "read"),
        (Self::Released, "released"),
        (Self::Queued, "queued"),
        (Self::Delivered, "delivered"),
        (Self::Rejected, "rejected"),
        (Self::Expired, "expired"),
        (Self::Withdrawn, "withdrawn"),
        (Self::Void, "void"),
        (Self::DraftComposed, "draft open"),
        (Self::DraftCleared, "draft cleared"),
        (Self::DraftReleased, "draft released"),
        (Self::DraftCancelled, "draft cancelled"),
        (Self::DraftSuperseded, "draft superseded"),
    ];

    fn parse(word: &str) -> Result<Self, RegisterFault> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(kind, _)| *kind).ok_or(RegisterFault::Damaged("kind of an event"))
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Later events have higher numbers.
    pub number: u64,
    /// What happened.
    pub kind: EventKind,
    /// Id of the message, or digest of the draft, that it happened to.
    pub subject: Vec<u8>,
}

impl Register {
    /// The number of the last event; 0 for none.
    pub fn last_event(&self) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT COALESCE(MAX(number), 0) FROM event")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Events after a number, oldest first.
    pub fn events_after(&self, number: u64, count: usize) -> Result<Vec<Event>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT number, kind, subject FROM event WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        let rows = statement.query_map(params![number, count], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })?;
        let parsed = rows.map(|row| {
            let (number, kind, subject) = row?;
            Ok(Event { number, kind: EventKind::parse(&kind)?, subject })
        });
        parsed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DraftEntry, DraftState};
    use super::*;
    use crate::digest::Digest;
    use crate::time::Timestamp;

    #[test]
    fn what_is_undone_is_told_by_nobody_and_numbers_only_rise() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let draft = |words: &str| DraftEntry {
            dispatch: Digest::of(words.as_bytes()),
            year: 2026,
            formal_number: None,
            composed: Timestamp::from_seconds(1_795_345_200),
            state: DraftState::Open,
            path: String::new(),
            received_row: 0,
        };
        let (one, two) = (draft("one"), draft("two"));
        register.open_draft(&one, None).unwrap();
        register.cancel_draft(&one.dispatch).unwrap();
        assert!(!register.open_draft(&two, Some(&one.dispatch)).unwrap(), "and nothing of it stays");
        register.open_draft(&two, None).unwrap();
        let told: Vec<_> = register.events_after(0, 10).unwrap().into_iter().map(|one| one.kind).collect();
        assert_eq!(told, [EventKind::DraftComposed, EventKind::DraftCancelled, EventKind::DraftComposed]);
        let last = register.last_event().unwrap();
        assert!(register.events_after(last, 10).unwrap().is_empty());
        assert_eq!(register.events_after(last - 1, 10).unwrap()[0].subject, two.dispatch.as_bytes());
    }
}
