//! `Leaf`: what a gateway writes into the log of a pair of ministries. The names of the kinds follow ETSI
//! EN 319 522-1. A leaf holds ids, digests and its writer's time, never anything about a person.

use crate::canonical;
use crate::digest::{Digest, InvalidDigest};
use crate::limits;
use crate::message::envelope::{Envelope, parts_digest};
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::proto::message::v1 as wire;
use crate::time::Timestamp;
use crate::vocabulary;
use prost::Message as _;

const LEAF_CONTEXT: &str = "chancery/leaf/v1";

/// Reason of a withdrawal that an operator of the sender's gateway decided.
pub const WITHDRAWN_BY_OPERATOR: &str = "WITHDRAWN_BY_OPERATOR";

/// Reason of a withdrawal that the sender's desk decided: the message was refused, or a part of it lost.
pub const WITHDRAWN_BY_DESK: &str = "WITHDRAWN_BY_DESK";

vocabulary! {
    /// What happened.
    pub enum LeafKind {
        /// The own desk's message was taken into custody.
        Sent = 1 "SENT",
        /// The peer's message was taken into custody.
        Received = 2 "RECEIVED",
        /// The peer's message was refused for good.
        Rejected = 3 "REJECTED",
        /// A message was not delivered in time.
        Expired = 4 "EXPIRED",
        /// A trust bundle was accredited.
        Bundle = 5 "BUNDLE",
        /// A channel policy came into force.
        Policy = 6 "POLICY",
        /// A year's log was opened.
        Opened = 7 "OPENED",
        /// A message was withdrawn before the peer had answered for it.
        Withdrawn = 8 "WITHDRAWN",
        /// A revocation list that the peer announced came into force.
        Revocation = 9 "REVOCATION",
    }
}

/// One entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// What happened.
    pub kind: LeafKind,
    /// The message it concerns, with its commitments.
    pub message: Option<LeafMessage>,
    /// When, by the clock of the gateway that wrote it.
    pub time: Timestamp,
    /// Reason code of a rejection, expiry or withdrawal; otherwise empty.
    pub reason: String,
    /// The record it concerns.
    pub record: Option<Digest>,
}

/// The message a leaf concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafMessage {
    /// Its id.
    pub id: MessageId,
    /// SHA-256 of the envelope without its parts.
    pub envelope: Digest,
    /// SHA-256 over the digests of its sealed parts.
    pub parts: Digest,
}

impl LeafMessage {
    /// The commitments of an envelope.
    pub fn of(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id(),
            envelope: envelope.digest(),
            parts: parts_digest(envelope.header().parts()),
        }
    }
}

impl Leaf {
    /// A leaf about a message; `reason` is empty unless it was rejected, expired or withdrawn.
    pub fn about(kind: LeafKind, message: LeafMessage, reason: &str, time: Timestamp) -> Self {
        Self { kind, message: Some(message), time, reason: reason.to_owned(), record: None }
    }

    /// A leaf about a record: bundle, policy, revocation list or closing checkpoint.
    pub fn about_record(kind: LeafKind, record: Digest, time: Timestamp) -> Self {
        Self { kind, message: None, time, reason: String::new(), record: Some(record) }
    }

    /// The exact bytes that are hashed into the log.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = |digest: Option<Digest>| digest.map(|d| d.as_bytes().to_vec()).unwrap_or_default();
        wire::Leaf {
            context: LEAF_CONTEXT.to_owned(),
            kind: self.kind.number(),
            message_id: bytes(self.message.map(|message| message.id.digest())),
            envelope_digest: bytes(self.message.map(|message| message.envelope)),
            parts_digest: bytes(self.message.map(|message| message.parts)),
            time: self.time.seconds(),
            reason: self.reason.clone(),
            record_digest: bytes(self.record),
        }
        .encode_to_vec()
    }

    /// Parses exact leaf bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Leaf = canonical::decode(bytes, limits::LEAF_BYTES_MAX)?;
        let kind = LeafKind::from_number(record.kind).ok_or_else(malformed)?;
        let message = match (record.message_id.is_empty(), kind) {
            (
                false,
                LeafKind::Sent
                | LeafKind::Received
                | LeafKind::Rejected
                | LeafKind::Expired
                | LeafKind::Withdrawn,
            ) => Some(parse_message(&record).map_err(|InvalidDigest| malformed())?),
            (true, LeafKind::Bundle | LeafKind::Policy | LeafKind::Opened | LeafKind::Revocation) => None,
            _ => return Err(malformed()),
        };
        let concerned = match record.record_digest.as_slice() {
            [] => None,
            digest => Some(Digest::from_slice(digest).map_err(|InvalidDigest| malformed())?),
        };
        if message.is_some() == concerned.is_some() {
            return Err(malformed());
        }
        let reason_fits =
            record.reason.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if record.context != LEAF_CONTEXT || !reason_fits || record.time <= 0 {
            return Err(malformed());
        }
        let leaf = Self {
            kind,
            message,
            time: Timestamp::from_seconds(record.time),
            reason: record.reason,
            record: concerned,
        };
        if leaf.bytes() == bytes { Ok(leaf) } else { Err(malformed()) }
    }
}

fn parse_message(record: &wire::Leaf) -> Result<LeafMessage, InvalidDigest> {
    Ok(LeafMessage {
        id: MessageId::from_slice(&record.message_id)?,
        envelope: Digest::from_slice(&record.envelope_digest)?,
        parts: Digest::from_slice(&record.parts_digest)?,
    })
}

fn malformed() -> Refusal {
    Refusal::new(Reason::Malformed, "not a log leaf of format version 1")
}
