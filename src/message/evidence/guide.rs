//! What stands in an evidence file for people and their own tools: a README with the commands, a manifest, the
//! scripts, roots as PEM. Nothing that `verify` believes comes from here, but none of it may differ either: a
//! README with other commands would make its reader check something else.

use std::fmt::Write as _;

use data_encoding::BASE64;
use serde::Serialize;

use super::contents::{self, Planned, Whole};
use super::log::Logged;
use super::paper::Paper;
use crate::time::Timestamp;
use crate::tlog::verifier_key::VerifierKey;
use crate::trust::name::Ministry;

/// The script that checks receipts. Part of format 1: a change of its text is a change of the format.
pub(super) const VERIFY_PROOF: &str = include_str!("../../../docs/verify_proof.py");

/// The script that opens sealed parts; part of format 1 as well.
pub(super) const OPEN_PART: &str = include_str!("../../../docs/open_part.mjs");

/// Schema of the manifest, and with it the version of the whole format.
const SCHEMA: &str = "chancery.evidence/1";

/// The README of an evidence file.
pub(super) fn readme(whole: &Whole<'_>) -> String {
    let mut text = README_BEGINNING.to_owned();
    for (ministry, standing) in whole.standings.iter() {
        let fingerprint = standing.fingerprint();
        let words = fingerprint.words();
        let lines: Vec<String> = words.chunks(6).map(|line| line.join(" ")).collect();
        push(&mut text, format_args!("{ministry}  {fingerprint}\n    {}\n", lines.join("\n    ")));
    }
    text.push_str(README_BUNDLES);
    for ((ministry, sequence), at) in whole.used {
        push(&mut text, format_args!("{}\n", bundle_command(whole, ministry, *sequence, *at)));
    }
    text.push_str(README_MESSAGES);
    for (paper, proofs) in whole.papers.iter().zip(whole.proofs) {
        let at = proofs.judged_at().unwrap_or(Timestamp::from_seconds(0));
        push(&mut text, format_args!("\n# {}: message {}\n", paper.reference(), paper.id()));
        message_commands(&mut text, paper, at);
        let (sender, recipient) = (paper.sender(), paper.recipient());
        receipt_commands(&mut text, whole, paper, "sent", &proofs.sent, [sender, recipient]);
        let answer = paper.answer_kind.word();
        receipt_commands(&mut text, whole, paper, answer, &proofs.answer, [recipient, sender]);
        disclosure_commands(&mut text, paper, at);
    }
    text.push_str(README_PARTS);
    for paper in whole.papers {
        for part in 0..paper.header.parts().len() {
            let (sealed, open) = (paper.entry(&contents::part_name(part)), "node open_part.mjs IDENTITY");
            push(&mut text, format_args!("{open} {sealed} {}-{part}.out\n", paper.reference()));
        }
    }
    if whole.papers.iter().any(|paper| paper.disclosed().is_some()) {
        text.push_str(README_DISCLOSED);
    }
    whole.papers.iter().for_each(|paper| opening_commands(&mut text, paper));
    text
}

/// The manifest: what is in the file, for programs that only want to know that.
pub(super) fn manifest(whole: &Whole<'_>, messages: &[Vec<Planned>]) -> String {
    let ministries = whole.standings.iter().map(|(ministry, standing)| ManifestMinistry {
        ministry: ministry.to_string(),
        fingerprint: standing.fingerprint().digest().hex(),
    });
    let messages = whole.papers.iter().zip(messages).map(|(paper, entries)| ManifestMessage {
        reference: paper.reference(),
        message_id: paper.id().to_string(),
        sender: paper.sender().to_string(),
        recipient: paper.recipient().to_string(),
        answer: paper.answer_kind.word(),
        disclosed: paper.disclosure.is_some(),
        files: entries.iter().map(|entry| entry.name.clone()).collect(),
    });
    let manifest =
        Manifest { schema: SCHEMA, ministries: ministries.collect(), messages: messages.collect() };
    // Texts, numbers and lists of them cannot fail to become JSON.
    format!("{}\n", serde_json::to_string_pretty(&manifest).unwrap_or_default())
}

