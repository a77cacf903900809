//! Claims about what is written, and what is not.

use std::io::{Cursor, Seek, SeekFrom};

use super::fixture::*;
use crate::message::evidence::{Exhibit, Verdict, WriteError, write};
use crate::message::leaf::LeafKind;
use crate::message::receipt::Receipt;
use crate::message::seal::FileKey;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::cosignature::{attach, cosign};
use crate::tlog::signed_note::Note;
use crate::tlog::verifier_key::KeyKind;
use crate::trust::testing::{NOW, days};

/// The reason why the file of one message is not written after `change`.
fn refusal(disclosed: &[usize], change: impl FnOnce(&mut Exhibit<'_>)) -> &'static str {
    let world = World::of_one(&Recipe::default());
    let mut exhibits = world.exhibits(disclosed);
    change(&mut exhibits[0]);
    write(Cursor::new(Vec::new()), exhibits, world.bundles()).unwrap_err().reason()
}

#[test]
fn the_same_message_gives_the_same_file_wherever_it_is_written() {
    let world = World::of_three(&Recipe::default());
    let mut sink = Cursor::new(b"before".to_vec());
    sink.seek(SeekFrom::End(0)).unwrap();
    let sink = write(sink, world.exhibits(&[0]), world.bundles()).unwrap();
    assert_eq!(sink.into_inner(), [b"before", &world.file(&[0])[..]].concat());
}

#[test]
fn what_is_not_disclosed_is_not_in_the_file() {
    let world = World::of_one(&Recipe::default());
    let names = |disclosed: &[usize]| {
        let all = entries(&world.file(disclosed)).into_iter().map(|(name, _)| name);
        all.filter(|name| name.contains("/disclosed/")).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), [""; 0]);
    let base = "messages/XA-XB-2026-0001/disclosed";
    let dispatch = ["0.key", "dispatch.bin", "authentication-1.p7s", "authentication-2.p7s"];
    assert_eq!(names(&[0]), dispatch.map(|name| format!("{base}/{name}")));
    assert_eq!(names(&[0, 2]).last().unwrap(), &format!("{base}/documents/text-1.txt"));
    let file = world.file(&[0]);
    let secret = world.messages[0].keys[1].hex();
    assert!(!file.windows(32).any(|window| window == secret.as_bytes()));
}

#[test]
fn a_file_without_messages_or_with_the_same_one_twice_is_not_written() {
    let world = World::of_one(&Recipe::default());
    let refused = |exhibits| write(Cursor::new(Vec::new()), exhibits, world.bundles()).unwrap_err();
    assert!(matches!(refused(Vec::new()), WriteError::Count(0)));
    let twice = world.exhibits(&[]).into_iter().chain(world.exhibits(&[])).collect();
    assert!(matches!(refused(twice), WriteError::Twice(_)));
}

#[test]
fn other_parts_than_the_headers_are_not_written() {
    let other =
        |part: Vec<u8>| refusal(&[], |exhibit| exhibit.parts[0] = Box::new(Cursor::new(part.clone())));
    let world = World::of_one(&Recipe::default());
    let part = &world.messages[0].parts[0];
    for wrong in [part.clone(), part[1..].to_vec(), [&part[..], b"x"].concat(), Vec::new()] {
        assert!(["PART_MISMATCH", "EVIDENCE_IO"].contains(&other(wrong)));
    }
    assert_eq!(refusal(&[], |exhibit| drop(exhibit.parts.pop())), "PART_MISMATCH");
}

#[test]
fn only_what_the_keys_open_is_disclosed() {
    let key = || FileKey::parse(&"ab".repeat(16)).unwrap();
    assert_eq!(refusal(&[1], |_| {}), "EVIDENCE_DISCLOSURE");
    assert_eq!(refusal(&[0], |exhibit| drop(exhibit.disclosed.insert(0, key()))), "EVIDENCE_DISCLOSURE");
    assert_eq!(refusal(&[0], |exhibit| drop(exhibit.disclosed.insert(1, key()))), "EVIDENCE_DISCLOSURE");
    assert_eq!(refusal(&[0], |exhibit| drop(exhibit.disclosed.insert(3, key()))), "EVIDENCE_DISCLOSURE");
}

#[test]
fn receipts_must_be_cosigned_and_the_answer_must_be_one() {
    let alone = |receipt: &Receipt| {
        let note = receipt.proof().checkpoint.to_string();
        let lines: Vec<&str> = note.lines().filter(|line| !line.contains("/chancery/cosigner ")).collect();
        let mut proof = receipt.proof().clone();
        proof.checkpoint = Note::parse(&format!("{}\n", lines.join("\n"))).unwrap();
        Receipt::compose(receipt.leaf_bytes().to_vec(), proof).unwrap()
    };
    assert_eq!(refusal(&[], |exhibit| exhibit.sent = alone(&exhibit.sent)), "EVIDENCE_RECEIPT");
    assert_eq!(refusal(&[], |exhibit| exhibit.answer = alone(&exhibit.answer)), "EVIDENCE_RECEIPT");
    assert_eq!(refusal(&[], |exhibit| exhibit.answer = exhibit.sent.clone()), "EVIDENCE_ANSWER");
    let expired = World::of_one(&Recipe { answer: LeafKind::Expired, ..Recipe::default() });
    let refused = write(Cursor::new(Vec::new()), expired.exhibits(&[]), expired.bundles()).unwrap_err();
    assert_eq!(refused.reason(), "EVIDENCE_ANSWER");
}

#[test]
fn the_bundles_that_were_in_force_must_be_given() {
    let world = World::of_one(&Recipe::default());
    let refused = |bundles| write(Cursor::new(Vec::new()), world.exhibits(&[]), bundles).unwrap_err();
    assert!(matches!(refused(vec![world.xa.bundle()]), WriteError::Bundles(_)));
    let later = world.xa.next_bundle(|content| content.valid_from = NOW.after(days(10)));
    assert!(matches!(refused(vec![later, world.xb.bundle()]), WriteError::Receipt { .. }));
}

#[test]
fn lines_that_readers_could_not_check_are_left_out() {
    let world = World::of_one(&Recipe::default());
    let mut exhibits = world.exhibits(&[]);
    let mut proof = exhibits[0].sent.proof().clone();
    let checkpoint = Checkpoint::parse(proof.checkpoint.text()).unwrap();
    let stranger = NoteKey::new(77);
    let key = stranger.verifier("witness.example", KeyKind::Cosigner);
    let line = cosign(&checkpoint, &key.name, &stranger, logged_at());
    proof.checkpoint = attach(&proof.checkpoint, &line, &key).unwrap();
    proof.extra = b"note to self".to_vec();
    exhibits[0].sent = Receipt::compose(exhibits[0].sent.leaf_bytes().to_vec(), proof).unwrap();
    let file = write(Cursor::new(Vec::new()), exhibits, world.bundles()).unwrap().into_inner();
    assert_eq!(file, world.file(&[]));
    assert_eq!(check(&file, &world.basis()).verdict(), Verdict::Verified);
}
