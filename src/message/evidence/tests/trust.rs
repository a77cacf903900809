//! Claims about whom an evidence file has to be believed by.

use super::fixture::*;
use crate::limits::CLOCK_SKEW_MAX;
use crate::message::evidence::standing::Standings;
use crate::message::evidence::{Report, TrustBasis, Verdict, first_proving, write};
use crate::time::Timestamp;
use crate::tlog::verifier_key::KeyKind;
use crate::trust::bundle::{BundleContent, SignedBundle};
use crate::trust::fingerprint::Fingerprint;
use crate::trust::testing::{NOW, TestCertificate, TestMinistry, days};

fn basis(bundles: Vec<SignedBundle>) -> TrustBasis {
    TrustBasis { bundles, fingerprints: Vec::new() }
}

fn vouched(report: &Report) -> Vec<Option<&'static str>> {
    report.ministries.iter().map(|ministry| ministry.vouched_by).collect()
}

fn not_trusted(report: &Report) -> Vec<String> {
    match report.verdict() {
        Verdict::ConsistentNotTrusted { fingerprints } => {
            fingerprints.into_iter().map(|(ministry, _)| ministry.to_string()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_file_is_verified_under_accredited_bundles() {
    let world = World::of_three(&Recipe::default());
    for disclosed in [&[][..], &[0], &[0, 2], &[0, 1, 2]] {
        let report = check(&world.file(disclosed), &world.basis());
        assert_eq!(failures(&report), [""; 0], "{report:#?}");
        assert_eq!(report.verdict(), Verdict::Verified);
        assert_eq!(vouched(&report), [Some("its bundle is the accredited one"); 2]);
        assert_eq!(report.messages[0].judged_at, Some(logged_at()));
    }
}

#[test]
fn without_trust_from_outside_a_good_file_is_consistent_only() {
    let world = World::of_one(&Recipe::default());
    let report = check(&world.file(&[]), &TrustBasis::default());
    let [xa, xb] = [&world.xa, &world.xb]
        .map(|side| (side.ministry.ministry.clone(), Fingerprint::of(side.ministry.root.der())));
    assert_eq!(report.verdict(), Verdict::ConsistentNotTrusted { fingerprints: vec![xa, xb] });
}

#[test]
fn given_fingerprints_vouch_for_their_roots_alone() {
    let world = World::of_one(&Recipe::default());
    let [xa, xb] = [&world.xa, &world.xb].map(|side| Fingerprint::of(side.ministry.root.der()));
    let by = |fingerprints| check(&world.file(&[]), &TrustBasis { bundles: Vec::new(), fingerprints });
    assert_eq!(by(vec![xa, xb]).verdict(), Verdict::Verified);
    assert_eq!(not_trusted(&by(vec![xb])), ["XA"]);
    assert_eq!(not_trusted(&by(vec![Fingerprint::of(b"other")])), ["XA", "XB"]);
}

#[test]
fn a_namesake_under_another_root_is_not_trusted() {
    let world = World::of_one(&Recipe::default());
    let namesake = TestMinistry::new("XA").bundle();
    let mut basis = basis(vec![namesake, world.xb.bundle()]);
    assert_eq!(not_trusted(&check(&world.file(&[]), &basis)), ["XA"]);
    // A fingerprint does not override what was accredited.
    basis.fingerprints.push(Fingerprint::of(world.xa.ministry.root.der()));
    assert_eq!(not_trusted(&check(&world.file(&[]), &basis)), ["XA"]);
}

#[test]
fn a_newer_accredited_bundle_vouches_for_the_same_root() {
    let world = World::of_one(&Recipe::default());
    let basis = basis(vec![world.xa.next_bundle(|_| {}), world.xb.bundle()]);
    let report = check(&world.file(&[0]), &basis);
    assert_eq!(report.verdict(), Verdict::Verified);
    assert_eq!(vouched(&report)[0], Some("its root is that of the accredited bundle"));
}

#[test]
fn a_revocation_counts_if_it_lies_before_the_cosignature() {
    let world = World::of_one(&Recipe::default());
    let file = world.file(&[0]);
    for (revoked, expected) in [(logged_at().before(days(1)), false), (logged_at().after(days(1)), true)] {
        let fresh_until = NOW.after(days(60));
        for (signer, fails) in
            [(&world.xa.registry, "header-signature"), (&world.xa.office, "authentication-1")]
        {
            let list = world.xa.ministry.desk.revocation_list(&[(signer, revoked, None)], fresh_until);
            let newer = world.xa.next_bundle(|content| content.revocation_lists = vec![list]);
            let report = check(&file, &basis(vec![newer, world.xb.bundle()]));
            let held = !failures(&report).contains(&format!("XA-XB-2026-0001 {fails}"));
            assert_eq!(held, expected, "{report:#?}");
        }
    }
}

#[test]
fn a_stale_revocation_list_decides_nothing() {
    let mut world = World::of_one(&Recipe::default());
    let list = world.xa.ministry.desk.revocation_list(&[], NOW.before(days(1) / 2));
    world.xa.replace_bundle(|content| content.revocation_lists = vec![list]);
    let report = check(&world.file(&[]), &world.basis());
    assert!(matches!(report.verdict(), Verdict::Undecided { .. }), "{report:#?}");
    assert_eq!(failures(&report), ["XA-XB-2026-0001 header-signature"]);
}

#[test]
fn each_message_is_judged_by_the_bundle_that_was_in_force() {
    let recipe = Recipe { logged_at: NOW.after(days(20)), ..Recipe::default() };
    let world = World::of_three(&recipe);
    let next = world.xa.next_bundle(|content| content.valid_from = NOW.after(days(10)));
    let given = vec![next.clone(), world.xa.bundle(), world.xb.bundle()];
    let sink = std::io::Cursor::new(Vec::new());
    let file = crate::message::evidence::write(sink, world.exhibits(&[0]), given).unwrap().into_inner();
    let report = check(&file, &basis(vec![next.clone(), world.xb.bundle()]));
    assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
    assert_eq!(content(&file, "trust/XA.bundle"), next.to_bytes());
    assert_eq!(content(&file, "trust/XA.1.bundle"), world.xa.bundle().to_bytes());
}

/// Whether a file proves what was cosigned twenty days after the first bundles, where XA's first bundle
/// or XB's is changed by `first`, and a second one comes into force so many seconds after the cosignatures.
fn rotated(
    of_xa: bool,
    first: impl FnOnce(&mut BundleContent),
    second: impl FnOnce(&mut BundleContent),
    seconds: i64,
) -> Result<(), String> {
    let cosigned = NOW.after(days(20));
    let mut world = World::of_one(&Recipe { logged_at: cosigned, ..Recipe::default() });
    let side = if of_xa { &mut world.xa } else { &mut world.xb };
    side.replace_bundle(first);
    let next = side.next_bundle(|content| {
        content.valid_from = Timestamp::from_seconds(cosigned.seconds() + seconds);
        second(content);
    });
    let given = vec![next.clone(), world.xa.bundle(), world.xb.bundle()];
    let written = write(std::io::Cursor::new(Vec::new()), world.exhibits(&[0]), given);
    let file = written.map_err(|cause| cause.reason().to_owned())?.into_inner();
    let report = check(&file, &world.basis());
    assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
    // The commands for people look for each key where it was announced.
    let readme = String::from_utf8(content(&file, "README.txt")).unwrap();
    for line in readme.lines().filter(|line| line.starts_with("grep -aqF ")) {
        let (key, record) = line.strip_prefix("grep -aqF '").and_then(|line| line.split_once("' ")).unwrap();
        let record = String::from_utf8_lossy(&content(&file, record)).into_owned();
        assert!(record.contains(key), "{line}");
    }
    Ok(())
}

#[test]
fn a_key_that_was_replaced_while_its_checkpoint_was_on_its_way_proves_it_and_soon_nothing_more() {
    let skew = i64::try_from(CLOCK_SKEW_MAX.as_secs()).unwrap();
    let as_before = |_: &mut BundleContent| {};
    let other_log = |content: &mut BundleContent| {
        content.log_keys =
            vec![NoteKey::new(77).verifier(&content.domain.log_name(), KeyKind::Log).to_string()];
    };
    let other_cosigner = |content: &mut BundleContent| {
        let key = NoteKey::new(78).verifier(&content.domain.cosigner_name(), KeyKind::Cosigner);
        content.cosigner_keys = vec![key.to_string()];
    };
    for ago in [0, 60, skew - 1] {
        rotated(true, as_before, other_log, -ago).unwrap();
        rotated(false, as_before, other_cosigner, -ago).unwrap();
    }
    for ago in [skew, skew + 1, 10 * skew] {
        // Whoever has a key that was retired can state any time in a leaf: that counts for nothing.
        assert_eq!(rotated(true, as_before, other_log, -ago).unwrap_err(), "EVIDENCE_RECEIPT", "{ago}");
        assert_eq!(rotated(false, as_before, other_cosigner, -ago).unwrap_err(), "EVIDENCE_RECEIPT", "{ago}");
    }
    // A gateway whose clock is behind cosigns before the bundle which names the next key seems to be in force.
    for ahead in [1, 60, skew] {
        rotated(true, other_log, as_before, ahead).unwrap();
        rotated(false, other_cosigner, as_before, ahead).unwrap();
    }
    assert_eq!(rotated(true, other_log, as_before, skew + 1).unwrap_err(), "EVIDENCE_RECEIPT");
    assert_eq!(rotated(false, other_cosigner, as_before, skew + 1).unwrap_err(), "EVIDENCE_RECEIPT");
}

#[test]
fn of_the_checkpoints_over_a_leaf_the_first_is_given_whose_keys_were_announced_when_it_was_cosigned() {
    let mut world = World::of_one(&Recipe::default());
    let replaced = NOW.after(days(10));
    let next = world.xa.next_bundle(|content| {
        content.valid_from = replaced;
        content.log_keys =
            vec![NoteKey::new(77).verifier(&content.domain.log_name(), KeyKind::Log).to_string()];
    });
    let bundles = [next, world.xa.bundle(), world.xb.bundle()];
    let sides = [world.xa.ministry.ministry.clone(), world.xb.ministry.ministry.clone()];
    let origin = world.xa.ministry.domain.log_origin(&sides[1], NOW.year());
    let cosigned = |world: &World, at: Timestamp| {
        world.xa.receipt_of_log(1, &world.xb, &origin, at).proof().checkpoint.to_string()
    };
    let first = |checkpoints: &[&String]| {
        let checkpoints = checkpoints.iter().map(|text| text.as_str());
        first_proving(checkpoints, [&sides[0], &sides[1]], bundles.to_vec())
    };
    // What the former key signed was on a stick until long after the next one was announced.
    let in_time = cosigned(&world, replaced.before(days(1)));
    let too_late = cosigned(&world, replaced.after(days(1)));
    world.xa.log = NoteKey::new(77);
    let anew = cosigned(&world, replaced.after(days(2)));
    let again = cosigned(&world, replaced.after(days(3)));
    assert_eq!(first(&[&in_time, &too_late, &anew]), Some(0));
    assert_eq!(first(&[&too_late]), None);
    assert_eq!(first(&[&too_late, &anew, &again]), Some(1), "a later checkpoint proves the leaf as well");
}

#[test]
fn a_bundle_that_serves_no_message_is_refused() {
    let world = World::of_one(&Recipe::default());
    let next = world.xa.next_bundle(|content| content.valid_from = NOW.after(days(10)));
    let mut all = entries(&world.file(&[]));
    let place = all.iter().position(|(name, _)| name == "trust/XA.bundle").unwrap();
    all.insert(place, ("trust/XA.2.bundle".to_owned(), next.to_bytes()));
    assert!(failures(&check(&zip(&all), &world.basis())).contains(&"bundles".to_owned()));
}

#[test]
fn two_ministries_cannot_share_a_root() {
    let world = World::of_one(&Recipe::default());
    let (xa, xb) = (&world.xa.ministry, &world.xb.ministry);
    let trust = xa.root.certify(&TestCertificate::signing(&xb.name("trust"), &[]));
    let mut content = world.xb.bundle_content();
    content.root = xa.root.der().to_vec();
    content.transport_authorities = vec![xa.transport.der().to_vec()];
    content.desk_authorities = vec![xa.desk.der().to_vec()];
    let pretender = SignedBundle::issue(content, &trust, NOW).unwrap();
    let refused = Standings::new(vec![world.xa.bundle(), pretender], &TrustBasis::default());
    assert!(refused.unwrap_err().contains("same root"));
}
