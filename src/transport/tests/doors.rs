//! Who is let in at which door, and with which alert everybody else is sent away.

use rustls::AlertDescription::{self, CertificateExpired, CertificateRequired, CertificateRevoked};
use rustls::AlertDescription::{CertificateUnknown, DecryptError, UnknownCA, UnsupportedCertificate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::transport::credentials::CredentialsRefusal;

/// XA's door, with XB accredited.
async fn door_of_xa(door: Door, xa: &House, xb: &House) -> (SocketAddr, Incoming) {
    open(door, credentials(xa.material(&[xb]))).await
}

async fn alert(door: &mut (SocketAddr, Incoming), client: ClientConfig, xa: &House) -> AlertDescription {
    let error = soon(knock(door, client, xa.server_name())).await.unwrap_err();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert but {error:?}"),
    }
}

#[tokio::test]
async fn a_gateway_of_an_accredited_ministry_is_let_in_at_the_relay() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut relay = door_of_xa(Door::Relay, &xa, &xb).await;
    let client = xb.transport.issue(&xb.gateway());
    let connection = knock(&mut relay, client.client(), xa.server_name()).await.unwrap();
    assert_eq!(connection.peer().name().to_string(), "chancery://XB/gateway");
    assert_eq!(connection.peer().certificate(), crate::digest::Digest::of(&client.certificate()));
}

#[tokio::test]
async fn a_desk_of_the_own_ministry_is_let_in_at_the_mailbox() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut mailbox = door_of_xa(Door::Mailbox, &xa, &xb).await;
    let client = xa.access.issue(&xa.desk_access()).client();
    let connection = knock(&mut mailbox, client, xa.server_name()).await.unwrap();
    assert_eq!(connection.peer().name().to_string(), "chancery://XA/desk/main");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_certificate() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    for door in [Door::Mailbox, Door::Relay] {
        let mut door = door_of_xa(door, &xa, &xb).await;
        let client = speaking_h2(believing_client().with_no_client_auth());
        assert_eq!(alert(&mut door, client, &xa).await, CertificateRequired);
    }
}

#[tokio::test]
async fn a_certificate_of_no_accredited_authority_is_refused() {
    let (xa, xb, xc) = (House::found("XA"), House::found("XB"), House::found("XC"));
    let (impostor, mut relay) = (House::found("XB"), door_of_xa(Door::Relay, &xa, &xb).await);
    let self_signed = xb.gateway().self_signed();
    assert_eq!(alert(&mut relay, self_signed.client(), &xa).await, UnknownCA);
    let unaccredited = xc.transport.issue(&xc.gateway());
    assert_eq!(alert(&mut relay, unaccredited.client(), &xa).await, CertificateUnknown);
    // The same common names as the true authorities, other keys.
    let same_names = impostor.transport.issue(&xb.gateway());
    assert_eq!(alert(&mut relay, same_names.client(), &xa).await, DecryptError);
}

#[tokio::test]
async fn an_accredited_ministry_cannot_name_another_one() {
    let (xa, xb, xc) = (House::found("XA"), House::found("XB"), House::found("XC"));
    let mut relay = open(Door::Relay, credentials(xa.material(&[&xa, &xb, &xc]))).await;
    for victim in [&xa, &xc] {
        let client = xb.transport.issue(&victim.gateway()).client();
        assert_eq!(alert(&mut relay, client, &xa).await, UnknownCA);
    }
}

#[tokio::test]
async fn only_gateways_enter_at_the_relay() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut relay = door_of_xa(Door::Relay, &xa, &xb).await;
    let as_gateway = |branch: &Branch, leaf: Leaf| branch.issue(&leaf).client();
    for client in [
        as_gateway(&xb.access, xb.desk_access()),
        as_gateway(&xa.access, xa.desk_access()),
        as_gateway(&xb.desk, xb.office()),
        as_gateway(&xb.transport, Leaf { name: "chancery://XB/registry".into(), ..xb.gateway() }),
        as_gateway(&xb.transport, Leaf { name: "https://xb.example/gateway".into(), ..xb.gateway() }),
    ] {
        assert_eq!(alert(&mut relay, client, &xa).await, CertificateUnknown);
    }
    // Other branches of the same root, and the root itself, cannot make a gateway.
    for branch in [&xb.access, &xb.desk, &xb.root] {
        assert_eq!(alert(&mut relay, as_gateway(branch, xb.gateway()), &xa).await, UnknownCA);
    }
}

#[tokio::test]
async fn only_own_desks_enter_at_the_mailbox() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut mailbox = door_of_xa(Door::Mailbox, &xa, &xb).await;
    for (branch, leaf) in [
        (&xa.transport, xa.gateway()),
        (&xb.transport, xb.gateway()),
        (&xb.access, xb.desk_access()),
        (&xa.desk, xa.office()),
    ] {
        assert_eq!(alert(&mut mailbox, branch.issue(&leaf).client(), &xa).await, CertificateUnknown);
    }
    for branch in [&xa.transport, &xa.desk, &xa.root, &xb.access] {
        let client = branch.issue(&xa.desk_access()).client();
        assert_eq!(alert(&mut mailbox, client, &xa).await, UnknownCA);
    }
}

#[tokio::test]
async fn a_certificate_counts_only_within_its_validity() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut relay = door_of_xa(Door::Relay, &xa, &xb).await;
    let expired = xb.transport.issue(&Leaf { begins: -9, ends: -1, ..xb.gateway() });
    assert_eq!(alert(&mut relay, expired.client(), &xa).await, CertificateExpired);
    let early = xb.transport.issue(&Leaf { begins: 1, ..xb.gateway() });
    assert_eq!(alert(&mut relay, early.client(), &xa).await, CertificateExpired);
}

