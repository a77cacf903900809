//! Copies at their release: registered together, before any of them is submitted, with all that becomes true by it.
//!
//! Envelopes enter with their marks; they stand in the register in one transaction, or nothing of it does. What was
//! cancelled, answered or paid meanwhile is never released a second time, and no copy goes out that is not here.

use rusqlite::{Connection, params};

use super::drafts::{close_draft, note_answer};
use super::errands::{Errand, note_errand};
use super::held::{Hand, note_hand};
use super::lost::{Lost, note_lost};
use super::numbers::bind_formal_number;
use super::owed::{OwedEntry, give_number, owe, pay};
use super::{Register, RegisterFault, SentEntry, SentState};
use crate::digest::Digest;
use crate::message::envelope::Envelope;
use crate::message::id::MessageId;
use crate::trust::name::Ministry;

/// What becomes true of dispatches in the moment in which they are registered.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Formal numbers with the dispatches that bear them.
    pub numbers: Vec<((i16, u32), Digest)>,
    /// Drafts in clearance that are released by it.
    pub drafts: Vec<Digest>,
    /// Messages that are answered by it, with the kind of answer and its dispatch.
    pub answers: Vec<(MessageId, &'static str, Digest)>,
    /// What somebody is owed of a protective act from then on.
    pub owed: Vec<OwedEntry>,
    /// What is owed no longer: a dispatch, and to whom.
    pub paid: Vec<(Digest, Ministry)>,
    /// The number that an act is given which was owed without one.
    pub numbered: Option<(Digest, u64)>,
    /// What this register has lost before it.
    pub lost: Vec<Lost>,
    /// Requests of clients that are done by it.
    pub errands: Vec<Errand>,
    /// Who had which of these drafts signed.
    pub hands: Vec<(Digest, Hand)>,
}

impl SentEntry {
    /// The copy in an envelope, with its exact bytes, before anything is known of what became of it.
    pub(in crate::desk) fn of(
        (envelope, bytes): (&Envelope, Vec<u8>),
        dispatch_digest: Digest,
        state: SentState,
    ) -> Self {
        let (address, position) = (envelope.header().address(), envelope.header().position());
        Self {
            id: envelope.id(),
            channel: address.channel.to_string(),
            recipient: position.recipient.clone(),
            consultation: address.consultation.clone(),
            sequence: position.sequence,
            act_number: position.act_number,
            release_time: position.release_time,
            dispatch_digest,
            has_parts_beside: envelope.parts().iter().any(Vec::is_empty),
            envelope: bytes,
            state,
            reason: String::new(),
            submission_receipt: Vec::new(),
            delivery_receipt: Vec::new(),
        }
    }
}

impl Register {
    /// Registers released copies together, before any of them is submitted.
    pub fn release(&self, entries: &[SentEntry]) -> Result<(), RegisterFault> {
        self.release_with(entries, &Marks::default()).map(|_| ())
    }

    /// The same, with what else becomes true of their dispatches. False, and nothing is registered, where a draft among
    /// them is not open any more or a message was answered before.
    pub fn release_with<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a SentEntry>,
        marks: &Marks,
    ) -> Result<bool, RegisterFault> {
        self.change_if(|connection| {
            for (number, dispatch) in &marks.numbers {
                bind_formal_number(connection, *number, dispatch)?;
            }
            for dispatch in &marks.drafts {
                if !close_draft(connection, dispatch)? {
                    return Ok(false);
                }
            }
            for (message, kind, dispatch) in &marks.answers {
                if !note_answer(connection, message, kind, dispatch)? {
                    return Ok(false);
                }
            }
            for (dispatch, recipient) in &marks.paid {
                if !pay(connection, dispatch, recipient)? {
                    return Ok(false);
                }
            }
            if let Some((dispatch, number)) = &marks.numbered {
                give_number(connection, dispatch, *number)?;
            }
            marks.lost.iter().try_for_each(|lost| note_lost(connection, lost))?;
            marks.owed.iter().try_for_each(|owed| owe(connection, owed))?;
            for errand in &marks.errands {
                note_errand(connection, errand)?;
            }
            for (dispatch, hand) in &marks.hands {
                note_hand(connection, dispatch, hand)?;
            }
            entries.into_iter().try_for_each(|entry| insert(connection, entry))?;
            Ok(true)
        })
    }
}

/// Registers a copy.
pub(super) fn insert(connection: &Connection, entry: &SentEntry) -> Result<(), RegisterFault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO sent (message_id, channel, recipient, consultation, sequence, act_number, release_time,
           dispatch_digest, has_parts_beside, state, reason, submission_receipt, delivery_receipt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let number = insert.insert(params![
        entry.id.as_bytes().as_slice(),
        entry.channel,
        entry.recipient.as_str(),
        entry.consultation,
        entry.sequence,
        entry.act_number,
        entry.release_time.seconds(),
        entry.dispatch_digest.as_bytes().as_slice(),
        entry.has_parts_beside,
        entry.state.word(),
        entry.reason,
        entry.submission_receipt,
        entry.delivery_receipt,
    ])?;
    let mut keep =
        connection.prepare_cached("INSERT INTO sent_envelope (number, envelope) VALUES (?1, ?2)")?;
    keep.execute(params![number, entry.envelope])?;
    Ok(())
}
