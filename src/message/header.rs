//! The header: address, position and parts, the only part of a message that a gateway reads.
//!
//! A `Header` is composed once by the registry or parsed once at an edge; either way it carries its exact
//! bytes, which alone are signed and hashed. It evolves by a new format version, never by a field.

use crate::canonical;
use crate::digest::Digest;
use crate::limits;
use crate::message::fields::{malformed, ministry, term};
use crate::message::id::MessageId;
use crate::message::refusal::{Reason, Refusal};
use crate::message::terms::{AddresseeKind, Level, Precedence};
use crate::proto::message::v1 as wire;
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;
use prost::Message as _;

const HEADER_CONTEXT: &str = "chancery/header/v1";
const ADDRESS_CONTEXT: &str = "chancery/address/v1";
const POSITION_CONTEXT: &str = "chancery/position/v1";
const PARTS_CONTEXT: &str = "chancery/parts/v1";

/// A header with its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    bytes: Vec<u8>,
    address_digest: Digest,
    address: Address,
    position: Position,
    parts: Vec<Part>,
}

/// Who speaks to whom, where and how urgently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The channel.
    pub channel: ChannelId,
    /// The consultation, `C-XXXX-XXXX-XXXX`.
    pub consultation: String,
    /// The sending ministry.
    pub sender: Ministry,
    /// The addressees, ascending by ministry.
    pub addressees: Vec<Addressee>,
    /// Urgency.
    pub precedence: Precedence,
    /// Level of protection.
    pub level: Level,
    /// Whom it may be released to, ascending.
    pub releasable_to: Vec<Ministry>,
}

/// One addressee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addressee {
    /// The ministry.
    pub ministry: Ministry,
    /// Whether it must act.
    pub kind: AddresseeKind,
}

/// Where this copy stands in the sequence between two ministries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The ministry this copy is for.
    pub recipient: Ministry,
    /// Sequence number, gapless from 1 per channel, sender and recipient.
    pub sequence: u64,
    /// The message before; none for sequence 1.
    pub previous: Option<MessageId>,
    /// Act number, 0 for acts that are not numbered.
    pub act_number: u64,
    /// Release, a whole minute.
    pub release_time: Timestamp,
    /// Not delivered after this.
    pub valid_until: Timestamp,
}

/// One sealed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// SHA-256 of the age file.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

impl Header {
    /// Composes a header. Refuses what `parse` would refuse.
    pub fn compose(address: &Address, position: &Position, parts: &[Part]) -> Result<Self, Refusal> {
        let record = wire::Header {
            context: HEADER_CONTEXT.to_owned(),
            address: address.bytes(),
            position: position.to_wire().encode_to_vec(),
            parts: parts_to_wire(parts).encode_to_vec(),
        };
        Self::parse(&record.encode_to_vec())
    }

    /// Parses exact header bytes: canonical, complete, within bounds, or refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Header = canonical::decode(bytes, limits::HEADER_BYTES_MAX)?;
        context(&record.context, HEADER_CONTEXT)?;
        let address = Address::parse(&record.address)?;
        let position = Position::parse(&record.position)?;
        let parts = parse_parts(&record.parts)?;
        if !address.addressees.iter().any(|addressee| addressee.ministry == position.recipient) {
            return Err(malformed("the recipient is not an addressee"));
        }
        if position.recipient == address.sender {
            return Err(malformed("the recipient is the sender"));
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            address_digest: Digest::of(&record.address),
            address,
            position,
            parts,
        })
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message id.
    pub fn id(&self) -> MessageId {
        MessageId::of_header(&self.bytes)
    }

    /// SHA-256 of the exact address bytes, to which the dispatch is bound.
    pub fn address_digest(&self) -> Digest {
        self.address_digest
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The position.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The sealed parts: the dispatch first, then one for each document.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Address {
    /// The exact bytes of this address.
    pub fn bytes(&self) -> Vec<u8> {
        wire::Address {
            context: ADDRESS_CONTEXT.to_owned(),
            channel: self.channel.to_string(),
            consultation: self.consultation.clone(),
            sender: self.sender.to_string(),
            addressees: self.addressees.iter().map(Addressee::to_wire).collect(),
            precedence: self.precedence.number(),
            level: self.level.number(),
            releasable_to: self.releasable_to.iter().map(Ministry::to_string).collect(),
        }
        .encode_to_vec()
    }

    /// SHA-256 of the exact bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// Parses exact address bytes: canonical, complete, within bounds, or refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Address = canonical::decode(bytes, limits::HEADER_BYTES_MAX)?;
        context(&record.context, ADDRESS_CONTEXT)?;
        if !is_consultation(&record.consultation) {
            return Err(malformed("the consultation is not of the form C-XXXX-XXXX-XXXX"));
        }
        let addressees = record.addressees.iter().map(Addressee::parse).collect::<Result<Vec<_>, _>>()?;
        let releasable_to =
            record.releasable_to.iter().map(|code| ministry(code)).collect::<Result<Vec<_>, _>>()?;
        let ascending = addressees.is_sorted_by(|a, b| a.ministry < b.ministry);
        if !ascending || !releasable_to.is_sorted_by(|a, b| a < b) {
            return Err(malformed("ministries must stand in ascending order, each once"));
        }
        if addressees.is_empty() || addressees.len() > limits::ADDRESSEES_MAX {
            return Err(malformed("between 1 and 16 addressees are expected"));
        }
        Ok(Self {
            channel: ChannelId::parse(&record.channel).map_err(|_| malformed("not a channel"))?,
            consultation: record.consultation,
            sender: ministry(&record.sender)?,
            addressees,
            precedence: term(Precedence::from_number(record.precedence), "precedence")?,
            level: term(Level::from_number(record.level), "level")?,
            releasable_to,
        })
    }
}

