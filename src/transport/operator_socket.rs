//! The operator's socket: a Unix socket that only the user of the gateway can open.
//!
//! A path enters, local connections leave. The socket never exists with wider permissions, never replaces a
//! socket somebody answers at, and never replaces a file of another kind.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::Stream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::limits;

/// A bound socket, not yet accepting.
#[derive(Debug)]
pub struct OperatorSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl OperatorSocket {
    /// Binds `path` with mode 0600. A socket nobody answers at is replaced; one that is answered is
    /// `AddrInUse`, and a file of another kind is `AlreadyExists`.
    pub async fn bind(path: &Path) -> io::Result<Self> {
        require_length(path)?;
        refuse_if_taken(path).await?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Bound in a closed directory and moved when its mode is right: there is no moment at which others
        // could open it.
        let closed = tempfile::Builder::new()
            .prefix(".")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let hidden = closed.path().join("s");
        let listener = UnixListener::bind(&hidden)?;
        fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
        fs::rename(&hidden, path)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts accepting; ends when `stop` is cancelled. Must be called within a tokio runtime.
    pub fn incoming(self, stop: CancellationToken) -> impl Stream<Item = Result<UnixStream, Infallible>> {
        let (sender, receiver) = mpsc::channel(limits::CONNECTIONS_WAITING_MAX);
        tokio::spawn(accept_all(self.listener, sender, stop));
        ReceiverStream::new(receiver).map(Ok)
    }
}

/// Refuses a path that is too long for a socket, in words that say so.
pub fn require_length(path: &Path) -> io::Result<()> {
    let length = path.as_os_str().len();
    if length <= limits::SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the path of the operator's socket has {length} bytes and the system takes {}: choose a shorter home",
        limits::SOCKET_PATH_BYTES_MAX
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

async fn accept_all(listener: UnixListener, sender: mpsc::Sender<UnixStream>, stop: CancellationToken) {
    let accept = async {
        loop {
            match listener.accept().await {
                // The receiver is gone only when the server is.
                Ok((stream, _)) => {
                    if sender.send(stream).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept an operator's connection: {error}");
                    sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = accept => {}
    }
}

async fn refuse_if_taken(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        let message = format!("{} exists and is no socket", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => {
            let message = format!("a running gateway answers at {}", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_the_users_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("operator.sock");
        let socket = OperatorSocket::bind(&path).await.unwrap();
        assert_eq!(fs::metadata(socket.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_socket_that_answers_is_never_replaced_and_a_stale_one_is() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("operator.sock");
        let first = OperatorSocket::bind(&path).await.unwrap();
        let refused = OperatorSocket::bind(&path).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        let second = OperatorSocket::bind(&path).await.unwrap();
        let stop = CancellationToken::new();
        let mut incoming = Box::pin(second.incoming(stop.clone()));
        let (client, served) = tokio::join!(UnixStream::connect(&path), incoming.next());
        assert!(client.is_ok() && served.is_some());
        stop.cancel();
        assert!(incoming.next().await.is_none());
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_is_refused_in_words() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("d".repeat(limits::SOCKET_PATH_BYTES_MAX));
        let refused = OperatorSocket::bind(&path).await.unwrap_err();
        assert!(refused.to_string().contains("shorter home"), "{refused}");
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("operator.sock");
        fs::write(&path, "not a socket").unwrap();
        let refused = OperatorSocket::bind(&path).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a socket");
    }
}
