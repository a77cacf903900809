//! Claims about whom an evidence file has to be believed by.

use super::fixture::*;
use crate::message::evidence::Verdict;

#[test]
fn a_good_file_is_verified_under_accredited_bundles() {
    let world = World::of_three(&Recipe::default());
    let report = check(&world.file(&[0, 1]), &world.basis());
    assert_eq!(failures(&report), [""; 0], "{report:#?}");
    assert_eq!(report.verdict(), Verdict::Verified);
}
