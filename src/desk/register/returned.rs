//! Taking back: copies that this register had lost, as the own gateway gave them back and this desk verified them.
//!
//! With each everything becomes true again that its release had made true: its formal number is used, its draft is
//! released, the message it answers is answered, and whoever was owed it is owed it no more.

use rusqlite::{Connection, OptionalExtension, params};

use super::drafts::{close_draft, note_answer};
use super::lost::stay_lost;
use super::owed::{OwedEntry, give_number, owe, pay};
use super::released::insert;
use super::{Register, RegisterFault, SentEntry};
use crate::message::id::MessageId;
use crate::trust::name::Ministry;

/// A copy that came back.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// The copy, as it stands at the gateway.
    pub copy: SentEntry,
    /// The message that it answers by itself, and with what kind of act.
    pub answers: Option<(MessageId, String)>,
    /// The formal number that it bears.
    pub formal_number: Option<(i16, u32)>,
}

impl Register {
    /// Registers copies that came back, those that are here already left out. Returns how many were not.
    pub fn take_back(&self, returned: &[TakenBack]) -> Result<usize, RegisterFault> {
        self.change(|connection| {
            let mut count = 0_usize;
            for one in returned {
                if !is_here(connection, &one.copy)? {
                    count = count.saturating_add(1);
                    take_back(connection, one)?;
                }
            }
            Ok(count)
        })
    }

    /// Notes that somebody is owed a copy of an act that came back.
    pub fn owe_again(&self, owed: &[OwedEntry]) -> Result<(), RegisterFault> {
        self.change(|connection| owed.iter().try_for_each(|one| owe(connection, one)))
    }

    /// Whether this Power has a copy of the act of another copy, or is owed one. One whose number alone was used up
    /// counts: it was given up.
    pub fn provides(&self, copy: &SentEntry, recipient: &Ministry) -> Result<bool, RegisterFault> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sent INDEXED BY sent_consultation
                 WHERE consultation = ?1 AND act_number = ?2 AND recipient = ?3
                   AND (dispatch_digest = ?4 OR release_time = ?5))
               OR EXISTS (SELECT 1 FROM owed WHERE dispatch_digest = ?4 AND recipient = ?3)",
        )?;
        let SentEntry { consultation, act_number, dispatch_digest, release_time, .. } = copy;
        let dispatch = dispatch_digest.as_bytes().as_slice();
        let of = params![consultation, act_number, recipient.as_str(), dispatch, release_time.seconds()];
        Ok(statement.query_row(of, |row| row.get(0))?)
    }
}

fn take_back(connection: &Connection, one: &TakenBack) -> Result<(), RegisterFault> {
    let TakenBack { copy, answers, formal_number } = one;
    insert(connection, copy)?;
    stay_lost(connection, &copy.channel)?;
    pay(connection, &copy.dispatch_digest, &copy.recipient)?;
    if copy.act_number > 0 {
        give_number(connection, &copy.dispatch_digest, copy.act_number)?;
    }
    close_draft(connection, &copy.dispatch_digest)?;
    if let Some((message, kind)) = answers {
        note_answer(connection, message, kind, &copy.dispatch_digest)?;
    }
    if let Some((year, number)) = formal_number {
        let mut keep = connection.prepare_cached(
            "INSERT INTO formal_number (year, number, dispatch_digest) VALUES (?1, ?2, ?3)
             ON CONFLICT (year, number) DO UPDATE SET dispatch_digest = excluded.dispatch_digest
             WHERE formal_number.dispatch_digest IS NULL",
        )?;
        keep.execute(params![year, number, copy.dispatch_digest.as_bytes().as_slice()])?;
    }
    Ok(())
}

/// Whether this message, or another one at its place, is here.
fn is_here(connection: &Connection, copy: &SentEntry) -> Result<bool, RegisterFault> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM sent WHERE message_id = ?1
         UNION ALL SELECT 1 FROM sent WHERE recipient = ?2 AND channel = ?3 AND sequence = ?4",
    )?;
    let (id, recipient) = (copy.id.as_bytes().as_slice(), copy.recipient.as_str());
    let found: Option<i64> = statement
        .query_row(params![id, recipient, copy.channel, copy.sequence], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}
