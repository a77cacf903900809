//! Whom a certificate names: the one place that reads a SubjectAltName.
//!
//! A certificate enters; its name, authorities and DNS names leave. Whether the certificate is believed is
//! decided elsewhere (`chain`), and nobody may act on a subject before that.

use std::collections::BTreeSet;

use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::name::{Authority, InvalidName, Name};
use super::role::Role;
use crate::digest::Digest;

/// Whom a certificate names and what it lets them do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    name: Name,
    authorities: BTreeSet<Authority>,
    roles: BTreeSet<Role>,
    dns_names: Vec<String>,
    key: Digest,
}

/// Why a certificate names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectRefusal {
    /// An authority of another ministry than the name's, or beside a name that may hold none.
    #[error("the certificate of {0} may not hold the authority {1}")]
    Authority(Name, Authority),
    /// A name, an authority or a DNS name stands there twice.
    #[error("the certificate names the same thing twice")]
    Doubled,
    /// A URI that is neither a name nor an authority.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// No name, or more than one.
    #[error("the certificate carries {0} names where exactly one is expected")]
    Names(usize),
    /// An entry that is neither a URI nor a DNS name, or too many entries.
    #[error("the certificate's alternative names are not of the expected kinds")]
    Unexpected,
    /// A role of another ministry than the name's, or beside a name that is no client's.
    #[error("the certificate of {0} may not hold the role {1}")]
    Role(Name, Role),
    /// Bytes that are no certificate.
    #[error("not a certificate: {0}")]
    Unreadable(String),
}

impl Subject {
    /// Reads the subject of a certificate, DER.
    pub fn of(certificate: &[u8]) -> Result<Self, SubjectRefusal> {
        let parsed = Certificate::from_der(certificate)
            .map_err(|error| SubjectRefusal::Unreadable(error.to_string()))?;
        Self::of_parsed(&parsed)
    }

    /// Reads the subject of a parsed certificate.
    pub(crate) fn of_parsed(certificate: &Certificate) -> Result<Self, SubjectRefusal> {
        let extension: Option<(bool, SubjectAltName)> = certificate
            .tbs_certificate
            .get()
            .map_err(|error| SubjectRefusal::Unreadable(error.to_string()))?;
        let (_, alternatives) = extension.ok_or(SubjectRefusal::Names(0))?;
        if alternatives.0.len() > ENTRIES_MAX {
            return Err(SubjectRefusal::Unexpected);
        }
        let mut names = Vec::new();
        let (mut granted, mut given) = (Vec::new(), Vec::new());
        let mut dns_names = BTreeSet::new();
        for entry in &alternatives.0 {
            match entry {
                GeneralName::UniformResourceIdentifier(uri) => {
                    match (Authority::parse_uri(uri.as_str()), Role::parse_uri(uri.as_str())) {
                        (Ok(grant), _) => granted.push(grant),
                        (Err(_), Some(role)) => given.push(role),
                        (Err(_), None) => names.push(Name::parse(uri.as_str())?),
                    }
                }
                GeneralName::DnsName(dns_name) if dns_names.insert(dns_name.as_str().to_owned()) => {}
                GeneralName::DnsName(_) => return Err(SubjectRefusal::Doubled),
                _ => return Err(SubjectRefusal::Unexpected),
            }
        }
        let [name] = names.as_slice() else { return Err(SubjectRefusal::Names(names.len())) };
        let mut authorities = BTreeSet::new();
        for (ministry, authority) in granted {
            if &ministry != name.ministry() || !name.may_hold_authority() {
                return Err(SubjectRefusal::Authority(name.clone(), authority));
            }
            if !authorities.insert(authority) {
                return Err(SubjectRefusal::Doubled);
            }
        }
        let mut roles = BTreeSet::new();
        for (ministry, role) in given {
            if &ministry != name.ministry() || !matches!(name, Name::Client { .. }) {
                return Err(SubjectRefusal::Role(name.clone(), role));
            }
            if !roles.insert(role) {
                return Err(SubjectRefusal::Doubled);
            }
        }
        let key = certificate.tbs_certificate.subject_public_key_info.to_der();
        let key = Digest::of(&key.map_err(|error| SubjectRefusal::Unreadable(error.to_string()))?);
        let dns_names = dns_names.into_iter().collect();
        Ok(Self { name: name.clone(), authorities, roles, dns_names, key })
    }

