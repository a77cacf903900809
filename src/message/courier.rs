//! The container of a courier stick: what two gateways would say to each other over a stream, in one file.
//!
//! A first line, records with their lengths, and a last record with their number and the SHA-256 over all before it.
//! Bytes enter and records leave, or the place of what is not in order. The container protects nothing against
//! whoever makes one: everything in it is proven by the signatures that it has on the wire, and that a message was
//! withdrawn by the log of its sender. Here is what stands in one; `packing` writes it, `unpacking` reads it.
//! `docs/format.md` has the layout.

mod packing;
mod unpacking;

use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

pub use packing::Packing;
pub use unpacking::Unpacking;

/// The first line of every stick of this format; a later one has a later number.
pub const MAGIC: &[u8] = b"chancery-courier/1\n";

/// Why a stick is not in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A record or the digest is not as it was written.
    #[error("the stick is damaged: {what}, at byte {at}")]
    Damaged {
        /// Where.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A later release wrote it.
    #[error("the stick is of a later release: unpack it with that release")]
    LaterRelease,
    /// It is something else.
    #[error("this is no courier stick")]
    NoStick,
    /// It ends before its last record.
    #[error("the stick is cut short: it ends at byte {at}, before its last record")]
    Truncated {
        /// How long it is.
        at: u64,
    },
}

impl Unfit {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "COURIER_DAMAGED",
            Self::LaterRelease => "COURIER_LATER_RELEASE",
            Self::NoStick => "COURIER_NO_STICK",
            Self::Truncated { .. } => "COURIER_TRUNCATED",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Who the stick is from and for; the first record.
    Opening(Opening),
    /// Exact bytes of a frame of the relay stream.
    Frame(Vec<u8>),
    /// A large sealed part begins.
    Part {
        /// Its SHA-256.
        digest: Digest,
        /// Its length.
        size: u64,
    },
    /// Some of the bytes of the part that was begun last.
    Piece(Vec<u8>),
}

/// Who a stick is from and for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The ministry that packed it.
    pub from: Ministry,
    /// The ministry that it is for.
    pub to: Ministry,
    /// Its number among those from the one to the other, from 1.
    pub number: u64,
    /// When it was packed.
    pub time: Timestamp,
}

impl Opening {
    fn bytes(&self) -> Vec<u8> {
        let Self { from, to, number, time } = self;
        format!("from {from}\nto {to}\nnumber {number}\ntime {}\n", time.seconds()).into_bytes()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        let opening = Self {
            from: Ministry::parse(&value("from")?).ok()?,
            to: Ministry::parse(&value("to")?).ok()?,
            number: value("number")?.parse().ok()?,
            time: Timestamp::from_seconds(value("time")?.parse().ok()?),
        };
        // One spelling alone.
        (opening.bytes() == bytes && opening.number > 0).then_some(opening)
    }
}