impl Addressee {
    fn to_wire(&self) -> wire::Addressee {
        wire::Addressee { ministry: self.ministry.to_string(), kind: self.kind.number() }
    }

    fn parse(record: &wire::Addressee) -> Result<Self, Refusal> {
        let kind = term(AddresseeKind::from_number(record.kind), "kind of addressee")?;
        Ok(Self { ministry: ministry(&record.ministry)?, kind })
    }
}

impl Position {
    fn to_wire(&self) -> wire::Position {
        wire::Position {
            context: POSITION_CONTEXT.to_owned(),
            recipient: self.recipient.to_string(),
            sequence: self.sequence,
            previous_message_id: self.previous.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            act_number: self.act_number,
            release_time: self.release_time.seconds(),
            valid_until_time: self.valid_until.seconds(),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Position = canonical::decode(bytes, limits::HEADER_BYTES_MAX)?;
        context(&record.context, POSITION_CONTEXT)?;
        let previous = match (record.sequence, record.previous_message_id.as_slice()) {
            (0, _) => return Err(malformed("sequence numbers begin at 1")),
            (1, []) => None,
            (1, _) | (_, []) => return Err(malformed("all messages but the first name the one before")),
            (_, id) => Some(MessageId::from_slice(id).map_err(|_| malformed("not a message id"))?),
        };
        if record.sequence > limits::NUMBER_MAX || record.act_number > limits::NUMBER_MAX {
            return Err(malformed("a sequence or act number is over its bound"));
        }
        let release_time = Timestamp::from_seconds(record.release_time);
        let valid_until = Timestamp::from_seconds(record.valid_until_time);
        if record.release_time <= 0 || release_time.minute() != release_time || valid_until <= release_time {
            return Err(malformed("release must be a whole minute and validity must end after it"));
        }
        Ok(Self {
            recipient: ministry(&record.recipient)?,
            sequence: record.sequence,
            previous,
            act_number: record.act_number,
            release_time,
            valid_until,
        })
    }
}

fn parts_to_wire(parts: &[Part]) -> wire::Parts {
    let parts =
        parts.iter().map(|part| wire::Part { digest: part.digest.as_bytes().to_vec(), size: part.size });
    wire::Parts { context: PARTS_CONTEXT.to_owned(), parts: parts.collect() }
}

fn parse_parts(bytes: &[u8]) -> Result<Vec<Part>, Refusal> {
    let record: wire::Parts = canonical::decode(bytes, limits::HEADER_BYTES_MAX)?;
    context(&record.context, PARTS_CONTEXT)?;
    if record.parts.is_empty() || record.parts.len() > limits::DOCUMENTS_MAX + 1 {
        return Err(malformed("between 1 and 65 sealed parts are expected"));
    }
    record.parts.iter().map(parse_part).collect()
}

fn parse_part(record: &wire::Part) -> Result<Part, Refusal> {
    let digest = Digest::from_slice(&record.digest).map_err(|_| malformed("not a digest of a part"))?;
    if record.size == 0 || record.size > limits::SEALED_PART_BYTES_MAX {
        return Err(Refusal::new(Reason::TooLarge, "a sealed part is empty or over its bound"));
    }
    Ok(Part { digest, size: record.size })
}

fn is_consultation(text: &str) -> bool {
    let mut groups = text.split('-');
    let first = groups.next() == Some("C");
    let rest: Vec<&str> = groups.collect();
    let crockford = |c: char| c.is_ascii_digit() || (c.is_ascii_uppercase() && !"ILOU".contains(c));
    first && rest.len() == 3 && rest.iter().all(|group| group.len() == 4 && group.chars().all(crockford))
}

fn context(found: &str, expected: &'static str) -> Result<(), Refusal> {
    if found == expected { Ok(()) } else { Err(malformed(format!("the record must begin with {expected}"))) }
}

#[cfg(test)]
mod tests;
