//! Numbers that are never given twice: formal numbers of a year, act numbers of a consultation.

use rusqlite::{Connection, params};

use super::{Register, RegisterFault};
use crate::digest::Digest;
use crate::trust::name::Ministry;

impl Register {
    /// The highest act number of this desk in a consultation that others may have seen; 0 for none.
    pub fn last_act_number(&self, consultation: &str) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT act_number FROM sent WHERE consultation = ?1 AND state NOT IN ('void', 'withdrawn')
             ORDER BY act_number DESC LIMIT 1",
        )?;
        first(statement.query_map([consultation], |row| row.get(0))?)
    }

    /// The highest act number this desk has ever signed in a consultation, void and withdrawn ones included; 0 for
    /// none.
    pub fn last_act_number_signed(&self, consultation: &str) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT MAX(
               COALESCE((SELECT act_number FROM sent WHERE consultation = ?1 ORDER BY act_number DESC LIMIT 1), 0),
               COALESCE((SELECT MAX(act_number) FROM owed WHERE consultation = ?1), 0))",
        )?;
        first(statement.query_map([consultation], |row| row.get(0))?)
    }

    /// The highest act number received from a Power in a consultation; 0 for none.
    pub fn last_act_received(&self, consultation: &str, from: &Ministry) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT act_number FROM received WHERE consultation = ?1 AND sender = ?2
             ORDER BY act_number DESC LIMIT 1",
        )?;
        first(statement.query_map(params![consultation, from.as_str()], |row| row.get(0))?)
    }

    /// The highest formal number given in a year; none before the first.
    pub fn last_formal_number(&self, year: i16) -> Result<Option<u32>, RegisterFault> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT MAX(number) FROM formal_number WHERE year = ?1")?;
        Ok(statement.query_row([year], |row| row.get(0))?)
    }

    /// Whether a dispatch bears a formal number: another one is not to have it too.
    pub fn is_formal_number_borne(&self, year: i16, number: u32) -> Result<bool, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM formal_number
               WHERE year = ?1 AND number = ?2 AND dispatch_digest IS NOT NULL)",
        )?;
        Ok(statement.query_row(params![year, number], |row| row.get(0))?)
    }

    /// Reserves the next formal number of a year. A number that is never bound to a dispatch stays void.
    pub fn reserve_formal_number(&self, year: i16) -> Result<u32, RegisterFault> {
        self.reserve_formal_numbers(year, 1)
    }

    /// Reserves so many formal numbers of a year at once; the first of them.
    pub fn reserve_formal_numbers(&self, year: i16, count: u32) -> Result<u32, RegisterFault> {
        self.change(|connection| {
            let first: u32 = connection.query_row(
                "SELECT COALESCE(MAX(number), 0) + 1 FROM formal_number WHERE year = ?1",
                [year],
                |row| row.get(0),
            )?;
            let mut insert =
                connection.prepare_cached("INSERT INTO formal_number (year, number) VALUES (?1, ?2)")?;
            for number in first..first.saturating_add(count) {
                insert.execute(params![year, number])?;
            }
            Ok(first)
        })
    }
}

/// Binds a reserved formal number to the dispatch that bears it; `Overtaken` where another one has come to bear it.
pub(super) fn bind_formal_number(
    connection: &Connection,
    (year, number): (i16, u32),
    dispatch: &Digest,
) -> Result<(), RegisterFault> {
    let mut bind = connection.prepare_cached(
        "INSERT INTO formal_number (year, number, dispatch_digest) VALUES (?1, ?2, ?3)
         ON CONFLICT (year, number) DO UPDATE SET dispatch_digest = excluded.dispatch_digest
         WHERE formal_number.dispatch_digest IS NULL OR formal_number.dispatch_digest = excluded.dispatch_digest",
    )?;
    match bind.execute(params![year, number, dispatch.as_bytes().as_slice()])? {
        0 => Err(RegisterFault::Overtaken),
        _ => Ok(()),
    }
}

fn first(mut found: impl Iterator<Item = rusqlite::Result<u64>>) -> Result<u64, RegisterFault> {
    Ok(found.next().transpose()?.unwrap_or(0))
}
