//! Claims about signatures.

mod profile;
mod tree;

use proptest::prelude::*;
use rcgen::PKCS_ECDSA_P384_SHA384;

use super::*;
use crate::trust::name::Ministry;
use crate::trust::testing::{NOW, TestCertificate, TestMinistry, TestSigner, days};

const CONTENT: &[u8] = b"the exact bytes of a record";

fn refusal(p7s: &[u8], anchors: &Anchors) -> SignatureRefusal {
    verify(CONTENT, p7s, anchors, NOW).unwrap_err()
}

#[test]
fn a_signature_tells_who_signed_and_with_what_authority() {
    let xa = TestMinistry::new("XA");
    let office = xa.office("releasing-01", &[Authority::Seal, Authority::Release]);
    let p7s = sign(CONTENT, &office, NOW).unwrap();
    let signature = verify(CONTENT, &p7s, &xa.signing_anchors(), NOW).unwrap();
    assert_eq!(signature.name(), &xa.name("office/releasing-01"));
    assert_eq!(signature.authorities(), &BTreeSet::from([Authority::Release, Authority::Seal]));
    assert_eq!(signature.certificate(), office.certificate_der());
    assert_eq!(signature.certificate_digest(), Digest::of(office.certificate_der()));
    assert_eq!(signature.claimed_time(), NOW);
}

#[test]
fn a_signer_is_held_to_the_needed_name_and_authority() {
    let xa = TestMinistry::new("XA");
    let p7s = sign(CONTENT, &xa.office("one", &[Authority::Seal]), NOW).unwrap();
    let signature = verify(CONTENT, &p7s, &xa.signing_anchors(), NOW).unwrap();
    assert_eq!(signature.require_name(&xa.name("office/one")), Ok(()));
    assert_eq!(signature.require_authority(Authority::Seal), Ok(()));
    let refused = signature.require_name(&xa.name("registry")).unwrap_err();
    assert_eq!(refused.reason(), "SIGNER_NOT_ENTITLED");
    let refused = signature.require_authority(Authority::Release).unwrap_err();
    assert!(refused.to_string().contains("chancery://XA/authority/release"));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let xa = TestMinistry::new("XA");
    let anchors = xa.signing_anchors();
    let mut p7s = sign(CONTENT, &xa.registry(), NOW).unwrap();
    let accepted = (0..p7s.len() * 8).filter(|position| {
        p7s[position / 8] ^= 1 << (position % 8);
        let verdict = verify(CONTENT, &p7s, &anchors, NOW);
        p7s[position / 8] ^= 1 << (position % 8);
        verdict.is_ok()
    });
    assert_eq!(accepted.collect::<Vec<_>>(), Vec::<usize>::new());
    assert!(verify(CONTENT, &p7s, &anchors, NOW).is_ok());
}

#[test]
fn truncated_and_extended_signatures_are_refused() {
    let xa = TestMinistry::new("XA");
    let anchors = xa.signing_anchors();
    let p7s = sign(CONTENT, &xa.registry(), NOW).unwrap();
    for length in 0..p7s.len() {
        assert!(matches!(refusal(&p7s[..length], &anchors), SignatureRefusal::Profile(_)), "{length}");
    }
    for trailing in [vec![0], vec![0, 0], p7s.clone()] {
        let longer = [p7s.clone(), trailing].concat();
        assert!(matches!(refusal(&longer, &anchors), SignatureRefusal::Profile(_)));
    }
    assert_eq!(refusal(&vec![0x30; SIGNATURE_BYTES_MAX + 1], &anchors), SignatureRefusal::TooLong);
}

#[test]
fn other_content_is_refused() {
    let xa = TestMinistry::new("XA");
    let p7s = sign(CONTENT, &xa.registry(), NOW).unwrap();
    for content in [&b""[..], b"the exact bytes of a recorD", b"the exact bytes of a record\n"] {
        assert_eq!(verify(content, &p7s, &xa.signing_anchors(), NOW), Err(SignatureRefusal::Content));
    }
}

#[test]
fn a_signature_is_judged_at_the_given_instant() {
    let xa = TestMinistry::new("XA");
    let long_ago = NOW.before(days(300));
    let p7s = sign(CONTENT, &xa.registry(), long_ago).unwrap();
    let judged = |at| verify(CONTENT, &p7s, &xa.signing_anchors(), at).map_err(|refused| refused.reason());
    assert!(judged(NOW).is_ok());
    assert!(judged(long_ago.before(CLOCK_SKEW_MAX)).is_ok());
    let second = std::time::Duration::from_secs(1);
    assert_eq!(judged(long_ago.before(CLOCK_SKEW_MAX).before(second)), Err("SIGNATURE_TIME"));
    assert_eq!(judged(NOW.after(days(366))), Err("CERTIFICATE_EXPIRED"));
    let early = sign(CONTENT, &xa.registry(), NOW.before(days(400))).unwrap();
    let refused = verify(CONTENT, &early, &xa.signing_anchors(), NOW.before(days(366))).unwrap_err();
    assert_eq!(refused.reason(), "CERTIFICATE_NOT_YET_VALID");
}

#[test]
fn a_revocation_counts_from_its_instant_on() {
    let xa = TestMinistry::new("XA");
    let (office, revoked) = (xa.office("one", &[]), NOW.before(days(10)));
    let list = xa.desk.revocation_list(&[(&office, revoked, None)], NOW.after(days(30)));
    let anchors = xa.signing_anchors_less(&[list]);
    let p7s = sign(CONTENT, &office, NOW.before(days(20))).unwrap();
    assert!(verify(CONTENT, &p7s, &anchors, NOW.before(days(11))).is_ok());
    assert_eq!(refusal(&p7s, &anchors).reason(), "CERTIFICATE_REVOKED");
}

