//! What decides whether anything may be signed for a pair: the own logs as they stand, proofs of forks, leaves
//! that are owed until signing is allowed, and the mark beside the data directory.

use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{self, Code as _, stored};
use super::job::Verdict;
use super::mark::Mark;
use super::record::{
    Checkpoint, ForkRecord, LogEntry, LogLeaf, OwedKind, OwnLog, Proven, Record, RecordsKept,
};
use super::tree::{self, LogTree};
use super::{Store, StoreFault, alarms, ledger, log};
use crate::digest::Digest;
use crate::trust::name::Ministry;

impl Store {
    /// The own logs, oldest first within each pair; of one peer or of all.
    pub async fn own_logs(&self, peer: Option<Ministry>) -> Result<Vec<OwnLog>, StoreFault> {
        self.read(move |connection| own_logs(connection, peer.as_ref())).await
    }

    /// Opens the log of a new year with the leaf that names the checkpoint which closes `before`; false, and
    /// nothing done, where that log has not the size `closed_at` any more.
    pub async fn open_year(
        &self,
        entry: LogEntry,
        before: String,
        closed_at: u64,
    ) -> Result<bool, StoreFault> {
        self.write(entry.leaf.len(), move |connection| {
            let closed = LogTree::find(connection, &before)?.is_some_and(|tree| tree.size == closed_at);
            if !closed || LogTree::find(connection, &entry.origin)?.is_some() {
                return Ok(Verdict::Undo(false));
            }
            let leaf = LogLeaf { bytes: entry.leaf, message_id: None };
            tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?;
            Ok(Verdict::Keep(true))
        })
        .await
    }

