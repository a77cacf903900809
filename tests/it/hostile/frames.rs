//! Floods of HTTP/2 frames by an accredited peer: cut, whoever notices first.

use crate::support::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, Raw, SETTINGS, Seen,
    WINDOW_UPDATE, call, frame, message,
};
use crate::support::siege::Siege;

const RELAY: &str = "/chancery.gateway.v1.RelayService/Relay";
const PUT_PART: &str = "/chancery.gateway.v1.RelayService/PutPart";
const FRAMES: u32 = 20_000;

/// Streams of a client: odd numbers.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// A flood after some first frames must end the connection, while honest messages pass; what came back.
async fn cut(siege: &Siege, first: Vec<u8>, flood: impl Fn(u32) -> Vec<u8>) -> Seen {
    let attack = async {
        let mut raw = Raw::open(siege.identity_of("XC"), &siege.relay()).await;
        raw.send(&first).await;
        raw.flood((0..FRAMES).map(&flood)).await;
        raw.ended().await
    };
    siege.under(attack).await
}

fn opened(path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &call(path))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_is_cut_before_it_is_answered_without_end() {
    let siege = Siege::begin().await;
    let seen = cut(&siege, Vec::new(), |_| frame(PING, 0, 0, b"12345678")).await;
    assert!(seen.pongs < 10_000, "{} pings were answered", seen.pongs);
    assert!(siege.log().contains("connection cut: too many PING frames"), "{}", siege.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_settings_is_cut() {
    let siege = Siege::begin().await;
    cut(&siege, Vec::new(), |_| frame(SETTINGS, 0, 0, &[])).await;
    assert!(siege.log().contains("connection cut: too many SETTINGS frames"), "{}", siege.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_calls_that_are_reset_at_once_is_cut() {
    let siege = Siege::begin().await;
    let reset = |number| {
        let id = stream(number);
        [frame(HEADERS, END_HEADERS, id, &call(RELAY)), frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())]
            .concat()
    };
    cut(&siege, Vec::new(), reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_never_ends_is_cut() {
    let siege = Siege::begin().await;
    let name = |number: u32| {
        let mut field = vec![0x00, 5];
        field.extend(format!("x{:04}", number % 10_000).bytes());
        field.extend([0x7f, 0x49]);
        field.extend([b'a'; 200]);
        frame(CONTINUATION, 0, 1, &field)
    };
    cut(&siege, frame(HEADERS, 0, 1, &call(RELAY)), name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_empty_data_is_cut() {
    let siege = Siege::begin().await;
    cut(&siege, opened(RELAY), |_| frame(DATA, 0, 1, &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn window_updates_of_zero_are_cut_on_the_connection_and_on_calls() {
    let siege = Siege::begin().await;
    cut(&siege, Vec::new(), |_| frame(WINDOW_UPDATE, 0, 0, &[0; 4])).await;
    let on_calls = |number| {
        let id = stream(number);
        [frame(HEADERS, END_HEADERS, id, &call(RELAY)), frame(WINDOW_UPDATE, 0, id, &[0; 4])].concat()
    };
    cut(&siege, Vec::new(), on_calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_grows_when_it_is_unpacked_reaches_no_call() {
    let siege = Siege::begin().await;
    // A field of four kilobytes, put into the table once and named eight thousand times: 32 MiB.
    let long = [&[0x40, 4][..], b"bomb", &[0x7f, 0xa1, 0x1e], &[b'a'; 4000]].concat();
    let attack = async {
        let mut raw = Raw::open(siege.identity_of("XC"), &siege.relay()).await;
        let bomb = |number: u32| {
            let first = if number == 0 { &long[..] } else { &[] };
            let block = [&call(RELAY)[..], first, &[0xbe; 8000]].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &block)
        };
        raw.flood((0..200).map(bomb)).await;
        crate::support::eventually("the bombs are answered", async || {
            let seen = raw.seen();
            seen.ended() || seen.answers + seen.resets.len() >= 200
        })
        .await;
    };
    siege.under(attack).await;
    let log = siege.log();
    let became = |line: &&str| line.contains("a relay stream of the peer ended") && line.contains("peer=XC");
    assert_eq!(log.lines().find(became), None, "a bomb became a call");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_peer_that_sends_byte_by_byte_is_not_punished() {
    let siege = Siege::begin().await;
    // More bytes than frames that carry nothing are let pass at once.
    let content = [7_u8; 6000];
    let digest = chancery::digest::Digest::of(&content);
    let piece = chancery::proto::gateway::v1::PutPartRequest {
        digest: digest.as_bytes().to_vec(),
        size: 6000,
        offset: 0,
        content: content.to_vec(),
    };
    let bytes = message(&prost::Message::encode_to_vec(&piece));
    let slow = async {
        let mut raw = Raw::open(siege.identity_of("XC"), &siege.relay()).await;
        raw.send(&opened(PUT_PART)).await;
        for byte in &bytes {
            assert!(raw.send(&frame(DATA, 0, 1, &[*byte])).await, "{:?}", raw.seen());
        }
        raw.send(&frame(DATA, END_STREAM, 1, &[])).await;
        crate::support::eventually("the part is held", async || !raw.seen().data.is_empty()).await;
        let seen = raw.seen();
        assert_eq!(seen.data, message(&[0x08, 0xf0, 0x2e]), "6000 bytes are held");
        assert!(!seen.ended(), "{seen:?}");
    };
    siege.under(slow).await;
}
