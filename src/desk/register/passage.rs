//! What passed through this desk, in the order in which it was registered: for whoever goes on from where he was.

use rusqlite::{OptionalExtension, params};

use super::{ReceivedEntry, Register, RegisterFault, SentEntry, message_id};
use crate::digest::Digest;
use crate::message::id::MessageId;

impl Register {
    /// The message in a row of what was received.
    pub fn received_in_row(&self, number: u64) -> Result<Option<MessageId>, RegisterFault> {
        self.id_in_row("SELECT message_id FROM received WHERE number = ?1", number)
    }

    /// The message in a row of what was sent.
    pub fn sent_in_row(&self, number: u64) -> Result<Option<MessageId>, RegisterFault> {
        self.id_in_row("SELECT message_id FROM sent WHERE number = ?1", number)
    }

    /// What was received after a row, oldest first, each with its row.
    pub fn received_after(
        &self,
        number: u64,
        count: usize,
    ) -> Result<Vec<(u64, ReceivedEntry)>, RegisterFault> {
        let rows = self.rows(
            "SELECT number FROM received WHERE number > ?1 ORDER BY number LIMIT ?2",
            number,
            count,
        )?;
        let entries =
            self.select_received("WHERE number > ?1 ORDER BY number LIMIT ?2", params![number, count])?;
        Ok(rows.into_iter().zip(entries).collect())
    }

    /// What was sent after a row, oldest first, each with its row.
    pub fn sent_after(&self, number: u64, count: usize) -> Result<Vec<(u64, SentEntry)>, RegisterFault> {
        let rows =
            self.rows("SELECT number FROM sent WHERE number > ?1 ORDER BY number LIMIT ?2", number, count)?;
        let entries =
            self.select_sent("WHERE number > ?1 ORDER BY number LIMIT ?2", params![number, count])?;
        Ok(rows.into_iter().zip(entries).collect())
    }

    /// Dispatches of a consultation that never left this ministry, or that nobody took: every copy of them ended, and
    /// nobody is owed another.
    pub fn never_arrived(&self, consultation: &str) -> Result<Vec<Digest>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT dispatch_digest FROM sent WHERE consultation = ?1 GROUP BY dispatch_digest
             HAVING MIN(state IN ('void', 'withdrawn', 'expired', 'rejected')) = 1
               AND dispatch_digest NOT IN (SELECT dispatch_digest FROM owed)",
        )?;
        let rows = statement.query_map([consultation], |row| row.get::<_, Vec<u8>>(0))?;
        let damaged = |_| RegisterFault::Damaged("digest of a dispatch");
        rows.map(|bytes| Digest::from_slice(&bytes?).map_err(damaged)).collect()
    }

    /// The last row of what was sent and of what was received.
    pub fn extent(&self) -> Result<(u64, u64), RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT COALESCE((SELECT MAX(number) FROM sent), 0), COALESCE((SELECT MAX(number) FROM received), 0)",
        )?;
        Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Whether anything of a consultation was sent or received.
    pub fn knows(&self, consultation: &str) -> Result<bool, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sent WHERE consultation = ?1)
                 OR EXISTS (SELECT 1 FROM received WHERE consultation = ?1)",
        )?;
        Ok(statement.query_row([consultation], |row| row.get(0))?)
    }

    fn id_in_row(&self, query: &str, number: u64) -> Result<Option<MessageId>, RegisterFault> {
        let connection = self.connection();
        let found: Option<Vec<u8>> =
            connection.prepare_cached(query)?.query_row([number], |row| row.get(0)).optional()?;
        found.map(|bytes| message_id(&bytes)).transpose()
    }

    fn rows(&self, query: &str, number: u64, count: usize) -> Result<Vec<u64>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map(params![number, count], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
