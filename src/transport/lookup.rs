//! Where names lead: look-ups of the system, a few at once.
//!
//! The system answers when it likes, on a thread for what blocks, which is taken until then even where nobody waits any
//! more. What peers announce decides which names are looked up; they must not take the threads of the store.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::limits;

static UNDER_WAY: Semaphore = Semaphore::const_new(limits::LOOKUPS_AT_ONCE_MAX);

/// The addresses behind a name. It may wait for its turn, and then `CONNECT_DEADLINE` for the answer.
pub(crate) async fn addresses(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    asked(&UNDER_WAY, limits::CONNECT_DEADLINE, async move { Ok(lookup_host((host, port)).await?.collect()) })
        .await
}

/// Keeps the turn as long as the look-up runs, and not only as long as somebody waits for it.
async fn asked<Found: Send + 'static>(
    turns: &'static Semaphore,
    patience: Duration,
    looking: impl Future<Output = io::Result<Found>> + Send + 'static,
) -> io::Result<Found> {
    let turn = turns.acquire().await.map_err(io::Error::other)?;
    let looking = tokio::spawn(async move {
        let _turn = turn;
        looking.await
    });
    match timeout(patience, looking).await {
        Ok(found) => found.map_err(io::Error::other)?,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_keeps_its_turn_until_the_system_answers() {
        static TURNS: Semaphore = Semaphore::const_new(1);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(20));
        let slow = asked(&TURNS, short, async move { answered.await.map_err(io::Error::other) });
        assert_eq!(slow.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let next = asked(&TURNS, long, async { Ok(()) });
        tokio::pin!(next);
        assert!(timeout(10 * short, &mut next).await.is_err(), "the thread is still taken");
        answer.send(()).unwrap();
        next.await.unwrap();
    }
}
