//! `docs/format.md` in bytes: what the document prints is in `tests/vectors/`, and our code writes and reads it
//! just so. The vectors were made by `tests/vectors/make.py` and openssl, without our code.

use std::fs;
use std::path::{Path, PathBuf};

use chancery::digest::Digest;
use chancery::message::envelope::{Envelope, inline_parts, parts_digest};
use chancery::message::header::{Address, Addressee, Header, Part, Position};
use chancery::message::id::MessageId;
use chancery::message::leaf::{Leaf, LeafKind, LeafMessage};
use chancery::message::receipt::Receipt;
use chancery::message::seal::padded_size;
use chancery::message::terms::{AddresseeKind, Level, Precedence};
use chancery::time::Timestamp;
use chancery::tlog::merkle::leaf_hash;
use chancery::tlog::verifier_key::{KeyName, VerifierKey};
use chancery::trust::anchor::Anchors;
use chancery::trust::name::{Domain, Ministry};
use chancery::trust::policy::ChannelId;

const RELEASE: i64 = 1_795_345_200;
const SENT: i64 = RELEASE + 5405;
const COSIGNED: i64 = RELEASE + 5407;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

fn bytes(name: &str) -> Vec<u8> {
    let digits: String = text(name).split_whitespace().collect();
    data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap()
}

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn contents() -> [Vec<u8>; 2] {
    [b"A gateway cannot tell that this is no age file.".to_vec(), vec![0; 300_000]]
}

fn parts() -> Vec<Part> {
    contents()
        .iter()
        .map(|content| Part { digest: Digest::of(content), size: content.len() as u64 })
        .collect()
}

fn address() -> Address {
    Address {
        channel: ChannelId::between(&[Digest::of(b"root of XA"), Digest::of(b"root of XB")]),
        consultation: "C-1234-5678-9ABV".to_owned(),
        sender: ministry("XA"),
        addressees: vec![Addressee { ministry: ministry("XB"), kind: AddresseeKind::Action }],
        precedence: Precedence::Priority,
        level: Level::Restricted,
        releasable_to: vec![ministry("XA"), ministry("XB")],
    }
}

fn header() -> Header {
    let release_time = Timestamp::from_seconds(RELEASE);
    let position = Position {
        recipient: ministry("XB"),
        sequence: 2,
        previous: Some(MessageId::of_header(b"message 1")),
        act_number: 1,
        release_time,
        valid_until: Timestamp::from_seconds(RELEASE + 30 * 24 * 3600),
    };
    Header::compose(&address(), &position, &parts()).unwrap()
}

#[test]
fn the_header_of_the_document_is_written_and_read_byte_for_byte() {
    let header = header();
    assert_eq!(header.bytes(), bytes("header/header.hex"));
    assert_eq!(address().bytes(), bytes("header/address.hex"));
    assert_eq!(header.address_digest(), Digest::of(&bytes("header/address.hex")));
    assert_eq!(header.id().as_bytes().as_slice(), bytes("header/id.hex"));
    assert_eq!(Header::parse(&bytes("header/header.hex")).unwrap(), header);
    for part in ["header/position.hex", "header/parts.hex"] {
        let part = bytes(part);
        assert!(header.bytes().windows(part.len()).any(|window| window == part));
    }
}

#[test]
fn every_defect_of_a_header_is_refused_with_its_reason() {
    let mut refused = 0;
    for reason in fs::read_dir(folder().join("header/refused")).unwrap() {
        let reason = reason.unwrap().file_name().into_string().unwrap();
        for defect in fs::read_dir(folder().join("header/refused").join(&reason)).unwrap() {
            let defect = defect.unwrap().file_name().into_string().unwrap();
            let refusal = Header::parse(&bytes(&format!("header/refused/{reason}/{defect}"))).unwrap_err();
            assert_eq!(refusal.reason().word(), reason, "{defect}: {refusal}");
            refused += 1;
        }
    }
    assert!(refused > 20, "{refused} vectors of refused headers were found");
}

