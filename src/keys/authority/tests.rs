//! What certificates and revocation lists say, to our own reader and to openssl.

use std::path::Path;

use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::revocation::{Issue, Revocation, RevocationReason};
use crate::keys::tests::{openssl, openssl_accepts};
use crate::trust::subject::Subject;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
}

fn xa() -> Ministry {
    Ministry::parse("XA").unwrap()
}

fn name(path: &str) -> Name {
    Name::parse(&format!("chancery://XA/{path}")).unwrap()
}

/// A root and its three branches, made by hand as the ministry home makes them.
fn authorities() -> Vec<CertificateAuthority> {
    let root = CertificateAuthority::root(&xa(), now(), &SystemEntropy).unwrap();
    let below = [Branch::Transport, Branch::Desk, Branch::DeskAccess]
        .map(|branch| root.found(branch, now(), &SystemEntropy).unwrap());
    std::iter::once(root).chain(below).collect()
}

fn of(authorities: &[CertificateAuthority], branch: Branch) -> &CertificateAuthority {
    authorities.iter().find(|authority| authority.branch() == branch).unwrap()
}

fn certify(
    authority: &CertificateAuthority,
    name: &Name,
    held: &[Authority],
    valid_for: Duration,
) -> Result<IssuedCertificate, IssueRefusal> {
    let key = PrivateKey::new_signing().unwrap();
    let (authorities, domain) = (held.iter().copied().collect(), Domain::parse("mfa.xa.example").unwrap());
    let roles = BTreeSet::new();
    let grant = Grant { name, authorities: &authorities, roles: &roles, domain: &domain, valid_for };
    authority.certify(key.public_key(), &grant, now(), &SystemEntropy)
}

fn save(directory: &Path, file: &str, der: &[u8]) {
    std::fs::write(directory.join(file), certificate_pem(der)).unwrap();
}

#[test]
fn every_kind_of_certificate_names_its_holder_and_no_more() {
    let authorities = authorities();
    for path in ["gateway", "desk/main", "registry", "office/releasing-01", "trust"] {
        let name = name(path);
        let held: &[_] = if name.may_hold_authority() { &[Authority::Seal, Authority::Release] } else { &[] };
        let issued = certify(of(&authorities, Branch::of(&name)), &name, held, DESK_VALIDITY).unwrap();
        let subject = Subject::of(&issued.der).unwrap();
        assert_eq!(subject.name(), &name);
        assert_eq!(subject.authorities(), &held.iter().copied().collect());
        let dns: &[&str] = if path == "gateway" { &["gateway.mfa.xa.example"] } else { &[] };
        assert_eq!(subject.dns_names(), dns);
        let parsed = Certificate::from_der(&issued.der).unwrap();
        assert_eq!(parsed.tbs_certificate.serial_number.as_bytes(), issued.serial.as_bytes());
        let validity = parsed.tbs_certificate.validity;
        let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap();
        assert_eq!(seconds(validity.not_before), now().seconds() - 300);
        assert_eq!(seconds(validity.not_after), now().after(DESK_VALIDITY).seconds());
    }
}

#[test]
fn a_name_of_another_branch_or_ministry_is_refused() {
    let authorities = authorities();
    for path in ["gateway", "desk/main", "registry", "office/one", "trust"] {
        for authority in &authorities {
            let issued = certify(authority, &name(path), &[], GATEWAY_VALIDITY);
            assert_eq!(issued.is_ok(), Branch::of(&name(path)) == authority.branch(), "{path}");
        }
    }
    let stranger = Name::parse("chancery://XB/gateway").unwrap();
    let refused = certify(of(&authorities, Branch::Transport), &stranger, &[], GATEWAY_VALIDITY);
    assert_eq!(refused, Err(IssueRefusal::Branch(stranger, Branch::Transport, xa())));
}

#[test]
fn a_gateway_is_given_no_authority() {
    let authorities = authorities();
    let refused =
        certify(of(&authorities, Branch::Transport), &name("gateway"), &[Authority::Seal], GATEWAY_VALIDITY);
    assert_eq!(refused, Err(IssueRefusal::Authority(name("gateway"))));
}

#[test]
fn nothing_outlives_its_issuer_and_only_the_root_founds() {
    let authorities = authorities();
    let desk = of(&authorities, Branch::Desk);
    assert!(certify(desk, &name("registry"), &[], BRANCH_VALIDITY).is_ok());
    let longer = certify(desk, &name("registry"), &[], BRANCH_VALIDITY + Duration::from_secs(1));
    assert_eq!(longer, Err(IssueRefusal::Outlives(now().after(BRANCH_VALIDITY))));
    let refused = desk.found(Branch::Transport, now(), &SystemEntropy).err();
    assert_eq!(refused, Some(IssueRefusal::NotBelow(Branch::Desk, Branch::Transport)));
    let root = of(&authorities, Branch::Root);
    let late = now().after(ROOT_VALIDITY).before(Duration::from_secs(60));
    assert!(matches!(root.found(Branch::Desk, late, &SystemEntropy), Err(IssueRefusal::Outlives(_))));
}

