//! A ferry between two corners: passes TCP bytes on unread, counts them, and drowns on demand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Passes between callers and one callee.
#[derive(Clone)]
pub struct Ferry(Arc<State>);

struct State {
    /// Bytes that passed from callers to the callee, and back.
    there: AtomicU64,
    back: AtomicU64,
    /// Count, of both together, at which every connection breaks.
    break_at: AtomicU64,
    breaks: AtomicU64,
    open: Mutex<CancellationToken>,
    /// Bytes after which one connection stands still.
    allowed: watch::Sender<u64>,
}

impl Ferry {
    /// Listens at `seen` and passes everything on to `beyond`.
    pub async fn between(seen: &str, beyond: &str) -> Self {
        let listener = TcpListener::bind(seen).await.unwrap();
        let ferry = Self(Arc::new(State {
            there: AtomicU64::new(0),
            back: AtomicU64::new(0),
            break_at: AtomicU64::new(u64::MAX),
            breaks: AtomicU64::new(0),
            open: Mutex::new(CancellationToken::new()),
            allowed: watch::Sender::new(u64::MAX),
        }));
        let (crossing, beyond) = (ferry.clone(), beyond.to_owned());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let open = crossing.0.open.lock().unwrap().clone();
                let (ferry, beyond) = (crossing.clone(), beyond.clone());
                tokio::spawn(async move {
                    let Ok(callee) = TcpStream::connect(&beyond).await else { return };
                    let (from_caller, to_caller) = caller.into_split();
                    let (from_callee, to_callee) = callee.into_split();
                    tokio::select! {
                        () = open.cancelled() => {}
                        _ = async { tokio::join!(
                            ferry.pass(from_caller, to_callee, &ferry.0.there),
                            ferry.pass(from_callee, to_caller, &ferry.0.back),
                        ) } => {}
                    }
                });
            }
        });
        ferry
    }

    async fn pass(
        &self,
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
        count: &AtomicU64,
    ) {
        let mut allowed = self.0.allowed.subscribe();
        let (mut passed, mut buffer) = (0, vec![0; 16 * 1024]);
        loop {
            if allowed.wait_for(|allowed| passed < *allowed).await.is_err() {
                return;
            }
            let Ok(length @ 1..) = from.read(&mut buffer).await else { break };
            if to.write_all(&buffer[..length]).await.is_err() {
                break;
            }
            passed += length as u64;
            count.fetch_add(length as u64, Ordering::SeqCst);
            if self.carried() >= self.0.break_at.load(Ordering::SeqCst) {
                self.0.break_at.store(u64::MAX, Ordering::SeqCst);
                self.sink();
            }
        }
        to.shutdown().await.ok();
    }

    /// Breaks every connection now.
    pub fn sink(&self) {
        self.0.breaks.fetch_add(1, Ordering::SeqCst);
        std::mem::take(&mut *self.0.open.lock().unwrap()).cancel();
    }

    /// Breaks every connection when so many more bytes have passed.
    pub fn sink_after(&self, bytes: u64) {
        self.0.break_at.store(self.carried() + bytes, Ordering::SeqCst);
    }

    /// How often the connections were broken.
    pub fn breaks(&self) -> u64 {
        self.0.breaks.load(Ordering::SeqCst)
    }

    /// Bytes that passed, both ways.
    pub fn carried(&self) -> u64 {
        self.0.there.load(Ordering::SeqCst) + self.0.back.load(Ordering::SeqCst)
    }

    /// Lets no connection pass more than this in one direction; it stands still then, and does not break.
    pub fn allow(&self, bytes: u64) {
        self.0.allowed.send_replace(bytes);
    }
}
