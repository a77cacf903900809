//! The index as bytes for the inside of a seal. Not a record of the wire: it never leaves this desk.

use prost::Message as _;

use crate::consultation::acts::values::ActRef;
use crate::consultation::reference::PersonRef;
use crate::consultation::rules::judgement::EarlierMessage;
use crate::desk::casebook::index::{Index, KnownName, Source};
use crate::desk::casebook::papers::Carrier;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::message::terms::{Caveat, Level};
use crate::time::Timestamp;
use crate::trust::name::Ministry;

/// The inside of the index volume.
pub(super) fn encode(index: &Index) -> Vec<u8> {
    let mentions = index.persons.iter().flat_map(|(person, places)| {
        places.iter().map(|place| MentionRecord { person: person.text(), consultation: place.clone() })
    });
    let names = index.names.iter().flat_map(|(person, names)| {
        names.iter().map(|(name, sources)| NameRecord {
            person: person.text(),
            family: name.family.clone(),
            given: name.given.clone(),
            script: name.script.clone(),
            romanization: name.romanization.clone(),
            is_primary: name.is_primary,
            sources: sources.iter().map(SourceRecord::of).collect(),
        })
    });
    let minted = index.minted.iter().map(|(person, consultation)| MintedRecord {
        person: person.text(),
        consultation: consultation.clone(),
    });
    let alike = index.alike.iter().map(|(one, other)| AlikeRecord { one: one.text(), other: other.text() });
    let unopened = index
        .unopened
        .iter()
        .map(|(consultation, count)| UnopenedRecord { consultation: consultation.clone(), count: *count });
    IndexRecord {
        mentions: mentions.collect(),
        names: names.collect(),
        urgent: index.urgent.iter().cloned().collect(),
        minted: minted.collect(),
        unopened: unopened.collect(),
        to_attend: index.to_attend.iter().cloned().collect(),
        consultations: index.consultations.iter().cloned().collect(),
        charters: index.charters.iter().cloned().collect(),
        alike: alike.collect(),
        carriers: index.papers.carriers().map(CarrierRecord::of).collect(),
        knows_papers: index.knows_papers,
    }
    .encode_to_vec()
}

