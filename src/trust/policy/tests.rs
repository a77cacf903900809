//! Claims about channel policies.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::canonical::NotCanonical;
use crate::limits::{ADDRESSEES_MAX, CHANNELS_MAX, CLOCK_SKEW_MAX, PEERS_MAX, SIGNED_RECORD_BYTES_MAX};
use crate::proto::trust::v1 as proto;
use crate::trust::testing::{NOW, TestMinistry, TestSigner, days};

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn channel(number: usize) -> ChannelId {
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
    let soonest = NOW.after(days(1)).before(CLOCK_SKEW_MAX);
    assert!(signed.verify(&xa.signing_anchors(), soonest).is_ok());
    let refused = signed.verify(&xa.signing_anchors(), soonest.before(std::time::Duration::from_secs(1)));
    assert_eq!(refused.unwrap_err().reason(), "POLICY_NOT_IN_FORCE");
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let usual = rule(&["XA", "XB"]);
    let rules = [
        rule(&["XA"]),
        rule(&["XB", "XC"]),
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

/// Different codes, ascending; the first is our own.
fn codes(count: usize) -> Vec<String> {
    let letter = |number: usize| char::from(b'A' + u8::try_from(number % 26).unwrap());
    (0..count).map(|number| format!("X{}{}", letter(number / 26), letter(number))).collect()
}

#[test]
fn channels_parties_and_peers_have_their_bounds() {
    let of = |channels: usize, parties: usize, peers: usize| {
        let codes = codes(parties.max(peers) + 1);
        let parties = rule(&codes[..parties].iter().map(String::as_str).collect::<Vec<_>>());
        let channels = (0..channels).map(|number| (channel(number), parties.clone())).collect();
        let peers = codes[1..].iter().take(peers);
        let peers = peers.map(|code| (ministry(code), Digest::of(code.as_bytes()))).collect();
        ChannelPolicy::new(ministry("XAA"), 1, NOW, channels, peers).map_err(|refusal| refusal.reason())
    };
    let most = of(CHANNELS_MAX, 2, PEERS_MAX).unwrap();
    assert_eq!(wire::decode(&wire::encode(&most).unwrap()), Ok(most), "it comes back from its bytes");
    assert_eq!(of(CHANNELS_MAX + 1, 2, 1), Err("POLICY_FIELD"));
    assert_eq!(of(1, 2, PEERS_MAX + 1), Err("POLICY_FIELD"));
    assert!(of(1, ADDRESSEES_MAX, 1).is_ok());
    assert_eq!(of(1, ADDRESSEES_MAX + 1, 1), Err("POLICY_CHANNEL"));
}

#[test]
fn a_policy_has_at_most_so_many_bytes() {
    let reason = |length: usize| SignedPolicy::from_parts(vec![0; length], vec![]).unwrap_err();
    let too_long = NotCanonical::TooLong(SIGNED_RECORD_BYTES_MAX);
    assert_eq!(reason(SIGNED_RECORD_BYTES_MAX + 1), PolicyRefusal::Encoding(too_long));
    assert_eq!(reason(SIGNED_RECORD_BYTES_MAX), PolicyRefusal::Encoding(NotCanonical::Undecodable));
    // All channels with all their parties: what the other bounds allow.
    let codes: Vec<String> = codes(ADDRESSEES_MAX).iter().map(|code| format!("{code}ZZZZZ")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let channels = (0..CHANNELS_MAX).map(|number| (channel(number), rule(&codes))).collect();
    let whole = ChannelPolicy::new(ministry(codes[0]), 1, NOW, channels, BTreeMap::new()).unwrap();
    assert!(wire::encode(&whole).unwrap().len() <= SIGNED_RECORD_BYTES_MAX, "the largest policy fits");
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
            (channel(usize::from(number)), ChannelRule { ceiling, suspended, ..rule(&["XA", "XB"]) })
        });
        let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
        let policy = policy_of(channels.collect(), &peers).unwrap();
        let bytes = wire::encode(&policy).unwrap();
        prop_assert_eq!(wire::decode(&bytes), Ok(policy));
    }
}
