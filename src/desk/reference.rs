//! References: how people name a message. A register number (`XA-XB-2026-0007`: sender, recipient, year of
//! release, sequence), an unambiguous beginning of the message id, or `@last` for the newest one received. An act of
//! this desk is also named by the beginning of the digest of its dispatch, which it has before any copy of it has a
//! number.
//!
//! Sequences are counted on each channel: two ministries that share several give one number to several messages. Such a
//! number is refused with those that it may mean, and what this desk writes for somebody to type is `spelling`.

use data_encoding::HEXLOWER;

use crate::consultation::reference::ConsultationId;
use crate::desk::Desk;
use crate::desk::error::DeskError;
use crate::desk::form::draft::{IdsOnly, Referenced, References};
use crate::desk::register::{ReceivedEntry, SentEntry};
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// Shortest beginning of a message id that is taken as a reference.
const ID_DIGITS_MIN: usize = 6;

/// Digits of the beginning of an id that is shown where a number does not do; more where it must be.
const ID_DIGITS_SHOWN: usize = 12;

/// Candidates that are shown.
const CANDIDATES_MAX: usize = 8;

/// Digits of a whole message id.
const ID_DIGITS_MAX: usize = 64;

/// Messages counted, each way, that one beginning of an id may name.
const AMBIGUOUS_MAX: usize = 16;

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

/// How an act is shown that has no register number here: by the beginning of the digest of its dispatch.
pub fn by_digest(dispatch: &Digest) -> String {
    dispatch.hex().chars().take(ID_DIGITS_SHOWN).collect()
}

/// Whether a text may be the beginning of such a digest, or of a message id.
pub(super) fn is_beginning(text: &str) -> bool {
    IdRange::of(text).is_some()
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
    /// A consultation as the register holds it, received and sent, by time of custody or release.
    pub fn entries_of(&self, consultation: &str) -> Result<Vec<Entry>, DeskError> {
        let received = self.register.received_in(consultation)?.into_iter().map(Entry::Received);
        let sent = self.register.sent_in(consultation)?.into_iter().map(Entry::Sent);
        let mut entries: Vec<Entry> = received.chain(sent).collect();
        entries.sort_by_key(Entry::judged_at);
        Ok(entries)
    }

    /// The one message that a reference names. An act that is owed to everybody is none yet, and said to be that.
    pub fn find(&self, reference: &str) -> Result<Entry, DeskError> {
        let none = || DeskError::NoSuchMessage(reference.to_owned());
        if reference == "@last" {
            return self
                .register
                .newest_received(None, false, 1)?
                .pop()
                .map(Entry::Received)
                .ok_or_else(none);
        }
        let (count, mut found) = match IdRange::of(reference) {
            Some(range) => match self.with_ids(&range)? {
                (0, _) => self.with_dispatch(&range)?,
                found => found,
            },
            None => self.with_number(reference)?,
        };
        if count > 1 {
            let some = found.iter().take(CANDIDATES_MAX);
            let candidate = |entry: &Entry| Ok(format!("{} of {}", self.id_of(entry)?, entry.consultation()));
            let candidates = some.map(candidate).collect::<Result<_, DeskError>>()?;
            return Err(DeskError::Ambiguous { reference: reference.to_owned(), count, candidates });
        }
        match found.pop() {
            Some(entry) => Ok(entry),
            None => Err(self.not_sent_yet(reference)?.unwrap_or_else(none)),
        }
    }

    /// A reference that names this message and no other: its register number, or the beginning of its id where another
    /// message bears that number on another channel.
    pub fn spelling(&self, entry: &Entry) -> Result<String, DeskError> {
        let number = entry.reference(&self.config.ministry);
        match self.with_number(&number)? {
            (0 | 1, _) => Ok(number),
            _ => self.id_of(entry),
        }
    }

    /// The beginning of the id of a message that names it alone.
    fn id_of(&self, entry: &Entry) -> Result<String, DeskError> {
        let whole = entry.id().to_string();
        for digits in (ID_DIGITS_SHOWN..ID_DIGITS_MAX).step_by(ID_DIGITS_SHOWN) {
            let beginning: String = whole.chars().take(digits).collect();
            let alone = match IdRange::of(&beginning) {
                Some(range) => self.with_ids(&range)?.0 == 1,
                None => false,
            };
            if alone {
                return Ok(beginning);
            }
        }
        Ok(whole)
    }

    /// Messages whose ids begin so: how many, and some of them.
    fn with_ids(&self, range: &IdRange) -> Result<(usize, Vec<Entry>), DeskError> {
        let ids = [range.least.as_slice(), range.greatest.as_slice()];
        let received = self.register.received_between(ids, AMBIGUOUS_MAX)?.into_iter().map(Entry::Received);
        let sent = self.register.sent_between(ids, AMBIGUOUS_MAX)?.into_iter().map(Entry::Sent);
        let found: Vec<Entry> = received.chain(sent).collect();
        Ok((found.len(), found))
    }

    /// Acts of this desk whose dispatches begin so: how many, and of each the copy that was made first, or the one in
    /// which it goes on where that ended.
    fn with_dispatch(&self, range: &IdRange) -> Result<(usize, Vec<Entry>), DeskError> {
        let digests = [range.least.as_slice(), range.greatest.as_slice()];
        let mut firsts: Vec<SentEntry> = Vec::new();
        for copy in self.register.sent_of_dispatches(digests, AMBIGUOUS_MAX)? {
            if firsts.iter().all(|first| first.dispatch_digest != copy.dispatch_digest) {
                firsts.push(self.living(copy)?);
            }
        }
        Ok((firsts.len(), firsts.into_iter().map(Entry::Sent).collect()))
    }

    /// Messages of a register number: how many, and each of them.
    fn with_number(&self, reference: &str) -> Result<(usize, Vec<Entry>), DeskError> {
        let own = &self.config.ministry;
        let Some((pair, sequence)) = pair_and_sequence(reference) else { return Ok((0, Vec::new())) };
        let other = |code: Option<&str>| code.and_then(|code| Ministry::parse(code).ok());
        let mut found = Vec::new();
        if let Some(recipient) = other(pair.strip_prefix(&format!("{own}-"))) {
            found.extend(self.register.sent_numbered(&recipient, sequence)?.into_iter().map(Entry::Sent));
        }
        if let Some(sender) = other(pair.strip_suffix(&format!("-{own}"))) {
            found
                .extend(self.register.received_numbered(&sender, sequence)?.into_iter().map(Entry::Received));
        }
        found.retain(|entry| entry.reference(own) == reference);
        Ok((found.len(), found))
    }
}

