//! A channel policy with its signature, as the desk hands it over and the gateway keeps it.

use crate::digest::Digest;
use crate::limits::CLOCK_SKEW_MAX;
use crate::time::Timestamp;

use super::super::anchor::Anchors;
use super::super::record::SignedRecord;
use super::super::signature::{self, Signature, Signer};
use super::{ChannelPolicy, PolicyFault, PolicyRefusal, wire};

/// A policy, the exact bytes it came in, and the signature over them. Until `verify` was asked nobody knows
/// whether to believe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPolicy {
    signed: SignedRecord,
    policy: ChannelPolicy,
}

impl SignedPolicy {
    /// Issues a policy with the registry's key.
    pub fn issue(policy: ChannelPolicy, signer: &dyn Signer, at: Timestamp) -> Result<Self, PolicyFault> {
        let record = wire::encode(&policy)?;
        Ok(Self { signed: SignedRecord::sign(record, signer, at)?, policy })
    }

    /// Parses the bytes of a `SignedRecord`.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyRefusal> {
        let SignedRecord { record, signature } = SignedRecord::parse(bytes)?;
        Self::from_parts(record, signature)
    }

    /// Takes the record and its signature apart from each other.
    pub fn from_parts(record: Vec<u8>, signature: Vec<u8>) -> Result<Self, PolicyRefusal> {
        let policy = wire::decode(&record)?;
        Ok(Self { signed: SignedRecord { record, signature }, policy })
    }

    /// The policy, believed or not.
    pub fn policy(&self) -> &ChannelPolicy {
        &self.policy
    }

    /// Digest of the record.
    pub fn digest(&self) -> Digest {
        self.signed.digest()
    }

    /// The exact bytes of the record.
    pub fn record(&self) -> &[u8] {
        &self.signed.record
    }

    /// The exact bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signed.signature
    }

    /// Record and signature as the bytes of a `SignedRecord`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signed.to_bytes()
    }

    /// Whether the registry of the policy's ministry signed it, judged by that ministry's anchors, and it is in
    /// force at `at`.
    pub fn verify(&self, anchors: &Anchors, at: Timestamp) -> Result<Signature, PolicyRefusal> {
        let signature = signature::verify(&self.signed.record, &self.signed.signature, anchors, at)?;
        signature.require_name(&self.policy.registry_name())?;
        if self.policy.issue_time() > at.after(CLOCK_SKEW_MAX) {
            return Err(PolicyRefusal::NotInForce(self.policy.issue_time()));
        }
        Ok(signature)
    }

    /// Whether this policy comes directly after `previous`. It says nothing about signatures.
    pub fn follows(&self, previous: &Self) -> Result<(), PolicyRefusal> {
        let (this, before) = (&self.policy, &previous.policy);
        let broken = if this.ministry() != before.ministry() {
            Some("it is of another ministry")
        } else if before.sequence().checked_add(1) != Some(this.sequence()) {
            Some("its sequence is not the next one")
        } else if this.issue_time() < before.issue_time() {
            Some("it was issued earlier")
        } else {
            None
        };
        broken.map_or(Ok(()), |what| Err(PolicyRefusal::Succession(what)))
    }
}
