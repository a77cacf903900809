//! What strangers can do to a listener: nothing that lasts, and nothing to anybody else.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

use super::*;
use crate::limits;
use crate::transport::channel::connect;
use crate::transport::listener::{Accept, Bounds, Hall, incoming_from};
use crate::transport::quota::KnownOrigins;

const LONG: Duration = Duration::from_secs(600);

/// XA's relay under bounds, and XB that may enter.
async fn bounded(bounds: Bounds) -> (SocketAddr, Incoming, impl AsyncFn(&mut Incoming) -> bool) {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let listener =
        Listener::bind("127.0.0.1:0".parse().unwrap(), Door::Relay, credentials(xa.material(&[&xb])));
    let listener = listener.await.unwrap().with_bounds(bounds);
    let address = listener.local_address().unwrap();
    let caller = credentials(xb.material(&[&xa]));
    let enter = async move |incoming: &mut Incoming| {
        let address = address.to_string();
        let (channel, connection) =
            tokio::join!(connect(&address, &xa.ministry, &caller), soon(incoming.next()));
        channel.is_ok() && connection.is_some()
    };
    (address, listener.incoming(CancellationToken::new()), enter)
}

async fn stranger(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Waits until the other side has closed the connection.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match soon(stream.read_to_end(&mut rest)).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_deadline() {
    let bounds = Bounds { handshake_deadline: Duration::from_millis(30), ..Bounds::default() };
    let (address, _incoming, _) = bounded(bounds).await;
    let mut silent = stranger("127.0.0.1", address).await;
    closed(&mut silent).await;
    let mut half_said = stranger("127.0.0.1", address).await;
    half_said.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
    closed(&mut half_said).await;
}

#[tokio::test]
async fn silent_connections_of_one_source_do_not_stop_another() {
    let bounds = Bounds { handshake_deadline: LONG, handshakes_per_source_max: 4, ..Bounds::default() };
    let (address, mut incoming, enter) = bounded(bounds).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(stranger("127.0.0.2", address).await);
    }
    for beyond in &mut silent[4..] {
        closed(beyond).await;
    }
    assert!(enter(&mut incoming).await);
    // The four are still there: it was not their end that let the other in.
    assert!(
        silent[..4]
            .iter()
            .all(|held| held.try_read(&mut [0]).is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock))
    );
}

#[tokio::test]
async fn strangers_of_many_sources_leave_room_for_those_believed_before() {
    let bounds =
        Bounds { handshake_deadline: LONG, handshakes_max: 4, handshakes_reserved: 2, ..Bounds::default() };
    let (address, mut incoming, enter) = bounded(bounds).await;
    assert!(enter(&mut incoming).await);
    let _held = [stranger("127.0.0.2", address).await, stranger("127.0.0.3", address).await];
    closed(&mut stranger("127.0.0.4", address).await).await;
    assert!(enter(&mut incoming).await);
    closed(&mut stranger("127.0.0.5", address).await).await;
}

#[tokio::test]
async fn strangers_of_many_sources_leave_room_for_those_who_announce_where_they_are() {
    let bounds =
        Bounds { handshake_deadline: LONG, handshakes_max: 4, handshakes_reserved: 2, ..Bounds::default() };
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::over(socket, Door::Relay, credentials(xa.material(&[&xb]))).with_bounds(bounds);
    let (address, known) = (listener.local_address().unwrap(), listener.known_origins());
    let mut relay = (address, listener.incoming(CancellationToken::new()));
    let _held = [stranger("127.0.0.2", address).await, stranger("127.0.0.3", address).await];
    let client = xb.transport.issue(&xb.gateway());
    // Nobody was believed yet: without an announcement the peer is a stranger like all others.
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_err());
    known.announce(&xb.ministry, [IpAddr::from([127, 0, 0, 1])]);
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_ok());
}

