//! Verifiers: who is let in at which door, and whom a client believes it reached.
//!
//! rustls hands over the other side's certificate; the name in it only selects the anchors, and the verdict
//! of those anchors is the identity. A stranger learns nothing of our peers: no authorities are named in the
//! request for a certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible,
    SignatureScheme,
};
use webpki::EndEntityCert;

use super::anchors::{DeskAnchors, GatewayAnchors, PeerAnchors};
use super::tls::{self, SIGNATURE_ALGORITHMS};
use crate::time::Timestamp;
use crate::trust::chain::{self, ChainRefusal, PathFlaw, Purpose};
use crate::trust::name::{Ministry, Name};
use crate::trust::subject::{Subject, SubjectRefusal};

/// Whom a door lets in.
#[derive(Debug)]
pub(super) enum Visitors {
    /// Clients of the own desk.
    Clients(DeskAnchors),
    /// Desks of the own ministry.
    Desks(DeskAnchors),
    /// Gateways of accredited ministries.
    Gateways(PeerAnchors),
}

/// Why a certificate that may be genuine is not believed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// It names somebody else than the one we called.
    #[error("expected the gateway of {expected}, reached {found}")]
    AnotherMinistry {
        /// Whom we called.
        expected: Ministry,
        /// Who answered.
        found: Name,
    },
    /// It names nobody.
    #[error(transparent)]
    Nobody(#[from] SubjectRefusal),
    /// No anchors of that ministry are accredited.
    #[error("{0} is not accredited here")]
    UnknownMinistry(Ministry),
    /// Its kind of name has no business at this door.
    #[error("{0} has no business at this door")]
    WrongDoor(Name),
}

impl Visitors {
    /// Verifies a visitor's certificate at one instant.
    pub(super) fn verify(&self, certificate: &CertificateDer<'_>, at: Timestamp) -> Result<(), Error> {
        let subject = Subject::of(certificate).map_err(|refusal| not_believed(refusal.into()))?;
        let anchors = match (self, subject.name()) {
            (Self::Gateways(peers), Name::Gateway { ministry }) => match peers.of(ministry) {
                Some(GatewayAnchors { anchors, .. }) => anchors,
                None => return Err(not_believed(NotBelieved::UnknownMinistry(ministry.clone()))),
            },
            (Self::Desks(desks), Name::Desk { ministry, .. }) if ministry == desks.ministry() => {
                desks.anchors()
            }
            (Self::Clients(clients), Name::Client { ministry, .. }) if ministry == clients.ministry() => {
                clients.anchors()
            }
            (_, name) => return Err(not_believed(NotBelieved::WrongDoor(name.clone()))),
        };
        chain::verify(certificate, anchors, Purpose::TlsClient, at).map_err(refused)?;
        Ok(())
    }
}

impl ClientCertVerifier for Visitors {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity, tls::instant(now))?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &SIGNATURE_ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURE_ALGORITHMS.supported_schemes()
    }
}

/// Believes one gateway: that of the expected ministry.
#[derive(Debug)]
pub(super) struct ExpectedGateway {
    ministry: Ministry,
    gateway: GatewayAnchors,
}

impl ExpectedGateway {
    pub(super) fn new(ministry: Ministry, gateway: GatewayAnchors) -> Self {
        Self { ministry, gateway }
    }

    /// Verifies the certificate of whoever answered at one instant.
    pub(super) fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        at: Timestamp,
    ) -> Result<(), Error> {
        let subject = Subject::of(certificate).map_err(|refusal| not_believed(refusal.into()))?;
        if !matches!(subject.name(), Name::Gateway { ministry } if *ministry == self.ministry) {
            let (expected, found) = (self.ministry.clone(), subject.name().clone());
            return Err(not_believed(NotBelieved::AnotherMinistry { expected, found }));
        }
        chain::verify(certificate, &self.gateway.anchors, Purpose::TlsServer, at).map_err(refused)?;
        let parsed = EndEntityCert::try_from(certificate);
        parsed
            .and_then(|parsed| parsed.verify_is_valid_for_subject_name(server_name))
            .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))
    }
}

impl ServerCertVerifier for ExpectedGateway {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity, server_name, tls::instant(now))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &SIGNATURE_ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURE_ALGORITHMS.supported_schemes()
    }
}

const NO_TLS12: Error = Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled);

fn not_believed(reason: NotBelieved) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
}

/// Keeps the distinctions that the alert to the other side and our log make; the rest keeps its text.
fn refused(refusal: ChainRefusal) -> Error {
    Error::InvalidCertificate(match refusal {
        ChainRefusal::Expired(_) => CertificateError::Expired,
        ChainRefusal::NotYetValid(_) => CertificateError::NotValidYet,
        ChainRefusal::Purpose(_) => CertificateError::InvalidPurpose,
        ChainRefusal::Revoked(_) => CertificateError::Revoked,
        ChainRefusal::StaleRevocationList(_) => CertificateError::ExpiredRevocationList,
        ChainRefusal::Unreadable(_) => CertificateError::BadEncoding,
        ChainRefusal::Untrusted(PathFlaw::Signature) => CertificateError::BadSignature,
        ChainRefusal::Untrusted(PathFlaw::UnknownIssuer) => CertificateError::UnknownIssuer,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    })
}
