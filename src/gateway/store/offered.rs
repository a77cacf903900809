//! What counts beside accredited records: bundles that peers announced, and revocation lists that came with them or,
//! for the own desks, in a file. Of each ministry the newest bundle is kept, and of each issuer the newest list, so
//! that nobody fills the disk with them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, Code as _, stored};
use super::job::Verdict;
use super::record::{KeptList, Offered, OwedKind};
use super::{Store, StoreFault};
use crate::digest::Digest;
use crate::limits::OFFERED_PER_DAY_MAX;
use crate::trust::name::Ministry;

impl Store {
    /// Keeps an announced bundle in the place of the one before it, with the revocation lists that count from now on
    /// and a leaf owed about each of these. False, and nothing done, where as many bundles of this ministry were taken
    /// today as may be. Durable on return; callers pass only what they have verified.
    pub async fn take_offered(&self, offered: Offered, lists: Vec<KeptList>) -> Result<bool, StoreFault> {
        let weight =
            lists.iter().map(|list| list.bytes.len()).sum::<usize>().saturating_add(offered.bytes.len());
        self.write(weight, move |connection| {
            if !note_offered(connection, &offered)? {
                return Ok(Verdict::Undo(false));
            }
            for list in &lists {
                keep_list(connection, list)?;
                let sql =
                    "INSERT INTO owed_leaf (peer, record, kind) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
                let digest = Digest::of(&list.bytes);
                let values = params![
                    list.ministry.as_str(),
                    digest.as_bytes().as_slice(),
                    OwedKind::Revocation.code()
                ];
                connection.prepare_cached(sql)?.execute(values)?;
            }
            Ok(Verdict::Keep(true))
        })
        .await
    }

    /// The bundle that a ministry announced last.
    pub async fn offered(&self, ministry: Ministry) -> Result<Option<Offered>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT ministry, sequence, bytes, time FROM offered WHERE ministry = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([ministry.as_str()], offered).optional()?)
        })
        .await
    }

    /// Keeps a revocation list in the place of the one that its issuer made before.
    pub async fn keep_list(&self, list: KeptList) -> Result<(), StoreFault> {
        self.write(list.bytes.len(), move |connection| Ok(Verdict::Keep(keep_list(connection, &list)?))).await
    }

    /// The revocation lists of a ministry that were kept.
    pub async fn kept_lists(&self, ministry: Ministry) -> Result<Vec<Vec<u8>>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT bytes FROM revocation_list WHERE ministry = ?1 ORDER BY issuer";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([ministry.as_str()], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Notes the newest bundle of a ministry and counts it; false where that would be too many for one day.
fn note_offered(connection: &Connection, offered: &Offered) -> Result<bool, StoreFault> {
    let Offered { ministry, sequence, bytes, time } = offered;
    let today = time.seconds().div_euclid(SECONDS_PER_DAY);
    let sql = "SELECT taken FROM offered WHERE ministry = ?1 AND day = ?2";
    let taken: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(params![ministry.as_str(), today], |row| row.get(0))
        .optional()?;
    let taken = taken.unwrap_or(0);
    if taken >= OFFERED_PER_DAY_MAX {
        return Ok(false);
    }
    let sql = "INSERT INTO offered (ministry, sequence, bytes, time, day, taken) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (ministry) DO UPDATE SET sequence = ?2, bytes = ?3, time = ?4, day = ?5, taken = ?6";
    let taken = taken.saturating_add(1);
    let values = params![ministry.as_str(), stored(*sequence), bytes, time.seconds(), today, taken];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(true)
}

fn keep_list(connection: &Connection, list: &KeptList) -> Result<(), StoreFault> {
    let sql = "INSERT INTO revocation_list (ministry, issuer, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT (ministry, issuer) DO UPDATE SET bytes = ?3";
    let values = params![list.ministry.as_str(), list.issuer.as_bytes().as_slice(), list.bytes];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn offered(row: &Row<'_>) -> rusqlite::Result<Offered> {
    Ok(Offered {
        ministry: columns::ministry(row, 0)?,
        sequence: columns::count(row, 1)?,
        bytes: row.get(2)?,
        time: columns::instant(row, 3)?,
    })
}

const SECONDS_PER_DAY: i64 = 24 * 3600;
