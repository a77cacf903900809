//! Shapes: what protobuf bytes may look like before anything is decoded from them.
//!
//! Bytes and a shape enter; a verdict leaves, and nothing is allocated on the way. A decoder makes a value of
//! every two bytes `0a 00`, eighty-seven times the memory of what came over the wire: so counts are checked
//! first. Bytes of leaves are stepped over, whatever their length; only listed messages are entered.

/// What a message may hold. Fields that are not listed hold single values, or are unknown.
#[derive(Debug)]
pub struct Shape {
    /// Listed fields, by number: at most `LISTED_MAX`.
    pub(super) fields: &'static [(u32, Field)],
}

/// What a listed field may hold.
#[derive(Debug)]
pub(super) enum Field {
    /// At most so many texts or byte strings.
    Many(usize),
    /// At most so many messages of one shape.
    ManyOf(usize, &'static Shape),
    /// At most so many numbers, packed or not.
    Numbers(usize),
    /// One message.
    One(&'static Shape),
}

/// Why bytes are not decoded at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misshapen {
    /// A single message stands twice: a decoder would join the two, and their entries.
    #[error("field {0} stands twice")]
    Doubled(u32),
    /// A length leads beyond the end, or a wire type that no field of ours has.
    #[error("not readable as a protobuf message")]
    Malformed,
    /// More entries than a field may hold, or more fields than a message may have; 0 stands for fields in all.
    #[error("too many entries in field {0}")]
    TooMany(u32),
    /// Messages within messages beyond every shape.
    #[error("nested too deeply")]
    TooDeep,
}

/// Fields of one message that are not listed: single values, and what a newer release adds.
const OTHERS_MAX: usize = 64;

/// Listed fields of one shape; `Act` of the desk service has the most, one for each kind of act.
pub(super) const LISTED_MAX: usize = 64;

/// Messages within messages; the deepest shape, a draft with its act, has seven.
const DEPTH_MAX: usize = 8;

impl Shape {
    /// A message of single values.
    pub(super) const PLAIN: Self = Self { fields: &[] };

    /// Looks at `bytes` as a message of this shape.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Misshapen> {
        self.walk(bytes, DEPTH_MAX)
    }

    fn walk(&self, mut rest: &[u8], depth: usize) -> Result<(), Misshapen> {
        let deeper = depth.checked_sub(1).ok_or(Misshapen::TooDeep)?;
        let mut counts = [0_usize; LISTED_MAX];
        let mut others = 0_usize;
        while !rest.is_empty() {
            let (number, value) = take_field(&mut rest)?;
            let listed = self.fields.iter().zip(&mut counts).find(|((listed, _), _)| *listed == number);
            let Some(((_, field), count)) = listed else {
                others = others.saturating_add(1);
                if others > OTHERS_MAX {
                    return Err(Misshapen::TooMany(0));
                }
                continue;
            };
            *count = count.saturating_add(field.entries(value));
            if *count > field.most() {
                return Err(field.excess(number));
            }
            if let (Some(inner), Some(content)) = (field.inner(), value) {
                inner.walk(content, deeper)?;
            }
        }
        Ok(())
    }
}

impl Field {
    const fn most(&self) -> usize {
        match self {
            Self::Many(most) | Self::ManyOf(most, _) | Self::Numbers(most) => *most,
            Self::One(_) => 1,
        }
    }

    const fn excess(&self, number: u32) -> Misshapen {
        if matches!(self, Self::One(_)) { Misshapen::Doubled(number) } else { Misshapen::TooMany(number) }
    }

    const fn inner(&self) -> Option<&'static Shape> {
        match self {
            Self::ManyOf(_, shape) | Self::One(shape) => Some(shape),
            Self::Many(_) | Self::Numbers(_) => None,
        }
    }

    /// How many entries one occurrence brings: packed numbers end where a byte has no continuation bit.
    fn entries(&self, value: Option<&[u8]>) -> usize {
        match (self, value) {
            (Self::Numbers(_), Some(packed)) => packed.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        }
    }
}

