//! Drafts that the desk service holds, sealed, and whose hands they went through.
//!
//! Each signature that a client had given stands here with its name: four eyes are two clients, whatever offices sign.

use rusqlite::{Connection, OptionalExtension, params};

use super::errands::{Errand, note_errand};
use super::{Register, RegisterFault};
use crate::digest::Digest;

/// That a client had a draft signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// Word of the authentication, such as `CLEARANCE`.
    pub kind: String,
    /// Label of the office.
    pub office: String,
    /// Label of the client.
    pub client: String,
}

/// A draft as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Later drafts have higher numbers.
    pub number: u64,
    /// Digest of its dispatch.
    pub dispatch: Digest,
    /// Counts its changes.
    pub version: u64,
    /// The sealed text of its file.
    pub sealed: Vec<u8>,
}

/// What is held of a draft from the beginning.
#[derive(Debug, Clone)]
pub struct Holding {
    /// The sealed text of its file.
    pub sealed: Vec<u8>,
    /// Who had it signed.
    pub hands: Vec<Hand>,
    /// On whose request.
    pub errand: Errand,
}

impl Register {
    /// A draft, if the service holds it.
    pub fn held(&self, dispatch: &Digest) -> Result<Option<Held>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT number, version, sealed FROM held_draft WHERE dispatch_digest = ?1")?;
        let found = statement.query_row([dispatch.as_bytes().as_slice()], |row| {
            Ok(Held { number: row.get(0)?, dispatch: *dispatch, version: row.get(1)?, sealed: row.get(2)? })
        });
        Ok(found.optional()?)
    }

    /// Drafts that the service holds, newest first, before a number.
    pub fn held_before(&self, number: u64, count: usize) -> Result<Vec<Held>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT number, dispatch_digest, version, sealed FROM held_draft WHERE number < ?1
             ORDER BY number DESC LIMIT ?2",
        )?;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![number, count], |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?, row.get(3)?))
        })?;
        let parsed = rows.map(|row| {
            let (number, dispatch, version, sealed) = row?;
            let damaged = |_| RegisterFault::Damaged("digest of a draft that is held");
            let dispatch = Digest::from_slice(&dispatch).map_err(damaged)?;
            Ok(Held { number, dispatch, version, sealed })
        });
        parsed.collect()
    }

    /// Whose hands a draft went through.
    pub fn hands(&self, dispatch: &Digest) -> Result<Vec<Hand>, RegisterFault> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT kind, office, client FROM hand WHERE dispatch_digest = ?1")?;
        let rows = statement.query_map([dispatch.as_bytes().as_slice()], |row| {
            Ok(Hand { kind: row.get(0)?, office: row.get(1)?, client: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Replaces what is held of a draft that was signed, with whose hands did it. Nothing is changed where somebody
    /// else changed it since.
    pub fn hold_signed(
        &self,
        held: &Held,
        sealed: &[u8],
        hands: &[Hand],
        errand: &Errand,
    ) -> Result<(), RegisterFault> {
        self.change(|connection| {
            note_errand(connection, errand)?;
            let dispatch = held.dispatch.as_bytes().as_slice();
            let mut update = connection.prepare_cached(
                "UPDATE held_draft SET sealed = ?3, version = version + 1
                 WHERE dispatch_digest = ?1 AND version = ?2
                   AND EXISTS (SELECT 1 FROM draft WHERE draft.dispatch_digest = ?1 AND state = 'open')",
            )?;
            if update.execute(params![dispatch, held.version, sealed])? != 1 {
                return Err(RegisterFault::Overtaken);
            }
            hands.iter().try_for_each(|hand| note_hand(connection, &held.dispatch, hand))
        })
    }
}

/// Begins to hold a draft.
pub(super) fn hold(
    connection: &Connection,
    dispatch: &Digest,
    holding: &Holding,
) -> Result<(), RegisterFault> {
    note_errand(connection, &holding.errand)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO held_draft (dispatch_digest, version, sealed) VALUES (?1, 1, ?2)")?;
    insert.execute(params![dispatch.as_bytes().as_slice(), holding.sealed])?;
    holding.hands.iter().try_for_each(|hand| note_hand(connection, dispatch, hand))
}

/// Notes whose hand signed.
pub(super) fn note_hand(
    connection: &Connection,
    dispatch: &Digest,
    hand: &Hand,
) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO hand (dispatch_digest, kind, office, client) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    insert.execute(params![dispatch.as_bytes().as_slice(), hand.kind, hand.office, hand.client])?;
    Ok(())
}
