//! Channels: whom a client believes, and what a call carries to the other side.

use std::sync::Mutex;

use rustls::{CertificateError, NamedGroup};
use tokio::sync::mpsc;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::*;
use crate::transport::channel::{ConnectFailure, connect, connect_unix, server_builder};
use crate::transport::operator_socket::OperatorSocket;
use crate::transport::peer::Peer;
use crate::transport::verify::{ExpectedGateway, NotBelieved};

async fn healthy(channel: Channel) -> Result<bool, Status> {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status == 1)
}

/// Serves the health service at a door; every caller is reported.
async fn serve(credentials: Credentials, door: Door) -> (SocketAddr, mpsc::UnboundedReceiver<Peer>) {
    let (address, incoming) = open(door, credentials).await;
    let (callers, called) = mpsc::unbounded_channel();
    let (_, health) = tonic_health::server::health_reporter();
    let reporting = InterceptedService::new(health, move |request: Request<()>| {
        callers.send(Peer::of(&request)?.clone()).unwrap();
        Ok(request)
    });
    tokio::spawn(server_builder().add_service(reporting).serve_with_incoming(incoming));
    (address, called)
}

#[tokio::test]
async fn two_gateways_call_each_other_by_name() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (address, mut called) = serve(credentials(xa.material(&[&xb])), Door::Relay).await;
    let caller = credentials(xb.material(&[&xa]));
    let channel = connect(&address.to_string(), &xa.ministry, &caller).await.unwrap();
    assert!(healthy(channel).await.unwrap());
    let peer = called.recv().await.unwrap();
    assert_eq!(peer.name(), &caller.name());
    assert_eq!(peer.address().ip(), address.ip());
}

#[tokio::test]
async fn two_gateways_agree_on_the_hybrid_key_exchange() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (address, mut incoming) = open(Door::Relay, credentials(xa.material(&[&xb]))).await;
    let (address, caller) = (address.to_string(), credentials(xb.material(&[&xa])));
    let (channel, connection) = tokio::join!(connect(&address, &xa.ministry, &caller), incoming.next());
    assert!(channel.is_ok());
    let group = connection.unwrap().unwrap().key_exchange();
    assert_eq!(group, Some(NamedGroup::X25519MLKEM768.into()));
    assert_eq!(group, Some(0x11ec));
}

#[tokio::test]
async fn a_desk_calls_its_own_gateway() {
    let xa = House::found("XA");
    let (address, mut called) = serve(credentials(xa.material(&[])), Door::Mailbox).await;
    let identity = xa.access.issue(&xa.desk_access()).identity();
    let desk = credentials(Material { identity, peers: anchors_of(&[&xa]), desks: None });
    let channel = connect(&address.to_string(), &xa.ministry, &desk).await.unwrap();
    assert!(healthy(channel).await.unwrap());
    assert_eq!(called.recv().await.unwrap().name().to_string(), "chancery://XA/desk/main");
}

#[tokio::test]
async fn an_identity_without_a_place_at_the_door_gets_no_call_through() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (address, mut called) = serve(credentials(xa.material(&[&xb])), Door::Mailbox).await;
    let caller = credentials(xb.material(&[&xa]));
    // The refusal of a client certificate may arrive after the client took the connection for made.
    let answer = match connect(&address.to_string(), &xa.ministry, &caller).await {
        Ok(channel) => healthy(channel).await.is_ok(),
        Err(_) => false,
    };
    assert!(!answer && called.try_recv().is_err());
}

#[tokio::test]
async fn a_revocation_cuts_the_channel_to_the_gateway_it_names() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (address, _called) = serve(credentials(xa.material(&[&xb])), Door::Relay).await;
    let current = Arc::new(Mutex::new(xb.material(&[&xa])));
    let source = {
        let current = current.clone();
        move || Ok(current.lock().unwrap().clone())
    };
    let (store, caller) = CredentialStore::open(Box::new(source), Arc::new(FixedClock::at(NOW))).unwrap();
    let channel = connect(&address.to_string(), &xa.ministry, &caller).await.unwrap();
    let mut watch = HealthClient::new(channel.clone());
    let request = HealthCheckRequest { service: String::new() };
    let mut running = watch.watch(request).await.unwrap().into_inner();
    assert!(running.message().await.unwrap().is_some());
    let anchors = xa.transport_anchors(&[xa.transport.revoking(&[1000], 7)]);
    current.lock().unwrap().peers.insert(&xa.domain, anchors).unwrap();
    store.reload().unwrap();
    assert!(soon(running.message()).await.is_err());
    assert!(healthy(channel).await.is_err());
}

