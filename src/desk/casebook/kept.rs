//! What the casebook keeps of a message: everything that judging it takes, so that its envelope is opened once.
//!
//! An opened message enters, bytes for the inside of a seal leave, and the other way round. What a dispatch says is
//! kept in its exact bytes; its signatures are not, because they were verified before it came here, and what was
//! doubted of a protective act stands among what is known of its offices.

use prost::Message as _;

use crate::consultation::casebook::Incoming;
use crate::consultation::receive::{Received, receive};
use crate::consultation::rules::authority::{
    AuthorityFacts, Clearance, ClearanceKind, OfficeFacts, Validity,
};
use crate::desk::authorities::of_opened;
use crate::desk::read::Opened;
use crate::desk::reference::{Entry, register_number};
use crate::digest::Digest;
use crate::message::dispatch::Dispatch;
use crate::message::header::Header;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Name};

/// One message as the casebook keeps it.
#[derive(Clone)]
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
    /// Who drafted, cleared and signed it, and what their certificates permitted then.
    pub authorities: AuthorityFacts,
    /// Exact bytes of the dispatch.
    bytes: Vec<u8>,
}

impl Kept {
    /// What is kept of an opened message.
    pub(super) fn of(opened: &Opened) -> Self {
        Self {
            header: opened.envelope.header().clone(),
            dispatch: opened.dispatch.dispatch().clone(),
            digest: opened.dispatch.digest(),
            at: opened.entry.judged_at(),
            own: matches!(opened.entry, Entry::Sent(_)),
            authorities: of_opened(opened),
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

    /// As the pure casebook takes it.
    pub fn incoming(&self) -> Incoming {
        Incoming::new(
            self.header.address().clone(),
            self.header.position().clone(),
            self.dispatch.clone(),
            self.digest,
            Some(self.authorities.clone()),
        )
    }

    /// Its register number.
    pub fn register_number(&self) -> String {
        let (sender, position) = (&self.header.address().sender, self.header.position());
        register_number(sender, &position.recipient, position.release_time, position.sequence)
    }

    fn to_record(&self) -> Record {
        let AuthorityFacts { drafter, clearances, offices } = &self.authorities;
        let office = |facts: &OfficeFacts| OfficeRecord {
            office: facts.office.to_string(),
            authorities: facts.authorities.iter().map(|one| one.word().to_owned()).collect(),
            validity: validity_number(facts.validity),
            key: facts.key.map(|key| key.as_bytes().to_vec()).unwrap_or_default(),
        };
        let clearance = |clearance: &Clearance| ClearanceRecord {
            kind: clearance.kind.number(),
            office: clearance.office.to_string(),
        };
        Record {
            header: self.header.bytes().to_vec(),
            dispatch: self.bytes.clone(),
            at: self.at.seconds(),
            own: self.own,
            drafter: drafter.as_ref().map(Name::to_string).unwrap_or_default(),
            clearances: clearances.iter().map(clearance).collect(),
            offices: offices.iter().map(office).collect(),
        }
    }

    fn from_record(record: Record) -> Option<Self> {
        let drafter = match record.drafter.as_str() {
            "" => None,
            name => Some(Name::parse(name).ok()?),
        };
        let clearance = |record: ClearanceRecord| {
            let kind = ClearanceKind::from_number(record.kind)?;
            Some(Clearance { kind, office: Name::parse(&record.office).ok()? })
        };
        let office = |record: OfficeRecord| {
            let authorities = record.authorities.iter().map(|word| Authority::parse(word).ok());
            Some(OfficeFacts {
                office: Name::parse(&record.office).ok()?,
                authorities: authorities.collect::<Option<_>>()?,
                validity: VALIDITIES.get(usize::try_from(record.validity).ok()?).copied()?,
                key: Digest::from_slice(&record.key).ok(),
            })
        };
        let authorities = AuthorityFacts {
            drafter,
            clearances: record.clearances.into_iter().map(clearance).collect::<Option<_>>()?,
            offices: record.offices.into_iter().map(office).collect::<Option<_>>()?,
        };
        Some(Self {
            header: Header::parse(&record.header).ok()?,
            dispatch: Dispatch::parse(&record.dispatch).ok()?,
            digest: Digest::of(&record.dispatch),
            at: Timestamp::from_seconds(record.at),
            own: record.own,
            authorities,
            bytes: record.dispatch,
        })
    }
}

/// In the order of their numbers in a record.
const VALIDITIES: [Validity; 4] =
    [Validity::Valid, Validity::OutOfTime, Validity::Revoked, Validity::Unknown];

fn validity_number(validity: Validity) -> u32 {
    let place = VALIDITIES.iter().position(|one| *one == validity);
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
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
    #[prost(string, tag = "5")]
    drafter: String,
    #[prost(message, repeated, tag = "6")]
    clearances: Vec<ClearanceRecord>,
    #[prost(message, repeated, tag = "7")]
    offices: Vec<OfficeRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct ClearanceRecord {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    office: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct OfficeRecord {
    #[prost(string, tag = "1")]
    office: String,
    #[prost(string, repeated, tag = "2")]
    authorities: Vec<String>,
    #[prost(uint32, tag = "3")]
    validity: u32,
    #[prost(bytes = "vec", tag = "4")]
    key: Vec<u8>,
}

crate::consultation::opaque!(Kept, Volume, Record, ClearanceRecord, OfficeRecord);

#[cfg(test)]
pub(super) mod samples;
