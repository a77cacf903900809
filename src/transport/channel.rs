//! Channels to a gateway, and the HTTP/2 settings both sides of every connection share.
//!
//! An address and the ministry expected there enter; a channel leaves only after a first connection proved
//! that the gateway of that ministry answers. Reconnections prove it again, with the credentials then in force.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Server, Uri};

use super::credentials::Credentials;
use super::frames::{FrameBounds, Side};
use super::lookup;
use super::metered::Metered;
use super::operator_socket::require_length;
use super::tls::ALPN;
use super::watched::Watched;
use crate::limits;
use crate::trust::name::Ministry;

/// Why a gateway was not reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// The address is not `host:port`.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
    /// The gateway was reached and one side refused the other.
    #[error("the gateway at {address} and we do not accept each other: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// What rustls said.
        reason: rustls::Error,
    },
    /// Nobody answered in time.
    #[error("no answer from {0} in time")]
    Silent(String),
    /// No anchors of the ministry are in force.
    #[error("{0} is not accredited here")]
    UnknownMinistry(Ministry),
    /// The network failed.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// HTTP/2 could not be set up on the connection.
    #[error("the gateway at {address} does not speak HTTP/2: {source}")]
    Protocol {
        /// Where.
        address: String,
        /// What tonic said.
        #[source]
        source: tonic::transport::Error,
    },
}

impl ConnectFailure {
    /// Why we do not believe whoever answered; none where it failed otherwise, or where the other side refused us.
    pub fn disbelief(&self) -> Option<String> {
        match self {
            Self::Refused { reason: reason @ rustls::Error::InvalidCertificate(_), .. } => {
                Some(reason.to_string())
            }
            _ => None,
        }
    }
}

/// Connects to the gateway of `expected` at `address` (`host:port`). The host only says where to dial; who
/// must answer is the gateway certificate of the ministry.
pub async fn connect(
    address: &str,
    expected: &Ministry,
    credentials: &Credentials,
) -> Result<Channel, ConnectFailure> {
    connect_until(address, expected, credentials, CancellationToken::new()).await
}

/// The same, until `end` is cancelled. That ends the connection, however the other side keeps it busy: dropping the
/// channel alone does not, while the other side never ends its half of a call, or takes nothing of ours.
pub async fn connect_until(
    address: &str,
    expected: &Ministry,
    credentials: &Credentials,
    end: CancellationToken,
) -> Result<Channel, ConnectFailure> {
    connect_within(address, expected, credentials, limits::CONNECT_DEADLINE, end).await
}

/// The same with another time in which the gateway must answer.
pub(super) async fn connect_within(
    address: &str,
    expected: &Ministry,
    credentials: &Credentials,
    patience: Duration,
    end: CancellationToken,
) -> Result<Channel, ConnectFailure> {
    let invalid = || ConnectFailure::Address(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(invalid());
    }
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| invalid())?;
    let origin: Uri = format!("https://{address}").parse().map_err(|_| invalid())?;
    let (expected, credentials) = (expected.clone(), credentials.clone());
    let call = Call { address: address.to_owned(), expected, credentials, patience, end };
    // The first connection is made here, so that its failure keeps its type; tonic would flatten it.
    let first = call.dial().await?;
    let redial = move || {
        let call = call.clone();
        async move { call.dial().await }
    };
    serve_over(settled(endpoint).origin(origin), address, first, redial).await
}

/// Connects to the operator's socket of a gateway on this machine.
pub async fn connect_unix(path: &Path) -> Result<Channel, ConnectFailure> {
    let address = path.display().to_string();
    require_length(path)
        .map_err(|source| ConnectFailure::Unreachable { address: address.clone(), source })?;
    let first = dial_unix(path.to_owned()).await?;
    let path = path.to_owned();
    // The URI only fills the authority of requests; the connector below never looks at it.
    let endpoint = settled(Endpoint::from_static("http://operator.invalid"));
    serve_over(endpoint, &address, first, move || dial_unix(path.clone())).await
}

