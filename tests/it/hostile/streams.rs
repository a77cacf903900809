//! Calls by an accredited peer that never end, stand still, or whose answers nobody reads.

use std::time::Duration;

use chancery::digest::Digest;
use chancery::limits;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::proto::gateway::v1::relay_service_client::RelayServiceClient;
use chancery::time::{Clock, SystemClock};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use crate::support::anycall::call;
use crate::support::caller::{ShutOut, shut_out};
use crate::support::eventually;
use crate::support::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, PING, Raw, frame, message};
use crate::support::siege::Siege;

const RELAY: &str = "/chancery.gateway.v1.RelayService/Relay";
const PUT_PART: &str = "/chancery.gateway.v1.RelayService/PutPart";

fn endless(message: &impl Message) -> impl tokio_stream::Stream<Item = Vec<u8>> + Send + 'static {
    tokio_stream::iter(std::iter::repeat(message.encode_to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_never_ends_is_refused_where_it_exceeds_what_was_declared() {
    let siege = Siege::begin().await;
    let attack = async {
        let channel = siege.at_relay("XC").await;
        let piece = |content: &[u8]| wire::PutPartRequest {
            digest: Digest::of(b"never").as_bytes().to_vec(),
            size: 1024 * 1024,
            offset: 0,
            content: content.to_vec(),
        };
        let mismatch = ShutOut::Call(Code::InvalidArgument, "PART_MISMATCH".to_owned());
        assert_eq!(call(&channel, PUT_PART, endless(&piece(&[7; 10_000]))).await, Err(mismatch));
        // Pieces of nothing would go on for ever within every size.
        let malformed = ShutOut::Call(Code::InvalidArgument, "MALFORMED".to_owned());
        assert_eq!(call(&channel, PUT_PART, endless(&piece(&[]))).await, Err(malformed));
    };
    siege.under(attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_never_comes_to_its_hello_is_ended() {
    let siege = Siege::begin().await;
    let attack = async {
        let channel = siege.at_relay("XC").await;
        let window = Frame::Window(wire::Window { envelopes: 1, bytes: 1 });
        let frames = endless(&wire::RelayFrame { frame: Some(window) });
        let refusal = call(&channel, RELAY, frames).await.unwrap_err();
        assert!(matches!(refusal, ShutOut::Call(..)), "{refusal:?}");
    };
    siege.under(attack).await;
}

fn hello() -> Frame {
    Frame::Hello(wire::Hello {
        ministry: "XC".to_owned(),
        time: SystemClock.now().seconds(),
        window_envelopes: limits::WINDOW_ENVELOPES,
        window_bytes: limits::WINDOW_BYTES,
        ..wire::Hello::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_hold_nothing_end_the_stream() {
    let siege = Siege::begin().await;
    let attack = async {
        let channel = siege.at_relay("XC").await;
        let first = tokio_stream::once(wire::RelayFrame { frame: Some(hello()) }.encode_to_vec());
        let empty = Frame::Deliveries(wire::Deliveries::default());
        let frames = first.chain(endless(&wire::RelayFrame { frame: Some(empty) }));
        let malformed = ShutOut::Call(Code::InvalidArgument, "MALFORMED".to_owned());
        assert_eq!(call(&channel, RELAY, frames).await, Err(malformed));
    };
    siege.under(attack).await;
}

/// A relay stream on which XC has said hello and been answered.
struct Greeted {
    _outgoing: mpsc::Sender<wire::RelayFrame>,
    _incoming: Streaming<wire::RelayFrame>,
}

async fn greet(channel: &Channel) -> Result<Greeted, ShutOut> {
    let mut client = RelayServiceClient::new(channel.clone());
    let (outgoing, frames) = mpsc::channel(4);
    outgoing.send(wire::RelayFrame { frame: Some(hello()) }).await.unwrap();
    let mut incoming = client.relay(ReceiverStream::new(frames)).await.map_err(shut_out)?.into_inner();
    match incoming.message().await.map_err(shut_out)? {
        Some(wire::RelayFrame { frame: Some(Frame::Hello(_)) }) => {}
        other => panic!("no hello but {other:?}"),
    }
    Ok(Greeted { _outgoing: outgoing, _incoming: incoming })
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_stand_still_are_few_and_hold_nobody_up() {
    let siege = Siege::begin().await;
    let attack = async {
        // One connection: the number of those is bounded besides.
        let (channel, mut stalled) = (siege.at_relay("XC").await, Vec::new());
        let refusal = loop {
            match greet(&channel).await {
                Ok(stream) => stalled.push(stream),
                Err(refusal) => break refusal,
            }
            assert!(stalled.len() <= limits::RELAY_STREAMS_PER_PEER_MAX, "streams without number");
        };
        assert_eq!(refusal, ShutOut::Call(Code::ResourceExhausted, "TOO_MANY_CALLS".to_owned()));
        assert_eq!(stalled.len(), limits::RELAY_STREAMS_PER_PEER_MAX);
        // What was stalled makes room when it goes.
        stalled.clear();
        eventually("a new stream is taken", async || greet(&channel).await.is_ok()).await;
    };
    siege.under(attack).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits for the whole of a silence, a test of the guard for less: CHANCERY_LONG=1 tests/run"]
async fn a_part_of_which_nothing_more_comes_is_given_up() {
    let siege = Siege::begin().await;
    let attack = async {
        let channel = siege.at_relay("XC").await;
        let (pieces, stream) = mpsc::channel(1);
        let digest = Digest::of(b"stalled").as_bytes().to_vec();
        pieces.send(wire::PutPartRequest { digest, size: 1000, offset: 0, content: vec![1] }).await.unwrap();
        let mut client = RelayServiceClient::new(channel);
        let waiting = client.put_part(ReceiverStream::new(stream));
        let given_up = tokio::time::timeout(2 * limits::CALL_SILENCE_MAX, waiting).await;
        let refusal = shut_out(given_up.expect("it was waited for").unwrap_err());
        assert_eq!(refusal, ShutOut::Call(Code::DeadlineExceeded, "STALLED".to_owned()));
    };
    siege.under(attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_asks_and_never_reads_costs_no_memory() {
    let siege = Siege::begin().await;
    let attack = async {
        let mut raw = Raw::deaf(siege.identity_of("XC"), &siege.relay()).await;
        // Questions whose answers are never read, with a window that lets everything be sent.
        let question = |number: u32| {
            let id = 2 * number + 1;
            let path = "/grpc.health.v1.Health/Check";
            [
                frame(HEADERS, END_HEADERS, id, &crate::support::raw::call(path)),
                frame(DATA, END_STREAM, id, &message(&[])),
                frame(PING, 0, 0, b"12345678"),
            ]
            .concat()
        };
        let begin = std::time::Instant::now();
        let mut asked = 0;
        while begin.elapsed() < Duration::from_secs(5) && raw.send(&question(asked)).await {
            asked += 1;
        }
        eprintln!("{asked} questions until nothing was taken any more, or five seconds");
        assert!(asked > 100);
    };
    siege.under(attack).await;
}
