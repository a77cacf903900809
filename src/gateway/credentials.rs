//! What the TLS configurations of a gateway are built from: files of its home, and the bundles in force.
//!
//! A configuration and the anchors of peers enter, identity and anchors leave. Nothing is believed here: the verifiers of
//! `transport` do that with what they are given.

use std::error::Error;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::gateway::config::Config;
use crate::gateway::error::Fault;
use crate::keys::{KeyError, file, secret_file};
use crate::limits;
use crate::transport::anchors::{DeskAnchors, PeerAnchors};
use crate::transport::credentials::{InvalidIdentity, Material, Source, TlsIdentity};
use crate::trust::anchor::Anchors;

/// The anchors of peers, or why there are none.
pub(super) type Peers = Result<PeerAnchors, Box<dyn Error + Send + Sync>>;

/// Reads everything anew whenever it is asked, and asks for the peers.
pub(super) fn credentials_source(
    config: Config,
    peers: impl Fn() -> Peers + Send + Sync + 'static,
) -> Source {
    Box::new(move || {
        let identity = identity(&config)?;
        let root = certificate(&config.root())?;
        let desk_access = certificate(&config.desk_access())?;
        let anchors = Anchors::new(config.ministry.clone(), &root, &[desk_access], &[])?;
        let desks = Some(DeskAnchors::new(anchors));
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

/// The certificate in a file, DER.
pub(super) fn certificate(path: &Path) -> Result<Vec<u8>, Fault> {
    let certificate = CertificateDer::from_pem_file(path)
        .map_err(|cause| Fault::Credentials(format!("{}: {cause}", path.display())))?;
    Ok(certificate.to_vec())
}
