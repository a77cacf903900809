//! Certificate requests (PKCS#10): made where the key is, checked where certificates are issued.
//!
//! A request says one thing: "this key belongs to this name". What the name may do, and for how long, is
//! decided by whoever certifies; everything else that a request may ask for is not read.

use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_CE_SUBJECT_ALT_NAME, ID_EC_PUBLIC_KEY, SECP_256_R_1};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::request::{CertReq, ExtensionReq};

use super::private_key::{PrivateKey, PrivateKeyRefusal};
use super::signing::CertificateKey;
use crate::trust::name::Name;

/// A request whose maker has proven to hold the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    name: Name,
    public_key: Vec<u8>,
}

/// Why a request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// Another algorithm than ECDSA P-256 with SHA-256.
    #[error("the request is not for an ECDSA P-256 key, signed with SHA-256")]
    Algorithm,
    /// Not exactly one alternative name, or one that is not the URI of a name.
    #[error("the request does not carry exactly one name such as chancery://XA/gateway")]
    Name,
    /// The signature over the request is not by its key.
    #[error("the request is not signed by the key it asks a certificate for")]
    Possession,
    /// Not a certificate request.
    #[error("not a certificate request (PKCS#10, PEM)")]
    Unreadable,
}

impl CertificateRequest {
    /// Reads a request, PEM, and checks the proof of possession.
    pub fn parse(pem: &str) -> Result<Self, RequestRefusal> {
        if pem.len() > REQUEST_BYTES_MAX {
            return Err(RequestRefusal::Unreadable);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| RequestRefusal::Unreadable)?;
        let request = CertReq::from_der(&der).map_err(|_| RequestRefusal::Unreadable)?;
        // What another encoder would write differently is refused, so that all who read the request read
        // the same.
        if request.to_der().ok().as_deref() != Some(&*der) {
            return Err(RequestRefusal::Unreadable);
        }
        let key = &request.info.public_key;
        let curve =
            key.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        if request.algorithm.oid != ECDSA_WITH_SHA_256
            || request.algorithm.parameters.is_some()
            || key.algorithm.oid != ID_EC_PUBLIC_KEY
            || curve != Some(SECP_256_R_1)
        {
            return Err(RequestRefusal::Algorithm);
        }
        // `as_bytes` gives nothing where bits of the last byte are said to be unused.
        let public_key = key.subject_public_key.as_bytes().ok_or(RequestRefusal::Unreadable)?.to_vec();
        let signature = request.signature.as_bytes().ok_or(RequestRefusal::Unreadable)?;
        let signed = request.info.to_der().map_err(|_| RequestRefusal::Unreadable)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public_key)
            .verify(&signed, signature)
            .map_err(|_| RequestRefusal::Possession)?;
        Ok(Self { name: name_of(&request).ok_or(RequestRefusal::Name)?, public_key })
    }

    /// Whose key it says it is.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The key: an uncompressed P-256 point.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

/// A request, PEM, for a P-256 key that is to carry `name`.
pub fn certificate_request(key: &PrivateKey, name: &Name) -> Result<String, PrivateKeyRefusal> {
    let signing = CertificateKey::of(key)?;
    let build = || -> Result<String, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name.to_string());
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(name.to_string())?)];
        params.serialize_request(&signing)?.pem()
    };
    build().map_err(|_| PrivateKeyRefusal::Malformed)
}

/// The one name in the request; `None` where it is missing, doubled or accompanied by others.
fn name_of(request: &CertReq) -> Option<Name> {
    let wanted = <ExtensionReq as const_oid::AssociatedOid>::OID;
    let mut attributes = request.info.attributes.iter().filter(|attribute| attribute.oid == wanted);
    let (attribute, None) = (attributes.next()?, attributes.next()) else { return None };
    let (value, None) = (attribute.values.get(0)?, attribute.values.get(1)) else { return None };
    let extensions: ExtensionReq = value.decode_as().ok()?;
    let mut alternatives =
        extensions.0.iter().filter(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME);
    let (alternative, None) = (alternatives.next()?, alternatives.next()) else { return None };
    let names = SubjectAltName::from_der(alternative.extn_value.as_bytes()).ok()?;
    match names.0.as_slice() {
        [GeneralName::UniformResourceIdentifier(uri)] => Name::parse(uri.as_str()).ok(),
        _ => None,
    }
}