#[tokio::test]
async fn an_expired_authority_lets_nobody_in() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let old = xb.root.authority("XB old transport", 14, -1);
    let mut material = xa.material(&[]);
    material.peers.insert(&xb.domain, xb.anchors(&old, &[])).unwrap();
    let mut relay = open(Door::Relay, credentials(material)).await;
    let client = old.issue(&xb.gateway()).client();
    assert_eq!(alert(&mut relay, client, &xa).await, CertificateExpired);
}

#[tokio::test]
async fn the_purpose_must_be_said() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut relay = door_of_xa(Door::Relay, &xa, &xb).await;
    let server_only = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for usages in [vec![], server_only, xb.office().usages, vec![ExtendedKeyUsagePurpose::Any]] {
        let client = xb.transport.issue(&Leaf { usages, ..xb.gateway() }).client();
        assert_eq!(alert(&mut relay, client, &xa).await, UnsupportedCertificate);
    }
}

/// XA's relay, with XB accredited under revocation lists.
async fn relay_with_lists(xa: &House, xb: &House, lists: &[Vec<u8>]) -> (SocketAddr, Incoming) {
    let mut material = xa.material(&[]);
    material.peers.insert(&xb.domain, xb.transport_anchors(lists)).unwrap();
    open(Door::Relay, credentials(material)).await
}

#[tokio::test]
async fn a_revoked_certificate_or_authority_is_refused() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let client = xb.transport.issue(&xb.gateway());
    let own = [xb.transport.revoking(&[1000], 7)];
    let mut relay = relay_with_lists(&xa, &xb, &own).await;
    assert_eq!(alert(&mut relay, client.client(), &xa).await, CertificateRevoked);
    let successor = xb.transport.issue(&Leaf { serial: 1001, ..xb.gateway() });
    assert!(knock(&mut relay, successor.client(), xa.server_name()).await.is_ok());
    let of_the_root = [xb.root.revoking(&[11], 7)];
    let mut relay = relay_with_lists(&xa, &xb, &of_the_root).await;
    assert_eq!(alert(&mut relay, successor.client(), &xa).await, CertificateRevoked);
}

#[tokio::test]
async fn of_several_lists_of_one_authority_every_revocation_counts() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (client, successor) = (xb.gateway(), Leaf { serial: 1001, ..xb.gateway() });
    let lists = [xb.transport.revoking(&[1000], 7), xb.transport.revoking(&[], 9)];
    let [first, second] = lists.clone();
    for lists in [lists, [second, first]] {
        let mut relay = relay_with_lists(&xa, &xb, &lists).await;
        let revoked = xb.transport.issue(&client).client();
        assert_eq!(alert(&mut relay, revoked, &xa).await, CertificateRevoked);
        let successor = xb.transport.issue(&successor).client();
        assert!(knock(&mut relay, successor, xa.server_name()).await.is_ok());
    }
}

#[tokio::test]
async fn a_stale_list_lets_nobody_in_until_a_newer_one_takes_its_place() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let client = xb.transport.issue(&Leaf { serial: 1001, ..xb.gateway() });
    let stale = xb.transport.revoking(&[1000], -1);
    let mut relay = relay_with_lists(&xa, &xb, std::slice::from_ref(&stale)).await;
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_err());
    let newer = xb.transport.revoking(&[], 7);
    let mut relay = relay_with_lists(&xa, &xb, &[stale, newer]).await;
    assert!(knock(&mut relay, client.client(), xa.server_name()).await.is_ok());
    let revoked = xb.transport.issue(&xb.gateway());
    assert_eq!(alert(&mut relay, revoked.client(), &xa).await, CertificateRevoked);
}

#[tokio::test]
async fn a_client_that_does_not_offer_h2_is_refused() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let mut relay = door_of_xa(Door::Relay, &xa, &xb).await;
    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut client = xb.transport.issue(&xb.gateway()).client();
        client.alpn_protocols = protocols;
        assert!(knock(&mut relay, client, xa.server_name()).await.is_err());
    }
}

#[tokio::test]
async fn a_client_of_tls_1_2_is_refused() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let (address, _incoming) = door_of_xa(Door::Relay, &xa, &xb).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&hello_of_tls_1_2()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // One record: alert, fatal, protocol_version.
    assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]));
}

/// A ClientHello without supported_versions, that otherwise offers what a TLS 1.2 server could take.
fn hello_of_tls_1_2() -> Vec<u8> {
    let extensions: &[&[u8]] =
        &[&[0, 10, 0, 4, 0, 2, 0, 29], &[0, 13, 0, 4, 0, 2, 4, 3], &[0, 16, 0, 5, 0, 3, 2, b'h', b'2']];
    let extensions = extensions.concat();
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, u8::try_from(extensions.len()).unwrap()]);
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat()
}

#[test]
fn a_gateway_does_not_open_its_mailbox_to_desks_of_others() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let material = Material { desks: Some(xb.desk_anchors()), ..xa.material(&[&xb]) };
    let source = Box::new(move || Ok(material.clone()));
    let refusal = CredentialStore::open(source, Arc::new(FixedClock::at(NOW))).unwrap_err();
    assert!(matches!(refusal, CredentialsRefusal::ForeignDesks { .. }));
}
