//! Whether a certificate was believable at an instant, for a purpose.
//!
//! A certificate, the anchors of one ministry and an instant enter; the subject leaves. The path runs only through
//! authorities the anchors name, and for TLS it must run through one. Revocation follows the signing-time rule: the
//! path is judged at the instant without lists, and then refused if a certificate of it was revoked at or before that
//! instant. So a signature stays good when its certificate is revoked later, and the archive is judged as live traffic
//! is.

use std::time::Duration;

use der::Decode;
use der::asn1::ObjectIdentifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_cert::Certificate;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::digest::Digest;
use crate::time::Timestamp;

use self::memory::Span;
use super::anchor::{Anchors, RootOutsideValidity};
use super::certificate;
use super::name::Ministry;
use super::subject::{Subject, SubjectRefusal};

mod memory;

pub(super) use self::memory::Memory;

/// What a certificate is presented for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signing records that bind the ministry.
    Signing,
    /// Opening a TLS connection.
    TlsClient,
    /// Accepting a TLS connection.
    TlsServer,
}

/// Why a certificate is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainRefusal {
    /// After its end, or after the end of an authority above it.
    #[error("the certificate or an authority above it expired at {0}")]
    Expired(Timestamp),
    /// Before its beginning, or before the beginning of an authority above it.
    #[error("the certificate or an authority above it is not valid before {0}")]
    NotYetValid(Timestamp),
    /// The name is of another ministry than the anchors.
    #[error("the certificate names ministry {named} under the root of {expected}")]
    OtherMinistry {
        /// Whom the certificate names.
        named: Ministry,
        /// Whose root it was judged by.
        expected: Ministry,
    },
    /// Not made for this.
    #[error("the certificate is not made for this purpose: {0}")]
    Purpose(&'static str),
    /// Revoked at or before the instant.
    #[error("the certificate or an authority above it is revoked from {0} on")]
    Revoked(Timestamp),
    /// The freshest revocation list was due for replacement before the instant.
    #[error("the revocation list should have been replaced at {0}")]
    StaleRevocationList(Timestamp),
    /// It names nobody.
    #[error(transparent)]
    Subject(#[from] SubjectRefusal),
    /// Bytes that are no certificate.
    #[error("not a certificate: {0}")]
    Unreadable(String),
    /// No path to the root, or a wrong signature on it.
    #[error("no believed authority vouches for the certificate: {0}")]
    Untrusted(PathFlaw),
}

/// What is wrong with the path from the root to a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFlaw {
    /// Anything else, as path validation calls it.
    #[error("{0}")]
    Other(String),
    /// The issuer has the right name and another key.
    #[error("a signature on its path is wrong")]
    Signature,
    /// An authority the anchors do not name, or the root where an authority must stand between.
    #[error("its issuer is unknown for this purpose")]
    UnknownIssuer,
}

impl ChainRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Expired(_) => "CERTIFICATE_EXPIRED",
            Self::NotYetValid(_) => "CERTIFICATE_NOT_YET_VALID",
            Self::OtherMinistry { .. } => "CERTIFICATE_OF_OTHER_MINISTRY",
            Self::Purpose(_) => "CERTIFICATE_PURPOSE",
            Self::Revoked(_) => "CERTIFICATE_REVOKED",
            Self::StaleRevocationList(_) => "REVOCATION_LIST_STALE",
            Self::Subject(_) => "CERTIFICATE_NAME",
            Self::Unreadable(_) => "CERTIFICATE_UNREADABLE",
            Self::Untrusted(_) => "CERTIFICATE_UNTRUSTED",
        }
    }
}

/// A certificate that was believable, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    subject: Subject,
    authority: Option<CertificateDer<'static>>,
}

impl Chain {
    /// Whom the certificate names.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The authority between it and the root; none if the root certified it directly.
    pub fn authority(&self) -> Option<&CertificateDer<'static>> {
        self.authority.as_ref()
    }

    /// The subject alone.
    pub fn into_subject(self) -> Subject {
        self.subject
    }
}

