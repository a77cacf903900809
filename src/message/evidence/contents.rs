//! Which entries an evidence file has, in which order, and what is in them. The writer writes this list and the
//! verifier demands it, entry by entry and byte by byte; so nothing can be added, removed or changed.

use super::disclosure::document_name;
use super::guide;
use super::log::{Logged, Proofs};
use super::paper::{self, Paper};
use super::standing::Standings;
use crate::message::receipt::Receipt;
use crate::time::Timestamp;
use crate::trust::name::Ministry;
use std::collections::BTreeMap;

/// An entry that an evidence file must have.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its name.
    pub(super) name: String,
    /// What is in it.
    pub(super) content: Content,
}

/// What is in an entry.
#[derive(Debug)]
pub(super) enum Content {
    /// Exactly these bytes.
    Bytes(Vec<u8>),
    /// A sealed part of a message, both by number.
    Part(usize, usize),
    /// The document in a sealed part of a message, both by number.
    Document(usize, usize),
}

/// Everything an evidence file consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<'a> {
    /// The ministries.
    pub(super) standings: &'a Standings,
    /// The messages.
    pub(super) papers: &'a [Paper],
    /// What the receipts of each message prove.
    pub(super) proofs: &'a [Proofs],
    /// The bundles that are needed, with the first instant at which each is.
    pub(super) used: &'a BTreeMap<(Ministry, u64), Timestamp>,
}

impl Whole<'_> {
    /// All entries in order.
    pub(super) fn entries(&self) -> Vec<Planned> {
        let trust = self.trust_entries();
        let messages: Vec<Vec<Planned>> = (0..)
            .zip(self.papers.iter().zip(self.proofs))
            .map(|(number, (paper, proofs))| message_entries(number, paper, proofs))
            .collect();
        let mut entries = vec![
            planned(README, guide::readme(self).into_bytes()),
            planned(MANIFEST, guide::manifest(self, &messages).into_bytes()),
            planned("verify_proof.py", guide::VERIFY_PROOF.as_bytes().to_vec()),
            planned("open_part.mjs", guide::OPEN_PART.as_bytes().to_vec()),
        ];
        entries.extend(trust);
        entries.extend(messages.into_iter().flatten());
        entries
    }

    fn trust_entries(&self) -> Vec<Planned> {
        let mut entries = Vec::new();
        for (ministry, standing) in self.standings.iter() {
            entries.push(planned(root_name(ministry), guide::pem(standing.root()).into_bytes()));
            let newest = standing.bundles().last().map(|bundle| bundle.bundle().content().sequence);
            for bundle in standing.bundles() {
                let sequence = bundle.bundle().content().sequence;
                let stem = bundle_stem(ministry, sequence, newest);
                entries.push(planned(format!("{stem}{BUNDLE}"), bundle.to_bytes()));
                entries.push(planned(format!("{stem}.record.bin"), bundle.record().to_vec()));
                entries.push(planned(format!("{stem}.record.p7s"), bundle.signature().to_vec()));
            }
        }
        entries
    }
}

/// Names of the entries that guide a reader.
pub(super) const README: &str = "README.txt";
/// The list of everything.
pub(super) const MANIFEST: &str = "manifest.json";
/// Where bundles stand, and how their names end.
pub(super) const TRUST: &str = "trust/";
/// How the names of bundles end.
pub(super) const BUNDLE: &str = ".bundle";

/// The entry of a root certificate.
pub(super) fn root_name(ministry: &Ministry) -> String {
    format!("{TRUST}{ministry}.root.pem")
}

/// The beginning of the names of a bundle's entries; earlier bundles of a ministry bear their number.
pub(super) fn bundle_stem(ministry: &Ministry, sequence: u64, newest: Option<u64>) -> String {
    if newest == Some(sequence) {
        format!("{TRUST}{ministry}")
    } else {
        format!("{TRUST}{ministry}.{sequence}")
    }
}

fn planned(name: impl Into<String>, bytes: Vec<u8>) -> Planned {
    Planned { name: name.into(), content: Content::Bytes(bytes) }
}

fn message_entries(message: usize, paper: &Paper, proofs: &Proofs) -> Vec<Planned> {
    let reference = paper.reference();
    let name = |name: &str| paper::entry_of(&reference, name);
    let mut entries = vec![
        planned(name("header.bin"), paper.header.bytes().to_vec()),
        planned(name("header.p7s"), paper.signature.clone()),
    ];
    for part in 0..paper.header.parts().len() {
        entries.push(Planned { name: name(&part_name(part)), content: Content::Part(message, part) });
    }
    entries.extend(receipt_entries(&reference, "sent", &paper.sent, &proofs.sent));
    entries.extend(receipt_entries(&reference, paper.answer_kind.word(), &paper.answer, &proofs.answer));
    entries.extend(disclosed_entries(message, paper, name));
    entries
}

/// The entry of a sealed part, below its message.
pub(super) fn part_name(part: usize) -> String {
    format!("parts/{part}.age")
}

/// The entry of a disclosed key, below its message.
pub(super) fn key_name(part: usize) -> String {
    format!("disclosed/{part}.key")
}

fn receipt_entries(reference: &str, stem: &str, receipt: &Receipt, logged: &Logged) -> [Planned; 3] {
    let name = |ending: &str| paper::entry_of(reference, &format!("{stem}{ending}"));
    // Where the receipt proves nothing that was said in its own check; any policy is a wrong one.
    let policy = logged.policy().unwrap_or_default();
    [
        planned(name(".leaf"), receipt.leaf_bytes().to_vec()),
        planned(name(".tlog-proof"), receipt.proof().to_string().into_bytes()),
        planned(name(".policy"), policy.into_bytes()),
    ]
}

fn disclosed_entries(message: usize, paper: &Paper, name: impl Fn(&str) -> String) -> Vec<Planned> {
    let Some(disclosure) = paper.disclosed() else { return Vec::new() };
    let key = |(part, key): (&usize, &crate::message::seal::FileKey)| {
        planned(name(&key_name(*part)), format!("{}\n", *key.hex()).into_bytes())
    };
    let mut entries: Vec<Planned> = paper.keys.iter().map(key).collect();
    entries.push(planned(name("disclosed/dispatch.bin"), disclosure.dispatch.bytes().to_vec()));
    for (number, p7s) in (1..).zip(disclosure.dispatch.authentications()) {
        entries.push(planned(name(&authentication_name(number)), p7s.clone()));
    }
    for part in paper.keys.keys() {
        if let Some(document) = disclosure.document(*part) {
            let name = name(&format!("disclosed/{}", document_name(document)));
            entries.push(Planned { name, content: Content::Document(message, *part) });
        }
    }
    entries
}

/// The entry of an authentication of the disclosed dispatch, counted from 1, below its message.
pub(super) fn authentication_name(number: usize) -> String {
    format!("disclosed/authentication-{number}.p7s")
}
