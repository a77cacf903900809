//! Claims about altered files: no byte can change.

use super::fixture::*;

/// Places that are tried in large entries, and in the file as it is.
const STRIDE: usize = 149;

/// Places that are tried in sealed parts, of which all bytes are under one digest.
const PART_STRIDE: usize = 1499;

/// Entries of which every byte is tried.
const WHOLE: [&str; 5] = [".leaf", ".tlog-proof", ".key", "header.bin", "dispatch.bin"];

#[test]
fn no_byte_of_the_file_can_change() {
    let world = World::of_one(&Recipe::default());
    let (file, basis) = (world.file(&[0, 1]), world.basis());
    for place in (0..file.len()).step_by(STRIDE).chain(0..64).chain(file.len() - 200..file.len()) {
        let mut altered = file.clone();
        altered[place] ^= 1 << (place % 8);
        let report = check(&altered, &basis);
        assert!(is_altered(&report), "byte {place}: {:?}", report.verdict());
    }
    for length in (0..file.len()).step_by(STRIDE * 7) {
        assert!(is_altered(&check(&file[..length], &basis)), "{length} bytes");
    }
}

/// The same with checksums that an attacker has set right.
#[test]
fn no_byte_of_an_entry_can_change_even_if_the_checksums_fit() {
    let world = World::of_one(&Recipe::default());
    let (all, basis) = (entries(&world.file(&[0, 1])), world.basis());
    for (number, (name, content)) in all.iter().enumerate() {
        let stride = match name {
            name if WHOLE.iter().any(|ending| name.ends_with(ending)) => 1,
            name if name.ends_with(".age") => PART_STRIDE,
            _ => STRIDE,
        };
        let mut altered = all.clone();
        for place in (0..content.len()).step_by(stride) {
            altered[number].1[place] ^= 1 << (place % 8);
            let report = check(&zip(&altered), &basis);
            assert!(is_altered(&report), "byte {place} of {name}: {:?}", report.verdict());
            altered[number].1[place] = content[place];
        }
        altered[number].1.push(0);
        assert!(is_altered(&check(&zip(&altered), &basis)), "a byte after {name}");
    }
}
