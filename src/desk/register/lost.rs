//! What a register that was restored from an older copy has lost: how many messages to whom, as the own gateway told
//! it.
//!
//! A loss is noted as soon as the gateway tells of it, and at the latest in the transaction that registers the first
//! copy behind it. While the gateway does not give back what was lost, the acts may bear any of the numbers that
//! followed in their consultations, so each consultation of the channel that is older than the loss leaves out as many.
//! When everything is back (`returned`), nothing is lost any more, and every number is known again.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Register, RegisterFault, message_id, ministry};
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Messages to one Power of which this register knows no more than that there were some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Channel.
    pub channel: String,
    /// To whom.
    pub recipient: Ministry,
    /// The last of them, by its place in the sequence.
    pub through: u64,
    /// How many act numbers they may have used that no other loss of the same moment counts.
    pub acts: u64,
    /// When it was noticed.
    pub noted: Timestamp,
}

impl Register {
    /// The last place towards a Power that is known to be used, by a message here or by one that is known to be lost.
    pub fn used_through(&self, channel: &str, recipient: &Ministry) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT MAX(
               COALESCE((SELECT MAX(sequence) FROM sent WHERE recipient = ?2 AND channel = ?1), 0),
               COALESCE((SELECT MAX(through) FROM lost WHERE channel = ?1 AND recipient = ?2), 0))",
        )?;
        Ok(statement.query_row(params![channel, recipient.as_str()], |row| row.get(0))?)
    }

    /// The highest act number in a consultation that this desk has given, or that an act which is lost may bear; 0 for
    /// none. A consultation of which nothing is older than a loss has lost nothing by it. Of losses those count after
    /// which the consultation got no new number yet: what did get one left the others out.
    pub fn last_act_number_used(&self, channel: &str, consultation: &str) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(LAST_USED)?;
        Ok(statement.query_row(params![consultation, channel], |row| row.get(0))?)
    }

    /// Notes what the own gateway tells that it holds and this register does not.
    pub fn note_losses(&self, losses: &[Lost]) -> Result<(), RegisterFault> {
        self.change(|connection| losses.iter().try_for_each(|lost| note_lost(connection, lost)))
    }

    /// Nothing is lost on a channel any more.
    pub fn forget_losses(&self, channel: &str) -> Result<(), RegisterFault> {
        self.change(|connection| {
            connection.prepare_cached("DELETE FROM lost WHERE channel = ?1")?.execute([channel])?;
            Ok(())
        })
    }

    /// The last message towards a Power up to which every one is here: its place and its id.
    pub fn whole_through(
        &self,
        channel: &str,
        recipient: &Ministry,
    ) -> Result<(u64, Option<MessageId>), RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT sequence, message_id FROM sent AS one
             WHERE recipient = ?2 AND channel = ?1
               AND EXISTS (SELECT 1 FROM sent WHERE recipient = ?2 AND channel = ?1 AND sequence = 1)
               AND NOT EXISTS (SELECT 1 FROM sent
                 WHERE recipient = ?2 AND channel = ?1 AND sequence = one.sequence + 1)
             ORDER BY sequence LIMIT 1",
        )?;
        let found: Option<(u64, Vec<u8>)> = statement
            .query_row(params![channel, recipient.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((sequence, id)) => Ok((sequence, Some(message_id(&id)?))),
            None => Ok((0, None)),
        }
    }

    /// The channels on which losses are noted.
    pub fn channels_short(&self) -> Result<Vec<String>, RegisterFault> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT DISTINCT channel FROM lost ORDER BY channel")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many losses are known. Whoever has folded a consultation before does so anew where there are more.
    pub fn losses(&self) -> Result<u64, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT COUNT(*) FROM lost")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// How many messages to a Power are known to be lost: places that were used and of which nothing is here.
    pub fn lost_to(&self, channel: &str, recipient: &Ministry) -> Result<u64, RegisterFault> {
        let (is_noted, here) = self.noted_and_here(channel, recipient)?;
        match is_noted {
            true => Ok(self.used_through(channel, recipient)?.saturating_sub(here)),
            false => Ok(0),
        }
    }

    /// The same for every Power of a channel to which something is lost.
    pub fn lost_on(&self, channel: &str) -> Result<Vec<(Ministry, u64)>, RegisterFault> {
        let mut lost = Vec::new();
        for code in self.short_on(channel)? {
            let recipient = ministry(&code)?;
            let count = self.lost_to(channel, &recipient)?;
            if count > 0 {
                lost.push((recipient, count));
            }
        }
        Ok(lost)
    }

    /// Whether a loss towards a Power is noted, and how many messages to it are here; they are counted only then.
    fn noted_and_here(&self, channel: &str, recipient: &Ministry) -> Result<(bool, u64), RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lost WHERE channel = ?1 AND recipient = ?2),
               CASE WHEN EXISTS (SELECT 1 FROM lost WHERE channel = ?1 AND recipient = ?2)
                 THEN (SELECT COUNT(*) FROM sent WHERE recipient = ?2 AND channel = ?1) ELSE 0 END",
        )?;
        let of = params![channel, recipient.as_str()];
        Ok(statement.query_row(of, |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// The Powers of a channel to which something is lost.
    fn short_on(&self, channel: &str) -> Result<Vec<String>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT DISTINCT recipient FROM lost WHERE channel = ?1 ORDER BY recipient")?;
        let rows = statement.query_map([channel], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The first copy of the act with the highest number tells which losses came after it.
const LAST_USED: &str = "
WITH top (act_number, row) AS (
  SELECT act_number, (SELECT MIN(number) FROM sent WHERE consultation = ?1 AND act_number = one.act_number)
  FROM sent AS one WHERE consultation = ?1 ORDER BY act_number DESC LIMIT 1)
SELECT MAX(
  COALESCE((SELECT act_number FROM top), 0)
  + COALESCE((SELECT SUM(acts) FROM lost
      WHERE channel = ?2 AND acts > 0 AND after_row >= COALESCE((SELECT row FROM top), 0)
        AND (EXISTS (SELECT 1 FROM sent WHERE consultation = ?1 AND release_time < lost.noted)
          OR EXISTS (SELECT 1 FROM received WHERE consultation = ?1 AND receive_time < lost.noted))), 0),
  COALESCE((SELECT MAX(act_number) FROM owed WHERE consultation = ?1), 0))";

/// Notes a loss, before what comes behind it. Acts that are owed and have their numbers may have been followed by acts
/// that are lost, while they themselves took no place: they are counted besides.
pub(super) fn note_lost(connection: &Connection, lost: &Lost) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO lost (channel, recipient, through, acts, after_row, noted)
         SELECT ?1, ?2, ?3,
           CASE WHEN ?4 = 0 THEN 0 ELSE ?4 + (SELECT COUNT(DISTINCT dispatch_digest) FROM owed
             WHERE channel = ?1 AND act_number > 0) END,
           (SELECT COALESCE(MAX(number), 0) FROM sent), ?5",
    )?;
    let Lost { channel, recipient, through, acts, noted } = lost;
    insert.execute(params![channel, recipient.as_str(), through, acts, noted.seconds()])?;
    Ok(())
}

/// A copy that came back stands in no new place: whatever was lost may still be more than it, until all is back.
pub(super) fn stay_lost(connection: &Connection, channel: &str) -> Result<(), RegisterFault> {
    let mut update = connection.prepare_cached(
        "UPDATE lost SET after_row = (SELECT COALESCE(MAX(number), 0) FROM sent) WHERE channel = ?1",
    )?;
    update.execute([channel])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::sent;
    use super::super::{Marks, SentEntry};
    use super::*;

    fn act(number: u64, consultation: &str, act_number: u64) -> SentEntry {
        let consultation = consultation.to_owned();
        SentEntry { channel: "ch".to_owned(), consultation, act_number, ..sent(number) }
    }

    #[test]
    fn each_consultation_leaves_out_once_what_may_be_lost_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let xb = Ministry::parse("XB").unwrap();
        register.release(&[act(1, "C-1", 5), act(2, "C-2", 1)]).unwrap();
        let noted = act(1, "C-1", 5).release_time.after(Duration::from_secs(60));
        let lost = |through, acts| Marks {
            lost: vec![Lost { channel: "ch".to_owned(), recipient: xb.clone(), through, acts, noted }],
            ..Marks::default()
        };
        assert!(register.release_with(&[], &lost(9, 4)).unwrap());
        assert_eq!(register.used_through("ch", &xb).unwrap(), 9);
        assert_eq!(register.used_through("other", &xb).unwrap(), 0);
        assert_eq!((register.lost_to("ch", &xb).unwrap(), register.lost_to("other", &xb).unwrap()), (7, 0));
        assert_eq!(register.lost_on("ch").unwrap(), [(xb.clone(), 7)]);
        let used = |consultation: &str| register.last_act_number_used("ch", consultation).unwrap();
        assert_eq!((used("C-1"), used("C-2"), used("C-3")), (9, 5, 0));
        assert_eq!(register.last_act_number_used("other", "C-1").unwrap(), 5);
        // A copy of an act from before takes no new number, and one with a new number counts as it stands.
        register.release(&[act(10, "C-1", 5)]).unwrap();
        assert_eq!(used("C-1"), 9);
        register.release(&[act(11, "C-1", 10)]).unwrap();
        assert_eq!((used("C-1"), used("C-2")), (10, 5));
        assert!(register.release_with(&[], &lost(13, 2)).unwrap());
        assert_eq!((used("C-1"), used("C-2"), register.losses().unwrap()), (12, 7, 2));
        // One that began after it was noticed has lost nothing.
        let began = SentEntry { release_time: noted.after(Duration::from_secs(60)), ..act(14, "C-4", 1) };
        register.release(&[began]).unwrap();
        assert_eq!(used("C-4"), 1);
        register.forget_losses("ch").unwrap();
        assert_eq!((used("C-1"), used("C-2"), register.losses().unwrap()), (10, 1, 0));
    }

    #[test]
    fn a_register_is_whole_up_to_the_first_message_that_is_not_here() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let xb = Ministry::parse("XB").unwrap();
        assert_eq!(register.whole_through("ch", &xb).unwrap(), (0, None));
        register.release(&[act(2, "C-1", 2), act(5, "C-1", 5)]).unwrap();
        assert_eq!(register.whole_through("ch", &xb).unwrap(), (0, None));
        register.release(&[act(1, "C-1", 1)]).unwrap();
        assert_eq!(register.whole_through("ch", &xb).unwrap(), (2, Some(act(2, "C-1", 2).id)));
    }
}
