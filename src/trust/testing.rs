//! Ministries for tests: a root, its authorities, and keys with certificates, made in memory.
//!
//! Nothing here is reachable outside tests. Certificates are valid from a year before to a year after `NOW`.

use std::time::Duration;

use data_encoding::BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType,
    SerialNumber, SignatureAlgorithm, SigningKey, string::Ia5String,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use webpki::EndEntityCert;

use super::anchor::Anchors;
use super::bundle::{BundleContent, SignedBundle};
use super::endpoint::Endpoint;
use super::name::{Authority, Domain, Ministry, Name};
use super::signature::{Signer, SigningFault};
use crate::digest::Digest;
use crate::time::Timestamp;

/// The instant at which tests happen unless they say otherwise: 2026-11-22T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_341_600);

/// That many days.
pub(crate) const fn days(number: u64) -> Duration {
    Duration::from_secs(number * 24 * 3600)
}

/// id-kp-documentSigning.
pub(crate) fn document_signing() -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])
}

/// A ministry with all its authorities.
#[derive(Debug)]
pub(crate) struct TestMinistry {
    pub(crate) ministry: Ministry,
    pub(crate) domain: Domain,
    pub(crate) root: TestAuthority,
    pub(crate) desk: TestAuthority,
    pub(crate) transport: TestAuthority,
}

impl TestMinistry {
    /// A ministry with fresh keys.
    pub(crate) fn new(code: &str) -> Self {
        let ministry = Ministry::parse(code).unwrap();
        let root = TestAuthority::root(&format!("{code} root"));
        let desk = root.authority(&format!("{code} desk"));
        let transport = root.authority(&format!("{code} transport"));
        let domain = Domain::parse(&format!("mfa.{}.example", ministry.lower())).unwrap();
        Self { ministry, domain, root, desk, transport }
    }

    /// A name of this ministry, by what follows its code: `office/one`.
    pub(crate) fn name(&self, path: &str) -> Name {
        Name::parse(&format!("chancery://{}/{path}", self.ministry)).unwrap()
    }

    /// The registry's key.
    pub(crate) fn registry(&self) -> TestSigner {
        self.desk.certify(&TestCertificate::signing(&self.name("registry"), &[]))
    }

    /// An office's key.
    pub(crate) fn office(&self, label: &str, authorities: &[Authority]) -> TestSigner {
        self.desk.certify(&TestCertificate::signing(&self.name(&format!("office/{label}")), authorities))
    }

    /// The key that signs bundles, certified by the root.
    pub(crate) fn trust(&self) -> TestSigner {
        self.root.certify(&TestCertificate::signing(&self.name("trust"), &[]))
    }

    /// The gateway's transport key.
    pub(crate) fn gateway(&self) -> TestSigner {
        let mut request = TestCertificate::signing(&self.name("gateway"), &[]);
        request.usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        request.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        request.dns_name = Some(self.domain.gateway_dns_name());
        self.transport.certify(&request)
    }

    /// What its first bundle says; keys are well-formed texts that nobody holds.
    pub(crate) fn bundle_content(&self) -> BundleContent {
        BundleContent {
            ministry: self.ministry.clone(),
            display_name: format!("Ministry of Foreign Affairs of {}", self.ministry),
            domain: self.domain.clone(),
            sequence: 1,
            previous_digest: None,
            valid_from: NOW.before(days(1)),
            valid_until: NOW.after(days(90)),
            root: self.root.der().to_vec(),
            transport_authorities: vec![self.transport.der().to_vec()],
            desk_authorities: vec![self.desk.der().to_vec()],
            log_keys: vec![verifier_key(&self.domain.log_name(), 0x01, &[7; 32])],
            cosigner_keys: vec![verifier_key(&self.domain.cosigner_name(), 0x04, &[8; 32])],
            reading_keys: vec![format!("age1pq1{}", "q".repeat(1900))],
            endpoints: vec![Endpoint::parse(&format!("{}:7443", self.domain.gateway_dns_name())).unwrap()],
            revocation_lists: vec![],
        }
    }

    /// Its first bundle.
    pub(crate) fn bundle(&self) -> SignedBundle {
        SignedBundle::issue(self.bundle_content(), &self.trust(), NOW).unwrap()
    }

    /// What signatures of the registry and the offices are judged by.
    pub(crate) fn signing_anchors(&self) -> Anchors {
        self.signing_anchors_less(&[])
    }

    /// The same with revocation lists.
    pub(crate) fn signing_anchors_less(&self, lists: &[Vec<u8>]) -> Anchors {
        Anchors::new(self.ministry.clone(), self.root.der(), &[self.desk.der().to_vec()], lists).unwrap()
    }
}

/// What stands in a certificate.
#[derive(Debug, Clone)]
pub(crate) struct TestCertificate {
    pub(crate) uris: Vec<String>,
    pub(crate) dns_name: Option<String>,
    pub(crate) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(crate) key_usages: Vec<KeyUsagePurpose>,
    pub(crate) valid: (Timestamp, Timestamp),
    pub(crate) algorithm: &'static SignatureAlgorithm,
}