fn reason(failure: ConnectFailure) -> CertificateError {
    match failure {
        ConnectFailure::Refused { reason: Error::InvalidCertificate(reason), .. } => reason,
        other => panic!("refused for another reason: {other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_reaches_another_ministry_refuses() {
    let (xa, xb, xc) = (House::found("XA"), House::found("XB"), House::found("XC"));
    let (address, mut called) = serve(credentials(xa.material(&[&xc])), Door::Relay).await;
    let caller = credentials(xc.material(&[&xa, &xb]));
    let failure = connect(&address.to_string(), &xb.ministry, &caller).await.unwrap_err();
    let CertificateError::Other(other) = reason(failure) else { panic!("another certificate error") };
    assert!(
        matches!(other.0.downcast_ref(), Some(NotBelieved::AnotherMinistry { expected, .. }) if *expected == xb.ministry)
    );
    assert!(called.try_recv().is_err());
}

#[tokio::test]
async fn a_client_refuses_a_gateway_it_cannot_verify() {
    let (xa, xb, impostor) = (House::found("XA"), House::found("XB"), House::found("XA"));
    let caller = credentials(xb.material(&[&xa]));
    let honest = xa.gateway();
    let client_only = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let elsewhere = Some("gateway.mfa.xb.example".to_owned());
    for (branch, leaf, expected) in [
        (&impostor.transport, honest.clone(), CertificateError::BadSignature),
        (&xb.transport, honest.clone(), CertificateError::UnknownIssuer),
        (&xa.access, honest.clone(), CertificateError::UnknownIssuer),
        (&xa.transport, Leaf { usages: client_only, ..honest.clone() }, CertificateError::InvalidPurpose),
        (&xa.transport, Leaf { dns_name: elsewhere, ..honest.clone() }, CertificateError::NotValidForName),
        (&xa.transport, Leaf { dns_name: None, ..honest.clone() }, CertificateError::NotValidForName),
    ] {
        let identity = branch.issue(&leaf).identity();
        let (address, _) =
            serve(credentials(Material { identity, ..xa.material(&[&xb]) }), Door::Relay).await;
        let failure = connect(&address.to_string(), &xa.ministry, &caller).await.unwrap_err();
        assert_eq!(reason(failure), expected);
    }
}

#[test]
fn reasons_not_to_believe_a_gateway_are_told_apart() {
    let xa = House::found("XA");
    let judged = |leaf: &Leaf, lists: &[Vec<u8>], at: Timestamp| {
        let mut peers = PeerAnchors::new();
        peers.insert(&xa.domain, xa.transport_anchors(lists)).unwrap();
        let expected = ExpectedGateway::new(xa.ministry.clone(), peers.of(&xa.ministry).unwrap().clone());
        match expected.verify(&xa.transport.issue(leaf).certificate(), &xa.server_name(), at) {
            Ok(()) => None,
            Err(Error::InvalidCertificate(reason)) => Some(reason),
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    };
    let honest = Leaf { begins: -9, ..xa.gateway() };
    let (fresh, stale) = ([xa.transport.revoking(&[1000], 7)], [xa.transport.revoking(&[], -1)]);
    let of_the_root = [xa.root.revoking(&[11], 7)];
    let (expired, early) = (Leaf { ends: -1, ..honest.clone() }, Leaf { begins: 1, ..honest.clone() });
    assert_eq!(judged(&honest, &[], NOW), None);
    assert_eq!(judged(&expired, &[], NOW), Some(CertificateError::Expired));
    assert_eq!(judged(&early, &[], NOW), Some(CertificateError::NotValidYet));
    assert_eq!(judged(&honest, &stale, NOW), Some(CertificateError::ExpiredRevocationList));
    assert_eq!(judged(&honest, &of_the_root, NOW), Some(CertificateError::Revoked));
    // A revocation counts from its own instant on.
    let revoked = Timestamp::from_seconds(NOW.seconds() - DAY);
    assert_eq!(judged(&honest, &fresh, revoked), Some(CertificateError::Revoked));
    assert_eq!(judged(&honest, &fresh, revoked.before(Duration::from_secs(1))), None);
}

#[tokio::test]
async fn failures_to_connect_are_told_apart() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let caller = credentials(xb.material(&[&xa]));
    for address in ["", "127.0.0.1", "127.0.0.1:", ":443", "127.0.0.1:65536", "a b:443"] {
        let failure = connect(address, &xa.ministry, &caller).await.unwrap_err();
        assert!(matches!(failure, ConnectFailure::Address(_)), "{address:?}: {failure:?}");
    }
    let unknown = connect("127.0.0.1:443", &xb.ministry, &caller).await.unwrap_err();
    assert!(matches!(unknown, ConnectFailure::UnknownMinistry(ministry) if ministry == xb.ministry));
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let unreachable = connect(&address, &xa.ministry, &caller).await.unwrap_err();
    assert!(matches!(unreachable, ConnectFailure::Unreachable { .. }));
}

#[tokio::test]
async fn an_operator_calls_through_the_socket() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("operator.sock");
    let socket = OperatorSocket::bind(&path).await.unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let stop = CancellationToken::new();
    let server = server_builder().add_service(health).serve_with_incoming(socket.incoming(stop.clone()));
    let server = tokio::spawn(server);
    assert!(healthy(connect_unix(&path).await.unwrap()).await.unwrap());
    stop.cancel();
    server.await.unwrap().unwrap();
    assert!(matches!(connect_unix(&path).await, Err(ConnectFailure::Unreachable { .. })));
}
