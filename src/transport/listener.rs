//! `Listener`: accepts connections, each in its own task, and lets only named visitors through.
//!
//! A TCP listener enters, verified connections leave through a bounded channel. Bytes before the end of a
//! handshake come from strangers: they have a deadline, a quota in all and per origin, and they can neither
//! end the loop nor hold up anybody else. Log lines carry names, addresses and our own words, nothing else.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::server::Acceptor;
use rustls::{CertificateError, Error as TlsError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::credentials::{Credentials, Door};
use super::frames::{FrameBounds, Side};
use super::metered::Metered;
use super::peer::Peer;
use super::quota::{KnownOrigins, Origin, Quota};
use super::refusals::Refusals;
use super::tls::ALPN;
use super::verify::NotBelieved;
use super::watched::Watched;
use crate::digest::Digest;
use crate::limits;
use crate::trust::name::{Ministry, Name};
use crate::trust::subject::Subject;

/// A bound socket in front of a door, not yet accepting.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    door: Door,
    credentials: Credentials,
    bounds: Bounds,
    known: KnownOrigins,
}

/// What strangers and visitors may take of a listener.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Time for a TLS handshake.
    pub handshake_deadline: Duration,
    /// Handshakes under way at once.
    pub handshakes_max: usize,
    /// Handshakes under way at once from one origin.
    pub handshakes_per_source_max: usize,
    /// Handshakes kept free for origins that are known.
    pub handshakes_reserved: usize,
    /// Handshakes under way at once of those kept free, of one ministry.
    pub handshakes_per_ministry_max: usize,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once of one name.
    pub connections_per_name_max: usize,
    /// What one connection may send.
    pub frames: FrameBounds,
}

impl Bounds {
    /// The bounds of a door: peers need few connections, the commands of desks many.
    pub fn of(door: Door) -> Self {
        let (connections_per_name_max, handshakes_per_ministry_max) = match door {
            // All who come there are of one ministry.
            Door::Mailbox | Door::Service => (limits::CONNECTIONS_PER_NAME_MAX, limits::HANDSHAKES_RESERVED),
            Door::Relay => (limits::CONNECTIONS_PER_PEER_MAX, limits::HANDSHAKES_PER_MINISTRY_MAX),
        };
        Self { connections_per_name_max, handshakes_per_ministry_max, ..Self::default() }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            handshake_deadline: limits::HANDSHAKE_DEADLINE,
            handshakes_max: limits::HANDSHAKES_MAX,
            handshakes_per_source_max: limits::HANDSHAKES_PER_SOURCE_MAX,
            handshakes_reserved: limits::HANDSHAKES_RESERVED,
            handshakes_per_ministry_max: limits::HANDSHAKES_PER_MINISTRY_MAX,
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_name_max: limits::CONNECTIONS_PER_NAME_MAX,
            frames: FrameBounds::default(),
        }
    }
}

impl Listener {
    /// Binds an address; port 0 asks for any free one.
    pub async fn bind(address: SocketAddr, door: Door, credentials: Credentials) -> io::Result<Self> {
        Ok(Self::over(TcpListener::bind(address).await?, door, credentials))
    }

    /// Takes a socket that is bound already.
    pub fn over(socket: TcpListener, door: Door, credentials: Credentials) -> Self {
        let known = KnownOrigins::new(match door {
            Door::Mailbox | Door::Service => limits::KNOWN_ORIGINS_MAX,
            Door::Relay => limits::KNOWN_ORIGINS_PER_PEER_MAX,
        });
        Self { socket, door, credentials, bounds: Bounds::of(door), known }
    }

    /// Replaces the bounds.
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Where it listens.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The origins for which places are reserved; whoever knows where peers are may add to them.
    pub fn known_origins(&self) -> KnownOrigins {
        self.known.clone()
    }

