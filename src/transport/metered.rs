//! `Metered`: a stream whose frames are counted, and which ends where there are too many.
//!
//! It lies between TLS and HTTP/2. A flood ends the connection before HTTP/2 answers it; a visitor who is let
//! in and then says nothing is sent away; bytes beyond their bound wait in the network.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::frames::{FrameBounds, FrameMeter, Side};

/// Is told why a connection is cut.
type Cut = dyn Fn(&dyn std::fmt::Display) + Send;

/// A stream under bounds.
pub(super) struct Metered<S> {
    stream: S,
    meter: FrameMeter,
    /// While the first frame is awaited, its deadline; later a pause in reading.
    waiting: Option<Pin<Box<Sleep>>>,
    cut: Box<Cut>,
}

impl<S> Metered<S> {
    /// Counts the frames that `side` sends on a stream, from its first byte; `cut` is told why where it ends the
    /// connection. Must be called within a tokio runtime.
    pub(super) fn new(
        side: Side,
        stream: S,
        bounds: FrameBounds,
        cut: impl Fn(&dyn std::fmt::Display) + Send + 'static,
    ) -> Self {
        let now = Instant::now();
        let deadline = sleep_until(now.checked_add(bounds.first_frame_deadline).unwrap_or(now));
        let (meter, waiting) = (FrameMeter::new(side, bounds, now), Some(Box::pin(deadline)));
        Self { stream, meter, waiting, cut: Box::new(cut) }
    }

    /// The stream itself.
    pub(super) fn inner(&self) -> &S {
        &self.stream
    }

    fn end(&self, why: &dyn std::fmt::Display) -> Poll<io::Result<()>> {
        (self.cut)(why);
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    /// Lets a pause pass; ends a connection whose first frame is late.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(Ok(())) };
        let over = waiting.as_mut().poll(cx).is_ready();
        match (self.meter.begun(), over) {
            (false, true) => self.end(&"it is silent"),
            (false, false) => Poll::Ready(Ok(())),
            (true, true) => {
                self.waiting = None;
                Poll::Ready(Ok(()))
            }
            (true, false) => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_wait(cx))?;
        let before = to.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, to))?;
        let read = to.filled().get(before..).unwrap_or_default();
        let was_silent = !this.meter.begun();
        let pause = match this.meter.read(read, Instant::now()) {
            Ok(pause) => pause,
            Err(flood) => return this.end(&flood),
        };
        if was_silent && this.meter.begun() {
            this.waiting = None;
        }
        if this.meter.begun() && !pause.is_zero() {
            this.waiting = Some(Box::pin(sleep(pause)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, from))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, from))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
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
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\x0012345678";

    fn metered(bounds: FrameBounds) -> (DuplexStream, Metered<DuplexStream>, Receiver<String>) {
        let (near, far) = duplex(1024 * 1024);
        let (said, why) = channel();
        let cut = move |why: &dyn std::fmt::Display| said.send(why.to_string()).unwrap();
        (near, Metered::new(Side::Caller, far, bounds, cut), why)
    }

    #[tokio::test]
    async fn a_flood_ends_the_connection_and_is_named_in_the_log() {
        let bounds = FrameBounds { control_burst: 3, ..FrameBounds::default() };
        let (mut near, mut far, why) = metered(bounds);
        near.write_all(&[PREFACE, PING, PING].concat()).await.unwrap();
        let mut read = vec![0; PREFACE.len() + 2 * PING.len()];
        far.read_exact(&mut read).await.unwrap();
        near.write_all(PING).await.unwrap();
        let ended = far.read(&mut read).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(why.try_recv().unwrap(), "too many PING frames");
    }

    #[tokio::test]
    async fn a_visitor_who_says_nothing_is_sent_away_and_one_who_began_may_be_silent() {
        let deadline = Duration::from_millis(20);
        let bounds = FrameBounds { first_frame_deadline: deadline, ..FrameBounds::default() };
        let (_silent, mut far, why) = metered(bounds);
        assert!(far.read_u8().await.is_err());
        assert_eq!(why.try_recv().unwrap(), "it is silent");

        // Half a preface is silence as well; it is read before the deadline, however busy this machine is.
        let bounds = FrameBounds { first_frame_deadline: Duration::from_secs(1), ..bounds };
        let (mut near, mut far, why) = metered(bounds);
        near.write_all(&PREFACE[..PREFACE.len() - 1]).await.unwrap();
        let mut read = Vec::new();
        assert!(far.read_to_end(&mut read).await.is_err());
        assert_eq!((read.len(), why.try_recv().unwrap().as_str()), (PREFACE.len() - 1, "it is silent"));

        let (mut near, mut far, why) = metered(bounds);
        near.write_all(PREFACE).await.unwrap();
        far.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(1100), far.read_u8()).await.is_err());
        near.write_u8(1).await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), 1);
        assert!(why.try_recv().is_err());
    }

    #[tokio::test]
    async fn bytes_beyond_their_bound_come_late_and_whole() {
        let bounds = FrameBounds { bytes_burst: 64, bytes_per_second: 20_000, ..FrameBounds::default() };
        let (mut near, mut far, why) = metered(bounds);
        let data = [&b"\0\x10\0\0\0\0\0\0\x01"[..], &[7; 4096]].concat();
        near.write_all(&[PREFACE, &data].concat()).await.unwrap();
        let begin = Instant::now();
        let mut read = vec![0; PREFACE.len() + data.len()];
        for piece in read.chunks_mut(512) {
            far.read_exact(piece).await.unwrap();
        }
        assert!(read.ends_with(&data) && why.try_recv().is_err());
        assert!(begin.elapsed() > Duration::from_millis(150), "{:?}", begin.elapsed());
    }

    #[tokio::test]
    async fn what_is_written_passes_and_earns_frames() {
        // The settings in the preface take the one frame that is free; time alone gives no other soon.
        let bounds = FrameBounds {
            control_burst: 1,
            control_per_second: 1,
            bytes_per_control: 10,
            ..FrameBounds::default()
        };
        let (mut near, mut far, _why) = metered(bounds);
        near.write_all(PREFACE).await.unwrap();
        far.read_exact(&mut [0; PREFACE.len()]).await.unwrap();
        far.write_all(&[1; 10]).await.unwrap();
        let mut passed = [0; 10];
        near.read_exact(&mut passed).await.unwrap();
        assert_eq!(passed, [1; 10]);
        near.write_all(PING).await.unwrap();
        far.read_exact(&mut [0; PING.len()]).await.unwrap();
    }
}