/// Sender and recipient, and the sequence number, of `XA-XB-2026-0007`; the year is compared by whoever looks it up.
fn pair_and_sequence(reference: &str) -> Option<(&str, u64)> {
    let (rest, sequence) = reference.rsplit_once('-')?;
    let (pair, _year) = rest.rsplit_once('-')?;
    Some((pair, sequence.parse().ok()?))
}

/// The ids that begin with some hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
struct IdRange {
    least: Vec<u8>,
    greatest: Vec<u8>,
}

impl IdRange {
    fn of(beginning: &str) -> Option<Self> {
        let is_digits = beginning.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_digits || !(ID_DIGITS_MIN..=ID_DIGITS_MAX).contains(&beginning.len()) {
            return None;
        }
        let filled = |digit: &str| {
            let rest = digit.repeat(ID_DIGITS_MAX.saturating_sub(beginning.len()));
            HEXLOWER.decode(format!("{beginning}{rest}").as_bytes()).ok()
        };
        Some(Self { least: filled("0")?, greatest: filled("f")? })
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
        let consultation = ConsultationId::parse(entry.consultation()).ok();
        Some(Referenced { message_id: entry.id(), dispatch_digest, known: true, consultation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_of_an_id_means_all_ids_that_begin_so() {
        let range = IdRange::of("3fa9c").map(|_| ());
        assert_eq!(range, None, "too short");
        let range = IdRange::of("3fa9c1e").unwrap();
        assert_eq!(range.least[..4], [0x3f, 0xa9, 0xc1, 0xe0]);
        assert_eq!(range.greatest[..4], [0x3f, 0xa9, 0xc1, 0xef]);
        assert_eq!((range.least[31], range.greatest[31]), (0, 0xff));
        let whole = IdRange::of(&"ab".repeat(32)).unwrap();
        assert_eq!(whole.least, whole.greatest);
        assert_eq!(IdRange::of(&"ab".repeat(33)), None, "too long");
        assert_eq!(IdRange::of("XA-XB-2026-0001"), None);
    }

    #[test]
    fn a_register_number_is_taken_apart_from_its_end() {
        assert_eq!(pair_and_sequence("XA-XB-2026-0007"), Some(("XA-XB", 7)));
        assert_eq!(pair_and_sequence("XA-X-Y-2026-12345"), Some(("XA-X-Y", 12_345)));
        assert_eq!(pair_and_sequence("XA-XB-2026-"), None);
        assert_eq!(pair_and_sequence("0007"), None);
    }
}
