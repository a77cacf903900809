//! Claims about how often statements are compiled.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, StatementStatus};

use super::super::schema;

/// How often a statement is compiled anew while values are bound that the condition of a partial index names.
fn compiled_anew(connection: &Connection) -> i32 {
    let sql =
        "SELECT message FROM outgoing WHERE pair = ?1 AND state = ?2 AND unanswered = 1 AND message > ?3";
    let mut statement = connection.prepare(sql).unwrap();
    for number in 0..5 {
        let mut rows = statement.query([number, number, number]).unwrap();
        assert!(rows.next().unwrap().is_none());
    }
    statement.get_status(StatementStatus::RePrepare)
}

#[test]
fn a_statement_over_a_partial_index_is_compiled_once_however_often_it_is_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.db");
    let writer = schema::open_writer(&path).unwrap();
    for connection in [&writer, &schema::open_reader(&path).unwrap()] {
        assert_eq!(compiled_anew(connection), 0);
    }
    // Else this would show nothing.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, false).unwrap();
    assert!(compiled_anew(&writer) > 0);
}
