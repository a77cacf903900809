//! Outlets: what is handed out piece by piece, to whoever reads it in time.
//!
//! Pieces enter; a stream of answers leaves, which ends when all was handed out, or with the reason why not: the
//! service stops, the client may not go on, or it reads too slowly. Little waits for a reader, so that none can fill
//! our memory. One that takes nothing at all never sees a reason, for it stands behind what waits there; its connection
//! is closed.

use std::io::{self, Write};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::refusals::Refused;
use super::visitors::Stay;
use crate::limits;

/// What a client is given.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Where answers to one call are put.
pub(super) struct Outlet<T> {
    sender: mpsc::Sender<Result<T, Status>>,
    ended: oneshot::Sender<Status>,
    /// Cancelled when the stream is gone.
    gone: CancellationToken,
    stop: CancellationToken,
    patience: Duration,
    stay: Stay,
}

/// Why nothing more is handed out.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The client has gone.
    Gone,
    /// It reads too slowly.
    TooSlow,
    /// It is told why.
    Told(Refused),
}

impl<T: Send + 'static> Outlet<T> {
    /// An outlet in which so many pieces wait for their reader, and the stream behind it. `stop` ends it.
    pub(super) fn open(
        stay: Stay,
        waiting: usize,
        patience: Duration,
        stop: CancellationToken,
    ) -> (Self, Answers<T>) {
        let (sender, receiver) = mpsc::channel(waiting);
        let (ended, end) = oneshot::channel::<Status>();
        let gone = CancellationToken::new();
        let held = gone.clone().drop_guard();
        // Not through the queue, which may be full: whoever reads on finds why it ended behind what waits there.
        let why = futures_util::stream::once(end).filter_map(|end| std::future::ready(end.ok().map(Err)));
        let answers = ReceiverStream::new(receiver).chain(why).map(move |answer| {
            let _held = &held;
            answer
        });
        (Self { sender, ended, gone, stop, patience, stay }, Box::pin(answers))
    }

    /// Refuses a client that may not go on.
    pub(super) fn may_go_on(&self) -> Result<(), End> {
        self.stay.may_go_on().map_err(End::Told)
    }

    /// Hands out one piece, to whoever may still have it.
    pub(super) async fn hand(&self, piece: T) -> Result<(), End> {
        self.may_go_on()?;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(End::Told(draining())),
            sent = timeout(self.patience, self.sender.send(Ok(piece))) => match sent {
                Ok(sent) => sent.map_err(|_| End::Gone),
                Err(_) => Err(End::TooSlow),
            },
        }
    }

    /// Returns when nobody reads any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Ends the stream; `slow` is the reason of one that is read too slowly.
    pub(super) async fn end(self, end: Result<(), End>, slow: &'static str) {
        let Self { sender, ended, gone, patience, stay, .. } = self;
        let visitor = stay.visitor();
        let status = match end {
            Ok(()) | Err(End::Gone) => return,
            Err(End::TooSlow) => too_slow(slow).into(),
            Err(End::Told(refused)) => Status::from(refused),
        };
        tracing::debug!(client = visitor.name(), reason = status.message(), "a stream ends");
        let _nobody = ended.send(status);
        drop(sender);
        tokio::select! {
            () = gone.cancelled() => {}
            () = sleep(patience) => {
                tracing::info!(client = visitor.name(), "connection closed: nothing was read from it for too long");
                visitor.hang_up();
            }
        }
    }
}

/// What a stream is told that the stop of the service cuts.
pub(super) fn draining() -> Refused {
    Refused::new(Code::Unavailable, "DRAINING", "the desk stops: go on later, from where this ended").later()
}

fn too_slow(reason: &str) -> Refused {
    let message = "what was told was not read for too long: go on from what was read last";
    Refused::new(Code::ResourceExhausted, reason, message).later()
}

/// Takes bytes on a thread that may block, leaves out the first ones, and hands out the rest in pieces.
pub(super) struct Spout<'a, T, Shape> {
    outlet: &'a Outlet<T>,
    runtime: Handle,
    shape: Shape,
    left_out: u64,
    piece: Vec<u8>,
    /// Why it takes no more.
    pub(super) end: Option<End>,
}

impl<'a, T: Send + 'static, Shape: Fn(Vec<u8>) -> T> Spout<'a, T, Shape> {
    pub(super) fn new(outlet: &'a Outlet<T>, runtime: Handle, left_out: u64, shape: Shape) -> Self {
        Self { outlet, runtime, shape, left_out, piece: Vec::new(), end: None }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let piece = (self.shape)(std::mem::take(&mut self.piece));
        self.runtime.block_on(self.outlet.hand(piece)).map_err(|end| {
            self.end = Some(end);
            io::ErrorKind::BrokenPipe.into()
        })
    }
}

