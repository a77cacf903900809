//! What is believed of an announced bundle, and what is not.

mod streams;

use super::*;
use crate::gateway::store::record::Offered;
use crate::trust::bundle::BundleContent;
use crate::trust::testing::{NOW, TestMinistry, days};

/// The bundle of this ministry after `before`, changed.
fn next(of: &TestMinistry, before: &SignedBundle, change: impl FnOnce(&mut BundleContent)) -> SignedBundle {
    let mut content = of.bundle_content();
    content.sequence = before.bundle().content().sequence + 1;
    content.previous_digest = Some(before.digest());
    change(&mut content);
    SignedBundle::issue(content, &of.trust(), NOW).unwrap()
}

fn offered(bundle: &SignedBundle) -> Offered {
    let content = bundle.bundle().content();
    let (ministry, sequence) = (content.ministry.clone(), content.sequence);
    Offered { ministry, sequence, bytes: bundle.to_bytes(), time: NOW }
}

/// The reason for which it is refused, and what is said of it.
fn refusal(announced: Announced) -> (&'static str, String) {
    match announced {
        Announced::Refused(refusal) => (refusal.reason(), refusal.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_later_bundle_of_the_accredited_root_is_newer_and_one_between_may_be_missing() {
    let xb = TestMinistry::new("XB");
    let accredited = xb.bundle();
    let second = next(&xb, &accredited, |_| {});
    let third = next(&xb, &second, |_| {});
    assert_eq!(judge(&accredited, &accredited, None, NOW), Announced::Known);
    assert_eq!(judge(&second, &accredited, None, NOW), Announced::Newer);
    assert_eq!(judge(&third, &accredited, None, NOW), Announced::Newer);
    assert_eq!(judge(&third, &accredited, Some(&offered(&second)), NOW), Announced::Newer);
    assert_eq!(judge(&third, &accredited, Some(&offered(&third)), NOW), Announced::Known);
}

#[test]
fn what_does_not_follow_is_refused_with_its_reason() {
    let (xb, usurper) = (TestMinistry::new("XB"), TestMinistry::new("XB"));
    let first = xb.bundle();
    let accredited = next(&xb, &first, |_| {});
    let another_root = next(&usurper, &accredited, |_| {});
    let forked = next(&xb, &accredited, |content| content.previous_digest = Some(first.digest()));
    let another_domain = next(&xb, &accredited, |content| {
        content.domain = crate::trust::name::Domain::parse("mfa.xd.example").unwrap();
        let name = |name: &str, kind| crate::trust::testing::verifier_key(name, kind, &[7; 32]);
        content.log_keys = vec![name(&content.domain.log_name(), 1)];
        content.cosigner_keys = vec![name(&content.domain.cosigner_name(), 4)];
    });
    let other = TestMinistry::new("XC");
    let another_ministry = next(&other, &accredited, |_| {});
    for (announced, reason, words) in [
        (&first, "BUNDLE_SUCCESSION", "not a later one"),
        (&another_root, "BUNDLE_SUCCESSION", "its root is another one"),
        (&another_domain, "BUNDLE_SUCCESSION", "its domain is another one"),
        (&another_ministry, "BUNDLE_SUCCESSION", "of another ministry"),
        (&forked, "BUNDLE_SUCCESSION", "names another bundle"),
    ] {
        let (found, said) = refusal(judge(announced, &accredited, None, NOW));
        assert_eq!(found, reason, "{said}");
        assert!(said.contains(words), "{said}");
    }
    let late = judge(&next(&xb, &accredited, |_| {}), &accredited, None, NOW.after(days(91)));
    assert_eq!(refusal(late).0, "BUNDLE_NOT_IN_FORCE");
}

#[test]
fn a_ministry_says_one_thing_under_each_number_and_does_not_go_back() {
    let xb = TestMinistry::new("XB");
    let accredited = xb.bundle();
    let second = next(&xb, &accredited, |_| {});
    let other_second = next(&xb, &accredited, |content| content.display_name = "Another name".to_owned());
    let (_, said) = refusal(judge(&other_second, &accredited, Some(&offered(&second)), NOW));
    assert!(said.contains("another one under this sequence"), "{said}");
    let third = next(&xb, &second, |_| {});
    let (_, said) = refusal(judge(&second, &accredited, Some(&offered(&third)), NOW));
    assert!(said.contains("a later one before"), "{said}");
    let (_, said) = refusal(judge(&third, &accredited, Some(&offered(&other_second)), NOW));
    assert!(said.contains("names another bundle"), "{said}");
}

#[test]
fn a_trust_key_that_was_revoked_announces_nothing_whatever_its_own_bundle_leaves_out() {
    let xb = TestMinistry::new("XB");
    let stolen = xb.trust();
    let mut content = xb.bundle_content();
    content.revocation_lists = vec![xb.root.revocation_list(&[(&stolen, NOW, None)], NOW.after(days(90)))];
    let accredited = SignedBundle::issue(content, &xb.trust(), NOW).unwrap();
    let mut forged = xb.bundle_content();
    forged.sequence = 2;
    forged.previous_digest = Some(accredited.digest());
    let forged = SignedBundle::issue(forged, &stolen, NOW).unwrap();
    let (_, said) = refusal(judge(&forged, &accredited, None, NOW));
    assert!(said.contains("revoked"), "{said}");
    assert_eq!(judge(&next(&xb, &accredited, |_| {}), &accredited, None, NOW), Announced::Newer);
}

#[test]
fn the_successor_of_a_bundle_that_has_ended_is_taken_although_its_lists_are_stale() {
    let xb = TestMinistry::new("XB");
    let mut content = xb.bundle_content();
    content.revocation_lists = vec![xb.root.revocation_list(&[], content.valid_until)];
    let accredited = SignedBundle::issue(content, &xb.trust(), NOW).unwrap();
    let later = NOW.after(days(100));
    let second = next(&xb, &accredited, |content| content.valid_until = NOW.after(days(200)));
    assert_eq!(judge(&second, &accredited, None, later), Announced::Newer);
}

#[test]
fn a_clock_that_is_a_little_ahead_does_not_hold_up_a_revocation_and_a_far_one_does() {
    let xb = TestMinistry::new("XB");
    let accredited = xb.bundle();
    let second = next(&xb, &accredited, |content| content.valid_from = NOW);
    assert_eq!(judge(&second, &accredited, None, NOW.before(limits::CLOCK_SKEW_MAX)), Announced::Newer);
    let earlier = NOW.before(limits::CLOCK_SKEW_MAX).before(std::time::Duration::from_secs(1));
    assert_eq!(refusal(judge(&second, &accredited, None, earlier)).0, "BUNDLE_NOT_IN_FORCE");
}

#[test]
fn a_bundle_with_a_list_that_is_still_to_come_is_refused_and_not_taken_for_heard() {
    let xb = TestMinistry::new("XB");
    let accredited = xb.bundle();
    let ahead = NOW.after(2 * limits::CLOCK_SKEW_MAX);
    let second = next(&xb, &accredited, |content| {
        content.revocation_lists = vec![xb.root.revocation_list_at(&[], ahead, NOW.after(days(90)))];
    });
    let (_, said) = refusal(judge(&second, &accredited, None, NOW));
    assert!(said.contains("still to come"), "{said}");
    assert_eq!(judge(&second, &accredited, None, ahead), Announced::Newer);
}

#[test]
fn what_was_announced_under_another_root_is_forgotten_when_the_ministry_is_accredited_anew() {
    let (before, anew) = (TestMinistry::new("XB"), TestMinistry::new("XB"));
    let old = offered(&next(&before, &before.bundle(), |_| {}));
    assert!(is_newer(&old, &before.bundle()) && !is_newer(&old, &anew.bundle()));
    let accredited = anew.bundle();
    let second = next(&anew, &accredited, |_| {});
    assert_eq!(judge(&second, &accredited, Some(&old), NOW), Announced::Newer);
}
