//! Revocation lists: which certificates of an authority are no longer to be believed, and since when.

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};

use super::authority::{CertificateAuthority, IssueRefusal, construction, date, pem};
use super::branch::Serial;
use crate::time::Timestamp;

/// Why a certificate is revoked (RFC 5280, section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// The holder left the office or the ministry.
    AffiliationChanged,
    /// The office or the gateway no longer exists.
    CessationOfOperation,
    /// Somebody else has, or may have, the key.
    KeyCompromise,
    /// Another certificate took its place.
    Superseded,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 4] =
        [Self::AffiliationChanged, Self::CessationOfOperation, Self::KeyCompromise, Self::Superseded];

    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AffiliationChanged => "affiliation-changed",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::KeyCompromise => "key-compromise",
            Self::Superseded => "superseded",
        }
    }

    /// The reason for a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    fn code(self) -> rcgen::RevocationReason {
        match self {
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::Superseded => rcgen::RevocationReason::Superseded,
        }
    }
}

/// One entry of a revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Which certificate.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked: Timestamp,
    /// Since when it must not be believed, where that is earlier.
    pub invalid_since: Option<Timestamp>,
    /// Why.
    pub reason: RevocationReason,
}

/// When a revocation list was made, when the next one is due, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Rises with every list of an authority.
    pub number: u64,
    /// Made at.
    pub now: Timestamp,
    /// A newer list is to be expected by then.
    pub next_update: Timestamp,
}

/// A list as it lies in a file, PEM.
pub fn list_pem(der: &[u8]) -> String {
    pem("X509 CRL", der)
}

impl CertificateAuthority {
    /// Signs the list of all its revoked certificates, DER.
    pub fn revocation_list(&self, revocations: &[Revocation], issue: Issue) -> Result<Vec<u8>, IssueRefusal> {
        let mut revoked_certs = Vec::with_capacity(revocations.len());
        for revocation in revocations {
            revoked_certs.push(RevokedCertParams {
                serial_number: SerialNumber::from(revocation.serial.as_bytes().to_vec()),
                revocation_time: date(revocation.revoked)?,
                reason_code: Some(revocation.reason.code()),
                invalidity_date: revocation.invalid_since.map(date).transpose()?,
            });
        }
        let params = CertificateRevocationListParams {
            this_update: date(issue.now)?,
            next_update: date(issue.next_update)?,
            crl_number: SerialNumber::from(issue.number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer()?).map_err(construction)?.der().to_vec())
    }
}
