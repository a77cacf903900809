//! `Connection`: an accepted connection and its named peer, as tonic serves it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::metered::Metered;
use super::peer::Peer;
use super::quota::Slot;
use super::watched::Watched;
use crate::trust::name::Name;

/// What a visitor's bytes pass: TLS, the count of frames, the judgement after every change of credentials.
pub(super) type Visit = Watched<Metered<TlsStream<TcpStream>>>;

/// A connection whose other end is a verified name; tonic serves calls on it.
pub struct Connection {
    stream: Visit,
    peer: Peer,
    key_exchange: Option<u16>,
    _slot: Slot<Name>,
}

impl Connection {
    pub(super) fn new(stream: Visit, peer: Peer, slot: Slot<Name>) -> Self {
        let (_, tls) = stream.inner().inner().get_ref();
        let key_exchange = tls.negotiated_key_exchange_group().map(|group| group.name().into());
        Self { stream, peer, key_exchange, _slot: slot }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The group the secrets of this connection were agreed in, as registered with IANA.
    pub fn key_exchange(&self) -> Option<u16> {
        self.key_exchange
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({}, {})", self.peer.name(), self.peer.address())
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
