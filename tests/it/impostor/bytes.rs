//! Bytes that are almost an envelope: refused with a reason, and the store is as it was.

use chancery::digest::Digest;
use chancery::gateway::frame::Answer;
use chancery::limits;
use chancery::proto::message::v1 as wire;
use chancery::time::Clock;
use chancery::trust::signature;
use prost::Message;

use crate::support::answers::{mailbox, refused, relay_bytes, unsigned};
use crate::support::craft::Craft;
use crate::support::{Stage, caller, proofs};

/// A message with two sealed parts of some length.
fn craft(stage: &Stage) -> Craft {
    let mut craft = Craft::new(stage, "XA", "XB");
    craft.parts = vec![vec![0x5a; 3000], vec![0xa5; 5000]];
    craft
}

/// Delivers many spoiled envelopes; every one must be refused without a signature.
async fn all_refused(stage: &Stage, spoiled: Vec<(String, Vec<u8>)>) {
    for batch in spoiled.chunks(limits::BATCH_ENVELOPES_MAX) {
        let answers = relay_bytes(stage, batch.iter().map(|(_, bytes)| bytes.clone()).collect()).await;
        for ((what, _), answer) in batch.iter().zip(answers) {
            assert!(matches!(answer, Answer::Unsigned { .. }), "{what} was taken");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_is_refused_and_changes_nothing() {
    let stage = Stage::pair().await;
    let envelope = craft(&stage).signed(&stage);
    let bytes = envelope.encode();
    let before = proofs::trace(&stage, "XB").await;
    // Every bit of the header and of the framing around it, and one bit of every byte that follows.
    let head = envelope.header().bytes().len() + 16;
    let places = (0..head * 8).chain((head..bytes.len()).map(|byte| byte * 8 + byte % 8));
    let flipped = places.map(|bit| {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit}"), flipped)
    });
    all_refused(&stage, flipped.collect()).await;
    assert_eq!(proofs::trace(&stage, "XB").await, before);
    assert!(matches!(relay_bytes(&stage, vec![bytes]).await[0], Answer::Receipt(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_refused_after_the_message_was_taken_as_well() {
    let stage = Stage::pair().await;
    let envelope = craft(&stage).signed(&stage);
    let bytes = envelope.encode();
    relay_bytes(&stage, vec![bytes.clone()]).await;
    let before = proofs::trace(&stage, "XB").await;
    let flipped = (0..bytes.len()).step_by(7).map(|byte| {
        let mut flipped = bytes.clone();
        flipped[byte] ^= 1 << (byte % 8);
        (format!("byte {byte}"), flipped)
    });
    all_refused(&stage, flipped.collect()).await;
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_envelope_is_refused() {
    let stage = Stage::pair().await;
    let envelope = craft(&stage).signed(&stage);
    let bytes = envelope.encode();
    let before = proofs::trace(&stage, "XB").await;
    let lengths = (0..1000).chain((1000..bytes.len()).step_by(13)).chain([bytes.len() - 1]);
    all_refused(
        &stage,
        lengths.map(|length| (format!("{length} bytes"), bytes[..length].to_vec())).collect(),
    )
    .await;
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_over_long_envelope_is_refused() {
    let stage = Stage::pair().await;
    let bytes = craft(&stage).signed(&stage).encode();
    let before = proofs::trace(&stage, "XB").await;
    let mut trailing = bytes.clone();
    trailing.push(0);
    let mut padded = bytes.clone();
    padded.resize(limits::ENVELOPE_BYTES_MAX + 1, 0);
    let mut part = Craft::new(&stage, "XA", "XB");
    part.parts = vec![vec![1; usize::try_from(limits::INLINE_PARTS_BYTES_MAX).unwrap() + 1]];
    let header = part.header();
    let signer = stage.house("XA").keys().registry().unwrap();
    let signature = signature::sign(header.bytes(), signer.as_ref(), stage.clock.now()).unwrap();
    // A part that is too large to travel inside, inside all the same.
    let inside =
        wire::Envelope { header: header.bytes().to_vec(), signature, parts: part.parts }.encode_to_vec();
    let answers = relay_bytes(&stage, vec![trailing, padded.clone(), inside]).await;
    let reasons: Vec<&str> = answers.iter().map(unsigned).collect();
    assert_eq!(reasons, ["MALFORMED", "TOO_LARGE", "PART_MISMATCH"]);
    assert_eq!(refused(&stage, &padded).await, "TOO_LARGE");
    // What no frame can hold does not come as far as that.
    let mut client = caller::mailbox(&stage, caller::desk_identity(&stage, "XB"), "XB").await;
    let envelope = vec![0; limits::FRAME_BYTES_MAX + 1];
    let request = chancery::proto::gateway::v1::SubmitRequest { envelope, earlier_receipt: Vec::new() };
    let refusal = caller::shut_out(client.submit(request).await.unwrap_err());
    assert_eq!(refusal, caller::ShutOut::Call(tonic::Code::InvalidArgument, "TOO_LARGE".to_owned()));
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

/// The other encodings of a record that prost would take for the same, and one that it reads as more.
fn other_encodings(record: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let fields = fields(record);
    let (first, rest) = fields.split_first().unwrap();
    let mut long_tag = vec![first[0] | 0x80, 0];
    long_tag.extend(&first[1..]);
    let last = fields.last().unwrap();
    vec![
        ("an unknown field", [record, &[0x98, 0x06, 0x01]].concat()),
        ("a field that stands twice", [&fields.concat()[..], last].concat()),
        ("a tag with a byte too many", [&long_tag, &rest.concat()[..]].concat()),
        ("a length with a byte too many", [&long_length(first), &rest.concat()[..]].concat()),
        ("other order", [&rest.concat()[..], first].concat()),
        ("a field with its default", [record, &default_of_an_absent_field(&fields)].concat()),
    ]
}

/// The fields of a record as they stand.
fn fields(mut record: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Vec::new();
    while let Some(tag) = record.first() {
        let mut length = 1;
        let (value, bytes) = varint(&record[1..]);
        length += bytes;
        if tag & 7 == 2 {
            length += value;
        }
        fields.push(record[..length].to_vec());
        record = &record[length..];
    }
    fields
}

fn varint(bytes: &[u8]) -> (usize, usize) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..length].iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    (value, length)
}

fn long_length(field: &[u8]) -> Vec<u8> {
    let (_, bytes) = varint(&field[1..]);
    let mut long = field[..=bytes].to_vec();
    long[bytes] |= 0x80;
    long.push(0);
    long.extend(&field[bytes + 1..]);
    long
}

/// An empty field where none is written: the highest number that is used, once more with its default.
fn default_of_an_absent_field(fields: &[Vec<u8>]) -> Vec<u8> {
    let last = fields.last().unwrap();
    vec![last[0], 0]
}

/// A signed envelope around these header bytes.
fn signed(stage: &Stage, craft: &Craft, header: Vec<u8>) -> Vec<u8> {
    let signer = stage.house("XA").keys().registry().unwrap();
    let signature = signature::sign(&header, signer.as_ref(), stage.clock.now()).unwrap();
    wire::Envelope { header, signature, parts: craft.parts.clone() }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_in_another_encoding_is_refused() {
    let stage = Stage::pair().await;
    let envelope = craft(&stage).signed(&stage).encode();
    let before = proofs::trace(&stage, "XB").await;
    for (what, bytes) in other_encodings(&envelope) {
        let reason = unsigned(&relay_bytes(&stage, vec![bytes.clone()]).await[0]).to_owned();
        // A repeated field that stands once more is another envelope, whose parts do not fit its header.
        let expected = match what {
            "a field that stands twice" | "a field with its default" => "PART_MISMATCH",
            _ => "NOT_CANONICAL",
        };
        assert_eq!(reason, expected, "{what}");
        assert_eq!(refused(&stage, &bytes).await, expected, "{what}");
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_in_another_encoding_is_refused_although_its_registry_signed_it() {
    let stage = Stage::pair().await;
    let craft = craft(&stage);
    let header = craft.header();
    let record = wire::Header::decode(header.bytes()).unwrap();
    let before = proofs::trace(&stage, "XB").await;
    let mut headers = Vec::new();
    for (what, bytes) in other_encodings(header.bytes()) {
        headers.push((format!("header: {what}"), bytes));
    }
    for (what, address) in other_encodings(&record.address) {
        let header = wire::Header { address, ..record.clone() };
        headers.push((format!("address: {what}"), header.encode_to_vec()));
    }
    for (what, position) in other_encodings(&record.position) {
        let header = wire::Header { position, ..record.clone() };
        headers.push((format!("position: {what}"), header.encode_to_vec()));
    }
    for (what, parts) in other_encodings(&record.parts) {
        let header = wire::Header { parts, ..record.clone() };
        headers.push((format!("parts: {what}"), header.encode_to_vec()));
    }
    for (what, header) in headers {
        let bytes = signed(&stage, &craft, header);
        let answer = &relay_bytes(&stage, vec![bytes.clone()]).await[0];
        let reason = unsigned(answer).to_owned();
        let repeated = what.starts_with("parts: a field") || what.starts_with("address: a field");
        // The last field of these two is repeated: once more means one more, which does not fit.
        let unfit = repeated && ["MALFORMED", "PART_MISMATCH"].contains(&reason.as_str());
        assert!(reason == "NOT_CANONICAL" || unfit, "{what}: {reason}");
        assert_eq!(refused(&stage, &bytes).await, reason, "{what}");
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_words_are_refused() {
    let stage = Stage::pair().await;
    let craft = craft(&stage);
    let header = wire::Header::decode(craft.header().bytes()).unwrap();
    let address = wire::Address::decode(header.address.as_slice()).unwrap();
    for number in [0, 6, 99, -1] {
        let mut addresses = vec![
            wire::Address { level: number, ..address.clone() },
            wire::Address { precedence: number, ..address.clone() },
            address.clone(),
        ];
        addresses[2].addressees[0].kind = number;
        for changed in addresses {
            let header = wire::Header { address: changed.encode_to_vec(), ..header.clone() };
            let bytes = signed(&stage, &craft, header.encode_to_vec());
            let reason = unsigned(&relay_bytes(&stage, vec![bytes.clone()]).await[0]).to_owned();
            assert_eq!(reason, "MALFORMED", "{number}");
            assert_eq!(refused(&stage, &bytes).await, "MALFORMED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_another_kind_or_version_are_refused() {
    let stage = Stage::pair().await;
    let craft = craft(&stage);
    let header = wire::Header::decode(craft.header().bytes()).unwrap();
    let address = wire::Address::decode(header.address.as_slice()).unwrap();
    for context in ["", "chancery/header/v2", "chancery/dispatch/v1", "chancery/position/v1"] {
        let context = context.to_owned();
        let other = wire::Address { context: context.clone(), ..address.clone() }.encode_to_vec();
        for changed in
            [wire::Header { context, ..header.clone() }, wire::Header { address: other, ..header.clone() }]
        {
            let bytes = signed(&stage, &craft, changed.encode_to_vec());
            assert_eq!(unsigned(&relay_bytes(&stage, vec![bytes]).await[0]), "MALFORMED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_parts_that_are_not_those_of_the_header_are_refused() {
    let stage = Stage::pair().await;
    let craft = craft(&stage);
    let envelope = craft.signed(&stage);
    let [first, second] = [craft.parts[0].clone(), craft.parts[1].clone()];
    let before = proofs::trace(&stage, "XB").await;
    for parts in [
        vec![second.clone(), first.clone()],
        vec![first.clone()],
        vec![first.clone(), second.clone(), second.clone()],
        vec![first.clone(), Vec::new()],
        Vec::new(),
    ] {
        let (header, signature) = (envelope.header().bytes().to_vec(), envelope.signature().to_vec());
        let bytes = wire::Envelope { header, signature, parts }.encode_to_vec();
        assert_eq!(unsigned(&relay_bytes(&stage, vec![bytes]).await[0]), "PART_MISMATCH");
    }
    assert_eq!(proofs::trace(&stage, "XB").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_not_handed_over_holds_its_message_back() {
    let stage = Stage::pair().await;
    let large = vec![7; usize::try_from(limits::INLINE_PARTS_BYTES_MAX).unwrap() + 1];
    let mut craft = Craft::new(&stage, "XA", "XB");
    craft.parts = vec![large.clone()];
    let envelope = craft.signed(&stage).encode();
    assert_eq!(unsigned(&relay_bytes(&stage, vec![envelope.clone()]).await[0]), "PART_MISSING");
    assert_eq!(refused(&stage, &envelope).await, "PART_MISSING");
    // Other bytes under its name are refused; the true ones let it pass.
    let name = (Digest::of(&large), large.len() as u64);
    let mut other = large.clone();
    other[1000] ^= 1;
    let wrong = caller::ShutOut::Call(tonic::Code::InvalidArgument, "PART_MISMATCH".to_owned());
    for content in [other, large[..large.len() - 1].to_vec(), [&large[..], &[0]].concat()] {
        assert_eq!(caller::put_part(&stage, "XA", "XB", name, &content).await, Err(wrong.clone()));
    }
    assert!(mailbox(&stage).await.is_empty());
    caller::put_part(&stage, "XA", "XB", name, &large).await.unwrap();
    assert!(matches!(relay_bytes(&stage, vec![envelope]).await[0], Answer::Receipt(_)));
}
