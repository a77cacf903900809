//! How two parties reach each other: gRPC over TLS 1.3, both ends named.
//!
//! Sockets, certificates and accredited anchors enter; connections whose other end is a verified name leave
//! (`Listener`, `connect`). It must never happen that a connection is served without a name, that a name is
//! believed under the anchors of another ministry, or that one visitor keeps the others out.

pub mod anchors;
pub(crate) mod answer;
pub(crate) mod bucket;
pub mod channel;
pub mod codec;
pub mod connection;
pub mod credentials;
pub mod frames;
mod key_exchange;
pub mod listener;
pub mod local_socket;
pub(crate) mod lookup;
mod metered;
pub mod metrics;
pub mod operator_socket;
pub mod peer;
pub mod quota;
pub(crate) mod refusals;
pub mod status;
mod tls;
pub mod verify;
mod watched;

#[cfg(test)]
mod tests;