    /// Starts accepting; ends when `stop` is cancelled. Must be called within a tokio runtime.
    pub fn incoming(self, stop: CancellationToken) -> Incoming {
        let Self { socket, door, credentials, bounds, known } = self;
        let hall = Hall::new(door, credentials, bounds, known);
        incoming_from(socket, hall, stop)
    }
}

/// Verified connections, for tonic's `serve_with_incoming_shutdown`. It never yields an error: what happens
/// to one connection is no reason to end the server.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Connection>);

impl Stream for Incoming {
    type Item = Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

/// Where raw connections come from; tests put failing ones in front.
pub(super) trait Accept: Send + 'static {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

pub(super) fn incoming_from(socket: impl Accept, hall: Hall, stop: CancellationToken) -> Incoming {
    let (sender, receiver) = mpsc::channel(limits::CONNECTIONS_WAITING_MAX);
    tokio::spawn(Arc::new(hall).accept_all(socket, sender, stop));
    Incoming(receiver)
}

/// What all handshakes of one listener share.
pub(super) struct Hall {
    door: Door,
    credentials: Credentials,
    bounds: Bounds,
    handshakes: Arc<Quota<Origin>>,
    /// What each ministry has of those kept free.
    shares: Arc<Quota<Ministry>>,
    known: KnownOrigins,
    visits: Arc<Quota<Name>>,
    refusals: Refusals,
    /// Visitors whose connection was cut: strangers shall not hide them.
    cuts: Arc<Refusals>,
}

impl Hall {
    pub(super) fn new(door: Door, credentials: Credentials, bounds: Bounds, known: KnownOrigins) -> Self {
        Self {
            door,
            credentials,
            bounds,
            handshakes: Quota::new(bounds.handshakes_max, bounds.handshakes_per_source_max),
            shares: Quota::new(usize::MAX, bounds.handshakes_per_ministry_max),
            known,
            visits: Quota::new(bounds.connections_max, bounds.connections_per_name_max),
            refusals: Refusals::new(),
            cuts: Arc::default(),
        }
    }

