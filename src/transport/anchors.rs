//! Anchors: under which authorities a certificate may speak TLS in the name of a ministry.
//!
//! Accredited certificates and revocation lists enter; a verdict about one certificate at one instant
//! leaves. A path always runs root, pinned authority, certificate: what the other side sends besides its own
//! certificate is not looked at, and no system root is ever consulted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use der::Decode;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use super::tls::SIGNATURE_ALGORITHMS;
use crate::trust::name::{Domain, Ministry};

/// Root, authorities and revocation lists of one kind of certificate of one ministry.
#[derive(Clone)]
pub struct Anchors {
    root: TrustAnchor<'static>,
    authorities: Vec<CertificateDer<'static>>,
    revocation_lists: Arc<[CertRevocationList<'static>]>,
    stale_lists: ExpirationPolicy,
}

/// Why certificates or lists cannot be anchors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnchors {
    /// Bytes that are no certificate.
    #[error("an anchor is not a certificate: {0}")]
    Certificate(webpki::Error),
    /// Two revocation lists of one issuer: which one counts would depend on their order.
    #[error("two revocation lists come from one issuer")]
    DoubledList,
    /// The authority was not issued by the root.
    #[error("an authority does not name the root as its issuer")]
    ForeignAuthority,
    /// Bytes that are no revocation list.
    #[error("a revocation list cannot be read: {0}")]
    List(webpki::Error),
    /// A root that is not its own issuer.
    #[error("the root is not self-signed")]
    NotARoot,
    /// No authority at all: nothing could ever be accepted.
    #[error("no authority is given")]
    NoAuthority,
    /// The domain gives no DNS name.
    #[error("{0} cannot be asked for as a DNS name")]
    ServerName(String),
}

impl Anchors {
    /// From DER: the root, the authorities it issued, and at most one revocation list of each issuer.
    pub fn new(
        root: &[u8],
        authorities: &[Vec<u8>],
        revocation_lists: &[Vec<u8>],
    ) -> Result<Self, InvalidAnchors> {
        let root = CertificateDer::from(root);
        let parsed_root = EndEntityCert::try_from(&root).map_err(InvalidAnchors::Certificate)?;
        if parsed_root.subject() != parsed_root.issuer() {
            return Err(InvalidAnchors::NotARoot);
        }
        if authorities.is_empty() {
            return Err(InvalidAnchors::NoAuthority);
        }
        for authority in authorities {
            let authority = CertificateDer::from(authority.as_slice());
            let parsed = EndEntityCert::try_from(&authority).map_err(InvalidAnchors::Certificate)?;
            if parsed.issuer() != parsed_root.subject() {
                return Err(InvalidAnchors::ForeignAuthority);
            }
        }
        let anchor = webpki::anchor_from_trusted_cert(&root).map_err(InvalidAnchors::Certificate)?;
        Ok(Self {
            root: anchor.to_owned(),
            authorities: authorities.iter().cloned().map(CertificateDer::from).collect(),
            revocation_lists: read_lists(revocation_lists)?.into(),
            stale_lists: ExpirationPolicy::Enforce,
        })
    }

    /// Goes on believing revocation lists after their next update was due. Stale lists fail closed unless an
    /// operator decides this; whoever calls it logs the decision.
    pub fn tolerating_stale_lists(self) -> Self {
        Self { stale_lists: ExpirationPolicy::Ignore, ..self }
    }

    /// Verifies one certificate at one instant.
    pub(super) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        purpose: Purpose,
        at: UnixTime,
    ) -> Result<(), webpki::Error> {
        let parsed = EndEntityCert::try_from(certificate)?;
        require_purpose(certificate, purpose)?;
        let lists: Vec<&CertRevocationList<'_>> = self.revocation_lists.iter().collect();
        // A ministry that never published a list is believed by its bundle alone, hence Allow.
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(self.stale_lists)
                .build()
        });
        parsed.verify_for_usage(
            SIGNATURE_ALGORITHMS.all,
            std::slice::from_ref(&self.root),
            &self.authorities,
            at,
            purpose.usage(),
            revocation,
            Some(&through_an_authority),
        )?;
        Ok(())
    }
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (authorities, lists) = (self.authorities.len(), self.revocation_lists.len());
        write!(f, "Anchors({authorities} authorities, {lists} revocation lists)")
    }
}

