//! C2SP tlog-proof: a proof of inclusion that is checked without the log (c2sp.org/tlog-proof).
//!
//! One text holds the index of an entry, its inclusion path and the signed checkpoint with its
//! cosignatures: the receipt of a gateway. The entry's bytes and the trusted keys enter beside it.

use std::fmt;

use crate::digest::Digest;
use crate::limits::{LOG_PROOF_BYTES_MAX, PATH_HASHES_MAX};
use crate::time::Timestamp;

use super::base64;
use super::checkpoint::{Checkpoint, CheckpointRefused};
use super::cosignature::{self, CosignatureRefused};
use super::merkle::{NodeReader, leaf_hash};
use super::proof::{ProofRefused, prove_inclusion, verify_inclusion};
use super::signed_note::{MalformedNote, Note};
use super::verifier_key::{KeyName, VerifierKey};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A parsed proof, not verified. Prints as the text it was parsed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nobody signed; usually empty, and then without a line.
    pub extra: Vec<u8>,
    /// Index of the entry, from zero.
    pub index: u64,
    /// Hashes from the entry's sibling up to the root's child.
    pub path: Vec<Digest>,
    /// The log's checkpoint with all its signature lines.
    pub checkpoint: Note,
}

/// Why a text is not a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedTlogProof {
    /// Longer than any proof of ours.
    #[error("the proof of inclusion has {0} bytes, more than {LOG_PROOF_BYTES_MAX}")]
    TooLong(usize),
    /// A line before the checkpoint is missing, superfluous or spelt differently.
    #[error("line {0} of the proof of inclusion is malformed")]
    Line(usize),
    /// The checkpoint is no signed note.
    #[error(transparent)]
    Note(#[from] MalformedNote),
}

impl MalformedTlogProof {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "TLOG_PROOF_TOO_LONG",
            Self::Line(_) => "TLOG_PROOF_MALFORMED",
            Self::Note(note) => note.reason(),
        }
    }
}

/// Why a proof is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofRefused {
    /// The log did not sign this checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
    /// The entry is not in the log.
    #[error(transparent)]
    Inclusion(#[from] ProofRefused),
}

impl TlogProofRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Checkpoint(checkpoint) => checkpoint.reason(),
            Self::Inclusion(proof) => proof.reason(),
        }
    }
}

/// A cosigner whose cosignature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The cosigner's key.
    pub by: VerifierKey,
    /// When it cosigned.
    pub at: Timestamp,
}

impl TlogProof {
    /// Proves entry `index` under a checkpoint that the log signed; nothing if the entry lies beyond it or
    /// a node is missing.
    pub fn prove(index: u64, checkpoint: Note, reader: &dyn NodeReader) -> Option<Self> {
        let size = Checkpoint::parse(checkpoint.text()).ok()?.size;
        Some(Self { extra: Vec::new(), index, path: prove_inclusion(index, size, reader)?, checkpoint })
    }

    /// Parses a proof strictly.
    pub fn parse(text: &str) -> Result<Self, MalformedTlogProof> {
        if text.len() > LOG_PROOF_BYTES_MAX {
            return Err(MalformedTlogProof::TooLong(text.len()));
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(MalformedTlogProof::Line(1))?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
            return Err(MalformedTlogProof::Line(1));
        }
        let mut extra = Vec::new();
        if let Some((number, data)) =
            lines.peek().and_then(|(n, line)| Some((*n, line.strip_prefix("extra ")?)))
        {
            extra = decode_extra(data).ok_or(MalformedTlogProof::Line(number))?;
            lines.next();
        }
        let (number, line) = lines.next().ok_or(MalformedTlogProof::Line(2))?;
        let index = decode_index(line).ok_or(MalformedTlogProof::Line(number))?;
        let mut path = Vec::new();
        for (number, line) in lines {
            let hash = decode_hash(line).filter(|_| path.len() < PATH_HASHES_MAX);
            path.push(hash.ok_or(MalformedTlogProof::Line(number))?);
        }
        Ok(Self { extra, index, path, checkpoint: Note::parse(checkpoint)? })
    }

    /// Believes the proof if the log `origin`, whose key is announced under whatever name, signed the
    /// checkpoint and the leaf is the entry at `index`.
    pub fn verify(
        &self,
        leaf: &[u8],
        origin: &KeyName,
        log: &VerifierKey,
    ) -> Result<Checkpoint, TlogProofRefused> {
        let checkpoint = Checkpoint::of_note(&self.checkpoint, &log.with_name(origin.clone()))?;
        verify_inclusion(&leaf_hash(leaf), self.index, &self.path, &checkpoint.head())?;
        Ok(checkpoint)
    }

