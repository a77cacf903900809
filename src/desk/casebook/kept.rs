//! What the casebook keeps of a message: everything that judging it takes, so that its envelope is opened once.
//!
//! An opened message enters, bytes for the inside of a seal leave, and the other way round. What a dispatch says is
//! kept in its exact bytes; its signatures are not, because they were verified before it came here.

use std::fmt;

use prost::Message as _;

use crate::consultation::receive::{Received, receive};
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::digest::Digest;
use crate::message::dispatch::Dispatch;
use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Authority;

/// One message as the casebook keeps it.
pub struct Kept {
    /// Its header; of a sent message that of its first copy.
    pub header: Header,
    /// Its dispatch.
    pub dispatch: Dispatch,
    /// SHA-256 of the exact bytes of the dispatch.
    pub digest: Digest,
    /// When its signatures were judged: custody of what was received, release of what was sent.
    pub at: Timestamp,
    /// Whether this desk sent it.
    pub own: bool,
    /// What the certificates of those who signed permitted, in the order of the dispatch.
    pub authorities: Vec<Vec<Authority>>,
    /// Exact bytes of the dispatch.
    bytes: Vec<u8>,
}

impl Kept {
    /// What is kept of an opened message.
    pub(super) fn of(opened: &Opened) -> Self {
        let authorities = |signature: &crate::trust::signature::Signature| {
            signature.authorities().iter().copied().collect::<Vec<Authority>>()
        };
        Self {
            header: opened.envelope.header().clone(),
            dispatch: opened.dispatch.dispatch().clone(),
            digest: opened.dispatch.digest(),
            at: opened.entry.judged_at(),
            own: matches!(opened.entry, Entry::Sent(_)),
            authorities: opened.signatures.iter().map(authorities).collect(),
            bytes: opened.dispatch.bytes().to_vec(),
        }
    }

    /// The message.
    pub fn id(&self) -> MessageId {
        self.header.id()
    }

    /// Its act, or what becomes of one that this release cannot read.
    pub fn received(&self) -> Received {
        receive(&self.dispatch.kind, self.dispatch.act_class, &self.dispatch.act)
    }

    fn to_record(&self) -> Record {
        let words = |authorities: &Vec<Authority>| Signatory {
            authorities: authorities.iter().map(|one| one.word().to_owned()).collect(),
        };
        Record {
            header: self.header.bytes().to_vec(),
            dispatch: self.bytes.clone(),
            at: self.at.seconds(),
            own: self.own,
            signatories: self.authorities.iter().map(words).collect(),
        }
    }

    fn from_record(record: Record) -> Option<Self> {
        let words = |signatory: Signatory| -> Option<Vec<Authority>> {
            signatory.authorities.iter().map(|word| Authority::parse(word).ok()).collect()
        };
        Some(Self {
            header: Header::parse(&record.header).ok()?,
            dispatch: Dispatch::parse(&record.dispatch).ok()?,
            digest: Digest::of(&record.dispatch),
            at: Timestamp::from_seconds(record.at),
            own: record.own,
            authorities: record.signatories.into_iter().map(words).collect::<Option<_>>()?,
            bytes: record.dispatch,
        })
    }
}

/// The inside of a volume that holds these.
pub(super) fn encode(kept: &[Kept]) -> Vec<u8> {
    Volume { records: kept.iter().map(Kept::to_record).collect() }.encode_to_vec()
}

/// What the inside of a volume holds; nothing where another release wrote it.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Kept>> {
    let volume = Volume::decode(bytes).ok()?;
    volume.records.into_iter().map(Kept::from_record).collect()
}

/// What stands inside a volume. Not a record of the wire: it never leaves this desk.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Volume {
    #[prost(message, repeated, tag = "1")]
    records: Vec<Record>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Record {
    #[prost(bytes = "vec", tag = "1")]
    header: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    dispatch: Vec<u8>,
    #[prost(int64, tag = "3")]
    at: i64,
    #[prost(bool, tag = "4")]
    own: bool,
    #[prost(message, repeated, tag = "5")]
    signatories: Vec<Signatory>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct Signatory {
    #[prost(string, repeated, tag = "1")]
    authorities: Vec<String>,
}

/// Shows nothing of what it holds.
macro_rules! opaque {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        })+
    };
}
opaque!(Kept, Volume, Record, Signatory);
