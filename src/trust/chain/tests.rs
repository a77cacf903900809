//! Claims about chains.

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use super::*;
use crate::trust::name::Name;
use crate::trust::signature::Signer;
use crate::trust::testing::{NOW, TestCertificate, TestMinistry, TestSigner, days, document_signing};

fn judged(signer: &TestSigner, anchors: &Anchors, at: Timestamp) -> Result<Chain, ChainRefusal> {
    verify(signer.certificate(), anchors, Purpose::Signing, at)
}

fn transport_anchors(xa: &TestMinistry) -> Anchors {
    Anchors::new(xa.ministry.clone(), xa.root.der(), &[xa.transport.der().to_vec()], &[]).unwrap()
}

#[test]
fn a_registry_is_believed_for_signing_through_its_authority() {
    let xa = TestMinistry::new("XA");
    let chain = judged(&xa.registry(), &xa.signing_anchors(), NOW).unwrap();
    assert_eq!(chain.subject().name(), &xa.name("registry"));
    assert_eq!(chain.authority(), Some(&xa.desk.certificate()));
}

#[test]
fn a_key_certified_by_the_root_has_no_authority_between() {
    let xa = TestMinistry::new("XA");
    assert_eq!(judged(&xa.trust(), &xa.signing_anchors(), NOW).unwrap().authority(), None);
}

#[test]
fn a_certificate_is_believed_within_its_validity_only() {
    let xa = TestMinistry::new("XA");
    let mut request = TestCertificate::signing(&xa.name("registry"), &[]);
    request.valid = (NOW.before(days(2)), NOW.after(days(2)));
    let (registry, anchors) = (xa.desk.certify(&request), xa.signing_anchors());
    let (from, until) = request.valid;
    let second = Duration::from_secs(1);
    assert!(judged(&registry, &anchors, from).is_ok());
    assert!(judged(&registry, &anchors, until).is_ok());
    assert_eq!(judged(&registry, &anchors, from.before(second)), Err(ChainRefusal::NotYetValid(from)));
    assert_eq!(judged(&registry, &anchors, until.after(second)), Err(ChainRefusal::Expired(until)));
}

#[test]
fn a_root_outside_its_validity_vouches_for_nobody() {
    let xa = TestMinistry::new("XA");
    let mut request = TestCertificate::signing(&xa.name("registry"), &[]);
    request.valid = (NOW.before(days(1000)), NOW.after(days(1000)));
    let (registry, anchors) = (xa.root.certify(&request), xa.signing_anchors());
    assert!(matches!(judged(&registry, &anchors, NOW.after(days(400))), Err(ChainRefusal::Expired(_))));
    assert!(matches!(judged(&registry, &anchors, NOW.before(days(400))), Err(ChainRefusal::NotYetValid(_))));
    let before_1970 = Timestamp::from_seconds(-1);
    assert!(matches!(judged(&registry, &anchors, before_1970), Err(ChainRefusal::NotYetValid(_))));
}

#[test]
fn an_authority_outside_the_anchors_vouches_for_nobody() {
    let (xa, other) = (TestMinistry::new("XA"), TestMinistry::new("XA"));
    let unnamed = xa.root.authority("XA unnamed");
    let stray = unnamed.certify(&TestCertificate::signing(&xa.name("registry"), &[]));
    let list = [
        (stray, PathFlaw::UnknownIssuer),
        // The right names, other keys.
        (other.registry(), PathFlaw::Signature),
        (other.trust(), PathFlaw::Signature),
    ];
    for (signer, flaw) in list {
        assert_eq!(judged(&signer, &xa.signing_anchors(), NOW), Err(ChainRefusal::Untrusted(flaw)));
    }
}

#[test]
fn a_name_of_another_ministry_is_refused_under_our_root() {
    let xa = TestMinistry::new("XA");
    let foreign = Name::parse("chancery://XB/registry").unwrap();
    let stray = xa.desk.certify(&TestCertificate::signing(&foreign, &[]));
    let refusal = judged(&stray, &xa.signing_anchors(), NOW).unwrap_err();
    assert_eq!(refusal.reason(), "CERTIFICATE_OF_OTHER_MINISTRY");
}

