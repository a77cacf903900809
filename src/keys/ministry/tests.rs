//! What a ministry home promises.

mod belief;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::authority::{DESK_VALIDITY, GATEWAY_VALIDITY};
use crate::keys::generate;
use crate::keys::request::certificate_request;
use crate::keys::tests::{openssl, openssl_accepts};
use crate::trust::name::{Authority, Domain, Label, Ministry, Name};
use crate::trust::signature::Signer;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

fn wrong() -> Passphrase {
    Passphrase::new("wrong horse").unwrap()
}

fn founding() -> Founding {
    Founding {
        ministry: Ministry::parse("XA").unwrap(),
        display_name: "Ministry of Foreign Affairs of XA".to_owned(),
        domain: Domain::parse("mfa.xa.example").unwrap(),
    }
}

fn found(directory: &Path) -> Result<MinistryHome, HomeError> {
    MinistryHome::found(directory, founding(), &passphrase(), now(), &SystemEntropy)
}

fn name(path: &str) -> Name {
    Name::parse(&format!("chancery://XA/{path}")).unwrap()
}

fn application(path: &str, authorities: &[Authority]) -> Application {
    let key = generate::signing_key().unwrap();
    Application {
        request: certificate_request(&key, &name(path)).unwrap(),
        name: name(path),
        authorities: authorities.iter().copied().collect(),
        valid_for: GATEWAY_VALIDITY,
    }
}

/// Every file below a directory with its content, to see that nothing changed.
fn snapshot(directory: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

#[test]
fn a_founded_home_is_closed_to_others_and_opens_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/xa");
    let home = found(&path).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let files = snapshot(&path);
    assert_eq!(files.len(), 12, "five keys, five certificates, register and lock");
    for (file, _) in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished stays");
    let again = MinistryHome::open(&path, &passphrase()).unwrap();
    assert_eq!(again.founding(), &founding());
    assert_eq!(again.certificate(Branch::Root).unwrap(), home.certificate(Branch::Root).unwrap());
    assert!(again.trust_signer().unwrap().sign(b"bundle").is_ok());
    assert_eq!(format!("{home:?}"), "MinistryHome");
}

#[test]
fn an_existing_home_or_file_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("xa");
    found(&path).unwrap();
    let before = snapshot(&path);
    assert!(matches!(found(&path), Err(HomeError::AlreadyExists(at)) if at == path));
    assert_eq!(snapshot(&path), before);
    let file = directory.path().join("file");
    fs::write(&file, "something").unwrap();
    assert_eq!(found(&file).unwrap_err().reason(), "HOME_ALREADY_EXISTS");
    assert_eq!(fs::read(&file).unwrap(), b"something");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(found(&empty).is_ok());
}

#[test]
fn what_is_not_a_home_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".unfinished-abc")).unwrap();
    for path in [directory.path().to_owned(), directory.path().join("missing")] {
        assert_eq!(MinistryHome::open(&path, &passphrase()).unwrap_err().reason(), "HOME_NOT_FOUND");
    }
    let mut nameless = founding();
    nameless.display_name.clear();
    let refused =
        MinistryHome::found(&directory.path().join("xa"), nameless, &passphrase(), now(), &SystemEntropy);
    assert_eq!(refused.unwrap_err().reason(), "DISPLAY_NAME_INVALID");
}

#[test]
fn openssl_verifies_what_the_home_certifies() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("xa");
    let home = found(&path).unwrap();
    let chain = home.certify(&application("gateway", &[]), now(), &SystemEntropy).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "leaf and intermediate, no root");
    fs::write(path.join("leaf.pem"), &chain).unwrap();
    let at = now().seconds().to_string();
    let arguments = ["verify", "-x509_strict", "-attime", &at, "-CAfile", "root.pem"];
    let rest = ["-untrusted", "transport.pem", "-purpose", "sslserver", "leaf.pem"];
    let Some(accepted) = openssl_accepts(&path, &[&arguments[..], &rest].concat()) else { return };
    assert!(accepted);
    let wrong_branch = ["-untrusted", "desk.pem", "leaf.pem"];
    assert_eq!(openssl_accepts(&path, &[&arguments[..], &wrong_branch].concat()), Some(false));
    assert_eq!(openssl_accepts(&path, &[&arguments[..], &["trust.pem"]].concat()), Some(true));
    for file in ["root.key", "trust.key", "transport.key", "desk.key", "desk-access.key"] {
        openssl(&path, &["pkey", "-in", file, "-passin", "pass:correct horse", "-noout"]).unwrap();
    }
}

#[test]
fn a_desk_is_enrolled_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    let mut enrolment = DeskEnrolment {
        label: Label::parse("main").unwrap(),
        access_request: application("desk/main", &[]).request,
        signers: vec![
            application("registry", &[Authority::Register, Authority::Receipt]),
            application("office/releasing-01", &[Authority::Release]),
        ],
        valid_for: DESK_VALIDITY,
    };
    let certificates = home.enrol_desk(&enrolment, now(), &SystemEntropy).unwrap();
    let names: Vec<_> = std::iter::once(&certificates.access)
        .chain(&certificates.signers)
        .map(|chain| named(chain))
        .collect();
    assert_eq!(names, [name("desk/main"), name("registry"), name("office/releasing-01")]);
    assert_eq!(home.issued().unwrap().len(), 4, "the trust key and three more");

    enrolment.access_request = application("desk/other", &[]).request;
    let before = snapshot(&directory.path().join("xa"));
    assert_eq!(
        home.enrol_desk(&enrolment, now(), &SystemEntropy).unwrap_err().reason(),
        "REQUEST_OTHER_NAME"
    );
    assert_eq!(snapshot(&directory.path().join("xa")), before);
}

