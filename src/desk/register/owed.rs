//! Protective acts that are signed and that somebody is still to be sent: the copy for a Power towards which nothing
//! can be sealed or numbered now.
//!
//! A row enters in the transaction that registers the copies for the others, and leaves in the one that registers the
//! copy it stands for. What is kept is sealed to the own reading keys: no plain text is written here either.

use rusqlite::{Connection, Row, params};

use super::{Register, RegisterFault, ministry};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// A copy of a protective act that could not be made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedEntry {
    /// Digest of the dispatch (salted).
    pub dispatch: Digest,
    /// Who is to have it.
    pub recipient: Ministry,
    /// Channel.
    pub channel: String,
    /// Consultation.
    pub consultation: String,
    /// Act number, the same as in the copies for others; 0 for acts that are not numbered, or not yet.
    pub act_number: u64,
    /// Whether it is given a number when the first copy of it is made: until then this register may lack acts that bear
    /// those that it would give.
    pub awaits_number: bool,
    /// Release, the same as in the copies for others.
    pub release_time: Timestamp,
    /// Why it could not be made: a stable code.
    pub reason: String,
    /// The signed dispatch with its documents, sealed to the own reading keys.
    pub sealed: Vec<u8>,
    /// No copy is made of it before this: several that were made have ended.
    pub not_before: Timestamp,
}

impl Register {
    /// Everything that is owed, oldest first. It is little: whoever is owed much is owed it for one reason.
    pub fn owed(&self) -> Result<Vec<OwedEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT dispatch_digest, recipient, channel, consultation, act_number, release_time, reason, sealed,
               awaits_number, not_before
             FROM owed ORDER BY number",
        )?;
        let rows = statement.query_map([], |row| Ok(entry(row)))?;
        rows.map(|row| row?).collect()
    }

    /// What is owed in one consultation, oldest first.
    pub fn owed_in(&self, consultation: &str) -> Result<Vec<OwedEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT dispatch_digest, recipient, channel, consultation, act_number, release_time, reason, sealed,
               awaits_number, not_before
             FROM owed WHERE consultation = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([consultation], |row| Ok(entry(row)))?;
        rows.map(|row| row?).collect()
    }

    /// What one Power is owed of an act.
    pub fn owed_of(
        &self,
        dispatch: &Digest,
        recipient: &Ministry,
    ) -> Result<Option<OwedEntry>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT dispatch_digest, recipient, channel, consultation, act_number, release_time, reason, sealed,
               awaits_number, not_before
             FROM owed WHERE dispatch_digest = ?1 AND recipient = ?2",
        )?;
        let mut rows = statement
            .query_map(params![dispatch.as_bytes().as_slice(), recipient.as_str()], |row| Ok(entry(row)))?;
        rows.next().transpose()?.transpose()
    }

    /// Numbers of acts in a consultation of which somebody is owed a copy, each once, ascending.
    pub fn owed_numbers(&self, consultation: &str) -> Result<Vec<u64>, RegisterFault> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT DISTINCT act_number FROM owed WHERE consultation = ?1 AND act_number > 0 ORDER BY act_number")?;
        let rows = statement.query_map([consultation], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down why it is still owed.
    pub fn note_owed(
        &self,
        dispatch: &Digest,
        recipient: &Ministry,
        reason: &str,
    ) -> Result<(), RegisterFault> {
        self.change(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE owed SET reason = ?3 WHERE dispatch_digest = ?1 AND recipient = ?2",
            )?;
            update.execute(params![dispatch.as_bytes().as_slice(), recipient.as_str(), reason])?;
            Ok(())
        })
    }
}

impl Register {
    /// Keeps what is owed of an act in another form: its documents are elsewhere now. False where nobody is owed it.
    pub fn keep_owed(&self, dispatch: &Digest, sealed: &[u8]) -> Result<bool, RegisterFault> {
        self.change(|connection| {
            let mut update =
                connection.prepare_cached("UPDATE owed SET sealed = ?2 WHERE dispatch_digest = ?1")?;
            Ok(update.execute(params![dispatch.as_bytes().as_slice(), sealed])? > 0)
        })
    }
}

/// Notes that somebody is owed a copy.
pub(super) fn owe(connection: &Connection, owed: &OwedEntry) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO owed (dispatch_digest, recipient, channel, consultation, act_number, release_time, reason, sealed,
           awaits_number, not_before)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        owed.dispatch.as_bytes().as_slice(),
        owed.recipient.as_str(),
        owed.channel,
        owed.consultation,
        owed.act_number,
        owed.release_time.seconds(),
        owed.reason,
        owed.sealed,
        owed.awaits_number,
        owed.not_before.seconds(),
    ])?;
    Ok(())
}

