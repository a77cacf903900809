//! Claims about channel policies.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::trust::v1 as proto;
use crate::trust::testing::{NOW, TestMinistry, TestSigner, days};

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn channel(number: u8) -> ChannelId {
    ChannelId::parse(&format!("ch-{number:016x}")).unwrap()
}

fn rule(parties: &[&str]) -> ChannelRule {
    ChannelRule { parties: parties.iter().map(|code| ministry(code)).collect(), ceiling: 3, suspended: false }
}

fn policy_of(
    channels: Vec<(ChannelId, ChannelRule)>,
    peers: &[&str],
) -> Result<ChannelPolicy, PolicyRefusal> {
    let peers = peers.iter().map(|code| (ministry(code), Digest::of(code.as_bytes()))).collect();
    ChannelPolicy::new(ministry("XA"), 1, NOW, channels.into_iter().collect(), peers)
}

fn policy() -> ChannelPolicy {
    let suspended = ChannelRule { suspended: true, ..rule(&["XA", "XC"]) };
    policy_of(vec![(channel(2), rule(&["XA", "XB", "XC"])), (channel(1), suspended)], &["XB", "XC"]).unwrap()
}

/// The refusal of a policy whose record was changed.
fn changed(change: impl FnOnce(&mut proto::ChannelPolicy)) -> PolicyRefusal {
    let issued = SignedPolicy::issue(policy(), &TestMinistry::new("XA").registry(), NOW).unwrap();
    let mut record = proto::ChannelPolicy::decode(issued.record()).unwrap();
    change(&mut record);
    SignedPolicy::from_parts(record.encode_to_vec(), vec![]).unwrap_err()
}

#[test]
fn an_issued_policy_comes_back_from_its_bytes_and_is_believed() {
    let xa = TestMinistry::new("XA");
    let issued = SignedPolicy::issue(policy(), &xa.registry(), NOW).unwrap();
    let parsed = SignedPolicy::parse(&issued.to_bytes()).unwrap();
    assert_eq!(parsed, issued);
    assert_eq!(parsed.policy(), &policy());
    assert_eq!(parsed.digest(), Digest::of(issued.record()));
    assert!(parsed.verify(&xa.signing_anchors(), NOW).is_ok());
    assert!(parsed.policy().channel(&channel(1)).unwrap().suspended);
    assert_eq!(parsed.policy().accredited_bundle(&ministry("XB")), Some(&Digest::of(b"XB")));
}

#[test]
fn only_the_own_registry_issues_policies() {
    let (xa, xb) = (TestMinistry::new("XA"), TestMinistry::new("XB"));
    let verdict = |signer: TestSigner, judge: &TestMinistry| {
        let signed = SignedPolicy::issue(policy(), &signer, NOW).unwrap();
        signed.verify(&judge.signing_anchors(), NOW).unwrap_err().reason()
    };
    assert_eq!(verdict(xa.office("one", &[]), &xa), "SIGNER_NOT_ENTITLED");
    assert_eq!(verdict(xb.registry(), &xb), "SIGNER_NOT_ENTITLED");
    assert_eq!(verdict(xb.registry(), &xa), "CERTIFICATE_UNTRUSTED");
}

#[test]
fn a_policy_of_tomorrow_is_not_in_force_today() {
    let xa = TestMinistry::new("XA");
    let tomorrow =
        ChannelPolicy::new(ministry("XA"), 1, NOW.after(days(1)), BTreeMap::new(), BTreeMap::new()).unwrap();
    let signed = SignedPolicy::issue(tomorrow, &xa.registry(), NOW).unwrap();
    let refused = signed.verify(&xa.signing_anchors(), NOW).unwrap_err();
    assert_eq!(refused.reason(), "POLICY_NOT_IN_FORCE");
    assert!(signed.verify(&xa.signing_anchors(), NOW.after(days(1))).is_ok());
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let crowd: Vec<String> = (b'A'..=b'Q').map(|letter| format!("X{}", char::from(letter))).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let usual = rule(&["XA", "XB"]);
    let rules = [
        rule(&["XA"]),
        rule(&["XB", "XC"]),
        rule(&crowd),
        ChannelRule { ceiling: 0, ..usual.clone() },
        ChannelRule { ceiling: 6, ..usual.clone() },
    ];
    for rule in rules {
        let refused = policy_of(vec![(channel(1), rule)], &["XB"]).unwrap_err();
        assert_eq!(refused.reason(), "POLICY_CHANNEL");
    }
    assert_eq!(policy_of(vec![], &["XA"]), Err(PolicyRefusal::OwnPeer));
    for ceiling in 1..=5 {
        assert!(policy_of(vec![(channel(1), ChannelRule { ceiling, ..usual.clone() })], &["XB"]).is_ok());
    }
}

