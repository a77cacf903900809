//! A message as it stands in an evidence file: its signed header, the receipts about it and, where the sender
//! or the recipient discloses it, its dispatch. Sealed parts and documents are not here: they may be large.

use std::collections::BTreeMap;

use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::message::leaf::LeafKind;
use crate::message::receipt::Receipt;
use crate::message::seal::FileKey;
use crate::trust::name::Ministry;

use super::disclosure::Disclosure;

/// What the recipient's gateway answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// The message was taken into custody.
    Received,
    /// The message was refused for good.
    Rejected,
}

impl AnswerKind {
    /// Both answers.
    pub(super) const ALL: [Self; 2] = [Self::Received, Self::Rejected];

    /// What a leaf answers, if it is an answer.
    pub(super) const fn of(kind: LeafKind) -> Option<Self> {
        match kind {
            LeafKind::Received => Some(Self::Received),
            LeafKind::Rejected => Some(Self::Rejected),
            _ => None,
        }
    }

    /// The word in names of entries and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Rejected => "rejected",
        }
    }
}

/// One message of an evidence file.
#[derive(Debug)]
pub(super) struct Paper {
    pub(super) header: Header,
    pub(super) signature: Vec<u8>,
    /// The leaf in the sender's log.
    pub(super) sent: Receipt,
    /// The leaf in the recipient's log.
    pub(super) answer: Receipt,
    pub(super) answer_kind: AnswerKind,
    /// Keys of disclosed parts.
    pub(super) keys: BTreeMap<usize, FileKey>,
    /// What the disclosed dispatch says, or why it does not open.
    pub(super) disclosure: Option<Result<Disclosure, String>>,
}

impl Paper {
    /// The message's register number: sender, recipient, year of release, sequence.
    pub(super) fn reference(&self) -> String {
        reference(&self.header)
    }

    /// Its id.
    pub(super) fn id(&self) -> MessageId {
        self.header.id()
    }

    /// The sending ministry.
    pub(super) fn sender(&self) -> &Ministry {
        &self.header.address().sender
    }

    /// The ministry this copy is for.
    pub(super) fn recipient(&self) -> &Ministry {
        &self.header.position().recipient
    }

    /// The name of an entry of this message.
    pub(super) fn entry(&self, name: &str) -> String {
        entry_of(&self.reference(), name)
    }

    /// The disclosed dispatch, if it opened.
    pub(super) fn disclosed(&self) -> Option<&Disclosure> {
        self.disclosure.as_ref()?.as_ref().ok()
    }
}

/// The register number of the message with this header.
pub(super) fn reference(header: &Header) -> String {
    let (address, position) = (header.address(), header.position());
    let year = position.release_time.year();
    format!("{}-{}-{year:04}-{:04}", address.sender, position.recipient, position.sequence)
}

/// The name of an entry of the message with this register number.
pub(super) fn entry_of(reference: &str, name: &str) -> String {
    format!("{MESSAGES}{reference}/{name}")
}

/// Where messages stand in the file.
pub(super) const MESSAGES: &str = "messages/";