/// Gives an act its number, towards all to whom it is owed.
pub(super) fn give_number(
    connection: &Connection,
    dispatch: &Digest,
    act_number: u64,
) -> Result<(), RegisterFault> {
    let mut update = connection.prepare_cached(
        "UPDATE owed SET act_number = ?2, awaits_number = 0 WHERE dispatch_digest = ?1 AND awaits_number = 1",
    )?;
    update.execute(params![dispatch.as_bytes().as_slice(), act_number])?;
    Ok(())
}

/// Notes that somebody is owed a copy no longer. False where nothing was owed.
pub(super) fn pay(
    connection: &Connection,
    dispatch: &Digest,
    recipient: &Ministry,
) -> Result<bool, RegisterFault> {
    let mut delete =
        connection.prepare_cached("DELETE FROM owed WHERE dispatch_digest = ?1 AND recipient = ?2")?;
    Ok(delete.execute(params![dispatch.as_bytes().as_slice(), recipient.as_str()])? == 1)
}

fn entry(row: &Row<'_>) -> Result<OwedEntry, RegisterFault> {
    Ok(OwedEntry {
        dispatch: Digest::from_slice(&row.get::<_, Vec<u8>>(0)?)
            .map_err(|_| RegisterFault::Damaged("digest of a dispatch"))?,
        recipient: ministry(&row.get::<_, String>(1)?)?,
        channel: row.get(2)?,
        consultation: row.get(3)?,
        act_number: row.get(4)?,
        release_time: Timestamp::from_seconds(row.get(5)?),
        reason: row.get(6)?,
        sealed: row.get(7)?,
        awaits_number: row.get(8)?,
        not_before: Timestamp::from_seconds(row.get(9)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Marks;
    use super::*;

    #[test]
    fn what_is_owed_holds_its_act_number_and_is_paid_once() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let owed = OwedEntry {
            dispatch: Digest::of(b"one"),
            recipient: Ministry::parse("XC").unwrap(),
            channel: "ch".to_owned(),
            consultation: "C-1".to_owned(),
            act_number: 7,
            awaits_number: false,
            release_time: Timestamp::from_seconds(1_795_345_200),
            reason: "BUNDLE_ENDED".to_owned(),
            sealed: b"sealed".to_vec(),
            not_before: Timestamp::from_seconds(0),
        };
        let marks = Marks { owed: vec![owed.clone()], ..Marks::default() };
        assert!(register.release_with(&[], &marks).unwrap());
        assert_eq!(register.owed().unwrap(), std::slice::from_ref(&owed));
        assert_eq!(register.last_act_number_signed("C-1").unwrap(), 7);
        assert_eq!(register.last_act_number("C-1").unwrap(), 0, "nobody has seen it");
        assert_eq!(register.owed_numbers("C-1").unwrap(), [7]);
        register.note_owed(&owed.dispatch, &owed.recipient, "NOT_ACCREDITED").unwrap();
        assert_eq!(register.owed().unwrap()[0].reason, "NOT_ACCREDITED");
        let paid = Marks { paid: vec![(owed.dispatch, owed.recipient)], ..Marks::default() };
        assert!(register.release_with(&[], &paid).unwrap());
        assert!(!register.release_with(&[], &paid).unwrap(), "it was paid before");
        assert!(register.owed().unwrap().is_empty());
    }

    #[test]
    fn an_act_that_awaits_its_number_gets_it_towards_all_and_takes_none_before() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let owed = |to: &str| OwedEntry {
            dispatch: Digest::of(b"one"),
            recipient: Ministry::parse(to).unwrap(),
            channel: "ch".to_owned(),
            consultation: "C-1".to_owned(),
            act_number: 0,
            awaits_number: true,
            release_time: Timestamp::from_seconds(1_795_345_200),
            reason: "REGISTER_BEHIND".to_owned(),
            sealed: b"sealed".to_vec(),
            not_before: Timestamp::from_seconds(0),
        };
        let marks = Marks { owed: vec![owed("XB"), owed("XC")], ..Marks::default() };
        assert!(register.release_with(&[], &marks).unwrap());
        assert_eq!(register.last_act_number_signed("C-1").unwrap(), 0);
        assert!(register.owed_numbers("C-1").unwrap().is_empty());
        let (dispatch, recipient) = (owed("XB").dispatch, owed("XB").recipient);
        let paid =
            Marks { paid: vec![(dispatch, recipient)], numbered: Some((dispatch, 9)), ..Marks::default() };
        assert!(register.release_with(&[], &paid).unwrap());
        let left = register.owed().unwrap();
        assert_eq!((left.len(), left[0].act_number, left[0].awaits_number), (1, 9, false));
        assert_eq!(register.last_act_number_signed("C-1").unwrap(), 9);
    }
}