/// A gRPC server with the settings of every listener. Compression stays off: sealed bytes do not shrink.
pub fn server_builder() -> Server {
    let server = Server::builder()
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(limits::STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(limits::CALL_METADATA_BYTES_MAX);
    probing(server, limits::KEEP_ALIVE_PAUSE, limits::KEEP_ALIVE_DEADLINE)
}

/// Probes connections after some silence, and closes those that do not answer in time.
pub(super) fn probing(server: Server, silence: Duration, deadline: Duration) -> Server {
    server.http2_keepalive_interval(Some(silence)).http2_keepalive_timeout(Some(deadline))
}

/// The same settings for a client. An adaptive window would end busy connections (h2 counts small frames
/// against it), hence fixed ones.
fn settled(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(limits::CONNECT_DEADLINE)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(limits::CALL_METADATA_BYTES_MAX)
        .http2_keep_alive_interval(limits::KEEP_ALIVE_PAUSE)
        .keep_alive_timeout(limits::KEEP_ALIVE_DEADLINE)
        .keep_alive_while_idle(true)
}

/// Hands `first` to tonic and lets it dial again when that connection is gone.
async fn serve_over<S, F>(
    endpoint: Endpoint,
    address: &str,
    first: S,
    redial: impl Fn() -> F + Send + Sync + 'static,
) -> Result<Channel, ConnectFailure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = Result<S, ConnectFailure>> + Send + 'static,
{
    let first = Mutex::new(Some(first));
    let redial = Arc::new(redial);
    let connector = tower::service_fn(move |_: Uri| {
        let ready = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let redial = redial.clone();
        async move {
            match ready {
                Some(stream) => Ok(TokioIo::new(stream)),
                None => redial().await.map(TokioIo::new),
            }
        }
    });
    let connected = endpoint.connect_with_connector(connector).await;
    connected.map_err(|source| ConnectFailure::Protocol { address: address.to_owned(), source })
}

/// What the bytes of a gateway that was called pass.
type Visited = Watched<Metered<TlsStream<TcpStream>>>;

/// One gateway to be called, as often as needed.
#[derive(Clone)]
struct Call {
    address: String,
    expected: Ministry,
    credentials: Credentials,
    patience: Duration,
    end: CancellationToken,
}

impl Call {
    async fn dial(&self) -> Result<Visited, ConnectFailure> {
        timeout(self.patience, self.dial_in_time())
            .await
            .map_err(|_| ConnectFailure::Silent(self.address.clone()))?
    }

    async fn dial_in_time(&self) -> Result<Visited, ConnectFailure> {
        let changes = self.credentials.changes();
        let (config, server_name) = self
            .credentials
            .client(&self.expected)
            .ok_or_else(|| ConnectFailure::UnknownMinistry(self.expected.clone()))?;
        let addresses = self.addresses().await.map_err(|error| self.failure(error))?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| self.failure(error))?;
        stream.set_nodelay(true).map_err(|error| self.failure(error))?;
        let stream = TlsConnector::from(config).connect(server_name, stream).await;
        let stream = stream.map_err(|error| self.failure(error))?;
        let (_, tls) = stream.get_ref();
        let certificate = tls.peer_certificates().and_then(<[_]>::first).cloned();
        let certificate = match (tls.alpn_protocol(), certificate) {
            (Some(ALPN), Some(certificate)) => certificate,
            _ => return Err(self.failure(io::Error::other(rustls::Error::NoApplicationProtocol))),
        };
        let (credentials, expected) = (self.credentials.clone(), self.expected.clone());
        let believed = move || credentials.still_believes_gateway(&expected, &certificate);
        let (address, name) = (self.address.clone(), self.expected.clone());
        // Whoever was dialled can flood as well as whoever dials.
        let stream = Metered::new(Side::Callee, stream, FrameBounds::default(), move |why| {
            tracing::warn!(%address, ministry = %name, "connection to a gateway cut: {why}");
        });
        Ok(Watched::new(stream, changes, believed, &self.end))
    }

    async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.address.parse() {
            return Ok(vec![address]);
        }
        let (host, port) = self.address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
        let port = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
        lookup::addresses(host.to_owned(), port).await
    }

    fn failure(&self, source: io::Error) -> ConnectFailure {
        let address = self.address.clone();
        match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(reason) => ConnectFailure::Refused { address, reason: reason.clone() },
            None => ConnectFailure::Unreachable { address, source },
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} at {})", self.expected, self.address)
    }
}

async fn dial_unix(path: PathBuf) -> Result<UnixStream, ConnectFailure> {
    UnixStream::connect(&path)
        .await
        .map_err(|source| ConnectFailure::Unreachable { address: path.display().to_string(), source })
}