#[tokio::test]
async fn a_peer_of_many_sources_leaves_room_for_the_other_peers() {
    let bounds = Bounds {
        handshake_deadline: LONG,
        handshakes_max: limits::HANDSHAKES_PER_MINISTRY_MAX + 4,
        handshakes_reserved: 4,
        ..Bounds::default()
    };
    let (xa, xb, xc) = (House::found("XA"), House::found("XB"), House::found("XC"));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener =
        Listener::over(socket, Door::Relay, credentials(xa.material(&[&xb, &xc]))).with_bounds(bounds);
    let (address, known) = (listener.local_address().unwrap(), listener.known_origins());
    let mut relay = (address, listener.incoming(CancellationToken::new()));
    known.announce(&xb.ministry, [IpAddr::from([127, 0, 0, 1])]);
    // XC is known at as many addresses as it likes, and says nothing from any of them.
    known.announce(&xc.ministry, (2..20).map(|host| IpAddr::from([127, 0, 0, host])));
    let share = 2 + u8::try_from(limits::HANDSHAKES_PER_MINISTRY_MAX).unwrap();
    let mut held = Vec::new();
    for host in 2..share {
        held.push(stranger(&format!("127.0.0.{host}"), address).await);
    }
    for host in share..20 {
        closed(&mut stranger(&format!("127.0.0.{host}"), address).await).await;
    }
    let client = xb.transport.issue(&xb.gateway());
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_ok());
}

#[tokio::test]
async fn one_name_holds_only_so_many_connections() {
    let bounds = Bounds { connections_per_name_max: 1, ..Bounds::default() };
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener::over(socket, Door::Relay, credentials(xa.material(&[&xb]))).with_bounds(bounds);
    let address = listener.local_address().unwrap();
    let mut relay = (address, listener.incoming(CancellationToken::new()));
    let client = xb.transport.issue(&xb.gateway());
    let first = knock(&mut relay, client.client(), xa.server_name()).await.unwrap();
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_err());
    drop(first);
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_ok());
}

#[tokio::test]
async fn garbage_does_not_end_the_accept_loop() {
    let (address, mut incoming, enter) = bounded(Bounds::default()).await;
    let long = [0xff; 70_000];
    for garbage in
        [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0; 600], &long]
    {
        let mut sender = stranger("127.0.0.1", address).await;
        // The other side may close before everything is written.
        let _ = sender.write_all(garbage).await;
        closed(&mut sender).await;
    }
    drop(stranger("127.0.0.1", address).await);
    assert!(enter(&mut incoming).await);
}

/// A socket that fails before it works, as when file descriptors run out.
struct Failing {
    socket: TcpListener,
    failures: AtomicUsize,
}

impl Accept for Failing {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        const EMFILE: i32 = 24;
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Err(io::Error::from_raw_os_error(EMFILE)) } else { self.socket.accept().await }
    }
}

#[tokio::test]
async fn a_shortage_of_file_descriptors_does_not_end_the_accept_loop() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let failing = Failing { socket, failures: AtomicUsize::new(2) };
    let (credentials, stop) = (credentials(xa.material(&[&xb])), CancellationToken::new());
    let hall = Hall::new(Door::Relay, credentials, Bounds::default(), KnownOrigins::new(1));
    let incoming = incoming_from(failing, hall, stop);
    let client = xb.transport.issue(&xb.gateway()).client();
    assert!(knock(&mut (address, incoming), client, xa.server_name()).await.is_ok());
}

#[tokio::test]
async fn a_stopped_listener_ends_and_drops_handshakes_under_way() {
    let xa = House::found("XA");
    let bounds = Bounds { handshake_deadline: LONG, ..Bounds::default() };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Door::Relay, credentials(xa.material(&[])));
    let listener = listener.await.unwrap().with_bounds(bounds);
    let address = listener.local_address().unwrap();
    let stop = CancellationToken::new();
    let mut incoming = listener.incoming(stop.clone());
    let mut under_way = stranger("127.0.0.1", address).await;
    stop.cancel();
    assert!(incoming.next().await.is_none());
    closed(&mut under_way).await;
}
