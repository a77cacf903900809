//! The shelf: sealed volumes in a database of their own, and how far the register has come into them.
//!
//! Sealed bytes enter and leave; beside them stand the consultation they belong to, which every header shows, and
//! their digest. One code binds the place and all volumes together, so that nothing can be taken away or put back
//! unnoticed. The whole shelf can be lost: it is written anew from the register.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::wax::Wax;
use crate::desk::register::RegisterFault;
use crate::digest::{Digest, Hasher};
use crate::message::id::MessageId;

/// How long a command waits for another one of the same desk that opens messages.
const BUSY_PATIENCE: Duration = Duration::from_secs(60);

/// What stands on the pages of a shelf of this release; another one is written anew.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE volume (
  number INTEGER PRIMARY KEY, topic TEXT NOT NULL, records INTEGER NOT NULL, digest BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX volume_topic ON volume (topic, number, records, digest);
CREATE TABLE place (
  one INTEGER PRIMARY KEY CHECK (one = 1), received INTEGER NOT NULL, received_id BLOB NOT NULL,
  sent INTEGER NOT NULL, sent_id BLOB NOT NULL, code BLOB NOT NULL
) STRICT;
";

/// How far one side of the register has come into the casebook: a row and the message in it. A register that was
/// restored from an older copy has another message there, or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) number: u64,
    pub(super) id: Option<MessageId>,
}

/// How far the register has come into the casebook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) received: Mark,
    pub(super) sent: Mark,
}

/// What is known of a volume without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spine {
    pub(super) number: i64,
    pub(super) topic: String,
    pub(super) records: u64,
    digest: Digest,
}

/// The database.
#[derive(Debug)]
pub(super) struct Shelf(Connection);

/// A shelf that nobody else changes meanwhile; what is not committed was never there.
#[derive(Debug)]
pub(super) struct Open<'a>(Transaction<'a>);

impl Shelf {
    /// Opens or creates it. Where the file is no database, or one of another release, it is made anew.
    pub(super) fn open(path: &Path) -> Result<Self, RegisterFault> {
        match Self::open_as_it_is(path) {
            Ok(Some(shelf)) => return Ok(shelf),
            Ok(None) => {}
            Err(fault) if is_damage(&fault) => {}
            Err(fault) => return Err(fault),
        }
        Self::discard(path);
        Self::open_as_it_is(path)?.ok_or(RegisterFault::Damaged("a new casebook is of another release"))
    }

    /// Throws the file away, for a new one. What is not there needs not be removed; what cannot be, shows when it is
    /// opened.
    pub(super) fn discard(path: &Path) {
        for ending in ["", "-wal", "-shm"] {
            let mut file = path.as_os_str().to_owned();
            file.push(ending);
            let _ = std::fs::remove_file(&file);
        }
    }

    fn open_as_it_is(path: &Path) -> Result<Option<Self>, RegisterFault> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => transaction.execute_batch(TABLES)?,
            VERSION => {}
            _ => return Ok(None),
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        Ok(Some(Self(connection)))
    }

    /// Waits until no other command changes it, and keeps others waiting until what is open is dropped.
    pub(super) fn take(&mut self) -> Result<Open<'_>, RegisterFault> {
        Ok(Open(self.0.transaction_with_behavior(TransactionBehavior::Immediate)?))
    }
}

