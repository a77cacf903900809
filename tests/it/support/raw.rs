//! Connections whose bytes a test writes by hand: TLS with any certificate, and HTTP/2 frame by frame.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{PATIENCE, eventually};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A certificate chain and its key as files, and what a client with them speaks.
pub fn identity(chain: &Path, key: &Path) -> ClientConfig {
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    presenting(Some((chain, PrivateKeyDer::from_pem_file(key).unwrap())))
}

/// A client that shows this, or nothing, and believes anybody.
pub fn presenting(shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAnybody));
    let mut config = match shown {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A TCP connection from one of the addresses of this host.
pub async fn from(source: Ipv4Addr, to: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
    timeout(PATIENCE, socket.connect(to.parse().unwrap())).await?
}

/// TLS without a word of HTTP/2 after it.
pub async fn shake_hands(config: ClientConfig, to: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("gateway.example").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What the other side has sent so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub goaway: Option<u32>,
    pub resets: Vec<u32>,
    pub answers: usize,
    pub pongs: usize,
    pub settings: bool,
    pub data: Vec<u8>,
    pub closed: bool,
}

impl Seen {
    pub fn ended(&self) -> bool {
        self.closed || self.goaway.is_some()
    }

    fn take(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            DATA => self.data.extend(payload),
            HEADERS => self.answers += 1,
            RST_STREAM => self.resets.push(word(0)),
            PING if flags & ACK != 0 => self.pongs += 1,
            SETTINGS if flags & ACK == 0 => self.settings = true,
            GOAWAY => self.goaway = self.goaway.or(Some(word(4))),
            _ => {}
        }
    }
}

/// An HTTP/2 connection: frames are written by hand, and what comes back is gathered.
pub struct Raw {
    writer: WriteHalf<TlsStream<TcpStream>>,
    seen: Arc<Mutex<Seen>>,
    /// Kept by those who do not read.
    _reader: Option<ReadHalf<TlsStream<TcpStream>>>,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Raw {
    /// Connects, says the preface and an empty SETTINGS.
    pub async fn open(config: ClientConfig, to: &str) -> Self {
        let (reader, writer) = tokio::io::split(shake_hands(config, to).await.unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(gather(reader, seen.clone()));
        let mut raw = Self { writer, seen, _reader: None };
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        raw
    }

    /// The same, but reads nothing.
    pub async fn deaf(config: ClientConfig, to: &str) -> Self {
        let (reader, writer) = tokio::io::split(shake_hands(config, to).await.unwrap());
        let mut raw = Self { writer, seen: Arc::default(), _reader: Some(reader) };
        raw.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        raw
    }

    /// Writes; whether that was still possible.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        let writing = async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        };
        matches!(timeout(Duration::from_secs(5), writing).await, Ok(Ok(())))
    }

    /// Takes up the other side's settings, its windows above all.
    pub async fn acknowledge(&mut self) {
        eventually("the settings came", async || self.seen().settings).await;
        self.send(&frame(SETTINGS, ACK, 0, &[])).await;
    }

    /// Writes frames in bunches until all are written or the other side has ended the connection.
    pub async fn flood(&mut self, frames: impl Iterator<Item = Vec<u8>>) {
        let mut frames = frames.peekable();
        while frames.peek().is_some() && !self.seen().ended() {
            let bunch: Vec<u8> = frames.by_ref().take(50).flatten().collect();
            if !self.send(&bunch).await {
                return;
            }
        }
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until the other side has ended the connection.
    pub async fn ended(&self) -> Seen {
        eventually("the flood is cut", async || self.seen().ended()).await;
        self.seen()
    }
}

async fn gather(mut reader: ReadHalf<TlsStream<TcpStream>>, seen: Arc<Mutex<Seen>>) {
    let mut head = [0; 9];
    while reader.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if reader.read_exact(&mut payload).await.is_err() {
            break;
        }
        seen.lock().unwrap().take(head[3], head[4], &payload);
    }
    seen.lock().unwrap().closed = true;
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header block of a gRPC call, nothing of it indexed.
pub fn call(path: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [
        vec![0x83, 0x87, 0x04],
        text(path),
        vec![0x01],
        text("gateway.example"),
        vec![0x0f, 0x10],
        text("application/grpc"),
        vec![0x00],
        text("te"),
        text("trailers"),
    ]
    .concat()
}

/// A gRPC message in its frame of five bytes.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
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
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