#[test]
fn unordered_and_doubled_entries_are_refused() {
    assert_eq!(changed(|record| record.channels.reverse()), PolicyRefusal::Order("channels"));
    assert_eq!(changed(|record| record.channels.extend_from_within(1..)), PolicyRefusal::Order("channels"));
    assert_eq!(changed(|record| record.channels[1].parties.reverse()), PolicyRefusal::Order("parties"));
    assert_eq!(
        changed(|record| record.channels[1].parties.push("XC".into())),
        PolicyRefusal::Order("parties")
    );
    assert_eq!(changed(|record| record.peers.reverse()), PolicyRefusal::Order("peers"));
    assert_eq!(changed(|record| record.peers.extend_from_within(1..)), PolicyRefusal::Order("peers"));
}

#[test]
fn wrong_fields_are_refused() {
    let field = |change: fn(&mut proto::ChannelPolicy)| changed(change).reason();
    assert_eq!(field(|record| record.context = "chancery/bundle/v1".into()), "POLICY_FIELD");
    assert_eq!(field(|record| record.ministry = "xa".into()), "POLICY_FIELD");
    assert_eq!(field(|record| record.sequence = 0), "POLICY_FIELD");
    assert_eq!(field(|record| record.issue_time = -1), "POLICY_FIELD");
    assert_eq!(field(|record| record.channels[0].channel = "ch-1".into()), "POLICY_FIELD");
    assert_eq!(
        field(|record| {
            record.peers[0].bundle_digest.pop();
        }),
        "POLICY_FIELD"
    );
    let mut trailing =
        SignedPolicy::issue(policy(), &TestMinistry::new("XA").registry(), NOW).unwrap().to_bytes();
    trailing.extend([0x18, 1]);
    assert_eq!(SignedPolicy::parse(&trailing).unwrap_err().reason(), "RECORD_NOT_CANONICAL");
}

#[test]
fn only_the_next_policy_follows() {
    let xa = TestMinistry::new("XA");
    let signed = |code: &str, sequence, at| {
        let policy =
            ChannelPolicy::new(ministry(code), sequence, at, BTreeMap::new(), BTreeMap::new()).unwrap();
        SignedPolicy::issue(policy, &xa.registry(), NOW).unwrap()
    };
    let first = signed("XA", 1, NOW);
    assert_eq!(signed("XA", 2, NOW).follows(&first), Ok(()));
    for other in [
        signed("XA", 1, NOW),
        signed("XA", 3, NOW),
        signed("XB", 2, NOW),
        signed("XA", 2, NOW.before(days(1))),
    ] {
        assert_eq!(other.follows(&first).unwrap_err().reason(), "POLICY_SUCCESSION");
    }
}

proptest! {
    #[test]
    fn every_policy_comes_back_from_its_encoding(
        numbers in proptest::collection::btree_map(any::<u8>(), (1_u32..=5, any::<bool>()), 0..8),
        peers in proptest::collection::btree_set("[B-Z]{2,8}", 0..8),
    ) {
        let channels = numbers.into_iter().map(|(number, (ceiling, suspended))| {
            (channel(number), ChannelRule { ceiling, suspended, ..rule(&["XA", "XB"]) })
        });
        let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
        let policy = policy_of(channels.collect(), &peers).unwrap();
        let bytes = wire::encode(&policy).unwrap();
        prop_assert_eq!(wire::decode(&bytes), Ok(policy));
    }
}