    /// Keeps `records`, all or nothing, and with them which peers are owed a leaf about which record, and
    /// the acts that say so. Where every record is held already, nothing is owed or said. Durable on return.
    pub async fn save_records_owing(
        &self,
        records: Vec<Record>,
        owed: Vec<(Ministry, Digest)>,
        acts: Vec<LogEntry>,
    ) -> Result<RecordsKept, StoreFault> {
        let weight = records.iter().map(|record| record.bytes.len()).sum();
        self.write(weight, move |connection| {
            let kept = ledger::save_records(connection, &records, &[])?;
            if let Verdict::Keep(RecordsKept::Kept(_)) = kept {
                let sql = "INSERT INTO owed_leaf (peer, record) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                for (peer, record) in &owed {
                    connection
                        .prepare_cached(sql)?
                        .execute(params![peer.as_str(), record.as_bytes().as_slice()])?;
                }
                acts.iter().try_for_each(|act| tree::append_act(connection, Some(act)))?;
            }
            Ok(kept)
        })
        .await
    }

    /// Records about which the log of a pair still lacks a leaf.
    pub async fn owed(&self, peer: Ministry) -> Result<Vec<(Digest, OwedKind)>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT record, kind FROM owed_leaf WHERE peer = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([peer.as_str()], |row| {
                Ok((columns::digest(row, 0)?, OwedKind::column(row, 1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Appends the leaf that is owed about a record; does nothing where it is not owed any more.
    pub async fn pay(&self, record: Digest, entry: LogEntry) -> Result<(), StoreFault> {
        self.write(entry.leaf.len(), move |connection| {
            let sql = "DELETE FROM owed_leaf WHERE peer = ?1 AND record = ?2";
            let values = params![entry.peer.as_str(), record.as_bytes().as_slice()];
            if connection.prepare_cached(sql)?.execute(values)? == 1 {
                let leaf = LogLeaf { bytes: entry.leaf, message_id: None };
                tree::append_own(connection, &entry.origin, &entry.peer, &leaf)?;
            }
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Keeps the proof that a log forked, with its alarm; the first proof about a log and a key stays.
    pub async fn keep_fork(&self, fork: ForkRecord) -> Result<(), StoreFault> {
        self.write(fork.proof.len(), move |connection| {
            let sql = "INSERT INTO fork (origin, key, peer, own, proof, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                       ON CONFLICT DO NOTHING";
            let ForkRecord { origin, key, peer, own, proof, alarm } = fork;
            let values = params![origin, key, peer.as_str(), own, proof, alarm.time.seconds()];
            connection.prepare_cached(sql)?.execute(values)?;
            alarms::raise(connection, &alarm)?;
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// The kept proofs of forks: peer, whether the log is our own, the key that signed, and the proof.
    pub async fn forks(&self) -> Result<Vec<(Ministry, bool, [u8; 32], String)>, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT peer, own, key, proof FROM fork ORDER BY peer, origin, time";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                Ok((columns::ministry(row, 0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The cosigned checkpoint of exactly this size, where one is kept.
    pub async fn cosigned_at(&self, origin: String, size: u64) -> Result<Option<Checkpoint>, StoreFault> {
        self.read(move |connection| log::cosigned_at(connection, &origin, size)).await
    }

    /// Messages to `peer` without an answer about which the mirror of its log has a leaf, after the message
    /// with the key `after`, at most `limit`.
    pub async fn proven(&self, peer: Ministry, after: i64, limit: usize) -> Result<Vec<Proven>, StoreFault> {
        self.read(move |connection| proven(connection, &peer, after, limit)).await
    }

    /// All records of one ministry and kind, newest first.
    pub async fn records_of(
        &self,
        kind: super::record::RecordKind,
        ministry: Ministry,
    ) -> Result<Vec<Vec<u8>>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT bytes FROM record WHERE kind = ?1 AND ministry = ?2 ORDER BY sequence DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![kind.code(), ministry.as_str()], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The number of the mailbox: cursors of another number mean other messages.
    pub async fn epoch(&self) -> Result<u64, StoreFault> {
        self.read(|connection| {
            let sql = "SELECT value FROM meta WHERE name = 'epoch'";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| columns::count(row, 0))?)
        })
        .await
    }

    /// The message at a cursor of the mailbox.
    pub async fn message_at(&self, cursor: u64) -> Result<Option<Digest>, StoreFault> {
        self.read(move |connection| {
            let sql = "SELECT message.id FROM mailbox JOIN message ON message.key = mailbox.message
                       WHERE mailbox.cursor = ?1";
            let found =
                connection.prepare_cached(sql)?.query_row([stored(cursor)], |row| columns::digest(row, 0));
            Ok(found.optional()?)
        })
        .await
    }

    /// Gives the mailbox a new number: the desk begins again at its start.
    pub async fn renew_epoch(&self, epoch: u64) -> Result<(), StoreFault> {
        self.write(0, move |connection| {
            let sql = "UPDATE meta SET value = iif(name = 'epoch', ?1, 0)
                       WHERE name IN ('epoch', 'acknowledged')";
            connection.prepare_cached(sql)?.execute([stored(epoch >> 1)])?;
            Ok(Verdict::Keep(()))
        })
        .await
    }

    /// Writes a mark from now on after every commit.
    pub fn keep_mark(&self, mark: Mark) {
        self.inner.writer.keep_mark(mark);
    }

    /// Notes in the mark that an own log had so many leaves once, whether or not they are here.
    pub async fn learn(&self, origin: String, size: u64) -> Result<(), StoreFault> {
        let marks = self.inner.writer.marks();
        self.write(0, move |_| marks.learn(&origin, size).map(Verdict::Undo)).await
    }

    /// Lets the mark forget how far these own logs went.
    pub async fn renounce(&self, origins: Vec<String>) -> Result<(), StoreFault> {
        let marks = self.inner.writer.marks();
        self.write(0, move |_| marks.renounce(&origins).map(Verdict::Undo)).await
    }

    /// Lets the mark vouch for the own logs of a pair, as they are and from now on.
    pub async fn confirm(&self, peer: Ministry) -> Result<(), StoreFault> {
        let marks = self.inner.writer.marks();
        self.write(0, move |_| {
            marks.confirm(&peer);
            Ok(Verdict::Keep(()))
        })
        .await
    }
}

pub(super) fn own_logs(connection: &Connection, peer: Option<&Ministry>) -> Result<Vec<OwnLog>, StoreFault> {
    let sql = "SELECT peer, origin, size FROM log
               WHERE mirror = 0 AND (?1 IS NULL OR peer = ?1) ORDER BY peer, origin";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([peer.map(Ministry::as_str)], |row| {
        Ok(OwnLog { peer: columns::ministry(row, 0)?, origin: row.get(1)?, size: columns::count(row, 2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn proven(
    connection: &Connection,
    peer: &Ministry,
    after: i64,
    limit: usize,
) -> Result<Vec<Proven>, StoreFault> {
    let sql =
        "SELECT message.key, message.id, message.envelope_digest, log.origin, leaf.leaf_index, leaf.bytes
               FROM outgoing JOIN message ON message.key = outgoing.message
               JOIN pair ON pair.key = outgoing.pair
               JOIN leaf_about ON leaf_about.message = message.key
               JOIN leaf ON leaf.log = leaf_about.log AND leaf.leaf_index = leaf_about.leaf_index
                   AND leaf.message_id = message.id
               JOIN log ON log.key = leaf.log AND log.mirror = 1 AND log.peer = pair.peer
               WHERE outgoing.unanswered = 1 AND pair.peer = ?1 AND message.key > ?2
               ORDER BY message.key, leaf.leaf_index LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![peer.as_str(), after, columns::stored_len(limit)], |row| {
        Ok(Proven {
            key: row.get(0)?,
            message_id: columns::digest(row, 1)?,
            envelope_digest: columns::digest(row, 2)?,
            place: super::record::LeafPlace { origin: row.get(3)?, index: columns::count(row, 4)? },
            leaf: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
