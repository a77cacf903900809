//! `CertificateAuthority`: issues the certificates and revocation lists of one branch of a ministry.
//!
//! Time and serial numbers are arguments. Nothing is issued for a name of another branch or another
//! ministry, with an authority the name may not hold, or beyond the life of the authority itself.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use data_encoding::BASE64;
use der::Decode;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Purpose, IsCa,
    Issuer, KeyUsagePurpose as Usage, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_cert::Certificate;

use super::branch::{Branch, Serial};
use super::private_key::{PrivateKey, PrivateKeyRefusal};
use super::signing::{CertificateKey, SubjectKey};
use crate::entropy::{Entropy, NoEntropy};
use crate::time::Timestamp;
use crate::trust::name::{Authority, Domain, Ministry, Name};
use crate::trust::role::Role;

/// How long a root is valid: a generation of officers.
pub const ROOT_VALIDITY: Duration = days(7305);
/// How long the authorities below the root, and the key that signs trust bundles, are valid.
pub const BRANCH_VALIDITY: Duration = days(1826);
/// How long a gateway's certificate is valid if nothing else is asked: it is renewed without a person.
pub const GATEWAY_VALIDITY: Duration = days(30);
/// How long certificates of desks, registries and offices are valid if nothing else is asked.
pub const DESK_VALIDITY: Duration = days(365);

/// One certificate authority with its key.
pub struct CertificateAuthority {
    branch: Branch,
    ministry: Ministry,
    certificate: Vec<u8>,
    not_after: Timestamp,
    key: PrivateKey,
}

/// What a certificate is to say about its key.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    /// Who holds the key.
    pub name: &'a Name,
    /// What they may do in the name of the ministry.
    pub authorities: &'a BTreeSet<Authority>,
    /// What a client may ask its desk for; empty for everybody else.
    pub roles: &'a BTreeSet<Role>,
    /// Domain of the ministry; a gateway's certificate names its host.
    pub domain: &'a Domain,
    /// For how long.
    pub valid_for: Duration,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its serial number.
    pub serial: Serial,
    /// Valid until then.
    pub not_after: Timestamp,
}

/// Why a certificate is not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueRefusal {
    /// A name that can hold no authority was to be given one.
    #[error("{0} may not hold authorities")]
    Authority(Name),
    /// This authority does not certify such names.
    #[error("the {1} authority of {2} does not certify {0}")]
    Branch(Name, Branch, Ministry),
    /// The certificate or the list could not be built.
    #[error("the certificate could not be made: {0}")]
    Construction(String),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The private key cannot sign certificates.
    #[error(transparent)]
    Key(#[from] PrivateKeyRefusal),
    /// Only the root founds authorities, and no second root.
    #[error("the {0} authority does not certify a {1} authority")]
    NotBelow(Branch, Branch),
    /// A name that is no client's was to be given a role.
    #[error("{0} may not hold roles")]
    Role(Name),
    /// The certificate would be valid longer than its issuer.
    #[error("the certificate would outlive its issuer, which is valid until {0}")]
    Outlives(Timestamp),
    /// The bytes given as the authority's certificate are not one, or not of its key.
    #[error("the certificate of the {0} authority is not the one of its key")]
    OwnCertificate(Branch),
}

