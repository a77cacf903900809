//! Accredited records (bundles, policies) and alarms.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, Code, stored, stored_len};
use super::record::{Alarm, LogEntry, LogLeaf, Record, RecordKind, RecordsKept};
use super::writer::Verdict;
use super::{Store, StoreFault, tree};
use crate::limits::{ALARMS_PER_CAUSE_MAX, LIST_ENTRIES_MAX};
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

    /// Raises an alarm; one with the same code, ministry and detail is raised once and keeps its first time.
    /// Answers whether it is new, durable on return.
    pub async fn raise_alarm(&self, alarm: Alarm) -> Result<bool, StoreFault> {
        self.write(0, move |connection| raise(connection, &alarm).map(Verdict::Keep)).await
    }

    /// The newest alarms, newest first, at most `LIST_ENTRIES_MAX`.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT code, ministry, detail, time FROM alarm ORDER BY key DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([stored_len(LIST_ENTRIES_MAX)], |row| {
                Ok(Alarm {
                    code: row.get(0)?,
                    ministry: columns::ministry(row, 1)?,
                    detail: row.get(2)?,
                    time: columns::instant(row, 3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Raises an alarm within a transaction.
pub(super) fn raise(connection: &Connection, alarm: &Alarm) -> Result<bool, StoreFault> {
    // Details are in part what a peer says: it must not fill the disk with them.
    let sql = "INSERT INTO alarm (code, ministry, detail, time) SELECT ?1, ?2, ?3, ?4
               WHERE (SELECT count(*) FROM alarm WHERE code = ?1 AND ministry = ?2) < ?5
               ON CONFLICT (code, ministry, detail) DO NOTHING";
    let most = stored_len(ALARMS_PER_CAUSE_MAX);
    let values = params![alarm.code, alarm.ministry.as_str(), alarm.detail, alarm.time.seconds(), most];
    Ok(connection.prepare_cached(sql)?.execute(values)? == 1)
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
