//! That this store came out of a backup, until nothing of it is awaited any more.

use rusqlite::{Connection, params};

use super::columns;
use super::job::Verdict;
use super::record::{FromBackup, LogEntry};
use super::{Store, StoreFault, tree};
use crate::time::Timestamp;

impl Store {
    /// Out of which backup this store came, as long as that matters.
    pub async fn restored_from(&self) -> Result<Option<FromBackup>, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT ifnull(max(iif(name = 'restored', value, 0)), 0),
                       ifnull(max(iif(name = 'awaits_desk', value, 0)), 0)
                       FROM meta WHERE name IN ('restored', 'awaits_desk')";
            let found = connection.prepare_cached(sql)?.query_row([], |row| {
                Ok(FromBackup { made: columns::instant(row, 0)?, awaits_desk: row.get(1)? })
            })?;
            Ok(Some(found).filter(|found| found.made.seconds() != 0))
        })
        .await
    }

    /// Notes that this store came out of a backup of this instant, and that its desk is awaited. Durable on return.
    pub async fn begin_from_backup(&self, made: Timestamp) -> Result<(), StoreFault> {
        self.write(0, move |connection| {
            note(connection, "restored", made.seconds())?;
            note(connection, "awaits_desk", 1)?;
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Notes that the own desk has come since, with the act that says so. Durable on return.
    pub async fn desk_has_come(&self, act: LogEntry) -> Result<(), StoreFault> {
        self.write(act.leaf.len(), move |connection| {
            note(connection, "awaits_desk", 0)?;
            tree::append_act(connection, Some(&act))?;
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Notes that nothing is awaited any more. Durable on return.
    pub async fn end_from_backup(&self) -> Result<(), StoreFault> {
        self.write(0, |connection| {
            note(connection, "restored", 0)?;
            Ok(Verdict::Keep(()))
        })
        .await
    }
}

fn note(connection: &Connection, name: &str, value: i64) -> Result<(), StoreFault> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![name, value])?;
    Ok(())
}