/// Judges `certificate`, DER, at the instant `at`. Anchors remember what was believed, so that a key that signs
/// often is judged once.
pub fn verify(
    certificate: &[u8],
    anchors: &Anchors,
    purpose: Purpose,
    at: Timestamp,
) -> Result<Chain, ChainRefusal> {
    let digest = Digest::of(certificate);
    if let Some(chain) = anchors.memory.recall(&digest, purpose, at) {
        return Ok(chain);
    }
    let (chain, span) = verify_anew(certificate, anchors, purpose, at)?;
    if let Some(span) = span {
        anchors.memory.remember(digest, purpose, &chain, span);
    }
    Ok(chain)
}

/// The chain, and the instants at which this answer would be the same, where that can be told.
fn verify_anew(
    certificate: &[u8],
    anchors: &Anchors,
    purpose: Purpose,
    at: Timestamp,
) -> Result<(Chain, Option<Span>), ChainRefusal> {
    anchors.root_is_valid(at).map_err(|outside| match outside {
        RootOutsideValidity::Before(from) => ChainRefusal::NotYetValid(from),
        RootOutsideValidity::After(until) => ChainRefusal::Expired(until),
    })?;
    let der = CertificateDer::from(certificate);
    let end_entity = EndEntityCert::try_from(&der).map_err(refusal_of)?;
    let path = end_entity
        .verify_for_usage(
            &certificate::algorithms(),
            std::slice::from_ref(&anchors.trust_anchor),
            anchors.authorities(),
            unix_time(at)?,
            KeyUsage::required_if_present(purpose.usage().as_bytes()),
            None,
            None,
        )
        .map_err(refusal_of)?;
    let authority = authority_of(&path)?;
    if authority.is_none() && purpose != Purpose::Signing {
        // The root certifies the key that signs bundles, and nobody who opens connections.
        return Err(ChainRefusal::Untrusted(PathFlaw::UnknownIssuer));
    }
    check_revocation(&path, anchors, at)?;
    let parsed =
        Certificate::from_der(certificate).map_err(|error| ChainRefusal::Unreadable(error.to_string()))?;
    check_purpose(&parsed, purpose)?;
    let subject = Subject::of_parsed(&parsed)?;
    let named = subject.name().ministry();
    if named != anchors.ministry() {
        let expected = anchors.ministry().clone();
        return Err(ChainRefusal::OtherMinistry { named: named.clone(), expected });
    }
    let span = span(&path, &parsed, authority.as_ref(), anchors);
    Ok((Chain { subject, authority }, span))
}

/// The instants at which a path that is believed now is believed too, and no other path could be found instead:
/// all of it is valid, nothing of it is revoked, every list is fresh. None where two authorities bear one name,
/// because then the path itself depends on the instant.
fn span(
    path: &VerifiedPath<'_>,
    parsed: &Certificate,
    authority: Option<&CertificateDer<'_>>,
    anchors: &Anchors,
) -> Option<Span> {
    let validity = |certificate: &Certificate| {
        let validity = certificate.tbs_certificate.validity;
        (certificate::timestamp(validity.not_before), certificate::timestamp(validity.not_after))
    };
    let (from, until) = anchors.root_validity();
    // Instants before 1970 are nobody's.
    let mut span = Span { from: from.max(Timestamp::from_seconds(0)), until };
    let (from, until) = validity(parsed);
    span = span.within(from, until);
    if let Some(authority) = authority {
        let name = EndEntityCert::try_from(authority).ok()?.subject().to_vec();
        let namesakes = anchors.authorities().iter().filter(|other| {
            // One that cannot be read counts: better the long way than a wrong short one.
            EndEntityCert::try_from(*other).map_or(true, |other| other.subject() == name.as_slice())
        });
        if namesakes.count() != 1 {
            return None;
        }
        let (from, until) = validity(&Certificate::from_der(authority).ok()?);
        span = span.within(from, until);
    }
    let end_entity = path.end_entity();
    let above = path.intermediate_certificates().map(|authority| (authority.issuer(), authority.serial()));
    for (issuer, serial) in std::iter::once((end_entity.issuer(), end_entity.serial())).chain(above) {
        if let Some(revoked) = anchors.revoked_from(issuer, serial) {
            span = span.within(span.from, revoked.before(Duration::from_secs(1)));
        }
        if let Some(until) = anchors.lists_fresh_until(issuer) {
            span = span.within(span.from, until);
        }
    }
    Some(span)
}

static DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
static CLIENT_AUTHENTICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
static SERVER_AUTHENTICATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