/// The number of the next field, and its content where it has a length.
fn take_field<'a>(rest: &mut &'a [u8]) -> Result<(u32, Option<&'a [u8]>), Misshapen> {
    let key = take_varint(rest)?;
    let number = u32::try_from(key >> 3).map_err(|_| Misshapen::Malformed)?;
    if number == 0 {
        return Err(Misshapen::Malformed);
    }
    let value = match key & 7 {
        0 => {
            take_varint(rest)?;
            None
        }
        1 => {
            take_bytes(rest, 8)?;
            None
        }
        2 => {
            let length = usize::try_from(take_varint(rest)?).map_err(|_| Misshapen::Malformed)?;
            Some(take_bytes(rest, length)?)
        }
        5 => {
            take_bytes(rest, 4)?;
            None
        }
        // Groups: nothing of ours has them, and they are how unknown fields nest.
        _ => return Err(Misshapen::Malformed),
    };
    Ok((number, value))
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Misshapen> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Misshapen::Malformed)?;
    *rest = left;
    Ok(taken)
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, Misshapen> {
    const BYTES_MAX: u32 = 10;
    let mut value = 0_u64;
    for place in 0..BYTES_MAX {
        let (byte, left) = rest.split_first().ok_or(Misshapen::Malformed)?;
        *rest = left;
        value |= u64::from(byte & 0x7f).wrapping_shl(place.saturating_mul(7));
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Misshapen::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    static LEAF: Shape = Shape { fields: &[(3, Field::Many(2))] };
    static TREE: Shape =
        Shape { fields: &[(1, Field::ManyOf(3, &LEAF)), (2, Field::Numbers(4)), (4, Field::One(&LEAF))] };

    #[test]
    fn what_keeps_to_its_bounds_passes() {
        let bytes =
            [0x0a, 0, 0x0a, 4, 0x1a, 0, 0x1a, 0, 0x12, 3, 1, 0x81, 1, 0x10, 5, 0x22, 0, 0x7d, 1, 2, 3, 4];
        assert_eq!(TREE.check(&bytes), Ok(()));
        assert_eq!(TREE.check(&[]), Ok(()));
    }

    #[test]
    fn one_entry_too_many_is_found_at_every_depth() {
        assert_eq!(TREE.check(&[0x0a, 0].repeat(4)), Err(Misshapen::TooMany(1)));
        assert_eq!(TREE.check(&[0x0a, 6, 0x1a, 0, 0x1a, 0, 0x1a, 0]), Err(Misshapen::TooMany(3)));
        assert_eq!(TREE.check(&[0x12, 5, 1, 1, 1, 1, 1]), Err(Misshapen::TooMany(2)));
        assert_eq!(TREE.check(&[0x12, 3, 1, 1, 1, 0x10, 1, 0x10, 1]), Err(Misshapen::TooMany(2)));
        assert_eq!(TREE.check(&[0x22, 0, 0x22, 0]), Err(Misshapen::Doubled(4)));
        assert_eq!(TREE.check(&[0x28, 0].repeat(OTHERS_MAX + 1)), Err(Misshapen::TooMany(0)));
    }

    #[test]
    fn groups_cut_lengths_and_endless_numbers_are_not_read() {
        for bytes in [
            &[0x0b, 0x0c][..],
            &[0x0a, 1],
            &[0x0a],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0xff; 11],
            &[0x09, 1, 2, 3],
            &[0x00, 0],
        ] {
            assert_eq!(TREE.check(bytes), Err(Misshapen::Malformed), "{bytes:02x?}");
        }
    }

    #[test]
    fn nesting_ends_at_its_bound_whatever_the_shapes_say() {
        static RECURSIVE: Shape = Shape { fields: &[(1, Field::One(&RECURSIVE))] };
        let nested = |levels: usize| {
            let mut bytes = Vec::new();
            for _ in 0..levels {
                bytes = [&[0x0a, u8::try_from(bytes.len()).unwrap()], &bytes[..]].concat();
            }
            bytes
        };
        assert_eq!(RECURSIVE.check(&nested(DEPTH_MAX - 1)), Ok(()));
        assert_eq!(RECURSIVE.check(&nested(DEPTH_MAX)), Err(Misshapen::TooDeep));
    }
}
