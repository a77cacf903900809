//! `Receipt`: the answer of a gateway, which is a proof and not a promise: the exact leaf, its inclusion path
//! and a checkpoint of the log signed by the gateway that answers. Cosignatures are added to the checkpoint.

use crate::canonical;
use crate::limits;
use crate::message::leaf::{Leaf, LeafMessage};
use crate::message::refusal::{Reason, Refusal};
use crate::proto::message::v1 as wire;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::tlog_proof::TlogProof;
use crate::tlog::verifier_key::{KeyName, VerifierKey};
use prost::Message as _;

/// A leaf with the proof that a log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    leaf_bytes: Vec<u8>,
    leaf: Leaf,
    proof: TlogProof,
}

impl Receipt {
    /// Joins exact leaf bytes and their proof.
    pub fn compose(leaf_bytes: Vec<u8>, proof: TlogProof) -> Result<Self, Refusal> {
        let leaf = Leaf::parse(&leaf_bytes)?;
        Ok(Self { leaf_bytes, leaf, proof })
    }

    /// Parses exact receipt bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let record: wire::Receipt = canonical::decode(bytes, limits::RECEIPT_BYTES_MAX)?;
        let proof = TlogProof::parse(&record.proof)
            .map_err(|cause| Refusal::new(Reason::ProofInvalid, cause.to_string()))?;
        Self::compose(record.leaf, proof)
    }

    /// The exact bytes.
    pub fn encode(&self) -> Vec<u8> {
        wire::Receipt { leaf: self.leaf_bytes.clone(), proof: self.proof.to_string() }.encode_to_vec()
    }

    /// Verifies that the log `origin` of `log_key` holds the leaf, under a checkpoint signed by that key.
    pub fn verify(&self, origin: &KeyName, log_key: &VerifierKey) -> Result<Checkpoint, Refusal> {
        self.proof
            .verify(&self.leaf_bytes, origin, log_key)
            .map_err(|cause| Refusal::new(Reason::ProofInvalid, cause.to_string()))
    }

    /// Verifies that the leaf is in the tree of a checkpoint whose signature was verified before.
    pub fn verify_under(&self, believed: &Checkpoint) -> Result<(), Refusal> {
        self.proof
            .verify_under(&self.leaf_bytes, believed)
            .map_err(|cause| Refusal::new(Reason::ProofInvalid, cause.to_string()))
    }

    /// Verifies besides that the leaf is about `message` and no other.
    pub fn verify_about(
        &self,
        message: &LeafMessage,
        origin: &KeyName,
        log_key: &VerifierKey,
    ) -> Result<Checkpoint, Refusal> {
        if self.leaf.message.as_ref() != Some(message) {
            return Err(Refusal::new(Reason::ProofInvalid, "the receipt is about another message"));
        }
        self.verify(origin, log_key)
    }

    /// What the leaf says.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The exact leaf bytes.
    pub fn leaf_bytes(&self) -> &[u8] {
        &self.leaf_bytes
    }

    /// The proof.
    pub fn proof(&self) -> &TlogProof {
        &self.proof
    }
}

#[cfg(test)]
mod tests;
