//! Claims about trust bundles.

use std::time::Duration;

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::canonical::NotCanonical;
use crate::limits::{
    BUNDLE_ENTRIES_MAX, KEY_TEXT_BYTES_MAX, READING_KEYS_MAX, REVOCATION_LISTS_MAX, SHORT_TEXT_BYTES_MAX,
    SIGNATURE_BYTES_MAX, SIGNED_FILE_BYTES_MAX, SIGNED_RECORD_BYTES_MAX,
};
use crate::proto::trust::v1 as proto;
use crate::trust::endpoint::Endpoint;
use crate::trust::testing::{NOW, TestCertificate, TestMinistry, days, verifier_key};

fn xa() -> TestMinistry {
    TestMinistry::new("XA")
}

/// The field that is refused after `change`.
#[track_caller]
fn refused_field(change: impl FnOnce(&mut BundleContent)) -> &'static str {
    let mut content = xa().bundle_content();
    change(&mut content);
    match Bundle::new(content) {
        Err(BundleRefusal::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_issued_bundle_comes_back_from_its_bytes_and_is_believed() {
    let xa = xa();
    let issued = xa.bundle();
    let parsed = SignedBundle::parse(&issued.to_bytes()).unwrap();
    assert_eq!(parsed.bundle().content(), &xa.bundle_content());
    assert_eq!(parsed.record(), issued.record());
    assert_eq!(parsed.digest(), Digest::of(issued.record()));
    let fingerprint = Fingerprint::of(xa.root.der());
    let signature = parsed.verify(Some(fingerprint.digest()), NOW).unwrap();
    assert_eq!(signature.name(), &xa.name("trust"));
}

#[test]
fn another_root_than_the_one_read_aloud_is_refused() {
    let other = Fingerprint::of(xa().root.der());
    let refused = xa().bundle().verify(Some(other.digest()), NOW).unwrap_err();
    assert_eq!(refused.reason(), "ROOT_FINGERPRINT");
}

#[test]
fn a_bundle_is_in_force_within_its_validity_only() {
    let xa = xa();
    let (bundle, content, second) = (xa.bundle(), xa.bundle_content(), Duration::from_secs(1));
    assert!(bundle.verify(None, content.valid_until).is_ok());
    for at in [content.valid_from.before(second), content.valid_until.after(second)] {
        assert_eq!(bundle.verify(None, at).unwrap_err().reason(), "BUNDLE_NOT_IN_FORCE");
    }
}

#[test]
fn only_the_trust_key_under_the_root_signs_bundles() {
    let xa = xa();
    let stray = xa.desk.certify(&TestCertificate::signing(&xa.name("trust"), &[]));
    let root_registry = xa.root.certify(&TestCertificate::signing(&xa.name("registry"), &[]));
    for signer in [xa.registry(), stray, root_registry, TestMinistry::new("XA").trust(), xa.gateway()] {
        assert!(matches!(
            SignedBundle::issue(xa.bundle_content(), &signer, NOW),
            Err(BundleFault::Content(BundleRefusal::Signature(_)))
        ));
    }
}

#[test]
fn a_revoked_trust_key_signs_no_more() {
    let xa = xa();
    let trust = xa.trust();
    let mut content = xa.bundle_content();
    content.revocation_lists = vec![xa.root.revocation_list(&[(&trust, NOW, None)], NOW.after(days(90)))];
    let refused = SignedBundle::issue(content.clone(), &trust, NOW).unwrap_err();
    assert!(refused.to_string().contains("revoked"), "{refused}");
    assert!(SignedBundle::issue(content, &xa.trust(), NOW).is_ok());
}

#[test]
fn a_changed_record_is_not_believed() {
    let bundle = xa().bundle();
    let mut record = proto::TrustBundle::decode(bundle.record()).unwrap();
    record.endpoints = vec!["gateway.mfa.xb.example:7443".to_owned()];
    let changed = SignedBundle::from_parts(record.encode_to_vec(), bundle.signature().to_vec()).unwrap();
    assert_eq!(changed.verify(None, NOW).unwrap_err().reason(), "SIGNATURE_CONTENT");
}

#[test]
fn other_encodings_and_kinds_of_record_are_refused() {
    let bundle = xa().bundle();
    let mut trailing = bundle.to_bytes();
    trailing.extend([0x18, 0x01]);
    assert_eq!(SignedBundle::parse(&trailing).unwrap_err().reason(), "RECORD_NOT_CANONICAL");
    let mut unknown = bundle.record().to_vec();
    unknown.extend([0xf8, 0x07, 0x01]);
    let refused = SignedBundle::from_parts(unknown, bundle.signature().to_vec()).unwrap_err();
    assert_eq!(refused.reason(), "RECORD_NOT_CANONICAL");
    let mut record = proto::TrustBundle::decode(bundle.record()).unwrap();
    record.context = "chancery/policy/v1".to_owned();
    let refused = SignedBundle::from_parts(record.encode_to_vec(), vec![]).unwrap_err();
    assert!(matches!(refused, BundleRefusal::Field { field: "context", .. }));
    record.context = "chancery/bundle/v1".to_owned();
    record.endpoints = vec!["nowhere".to_owned()];
    let refused = SignedBundle::from_parts(record.encode_to_vec(), vec![]).unwrap_err();
    assert!(matches!(refused, BundleRefusal::Field { field: "endpoints", .. }));
}

#[test]
fn only_the_next_bundle_of_the_same_root_follows() {
    let xa = xa();
    let (first, trust) = (xa.bundle(), xa.trust());
    let mut content = xa.bundle_content();
    (content.sequence, content.previous_digest) = (2, Some(first.digest()));
    let issued = |content: &BundleContent| SignedBundle::issue(content.clone(), &trust, NOW).unwrap();
    let second = issued(&content);
    assert_eq!(second.follows(&first), Ok(()));
    for (later, earlier) in [(&first, &second), (&first, &first), (&second, &second)] {
        assert_eq!(later.follows(earlier).unwrap_err().reason(), "BUNDLE_SUCCESSION");
    }
    let mut skipped = content.clone();
    skipped.sequence = 3;
    assert!(issued(&skipped).follows(&first).is_err());
    let mut forked = content.clone();
    forked.previous_digest = Some(second.digest());
    assert!(issued(&forked).follows(&first).is_err());
    let usurper = TestMinistry::new("XA");
    let mut usurping = usurper.bundle_content();
    (usurping.sequence, usurping.previous_digest) = (2, Some(first.digest()));
    let usurping = SignedBundle::issue(usurping, &usurper.trust(), NOW).unwrap();
    assert_eq!(usurping.follows(&first), Err(BundleRefusal::Succession("its root is another one")));
}

#[test]
fn signing_and_transport_authorities_are_kept_apart() {
    let xa = xa();
    let mut content = xa.bundle_content();
    let lists =
        [&xa.root, &xa.desk, &xa.transport].map(|issuer| issuer.revocation_list(&[], NOW.after(days(90))));
    content.revocation_lists = lists.to_vec();
    let bundle = Bundle::new(content).unwrap();
    assert_eq!(bundle.signing_anchors().authorities(), [xa.desk.certificate()]);
    assert_eq!(bundle.transport_anchors().authorities(), [xa.transport.certificate()]);
    assert_eq!(bundle.trust_anchors().authorities(), []);
    let counts = [bundle.signing_anchors(), bundle.transport_anchors(), bundle.trust_anchors()]
        .map(|anchors| anchors.revocation_lists().len());
    assert_eq!(counts, [2, 2, 1]);
    let field = refused_field(|content| content.desk_authorities = content.transport_authorities.clone());
    assert_eq!(field, "desk_authorities");
}

#[test]
fn authorities_and_lists_of_strangers_are_refused() {
    let (xa, stranger) = (xa(), TestMinistry::new("XB"));
    let mut content = xa.bundle_content();
    content.desk_authorities = vec![stranger.desk.der().to_vec()];
    assert_eq!(Bundle::new(content).unwrap_err().reason(), "AUTHORITY_INVALID");
    let mut content = xa.bundle_content();
    content.revocation_lists = vec![stranger.desk.revocation_list(&[], NOW)];
    assert_eq!(Bundle::new(content).unwrap_err().reason(), "REVOCATION_LIST_INVALID");
    let mut content = xa.bundle_content();
    content.root = stranger.desk.der().to_vec();
    assert_eq!(Bundle::new(content).unwrap_err().reason(), "ROOT_INVALID");
}

#[test]
fn sequence_and_validity_are_consistent() {
    assert_eq!(refused_field(|content| content.sequence = 0), "sequence");
    assert_eq!(refused_field(|content| content.sequence = 2), "previous_digest");
    assert_eq!(refused_field(|content| content.previous_digest = Some(Digest::of(b""))), "previous_digest");
    assert_eq!(refused_field(|content| content.valid_until = content.valid_from), "valid_until_time");
}

#[test]
fn names_for_people_show_what_they_are() {
    let long = "a".repeat(SHORT_TEXT_BYTES_MAX + 1);
    for name in ["", " XA", "XA\n", "X\u{202e}A", "X\u{200b}A", "X\u{feff}", long.as_str()] {
        assert_eq!(
            refused_field(|content| content.display_name = name.to_owned()),
            "display_name",
            "{name:?}"
        );
    }
    let mut content = xa().bundle_content();
    content.display_name = "외교부 · МИД".to_owned();
    assert!(Bundle::new(content.clone()).is_ok());
    content.display_name = "a".repeat(SHORT_TEXT_BYTES_MAX);
    assert!(Bundle::new(content).is_ok());
}

#[test]
fn log_and_cosigner_keys_are_keys_of_the_domain() {
    let xa = xa();
    let (log, cosigner) = (xa.domain.log_name(), xa.domain.cosigner_name());
    let right = verifier_key(&log, 0x01, &[7; 32]);
    let mut wrong_id = right.clone();
    wrong_id.replace_range(log.len() + 1..log.len() + 9, "00000000");
    let lists = [
        vec![],
        vec![right.clone(), right.clone()],
        vec![right.replace('+', " ")],
        vec![wrong_id],
        vec![verifier_key(&log, 0x01, &[7; 31])],
        vec![verifier_key(&log, 0x04, &[7; 32])],
        vec![verifier_key(&log, 0x06, &[7; 1312])],
        vec![verifier_key(&cosigner, 0x01, &[7; 32])],
        vec![verifier_key("mfa.xb.example/chancery", 0x01, &[7; 32])],
        vec![right.clone(), verifier_key(&log, 0x06, &[7; 4096])],
    ];
    for keys in lists {
        assert_eq!(refused_field(|content| content.log_keys = keys.clone()), "log_keys", "{keys:?}");
    }
    assert_eq!(refused_field(|content| content.cosigner_keys = vec![right.clone()]), "cosigner_keys");
    let mut content = xa.bundle_content();
    content.log_keys = vec![right, verifier_key(&log, 0x06, &[7; 1312])];
    assert!(Bundle::new(content).is_ok());
}

#[test]
fn reading_keys_are_one_to_three_post_quantum_recipients() {
    let key = |symbol: &str| format!("age1pq1{}", symbol.repeat(1900));
    for keys in
        [vec![], vec![key("q"), key("q")], vec![key("Q")], vec![key("b")], vec!["age1pq1q".to_owned()]]
    {
        assert_eq!(refused_field(|content| content.reading_keys = keys), "reading_keys");
    }
    let classical = format!("age1{}", "q".repeat(58));
    assert_eq!(refused_field(|content| content.reading_keys = vec![classical]), "reading_keys");
}

#[test]
fn endpoints_and_authorities_are_neither_missing_nor_too_many() {
    assert_eq!(refused_field(|content| content.endpoints.clear()), "endpoints");
    assert_eq!(refused_field(|content| content.endpoints.extend_from_within(..)), "endpoints");
    assert_eq!(refused_field(|content| content.desk_authorities.clear()), "desk_authorities");
    assert_eq!(refused_field(|content| content.transport_authorities.clear()), "transport_authorities");
}

/// A list of the bundle, filled with that many entries.
type Fill = fn(&TestMinistry, &mut BundleContent, usize);

/// Whether a bundle of which `fill` made `count` entries is taken; the field that is refused where it is not.
fn judged(ministry: &TestMinistry, fill: Fill, count: usize) -> Result<(), &'static str> {
    let mut content = ministry.bundle_content();
    fill(ministry, &mut content, count);
    match Bundle::new(content) {
        Ok(_) => Ok(()),
        Err(BundleRefusal::Field { field, .. }) => Err(field),
        Err(other) => panic!("{other:?}"),
    }
}

fn authorities(ministry: &TestMinistry, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| ministry.root.authority(&format!("number {number}")).der().to_vec()).collect()
}

