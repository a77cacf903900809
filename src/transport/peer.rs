//! `Peer`: the authenticated name at the other end of a call.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use super::status::refusal;
use crate::digest::Digest;
use crate::trust::name::{Ministry, Name};
use crate::trust::role::Role;

/// Who is at the other end, as the anchors that verified the certificate say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    name: Name,
    certificate: Digest,
    address: SocketAddr,
    roles: BTreeSet<Role>,
    user: Option<u32>,
    cord: Cord,
}

/// Closes a connection from within, whatever its other side does.
#[derive(Clone, Default)]
pub struct Cord(CancellationToken);

impl Cord {
    /// Closes it.
    pub fn pull(&self) {
        self.0.cancel();
    }

    /// Whether somebody has closed it.
    pub fn is_pulled(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(super) fn token(&self) -> &CancellationToken {
        &self.0
    }
}

/// A cord says nothing of who is there.
impl PartialEq for Cord {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cord {}

impl fmt::Debug for Cord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cord")
    }
}

impl Peer {
    /// A peer whose certificate was verified by the caller.
    pub fn new(name: Name, certificate: Digest, address: SocketAddr) -> Self {
        Self { name, certificate, address, roles: BTreeSet::new(), user: None, cord: Cord::default() }
    }

    /// The same with the roles that its certificate states.
    #[must_use]
    pub fn with_roles(self, roles: BTreeSet<Role>) -> Self {
        Self { roles, ..self }
    }

    /// The same as whom the system of this host knows: the user with this number.
    #[must_use]
    pub fn as_user(self, user: u32) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The number of the user of this host; none of whoever came over a network.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// What a client of a desk may ask it for; empty for everybody else.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Closes its connection.
    pub fn cord(&self) -> &Cord {
        &self.cord
    }

    /// The caller of a request. Without one the request did not come through our listener.
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        request
            .extensions()
            .get::<Self>()
            .ok_or_else(|| refusal(Code::Unauthenticated, "PEER_UNNAMED", "the connection names nobody"))
    }

    /// The name in the verified certificate.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The ministry of the name.
    pub fn ministry(&self) -> &Ministry {
        self.name.ministry()
    }

    /// Digest of the certificate, DER.
    pub fn certificate(&self) -> Digest {
        self.certificate
    }

    /// Where the connection came from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::status::reason_of;

    #[test]
    fn a_request_without_a_named_peer_is_refused() {
        let status = Peer::of(&Request::new(())).unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(reason_of(&status).as_deref(), Some("PEER_UNNAMED"));
    }

    #[test]
    fn the_peer_of_a_request_is_the_one_of_its_connection() {
        let name = Name::parse("chancery://XA/gateway").unwrap();
        let peer = Peer::new(name, Digest::of(b"certificate"), "192.0.2.1:443".parse().unwrap());
        let mut request = Request::new(());
        request.extensions_mut().insert(peer.clone());
        assert_eq!(Peer::of(&request).unwrap(), &peer);
        assert_eq!(peer.ministry().as_str(), "XA");
    }
}
