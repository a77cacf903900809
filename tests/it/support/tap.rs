//! A tap between two corners: it ends TLS on both sides with their own true keys, passes everything on, and
//! records what passed in clear. Whoever could do this has broken TLS; what is sealed must still be sealed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A chain and its key, PEM.
#[derive(Clone)]
pub struct Identity {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

impl Identity {
    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(&self.chain).collect::<Result<_, _>>().unwrap()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from_pem_slice(&self.key).unwrap().into()
    }
}

/// Everything that passed, one entry for each direction of each connection.
#[derive(Clone, Default)]
pub struct Tap(Arc<Mutex<Vec<Vec<u8>>>>);

impl Tap {
    /// Listens at `seen` as `callee` and passes everything on to `beyond` as `caller`.
    pub async fn between(seen: &str, beyond: &str, callee: &Identity, caller: &Identity) -> Self {
        let (tap, listener) = (Self::default(), TcpListener::bind(seen).await.unwrap());
        let provider = Arc::new(ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(callee.certificates(), callee.key())
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_client_auth_cert(caller.certificates(), caller.key())
            .unwrap();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let (acceptor, connector) =
            (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)));
        let (recording, beyond) = (tap.clone(), beyond.to_owned());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let passing =
                    pass(recording.clone(), acceptor.clone(), connector.clone(), caller, beyond.clone());
                // A connection that fails shows at the corners.
                tokio::spawn(async move { passing.await.ok() });
            }
        });
        tap
    }

    /// Everything that passed so far, as it passed.
    pub fn streams(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    /// The bodies of all HTTP/2 streams, put together from their frames.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.streams().iter().flat_map(|stream| bodies(stream)).collect()
    }
}

async fn pass(
    tap: Tap,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    caller: TcpStream,
    beyond: String,
) -> std::io::Result<()> {
    let caller = acceptor.accept(caller).await?;
    let callee = TcpStream::connect(&beyond).await?;
    let name = ServerName::try_from("whoever.example").unwrap();
    let callee = connector.connect(name, callee).await?;
    let ((from_caller, to_caller), (from_callee, to_callee)) =
        (tokio::io::split(caller), tokio::io::split(callee));
    tokio::try_join!(record(&tap, from_caller, to_callee), record(&tap, from_callee, to_caller))?;
    Ok(())
}

async fn record(
    tap: &Tap,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let place = {
        let mut streams = tap.0.lock().unwrap();
        streams.push(Vec::new());
        streams.len() - 1
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        tap.0.lock().unwrap()[place].extend_from_slice(&buffer[..length]);
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const PADDED: u8 = 8;

fn bodies(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = stream.strip_prefix(PREFACE).unwrap_or(stream);
    let mut bodies: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    while let [a, b, c, kind, flags, i, j, k, l, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        if *kind == DATA {
            assert_eq!(flags & PADDED, 0, "nobody here pads");
            let id = u32::from_be_bytes([*i, *j, *k, *l]);
            bodies.entry(id).or_default().extend_from_slice(payload);
        }
        rest = after;
    }
    bodies.into_values().collect()
}

/// Believes whoever answers: the tap looks, it does not judge.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
