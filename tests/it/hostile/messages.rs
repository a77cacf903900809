//! Messages made to explode where they are decoded: counted first, and refused.

use std::collections::{BTreeMap, BTreeSet};

use chancery::limits;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use tonic::Code;
use tonic::transport::Channel;

use crate::support::anycall::say;
use crate::support::caller::ShutOut;
use crate::support::siege::Siege;

const RELAY: &str = "/chancery.gateway.v1.RelayService/Relay";
const PUT_PART: &str = "/chancery.gateway.v1.RelayService/PutPart";

fn refused(reason: &str) -> Result<Vec<Vec<u8>>, ShutOut> {
    Err(ShutOut::Call(Code::InvalidArgument, reason.to_owned()))
}

/// A field with a length, around some content.
fn around(field: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    prost::encoding::encode_varint(u64::from(field) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

/// A message with so many empty entries in the field at the end of this path.
fn entries(path: &[u32], count: usize) -> Vec<u8> {
    let (last, outer) = path.split_last().unwrap();
    outer.iter().rev().fold(around(*last, &[]).repeat(count), |inner, field| around(*field, &inner))
}

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_tiny_fields_are_refused_and_take_no_memory() {
    let siege = Siege::begin().await;
    let attack = async {
        let (peer, desk) = (siege.at_relay("XC").await, siege.at_mailbox().await);
        let whole = [0x0a, 0].repeat(2 * 1024 * 1024);
        for path in [RELAY, PUT_PART] {
            let refusal = say(&peer, path, whole.clone()).await;
            assert_eq!(refusal, refused("TOO_LARGE"), "{path}");
        }
        // As many as the bound of a frame lets pass.
        let within = limits::FRAME_BYTES_MAX / 2 - 8;
        for field in [1, 2, 3, 4, 5, 6, 7, 8, 9] {
            let bomb = around(field, &[0x0a, 0].repeat(within));
            let refusal = say(&peer, RELAY, bomb).await.unwrap_err();
            assert!(matches!(&refusal, ShutOut::Call(..)), "field {field}: {refusal:?}");
        }
        assert_eq!(say(&peer, RELAY, around(2, &[0x0a, 0].repeat(within))).await, refused("TOO_MANY"));
        assert_eq!(say(&peer, PUT_PART, [0x0a, 0].repeat(within)).await, refused("TOO_MANY"));
        for call in ["GetSent", "Accredit", "Submit", "GetPart", "ListReceived"] {
            let path = format!("/chancery.gateway.v1.MailboxService/{call}");
            for field in [0x0a, 0x12, 0x1a, 0x7a] {
                assert_eq!(say(&desk, &path, [field, 0].repeat(within)).await, refused("TOO_MANY"), "{call}");
            }
        }
    };
    siege.under(attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_nested_without_end_are_refused() {
    let siege = Siege::begin().await;
    let attack = async {
        let (peer, desk) = (siege.at_relay("XC").await, siege.at_mailbox().await);
        // Groups, in which unknown fields nest; messages within messages; and both ends missing.
        let groups = [vec![0x7b; 100_000], vec![0x7c; 100_000]].concat();
        let nested =
            (0..100_000).fold(
                Vec::new(),
                |inner: Vec<u8>, _| {
                    if inner.len() > 20_000 { inner } else { around(2, &inner) }
                },
            );
        for path in [RELAY, PUT_PART] {
            assert_eq!(say(&peer, path, groups.clone()).await, refused("MALFORMED"), "{path}");
            assert_eq!(say(&peer, path, vec![0x7b; 1000]).await, refused("MALFORMED"), "{path}");
        }
        // No message of ours holds itself: what nests further is an unknown field, and the frame no hello.
        let found = say(&peer, RELAY, nested).await;
        assert!(matches!(found, Err(ShutOut::Call(..))), "{found:?}");
        let submit = "/chancery.gateway.v1.MailboxService/Submit";
        assert_eq!(say(&desk, submit, groups).await, refused("MALFORMED"));
        // Within an envelope it is the envelope that is refused.
        assert_eq!(say(&desk, submit, around(1, &vec![0x7b; 1000])).await, refused("MALFORMED"));
        assert_eq!(say(&desk, submit, around(1, &entries(&[3], 100_000))).await, refused("TOO_LARGE"));
    };
    siege.under(attack).await;
}

/// Every list that a caller can send, by call: the path of its field, and its bound.
fn lists() -> BTreeMap<(&'static str, Vec<u32>), usize> {
    BTreeMap::from([
        ((RELAY, vec![1, 3]), limits::HELLO_CHECKPOINTS_MAX),
        ((RELAY, vec![1, 4]), limits::HELLO_CHECKPOINTS_MAX),
        ((RELAY, vec![2, 1]), limits::BATCH_ENVELOPES_MAX),
        ((RELAY, vec![3, 1]), limits::BATCH_ENVELOPES_MAX),
        ((RELAY, vec![4, 2]), limits::LOG_UPDATE_LEAVES_MAX),
        ((RELAY, vec![8, 3]), limits::LOG_UPDATE_LEAVES_MAX),
        ((RELAY, vec![8, 5]), limits::PATH_HASHES_MAX),
        (("/chancery.gateway.v1.MailboxService/SubmitStream", vec![1]), limits::BATCH_ENVELOPES_MAX),
        (("/chancery.gateway.v1.MailboxService/GetSent", vec![1]), limits::BATCH_ENVELOPES_MAX),
        (("/chancery.gateway.v1.MailboxService/Accredit", vec![3]), limits::PEERS_MAX),
        (("/chancery.gateway.v1.MailboxService/HandBack", vec![1]), limits::BATCH_ENVELOPES_MAX),
        (("/chancery.gateway.v1.MailboxService/HandBack", vec![2]), limits::BATCH_ENVELOPES_MAX),
        (("/chancery.gateway.v1.MailboxService/HandBack", vec![3]), limits::BATCH_ENVELOPES_MAX),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn one_entry_more_than_any_bound_is_refused_wherever_a_caller_can_put_it() {
    let siege = Siege::begin().await;
    let attack = async {
        let (peer, desk) = (siege.at_relay("XC").await, siege.at_mailbox().await);
        for ((path, field), bound) in lists() {
            let channel: &Channel = if path == RELAY { &peer } else { &desk };
            assert_eq!(
                say(channel, path, entries(&field, bound + 1)).await,
                refused("TOO_MANY"),
                "{field:?}"
            );
            assert_ne!(say(channel, path, entries(&field, bound)).await, refused("TOO_MANY"), "{field:?}");
        }
    };
    siege.under(attack).await;
}

#[test]
fn every_list_that_a_caller_can_send_is_tried() {
    let set = FileDescriptorSet::decode(chancery::proto::DESCRIPTORS).unwrap();
    let mut messages = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            messages.insert(format!(".{}.{}", file.package(), message.name()), message);
        }
    }
    let mut found = BTreeSet::new();
    for (file, service) in set.file.iter().flat_map(|file| file.service.iter().map(move |s| (file, s))) {
        // The operator's socket is open to the gateway's own user alone, and the desk's service is no gateway's.
        let elsewhere = ["OperatorService", "DeskService"];
        for method in service.method.iter().filter(|_| !elsewhere.contains(&service.name())) {
            let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
            for field in lists_of(messages[method.input_type()], &messages) {
                found.insert((path.clone(), field));
            }
        }
    }
    let tried = lists().into_keys().map(|(path, field)| (path.to_owned(), field)).collect();
    assert_eq!(found, tried);
}

/// Paths of the repeated fields of a message.
fn lists_of(message: &DescriptorProto, messages: &BTreeMap<String, &DescriptorProto>) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for field in &message.field {
        let number = u32::try_from(field.number()).unwrap();
        if field.label() == Label::Repeated {
            found.push(vec![number]);
        }
        if field.r#type() == Type::Message {
            for inner in lists_of(messages[field.type_name()], messages) {
                found.push([vec![number], inner].concat());
            }
        }
    }
    found
}