/// A certificate as PEM.
pub(super) fn pem(der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let mut lines = String::new();
    for (place, symbol) in base64.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            lines.push('\n');
        }
        lines.push(symbol);
    }
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

#[derive(Serialize)]
struct Manifest {
    schema: &'static str,
    ministries: Vec<ManifestMinistry>,
    messages: Vec<ManifestMessage>,
}

#[derive(Serialize)]
struct ManifestMinistry {
    ministry: String,
    fingerprint: String,
}

#[derive(Serialize)]
struct ManifestMessage {
    reference: String,
    message_id: String,
    sender: String,
    recipient: String,
    answer: &'static str,
    disclosed: bool,
    files: Vec<String>,
}

const README_BEGINNING: &str = "\
Chancery evidence, format 1

This file shows which messages went from one ministry to another: signed by the sender's registry, held in
the log of either ministry, and each log cosigned by the other one. `chancery verify` checks all of it. The
commands below check it without Chancery; run them in a POSIX shell where this file was unpacked. They need
OpenSSL 3 and Python 3 with the package `cryptography`; the last section needs Node with `age-encryption`.
Each must end with exit code 0.

All of it rests on the roots of the ministries. A root in this file proves nothing by itself: compare its
fingerprint with one that the ministry gave you in another way. SHA-256 of the root certificates, and the
same as words:

";

const README_BUNDLES: &str = "
1. What the ministries announced, signed under their roots

To see who made a signature, add `-signer WHO.pem` to its command and then run
`openssl x509 -in WHO.pem -noout -ext subjectAltName`: chancery://XA/trust signs what XA announces,
chancery://XA/registry its messages, chancery://XA/office/... what the messages say.

";

const README_MESSAGES: &str = r#"
2. Messages

Each is signed, in the sender's log and in the recipient's. The keys of the logs and of those who cosigned
them are in the policies; grep looks whether the ministry announced them in a bundle that was in force when the
other one cosigned, or within five minutes of that, because clocks differ. The function tells whether the second
file names the first one by its SHA-256. Messages are named by that of their header, parts by that of their sealed bytes, documents by that of their content.

names() { python3 -c 'import hashlib,sys; a,b=[open(f,"rb").read() for f in sys.argv[1:]]; sys.exit(hashlib.sha256(a).digest() not in b)' "$1" "$2"; }
"#;

const README_PARTS: &str = "
3. Sealed parts, for those who hold a reading key

IDENTITY is a text file with the reading key, AGE-SECRET-KEY-PQ-1... Part 0 is the dispatch with its
signatures, the others are documents.

";

const README_DISCLOSED: &str = r#"
4. Disclosed parts, for everybody

A disclosed key opens one sealed part. The function tells whether the first file contains the second one.

holds() { python3 -c 'import sys; a,b=[open(f,"rb").read() for f in sys.argv[1:]]; sys.exit(b not in a)' "$1" "$2"; }

"#;

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(arguments);
}

fn openssl(signature: &str, content: &str, ministry: &Ministry, at: Timestamp) -> String {
    let root = contents::root_name(ministry);
    format!(
        "openssl cms -verify -cades -binary -inform DER -in {signature} -content {content} \
         -CAfile {root} -purpose any -attime {} -out /dev/null",
        at.seconds()
    )
}

fn bundle_command(whole: &Whole<'_>, ministry: &Ministry, sequence: u64, at: Timestamp) -> String {
    let stem = record_stem(whole, ministry, sequence);
    openssl(&format!("{stem}.record.p7s"), &format!("{stem}.record.bin"), ministry, at)
}