#[test]
fn only_document_signing_with_content_commitment_signs() {
    let xa = TestMinistry::new("XA");
    let anchors = xa.signing_anchors();
    let usual = TestCertificate::signing(&xa.name("registry"), &[]);
    let both = vec![document_signing(), ExtendedKeyUsagePurpose::ClientAuth];
    let content_commitment = KeyUsagePurpose::ContentCommitment;
    let variants = [
        TestCertificate { usages: vec![], ..usual.clone() },
        TestCertificate { usages: vec![ExtendedKeyUsagePurpose::ClientAuth], ..usual.clone() },
        TestCertificate { usages: vec![ExtendedKeyUsagePurpose::Any], ..usual.clone() },
        TestCertificate { usages: both, ..usual.clone() },
        TestCertificate { key_usages: vec![], ..usual.clone() },
        TestCertificate { key_usages: vec![KeyUsagePurpose::DigitalSignature], ..usual.clone() },
        TestCertificate { key_usages: vec![content_commitment], ..usual.clone() },
        TestCertificate {
            key_usages: vec![content_commitment, KeyUsagePurpose::KeyCertSign],
            ..usual.clone()
        },
    ];
    for request in variants {
        let refusal = judged(&xa.desk.certify(&request), &anchors, NOW).unwrap_err();
        assert_eq!(refusal.reason(), "CERTIFICATE_PURPOSE", "{request:?}");
    }
    assert!(judged(&xa.desk.certify(&usual), &anchors, NOW).is_ok());
}

#[test]
fn gateways_open_tls_and_signers_do_not() {
    let xa = TestMinistry::new("XA");
    let transport = transport_anchors(&xa);
    for purpose in [Purpose::TlsClient, Purpose::TlsServer] {
        assert!(verify(xa.gateway().certificate(), &transport, purpose, NOW).is_ok());
        let registry = verify(xa.registry().certificate(), &xa.signing_anchors(), purpose, NOW);
        assert!(matches!(registry, Err(ChainRefusal::Purpose(_))));
    }
    let signing = verify(xa.gateway().certificate(), &transport, Purpose::Signing, NOW);
    assert!(matches!(signing, Err(ChainRefusal::Purpose(_))));
}

#[test]
fn a_key_certified_by_the_root_itself_opens_no_tls() {
    let xa = TestMinistry::new("XA");
    let usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let request = TestCertificate { usages, ..TestCertificate::signing(&xa.name("gateway"), &[]) };
    let (direct, below) = (xa.root.certify(&request), xa.transport.certify(&request));
    let without_authority = Anchors::new(xa.ministry.clone(), xa.root.der(), &[], &[]).unwrap();
    let unknown = ChainRefusal::Untrusted(PathFlaw::UnknownIssuer);
    for purpose in [Purpose::TlsClient, Purpose::TlsServer] {
        for anchors in [&transport_anchors(&xa), &without_authority] {
            assert_eq!(verify(direct.certificate(), anchors, purpose, NOW).unwrap_err(), unknown);
        }
        assert!(verify(below.certificate(), &transport_anchors(&xa), purpose, NOW).is_ok());
        assert_eq!(verify(below.certificate(), &without_authority, purpose, NOW).unwrap_err(), unknown);
    }
}

#[test]
fn an_authority_is_no_end_entity() {
    let xa = TestMinistry::new("XA");
    for authority in [&xa.root, &xa.desk] {
        assert!(judged(&authority.as_signer(), &xa.signing_anchors(), NOW).is_err());
    }
}

#[test]
fn a_later_revocation_leaves_earlier_judgements_alone() {
    let xa = TestMinistry::new("XA");
    let office = xa.office("one", &[]);
    let revoked = NOW.before(days(10));
    let list = xa.desk.revocation_list(&[(&office, revoked, None)], NOW.after(days(30)));
    let anchors = xa.signing_anchors_less(&[list]);
    let second = Duration::from_secs(1);
    assert!(judged(&office, &anchors, revoked.before(second)).is_ok());
    for at in [revoked, revoked.after(second), NOW] {
        assert_eq!(judged(&office, &anchors, at), Err(ChainRefusal::Revoked(revoked)));
    }
    assert!(judged(&xa.registry(), &anchors, NOW).is_ok());
}

