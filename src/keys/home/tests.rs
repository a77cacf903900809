//! Founding, enrolling and publishing, from nothing to a bundle that is believed.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use der::Decode;
use x509_cert::Certificate;

use super::desk::{DeskHome, DeskPlan};
use super::enrolment::Enrolment;
use super::gateway::{GatewayHome, GatewayPlan};
use super::publication::Publication;
use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::Passphrase;
use crate::keys::file::{self, FileSigner};
use crate::keys::ministry::{Founding, MinistryHome};
use crate::time::Timestamp;
use crate::trust::endpoint::Endpoint;
use crate::trust::name::{Authority, Domain, Label, Ministry};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

fn ministry(directory: &Path, code: &str) -> MinistryHome {
    let founding = Founding {
        ministry: Ministry::parse(code).unwrap(),
        display_name: format!("Ministry of Foreign Affairs of {code}"),
        domain: domain(code),
    };
    MinistryHome::found(&directory.join(format!("{code}-root")), founding, &passphrase(), NOW, &SystemEntropy)
        .unwrap()
}

fn domain(code: &str) -> Domain {
    Domain::parse(&format!("mfa.{}.example", code.to_lowercase())).unwrap()
}

fn gateway(directory: &Path) -> GatewayHome {
    let plan = GatewayPlan {
        ministry: Ministry::parse("XA").unwrap(),
        domain: domain("XA"),
        relay_listen: "127.0.0.1:0".to_owned(),
        mailbox_listen: "127.0.0.1:0".to_owned(),
        endpoints: vec![Endpoint::parse("gateway.mfa.xa.example:7443").unwrap()],
    };
    let home = GatewayHome::at(&directory.join("gateway"));
    home.found(&plan, &SystemEntropy).unwrap();
    home
}

fn desk_plan() -> DeskPlan {
    DeskPlan {
        ministry: Ministry::parse("XA").unwrap(),
        domain: domain("XA"),
        label: Label::parse("main").unwrap(),
        gateway: "127.0.0.1:7102".to_owned(),
        offices: [(Label::parse("seal").unwrap(), [Authority::Seal].into())].into(),
    }
}

fn desk(directory: &Path) -> DeskHome {
    let home = DeskHome::at(&directory.join("desk"));
    home.found(&desk_plan(), &passphrase(), &SystemEntropy).unwrap();
    home
}

fn enrol(home: &Path, ministry: &MinistryHome, renew: bool) -> Result<usize, HomeError> {
    let enrolment = Enrolment::read(home)?;
    Ok(enrolment.enrol(home, ministry, renew, NOW, &SystemEntropy)?.len())
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Whether the installed chain begins with the certificate of the gateway's own key.
fn certifies_its_transport_key(gateway: &GatewayHome) -> bool {
    let key = file::open_plain(&gateway.transport_key()).unwrap();
    let chain = file::read_certificates(&gateway.transport_chain()).unwrap();
    let own = Certificate::from_der(&chain[0]).unwrap().tbs_certificate;
    own.subject_public_key_info.subject_public_key.raw_bytes() == key.public_key()
}

#[test]
fn a_founded_ministry_publishes_a_bundle_that_its_root_vouches_for() {
    let place = tempfile::tempdir().unwrap();
    let xa = ministry(place.path(), "XA");
    let (gateway, desk) = (gateway(place.path()), desk(place.path()));
    assert_eq!(enrol(gateway.directory(), &xa, false).unwrap(), 1);
    assert_eq!(enrol(desk.directory(), &xa, false).unwrap(), 3);
    assert!(certifies_its_transport_key(&gateway));
    for stem in ["registry", "access", "offices/seal"] {
        let place = |ending| desk.directory().join(format!("keys/{stem}.{ending}"));
        FileSigner::open(&place("key"), &place("pem"), &passphrase()).unwrap();
    }
    let publication =
        Publication { gateway, desks: vec![desk.clone()], valid_for: Duration::from_secs(90 * 24 * 3600) };
    let first = publication.sign(&xa, NOW).unwrap();
    first.verify(Some(first.bundle().fingerprint().digest()), NOW).unwrap();
    assert_eq!(fs::read(desk.own_bundle()).unwrap(), first.to_bytes());
    let second = publication.sign(&xa, NOW).unwrap();
    second.follows(&first).unwrap();
}

#[test]
fn homes_are_closed_to_others_and_not_founded_twice() {
    let place = tempfile::tempdir().unwrap();
    let (gateway, desk) = (gateway(place.path()), desk(place.path()));
    for home in [gateway.directory(), desk.directory()] {
        for file in files_below(home) {
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", file.display());
        }
        assert_eq!(fs::metadata(home).unwrap().permissions().mode() & 0o077, 0);
    }
    let before = fs::read(desk.reading_recipient()).unwrap();
    let again = desk.found(&desk_plan(), &passphrase(), &SystemEntropy).unwrap_err();
    assert_eq!(again.reason(), "HOME_ALREADY_EXISTS");
    assert_eq!(fs::read(desk.reading_recipient()).unwrap(), before);
}

/// Whoever is killed while he fills a home leaves keys behind, and must not be kept from filling it again.
#[test]
fn what_a_killed_founding_left_is_swept_and_what_somebody_fills_stays() {
    let place = tempfile::tempdir().unwrap();
    let prepared = place.path().join("prepared");
    fs::create_dir(&prepared).unwrap();
    let left = [place.path().join(".unfinished-home-abc"), prepared.join(".unfinished-home-def")];
    for folder in &left {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("log.key"), "secret").unwrap();
    }
    let lay_out = |passing: &Path| {
        fs::write(passing.join("done"), "").unwrap();
        Ok(())
    };
    let fill = |home: &Path| super::found(home, "done", lay_out);
    // One that is being filled at this moment is nobody's to sweep, and the folder is not empty.
    let filled = fs::File::open(&left[1]).unwrap();
    filled.lock().unwrap();
    assert!(matches!(fill(&prepared), Err(HomeError::AlreadyExists(_))));
    drop(filled);
    fill(&prepared).unwrap();
    fill(&place.path().join("absent")).unwrap();
    assert!(!left[0].exists() && !left[1].exists());
    assert!(prepared.join("done").is_file() && place.path().join("absent/done").is_file());
}

