//! The bounds of an evidence file: what is exactly at one is read and written, what is one beyond it is not.

use std::io::Cursor;

use super::fixture::*;
use crate::limits::{
    EVIDENCE_BUNDLES_MAX, EVIDENCE_ENTRIES_MAX, EVIDENCE_MESSAGES_MAX, EVIDENCE_NAME_BYTES_MAX,
    EVIDENCE_README_BYTES_MAX, SIGNED_FILE_BYTES_MAX,
};
use crate::message::evidence::container::{Container, ContainerWriter, Fault};
use crate::message::evidence::{WriteError, reading, readme, write, writer};

/// A file with these entries.
fn file<Name: AsRef<str>>(entries: impl IntoIterator<Item = (Name, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ContainerWriter::new(Cursor::new(Vec::new())).unwrap();
    for (name, content) in entries {
        writer.add(name.as_ref(), &content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn open(file: Vec<u8>) -> Result<Container<Cursor<Vec<u8>>>, Fault> {
    Container::open(Cursor::new(file))
}

/// What is said of a file that is refused.
fn said<T>(refused: Result<T, Fault>) -> String {
    refused.err().map(|fault| fault.to_string()).unwrap_or_default()
}

#[test]
fn a_file_has_at_most_so_many_entries() {
    let of = |count: usize| file((0..count).map(|number| (number.to_string(), Vec::new())));
    assert_eq!(open(of(EVIDENCE_ENTRIES_MAX)).unwrap().names().len(), EVIDENCE_ENTRIES_MAX);
    let refused = said(open(of(EVIDENCE_ENTRIES_MAX + 1)));
    assert_eq!(refused, "the file has more entries than evidence may have");
}

#[test]
fn the_name_of_an_entry_has_at_most_so_many_bytes() {
    let of = |length: usize| open(file([("n".repeat(length), Vec::new())]));
    assert_eq!(of(EVIDENCE_NAME_BYTES_MAX).unwrap().names().len(), 1);
    assert_eq!(said(of(EVIDENCE_NAME_BYTES_MAX + 1)), "the file is not a zip file of the layout of evidence");
    assert!(of(0).is_err());
}

#[test]
fn a_file_has_at_most_so_many_bundles_of_at_most_so_many_bytes() {
    let bundle = World::of_one(&Recipe::default()).xa.bundle().to_bytes();
    let of = |count: usize, bytes: &[u8]| {
        let entries = (0..count).map(|number| (format!("trust/XA.{number}.bundle"), bytes.to_vec()));
        reading::bundles(&mut open(file(entries)).unwrap())
    };
    assert_eq!(of(EVIDENCE_BUNDLES_MAX, &bundle).unwrap().len(), EVIDENCE_BUNDLES_MAX);
    let refused = said(of(EVIDENCE_BUNDLES_MAX + 1, &bundle));
    assert_eq!(refused, "the file has more bundles than evidence may have");
    assert!(said(of(1, &[0; SIGNED_FILE_BYTES_MAX])).contains("is not a bundle"));
    assert!(said(of(1, &[0; SIGNED_FILE_BYTES_MAX + 1])).contains("is longer than"));
}

#[test]
fn a_file_has_at_most_so_many_messages() {
    let of = |count: usize| {
        let entries = (0..count).map(|number| (format!("messages/{number}/header.bin"), Vec::new()));
        said(reading::papers(&mut open(file(entries)).unwrap()))
    };
    assert!(of(EVIDENCE_MESSAGES_MAX).starts_with("the header of 0 is not accepted"), "they are looked at");
    let refused = "the file has no messages, or more than evidence may have";
    assert_eq!((of(EVIDENCE_MESSAGES_MAX + 1).as_str(), of(0).as_str()), (refused, refused));
}

#[test]
fn a_readme_is_shown_up_to_its_bound() {
    let of = |length: usize| readme(Cursor::new(file([("README.txt", vec![b'x'; length])])));
    assert_eq!(of(EVIDENCE_README_BYTES_MAX).map(|text| text.len()), Some(EVIDENCE_README_BYTES_MAX));
    assert_eq!(of(EVIDENCE_README_BYTES_MAX + 1), None);
}

#[test]
fn nothing_is_written_that_could_not_be_read() {
    let world = World::of_one(&Recipe::default());
    let written = |count: usize| {
        let exhibits = (0..count).flat_map(|_| world.exhibits(&[])).collect();
        write(Cursor::new(Vec::new()), exhibits, world.bundles()).unwrap_err()
    };
    // So many could be written: what is refused is that they are the same one.
    assert_eq!(written(EVIDENCE_MESSAGES_MAX).reason(), "EVIDENCE_TWICE");
    let refused = written(EVIDENCE_MESSAGES_MAX + 1);
    assert!(matches!(refused, WriteError::Count(count) if count == EVIDENCE_MESSAGES_MAX + 1));
    let reason =
        |bundles, entries| writer::check_counts(bundles, entries).map_err(|refused| refused.reason());
    assert_eq!(reason(EVIDENCE_BUNDLES_MAX, EVIDENCE_ENTRIES_MAX), Ok(()));
    assert_eq!(reason(EVIDENCE_BUNDLES_MAX + 1, 1), Err("EVIDENCE_BUNDLES"));
    assert_eq!(reason(1, EVIDENCE_ENTRIES_MAX + 1), Err("EVIDENCE_ENTRIES"));
}