    /// The same under a checkpoint that was believed before: the text of this proof must state exactly it.
    pub fn verify_under(&self, leaf: &[u8], believed: &Checkpoint) -> Result<(), TlogProofRefused> {
        let stated = Checkpoint::parse(self.checkpoint.text())?;
        if stated != *believed {
            return Err(ProofRefused::Root.into());
        }
        Ok(verify_inclusion(&leaf_hash(leaf), self.index, &self.path, &believed.head())?)
    }

    /// Which of the known cosigners cosigned the checkpoint. One that did not is left out; a wrong line
    /// under a known key refuses the whole proof, as the specification advises.
    pub fn cosigners(&self, known: &[VerifierKey]) -> Result<Vec<Cosigned>, CosignatureRefused> {
        let mut cosigned = Vec::new();
        for key in known {
            match cosignature::verify(&self.checkpoint, key) {
                Ok(at) => cosigned.push(Cosigned { by: key.clone(), at }),
                Err(CosignatureRefused::Missing(_)) => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(cosigned)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", base64::encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", base64::encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

fn decode_extra(data: &str) -> Option<Vec<u8>> {
    base64::decode(data).filter(|extra| !extra.is_empty())
}

fn decode_index(line: &str) -> Option<u64> {
    let digits = line.strip_prefix("index ")?;
    // A sign or leading zeros would be a second spelling.
    digits.parse().ok().filter(|index: &u64| index.to_string() == digits)
}

fn decode_hash(line: &str) -> Option<Digest> {
    Digest::from_slice(&base64::decode(line)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{SeedSigner, cosigner_key, each_flip_and_truncation, log_key, name, receipt};
    use super::super::merkle::Tree;
    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn a_proof_holds_under_a_believed_checkpoint_as_it_does_under_its_signature() {
        let good = receipt(777, 1000, NOON);
        let proof = TlogProof::parse(&good.proof).unwrap();
        let believed = proof.verify(&good.leaf, &good.origin, &good.log).unwrap();
        assert_eq!(proof.verify_under(&good.leaf, &believed), Ok(()));
        assert!(proof.verify_under(b"another leaf", &believed).is_err());
        let others = [
            Checkpoint { size: 1001, ..believed.clone() },
            Checkpoint { root: Digest::of(b"another"), ..believed.clone() },
            Checkpoint { origin: name("another.example"), ..believed.clone() },
        ];
        for other in others {
            assert!(proof.verify_under(&good.leaf, &other).is_err(), "{other:?}");
        }
        each_flip_and_truncation(&good.proof, |damaged| {
            let Ok(proof) = TlogProof::parse(damaged) else { return };
            let signed = proof.verify(&good.leaf, &good.origin, &good.log).is_ok();
            // Only what the signature lines say may differ: they were verified with the believed checkpoint.
            let text = proof.checkpoint.text() == TlogProof::parse(&good.proof).unwrap().checkpoint.text();
            let held = proof.verify_under(&good.leaf, &believed).is_ok();
            assert!(held == signed || (held && text), "{damaged}");
        });
    }

    #[test]
    fn a_receipt_proves_its_leaf_and_names_its_cosigners() {
        let receipt = receipt(777, 1000, NOON);
        let proof = TlogProof::parse(&receipt.proof).unwrap();
        assert_eq!(proof.to_string(), receipt.proof);
        let checkpoint = proof.verify(&receipt.leaf, &receipt.origin, &receipt.log).unwrap();
        assert_eq!((&checkpoint.origin, checkpoint.size), (&receipt.origin, 1000));
        let absent = cosigner_key(&SeedSigner::new(9), &name("absent.example"));
        let cosigned = proof.cosigners(&[absent, receipt.cosigner.clone()]).unwrap();
        assert_eq!(cosigned, [Cosigned { by: receipt.cosigner, at: NOON }]);
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_proof_is_refused() {
        let receipt = receipt(5, 7, NOON);
        let accepted = |text: &str, leaf: &[u8]| {
            let Ok(proof) = TlogProof::parse(text) else { return false };
            let cosigned = proof.cosigners(std::slice::from_ref(&receipt.cosigner));
            proof.verify(leaf, &receipt.origin, &receipt.log).is_ok()
                && cosigned.is_ok_and(|list| list.len() == 1)
        };
        assert!(accepted(&receipt.proof, &receipt.leaf));
        each_flip_and_truncation(&receipt.proof, |damaged| {
            assert!(!accepted(damaged, &receipt.leaf), "{damaged}")
        });
        let leaf = String::from_utf8(receipt.leaf.clone()).unwrap();
        each_flip_and_truncation(&leaf, |damaged| assert!(!accepted(&receipt.proof, damaged.as_bytes())));
    }

    #[test]
    fn a_proof_of_another_log_of_the_same_key_is_refused() {
        let receipt = receipt(5, 7, NOON);
        let proof = TlogProof::parse(&receipt.proof).unwrap();
        let elsewhere = name("mfa.xa.example/chancery/xc/2026");
        let refused = proof.verify(&receipt.leaf, &elsewhere, &receipt.log).unwrap_err();
        assert_eq!(refused.reason(), "NOTE_SIGNATURE_MISSING");
        let other = log_key(&SeedSigner::new(9), &receipt.origin);
        assert!(proof.verify(&receipt.leaf, &receipt.origin, &other).is_err());
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = receipt(5, 7, NOON).proof;
        let hash = good.lines().nth(2).unwrap().to_owned();
        for (from, to) in [
            ("index 5\n", "index 05\n"),
            ("index 5\n", "index +5\n"),
            ("index 5\n", "index  5\n"),
            ("index 5\n", "index 18446744073709551616\n"),
            ("index 5\n", ""),
            ("index 5\n", "index 5\nindex 5\n"),
            ("index 5\n", "extra \nindex 5\n"),
            ("index 5\n", "extra AB==\nindex 5\n"),
            ("index 5\n", "extra AAQ=AgAg\nindex 5\n"),
            ("index 5\n", "extra AA==\nextra AA==\nindex 5\n"),
            ("index 5\n", "index 5\nextra AA==\n"),
            ("index 5\n", "index 5\nAA==\n"),
            ("@v1\n", "@v2\n"),
            ("@v1\n", "@v1\n\n"),
            (hash.as_str(), &hash.replace('=', "")),
            ("\n", "\r\n"),
        ] {
            let text = good.replacen(from, to, if from == "\n" { usize::MAX } else { 1 });
            assert_ne!(text, good);
            assert_eq!(TlogProof::parse(&text).unwrap_err().reason(), "TLOG_PROOF_MALFORMED", "{text}");
        }
    }

    #[test]
    fn a_proof_has_at_most_so_many_hashes_and_bytes() {
        let good = TlogProof::parse(&receipt(0, 1, NOON).proof).unwrap();
        let hashes =
            |count: usize| TlogProof { path: vec![Digest::of(b"hash"); count], ..good.clone() }.to_string();
        assert_eq!(TlogProof::parse(&hashes(PATH_HASHES_MAX)).unwrap().path.len(), PATH_HASHES_MAX);
        let beyond = PATH_HASHES_MAX + 1;
        // The first line names the format and the second one the index.
        assert_eq!(TlogProof::parse(&hashes(beyond)), Err(MalformedTlogProof::Line(2 + beyond)));
        let most = "x".repeat(LOG_PROOF_BYTES_MAX);
        assert_eq!(TlogProof::parse(&most), Err(MalformedTlogProof::Line(1)), "it is looked at");
        let long = TlogProof::parse(&format!("{most}x")).unwrap_err();
        assert_eq!(
            (&long, long.reason()),
            (&MalformedTlogProof::TooLong(most.len() + 1), "TLOG_PROOF_TOO_LONG")
        );
    }

    #[test]
    fn an_entry_beyond_the_checkpoint_cannot_be_proven() {
        let proof = TlogProof::parse(&receipt(0, 1, NOON).proof).unwrap();
        assert_eq!(TlogProof::prove(1, proof.checkpoint, &Tree::new()), None);
    }

    #[test]
    fn the_proof_of_the_only_entry_has_no_hashes() {
        let receipt = receipt(0, 1, NOON);
        let proof = TlogProof::parse(&receipt.proof).unwrap();
        assert_eq!(proof.path, []);
        assert!(proof.verify(&receipt.leaf, &receipt.origin, &receipt.log).is_ok());
    }

    proptest! {
        #[test]
        fn a_proof_reads_back_as_it_was_printed(
            extra in prop::collection::vec(any::<u8>(), 0..50),
            index: u64,
            path in prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::from_bytes), 0..64),
        ) {
            let checkpoint = TlogProof::parse(&receipt(0, 1, NOON).proof).unwrap().checkpoint;
            let proof = TlogProof { extra, index, path, checkpoint };
            prop_assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
        }

        #[test]
        fn no_proof_has_two_spellings(head in "(extra [AQg=]{0,8}\n)?index [0-9+]{0,4}\n([A-B=]{0,4}\n)?") {
            let note = TlogProof::parse(&receipt(0, 1, NOON).proof).unwrap().checkpoint;
            let text = format!("{FIRST_LINE}\n{head}\n{note}");
            if let Ok(proof) = TlogProof::parse(&text) {
                prop_assert_eq!(proof.to_string(), text);
            }
        }
    }
}
