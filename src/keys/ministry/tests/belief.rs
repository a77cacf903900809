//! What a home issues is believed by the room that judges it, for its own purpose and no other.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::*;
use crate::keys::file::save_protected;
use crate::trust::anchor::Anchors;
use crate::trust::chain::{self, Purpose};
use crate::trust::signature;

/// Certifies a new key under `path` and keeps key and chain in `directory`.
fn equip(home: &MinistryHome, directory: &Path, path: &str, authorities: &[Authority]) -> (PathBuf, PathBuf) {
    let key = generate::signing_key().unwrap();
    let mut application = application(path, authorities);
    application.request = certificate_request(&key, &application.name).unwrap();
    let stem = path.replace('/', "-");
    let files = (directory.join(format!("{stem}.key")), directory.join(format!("{stem}.pem")));
    save_protected(&files.0, &key, &passphrase(), &SystemEntropy).unwrap();
    fs::write(&files.1, home.certify(&application, now(), &SystemEntropy).unwrap()).unwrap();
    files
}

fn anchors(home: &MinistryHome, branches: &[Branch]) -> Anchors {
    let authorities: Vec<_> = branches.iter().map(|branch| home.certificate(*branch).unwrap()).collect();
    let listing = branches.iter().chain(&[Branch::Root]);
    let lists: Vec<_> =
        listing.map(|branch| home.revocation_list(*branch, now(), DESK_VALIDITY).unwrap()).collect();
    let root = home.certificate(Branch::Root).unwrap();
    Anchors::new(home.founding().ministry.clone(), &root, &authorities, &lists).unwrap()
}

#[test]
fn certificates_are_believed_for_their_own_purpose_alone() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    let expected = [
        ("gateway", Branch::Transport, [false, true, true]),
        ("desk/main", Branch::DeskAccess, [false, true, false]),
        ("registry", Branch::Desk, [true, false, false]),
        ("office/one", Branch::Desk, [true, false, false]),
    ];
    for (path, branch, verdicts) in expected {
        let (_, chain) = equip(&home, directory.path(), path, &[]);
        let leaf = CertificateDer::from_pem_file(&chain).unwrap();
        for own in Branch::ALL.into_iter().filter(|branch| *branch != Branch::Root) {
            let anchors = anchors(&home, &[own]);
            let purposes = [Purpose::Signing, Purpose::TlsClient, Purpose::TlsServer];
            let found = purposes.map(|purpose| chain::verify(&leaf, &anchors, purpose, now()).is_ok());
            let believed = if own == branch { verdicts } else { [false; 3] };
            assert_eq!(found, believed, "{path} under {own}");
        }
    }
}

#[test]
fn signatures_are_believed_until_their_certificate_is_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    let (key, chain) = equip(&home, directory.path(), "office/one", &[Authority::Seal]);
    let signer = FileSigner::open(&key, &chain, &passphrase()).unwrap();
    let p7s = signature::sign(b"dispatch", &signer, now()).unwrap();
    let verdict =
        |home: &MinistryHome, at| signature::verify(b"dispatch", &p7s, &anchors(home, &[Branch::Desk]), at);
    let believed = verdict(&home, now()).unwrap();
    assert_eq!(believed.name(), &name("office/one"));
    assert!(believed.require_authority(Authority::Seal).is_ok());
    let serial = home.issued().unwrap()[1].serial;
    let later = now().after(Duration::from_secs(600));
    home.revoke(serial, RevocationReason::KeyCompromise, Some(later), later).unwrap();
    assert!(verdict(&home, now()).is_ok(), "signed before the revocation");
    assert_eq!(verdict(&home, later).unwrap_err().reason(), "CERTIFICATE_REVOKED");
}

#[test]
fn bundles_are_signed_directly_under_the_root() {
    let directory = tempfile::tempdir().unwrap();
    let home = found(&directory.path().join("xa")).unwrap();
    let p7s = signature::sign(b"bundle", &home.trust_signer().unwrap(), now()).unwrap();
    let believed = signature::verify(b"bundle", &p7s, &anchors(&home, &[]), now()).unwrap();
    assert!(believed.require_name(&name("trust")).is_ok());
}
