//! The index as bytes for the inside of a seal. Not a record of the wire: it never leaves this desk.

use std::fmt;

use prost::Message as _;

use crate::consultation::reference::PersonRef;
use crate::desk::casebook::index::{Index, KnownName, Mention, Urgent};
use crate::digest::Digest;
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The inside of the index volume.
pub(super) fn encode(index: &Index) -> Vec<u8> {
    let mentions = index.persons.iter().flat_map(|(person, places)| {
        places.iter().map(|(consultation, mention)| MentionRecord {
            person: person.text(),
            consultation: consultation.clone(),
            is_by_the_way: mention.is_by_the_way,
            since: mention.since.seconds(),
        })
    });
    let names = index.names.iter().flat_map(|(person, names)| {
        names.iter().map(|name| NameRecord {
            person: person.text(),
            family: name.family.clone(),
            given: name.given.clone(),
            script: name.script.clone(),
            romanization: name.romanization.clone(),
            is_primary: name.is_primary,
        })
    });
    let urgent = index.urgent.iter().map(|((digest, other), urgent)| UrgentRecord {
        digest: digest.as_bytes().to_vec(),
        other: other.to_string(),
        consultation: urgent.consultation.clone(),
        own: urgent.own,
        precedence: urgent.precedence.number(),
        kind: urgent.kind.clone(),
        since: urgent.since.seconds(),
        reference: urgent.reference.clone(),
    });
    let acknowledged = index.acknowledged.iter().map(|((digest, by), at)| AcknowledgedRecord {
        digest: digest.as_bytes().to_vec(),
        by: by.to_string(),
        at: at.seconds(),
    });
    let unopened = index
        .unopened
        .iter()
        .map(|(consultation, count)| UnopenedRecord { consultation: consultation.clone(), count: *count });
    IndexRecord {
        mentions: mentions.collect(),
        names: names.collect(),
        urgent: urgent.collect(),
        acknowledged: acknowledged.collect(),
        unopened: unopened.collect(),
        to_attend: index.to_attend.iter().cloned().collect(),
    }
    .encode_to_vec()
}

/// The index in the inside of its volume; nothing where another release wrote it.
pub(super) fn decode(bytes: &[u8]) -> Option<Index> {
    let record = IndexRecord::decode(bytes).ok()?;
    let mut index = Index::default();
    for one in record.mentions {
        let mention = Mention { is_by_the_way: one.is_by_the_way, since: Timestamp::from_seconds(one.since) };
        let person = PersonRef::parse(&one.person).ok()?;
        index.persons.entry(person).or_default().insert(one.consultation, mention);
    }
    for one in record.names {
        let NameRecord { person, family, given, script, romanization, is_primary } = one;
        let name = KnownName { is_primary, script, family, given, romanization };
        index.names.entry(PersonRef::parse(&person).ok()?).or_default().insert(name);
    }
    for one in record.urgent {
        let key = key(&one.digest, &one.other)?;
        let urgent = Urgent {
            consultation: one.consultation,
            own: one.own,
            precedence: Precedence::from_number(one.precedence)?,
            kind: one.kind,
            since: Timestamp::from_seconds(one.since),
            reference: one.reference,
        };
        index.urgent.insert(key, urgent);
    }
    for one in record.acknowledged {
        index.acknowledged.insert(key(&one.digest, &one.by)?, Timestamp::from_seconds(one.at));
    }
    index.unopened = record.unopened.into_iter().map(|one| (one.consultation, one.count)).collect();
    index.to_attend = record.to_attend.into_iter().collect();
    Some(index)
}

fn key(digest: &[u8], ministry: &str) -> Option<(Digest, Ministry)> {
    Some((Digest::from_slice(digest).ok()?, Ministry::parse(ministry).ok()?))
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct IndexRecord {
    #[prost(message, repeated, tag = "1")]
    mentions: Vec<MentionRecord>,
    #[prost(message, repeated, tag = "2")]
    names: Vec<NameRecord>,
    #[prost(message, repeated, tag = "3")]
    urgent: Vec<UrgentRecord>,
    #[prost(message, repeated, tag = "4")]
    acknowledged: Vec<AcknowledgedRecord>,
    #[prost(message, repeated, tag = "5")]
    unopened: Vec<UnopenedRecord>,
    #[prost(string, repeated, tag = "6")]
    to_attend: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct MentionRecord {
    #[prost(string, tag = "1")]
    person: String,
    #[prost(string, tag = "2")]
    consultation: String,
    #[prost(bool, tag = "3")]
    is_by_the_way: bool,
    #[prost(int64, tag = "4")]
    since: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct NameRecord {
    #[prost(string, tag = "1")]
    person: String,
    #[prost(string, tag = "2")]
    family: String,
    #[prost(string, tag = "3")]
    given: String,
    #[prost(string, tag = "4")]
    script: String,
    #[prost(string, tag = "5")]
    romanization: String,
    #[prost(bool, tag = "6")]
    is_primary: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct UrgentRecord {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(string, tag = "2")]
    other: String,
    #[prost(string, tag = "3")]
    consultation: String,
    #[prost(bool, tag = "4")]
    own: bool,
    #[prost(int32, tag = "5")]
    precedence: i32,
    #[prost(string, tag = "6")]
    kind: String,
    #[prost(int64, tag = "7")]
    since: i64,
    #[prost(string, tag = "8")]
    reference: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct AcknowledgedRecord {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(string, tag = "2")]
    by: String,
    #[prost(int64, tag = "3")]
    at: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct UnopenedRecord {
    #[prost(string, tag = "1")]
    consultation: String,
    #[prost(uint64, tag = "2")]
    count: u64,
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
opaque!(IndexRecord, MentionRecord, NameRecord, UrgentRecord, AcknowledgedRecord, UnopenedRecord);