fn keys(name: &str, kind: u8, count: usize) -> Vec<String> {
    (0..count).map(|number| verifier_key(name, kind, &[u8::try_from(number).unwrap(); 32])).collect()
}

#[test]
fn each_list_of_a_bundle_has_its_bound() {
    let lists: [(&str, usize, Fill); 7] = [
        ("transport_authorities", BUNDLE_ENTRIES_MAX, |of, content, count| {
            content.transport_authorities = authorities(of, count);
        }),
        ("desk_authorities", BUNDLE_ENTRIES_MAX, |of, content, count| {
            content.desk_authorities = authorities(of, count);
        }),
        ("log_keys", BUNDLE_ENTRIES_MAX, |of, content, count| {
            content.log_keys = keys(&of.domain.log_name(), 0x01, count);
        }),
        ("cosigner_keys", BUNDLE_ENTRIES_MAX, |of, content, count| {
            content.cosigner_keys = keys(&of.domain.cosigner_name(), 0x04, count);
        }),
        ("endpoints", BUNDLE_ENTRIES_MAX, |_, content, count| {
            let endpoint = |number| Endpoint::parse(&format!("gateway.example:{}", number + 1)).unwrap();
            content.endpoints = (0..count).map(endpoint).collect();
        }),
        ("reading_keys", READING_KEYS_MAX, |_, content, count| {
            let symbols = ["q", "p", "z", "r"];
            let key = |symbol: &&str| format!("age1pq1{}", symbol.repeat(1900));
            content.reading_keys = symbols[..count].iter().map(key).collect();
        }),
        ("revocation_lists", REVOCATION_LISTS_MAX, |of, content, count| {
            let list = of.root.revocation_list(&[], NOW.after(days(90)));
            content.revocation_lists = vec![list; count];
        }),
    ];
    let xa = xa();
    for (field, most, fill) in lists {
        assert_eq!(judged(&xa, fill, most), Ok(()), "{most} {field}");
        assert_eq!(judged(&xa, fill, most + 1), Err(field), "{} {field}", most + 1);
    }
}

