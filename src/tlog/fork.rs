//! Proof of a fork: two checkpoints of one log, both signed by its keeper, that cannot both be true.
//!
//! Notes enter; a text leaves that anybody checks offline with the keeper's log key. Where the sizes differ, a
//! consistency proof shows which root the later tree has at the earlier size; where they are equal it is empty.
//! Whoever shows such a text accuses the keeper of the log, nobody else: no signature of the witness is needed.

use std::fmt;

use super::base64;
use super::checkpoint::Checkpoint;
use super::merkle::TreeHead;
use super::proof;
use super::signed_note::Note;
use super::verifier_key::{KeyName, VerifierKey};
use crate::digest::Digest;
use crate::limits::{FORK_PROOF_BYTES_MAX, PATH_HASHES_MAX};

const FIRST_LINE: &str = "chancery/fork-proof/v1";

/// Two signed checkpoints that contradict each other. Prints as the text of the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkProof {
    first: Note,
    second: Note,
    root: Digest,
    path: Vec<Digest>,
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The log.
    pub origin: KeyName,
    /// Size at which its keeper signed two roots.
    pub size: u64,
    /// One root.
    pub signed: Digest,
    /// The other one.
    pub contradicted: Digest,
    /// The key that signed the first checkpoint.
    pub key: VerifierKey,
}

/// Why a text proves no fork.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkRefused {
    /// Not a text of this form.
    #[error("the text is not a fork proof of format version 1")]
    Malformed,
    /// The two checkpoints are of two logs, or can both be true, or the hashes do not join them.
    #[error("the two checkpoints do not contradict each other")]
    NoContradiction,
    /// A signature is wrong.
    #[error("a checkpoint of the proof does not bear its log's signature")]
    Signature,
    /// No key is known that speaks for this log.
    #[error("no key that is believed speaks for the log {0}")]
    Untrusted(KeyName),
}

impl ForkRefused {
    /// Stable code of the refusal.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "FORK_PROOF_MALFORMED",
            Self::NoContradiction => "FORK_PROOF_NO_CONTRADICTION",
            Self::Signature => "FORK_PROOF_SIGNATURE",
            Self::Untrusted(_) => "FORK_PROOF_UNTRUSTED",
        }
    }
}

impl ForkProof {
    /// Joins two checkpoints of one log, the smaller first. `root` is the one that the tree of `second` has at
    /// the size of `first`, as `path` proves.
    pub fn new(first: Note, second: Note, root: Digest, path: Vec<Digest>) -> Self {
        Self { first, second, root, path }
    }

    /// Parses the text strictly.
    pub fn parse(text: &str) -> Result<Self, ForkRefused> {
        let parsed = || {
            let mut sections = text.split("\ncheckpoint\n");
            let (head, first, second) = (sections.next()?, sections.next()?, sections.next()?);
            let mut lines = head.lines();
            let (named, root) = (lines.next()?, lines.next()?.strip_prefix("root ")?);
            let path = lines.map(|line| hash(line.strip_prefix("path ")?)).collect::<Option<Vec<_>>>()?;
            let (first, second) = (Note::parse(&format!("{first}\n")).ok()?, Note::parse(second).ok()?);
            let proof = Self { first, second, root: hash(root)?, path };
            let fits =
                named == FIRST_LINE && sections.next().is_none() && proof.path.len() <= PATH_HASHES_MAX;
            fits.then_some(proof)
        };
        let parsed = if text.len() > FORK_PROOF_BYTES_MAX { None } else { parsed() };
        // Printing it again shows every second spelling.
        parsed.filter(|proof| proof.to_string() == text).ok_or(ForkRefused::Malformed)
    }

    /// Judges the proof by the log keys of believed bundles, each under its announced name.
    pub fn judge(&self, keys: &[VerifierKey]) -> Result<Fork, ForkRefused> {
        let heads = (Checkpoint::parse(self.first.text()), Checkpoint::parse(self.second.text()));
        let (Ok(first), Ok(second)) = heads else { return Err(ForkRefused::Malformed) };
        if first.origin != second.origin || first.size == 0 || first.root == self.root {
            return Err(ForkRefused::NoContradiction);
        }
        let beginning = TreeHead { size: first.size, root: self.root };
        proof::verify_consistency(&beginning, &second.head(), &self.path)
            .map_err(|_| ForkRefused::NoContradiction)?;
        let key = signer(&self.first, &first.origin, keys)?;
        signer(&self.second, &first.origin, keys)?;
        let Checkpoint { origin, size, root } = first;
        Ok(Fork { origin, size, signed: root, contradicted: self.root, key })
    }
}

