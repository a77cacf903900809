//! How far the mailbox of the own gateway has come into the register: a cursor, the message there, and the number
//! of the mailbox in which that cursor means anything.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Register, RegisterFault, message_id};
use crate::message::id::MessageId;

/// A place in the gateway's mailbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the mailbox.
    pub epoch: u64,
    /// Cursor up to which everything is registered; 0 for nothing.
    pub cursor: u64,
    /// The message there; none at the beginning.
    pub message: Option<MessageId>,
}

impl Register {
    /// Up to where everything is registered.
    pub fn place(&self) -> Result<Place, RegisterFault> {
        let found: Option<(u64, u64, Vec<u8>)> = self
            .connection()
            .query_row("SELECT epoch, cursor, message_id FROM place", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((epoch, cursor, id)) = found else { return Ok(Place::default()) };
        Ok(Place { epoch, cursor, message: Some(message_id(&id)?) })
    }
}

/// Everything up to this place is registered.
pub(super) fn note_place(connection: &Connection, place: &Place) -> Result<(), RegisterFault> {
    let Place { epoch, cursor, message: Some(message) } = place else { return Ok(()) };
    let mut note = connection.prepare_cached(
        "INSERT INTO place (one, epoch, cursor, message_id) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (one) DO UPDATE SET epoch = ?1, cursor = ?2, message_id = ?3",
    )?;
    note.execute(params![epoch, cursor, message.as_bytes().as_slice()])?;
    Ok(())
}
