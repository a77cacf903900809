//! Accredited records: bundles and policies.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, Code, stored};
use super::job::Verdict;
use super::record::{LogEntry, LogLeaf, Record, RecordKind, RecordsKept};
use super::{Store, StoreFault, tree};
use crate::trust::name::Ministry;

impl Store {
    /// Keeps `records` and appends `entries` to their logs, all or nothing, durable on return. Where every
    /// record is held already, nothing is appended; another record under a held number is a conflict.
    /// Callers pass only verified records.
    pub async fn save_records(
        &self,
        records: Vec<Record>,
        entries: Vec<LogEntry>,
    ) -> Result<RecordsKept, StoreFault> {
        let weight = records.iter().map(|record| record.bytes.len()).sum();
        self.write(weight, move |connection| save_records(connection, &records, &entries)).await
    }

    /// The record of `kind` and `ministry` with the greatest number.
    pub async fn latest_record(
        &self,
        kind: RecordKind,
        ministry: Ministry,
    ) -> Result<Option<Record>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT kind, ministry, sequence, bytes FROM record
                       WHERE kind = ?1 AND ministry = ?2 ORDER BY sequence DESC LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row(params![kind.code(), ministry.as_str()], record).optional()?)
        })
        .await
    }

    /// The record of `kind` with the greatest number of every ministry, by code.
    pub async fn latest_records(&self, kind: RecordKind) -> Result<Vec<Record>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT kind, ministry, sequence, bytes FROM record
                       WHERE kind = ?1 AND (ministry, sequence) IN
                           (SELECT ministry, max(sequence) FROM record WHERE kind = ?1 GROUP BY ministry)
                       ORDER BY ministry";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([kind.code()], record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

pub(super) fn save_records(
    connection: &Connection,
    records: &[Record],
    entries: &[LogEntry],
) -> Result<Verdict<RecordsKept>, StoreFault> {
    let mut new = 0_usize;
    for record in records {
        let Record { kind, ministry, sequence, bytes } = record;
        let sql = "SELECT bytes FROM record WHERE kind = ?1 AND ministry = ?2 AND sequence = ?3";
        let key = params![kind.code(), ministry.as_str(), stored(*sequence)];
        let held: Option<Vec<u8>> =
            connection.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?;
        match held {
            Some(held) if held == *bytes => continue,
            Some(_) => {
                let (kind, ministry, sequence) = (*kind, ministry.clone(), *sequence);
                return Ok(Verdict::Undo(RecordsKept::Conflict { kind, ministry, sequence }));
            }
            None => new += 1,
        }
        let sql = "INSERT INTO record (kind, ministry, sequence, bytes) VALUES (?1, ?2, ?3, ?4)";
        let values = params![kind.code(), ministry.as_str(), stored(*sequence), bytes];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    if new == 0 {
        return Ok(Verdict::Undo(RecordsKept::AlreadyHeld));
    }
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let leaf = LogLeaf { bytes: entry.leaf.clone(), message_id: None };
        places.push(tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?.1);
    }
    Ok(Verdict::Keep(RecordsKept::Kept(places)))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        kind: RecordKind::column(row, 0)?,
        ministry: columns::ministry(row, 1)?,
        sequence: columns::count(row, 2)?,
        bytes: row.get(3)?,
    })
}