/// The key that speaks for the log and has signed the note.
fn signer(note: &Note, origin: &KeyName, keys: &[VerifierKey]) -> Result<VerifierKey, ForkRefused> {
    let speaks = |key: &&VerifierKey| origin.as_str().starts_with(&format!("{}/", key.name));
    let named = keys.iter().filter(speaks).map(|key| key.with_name(origin.clone()));
    let mut known = named.filter(|key| note.line_of(key).is_some()).peekable();
    if known.peek().is_none() {
        return Err(ForkRefused::Untrusted(origin.clone()));
    }
    known.find(|key| note.verify(key).is_ok()).ok_or(ForkRefused::Signature)
}

fn hash(text: &str) -> Option<Digest> {
    Digest::from_slice(&base64::decode(text)?).ok()
}

impl fmt::Display for ForkProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nroot {}", base64::encode(self.root.as_bytes()))?;
        self.path.iter().try_for_each(|hash| writeln!(f, "path {}", base64::encode(hash.as_bytes())))?;
        write!(f, "checkpoint\n{}checkpoint\n{}", self.first, self.second)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{SeedSigner, each_flip_and_truncation, log_key, name};
    use super::super::merkle::{self, Tree};
    use super::*;
    use crate::limits::NOTE_BYTES_MAX;

    fn tree(leaves: &[u8]) -> Tree {
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(merkle::leaf_hash(&[*leaf])));
        tree
    }

    fn note(signer: &SeedSigner, origin: &str, size: usize, leaves: &[u8]) -> Note {
        let root = tree(&leaves[..size]).root();
        let checkpoint = Checkpoint { origin: name(origin), size: size as u64, root };
        Note::parse(&checkpoint.sign(signer)).unwrap()
    }

    const LOG: &str = "mfa.xa.example/chancery/xb/2026";

    /// What whoever holds `held` makes of a checkpoint over the beginning of `shown`.
    fn accuse(shown: &[u8], at: usize, held: &[u8]) -> ForkProof {
        let signer = SeedSigner::new(1);
        let path = proof::prove_consistency(at as u64, held.len() as u64, &tree(held)).unwrap();
        let root = tree(&held[..at]).root();
        ForkProof::new(note(&signer, LOG, at, shown), note(&signer, LOG, held.len(), held), root, path)
    }

    fn announced() -> VerifierKey {
        log_key(&SeedSigner::new(1), &name("mfa.xa.example/chancery"))
    }

    #[test]
    fn two_roots_of_one_size_or_of_two_sizes_are_proven_with_the_announced_key() {
        for at in [3, 4, 5] {
            let proof = accuse(&[1, 2, 9, 4, 5], at, &[1, 2, 3, 4, 5]);
            let read = ForkProof::parse(&proof.to_string()).unwrap();
            assert_eq!(read, proof);
            let fork = read.judge(&[announced()]).unwrap();
            assert_eq!((fork.origin.as_str(), fork.size), (LOG, at as u64));
            assert_ne!(fork.signed, fork.contradicted);
        }
    }

    /// Made by a script of a few lines that knows RFC 6962 and Ed25519, not by this code.
    #[test]
    fn a_proof_has_the_bytes_that_the_format_describes() {
        let golden = include_str!("../../tests/vectors/fork-proof.txt");
        assert_eq!(accuse(&[1, 2, 9], 3, &[1, 2, 3, 4, 5]).to_string(), golden);
        assert_eq!(ForkProof::parse(golden).unwrap().judge(&[announced()]).unwrap().size, 3);
    }

    #[test]
    fn what_can_both_be_true_is_no_fork() {
        let grown = accuse(&[1, 2, 3, 4, 5], 3, &[1, 2, 3, 4, 5]);
        assert_eq!(grown.judge(&[announced()]), Err(ForkRefused::NoContradiction));
        // The accuser invents the root instead of proving it.
        let invented = ForkProof { root: Digest::of(b"invented"), ..grown };
        assert_eq!(invented.judge(&[announced()]), Err(ForkRefused::NoContradiction));
        let signer = SeedSigner::new(1);
        let (one, other) =
            (note(&signer, LOG, 1, &[1]), note(&signer, "mfa.xa.example/chancery/xc/2026", 1, &[2]));
        let two_logs = ForkProof::new(one, other, tree(&[2]).root(), Vec::new());
        assert_eq!(two_logs.judge(&[announced()]), Err(ForkRefused::NoContradiction));
    }

    #[test]
    fn only_the_keeper_can_be_accused_and_only_by_its_own_signatures() {
        let stranger = log_key(&SeedSigner::new(2), &name("mfa.xa.example/chancery"));
        let elsewhere = log_key(&SeedSigner::new(1), &name("mfa.xb.example/chancery"));
        let true_one = accuse(&[9], 1, &[1]);
        let untrusted = Err(ForkRefused::Untrusted(name(LOG)));
        assert_eq!(true_one.judge(&[]), untrusted);
        assert_eq!(true_one.judge(&[stranger, elsewhere]), untrusted);
        // A line under the keeper's name and key id whose signature is another's.
        let forged = note(&SeedSigner::new(1), LOG, 1, &[9]).to_string();
        let honest = note(&SeedSigner::new(1), LOG, 1, &[1]);
        let text =
            forged.replace(forged.lines().nth(2).unwrap(), &base64::encode(tree(&[7]).root().as_bytes()));
        let forged = ForkProof::new(Note::parse(&text).unwrap(), honest, tree(&[1]).root(), Vec::new());
        assert_eq!(forged.judge(&[announced()]), Err(ForkRefused::Signature));
    }

    #[test]
    fn every_bit_flip_and_truncation_of_a_proof_proves_nothing() {
        let text = accuse(&[1, 9, 3], 2, &[1, 2, 3]).to_string();
        each_flip_and_truncation(&text, |damaged| {
            let judged = ForkProof::parse(damaged).and_then(|proof| proof.judge(&[announced()]));
            assert!(judged.is_err(), "{damaged}");
        });
    }

    #[test]
    fn the_longest_proof_is_read_and_nothing_longer() {
        let padded = |note: &Note, length: usize| {
            let text = note.to_string();
            let line = |bytes: usize| format!("\u{2014} pq {}\n", base64::encode(&vec![7; bytes]));
            let bytes = (length - text.len() - line(0).len()) / 4 * 3;
            let note = format!("{text}{}", line(bytes));
            assert!((length - 4..=length).contains(&note.len()));
            Note::parse(&note).unwrap()
        };
        let ForkProof { first, second, root, .. } = accuse(&[1, 9], 2, &[1, 2, 3]);
        let (first, second) = (padded(&first, NOTE_BYTES_MAX), padded(&second, NOTE_BYTES_MAX));
        let of_hashes = |count: usize| {
            ForkProof::new(first.clone(), second.clone(), root, vec![Digest::of(b"hash"); count]).to_string()
        };
        let most = of_hashes(PATH_HASHES_MAX);
        assert!(most.len() <= FORK_PROOF_BYTES_MAX);
        assert_eq!(ForkProof::parse(&most).unwrap().to_string(), most);
        assert_eq!(ForkProof::parse(&of_hashes(PATH_HASHES_MAX + 1)), Err(ForkRefused::Malformed));
        let long = "x".repeat(FORK_PROOF_BYTES_MAX + 1);
        assert_eq!(ForkProof::parse(&long).unwrap_err().reason(), "FORK_PROOF_MALFORMED");
    }

    proptest! {
        #[test]
        fn a_log_that_only_grew_is_never_accused_and_one_that_changed_always(
            leaves in proptest::collection::vec(any::<u8>(), 1..40),
            at: proptest::sample::Index,
            change: proptest::sample::Index,
        ) {
            let at = at.index(leaves.len()) + 1;
            let mut other = leaves.clone();
            prop_assert!(accuse(&other, at, &leaves).judge(&[announced()]).is_err());
            other[change.index(at)] ^= 1;
            let proof = ForkProof::parse(&accuse(&other, at, &leaves).to_string()).unwrap();
            prop_assert_eq!(proof.judge(&[announced()]).unwrap().size, at as u64);
        }
    }
}
