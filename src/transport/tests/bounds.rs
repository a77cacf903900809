//! The bounds that a listener and a server have where nobody sets others.

use std::net::{IpAddr, Ipv4Addr};

use prost::bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpSocket;
use tonic::service::Routes;

use super::*;
use crate::limits;
use crate::transport::channel::{ConnectFailure, connect_within, probing, server_builder};
use crate::transport::listener::Bounds;
use crate::transport::quota::Origin;

/// The bounds of a door, with a deadline that does not end what the test holds open.
fn bounds(door: Door) -> Bounds {
    Bounds { handshake_deadline: Duration::from_secs(600), ..Bounds::of(door) }
}

async fn listener(door: Door) -> (House, House, Listener) {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(address, door, credentials(xa.material(&[&xb]))).await.unwrap();
    (xa, xb, listener)
}

async fn stranger(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from(from), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    // A reset is an end as well.
    !matches!(soon(stream.read(&mut [0])).await, Ok(1..))
}

fn is_open(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn one_source_has_so_many_handshakes_and_all_strangers_leave_a_reserve() {
    let (_, _, listener) = listener(Door::Relay).await;
    let (address, known) = (listener.local_address().unwrap(), listener.known_origins());
    let _incoming = listener.with_bounds(bounds(Door::Relay)).incoming(CancellationToken::new());
    known.announce(&Ministry::parse("XB").unwrap(), [IpAddr::from([127, 0, 2, 1])]);
    let mut held = Vec::new();
    let strangers = limits::HANDSHAKES_MAX - limits::HANDSHAKES_RESERVED;
    for number in 0..strangers {
        let source = u8::try_from(1 + number / limits::HANDSHAKES_PER_SOURCE_MAX).unwrap();
        held.push(stranger([127, 0, 1, source], address).await);
        if held.len() == limits::HANDSHAKES_PER_SOURCE_MAX {
            assert!(
                is_closed(&mut stranger([127, 0, 1, 1], address).await).await,
                "one source has its share"
            );
        }
    }
    assert!(is_closed(&mut stranger([127, 0, 1, 200], address).await).await, "the rest is for known peers");
    for number in 0..limits::HANDSHAKES_PER_MINISTRY_MAX {
        held.push(stranger([127, 0, 2, 1], address).await);
        assert_eq!(held.len(), strangers + number + 1);
    }
    assert!(is_closed(&mut stranger([127, 0, 2, 1], address).await).await, "one peer has its share");
    assert!(held.iter().all(is_open), "none had to go for another");
}

#[tokio::test]
async fn one_name_has_so_many_connections_at_each_door() {
    for (door, most) in
        [(Door::Relay, limits::CONNECTIONS_PER_PEER_MAX), (Door::Mailbox, limits::CONNECTIONS_PER_NAME_MAX)]
    {
        let (xa, xb, listener) = listener(door).await;
        let address = listener.local_address().unwrap();
        let mut place = (address, listener.incoming(CancellationToken::new()));
        let client = match door {
            Door::Relay => xb.transport.issue(&xb.gateway()),
            Door::Mailbox | Door::Service => xa.access.issue(&xa.desk_access()),
        };
        let mut held = Vec::new();
        for _ in 0..most {
            held.push(knock(&mut place, client.client(), xa.server_name()).await.unwrap());
        }
        assert!(knock(&mut place, client.client(), xa.server_name()).await.is_err(), "{door:?}");
        held.pop();
        assert!(knock(&mut place, client.client(), xa.server_name()).await.is_ok(), "{door:?}");
    }
}

#[tokio::test]
async fn a_listener_has_the_bounds_of_its_door_where_nobody_replaces_them() {
    for door in [Door::Relay, Door::Mailbox, Door::Service] {
        let bounds = Bounds::of(door);
        // A thousand connections would be a long test; smaller bounds in all are tried in `listening`.
        assert_eq!(bounds.connections_max, limits::CONNECTIONS_MAX);
        assert_eq!(bounds.handshake_deadline, limits::HANDSHAKE_DEADLINE);
        assert_eq!(bounds.frames.first_frame_deadline, limits::HANDSHAKE_DEADLINE);
    }
    let share = |door| Bounds::of(door).handshakes_per_ministry_max;
    // At the door of the own desks all are of one ministry, and there is nobody to leave anything to.
    assert_eq!([Door::Mailbox, Door::Service].map(share), [limits::HANDSHAKES_RESERVED; 2]);
    assert_eq!(share(Door::Relay), limits::HANDSHAKES_PER_MINISTRY_MAX);
    // A service replaces none: beyond its share a source is closed at once, not at the deadline.
    let (_, _, listener) = listener(Door::Relay).await;
    let address = listener.local_address().unwrap();
    let _incoming = listener.incoming(CancellationToken::new());
    let mut held = Vec::new();
    for _ in 0..=limits::HANDSHAKES_PER_SOURCE_MAX {
        held.push(stranger([127, 0, 3, 1], address).await);
    }
    assert!(is_closed(held.last_mut().unwrap()).await);
}

#[tokio::test]
async fn so_many_origins_of_a_ministry_are_remembered_and_its_oldest_is_forgotten() {
    let doors =
        [(Door::Relay, limits::KNOWN_ORIGINS_PER_PEER_MAX), (Door::Mailbox, limits::KNOWN_ORIGINS_MAX)];
    for (door, most) in doors {
        let (_, _, listener) = listener(door).await;
        let known = listener.known_origins();
        let origin = |number: usize| {
            let number = u32::try_from(number).unwrap();
            Origin::of(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)))
        };
        let ministry = Ministry::parse("XB").unwrap();
        let is_known = |number| known.ministries(origin(number)) == [ministry.clone()];
        (0..most).for_each(|number| known.remember(&ministry, origin(number)));
        assert!((0..most).all(is_known));
        known.remember(&ministry, origin(most));
        assert!(!is_known(0));
        assert!((1..=most).all(is_known));
    }
}