#[test]
fn an_invalidity_date_reaches_back_before_the_revocation() {
    let xa = TestMinistry::new("XA");
    let office = xa.office("one", &[]);
    let (invalid, revoked) = (NOW.before(days(20)), NOW.before(days(10)));
    let list = xa.desk.revocation_list(&[(&office, revoked, Some(invalid))], NOW.after(days(30)));
    let anchors = xa.signing_anchors_less(&[list]);
    assert_eq!(judged(&office, &anchors, NOW.before(days(15))), Err(ChainRefusal::Revoked(invalid)));
    assert!(judged(&office, &anchors, NOW.before(days(21))).is_ok());
}

#[test]
fn a_revoked_authority_vouches_for_nobody() {
    let xa = TestMinistry::new("XA");
    let list = xa.root.revocation_list(&[(&xa.desk.as_signer(), NOW, None)], NOW.after(days(30)));
    let anchors = xa.signing_anchors_less(&[list]);
    assert_eq!(judged(&xa.registry(), &anchors, NOW), Err(ChainRefusal::Revoked(NOW)));
    assert!(judged(&xa.registry(), &anchors, NOW.before(days(1))).is_ok());
}

#[test]
fn the_list_of_one_authority_stands_in_the_place_of_no_other_of_its_name() {
    let xa = TestMinistry::new("XA");
    let successor = xa.root.authority("XA desk");
    let authorities = [&xa.desk, &successor].map(|one| one.der().to_vec());
    let request = |path: &str| TestCertificate::signing(&xa.name(path), &[]);
    let (before, after) =
        (xa.desk.certify(&request("office/one")), successor.certify(&request("office/two")));
    let (revoked, due) = (NOW.before(days(10)), NOW.after(days(30)));
    // The list of the successor is older than the newest of the one before it.
    let held = xa.desk.revocation_list_at(&[], NOW.before(days(1)), due);
    let other = successor.revocation_list_at(&[(&after, revoked, None)], NOW.before(days(2)), due);
    let anchors = Anchors::new(xa.ministry.clone(), xa.root.der(), &authorities, &[held]).unwrap();
    assert!(judged(&after, &anchors, NOW).is_ok());
    let taken = anchors.newer_lists(&[other], NOW);
    assert_eq!(taken.len(), 1, "the first of its issuer");
    let anchors = anchors.with_lists(&taken);
    assert_eq!(judged(&after, &anchors, NOW), Err(ChainRefusal::Revoked(revoked)));
    assert!(judged(&before, &anchors, NOW).is_ok());
}

#[test]
fn a_stale_list_fails_closed_until_it_is_replaced_and_is_tolerated_for_a_successor_alone() {
    let xa = TestMinistry::new("XA");
    let due = NOW.before(Duration::from_secs(1));
    let stale = xa.desk.revocation_list(&[], due);
    let anchors = xa.signing_anchors_less(std::slice::from_ref(&stale));
    assert_eq!(judged(&xa.registry(), &anchors, NOW), Err(ChainRefusal::StaleRevocationList(due)));
    assert!(judged(&xa.registry(), &anchors, due).is_ok());
    assert!(judged(&xa.registry(), &anchors.tolerating_stale_lists(), NOW).is_ok());
    let fresh = xa.desk.revocation_list(&[], NOW);
    assert!(judged(&xa.registry(), &xa.signing_anchors_less(&[stale, fresh]), NOW).is_ok());
}

#[test]
fn a_flipped_bit_anywhere_in_a_certificate_is_refused() {
    let xa = TestMinistry::new("XA");
    let anchors = xa.signing_anchors();
    let mut certificate = xa.registry().certificate().to_vec();
    for position in 0..certificate.len() * 8 {
        certificate[position / 8] ^= 1 << (position % 8);
        assert!(verify(&certificate, &anchors, Purpose::Signing, NOW).is_err(), "bit {position}");
        certificate[position / 8] ^= 1 << (position % 8);
    }
}

/// Instants around every boundary that a case may have, in an order that fills the memory early and late.
fn instants(boundaries: &[Timestamp]) -> Vec<Timestamp> {
    let around = |at: &Timestamp| [-1, 0, 1].map(|shift| Timestamp::from_seconds(at.seconds() + shift));
    let mut instants = vec![NOW];
    instants.extend(boundaries.iter().flat_map(around));
    instants.extend([Timestamp::from_seconds(-1), Timestamp::from_seconds(0), NOW.after(days(3000))]);
    let backwards: Vec<Timestamp> = instants.iter().rev().copied().collect();
    [instants, backwards].concat()
}