#[test]
fn the_envelope_of_the_document_is_read_and_its_signature_believed() {
    let envelope = Envelope::parse(&bytes("envelope/envelope.hex")).unwrap();
    assert_eq!(envelope.header(), &header());
    assert_eq!(inline_parts(envelope.header().parts()), [true, false]);
    assert_eq!(envelope.parts(), [contents()[0].clone(), Vec::new()]);
    assert_eq!(envelope.encode(), bytes("envelope/envelope.hex"));
    assert_eq!(envelope.digest().as_bytes().as_slice(), bytes("envelope/digest.hex"));
    let all = parts_digest(envelope.header().parts());
    assert_eq!(all.as_bytes().as_slice(), bytes("envelope/parts-digest.hex"));

    let authorities = [bytes("trust/desk.hex")];
    let anchors = Anchors::new(ministry("XA"), &bytes("trust/root.hex"), &authorities, &[]).unwrap();
    envelope.verify(&anchors, Timestamp::from_seconds(SENT)).unwrap();
    let other = Anchors::new(ministry("XB"), &bytes("trust/root.hex"), &authorities, &[]).unwrap();
    let refusal = envelope.verify(&other, Timestamp::from_seconds(SENT)).unwrap_err();
    assert_eq!(refusal.reason().word(), "SIGNATURE_INVALID");
}

#[test]
fn the_leaf_and_the_receipt_of_the_document_are_written_and_believed() {
    let envelope = Envelope::parse(&bytes("envelope/envelope.hex")).unwrap();
    let message = LeafMessage::of(&envelope);
    let leaf = Leaf::about(LeafKind::Sent, message, "", Timestamp::from_seconds(SENT)).bytes();
    assert_eq!(leaf, bytes("log/leaf.hex"));
    assert_eq!(leaf_hash(&leaf).as_bytes().as_slice(), bytes("log/leaf-hash.hex"));

    let receipt = Receipt::parse(&bytes("log/receipt.hex")).unwrap();
    assert_eq!(receipt.encode(), bytes("log/receipt.hex"));
    assert_eq!(receipt.proof().to_string(), text("log/proof.txt"));
    let announced = text("log/announced.txt");
    let keys: Vec<VerifierKey> = announced.lines().map(|line| VerifierKey::parse(line).unwrap()).collect();
    let [log, cosigner] = keys.as_slice() else { panic!("two keys are announced") };
    let domain = Domain::parse("mfa.xa.example").unwrap();
    assert_eq!(log.name.as_str(), domain.log_name());
    let origin = KeyName::parse(&domain.log_origin(&ministry("XB"), 2026)).unwrap();
    let checkpoint = receipt.verify_about(&message, &origin, log).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root.as_bytes().to_vec()), (3, bytes("log/root.hex")));
    let cosigned = receipt.proof().cosigners(std::slice::from_ref(cosigner)).unwrap();
    assert_eq!(cosigned[0].at.seconds(), COSIGNED);
    let elsewhere = KeyName::parse(&domain.log_origin(&ministry("XB"), 2027)).unwrap();
    assert!(receipt.verify_about(&message, &elsewhere, log).is_err());
}

/// The fenced blocks of the document that a line `<!-- vector: NAME -->` introduces.
fn printed(document: &str) -> Vec<(&str, &str)> {
    let blocks = document.split("<!-- vector: ").skip(1);
    let block = |block| {
        let (name, rest): (&str, &str) = str::split_once(block, " -->\n```\n").unwrap();
        (name, rest.split_once("```").unwrap().0)
    };
    blocks.map(block).collect()
}

#[test]
fn the_document_prints_the_vectors_as_they_are() {
    let document = include_str!("../../docs/format.md");
    let printed = printed(document);
    assert!(printed.len() >= 10, "{} vectors are printed", printed.len());
    for (name, block) in printed {
        assert_eq!(block, text(name), "{name}");
    }
}

#[test]
fn the_padded_sizes_of_the_document_are_ours() {
    let document = include_str!("../../docs/format.md");
    let table = document.split_once("| content | padded |\n|---|---|\n").unwrap().1;
    let rows: Vec<Vec<u64>> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.replace(',', "").split('|').filter_map(|cell| cell.trim().parse().ok()).collect())
        .collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        assert_eq!(padded_size(row[0]), row[1]);
    }
}