// Kinds of records.
const OPENING: u8 = 1;
const FRAME: u8 = 2;
const PART: u8 = 3;
const PIECE: u8 = 4;
const END: u8 = 255;
/// Kind and length.
const HEAD_BYTES: usize = 5;
/// Number of records and digest.
const END_BYTES: usize = 8 + 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::COURIER_RECORD_BYTES_MAX;

    fn opening() -> Opening {
        Opening {
            from: Ministry::parse("XA").unwrap(),
            to: Ministry::parse("XB").unwrap(),
            number: 7,
            time: Timestamp::from_seconds(1_790_000_000),
        }
    }

    fn stick() -> (Vec<u8>, Vec<Record>) {
        let digest = Digest::of(b"part");
        let (mut packing, mut bytes) = Packing::begin(&opening());
        bytes.extend(packing.frame(b"hello"));
        bytes.extend(packing.part(&digest, 4));
        bytes.extend(packing.piece(b"pa"));
        bytes.extend(packing.piece(b"rt"));
        bytes.extend(packing.frame(b""));
        bytes.extend(packing.end());
        let piece = |bytes: &[u8]| Record::Piece(bytes.to_vec());
        let records = vec![
            Record::Opening(opening()),
            Record::Frame(b"hello".to_vec()),
            Record::Part { digest, size: 4 },
            piece(b"pa"),
            piece(b"rt"),
            Record::Frame(Vec::new()),
        ];
        (bytes, records)
    }

    fn read(bytes: &[u8], at_once: usize) -> Result<Vec<Record>, Unfit> {
        let (mut unpacking, mut records) = (Unpacking::default(), Vec::new());
        for piece in bytes.chunks(at_once) {
            unpacking.add(piece);
            while let Some(record) = unpacking.next_record()? {
                records.push(record);
            }
        }
        unpacking.finish().map(|_| records)
    }

    #[test]
    fn what_was_packed_is_read_however_it_comes() {
        let (bytes, records) = stick();
        for at_once in [1, 7, 64, bytes.len()] {
            assert_eq!(read(&bytes, at_once).unwrap(), records);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused_with_its_place() {
        let (bytes, _) = stick();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&altered, 64).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            let refused = read(&bytes[..length], 64).unwrap_err();
            assert_eq!(refused, Unfit::Truncated { at: length as u64 }, "{length} bytes");
        }
        let prolonged = [bytes.as_slice(), b"x"].concat();
        assert_eq!(read(&prolonged, 64).unwrap_err().reason(), "COURIER_DAMAGED");
        let mut piece = bytes.clone();
        let middle = bytes.windows(2).position(|two| two == b"pa").unwrap();
        piece[middle] = b'x';
        let Unfit::Damaged { at, .. } = read(&piece, 64).unwrap_err() else { panic!("not damaged") };
        assert_eq!(at as usize, bytes.len() - HEAD_BYTES - END_BYTES, "the digest tells at the end");
    }

    #[test]
    fn another_format_and_another_file_are_told_apart() {
        let (bytes, _) = stick();
        let later = [b"chancery-courier/2\n".as_slice(), &bytes[MAGIC.len()..]].concat();
        assert_eq!(read(&later, 64).unwrap_err(), Unfit::LaterRelease);
        assert_eq!(read(b"PK\x03\x04 a zip file, and long enough", 64).unwrap_err(), Unfit::NoStick);
        assert_eq!(read(b"PK", 64).unwrap_err(), Unfit::NoStick);
        assert_eq!(read(b"", 64).unwrap_err(), Unfit::Truncated { at: 0 });
    }

    #[test]
    fn a_record_over_its_bound_is_refused_before_it_is_waited_for() {
        let (bytes, _) = stick();
        let mut long = bytes[..MAGIC.len()].to_vec();
        long.push(FRAME);
        long.extend(u32::try_from(COURIER_RECORD_BYTES_MAX + 1).unwrap().to_be_bytes());
        assert_eq!(read(&long, 64).unwrap_err().reason(), "COURIER_DAMAGED");
    }

    #[test]
    fn records_out_of_order_are_refused_although_their_digest_is_right() {
        let sealed = |records: &dyn Fn(&mut Packing) -> Vec<u8>| {
            let (mut packing, mut bytes) = Packing::begin(&opening());
            bytes.extend(records(&mut packing));
            bytes.extend(packing.end());
            read(&bytes, 64).unwrap_err().reason()
        };
        let part = |packing: &mut Packing| packing.part(&Digest::of(b"x"), 2);
        assert_eq!(sealed(&|packing| packing.piece(b"x")), "COURIER_DAMAGED");
        assert_eq!(sealed(&|packing| [part(packing), packing.frame(b"x")].concat()), "COURIER_DAMAGED");
        assert_eq!(sealed(&|packing| [part(packing), packing.piece(b"xyz")].concat()), "COURIER_DAMAGED");
        assert_eq!(sealed(&|packing| [part(packing), packing.piece(b"x")].concat()), "COURIER_DAMAGED");
        assert_eq!(sealed(&|packing| packing.record(OPENING, &opening().bytes())), "COURIER_DAMAGED");
        assert_eq!(sealed(&|packing| packing.record(9, b"")), "COURIER_DAMAGED");
    }
}
