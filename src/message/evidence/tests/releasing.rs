//! Claims about when disclosed content is handed out.

use std::io::Cursor;

use super::fixture::*;
use crate::message::evidence::{Piece, TrustBasis, Verdict, release};

/// The verdict on `file`, and what was handed out of it.
fn handed_out(file: &[u8], basis: &TrustBasis) -> (Verdict, Vec<(String, Vec<u8>)>) {
    let mut taken = Vec::new();
    let report = release(Cursor::new(file), basis, later(), &mut |reference, piece, content| {
        let name = match piece {
            Piece::Dispatch => "dispatch".to_owned(),
            Piece::Document(name) => name.to_owned(),
        };
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        taken.push((format!("{reference}/{name}"), bytes));
        Ok(())
    });
    (report.unwrap().verdict(), taken)
}

#[test]
fn what_a_verified_file_discloses_is_handed_out_exactly() {
    let world = World::of_one(&Recipe::default());
    let file = world.file(&[0, 1]);
    let (verdict, taken) = handed_out(&file, &world.basis());
    assert_eq!(verdict, Verdict::Verified);
    let names: Vec<&str> = taken.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["XA-XB-2026-0001/dispatch", "XA-XB-2026-0001/text-0.pdf"]);
    assert_eq!(taken[1].1, b"%PDF one");
    assert_eq!(handed_out(&world.file(&[]), &world.basis()), (Verdict::Verified, Vec::new()));
}

#[test]
fn nothing_is_handed_out_of_a_file_that_is_altered_or_not_trusted() {
    let world = World::of_one(&Recipe::default());
    let file = world.file(&[0, 1]);
    let (verdict, taken) = handed_out(&file, &TrustBasis::default());
    assert!(matches!(verdict, Verdict::ConsistentNotTrusted { .. }) && taken.is_empty());
    for (name, _) in entries(&file) {
        let altered = replaced(&file, &[(name.as_str(), b"other content".to_vec())]);
        let (verdict, taken) = handed_out(&altered, &world.basis());
        assert!(verdict != Verdict::Verified && taken.is_empty(), "{name}: {verdict:?}");
    }
}
