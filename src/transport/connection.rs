//! `Connection`: an accepted connection, its named peer, and the means to cut it.
//!
//! Connections outlive the handshake by days. When credentials are replaced, every open connection is judged
//! again, so that a revoked certificate loses its running connections as well as its next one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::peer::Peer;
use super::quota::Slot;
use crate::trust::name::Name;

/// A connection whose other end is a verified name; tonic serves calls on it.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _entry: Entry,
    _slot: Slot<Name>,
}

impl Connection {
    pub(super) fn new(stream: TlsStream<TcpStream>, peer: Peer, entry: Entry, slot: Slot<Name>) -> Self {
        let cut = Box::pin(entry.cut.clone().cancelled_owned());
        Self { stream, peer, cut, _entry: entry, _slot: slot }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The group the secrets of this connection were agreed in, as registered with IANA.
    pub fn key_exchange(&self) -> Option<u16> {
        let (_, tls) = self.stream.get_ref();
        tls.negotiated_key_exchange_group().map(|group| group.name().into())
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
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
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

/// The open connections of a listener, by certificate.
#[derive(Debug, Default)]
pub(super) struct OpenConnections(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: BTreeMap<u64, (CertificateDer<'static>, CancellationToken)>,
}

/// A connection's place among the open ones; dropping it takes the connection out.
#[derive(Debug)]
pub(super) struct Entry {
    open: Arc<OpenConnections>,
    number: u64,
    cut: CancellationToken,
}

impl OpenConnections {
    pub(super) fn enter(self: &Arc<Self>, certificate: CertificateDer<'static>) -> Entry {
        let cut = CancellationToken::new();
        let mut open = self.open();
        let number = open.next;
        open.next = number.saturating_add(1);
        open.by_number.insert(number, (certificate, cut.clone()));
        Entry { open: self.clone(), number, cut }
    }

    /// Cuts every connection whose certificate is no longer believed; returns how many.
    pub(super) fn cut_unless(&self, believed: impl Fn(&CertificateDer<'_>) -> bool) -> usize {
        // Judged on a copy: verifying signatures under the lock would hold up every new connection.
        let all: Vec<_> = self.open().by_number.values().cloned().collect();
        let fallen = all.iter().filter(|(certificate, _)| !believed(certificate));
        fallen.map(|(_, cut)| cut.cancel()).count()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.open.open().by_number.remove(&self.number);
    }
}
