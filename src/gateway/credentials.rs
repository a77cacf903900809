//! What the TLS configurations of a gateway are built from: files of its home, and the bundles in force.
//!
//! A configuration and the anchors of peers enter, identity and anchors leave. Nothing is believed here: the verifiers
//! of `transport` do that with what they are given.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::keys::{KeyError, file, secret_file};
use crate::limits;
use crate::time::Timestamp;
use crate::transport::anchors::{DeskAnchors, PeerAnchors};
use crate::transport::credentials::{InvalidIdentity, Material, Source, TlsIdentity};
use crate::trust::anchor::Anchors;

/// The anchors of peers, or why there are none.
pub(super) type Peers = Result<PeerAnchors, Box<dyn Error + Send + Sync>>;

/// The revocation list of the own desk-access authority that counts, DER.
pub(super) type DeskList = Arc<ArcSwapOption<Vec<u8>>>;

/// Reads everything anew whenever it is asked, and asks for the peers.
pub(super) fn credentials_source(
    config: Config,
    desk_list: DeskList,
    peers: impl Fn() -> Peers + Send + Sync + 'static,
) -> Source {
    Box::new(move || {
        let identity = identity(&config)?;
        let anchors = desk_anchors(&config)?;
        let list: Vec<Vec<u8>> = desk_list.load_full().iter().map(|list| list.to_vec()).collect();
        // One of an authority that was replaced since says nothing of those of today.
        let lists = anchors.newer_lists(&list, Timestamp::from_seconds(i64::MAX));
        let desks = Some(DeskAnchors::new(anchors.with_lists(&lists)));
        Ok(Material { identity, peers: peers()?, desks })
    })
}

fn identity(config: &Config) -> Result<TlsIdentity, Box<dyn Error + Send + Sync>> {
    let path = config.transport_chain();
    let chain = secret_file::read_public(&path, limits::CHAIN_BYTES_MAX)?;
    let is_mismatch = |unfit: &Unfit| matches!(unfit, Unfit::Identity(InvalidIdentity::Mismatch));
    let read = |key: &Path| {
        // Refuses a key that others may read, as it does for the keys of the log.
        let key = secret_file::read_secret(key).map_err(Unfit::Key)?;
        TlsIdentity::from_pem(&chain, &key).map_err(Unfit::Identity)
    };
    file::with_next(&config.transport_key(), is_mismatch, read).map_err(|unfit| match unfit {
        Unfit::Key(error) => error.into(),
        Unfit::Identity(cause) => format!("{}: {cause}", path.display()).into(),
    })
}

/// Why key and chain are no identity.
enum Unfit {
    Key(KeyError),
    Identity(InvalidIdentity),
}

/// What desk-access certificates are judged by, without any list.
pub(super) fn desk_anchors(config: &Config) -> Result<Anchors, Fault> {
    let root = certificate(&config.root())?;
    let desk_access = certificate(&config.desk_access())?;
    Anchors::new(config.ministry.clone(), &root, &[desk_access], &[])
        .map_err(|cause| Fault::Credentials(cause.to_string()))
}

/// The certificate in a file, DER.
pub(super) fn certificate(path: &Path) -> Result<Vec<u8>, Fault> {
    let certificate = CertificateDer::from_pem_file(path)
        .map_err(|cause| Fault::Credentials(format!("{}: {cause}", path.display())))?;
    Ok(certificate.to_vec())
}
