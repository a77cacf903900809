//! Detached signatures over exact bytes: CMS SignedData, CAdES-B-B profile, DER only.
//!
//! Bytes and a key enter, a signature leaves; bytes, a signature, anchors and an instant enter, and who signed
//! leaves. What is accepted is one strict shape (`cms`), so that no bit of an accepted signature can be changed.
//! The claimed signing time proves nothing; it only must not lie ahead of the instant of judgement.

use std::collections::BTreeSet;
use std::fmt;

use ring::digest;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::digest::Digest;
use crate::limits::{CLOCK_SKEW_MAX, SIGNATURE_BYTES_MAX};
use crate::time::Timestamp;

use super::anchor::Anchors;
use super::certificate;
use super::chain::{self, ChainRefusal, Purpose};
use super::cms::{self, SignedData};
use super::name::{Authority, Name};
use super::subject::Subject;

/// The key device or file could not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key could not sign: {0}")]
pub struct SigningFault(pub String);

/// A signing key with its certificates (port): keys in files, later in an HSM.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Certificate of the key, DER.
    fn certificate(&self) -> &[u8];
    /// Certificates between it and the root, DER, leaf side first, without the root.
    fn intermediates(&self) -> &[Vec<u8>];
    /// Signs `message` with ECDSA P-256 and SHA-256; the result is the ASN.1 DER form.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault>;
}

/// Who signed, by a signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    subject: Subject,
    certificate: Vec<u8>,
    claimed: Timestamp,
}

impl Signature {
    /// Who signed.
    pub fn name(&self) -> &Name {
        self.subject.name()
    }

    /// What the signer may do.
    pub fn authorities(&self) -> &BTreeSet<Authority> {
        self.subject.authorities()
    }

    /// SHA-256 of the signer's public key.
    pub fn key(&self) -> Digest {
        self.subject.key()
    }

    /// The signer's certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// SHA-256 of the signer's certificate.
    pub fn certificate_digest(&self) -> Digest {
        Digest::of(&self.certificate)
    }

    /// When the signer says it signed; informative.
    pub fn claimed_time(&self) -> Timestamp {
        self.claimed
    }

    /// Demands that `name` signed.
    pub fn require_name(&self, name: &Name) -> Result<(), SignatureRefusal> {
        if self.name() == name {
            return Ok(());
        }
        Err(SignatureRefusal::NotEntitled { signer: self.name().clone(), needed: name.to_string() })
    }

    /// Demands that the signer holds `authority`.
    pub fn require_authority(&self, authority: Authority) -> Result<(), SignatureRefusal> {
        if self.authorities().contains(&authority) {
            return Ok(());
        }
        let needed = authority.uri(self.name().ministry());
        Err(SignatureRefusal::NotEntitled { signer: self.name().clone(), needed })
    }
}

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// The certificate of the signer is not believed.
    #[error(transparent)]
    Chain(#[from] ChainRefusal),
    /// The claimed signing time lies ahead of the instant of judgement.
    #[error("the signer claims to have signed at {0}, which is still to come")]
    ClaimedTime(Timestamp),
    /// It is a signature over other bytes.
    #[error("the signature is over other content")]
    Content,
    /// The key of the certificate did not make it.
    #[error("the signature does not verify")]
    Invalid,
    /// The signer may not sign this.
    #[error("{signer} signed where {needed} is needed")]
    NotEntitled {
        /// Who signed.
        signer: Name,
        /// The name or the URI of the authority that is needed.
        needed: String,
    },
    /// Not the one shape that is accepted.
    #[error("the signature is not of the accepted profile: {0}")]
    Profile(&'static str),
    /// Longer than a signature may be.
    #[error("the signature is longer than {SIGNATURE_BYTES_MAX} bytes")]
    TooLong,
}

impl SignatureRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Chain(refusal) => refusal.reason(),
            Self::ClaimedTime(_) => "SIGNATURE_TIME",
            Self::Content => "SIGNATURE_CONTENT",
            Self::Invalid => "SIGNATURE_INVALID",
            Self::NotEntitled { .. } => "SIGNER_NOT_ENTITLED",
            Self::Profile(_) => "SIGNATURE_PROFILE",
            Self::TooLong => "SIGNATURE_TOO_LONG",
        }
    }
}