impl TestCertificate {
    /// A signing certificate as the formats ask for it.
    pub(crate) fn signing(name: &Name, authorities: &[Authority]) -> Self {
        let granted = authorities.iter().map(|authority| authority.uri(name.ministry()));
        Self {
            uris: std::iter::once(name.to_string()).chain(granted).collect(),
            dns_name: None,
            usages: vec![document_signing()],
            key_usages: vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment],
            valid: (NOW.before(days(365)), NOW.after(days(365))),
            algorithm: &PKCS_ECDSA_P256_SHA256,
        }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let uri = |text: &String| SanType::URI(Ia5String::try_from(text.as_str()).unwrap());
        let dns_name = |text: &String| SanType::DnsName(Ia5String::try_from(text.as_str()).unwrap());
        params.subject_alt_names =
            self.uris.iter().map(uri).chain(self.dns_name.iter().map(dns_name)).collect();
        params.distinguished_name.push(DnType::CommonName, "key");
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = self.usages.clone();
        params.key_usages = self.key_usages.clone();
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (date(self.valid.0), date(self.valid.1));
        params
    }
}

/// An authority that certifies keys and other authorities.
#[derive(Debug)]
pub(crate) struct TestAuthority {
    params: CertificateParams,
    key: Vec<u8>,
    der: Vec<u8>,
    is_root: bool,
}

impl TestAuthority {
    /// A self-signed root.
    pub(crate) fn root(common_name: &str) -> Self {
        let params = authority_params(common_name, 1);
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key: key.serialize_der(), der, is_root: true }
    }

    /// An authority under this one.
    pub(crate) fn authority(&self, common_name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        self.certify_authority(authority_params(common_name, 0), &key)
    }

    /// The same authority under a further certificate.
    pub(crate) fn certified_again_by(&self, issuer: &Self) -> Self {
        let mut params = self.params.clone();
        params.serial_number = Some(SerialNumber::from(2_026_u64));
        issuer.certify_authority(params, &key_pair(&self.key))
    }

    /// A fresh key with a certificate.
    pub(crate) fn certify(&self, request: &TestCertificate) -> TestSigner {
        let key = KeyPair::generate_for(request.algorithm).unwrap();
        let certificate = request.params().signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        let intermediates = if self.is_root { vec![] } else { vec![self.der.clone()] };
        TestSigner { certificate, intermediates, key }
    }

    /// A revocation list over keys with their revocation and, perhaps, invalidity dates.
    pub(crate) fn revocation_list(
        &self,
        revoked: &[(&TestSigner, Timestamp, Option<Timestamp>)],
        next_update: Timestamp,
    ) -> Vec<u8> {
        self.revocation_list_at(revoked, NOW.before(days(1)), next_update)
    }

    /// The same, made at this instant.
    pub(crate) fn revocation_list_at(
        &self,
        revoked: &[(&TestSigner, Timestamp, Option<Timestamp>)],
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Vec<u8> {
        let entry = |(signer, at, invalid): &(&TestSigner, Timestamp, Option<Timestamp>)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&signer.serial()),
            revocation_time: date(*at),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: invalid.map(date),
        };
        let params = CertificateRevocationListParams {
            this_update: date(this_update),
            next_update: date(next_update),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).unwrap().der().to_vec()
    }

    /// This authority as somebody who signs records, which it must not.
    pub(crate) fn as_signer(&self) -> TestSigner {
        TestSigner { certificate: self.der.clone(), intermediates: vec![], key: key_pair(&self.key) }
    }

    /// Its certificate.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its certificate.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.der.clone())
    }

    fn certify_authority(&self, params: CertificateParams, key: &KeyPair) -> Self {
        let der = params.signed_by(key, &self.issuer()).unwrap().der().to_vec();
        Self { params, key: key.serialize_der(), der, is_root: false }
    }

    fn issuer(&self) -> Issuer<'_, KeyPair> {
        Issuer::from_params(&self.params, key_pair(&self.key))
    }
}

/// A key with its certificates.
#[derive(Debug)]
pub(crate) struct TestSigner {
    certificate: Vec<u8>,
    pub(crate) intermediates: Vec<Vec<u8>>,
    key: KeyPair,
}

impl TestSigner {
    /// Its certificate.
    pub(crate) fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// Its key as a file holds it.
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// The serial number of its certificate.
    pub(crate) fn serial(&self) -> Vec<u8> {
        let der = CertificateDer::from(self.certificate.as_slice());
        EndEntityCert::try_from(&der).unwrap().serial().to_vec()
    }
}

impl Signer for TestSigner {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn intermediates(&self) -> &[Vec<u8>] {
        &self.intermediates
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
        SigningKey::sign(&self.key, message).map_err(|error| SigningFault(error.to_string()))
    }
}

/// A C2SP verifier key as text.
pub(crate) fn verifier_key(name: &str, kind: u8, key: &[u8]) -> String {
    let typed = [&[kind], key].concat();
    let id = Digest::of_parts(&[name.as_bytes(), b"\n", &typed]).hex();
    format!("{name}+{}+{}", &id[..8], BASE64.encode(&typed))
}

fn authority_params(common_name: &str, depth: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date(NOW.before(days(365))), date(NOW.after(days(365))));
    params
}

fn key_pair(der: &[u8]) -> KeyPair {
    KeyPair::try_from(der).unwrap()
}

fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap()
}
