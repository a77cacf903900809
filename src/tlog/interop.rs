//! Agreement with implementations that share no code with ours: the crates `tlog_tiles` and `signed_note`,
//! and the Python script that the documentation hands to people without our software.

use std::io::Write;
use std::process::Command;

use tempfile::NamedTempFile;

use super::base64;
use super::checkpoint::Checkpoint;
use super::fixture::{Receipt, SeedSigner, each_flip_and_truncation, log_key, name, receipt};
use super::merkle::{NodeReader, Tree, TreeHead, append, leaf_hash, root};
use super::proof::{prove_consistency, prove_inclusion, verify_consistency, verify_inclusion};
use super::signed_note::{Note, NoteSigner};
use super::tile::Tile;
use super::tlog_proof::TlogProof;
use super::verifier_key::{KeyKind, VerifierKey};
use crate::digest::Digest;
use crate::time::Timestamp;

const SIZE: u64 = 130;

fn leaf(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn theirs(digest: &Digest) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*digest.as_bytes())
}

fn their_path(path: &[Digest]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(theirs).collect()
}

fn our_path(path: &[tlog_tiles::Hash]) -> Vec<Digest> {
    path.iter().map(|hash| Digest::from_bytes(hash.0)).collect()
}

/// Their log: hashes in the order in which they were stored.
#[derive(Default)]
struct TheirLog(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for TheirLog {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn both_logs(size: u64) -> (Tree, TheirLog) {
    let (mut ours, mut other) = (Tree::new(), TheirLog::default());
    for number in 0..size {
        ours.push(leaf_hash(&leaf(number)));
        let hashes = tlog_tiles::stored_hashes(number, &leaf(number), &other).unwrap();
        other.0.extend(hashes);
    }
    (ours, other)
}

#[test]
fn roots_and_stored_nodes_agree_with_tlog_tiles() {
    let (ours, other) = both_logs(600);
    for size in 0..=600 {
        assert_eq!(theirs(&root(size, &ours).unwrap()), tlog_tiles::tree_hash(size, &other).unwrap());
    }
    for number in 0..600 {
        let nodes = append(number, leaf_hash(&leaf(number)), &ours).unwrap();
        for node in nodes {
            let place = tlog_tiles::stored_hash_index(node.level, node.index) as usize;
            assert_eq!(theirs(&node.hash), other.0[place]);
        }
    }
}

#[test]
fn every_inclusion_proof_agrees_with_tlog_tiles_both_ways() {
    let (ours, other) = both_logs(SIZE);
    for size in 1..=SIZE {
        let head = TreeHead { size, root: root(size, &ours).unwrap() };
        for index in 0..size {
            let path = prove_inclusion(index, size, &ours).unwrap();
            let hash = leaf_hash(&leaf(index));
            let check =
                tlog_tiles::check_record(&their_path(&path), size, theirs(&head.root), index, theirs(&hash));
            assert!(check.is_ok(), "{index} of {size}");
            let path = our_path(&tlog_tiles::prove_record(size, index, &other).unwrap());
            assert_eq!(verify_inclusion(&hash, index, &path, &head), Ok(()));
        }
    }
}

#[test]
fn every_consistency_proof_agrees_with_tlog_tiles_both_ways() {
    let (ours, other) = both_logs(SIZE);
    let head = |size| TreeHead { size, root: root(size, &ours).unwrap() };
    for new in 1..=SIZE {
        for old in 1..=new {
            let (before, after) = (head(old), head(new));
            let path = prove_consistency(old, new, &ours).unwrap();
            let check = tlog_tiles::check_tree(
                &their_path(&path),
                new,
                theirs(&after.root),
                old,
                theirs(&before.root),
            );
            assert!(check.is_ok(), "{old} to {new}");
            let path = our_path(&tlog_tiles::prove_tree(new, old, &other).unwrap());
            assert_eq!(verify_consistency(&before, &after, &path), Ok(()));
        }
    }
}

#[test]
fn tiles_have_the_paths_and_bytes_of_tlog_tiles() {
    let (ours, other) = both_logs(70_000);
    for (old, new) in
        [(0, 1), (0, 255), (255, 256), (256, 257), (100, 70_000), (65_535, 65_536), (65_536, 70_000)]
    {
        let mut expected: Vec<_> = tlog_tiles::Tile::new_tiles(8, old, new)
            .iter()
            .map(|tile| (tile.path().replacen("tile/8/", "tile/", 1), tile.read_data(&other).unwrap()))
            .collect();
        let mut found: Vec<_> =
            Tile::grown(old, new).iter().map(|tile| (tile.path(), tile.bytes(&ours).unwrap())).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{old} to {new}");
    }
    assert_eq!(Tile::new(0, 273, 113).unwrap().bytes(&ours), None);
    assert_eq!(ours.node(17, 0), None);
}

#[test]
fn signed_note_and_tlog_tiles_read_our_checkpoints() {
    let signer = SeedSigner::new(1);
    for size in [0, 1, 777, u64::MAX] {
        let origin = name("mfa.xa.example/chancery/xb/2026");
        let checkpoint = Checkpoint { origin: origin.clone(), size, root: Digest::of(&leaf(size)) };
        let note = signed_note::Note::from_bytes(checkpoint.sign(&signer).as_bytes()).unwrap();
        let verifier = signed_note::StandardVerifier::new(&log_key(&signer, &origin).to_string()).unwrap();
        let (known, unknown) =
            note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
        assert_eq!((known.len(), unknown.len()), (1, 0));
        let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!(
            (read.origin(), read.size(), read.hash()),
            (origin.as_str(), size, &theirs(&checkpoint.root))
        );
    }
}

#[test]
fn a_checkpoint_signed_by_signed_note_opens() {
    let (seed, origin) = ([7; 32], name("mfa.xb.example/chancery/xa/2026"));
    let key = log_key(&SeedSigner::new(7), &origin);
    let secret = base64::encode(&[&[KeyKind::Log.byte()], seed.as_slice()].concat());
    let signer =
        signed_note::StandardSigner::new(&format!("PRIVATE+KEY+{origin}+{}+{secret}", key.id())).unwrap();
    let checkpoint = Checkpoint { origin, size: 3, root: Digest::of(b"root") };
    let mut note = signed_note::Note::new(checkpoint.body().as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let text = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(Checkpoint::open(&text, &key), Ok(checkpoint.clone()));
    // Ed25519 is deterministic: the same key writes the same note.
    assert_eq!(checkpoint.sign(&SeedSigner::new(7)), text);
}

#[test]
fn whatever_we_accept_of_a_damaged_checkpoint_signed_note_accepts_too() {
    let receipt = receipt(5, 7, Timestamp::from_seconds(1));
    let note = TlogProof::parse(&receipt.proof).unwrap().checkpoint.to_string();
    let key = receipt.log.with_name(receipt.origin.clone());
    each_flip_and_truncation(&note, |damaged| {
        if Note::parse(damaged).is_ok_and(|note| note.verify(&key).is_ok()) {
            let verifier = signed_note::StandardVerifier::new(&key.to_string()).unwrap();
            let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
            assert!(
                signed_note::Note::from_bytes(damaged.as_bytes()).unwrap().verify(&known).is_ok(),
                "{damaged}"
            );
        }
    });
}

/// Whether the Python verifier accepts, and what it says; nothing if Python or its package is missing.
fn python_verdict(proof: &str, leaf: &[u8], policy: &str) -> Option<(bool, String)> {
    let importable = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !importable.is_ok_and(|output| output.status.success()) {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED docs/verify_proof.py: python3 with cryptography not found");
        return None;
    }
    let file = |bytes: &[u8]| {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let files = [file(proof.as_bytes()), file(leaf), file(policy.as_bytes())];
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify_proof.py");
    let output =
        Command::new("python3").arg(script).args(files.iter().map(NamedTempFile::path)).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), String::from_utf8(output.stdout).unwrap()))
}

fn policy(receipt: &Receipt) -> String {
    let log = receipt.log.with_name(receipt.origin.clone());
    format!("# keys of the exchange\nlog {log}\n\nwitness {}\n", receipt.cosigner)
}

#[test]
fn the_python_verifier_accepts_our_receipts() {
    for (index, size) in [(0, 1), (5, 7), (777, 1000)] {
        let receipt = receipt(index, size, Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
        let Some(verdict) = python_verdict(&receipt.proof, &receipt.leaf, &policy(&receipt)) else { return };
        let expected = format!(
            "the log {} holds the entry at index {index} of {size}\n\
             cosigned by {} at 2026-11-22T10:00:00Z\nGOOD\n",
            receipt.origin, receipt.cosigner.name
        );
        assert_eq!(verdict, (true, expected));
    }
}

#[test]
fn the_python_verifier_refuses_what_is_not_proven() {
    let receipt = receipt(5, 7, Timestamp::from_seconds(1_795_000_000));
    let (proof, leaf, trusted) = (receipt.proof.as_str(), receipt.leaf.as_slice(), policy(&receipt));
    let stranger = SeedSigner::new(9).public_key();
    let log = VerifierKey { public_key: stranger, ..receipt.log.with_name(receipt.origin.clone()) };
    let witness = VerifierKey { public_key: stranger, ..receipt.cosigner.clone() };
    let cosigned_wrongly = {
        let (start, _) = proof.trim_end().rsplit_once(' ').unwrap();
        let note = TlogProof::parse(proof).unwrap().checkpoint;
        let mut bytes = note.line_of(&receipt.cosigner).unwrap().signature.clone();
        bytes[10] ^= 1;
        let id = receipt.cosigner.id();
        format!("{start} {}\n", base64::encode(&[id.as_bytes().as_slice(), &bytes].concat()))
    };
    for (proof, leaf, policy, words) in [
        (proof, b"another entry".as_slice(), trusted.clone(), "the entry is not in the log at this index"),
        (&proof.replace("index 5", "index 4"), leaf, trusted.clone(), "the entry is not in the log"),
        (&proof.replace("index 5", "index 7"), leaf, trusted.clone(), "beyond the log's 7 entries"),
        (&proof.replace("index 5", "index 05"), leaf, trusted.clone(), "canonical number"),
        (&proof.replace("\n7\n", "\n8\n"), leaf, trusted.clone(), "is wrong"),
        (
            &cosigned_wrongly,
            leaf,
            trusted.clone(),
            "the signature of mfa.xb.example/chancery/cosigner is wrong",
        ),
        (proof, leaf, format!("log {log}\n"), "no trusted key of the log"),
        (proof, leaf, format!("{trusted}witness {witness}\n"), "has not cosigned"),
        (proof, leaf, trusted.replace("log ", "witness "), "is not a witness key"),
        (proof, leaf, "trust everyone\n".into(), "not understood"),
        ("", leaf, trusted.clone(), "not a proof of inclusion"),
    ] {
        let Some((accepted, said)) = python_verdict(proof, leaf, &policy) else { return };
        assert!(!accepted && said.starts_with("NOT GOOD: ") && said.contains(words), "{words}: {said}");
    }
}