/// The index in the inside of its volume; nothing where another release wrote it.
pub(super) fn decode(bytes: &[u8]) -> Option<Index> {
    let record = IndexRecord::decode(bytes).ok()?;
    let mut index = Index::default();
    for one in record.mentions {
        let person = PersonRef::parse(&one.person).ok()?;
        index.persons.entry(person).or_default().insert(one.consultation);
    }
    for one in record.names {
        let NameRecord { person, family, given, script, romanization, is_primary, sources } = one;
        let told = sources.into_iter().map(SourceRecord::source).collect::<Option<_>>()?;
        let name = KnownName { is_primary, script, family, given, romanization };
        index.names.entry(PersonRef::parse(&person).ok()?).or_default().insert(name, told);
    }
    for one in record.minted {
        index.minted.insert(PersonRef::parse(&one.person).ok()?, one.consultation);
    }
    for one in record.alike {
        index.alike.insert((PersonRef::parse(&one.one).ok()?, PersonRef::parse(&one.other).ok()?));
    }
    index.urgent = record.urgent.into_iter().collect();
    index.unopened = record.unopened.into_iter().map(|one| (one.consultation, one.count)).collect();
    index.to_attend = record.to_attend.into_iter().collect();
    index.consultations = record.consultations.into_iter().collect();
    index.charters = record.charters.into_iter().collect();
    for one in record.carriers {
        index.papers.take(one.carrier()?);
    }
    index.knows_papers = record.knows_papers;
    Some(index)
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct IndexRecord {
    #[prost(message, repeated, tag = "1")]
    mentions: Vec<MentionRecord>,
    #[prost(message, repeated, tag = "2")]
    names: Vec<NameRecord>,
    #[prost(string, repeated, tag = "3")]
    urgent: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    minted: Vec<MintedRecord>,
    #[prost(message, repeated, tag = "5")]
    unopened: Vec<UnopenedRecord>,
    #[prost(string, repeated, tag = "6")]
    to_attend: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    consultations: Vec<String>,
    #[prost(string, repeated, tag = "8")]
    charters: Vec<String>,
    #[prost(message, repeated, tag = "9")]
    alike: Vec<AlikeRecord>,
    #[prost(message, repeated, tag = "10")]
    carriers: Vec<CarrierRecord>,
    // Not 11: an index of that time left out what had been owed for long (it did not open), and is written anew.
    #[prost(bool, tag = "12")]
    knows_papers: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct MentionRecord {
    #[prost(string, tag = "1")]
    person: String,
    #[prost(string, tag = "2")]
    consultation: String,
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
    #[prost(message, repeated, tag = "7")]
    sources: Vec<SourceRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct SourceRecord {
    #[prost(string, tag = "1")]
    consultation: String,
    #[prost(bytes = "vec", tag = "2")]
    act: Vec<u8>,
}

impl SourceRecord {
    fn of(source: &Source) -> Self {
        let act = source.act.dispatch_digest().as_bytes().to_vec();
        Self { consultation: source.consultation.clone(), act }
    }

    fn source(self) -> Option<Source> {
        let act = ActRef::new(Digest::from_slice(&self.act).ok()?);
        Some(Source { consultation: self.consultation, act })
    }
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct MintedRecord {
    #[prost(string, tag = "1")]
    person: String,
    #[prost(string, tag = "2")]
    consultation: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct UnopenedRecord {
    #[prost(string, tag = "1")]
    consultation: String,
    #[prost(uint64, tag = "2")]
    count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct AlikeRecord {
    #[prost(string, tag = "1")]
    one: String,
    #[prost(string, tag = "2")]
    other: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct CarrierRecord {
    #[prost(bytes = "vec", tag = "1")]
    message: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    dispatch: Vec<u8>,
    #[prost(string, tag = "3")]
    originator: String,
    #[prost(int32, tag = "4")]
    level: i32,
    #[prost(int32, repeated, tag = "5")]
    caveats: Vec<i32>,
    #[prost(string, repeated, tag = "6")]
    releasable_to: Vec<String>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    documents: Vec<Vec<u8>>,
    #[prost(int64, tag = "8")]
    at: i64,
}

impl CarrierRecord {
    fn of(carrier: &Carrier) -> Self {
        let Carrier { at, message } = carrier;
        Self {
            message: message.message_id.as_bytes().to_vec(),
            dispatch: message.dispatch_digest.as_bytes().to_vec(),
            originator: message.originator.to_string(),
            level: message.level.number(),
            caveats: message.caveats.iter().map(|caveat| caveat.number()).collect(),
            releasable_to: message.releasable_to.iter().map(ToString::to_string).collect(),
            documents: message.documents.iter().map(|digest| digest.as_bytes().to_vec()).collect(),
            at: at.seconds(),
        }
    }

    fn carrier(self) -> Option<Carrier> {
        let ministry = |code: &String| Ministry::parse(code).ok();
        let message = EarlierMessage {
            message_id: MessageId::from_slice(&self.message).ok()?,
            dispatch_digest: Digest::from_slice(&self.dispatch).ok()?,
            originator: ministry(&self.originator)?,
            level: Level::from_number(self.level)?,
            caveats: self.caveats.into_iter().map(Caveat::from_number).collect::<Option<_>>()?,
            releasable_to: self.releasable_to.iter().map(ministry).collect::<Option<_>>()?,
            documents: self
                .documents
                .iter()
                .map(|one| Digest::from_slice(one).ok())
                .collect::<Option<_>>()?,
        };
        Some(Carrier { at: Timestamp::from_seconds(self.at), message })
    }
}

crate::consultation::opaque!(
    IndexRecord,
    MentionRecord,
    NameRecord,
    SourceRecord,
    MintedRecord,
    UnopenedRecord,
    AlikeRecord,
    CarrierRecord
);