/// A server without any call, and the other end of a connection to it.
async fn server() -> DuplexStream {
    let (near, far) = tokio::io::duplex(1024 * 1024);
    let incoming = tokio_stream::StreamExt::chain(
        tokio_stream::once(Ok::<_, std::io::Error>(far)),
        tokio_stream::pending(),
    );
    tokio::spawn(server_builder().add_routes(Routes::default()).serve_with_incoming(incoming));
    near
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Kind, stream and payload of the next frame.
async fn next_frame(near: &mut DuplexStream) -> (u8, u32, Vec<u8>) {
    let mut head = [0; 9];
    soon(near.read_exact(&mut head)).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    soon(near.read_exact(&mut payload)).await.unwrap();
    (head[3], u32::from_be_bytes(head[5..].try_into().unwrap()), payload)
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

#[tokio::test]
async fn a_server_announces_its_windows_its_calls_at_once_and_its_metadata() {
    let mut near = server().await;
    near.write_all(PREFACE).await.unwrap();
    let (mut settings, mut window) = (Vec::new(), 65_535);
    while settings.is_empty() || window == 65_535 {
        match next_frame(&mut near).await {
            (4, 0, payload) if !payload.is_empty() => {
                let pairs = payload.chunks(6);
                settings = pairs.map(|pair| (pair[1], word(&pair[2..]))).collect();
            }
            (8, 0, payload) => window += word(&payload),
            _ => {}
        }
    }
    let setting = |number: u8| settings.iter().find(|(found, _)| *found == number).map(|(_, value)| *value);
    assert_eq!(setting(3), Some(limits::STREAMS_PER_CONNECTION_MAX));
    assert_eq!(setting(4), Some(limits::STREAM_WINDOW_BYTES));
    assert_eq!(setting(6), Some(limits::CALL_METADATA_BYTES_MAX));
    assert_eq!(window, limits::CONNECTION_WINDOW_BYTES);
}

/// A literal field whose value has so many bytes; 32 more and its name count as metadata.
fn field(name: &str, value: usize) -> Vec<u8> {
    let mut bytes = vec![0x00, u8::try_from(name.len()).unwrap()];
    bytes.extend(name.as_bytes());
    // A length beyond seven bits goes on in groups of seven.
    let mut rest = value - 127;
    bytes.push(0x7f);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend(vec![b'a'; value]);
    bytes
}

#[tokio::test]
async fn metadata_of_a_call_beyond_its_bound_reaches_no_call() {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    // POST, http, a path, an authority, and the type of a call.
    let call = [
        vec![0x83, 0x86, 0x04],
        text("/a.B/C"),
        vec![0x01],
        text("x"),
        vec![0x0f, 0x10],
        text("application/grpc"),
    ]
    .concat();
    let names = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "x")];
    let fixed: usize = names.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>()
        + "content-type".len()
        + "application/grpc".len()
        + 32;
    // To h2 the bound itself is beyond it.
    let most = usize::try_from(limits::CALL_METADATA_BYTES_MAX).unwrap() - 1 - fixed;
    // Half of it in each of two fields, because a frame has at most as many bytes as the bound.
    let half = most / 2 - 32 - 1;
    let answers = async |more: usize| {
        let mut near = server().await;
        let block = [call.clone(), field("x", half), field("y", most - half - 66 + more)].concat();
        let (first, rest) = block.split_at(10_000);
        let frame = |kind: u8, flags: u8, payload: &[u8]| {
            let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
            [&[high, middle, low, kind, flags, 0, 0, 0, 1], payload].concat()
        };
        near.write_all(&[PREFACE, &frame(1, 1, first), &frame(9, 4, rest)].concat()).await.unwrap();
        loop {
            match next_frame(&mut near).await {
                (1 | 3, 1, payload) => return Bytes::from(payload),
                (7, ..) => panic!("the connection was ended"),
                _ => {}
            }
        }
    };
    // The answer to a call begins with ":status: 200", which is one byte; a refusal has another status.
    assert_eq!(answers(0).await.first(), Some(&0x88));
    let refused = answers(1).await;
    assert_ne!(refused.first(), Some(&0x88));
    assert!(refused.len() < 64, "{refused:?}");
}

