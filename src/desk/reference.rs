//! References: how people name a message. A register number (`XA-XB-2026-0007`: sender, recipient, year of
//! release, sequence), an unambiguous beginning of the message id, or `@last` for the newest one received.

use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{IdsOnly, Referenced, References};
use crate::desk::register::{ReceivedEntry, SentEntry};
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Shortest beginning of a message id that is taken as a reference.
const ID_DIGITS_MIN: usize = 6;

/// A message in the register, whichever way it went.
#[derive(Debug, Clone)]
pub enum Entry {
    /// One this desk received.
    Received(ReceivedEntry),
    /// One this desk sent.
    Sent(SentEntry),
}

impl Entry {
    /// Its id.
    pub fn id(&self) -> MessageId {
        match self {
            Self::Received(entry) => entry.id,
            Self::Sent(entry) => entry.id,
        }
    }

    /// Exact envelope bytes.
    pub fn envelope(&self) -> &[u8] {
        match self {
            Self::Received(entry) => &entry.envelope,
            Self::Sent(entry) => &entry.envelope,
        }
    }

    /// Its consultation.
    pub fn consultation(&self) -> &str {
        match self {
            Self::Received(entry) => &entry.consultation,
            Self::Sent(entry) => &entry.consultation,
        }
    }

    /// Its register number.
    pub fn reference(&self, own: &Ministry) -> String {
        match self {
            Self::Received(entry) => register_number(&entry.sender, own, entry.release_time, entry.sequence),
            Self::Sent(entry) => register_number(own, &entry.recipient, entry.release_time, entry.sequence),
        }
    }

    /// When its signatures are judged: when the log took it, or when it was released.
    pub fn judged_at(&self) -> Timestamp {
        match self {
            Self::Received(entry) => entry.receive_time,
            Self::Sent(entry) => entry.release_time,
        }
    }
}

/// The register number of a message.
pub fn register_number(
    sender: &Ministry,
    recipient: &Ministry,
    released: Timestamp,
    sequence: u64,
) -> String {
    format!("{sender}-{recipient}-{}-{sequence:04}", released.year())
}

impl Desk {
    /// Everything in the register, received and sent, by time of custody or release.
    pub fn entries(&self) -> Result<Vec<Entry>, DeskError> {
        let mut entries: Vec<Entry> = self.register.received()?.into_iter().map(Entry::Received).collect();
        entries.extend(self.register.sent()?.into_iter().map(Entry::Sent));
        entries.sort_by_key(Entry::judged_at);
        Ok(entries)
    }

    /// The one message that a reference names.
    pub fn find(&self, reference: &str) -> Result<Entry, DeskError> {
        if reference == "@last" {
            let newest = self.register.received()?.pop().map(Entry::Received);
            return newest.ok_or_else(|| DeskError::NoSuchMessage(reference.to_owned()));
        }
        let is_id = reference.len() >= ID_DIGITS_MIN
            && reference.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let answers = |entry: &Entry| {
            entry.reference(&self.config.ministry) == reference
                || (is_id && entry.id().to_string().starts_with(reference))
        };
        let mut found: Vec<Entry> = self.entries()?.into_iter().filter(answers).collect();
        match (found.pop(), found.len()) {
            (Some(entry), 0) => Ok(entry),
            (Some(_), more) => {
                Err(DeskError::Ambiguous { reference: reference.to_owned(), count: more.saturating_add(1) })
            }
            (None, _) => Err(DeskError::NoSuchMessage(reference.to_owned())),
        }
    }
}

impl References for Desk {
    /// A message of the register; a whole id means the message that bears it, whether it is here or not.
    fn message(&self, reference: &str) -> Option<Referenced> {
        let Ok(entry) = self.find(reference) else { return IdsOnly.message(reference) };
        let dispatch_digest = match &entry {
            Entry::Sent(sent) => Some(sent.dispatch_digest),
            Entry::Received(received) => self.register.opened_dispatch(&received.id).ok().flatten(),
        };
        Some(Referenced { message_id: entry.id(), dispatch_digest })
    }
}
