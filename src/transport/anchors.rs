//! Anchors by door: which accredited anchors a certificate is judged by, once its name is known.
//!
//! The anchors of ministries enter; what `verify` selects from leaves. What a certificate under them is worth
//! is decided by `trust::chain` alone. The certificates that the other side sends besides its own are not
//! looked at, and no system root is ever consulted.

use std::collections::BTreeMap;

use rustls::pki_types::ServerName;

use crate::trust::anchor::Anchors;
use crate::trust::name::{Domain, Ministry};

/// Transport anchors of the ministries we speak to, each with the DNS name of its gateway.
#[derive(Debug, Clone, Default)]
pub struct PeerAnchors(BTreeMap<Ministry, GatewayAnchors>);

/// The anchors of one ministry's gateway, and the name its certificate must carry.
#[derive(Debug, Clone)]
pub(super) struct GatewayAnchors {
    pub(super) anchors: Anchors,
    pub(super) server_name: ServerName<'static>,
}

/// The domain gives no DNS name for a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be asked for as a DNS name")]
pub struct InvalidServerName(pub String);

impl PeerAnchors {
    /// No ministry at all: everybody is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the ministry that the anchors belong to, or replaces what was known of it.
    pub fn insert(&mut self, domain: &Domain, anchors: Anchors) -> Result<(), InvalidServerName> {
        let name = domain.gateway_dns_name();
        let server_name = ServerName::try_from(name.clone()).map_err(|_| InvalidServerName(name))?;
        self.0.insert(anchors.ministry().clone(), GatewayAnchors { anchors, server_name });
        Ok(())
    }

    /// The ministries, ascending.
    pub fn ministries(&self) -> impl Iterator<Item = &Ministry> {
        self.0.keys()
    }

    pub(super) fn of(&self, ministry: &Ministry) -> Option<&GatewayAnchors> {
        self.0.get(ministry)
    }
}

/// Anchors of certificates of the own ministry that no peer ever learns: those of desks at their gateway, those of
/// clients at their desk.
#[derive(Debug, Clone)]
pub struct DeskAnchors(Anchors);

impl DeskAnchors {
    /// Desks of the ministry that the anchors belong to.
    pub fn new(anchors: Anchors) -> Self {
        Self(anchors)
    }

    /// The own ministry.
    pub fn ministry(&self) -> &Ministry {
        self.0.ministry()
    }

    pub(super) fn anchors(&self) -> &Anchors {
        &self.0
    }
}