impl CertificateAuthority {
    /// Founds a root: a new key that certifies itself.
    pub fn root(ministry: &Ministry, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, IssueRefusal> {
        Self::self_certified(Branch::Root, ministry, now, entropy)
    }

    /// Founds the authority for the clients of a desk, under a root of its own that certifies nothing else and whose
    /// key is forgotten at once. Its own certificate comes beside it.
    pub fn for_clients(
        ministry: &Ministry,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Vec<u8>), IssueRefusal> {
        let root = Self::self_certified(Branch::ClientRoot, ministry, now, entropy)?;
        Ok((root.found(Branch::Client, now, entropy)?, root.certificate))
    }

    fn self_certified(
        branch: Branch,
        ministry: &Ministry,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, IssueRefusal> {
        let key = PrivateKey::new_signing()?;
        let not_after = now.after(ROOT_VALIDITY);
        let params = authority_params(branch, ministry, now, not_after, Serial::random(entropy)?)?;
        let certificate = params.self_signed(&CertificateKey::of(&key)?).map_err(construction)?;
        let certificate = certificate.der().to_vec();
        Ok(Self { branch, ministry: ministry.clone(), certificate, not_after, key })
    }

    /// Founds an authority below this root: a new key that the root certifies.
    pub fn found(&self, branch: Branch, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, IssueRefusal> {
        let key = PrivateKey::new_signing()?;
        let not_after = now.after(BRANCH_VALIDITY);
        let fits = match self.branch {
            Branch::Root => !matches!(branch, Branch::Root | Branch::ClientRoot | Branch::Client),
            Branch::ClientRoot => branch == Branch::Client,
            _ => false,
        };
        if !fits {
            return Err(IssueRefusal::NotBelow(self.branch, branch));
        }
        if not_after > self.not_after {
            return Err(IssueRefusal::Outlives(self.not_after));
        }
        let params = authority_params(branch, &self.ministry, now, not_after, Serial::random(entropy)?)?;
        let certificate =
            params.signed_by(&SubjectKey(key.public_key()), &self.issuer()?).map_err(construction)?;
        let certificate = certificate.der().to_vec();
        Ok(Self { branch, ministry: self.ministry.clone(), certificate, not_after, key })
    }

    /// Takes an authority up again from its certificate (DER) and key.
    pub fn resume(
        branch: Branch,
        ministry: &Ministry,
        certificate: Vec<u8>,
        key: PrivateKey,
    ) -> Result<Self, IssueRefusal> {
        let refusal = || IssueRefusal::OwnCertificate(branch);
        let parsed = Certificate::from_der(&certificate).map_err(|_| refusal())?;
        let tbs = &parsed.tbs_certificate;
        let expected = format!("CN={},O={ministry}", authority_name(branch, ministry));
        if tbs.subject_public_key_info.subject_public_key.raw_bytes() != key.public_key()
            || tbs.subject.to_string() != expected
        {
            return Err(refusal());
        }
        let not_after =
            i64::try_from(tbs.validity.not_after.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let not_after = Timestamp::from_seconds(not_after);
        Ok(Self { branch, ministry: ministry.clone(), certificate, not_after, key })
    }

    /// Certifies the key with the uncompressed P-256 point `public_key`.
    pub fn certify(
        &self,
        public_key: &[u8],
        grant: &Grant<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<IssuedCertificate, IssueRefusal> {
        if Branch::of(grant.name) != self.branch || grant.name.ministry() != &self.ministry {
            return Err(IssueRefusal::Branch(grant.name.clone(), self.branch, self.ministry.clone()));
        }
        if !grant.authorities.is_empty() && !grant.name.may_hold_authority() {
            return Err(IssueRefusal::Authority(grant.name.clone()));
        }
        if !grant.roles.is_empty() && !matches!(grant.name, Name::Client { .. }) {
            return Err(IssueRefusal::Role(grant.name.clone()));
        }
        let not_after = now.after(grant.valid_for);
        if not_after > self.not_after {
            return Err(IssueRefusal::Outlives(self.not_after));
        }
        let serial = Serial::random(entropy)?;
        let params = leaf_params(grant, now, not_after, serial)?;
        let certificate = params.signed_by(&SubjectKey(public_key), &self.issuer()?).map_err(construction)?;
        Ok(IssuedCertificate { der: certificate.der().to_vec(), serial, not_after })
    }

    /// Which authority it is.
    pub fn branch(&self) -> Branch {
        self.branch
    }

    /// Its own certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its key.
    pub(super) fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The certificate builder's view of this authority.
    pub(super) fn issuer(&self) -> Result<Issuer<'static, CertificateKey>, IssueRefusal> {
        let certificate = CertificateDer::from(self.certificate.as_slice());
        Issuer::from_ca_cert_der(&certificate, CertificateKey::of(&self.key)?).map_err(construction)
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateAuthority")
    }
}

/// A certificate in PEM form.
pub fn certificate_pem(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

/// DER as PEM with this label.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in BASE64.encode(der).as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

pub(super) fn construction(error: rcgen::Error) -> IssueRefusal {
    IssueRefusal::Construction(error.to_string())
}

pub(super) fn date(at: Timestamp) -> Result<OffsetDateTime, IssueRefusal> {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .map_err(|_| IssueRefusal::Construction(format!("{at} is no date of the calendar")))
}

fn authority_params(
    branch: Branch,
    ministry: &Ministry,
    now: Timestamp,
    not_after: Timestamp,
    serial: Serial,
) -> Result<CertificateParams, IssueRefusal> {
    let mut params = dated_params(now, not_after, serial)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, ministry.as_str());
    params.distinguished_name.push(DnType::CommonName, authority_name(branch, ministry));
    let is_root = matches!(branch, Branch::Root | Branch::ClientRoot);
    let below = if is_root { 1 } else { 0 };
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![Usage::KeyCertSign, Usage::CrlSign];
    // A purpose in the authority's certificate binds all that it certifies; the root has none.
    params.extended_key_usages = purposes(branch);
    params.use_authority_key_identifier_extension = !is_root;
    Ok(params)
}

fn leaf_params(
    grant: &Grant<'_>,
    now: Timestamp,
    not_after: Timestamp,
    serial: Serial,
) -> Result<CertificateParams, IssueRefusal> {
    let mut params = dated_params(now, not_after, serial)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, grant.name.ministry().as_str());
    params.distinguished_name.push(DnType::CommonName, grant.name.to_string());
    let text = |text: String| Ia5String::try_from(text).map_err(construction);
    params.subject_alt_names = vec![SanType::URI(text(grant.name.to_string())?)];
    for authority in grant.authorities {
        params.subject_alt_names.push(SanType::URI(text(authority.uri(grant.name.ministry()))?));
    }
    for role in grant.roles {
        params.subject_alt_names.push(SanType::URI(text(role.uri(grant.name.ministry()))?));
    }
    match grant.name {
        Name::Gateway { .. } => {
            params.subject_alt_names.push(SanType::DnsName(text(grant.domain.gateway_dns_name())?));
        }
        Name::Service { label, .. } => {
            params.subject_alt_names.push(SanType::DnsName(text(grant.domain.service_dns_name(label))?));
        }
        _ => {}
    }
    params.is_ca = IsCa::ExplicitNoCa;
    match grant.name {
        Name::Gateway { .. } | Name::Desk { .. } => {
            params.key_usages = vec![Usage::DigitalSignature];
            params.extended_key_usages = purposes(Branch::of(grant.name));
        }
        Name::Client { .. } => {
            params.key_usages = vec![Usage::DigitalSignature];
            params.extended_key_usages = vec![Purpose::ClientAuth];
        }
        Name::Service { .. } => {
            params.key_usages = vec![Usage::DigitalSignature];
            params.extended_key_usages = vec![Purpose::ServerAuth];
        }
        Name::Registry { .. } | Name::Office { .. } | Name::Trust { .. } => {
            params.key_usages = vec![Usage::DigitalSignature, Usage::ContentCommitment];
            params.extended_key_usages = purposes(Branch::Desk);
        }
    }
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated_params(
    now: Timestamp,
    not_after: Timestamp,
    serial: Serial,
) -> Result<CertificateParams, IssueRefusal> {
    let mut params = CertificateParams::default();
    params.not_before = date(now.before(BACKDATING))?;
    params.not_after = date(not_after)?;
    params.serial_number = Some(SerialNumber::from(serial.as_bytes().to_vec()));
    Ok(params)
}

fn purposes(branch: Branch) -> Vec<Purpose> {
    match branch {
        Branch::Root | Branch::ClientRoot => Vec::new(),
        Branch::Transport | Branch::Client => vec![Purpose::ServerAuth, Purpose::ClientAuth],
        Branch::Desk => vec![Purpose::Other(DOCUMENT_SIGNING.to_vec())],
        Branch::DeskAccess => vec![Purpose::ClientAuth],
    }
}

fn authority_name(branch: Branch, ministry: &Ministry) -> String {
    format!("{ministry} {branch} authority")
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 3600)
}

/// The extended key usage documentSigning (RFC 9336).
const DOCUMENT_SIGNING: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 36];

/// Certificates begin this long before they are made, for peers whose clocks are behind.
const BACKDATING: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests;