    /// Who holds the key.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What they may do.
    pub fn authorities(&self) -> &BTreeSet<Authority> {
        &self.authorities
    }

    /// What a client may ask its desk for; empty for everybody else.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo): two names with one key are one hand.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// DNS names, ascending; only gateways have one.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }
}

/// Entries of one SubjectAltName: a name, ten authorities and a few DNS names.
const ENTRIES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType, string::Ia5String};

    use super::*;

    fn certificate(uris: &[&str], others: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        let uri = |text: &&str| SanType::URI(Ia5String::try_from(*text).unwrap());
        params.subject_alt_names = uris.iter().map(uri).chain(others).collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn dns(text: &str) -> SanType {
        SanType::DnsName(Ia5String::try_from(text).unwrap())
    }

    #[test]
    fn an_office_is_read_with_its_authorities() {
        let office = "chancery://XA/office/one";
        let der =
            certificate(&["chancery://XA/authority/seal", office, "chancery://XA/authority/release"], vec![]);
        let subject = Subject::of(&der).unwrap();
        assert_eq!(subject.name().to_string(), office);
        assert_eq!(subject.authorities(), &BTreeSet::from([Authority::Release, Authority::Seal]));
    }

    #[test]
    fn a_gateway_is_read_with_its_dns_name() {
        let subject =
            Subject::of(&certificate(&["chancery://XA/gateway"], vec![dns("gateway.mfa.xa.example")]));
        assert_eq!(subject.unwrap().dns_names(), ["gateway.mfa.xa.example"]);
    }

    #[test]
    fn a_certificate_without_exactly_one_name_names_nobody() {
        let two = ["chancery://XA/gateway", "chancery://XA/registry"];
        assert_eq!(Subject::of(&certificate(&two, vec![])), Err(SubjectRefusal::Names(2)));
        assert_eq!(Subject::of(&certificate(&[], vec![dns("a.b")])), Err(SubjectRefusal::Names(0)));
        assert_eq!(Subject::of(&certificate(&[], vec![])), Err(SubjectRefusal::Names(0)));
        assert!(matches!(Subject::of(&certificate(&["https://a.b/"], vec![])), Err(SubjectRefusal::Name(_))));
        assert!(matches!(Subject::of(b"nonsense"), Err(SubjectRefusal::Unreadable(_))));
    }

    #[test]
    fn authorities_of_others_and_of_gateways_are_refused() {
        for uris in [
            ["chancery://XA/registry", "chancery://XB/authority/seal"],
            ["chancery://XA/gateway", "chancery://XA/authority/seal"],
        ] {
            assert!(matches!(Subject::of(&certificate(&uris, vec![])), Err(SubjectRefusal::Authority(..))));
        }
    }

    #[test]
    fn repeated_and_unknown_entries_are_refused() {
        let seal = "chancery://XA/authority/seal";
        let doubled = certificate(&["chancery://XA/registry", seal, seal], vec![]);
        assert_eq!(Subject::of(&doubled), Err(SubjectRefusal::Doubled));
        let doubled = certificate(&["chancery://XA/gateway"], vec![dns("a.b"), dns("a.b")]);
        assert_eq!(Subject::of(&doubled), Err(SubjectRefusal::Doubled));
        let mail = SanType::Rfc822Name(Ia5String::try_from("a@b.example").unwrap());
        let mailed = certificate(&["chancery://XA/registry"], vec![mail]);
        assert_eq!(Subject::of(&mailed), Err(SubjectRefusal::Unexpected));
        let many: Vec<_> = (0..20).map(|number| dns(&format!("n{number}.b"))).collect();
        assert_eq!(
            Subject::of(&certificate(&["chancery://XA/gateway"], many)),
            Err(SubjectRefusal::Unexpected)
        );
    }
}