/// What the certificate is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Client,
    Server,
}

impl Purpose {
    fn usage(self) -> KeyUsage {
        match self {
            Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
        }
    }

    fn identifier(self) -> der::asn1::ObjectIdentifier {
        match self {
            Self::Client => const_oid::db::rfc5280::ID_KP_CLIENT_AUTH,
            Self::Server => const_oid::db::rfc5280::ID_KP_SERVER_AUTH,
        }
    }
}

/// Transport anchors of the ministries we speak to, each with the DNS name of its gateway.
#[derive(Debug, Clone, Default)]
pub struct PeerAnchors(BTreeMap<Ministry, GatewayAnchors>);

/// The anchors of one ministry's gateway, and the name its certificate must carry.
#[derive(Debug, Clone)]
pub(super) struct GatewayAnchors {
    pub(super) anchors: Anchors,
    pub(super) server_name: ServerName<'static>,
}

impl PeerAnchors {
    /// No ministry at all: everybody is refused.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a ministry, or replaces what was known of it.
    pub fn insert(
        &mut self,
        ministry: Ministry,
        domain: &Domain,
        anchors: Anchors,
    ) -> Result<(), InvalidAnchors> {
        let name = domain.gateway_dns_name();
        let server_name = ServerName::try_from(name.clone()).map_err(|_| InvalidAnchors::ServerName(name))?;
        self.0.insert(ministry, GatewayAnchors { anchors, server_name });
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

/// Anchors of the desk-access certificates of the own ministry, which no peer ever learns.
#[derive(Debug, Clone)]
pub struct DeskAnchors {
    ministry: Ministry,
    anchors: Anchors,
}

impl DeskAnchors {
    /// Desks of `ministry` come under `anchors`.
    pub fn new(ministry: Ministry, anchors: Anchors) -> Self {
        Self { ministry, anchors }
    }

    /// The own ministry.
    pub fn ministry(&self) -> &Ministry {
        &self.ministry
    }

    pub(super) fn anchors(&self) -> &Anchors {
        &self.anchors
    }
}

fn read_lists(lists: &[Vec<u8>]) -> Result<Vec<CertRevocationList<'static>>, InvalidAnchors> {
    let mut issuers = BTreeSet::new();
    let mut read = Vec::with_capacity(lists.len());
    for list in lists {
        let list: CertRevocationList<'static> =
            OwnedCertRevocationList::from_der(list).map_err(InvalidAnchors::List)?.into();
        if !issuers.insert(list.issuer().to_vec()) {
            return Err(InvalidAnchors::DoubledList);
        }
        read.push(list);
    }
    Ok(read)
}

/// The root issues certificates that must not speak TLS (`trust`), so a path straight to it is refused.
fn through_an_authority(path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
    match path.intermediate_certificates().next() {
        Some(_) => Ok(()),
        None => Err(webpki::Error::UnknownIssuer),
    }
}

/// webpki lets a certificate without any extended key usage pass for every purpose; here it must be said.
fn require_purpose(certificate: &CertificateDer<'_>, purpose: Purpose) -> Result<(), webpki::Error> {
    let parsed = Certificate::from_der(certificate).map_err(|_| webpki::Error::BadDer)?;
    let usages = parsed.tbs_certificate.get::<ExtendedKeyUsage>().map_err(|_| webpki::Error::BadDer)?;
    match usages {
        Some((_, ExtendedKeyUsage(usages))) if usages.contains(&purpose.identifier()) => Ok(()),
        _ => Err(webpki::Error::EmptyEkuExtension),
    }
}