#[test]
fn a_key_as_text_has_at_most_so_many_bytes() {
    // Three bytes of a key are four symbols; the name and the id of the key stand before them.
    let log_keys: Fill = |of, content, length| {
        let name = of.domain.log_name();
        let key = |bytes: usize| verifier_key(&name, 0x06, &vec![7; bytes]);
        let bytes = (1..length).find(|bytes| key(*bytes).len() >= length).unwrap();
        content.log_keys.push(key(bytes));
    };
    let xa = xa();
    let mut content = xa.bundle_content();
    log_keys(&xa, &mut content, KEY_TEXT_BYTES_MAX - 3);
    assert!((KEY_TEXT_BYTES_MAX - 3..=KEY_TEXT_BYTES_MAX).contains(&content.log_keys[1].len()));
    assert_eq!(judged(&xa, log_keys, KEY_TEXT_BYTES_MAX - 3), Ok(()));
    assert_eq!(judged(&xa, log_keys, KEY_TEXT_BYTES_MAX + 1), Err("log_keys"));
    let reading_keys: Fill = |_, content, symbols| {
        content.reading_keys = vec![format!("age1pq1{}", "q".repeat(symbols))];
    };
    assert_eq!(judged(&xa, reading_keys, KEY_TEXT_BYTES_MAX), Ok(()));
    assert_eq!(judged(&xa, reading_keys, KEY_TEXT_BYTES_MAX + 1), Err("reading_keys"));
}