/// A request carries one key and one name.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::keys::generate;
    use crate::keys::tests::openssl;

    fn gateway() -> Name {
        Name::parse("chancery://XA/gateway").unwrap()
    }

    #[test]
    fn a_request_carries_its_name_and_its_key() {
        let key = generate::signing_key().unwrap();
        let request = CertificateRequest::parse(&certificate_request(&key, &gateway()).unwrap()).unwrap();
        assert_eq!(request.name(), &gateway());
        assert_eq!(request.public_key(), key.public_key());
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let key = generate::signing_key().unwrap();
        let pem = certificate_request(&key, &gateway()).unwrap();
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        for place in 0..der.len() {
            for bit in 0..8 {
                let mut altered = der.clone();
                altered[place] ^= 1 << bit;
                let pem = armour(&altered);
                assert!(CertificateRequest::parse(&pem).is_err(), "byte {place}, bit {bit}");
            }
        }
        let mut longer = der.clone();
        longer.push(0);
        assert!(CertificateRequest::parse(&armour(&longer)).is_err());
        assert!(CertificateRequest::parse(&armour(&der)).is_ok());
    }

    fn armour(der: &[u8]) -> String {
        let text = data_encoding::BASE64.encode(der);
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
    }

    #[test]
    fn a_request_signed_by_another_key_is_refused() {
        let (ours, theirs) = (generate::signing_key().unwrap(), generate::signing_key().unwrap());
        let pem = certificate_request(&ours, &gateway()).unwrap();
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        let place = der.windows(65).position(|window| window == ours.public_key()).unwrap();
        let mut stolen = der;
        stolen[place..place + 65].copy_from_slice(theirs.public_key());
        assert_eq!(CertificateRequest::parse(&armour(&stolen)), Err(RequestRefusal::Possession));
    }

    #[test]
    fn requests_that_openssl_makes_are_read_and_ours_are_read_by_openssl() {
        let directory = tempfile::tempdir().unwrap();
        let make = |curve: &str, names: &str| {
            let names = format!("subjectAltName={names}");
            let arguments = ["req", "-new", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-keyout", "key"];
            let rest = ["-subj", "/CN=anything", "-addext", &names, "-out", "request"];
            openssl(directory.path(), &[&arguments[..], &rest].concat())?;
            Some(CertificateRequest::parse(&read(directory.path())))
        };
        let p256 = "ec_paramgen_curve:P-256";
        let Some(request) = make(p256, "URI:chancery://XA/gateway") else { return };
        assert_eq!(request.unwrap().name(), &gateway());
        for names in [
            "URI:chancery://XA/gateway,URI:chancery://XA/registry",
            "DNS:gateway.mfa.xa.example",
            "URI:https://x.example/",
        ] {
            assert_eq!(make(p256, names).unwrap(), Err(RequestRefusal::Name), "{names}");
        }
        let p384 = make("ec_paramgen_curve:P-384", "URI:chancery://XA/gateway").unwrap();
        assert_eq!(p384, Err(RequestRefusal::Algorithm));
        let ours = certificate_request(&generate::signing_key().unwrap(), &gateway()).unwrap();
        std::fs::write(directory.path().join("request"), ours).unwrap();
        let text =
            openssl(directory.path(), &["req", "-in", "request", "-verify", "-noout", "-text"]).unwrap();
        assert!(text.contains("URI:chancery://XA/gateway"), "{text}");
    }

    fn read(directory: &Path) -> String {
        std::fs::read_to_string(directory.join("request")).unwrap()
    }
}
