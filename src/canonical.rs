//! Canonical or refused: the one way in which signed protobuf bytes become records.
//!
//! Bytes enter, a decoded record leaves, and only if encoding it again gives the very same bytes. Unknown
//! fields, doubled scalars, non-minimal varints, explicit defaults and wrong order are refused by this one
//! comparison, because prost silently accepts all of them. Records with `map` fields must not be used here.
//! Before anything is decoded, here or on a connection, its entries are counted: see `shape` and `shapes`.

pub mod shape;
pub mod shapes;

use prost::encoding::{WireType, encode_key, encode_varint};

use self::shape::Misshapen;

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Longer than the bound that was given, in bytes.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// More entries than any record of this kind has.
    #[error("too many entries")]
    TooMany,
    /// Not decodable at all.
    #[error("not a record of this kind")]
    Undecodable,
    /// Decodable, but not the canonical encoding.
    #[error("not the canonical encoding: unknown, doubled, reordered or wastefully encoded fields")]
    Encoding,
}

impl From<Misshapen> for NotCanonical {
    fn from(cause: Misshapen) -> Self {
        match cause {
            Misshapen::Doubled(_) => Self::Encoding,
            Misshapen::Malformed | Misshapen::TooDeep => Self::Undecodable,
            Misshapen::TooMany(_) => Self::TooMany,
        }
    }
}

/// Decodes `bytes` of at most `bytes_max` bytes as `Record`.
pub fn decode<Record>(bytes: &[u8], bytes_max: usize) -> Result<Record, NotCanonical>
where
    Record: prost::Message + prost::Name + Default,
{
    decode_comparing(bytes, bytes_max, |record: &Record| record.encode_to_vec() == bytes)
}

/// The same for a record whose encoding is compared with the bytes piece by piece: `is_encoding` tells whether
/// encoding it again gives the very same bytes.
pub fn decode_comparing<Record>(
    bytes: &[u8],
    bytes_max: usize,
    is_encoding: impl FnOnce(&Record) -> bool,
) -> Result<Record, NotCanonical>
where
    Record: prost::Message + prost::Name + Default,
{
    if bytes.len() > bytes_max {
        return Err(NotCanonical::TooLong(bytes_max));
    }
    shapes::of::<Record>().check(bytes)?;
    let record = Record::decode(bytes).map_err(|_| NotCanonical::Undecodable)?;
    if is_encoding(&record) { Ok(record) } else { Err(NotCanonical::Encoding) }
}

/// The key and length that stand before the content of a field of bytes.
pub fn field_head(field: u32, content: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(8);
    encode_key(field, WireType::LengthDelimited, &mut head);
    encode_varint(content.len() as u64, &mut head);
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use crate::proto::message::v1::{Envelope, Part};

    const CANONICAL: &[u8] = &[0x0a, 0x01, 0xff, 0x10, 0x05];

    #[test]
    fn the_canonical_encoding_is_taken() {
        let part: Part = decode(CANONICAL, 16).unwrap();
        assert_eq!((part.digest, part.size), (vec![0xff], 5));
    }

    #[test]
    fn every_other_encoding_of_the_same_record_is_refused() {
        let others: [&[u8]; 5] = [
            &[0x10, 0x05, 0x0a, 0x01, 0xff],             // order
            &[0x0a, 0x01, 0xff, 0x10, 0x85, 0x00],       // varint longer than needed
            &[0x0a, 0x01, 0xff, 0x10, 0x04, 0x10, 0x05], // field twice
            &[0x0a, 0x01, 0xff, 0x10, 0x05, 0x18, 0x01], // unknown field
            &[0x0a, 0x01, 0xff, 0x10, 0x05, 0x18, 0x00], // unknown field with a default value
        ];
        for bytes in others {
            assert_eq!(decode::<Part>(bytes, 16), Err(NotCanonical::Encoding), "{bytes:02x?}");
        }
        assert_eq!(decode::<Part>(&[0x0a, 0x02, 0xff], 16), Err(NotCanonical::Undecodable));
        assert_eq!(decode::<Part>(CANONICAL, 4), Err(NotCanonical::TooLong(4)));
        // A group, in which unknown fields nest.
        assert_eq!(decode::<Part>(&[0x0b, 0x0c], 16), Err(NotCanonical::Undecodable));
    }

    #[test]
    fn entries_beyond_every_bound_are_refused_before_they_are_decoded() {
        let parts = [0x1a, 0x00].repeat(limits::RECORD_ENTRIES_MAX + 1);
        assert_eq!(decode::<Envelope>(&parts, parts.len()), Err(NotCanonical::TooMany));
        assert!(decode::<Envelope>(&parts[2..], parts.len()).is_ok());
    }
}