    async fn accept_all(
        self: Arc<Self>,
        socket: impl Accept,
        sender: mpsc::Sender<Connection>,
        stop: CancellationToken,
    ) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.clone().receive(stream, address, sender.clone(), stop.clone()),
                Err(error) => {
                    tracing::warn!(door = ?self.door, "cannot accept a connection: {error}");
                    // Without a pause a lasting shortage would turn this loop into a busy one.
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = sleep(limits::ACCEPT_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Shakes hands in a task of its own; beyond the quotas the connection is closed at once.
    fn receive(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        sender: mpsc::Sender<Connection>,
        stop: CancellationToken,
    ) {
        let origin = Origin::of(address.ip());
        // Whose share is taken is a stranger like others: one ministry cannot take what is kept free for the rest.
        let share = self.known.ministries(origin).into_iter().find_map(|known| self.shares.admit(known, 0));
        let reserve = if share.is_some() { 0 } else { self.bounds.handshakes_reserved };
        let Some(slot) = self.handshakes.admit(origin, reserve) else {
            tracing::debug!(%address, door = ?self.door, "connection closed: too many handshakes");
            return;
        };
        tokio::spawn(async move {
            // The slot is held until the connection is handed over, so that the tasks are bounded too.
            let _slot = (slot, share);
            let deliver = async {
                match timeout(self.bounds.handshake_deadline, self.shake_hands(stream, address)).await {
                    Ok(Ok(connection)) => {
                        self.known.remember(connection.peer().ministry(), origin);
                        tracing::debug!(%address, door = ?self.door, name = %connection.peer().name(), "connected");
                        // The receiver is gone only when the server is.
                        let _ = sender.send(connection).await;
                    }
                    Ok(Err(reason)) => self.note_refusal(address, &reason),
                    Err(_) => self.note_refusal(address, &"silent"),
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = deliver => {}
            }
        });
    }

    fn note_refusal(&self, address: SocketAddr, reason: &dyn std::fmt::Display) {
        if let Some(unsaid) = self.refusals.next() {
            tracing::info!(%address, door = ?self.door, unsaid, "connection refused: {reason}");
        }
    }

    async fn shake_hands(&self, stream: TcpStream, address: SocketAddr) -> Result<Connection, NotConnected> {
        stream.set_nodelay(true).map_err(|_| NotConnected::Broken)?;
        let started =
            LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(NotConnected::from)?;
        let offers_h2 =
            started.client_hello().alpn().is_some_and(|mut protocols| protocols.any(|name| name == ALPN));
        if !offers_h2 {
            return Err(NotConnected::Protocol);
        }
        let changes = self.credentials.changes();
        let config = self.credentials.server(self.door).ok_or(NotConnected::ClosedDoor)?;
        let stream = started.into_stream(config).await.map_err(NotConnected::from)?;
        let (_, tls) = stream.get_ref();
        let certificate = tls.peer_certificates().and_then(<[_]>::first).ok_or(NotConnected::Nameless)?;
        let certificate = certificate.clone().into_owned();
        let subject = Subject::of(&certificate).map_err(|_| NotConnected::Nameless)?;
        let peer = Peer::new(subject.name().clone(), Digest::of(&certificate), address);
        let peer = peer.with_roles(subject.roles().clone());
        let slot = self.visits.admit(peer.name().clone(), 0).ok_or(NotConnected::TooMany)?;
        let (door, name, credentials) = (self.door, peer.name().clone(), self.credentials.clone());
        let believed = move || {
            let believed = credentials.still_believes(door, &certificate);
            if !believed {
                tracing::warn!(%address, ?door, %name, "connection cut: its certificate is no longer believed");
            }
            believed
        };
        let metered = self.metered(stream, &peer);
        let watched = Watched::new(metered, changes, believed, peer.cord().token());
        Ok(Connection::new(watched, peer, slot))
    }

    fn metered(&self, stream: TlsStream<TcpStream>, peer: &Peer) -> Metered<TlsStream<TcpStream>> {
        let (door, name, address) = (self.door, peer.name().clone(), peer.address());
        let cuts = self.cuts.clone();
        Metered::new(Side::Caller, stream, self.bounds.frames, move |why| {
            if let Some(unsaid) = cuts.next() {
                tracing::warn!(%address, ?door, %name, unsaid, "connection cut: {why}");
            }
        })
    }
}

/// Why a connection came to nothing, in words of our own: certificates and bytes of strangers stay out of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum NotConnected {
    #[error("the connection broke")]
    Broken,
    #[error("certificate {0}")]
    Certificate(&'static str),
    #[error("this door is closed")]
    ClosedDoor,
    #[error("handshake failed")]
    Handshake,
    #[error("no name")]
    Nameless,
    #[error("h2 is not offered")]
    Protocol,
    #[error("too many connections of this name")]
    TooMany,
}

/// Whether nothing is held against a certificate but that nobody here knows its ministry.
fn is_of_stranger(other: &rustls::OtherError) -> bool {
    matches!(other.0.downcast_ref::<NotBelieved>(), Some(NotBelieved::UnknownMinistry(_)))
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
            return Self::Broken;
        };
        match tls {
            TlsError::InvalidCertificate(reason) => Self::Certificate(match reason {
                CertificateError::BadEncoding => "unreadable",
                CertificateError::Expired => "expired",
                CertificateError::ExpiredRevocationList => "under a stale revocation list",
                CertificateError::InvalidPurpose => "for another purpose",
                CertificateError::NotValidYet => "not yet valid",
                CertificateError::Revoked => "revoked",
                CertificateError::UnknownIssuer | CertificateError::BadSignature => "of an unknown authority",
                CertificateError::Other(other) if is_of_stranger(other) => {
                    "of a ministry that is not accredited here, or not yet"
                }
                _ => "not believed",
            }),
            TlsError::NoCertificatesPresented => Self::Certificate("missing"),
            _ => Self::Handshake,
        }
    }
}
