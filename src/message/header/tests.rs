//! The bounds of a header: what is exactly at one is taken, what is one beyond it is refused.

use super::*;
use crate::limits::{ADDRESSEES_MAX, DOCUMENTS_MAX, HEADER_BYTES_MAX, NUMBER_MAX, SEALED_PART_BYTES_MAX};

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

/// Different codes of eight letters, ascending.
fn codes(count: usize) -> Vec<String> {
    let letter = |number: usize| char::from(b'A' + u8::try_from(number % 26).unwrap());
    let code =
        |number: usize| format!("RELEA{}{}{}", letter(number / 676), letter(number / 26), letter(number));
    (0..count).map(code).collect()
}

/// An honest header; each test changes one thing of it.
struct Draft {
    address: Address,
    position: Position,
    parts: Vec<Part>,
}

impl Draft {
    fn new() -> Self {
        let address = Address {
            channel: ChannelId::parse("ch-0123456789abcdef").unwrap(),
            consultation: "C-7QK4-M2XD-9WTV".to_owned(),
            sender: ministry("XA"),
            addressees: vec![Addressee { ministry: ministry("XB"), kind: AddresseeKind::Action }],
            precedence: Precedence::Routine,
            level: Level::Restricted,
            releasable_to: Vec::new(),
        };
        let release_time = Timestamp::from_seconds(1_795_341_600);
        let position = Position {
            recipient: ministry("XB"),
            sequence: 2,
            previous: Some(MessageId::of_header(b"before")),
            act_number: 0,
            release_time,
            valid_until: release_time.after(limits::VALIDITY_DEFAULT),
        };
        Self { address, position, parts: vec![Part { digest: Digest::of(b"part"), size: 1 }] }
    }

    /// Its bytes, whether they are acceptable or not.
    fn bytes(&self) -> Vec<u8> {
        let record = wire::Header {
            context: HEADER_CONTEXT.to_owned(),
            address: self.address.bytes(),
            position: self.position.to_wire().encode_to_vec(),
            parts: parts_to_wire(&self.parts).encode_to_vec(),
        };
        record.encode_to_vec()
    }

    fn refusal(&self) -> Option<Reason> {
        Header::parse(&self.bytes()).err().map(|refusal| refusal.reason())
    }

    /// The same header with as many entries as make exactly this length.
    fn of_length(length: usize) -> Self {
        let mut draft = Self::new();
        // Each code takes ten bytes; the numbers take up what is left.
        for sequence in [2, 200] {
            for act_number in std::iter::once(0).chain((0..9).map(|places| 1 << (7 * places))) {
                (draft.position.sequence, draft.position.act_number) = (sequence, act_number);
                draft.address.releasable_to = codes(100).iter().map(|code| ministry(code)).collect();
                let Some(left) = length.checked_sub(draft.bytes().len()) else { continue };
                draft.address.releasable_to =
                    codes(100 + left / 10).iter().map(|code| ministry(code)).collect();
                if draft.bytes().len() == length {
                    return draft;
                }
            }
        }
        panic!("no header has {length} bytes");
    }
}

#[test]
fn a_header_has_at_most_so_many_bytes() {
    let most = Draft::of_length(HEADER_BYTES_MAX);
    assert_eq!((most.bytes().len(), most.refusal()), (HEADER_BYTES_MAX, None));
    let beyond = Draft::of_length(HEADER_BYTES_MAX + 1);
    assert_eq!((beyond.bytes().len(), beyond.refusal()), (HEADER_BYTES_MAX + 1, Some(Reason::TooLarge)));
}

#[test]
fn a_message_has_at_most_so_many_addressees_and_parts_and_all_of_them_fit() {
    let mut draft = Draft::new();
    let addressed = |count: usize| {
        let each = codes(count).into_iter();
        each.map(|code| Addressee { ministry: ministry(&code), kind: AddresseeKind::Info }).collect()
    };
    let part = draft.parts[0];
    let (addressees, parts) = (ADDRESSEES_MAX, DOCUMENTS_MAX + 1);
    for (addressees, parts, expected) in [
        (addressees, parts, None),
        (addressees + 1, parts, Some(Reason::Malformed)),
        (addressees, parts + 1, Some(Reason::Malformed)),
        (addressees, 0, Some(Reason::Malformed)),
    ] {
        draft.address.addressees = addressed(addressees);
        draft.position.recipient = draft.address.addressees[0].ministry.clone();
        draft.parts = vec![part; parts];
        assert_eq!(draft.refusal(), expected, "{addressees} addressees, {parts} parts");
    }
}

#[test]
fn numbers_are_those_that_a_register_can_keep() {
    for (sequence, act_number, expected) in [
        (NUMBER_MAX, NUMBER_MAX, None),
        (NUMBER_MAX + 1, NUMBER_MAX, Some(Reason::Malformed)),
        (NUMBER_MAX, NUMBER_MAX + 1, Some(Reason::Malformed)),
    ] {
        let mut draft = Draft::new();
        (draft.position.sequence, draft.position.act_number) = (sequence, act_number);
        assert_eq!(draft.refusal(), expected, "{sequence}, {act_number}");
    }
}

#[test]
fn a_sealed_part_has_at_most_so_many_bytes() {
    for (size, expected) in [
        (1, None),
        (SEALED_PART_BYTES_MAX, None),
        (SEALED_PART_BYTES_MAX + 1, Some(Reason::TooLarge)),
        (0, Some(Reason::TooLarge)),
    ] {
        let mut draft = Draft::new();
        draft.parts[0].size = size;
        assert_eq!(draft.refusal(), expected, "{size}");
    }
}