/// As short as a test wants it, or as the limits have it where the long suite is asked for.
fn waiting(short: Duration, whole: Duration) -> Duration {
    if std::env::var_os("CHANCERY_LONG").is_some() { whole } else { short }
}

#[tokio::test]
async fn a_connection_that_answers_no_probe_is_closed() {
    let pause = waiting(Duration::from_millis(30), limits::KEEP_ALIVE_PAUSE);
    let deadline = waiting(Duration::from_millis(30), limits::KEEP_ALIVE_DEADLINE);
    let (mut near, far) = tokio::io::duplex(1024 * 1024);
    let incoming = tokio_stream::StreamExt::chain(
        tokio_stream::once(Ok::<_, std::io::Error>(far)),
        tokio_stream::pending(),
    );
    let mut builder = probing(server_builder(), pause, deadline);
    tokio::spawn(builder.add_routes(Routes::default()).serve_with_incoming(incoming));
    near.write_all(PREFACE).await.unwrap();
    let mut read = Vec::new();
    let ended =
        tokio::time::timeout(2 * (pause + deadline) + Duration::from_secs(10), near.read_to_end(&mut read));
    ended.await.expect("a dead connection was kept").unwrap();
    let ping = [&b"\0\0\x08\x06\0\0\0\0\0"[..]].concat();
    assert!(read.windows(ping.len()).any(|window| window == ping), "it was probed first");
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_given_up() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let caller = credentials(xb.material(&[&xa]));
    let patience = waiting(Duration::from_millis(30), limits::CONNECT_DEADLINE);
    let refused = soon(connect_within(&address, &xa.ministry, &caller, patience, CancellationToken::new()))
        .await
        .unwrap_err();
    assert!(matches!(refused, ConnectFailure::Silent(_)), "{refused}");
}