#[test]
fn what_is_remembered_answers_as_the_long_way_does_at_every_instant() {
    let xa = TestMinistry::new("XA");
    let mut request = TestCertificate::signing(&xa.name("registry"), &[]);
    request.valid = (NOW.before(days(20)), NOW.after(days(20)));
    let (registry, trust) = (xa.desk.certify(&request), xa.trust());
    let authority = xa.desk.as_signer();
    let (revoked, due) = (NOW.after(days(5)), NOW.after(days(10)));
    let by_desk = |revoked: &[_], due| vec![xa.desk.revocation_list(revoked, due)];
    let by_root = |revoked: &[_], due| vec![xa.root.revocation_list(revoked, due)];
    let cases = [
        xa.signing_anchors(),
        xa.signing_anchors_less(&by_desk(&[(&registry, revoked, None)], NOW.after(days(900)))),
        xa.signing_anchors_less(&by_desk(&[(&registry, revoked, Some(NOW.before(days(3))))], due)),
        xa.signing_anchors_less(&by_desk(&[], due)),
        xa.signing_anchors_less(&by_desk(&[], due)).tolerating_stale_lists(),
        xa.signing_anchors_less(&by_root(&[(&authority, revoked, None), (&trust, revoked, None)], due)),
    ];
    let boundaries = [
        request.valid.0,
        request.valid.1,
        revoked,
        due,
        NOW.before(days(3)),
        NOW.before(days(365)),
        NOW.after(days(365)),
    ];
    for (number, anchors) in cases.iter().enumerate() {
        for (signer, purpose) in
            [(&registry, Purpose::Signing), (&trust, Purpose::Signing), (&registry, Purpose::TlsClient)]
        {
            let (mut good, mut bad) = (0, 0);
            for at in instants(&boundaries) {
                // A copy remembers nothing.
                let long = verify(signer.certificate(), &anchors.clone(), purpose, at);
                let short = verify(signer.certificate(), anchors, purpose, at);
                assert_eq!(short, long, "case {number}, {purpose:?} at {at}");
                if long.is_ok() { good += 1 } else { bad += 1 }
            }
            assert!(bad > 0 && (good > 0 || purpose != Purpose::Signing), "case {number}: {good} {bad}");
        }
        assert_eq!(anchors.memory.len(), 2, "case {number}: what was believed is remembered");
    }
}

#[test]
fn nothing_is_remembered_where_two_authorities_bear_one_name() {
    let xa = TestMinistry::new("XA");
    let again = xa.desk.certified_again_by(&xa.root);
    let authorities = [xa.desk.der().to_vec(), again.der().to_vec()];
    let anchors = Anchors::new(xa.ministry.clone(), xa.root.der(), &authorities, &[]).unwrap();
    judged(&xa.registry(), &anchors, NOW).unwrap();
    assert_eq!(anchors.memory.len(), 0);
}

#[test]
fn what_is_remembered_does_not_pass_to_other_anchors() {
    let xa = TestMinistry::new("XA");
    let (registry, anchors) = (xa.registry(), xa.signing_anchors());
    judged(&registry, &anchors, NOW).unwrap();
    assert_eq!((anchors.memory.len(), anchors.clone().memory.len()), (1, 0));
    let without = anchors.restricted_to(&[]);
    assert!(matches!(judged(&registry, &without, NOW), Err(ChainRefusal::Untrusted(_))));
    assert_eq!(anchors.tolerating_stale_lists().memory.len(), 0);
}

#[test]
fn only_so_many_chains_are_remembered() {
    let xa = TestMinistry::new("XA");
    let anchors = xa.signing_anchors();
    for number in 0..=crate::limits::CHAINS_REMEMBERED_MAX {
        judged(&xa.office(&format!("office-{number}"), &[]), &anchors, NOW).unwrap();
        assert!(anchors.memory.len() <= crate::limits::CHAINS_REMEMBERED_MAX);
    }
    assert_eq!(anchors.memory.len(), 1);
}