#[test]
fn keys_for_other_purposes_cannot_sign() {
    let xa = TestMinistry::new("XA");
    let gateway = sign(CONTENT, &xa.gateway(), NOW).unwrap();
    let transport =
        Anchors::new(xa.ministry.clone(), xa.root.der(), &[xa.transport.der().to_vec()], &[]).unwrap();
    for anchors in [transport, xa.signing_anchors()] {
        assert_eq!(refusal(&gateway, &anchors).reason(), "CERTIFICATE_PURPOSE");
    }
    for authority in [&xa.root, &xa.desk] {
        let p7s = sign(CONTENT, &authority.as_signer(), NOW).unwrap();
        assert_eq!(refusal(&p7s, &xa.signing_anchors()).reason(), "CERTIFICATE_PURPOSE");
    }
}

#[test]
fn a_signing_certificate_of_a_transport_authority_is_not_believed() {
    let xa = TestMinistry::new("XA");
    let stray = xa.transport.certify(&TestCertificate::signing(&xa.name("registry"), &[]));
    let p7s = sign(CONTENT, &stray, NOW).unwrap();
    assert_eq!(refusal(&p7s, &xa.signing_anchors()).reason(), "CERTIFICATE_UNTRUSTED");
}

#[test]
fn anchors_of_another_ministry_vouch_for_nobody() {
    let (xa, xb) = (TestMinistry::new("XA"), TestMinistry::new("XB"));
    let p7s = sign(CONTENT, &xa.registry(), NOW).unwrap();
    assert_eq!(refusal(&p7s, &xb.signing_anchors()).reason(), "CERTIFICATE_UNTRUSTED");
    let authorities = [xa.desk.der().to_vec()];
    let mislabelled = Anchors::new(Ministry::parse("XB").unwrap(), xa.root.der(), &authorities, &[]).unwrap();
    assert_eq!(refusal(&p7s, &mislabelled).reason(), "CERTIFICATE_OF_OTHER_MINISTRY");
}

#[test]
fn exactly_the_chain_travels_with_a_signature() {
    let xa = TestMinistry::new("XA");
    let further = xa.desk.certified_again_by(&xa.root).der().to_vec();
    for intermediates in [vec![], vec![further.clone()], vec![xa.desk.der().to_vec(), further]] {
        let mut registry = xa.registry();
        registry.intermediates = intermediates;
        let p7s = sign(CONTENT, &registry, NOW).unwrap();
        assert_eq!(refusal(&p7s, &xa.signing_anchors()).reason(), "SIGNATURE_PROFILE");
    }
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_noticed_when_signing() {
    #[derive(Debug)]
    struct Mismatched(TestSigner, TestSigner);
    impl Signer for Mismatched {
        fn certificate(&self) -> &[u8] {
            self.0.certificate()
        }
        fn intermediates(&self) -> &[Vec<u8>] {
            self.0.intermediates()
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFault> {
            self.1.sign(message)
        }
    }
    let xa = TestMinistry::new("XA");
    assert!(sign(CONTENT, &Mismatched(xa.registry(), xa.registry()), NOW).is_err());
    let mut other_curve = TestCertificate::signing(&xa.name("registry"), &[]);
    other_curve.algorithm = &PKCS_ECDSA_P384_SHA384;
    assert!(sign(CONTENT, &xa.desk.certify(&other_curve), NOW).is_err());
    assert!(sign(CONTENT, &xa.registry(), Timestamp::from_seconds(-1)).is_err());
}

#[test]
fn signing_times_from_2050_on_are_written_with_four_digits() {
    let xa = TestMinistry::new("XA");
    let mut request = TestCertificate::signing(&xa.name("registry"), &[]);
    for (instant, tag) in
        [("2049-12-31T23:59:59Z", b"491231235959Z".as_slice()), ("2050-01-01T00:00:00Z", b"20500101000000Z")]
    {
        let at = Timestamp::parse(instant).unwrap();
        request.valid = (NOW, at.after(days(1)));
        let p7s = sign(CONTENT, &xa.desk.certify(&request), at).unwrap();
        assert!(p7s.windows(tag.len()).any(|window| window == tag));
        let signed = SignedData::read(&p7s).unwrap();
        assert_eq!(signed.claimed, at);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(SignedData::read(&bytes).is_err());
    }

    #[test]
    fn a_spliced_signature_is_refused(from in 0_usize..1200, length in 1_usize..64, filler: u8) {
        let xa = SPLICED.with(|(ministry, p7s)| (ministry.signing_anchors(), p7s.clone()));
        let (anchors, original) = xa;
        let mut p7s = original.clone();
        let end = (from + length).min(p7s.len());
        let from = from.min(end);
        p7s[from..end].fill(filler);
        prop_assert!(p7s == original || verify(CONTENT, &p7s, &anchors, NOW).is_err());
        let mut shorter = original.clone();
        shorter.drain(from..end);
        prop_assert!(shorter == original || verify(CONTENT, &shorter, &anchors, NOW).is_err());
    }
}

thread_local! {
    static SPLICED: (TestMinistry, Vec<u8>) = {
        let xa = TestMinistry::new("XA");
        let p7s = sign(CONTENT, &xa.registry(), NOW).unwrap();
        (xa, p7s)
    };
}
