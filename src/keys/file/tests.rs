//! Keys come back from their files, are read by openssl, and are refused where they are not what they
//! should be.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::KeyKind;
use crate::keys::authority::{CertificateAuthority, DESK_VALIDITY, Grant, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::generate;
use crate::keys::tests::openssl;
use crate::limits::CHAIN_BYTES_MAX;
use crate::time::Timestamp;
use crate::trust::name::{Domain, Ministry, Name};

/// A directory with a protected signing key, its chain, a plain and a protected log key.
struct Drawer {
    directory: tempfile::TempDir,
    signing: PrivateKey,
    log: PrivateKey,
}

impl Drawer {
    fn new() -> Self {
        let drawer = Self {
            directory: tempfile::tempdir().unwrap(),
            signing: generate::signing_key().unwrap(),
            log: generate::log_key(&SystemEntropy).unwrap(),
        };
        save_protected(&drawer.path("sign.key"), &drawer.signing, &passphrase(), &SystemEntropy).unwrap();
        save_plain(&drawer.path("log.key"), &drawer.log).unwrap();
        save_protected(&drawer.path("log-p.key"), &drawer.log, &passphrase(), &SystemEntropy).unwrap();
        fs::write(drawer.path("sign.pem"), chain_for(&drawer.signing)).unwrap();
        drawer
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn signer(&self, passphrase: &Passphrase) -> Result<FileSigner, KeyError> {
        FileSigner::open(&self.path("sign.key"), &self.path("sign.pem"), passphrase)
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

/// Leaf, intermediate and root.
fn chain_for(key: &PrivateKey) -> String {
    let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let ministry = Ministry::parse("XA").unwrap();
    let root = CertificateAuthority::root(&ministry, now, &SystemEntropy).unwrap();
    let desk = root.found(Branch::Desk, now, &SystemEntropy).unwrap();
    let grant = Grant {
        name: &Name::Registry { ministry },
        authorities: &std::collections::BTreeSet::new(),
        roles: &std::collections::BTreeSet::new(),
        domain: &Domain::parse("mfa.xa.example").unwrap(),
        valid_for: DESK_VALIDITY,
    };
    let leaf = desk.certify(key.public_key(), &grant, now, &SystemEntropy).unwrap();
    [&leaf.der, desk.certificate(), root.certificate()].map(certificate_pem).concat()
}

#[test]
fn a_signer_signs_for_its_certificate_and_carries_no_root() {
    let drawer = Drawer::new();
    let signer = drawer.signer(&passphrase()).unwrap();
    let signature = signer.sign(b"record").unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, drawer.signing.public_key());
    assert!(key.verify(b"record", &signature).is_ok());
    let chain = read_certificates(&drawer.path("sign.pem")).unwrap();
    assert_eq!(chain.len(), 3);
    assert_eq!(signer.certificate(), chain[0].as_ref());
    assert_eq!(signer.intermediates(), [chain[1].to_vec()]);
}

#[test]
fn a_note_signer_signs_for_its_public_key() {
    let drawer = Drawer::new();
    for signer in [
        FileNoteSigner::open(&drawer.path("log.key")).unwrap(),
        FileNoteSigner::open_protected(&drawer.path("log-p.key"), &passphrase()).unwrap(),
    ] {
        assert_eq!(signer.public_key().as_slice(), drawer.log.public_key());
        let key = UnparsedPublicKey::new(&ED25519, signer.public_key());
        assert!(key.verify(b"note", &signer.sign(b"note")).is_ok());
    }
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let drawer = Drawer::new();
    let wrong = Passphrase::new("correct horses").unwrap();
    let refusal = drawer.signer(&wrong).unwrap_err();
    assert!(matches!(refusal, KeyError::WrongPassphrase(path) if path == drawer.path("sign.key")));
    let refusal = FileNoteSigner::open_protected(&drawer.path("log-p.key"), &wrong).unwrap_err();
    assert_eq!(refusal.reason(), "KEY_WRONG_PASSPHRASE");
}

#[test]
fn the_certificate_of_another_key_is_refused() {
    let drawer = Drawer::new();
    fs::write(drawer.path("sign.pem"), chain_for(&generate::signing_key().unwrap())).unwrap();
    assert!(matches!(drawer.signer(&passphrase()), Err(KeyError::CertificateMismatch { .. })));
    for broken in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        fs::write(drawer.path("sign.pem"), broken).unwrap();
        assert_eq!(drawer.signer(&passphrase()).unwrap_err().reason(), "KEY_FILE_MALFORMED");
    }
}

#[test]
fn a_key_open_to_others_is_refused_with_the_command_to_run() {
    let drawer = Drawer::new();
    let path = drawer.path("log.key");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let refusal = FileNoteSigner::open(&path).unwrap_err();
    assert!(
        refusal.to_string().ends_with(&format!("close it with: chmod 600 {}", path.display())),
        "{refusal}"
    );
}

#[test]
fn keys_of_the_wrong_kind_are_refused() {
    let drawer = Drawer::new();
    save_plain(&drawer.path("plain.key"), &drawer.signing).unwrap();
    assert_eq!(FileNoteSigner::open(&drawer.path("plain.key")).unwrap_err().reason(), "KEY_FILE_MALFORMED");
    let log_key = FileSigner::open(&drawer.path("log-p.key"), &drawer.path("sign.pem"), &passphrase());
    assert_eq!(log_key.unwrap_err().reason(), "KEY_FILE_MALFORMED");
    assert_eq!(
        open_protected(&drawer.path("log.key"), &passphrase()).unwrap_err().reason(),
        "KEY_NOT_PROTECTED"
    );
    assert_eq!(open_plain(&drawer.path("sign.key")).unwrap_err().reason(), "KEY_PROTECTED");
    assert_eq!(open_plain(&drawer.path("none.key")).unwrap_err().reason(), "KEY_NOT_FOUND");
    fs::write(drawer.path("noise.key"), [0xff, 0xfe]).unwrap();
    fs::set_permissions(drawer.path("noise.key"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(open_plain(&drawer.path("noise.key")).unwrap_err().reason(), "KEY_FILE_MALFORMED");
}

#[test]
fn a_key_is_not_written_over_another() {
    let drawer = Drawer::new();
    let other = generate::signing_key().unwrap();
    let refusal =
        save_protected(&drawer.path("sign.key"), &other, &passphrase(), &SystemEntropy).unwrap_err();
    assert_eq!(refusal.reason(), "KEY_ALREADY_EXISTS");
    assert_eq!(save_plain(&drawer.path("log.key"), &other).unwrap_err().reason(), "KEY_ALREADY_EXISTS");
    assert!(drawer.signer(&passphrase()).is_ok());
}

#[test]
fn openssl_opens_our_keys_and_we_open_those_of_openssl() {
    let drawer = Drawer::new();
    let directory = drawer.directory.path();
    fs::write(drawer.path("pass"), "correct horse\n").unwrap();
    for (file, key) in [("sign.key", &drawer.signing), ("log-p.key", &drawer.log), ("log.key", &drawer.log)] {
        let arguments =
            ["pkey", "-in", file, "-passin", "file:pass", "-pubout", "-outform", "DER", "-out", "public"];
        if openssl(directory, &arguments).is_none() {
            return;
        }
        assert!(fs::read(drawer.path("public")).unwrap().ends_with(key.public_key()), "{file}");
    }
    for (file, algorithm, kind) in [
        ("made-sign.key", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..], KeyKind::Signing),
        ("made-log.key", &["ED25519"][..], KeyKind::Log),
    ] {
        let arguments =
            [&["genpkey", "-aes256", "-pass", "file:pass", "-out", file, "-algorithm"], algorithm];
        openssl(directory, &arguments.concat()).unwrap();
        assert_eq!(open_protected(&drawer.path(file), &passphrase()).unwrap().kind(), kind);
    }
}

#[test]
fn nothing_that_holds_a_key_prints() {
    let drawer = Drawer::new();
    let printed = format!(
        "{:?} {:?}",
        drawer.signer(&passphrase()).unwrap(),
        FileNoteSigner::open(&drawer.path("log.key")).unwrap(),
    );
    assert_eq!(printed, "FileSigner FileNoteSigner");
}

#[test]
fn a_chain_is_read_up_to_its_bound() {
    let drawer = Drawer::new();
    let path = drawer.path("sign.pem");
    let mut chain = fs::read(&path).unwrap();
    chain.resize(CHAIN_BYTES_MAX, b'\n');
    fs::write(&path, &chain).unwrap();
    assert_eq!(read_certificates(&path).unwrap().len(), 3);
    chain.push(b'\n');
    fs::write(&path, &chain).unwrap();
    assert_eq!(read_certificates(&path).unwrap_err().reason(), "KEY_FILE_MALFORMED");
}