#[test]
fn a_record_has_at_most_so_many_bytes_and_so_has_its_file() {
    let reason = |record: Vec<u8>| SignedBundle::from_parts(record, vec![]).unwrap_err();
    assert_eq!(
        reason(vec![0; SIGNED_RECORD_BYTES_MAX + 1]),
        BundleRefusal::Encoding(NotCanonical::TooLong(SIGNED_RECORD_BYTES_MAX))
    );
    assert_eq!(reason(vec![0; SIGNED_RECORD_BYTES_MAX]), BundleRefusal::Encoding(NotCanonical::Undecodable));
    // What would be too long is not issued either.
    let xa = xa();
    let mut content = xa.bundle_content();
    content.root = vec![0; SIGNED_RECORD_BYTES_MAX];
    assert!(matches!(wire::encode(&content), Err(BundleRefusal::Field { .. })));
    let whole = |length: usize| SignedBundle::parse(&vec![0; length]).unwrap_err();
    assert_eq!(
        whole(SIGNED_FILE_BYTES_MAX + 1),
        BundleRefusal::Encoding(NotCanonical::TooLong(SIGNED_FILE_BYTES_MAX))
    );
    // The longest record and the longest signature are within it, and judged as what they are.
    let longest = proto::SignedRecord {
        record: vec![0; SIGNED_RECORD_BYTES_MAX],
        signature: vec![0; SIGNATURE_BYTES_MAX],
    };
    assert!(longest.encoded_len() <= SIGNED_FILE_BYTES_MAX);
    assert_eq!(whole(longest.encoded_len()), BundleRefusal::Encoding(NotCanonical::Undecodable));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_bundle(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(SignedBundle::parse(&bytes).is_err());
        prop_assert!(SignedBundle::from_parts(bytes, vec![]).is_err());
    }
}

