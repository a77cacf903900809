//! Acts, typed on the wire: each kind in the field that bears its name, by the exact bytes of its record.
//!
//! A field of `Act` is, on the wire, the record of the act behind a number. So no kind of act needs a line here: the
//! build writes the table of numbers and kinds from the proto file.

use prost::Message as _;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint};

use crate::consultation::act::Act;
use crate::proto::desk::v1 as wire;

include!(concat!(env!("OUT_DIR"), "/desk_acts.rs"));

/// The kind of an act and its record as it was sent; none where no act was.
pub(super) fn parts(act: &wire::Act) -> Option<(&'static str, Vec<u8>)> {
    let bytes = act.encode_to_vec();
    let mut rest = bytes.as_slice();
    let number = u32::try_from(decode_varint(&mut rest).ok()? >> 3).ok()?;
    let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
    let (_, kind) = ACT_FIELDS.iter().find(|(listed, _)| *listed == number)?;
    Some((*kind, rest.get(..length)?.to_vec()))
}

/// An act as it is shown.
pub(super) fn shown(act: &Act) -> Option<wire::Act> {
    wire_act(act.kind(), &crate::consultation::codec::encode(act))
}

fn wire_act(kind: &str, record: &[u8]) -> Option<wire::Act> {
    let (number, _) = ACT_FIELDS.iter().find(|(_, listed)| *listed == kind)?;
    let mut bytes = Vec::with_capacity(record.len().saturating_add(8));
    encode_key(*number, WireType::LengthDelimited, &mut bytes);
    encode_varint(record.len() as u64, &mut bytes);
    bytes.extend_from_slice(record);
    wire::Act::decode(bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::act::ActKind;
    use crate::consultation::codec;
    use crate::consultation::reference::ConsultationId;
    use crate::desk::form::draft::IdsOnly;
    use crate::desk::form::parse::parse;
    use crate::desk::form::template::example;
    use crate::entropy::SystemEntropy;

    #[test]
    fn every_kind_of_act_goes_over_the_wire_and_comes_back_as_it_was() {
        let consultation = ConsultationId::mint(&SystemEntropy).unwrap();
        for kind in ActKind::ALL {
            let act = parse(&example(*kind), &IdsOnly).unwrap().act.complete(consultation);
            let sent = shown(&act).unwrap_or_else(|| panic!("{kind} has no field in Act"));
            let (word, record) = parts(&sent).unwrap();
            assert_eq!(word, kind.word());
            assert!(codec::decode(word, &record).unwrap() == act, "{kind}");
        }
        assert_eq!(ACT_FIELDS.len(), ActKind::ALL.len());
        assert!(parts(&wire::Act::default()).is_none());
    }
}
