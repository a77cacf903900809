//! Parts that lie, parts that are too many, parts that rot: refused with a reason, noticed, and mended.

use std::fs;

use chancery::desk::register::SentState;
use chancery::digest::Digest;
use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use tonic::Code;

use super::{MIB, bearing, beside_of, document, saved};
use crate::support::caller::{self, ShutOut, gateway_identity};
use crate::support::{Stage, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_told_what_is_held_and_refused_what_it_may_not_send() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let mut client = caller::relay(&stage, gateway_identity(&stage, "XA"), "XB").await;
    let content = vec![7_u8; 600_000];
    let digest = Digest::of(&content);
    let size = content.len() as u64;
    let find = |size| wire::FindPartRequest { digest: digest.as_bytes().to_vec(), size };
    let piece = |offset: u64, content: &[u8]| wire::PutPartRequest {
        digest: digest.as_bytes().to_vec(),
        size,
        offset,
        content: content.to_vec(),
    };
    let reason = |status: tonic::Status| match caller::shut_out(status) {
        ShutOut::Call(code, reason) => (code, reason),
        ShutOut::Door => panic!("cut off"),
    };
    let nothing = client.find_part(find(size)).await.unwrap().into_inner();
    assert_eq!((nothing.offset, nothing.complete), (0, false));
    for wrong in [0, limits::SEALED_PART_BYTES_MAX + 1] {
        let refused = client.find_part(find(wrong)).await.unwrap_err();
        assert_eq!(reason(refused), (Code::InvalidArgument, "TOO_LARGE".to_owned()));
    }
    // From a byte that is not here; in pieces that are too large or empty.
    let beyond = client.put_part(tokio_stream::once(piece(5, &content[5..1000]))).await.unwrap_err();
    assert_eq!(reason(beyond), (Code::FailedPrecondition, "PART_OFFSET".to_owned()));
    let too_large = vec![7; limits::PIECE_BYTES_MAX + 1];
    let malformed = (Code::InvalidArgument, "MALFORMED".to_owned());
    let refused = client.put_part(tokio_stream::once(piece(0, &too_large))).await.unwrap_err();
    assert_eq!(reason(refused), malformed);
    let empty = tokio_stream::iter([piece(0, &content[..10]), piece(10, &[])]);
    assert_eq!(reason(client.put_part(empty).await.unwrap_err()), malformed);
    // Cut, found, continued.
    let (sender, pieces) = tokio::sync::mpsc::channel(4);
    sender.send(piece(0, &content[..200_000])).await.unwrap();
    let putting = tokio::spawn({
        let mut client = client.clone();
        async move { client.put_part(tokio_stream::wrappers::ReceiverStream::new(pieces)).await }
    });
    eventually("the beginning is here", || async {
        let mut client = client.clone();
        client.find_part(find(size)).await.unwrap().into_inner().offset == 200_000
    })
    .await;
    putting.abort();
    let rest = content[200_000..].chunks(limits::PIECE_BYTES_MAX).map(|rest| piece(200_000, rest));
    let held = client.put_part(tokio_stream::iter(rest.collect::<Vec<_>>())).await.unwrap().into_inner();
    assert_eq!(held.size, size);
    let whole = client.find_part(find(size)).await.unwrap().into_inner();
    assert_eq!((whole.offset, whole.complete), (size, true));
    drop(sender);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_parts_without_messages_meets_its_quota_and_others_do_not() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let mut client = caller::relay(&stage, gateway_identity(&stage, "XA"), "XB").await;
    let mut taken = 0_u64;
    let refused = loop {
        let content = format!("part {taken}").into_bytes();
        let digest = Digest::of(&content).as_bytes().to_vec();
        let piece = wire::PutPartRequest { digest, size: content.len() as u64, offset: 0, content };
        match client.put_part(tokio_stream::once(piece)).await {
            Ok(_) => taken += 1,
            Err(status) => break caller::shut_out(status),
        }
        assert!(taken <= limits::UPLOADS_MAX, "no quota");
    };
    assert_eq!(refused, ShutOut::Call(Code::ResourceExhausted, "QUOTA".to_owned()));
    assert_eq!(taken, limits::UPLOADS_MAX);
    let name = (Digest::of(b"another's"), 9);
    caller::put_part(&stage, "XC", "XB", name, b"another's").await.unwrap();
    // One that would be too much by its size alone.
    let huge = (Digest::of(b"huge"), limits::SEALED_PART_BYTES_MAX);
    let piece =
        wire::PutPartRequest { digest: huge.0.as_bytes().to_vec(), size: huge.1, ..Default::default() };
    assert!(client.put_part(tokio_stream::once(piece)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_rots_at_the_own_gateway_is_named_holds_up_nothing_else_and_is_mended_by_its_desk() {
    let mut stage = Stage::of(&["XA", "XB"]).await;
    stage.house_mut("XB").stop().await.unwrap();
    let plain = document(&stage, "scan.bin", 2 * MIB);
    let [sent] = stage.send("XA", &bearing("XB", "ROUTINE", &["scan.bin"])).await.try_into().unwrap();
    let [part] = beside_of(&sent).try_into().unwrap();
    let parts = stage.house("XA").homes().gateway.directory().join("data/parts");
    let path = parts.join(&part.digest.hex()[..2]).join(part.digest.hex());
    let mut bytes = fs::read(&path).unwrap();
    bytes[700_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    stage.house_mut("XB").start().await.unwrap();
    eventually("somebody is told", || async {
        let alarms = stage.gateway("XA").status().await.unwrap().alarms;
        alarms.iter().any(|alarm| alarm.code == "PART_DAMAGED" && alarm.detail.contains(&sent.id.to_string()))
    })
    .await;
    // Its desk still has the sealed part: the next look at the outbox hands it over again.
    assert_eq!(stage.settled("XA", &sent).await.state, SentState::Delivered);
    let files = saved(&stage, "XB", "saved").await.unwrap();
    assert!(super::same(&files[1], &plain));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_fit_is_told_to_the_operator_until_it_has_come() {
    let mut stage = Stage::of(&["XA", "XB"]).await;
    let config = stage.house("XB").homes().gateway.config();
    let before = fs::read_to_string(&config).unwrap();
    stage.house_mut("XB").stop().await.unwrap();
    let (rest, _) = before.rsplit_once("\n[store]\n").unwrap();
    fs::write(&config, format!("{rest}\n[store]\nfloor_mib = 1000000000\n")).unwrap();
    stage.house_mut("XB").start().await.unwrap();
    let (name, other) = ((Digest::of(b"a scan"), 6), (Digest::of(b"a page"), 6));
    for _ in 0..2 {
        let refused = caller::put_part(&stage, "XA", "XB", name, b"a scan").await.unwrap_err();
        assert_eq!(refused, ShutOut::Call(Code::ResourceExhausted, "NO_SPACE".to_owned()));
    }
    let alarms = async |stage: &Stage| {
        let alarms = stage.gateway("XB").status().await.unwrap().alarms;
        alarms.into_iter().filter(|alarm| alarm.code == "PART_WITHOUT_ROOM").collect::<Vec<_>>()
    };
    let [alarm] = alarms(&stage).await.try_into().unwrap();
    assert_eq!((alarm.ministry.as_str(), alarm.count), ("XA", 2), "{alarm:?}");
    assert!(
        alarm.detail.contains("does not fit") && alarm.detail.contains("1000000000 MiB stay free"),
        "{alarm:?}"
    );
    assert_eq!(alarm.first_detail, alarm.detail, "the same part says the same");

    stage.house_mut("XB").stop().await.unwrap();
    fs::write(&config, before).unwrap();
    stage.house_mut("XB").start().await.unwrap();
    caller::put_part(&stage, "XA", "XB", other, b"a page").await.unwrap();
    assert_eq!(alarms(&stage).await.len(), 1, "another part has come");
    caller::put_part(&stage, "XA", "XB", name, b"a scan").await.unwrap();
    assert_eq!(alarms(&stage).await.len(), 0, "it has come");
}