#[test]
fn an_authority_is_taken_up_again_only_with_its_own_certificate_and_key() {
    let authorities = authorities();
    let desk = of(&authorities, Branch::Desk);
    let key = || PrivateKey::from_pkcs8(desk.key().pkcs8().to_vec().into()).unwrap();
    let resume = |branch, ministry: &str, certificate: &[u8], key| {
        CertificateAuthority::resume(branch, &Ministry::parse(ministry).unwrap(), certificate.to_vec(), key)
    };
    let resumed = resume(Branch::Desk, "XA", desk.certificate(), key()).unwrap();
    assert_eq!(resumed.not_after, desk.not_after);
    assert!(certify(&resumed, &name("registry"), &[], DESK_VALIDITY).is_ok());
    let other = of(&authorities, Branch::Transport);
    assert!(resume(Branch::Desk, "XA", other.certificate(), key()).is_err());
    assert!(resume(Branch::Desk, "XA", desk.certificate(), PrivateKey::new_signing().unwrap()).is_err());
    assert!(resume(Branch::Transport, "XA", desk.certificate(), key()).is_err());
    assert!(resume(Branch::Desk, "XB", desk.certificate(), key()).is_err());
    assert!(resume(Branch::Desk, "XA", b"nonsense", key()).is_err());
}

#[test]
fn openssl_verifies_our_chains_for_their_purposes_and_no_others() {
    let authorities = authorities();
    let directory = tempfile::tempdir().unwrap();
    for authority in &authorities {
        save(directory.path(), authority.branch().word(), authority.certificate());
    }
    let verify = |leaf: &str, branch: Branch, purpose: &str| {
        let at = now().seconds().to_string();
        let mut arguments =
            vec!["verify", "-x509_strict", "-attime", &at, "-CAfile", "root", "-purpose", purpose];
        if branch != Branch::Root {
            arguments.extend(["-untrusted", branch.word()]);
        }
        arguments.push(leaf);
        openssl_accepts(directory.path(), &arguments)
    };
    let expected = [
        ("gateway", [true, true, true]),
        ("desk/main", [true, false, true]),
        ("registry", [false, false, true]),
        ("office/one", [false, false, true]),
        ("trust", [false, false, true]),
    ];
    for (path, verdicts) in expected {
        let name = name(path);
        let branch = Branch::of(&name);
        let issued = certify(of(&authorities, branch), &name, &[], GATEWAY_VALIDITY).unwrap();
        save(directory.path(), "leaf", &issued.der);
        for (purpose, verdict) in ["sslclient", "sslserver", "any"].into_iter().zip(verdicts) {
            let Some(accepted) = verify("leaf", branch, purpose) else { return };
            assert_eq!(accepted, verdict, "{path} as {purpose}");
        }
        let wrong = if branch == Branch::Transport { Branch::Desk } else { Branch::Transport };
        if branch != Branch::Root {
            assert_eq!(verify("leaf", wrong, "any"), Some(false), "{path} under {wrong}");
        }
    }
}

#[test]
fn openssl_reads_purposes_and_names_as_they_are_meant() {
    let authorities = authorities();
    let directory = tempfile::tempdir().unwrap();
    let office =
        certify(of(&authorities, Branch::Desk), &name("office/one"), &[Authority::Seal], DESK_VALIDITY);
    save(directory.path(), "office", &office.unwrap().der);
    save(directory.path(), "desk", of(&authorities, Branch::Desk).certificate());
    let Some(text) = openssl(directory.path(), &["x509", "-in", "office", "-noout", "-text"]) else { return };
    for words in [
        "URI:chancery://XA/office/one, URI:chancery://XA/authority/seal",
        "Digital Signature, Non Repudiation",
        "1.3.6.1.5.5.7.3.36",
        "CA:FALSE",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(words), "{words} is missing in {text}");
    }
    let text = openssl(directory.path(), &["x509", "-in", "desk", "-noout", "-text"]).unwrap();
    assert!(text.contains("CA:TRUE, pathlen:0") && text.contains("Certificate Sign, CRL Sign"));
}

#[test]
fn a_revocation_list_says_what_was_revoked_and_since_when() {
    let authorities = authorities();
    let desk = of(&authorities, Branch::Desk);
    let [revoked, kept] =
        ["office/one", "office/two"].map(|path| certify(desk, &name(path), &[], DESK_VALIDITY).unwrap());
    let since = now().before(Duration::from_secs(3600));
    let revocation = Revocation {
        serial: revoked.serial,
        revoked: now(),
        invalid_since: Some(since),
        reason: RevocationReason::KeyCompromise,
    };
    let issue = Issue { number: 7, now: now(), next_update: now().after(DESK_VALIDITY) };
    let list = desk.revocation_list(&[revocation], issue).unwrap();
    let read = CertRevocationList::from(OwnedCertRevocationList::from_der(&list).unwrap());
    let found = read.find_serial(revoked.serial.as_bytes()).unwrap().unwrap();
    assert_eq!(found.revocation_date.as_secs(), u64::try_from(now().seconds()).unwrap());
    assert_eq!(found.invalidity_date.unwrap().as_secs(), u64::try_from(since.seconds()).unwrap());
    assert!(read.find_serial(kept.serial.as_bytes()).unwrap().is_none());

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("list"), &list).unwrap();
    for (file, der) in [("desk", desk.certificate()), ("one", &revoked.der), ("two", &kept.der)] {
        save(directory.path(), file, der);
    }
    save(directory.path(), "root", of(&authorities, Branch::Root).certificate());
    let at = now().seconds().to_string();
    let check = |leaf| {
        let arguments = ["verify", "-attime", &at, "-CAfile", "root", "-untrusted", "desk"];
        let crl = ["-crl_check", "-CRLfile", "list", leaf];
        openssl_accepts(directory.path(), &[&arguments[..], &crl[..]].concat())
    };
    let (Some(one), Some(two)) = (check("one"), check("two")) else { return };
    assert_eq!((one, two), (false, true));
}

#[test]
fn an_authority_does_not_print() {
    for authority in authorities() {
        assert_eq!(format!("{authority:?}"), "CertificateAuthority");
    }
}
