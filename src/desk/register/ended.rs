//! Copies that ended without having arrived: given up, withdrawn, late, or refused by their recipient.
//!
//! A row enters with the change of state that ends a copy, by a trigger, so in its transaction, whichever command does
//! it. It leaves when somebody has looked at what the copy held: of a protective act the recipient is owed another copy
//! in the same transaction. What must never happen: that such an act is looked at and not owed.

use rusqlite::params;

use super::owed::{OwedEntry, owe};
use super::{Register, RegisterFault, SentEntry};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::trust::name::Ministry;

impl Register {
    /// Copies that ended and that nobody has looked at, oldest first, after one of them or from the beginning.
    pub fn ended(&self, after: Option<&MessageId>, count: usize) -> Result<Vec<SentEntry>, RegisterFault> {
        let after = after.map_or(&[][..], |id| id.as_bytes().as_slice());
        self.select_sent(
            "WHERE number IN (SELECT number FROM ended
               WHERE number > COALESCE((SELECT number FROM sent WHERE message_id = ?1), 0)
               ORDER BY number LIMIT ?2)",
            params![after, count],
        )
    }

    /// How many copies of an act were made for the recipient of this one.
    pub fn copies_like(&self, copy: &SentEntry) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT COUNT(*) FROM sent INDEXED BY sent_consultation
             WHERE consultation = ?1 AND act_number = ?2 AND dispatch_digest = ?3 AND recipient = ?4",
        )?;
        let dispatch = copy.dispatch_digest.as_bytes().as_slice();
        let of = params![copy.consultation, copy.act_number, dispatch, copy.recipient.as_str()];
        Ok(statement.query_row(of, |row| row.get(0))?)
    }

    /// The newest copy of an act for the recipient of this one: this one itself where no other was made since.
    pub fn newest_like(&self, copy: &SentEntry) -> Result<Option<SentEntry>, RegisterFault> {
        let act = (copy.act_number, &copy.dispatch_digest);
        self.newest_of(&copy.consultation, act, &copy.recipient)
    }

    /// The newest copy for a ministry of an act, named by its number and the digest of its dispatch; none where none was
    /// made.
    pub fn newest_of(
        &self,
        consultation: &str,
        (act_number, dispatch): (u64, &Digest),
        to: &Ministry,
    ) -> Result<Option<SentEntry>, RegisterFault> {
        let dispatch = dispatch.as_bytes().as_slice();
        let mut newest = self.select_sent(
            "INDEXED BY sent_consultation
             WHERE consultation = ?1 AND act_number = ?2 AND dispatch_digest = ?3 AND recipient = ?4
             ORDER BY number DESC LIMIT 1",
            params![consultation, act_number, dispatch, to.as_str()],
        )?;
        Ok(newest.pop())
    }

    /// Notes that somebody has looked at a copy that ended, and what its recipient is owed for it. Nothing is owed
    /// where another process was faster, where it is owed already, or where another copy has not ended.
    pub fn note_ended(&self, copy: &SentEntry, owed: Option<&OwedEntry>) -> Result<bool, RegisterFault> {
        self.change(|connection| {
            let id = copy.id.as_bytes().as_slice();
            let mut delete = connection.prepare_cached(
                "DELETE FROM ended WHERE number = (SELECT number FROM sent WHERE message_id = ?1)",
            )?;
            let is_first = delete.execute([id])? == 1;
            let Some(owed) = owed.filter(|_| is_first) else { return Ok(false) };
            let mut statement = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sent INDEXED BY sent_consultation
                     WHERE consultation = ?1 AND act_number = ?2 AND dispatch_digest = ?3 AND recipient = ?4
                       AND state NOT IN ('void', 'withdrawn', 'expired', 'rejected'))
                   OR EXISTS (SELECT 1 FROM owed WHERE dispatch_digest = ?3 AND recipient = ?4)",
            )?;
            let dispatch = copy.dispatch_digest.as_bytes().as_slice();
            let of = params![copy.consultation, copy.act_number, dispatch, copy.recipient.as_str()];
            if statement.query_row(of, |row| row.get(0))? {
                return Ok(false);
            }
            owe(connection, owed)?;
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SentState;
    use super::super::tests::sent;
    use super::*;
    use crate::time::Timestamp;

    fn owed_for(copy: &SentEntry) -> OwedEntry {
        OwedEntry {
            dispatch: copy.dispatch_digest,
            recipient: copy.recipient.clone(),
            channel: copy.channel.clone(),
            consultation: copy.consultation.clone(),
            act_number: copy.act_number,
            awaits_number: false,
            release_time: copy.release_time,
            reason: "COPY_WITHDRAWN".to_owned(),
            sealed: b"sealed".to_vec(),
            not_before: Timestamp::from_seconds(0),
        }
    }

    #[test]
    fn a_copy_that_ends_is_looked_at_once_and_what_it_held_is_owed_until_a_copy_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let copy = SentEntry { state: SentState::Queued, ..sent(1) };
        let another = SentEntry { state: SentState::Queued, ..sent(2) };
        register.release(&[copy.clone(), another]).unwrap();
        assert!(register.ended(None, 10).unwrap().is_empty());
        let becomes = |copy: &SentEntry, state| register.note_sent(&copy.id, state, "", &[], &[]).unwrap();
        becomes(&copy, SentState::Withdrawn);
        becomes(&copy, SentState::Rejected);
        let ended = register.ended(None, 10).unwrap();
        assert_eq!(ended.iter().map(|one| one.id).collect::<Vec<_>>(), [copy.id], "once");
        assert!(register.ended(Some(&copy.id), 10).unwrap().is_empty());
        assert_eq!(register.copies_like(&copy).unwrap(), 1);
        assert!(register.note_ended(&copy, Some(&owed_for(&copy))).unwrap());
        assert!(!register.note_ended(&copy, Some(&owed_for(&copy))).unwrap(), "another process was faster");
        assert_eq!(register.owed().unwrap().len(), 1);
        // The recipient had it after all.
        becomes(&copy, SentState::Delivered);
        assert!(register.owed().unwrap().is_empty());
    }

    #[test]
    fn nothing_is_owed_for_a_copy_that_ended_while_another_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let copy = SentEntry { state: SentState::Expired, ..sent(1) };
        let anew = SentEntry {
            consultation: copy.consultation.clone(),
            act_number: copy.act_number,
            dispatch_digest: copy.dispatch_digest,
            state: SentState::Queued,
            ..sent(2)
        };
        // So they come back into a register that was restored.
        register.release(&[copy.clone(), anew]).unwrap();
        assert_eq!(register.ended(None, 10).unwrap().len(), 1);
        assert_eq!(register.copies_like(&copy).unwrap(), 2);
        assert_eq!(register.newest_like(&copy).unwrap().map(|newest| newest.id), Some(sent(2).id));
        assert!(!register.note_ended(&copy, Some(&owed_for(&copy))).unwrap());
        assert!(register.ended(None, 10).unwrap().is_empty() && register.owed().unwrap().is_empty());
    }
}
