//! The bounds of an envelope: what is exactly at one is taken, what is one beyond it is refused.

use super::*;
use crate::limits::{ENVELOPE_BYTES_MAX, INLINE_PARTS_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::message::header::{Address, Addressee, Position};
use crate::message::terms::{AddresseeKind, Level, Precedence};
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

fn header(parts: &[&[u8]]) -> Header {
    let ministry = |code| Ministry::parse(code).unwrap();
    let release_time = Timestamp::from_seconds(1_795_341_600);
    let address = Address {
        channel: ChannelId::parse("ch-0123456789abcdef").unwrap(),
        consultation: "C-7QK4-M2XD-9WTV".to_owned(),
        sender: ministry("XA"),
        addressees: vec![Addressee { ministry: ministry("XB"), kind: AddresseeKind::Action }],
        precedence: Precedence::Routine,
        level: Level::Restricted,
        releasable_to: Vec::new(),
    };
    let position = Position {
        recipient: ministry("XB"),
        sequence: 1,
        previous: None,
        act_number: 1,
        release_time,
        valid_until: release_time.after(limits::VALIDITY_DEFAULT),
    };
    let parts: Vec<Part> =
        parts.iter().map(|part| Part { digest: Digest::of(part), size: part.len() as u64 }).collect();
    Header::compose(&address, &position, &parts).unwrap()
}

/// The refusal of an envelope with these parts in its header and these inside.
fn refusal(listed: &[&[u8]], signature: usize, inside: &[&[u8]]) -> Option<Reason> {
    let record = wire::Envelope {
        header: header(listed).bytes().to_vec(),
        signature: vec![1; signature],
        parts: inside.iter().map(|part| part.to_vec()).collect(),
    };
    Envelope::parse(&record.encode_to_vec()).err().map(|refusal| refusal.reason())
}

#[test]
fn a_signature_has_at_most_so_many_bytes() {
    let part: &[&[u8]] = &[b"part"];
    assert_eq!(refusal(part, SIGNATURE_BYTES_MAX, part), None);
    assert_eq!(refusal(part, SIGNATURE_BYTES_MAX + 1, part), Some(Reason::TooLarge));
    assert_eq!(refusal(part, 0, part), Some(Reason::SignatureInvalid));
}

#[test]
fn the_parts_inside_have_at_most_so_many_bytes_in_sum_and_the_others_travel_beside() {
    let whole = vec![7; usize::try_from(INLINE_PARTS_BYTES_MAX).unwrap() + 1];
    let (first, rest) = whole.split_at(1000);
    let within = &rest[..rest.len() - 1];
    assert_eq!(refusal(&[first, within], 9, &[first, within]), None);
    assert_eq!(refusal(&[first, within], 9, &[first, b""]), Some(Reason::PartMismatch));
    // One byte more, and the second part is too much: it must not travel inside.
    assert_eq!(refusal(&[first, rest], 9, &[first, b""]), None);
    assert_eq!(refusal(&[first, rest], 9, &[first, rest]), Some(Reason::PartMismatch));
    // As many small parts as a header lists.
    let small = vec![within.get(..4000).unwrap(); limits::DOCUMENTS_MAX + 1];
    assert_eq!(refusal(&small, SIGNATURE_BYTES_MAX, &small), None);
}

#[test]
fn an_envelope_over_its_bound_is_not_decoded() {
    let reason = |length| Envelope::parse(&vec![0; length]).unwrap_err().reason();
    assert_eq!(reason(ENVELOPE_BYTES_MAX), Reason::Malformed);
    assert_eq!(reason(ENVELOPE_BYTES_MAX + 1), Reason::TooLarge);
    let bare = |length| Envelope::parse_without_parts(&vec![0; length]).unwrap_err().reason();
    assert_eq!(
        (bare(ENVELOPE_BYTES_MAX), bare(ENVELOPE_BYTES_MAX + 1)),
        (Reason::Malformed, Reason::TooLarge)
    );
}
