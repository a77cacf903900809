//! Credentials replaced under a running listener.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::*;
use crate::transport::credentials::{CredentialsRefusal, InvalidIdentity};

/// A gateway whose certificate and key are files.
struct Files {
    place: tempfile::TempDir,
}

impl Files {
    fn with(pair: &Pair) -> Self {
        let files = Self { place: tempfile::tempdir().unwrap() };
        files.write(pair);
        files
    }

    fn write(&self, pair: &Pair) {
        fs::write(self.chain(), &pair.chain).unwrap();
        fs::write(self.key(), &pair.key).unwrap();
    }

    fn chain(&self) -> PathBuf {
        self.place.path().join("gateway.pem")
    }

    fn key(&self) -> PathBuf {
        self.place.path().join("gateway.key")
    }

    fn store(&self, rest: Material) -> (CredentialStore, Credentials) {
        let (chain, key) = (self.chain(), self.key());
        let source = move || Ok(Material { identity: TlsIdentity::read(&chain, &key)?, ..rest.clone() });
        CredentialStore::open(Box::new(source), Arc::new(FixedClock::at(NOW))).unwrap()
    }
}

/// The certificate a listener shows.
async fn shown(address: SocketAddr, client: &Pair, house: &House) -> CertificateDer<'static> {
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(client.client()));
    let stream = connector.connect(house.server_name(), stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_good_file_is_taken_and_a_bad_one_changes_nothing() {
    let (xa, xb) = (House::found("XA"), House::found("XB"));
    let client = xb.transport.issue(&xb.gateway());
    let [first, second] = [1, 2].map(|serial| xa.transport.issue(&Leaf { serial, ..xa.gateway() }));
    let files = Files::with(&first);
    let (store, credentials) = files.store(xa.material(&[&xb]));
    let (address, _incoming) = open(Door::Relay, credentials).await;
    assert_eq!(shown(address, &client, &xa).await, first.certificate());
    files.write(&second);
    store.reload().unwrap();
    assert_eq!(shown(address, &client, &xa).await, second.certificate());

    let expired = xa.transport.issue(&Leaf { begins: -9, ends: -1, ..xa.gateway() });
    let bad = [
        Pair { chain: "no certificate".into(), key: second.key.clone() },
        Pair { chain: second.chain[..second.chain.len() / 2].into(), key: second.key.clone() },
        Pair { chain: second.chain.clone(), key: first.key.clone() },
        Pair { chain: second.chain.clone(), key: String::new() },
        xa.desk.issue(&xa.office()),
        expired,
    ];
    for pair in bad {
        files.write(&pair);
        assert!(store.reload().is_err());
        assert_eq!(shown(address, &client, &xa).await, second.certificate());
    }
    fs::remove_file(files.key()).unwrap();
    assert!(matches!(store.reload(), Err(CredentialsRefusal::Source(_))));
    assert_eq!(shown(address, &client, &xa).await, second.certificate());
}

#[tokio::test]
async fn a_revocation_cuts_the_running_connection_and_spares_the_others() {
    let (xa, xb, xc) = (House::found("XA"), House::found("XB"), House::found("XC"));
    let current = Arc::new(Mutex::new(xa.material(&[&xb, &xc])));
    let source = {
        let current = current.clone();
        move || Ok(current.lock().unwrap().clone())
    };
    let (store, credentials) =
        CredentialStore::open(Box::new(source), Arc::new(FixedClock::at(NOW))).unwrap();
    let (address, mut incoming) = open(Door::Relay, credentials).await;
    let mut visits = Vec::new();
    for house in [&xb, &xc] {
        let client = TlsConnector::from(Arc::new(house.transport.issue(&house.gateway()).client()));
        let stream = TcpStream::connect(address).await.unwrap();
        let (client, served) = tokio::join!(client.connect(xa.server_name(), stream), incoming.next());
        visits.push((client.unwrap(), served.unwrap().unwrap()));
    }
    let anchors = xb.transport_anchors(&[xb.transport.revoking(&[1000], 7)]);
    current.lock().unwrap().peers.insert(&xb.domain, anchors).unwrap();
    store.reload().unwrap();
    let (_client, served) = &mut visits[0];
    let cut = soon(served.read_u8()).await.unwrap_err();
    assert_eq!(cut.kind(), std::io::ErrorKind::ConnectionAborted);
    let (client, served) = &mut visits[1];
    tokio::io::AsyncWriteExt::write_all(client, b"x").await.unwrap();
    assert_eq!(soon(served.read_u8()).await.unwrap(), b'x');
}

#[test]
fn an_identity_is_one_certificate_with_its_own_key() {
    let xa = House::found("XA");
    let pair = xa.transport.issue(&xa.gateway());
    let other = xa.transport.issue(&xa.gateway());
    let identity = |chain: &str, key: &str| TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes());
    assert_eq!(identity(&pair.chain, &pair.key).unwrap().name().to_string(), "chancery://XA/gateway");
    assert!(matches!(identity(&pair.chain, &other.key), Err(InvalidIdentity::Mismatch)));
    assert!(matches!(identity(&pair.key, &pair.key), Err(InvalidIdentity::Certificate)));
    assert!(matches!(identity(&pair.chain, &pair.chain), Err(InvalidIdentity::Key)));
    let office = xa.desk.issue(&xa.office());
    assert!(matches!(identity(&office.chain, &office.key), Err(InvalidIdentity::Name(_))));
    let absent = TlsIdentity::read(Path::new("/nonexistent/a"), Path::new("/nonexistent/b"));
    assert!(matches!(absent, Err(InvalidIdentity::File(..))));
}

#[test]
fn what_holds_a_key_never_shows_it() {
    let xa = House::found("XA");
    let pair = xa.transport.issue(&xa.gateway());
    assert_eq!(format!("{:?}", pair.identity()), "TlsIdentity(chancery://XA/gateway)");
    let (store, credentials) = Files::with(&pair).store(xa.material(&[]));
    assert_eq!(format!("{store:?} {credentials:?}"), "CredentialStore Credentials(chancery://XA/gateway)");
}
