//! What a register that was restored from an older copy has lost: how many messages to whom, as the own gateway told it.
//!
//! A loss enters in the transaction that registers the first copy behind it. The acts that are lost may bear any of the
//! numbers that followed in their consultations, so each consultation of the channel leaves out as many.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Register, RegisterFault, ministry};
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
    /// none. A consultation of which nothing is here has lost nothing.
    pub fn last_act_number_used(&self, channel: &str, consultation: &str) -> Result<u64, RegisterFault> {
        let signed = self.last_act_number_signed(consultation)?;
        let losses = self.losses_on(channel)?;
        if losses.is_empty() || !self.knows(consultation)? {
            return Ok(signed);
        }
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT act_number FROM sent INDEXED BY sent_consultation
             WHERE consultation = ?1 AND number <= ?2 ORDER BY act_number DESC LIMIT 1",
        )?;
        let mut used = 0_u64;
        for (acts, after_row) in losses {
            let of = params![consultation, after_row];
            let known: Option<u64> = statement.query_row(of, |row| row.get(0)).optional()?;
            used = used.max(known.unwrap_or(0)).saturating_add(acts);
        }
        Ok(signed.max(used))
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
            lost.push((recipient, count));
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

    /// Losses on a channel, oldest first: how many act numbers each may have used, and the last row before it.
    fn losses_on(&self, channel: &str) -> Result<Vec<(u64, u64)>, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT acts, after_row FROM lost WHERE channel = ?1 AND acts > 0 ORDER BY number",
        )?;
        let rows = statement.query_map([channel], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Notes a loss, before what comes behind it. Acts that are owed and have their numbers may have been followed by acts
/// that are lost, while they themselves took no place: they are counted besides.
pub(super) fn note_lost(connection: &Connection, lost: &Lost) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO lost (channel, recipient, through, acts, after_row)
         SELECT ?1, ?2, ?3,
           CASE WHEN ?4 = 0 THEN 0 ELSE ?4 + (SELECT COUNT(DISTINCT dispatch_digest) FROM owed
             WHERE channel = ?1 AND act_number > 0) END,
           (SELECT COALESCE(MAX(number), 0) FROM sent)",
    )?;
    insert.execute(params![lost.channel, lost.recipient.as_str(), lost.through, lost.acts])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Marks;
    use super::super::tests::sent;
    use super::*;

    fn act(number: u64, consultation: &str, act_number: u64) -> crate::desk::register::SentEntry {
        let consultation = consultation.to_owned();
        crate::desk::register::SentEntry {
            channel: "ch".to_owned(),
            consultation,
            act_number,
            ..sent(number)
        }
    }

    #[test]
    fn each_consultation_leaves_out_once_what_may_be_lost_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("register.db")).unwrap();
        let xb = Ministry::parse("XB").unwrap();
        register.release(&[act(1, "C-1", 5), act(2, "C-2", 1)]).unwrap();
        let lost = |through, acts| Marks {
            lost: vec![Lost { channel: "ch".to_owned(), recipient: xb.clone(), through, acts }],
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
    }
}
