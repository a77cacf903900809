//! `Watched`: a connection that ends when its other side is no longer believed, or when it was given up here.
//!
//! Connections outlive their handshake by days. After every change of credentials the certificate of each open
//! connection is judged again, so that a revocation ends running connections as well as preventing new ones.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// A stream and its end by a change of credentials: reading and writing then fail with `ConnectionAborted`.
pub(super) struct Watched<S> {
    stream: S,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _open: DropGuard,
}

impl<S> Watched<S> {
    /// Watches a stream. `changes` was subscribed to before the certificate was verified, so that no change
    /// falls between the two. Whoever cancels `end` ends it as well, whatever the other side does. Must be called
    /// within a tokio runtime.
    pub(super) fn new(
        stream: S,
        changes: watch::Receiver<()>,
        believed: impl Fn() -> bool + Send + 'static,
        end: &CancellationToken,
    ) -> Self {
        let (cut, closed) = (end.child_token(), CancellationToken::new());
        tokio::spawn(judge_after_changes(changes, believed, cut.clone(), closed.clone()));
        Self { stream, cut: Box::pin(cut.cancelled_owned()), _open: closed.drop_guard() }
    }

    /// The stream itself.
    pub(super) fn inner(&self) -> &S {
        &self.stream
    }
}

async fn judge_after_changes(
    mut changes: watch::Receiver<()>,
    believed: impl Fn() -> bool,
    cut: CancellationToken,
    closed: CancellationToken,
) {
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        if !believed() {
            cut.cancel();
            return;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
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

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What has begun to wait ends with the connection, although the other side neither says nor takes anything.
    #[tokio::test]
    async fn a_connection_that_is_given_up_ends_for_whoever_reads_and_for_whoever_writes() {
        for reads in [true, false] {
            let ((near, _far), end) = (tokio::io::duplex(1), CancellationToken::new());
            let (_credentials, changes) = watch::channel(());
            let mut watched = Watched::new(near, changes, || true, &end);
            let waiting = tokio::spawn(async move {
                if reads { watched.read_u8().await.map(drop) } else { watched.write_all(b"two").await }
            });
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            end.cancel();
            let ended = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionAborted, "reads: {reads}");
        }
    }
}
