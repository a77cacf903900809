//! What whoever started a daemon is told of it, where that asks to be told: systemd's notification protocol (sd_notify(3)).
//!
//! How the daemon stands enters; a datagram leaves to the socket that the environment names. It is a courtesy: where
//! nobody listens the daemon serves all the same.

use sd_notify::NotifyState;

/// It serves, or has read everything again.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads everything again; `ready` follows. The protocol asks when that began.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager could not be told"),
    }
}

/// It stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
