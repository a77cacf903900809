//! The transport over real sockets and real TLS: fictional ministries, their authorities, and strangers.

mod bounds;
mod calls;
mod doors;
mod interoperability;
mod listening;
mod reloading;
mod tickets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::anchors::{DeskAnchors, PeerAnchors};
use super::connection::Connection;
use super::credentials::{CredentialStore, Credentials, Door, Material, TlsIdentity};
use super::listener::{Incoming, Listener};
use super::tls;
use crate::time::{FixedClock, Timestamp};
use crate::trust::anchor::Anchors;
use crate::trust::name::{Domain, Ministry};

const NOW: Timestamp = Timestamp::from_seconds(1_795_341_600);
const DAY: i64 = 24 * 3600;

/// A ministry as founded: one root and the branches below it.
struct House {
    ministry: Ministry,
    domain: Domain,
    root: Branch,
    transport: Branch,
    access: Branch,
    desk: Branch,
}

/// An authority and its certificate.
struct Branch {
    certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate says; tests change one thing of an honest one.
#[derive(Clone)]
struct Leaf {
    name: String,
    dns_name: Option<String>,
    usages: Vec<ExtendedKeyUsagePurpose>,
    begins: i64,
    ends: i64,
    serial: u64,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
struct Pair {
    chain: String,
    key: String,
}

impl House {
    fn found(code: &str) -> Self {
        let root = Branch::root(code, 100);
        Self {
            ministry: Ministry::parse(code).unwrap(),
            domain: Domain::parse(&format!("mfa.{}.example", code.to_lowercase())).unwrap(),
            transport: root.authority(&format!("{code} transport"), 11, 100),
            access: root.authority(&format!("{code} desk access"), 12, 100),
            desk: root.authority(&format!("{code} desk"), 13, 100),
            root,
        }
    }

    fn gateway(&self) -> Leaf {
        Leaf {
            name: format!("chancery://{}/gateway", self.ministry),
            dns_name: Some(self.domain.gateway_dns_name()),
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth],
            begins: -1,
            ends: 14,
            serial: 1000,
        }
    }

    fn desk_access(&self) -> Leaf {
        Leaf {
            name: format!("chancery://{}/desk/main", self.ministry),
            dns_name: None,
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            ..self.gateway()
        }
    }

    fn office(&self) -> Leaf {
        Leaf {
            name: format!("chancery://{}/office/releasing-01", self.ministry),
            usages: vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])],
            ..self.desk_access()
        }
    }

    fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.domain.gateway_dns_name()).unwrap()
    }

    fn transport_anchors(&self, lists: &[Vec<u8>]) -> Anchors {
        self.anchors(&self.transport, lists)
    }

    fn desk_anchors(&self) -> DeskAnchors {
        DeskAnchors::new(self.anchors(&self.access, &[]))
    }

    /// One branch under the root, less what the lists say.
    fn anchors(&self, branch: &Branch, lists: &[Vec<u8>]) -> Anchors {
        let authorities = std::slice::from_ref(&branch.certificate);
        Anchors::new(self.ministry.clone(), &self.root.certificate, authorities, lists).unwrap()
    }

    /// Material of this ministry's gateway, with peers as accredited.
    fn material(&self, peers: &[&Self]) -> Material {
        Material {
            identity: self.transport.issue(&self.gateway()).identity(),
            peers: anchors_of(peers),
            desks: Some(self.desk_anchors()),
        }
    }
}

impl Branch {
    fn root(code: &str, days: i64) -> Self {
        let params = authority_params(&format!("{code} root"), 1, days, None);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn authority(&self, common_name: &str, serial: u64, days: i64) -> Self {
        let params = authority_params(common_name, serial, days, Some(0));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, leaf: &Leaf) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params().signed_by(&key, &self.issuer).unwrap();
        Pair { chain: certificate.pem(), key: key.serialize_pem() }
    }

    /// A revocation list of this authority, due again `days` from now.
    fn revoking(&self, serials: &[u64], days: i64) -> Vec<u8> {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: day(-1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: day(-2),
            next_update: day(days),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

impl Leaf {
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let text = |text: &str| Ia5String::try_from(text).unwrap();
        params.subject_alt_names = vec![SanType::URI(text(&self.name))];
        params.subject_alt_names.extend(self.dns_name.iter().map(|name| SanType::DnsName(text(name))));
        params.extended_key_usages = self.usages.clone();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        (params.not_before, params.not_after) = (day(self.begins), day(self.ends));
        params.serial_number = Some(SerialNumber::from(self.serial));
        params
    }

    fn self_signed(&self) -> Pair {
        let key = KeyPair::generate().unwrap();
        Pair { chain: self.params().self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }
}

impl Pair {
    fn identity(&self) -> TlsIdentity {
        TlsIdentity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.chain.as_bytes()).unwrap()
    }

    /// A client that shows this pair and believes any server.
    fn client(&self) -> ClientConfig {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        believing_client().with_client_auth_cert(vec![self.certificate()], key).map(speaking_h2).unwrap()
    }
}

fn authority_params(common_name: &str, serial: u64, days: i64, below: Option<u8>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(below.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (day(-100), day(days));
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW.seconds() + days * DAY).unwrap()
}

fn anchors_of(houses: &[&House]) -> PeerAnchors {
    let mut peers = PeerAnchors::new();
    for house in houses {
        peers.insert(&house.domain, house.transport_anchors(&[])).unwrap();
    }
    peers
}

fn credentials(material: Material) -> Credentials {
    let (_, credentials) =
        CredentialStore::open(Box::new(move || Ok(material.clone())), Arc::new(FixedClock::at(NOW))).unwrap();
    credentials
}

/// A door that is open on a free port of 127.0.0.1.
async fn open(door: Door, credentials: Credentials) -> (SocketAddr, Incoming) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), door, credentials).await.unwrap();
    let address = listener.local_address().unwrap();
    (address, listener.incoming(CancellationToken::new()))
}

/// Knocks with any client: the connection the listener yields, or what the client is told.
async fn knock(
    (address, incoming): &mut (SocketAddr, Incoming),
    client: ClientConfig,
    server_name: ServerName<'static>,
) -> Result<Connection, std::io::Error> {
    let stranger = async {
        let stream = TcpStream::connect(*address).await?;
        let mut stream = TlsConnector::from(Arc::new(client)).connect(server_name, stream).await?;
        // The client's certificate is judged after the client is done; the verdict arrives by reading.
        let read = stream.read_u8().await;
        Err(read.err().unwrap_or_else(|| std::io::Error::other("the server spoke first")))
    };
    tokio::select! {
        connection = incoming.next() => Ok(connection.unwrap().unwrap()),
        refused = stranger => refused,
    }
}

/// Waits for what must happen; a test whose claim is false fails instead of hanging.
async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), event).await.expect("what must happen did not")
}

type WantsCertificate = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn believing_client() -> WantsCertificate {
    ClientConfig::builder_with_provider(Arc::new(tls::provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAnybody))
}

fn speaking_h2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

#[derive(Debug)]
struct BelievesAnybody;

impl ServerCertVerifier for BelievesAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::SIGNATURE_ALGORITHMS.supported_schemes()
    }
}