impl Open<'_> {
    /// Place and volumes, if they are as they were left; nothing where something is missing, damaged or put there by
    /// somebody who has not the key.
    pub(super) fn contents(&self, wax: &Wax) -> Result<Option<(Place, Vec<Spine>)>, RegisterFault> {
        let spines = self.spines()?;
        let Some((place, code)) = self.place()? else {
            return Ok(spines.is_empty().then(|| (Place::default(), spines)));
        };
        let is_bound = wax.is_bound(&summed(&place, &spines), &code);
        Ok(is_bound.then_some((place, spines)))
    }

    /// The sealed bytes of a volume; nothing where they are not those that were written.
    pub(super) fn sealed(&self, spine: &Spine) -> Result<Option<Vec<u8>>, RegisterFault> {
        let mut select = self.0.prepare_cached("SELECT sealed FROM volume WHERE number = ?1")?;
        let sealed: Option<Vec<u8>> = select.query_row([spine.number], |row| row.get(0)).optional()?;
        Ok(sealed.filter(|sealed| Digest::of(sealed) == spine.digest))
    }

    /// Puts a volume after all others.
    pub(super) fn add(&self, topic: &str, records: u64, sealed: &[u8]) -> Result<Spine, RegisterFault> {
        let digest = Digest::of(sealed);
        let mut insert = self.0.prepare_cached(
            "INSERT INTO volume (number, topic, records, digest, sealed)
             VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM volume), ?1, ?2, ?3, ?4)",
        )?;
        let number = insert.insert(params![topic, records, digest.as_bytes().as_slice(), sealed])?;
        Ok(Spine { number, topic: topic.to_owned(), records, digest })
    }

    /// Takes a volume away.
    pub(super) fn remove(&self, spine: &Spine) -> Result<(), RegisterFault> {
        self.0.prepare_cached("DELETE FROM volume WHERE number = ?1")?.execute([spine.number])?;
        Ok(())
    }

    /// Takes everything away.
    pub(super) fn clear(&self) -> Result<(), RegisterFault> {
        Ok(self.0.execute_batch("DELETE FROM volume; DELETE FROM place;")?)
    }

    /// Binds what stands here now, and makes it durable.
    pub(super) fn commit(self, place: &Place, wax: &Wax) -> Result<(), RegisterFault> {
        let code = wax.bind(&summed(place, &self.spines()?));
        let bytes = |mark: &Mark| mark.id.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
        self.0.execute(
            "INSERT OR REPLACE INTO place (one, received, received_id, sent, sent_id, code)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
            params![
                place.received.number,
                bytes(&place.received),
                place.sent.number,
                bytes(&place.sent),
                code
            ],
        )?;
        Ok(self.0.commit()?)
    }

    fn spines(&self) -> Result<Vec<Spine>, RegisterFault> {
        let mut select = self
            .0
            .prepare_cached("SELECT topic, number, records, digest FROM volume ORDER BY topic, number")?;
        let rows = select.query_map([], |row| {
            let digest: Vec<u8> = row.get(3)?;
            // A digest that is none cannot be that of any bytes.
            let digest = Digest::from_slice(&digest).unwrap_or_else(|_| Digest::of(&digest));
            Ok(Spine { topic: row.get(0)?, number: row.get(1)?, records: row.get(2)?, digest })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn place(&self) -> Result<Option<(Place, Vec<u8>)>, RegisterFault> {
        let mut select =
            self.0.prepare_cached("SELECT received, received_id, sent, sent_id, code FROM place")?;
        let found = select.query_row([], |row| {
            let mark = |number: usize, id: usize| {
                let bytes: Vec<u8> = row.get(id)?;
                Ok::<_, rusqlite::Error>(Mark {
                    number: row.get(number)?,
                    id: MessageId::from_slice(&bytes).ok(),
                })
            };
            Ok((Place { received: mark(0, 1)?, sent: mark(2, 3)? }, row.get(4)?))
        });
        Ok(found.optional()?)
    }
}

/// One digest over the place and all volumes.
fn summed(place: &Place, spines: &[Spine]) -> Digest {
    let mut hasher = Hasher::new();
    for mark in [&place.received, &place.sent] {
        hasher.update(&mark.number.to_be_bytes());
        hasher.update(mark.id.as_ref().map_or(&[0; 32], MessageId::as_bytes).as_slice());
    }
    for spine in spines {
        hasher.update(&spine.number.to_be_bytes());
        hasher.update(&spine.records.to_be_bytes());
        hasher.update(spine.digest.as_bytes());
        hasher.update(&(spine.topic.len() as u64).to_be_bytes());
        hasher.update(spine.topic.as_bytes());
    }
    hasher.finish()
}

/// Whether what is in the file, and not who else uses it or how full the disk is, stands against it.
pub(super) fn is_damage(fault: &RegisterFault) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    let RegisterFault::Database(cause) = fault else { return true };
    matches!(cause.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        || matches!(
            cause,
            FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..)
        )
}