#[test]
fn lists_that_come_later_count_beside_those_of_the_bundle_and_take_nothing_back() {
    let xa = xa();
    let (one, two) = (xa.office("one", &[]), xa.office("two", &[]));
    let due = NOW.after(days(90));
    let mut content = xa.bundle_content();
    content.revocation_lists = vec![xa.desk.revocation_list(&[(&one, NOW, None)], due)];
    let bundle = SignedBundle::issue(content, &xa.trust(), NOW).unwrap();
    let judged = |bundle: &SignedBundle, signer: &crate::trust::testing::TestSigner| {
        let signature = crate::trust::signature::sign(b"act", signer, NOW).unwrap();
        crate::trust::signature::verify(b"act", &signature, bundle.bundle().signing_anchors(), NOW).is_ok()
    };
    assert!(!judged(&bundle, &one) && judged(&bundle, &two));
    // A list of the same instant is none the newer, and a stranger's is none of ours.
    let same = xa.desk.revocation_list(&[(&two, NOW, None)], due);
    let foreign = TestMinistry::new("XA").desk.revocation_list_at(&[(&two, NOW, None)], NOW, due);
    assert!(bundle.bundle().newer_lists(&[same, foreign, b"no list".to_vec()], NOW).is_empty());
    let newer = xa.desk.revocation_list_at(&[(&two, NOW, None)], NOW, due);
    assert!(bundle.bundle().newer_lists(std::slice::from_ref(&newer), NOW.before(days(1))).is_empty());
    let newer = bundle.bundle().newer_lists(&[newer], NOW);
    let stopped = bundle.with_lists(&newer);
    assert!(!judged(&stopped, &one) && !judged(&stopped, &two));
    assert_eq!((stopped.to_bytes(), stopped.digest()), (bundle.to_bytes(), bundle.digest()));
    let said = changes(bundle.bundle(), stopped.bundle());
    assert!(
        said.iter().all(|change| change.what == "revoked certificate" && change.added) && said.len() == 1
    );
}
