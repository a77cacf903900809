//! Claims about how often statements are compiled.

use rusqlite::StatementStatus;

use super::super::schema;

#[test]
fn a_statement_over_a_partial_index_is_compiled_once_however_often_it_is_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.db");
    let writer = schema::open_writer(&path).unwrap();
    for connection in [&writer, &schema::open_reader(&path).unwrap()] {
        let sql = "SELECT message FROM outgoing WHERE pair = ?1 AND unanswered = 1 AND message > ?2";
        let mut statement = connection.prepare(sql).unwrap();
        for number in 0..5 {
            let mut rows = statement.query([number, number]).unwrap();
            assert!(rows.next().unwrap().is_none());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
