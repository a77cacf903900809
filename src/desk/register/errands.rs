//! Errands: requests of clients that changed something, each done once.
//!
//! The row is written in the transaction of what it did, so a request that is sent again after a crash finds either
//! both or neither. It holds the request as a code that only the reading key gives, and the name of what came of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Register, RegisterFault};
use crate::time::Timestamp;

/// A request of a client that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Label of the client.
    pub client: String,
    /// What the client calls it.
    pub request_id: String,
    /// Code over the whole request: another one under the same id has another.
    pub fingerprint: Vec<u8>,
    /// Digest of the draft, or id of the message, that came of it.
    pub subject: Vec<u8>,
    /// When it was done.
    pub time: Timestamp,
}

impl Register {
    /// What was done for a client under an id.
    pub fn errand(&self, client: &str, request_id: &str) -> Result<Option<Errand>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT fingerprint, subject, time FROM errand WHERE client = ?1 AND request_id = ?2",
        )?;
        let found = statement.query_row(params![client, request_id], |row| {
            let (client, request_id) = (client.to_owned(), request_id.to_owned());
            let time = Timestamp::from_seconds(row.get(2)?);
            Ok(Errand { client, request_id, fingerprint: row.get(0)?, subject: row.get(1)?, time })
        });
        Ok(found.optional()?)
    }

    /// Notes that a request was done by something that is durable already.
    pub fn note_errand(&self, errand: &Errand) -> Result<(), RegisterFault> {
        self.change(|connection| note_errand(connection, errand))
    }

    /// Forgets what was done before this time.
    pub fn forget_errands(&self, before: Timestamp) -> Result<usize, RegisterFault> {
        self.change(|connection| {
            let mut forget = connection.prepare_cached("DELETE FROM errand WHERE time < ?1")?;
            Ok(forget.execute([before.seconds()])?)
        })
    }
}

/// Notes that a request was done. One that was done before undoes the transaction.
pub(super) fn note_errand(connection: &Connection, errand: &Errand) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO errand (client, request_id, fingerprint, subject, time) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?;
    let Errand { client, request_id, fingerprint, subject, time } = errand;
    match insert.execute(params![client, request_id, fingerprint, subject, time.seconds()])? {
        1 => Ok(()),
        _ => Err(RegisterFault::DoneBefore),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DraftEntry, DraftState, Hand, Holding};
    use super::*;
    use crate::digest::Digest;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_345_200);

    fn errand(request_id: &str, subject: &Digest) -> Errand {
        Errand {
            client: "casework".to_owned(),
            request_id: request_id.to_owned(),
            fingerprint: b"code".to_vec(),
            subject: subject.as_bytes().to_vec(),
            time: NOW,
        }
    }

    #[test]
    fn what_was_done_before_changes_nothing_and_is_found_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let entry = |words: &str| DraftEntry {
            dispatch: Digest::of(words.as_bytes()),
            year: 2026,
            formal_number: None,
            composed: NOW,
            state: DraftState::Open,
            path: String::new(),
            received_row: 0,
        };
        let holding = |dispatch: &Digest| Holding {
            sealed: b"sealed".to_vec(),
            hands: vec![Hand {
                kind: "DRAFT".into(),
                office: "drafting-01".into(),
                client: "casework".into(),
            }],
            errand: errand("one", dispatch),
        };
        let (one, two) = (entry("one"), entry("two"));
        assert!(register.open_draft_held(&one, None, Some(&holding(&one.dispatch))).unwrap());
        let again = register.open_draft_held(&two, None, Some(&holding(&two.dispatch)));
        assert!(matches!(again, Err(RegisterFault::DoneBefore)));
        assert_eq!(register.draft(&two.dispatch).unwrap(), None, "nothing of it stays");
        assert_eq!(register.held(&two.dispatch).unwrap(), None);
        let found = register.errand("casework", "one").unwrap().unwrap();
        assert_eq!(found, errand("one", &one.dispatch));
        assert_eq!(register.errand("registry", "one").unwrap(), None, "ids are each client's own");
        assert_eq!(register.forget_errands(NOW).unwrap(), 0);
        assert_eq!(register.forget_errands(Timestamp::from_seconds(NOW.seconds() + 1)).unwrap(), 1);
        assert_eq!(register.errand("casework", "one").unwrap(), None);
    }
}
