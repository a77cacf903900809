//! The tables of the register, and how a register of an older release becomes one of this.
//!
//! Envelopes stand in tables of their own: a row that is listed, counted or noted is small, and what is never
//! changed is never written again.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::RegisterFault;

/// How long a command waits for another one of the same desk to end its change.
const BUSY_PATIENCE: Duration = Duration::from_secs(10);

/// Pages of 8 KiB hold some rows each, so that one more row seldom touches more than one.
const PAGE_BYTES: u32 = 8 * 1024;

/// Pages after which the write-ahead log is moved into the file: some batches of envelopes at a time.
const CHECKPOINT_PAGES: u32 = 2 * 1024;

/// Statements that are kept compiled.
const STATEMENTS_KEPT: usize = 32;

/// What stands on the pages of a register of this release.
const VERSION: i64 = 9;

const TABLES: &str = "
CREATE TABLE sent (
  number INTEGER PRIMARY KEY, message_id BLOB NOT NULL UNIQUE, channel TEXT NOT NULL, recipient TEXT NOT NULL,
  consultation TEXT NOT NULL, sequence INTEGER NOT NULL, act_number INTEGER NOT NULL,
  release_time INTEGER NOT NULL, dispatch_digest BLOB NOT NULL, has_parts_beside INTEGER NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL, submission_receipt BLOB NOT NULL, delivery_receipt BLOB NOT NULL,
  UNIQUE (recipient, channel, sequence)
) STRICT;
CREATE TABLE sent_envelope (number INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
CREATE INDEX sent_to ON sent (recipient);
CREATE INDEX sent_consultation ON sent (consultation, act_number);
CREATE INDEX sent_waiting ON sent (number) WHERE state IN ('released', 'void');
CREATE INDEX sent_under_way ON sent (number) WHERE state IN ('queued', 'expired', 'withdrawn');
CREATE TABLE received (
  number INTEGER PRIMARY KEY, message_id BLOB NOT NULL UNIQUE, cursor INTEGER NOT NULL, sender TEXT NOT NULL,
  channel TEXT NOT NULL, consultation TEXT NOT NULL, sequence INTEGER NOT NULL, act_number INTEGER NOT NULL,
  release_time INTEGER NOT NULL, receive_time INTEGER NOT NULL, receipt BLOB NOT NULL,
  dispatch_digest BLOB UNIQUE, read_time INTEGER, refusal TEXT NOT NULL
) STRICT;
CREATE TABLE received_envelope (number INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
CREATE INDEX received_from ON received (sender);
CREATE INDEX received_place ON received (sender, channel, sequence);
CREATE INDEX received_consultation ON received (consultation, sender, act_number);
CREATE INDEX received_unread ON received (number) WHERE read_time IS NULL;
";

/// Tables that no release has changed.
const LASTING: &str = "
CREATE TABLE formal_number (
  year INTEGER NOT NULL, number INTEGER NOT NULL, dispatch_digest BLOB, PRIMARY KEY (year, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE place (
  one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, cursor INTEGER NOT NULL,
  message_id BLOB NOT NULL
) STRICT;
";

/// What the third release added: drafts in clearance, and messages that this desk answers by itself.
const ADDED_THIRD: &str = "
CREATE TABLE draft (
  number INTEGER PRIMARY KEY, dispatch_digest BLOB NOT NULL UNIQUE, year INTEGER NOT NULL,
  formal_number INTEGER, compose_time INTEGER NOT NULL, state TEXT NOT NULL, path TEXT NOT NULL
) STRICT;
CREATE INDEX draft_open ON draft (number) WHERE state = 'open';
CREATE TABLE answer (
  message_id BLOB NOT NULL, kind TEXT NOT NULL, dispatch_digest BLOB NOT NULL, PRIMARY KEY (message_id, kind)
) STRICT, WITHOUT ROWID;
";

/// What the fourth release added: how far messages had come when a draft was composed. Of drafts that were open before
/// nobody knows, and everything that no basis can name counts as later.
const ADDED_FOURTH: &str = "ALTER TABLE draft ADD COLUMN received_row INTEGER NOT NULL DEFAULT 0;";

/// What the fifth release added: protective acts that are signed and could not be made into a copy for somebody yet.
const ADDED_FIFTH: &str = "
CREATE TABLE owed (
  number INTEGER PRIMARY KEY, dispatch_digest BLOB NOT NULL, recipient TEXT NOT NULL, channel TEXT NOT NULL,
  consultation TEXT NOT NULL, act_number INTEGER NOT NULL, release_time INTEGER NOT NULL, reason TEXT NOT NULL,
  sealed BLOB NOT NULL, UNIQUE (dispatch_digest, recipient)
) STRICT;
";

/// What the sixth release added: the service for the ministry's own systems. A draft that it holds is sealed; who did
/// what with it, and which requests were done, stands beside it. Events are written by what they tell of, in the same
/// transaction, whichever command does it; what was registered before this release is told of by none.
const ADDED_SIXTH: &str = "
CREATE TABLE held_draft (
  number INTEGER PRIMARY KEY, dispatch_digest BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE TABLE hand (
  dispatch_digest BLOB NOT NULL, kind TEXT NOT NULL, office TEXT NOT NULL, client TEXT NOT NULL,
  PRIMARY KEY (dispatch_digest, kind, office)
) STRICT, WITHOUT ROWID;
CREATE TABLE errand (
  client TEXT NOT NULL, request_id TEXT NOT NULL, fingerprint BLOB NOT NULL, subject BLOB NOT NULL,
  time INTEGER NOT NULL, PRIMARY KEY (client, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX errand_time ON errand (time);
CREATE TABLE event (
  number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject BLOB NOT NULL
) STRICT;
CREATE TRIGGER tell_received AFTER INSERT ON received BEGIN
  INSERT INTO event (kind, subject) VALUES ('received', new.message_id);
END;
CREATE TRIGGER tell_read AFTER UPDATE OF read_time ON received
  WHEN old.read_time IS NULL AND new.read_time IS NOT NULL BEGIN
  INSERT INTO event (kind, subject) VALUES ('read', new.message_id);
END;
CREATE TRIGGER tell_sent AFTER INSERT ON sent BEGIN
  INSERT INTO event (kind, subject) VALUES (new.state, new.message_id);
END;
CREATE TRIGGER tell_state AFTER UPDATE OF state ON sent WHEN old.state <> new.state BEGIN
  INSERT INTO event (kind, subject) VALUES (new.state, new.message_id);
END;
CREATE TRIGGER tell_draft AFTER INSERT ON draft BEGIN
  INSERT INTO event (kind, subject) VALUES ('draft ' || new.state, new.dispatch_digest);
END;
CREATE TRIGGER tell_draft_state AFTER UPDATE OF state ON draft WHEN old.state <> new.state BEGIN
  INSERT INTO event (kind, subject) VALUES ('draft ' || new.state, new.dispatch_digest);
END;
CREATE TRIGGER tell_draft_cleared AFTER UPDATE OF version ON held_draft BEGIN
  INSERT INTO event (kind, subject) VALUES ('draft cleared', new.dispatch_digest);
END;
";

/// What the seventh release added: acts that are owed before they have a number, and what a register that was restored
/// from an older copy has lost, as the gateway told it.
const ADDED_SEVENTH: &str = "
ALTER TABLE owed ADD COLUMN awaits_number INTEGER NOT NULL DEFAULT 0;
CREATE TABLE lost (
  number INTEGER PRIMARY KEY, channel TEXT NOT NULL, recipient TEXT NOT NULL, through INTEGER NOT NULL,
  acts INTEGER NOT NULL, after_row INTEGER NOT NULL
) STRICT;
CREATE INDEX lost_towards ON lost (channel, recipient);
";

/// What the eighth release added: when a loss was noted. Of one that was noted before nobody knows: everything that is
/// known counts as older.
const ADDED_EIGHTH: &str = "ALTER TABLE lost ADD COLUMN noted INTEGER NOT NULL DEFAULT 9223372036854775807;";

/// What the ninth release added: copies that ended without having arrived, for as long as nobody has looked at what
/// they held, and from when on another copy is made of what is owed for one. What ended before this release is left as
/// it is.
const ADDED_NINTH: &str = "
ALTER TABLE owed ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
CREATE TABLE ended (number INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER note_ended AFTER UPDATE OF state ON sent
  WHEN old.state NOT IN ('void', 'withdrawn', 'expired', 'rejected')
   AND new.state IN ('void', 'withdrawn', 'expired', 'rejected') BEGIN
  INSERT OR IGNORE INTO ended (number) VALUES (new.number);
END;
CREATE TRIGGER note_ended_before AFTER INSERT ON sent
  WHEN new.state IN ('void', 'withdrawn', 'expired', 'rejected') BEGIN
  INSERT OR IGNORE INTO ended (number) VALUES (new.number);
END;
CREATE TRIGGER note_arrived AFTER UPDATE OF state ON sent
  WHEN old.state <> new.state AND new.state = 'delivered' BEGIN
  DELETE FROM ended WHERE number = new.number;
  DELETE FROM owed WHERE dispatch_digest = new.dispatch_digest AND recipient = new.recipient;
END;
";

/// What was added to the tables of the second release, one step after the other.
const ADDED: [&str; 7] =
    [ADDED_THIRD, ADDED_FOURTH, ADDED_FIFTH, ADDED_SIXTH, ADDED_SEVENTH, ADDED_EIGHTH, ADDED_NINTH];

/// Moves what the first release wrote. Whether parts travelled beside an envelope it did not note: all are asked for.
const FROM_FIRST: [&str; 3] = [
    "ALTER TABLE sent RENAME TO sent_first; ALTER TABLE received RENAME TO received_first;",
    TABLES,
    "
INSERT INTO sent SELECT rowid, message_id, channel, recipient, consultation, sequence, act_number, release_time,
  dispatch_digest, 1, state, reason, submission_receipt, delivery_receipt FROM sent_first ORDER BY rowid;
INSERT INTO sent_envelope SELECT rowid, envelope FROM sent_first ORDER BY rowid;
INSERT INTO received SELECT rowid, message_id, cursor, sender, channel, consultation, sequence, act_number,
  release_time, receive_time, receipt, dispatch_digest, read_time, refusal FROM received_first ORDER BY rowid;
INSERT INTO received_envelope SELECT rowid, envelope FROM received_first ORDER BY rowid;
DROP TABLE sent_first;
DROP TABLE received_first;
",
];

/// Opens or creates a register, brought to this release.
pub(super) fn open(path: &Path) -> Result<Connection, RegisterFault> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Of a file that has pages already, their size stays what it is.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    if version(&connection)? == VERSION {
        return Ok(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another command may have done it meanwhile.
    match version(&transaction)? {
        0 => run(&transaction, [TABLES, LASTING].iter().chain(&ADDED))?,
        1 => run(&transaction, FROM_FIRST.iter().chain(&ADDED))?,
        VERSION => {}
        2 => run(&transaction, ADDED.iter())?,
        3 => run(&transaction, ADDED.iter().skip(1))?,
        4 => run(&transaction, ADDED.iter().skip(2))?,
        5 => run(&transaction, ADDED.iter().skip(3))?,
        6 => run(&transaction, ADDED.iter().skip(4))?,
        7 => run(&transaction, ADDED.iter().skip(5))?,
        8 => run(&transaction, ADDED.iter().skip(6))?,
        found => return Err(RegisterFault::TooNew { found, known: VERSION }),
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(connection)
}

fn run<'s>(
    connection: &Connection,
    mut steps: impl Iterator<Item = &'s &'s str>,
) -> Result<(), RegisterFault> {
    Ok(steps.try_for_each(|step| connection.execute_batch(step))?)
}

fn version(connection: &Connection) -> Result<i64, RegisterFault> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
