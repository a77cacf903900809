//! What the other files of this room ask of a certificate's DER: who signed it, when it is valid, what its
//! extensions say. Nothing here decides whether a certificate is believed.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::time::Time;

use crate::time::Timestamp;

pub(super) const ECDSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(super) const ECDSA_WITH_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The signature algorithms of certificates, revocation lists and records: nothing else is ever verified.
pub(super) fn algorithms() -> [&'static dyn SignatureVerificationAlgorithm; 3] {
    [webpki::ring::ECDSA_P256_SHA256, webpki::ring::ECDSA_P384_SHA384, webpki::ring::ED25519]
}

/// The algorithm with this identifier.
pub(super) fn algorithm(
    identifier: &ObjectIdentifier,
) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    match *identifier {
        ECDSA_WITH_SHA_256 => Some(webpki::ring::ECDSA_P256_SHA256),
        ECDSA_WITH_SHA_384 => Some(webpki::ring::ECDSA_P384_SHA384),
        ED25519 => Some(webpki::ring::ED25519),
        _ => None,
    }
}

/// Whether the key of `issuer` signed this certificate or revocation list, DER.
pub(super) fn is_signed_by(signed: &[u8], issuer: &EndEntityCert<'_>) -> bool {
    let Some((statement, identifier, signature)) = split(signed) else { return false };
    algorithm(&identifier)
        .is_some_and(|algorithm| issuer.verify_signature(algorithm, statement, signature).is_ok())
}

/// The instant of a certificate's time.
pub(super) fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// The basic constraints, if the certificate has any and they are readable.
pub(super) fn basic_constraints(certificate: &Certificate) -> Option<BasicConstraints> {
    certificate.tbs_certificate.get::<BasicConstraints>().ok().flatten().map(|(_, value)| value)
}

/// The key usage, if the certificate has one and it is readable.
pub(super) fn key_usage(certificate: &Certificate) -> Option<KeyUsage> {
    certificate.tbs_certificate.get::<KeyUsage>().ok().flatten().map(|(_, value)| value)
}

/// Splits a certificate or list into the bytes that are signed, the algorithm and the signature.
fn split(signed: &[u8]) -> Option<(&[u8], ObjectIdentifier, &[u8])> {
    let content = AnyRef::from_der(signed).ok()?.value();
    let mut reader = SliceReader::new(content).ok()?;
    let statement = reader.tlv_bytes().ok()?;
    let algorithm = AnyRef::decode(&mut reader).ok()?;
    let signature = BitStringRef::decode(&mut reader).ok()?.as_bytes()?;
    if !reader.is_finished() {
        return None;
    }
    let identifier = ObjectIdentifier::from_der(algorithm.value()).ok()?;
    Some((statement, identifier, signature))
}
