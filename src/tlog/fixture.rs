//! Keys from seeds and damage to texts, for the tests of this room.

use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::time::Timestamp;

use super::checkpoint::Checkpoint;
use super::cosignature::{self, cosign};
use super::merkle::{Tree, leaf_hash};
use super::signed_note::{Note, NoteSigner};
use super::tlog_proof::TlogProof;
use super::verifier_key::{KeyKind, KeyName, VerifierKey};

/// A key whose seed is one repeated byte.
#[derive(Debug)]
pub(super) struct SeedSigner(Ed25519KeyPair);

impl SeedSigner {
    pub(super) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }
}

impl NoteSigner for SeedSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

pub(super) fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

pub(super) fn log_key(signer: &SeedSigner, name: &KeyName) -> VerifierKey {
    VerifierKey { name: name.clone(), kind: KeyKind::Log, public_key: signer.public_key() }
}

pub(super) fn cosigner_key(signer: &SeedSigner, name: &KeyName) -> VerifierKey {
    VerifierKey { name: name.clone(), kind: KeyKind::Cosigner, public_key: signer.public_key() }
}

/// Calls `check` with every text that is one bit away from `text` or a beginning of it. What is no UTF-8
/// cannot even be handed over.
pub(super) fn each_flip_and_truncation(text: &str, check: impl Fn(&str)) {
    for place in 0..text.len() {
        if let Some(beginning) = text.get(..place) {
            check(beginning);
        }
        for bit in 0..8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            if let Ok(damaged) = std::str::from_utf8(&bytes) {
                check(damaged);
            }
        }
    }
}

/// A receipt as a gateway would give it, with all that is needed to check it.
pub(super) struct Receipt {
    pub(super) leaf: Vec<u8>,
    pub(super) proof: String,
    pub(super) origin: KeyName,
    /// Announced without the origin, as a bundle does.
    pub(super) log: VerifierKey,
    pub(super) cosigner: VerifierKey,
}

/// The receipt for leaf `index` in a log of `size` leaves, cosigned by one peer.
pub(super) fn receipt(index: u64, size: u64, at: Timestamp) -> Receipt {
    let (log, peer) = (SeedSigner::new(1), SeedSigner::new(2));
    let origin = name("mfa.xa.example/chancery/xb/2026");
    let cosigner = name("mfa.xb.example/chancery/cosigner");
    let leaf = |number: u64| format!("entry {number}").into_bytes();
    let mut tree = Tree::new();
    (0..size).for_each(|number| tree.push(leaf_hash(&leaf(number))));
    let checkpoint = Checkpoint { origin: origin.clone(), size, root: tree.root() };
    let note = Note::parse(&checkpoint.sign(&log)).unwrap();
    let cosigner_key = cosigner_key(&peer, &cosigner);
    let note = cosignature::attach(&note, &cosign(&checkpoint, &cosigner, &peer, at), &cosigner_key).unwrap();
    Receipt {
        leaf: leaf(index),
        proof: TlogProof::prove(index, note, &tree).unwrap().to_string(),
        log: log_key(&log, &name("mfa.xa.example/chancery")),
        origin,
        cosigner: cosigner_key,
    }
}