impl<T: Send + 'static, Shape: Fn(Vec<u8>) -> T> Write for Spout<'_, T, Shape> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left_out = usize::try_from(self.left_out).unwrap_or(usize::MAX).min(bytes.len());
        self.left_out = self.left_out.saturating_sub(left_out as u64);
        let mut rest = bytes.get(left_out..).unwrap_or_default();
        while !rest.is_empty() {
            let room = limits::PIECE_BYTES_MAX.saturating_sub(self.piece.len()).min(rest.len());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.piece.extend_from_slice(now);
            rest = later;
            if self.piece.len() == limits::PIECE_BYTES_MAX {
                self.hand_on()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.hand_on() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::desk::serve::visitors::{Stranger, Visitor};
    use crate::limits::{PIECE_BYTES_MAX, READER_PATIENCE};
    use crate::transport::status::reason_of;

    fn outlet<T: Send + 'static>(waiting: usize) -> (Outlet<T>, Answers<T>, Visitor, CancellationToken) {
        let (visitor, stop) = (Visitor::anybody(), CancellationToken::new());
        let stay = Stay::while_it(visitor.clone(), |_| Ok(()));
        let (outlet, answers) = Outlet::open(stay, waiting, READER_PATIENCE / 1000, stop.clone());
        (outlet, answers, visitor, stop)
    }

    #[tokio::test]
    async fn whoever_reads_too_slowly_is_told_so_behind_what_waits() {
        let (outlet, mut answers, visitor, _) = outlet(2);
        outlet.hand(1).await.unwrap();
        outlet.hand(2).await.unwrap();
        let end = outlet.hand(3).await;
        assert!(matches!(end, Err(End::TooSlow)));
        let ending = tokio::spawn(outlet.end(end, "WATCHER_TOO_SLOW"));
        assert_eq!([answers.next().await.unwrap().unwrap(), answers.next().await.unwrap().unwrap()], [1, 2]);
        let status = answers.next().await.unwrap().unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("WATCHER_TOO_SLOW"));
        assert!(answers.next().await.is_none());
        drop(answers);
        ending.await.unwrap();
        assert!(!visitor.is_hung_up(), "who reads on keeps the connection");
    }

    #[tokio::test]
    async fn whoever_reads_nothing_at_all_loses_the_connection() {
        let (outlet, _unread, visitor, _) = outlet(1);
        outlet.hand(1).await.unwrap();
        let end = outlet.hand(2).await;
        outlet.end(end, "WATCHER_TOO_SLOW").await;
        assert!(visitor.is_hung_up());
    }

    #[tokio::test]
    async fn whoever_is_suspended_meanwhile_gets_no_further_piece() {
        let suspended = Arc::new(AtomicBool::new(false));
        let seen = suspended.clone();
        let stay = Stay::while_it(Visitor::anybody(), move |_| match seen.load(Ordering::SeqCst) {
            true => Err(Stranger::Suspended),
            false => Ok(()),
        });
        let (outlet, mut answers) = Outlet::open(stay, 2, READER_PATIENCE / 1000, CancellationToken::new());
        outlet.hand(1).await.unwrap();
        suspended.store(true, Ordering::SeqCst);
        let end = outlet.hand(2).await;
        let ending = tokio::spawn(outlet.end(end, "READER_TOO_SLOW"));
        assert_eq!(answers.next().await.unwrap().unwrap(), 1);
        let status = answers.next().await.unwrap().unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("CLIENT_SUSPENDED"));
        drop(answers);
        ending.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_ends_what_waits_for_its_reader_at_once() {
        let (outlet, mut answers, _, stop) = outlet(1);
        outlet.hand(1).await.unwrap();
        stop.cancel();
        let end = outlet.hand(2).await;
        let ending = tokio::spawn(outlet.end(end, "READER_TOO_SLOW"));
        assert_eq!(answers.next().await.unwrap().unwrap(), 1);
        let status = answers.next().await.unwrap().unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("DRAINING"));
        drop(answers);
        ending.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn bytes_are_handed_out_in_pieces_from_any_place_on() {
        for (length, left_out) in
            [(0, 0), (10, 0), (10, 10), (PIECE_BYTES_MAX, 1), (2 * PIECE_BYTES_MAX + 5, 7)]
        {
            let (outlet, answers, ..) = outlet::<Vec<u8>>(1);
            let runtime = Handle::current();
            let spouting = tokio::task::spawn_blocking(move || {
                let mut spout = Spout::new(&outlet, runtime, left_out as u64, |piece| piece);
                for chunk in vec![7; length].chunks(65_000) {
                    spout.write_all(chunk).unwrap();
                }
                spout.flush().unwrap();
            });
            let pieces: Vec<Vec<u8>> = answers.map(Result::unwrap).collect().await;
            spouting.await.unwrap();
            assert!(pieces.iter().all(|piece| (1..=PIECE_BYTES_MAX).contains(&piece.len())));
            assert_eq!(pieces.concat().len(), length - left_out);
        }
    }
}