impl Purpose {
    fn usage(self) -> &'static ObjectIdentifier {
        match self {
            Self::Signing => &DOCUMENT_SIGNING,
            Self::TlsClient => &CLIENT_AUTHENTICATION,
            Self::TlsServer => &SERVER_AUTHENTICATION,
        }
    }
}

fn unix_time(at: Timestamp) -> Result<UnixTime, ChainRefusal> {
    let seconds =
        u64::try_from(at.seconds()).map_err(|_| ChainRefusal::NotYetValid(Timestamp::from_seconds(0)))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// The one authority of a path. Anchors are built so that no path is longer; the bound is held here too.
fn authority_of(path: &VerifiedPath<'_>) -> Result<Option<CertificateDer<'static>>, ChainRefusal> {
    let mut authorities = path.intermediate_certificates();
    let authority = authorities.next().map(|found| found.der().into_owned());
    match authorities.next() {
        None => Ok(authority),
        Some(_) => Err(ChainRefusal::Untrusted(PathFlaw::Other("the path is too long".to_owned()))),
    }
}

fn check_revocation(path: &VerifiedPath<'_>, anchors: &Anchors, at: Timestamp) -> Result<(), ChainRefusal> {
    let end_entity = path.end_entity();
    let above = path.intermediate_certificates().map(|authority| (authority.issuer(), authority.serial()));
    for (issuer, serial) in std::iter::once((end_entity.issuer(), end_entity.serial())).chain(above) {
        if let Some(from) = anchors.revoked_from(issuer, serial).filter(|from| *from <= at) {
            return Err(ChainRefusal::Revoked(from));
        }
        if let Some(until) = anchors.lists_fresh_until(issuer).filter(|until| *until < at) {
            return Err(ChainRefusal::StaleRevocationList(until));
        }
    }
    Ok(())
}

/// Path validation applies the required usage wherever it is present; the end entity must state it, and a key
/// that signs for the ministry must do nothing else.
fn check_purpose(parsed: &Certificate, purpose: Purpose) -> Result<(), ChainRefusal> {
    let usages = parsed.tbs_certificate.get::<ExtendedKeyUsage>().ok().flatten().map(|(_, usages)| usages.0);
    let usages = usages.ok_or(ChainRefusal::Purpose("it states no extended key usage"))?;
    let key_usage = certificate::key_usage(parsed).ok_or(ChainRefusal::Purpose("it states no key usage"))?;
    if key_usage.key_cert_sign() || key_usage.crl_sign() {
        return Err(ChainRefusal::Purpose("its key belongs to an authority"));
    }
    let refusal = match purpose {
        Purpose::Signing if usages != [DOCUMENT_SIGNING] => {
            Some("its extended key usage is not document signing alone")
        }
        Purpose::Signing if !key_usage.non_repudiation() => Some("its key usage lacks content commitment"),
        Purpose::TlsClient | Purpose::TlsServer if usages.contains(&DOCUMENT_SIGNING) => {
            Some("a key that signs documents opens no connection")
        }
        Purpose::TlsClient | Purpose::TlsServer if !usages.contains(purpose.usage()) => {
            Some("its extended key usage lacks this side of TLS")
        }
        _ if !key_usage.digital_signature() => Some("its key usage lacks digital signature"),
        _ => None,
    };
    refusal.map_or(Ok(()), |what| Err(ChainRefusal::Purpose(what)))
}

fn refusal_of(error: webpki::Error) -> ChainRefusal {
    let instant = |time: UnixTime| Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    match error {
        webpki::Error::CertExpired { not_after, .. } => ChainRefusal::Expired(instant(not_after)),
        webpki::Error::CertNotValidYet { not_before, .. } => ChainRefusal::NotYetValid(instant(not_before)),
        webpki::Error::RequiredEkuNotFoundContext(_) => {
            ChainRefusal::Purpose("its extended key usage does not allow it")
        }
        webpki::Error::CaUsedAsEndEntity => ChainRefusal::Purpose("its key belongs to an authority"),
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            ChainRefusal::Unreadable(error.to_string())
        }
        webpki::Error::InvalidSignatureForPublicKey => ChainRefusal::Untrusted(PathFlaw::Signature),
        webpki::Error::UnknownIssuer => ChainRefusal::Untrusted(PathFlaw::UnknownIssuer),
        other => ChainRefusal::Untrusted(PathFlaw::Other(other.to_string())),
    }
}

#[cfg(test)]
mod tests;
