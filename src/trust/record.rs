//! A record with its detached signature: the form in which bundles and policies travel and rest.
//!
//! The exact bytes of both are kept and never encoded again.

use prost::Message;

use crate::canonical::{self, NotCanonical};
use crate::digest::Digest;
use crate::limits::SIGNED_FILE_BYTES_MAX;
use crate::proto::trust::v1 as wire;
use crate::time::Timestamp;

use super::signature::{self, Signer, SigningFault};

/// The bytes of a record and of the signature over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedRecord {
    pub(super) record: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl SignedRecord {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let wire::SignedRecord { record, signature } = canonical::decode(bytes, SIGNED_FILE_BYTES_MAX)?;
        Ok(Self { record, signature })
    }

    pub(super) fn sign(record: Vec<u8>, signer: &dyn Signer, at: Timestamp) -> Result<Self, SigningFault> {
        let signature = signature::sign(&record, signer, at)?;
        Ok(Self { record, signature })
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.record)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        wire::SignedRecord { record: self.record.clone(), signature: self.signature.clone() }.encode_to_vec()
    }
}