fn record_stem(whole: &Whole<'_>, ministry: &Ministry, sequence: u64) -> String {
    let newest = whole
        .standings
        .of(ministry)
        .ok()
        .and_then(|standing| standing.bundles().last().map(|bundle| bundle.bundle().content().sequence));
    contents::bundle_stem(ministry, sequence, newest)
}

fn message_commands(text: &mut String, paper: &Paper, at: Timestamp) {
    let header = paper.entry("header.bin");
    push(text, format_args!("{}\n", openssl(&paper.entry("header.p7s"), &header, paper.sender(), at)));
    for part in 0..paper.header.parts().len() {
        push(text, format_args!("names {} {header}\n", paper.entry(&contents::part_name(part))));
    }
}

/// `keeper` keeps the log and `cosigner` has cosigned it.
fn receipt_commands(
    text: &mut String,
    whole: &Whole<'_>,
    paper: &Paper,
    stem: &str,
    logged: &Logged,
    [keeper, cosigner]: [&Ministry; 2],
) {
    let entry = |ending: &str| paper.entry(&format!("{stem}{ending}"));
    let (proof, leaf, policy) = (entry(".tlog-proof"), entry(".leaf"), entry(".policy"));
    push(text, format_args!("names {} {leaf}\n", paper.entry("header.bin")));
    push(text, format_args!("python3 verify_proof.py {proof} {leaf} {policy}\n"));
    if let (Ok((_, log)), Ok((at, cosigners))) = (&logged.included, &logged.cosigned) {
        let owners = std::iter::once((keeper, log)).chain(cosigners.iter().map(|key| (cosigner, key)));
        for (ministry, key) in owners {
            push(text, format_args!("{}\n", announced_command(whole, ministry, key, *at)));
        }
    }
}

/// The key of a policy is one that the ministry announced: its text stands in the record.
fn announced_command(whole: &Whole<'_>, ministry: &Ministry, key: &VerifierKey, at: Timestamp) -> String {
    let bundle = whole.standings.of(ministry).and_then(|standing| {
        let announced = standing.announced_at(key, at);
        standing.in_force(announced.unwrap_or(at))
    });
    let sequence = bundle.map_or(0, |bundle| bundle.bundle().content().sequence);
    let vkey = key.to_string();
    let material = vkey.splitn(3, '+').nth(2).unwrap_or_default();
    format!("grep -aqF '{material}' {}.record.bin", record_stem(whole, ministry, sequence))
}

fn disclosure_commands(text: &mut String, paper: &Paper, at: Timestamp) {
    let Some(disclosure) = paper.disclosed() else { return };
    let dispatch = paper.entry("disclosed/dispatch.bin");
    let expected = &disclosure.dispatch.dispatch().authentications;
    for (number, authentication) in (1..).zip(expected) {
        let signature = paper.entry(&contents::authentication_name(number));
        let ministry = authentication.credential.ministry();
        push(text, format_args!("{}\n", openssl(&signature, &dispatch, ministry, at)));
    }
    for document in paper.keys.keys().filter_map(|part| disclosure.document(*part)) {
        let name = super::disclosure::document_name(document);
        push(text, format_args!("names {} {dispatch}\n", paper.entry(&format!("disclosed/{name}"))));
    }
}

/// What the disclosed keys open is what is shown.
fn opening_commands(text: &mut String, paper: &Paper) {
    let Some(disclosure) = paper.disclosed() else { return };
    for part in paper.keys.keys() {
        let [key, sealed] =
            [contents::key_name(*part), contents::part_name(*part)].map(|name| paper.entry(&name));
        let opened = format!("{}-{part}.opened", paper.reference());
        push(text, format_args!("node open_part.mjs {key} {sealed} {opened}\n"));
        match disclosure.document(*part) {
            Some(document) => {
                let name = format!("disclosed/{}", super::disclosure::document_name(document));
                push(text, format_args!("cmp {opened} {}\n", paper.entry(&name)));
            }
            None => push(text, format_args!("holds {opened} {}\n", paper.entry("disclosed/dispatch.bin"))),
        }
    }
}