fn named(chain: &str) -> Name {
    use rustls_pki_types::pem::PemObject;
    let leaf = rustls_pki_types::CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    crate::trust::subject::Subject::of(&leaf).unwrap().name().clone()
}

#[test]
fn a_request_for_another_name_or_without_its_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    let certify =
        |application: &Application| home.certify(application, now(), &SystemEntropy).unwrap_err().reason();
    let mut other = application("gateway", &[]);
    other.name = name("registry");
    assert_eq!(certify(&other), "REQUEST_OTHER_NAME");
    let mut foreign = application("gateway", &[]);
    foreign.name = Name::parse("chancery://XB/gateway").unwrap();
    foreign.request = certificate_request(&generate::signing_key().unwrap(), &foreign.name).unwrap();
    assert_eq!(certify(&foreign), "CERTIFICATE_REFUSED");
    let mut powerful = application("gateway", &[]);
    powerful.authorities = BTreeSet::from([Authority::Seal]);
    assert_eq!(certify(&powerful), "CERTIFICATE_REFUSED");
    let mut endless = application("registry", &[]);
    endless.valid_for = Duration::from_secs(20 * 365 * 24 * 3600);
    assert_eq!(certify(&endless), "CERTIFICATE_REFUSED");
    let mut noise = application("registry", &[]);
    noise.request = "noise".to_owned();
    assert_eq!(certify(&noise), "REQUEST_INVALID");
    assert_eq!(home.issued().unwrap().len(), 1, "only the trust key");
}

#[test]
fn a_wrong_passphrase_certifies_nothing_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("xa");
    found(&path).unwrap();
    let before = snapshot(&path);
    let home = MinistryHome::open(&path, &wrong()).unwrap();
    let refusals = [
        home.certify(&application("gateway", &[]), now(), &SystemEntropy).unwrap_err(),
        home.trust_signer().unwrap_err(),
        home.revocation_list(Branch::Desk, now(), DESK_VALIDITY).unwrap_err(),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, HomeError::Key(KeyError::WrongPassphrase(_))), "{refusal}");
    }
    assert_eq!(snapshot(&path), before);
}

#[test]
fn bundles_are_numbered_without_gap_or_repetition() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("xa");
    let home = found(&path).unwrap();
    assert_eq!(home.next_bundle().unwrap(), BundlePosition { sequence: 1, previous: None });
    let digest = Digest::of(b"bundle 1");
    for sequence in [0, 2] {
        assert_eq!(home.record_bundle(sequence, digest).unwrap_err().reason(), "BUNDLE_OUT_OF_ORDER");
    }
    home.record_bundle(1, digest).unwrap();
    assert_eq!(home.record_bundle(1, digest).unwrap_err().reason(), "BUNDLE_OUT_OF_ORDER");
    let again = MinistryHome::open(&path, &passphrase()).unwrap();
    assert_eq!(again.next_bundle().unwrap(), BundlePosition { sequence: 2, previous: Some(digest) });
}

#[test]
fn a_revoked_certificate_stands_in_the_list_of_its_own_authority_alone() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    home.certify(&application("office/one", &[]), now(), &SystemEntropy).unwrap();
    let serial = home.issued().unwrap()[1].serial;
    let revoke = || home.revoke(serial, RevocationReason::KeyCompromise, None, now());
    revoke().unwrap();
    assert_eq!(revoke().unwrap_err().reason(), "CERTIFICATE_ALREADY_REVOKED");
    let unknown = Serial::random(&SystemEntropy).unwrap();
    let refused = home.revoke(unknown, RevocationReason::Superseded, None, now());
    assert_eq!(refused.unwrap_err().reason(), "CERTIFICATE_UNKNOWN");
    for (branch, listed) in [(Branch::Desk, true), (Branch::Transport, false)] {
        let list = home.revocation_list(branch, now(), DESK_VALIDITY).unwrap();
        let list =
            webpki::CertRevocationList::from(webpki::OwnedCertRevocationList::from_der(&list).unwrap());
        assert_eq!(list.find_serial(serial.as_bytes()).unwrap().is_some(), listed);
    }
}

#[test]
fn a_certificate_is_revoked_together_with_the_list_that_says_so_or_not_at_all() {
    use crate::trust::revocation::RevocationList;
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    home.certify(&application("desk/main", &[]), now(), &SystemEntropy).unwrap();
    let serial = home.issued().unwrap().last().unwrap().serial;
    let revocation = |serial| Revocation {
        serial,
        revoked: now(),
        invalid_since: None,
        reason: RevocationReason::KeyCompromise,
    };
    let until = now().after(GATEWAY_VALIDITY);
    let list = |branch, serial| home.revoke_and_list(branch, &[revocation(serial)], now(), until);
    // Another authority did not issue it, and nothing is noted then.
    let before = snapshot(&directory.path().join("xa"));
    assert_eq!(list(Branch::Transport, serial).unwrap_err().reason(), "CERTIFICATE_UNKNOWN");
    let wrong = MinistryHome::open(&directory.path().join("xa"), &wrong()).unwrap();
    assert!(wrong.revoke_and_list(Branch::DeskAccess, &[revocation(serial)], now(), until).is_err());
    assert_eq!(snapshot(&directory.path().join("xa")), before);
    let signed = list(Branch::DeskAccess, serial).unwrap();
    let authority = rustls_pki_types::CertificateDer::from(home.certificate(Branch::DeskAccess).unwrap());
    let read = RevocationList::read(&signed, &authority).unwrap();
    assert_eq!((read.serials(), read.next_update()), (vec![serial.to_string()], until));
    assert_eq!(list(Branch::DeskAccess, serial).unwrap_err().reason(), "CERTIFICATE_ALREADY_REVOKED");
}
