//! The local socket of a desk service: processes of this machine, each known by the user it runs as.
//!
//! Local connections enter; those of users that the configuration names leave, each as a named peer, and all others are
//! closed before a byte of theirs is read. The system says who is at the other end, so nothing needs to be shown.

use std::convert::Infallible;
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::operator_socket::OperatorSocket;
use super::peer::Peer;
use super::refusals::Refusals;
use super::watched::Watched;
use crate::digest::Digest;
use crate::trust::name::Name;
use crate::trust::role::Role;

/// Who a user of this machine is to the desk; none for a stranger.
pub type Users = Box<dyn Fn(u32) -> Option<(Name, std::collections::BTreeSet<Role>)> + Send + Sync>;

/// A bound socket, not yet accepting.
#[derive(Debug)]
pub struct LocalSocket(OperatorSocket);

impl LocalSocket {
    /// Binds `path`; every user of this machine may connect, and only those that are named are served.
    pub async fn bind(path: &Path) -> io::Result<Self> {
        let socket = OperatorSocket::bind(path).await?;
        fs::set_permissions(path, Permissions::from_mode(0o666))?;
        Ok(Self(socket))
    }

    /// Starts accepting; ends when `stop` is cancelled. Must be called within a tokio runtime.
    pub fn incoming(
        self,
        users: Users,
        stop: CancellationToken,
    ) -> impl Stream<Item = Result<LocalConnection, Infallible>> {
        let refusals = Refusals::new();
        self.0.incoming(stop).filter_map(move |accepted| {
            let Ok(stream) = accepted;
            let user = stream.peer_cred().ok()?.uid();
            let Some((name, roles)) = users(user) else {
                if let Some(unsaid) = refusals.next() {
                    tracing::info!(user, unsaid, "connection refused: no client runs as this user");
                }
                return None;
            };
            let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let peer = Peer::new(name, Digest::of(b""), nowhere).with_roles(roles).as_user(user);
            // No credentials were shown that could change.
            let (_, unchanging) = watch::channel(());
            let stream = Watched::new(stream, unchanging, || true, peer.cord().token());
            Some(Ok(LocalConnection { stream, peer }))
        })
    }
}

/// A connection from a named user of this machine.
pub struct LocalConnection {
    stream: Watched<UnixStream>,
    peer: Peer,
}

impl fmt::Debug for LocalConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalConnection({})", self.peer.name())
    }
}

impl Connected for LocalConnection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for LocalConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for LocalConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
