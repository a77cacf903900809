//! How connections are opened, and how a database is brought up to date.
//!
//! A database carries its version in `user_version`; opening one runs the migrations it lacks, each in its
//! own transaction.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{StoreFault, migrations};

/// Names the file type in the database header ("CHNC"), so that a database of something else is refused.
const APPLICATION_ID: i64 = 0x4348_4e43;

/// How long a connection waits for a lock that another one holds; only checkpoints and opening need it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements that a connection keeps prepared.
const STATEMENTS_KEPT: usize = 96;

/// Pages that the writing connection keeps, KiB.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

const MIGRATIONS: &[&str] = &[
    migrations::FIRST,
    migrations::QUEUE,
    migrations::NEAR,
    migrations::SOURCES,
    migrations::OFFERED,
    migrations::PAUSES,
    migrations::PACKS,
    migrations::URGENT,
];

/// Opens the connection that writes, and brings the database up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreFault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    refuse_foreign(&connection, path)?;
    // A page of 8 KiB halves the write amplification of 4 KiB; it can be chosen only while the file is empty.
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL syncs the write-ahead log at every commit; NORMAL loses acknowledged commits at a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The writer checkpoints by itself, because a checkpoint that fails here would fail silently.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 256 * 1024 * 1024)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A whole group and the inner pages of all indexes: what does not fit is written twice.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    migrate(&connection)?;
    Ok(connection)
}

/// Opens a connection that changes nothing and lets nothing change when it ends: it may only read, but reads the
/// write-ahead log as the writer would.
pub(super) fn open_witness(path: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    refuse_foreign(&connection, path)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = super::columns::stored_len(MIGRATIONS.len());
    if found == known { Ok(connection) } else { Err(StoreFault::TooNew { found, known }) }
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// What a database is made of: kind, name and definition of everything in it.
pub(super) type Definitions = BTreeSet<(String, String, String)>;

/// The definitions in this database.
pub(super) fn definitions(connection: &Connection) -> Result<Definitions, StoreFault> {
    let sql = "SELECT type, name, ifnull(sql, '') FROM sqlite_schema";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The definitions in a database that is made now.
pub(super) fn as_made() -> Result<Definitions, StoreFault> {
    let connection = Connection::open_in_memory()?;
    migrate(&connection)?;
    definitions(&connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreFault> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // The schema is data of the file: it may not call functions, and damaged cells are found when read.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Without it every binding of a value that a partial index could look at compiles the statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), StoreFault> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION_ID || (application == 0 && tables == 0) {
        Ok(())
    } else {
        Err(StoreFault::Foreign(path.to_owned()))
    }
}

fn migrate(connection: &Connection) -> Result<(), StoreFault> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = super::columns::stored_len(MIGRATIONS.len());
    if found > known {
        return Err(StoreFault::TooNew { found, known });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS) {
        if version > found {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", version)?;
            transaction.commit()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_as_decided_and_opens_again_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.db");
        for _ in 0..2 {
            let connection = open_writer(&path).unwrap();
            let pragma = |name: &str| -> String {
                connection
                    .pragma_query_value(None, name, |row| row.get_ref(0).map(|value| format!("{value:?}")))
                    .unwrap()
            };
            assert_eq!(pragma("page_size"), "Integer(8192)");
            assert_eq!(pragma("synchronous"), "Integer(2)");
            assert_eq!(pragma("foreign_keys"), "Integer(1)");
            assert_eq!(pragma("user_version"), format!("Integer({})", MIGRATIONS.len()));
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[test]
    fn every_table_is_strict() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open_writer(&directory.path().join("gateway.db")).unwrap();
        let lax: i64 = connection
            .query_row("SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(lax, 0);
    }

    #[test]
    fn a_foreign_or_newer_database_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let foreign = directory.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE cat (name TEXT)").unwrap();
        let before = std::fs::read(&foreign).unwrap();
        assert_eq!(open_writer(&foreign).unwrap_err().reason(), "STORE_FOREIGN");
        assert_eq!(std::fs::read(&foreign).unwrap(), before);

        let newer = directory.path().join("newer.db");
        open_writer(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let fault = open_writer(&newer).unwrap_err();
        assert!(matches!(fault, StoreFault::TooNew { found: 99, .. }), "{fault}");
    }

    /// What the first release left: a queue and alarms in its tables.
    #[test]
    fn a_database_of_the_first_release_keeps_its_queue_and_its_alarms() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(migrations::FIRST).unwrap();
        old.execute_batch(
            "PRAGMA user_version = 1;
             INSERT INTO pair VALUES (1, 1, 'ch-1', 'XB', 3, x'00');
             INSERT INTO log VALUES (1, 'o', 'XB', 0, 0, 0, '', 0, '');
             INSERT INTO message VALUES (1, 1, 1, 1, 1, x'01', x'', 5, 1, 0, x'', x''),
                 (2, 1, 1, 2, 2, x'02', x'', 5, 1, 0, x'', x''), (3, 1, 1, 3, 3, x'03', x'', 5, 1, 0, x'', x'');
             INSERT INTO outgoing VALUES (1, 1, 1, 9, 2, 0, 0, 5, '', NULL, NULL, x'00'),
                 (2, 1, 1, 9, 1, 1, 0, 5, '', NULL, NULL, NULL), (3, 1, 1, 9, 1, 1, 0, 5, '', NULL, NULL, NULL);
             INSERT INTO alarm VALUES (1, 'LOG_FORK', 'XB', 'first', 5), (2, 'LOG_FORK', 'XB', 'last', 7),
                 (3, 'ROLLED_BACK', 'XC', 'only', 6);",
        )
        .unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        drop(old);
        let new = open_writer(&path).unwrap();
        let queued: i64 = new.query_row("SELECT queued FROM pair", [], |row| row.get(0)).unwrap();
        assert_eq!(queued, 2);
        new.execute("UPDATE outgoing SET unanswered = 0, held = 1 WHERE message = 2", []).unwrap();
        let counts: (i64, i64) =
            new.query_row("SELECT queued, held FROM pair", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(counts, (1, 1));
        let sql =
            "SELECT group_concat(code || ' ' || first_detail || ' ' || detail || ' ' || first_time || ' '
                   || time || ' ' || count, ', ') FROM alarm";
        let alarms: String = new.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(alarms, "LOG_FORK first last 5 7 2, ROLLED_BACK only only 6 6 1");
    }
}
