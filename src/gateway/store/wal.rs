//! The write-ahead log: how much of it the database does not have, and how it begins anew.
//!
//! It is moved into the database without waiting for anybody, and begins anew at the next write that finds no reader
//! in it. Readers that take turns without a pause would keep it growing for ever, so one that has grown beyond a bound
//! waits for them for a moment: whoever begins to read meanwhile reads the database alone.

use std::time::Duration;

use rusqlite::Connection;

use super::StoreFault;

/// Bytes of one frame of the log: a page and its header.
const FRAME_BYTES: u64 = 8192 + 24;

/// How long readers are waited for: what the gateway reads at once takes milliseconds.
const READERS_PATIENCE: Duration = Duration::from_millis(250);

/// What the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frames {
    all: u64,
    moved: u64,
}

impl Frames {
    fn left(self) -> u64 {
        self.all.saturating_sub(self.moved).saturating_mul(FRAME_BYTES)
    }
}

/// Bytes in the log that the database does not have. The file tells less: it keeps its length when the log begins
/// anew.
pub(super) fn backlog(connection: &Connection) -> Result<u64, StoreFault> {
    Ok(ask(connection, "PRAGMA wal_checkpoint(NOOP)")?.left())
}

/// Moves what is in the log into the database, as far as readers allow, and syncs it. A log of more than `most` bytes
/// begins anew, unless a reader stands in it for longer than readers are waited for. Answers the bytes that the
/// database does not have.
pub(super) fn move_into_database(connection: &Connection, most: u64) -> Result<u64, StoreFault> {
    let frames = ask(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
    if frames.all.saturating_mul(FRAME_BYTES) <= most {
        return Ok(frames.left());
    }
    let usual: u64 = connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    connection.busy_timeout(READERS_PATIENCE)?;
    let begun_anew = ask(connection, "PRAGMA wal_checkpoint(RESTART)");
    connection.busy_timeout(Duration::from_millis(usual))?;
    Ok(begun_anew?.left())
}

/// A checkpoint that readers keep from its end says so in its answer, and is no failure.
fn ask(connection: &Connection, pragma: &str) -> Result<Frames, StoreFault> {
    Ok(connection.query_row(pragma, [], |row| {
        let count = |column| row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0));
        Ok(Frames { all: count(1)?, moved: count(2)? })
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let writer = Connection::open(directory.path().join("gateway.db")).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
        writer.execute_batch("PRAGMA page_size = 8192; CREATE TABLE kept (bytes BLOB)").unwrap();
        writer.busy_timeout(Duration::from_secs(10)).unwrap();
        (directory, writer)
    }

    fn write(writer: &Connection) {
        writer.execute("INSERT INTO kept VALUES (zeroblob(100000))", []).unwrap();
    }

    fn frames(writer: &Connection) -> u64 {
        ask(writer, "PRAGMA wal_checkpoint(NOOP)").unwrap().all
    }

    /// A reader that stands in the log.
    fn reader(directory: &tempfile::TempDir) -> Connection {
        let reader = Connection::open(directory.path().join("gateway.db")).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        reader.query_row("SELECT count(*) FROM kept", [], |_| Ok(())).unwrap();
        reader
    }

    #[test]
    fn readers_that_take_turns_do_not_keep_a_log_beyond_its_bound_growing() {
        let (directory, writer) = log();
        let mut standing = Vec::new();
        let mut turns = |writer: &Connection| {
            for _ in 0..3 {
                write(writer);
                // One begins before the other ends: the log is never without a reader.
                standing.push(reader(&directory));
                standing.drain(..standing.len() - 1);
                move_into_database(writer, u64::MAX).unwrap();
            }
            standing.pop().unwrap()
        };
        let last = turns(&writer);
        let grown = frames(&writer);
        assert!(grown > 3 * 10, "{grown} frames");
        // Beyond the bound the last one is waited for.
        let ends = std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_millis(50));
            drop(last);
        });
        assert_eq!(move_into_database(&writer, 8192).unwrap(), 0);
        // The next reader stands in the database, and the next write begins the log anew.
        let _reader = reader(&directory);
        write(&writer);
        assert!(frames(&writer) < grown / 2, "{} frames", frames(&writer));
        ends.join().unwrap();
    }

    #[test]
    fn a_reader_that_stays_is_waited_for_a_moment_and_nothing_fails() {
        let (directory, writer) = log();
        write(&writer);
        let _reader = reader(&directory);
        write(&writer);
        assert!(
            move_into_database(&writer, 8192).unwrap() > 0,
            "what came behind the reader stays in the log"
        );
        let usual: u64 = writer.pragma_query_value(None, "busy_timeout", |row| row.get(0)).unwrap();
        assert_eq!(usual, 10_000);
        write(&writer);
    }
}