/// Signs `content`: detached CMS SignedData with the signer's certificate and those above it.
pub fn sign(content: &[u8], signer: &dyn Signer, claimed: Timestamp) -> Result<Vec<u8>, SigningFault> {
    let fault = |error: &dyn fmt::Display| SigningFault(error.to_string());
    let der = CertificateDer::from(signer.certificate());
    let own = EndEntityCert::try_from(&der).map_err(|error| fault(&error))?;
    let statement = cms::statement(content, &der, claimed).map_err(|error| fault(&error))?;
    let signature = signer.sign(&statement)?;
    // A signature that does not fit the certificate would be refused by everyone who receives it.
    own.verify_signature(webpki::ring::ECDSA_P256_SHA256, &statement, &signature)
        .map_err(|_| SigningFault("the key does not belong to its certificate".to_owned()))?;
    let mut certificates = signer.intermediates().to_vec();
    certificates.push(der.to_vec());
    cms::write(&statement, &signature, own.issuer(), own.serial(), certificates)
        .map_err(|error| fault(&error))
}

/// When a signer claims to have signed; none of what is no signature. Nothing is verified.
pub fn claimed_time(p7s: &[u8]) -> Option<Timestamp> {
    SignedData::read(p7s).ok().map(|signed| signed.claimed)
}

/// Verifies a detached signature over `content` as it was at the instant `at`.
pub fn verify(
    content: &[u8],
    p7s: &[u8],
    anchors: &Anchors,
    at: Timestamp,
) -> Result<Signature, SignatureRefusal> {
    if p7s.len() > SIGNATURE_BYTES_MAX {
        return Err(SignatureRefusal::TooLong);
    }
    let signed = SignedData::read(p7s).map_err(SignatureRefusal::Profile)?;
    if digest::digest(signed.hash, content).as_ref() != signed.content_hash {
        return Err(SignatureRefusal::Content);
    }
    if signed.claimed > at.after(CLOCK_SKEW_MAX) {
        return Err(SignatureRefusal::ClaimedTime(signed.claimed));
    }
    let signer = signer_certificate(&signed)?;
    let subject = verify_chain(&signed, signer, anchors, at)?;
    let der = CertificateDer::from(signer);
    let key = EndEntityCert::try_from(&der).map_err(|_| SignatureRefusal::Invalid)?;
    let algorithm = certificate::algorithm(&signed.algorithm).ok_or(SignatureRefusal::Invalid)?;
    key.verify_signature(algorithm, &signed.statement, signed.signature)
        .map_err(|_| SignatureRefusal::Invalid)?;
    Ok(Signature { subject, certificate: signer.to_vec(), claimed: signed.claimed })
}

/// The one certificate that the signed attribute names by its hash; it must also be named as the signer's.
fn signer_certificate<'a>(signed: &SignedData<'a>) -> Result<&'a [u8], SignatureRefusal> {
    let (algorithm, hash) = signed.certificate_hash;
    let mut certificates = signed.certificates.iter().copied();
    let signer = certificates
        .find(|certificate| digest::digest(algorithm, certificate).as_ref() == hash)
        .ok_or(SignatureRefusal::Profile("the certificate of the signer is missing"))?;
    let der = CertificateDer::from(signer);
    let parsed = EndEntityCert::try_from(&der)
        .map_err(|_| SignatureRefusal::Profile("the certificate of the signer is unreadable"))?;
    if parsed.issuer() != signed.issuer || parsed.serial() != signed.serial {
        return Err(SignatureRefusal::Profile("the signer is named by another issuer or serial number"));
    }
    Ok(signer)
}

/// Beside the signer's certificate exactly the authority of its chain may stand: that is what any other tool
/// needs to reach the root, and anything more would be bytes that nobody vouches for.
fn verify_chain(
    signed: &SignedData<'_>,
    signer: &[u8],
    anchors: &Anchors,
    at: Timestamp,
) -> Result<Subject, SignatureRefusal> {
    let chain = chain::verify(signer, anchors, Purpose::Signing, at)?;
    let others = || signed.certificates.iter().filter(|certificate| **certificate != signer);
    let authority = chain.authority().map(|authority| authority.as_ref());
    if !others().copied().eq(authority) {
        return Err(SignatureRefusal::Profile("the certificates are not the signer's and its authority's"));
    }
    Ok(chain.into_subject())
}

#[cfg(test)]
mod tests;