#[test]
fn a_directory_that_somebody_prepared_is_filled_from_within() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("prepared");
    make_directory(&home).unwrap();
    let desk = DeskHome::at(&home);
    desk.found(&desk_plan(), &passphrase(), &SystemEntropy).unwrap();
    assert!(desk.config().exists() && desk.reading_key().exists());
    let names: Vec<_> = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn enrolling_twice_is_refused_and_renewing_replaces_the_chains() {
    let place = tempfile::tempdir().unwrap();
    let (xa, gateway) = (ministry(place.path(), "XA"), gateway(place.path()));
    enrol(gateway.directory(), &xa, false).unwrap();
    let chain = fs::read(gateway.transport_chain()).unwrap();
    let again = enrol(gateway.directory(), &xa, false).unwrap_err();
    assert_eq!(again.reason(), "KEY_ALREADY_EXISTS");
    assert_eq!(fs::read(gateway.transport_chain()).unwrap(), chain);
    enrol(gateway.directory(), &xa, true).unwrap();
    assert_ne!(fs::read(gateway.transport_chain()).unwrap(), chain);
    assert!(certifies_its_transport_key(&gateway));
}

#[test]
fn only_the_own_ministry_enrols_and_its_root_stays() {
    let place = tempfile::tempdir().unwrap();
    let (xa, xb) = (ministry(place.path(), "XA"), ministry(place.path(), "XB"));
    let gateway = gateway(place.path());
    assert_eq!(enrol(gateway.directory(), &xb, false).unwrap_err().reason(), "HOME_OTHER_MINISTRY");
    let usurper = place.path().join("usurper");
    make_directory(&usurper).unwrap();
    enrol(gateway.directory(), &xa, false).unwrap();
    let usurper = ministry(&usurper, "XA");
    assert_eq!(enrol(gateway.directory(), &usurper, true).unwrap_err().reason(), "HOME_OTHER_ROOT");
    assert_eq!(enrol(place.path(), &xa, false).unwrap_err().reason(), "HOME_NOT_FOUND");
}

#[test]
fn a_record_that_points_out_of_its_home_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let gateway = gateway(place.path());
    let file = gateway.directory().join(Enrolment::FILE);
    let text = fs::read_to_string(&file).unwrap();
    for stem in ["../keys/transport", "keys/../../transport", "/keys/transport", "trust/root"] {
        fs::write(&file, text.replace("\"keys/transport\"", &format!("\"{stem}\""))).unwrap();
        let refused = Enrolment::read(gateway.directory()).unwrap_err();
        assert_eq!(refused.reason(), "KEY_FILE_MALFORMED", "{stem}");
    }
}
