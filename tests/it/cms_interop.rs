//! Signatures and other tools: openssl verifies ours, and ours verifies openssl's where it keeps the profile.
//! A court or another State must be able to check a signature in thirty years without this code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chancery::time::{Clock, SystemClock, Timestamp};
use chancery::trust::anchor::Anchors;
use chancery::trust::name::Ministry;
use chancery::trust::signature::{self, Signature, SignatureRefusal, Signer, SigningFault};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SanType, SignatureAlgorithm, SigningKey,
    string::Ia5String,
};

const CONTENT: &[u8] = b"consultation about a prisoner of war\nwith \x00 bytes of \xff any kind\r\n";

/// A registry's key under a root and a desk authority, and the files openssl wants.
#[derive(Debug)]
struct Registry {
    anchors: Anchors,
    certificate: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    key: KeyPair,
    folder: tempfile::TempDir,
}

impl Registry {
    fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        let (root_key, desk_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root_params = authority("XA root", 1);
        let root = root_params.self_signed(&root_key).unwrap();
        let root_issuer = Issuer::new(root_params, root_key);
        let desk_params = authority("XA desk", 0);
        let desk = desk_params.signed_by(&desk_key, &root_issuer).unwrap();
        let key = KeyPair::generate_for(algorithm).unwrap();
        let registry = registry().signed_by(&key, &Issuer::new(desk_params, desk_key)).unwrap();

        let intermediates = vec![desk.der().to_vec()];
        let ministry = Ministry::parse("XA").unwrap();
        let anchors = Anchors::new(ministry, root.der(), &intermediates, &[]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let pem = |certificate: &Certificate| certificate.pem().into_bytes();
        write("root.pem", &pem(&root));
        write("desk.pem", &pem(&desk));
        write("registry.pem", &pem(&registry));
        write("registry.key", key.serialize_pem().as_bytes());
        write("content", CONTENT);
        Self { anchors, certificate: registry.der().to_vec(), intermediates, key, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What openssl makes of the content with these further arguments; none if it fails.
    fn signed_by_openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let _ = fs::remove_file(self.path("made.p7s"));
        let usual = ["cms", "-sign", "-binary", "-outform", "DER", "-in", "content", "-out", "made.p7s"];
        let key = ["-signer", "registry.pem", "-inkey", "registry.key"];
        openssl(self.folder.path(), &[&usual, &key[..], arguments].concat())
            .then(|| fs::read(self.path("made.p7s")).unwrap())
    }

    fn verified_by_openssl(&self, p7s: &[u8], content: &[u8]) -> bool {
        fs::write(self.path("ours.p7s"), p7s).unwrap();
        fs::write(self.path("shown"), content).unwrap();
        let arguments = [
            "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "ours.p7s", "-content", "shown",
            "-CAfile", "root.pem", "-purpose", "any", "-out", "out",
        ];
        openssl(self.folder.path(), &arguments)
    }

    fn verdict(&self, p7s: &[u8]) -> Result<Signature, SignatureRefusal> {
        signature::verify(CONTENT, p7s, &self.anchors, now())
    }
}

impl Signer for Registry {
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

/// The arguments with which openssl keeps the profile.
const PROFILE: &[&str] = &["-cades", "-nosmimecap", "-certfile", "desk.pem"];

#[test]
fn openssl_verifies_our_signatures() {
    if is_missing("openssl verifies our signatures") {
        return;
    }
    let registry = Registry::new(&PKCS_ECDSA_P256_SHA256);
    let p7s = signature::sign(CONTENT, &registry, now()).unwrap();
    assert!(registry.verdict(&p7s).is_ok());
    assert!(registry.verified_by_openssl(&p7s, CONTENT));
    assert!(!registry.verified_by_openssl(&p7s, b"other content"));
    let stranger = Registry::new(&PKCS_ECDSA_P256_SHA256);
    assert!(!stranger.verified_by_openssl(&p7s, CONTENT));
}

#[test]
fn we_verify_signatures_that_openssl_makes_within_the_profile() {
    if is_missing("we verify signatures of openssl") {
        return;
    }
    for (algorithm, hash) in [(&PKCS_ECDSA_P256_SHA256, "sha256"), (&PKCS_ECDSA_P384_SHA384, "sha384")] {
        let registry = Registry::new(algorithm);
        let p7s = registry.signed_by_openssl(&[PROFILE, &["-md", hash]].concat()).unwrap();
        let signature = registry.verdict(&p7s).unwrap();
        assert_eq!(signature.name().to_string(), "chancery://XA/registry");
        assert_eq!(signature.certificate(), registry.certificate());
        assert!(signature::verify(b"other", &p7s, &registry.anchors, now()).is_err());
    }
}

#[test]
fn we_refuse_what_openssl_makes_outside_the_profile() {
    if is_missing("we refuse other signatures of openssl") {
        return;
    }
    let registry = Registry::new(&PKCS_ECDSA_P256_SHA256);
    let variants: [(&str, &[&str]); 9] = [
        ("without the signing certificate", &["-nosmimecap", "-certfile", "desk.pem"]),
        ("with capabilities", &["-cades", "-certfile", "desk.pem"]),
        ("attached", &[PROFILE, &["-nodetach"]].concat()),
        ("streamed in BER", &[PROFILE, &["-stream"]].concat()),
        ("named by key identifier", &[PROFILE, &["-keyid"]].concat()),
        ("without certificates", &[PROFILE, &["-nocerts"]].concat()),
        ("without the authority", &["-cades", "-nosmimecap"]),
        ("without signed attributes", &["-noattr", "-certfile", "desk.pem"]),
        ("with a hash of another strength", &[PROFILE, &["-md", "sha512"]].concat()),
    ];
    for (what, arguments) in variants {
        let Some(p7s) = registry.signed_by_openssl(arguments) else { panic!("openssl does not sign {what}") };
        assert!(matches!(registry.verdict(&p7s), Err(SignatureRefusal::Profile(_))), "{what}");
    }
    let other = Registry::new(&PKCS_ECDSA_P256_SHA256);
    let (certificate, key) = (other.path("registry.pem"), other.path("registry.key"));
    let second = ["-signer", certificate.to_str().unwrap(), "-inkey", key.to_str().unwrap()];
    let second = [PROFILE, &second].concat();
    let p7s = registry.signed_by_openssl(&second).unwrap();
    assert!(matches!(registry.verdict(&p7s), Err(SignatureRefusal::Profile(_))), "two signers");
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn is_missing(what: &str) -> bool {
    let found =
        Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok_and(|end| end.success());
    if !found {
        eprintln!("SKIPPED {what}: openssl not found");
    }
    !found
}

fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output().unwrap();
    output.status.success()
}

fn registry() -> CertificateParams {
    let mut params = dated();
    params.distinguished_name.push(DnType::CommonName, "XA registry");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 36])];
    params.subject_alt_names = vec![SanType::URI(Ia5String::try_from("chancery://XA/registry").unwrap())];
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority(common_name: &str, depth: u8) -> CertificateParams {
    let mut params = dated();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn dated() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2090, 1, 1);
    params
}
