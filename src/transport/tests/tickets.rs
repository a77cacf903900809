//! Nothing is resumed: what a client that would like to gets from our server, and what our client makes of a server
//! that would let it. Each is tried beside a counterpart that resumes, or the tests would show nothing.

use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{ClientConnection, HandshakeKind, ServerConfig, ServerConnection};

use super::*;

/// Our configurations of a listener and of a client, and the name that the client asks for.
fn ours() -> (ServerConfig, ClientConfig, ServerName<'static>) {
    let house = House::found("XA");
    let identity = house.transport.issue(&house.gateway()).identity();
    let clock: Arc<dyn crate::time::Clock> = Arc::new(FixedClock::at(NOW));
    let server = tls::server(&identity, WebPkiClientVerifier::no_client_auth(), &clock).unwrap();
    let client = tls::client(&identity, Arc::new(BelievesAnybody), &clock).unwrap();
    (ServerConfig::clone(&server), ClientConfig::clone(&client), house.server_name())
}

/// A server that resumes and takes early data.
fn resuming(server: &ServerConfig) -> ServerConfig {
    let mut server = server.clone();
    server.send_tls13_tickets = 2;
    server.session_storage = ServerSessionMemoryCache::new(32);
    server.max_early_data_size = 1024;
    server
}

/// A client that remembers tickets and would send early data.
fn eager() -> ClientConfig {
    let mut client = speaking_h2(believing_client().with_no_client_auth());
    client.enable_early_data = true;
    client
}

/// What became of a second connection: how it was opened, and whether the client could send early data.
fn second(server: ServerConfig, client: ClientConfig, name: &ServerName<'static>) -> (HandshakeKind, bool) {
    let (server, client) = (Arc::new(server), Arc::new(client));
    connect(&server, &client, name);
    connect(&server, &client, name)
}

fn connect(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> (HandshakeKind, bool) {
    let mut client = ClientConnection::new(client.clone(), name.clone()).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    let may_hurry = client.early_data().is_some();
    // To and fro until both are done and what the server says afterwards has come.
    for _ in 0..4 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    assert_eq!(client.handshake_kind(), server.handshake_kind());
    (client.handshake_kind().unwrap(), may_hurry)
}

#[test]
fn a_client_that_would_resume_gets_no_ticket_and_sends_no_early_data() {
    let (server, _, name) = ours();
    assert_eq!(second(resuming(&server), eager(), &name), (HandshakeKind::Resumed, true));
    assert_eq!(second(server.clone(), eager(), &name), (HandshakeKind::Full, false));
    // Either of the two keeps tickets away by itself.
    let mut no_tickets = resuming(&server);
    no_tickets.send_tls13_tickets = server.send_tls13_tickets;
    assert_eq!(second(no_tickets, eager(), &name), (HandshakeKind::Full, false));
    let mut no_sessions = resuming(&server);
    no_sessions.session_storage = server.session_storage.clone();
    assert_eq!(second(no_sessions, eager(), &name), (HandshakeKind::Full, false));
    let mut no_early_data = resuming(&server);
    no_early_data.max_early_data_size = server.max_early_data_size;
    assert_eq!(second(no_early_data, eager(), &name), (HandshakeKind::Resumed, false));
}

#[test]
fn our_client_resumes_nothing_whatever_a_server_offers() {
    let (server, client, name) = ours();
    assert_eq!(second(resuming(&server), client.clone(), &name), (HandshakeKind::Full, false));
    // Were anything remembered, it would still send nothing before the handshake.
    let mut remembering = client;
    remembering.resumption = rustls::client::Resumption::default();
    assert_eq!(second(resuming(&server), remembering, &name), (HandshakeKind::Resumed, false));
}
