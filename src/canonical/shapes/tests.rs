//! The table against the descriptors of `proto/`: a list without a bound, or a bound without its list, fails.

use std::collections::BTreeMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use super::*;
use crate::canonical::shape::{Field, LISTED_MAX, Misshapen};
use prost::Message;

/// Every message by its full name.
fn messages() -> BTreeMap<String, (String, DescriptorProto)> {
    let set = FileDescriptorSet::decode(crate::proto::DESCRIPTORS).unwrap();
    let of_file = |file: prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        file.message_type.into_iter().map(move |message| {
            assert!(
                message.nested_type.is_empty(),
                "{}: nested types have no row of their own",
                message.name()
            );
            (format!("{package}.{}", message.name()), (package.clone(), message))
        })
    };
    set.file.into_iter().flat_map(of_file).collect()
}

/// What the table must say of a field; nothing where it holds a single value.
fn expected(field: &FieldDescriptorProto) -> Option<&'static str> {
    match (field.label() == Label::Repeated, field.r#type()) {
        (true, Type::Bytes | Type::String) => Some("many"),
        (true, Type::Message) => Some("many of"),
        (true, _) => Some("numbers"),
        (false, Type::Message) => Some("one"),
        (false, _) => None,
    }
}

fn said(field: &Field) -> &'static str {
    match field {
        Many(_) => "many",
        ManyOf(..) => "many of",
        Numbers(_) => "numbers",
        One(_) => "one",
    }
}

#[test]
fn every_list_and_every_inner_message_of_the_wire_has_its_row_in_the_table() {
    let messages = messages();
    assert!(messages.len() > 40);
    let mut missing = Vec::new();
    for (full, (package, message)) in &messages {
        let shape = named(package, message.name());
        let found: BTreeMap<u32, &Field> =
            shape.fields.iter().map(|(number, field)| (*number, field)).collect();
        assert!(shape.fields.len() <= LISTED_MAX, "{full}: more listed fields than are counted");
        let mut wanted = BTreeMap::new();
        for field in &message.field {
            let Some(kind) = expected(field) else { continue };
            let number = u32::try_from(field.number()).unwrap();
            wanted.insert(number, kind);
            let Some(listed) = found.get(&number) else {
                missing.push(format!("{full}.{} = {number} ({kind}) has no bound", field.name()));
                continue;
            };
            assert_eq!(said(listed), kind, "{full}.{}", field.name());
            // What is entered is entered with the shape of the message that stands there.
            if let ManyOf(_, inner) | One(inner) = listed {
                let (inner_package, inner_message) = &messages[field.type_name().trim_start_matches('.')];
                let right = named(inner_package, inner_message.name());
                let same =
                    std::ptr::eq(*inner, right) || (inner.fields.is_empty() && right.fields.is_empty());
                assert!(same, "{full}.{} is entered with another shape", field.name());
            }
        }
        for number in found.keys().filter(|number| !wanted.contains_key(number)) {
            missing.push(format!("{full}: the table lists field {number}, which is no list"));
        }
    }
    assert!(missing.is_empty(), "src/canonical/shapes.rs: {missing:#?}");
    for row in TABLE {
        assert!(
            messages.contains_key(&format!("{}.{}", row.package, row.name)),
            "{} is no message",
            row.name
        );
    }
}

/// Bytes with so many entries of a listed field.
fn entries(number: u32, field: &Field, count: usize) -> Vec<u8> {
    let numbers = matches!(field, Numbers(_));
    let tag = number << 3 | if numbers { 0 } else { 2 };
    let mut entry = Vec::new();
    prost::encoding::encode_varint(tag.into(), &mut entry);
    entry.push(u8::from(numbers));
    entry.repeat(count)
}

#[test]
fn every_list_of_the_table_may_be_full_and_holds_nothing_more() {
    let mut tried = 0;
    for row in TABLE {
        for (number, field) in row.shape.fields {
            let (Many(most) | ManyOf(most, _) | Numbers(most)) = field else { continue };
            let name = format!("{} field {number}", row.name);
            assert_eq!(row.shape.check(&entries(*number, field, *most)), Ok(()), "{name}");
            let beyond = row.shape.check(&entries(*number, field, most + 1));
            assert_eq!(beyond, Err(Misshapen::TooMany(*number)), "{name}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

/// Lists of answers: whoever asks holds whoever answers to them.
#[test]
fn the_lists_of_answers_have_the_bounds_of_the_limits() {
    let bounds = [
        ("ListPositionsResponse", 1, PAGE_MAX),
        ("ListSentResponse", 1, PAGE_MAX),
        ("ListReceivedResponse", 1, PAGE_MAX),
        ("GetSentResponse", 1, BATCH_ENVELOPES_MAX),
        ("GetReceiptsResponse", 1, RECEIPTS_MAX),
        ("GetStatusResponse", 8, STATUS_ALARMS_MAX),
        ("PeerStatus", 20, FREIGHT_SHOWN_MAX),
        ("ListLogsResponse", 1, LOGS_MAX),
        ("VerifyLogsResponse", 3, DAMAGES_MAX),
        ("ListForksResponse", 1, FORKS_MAX),
        ("ListQueueResponse", 1, QUEUE_PAGE_MAX),
        ("ListAlarmsResponse", 1, STATUS_ALARMS_MAX),
    ];
    for (name, number, most) in bounds {
        let row = TABLE.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} has no row"));
        let field = row.shape.fields.iter().find(|(listed, _)| *listed == number).map(|(_, field)| field);
        let Some(Many(found) | ManyOf(found, _)) = field else { panic!("{name} has no list {number}") };
        assert_eq!(*found, most, "{name} field {number}");
    }
}

#[test]
fn a_million_empty_envelopes_are_refused_by_counting_alone() {
    let bomb = [0x0a, 0x00].repeat(1_000_000);
    assert_eq!(DELIVERIES.check(&bomb), Err(Misshapen::TooMany(1)));
    let mut frame = vec![0x12];
    prost::encoding::encode_varint(bomb.len() as u64, &mut frame);
    frame.extend(bomb);
    assert_eq!(RELAY_FRAME.check(&frame), Err(Misshapen::TooMany(1)));
}

#[test]
fn a_full_batch_is_looked_at_without_reading_its_envelopes() {
    let delivery = crate::proto::gateway::v1::Delivery { envelope: vec![0x0a; 20_000], withdrawn: false };
    let frame = crate::proto::gateway::v1::Deliveries { deliveries: vec![delivery; 50] }.encode_to_vec();
    assert_eq!(DELIVERIES.check(&frame), Ok(()));
}
